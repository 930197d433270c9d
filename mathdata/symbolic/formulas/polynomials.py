"""Polynomials in several letters with exact coefficients, and quotients of them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import gcd
from typing import Any, TypeAlias

from mathdata.symbolic.formulas.exact import fraction_latex, size
from mathdata.symbolic.formulas.latex import Node
from mathdata.symbolic.solution import Unsupported
from mathdata.worked import Number, whole

__all__ = ["Poly", "Quotient", "poly_of", "quotient_of"]

MAX_TERMS = 60
MAX_DEGREE = 24

Monomial: TypeAlias = "tuple[tuple[str, int], ...]"


class Poly:
    """monomial -> coefficient; a monomial is ((letter, exponent), …) sorted by letter."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[Monomial, Number]) -> None:
        self.terms = {m: whole(c) for m, c in terms.items() if c}
        if len(self.terms) > MAX_TERMS or any(sum(e for _, e in m) > MAX_DEGREE for m in self.terms):
            raise Unsupported("too long", "a polynomial of too many terms")
        if any(c.numerator.bit_length() > 200 or c.denominator.bit_length() > 200 for c in self.terms.values()):
            raise Unsupported("too long", "a coefficient of too many digits")

    @classmethod
    def of(cls, value: Number) -> Poly:
        return cls({(): value})

    @classmethod
    def letter(cls, name: str) -> Poly:
        return cls({((name, 1),): 1})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __add__(self, other: Poly) -> Poly:
        terms = dict(self.terms)
        for m, c in other.terms.items():
            terms[m] = terms.get(m, 0) + c
        return Poly(terms)

    def __neg__(self) -> Poly:
        return Poly({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Poly) -> Poly:
        return self + (-other)

    def __mul__(self, other: Poly) -> Poly:
        if len(self.terms) * len(other.terms) > 4000:
            raise Unsupported("too long", "a product of too many terms")
        terms: dict[Monomial, Number] = {}
        for m, c in self.terms.items():
            for n, d in other.terms.items():
                key = _joined(m, n)
                terms[key] = terms.get(key, 0) + c * d
        return Poly(terms)

    def power(self, n: int) -> Poly:
        if not 0 <= n <= MAX_DEGREE:
            raise Unsupported("too long", "a power that is too high")
        result = Poly.of(1)
        for _ in range(n):
            result = result * self
        return result

    def scaled(self, factor: Number) -> Poly:
        return Poly({m: c * factor for m, c in self.terms.items()})

    @property
    def constant(self) -> Number | None:
        """The value where it holds no letter."""
        return self.terms.get((), 0) if set(self.terms) <= {()} else None

    @property
    def letters(self) -> set[str]:
        return {name for m in self.terms for name, _ in m}

    def degree(self, name: str) -> int:
        return max((e for m in self.terms for n, e in m if n == name), default=0)

    def coefficients(self, name: str) -> list[Number]:
        """[c0, c1, …] of a polynomial in this letter alone."""
        made: list[Number] = [0] * (self.degree(name) + 1)
        for m, c in self.terms.items():
            if any(n != name for n, _ in m):
                raise Unsupported("no value", "another letter")
            made[m[0][1] if m else 0] = c
        return made

    def at(self, values: dict[str, Any]) -> Any:
        """The value with numbers (of any exact type) for the letters."""
        total: Any = None
        for m, c in self.terms.items():
            part: Any = c
            for name, e in m:
                for _ in range(e):
                    part = values[name] * part
            total = part if total is None else total + part
        return 0 if total is None else total

    def latex(self) -> str:
        """Highest powers first."""
        if not self.terms:
            return "0"
        text = ""
        for m in sorted(self.terms, key=lambda m: (-sum(e for _, e in m), [(n, -e) for n, e in m])):
            text += _written(self.terms[m], m, first=not text)
        return text


def _joined(m: Monomial, n: Monomial) -> Monomial:
    made = dict(m)
    for name, e in n:
        made[name] = made.get(name, 0) + e
    return tuple(sorted(made.items()))


def _written(c: Number, m: Monomial, first: bool) -> str:
    sign = ("-" if first else " - ") if c < 0 else ("" if first else " + ")
    letters = "".join(n if e == 1 else f"{n}^{e}" if e < 10 else f"{n}^{{{e}}}" for n, e in m)
    number = fraction_latex(size(c))
    return f"{sign}{'' if number == '1' and letters else number}{letters}"


class Quotient:
    """above / below, two polynomials; not cancelled except by numbers."""

    __slots__ = ("above", "below")

    def __init__(self, above: Poly, below: Poly) -> None:
        if not below.terms:
            raise Unsupported("no value", "a division by zero")
        if (number := below.constant) is not None:
            above, below = above.scaled(Fraction(1) / number), Poly.of(1)
        elif above == below:
            above, below = Poly.of(1), Poly.of(1)
        self.above, self.below = above, below

    def __add__(self, other: Quotient) -> Quotient:
        if self.below == other.below:
            return Quotient(self.above + other.above, self.below)
        return Quotient(self.above * other.below + other.above * self.below, self.below * other.below)

    def __mul__(self, other: Quotient) -> Quotient:
        return Quotient(self.above * other.above, self.below * other.below)


def quotient_of(node: Node, known: dict[str, Poly] | None = None) -> Quotient:
    """The quotient of polynomials that a tree is; letters in `known` are replaced."""
    op = node[0]
    if op == "n":
        return Quotient(Poly.of(node[1]), Poly.of(1))
    if op == "v":
        made = known.get(node[1]) if known else None
        return Quotient(made if made is not None else Poly.letter(node[1]), Poly.of(1))
    if op not in ("+", "-", "*", "/", "^", "~", "%"):
        raise Unsupported("no value", f"'{op}' in a polynomial")
    left = quotient_of(node[1], known)
    if op == "~":
        return Quotient(-left.above, left.below)
    if op == "%":
        return Quotient(left.above.scaled(Fraction(1, 100)), left.below)
    if op == "^":
        exponent = poly_of(node[2]).constant
        if exponent is None or exponent.denominator != 1 or size(exponent) > MAX_DEGREE:
            raise Unsupported("no value", "an exponent that is no small whole number")
        n = abs(int(exponent))
        above, below = left.above.power(n), left.below.power(n)
        return Quotient(above, below) if exponent >= 0 else Quotient(below, above)
    right = quotient_of(node[2], known)
    if op == "*":
        return left * right
    if op == "/":
        return Quotient(left.above * right.below, left.below * right.above)
    return left + (right if op == "+" else Quotient(-right.above, right.below))


def poly_of(node: Node, known: dict[str, Poly] | None = None) -> Poly:
    """The polynomial that a tree is."""
    made = quotient_of(node, known)
    if made.below.constant is None:
        raise Unsupported("no value", "no polynomial")
    return made.above


def content(numbers: Iterable[Number]) -> Fraction:
    """The largest number of which all are whole multiples."""
    above, below = 0, 1
    for n in numbers:
        above = gcd(above, n.numerator)
        below = below * n.denominator // gcd(below, n.denominator)
    return Fraction(above or 1, below)
