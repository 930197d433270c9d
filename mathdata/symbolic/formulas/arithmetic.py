"""Formulas of numbers: `Compute $…$`, `What is the value of $…$?`, `Express $…$ as a common fraction.`"""

from __future__ import annotations

from mathdata.symbolic.formulas.family import Family, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.latex import letters, parse
from mathdata.symbolic.formulas.working import Work
from mathdata.symbolic.solution import Unsupported

__all__ = ["FAMILY"]

_VERB = r"(?:[Cc]ompute|[Ee]valuate|[Ss]implify|[Ff]ind|[Cc]alculate|[Dd]etermine|What is|Work out)"
_WHAT = r"(?: the (?:exact |numerical )?(?:value|sum|product|difference|quotient|result) of| the quantity)?(?: the)?(?: following| numerical| given)?(?: expressions?)?"
_HOW = r"(?: without using a calculator| in your head| exactly)?"
_ASKED = asks(
    rf"{_VERB}{_HOW}{_WHAT}:? ?@{_HOW}",
    r"(?:Express|Write|Rewrite) @ as an? (?:(?:common|simplified|reduced|single) )*fraction(?: in (?:lowest terms|simplest form))?",
    r"What(?: common)? fraction is (?:equal|equivalent) to @",
    r"Rationalize (?:the )?denominator of @",
    r"Simplify @ completely|Simplify @ by rationalizing the denominator",
)


def read(made: Pieces) -> Solved | None:
    if len(made.formulas) != 1 or _ASKED.fullmatch(made.prose) is None:
        return None
    formula = made.formulas[0].rstrip("= ")
    if "=" in formula:
        return None
    try:
        node = parse(formula)
        if letters(node) - {"i", "\\pi"}:
            return None
        work = Work(decimal="." in formula and "frac" not in formula and "overline" not in formula)
        value = work.value(node)
    except Unsupported:
        return None
    if not work.lines and value.latex() == formula:
        return None
    if not work.lines:
        work.lines = [("Write it as a fraction", f"${formula} = {value.latex()}$.")]
    return solved_value(work.lines, value, work.text(value))


FAMILY = Family("arithmetic", read)
