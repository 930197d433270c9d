"""The symbolic teacher on rows in the style of GSM8K: what it makes is consistent, what it cannot prove it refuses."""

import re
import time

import pytest

from mathdata.augmentations.fobar import ASK as FOBAR_ASK
from mathdata.backends.symbolic_gsm8k import answer
from mathdata.symbolic.backward import ASK
from mathdata.symbolic.tie import tie
from mathdata.types import Problem, Request, Sampling
from mathdata.verifiers import check_steps, judge

PENS = (
    "Mia has 24 pens. Her brother Leo has half as many pens. Together they give 6 pens to a friend. "
    "How many pens do they have left?",
    "Leo has 24/2 = <<24/2=12>>12 pens.\nTogether they have 24+12 = <<24+12=36>>36 pens.\n"
    "After the gift they have 36-6 = <<36-6=30>>30 pens left.\n#### 30",
)
BREAD = (
    "A bakery sells loaves for $3 each. On Monday it sells 40 loaves and on Tuesday 25% more. "
    "How much money does it take in over both days?",
    "On Tuesday it sells 40*.25 = <<40*.25=10>>10 loaves more.\nThat is 40+10 = <<40+10=50>>50 loaves.\n"
    "Over both days it sells 40+50 = <<40+50=90>>90 loaves.\nSo it takes in 90*3 = $<<90*3=270>>270.\n#### 270",
)
PLAIN = (
    "A tank holds 450 liters. A pump adds 200 liters and then another 150 liters. How many liters are in the tank?",
    "After the first pump 450 liters + 200 liters = 650 liters are in it.\n650 + 150 = 800 liters in the end.\n#### 800",
)
ROWS = [PENS, BREAD, PLAIN]


def ask(method, row, *, n=1, seed=4096, **more):
    problem = Problem("ab12", row[0], row[1], row[1].rsplit("#### ", 1)[1], **more)
    return answer(Request(method, problem, sampling=Sampling(seed=seed, n=n)))


def good(made):
    assert judge(made["answer"], made["solution"]).ok
    assert check_steps(made["solution"]).false == 0


@pytest.mark.parametrize("row", ROWS)
def test_a_variation_has_other_numbers_and_every_step_is_true(row):
    (made,) = ask("vary_numbers", row)
    assert made.data["problem"] != row[0]
    assert made.data["answer"] != row[1].rsplit("#### ", 1)[1]
    assert re.sub(r"[\d.,]+", "#", made.data["problem"]) == re.sub(r"[\d.,]+", "#", row[0])
    good(made.data)
    tie(made.data["problem"], made.data["solution"])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_row():
    first, again, other = (ask("vary_numbers", PENS, seed=s)[0].data for s in (1, 1, 2))
    assert first == again != other


def test_samples_of_one_request_differ():
    made = [c.data["problem"] for c in ask("vary_numbers", PENS, n=6) if c.data]
    assert len(set(made)) == len(made) >= 4


@pytest.mark.parametrize("row", ROWS)
def test_a_backward_question_hides_one_number_and_its_solution_finds_it(row):
    for k in range(3):
        (made,) = ask("fobar", row, seed=4096 + k)
        if made.finish == "unsupported":
            continue
        start, end = made.data["mask"]
        hidden = row[0][start:end]
        assert made.data["answer"] == hidden
        assert made.data["problem"].startswith(row[0][:start] + "x" + row[0][end:])
        assert row[1].rsplit("#### ", 1)[1] in made.data["problem"]
        assert hidden not in re.findall(r"\d+", made.data["problem"][: len(row[0]) - 1])
        good(made.data)


def test_backward_samples_mask_different_numbers():
    made = [ask("fobar", BREAD, seed=4096 + k)[0] for k in range(4)]
    masks = [tuple(c.data["mask"]) for c in made if c.data]
    assert len(set(masks)) == len(masks) == 3
    assert made[3].finish == "unsupported"


def test_the_question_asked_backwards_is_worded_as_the_augmentation_words_it():
    assert FOBAR_ASK["en"] == ASK


def test_steps_are_numbered_and_closed_with_the_box():
    (made,) = ask("step_cot", PENS)
    assert made.data["problem"] == PENS[0]
    assert made.data["solution"] == (
        "## Step 1: Divide 24 by 2\nLeo has 24/2 = 12 pens.\n\n"
        "## Step 2: Add 24 and 12\nTogether they have 24+12 = 36 pens.\n\n"
        "## Step 3: Subtract 6 from 36\nAfter the gift they have 36-6 = 30 pens left.\n\n"
        "Therefore, the final answer is: $\\boxed{30}$. I hope it is correct."
    )
    good(made.data)


def test_a_row_without_a_worked_solution_is_not_ours():
    assert answer(Request("vary_numbers", Problem("a", "What is 2 + 3?"))) is None
    assert answer(Request("vary_numbers", Problem("a", "What is 2 + 3?", "It is 5.", "5"))) is None
    assert answer(Request("answer", Problem("a", *PENS))) is None


