"""Which number of a problem may be masked: one that matters for the answer and can be checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from mathdata.types import Problem

__all__ = ["Mask", "find_masks", "is_label", "mask_for", "masked"]

_START = r"(?<![A-Za-z0-9_.,/\\^{])"
NUMBER = re.compile(rf"{_START}\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!\d)|{_START}\d+(?:\.\d+)?(?!\d)", re.ASCII)
_MONTHS = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
_LABELS = (
    "step room bus number no page chapter grade level figure table exercise question problem part line route "
    "flight gate platform size channel model version section unit lesson day week year class apartment highway "
    "interstate vitamin size question"
)
_BEFORE = re.compile(rf"(?:\b(?:{'|'.join((_LABELS + ' ' + _MONTHS).split())})\.?\s*#?|#|第)\s*$", re.IGNORECASE)
_AFTER = re.compile(
    r"\s*(?:st|nd|rd|th)\b|:\d\d|\s*[ap]\.?m\b|/\d|\s*o'?clock|\s*[年月日号]|\s*\\frac|-(?:year|day)-old", re.IGNORECASE
)
_YEAR = re.compile(r"\b(?:in|since|by|from|until|year)\s+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mask:
    """One number of the question: where it stands and what it is."""

    start: int
    end: int
    text: str

    @property
    def value(self) -> str:
        return self.text.replace(",", "")


def find_masks(problem: Problem) -> list[Mask]:
    """The numbers of a question that can be asked for, in order.

    Left out: labels, dates, clock times, ordinals, parts of written fractions or formulas, a number the
    question states twice (the other would give it away), and one the worked solution never uses.
    In MATH style text (with LaTeX) only numbers outside formulas count: inside one, a plain number cannot be checked.
    """
    text = problem.problem
    inside = _formulas(text)
    found = []
    for match in NUMBER.finditer(text):
        mask = Mask(match.start(), match.end(), match.group())
        if any(a <= mask.start < b for a, b in inside) or is_label(text, mask.start, mask.end):
            continue
        found.append(mask)
    counts: dict[str, int] = {}
    for mask in found:
        counts[mask.value] = counts.get(mask.value, 0) + 1
    used = _numbers(problem.solution)
    return [m for m in found if counts[m.value] == 1 and (used is None or m.value in used)]


def is_label(text: str, start: int, end: int) -> bool:
    """Whether the number that stands there names something (a room, a date, a year) instead of counting it."""
    before, after = text[max(0, start - 24) : start], text[end : end + 12]
    if _BEFORE.search(before) or _AFTER.match(after):
        return True
    return text[start:end].isdigit() and 1700 <= int(text[start:end][:5]) < 2100 and bool(_YEAR.search(before))


def _formulas(text: str) -> list[tuple[int, int]]:
    """Spans of LaTeX formulas that hold more than one plain number ("$5" as money is none)."""
    spans = []
    for match in re.finditer(r"\$[^$]{1,2000}\$|\\\(.{1,2000}?\\\)|\\\[.{1,4000}?\\\]|\[asy\].*?\[/asy\]", text, re.S):
        if re.search(r"[\\^_=+{}]|[a-z]\s*[(=]", match.group()):
            spans.append(match.span())
    return spans


def _numbers(solution: str | None) -> set[str] | None:
    if not solution:
        return None
    values = set()
    for match in re.finditer(r"\d[\d,]*(?:\.\d+)?|\.\d+", solution):
        text = match.group().replace(",", "").rstrip(".")
        values.add(text)
        values.add(text.lstrip("0") or "0")
    return values


def mask_for(problem: Problem, base: int, sample: int, end: int | None = None) -> Mask | None:
    """The mask of one sample: every sample takes another number, in an order drawn once for the row, then again.

    `end`: only numbers before that place.
    """
    masks = [m for m in find_masks(problem) if end is None or m.end <= end]
    Random(base).shuffle(masks)
    return masks[sample % len(masks)] if masks else None


def masked(text: str, mask: Mask, variable: str = "x") -> str:
    return text[: mask.start] + variable + text[mask.end :]


def variable_for(text: str) -> str | None:
    """A letter for the unknown that the text does not use yet."""
    for letter in "xyzk":
        if not re.search(rf"(?<![A-Za-z]){letter}(?![A-Za-z])", text):
            return letter
    return None
