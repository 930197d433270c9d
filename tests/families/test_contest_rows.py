"""The contest's real rows: every Chinese one is read, solved exactly, and its answer found right."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

import mathdata
from mathdata import families
from mathdata.benchmarks.contest200 import grade

DATA = Path(os.environ.get("MATHDATA_DATA", "../shared/data")) / "seed_corpus"


def rows(name: str) -> list[dict[str, str]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here: set MATHDATA_DATA")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("name", "read"), [("sample_1992.jsonl", 1948), ("cot_7500.jsonl", 7500), ("eval_200.jsonl", 200)]
)
def test_every_row_of_a_family_is_read_and_its_answer_is_the_value_or_a_rounding(name: str, read: int) -> None:
    counts: Counter[str] = Counter()
    for row in rows(name):
        value = families.solve_exact(row["problem"])
        if value is not None:
            counts[families.agree(value, families.claim(row["solution"]) or "")] += 1
    assert counts["same"] + counts["rounded"] == read
    assert sum(counts.values()) == read


def test_bare_answers_are_written_as_the_contest_writes_them() -> None:
    same = sum(
        found.family.bare(found.params, "zh")[0] == row["solution"]
        for row in rows("sample_1992.jsonl")
        if (found := families.read(row["problem"]))
    )
    assert same >= 1940


def test_reading_the_file_names_the_family_of_every_chinese_row() -> None:
    rows("sample_1992.jsonl")
    frame = mathdata.read(DATA / "sample_1992.jsonl")
    named = {f: n for f, n in frame.group_by("topic").len().iter_rows() if f}
    assert sum(named.values()) == 1948
    assert (named["add"], named["equation"], named["mean"], named["sales"]) == (320, 145, 71, 22)
    for row in frame.filter(frame["topic"].is_not_null()).iter_rows(named=True):
        found = families.read(row["problem"])
        assert found is not None
        assert found.family.name == row["topic"]


def test_worked_answers_to_the_contests_200_are_graded_correct_by_its_own_rule() -> None:
    for row in rows("eval_200.jsonl"):
        found = families.read(row["problem"])
        assert found is not None
        worked = families.work(found.family, found.params, "zh", places=3)
        assert grade(row, worked.solution).ok, worked.solution
