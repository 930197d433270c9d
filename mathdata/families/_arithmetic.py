"""Worked arithmetic that several families share: columns and partial products."""

from __future__ import annotations

from fractions import Fraction

from mathdata.families._value import Value

__all__ = ["add_columns", "digits_product", "subtract_columns"]


def add_columns(a: str, b: str) -> list[str]:
    """a + b of two-digit numbers: written down once, then column by column from the right."""
    m, n = int(a), int(b)
    ones = m % 10 + n % 10
    carry = "+1" if ones > 9 else ""
    tens = m // 10 + n // 10 + ones // 10
    return [f"{a}+{b}", f"{m % 10}+{n % 10}={ones}", f"{m // 10}+{n // 10}{carry}={tens}"]


def subtract_columns(a: str, b: str) -> list[str]:
    """a - b of two-digit numbers: written down once, then column by column, ten borrowed where it is needed."""
    m, n = int(a), int(b)
    borrow = m % 10 < n % 10
    ones = m % 10 + 10 * borrow
    less = "-1" if borrow else ""
    tens = m // 10 - n // 10 - borrow
    return [f"{a}-{b}", f"{ones}-{n % 10}={ones - n % 10}", f"{m // 10}-{n // 10}{less}={tens}"]


def digits_product(a: str, b: str) -> list[str]:
    """a * b of numbers without a sign, by the digits of b: 12 * 34 = 12 * 30 + 12 * 4 = 360 + 48."""
    parts = _places(b)
    if len(parts) < 2:
        return []
    products = [_text(Fraction(a) * Fraction(p)) for p in parts]
    return [f"{a} * {b} = " + " + ".join(f"{a} * {p}" for p in parts) + " = " + " + ".join(products)]


def _places(number: str) -> list[str]:
    whole, _, decimals = number.partition(".")
    parts = [d + "0" * (len(whole) - i - 1) for i, d in enumerate(whole) if d != "0"]
    return parts + ["0." + "0" * i + d for i, d in enumerate(decimals) if d != "0"]


def _text(number: Fraction) -> str:
    return Value(number).text
