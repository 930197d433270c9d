"""An expression and its unit, as they stand in a tree."""

from __future__ import annotations

from fractions import Fraction

from mathdata.verifiers.trees import Tree, negated
from mathdata.verifiers.units import read_unit

__all__ = ["letters_as_unit", "split_unit"]

PERCENT = (Fraction(1), (("percent", 1),))


def split_unit(t: Tree) -> tuple[Tree, str]:
    """An expression and its unit; a sign before them is part of the expression."""
    if t[0] == "unit":
        inner, deeper = split_unit(t[1])
        if t[2].strip(" .").lower() in ("degree", "degrees", "deg", "°", "度"):
            return inner, "°"
        measured = read_unit(t[2])
        if measured == PERCENT:
            return inner, "percent"
        return inner, deeper if deeper in ("$", "€", "£", "¥") or measured is None else t[2]
    if t[0] == "pct":
        return t[1], "percent"
    if t[0] == "deg":
        return t[1], "°"
    if t[0] == "mul" and len(t[1]) == 2 and t[1][0] == ("num", Fraction(-1), None):
        inner, unit = split_unit(t[1][1])
        return negated(inner), unit
    if t[0] == "mul" and t[1][-1][0] in ("deg", "pct", "unit"):
        inner, unit = split_unit(t[1][-1])
        return ("mul", (*t[1][:-1], inner)), unit
    return t, ""


def letters_as_unit(t: Tree, unit: str) -> tuple[Tree, str]:
    """`144 m^3` beside a gold in `\\text{m}^3`: letters that spell the other side's unit are a unit."""
    if t[0] != "mul" or len(t[1]) < 2:
        return t, ""
    words: list[str] = []
    factors = list(t[1])
    while factors and (word := _letter(factors[-1])):
        factors.pop()
        words.insert(0, word)
    known = (
        read_unit("".join(words) if all(f.isalpha() for f in words) else " ".join(words)) if words and factors else None
    )
    wanted = read_unit(unit)
    if known is None or wanted is None or known[1] != wanted[1]:
        return t, ""
    return (factors[0] if len(factors) == 1 else ("mul", tuple(factors))), "".join(words) if all(
        f.isalpha() for f in words
    ) else " ".join(words)


def _letter(t: Tree) -> str | None:
    """`s`, `s^2` and what stands below a slash, `s^-2`, as parts of a unit."""
    if t[0] == "sym":
        return str(t[1])
    power = Fraction(1)
    while t[0] == "pow" and t[2][0] == "num":
        t, power = t[1], power * t[2][1]
    return f"{t[1]}^{power}" if t[0] == "sym" else None
