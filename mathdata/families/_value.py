"""Exact answers: a rational or the square root of one, and whether a written number says the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from typing import Literal

__all__ = ["Agreement", "Value", "agree", "claim"]

Agreement = Literal["same", "rounded", "wrong", "unparsed"]

DIGITS = 28
"""Significant digits of an answer that does not end, as in Python's `decimal` and in the contest."""


@dataclass(frozen=True, slots=True)
class Value:
    """`number`, or its square root where `root` is set; `fraction`: always written as one."""

    number: Fraction
    root: bool = False
    fraction: bool = False

    @property
    def ends(self) -> bool:
        """Whether the value is a decimal of at most 28 digits."""
        if self.root or self.number.denominator.bit_length() > 128:
            return False
        rest = self.number.denominator
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        return rest == 1 and len(self.decimal(DIGITS + 4).as_tuple().digits) <= DIGITS

    @property
    def exact(self) -> str:
        """The value in full: `3/7`, `1.25`, `sqrt(6145)`."""
        if self.fraction:
            return str(self.number)
        inner = _decimal_text(Value(self.number).decimal(DIGITS + 4)) if Value(self.number).ends else str(self.number)
        return f"sqrt({inner})" if self.root else inner

    @property
    def text(self) -> str:
        """The short form: exact where that is short, else a decimal of 28 digits."""
        return self.shown()

    def decimal(self, digits: int = DIGITS) -> Decimal:
        with localcontext(Context(prec=digits + 8, Emax=10**6, Emin=-(10**6))):
            found = Decimal(self.number.numerator) / Decimal(self.number.denominator)
            found = found.sqrt() if self.root else found
        with localcontext(Context(prec=digits, Emax=10**6, Emin=-(10**6))):
            return +found

    def rounded(self, places: int) -> str:
        """Half away from zero, as pupils round; trailing zeros dropped."""
        found = self.decimal(DIGITS + max(0, self.decimal(4).adjusted()) + places)
        with localcontext(Context(prec=10**4)):
            return _decimal_text(found.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))

    def shown(self, places: int | None = None) -> str:
        """Rounded to `places`; without them exact where that is short, else a decimal of 28 digits."""
        if places is not None and not self.fraction:
            return self.rounded(places)
        return self.exact if not self.root and not _long(self.number) else _decimal_text(self.decimal())


def _long(number: Fraction) -> bool:
    return max(number.numerator.bit_length(), number.denominator.bit_length()) > 96


def _decimal_text(value: Decimal) -> str:
    if value == 0:
        return "0"
    if abs(value.adjusted()) > 30:
        mantissa = value.scaleb(-value.adjusted()).normalize()
        return f"{mantissa}E{value.adjusted():+d}"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_CLAIM = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4}|/[0-9]{1,40})?")
_LONGEST = 400


def claim(text: str) -> str | None:
    """The number a short answer or a worked solution ends in.

    >>> claim("方程的解为：-0.5"), claim("7 + 8 = 15"), claim("面积为 12 平方厘米"), claim("none")
    ('-0.5', '15', '12', None)
    """
    tail = text[-_LONGEST:]
    marked = tail.rpartition("####")
    found = _CLAIM.findall(marked[2] if marked[1] else tail)
    return found[-1] if found else None


def _claimed(text: str) -> tuple[Fraction, Fraction, int] | None:
    """(value, unit of the last written place, significant digits) of a written number."""
    text = text.strip()
    if len(text) > _LONGEST or not _CLAIM.fullmatch(text):
        return None
    if "/" in text:
        above, below = text.split("/")
        return (Fraction(int(above), int(below)), Fraction(0), 0) if int(below) else None
    written = Decimal(text)
    exponent = written.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > 2000:
        return None
    unit = Fraction(1) if text.endswith(".0") else Fraction(10) ** exponent  # 5.0 may be a whole number as float
    return Fraction(written), unit, len(written.as_tuple().digits)


def agree(value: Value, text: str) -> Agreement:
    """Whether a written number is the value, is the value rounded to the places written, or is wrong.

    Floating-point noise in the last of 15 or more digits counts as rounded.
    """
    found = _claimed(text)
    if found is None:
        return "unparsed"
    number, unit, digits = found
    if not value.root and number == value.number:
        return "same"
    true = value.number if not value.root else Fraction(value.decimal(60))
    if value.root and number >= 0 and number * number == value.number:
        return "same"
    error = abs(number - true)
    noise = digits >= 15 and error <= abs(true) / 10**14
    return "rounded" if error <= unit / 2 or noise else "wrong"
