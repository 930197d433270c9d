"""decontaminate: leaks in any form, siblings left alone, heirs of leaks caught."""

from __future__ import annotations

import json
from collections.abc import Callable
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


def test_the_screen_says_for_each_benchmark_what_was_found(
    items: str, tmp_path: Path, call: Callable[..., Any]
) -> None:
    """Once under the stage, by the command and by a run; in a run neither again at its end nor among its notes."""
    twin, doubtful = STORY.replace("red", "crimson"), STORY.replace("3", "2").replace("5", "6")
    made = rows(STORY, twin, doubtful, "free", answer=["8", "8", "8", None])
    heir = rows("Something else with 99 birds", parents=[[made["id"][0]]])
    pl.concat([made, heir]).write_parquet(tmp_path / "raw.parquet")
    (tmp_path / "other.jsonl").write_text(json.dumps({"problem": "Where is Bob?", "answer": "1"}))
    found = "test.jsonl: 4 items checked, 1 matched (2 rows), 0 unsure (1 row)"
    nothing = "other.jsonl: 1 item checked, 0 matched (0 rows), 0 unsure (0 rows)"
    done = call("decontaminate", "raw.parquet", "-o", "o.parquet", "--against", "test.jsonl,other.jsonl")
    assert done.rc == 0, done.err
    lines = [line.strip() for line in done.err.splitlines()]
    assert [lines.count(line) for line in (found, nothing, "made from leaks: 1 row")] == [1, 1, 1], done.err
    (tmp_path / "r.yaml").write_text(
        "name: r\ninput: raw.parquet\nstages:\n  - decontaminate: {against: [test.jsonl, other.jsonl]}\n"
    )
    run = call("run", "r.yaml")
    assert run.rc == 0, run.err
    assert [run.err.count(line) for line in (found, nothing)] == [1, 1], run.err


def test_the_screen_counts_a_doubtful_item(items: str, tmp_path: Path, call: Callable[..., Any]) -> None:
    rows(STORY.replace("3", "2").replace("5", "6"), answer=["8"]).write_parquet(tmp_path / "raw.parquet")
    done = call("decontaminate", "raw.parquet", "-o", "o.parquet", "--against", "test.jsonl")
    assert "  test.jsonl: 4 items checked, 0 matched (0 rows), 1 unsure (1 row)\n" in done.err
    assert (
        "items checked"
        not in call("decontaminate", "raw.parquet", "-o", "p.parquet", "--against", "test.jsonl", "--json").err
    )
