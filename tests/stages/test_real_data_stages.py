"""Real sets: what dedup and decontaminate find in GSM8K, MATH and the contest rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mathdata.io import read
from mathdata.stages.decontaminate import decontaminate
from mathdata.stages.dedup import dedup
from mathdata.text import normal
from mathdata.types import Context


def rejected(frame: pl.DataFrame) -> dict[str, int]:
    return dict(frame.filter(pl.col("reject").is_not_null())["reject"].value_counts().iter_rows())


@pytest.mark.slow
def test_hardly_a_row_of_gsm8k_and_math_is_removed(shared: Path) -> None:
    files = [str(shared / f) for f in ("gsm8k/train.jsonl", "gsm8k/test.jsonl", "math/train.jsonl", "math/test.jsonl")]
    rows = read(*files)
    assert rows.height == 21_292
    assert sum(rejected(dedup(rows)).values()) <= 10
    assert rejected(dedup(rows, on="problem")) == {"normal-duplicate": 10, "near-duplicate": 6}


@pytest.mark.slow
def test_harder_numbers_are_siblings_not_twins(shared: Path) -> None:
    gsm8k = [str(shared / "gsm8k/train.jsonl"), str(shared / "gsm8k/test.jsonl")]
    hard = read(str(shared / "contamination/gsm_hard.jsonl"))
    made = dedup(hard, on="problem", against=gsm8k)
    twins = {normal(p) for p in read(*gsm8k)["problem"]}
    gone = made.filter(pl.col("reject").is_not_null())["problem"]
    assert 300 < len(gone) < 400
    assert all(normal(p) in twins for p in gone), "its number was replaced: another problem"
    assert rejected(dedup(read(str(shared / "svamp/svamp.jsonl")), on="problem", against=gsm8k)) == {}


def test_the_contest_rows_hold_math_test_problems(shared: Path) -> None:
    ctx = Context()
    made = decontaminate(read(str(shared / "seed_corpus/sample_1992.jsonl")), against=["math"], ctx=ctx)
    assert rejected(made)["leak"] == 21
    assert ctx.figures["benchmarks"]["math"]["checked"] == 5_000


def test_the_contest_rows_hold_none_of_the_elementary_test_by_mistake(shared: Path) -> None:
    made = decontaminate(read(str(shared / "seed_corpus/cot_7500.jsonl")), against=["contest200"])
    test = set(read(str(shared / "seed_corpus/eval_200.jsonl"))["problem"])
    assert set(made.filter(pl.col("reject") == "leak")["problem"]) <= test
    assert rejected(made) == {"leak": 4}
