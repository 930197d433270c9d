"""Writes numbers: in the style of the place where an old one stood, and whole expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from mathdata.symbolic.lexer import spell
from mathdata.symbolic.replay import places
from mathdata.worked import Number

__all__ = ["decimal", "render", "splice", "styled"]


def decimal(value: Number, comma: bool = False, least: int = 0) -> str | None:
    """The value as an exact decimal; None where it has no end."""
    n = places(value)
    if n > 6:
        return None
    n = max(n, least)
    if not n:
        return f"{value.numerator:,}" if comma else str(value.numerator)
    digits = abs(int(Fraction(value) * 10**n))
    head, tail = divmod(digits, 10**n)
    sign = "-" if value < 0 else ""
    return f"{sign}{head:,}.{tail:0{n}d}" if comma else f"{sign}{head}.{tail:0{n}d}"


def styled(old: str, value: Number, comma: bool) -> str | None:
    """`value` written as `old` was: in words, with thousands commas, two places, `.5` without a zero."""
    if old[0].isalpha():
        if value.denominator == 1 and 0 < value <= 99:
            word = spell(int(value))
            return word.capitalize() if old[0].isupper() else word
        return decimal(value, comma)
    mark = "," in old or (comma and old.isdigit() and len(old) < 4)
    part = old.partition(".")[2]
    least = len(part) if len(part) == 2 else 0
    text = decimal(value, mark, least)
    if text is not None and old.startswith(".") and text.startswith("0."):
        text = text[1:]
    return text


_ARTICLE = re.compile(r"\b([Aa])(n?) ?$")
_VOWEL = re.compile(r"(8|11\b|18\b|11,|18,|eight|eleven|x\b)", re.IGNORECASE)


def splice(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with every span replaced; `a` and `an` follow the new number."""
    made: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        before = text[at:start]
        if before.endswith((" a ", " an ", "A ", "An ")):
            article = "n" if _VOWEL.match(new) else ""
            before = _ARTICLE.sub(lambda m, n=article: f"{m[1]}{n} ", before)  # type: ignore[misc]
        made += [before, new]
        at = end
    made.append(text[at:])
    return "".join(made)


_RANK = {"+": 1, "-": 1, "*": 2, "/": 2, "~": 3, "^": 4, "%": 5}


def render(node: Any, leaves: Sequence[str]) -> str:
    """An expression tree as text, with the brackets it needs and no others."""
    return _rendered(node, leaves)[0]


def _rendered(node: Any, leaves: Sequence[str]) -> tuple[str, int]:
    if type(node) is int:
        text = leaves[node]
        return text, 1 if " + " in text or " - " in text else 2 if "/" in text or "*" in text else 9
    op, rank = node[0], _RANK[node[0]]
    left, strength = _rendered(node[1], leaves)
    left = left if strength >= rank else f"({left})"
    if op == "%":
        return f"{left}%", 9
    if op == "~":
        return f"-{left}", 3
    right, strength = _rendered(node[2], leaves)
    loose = strength < rank or (strength == rank and op in "-/^")
    right = f"({right})" if loose else right
    return (f"{left}^{right}" if op == "^" else f"{left} {op} {right}"), rank
