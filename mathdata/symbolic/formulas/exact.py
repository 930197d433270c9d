"""Exact numbers: sums of rational multiples of square roots, i among them (`1/2 + 3*sqrt(2) - i`)."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, isqrt
from typing import Any

from mathdata.symbolic.solution import Unsupported
from mathdata.worked import Number, whole

__all__ = ["Exact", "fraction_latex", "root", "size", "square_free"]

MAX_BITS = 220


class Exact:
    """`terms`: k -> coefficient of the square root of the square-free k; 1 for the rational part, -1 for i."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[int, Number]) -> None:
        self.terms = {k: whole(c) for k, c in terms.items() if c}
        if any(
            c.numerator.bit_length() > MAX_BITS or c.denominator.bit_length() > MAX_BITS for c in self.terms.values()
        ):
            raise Unsupported("too long", "a number of more than 60 digits")

    @classmethod
    def of(cls, value: Number) -> Exact:
        return cls({1: value})

    @property
    def rational(self) -> Number | None:
        """The value where it is rational."""
        return self.terms.get(1, 0) if set(self.terms) <= {1} else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Exact) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __add__(self, other: Exact) -> Exact:
        terms = dict(self.terms)
        for k, c in other.terms.items():
            terms[k] = terms.get(k, 0) + c
        return Exact(terms)

    def __neg__(self) -> Exact:
        return Exact({k: -c for k, c in self.terms.items()})

    def __sub__(self, other: Exact) -> Exact:
        return self + (-other)

    def __mul__(self, other: Exact) -> Exact:
        terms: dict[int, Number] = {}
        for k, c in self.terms.items():
            for m, d in other.terms.items():
                key, factor = _roots(k, m)
                terms[key] = terms.get(key, 0) + c * d * factor
        if len(terms) > 8:
            raise Unsupported("too long", "a sum of too many roots")
        return Exact(terms)

    def __truediv__(self, other: Exact) -> Exact:
        return self * other.inverse()

    def inverse(self) -> Exact:
        if not self.terms:
            raise Unsupported("no value", "a division by zero")
        if len(self.terms) == 1:
            ((k, c),) = self.terms.items()
            return Exact({k: Fraction(1) / (c * k)}) if k != 1 else Exact({1: Fraction(1) / c})
        if len(self.terms) > 2:
            raise Unsupported("no value", "a division by a sum of several roots")
        key = next(k for k in self.terms if k != 1)
        other = next(k for k in self.terms if k != key)
        turned = Exact({other: self.terms[other], key: -self.terms[key]})
        norm = self * turned
        if len(norm.terms) != 1 or norm.rational is None:
            raise Unsupported("no value", "a division by a sum of several roots")
        return turned * Exact({1: Fraction(1) / norm.rational})

    def power(self, n: int) -> Exact:
        if set(self.terms) in ({1}, {-1}) and all(c in (1, -1) for c in self.terms.values()):
            n %= 4  # 1, -1, i, -i
        if abs(n) > 400:
            raise Unsupported("too long", "a power that is too high")
        base, result = (self if n >= 0 else self.inverse()), Exact.of(1)
        n = abs(n)
        while n:
            if n & 1:
                result = result * base
            n >>= 1
            if n:
                base = base * base
        return result

    def latex(self) -> str:
        """As people write it, over one denominator."""
        if not self.terms:
            return "0"
        if (value := self.rational) is not None:
            return fraction_latex(value)
        below = 1
        for c in self.terms.values():
            below = below * c.denominator // gcd(below, c.denominator)
        parts = ""
        for k in sorted(self.terms, key=lambda k: (k != 1, k < 0, abs(k))):
            parts += _term(int(self.terms[k] * below), k, first=not parts)
        if below == 1:
            return parts
        if len(self.terms) == 1 and parts.startswith("-"):
            return f"-\\frac{{{parts[1:]}}}{{{below}}}"
        return f"\\frac{{{parts}}}{{{below}}}"


def size(value: Number) -> Number:
    """The absolute value."""
    return -value if value < 0 else value


def _term(c: int, k: int, first: bool) -> str:
    sign = "-" if c < 0 else "" if first else "+"
    sign = sign if first else f" {sign} "
    c = abs(c)
    if k == 1:
        return f"{sign}{c}"
    head = "" if c == 1 else str(c)
    imaginary = "i" if k < 0 else ""
    under = "" if abs(k) == 1 else f"\\sqrt{{{abs(k)}}}"
    return f"{sign}{head}{imaginary}{under}"


def _roots(k: int, m: int) -> tuple[int, Number]:
    """sqrt(k) * sqrt(m) as (square-free, factor)."""
    common = gcd(k, m)
    free = abs(k) // common * (abs(m) // common)
    if k < 0 and m < 0:
        return free, -common
    return (-free if k < 0 or m < 0 else free), common


def square_free(n: int) -> tuple[int, int]:
    """n = a * a * b with b square-free: (a, b)."""
    if n > 10**11:
        raise Unsupported("too long", "a root of a number that is too large")
    outside, p = 1, 2
    while p * p <= n:
        while n % (p * p) == 0:
            n //= p * p
            outside *= p
        p += 1 if p == 2 else 2
        if p > 50_000:
            raise Unsupported("too long", "a root of a number that is too large")
    return outside, n


def root(value: Exact, index: int) -> Exact:
    """The root of a rational number: the square root always, higher ones where they come out."""
    number = value.rational
    if number is None or not 2 <= index <= 12:
        raise Unsupported("no value", "a root of a sum of roots")
    if index == 2:
        above, below = size(number).numerator, number.denominator
        exact = isqrt(above * below)
        if exact * exact == above * below:
            return Exact({-1 if number < 0 else 1: Fraction(exact, below)})
        outside, inside = square_free(above * below)
        return Exact({-inside if number < 0 else inside: Fraction(outside, below)})
    if number < 0 and index % 2 == 0:
        raise Unsupported("no value", "an even root of a negative number")
    made = Fraction(_whole_root(abs(number.numerator), index), _whole_root(number.denominator, index))
    return Exact.of(-made if number < 0 else made)


def _whole_root(n: int, index: int) -> int:
    low, high = 0, 1 << (n.bit_length() // index + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**index <= n else (low, middle - 1)
    if low**index != n:
        raise Unsupported("no value", "a root that does not come out")
    return low


def fraction_latex(value: Any) -> str:
    """`3`, `-\\frac{3}{4}`."""
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
