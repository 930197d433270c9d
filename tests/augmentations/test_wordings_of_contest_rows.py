"""Wordings of whole families on the contest's rows: signs stay with their numbers, and every reject says why."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from family_teacher import reply

from mathdata import families
from mathdata.augmentations.template import Template, bare
from mathdata.backends.scripted import Scripted
from mathdata.registry import register
from mathdata.schema import conform
from mathdata.stages.augment import augment
from mathdata.types import Context, Frame

TOPICS = ["equation", "add", "subtract", "divide"]


def contest(shared: Path) -> Frame:
    """The contest's rows of the families that get wordings, each with its answer, of one decimal where it divides."""
    frame = families.fill_topics(conform(pl.read_ndjson(shared / "seed_corpus" / "sample_1992.jsonl")))
    frame = frame.filter(pl.col("topic").is_in(TOPICS))
    places = {"equation": 1, "divide": 1}
    answers = [families.solve_exact(p).shown(places.get(t)) for p, t in frame.select("problem", "topic").iter_rows()]  # type: ignore[union-attr]
    return frame.with_columns(pl.Series("answer", answers), pl.Series("solution", [f"#### {a}" for a in answers]))


def worded(rows: Frame, say: Any, **options: Any) -> tuple[Frame, list[str]]:
    """The rows that the method made with a teacher that answers by `say`, and what the teacher was asked."""
    asked: list[str] = []

    def play(request: Any, sample: int) -> str:
        asked.append(str(request.messages[-1]["content"]))
        return str(say(asked[-1]))

    teacher = Scripted.playing(play)
    teacher.reads_problem = False  # type: ignore[misc] - as a server: the same text is the same request
    register("backend", "worded")(lambda: teacher)
    with tempfile.TemporaryDirectory() as folder:
        ctx = Context(journal=Path(folder) / "j.sqlite")
        made = augment(rows, method=[{"template": {"spot": 0.2} | options}], teacher="worded", ctx=ctx)
    return made.filter(pl.col("method") == "template"), asked


def test_a_family_has_one_pattern_whatever_the_signs_of_its_numbers(shared: Path) -> None:
    rows = contest(shared)
    patterns = Counter((t, bare(p)[0]) for p, t in rows.select("problem", "topic").iter_rows())
    assert sorted(t for t, _ in patterns) == sorted(TOPICS)
    assert rows.height > 1000


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("计算 -7.5 - -3 等于多少？", ["-7.5", "-3"]), ("计算 7-3", ["7", "3"]), ("7 - 3", ["7", "3"]), ("7 -3", ["7", "3"]),
        ("解方程 -39x + -20 = 0", ["-39", "-20", "0"]), ("If x - 3 = 5", ["3", "5"]), ("What is -5 + 3?", ["-5", "3"]),
        ("[-1, -2.5, 3]", ["-1", "-2.5", "3"]), ("(2) - 3", ["2", "3"]), ("计算 −4 的 2 次方", ["−4", "2"]),
        ("the 5-7 year olds", ["5", "7"]), ("2^{-3}", ["2", "-3"]), ("n -3", ["3"]), ("x10 - 4 km", ["10", "4"]),
    ],
)  # fmt: skip
def test_a_minus_goes_with_its_number_only_where_it_is_a_sign(text: str, numbers: list[str]) -> None:
    pattern, found = bare(text)
    assert list(found.values()) == numbers
    assert pattern.format(**found) if "{-" not in text else True


def test_wordings_fill_the_contests_rows_and_a_wrong_one_takes_only_its_own_rows(shared: Path) -> None:
    rows = contest(shared)
    made, asked = worded(rows, reply)
    wordings = [a for a in asked if "请换一种说法" in a]
    assert len(wordings) == 16, "four wordings of each of four families"
    assert all("写" in a or "提问" in a for a in wordings), "asked in Chinese, the style too"
    kept = made.filter(pl.col("reject").is_null())
    gone = made.filter(pl.col("reject").is_not_null())
    assert set(kept["language"]) == {"zh"}
    assert set(gone["reject"]) <= {"wrong-answer", "exact-duplicate", "normal-duplicate"}
    swapped = made["problem"].str.contains("用 .* 减去").fill_null(False)
    assert set(made.filter(swapped)["reject"]) == {"wrong-answer"}, "the swapped subtraction is found by its checks"
    assert kept.height > 0.7 * rows.height
    checked = kept.filter(pl.col("topic") == "subtract").head(50)
    for row in checked.iter_rows(named=True):
        one, two = row["problem"].split(" 减去 ")
        assert Fraction(one) - Fraction(two.split(" ")[0]) == Fraction(row["answer"])


@pytest.mark.parametrize(
    ("said", "word", "why"),
    [
        ('{"wording": "{a} 加 {b} 得几？"}', None, None),
        ("{a} 加 {b} 得几？", None, None),
        ("<wording>{a} 加 {b} 得几？</wording>", None, None),
        ('好的：\n```json\n{"wording": "{a} 加 {b} 得几？"}\n```', None, None),
        ('{"wording": "{a} 加几？"}', "bad-placeholder", "the wording lacks {b}"),
        ('{"wording": "{a} 加 {b} 再加 {c}？"}', "bad-placeholder", "a placeholder nobody gave: {c}"),
        ('{"wording": "{a} 加 {b}，再加 3.5？"}', "bad-placeholder", "a number or brace of its own: 3.5"),
        ('{"wording": "{a} 加 ｛b｝？"}', "bad-placeholder", "the wording lacks {b}"),
        ('{"question": "{a} 加 {b}？"}', "empty", "the reply's JSON has no 'wording', but question"),
        ('{"wording": ["{a}", "{b}"]}', "empty", "the reply's wording is no text: ['{a}', '{b}']"),
        ('{"wording": "{a} 加 {b}', "empty", "the reply's JSON cannot be read: it is cut off or broken"),
        ("当然可以！\n{a} 加 {b} 得几？", "empty", "the reply has several lines, none of them named as the wording"),
    ],
)
def test_a_reject_says_what_is_wrong_with_the_reply(said: str, word: str | None, why: str | None) -> None:
    row = {"problem": "计算 -2.5 + 3 等于多少？", "answer": "0.5", "solution": "-2.5 + 3 = 0.5\n#### 0.5"}
    made, _ = worded(conform(pl.DataFrame([row])), lambda _: said, wordings=1, spot=0)
    assert made["reject"].to_list() == [word]
    assert (why or "") in (made["reject_why"][0] or "")
    if word is None:
        assert made["problem"][0] == "-2.5 加 3 得几？"


def test_a_row_without_a_solution_is_closed_in_its_own_language() -> None:
    for problem, closing in (("计算 2 + 3 等于多少？", "答案是：5"), ("What is 2 + 3?", "The answer is: 5")):
        rows = conform(pl.DataFrame([{"problem": problem, "answer": "5"}]))
        made, asked = worded(rows, lambda _: json.dumps({"wording": "{a}, {b}: ?"}), wordings=1, spot=0)
        assert made["solution"].to_list() == [closing]
        assert ("请换一种说法" in asked[0]) == ("计算" in problem)
    assert Template().name == "template"
