"""Equations inside LaTeX: the sides between equals signs, checked where both are numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from mathdata.verifiers.sides import Equation, judge_sides, show

__all__ = ["formula_equations"]

_ROW = re.compile(r"\\\\(?:\[[^\]]{0,10}\])?")
_SIDE = re.compile(r"(?<![<>!:\\])=(?!=)|\\approx(?![A-Za-z])|≈")
_OTHER = re.compile(
    r"\\(?:Leftrightarrow|equiv|le|ge|leq|geq|lt|gt|ne|neq|in|to|equiv|Rightarrow|implies|iff|pmod|mod|bmod|quad|qquad|text)(?![A-Za-z])|[<>;]|,\s"
)

_CIRCULAR = re.compile(r"\\(?:sin|cos|tan|sec|csc|cot|arc)")


def formula_equations(text: str, offset: int) -> Iterator[Equation]:
    """The equations of one formula; rows of an alignment apart, a row that begins with `=` going on from the last."""
    at, last = 0, None
    for row in [*_ROW.finditer(text), None]:
        end = row.start() if row else len(text)
        piece = text[at:end]
        marks = list(_SIDE.finditer(piece))
        bounds = [-1, *(m.start() for m in marks), len(piece)]
        starts = [0, *(m.end() for m in marks)]
        sides = [(starts[i], bounds[i + 1]) for i in range(len(starts))]
        shown = [(piece[a:b], at + a) for a, b in sides]
        if marks and not shown[0][0].replace("&", "").strip() and last is not None:
            shown[0] = last
        for i, mark in enumerate(marks):
            yield _pair(shown[i], shown[i + 1], mark.group() != "=", offset)
        last = shown[-1] if marks else (piece, at) if piece.strip() else last
        at = row.end() if row else end


def _pair(left: tuple[str, int], right: tuple[str, int], marked: bool, offset: int) -> Equation:
    text = f"{left[0].strip(' &')} {'≈' if marked else '='} {right[0].strip(' &')}".strip()
    span = (offset + left[1], offset + right[1] + len(right[0]))
    a, b = _value(left[0], first=False), _value(right[0], first=True)
    if a is None or b is None:
        return Equation(text, span, None, "unchecked", "not two numbers")
    kind = judge_sides([a[0]], [b[0]], b[1], marked=marked, percent="%" in text)
    if (kind == "false" and a[2]) or b[2]:
        kind = "exact" if abs(a[0] - b[0]) < abs(a[0]) / 10**12 else kind
    why = "" if kind != "false" else f"{left[0].strip(' &')} is {show(a[0])}, not {right[0].strip(' &')}"
    return Equation(text, span, kind != "false", kind, why[:300])


def _value(side: str, first: bool) -> tuple[Fraction, int | None, bool] | None:
    """(value, decimal places of a plain number, whether only approximate); None where it is no number."""
    from mathdata.verifiers.algebra import Algebra, NoValue, TooBig, constant
    from mathdata.verifiers.numeric import NoNumber, symbols, value
    from mathdata.verifiers.values import read_value

    side = side.replace("&", " ").strip().rstrip(".,")
    if _OTHER.search(side):
        side = _OTHER.split(side)[0 if first else -1]
    if not side or len(side) > 300 or not any(c.isdigit() for c in side):
        return None
    tree = (
        read_value(side.replace("^\\circ", "").replace("^{\\circ}", "")).tree
        if not _CIRCULAR.search(side)
        else read_value(side).tree
    )
    if (
        tree is None
        or symbols(tree)
        or "_" in side
        or tree[0] in ("seq", "rel", "text", "time", "base", "ratio", "matrix", "set")
    ):
        return None
    places = tree[2] or 0 if tree[0] == "num" else None
    try:
        exact = constant(Algebra().tree(tree))
        if exact is not None:
            return exact, places, False
        z, _ = value(tree, {})
        if abs(z.imag) > 1e-12 or z.real != z.real or abs(z.real) == float("inf"):
            return None
        return Fraction(z.real), places, True
    except (TooBig, NoValue, NoNumber, OverflowError, ValueError, RecursionError):
        return None
