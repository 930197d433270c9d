"""Short items that are a formula and a word that asks: found however the row asks for it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mathdata.near.formula import core
from mathdata.schema import conform
from mathdata.stages.decontaminate import decontaminate

LINEAR = "Solve the equation $3x + 7 = 22$."


@pytest.mark.parametrize(
    ("item", "row"),
    [
        (LINEAR, "Solve for $x$: $3x + 7 = 22$"),
        (LINEAR, "Find x if 3x + 7 = 22."),
        (LINEAR, "What is the value of x in $3x+7=22$?"),
        (LINEAR, "如果３x+7=22，那么x等于多少？"),
        (LINEAR, "求 x 的值：3x + 7 = 22"),
        ("Solve x + 5 = 12.", "Solve for x: x + 5 = 12"),
        (r"Compute $\frac{3}{4} + \frac{1}{6}$.", "What is 3/4 + 1/6?"),
        (r"Find $a$ if $\log_2 a = 5$.", r"Solve $\log_2 a = 5$. Express your answer as an integer."),
    ],
)
def test_one_formula_asked_for_in_two_ways(item: str, row: str, tmp_path: Path) -> None:
    assert core(item) == core(row) is not None
    path = tmp_path / "items.jsonl"
    pl.DataFrame({"problem": [item], "answer": ["5"]}).write_ndjson(path)
    rows = conform(pl.DataFrame({"problem": [row, row], "answer": ["5", None]}))
    assert decontaminate(rows, against=[str(path)])["reject"].to_list() in (["leak", "review-leak"], ["leak", "leak"])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (r"Compute $\tan 225^\circ$.", r"Compute $\tan 22.5^\circ.$"),
        ("Solve $3x+7=22$.", "Solve $3x-7=22$."),
        ("Solve $3x+7=22$.", "What is $2x$ if $3x+7=22$?"),
        ("Solve $x^2-5x+6=0$.", "Find the sum of the roots of $x^2-5x+6=0$."),
        ("Compute 12/3+1.", "Compute 1+12/3."),
    ],
)
def test_another_formula_or_another_question_is_no_match(a: str, b: str) -> None:
    assert core(a) is not None
    assert core(a) != core(b)


def test_a_story_is_no_formula() -> None:
    assert core("Tom has 3 apples and buys 7 + 2 more. How many apples has he?") is None
    assert core("小明有3个苹果，又买了7+2个，一共多少个？") is None
    assert core("x" * 10_000) is None
