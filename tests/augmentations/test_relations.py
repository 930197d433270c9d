from __future__ import annotations

import polars as pl
import pytest

import mathdata
from mathdata.augmentations.relations import broken_relation
from mathdata.backends.scripted import Scripted
from mathdata.registry import build, register
from mathdata.schema import conform
from mathdata.stages.augment import augment
from mathdata.types import Completion, Problem, Request, Sampling

STORE = Problem(
    "1",
    "A shop has 40 pens at $5 and 30 rulers at $2. On Monday 25% of the pens are sold. How many pens are left after "
    "3 days in a week of 7 days?",
    "40 * 25 / 100 = 10 pens are sold. 40 - 10 = 30. 30 / 5 = 6. 6 * 7 = 42.\n#### 42",
    "42",
)


def sibling(pens="48", price="$6", rulers="36", ruler="$3", percent="25", days="3", week="7"):
    return (
        f"A shop has {pens} pens at {price} and {rulers} rulers at {ruler}. On Monday {percent}% of the pens are sold. "
        f"How many pens are left after {days} days in a week of {week} days?"
    )


GOOD = "48 * 25 / 100 = 12 pens are sold. 48 - 12 = 36. 36 / 6 = 6. 6 * 7 = 42.\n#### 42"


def test_a_sibling_that_keeps_every_relation_stays():
    assert broken_relation(STORE, sibling(), GOOD, "42") is None


@pytest.mark.parametrize(
    ("question", "solution", "answer", "word", "why"),
    [
        (sibling(pens="48.5"), GOOD, "42", "bad-placeholder", "'40' is whole, '48.5' is not"),
        (sibling(percent="125"), GOOD, "42", "bad-placeholder", "'25' percent became '125' percent"),
        (sibling(ruler="$9"), GOOD, "42", "bad-placeholder", "stand in another order of size"),
        (sibling(days="no"), GOOD, "42", "bad-placeholder", "has 6 numbers, the original 7"),
        (sibling(pens="0"), GOOD, "42", "bad-placeholder", "'40' became '0'"),
        (sibling(), GOOD.replace("6 * 7 = 42", "6 * 8 = 48"), "48", "false-step", "'6*8=48' uses 8, which neither"),
        (sibling(), GOOD.replace("/ 100", "/ 50"), "42", "bad-placeholder", "the constant 100 became 50"),
        (sibling(), GOOD.replace("36 / 6 = 6", "36 / 48 = 0.75"), "42", "bad-placeholder", "gives no whole number"),
        (sibling(), GOOD, "43", "wrong-answer", "the steps end in 42, the answer says 43"),
        (sibling(), "17 + 25 = 42\n" + GOOD, "42", "false-step", "'17+25=42' uses 17, which neither question nor"),
    ],
)
def test_a_broken_relation_is_told_by_name(question, solution, answer, word, why):
    found = broken_relation(STORE, question, solution, answer)
    assert found is not None
    assert found[0] == word
    assert why in found[1]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("In room 12 stand 30 chairs.", "In room 14 stand 32 chairs.", "'12' is no amount"),
        ("She was born in 1987 and has 3 cats.", "She was born in 1990 and has 3 cats.", "'1987' is no amount"),
        (
            "There are 60 minutes in an hour. He runs 2 hours.",
            "There are 50 minutes in an hour. He runs 3 hours.",
            "60",
        ),
        ("He eats 1/4 of 8 cakes.", "He eats 5/4 of 8 cakes.", "'1/4' is a part, '5/4' is more than the whole"),
        ("20% red, 30% blue of 50 balls", "60% red, 70% blue of 80 balls", "more than 100 together"),
        ("Tom has twelve eggs and 3 pans.", "Tom has 9.5 eggs and 3 pans.", "'twelve' is whole"),
        ("小明有三十个苹果和5个梨。", "小明有2.5个苹果和5个梨。", "'三十' is whole"),
    ],
)
def test_numbers_that_are_no_amounts_and_parts_of_a_whole_are_known(before, after, why):
    found = broken_relation(Problem("1", before), after, "", None)
    assert found is not None
    assert found[0] == "bad-placeholder"
    assert why in found[1]


def test_labels_that_stay_and_amounts_that_change_are_no_fault():
    room = Problem("1", "In room 12 stand 30 chairs. 10 more come.", "30 + 10 = 40", "40")
    assert broken_relation(room, "In room 12 stand 50 chairs. 14 more come.", "50 + 14 = 64", "64") is None


@pytest.mark.parametrize(
    ("before", "worked", "after", "solved", "answer"),
    [
        ("What is 59 - 19?", "9-9=0\n5-1=4\n#### 40", "What is 51 - 45?", "11-5=6\n5-4-1=0\n#### 6", "6"),
        ("One costs $.50, he has 4.", "4 * .50 = 2\n#### 2", "One costs $1.25, he has 8.", "8 * 1.25 = 10", "10"),
        ("长方形长 9 厘米，宽 4 厘米。", "9 * 4 = 36", "长方形长 8 厘米，宽 5 厘米。", "8 * 5 = 40", "40"),
    ],
)
def test_columns_prices_and_units_are_not_taken_for_broken(before, worked, after, solved, answer):
    assert broken_relation(Problem("1", before, worked, "0"), after, solved, answer) is None


def test_a_difference_that_falls_below_zero_is_seen():
    less = Problem("1", "He has 9 pens and gives 4 away.", "9 - 4 = 5", "5")
    found = broken_relation(less, "He has 3 pens and gives 7 away.", "3 - 7 = -4", "-4")
    assert found is not None
    assert "falls below zero" in found[1]


def test_rows_of_a_text_teacher_are_rejected_by_the_relation_they_break():
    said = iter(["48", "48.5"])
    reply = "<question>{}</question><solution>{}</solution><answer>42</answer>"
    register("backend", "varying")(
        lambda: Scripted.playing(lambda r, k: Completion(reply.format(sibling(pens=next(said)), GOOD)))
    )
    row = {"problem": STORE.problem, "solution": STORE.solution, "answer": "42"}
    made = augment(conform(pl.DataFrame([row])), method=["vary_numbers"], teacher="varying", samples=2)
    made = made.filter(pl.col("method") == "vary_numbers").sort("sample")
    assert made["reject"].to_list() == [None, "bad-placeholder"]
    assert made["reject_why"][1] == "'40' is whole, '48.5' is not"


def test_siblings_that_are_proved_are_seldom_taken_for_broken(shared):
    """The symbolic teacher keeps relations by construction: what is rejected here of its siblings is our mistake."""
    teacher = build("backend", "symbolic")
    rows = mathdata.read(shared / "gsm8k" / "train.jsonl").head(500).iter_rows(named=True)
    requests = [Request("vary_numbers", Problem.from_row(row), sampling=Sampling(seed=42)) for row in rows]
    why, proved = [], 0
    for request, (made,) in zip(requests, teacher.generate(requests)):
        if made.finish == "stop":
            proved += 1
            said = made.data
            why.append(broken_relation(request.problem, said["problem"], said["solution"], str(said["answer"])))
    rejected = [w for w in why if w is not None]
    print(f"{len(rejected)} of {proved} proved siblings rejected:", *rejected, sep="\n")
    assert proved > 300
    assert len(rejected) < 0.04 * proved
