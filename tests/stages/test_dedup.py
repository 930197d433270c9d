"""dedup: what goes, what stays, and what each removal says."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.schema import conform
from mathdata.stages.dedup import dedup
from mathdata.types import Context, Frame, Partitions, Table

STORY = "Tom has 3 red apples. He buys 5 more apples at the store near his house. How many apples does Tom have in all?"


def table(*rows: tuple[str, str | None, str | None], **more: Any) -> Frame:
    return conform(
        pl.DataFrame(
            {"problem": [r[0] for r in rows], "solution": [r[1] for r in rows], "answer": [r[2] for r in rows], **more}
        )
    )


def words(frame: Frame, **options: Any) -> list[str | None]:
    return dedup(frame, **options)["reject"].to_list()


def problems(*texts: str) -> Frame:
    return table(*((t, "s", None) for t in texts))


@pytest.mark.parametrize(
    ("a", "b", "exact", "normal", "near"),
    [
        ("计算 3 + 5", "计算 3 + 5", True, True, True),
        ("计算 3 + 5 等于多少？", "计算３+5等于多少?", False, True, True),
        (STORY, STORY.replace("3", "three").replace("in all", "altogether"), False, False, True),
        (STORY, STORY.replace("5", "6"), False, False, False),
        (STORY, STORY.replace("3", "x").replace("5", "3").replace("x", "5"), False, False, False),
        (STORY, STORY.replace("buys", "sells"), False, False, False),
        (STORY, STORY.replace("more", "fewer"), False, False, False),
        ("计算 3 + 5", "计算 5 + 3", False, False, False),
        ("计算 3 + 5", "计算 3 - 5", False, False, False),
        ("小明有十二个苹果，每个5元，一共多少元？", "小明有12个苹果，每个五元，总共多少元？", False, False, True),
        ("小明给小红3个苹果，小红现在有8个，原来有几个？", "小红给小明3个苹果，小红现在有8个，原来有几个？", False, False, False),
    ],
)  # fmt: skip
def test_each_level_sees_what_it_says(a: str, b: str, exact: bool, normal: bool, near: bool) -> None:
    for level, seen in (("exact", exact), ("normal", normal), ("near", near)):
        assert (words(problems(a, b), level=level)[1] is not None) == seen, level


def test_a_removal_names_its_twin_its_level_and_the_similarity() -> None:
    made = dedup(problems(STORY, STORY.replace("red", "crimson"), STORY))
    assert made["reject"].to_list() == [None, "near-duplicate", "exact-duplicate"]
    why = made["reject_why"].to_list()
    assert made["id"][0] in why[1]
    assert "memory:1" in why[1]
    assert "similarity 0.9" in why[1]
    assert "crimson" in why[1]
    assert "level exact" in why[2]


def test_another_solution_of_the_same_problem_stays_unless_one_row_a_problem_is_asked_for() -> None:
    frame = table(("What is 6 × 2?", "6 + 6 = 12", "12"), ("What is 6×2?", "6 * 2 = 12", "12"))
    assert words(frame) == [None, None]
    assert words(frame, on="problem") == [None, "normal-duplicate"]


def test_a_row_and_its_own_rewording_are_kin() -> None:
    first = problems(STORY)
    reworded = problems(STORY.replace("red", "crimson")).with_columns(parents=pl.Series([[first["id"][0]]]))
    assert words(pl.concat([first, reworded])) == [None, None]
    assert words(pl.concat([first, reworded.with_columns(parents=pl.lit(None, dtype=pl.List(pl.String)))]))[1]


def chain() -> Frame:
    """1 -> 2, 1 -> 3, 2 -> 4: each a rewording that level near would merge with every other."""
    frame = problems(*(STORY.replace("red", word) for word in ("red", "crimson", "scarlet", "ruby")))
    one, two = frame["id"][:2]
    return frame.with_columns(parents=pl.Series([None, [one], [one], [two]]))


def kept(made: Table) -> set[str]:
    rows = pl.concat([pl.read_parquet(f) for f in made.files]) if isinstance(made, Partitions) else made
    return set(rows.filter(pl.col("reject").is_null())["id"])


def parts_of(frame: Frame, folder: Path) -> Partitions:
    files = tuple(folder / f"{i}.parquet" for i in range(frame.height))
    for i, file in enumerate(files):
        frame.slice(i, 1).write_parquet(file)
    return Partitions(files)


def test_a_family_is_kin_in_any_order_of_its_rows_in_memory_and_streaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mathdata.stages.dedup.PART_ROWS", 1)
    frame = chain()
    assert words(frame.with_columns(parents=pl.lit(None, dtype=pl.List(pl.String))))[1:] == ["near-duplicate"] * 3
    for order in permutations(range(4)):
        mixed = frame[list(order)]
        assert kept(dedup(mixed)) == kept(dedup(parts_of(mixed, tmp_path))) == set(frame["id"]), order


@pytest.mark.parametrize("keep", ["first", "longest"])
def test_children_of_a_parent_that_is_not_there_are_kin_and_strangers_are_not(tmp_path: Path, keep: str) -> None:
    texts = (STORY.replace("red", word) for word in ("red", "crimson", "scarlet"))
    frame = problems(*texts).with_columns(parents=pl.Series([["gone"], ["gone"], ["other"]]))
    assert words(frame, keep=keep) == [None, None, "near-duplicate"]
    assert kept(dedup(parts_of(frame, tmp_path), keep=keep)) == set(frame["id"][:2])


def test_kin_that_ask_alike_are_duplicates_in_any_order(tmp_path: Path) -> None:
    frame = problems(STORY, STORY.replace("red", "crimson"), STORY.replace("red", "crimson").replace("more ", "more  "))
    frame = frame.with_columns(parents=pl.Series([None, [frame["id"][0]], [frame["id"][0]]]))
    for order in permutations(range(3)):
        mixed = frame[list(order)]
        made = dedup(mixed)
        gone = made.filter(pl.col("reject").is_not_null())
        assert gone["reject"].to_list() == ["normal-duplicate"], order
        assert "level normal, similarity 1.0" in gone["reject_why"][0]
        assert frame["id"][0] in kept(made) == kept(dedup(parts_of(mixed, tmp_path)))


def test_a_stranger_who_asks_as_a_child_does_is_its_copy_and_not_its_parents() -> None:
    frame = problems(STORY, STORY.replace("red", "crimson"), STORY.replace("red", "crimson").replace("more ", "more  "))
    frame = frame.with_columns(parents=pl.Series([None, [frame["id"][0]], None]))
    for order in permutations(range(3)):
        made = dedup(frame[list(order)])
        assert sorted(made["reject"].drop_nulls()) == ["normal-duplicate"], order


def test_one_question_with_two_answers_goes_to_review() -> None:
    frame = table(("How many moons?", "a", "2"), ("How many moons?", "b", "3"), ("How many moons?", "a", "2"))
    assert words(frame, level="exact") == ["review-conflict", "review-conflict", "exact-duplicate"]


@pytest.mark.parametrize("on", ["row", "problem"])
def test_answers_that_only_the_solutions_state_are_compared_too(on: str) -> None:
    question = "How many moons?"
    frame = table((question, r"It is $\boxed{2}$.", None), (question, r"It is $\boxed{3}$.", None))
    assert words(frame, level="exact", on=on) == ["review-conflict", "review-conflict"]
    agreed = table((question, r"It is $\boxed{2}$.", None), (question, r"We count $\boxed{2}$.", None))
    assert words(agreed, level="exact", on=on) == [None, None if on == "row" else "exact-duplicate"]


def test_a_conflict_that_recomputing_settles_keeps_the_right_row() -> None:
    made = dedup(table(("计算 3 + 5 等于多少？", "9", "9"), ("计算 3 + 5 等于多少？", "8", "8")))
    assert made["reject"].to_list() == ["review-conflict", None]
    assert "confirmed" in made["reject_why"][0]


@pytest.mark.parametrize(
    ("problem", "right", "settled"),
    [
        ("Compute $6 \\cdot 7$.", "42", True),
        ("计算 3.5×2 + 1 等于多少？", "8", True),
        ("Compute 3+5, 4+6.", "63", False),  # two of them, not 3 + 54 + 6
        ("Find the units digit of 7+8.", "15", False),
        ("Evaluate 6/2(1+2).", "9", False),
    ],
)
def test_plain_arithmetic_settles_a_conflict(problem: str, right: str, settled: bool) -> None:
    rows = pl.DataFrame({"problem": [problem] * 2, "solution": ["a", "b"], "answer": ["43", right]})
    kept = dedup(conform(rows))["reject"].to_list()
    assert kept == (["review-conflict", None] if settled else ["review-conflict"] * 2)


def test_an_answer_rounded_otherwise_is_no_conflict() -> None:
    frame = table(("What is 1/3?", "a", "0.33"), ("What is 1/3?", "b", "0.3333"))
    assert words(frame, on="problem") == [None, "exact-duplicate"]


def test_keep_decides_which_copy_stays() -> None:
    frame = table(("What is 2+2?", "4", "4"), ("What is 2+2?", "2+2=4", "4"), verdict=[None, "correct"])
    assert words(frame, on="problem", keep="first") == [None, "exact-duplicate"]
    assert words(frame, on="problem", keep="longest") == ["exact-duplicate", None]
    assert words(frame, on="problem", keep="verified") == ["exact-duplicate", None]


def test_rows_of_another_file_are_removed_and_the_file_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"problem": "计算 3 + 5", "solution": "s"}\n', encoding="utf-8")
    made = dedup(problems("计算3+5", "计算 3+6"), against=[str(other)])
    assert made["reject"].to_list() == ["normal-duplicate", None]
    assert "other.jsonl" in made["reject_why"][0]


def test_no_row_is_lost_and_order_is_kept() -> None:
    frame = problems(*(f"计算 {i % 7} + {i % 3}" for i in range(100)))
    ctx = Context()
    made = dedup(frame, ctx=ctx)
    assert made["origin"].to_list() == frame["origin"].to_list()
    assert made.columns == frame.columns
    assert ctx.figures["removed"] == {"exact-duplicate": 79}
    assert dedup(frame.head(0)).height == 0


def test_rows_without_text_and_very_long_rows_are_harmless() -> None:
    made = dedup(problems("", "", "7 " * 30_000, "x" * 100_000, "?!.,", "\n\n"))
    assert made.height == 6
