from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.backends._pace import Limiter, Pace, seconds_of
from mathdata.backends.money import Budget, Price, guess_tokens, most_tokens
from mathdata.types import Problem, Request, Sampling


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def play(limiter, clock, capacity, latency, answers):
    """A server that serves `capacity` at once and queues the rest."""
    for _ in range(answers):
        at_once = limiter.now
        clock.now += latency * max(1.0, at_once / capacity) / at_once
        limiter.answered(latency * max(1.0, at_once / capacity))
    return limiter.now


@pytest.mark.parametrize("capacity", [4, 32, 200])
def test_concurrency_settles_near_what_the_server_can_do(capacity):
    clock = Clock()
    limiter = Limiter(clock=clock)
    found = play(limiter, clock, capacity, 0.2, 30_000)
    assert capacity * 0.9 <= found <= capacity * 5


def test_a_server_that_batches_is_given_enough_to_batch():
    """Latency grows with every request more, and so does throughput: c / (1 + c / 64) a second."""
    clock = Clock()
    limiter = Limiter(clock=clock)
    for _ in range(30_000):
        clock.now += (1 + limiter.now / 64) / limiter.now
        limiter.answered(1 + limiter.now / 64)
    assert limiter.now / (1 + limiter.now / 64) > 40


def test_an_overload_lowers_it_once_for_all_that_were_under_way():
    clock = Clock()
    limiter = Limiter(clock=clock, limit=100)
    clock.now = 10
    for _ in range(50):
        limiter.overloaded()
    assert limiter.now == 70
    clock.now = 12
    limiter.overloaded()
    assert limiter.now == 49


def refusing(limiter, clock, refused, steps=20_000, latency=0.2):
    """A server that answers in `latency`, and refuses a share of requests that depends on how many are under way."""
    random, shares, at_once = Random(0), [], []
    for _ in range(steps):
        clock.now += latency / limiter.now
        share = refused(limiter.now)
        shares.append(share)
        at_once.append(limiter.now)
        if random.random() < share:
            limiter.refused()
        else:
            limiter.answered(latency * max(1.0, limiter.now / 200))
    half = steps // 2
    return sum(at_once[half:]) / half, sum(shares[half:]) / half


def test_refusals_at_random_do_not_bring_it_down():
    clean, noisy = Clock(), Clock()
    without, _ = refusing(Limiter(clock=clean), clean, lambda n: 0.0)
    with_them, _ = refusing(Limiter(clock=noisy), noisy, lambda n: 0.1)
    assert with_them > 0.6 * without
    assert with_them > 100


@pytest.mark.parametrize("capacity", [8, 50])
def test_refusals_of_what_is_too_much_bring_it_down_to_what_is_not(capacity):
    clock = Clock()
    at_once, share = refusing(Limiter(clock=clock), clock, lambda n: max(0.0, 1 - capacity / n))
    assert 0.7 * capacity < at_once < 1.6 * capacity
    assert share < 0.3


def test_it_never_falls_below_one_and_a_fixed_one_never_moves():
    clock = Clock()
    limiter, fixed = Limiter(clock=clock), Limiter(fixed=12, clock=clock)
    for i in range(100):
        clock.now = 2.0 * i
        limiter.overloaded()
        fixed.overloaded()
        fixed.answered(9.0)
    assert (limiter.now, fixed.now) == (1, 12)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("1h2m3s", 3723.0), ("7", 7.0), ("x", None), (None, None)],
)
def test_reset_times_are_read_in_every_form(text, seconds):
    assert seconds_of(text) == seconds


def test_with_nothing_left_it_waits_until_the_window_is_over():
    clock = Clock()
    pace = Pace(clock=clock)
    assert pace.delay(lambda: 100) == 0
    pace.read({"x-ratelimit-remaining-requests": "2", "x-ratelimit-reset-requests": "5s"})
    assert [pace.delay(lambda: 1), pace.delay(lambda: 1)] == [0, 0]
    assert pace.delay(lambda: 1) == 5
    clock.now = 5.1
    assert pace.delay(lambda: 1) == 0


def test_tokens_of_a_window_are_kept_to_as_well():
    clock = Clock()
    pace = Pace(clock=clock)
    pace.read(
        {"x-ratelimit-remaining-tokens": "1000", "x-ratelimit-reset-tokens": "2s", "x-ratelimit-limit-tokens": "5000"}
    )
    assert pace.delay(lambda: 800) == 0
    assert pace.delay(lambda: 800) == 2
    clock.now = 3
    assert pace.delay(lambda: 800) == 0
    pace.read({"x-ratelimit-remaining-tokens": "junk", "x-ratelimit-reset-tokens": "2s"})
    assert pace.delay(lambda: 10) == 0


texts = st.text(max_size=200)


@given(texts, st.integers(1, 8), st.integers(1, 4000))
@settings(max_examples=100, deadline=None)
def test_what_is_held_covers_what_a_request_can_cost(text, n, limit):
    request = Request(
        "answer",
        Problem("1", "q"),
        messages=({"role": "user", "content": text},),
        sampling=Sampling(n=n, max_tokens=limit),
    )
    assert most_tokens(request) >= guess_tokens(request)
    budget = Budget(usd=1e9, price=Price(1.0, 2.0))
    held = budget.hold(request)
    assert held == pytest.approx((most_tokens(request) + 2 * n * limit) / 1e6)
    budget.settle(held, most_tokens(request), n * limit)
    assert budget.spent == pytest.approx(held)
    assert budget.held == 0


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=40), st.integers(50, 2000))
@settings(max_examples=100, deadline=None)
def test_a_budget_is_never_passed_whatever_the_answers_cost(answers, limit):
    budget = Budget(tokens=limit)
    for most, spent in answers:
        request = Request(
            "answer",
            Problem("1", "q"),
            messages=({"role": "user", "content": "hello"},),
            sampling=Sampling(max_tokens=most),
        )
        held = budget.hold(request)
        if held is not None:
            budget.settle(held, 2, min(spent, most))
        assert budget.spent <= limit
