"""The flag tier: problems told anew, for review only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mathdata.near.flags import Flags

ITEM = "A baker sells 12 muffins in the morning and 30 cakes in the afternoon. How many pieces did the baker sell that day?"
TOLD = "During the morning 12 muffins are sold by a baker, who sells 30 cakes later in the afternoon. What is his total for the day?"


def pairs(items: list[str], texts: list[str]) -> list[tuple[int, int]]:
    return [(f.text, f.item) for f in Flags(items).find(texts)]


def test_a_problem_told_anew_is_flagged_and_other_numbers_or_another_story_are_not() -> None:
    others = ["A train with 12 wagons carries 30 tons of coal over the mountain. How heavy is the load of one wagon?"]
    assert pairs([ITEM, *others], [TOLD]) == [(0, 0)]
    assert pairs([ITEM], [TOLD.replace("30", "31").replace("12", "13")]) == []
    assert pairs([ITEM], ["3 + 5", "", "12 and 30"]) == []


def questions(path: Path) -> list[str]:
    return [json.loads(line)["question"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_most_of_a_reworded_benchmark_is_flagged_and_hardly_a_false_pair(shared: Path) -> None:
    test, train = questions(shared / "gsm8k/test.jsonl"), questions(shared / "gsm8k/train.jsonl")
    told = questions(shared / "contamination/gsm8k_test_rephrased.jsonl")
    assert sum(a == b for a, b in set(pairs(test, told))) / len(told) >= 0.65
    everything = test + train
    false = {tuple(sorted(p)) for p in pairs(everything, everything) if p[0] != p[1]}
    assert len(false) <= 15
