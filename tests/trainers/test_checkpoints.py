"""Checkpoints belong to what is trained on: another text behind the same id, or other weights behind the same path, take none up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.trainers.conftest import sums
from trainers.checkpoints import claim_checkpoints
from trainers.sft import prepare, untrained


@pytest.mark.parametrize("change", ["nothing", "a solution behind its id", "the base's weights"])
def test_a_checkpoint_is_kept_for_the_same_tokens_and_base_alone(change: str, tiny: Any, tmp_path: Path) -> None:
    untrained(sums(12), tiny(seed=1), tmp_path / "base", (), None)
    spec, rows = tiny(model=str(tmp_path / "base"), tokenizer={}, checkpoints={"every": 1}), sums(12)
    claim_checkpoints(tmp_path / "out", prepare(rows, spec))
    kept = tmp_path / "out" / "checkpoints" / "checkpoint-1"
    kept.mkdir()
    if change == "a solution behind its id":
        text = pl.when(pl.int_range(pl.len()) == 3).then(pl.col("solution").str.replace("=", "<")).otherwise("solution")
        rows = rows.with_columns(solution=text)
    if change == "the base's weights":
        path = tmp_path / "base" / "model.safetensors"
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(bytes(data))
    claim_checkpoints(tmp_path / "out", prepare(rows, spec))
    assert kept.exists() == (change == "nothing")
