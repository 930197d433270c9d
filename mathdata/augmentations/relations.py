"""What a sibling with other numbers must keep of its original: kinds, order and limits of its numbers, its constants.

A proving teacher keeps these by construction; of a teacher that answers in text they are checked here, as far as two
questions and two solutions show them. What cannot be tied together is not taken on trust: it is rejected by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from mathdata import numerals, worked
from mathdata.augmentations.masks import is_label
from mathdata.types import Problem

__all__ = ["broken_relation"]

Broken = tuple[str, str]
"""A reject word and its sentence."""

LOST = "bad-placeholder"
_PERCENT = re.compile(r"\s*(?:%|％|per\s?cent\b)")
_UNIT = re.compile(r"\s*(?:more |fewer |less |of the |of )?([A-Za-z]+|[一-鿿]{1,3})")
_MONEY = re.compile(r"[$€£¥]\s*$")
_FRACTION = re.compile(r"\d{1,2}/\d{1,3}")
_LEAF = re.compile(worked.NUMBER)
_FREE = frozenset(Fraction(n) for n in (1, 2, 100))
"""Numbers that a solution may bring along by itself: one of something, a half, a percentage."""
_KNOWN = {
    ("second", "minute"): 60, ("minute", "hour"): 60, ("hour", "day"): 24, ("day", "week"): 7, ("week", "year"): 52,
    ("month", "year"): 12, ("day", "year"): 365, ("inch", "foot"): 12, ("foot", "yard"): 3, ("ounce", "pound"): 16,
    ("cent", "dollar"): 100, ("gram", "kilogram"): 1000, ("meter", "kilometer"): 1000, ("centimeter", "meter"): 100,
}  # fmt: skip
_USUAL = _FREE | {
    Fraction(n) for n in (*_KNOWN.values(), 3, 4, 5, 6, 8, 9, 10, 14, 20, 25, 28, 30, 31, 50, 366, 10_000)
}
_USUAL |= {1 / n for n in _USUAL}
_RATE = re.compile(r"\s*([a-z]+)\s+(?:in|per|to|make|makes|are in)\s+(?:(?:a|an|one|each|every|the)\s+)?([a-z]+)")
_SAME_UNIT = {"inche": "inch", "feet": "foot", "centimetre": "centimeter", "metre": "meter", "kilometre": "kilometer"}


@dataclass(frozen=True, slots=True)
class Given:
    """A number of a question and what it counts."""

    value: Fraction
    text: str
    percent: bool
    unit: str
    fixed: bool
    """A label, a date or a known constant: no amount."""


def broken_relation(problem: Problem, question: str, solution: str, answer: str | None) -> Broken | None:
    """The first relation of the original that its sibling breaks; None where all that can be checked hold."""
    ours, theirs = givens(problem.problem), givens(question)
    return (
        _numbers(ours, theirs)
        or _steps(_Steps(problem.solution or "", ours), _Steps(solution, theirs))
        or _ending(problem, solution, answer)
    )


def givens(text: str) -> list[Given]:
    """The numbers of a question in order, a written fraction as one."""
    found: list[Given] = []
    numbers = numerals.numbers(text)
    i = 0
    while i < len(numbers):
        first = last = numbers[i]
        value = first.value
        after = numbers[i + 1] if i + 1 < len(numbers) else None
        if after is not None and after.value and _FRACTION.fullmatch(text, first.start, after.end):
            i += 1
            last, value = after, value / after.value
        found.append(_given(text, value, first.start, last.end))
        i += 1
    return found


def _given(text: str, value: Fraction, start: int, end: int) -> Given:
    after = text[end : end + 60].lower()
    unit = _UNIT.match(after)
    money = bool(_MONEY.search(text[max(0, start - 2) : start]))
    rate = _RATE.match(after)
    pair = tuple(_unit(u) for u in rate.groups()) if rate else ()
    fixed = is_label(text, start, end) or (len(pair) == 2 and _KNOWN.get((pair[0], pair[1])) == value)
    name = "$" if money else unit.group(1).removesuffix("s") if unit else ""
    return Given(value, text[start:end], bool(_PERCENT.match(after)), name, fixed)


def _unit(word: str) -> str:
    word = word.removesuffix("s")
    return _SAME_UNIT.get(word, word)


def _numbers(ours: Sequence[Given], theirs: Sequence[Given]) -> Broken | None:
    if len(ours) != len(theirs):
        return LOST, f"the question has {len(theirs)} numbers, the original {len(ours)}: they cannot be compared"
    for a, b in zip(ours, theirs):
        if a.fixed and a.value != b.value:
            return LOST, f"'{a.text}' is no amount and must stay, it became '{b.text}'"
        if a.value.denominator == 1 != b.value.denominator and "." not in a.text:
            return LOST, f"'{a.text}' is whole, '{b.text}' is not"
        if 0 < a.value < 1 <= b.value and "." not in a.text:
            return LOST, f"'{a.text}' is a part, '{b.text}' is more than the whole"
        if a.value > 0 >= b.value:
            return LOST, f"'{a.text}' became '{b.text}'"
        if a.percent and b.percent and a.value <= 100 < b.value:
            return LOST, f"'{a.text}' percent became '{b.text}' percent"
    for (a, b), (c, d) in zip(combinations(ours, 2), combinations(theirs, 2)):
        if a.unit and a.unit == b.unit and (a.value - b.value) * (c.value - d.value) < 0:
            return LOST, f"'{a.text}' and '{b.text}' {a.unit} stand in another order of size: '{c.text}' and '{d.text}'"
    if _shares(ours) <= 100 < _shares(theirs):
        return LOST, "the percentages are more than 100 together"
    return None


def _shares(numbers: Iterable[Given]) -> Fraction:
    return sum((n.value for n in numbers if n.percent), Fraction(0))


class _Steps:
    """The equations of a solution: their form without numbers, operands, results, and which operands are constants."""

    def __init__(self, solution: str, given: Sequence[Given]) -> None:
        self.forms: list[str] = []
        self.operands: list[list[Fraction]] = []
        self.results: list[Fraction | None] = []
        self.texts: list[str] = []
        self.origins: list[list[str]] = []
        known = _told(given)
        for equation in worked.equations(solution):
            left, _, right = equation.text.rpartition("=")
            results = {Fraction(v) for m in _LEAF.finditer(right) if (v := worked.number(m.group())) is not None}
            if _LEAF.fullmatch(left):  # "10 = 10" only writes a result down
                known |= results
                continue
            leaves = [Fraction(v) for m in _LEAF.finditer(left) if (v := worked.number(m.group())) is not None]
            self.forms.append(_LEAF.sub("n", left))
            self.texts.append(equation.text)
            self.operands.append(leaves)
            self.origins.append([_origin(v, known) for v in leaves])
            result = worked.number(right) if _LEAF.fullmatch(right) else None
            self.results.append(None if result is None else Fraction(result))
            known |= results

    @property
    def accounted(self) -> bool:
        """Whether every operand is given, reckoned or a usual constant: then the same can be asked of a sibling.

        Sums done column by column, place values and guessed roots bring numbers of their own.
        """
        return self.constants <= _USUAL and not any("digit" in origins for origins in self.origins)

    @property
    def constants(self) -> set[Fraction]:
        pairs = zip(self.operands, self.origins)
        return {v for leaves, origins in pairs for v, o in zip(leaves, origins) if o == "constant"}


def _origin(value: Fraction, known: set[Fraction]) -> str:
    """Where an operand comes from: told or reckoned, a digit of such a number (column by column), or from nowhere."""
    if value in known:
        return "given"
    if value.denominator == 1 and 0 <= value <= 9 and any(str(value) in str(v.numerator) for v in known if abs(v) > 9):
        return "digit"
    return "constant"


def _told(given: Sequence[Given]) -> set[Fraction]:
    """The values that a question puts at hand: its numbers, as percentages also their share and what is left."""
    known = {n.value for n in given} | {Fraction(n.value.denominator) for n in given}
    known |= {x.value for n in given for x in numerals.numbers(n.text)}
    for n in given:
        if n.percent:
            known |= {n.value / 100, 1 - n.value / 100, 1 + n.value / 100, 100 - n.value, 100 + n.value}
    return known


def _steps(ours: _Steps, theirs: _Steps) -> Broken | None:
    """Constants stay and results keep their kind where the steps are the same; else no number comes from nowhere."""
    if not ours.forms or not ours.accounted:
        return None
    if ours.forms == theirs.forms:
        return _side_by_side(ours, theirs)
    allowed = ours.constants | _FREE
    for text, leaves, origins in zip(theirs.texts, theirs.operands, theirs.origins):
        for value, origin in zip(leaves, origins):
            if origin != "given" and value not in allowed:
                return "false-step", f"'{text}' uses {_shown(value)}, which neither question nor earlier step gives"
    return None


def _side_by_side(ours: _Steps, theirs: _Steps) -> Broken | None:
    for i, text in enumerate(theirs.texts):
        for a, b, before, now in zip(ours.operands[i], theirs.operands[i], ours.origins[i], theirs.origins[i]):
            if before == "constant" and a != b:
                return LOST, f"the constant {_shown(a)} became {_shown(b)} in '{text}'"
            if before == "given" and now != "given" and b not in _FREE:
                return "false-step", f"'{text}' uses {_shown(b)}, which neither question nor earlier step gives"
        was, gives = ours.results[i], theirs.results[i]
        if was is not None and gives is not None and was.denominator == 1 != gives.denominator:
            return LOST, f"'{text}' gives no whole number, '{ours.texts[i]}' of the original does"
        if was is not None and gives is None and "-" in text.rpartition("=")[2]:
            return LOST, f"'{text}' falls below zero, '{ours.texts[i]}' of the original does not"
    return None


def _ending(problem: Problem, solution: str, answer: str | None) -> Broken | None:
    """Where the original's answer is its last result, the sibling's is, too."""
    last, first = _last(solution), _last(problem.solution or "")
    if last is None or first is None or answer is None:
        return None
    value, gold = _value(answer), _value(problem.answer or "")
    if gold == first and value is not None and value != last:
        return "wrong-answer", f"the steps end in {_shown(last)}, the answer says {answer}"
    return None


def _last(solution: str) -> Fraction | None:
    listed = worked.equations(solution)
    return _value(listed[-1].sides[-1]) if listed else None


def _value(text: str) -> Fraction | None:
    found = _LEAF.fullmatch(text.strip().strip("$€£%. "))
    value = worked.number(found.group()) if found else None
    return None if value is None else Fraction(value)


def _shown(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"
