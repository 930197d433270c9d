"""lm-eval's own rules and figures: what it told for each case stands in a file, ours must tell the same."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.benchmarks import get_benchmark
from mathdata.figures import final_exact
from mathdata.leaderboard import lm_eval_figures, lm_eval_results, lm_eval_table, pooled, stderr
from mathdata.verifiers.minerva import gsm8k_scores, minerva_scores

CASES = [json.loads(x) for x in (Path(__file__).parent / "cases" / "lm_eval.jsonl").read_text().splitlines()]
"""Cases of our own; the verdicts are those that lm-eval 0.4.13 gave."""


def test_minerva_answers_are_judged_as_lm_eval_judges_them() -> None:
    mine = [c for c in CASES if c["task"] == "minerva_math"]
    rows = [
        {"gold": c["gold"], "solution": f"So it is $\\boxed{{{c['gold']}}}$.", "response": c["response"]} for c in mine
    ]
    told = [{k: c[k] for k in ("exact_match", "math_verify")} for c in mine]
    assert len(mine) >= 25
    assert {t["exact_match"] for t in told} == {True, False}
    assert minerva_scores(rows) == told


@pytest.mark.parametrize("case", [c for c in CASES if c["task"] == "gsm8k"], ids=lambda c: c["response"][:20])
def test_gsm8k_answers_are_read_as_lm_eval_reads_them(case: dict[str, Any]) -> None:
    assert gsm8k_scores(case["gold"], case["response"]) == {k: case[k] for k in ("strict-match", "flexible-extract")}


@pytest.mark.parametrize(
    ("said", "same"), [("42", True), ("0042", True), ("42.0", False), ("forty-two", False), (None, False)]
)
def test_final_exact_match_is_a_figure_of_its_own(said: str | None, same: bool) -> None:
    assert final_exact(said, "42") is same


@pytest.mark.slow
def test_an_item_that_no_parser_survives_costs_itself_only() -> None:
    deep = "Final Answer: The final answer is $" + "{" * 3000 + "1" + "}" * 3000 + "$. I hope it is correct."
    fine = "Final Answer: The final answer is $4$. I hope it is correct."
    rows = [{"gold": "4", "solution": r"$\boxed{4}$", "response": text} for text in (fine, deep, fine)]
    assert [s["exact_match"] for s in minerva_scores(rows, processes=1)] == [True, False, True]


def graded() -> pl.DataFrame:
    """Five answers of two subjects in Minerva's form: three of algebra, one right; two of geometry, both right."""
    rows = []
    for subject, n, right in (("Algebra", 3, 1), ("Geometry", 2, 2)):
        for i in range(n):
            said = 7 if i < right else 8
            text = f"Final Answer: The final answer is ${said}$. I hope it is correct."
            rows.append({"subject": subject, "gold": "7", "solution": r"$\boxed{7}$", "response": text, "sample": 0})
    return pl.DataFrame(rows)


def test_subjects_and_their_group_carry_lm_evals_standard_errors() -> None:
    made = lm_eval_figures(get_benchmark("math"), graded())
    assert made is not None
    algebra, geometry = (
        made["tasks"][f"minerva_math_{w}"]["metrics"]["exact_match,none"] for w in ("algebra", "geometry")
    )
    assert algebra == {
        "value": pytest.approx(1 / 3),
        "stderr": pytest.approx(statistics.stdev([1, 0, 0]) / math.sqrt(3)),
    }
    assert geometry == {"value": 1.0, "stderr": 0.0}
    group = made["group"]["minerva_math"]["metrics"]["exact_match,none"]
    assert group["value"] == pytest.approx(3 / 5)
    variance = (2 * algebra["stderr"] ** 2 * 3 + 0.0) / (5 - 2)
    assert group["stderr"] == pytest.approx(math.sqrt(variance / 5))


def test_one_answer_has_no_standard_error() -> None:
    assert stderr(1, 1) is None
    assert pooled([None, 0.1], [1, 5]) is None


def test_the_table_and_the_file_show_the_group_above_its_subjects() -> None:
    figures = {
        "lm_eval": lm_eval_figures(get_benchmark("math"), graded()),
        "identity": {"version": "x", "shots": 0},
        "digest": "d",
    }
    lines = lm_eval_table(figures).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "minerva_math", "", "- minerva_math_algebra", "", "- minerva_math_geometry", "",
    ]  # fmt: skip
    assert "0.6000" in lines[2]
    assert "± " in lines[2]
    file = lm_eval_results({"model": "m", "benchmarks": {"math": figures}})
    assert set(file["results"]) == {"minerva_math", "minerva_math_algebra", "minerva_math_geometry"}
    assert file["group_subtasks"]["minerva_math"] == ["minerva_math_algebra", "minerva_math_geometry"]
    assert file["groups"]["minerva_math"]["exact_match,none"] == pytest.approx(0.6)
    assert file["results"]["minerva_math_algebra"]["alias"] == "minerva_math_algebra"
