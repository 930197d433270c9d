"""Expert iteration: generate, judge, keep right answers that reason anew, hard problems first, train; n rounds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.errors import MathdataError
from mathdata.manifest import dump_json, versions
from mathdata.prompts import get_prompt
from mathdata.schema import child, conform
from mathdata.trainspec import DEFAULT_SEED, ExpertIterationSpec, TrainSpec
from mathdata.types import Frame, Problem, Request, Row, Sampling
from trainers import sft
from trainers.data import corpus_texts
from trainers.launch import world
from trainers.machine import tune_threads
from trainers.rewards import told
from trainers.rounds import Answered, Answers, claim_rounds, finished_round, round_model

__all__ = ["harvest", "pick", "run_expert_iteration"]

METHOD = "expert_iteration"


def run_expert_iteration(
    frame: Frame,
    spec: TrainSpec,
    out: Path,
    *,
    corpus: Sequence[Frame] = (),
    evaluate: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    seed: int | None = None,
    report: sft.Report | None = None,
) -> tuple[Any, Any, dict[str, Any]]:
    """Rounds of generate and train from the given checkpoint; each round leaves its rows and its manifest.

    Every round trains the first checkpoint anew on all that was gathered, so that errors do not pile up. A killed run
    goes on: finished rounds, and the judged answers of the current one, are read from `rounds/`.
    """
    from trainers.tokens import load_tokenizer

    started = time.perf_counter()
    tune_threads(spec)
    asked = spec.expert_iteration or ExpertIterationSpec()
    seed = next(s for s in (spec.seed, seed, DEFAULT_SEED) if s is not None)
    corpus = corpus or (frame,)  # a tokenizer made from rows is made from the same ones in every round
    tokenizer = load_tokenizer(spec, (t for f in corpus for t in corpus_texts(f, spec)))
    claim_rounds(out, spec, seed, frame, tokenizer, evaluate)
    gathered: list[Row] = []
    rounds: list[dict[str, Any]] = []
    record: dict[str, Any] = {}
    model: Any = None
    main = world()[0] == 0
    for number in range(1, asked.rounds + 1):
        folder = out / "rounds" / str(number)
        model = None  # two models at once may not fit
        subject = partial(model_before, spec, out, number, tokenizer, seed)
        found, figures = harvest(frame, subject, tokenizer, spec, asked, seed + number, folder, report)
        gathered = pick([*gathered, *found], asked.per_problem)
        if (done := finished_round(folder)) is not None:
            figures, record = done
        else:
            rows = training_rows(frame, gathered, asked)
            if main:
                rows.write_parquet(folder / "rows.parquet")
            model, tokenizer, record = sft.run_sft(
                rows, tuned(spec), folder, corpus=corpus, evaluate=evaluate, allow=allow, seed=seed, report=report
            )
            figures |= {"round": number, "rows": rows.height, "kept": len(gathered), "steps": record["steps"]}
            figures |= accuracies(record)
            if main:
                sft.write_record(folder, record)
                dump_json(folder / "manifest.json", {"stage": METHOD, "spec": record["spec"], "figures": figures})
        rounds.append(figures)
    last = out / "rounds" / str(asked.rounds)
    model = model if model is not None else round_model(spec, last, tokenizer, seed)
    if main:
        publish(last, out)
    seconds = round(time.perf_counter() - started, 2)
    record |= {"spec": spec.model_dump(mode="json"), "rounds": rounds, "seconds": seconds, "versions": versions()}
    return model, tokenizer, record


def accuracies(record: Mapping[str, Any]) -> dict[str, float]:
    """Of a round that was evaluated on the way: the first checkpoint's accuracy, and that of the round's own model."""
    asked = record.get("evaluations") or []
    if not asked:
        return {}
    keeps_best = ((record.get("spec") or {}).get("evaluation") or {}).get("keep_best")
    last = record.get("best") if keeps_best else asked[-1]
    return {"accuracy_before": asked[0]["answer_accuracy"], "accuracy": (last or asked[-1])["answer_accuracy"]}


def model_before(spec: TrainSpec, out: Path, number: int, tokenizer: Any, seed: int) -> Any:
    """The model that answers in this round: the checkpoint, or what the round before left."""
    from trainers.tune import starting_model

    if number == 1:
        return starting_model(spec, tokenizer, seed)
    return round_model(spec, out / "rounds" / str(number - 1), tokenizer, seed)


def publish(last: Path, out: Path) -> None:
    """The last round's model is the run's; an adapter brings the base that exists nowhere else."""
    for file in last.iterdir():
        own = file.name in ("rows.parquet", "manifest.json", "train.json") or file.name.startswith("answers")
        if file.is_file() and not own:
            shutil.copyfile(file, out / file.name)
    if (last / "base").is_dir():
        shutil.copytree(last / "base", out / "base", dirs_exist_ok=True)


def tuned(spec: TrainSpec) -> TrainSpec:
    """The round's own training: supervised, from the first checkpoint."""
    return spec.model_copy(update={"algorithm": "sft", "expert_iteration": None})


