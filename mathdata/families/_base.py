"""What every family of elementary problems is: wordings, numbers, an exact value, worked steps."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

from mathdata.families._value import Value

__all__ = ["LANGUAGES", "Family", "Params", "Wordings", "as_number", "decimal_between", "plain"]

Params = dict[str, str]
"""The slots of a wording: numbers as written, and words (a name, a thing)."""

Wordings = Mapping[str, Sequence[str]]
"""Language -> templates with `{slot}`s."""

LANGUAGES = ("zh", "en")


def as_number(text: str) -> Fraction:
    return Fraction(text)


def plain(number: Fraction) -> str:
    """A rational as people write it: an integer, a decimal that ends, else a fraction.

    >>> plain(Fraction(3, 2)), plain(Fraction(4)), plain(Fraction(1, 3))
    ('1.5', '4', '1/3')
    """
    return Value(number).text


def decimal_between(rng: random.Random, low: float, high: float) -> str:
    """A number with two decimals, as the contest draws its operands."""
    return f"{rng.randint(round(low * 100), round(high * 100)) / 100:.2f}"


class Family(ABC):
    """One kind of problem. A subclass gives wordings and four small methods, and registers one instance."""

    name: ClassVar[str]
    wordings: ClassVar[Wordings]
    """The first of a language is the one raw corpora use most."""
    words: ClassVar[Mapping[str, Mapping[str, Sequence[str]]]] = {}
    """Language -> slot -> the words that may stand there."""

    closing: ClassVar[Mapping[str, str]] = {}
    """Language -> the sentence that worked steps end with, `{}` for the answer."""

    @abstractmethod
    def draw(self, rng: random.Random) -> Params:
        """New numbers, as written."""

    def fits(self, params: Params) -> bool:
        """Whether these numbers belong to this family (two families may share a wording)."""
        return True

    @abstractmethod
    def exact(self, params: Params) -> Value:
        """The true answer."""

    @abstractmethod
    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        """Worked lines; `shown` is the answer as `= 5` or, where it was rounded, `≈ 0.33`, to end the last with."""

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        """The answer without reasoning, as a raw corpus has it: (text, answer)."""
        answer = self.exact(params).text
        return answer, answer

    def restate(self, bare: str, answer: str, wrong: str) -> str:
        """The bare text with another answer at its place: how a faulty row looks."""
        before, found, after = bare.rpartition(answer)
        return before + wrong + after if found else wrong

    def choose_words(self, rng: random.Random, language: str) -> Params:
        return {slot: rng.choice(list(choices)) for slot, choices in self.words.get(language, {}).items()}

    def numbers(self, params: Params) -> list[str]:
        """The operands alone, in the order of `draw`."""
        return [v for slot, v in params.items() if not any(slot in w for w in self.words.values())]
