"""Rows of MATH and of GSM8K together, through the stage: what is made is judged, what is not proved is set aside."""

import polars as pl

from mathdata.schema import conform
from mathdata.stages.augment import augment
from mathdata.types import Context
from mathdata.verifiers import judge

ROWS = [
    ("What is the greatest common divisor of 84 and 132?", "It is $\\boxed{12}$.", "12"),
    ("Solve for $x$: $3x + 7 = 22$.", "$3x = 15$, so $x = \\boxed{5}$.", "5"),
    ("Compute $\\frac{3}{4} + \\frac{5}{6}$.", "It is $\\boxed{\\frac{19}{12}}$.", "\\frac{19}{12}"),
    ("How many trees are on the island in the picture?", "There are $\\boxed{7}$.", "7"),
    (
        "Ken has 36 bags with 14 pears each. He eats 25 pears. How many pears are left?",
        "He has 36*14 = <<36*14=504>>504 pears.\nSo 504-25 = <<504-25=479>>479 are left.\n#### 479",
        "479",
    ),
    ("What is the remainder when $17$ is divided by $5$?", "It is $\\boxed{3}$.", "3"),
]


def made(method, rows=ROWS):
    table = conform(pl.DataFrame(rows, schema=["problem", "solution", "answer"], orient="row"), "mixed")
    after = augment(table, ctx=Context(), method=method, teacher="symbolic", samples=2)
    return after.filter(pl.col("method").is_not_null())


def test_rows_of_both_kinds_are_varied_asked_backwards_and_worked_step_by_step():
    rows = made(["vary_numbers", "fobar", "step_cot"])
    kept = rows.filter(pl.col("reject").is_null())
    assert {"vary_numbers", "fobar", "step_cot"} <= set(kept["method"])
    assert kept.filter(pl.col("method") == "vary_numbers").height >= 2 * 4
    for row in kept.to_dicts():
        assert judge(row["answer"], row["solution"]).ok


def test_what_has_no_proof_is_set_aside_with_the_reason():
    rows = made(["vary_numbers"], ROWS[3:4])
    assert set(rows["reject"]) == {"unsupported"}
    assert all(rows["reject_why"])


def test_an_answer_that_its_own_problem_denies_makes_no_row():
    text, solution, _ = ROWS[0]
    rows = made(["vary_numbers", "step_cot"], [(text, solution.replace("12", "24"), "24")])
    assert rows.filter(pl.col("reject").is_null()).is_empty()
