"""Statistics of paired answers: McNemar, bootstrap, sign flips, the smallest detectable difference, Holm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["holm", "mcnemar", "minimum_detectable", "near_zero", "outcome", "paired_bootstrap", "sign_flip"]

DRAWS = 10_000
LEVEL = 0.05


def outcome(compared: Mapping[str, Any]) -> str:
    """helped, hurt or unclear: a difference is claimed only where the interval and the exact test both show one.

    >>> outcome({"low": 12.5, "high": 87.5, "p": 0.0625})  # eight problems: the bootstrap alone claims too much
    'unclear'
    """
    if compared["p"] >= LEVEL:
        return "unclear"
    return "helped" if compared["low"] > 0 else "hurt" if compared["high"] < 0 else "unclear"


def mcnemar(fixed: int, broken: int) -> float:
    """Exact two-sided McNemar p: how likely so lop-sided a split of the flips is, were both sides equal.

    >>> mcnemar(8, 1)
    0.0390625
    """
    n, few = fixed + broken, min(fixed, broken)
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(few + 1))
    return float(min(1.0, 2 * tail / 2**n))


def paired_bootstrap(difference: Sequence[float], seed: int = 0, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % percentile interval of the mean difference, problems resampled as pairs.

    Equal differences are drawn together (a multinomial over the distinct values): the same law, a thousandth the work.
    """
    values, counts = np.unique(np.asarray(difference, dtype=float), return_counts=True)
    n = int(counts.sum())
    if n == 0:
        return 0.0, 0.0
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, counts / n, size=draws) @ values / n
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def minimum_detectable(n: int, churn: float, power: float = 0.8) -> float:
    """The smallest true difference that a paired test of n problems finds in 80 % of runs.

    `churn` is the share of problems that flip for no reason: twice the rarer of the two directions. The difference
    itself is flips too, in one direction (Connor's formula, solved for the difference).

    >>> round(minimum_detectable(1000, 0.1), 3)  # one in ten flips back and forth
    0.032
    """
    if n == 0:
        return 1.0
    from statistics import NormalDist

    normal = NormalDist()
    sure, often = normal.inv_cdf(0.975), normal.inv_cdf(power)
    low, high = 0.0, 1.0
    for _ in range(60):
        d = (low + high) / 2
        flips = min(1.0, churn + d)
        found = d * math.sqrt(n) >= sure * math.sqrt(flips) + often * math.sqrt(max(flips - d * d, 0.0))
        low, high = (low, d) if found else (d, high)
    return high


NEAR_ZERO = 0.05


def near_zero(compared: Mapping[str, Any]) -> bool:
    """Whether both sides answer fewer than one problem in twenty: a difference there says little about the task."""
    right = [int(compared["both_right"]) + int(compared[k]) for k in ("broken", "fixed")]
    return max(right) / max(int(compared["n"]), 1) < NEAR_ZERO


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjusted p for several comparisons: the chance of any false finding stays below the level.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    adjusted, floor = {}, 0.0
    for rank, (name, value) in enumerate(sorted(p.items(), key=lambda item: item[1])):
        floor = max(floor, min(1.0, (len(p) - rank) * value))
        adjusted[name] = floor
    return {name: adjusted[name] for name in p}


def sign_flip(difference: Sequence[float], seed: int = 0, draws: int = DRAWS) -> float:
    """Two-sided p of a mean difference over problems: how often random signs make one as large."""
    values = np.asarray(difference, dtype=float)
    values = values[values != 0]
    if not len(values):
        return 1.0
    rng, seen = np.random.default_rng(seed), abs(values.sum()) - 1e-12
    hits = sum(
        int((np.abs(rng.choice([-1.0, 1.0], size=(500, len(values))) @ values) >= seen).sum())
        for _ in range(draws // 500)
    )
    return (hits + 1) / (draws + 1)
