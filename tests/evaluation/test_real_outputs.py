"""Real benchmarks and real model outputs: sizes, published figures, agreement with the sources' own verdicts."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest

from mathdata.benchmarks import get_benchmark
from mathdata.benchmarks.contest200 import exact
from mathdata.comparison import compare
from mathdata.evaluation import evaluate


@pytest.mark.parametrize(
    ("name", "n", "first"),
    [
        ("gsm8k", 1319, "18"),
        ("math", 5000, "2"),
        ("math500", 500, "\\left( 3, \\frac{\\pi}{2} \\right)"),
        ("svamp", 1000, "51"),
        ("cmath", 600, "9"),
        ("gsm8k_backward", 1270, "80000"),
        ("contest200", 200, "-5741.59"),
    ],
)
def test_every_benchmark_is_whole_and_every_row_has_an_answer(shared, name, n, first):
    rows = get_benchmark(name).load()
    assert rows.height == n
    assert rows["id"].n_unique() == n
    assert rows["answer"].null_count() == 0
    assert rows["answer"][0] == first
    benchmark = get_benchmark(name)
    assert benchmark.licence
    assert benchmark.version
    assert set(benchmark.by) <= set(rows.columns)


def test_math_has_seven_subjects_and_five_levels(shared):
    rows = get_benchmark("math").load()
    assert rows["subject"].n_unique() == 7
    assert sorted(rows["level"].unique()) == [f"Level {i}" for i in range(1, 6)]
    assert get_benchmark("math500").load()["level"].null_count() == 0


@pytest.mark.parametrize(
    ("model", "accuracy"),
    [
        ("openai-6b_finetuning", 0.2168),
        ("openai-6b_verification", 0.3904),
        ("openai-175b_finetuning", 0.3472),
        ("openai-175b_verification", 0.5625),
    ],
)
def test_published_gsm8k_figures_are_met_row_by_row(shared, tmp_path, model, accuracy):
    file = shared / "model_outputs" / "openai_gsm8k_examples.jsonl.gz"
    made = evaluate(model, benchmarks="gsm8k", responses=file, out=tmp_path / "e")
    assert made.benchmarks["gsm8k"]["accuracy"] == pytest.approx(accuracy, abs=5e-5)
    with gzip.open(file, "rt", encoding="utf-8") as f:
        source = {r["item"]: r["correct"] for r in map(json.loads, f) if r["model"] == model}
    mine = {i: v == "correct" for i, v in made.rows("gsm8k").select("id", "verdict").iter_rows()}
    assert mine == source


def test_rho_differs_from_its_source_only_where_the_source_takes_a_hundredth_for_the_whole(shared, tmp_path):
    file = shared / "model_outputs" / "rho-math-1b-v0.1.jsonl.gz"
    made = evaluate("rho-math-1b-v0.1", benchmarks="gsm8k", responses=file, out=tmp_path / "e")
    assert made.benchmarks["gsm8k"]["accuracy"] == pytest.approx(0.362, abs=0.003)


@pytest.mark.parametrize(
    ("model", "tolerance", "right"),
    [
        ("llama3-8b-baseline_eval", 1e-8, 29),
        ("llama3-8b-baseline_eval", 1e-4, 31),
        ("llama3-8b-baseline_eval", 1e-2, 40),
        ("llama3-8b-run-0", 1e-2, 15),
        ("llama3-8b-run-1", 1e-2, 16),
        ("llama3-8b-run-2", 1e-2, 66),
        ("llama3-8b-run-3", 1e-2, 60),
    ],
)
def test_the_contests_own_figures_are_met(shared, tmp_path, model, tolerance, right):
    file = shared / "model_outputs" / "seed_eval_200_llama3-8b.jsonl"
    spec = {"contest200": {"tolerance": tolerance}}
    made = evaluate(model, benchmarks=[spec], responses=file, out=tmp_path / "e")
    assert made.benchmarks["contest200"]["accuracy"] == right / 200


def test_every_contest_question_is_read_exactly(shared):
    rows = get_benchmark("contest200").load()
    assert rows["subject"].null_count() == 0
    assert exact("解方程 2x + 60 = 0")[1] == -30
    assert exact("什么是爱？") is None


def test_a_real_comparison_is_paired_and_every_wrong_answer_has_a_reason(shared, tmp_path):
    file = shared / "model_outputs" / "openai_gsm8k_examples.jsonl.gz"
    sides = [
        evaluate(m, benchmarks="gsm8k", responses=file, out=tmp_path / m)
        for m in ("openai-6b_finetuning", "openai-175b_verification")
    ]
    made = compare(*sides)
    assert made.points == pytest.approx(56.25 - 21.68, abs=0.02)
    assert made.p < 1e-90
    assert sum(made.why["before"].values()) == 1319 - round(0.2168 * 1319)
    assert {"slip", "wrong set-up"} <= set(made.why["before"])
    steps = pl.DataFrame(sides[0].benchmarks["gsm8k"]["by"]["steps"]["2"])
    assert steps["n"][0] > 100
