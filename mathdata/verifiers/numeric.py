"""Approximate values of an expression at seeded points: enough to disprove an equality, evidence where it holds."""

from __future__ import annotations

import cmath
import math
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mathdata.verifiers.trees import Tree

__all__ = ["NoNumber", "differ", "far_apart", "symbols", "value"]


class NoNumber(Exception):
    """No number comes out: overflow, a symbol without a value, a function not known here."""


def symbols(tree: Tree, found: set[str] | None = None) -> set[str]:
    """The free names of an expression (pi, e and i are no names)."""
    found = set() if found is None else found
    if tree[0] == "sym":
        if tree[1] not in ("pi", "e", "i", "I", "oo"):
            found.add(tree[1])
    else:
        for part in tree[1:]:
            if isinstance(part, tuple):
                for t in part if part and isinstance(part[0], tuple) else (part,):
                    if isinstance(t, tuple) and t and isinstance(t[0], str):
                        symbols(t, found)
    return found


def _log(x: complex, base: complex = cmath.e) -> complex:
    return cmath.log(x) / cmath.log(base)


_FUNCTIONS: dict[str, Callable[..., complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "ln": cmath.log, "asin": cmath.asin, "acos": cmath.acos,
    "atan": cmath.atan, "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "asinh": cmath.asinh,
    "acosh": cmath.acosh, "atanh": cmath.atanh, "sec": lambda x: 1 / cmath.cos(x), "csc": lambda x: 1 / cmath.sin(x),
    "cot": lambda x: 1 / cmath.tan(x), "abs": abs, "log": lambda x, b=10: _log(x, b), "acot": lambda x: cmath.atan(1 / x),
    "exp": cmath.exp, "asec": lambda x: cmath.acos(1 / x), "acsc": lambda x: cmath.asin(1 / x),
}  # fmt: skip


def value(tree: Tree, at: dict[str, float], log_base: float = 10) -> tuple[complex, float]:
    """(value, size of the largest part): the size tells how many digits of the value are real. Raises NoNumber."""
    try:
        return _value(tree, at, log_base)
    except (OverflowError, ValueError, ZeroDivisionError, TypeError, RecursionError) as e:
        raise NoNumber(str(e)) from None


def _value(t: Tree, at: dict[str, float], log_base: float) -> tuple[complex, float]:
    kind = t[0]
    if kind == "num":
        x = complex(float(t[1]))
        return x, abs(x)
    if kind == "sym":
        x = complex(_constant(t[1], at))
        return x, abs(x)
    if kind == "add":
        parts = [_value(p, at, log_base) for p in t[1]]
        return sum(p[0] for p in parts), max(p[1] for p in parts)
    if kind == "mul":
        out, size = complex(1), 1.0
        for p in t[1]:
            x, s = _value(p, at, log_base)
            size = max(abs(out) * s, size * abs(x))
            out *= x
        return out, size
    if kind == "pow":
        return _power(_value(t[1], at, log_base), _value(t[2], at, log_base))
    if kind == "fn":
        return _function(t, at, log_base)
    if kind in ("deg", "pct"):
        x, s = _value(t[1], at, log_base)
        factor = math.pi / 180 if kind == "deg" else 0.01
        return x * factor, s * factor
    if kind == "base":
        return complex(int(t[1], t[2])), float(int(t[1], t[2]))
    raise NoNumber(kind)


def _constant(name: str, at: dict[str, float]) -> complex:
    known: dict[str, complex] = {"pi": math.pi, "e": math.e, "i": 1j, "I": 1j}
    if name in known:
        return known[name]
    if name in at:
        return at[name]
    raise NoNumber(name)


def _power(base: tuple[complex, float], exponent: tuple[complex, float]) -> tuple[complex, float]:
    b, e = base[0], exponent[0]
    if abs(e) > 1e4 or (b and abs(e.real) * abs(math.log(abs(b))) > 600):
        raise NoNumber("overflow")
    out = b**e
    relative = base[1] / abs(b) * abs(e) if b else 1.0
    return out, abs(out) * max(1.0, relative, exponent[1])


def _function(t: Tree, at: dict[str, float], log_base: float) -> tuple[complex, float]:
    name = t[1]
    parts = [_value(p, at, log_base) for p in t[2]]
    if name == "root":
        (x, s), (n, _) = parts
        if abs(x.imag) < 1e-12 and x.real < 0 and n.imag == 0 and n.real == int(n.real) and int(n.real) % 2:
            out: complex = -((-x.real) ** (1 / n.real))
        else:
            out = x ** (1 / n)
        return out, abs(out) * max(1.0, s / abs(x) if x else 1.0)
    if name == "log" and len(parts) == 1:
        out = _log(parts[0][0], log_base or math.e)
        return out, max(1.0, abs(out), parts[0][1])
    if name in ("floor", "ceil") and abs(parts[0][0].imag) < 1e-12:
        out = complex(math.floor(parts[0][0].real) if name == "floor" else math.ceil(parts[0][0].real))
        return out, abs(out) + 1
    if name in ("factorial", "binomial") and all(abs(p[0].imag) < 1e-12 for p in parts):
        real = [p[0].real for p in parts]
        out = math.gamma(real[0] + 1)
        if name == "binomial":
            out /= math.gamma(real[1] + 1) * math.gamma(real[0] - real[1] + 1)
        return complex(out), abs(out)
    if name not in _FUNCTIONS or len(parts) > 2:
        raise NoNumber(name)
    out = complex(_FUNCTIONS[name](*(p[0] for p in parts)))
    return out, max(abs(out), *(p[1] for p in parts))


def magnitude(t: Tree) -> float:
    """Natural logarithm of the size of a positive constant too big for a float; inf past that too. Raises NoNumber."""
    try:
        return _magnitude(t)
    except (OverflowError, ValueError, ZeroDivisionError, TypeError, RecursionError) as e:
        raise NoNumber(str(e)) from None


def _magnitude(t: Tree) -> float:
    kind = t[0]
    if kind == "num" and t[1] > 0:
        return math.log(t[1].numerator) - math.log(t[1].denominator)
    if kind == "sym" and t[1] in ("pi", "e"):
        return math.log(math.pi) if t[1] == "pi" else 1.0
    if kind == "mul":
        return math.fsum(_magnitude(x) for x in t[1])
    if kind == "add":
        sizes = [_magnitude(x) for x in t[1]]
        top = max(sizes)
        return top if math.isinf(top) else top + math.log(math.fsum(math.exp(x - top) for x in sizes))
    if kind == "pow":
        size = _magnitude(t[1])
        exponent = _magnitude(t[2]) if not _negative(t[2]) else None
        if exponent is None:
            return -size * math.exp(_magnitude(_positive(t[2])))
        return math.copysign(math.inf, size) if exponent > 700 and size else size * math.exp(exponent)
    if kind == "fn" and t[1] == "factorial":
        inner = _magnitude(t[2][0])
        return math.inf if inner > 600 else math.lgamma(math.exp(inner) + 1)
    if kind == "fn" and t[1] == "root":
        return _magnitude(t[2][0]) / math.exp(_magnitude(t[2][1]))
    raise NoNumber(kind)


def _negative(t: Tree) -> bool:
    return bool(t[0] == "num" and t[1] < 0)


def _positive(t: Tree) -> Tree:
    return ("num", -t[1], t[2])


def far_apart(a: Tree, b: Tree) -> bool:
    """Whether two constants differ in size beyond any doubt, however big they are."""
    sizes = []
    for t in (a, b):
        try:
            sizes.append(magnitude(t))
        except NoNumber:
            try:
                x, _ = value(t, {})
                sizes.append(math.log(abs(x)) if x else -math.inf)
            except NoNumber:
                return False
    x, y = sizes
    if math.isinf(x) and math.isinf(y):
        return x != y
    return abs(x - y) > 1e-6 * max(1.0, abs(x), abs(y)) if not (math.isinf(x) or math.isinf(y)) else True


def differ(a: Tree, b: Tree, log_base: float = 10, points: int = 3) -> bool | None:
    """True: they differ at some point, surely. False: equal at all points tried. None: nothing to be seen."""
    names = sorted(symbols(a) | symbols(b))
    rng = random.Random(20_24)
    seen = False
    for _ in range(points if names else 1):
        at = {n: rng.uniform(0.3, 2.7) for n in names}
        try:
            (x, s), (y, r) = value(a, at, log_base), value(b, at, log_base)
        except NoNumber:
            continue
        if not (cmath.isfinite(x) and cmath.isfinite(y)):
            continue
        gap = abs(x - y)
        if gap > 1e-6 * max(s, r, 1e-300):
            return True
        seen = True
        if gap > 1e-11 * max(s, r):
            return None
    return False if seen else None
