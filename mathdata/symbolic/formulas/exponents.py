"""Equations between powers: `If $2^8=16^x$, find $x$`: both sides as powers of the same primes, exponents equal."""

from __future__ import annotations

from fractions import Fraction

from mathdata.symbolic.formulas.equations import _ONE, linear
from mathdata.symbolic.formulas.exact import Exact
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, solved_value
from mathdata.symbolic.formulas.latex import Node, equation, letters
from mathdata.symbolic.formulas.polynomials import Poly, poly_of
from mathdata.symbolic.formulas.working import _primes
from mathdata.symbolic.solution import Unsupported

__all__ = ["FAMILY"]


def exponents(node: Node) -> dict[int, Poly]:
    """prime -> exponent (a polynomial) of a product of powers of positive numbers."""
    op = node[0]
    if op == "n":
        if node[1] <= 0:
            raise Unsupported("no value", "no positive number")
        return {p: Poly.of(e) for p, e in _primes(node[1]).items()}
    if op in ("*", "/"):
        made = dict(exponents(node[1]))
        for p, e in exponents(node[2]).items():
            made[p] = made.get(p, Poly.of(0)) + (e if op == "*" else -e)
        return made
    if op == "^":
        power = poly_of(node[2])
        return {p: e * power for p, e in exponents(node[1]).items()}
    if op == "root" and node[1][0] == "n":
        return {p: e.scaled(Fraction(1) / node[1][1]) for p, e in exponents(node[2]).items()}
    if op in ("+", "-") and not letters(node):
        from mathdata.symbolic.formulas.working import value_of

        number = value_of(node).rational
        if number is not None:
            return exponents(("n", number))
    if op == "+":
        same, count = _alike(node)
        made = exponents(same)
        for p, times in _primes(count).items():
            made[p] = made.get(p, Poly.of(0)) + Poly.of(times)
        return made
    raise Unsupported("no value", f"'{op}' among powers")


def _alike(node: Node) -> tuple[Node, int]:
    """`2^x + 2^x + 2^x` as 3 times 2^x."""
    if node[0] != "+":
        return node, 1
    left, n = _alike(node[1])
    right, m = _alike(node[2])
    if left != right:
        raise Unsupported("no value", "a sum of different powers")
    return left, n + m


def _written(factors: dict[int, Poly]) -> str:
    parts = []
    for p, e in sorted(factors.items()):
        if e.terms:
            parts.append(f"{p}^{{{e.latex()}}}" if e != Poly.of(1) else str(p))
    return " \\cdot ".join(parts) or "1"


def read(made: Pieces) -> Solved | None:
    if _ONE.fullmatch(made.prose) is None:
        return None
    found = [f for f in made.formulas if "=" in f]
    if len(found) != 1:
        return None
    lines: Lines = []
    try:
        left, right = equation(found[0])
        names = letters(left) | letters(right)
        if len(names) != 1 or any(f.strip() not in names for f in made.formulas if f is not found[0]):
            return None
        (name,) = names
        a, b = exponents(left), exponents(right)
        lines.append(("Write both sides as powers of primes", f"${_written(a)} = {_written(b)}$."))
        values = set()
        for p in sorted({*a, *b}):
            one, two = a.get(p, Poly.of(0)), b.get(p, Poly.of(0))
            rest = one - two
            if not rest.terms:
                continue
            c = rest.coefficients(name)
            if len(c) != 2:
                return None
            more: Lines = [(f"Compare the exponents of ${p}$", f"${one.latex()} = {two.latex()}$.")]
            values.add(linear(c[0], c[1], name, more))
            lines += [line for line in more if line not in lines]
    except Unsupported:
        return None
    return solved_value(lines, Exact.of(values.pop())) if len(values) == 1 else None


FAMILY = Family("powers", read)
