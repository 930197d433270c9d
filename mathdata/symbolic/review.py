"""What a person should look at: a gold answer against the last step, a false equation, a number from nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mathdata.symbolic.solution import Solution, Unsupported, read_solution
from mathdata.symbolic.tie import tie
from mathdata.symbolic.write import decimal
from mathdata.worked import Number, parse

__all__ = ["Find", "review"]

_FALSE = ("false equation", "false annotation", "shown differs")
_UNITS = (100, 60, 1000, 12)


@dataclass(frozen=True, slots=True)
class Find:
    """One contradiction inside a row: its kind (false-step, review-gold, review-question) and the sentence."""

    kind: str
    why: str


def review(problem: str, solution: str) -> Find | None:
    """The first contradiction that the row holds within itself; None where there is none that can be seen.

    False equations come first: what follows from them says nothing. A gold that is the last result in another unit
    (cents for dollars, a share for a percentage) is no contradiction.
    """
    try:
        read = read_solution(solution)
    except Unsupported as e:
        return Find("false-step", e.detail) if e.word in _FALSE and _surely_false(e.detail) else None
    if (find := _gold(read)) is not None:
        return find
    try:
        tie(problem, solution)
    except Unsupported as e:
        if e.word == "unexplained operand" and not read.letters:
            return Find("review-question", f"the solution uses a number that the question does not give: {e.detail}")
    return None


_PLAIN = re.compile(r"[\d\s.,$()+*/x×=<>-]+")


def _surely_false(text: str) -> bool:
    """Plain arithmetic that is wrong however it is read; rounding, percent signs, units and clock times are not."""
    if not _PLAIN.fullmatch(text) or re.search(r"\d \d|/\s*\d+\s*/|\b0\d", text):
        return False
    sides = [parse(side) for side in re.sub(r"<<.*?>>", "", text.replace("$", "")).split("=")]
    values = [side.value() for side in sides if side is not None]
    stated = values[-1] if values else None
    if len(values) < 2 or values[0] is None or stated is None:
        return True
    rounded = values[0].denominator != 1 and -1 < values[0] - stated < 1
    return not rounded and values[0] not in (stated * 1000, stated / 100)


def _gold(read: Solution) -> Find | None:
    last = read.steps[-1]
    values = {step.value for step in read.steps} | {slot.value for slot in read.slots}
    if read.gold in values or read.letters or any(_same_in_units(read.gold, v) for v in values):
        return None
    said = decimal(last.value) or str(last.value)
    return Find("review-gold", f"the answer is {decimal(read.gold)}, the last step ends in {said}")


def _same_in_units(gold: Number, value: Number) -> bool:
    """The same amount in another unit, or rounded."""
    if any(gold == value * u or gold * u == value for u in _UNITS):
        return True
    return value.denominator != 1 and abs(gold - value) < 1  # type: ignore[operator]
