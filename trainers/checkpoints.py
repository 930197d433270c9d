"""Checkpoints of a run: those of this spec, seed and order are taken up again, others are taken away."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mathdata.identity import named_files
from mathdata.manifest import digest_of, dump_json

if TYPE_CHECKING:
    from trainers.data import Example
    from trainers.sft import Prepared

__all__ = ["claim_checkpoints", "last_checkpoint", "tidy"]


def claim_checkpoints(out: Path, ready: Prepared) -> None:
    """Checkpoints belong to one spec, seed, base, set of tokens and order of rows; those of another run are taken away."""
    folder, marker = out / "checkpoints", out / "checkpoints" / "run.json"
    assert ready.order is not None
    spec = ready.spec.model_dump(mode="json")
    digest = digest_of([spec, named_files(spec), ready.seed, tokens_digest(ready.examples), ready.order.micro])
    try:
        if json.loads(marker.read_text(encoding="utf-8"))["digest"] == digest:
            return
    except (OSError, ValueError, KeyError):
        pass
    for old in folder.glob("checkpoint-*"):
        shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    dump_json(marker, {"digest": digest})


def tokens_digest(examples: Sequence[Example]) -> str:
    """sha256 of what is trained on: the tokens and labels of every row, in order; another text behind the same id shows."""
    total = hashlib.sha256()
    for row in examples:
        total.update(f"{row.id}\0{len(row)}\0".encode())
        total.update(np.asarray([row.input_ids, row.labels], dtype=np.int64).tobytes())
    return total.hexdigest()


def last_checkpoint(out: Path, needs: str = "trainer_state.json") -> str | None:
    """The newest whole checkpoint of this run (the file it `needs` is written last), else None."""
    found = [p for p in (out / "checkpoints").glob("checkpoint-*") if (p / needs).is_file()]
    return str(max(found, key=lambda p: int(p.name.split("-")[1]))) if found else None


def tidy(out: Path) -> None:
    """Take the empty checkpoint folder away; the first process does."""
    folder = out / "checkpoints"
    if os.environ.get("RANK", "0") == "0" and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
