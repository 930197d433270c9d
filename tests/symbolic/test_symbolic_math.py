"""MATH problems on whole numbers: the value is computed, the row is claimed only where its own answer agrees."""

import json

import pytest

from mathdata.backends.symbolic_gsm8k import answer
from mathdata.symbolic.formulas.rows import boxed
from mathdata.types import Problem, Request, Sampling
from mathdata.verifiers import check_steps, judge

ROWS = [
    ("What is the greatest common divisor of 252 and 198?", "18"),
    ("Find the greatest common factor of $84$, $126$ and $210$.", "42"),
    ("Find the least common multiple of 14 and 35.", "70"),
    ("What is the remainder when 8,675 is divided by 31?", "26"),
    ("Find the remainder when $7^{45}$ is divided by 11.", "10"),
    ("Compute $\\dbinom{9}{4}$.", "126"),
    ("Find $7^{-1} \\pmod{40}$, as a residue modulo 40.  (Give an answer between 0 and 39, inclusive.)", "23"),
]


def ask(method, text, gold, *, n=1, seed=1):
    problem = Problem("m1", text, f"It is $\\boxed{{{gold}}}$.", gold)
    return answer(Request(method, problem, sampling=Sampling(seed=seed, n=n)))


@pytest.mark.parametrize(("text", "gold"), ROWS)
def test_a_problem_of_a_known_family_is_worked_step_by_step_to_its_answer(text, gold):
    made = ask("step_cot", text, gold)[0].data
    assert made["answer"] == made["exact"] == gold
    assert made["problem"] == text
    assert made["solution"].startswith("## Step 1: ")
    assert judge(gold, made["solution"]).ok
    assert check_steps(made["solution"]).false == 0


@pytest.mark.parametrize(("text", "gold"), ROWS)
def test_a_variation_asks_the_same_with_other_numbers_and_is_worked_anew(text, gold):
    made = [c.data for c in ask("vary_numbers", text, gold, n=4)]
    assert len({m["problem"] for m in made} - {text}) > 1
    for row in made:
        assert judge(row["answer"], row["solution"]).ok
        assert check_steps(row["solution"]).false == 0
        again = ask("step_cot", row["problem"], row["answer"])[0]
        assert again.finish != "unsupported", "the variation is of the family and its answer is its value"


@pytest.mark.parametrize(("text", "gold"), ROWS)
def test_the_same_seed_gives_the_same_variation(text, gold):
    assert ask("vary_numbers", text, gold, n=3) == ask("vary_numbers", text, gold, n=3)


@pytest.mark.parametrize(("text", "gold"), ROWS)
def test_a_row_whose_answer_is_not_the_value_is_refused_as_a_contradiction(text, gold):
    made = ask("step_cot", text, str(int(gold) + 1))[0]
    assert made.finish == "unsupported"
    assert "contradiction" in str(made)


@pytest.mark.parametrize(
    "text",
    [
        "What is the greatest common divisor of 252 and the smallest prime above 198?",
        "Find the remainder when $x^2 + 3$ is divided by $x - 1$.",
        "Compute $\\sin 60^\\circ$.",
        "Find the least common multiple of 14 and 35. What is its largest prime factor?",
    ],
)
def test_a_problem_of_no_known_family_is_left_to_other_teachers(text):
    assert ask("step_cot", text, "9") is None
    assert ask("vary_numbers", text, "9") is None


@pytest.mark.parametrize(
    "text",
    [
        "Compute $\\binom{4}{7}$.",
        "Find the remainder when $5^0$ is divided by 3.",
        "What is the remainder when 5 is divided by 0?",
    ],
)
def test_a_degenerate_problem_is_refused_and_not_called_wrong(text):
    made = ask("step_cot", text, "0")[0]
    assert made.finish == "unsupported"
    assert "contradiction" not in str(made)
    assert "no value" in str(made)


def test_a_method_that_the_family_does_not_have_is_refused_with_its_name():
    made = ask("fobar", *ROWS[0])[0]
    assert made.finish == "unsupported"
    assert "fobar" in str(made)


def test_the_last_box_is_read_with_its_braces():
    assert boxed("$\\boxed{1}$ then $\\boxed{\\frac{1}{2}}$") == "\\frac{1}{2}"
    assert boxed("\\boxed{1") is None
    assert boxed("7") is None


def test_real_rows_of_known_families_never_contradict_and_pass_the_judge(shared):
    lines = (shared / "math/train.jsonl").read_text(encoding="utf-8").splitlines()
    claimed = 0
    for n, line in enumerate(lines):
        row = json.loads(line)
        problem = Problem(str(n), row["problem"], row["solution"], boxed(row["solution"]))
        made = answer(Request("step_cot", problem, sampling=Sampling(seed=1)))
        if made is None:
            continue
        assert made[0].finish != "unsupported", (row["problem"], str(made[0]))
        claimed += 1
        assert judge(problem.answer, made[0].text).ok
    assert claimed >= 0.007 * len(lines)