@pytest.mark.parametrize(
    ("question", "solution", "reason"),
    [
        ("Ann has 8 cats.", "She has <<8*3=25>>25 cats.\n#### 25", "false annotation"),
        ("Ann has 8 cats and 3 dogs.", "She has 8+3 = 12 pets.\n#### 12", "false equation"),
        ("Ann has 8 cats and 3 dogs.", "She has 8+3 = <<8+3=11>>11 pets.\n#### 12", "gold is no result"),
        ("Ann has 8 cats.", "She has 8+47 = <<8+47=55>>55 pets.\n#### 55", "unexplained operand"),
        ("Ann has 8 cats and 3 dogs.", "That makes eleven.\n#### 11", "no step"),
        ("Ann has 8 cats and 3 dogs.", "8+3 = <<8+3=11>>11\n#### eleven", "no answer"),
        ("Ann has 8 cats and 3 dogs.", "8+3 = <<8+y=11>>11\n#### 11", "does not parse"),
        ("Ann has 8 cats and 3 dogs.", "She has <<8+3=11>>12.\n#### 11", "shown differs"),
    ],
)
def test_what_cannot_be_proved_is_unsupported_with_its_reason(question, solution, reason):
    for method in ("vary_numbers", "fobar", "step_cot"):
        (made,) = ask(method, (question, solution))
        assert made.finish == "unsupported"
        assert made.reason.startswith(reason)
        assert not made.data


def test_a_row_whose_answer_column_says_otherwise_is_a_contradiction():
    problem = Problem("a", *PENS, answer="31")
    (made,) = answer(Request("vary_numbers", problem, sampling=Sampling(seed=1)))
    assert made.finish == "unsupported"
    assert "contradiction" in made.reason


def changed(row, seeds=40):
    """Every value that a number of the question takes over many seeds, by its place."""
    found = [
        re.findall(r"\d+(?:\.\d+)?", c.data["problem"])
        for s in range(seeds)
        for c in ask("vary_numbers", row, seed=s)
        if c.data
    ]
    return [set(values) for values in zip(*found)]


def test_known_constants_stay():
    row = (
        "A cook bakes 5 cakes a day. How many cakes does the cook bake in 3 weeks of 7 days?",
        "3 weeks have 3*7 = <<3*7=21>>21 days.\nThe cook bakes 21*5 = <<21*5=105>>105 cakes.\n#### 105",
    )
    cakes, weeks, days = changed(row)
    assert days == {"7"}
    assert len(cakes) > 1 < len(weeks)


def test_a_count_that_is_told_one_by_one_stays():
    row = (
        "Jo owns 3 shops. The first shop sells 40 hats, the second sells 25 hats and the third sells 15 hats. "
        "How many hats does a shop sell on average?",
        "They sell 40+25+15 = <<40+25+15=80>>80 hats.\nOn average 80/3*3 = <<80/3*3=80>>80.\n#### 80",
    )
    assert changed(row)[0] == {"3"}


def test_the_parts_of_a_written_fraction_stay():
    row = (
        "Of 60 birds 1/3 fly away and 2 come back. How many birds are there?",
        "60/3 = <<60/3=20>>20 fly away.\n60-20+2 = <<60-20+2=42>>42 birds are there.\n#### 42",
    )
    birds, one, three, _ = changed(row)
    assert one == {"1"}
    assert three == {"3"}
    assert len(birds) > 1


def test_percents_stay_below_a_hundred_and_wholes_stay_whole():
    for seed in range(40):
        (made,) = ask("vary_numbers", BREAD, seed=seed)
        numbers = re.findall(r"\d+(?:\.\d+)?", made.data["problem"])
        assert 0 < int(numbers[2]) < 100
        assert made.data["answer"].isdigit()


def test_numbers_of_one_value_move_together():
    row = (
        "Amy buys 15 red beads. Zoe buys 15 blue beads and loses 4. How many beads do they have?",
        "Zoe keeps 15-4 = <<15-4=11>>11 beads.\nThey have 15+11 = <<15+11=26>>26 beads.\n#### 26",
    )
    for seed in range(20):
        (made,) = ask("vary_numbers", row, seed=seed)
        first, second, _ = re.findall(r"\d+", made.data["problem"])
        assert first == second


def test_a_number_of_the_prose_that_may_be_the_result_is_not_left_behind():
    row = (
        "Jay may drink 32 ounces a day. He had 8 ounces of milk and 16 ounces of tea. How many ounces may he still drink?",
        "He had 24 ounces because 8 plus 16 equals <<8+16=24>>24.\n"
        "He may drink 8 ounces because 32 - 24 equals <<32-24=8>>8.\n#### 8",
    )
    for seed in range(30):
        for made in ask("vary_numbers", row, seed=seed):
            if made.data:
                told = re.search(r"may drink (\d+) ounces because", made.data["solution"])[1]
                assert told == made.data["answer"]


def test_hostile_rows_are_refused_in_bounded_time():
    start = time.process_time()
    for solution in (
        "1+" * 4_000 + "1 = 2\n#### 2",
        "1 + 2 = 3. " * 900 + "\n#### 3",
        "1+" * 20_000 + "1 = 2\n#### 2",
        "<<" * 20_000 + "\n#### 1",
        "9" * 50_000 + "\n#### 1",
        "(" * 9_000 + "\n#### 1",
    ):
        (made,) = ask("vary_numbers", ("Tom has 3 pens.", solution))
        assert made.finish == "unsupported"
    assert time.process_time() - start < 3
