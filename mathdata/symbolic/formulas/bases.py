"""Numerals in other bases: from one to another, and sums in a base."""

from __future__ import annotations

import re
from fractions import Fraction

from mathdata.symbolic.formulas.family import Family, Pieces, Solved, asks
from mathdata.symbolic.formulas.integers import divided
from mathdata.symbolic.formulas.latex import parse
from mathdata.symbolic.formulas.working import Work
from mathdata.symbolic.solution import Unsupported

__all__ = ["FAMILIES"]

_TO = asks(
    r"(?:Convert|Express|Write|Rewrite)(?: the (?:base[ -]@ )?(?:number|integer))? @ (?:to|in|into|as an? (?:integer|number) in) base[ -]@(?: integer)?",
    r"(?:Convert|Express|Write) @ (?:to|as) a base[ -]@ integer",
    r"What is @(?: expressed| written)? in base[ -]@",
    r"What is the base[ -]@ (?:representation|equivalent) of(?: the (?:base[ -]@ )?(?:number|integer))? @",
)
_IN = asks(
    r"(?:Find|Add|Subtract|Compute|Evaluate|What is|Find the (?:sum|product|difference) of|Multiply)(?: the (?:sum|product|difference|quotient))? @[.?] Express your answer in base[ -]@",
    r"Express the (?:sum|product|difference|quotient) @ in base[ -]@",
    r"Express @ in base[ -]@",
)
_TEN = re.compile(r"\bbase[ -]ten\b")


def _digits(n: int, base: int) -> str:
    found = ""
    while n:
        n, digit = divmod(n, base)
        found = str(digit) + found
    return found or "0"


def _solved(value: object, base: int, work: Work) -> Solved:
    number = value if isinstance(value, int) else None
    if number is None or not 0 < number < 10**12 or not 2 <= base <= 10:
        raise Unsupported("no value", "no whole number, or a base that is not written with digits")
    written = _digits(number, base)
    rest, steps = number, []
    while rest and base != 10:
        steps.append(f"${divided(rest, base)}$.")
        rest //= base
    if steps:
        work.lines.append(
            (
                f"Divide by {base} again and again; the remainders are the digits from the last to the first",
                " ".join(steps),
            )
        )
    answer = written if base == 10 else f"{written}_{base}" if base < 10 else written
    return Solved(work.lines, answer, ("base", number, base), f"base{base == 10}", number)


def _whole(work: Work, formula: str) -> int:
    number = work.value(parse(formula)).rational
    if number is None or Fraction(number).denominator != 1:
        raise Unsupported("no value", "no whole number")
    return int(number)


def read(made: Pieces) -> Solved | None:
    prose = _TEN.sub("base @", made.prose)
    to = _TO.fullmatch(prose) or _IN.fullmatch(prose)
    if to is None:
        return None
    numbers = list(made.formulas)
    ten = [m.start() for m in re.finditer(r"@|\bbase[ -]ten\b", made.prose)]
    for i, at in enumerate(ten):
        if made.prose.startswith("base", at):
            numbers.insert(i, "10")
    bases = [i for i, m in enumerate(re.finditer("@", prose)) if prose[: m.start()].endswith(("base ", "base-"))]
    plain = [i for i in range(len(numbers)) if i not in bases]
    if not bases or len(plain) != 1 or not all(numbers[i].isdigit() for i in bases):
        return None
    base = int(numbers[bases[-1]]) if to.re is not _TO or "representation" not in prose else int(numbers[bases[0]])
    if len(bases) > 1 or ("_" not in numbers[plain[0]] and base == 10):
        return None
    work = Work()
    try:
        return _solved(_whole(work, numbers[plain[0]]), base, work)
    except Unsupported:
        return None


FAMILIES = (Family("base", read),)
