"""Two sides of an equation: exactly equal, equal as rounded, or false."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["TWO_WAYS", "Equation", "judge_sides", "show", "sign_inside"]


@dataclass(frozen=True, slots=True)
class Equation:
    """One `left = right`; `holds` None where it could not be checked; `kind`: exact, rounded, false, unchecked."""

    text: str
    span: tuple[int, int]
    holds: bool | None
    kind: str
    why: str = ""


TWO_WAYS = "a sign before a power, read in two ways"
_SIGNED_POWER = re.compile(
    r"((?:^|[(*/+\-^{=]|\\(?:cdot|times|div)(?![A-Za-z]))\s*)[-−－]\s*(\d+(?:\.\d+)?)(?=\s*(?:\^|\*\*|[⁰¹²³⁴-⁹]))"
)


def sign_inside(source: str) -> str:
    """The other reading of `-3^2`, in which the sign belongs to the base: `(-3)^2`. A difference, `4 - 3^2`, has one."""
    return _SIGNED_POWER.sub(r"\1(-\2)", source)


def judge_sides(
    lefts: list[Fraction],
    rights: list[Fraction],
    places: int | None,
    *,
    marked: bool,
    percent: bool = False,
    slack: Fraction = Fraction(0),
    cents: bool = False,
) -> str:
    """exact, rounded or false: any reading of the left against any of the right."""
    pairs = [(a, b) for a in lefts for b in rights]
    if percent:
        pairs += [(a * k, b) for a, b in pairs for k in (100, Fraction(1, 100))]
    if cents:
        pairs += [(a * 100, b) for a, b in pairs] + [(a, b * 100) for a, b in pairs]
    if any(a == b for a, b in pairs):
        return "exact"
    near = any(_near(a, b, places, marked, slack) for a, b in pairs)
    return "rounded" if near else "false"


FLOAT_SHOWN = 10**14
"""A number of fifteen digits or more is what a computer printed ..."""
FLOAT_SURE = 10**13
"""... and is right where a binary float is: 30/100*9 = 2.6999999999999997."""


def _near(a: Fraction, b: Fraction, places: int | None, marked: bool, slack: Fraction) -> bool:
    """Rounded or cut off to the places shown; without a plain number on the right, within what its decimals allow."""
    gap = abs(a - b)
    if places is not None and gap * FLOAT_SURE <= abs(a) and abs(b) * 10**places >= FLOAT_SHOWN:
        return True
    if marked and gap <= abs(a) / 10:
        return True
    if places is None:
        return gap <= abs(a) * max(slack, Fraction(1, 10_000)) and a.denominator != 1
    step = Fraction(1, 10**places)
    cut = abs(b) <= abs(a) and gap < step and a * b >= 0
    return a.denominator != 1 and (gap * 2 <= step or cut)


def show(x: Fraction) -> str:
    """A number for people: whole, a short decimal, or a fraction."""
    if x.denominator == 1:
        return str(x.numerator) if x.numerator.bit_length() < 2000 else "a long number"
    below = x.denominator
    for p in (2, 5):
        while below % p == 0:
            below //= p
    if below == 1 and x.denominator.bit_length() < 60:
        from decimal import Decimal

        return format((Decimal(x.numerator) / Decimal(x.denominator)).normalize(), "f")
    return f"{x.numerator}/{x.denominator}" if x.denominator.bit_length() < 40 else f"about {float(x):.6g}"
