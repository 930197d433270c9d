"""The statistics against definitions, brute force and published values."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.figures import final_exact, majority, pass_at_k, propose_limit, summarise, wilson
from mathdata.paired import holm, mcnemar, minimum_detectable, near_zero, paired_bootstrap


def graded(verdicts: list[str], **columns: list) -> pl.DataFrame:
    n = len(verdicts)
    base = {
        "id": [str(i) for i in range(n)],
        "sample": [0] * n,
        "verdict": verdicts,
        "strict_verdict": verdicts,
        "format_ok": [v in ("correct", "wrong") for v in verdicts],
        "final_exact": [v == "correct" for v in verdicts],
        "cut_off": [False] * n,
        "response": ["x = 1"] * n,
        "tokens": [10] * n,
        "got": ["1"] * n,
    }
    return pl.DataFrame(base | columns)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"), [(50, 100, 0.4038, 0.5962), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_wilson_gives_the_published_intervals(right, n, low, high):
    assert wilson(right, n) == pytest.approx((low, high), abs=5e-4)


def test_one_run_on_gsm8k_is_sure_to_about_two_points_only():
    low, high = wilson(0.8 * 1319, 1319)
    assert (high - low) / 2 == pytest.approx(0.0216, abs=5e-4)


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
@settings(max_examples=60, deadline=None)
def test_pass_at_k_equals_the_share_over_all_subsets(case):
    n, right, k = case
    samples = [i < right for i in range(n)]
    subsets = list(itertools.combinations(samples, k))
    assert pass_at_k(n, right, k) == pytest.approx(sum(any(s) for s in subsets) / len(subsets))


@pytest.mark.parametrize(
    ("got", "winner"),
    [
        (["3", "1/2", "0.5", "\\frac12", "3"], 1),
        (["7", "1 1/2", "7", "3/2", "1.5"], 1),
        (["12", "1,2", "2,1", "(1,2)"], 1),
        (["5", "x = 4", "4", "5"], 0),  # a tie: the earliest
        (["50\\%", "0.5", "3", "3", "3"], 2),
        (["007", "7", "8"], 0),
    ],
)
def test_majority_votes_by_value(got: list[str], winner: int) -> None:
    assert majority(got, [i == winner for i in range(len(got))])
    assert not majority(got, [i != winner for i in range(len(got))])


def test_majority_takes_the_most_frequent_answer_and_never_no_answer():
    assert majority(["5", "7", "5.", None], [True, False, True, False])
    assert not majority(["7", "7", "5"], [False, False, True])
    assert majority([None, None, "5"], [False, False, True])
    assert not majority([None, ""], [False, False])
    assert majority(["1,000", "1000", "3", "3"], [True, True, False, False])


@pytest.mark.parametrize(
    ("got", "gold", "same"),
    [
        ("0042", "42", True),
        ("42.0", "42", False),
        ("forty-two", "42", False),
        ("1,234", "1234", True),
        (None, "1", False),
    ],
)
def test_final_exact_match_takes_leading_zeros_and_nothing_else(got, gold, same):
    assert final_exact(got, gold) is same


def test_every_verdict_has_its_own_figure_and_could_not_tell_is_not_wrong():
    figures = summarise(graded(["correct", "wrong", "unparsed", "timeout", "error"]))
    assert (
        figures["accuracy"] == figures["wrong"] == figures["unparsed"] == figures["timeout"] == figures["error"] == 0.2
    )


def test_accuracy_is_broken_down_and_macro_averages_subjects():
    frame = graded(["correct"] * 3 + ["wrong"], subject=["algebra"] * 3 + ["geometry"])
    figures = summarise(frame, by=["subject", "level"])
    assert {k: v["accuracy"] for k, v in figures["by"]["subject"].items()} == {"algebra": 1.0, "geometry": 0.0}
    assert figures["macro_accuracy"] == 0.5
    assert figures["accuracy"] == 0.75


def test_samples_of_one_problem_are_not_counted_as_problems():
    frame = graded(["correct", "wrong", "wrong", "wrong"], id=["a", "a", "b", "b"], sample=[0, 1, 0, 1])
    figures = summarise(frame)
    assert figures["n"] == 2
    assert figures["accuracy"] == 0.25
    assert figures["pass_at"] == {"1": 0.25, "2": 0.5}
    assert figures["stderr"] == pytest.approx(0.25)


def test_the_limit_proposed_would_have_kept_nearly_all():
    rng = random.Random(0)
    lengths = [int(math.exp(rng.gauss(5.3, 0.5))) for _ in range(4000)]
    limit = 300
    cut = sum(x >= limit for x in lengths) / len(lengths)
    proposed = propose_limit([min(x, limit) for x in lengths], limit, cut)
    assert cut > 0.15
    assert sum(x >= proposed for x in lengths) / len(lengths) < 0.03
    assert proposed <= 4 * limit


def test_mcnemar_is_the_binomial_test_of_the_flips():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(6, 0) == pytest.approx(2 * 0.5**6)
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(3000, 2000) < 1e-40


@given(st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_mcnemar_is_symmetric_and_a_probability(a, b):
    assert mcnemar(a, b) == mcnemar(b, a)
    assert 0 < mcnemar(a, b) <= 1


def test_the_bootstrap_equals_resampling_row_by_row():
    difference = np.array([1.0] * 30 + [-1.0] * 10 + [0.0] * 60)
    rng = np.random.default_rng(1)
    slow = [rng.choice(difference, len(difference)).mean() for _ in range(4000)]
    assert paired_bootstrap(difference, seed=3) == pytest.approx(tuple(np.percentile(slow, [2.5, 97.5])), abs=0.015)
    assert paired_bootstrap(difference, seed=3) == paired_bootstrap(difference, seed=3)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for i in range(200):
        sample = rng.choice([1, 0, -1], p=[0.3, 0.5, 0.2], size=300)
        low, high = paired_bootstrap(sample, seed=i, draws=1000)
        hits += low <= 0.1 <= high
    assert 180 <= hits <= 200


@pytest.mark.parametrize(("n", "churn"), [(1000, 0.2), (360, 0.0), (500, 0.02)])
def test_the_minimum_detectable_difference_is_found_in_about_four_runs_of_five(n, churn):
    rng = np.random.default_rng(0)
    true = minimum_detectable(n, churn)
    found = 0
    for _ in range(400):
        fixed, broken, _rest = rng.multinomial(n, [churn / 2 + true, churn / 2, 1 - churn - true])
        found += mcnemar(int(fixed), int(broken)) < 0.05
    assert 0.68 <= found / 400 <= 0.9  # the exact test is a little careful where few flip
    assert true > minimum_detectable(4 * n, churn)


def test_a_difference_where_nearly_nothing_is_right_is_told_apart():
    flips = {"n": 400, "both_right": 1, "fixed": 9, "broken": 0}
    assert near_zero(flips)
    assert not near_zero(flips | {"fixed": 30})
    assert not near_zero(flips | {"broken": 30})


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.floats(0, 1), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_holm_never_lowers_a_p_and_keeps_their_order(p):
    adjusted = holm(p)
    assert all(adjusted[k] >= p[k] - 1e-12 and adjusted[k] <= 1 for k in p)
    order = sorted(p, key=lambda k: p[k])
    assert all(adjusted[a] <= adjusted[b] + 1e-12 for a, b in itertools.pairwise(order))
