"""When a decimal gold states a precision, at which it is met, and when it is a number like any other."""

from __future__ import annotations

import re

__all__ = ["ALWAYS", "FROM_THREE_DIGITS", "NEVER", "asks_to_round", "precision_for"]

NEVER = 0
ALWAYS = 1
FROM_THREE_DIGITS = 3
"""Significant digits from which on a decimal gold is met at its own places; 0: never."""

_ASKS = re.compile(
    r"\bround(?:ed|ing)\b|\bround\s+(?:your|the|to|off|up|down|it|its|all|each|both|any|answers?)\b|\bround\s*-?\s*off\b"
    r"|\bapprox(?:imat\w*|\.)?|\\approx|≈|\bestimat\w+|\bnearest\b|\bdecimal\s+(?:place|digit)s?\b|\bsignificant\s+(?:figure|digit)s?\b"
    r"|\bsig\.?\s*figs?\b|\b(?:accurate|correct|precise)\s+to\b|\bto\s+(?:two|three|four|five|\d+)\s+(?:decimals?|places|digits)\b"
    r"|\bplaces\s+(?:after|of)\s+(?:the\s+)?decimal|\b(?:use|take|let|using|assume)\b[^.?!]{0,30}3\.14"
    r"|保留|精确[到至]|四舍五入|近似|估[算计]|大约|有效数字|小数点后|取\s*3\.14|[为是等得于]约|≒"
    r"|约(?:为|是|等于|多少|有|需|合|[\d.])|(?:取|按)\s*(?:π|\\pi|\$\\pi\$)?\s*[=＝为]?\s*3(?:\.14)?(?![\d.])",
    re.IGNORECASE,
)


def asks_to_round(problem: str) -> bool:
    """Whether a problem asks for a rounded or approximate value, in English or Chinese.

    >>> asks_to_round("Give x to two decimal places."), asks_to_round("A round table seats 8.")
    (True, False)
    """
    return _ASKS.search(problem) is not None


def precision_for(problem: str | None) -> int:
    """The significant digits from which a decimal gold states a precision; without a problem three."""
    if problem is None or not problem.strip():
        return FROM_THREE_DIGITS
    return ALWAYS if asks_to_round(problem) else NEVER
