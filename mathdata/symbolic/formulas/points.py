"""Two points of the plane or of space: distance, midpoint, slope."""

from __future__ import annotations

from fractions import Fraction

from mathdata.symbolic.formulas.exact import Exact, fraction_latex, root
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.latex import parse
from mathdata.symbolic.formulas.working import value_of
from mathdata.symbolic.solution import Unsupported
from mathdata.worked import Number

__all__ = ["FAMILIES"]

_ASK = r"(?:What is|Find|Compute|Determine)"
_DISTANCE = asks(
    rf"{_ASK} the distance(?:, in units,)? between(?: the)?(?: points)?(?: with coordinates)? @ and @",
    r"How many units long is (?:a|the) segment (?:whose|with) endpoints(?: are)? @ and @",
)
_MIDPOINT = asks(
    rf"{_ASK} the (?:coordinates of the )?midpoint of the (?:line )?segment (?:with|whose) endpoints(?: are| at)? @ and @(?:\. ?Express your answer as an ordered pair)?"
)
_SLOPE = asks(
    rf"{_ASK} the slope of the line (?:passing through|that passes through|through|containing)(?: the points)? @ and @"
)


def _points(made: Pieces) -> list[list[Number]]:
    found = []
    for formula in made.formulas:
        inner = formula.replace("\\left", "").replace("\\right", "").strip()
        if not (inner.startswith("(") and inner.endswith(")")):
            raise Unsupported("does not parse", "no point")
        values = [value_of(parse(part)).rational for part in inner[1:-1].split(",")]
        if not 2 <= len(values) <= 3 or any(v is None for v in values):
            raise Unsupported("does not parse", "no point")
        found.append([v for v in values if v is not None])
    if len(found) != 2 or len(found[0]) != len(found[1]):
        raise Unsupported("does not parse", "not two points")
    return found


def _shown(value: Number) -> str:
    return f"({fraction_latex(value)})" if value < 0 else fraction_latex(value)


def read_distance(made: Pieces) -> Solved | None:
    if _DISTANCE.fullmatch(made.prose) is None:
        return None
    try:
        first, second = _points(made)
        gaps = [b - a for a, b in zip(first, second)]
        under = sum(g * g for g in gaps)
        value = root(Exact.of(under), 2)
    except Unsupported:
        return None
    lines: Lines = [
        (f"Subtract the coordinates number {i}", f"${fraction_latex(b)} - {_shown(a)} = {fraction_latex(b - a)}$.")
        for i, (a, b) in enumerate(zip(first, second), 1)
    ]
    squares = " + ".join(f"{_shown(g)}^2" for g in gaps)
    lines.append(("Add the squares", f"${squares} = {fraction_latex(under)}$."))
    lines.append(
        (
            "Take the root",
            f"$\\sqrt{{{fraction_latex(under)}}}$."
            if value.latex() == f"\\sqrt{{{under}}}"
            else f"$\\sqrt{{{fraction_latex(under)}}} = {value.latex()}$.",
        )
    )
    return solved_value(lines, value) if under else None


def read_midpoint(made: Pieces) -> Solved | None:
    if _MIDPOINT.fullmatch(made.prose) is None:
        return None
    try:
        first, second = _points(made)
    except Unsupported:
        return None
    middle = [Fraction(a + b) / 2 for a, b in zip(first, second)]
    lines: Lines = [
        (
            f"Take the mean of the coordinates number {i}",
            f"$\\frac{{{fraction_latex(a)} + {_shown(b)}}}{{2}} = {fraction_latex(m)}$.",
        )
        for i, (a, b, m) in enumerate(zip(first, second, middle), 1)
    ]
    values = tuple(Exact.of(m) for m in middle)
    size = max(max(abs(m.numerator), m.denominator) for m in middle)
    kind = "point" + ",".join(str(m.denominator == 1) for m in middle)
    return Solved(lines, f"({','.join(v.latex() for v in values)})", values, kind, int(size))


def read_slope(made: Pieces) -> Solved | None:
    if _SLOPE.fullmatch(made.prose) is None:
        return None
    try:
        (a, b), (c, d) = _points(made)
    except (Unsupported, ValueError):
        return None
    if a == c:
        return None
    value = Exact.of(Fraction(d - b) / (c - a))
    lines = [
        (
            "Divide the rise by the run",
            f"$\\frac{{{fraction_latex(d)} - {_shown(b)}}}{{{fraction_latex(c)} - {_shown(a)}}} = {value.latex()}$.",
        )
    ]
    return solved_value(lines, value)


FAMILIES = (Family("distance", read_distance), Family("midpoint", read_midpoint), Family("slope", read_slope))
