"""Values of expressions to many digits, with mpmath; inside the worker only, where time and memory are bounded."""

from __future__ import annotations

import random
from typing import Any

from mathdata.verifiers.numeric import symbols
from mathdata.verifiers.trees import Tree

__all__ = ["agree"]

DIGITS = 110
ENOUGH = 80


def agree(a: Tree, b: Tree) -> bool | None:
    """Whether two expressions agree to 80 digits at seeded points; None where they have no values."""
    import mpmath

    names = sorted(symbols(a) | symbols(b))
    rng = random.Random(7)
    seen = 0
    with mpmath.workdps(DIGITS):
        for _ in range(4 if names else 1):
            at = {n: mpmath.mpf(rng.randrange(10**8, 10**9)) / 4 / 10**8 for n in names}
            try:
                x, y = _value(a, at), _value(b, at)
            except (ZeroDivisionError, ValueError, TypeError, OverflowError, NotImplementedError, KeyError):
                continue
            if not (mpmath.isfinite(x) and mpmath.isfinite(y)):
                continue
            scale = max(abs(x), abs(y))
            if scale and abs(x - y) > scale * mpmath.mpf(10) ** -ENOUGH:
                return False
            seen += 1
    return True if seen else None


def _value(t: Tree, at: dict[str, Any]) -> Any:
    import mpmath as mp

    kind = t[0]
    if kind == "num":
        return mp.mpf(t[1].numerator) / t[1].denominator
    if kind == "sym":
        known = {"pi": mp.pi, "e": mp.e, "i": mp.mpc(0, 1), "I": mp.mpc(0, 1)}
        return +known[t[1]] if t[1] in known else at[t[1]]
    if kind == "add":
        return mp.fsum(_value(x, at) for x in t[1])
    if kind == "mul":
        return mp.fprod(_value(x, at) for x in t[1])
    if kind == "pow":
        return mp.power(_value(t[1], at), _value(t[2], at))
    if kind == "deg":
        return _value(t[1], at) * mp.pi / 180
    if kind == "pct":
        return _value(t[1], at) / 100
    if kind == "fn":
        return _function(t[1], [_value(x, at) for x in t[2]])
    raise TypeError(kind)


def _function(name: str, x: list[Any]) -> Any:
    import mpmath as mp

    if name == "root":
        if mp.im(x[0]) == 0 and x[0] < 0 and x[1] == int(x[1]) and int(x[1]) % 2:
            return -mp.root(-x[0], int(x[1]))
        return mp.power(x[0], 1 / x[1])
    if name == "log":
        return mp.log(x[0]) / mp.log(x[1] if len(x) > 1 else 10)
    table = {
        "ln": mp.log, "abs": abs, "floor": mp.floor, "ceil": mp.ceil, "factorial": mp.factorial, "binomial": mp.binomial,
        **{n: getattr(mp, n) for n in ["sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp"]},
    }  # fmt: skip
    return table[name](*x)
