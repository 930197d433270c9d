"""Reads a problem: its text with the numbers masked is looked up among the wordings of all families."""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import cache
from typing import NamedTuple

from mathdata.families._base import Family, Params

__all__ = ["Reading", "mask", "parse", "read"]

LONGEST = 400
_SLOT = re.compile(r"\{(\w+)\}")
_SLOT_OR_NUMBER = re.compile(r"\{(\w+)\}|([0-9]+)")
_NUMBER = re.compile(r"(?:(?<![0-9A-Za-z)])(?<![0-9xX)] )-)?[0-9]+(?:\.[0-9]+)?")
_LIST = re.compile(r"#(?:\s*[,、]\s*#)+")
_SILENT = re.compile(r"[\s,，.。?？!！:：;；、'\"]+")
_SIGNS = str.maketrans({"−": "-", "–": "-", "×": "*", "÷": "/", "∗": "*"})


class Reading(NamedTuple):
    family: Family
    params: Params
    language: str
    wording: int


class _Place(NamedTuple):
    """Where a key leads: `slots` names its numbers in order; a slot of digits is that number itself."""

    family: Family
    language: str
    wording: int
    slots: tuple[str, ...]
    words: Params


def mask(text: str) -> tuple[str, list[str]]:
    """(the text without numbers, spaces and punctuation, the numbers in order); a list of numbers is one.

    >>> mask("计算 ７ - -3.50 等于多少？")
    ('计算#-#等于多少', ['7', '-3.50'])
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(_SIGNS)
    text = " ".join(text.split())
    numbers = _NUMBER.findall(text)
    key = _NUMBER.sub("#", text)
    if _LIST.search(key):
        key, numbers = _gather(key, numbers)
    return _SILENT.sub("", key), numbers


def _gather(key: str, numbers: list[str]) -> tuple[str, list[str]]:
    gathered, rest = [], iter(numbers)
    for run in re.findall(r"#(?:\s*[,、]\s*#)*", key):
        gathered.append(", ".join(itertools.islice(rest, run.count("#"))))
    return _LIST.sub("@", key), gathered


def slots_of(template: str) -> list[str]:
    """The names of what a wording leaves open.

    >>> slots_of("计算 {a} 的 {n} 次方？")
    ['a', 'n']
    """
    return _SLOT.findall(template)


@cache
def _table() -> dict[str, list[_Place]]:
    from mathdata.families._write import families

    table: dict[str, list[_Place]] = {}
    for family in families():
        for language, templates in family.wordings.items():
            for number, template in enumerate(templates):
                for words in _choices(family, language):
                    key, slots = _key(template, words)
                    table.setdefault(key, []).append(_Place(family, language, number, slots, words))
    return table


def _choices(family: Family, language: str) -> list[Params]:
    slots = family.words.get(language, {})
    return [dict(zip(slots, row)) for row in itertools.product(*slots.values())]


def _key(template: str, words: Params) -> tuple[str, tuple[str, ...]]:
    """A wording's look-up key: its words filled in, a number at every other slot."""
    found = (slot or number for slot, number in _SLOT_OR_NUMBER.findall(template))
    slots = tuple(s for s in found if s not in words)
    text = _SLOT.sub(lambda m: words.get(m[1], "1, 1" if m[1] == "data" else "1"), template)
    return mask(text)[0], slots


def read(problem: str) -> Reading | None:
    """Family, numbers, language and wording of a problem; None where no family has such a wording."""
    if not problem or len(problem) > LONGEST:
        return None
    key, numbers = mask(problem)
    for place in _table().get(key, ()):
        params = dict(zip(place.slots, numbers)) | place.words
        fixed = all(params.pop(s) == s for s in place.slots if s.isdigit())
        if fixed and len(numbers) == len(place.slots) and place.family.fits(params):
            return Reading(place.family, params, place.language, place.wording)
    return None


def parse(problem: str) -> tuple[Family, Params] | None:
    """(family, its parameters) of a problem, or None."""
    found = read(problem)
    return (found.family, found.params) if found else None
