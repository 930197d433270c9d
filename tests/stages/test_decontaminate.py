"""decontaminate: leaks in any form, siblings left alone, heirs of leaks caught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.schema import conform
from mathdata.stages.decontaminate import decontaminate
from mathdata.types import Context, Frame

STORY = (
    "Tom has 3 red apples. He buys 5 more apples at the store near his house. "
    "How many apples does Tom have in all if he eats none of them today?"
)
ITEMS = [(STORY, "8"), ("计算 3 + 5 等于多少？", "8"), ("What is 7?", "7"), ("解方程 2x + 4 = 0", "-2")]


@pytest.fixture
def items(tmp_path: Path) -> str:
    path = tmp_path / "test.jsonl"
    lines = [json.dumps({"problem": p, "answer": a}, ensure_ascii=False) for p, a in ITEMS]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def rows(*texts: str, **more: Any) -> Frame:
    return conform(pl.DataFrame({"problem": list(texts), **more}))


@pytest.mark.parametrize(
    "text",
    [
        STORY,
        STORY.replace("3", "three").replace("in all", "altogether"),
        STORY.replace("red", "crimson"),
        f"Solve this. {STORY} Show your work.",
        "计算3+5等于多少?",
        "What is 3 + 5?",
        "解方程：2x+4=0",
        "What is 7",
    ],
)
def test_a_test_item_in_other_clothes_is_a_leak(text: str, items: str) -> None:
    assert decontaminate(rows(text), against=[items])["reject"].to_list() == ["leak"]


@pytest.mark.parametrize(
    "text",
    [
        STORY.replace("5", "6"),
        "计算 3 + 6 等于多少？",
        "计算 5 - 3 等于多少？",
        "计算 5 + 3 等于多少？",
        "计算 2 + 6 等于多少？",
        "解方程 4x + 2 = 0",
        "What is 9?",
    ],
)
def test_siblings_are_never_leaks(text: str, items: str) -> None:
    assert decontaminate(rows(text), against=[items])["reject"].to_list() == [None]


def test_the_same_template_with_the_same_answer_is_only_unsure(items: str) -> None:
    made = decontaminate(rows(STORY.replace("3", "2").replace("5", "6"), answer=["8"]), against=[items])
    assert made["reject"].to_list() == ["review-leak"]
    assert "same template and same answer" in made["reject_why"][0]


def test_rows_made_from_a_leak_are_leaks_over_any_number_of_steps(items: str) -> None:
    leak = rows(STORY)
    child = rows("Something else with 99 birds", parents=[[leak["id"][0]]])
    grandchild = rows("Another 98 birds", parents=[[child["id"][0]]])
    made = decontaminate(pl.concat([grandchild, child, leak]), against=[items])
    assert made["reject"].to_list() == ["leak"] * 3
    assert "made from" in made["reject_why"][0]


def test_a_row_made_from_a_test_item_that_is_not_in_the_table_is_a_leak(items: str) -> None:
    item = rows(STORY, answer=["8"])
    made = decontaminate(rows("Something else", parents=[[item["id"][0]]]), against=[items])
    assert made["reject"].to_list() == ["leak"]


def test_figures_say_what_was_checked_matched_and_unsure(items: str) -> None:
    ctx = Context()
    decontaminate(
        rows(STORY, STORY.replace("3", "2").replace("5", "6"), "free", answer=["8", "8", None]),
        against=[items],
        ctx=ctx,
    )
    figures = ctx.figures["benchmarks"][items]
    assert figures["checked"] == 4
    assert (figures["matched"], figures["rows_matched"], figures["rows_unsure"]) == (1, 1, 1)


def test_every_item_is_seen_however_short(items: str) -> None:
    made = decontaminate(rows(*(p for p, _ in ITEMS)), against=[items])
    assert made["reject"].to_list() == ["leak"] * len(ITEMS)
