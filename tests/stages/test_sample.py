"""sample: by seed and content, whatever the order of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.errors import MathdataError, UsageError
from mathdata.schema import conform
from mathdata.stages.sample import sample
from mathdata.types import Context, Frame

N = 240
ROWS = conform(
    pl.DataFrame(
        {
            "problem": [f"计算 {i} {'+-*'[i % 3]} {i % 7}" for i in range(N)],
            "solution": ["x" * (i % 11) for i in range(N)],
            "topic": [("add", "subtract", "multiply")[i % 3] for i in range(N)],
            "source": ["gsm8k" if i % 4 else "math" for i in range(N)],
            "difficulty": [float(i % 5 + 1) for i in range(N)],
            "pass_rate": [(i % 10) / 10 for i in range(N)],
        }
    )
)
ALL: list[dict[str, Any]] = [
    {"n": 50},
    {"n": 50, "strategy": "stratified", "by": ["source"]},
    {"quota": {"add": 10, "multiply": 20}},
    {"sizes": ["16", "32", "full"], "by": ["source"]},
    {"n": 50, "strategy": "difficulty"},
    {"n": 50, "strategy": {"difficulty": {"per": "proportional"}}},
    {"n": 50, "strategy": {"difficulty": {"per": "proportional", "measure": "pass_rate"}}},
    {"n": 2, "strategy": "diverse"},
    {"n": 50, "strategy": "diverse"},
    {"n": 50, "max_per_template": 9},
]


def kept(frame: Frame, **options: Any) -> set[str]:
    made = sample(frame, **options)
    assert made.height == frame.height
    return set(made.filter(pl.col("reject").is_null())["id"])


@pytest.mark.parametrize("options", ALL)
def test_the_order_of_rows_does_not_matter(options: dict[str, Any]) -> None:
    other = ROWS.sample(fraction=1, shuffle=True, seed=3)
    renamed = other.with_columns(origin=pl.format("else:{}", pl.int_range(pl.len())))
    assert kept(ROWS, **options) == kept(other, **options) == kept(renamed, **options)


def test_another_seed_draws_other_rows_and_the_same_seed_the_same() -> None:
    assert kept(ROWS, n=50) == kept(ROWS, n=50)
    assert kept(ROWS, n=50) != kept(ROWS, n=50, seed=7)


def test_stratified_keeps_the_shares() -> None:
    made = sample(ROWS, n=40, strategy="stratified", by=["source"]).filter(pl.col("reject").is_null())
    assert dict(made["source"].value_counts().iter_rows()) == {"gsm8k": 30, "math": 10}


def test_a_quota_that_a_family_cannot_fill_is_reported_not_filled() -> None:
    ctx = Context()
    made = sample(ROWS, quota={"add": 10, "subtract": 500, "divide": 5}, ctx=ctx)
    assert made["reject"].null_count() == 90
    assert ctx.figures["missing"] == {"subtract": 420, "divide": 5}


def test_a_quota_reads_a_file_and_tells_exponents_apart(tmp_path: Path) -> None:
    powers = conform(pl.DataFrame({"problem": [f"计算 {i}.50 的 {i % 3} 次方？" for i in range(30)]}))
    path = tmp_path / "quota.json"
    path.write_text('{"power_0": 2, "power_2": 3}')
    made = sample(powers, quota=path).filter(pl.col("reject").is_null())
    assert sorted(p[-5] for p in made["problem"]) == ["0", "0", "2", "2", "2"]


def test_nested_samples_contain_each_other_half_and_half() -> None:
    ctx = Context()
    made = sample(ROWS, sizes=["16", "64", "full"], by=["source"], ctx=ctx)
    small, large = made.filter(pl.col("rank") <= 16), made.filter(pl.col("rank") <= 64)
    assert dict(small["source"].value_counts().iter_rows()) == {"gsm8k": 8, "math": 8}
    assert set(small["id"]) < set(large["id"])
    assert ctx.figures["sizes"]["full"] == {"gsm8k": 180, "math": 60}
    assert sorted(made["rank"]) == list(range(1, N + 1))


def test_what_is_missing_is_said_and_filled_only_from_rows_the_recipe_names() -> None:
    ctx = Context()
    assert len(kept(ROWS, sizes=["500"], ctx=ctx)) == N
    assert ctx.figures["missing"] == 260
    made = kept(ROWS, n=200, fill={"source": "math"})
    assert made >= set(ROWS.filter(pl.col("source") == "gsm8k")["id"])
    assert len(made) == 200


def test_proportional_difficulty_prefers_hard_rows() -> None:
    made = sample(ROWS, n=60, strategy={"difficulty": {"per": "proportional"}}).filter(pl.col("reject").is_null())
    assert made["difficulty"].mean() > ROWS["difficulty"].mean() + 0.3  # type: ignore[operator]


def test_caps_on_siblings_and_solutions() -> None:
    made = sample(ROWS, n=N, max_per_template=5)
    assert made["reject"].null_count() == 15
    assert "more than 5 rows of one template" in set(made["reject_why"].drop_nulls())
    twice = pl.concat([ROWS.head(3), ROWS.head(3).with_columns(solution=pl.lit("other"))])
    assert sample(twice, n=10, max_per_problem=1)["reject"].null_count() == 3


def test_diverse_covers_every_template_first() -> None:
    assert {p.split()[2] for p in ROWS.filter(pl.col("id").is_in(kept(ROWS, n=3, strategy="diverse")))["problem"]} == {
        "+",
        "-",
        "*",
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n": 5, "strategy": "stratified"},
        {"n": 5, "strategy": "unifrom"},
        {"sizes": ["many"]},
        {"n": 5, "by": ["nothing"]},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_a_hint(options: dict[str, Any]) -> None:
    with pytest.raises(MathdataError) as error:
        sample(ROWS, **options)
    assert error.value.hint
    assert isinstance(error.value, UsageError) or error.value.exit_code == 2
