"""Which rows stand in which step: all of them, in equal tokens, the same for any number of processes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.trainspec import TrainSpec, parse_spec
from trainers.order import Order, arrange


def spec(**changes: Any) -> TrainSpec:
    return parse_spec({"model": "x", "seed": 0} | changes)


LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=120)


@given(LENGTHS, st.integers(1, 5), st.integers(1, 3), st.sampled_from(["random", "length", "packed"]))
@settings(max_examples=60, deadline=None)
def test_one_epoch_shows_every_row_and_no_row_more_than_once_too_often(
    lengths: list[int], batch: int, accumulation: int, batches: str
) -> None:
    order = arrange(lengths, spec(batch=batch, accumulation=accumulation, epochs=1, batches=batches))
    seen = Counter(row for part in order.micro for row in part)
    assert set(seen) == set(range(len(lengths)))
    assert max(seen.values()) - min(seen.values()) <= 1 + (batch * accumulation) // len(lengths)
    assert len(order.micro) == order.steps * accumulation
    assert {len(part) for part in order.micro} == {batch}


@given(LENGTHS, st.integers(50, 400), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_a_token_budget_is_kept_within_one_window_row(lengths: list[int], per_step: int, steps: int) -> None:
    order = arrange(lengths, spec(tokens=per_step * steps, tokens_per_step=per_step))
    assert order.steps == steps
    assert 0 <= order.tokens - per_step * steps <= max(lengths) * (1 if max(lengths) <= per_step / 2 else steps)
    assert all(part for part in order.micro)


@given(LENGTHS, st.integers(100, 400))
@settings(max_examples=30, deadline=None)
def test_two_processes_see_the_rows_of_one(lengths: list[int], per_step: int) -> None:
    for asked in (spec(tokens_per_step=per_step, max_steps=5), spec(batch=2, global_batch=8, max_steps=5)):
        one, two = arrange(lengths, asked), arrange(lengths, asked, processes=2)
        enough = all(len(set(one.rows(s))) >= 2 for s in range(5))
        if asked.tokens_per_step is None or enough:
            assert [sorted(one.rows(s)) for s in range(5)] == [sorted(two.rows(s)) for s in range(5)]


def test_arms_of_different_row_lengths_get_equal_steps_and_tokens() -> None:
    rng = np.random.default_rng(0)
    asked = spec(tokens=130_000, tokens_per_step=1300)
    short = arrange(rng.integers(8, 30, 5000).tolist(), asked)
    long = arrange(rng.integers(40, 160, 900).tolist(), asked)
    assert short.steps == long.steps == 100
    assert abs(short.tokens - long.tokens) / long.tokens < 0.002
    assert short.padding < 0.1
    assert long.padding < 0.1


def test_sorting_in_windows_saves_the_padding_of_random_batches() -> None:
    lengths = np.random.default_rng(1).integers(20, 300, 2000).tolist()
    random, sorted_ = (arrange(lengths, spec(batch=16, epochs=1, batches=b)) for b in ("random", "length"))
    assert random.padding > 0.35
    assert sorted_.padding < 0.05


def test_a_window_never_holds_more_than_a_pass_where_a_pass_is_eight_steps() -> None:
    lengths = np.random.default_rng(1).integers(20, 300, 160).tolist()  # ten steps of 16 rows
    order = arrange(lengths, spec(batch=16, epochs=3, batches="length"))
    for start in (0, 10, 20):
        rows = [r for step in range(start, start + 10) for r in order.rows(step)]
        assert sorted(rows) == list(range(160))


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    lengths = list(range(5, 105))
    first, again, other = (arrange(lengths, spec(batch=4, epochs=2, seed=s)) for s in (1, 1, 2))
    assert first.micro == again.micro
    assert first.micro != other.micro
    assert arrange(lengths, spec(batch=4, epochs=2, seed=2, data_seed=1)).micro == first.micro


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1}, {"a": 3, "b": 1}])
def test_a_mixture_holds_its_shares_at_every_moment(weights: dict[str, float]) -> None:
    groups = ["a"] * 10 + ["b"] * 90
    asked = spec(batch=4, max_steps=40, batches="random", mixture={"weights": weights})
    order = arrange([10] * 100, asked, groups=groups)
    share = weights["a"] / sum(weights.values())
    for steps in (10, 40):
        drawn = [groups[r] for s in range(steps) for r in order.rows(s)]
        assert abs(drawn.count("a") / len(drawn) - share) < 0.05


def test_the_rows_of_a_step_are_named_for_the_sentinel() -> None:
    order = arrange([10] * 20, spec(batch=2, accumulation=2, max_steps=3))
    assert isinstance(order, Order)
    assert [len(order.rows(s)) for s in range(3)] == [4, 4, 4]