ANSWERS = 256
"""Answers that are made and judged between two writes."""


def harvest(
    frame: Frame,
    subject: Callable[[], Any],
    tokenizer: Any,
    spec: TrainSpec,
    asked: ExpertIterationSpec,
    seed: int,
    folder: Path,
    report: sft.Report | None = None,
) -> tuple[list[Row], dict[str, Any]]:
    """Right answers of the model to its own training problems, one of each reasoning path, with each problem's rate.

    `subject` loads the model; it is called only where answers are missing in the round's folder.
    """
    parents = [r for r in frame.unique("problem", maintain_order=True).iter_rows(named=True) if r["answer"]]
    answers = Answers(folder / "answers.jsonl", ANSWERS // asked.samples)
    answers.fill(parents, Asker(subject, tokenizer, spec, asked, seed, len(parents), len(answers.done), report))
    made: list[Row] = []
    right = total = untold = 0
    for row in parents:
        group = answers.done[row["id"]]
        good = [text.strip() for text, finish, ok in group if ok and finish == "stop"]
        judged = sum(ok is not None for _, _, ok in group)
        right, total, untold = right + len(good), total + len(group), untold + len(group) - judged
        rate = len(good) / max(1, judged)
        for k, text in enumerate(distinct(good)):
            fields = {"problem": row["problem"], "solution": text, "answer": row["answer"], "teacher": "self"}
            made.append(child(row, fields, method=METHOD, number=k) | {"verdict": "correct", "pass_rate": rate})
    figures = {"problems": len(parents), "samples": total, "untold": untold, "right": right, "distinct": len(made)}
    return made, figures | {"accuracy_sampled": round(right / (total - untold), 4) if total > untold else None}


@dataclass
class Asker:
    """Asks the model for a chunk of problems and judges what it says; the model is loaded at the first call."""

    subject: Callable[[], Any]
    tokenizer: Any
    spec: TrainSpec
    asked: ExpertIterationSpec
    seed: int
    total: int
    done: int
    report: sft.Report | None
    backend: Any = None

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> list[Answered]:
        from mathdata.backends.transformers import Transformers
        from mathdata.verifiers import judge_many

        self.backend = self.backend or Transformers(model=self.subject(), tokenizer=self.tokenizer)
        prompt, asked = get_prompt(self.spec.prompt), self.asked
        sampling = Sampling(
            temperature=asked.temperature, max_tokens=asked.max_tokens, n=asked.samples, seed=self.seed, stop=prompt.stop
        )  # fmt: skip
        groups = self.backend.generate([request(row, prompt, sampling) for row in rows])
        verdicts = iter(judge_many([(r["answer"], c.text) for r, g in zip(rows, groups) for c in g], processes=1))
        self.done += len(rows)
        if self.report is not None:
            self.report({"event": "progress", "done": self.done, "total": self.total, "note": "problems asked"})
        return [[(c.text, c.finish, told(next(verdicts))) for c in group] for group in groups]


def request(row: Mapping[str, Any], prompt: Any, sampling: Sampling) -> Request:
    text = prompt.render(row["problem"])
    messages = ({"role": "user", "content": text},) if prompt.chat else ()
    return Request(METHOD, Problem.from_row(row), messages, None if prompt.chat else text, sampling)


def distinct(texts: Sequence[str]) -> list[str]:
    """One text for each reasoning path (the chain of its equations), the first of each."""
    from mathdata.worked import path_key

    seen: dict[str, str] = {}
    for text in texts:
        seen.setdefault(str(path_key(text)), text)
    return list(seen.values())


def pick(rows: Sequence[Row], per_problem: int) -> list[Row]:
    """At most `per_problem` answers of each problem, all reasoning differently; fewer of the easy ones.

    A problem that the model always solves gets one answer, one that it seldom solves the full number.
    """
    by_parent: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_parent.setdefault(row["parents"][0], {}).setdefault(row["solution"], row)
    kept: list[Row] = []
    for group in by_parent.values():
        rate = min(float(r["pass_rate"] or 0) for r in group.values())
        allowed = max(1, round(per_problem * (1 - rate)))
        kept += list(group.values())[:allowed]
    return kept


def training_rows(frame: Frame, gathered: Sequence[Row], asked: ExpertIterationSpec) -> Frame:
    """What the round trains on: what was gathered, beside the given solutions where the recipe keeps them."""
    own = conform(pl.DataFrame(list(gathered), infer_schema_length=None)) if gathered else frame.clear()
    rows = pl.concat([frame, own], how="diagonal_relaxed") if asked.keep_seed else own
    if not rows.height:
        raise MathdataError(
            "the model solved none of its training problems: there is nothing to learn from",
            "start from a checkpoint that solves some, raise samples, or keep_seed: true",
        )
    return rows
