"""Equations inside LaTeX: the sides between equals signs, checked where both are numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from mathdata.verifiers.cleaning import unbracketed
from mathdata.verifiers.sides import TWO_WAYS, Equation, judge_sides, show, sign_inside

__all__ = ["formula_equations"]

_ROW = re.compile(r"\\\\(?:\[[^\]]{0,10}\])?")
_SIDE = re.compile(r"(?<![<>!:\\])=(?!=)|\\approx(?![A-Za-z])|≈")
_OTHER = re.compile(
    r"\\(?:le|ge|leq|geq|lt|gt|ne|neq|in|to|Leftrightarrow|rightarrow|Rightarrow|implies|iff|quad|qquad|text|Longrightarrow)(?![A-Za-z])"
    r"|[<>;]|,\s"
)
_OWN = re.compile(
    r"\\(?:equiv|p?mod|bmod|ast|&|spadesuit|heartsuit|clubsuit|Diamond|diamond|star|oplus|otimes|odot|bigstar)(?![A-Za-z])|≡|[ei]\("
)
"""Signs a text gives a meaning of its own, and remainders: what stands beside them is no plain arithmetic."""
_GOES_ON = re.compile(r"[\s&]*(?:\\q?quad|\\[,;! ]|[\s&])*(?:[+*/-]|\\(?:cdot|times|div|pm|left|phantom))")
_CIRCLE = re.compile(r"\^?\{?\s*\\circ\s*\}?|°")
_ANGULAR = re.compile(r"\\(?:sin|cos|tan|sec|csc|cot|arc)")
_TIGHT = re.compile(r"/(\d+\\(?:pi|sqrt\{\d+\}))")
_NAMED = re.compile(r"\d+(?:-\d+){2,}$")


class _Side(NamedTuple):
    text: str
    start: int
    whole: bool
    """False where the side goes on in a row this one does not hold."""
    result: bool = False
    """Whether it stands behind an equals sign: then it claims a value even as a number alone."""


def formula_equations(text: str, offset: int, after: str = "") -> Iterator[Equation]:
    """The equations of one formula; rows of an alignment apart, a row that begins with `=` going on from the last."""
    percent = after.lstrip(" $\\)]").startswith(("percent", "\\%", "%")) or "%" in text
    own = bool(_OWN.search(text))
    last: _Side | None = None
    rows = _rows(text)
    for n, (piece, at) in enumerate(rows):
        marks = list(_SIDE.finditer(piece))
        begins = [0, *(m.end() for m in marks)]
        ends = [*(m.start() for m in marks), len(piece)]
        sides = [_Side(piece[a:b], at + a, True, i > 0) for i, (a, b) in enumerate(zip(begins, ends))]
        if n and _GOES_ON.match(sides[0].text):
            sides[0] = sides[0]._replace(whole=False)
        if n + 1 < len(rows) and _GOES_ON.match(rows[n + 1][0]):
            sides[-1] = sides[-1]._replace(whole=False)
        if marks and not sides[0].text.replace("&", "").replace("~", "").strip() and last is not None:
            sides[0] = last
        for i, mark in enumerate(marks):
            yield _pair(sides[i], sides[i + 1], mark.group() != "=", offset, percent, own)
        last = sides[-1] if piece.strip() else last


def _rows(text: str) -> list[tuple[str, int]]:
    out, at = [], 0
    for row in [*_ROW.finditer(text), None]:
        end = row.start() if row else len(text)
        out.append((text[at:end], at))
        at = row.end() if row else end
    return out


def _pair(left: _Side, right: _Side, marked: bool, offset: int, percent: bool, own: bool) -> Equation:
    shown = [s.text.strip(" &~\n") for s in (left, right)]
    text = f"{shown[0]} {'≈' if marked else '='} {shown[1]}".strip()
    span = (offset + left.start, offset + right.start + len(right.text))
    if own or not left.whole or not right.whole or ("," in shown[0] and "," in shown[1].rstrip(",")):
        return Equation(text, span, None, "unchecked", "not two plain sides")
    a, b = _value(left.text, first=False), _value(right.text, first=True)
    if a is None or b is None or (a.plain and b.plain and not left.result):
        return Equation(text, span, None, "unchecked", "not two numbers")
    kind = judge_sides(a.values, b.values, b.places, marked=marked, percent=percent)
    if kind == "false" and (a.rough or b.rough) and _close(a.values[0], b.values[0]):
        kind = "exact"
    if kind == "false" and a.degrees != b.degrees:
        turned = a.values[0] * Fraction(math.pi) / 180 if a.degrees else a.values[0] * 180 / Fraction(math.pi)
        return Equation(text, span, True if _close(turned, b.values[0]) else None, "unchecked", "degrees and radians")
    if kind == "false" and any(x in (shown[0] + shown[1]) for x in "^⁰¹²³⁴⁵⁶⁷⁸⁹"):
        read = [_value(sign_inside(s.text), first=i > 0) for i, s in enumerate((left, right))]
        if (
            read[0]
            and read[1]
            and judge_sides([*a.values, *read[0].values], [*b.values, *read[1].values], b.places, marked=marked)
            != "false"
        ):
            return Equation(text, span, None, "unchecked", TWO_WAYS)
    why = "" if kind != "false" else f"{shown[0]} is {show(a.values[0])}, not {shown[1].rstrip('.,')}"
    return Equation(text, span, kind != "false", kind, why[:300])


def _close(a: Fraction, b: Fraction) -> bool:
    return abs(a - b) <= abs(a) / 10**9


class _Number(NamedTuple):
    values: list[Fraction]
    places: int | None
    rough: bool
    degrees: bool
    plain: bool
    """A number alone, nothing computed."""


def _value(side: str, first: bool) -> _Number | None:
    """The value of a side in every reading; None where it is no number."""
    side = unbracketed(side.replace("&", " ").replace("~", " ").strip().rstrip(".,"))
    if _OTHER.search(side):
        side = _OTHER.split(side)[0 if first else -1].strip()
    if not side or len(side) > 300 or not any(c.isdigit() for c in side) or "_" in side or _NAMED.match(side):
        return None
    degrees = bool(_CIRCLE.search(side))
    if _ANGULAR.search(side):
        if not degrees and re.search(r"\d{2}", side) and "\\pi" not in side:
            return None  # sin 75 without a sign: degrees are meant, radians written
        degrees = False
    else:
        side = _CIRCLE.sub("", side)
    known = [
        x
        for x in (_number(side, first), _number(_TIGHT.sub(r"/(\1)", side), first) if "/" in side else None)
        if x is not None
    ]
    if not known:
        return None
    return _Number([x[0] for x in known], known[0][1], any(x[2] for x in known), degrees, known[0][3])


def _holds(tree: object, name: tuple[str, str]) -> bool:
    return tree == name or (isinstance(tree, tuple) and any(_holds(x, name) for x in tree))


def _number(side: str, named: bool) -> tuple[Fraction, int | None, bool, bool] | None:
    from mathdata.verifiers.algebra import Algebra, NoValue, TooBig, constant
    from mathdata.verifiers.numeric import NoNumber, symbols, value
    from mathdata.verifiers.values import read_value

    tree = read_value(side).tree
    if named and tree is not None and tree[0] == "unit" and tree[2] not in "$€£¥":
        tree = tree[1]  # 16(元): what is counted stands behind the result
    if (
        tree is None
        or symbols(tree)
        or ("e" in side and _holds(tree, ("sym", "e")))
        or tree[0] in ("seq", "rel", "text", "time", "base", "ratio", "matrix", "set", "rem")
    ):
        return None
    plain = tree[0] in ("num", "pct")
    places = tree[2] or 0 if tree[0] == "num" else None
    try:
        exact = constant(Algebra().tree(tree))
        if exact is not None:
            return exact, places, False, plain
        z, _ = value(tree, {})
        if abs(z.imag) > 1e-12 or z.real != z.real or abs(z.real) == float("inf"):
            return None
        return Fraction(z.real), places, True, plain
    except (TooBig, NoValue, NoNumber, OverflowError, ValueError, RecursionError):
        return None
