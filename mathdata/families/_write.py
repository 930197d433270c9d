"""Writes problems and worked solutions; keeps held-out operands out of what is made for training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

import xxhash

from mathdata.errors import DataError
from mathdata.families._base import Family, Params
from mathdata.families._value import agree

__all__ = ["CONTEST", "SMALL", "Split", "Worked", "draw", "families", "get", "names", "split_of", "wording", "work"]

Split = Literal["train", "validation", "test"]
TEST_SHARE, VALIDATION_SHARE = 10, 5
"""Of 100 sets of operands, this many are held out."""

SMALL = ("small_add", "small_subtract", "gain_story", "loss_story", "unknown_addend")
"""Two-digit numbers, worked in columns: what a very small model can learn."""
CONTEST: tuple[str, ...] = (
    "equation",
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "square_root",
    "mean",
    "rectangle_area",
)
CONTEST += ("sales", "discount", "function_value", "mass", "simplify_fraction")
ORDER = (*SMALL, *CONTEST)


@cache
def families() -> tuple[Family, ...]:
    """Every family, those of small numbers first: where two share a wording the first that fits is taken."""
    from mathdata import registry

    extra = sorted(set(registry.names("family")) - set(ORDER))
    return tuple(get(name) for name in [*ORDER, *extra])


def names() -> list[str]:
    return [f.name for f in families()]


def get(name: str) -> Family:
    """A family by its name."""
    from mathdata import registry

    made: Family = registry.find("family", name).make
    return made


def split_of(numbers: Sequence[str]) -> Split:
    """Which part of the data a set of operands belongs to: one hash for all families and languages.

    The order of the operands does not matter, so 3 + 4, 4 + 3 and x + 3 = 4 are held out together.
    """
    operands = [Fraction(part) for number in numbers for part in number.split(",")]
    text = "|".join(str(n) for n in sorted(operands))
    bucket = xxhash.xxh3_64_intdigest(text.encode()) % 100
    if bucket < TEST_SHARE:
        return "test"
    return "validation" if bucket < TEST_SHARE + VALIDATION_SHARE else "train"


def draw(family: Family, rng: random.Random, split: Split = "train") -> Params:
    """New numbers of one split."""
    for _ in range(10_000):
        params = family.draw(rng)
        if split_of(family.numbers(params)) == split:
            return params
    raise DataError(f"family '{family.name}' has no numbers in the {split} split", "draw from a wider range")


def wording(family: Family, params: Params, language: str, number: int = 0) -> str:
    """The problem in words."""
    templates = family.wordings[language]
    return templates[number % len(templates)].format(**params)


@dataclass(frozen=True, slots=True)
class Worked:
    """A solution with its steps, ending in `#### answer`; `exact` is set where the answer was rounded."""

    solution: str
    answer: str
    exact: str | None
    steps: int


def work(family: Family, params: Params, language: str, places: int | None = None, answer: str | None = None) -> Worked:
    """Worked steps. `answer` (already proved the same) replaces the written form of the result.

    With `places` the result is rounded and its exact value kept.
    """
    value = family.exact(params)
    text = value.shown(places) if places is not None or answer is None else answer
    sure = agree(value, text) == "same"
    lines = family.steps(params, language, f"{'=' if sure else '≈'} {text}")
    if language in family.closing:
        lines.append(family.closing[language].format(text))
    solution = "\n".join([*lines, f"#### {text}"])
    return Worked(solution, text, None if sure else value.exact, len(lines))
