"""What a round of expert iteration leaves on disk: answers with their verdicts, and whether the round is finished."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mathdata.identity import named_files
from mathdata.manifest import digest_of, dump_json
from mathdata.prompts import get_prompt
from mathdata.saving import atomic_write, no_link
from mathdata.trainspec import ModelSpec, TrainSpec
from mathdata.types import Frame
from trainers.launch import world

__all__ = ["Answers", "claim_rounds", "finished_round", "round_model"]

Answered = list[tuple[str, str, bool | None]]
"""The answers to one problem: text, how it finished, whether it is right; None where the judge could not tell."""


class Answers:
    """The judged answers of a round, a line for each chunk of problems: what stands there is not made again.

    Of several processes each asks for its share and writes a file of its own; all wait until everything stands there.
    """

    def __init__(self, path: Path, chunk: int) -> None:
        self.path, self.chunk = path, max(1, chunk)
        self.done: dict[str, Answered] = {}
        self._read(lambda file: whole_lines(file, mend=file == self._own(world()[0])))

    def fill(self, rows: Sequence[dict[str, Any]], ask: Callable[[Sequence[dict[str, Any]]], list[Answered]]) -> None:
        """Ask for the chunks that are missing, and put each on disk before the next one is begun."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        chunks = [rows[i : i + self.chunk] for i in range(0, len(rows), self.chunk)]
        rank, processes = world()
        with open(self._own(rank), "a", encoding="utf-8", opener=no_link) as f:
            for part in chunks[rank::processes]:
                if all(row["id"] in self.done for row in part):
                    continue
                made = {row["id"]: answers for row, answers in zip(part, ask(part))}
                f.write(json.dumps(made, ensure_ascii=False) + "\n")
                f.flush()
                self.done |= made
        while any(row["id"] not in self.done for row in rows):
            time.sleep(0.2)  # a launcher ends all processes where one of them fails
            self._read(whole_lines)

    def _own(self, rank: int) -> Path:
        return self.path if rank == 0 else self.path.with_name(f"{self.path.stem}.{rank}.jsonl")

    def _read(self, lines: Callable[[Path], list[dict[str, Any]]]) -> None:
        for file in sorted(self.path.parent.glob(f"{self.path.stem}*.jsonl")):
            for line in lines(file):
                self.done |= {row: [(t, f, ok) for t, f, ok in answers] for row, answers in line.items()}


def whole_lines(path: Path, mend: bool = False) -> list[dict[str, Any]]:
    """The lines that were written to their end; `mend` takes half a line away."""
    if not path.exists():
        return []
    whole, _, rest = path.read_bytes().rpartition(b"\n")
    if rest and mend:
        atomic_write(path, whole + b"\n" if whole else b"")
    return [json.loads(line) for line in whole.splitlines() if line]


def claim_rounds(out: Path, spec: TrainSpec, seed: int, frame: Frame, tokenizer: Any, evaluate: Any) -> None:
    """Rounds belong to one spec, seed, checkpoint and table; those of another run are taken away."""
    asked = spec.model_dump(mode="json")
    decides = [
        asked,
        seed,
        named_files(asked),
        get_prompt(spec.prompt).digest,
        digest_of([list(row) for row in frame.select("id", "problem", "solution", "answer").iter_rows()]),
        sorted(tokenizer.get_vocab().items()),
        {k: v for k, v in (evaluate or {}).items() if k != "out"},
    ]
    digest, marker = digest_of(decides), out / "rounds" / "run.json"
    while not _names(marker, digest):
        if world()[0]:
            time.sleep(0.2)  # the first process makes room for all
            continue
        shutil.rmtree(out / "rounds", ignore_errors=True)
        marker.parent.mkdir(parents=True)
        dump_json(marker, {"digest": digest})


def _names(marker: Path, digest: str) -> bool:
    try:
        return bool(json.loads(marker.read_text(encoding="utf-8"))["digest"] == digest)
    except (OSError, ValueError, KeyError):
        return False


def finished_round(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(figures, record) of a round whose manifest, written last, is there; else None."""
    try:
        figures = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["figures"]
        return figures, json.loads((folder / "train.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError):
        return None


def round_model(spec: TrainSpec, folder: Path, tokenizer: Any, seed: int) -> Any:
    """The model that a finished round left, ready to answer."""
    from trainers.tune import is_adapter, starting_model

    if is_adapter(folder):
        base = folder / "base"
        name = str(base) if base.is_dir() else spec.model.name
        where = spec.model.model_copy(
            update={"name": name, "config": None, "adapter": str(folder), "continue_adapter": "merge"}
        )
    else:
        where = ModelSpec(name=str(folder), dtype=spec.model.dtype)
    return starting_model(spec.model_copy(update={"model": where}), tokenizer, seed)
