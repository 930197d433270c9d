"""Worked arithmetic that several families share: columns, partial products, signs."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from mathdata.families._value import Value

__all__ = ["add_columns", "digits_product", "grouped", "subtract_columns"]

ONES = {"zh": "个位：", "en": "Ones: "}
TENS = {"zh": "十位：", "en": "Tens: "}


def add_columns(a: int, b: int, language: str) -> list[str]:
    """a + b of two-digit numbers, column by column."""
    ones = a % 10 + b % 10
    carry = [f" + {ones // 10}"] if ones > 9 else []
    tens = a // 10 + b // 10 + ones // 10
    return [
        f"{ONES[language]}{a % 10} + {b % 10} = {ones}",
        f"{TENS[language]}{a // 10} + {b // 10}{''.join(carry)} = {tens}",
    ]


def subtract_columns(a: int, b: int, language: str) -> list[str]:
    """a - b of two-digit numbers, column by column, ten borrowed where it is needed."""
    borrow = a % 10 < b % 10
    ones = a % 10 + 10 * borrow
    less = " - 1" if borrow else ""
    return [
        f"{ONES[language]}{ones} - {b % 10} = {ones - b % 10}",
        f"{TENS[language]}{a // 10} - {b // 10}{less} = {a // 10 - b // 10 - borrow}",
    ]


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


def grouped(numbers: Sequence[str]) -> str:
    """Terms of a sum, a negative one in brackets: 3 + (-2) + 5."""
    first, *rest = numbers
    return " + ".join([first, *(f"({n})" if n.startswith("-") else n for n in rest)])
