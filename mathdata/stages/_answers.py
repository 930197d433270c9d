"""Whether two rows give one answer, and which of two the judge confirms: only asked where rows disagree."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mathdata.types import Row

__all__ = ["answer_of", "confirmed", "same_answer"]


def answer_of(row: Row) -> str | None:
    """The row's answer, else the one its solution states in so many words; a last number is no statement."""
    if row.get("answer"):
        return str(row["answer"])
    if not row.get("solution"):
        return None
    from mathdata.verifiers import extract

    found = extract(str(row["solution"]))
    return None if found is None else found.value


@lru_cache(maxsize=100_000)
def same_answer(a: str, b: str) -> bool:
    """Equal answers, or one is the other rounded to the places it shows."""
    if a == b:
        return True
    left, right = _plain(a), _plain(b)
    if left is not None and right is not None:
        from mathdata.families import Value, agree

        return "rounded" in (agree(Value(left), b), agree(Value(right), a)) or left == right
    from mathdata.verifiers import judge

    return bool(judge(a, b).ok or judge(b, a).ok)


def _plain(text: str) -> Fraction | None:
    try:
        return Fraction(text) if len(text) < 100 and "e" not in text.lower() else None
    except (ValueError, ZeroDivisionError):
        return None


def confirmed(row: Row, answer: str | None, *, steps: bool = False) -> bool:
    """Whether a row's answer is known to be right: by its verdict, by recomputing it, or by its own true steps."""
    if row.get("verdict") is not None:
        return bool(row["verdict"] == "correct")
    if answer is None:
        return False
    from mathdata.families import agree

    value = _solved(row.get("problem") or "")
    if value is not None:
        return agree(value, answer) in ("same", "rounded")
    return steps and _holds(answer, row.get("solution"))


@lru_cache(maxsize=64)
def _solved(problem: str) -> Any:
    """The value that a family computes, or plain arithmetic. The rows of one problem come one after the other."""
    from mathdata.families import Value, solve_exact

    value = solve_exact(problem)
    if value is None and (number := _arithmetic(problem)) is not None:
        return Value(number)
    return value


def _arithmetic(problem: str) -> Fraction | None:
    """The value of a text that asks for sums and products of numbers and for nothing else; no powers, no 6/2(1+2)."""
    from mathdata.near.formula import bare_formula
    from mathdata.text import normal
    from mathdata.worked import parse

    formula = (bare_formula(problem) or "").removesuffix("=")
    if formula not in normal(problem).replace(" ", ""):
        return None  # it was put together from several: 7 - 2 and 3 + 1
    formula = formula.replace("×", "*").replace("·", "*")
    if not re.fullmatch(r"[-+*/().0-9]{3,100}", formula) or re.search(r"[0-9)]\(|\)[0-9]", formula):
        return None
    read = parse(formula)
    value = read.value() if read else None
    return None if value is None else Fraction(value)


def _holds(answer: str, solution: str | None) -> bool:
    """The solution ends in the answer and none of its checked steps is false."""
    if not solution:
        return False
    from mathdata.verifiers import check_steps, judge

    return judge(answer, solution).ok and not check_steps(solution).false
