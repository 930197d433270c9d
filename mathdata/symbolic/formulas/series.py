"""Arithmetic and geometric sequences: sums, infinite sums, counts of terms."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction

from mathdata.symbolic.formulas.exact import Exact, fraction_latex
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.integers import whole_numbers
from mathdata.symbolic.formulas.latex import Node, letters, parse
from mathdata.symbolic.formulas.working import value_of
from mathdata.symbolic.solution import Unsupported
from mathdata.worked import Number

__all__ = ["FAMILIES"]

_ASK = r"(?:What is|Find|Compute|Determine|Calculate|Evaluate|Simplify)"
_SUM = asks(
    rf"{_ASK}(?: the (?:value|sum) of)?(?: the)?(?: infinite| finite)?(?: arithmetic| geometric)?(?: sum| series)?:? ?@",
    rf"{_ASK} the sum of the(?: infinite| finite)?(?: arithmetic| geometric)? series @",
)
_COUNT = asks(r"How many (?:numbers|terms|integers) are (?:there )?in the (?:list|sequence|arithmetic sequence) @")
_FIRST = asks(
    r"(?:What is|Find) the sum of the first (@|ten|twenty|thirty|forty|fifty|hundred)? ?(positive|positive even|positive odd|odd positive|even positive|odd|even)(?: integers| whole numbers| numbers)"
)
_DOTS = re.compile(r"\\(?:cdots|dots|ldots|dotsb|dotsm|dotsc|dotsi|dotso)|\.\.\.")


def _terms(node: Node, sign: int = 1) -> list[Number]:
    if node[0] in ("+", "-"):
        return [*_terms(node[1], sign), *_terms(node[2], sign if node[0] == "+" else -sign)]
    if letters(node):
        raise Unsupported("no value", "a letter")
    value = value_of(node).rational
    if value is None:
        raise Unsupported("no value", "no rational term")
    return [sign * value]


def _read(formula: str) -> tuple[list[Number], list[Number]]:
    """The terms before and after the dots."""
    parts = _DOTS.split(formula)
    if len(parts) != 2:
        raise Unsupported("does not parse", "no dots")
    before, after = (p.strip() for p in parts)
    if before[-1:] not in "+-" or not before:
        raise Unsupported("does not parse", "no sum")
    first = _terms(parse(before[:-1]))
    last = _terms(parse(after.lstrip("+"))) if after else []
    if after and after[0] != "+":
        raise Unsupported("does not parse", "no sum")
    return first, last


def _arithmetic(first: list[Number], last: list[Number], lines: Lines) -> Number | None:
    step = first[1] - first[0]
    run = [b - a for a, b in itertools.pairwise(first)] + [b - a for a, b in itertools.pairwise(last)]
    if any(d != step for d in run) or not step:
        return None
    count = Fraction(last[-1] - first[0]) / step + 1
    if count.denominator != 1 or not len(first) + len(last) <= count <= 10**5:
        return None
    a, z = fraction_latex(first[0]), fraction_latex(last[-1])
    total = Fraction(first[0] + last[-1]) * count / 2
    lines.append(
        (
            "Count the terms",
            f"$\\frac{{{z} - {a}}}{{{fraction_latex(step)}}} + 1 = {count}$."
            if first[0] >= 0
            else f"There are {count} terms.",
        )
    )
    lines.append(
        (
            "Multiply the number of terms by the mean of the first and the last",
            f"${count} \\cdot \\frac{{{a} + {f'({z})' if last[-1] < 0 else z}}}{{2}} = {fraction_latex(total)}$.",
        )
    )
    return total


def _geometric(first: list[Number], last: list[Number], lines: Lines) -> Number | None:
    if not all((*first, *last)):
        return None
    ratio = Fraction(first[1]) / first[0]
    run = [*itertools.pairwise(first), *itertools.pairwise(last)]
    if any(Fraction(b) / a != ratio for a, b in run) or abs(ratio) == 1:
        return None
    a, r = fraction_latex(first[0]), fraction_latex(ratio)
    shown = f"\\left({r}\\right)" if ratio < 0 or ratio.denominator > 1 else r
    lines.append(("Find the ratio", f"$\\frac{{{fraction_latex(first[1])}}}{{{a}}} = {r}$."))
    if not last:
        if abs(ratio) >= 1:
            return None
        total = Fraction(first[0]) / (1 - ratio)
        lines.append(
            (
                "Divide the first term by one less the ratio",
                f"$\\frac{{{a}}}{{1 - {shown}}} = {fraction_latex(total)}$.",
            )
        )
        return total
    count, term = 1, Fraction(first[0])
    while term != last[-1]:
        term, count = term * ratio, count + 1
        if count > 40:
            return None
    if count < len(first) + len(last):
        return None
    total = first[0] * (1 - ratio**count) / (1 - ratio)
    lines.append(
        (
            f"Add the {count} terms",
            f"${a} \\cdot \\frac{{1 - {shown}^{{{count}}}}}{{1 - {shown}}} = {fraction_latex(total)}$.",
        )
    )
    return total


def read_sum(made: Pieces) -> Solved | None:
    if len(made.formulas) != 1 or _SUM.fullmatch(made.prose) is None or _DOTS.search(made.formulas[0]) is None:
        return None
    try:
        first, last = _read(made.formulas[0])
    except Unsupported:
        return None
    if len(first) < 2 or (not last and len(first) < 3) or len(first) + len(last) < 3:
        return None
    for work in (_arithmetic, _geometric) if last else (_geometric,):
        lines: Lines = []
        total = work(first, last, lines)
        if total is not None:
            return solved_value(lines, Exact.of(total))
    return None


def read_listed(made: Pieces) -> Solved | None:
    """`How many numbers are in the list $4, 6, 8, \\ldots, 128, 130$?`"""
    if _COUNT.fullmatch(made.prose) is None or len(made.formulas) != 1:
        return None
    parts = _DOTS.split(made.formulas[0])
    if len(parts) != 2:
        return None
    try:
        first, last = (whole_numbers([t for t in p.strip(" ,").split(",") if t.strip()]) for p in parts)
    except Unsupported:
        return None
    if len(first) < 2 or not last:
        return None
    step = first[1] - first[0]
    run = [b - a for a, b in itertools.pairwise(first)] + [b - a for a, b in itertools.pairwise(last)]
    if not step or any(d != step for d in run) or (last[-1] - first[0]) % step:
        return None
    count = (last[-1] - first[0]) // step + 1
    if count < len(first) + len(last):
        return None
    a, z, d = (f"({n})" if n < 0 else str(n) for n in (first[0], last[-1], step))
    return solved_value(
        [
            (
                "Divide the way from the first to the last by the step, and add one",
                f"$\\frac{{{z} - {a}}}{{{d}}} + 1 = {count}$.",
            )
        ],
        Exact.of(count),
    )


_COUNTS = {"ten": 10, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100}


def read_first(made: Pieces) -> Solved | None:
    match = _FIRST.fullmatch(made.prose)
    if match is None or match[1] is None:
        return None
    try:
        n = whole_numbers(made.formulas)[0] if match[1] == "@" else _COUNTS[match[1]]
    except Unsupported:
        return None
    if len(made.formulas) != (match[1] == "@") or not 2 <= n <= 10**4:
        return None
    kind = match[2]
    if "odd" in kind:
        return solved_value(
            [("Use that the first n odd numbers add to n squared", f"${n}^2 = {n * n}$.")], Exact.of(n * n)
        )
    if "even" in kind:
        return solved_value(
            [("Use that the first n even numbers add to n(n + 1)", f"${n} \\cdot {n + 1} = {n * (n + 1)}$.")],
            Exact.of(n * (n + 1)),
        )
    total = n * (n + 1) // 2
    return solved_value(
        [("Use that 1 to n add to n(n + 1)/2", f"$\\frac{{{n} \\cdot {n + 1}}}{{2}} = {total}$.")], Exact.of(total)
    )


FAMILIES = (Family("series", read_sum), Family("terms", read_listed), Family("first numbers", read_first))
