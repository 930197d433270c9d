"""Equality of two expressions: by exact form, else differing points as disproof; and of equations, by their zeros."""

from __future__ import annotations

from fractions import Fraction

from mathdata.verifiers import numeric
from mathdata.verifiers.algebra import Algebra, NoValue, Number, Poly, TooBig, constant, equal, opaque
from mathdata.verifiers.trees import Tree, negated

__all__ = ["constant_of", "difference", "exactly", "meets", "proportional"]


def constant_of(t: Tree) -> Fraction | None:
    """The rational number an expression is; None where it is none, or none can be found."""
    try:
        return constant(Algebra().tree(t))
    except (TooBig, NoValue, OverflowError, ValueError, RecursionError):
        return None


def meets(gold: Tree, value: Fraction, least: int) -> bool:
    """Whether the value, rounded to the places the gold states, is the gold, of `least` significant digits or more.

    A whole gold states no places.
    """
    places = gold[2]
    if not least or places is None or places <= 0 or gold[1].denominator == 1 or places > 300:
        return False
    if least > 1 and abs(gold[1]) * 10**places < 10 ** (least - 1):
        return False
    return bool(abs(value - gold[1]) * 2 * 10**places <= 1)


def exactly(x: Tree, y: Tree, log_base: int = 10) -> bool | None:
    """Equality of two expressions: by exact form; where that cannot tell, differing points disprove it."""
    try:
        algebra = Algebra(log_base)
        one, two = algebra.tree(x), algebra.tree(y)
        if equal(algebra, one, two):
            return True
        if not opaque(one) and not opaque(two):
            return False
    except NoValue:
        return False
    except (TooBig, OverflowError, ValueError, RecursionError):
        pass
    if numeric.differ(x, y, log_base or 2.718281828459045) or numeric.far_apart(x, y):
        return False
    return None


def difference(x: Tree, y: Tree) -> Tree:
    return ("add", (x, negated(y)))


def proportional(p: Tree, q: Tree) -> bool | None:
    """Whether p = 0 and q = 0 are one equation: one is a constant, not zero, times the other."""
    try:
        algebra = Algebra()
        one, two = algebra.tree(p), algebra.tree(q)
        if not one[0] or not two[0]:
            return not one[0] and not two[0]
        left, right = algebra.mul(one[0], two[1]), algebra.mul(two[0], one[1])
        if left.keys() != right.keys():
            left, right = _whole(one[0]), _whole(two[0])  # a quotient is zero where its numerator is
        if left.keys() != right.keys():
            return None if opaque(one) or opaque(two) else False
        mono = next(iter(left))
        factor = Fraction(left[mono]) / right[mono]
        return all(left[m] == right[m] * factor for m in left)
    except (TooBig, NoValue, OverflowError, ValueError, RecursionError):
        return None


def _whole(p: Poly) -> Poly:
    """A sum times what takes the negative powers out of it: y - 6/x as xy - 6."""
    low: dict[str, Number] = {}
    for mono in p:
        for atom, exponent in mono:
            low[atom] = min(low.get(atom, 0), exponent)
    out: Poly = {}
    for mono, c in p.items():
        powers = dict(mono)
        raised = {a: powers.get(a, 0) - low[a] for a in low}
        out[tuple(sorted((a, n) for a, n in raised.items() if n))] = c
    return out
