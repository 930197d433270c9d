"""The flag tier: texts that may be one problem told anew. For review and contamination checks, never for removal."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mathdata.near.lexicon import load
from mathdata.text import normal, numbers

__all__ = ["Flag", "Flags"]

ALIKE = 0.33
"""Share of rare words that flags two texts with the same numbers ..."""
CLOSE = 0.6
"""... and two texts that differ in one number, or hold a formula, where a story's words say little."""
FEWEST = 5
"""Texts of fewer content words say too little for a guess."""
_WORD = re.compile(r"[a-z]{2,}|[\u3400-\u9fff]+")
_FORMULA = re.compile(r"[\\^=<>≤≥|]|\b[a-zA-Z]\(|\$[a-zA-Z]\$")
_ENDINGS = ("ing", "ed", "es", "s")


class Flag(NamedTuple):
    """Two texts that may be the same problem."""

    text: int
    item: int
    overlap: float
    same_numbers: bool


class Flags:
    """Items indexed by their numbers (1 left out: "a" and "one" trade places), to be met by reworded texts."""

    def __init__(self, items: Sequence[str]):
        self.values = [_values(t) for t in items]
        self.formula = [bool(_FORMULA.search(t)) for t in items]
        self.words = [content(t) for t in items]
        counts = Counter(w for words in self.words for w in words)
        self.weight = {w: math.log((len(items) + 1) / n) for w, n in counts.items()}
        self.rare = math.log(len(items) + 1)
        self.sizes = [self._sum(words) for words in self.words]
        self.whole: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self.less: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for i, key in enumerate(self.values):
            self.whole[key].append(i)
            for shorter in _without_one(key):
                self.less[shorter].append(i)

    def find(self, texts: Iterable[str]) -> Iterator[Flag]:
        """Every flag of every text, best first for each text."""
        for n, text in enumerate(texts):
            found = list(self._meet(n, _values(text), content(text), bool(_FORMULA.search(text))))
            yield from sorted(found, key=lambda f: (-f.overlap, f.item))

    def _meet(self, n: int, key: tuple[str, ...], words: frozenset[str], formula: bool) -> Iterator[Flag]:
        if not key or len(words) < FEWEST:
            return
        size = self._sum(words)
        same = set(self.whole.get(key, ()))
        close = set(self.less.get(key, ())) | {i for k in _without_one(key) for i in self.whole.get(k, ())}
        for i in sorted(same | close):
            if len(self.words[i]) < FEWEST:
                continue
            overlap = 2 * self._sum(words & self.words[i]) / max(size + self.sizes[i], 1e-9)
            told = i in same and len(key) > 1 and not (formula or self.formula[i])
            if overlap >= (ALIKE if told else CLOSE) and (i in same or not formula):
                yield Flag(n, i, overlap, i in same)

    def _sum(self, words: frozenset[str]) -> float:
        return sum(self.weight.get(w, self.rare) for w in words)


def _values(text: str) -> tuple[str, ...]:
    return tuple(sorted(str(n.value) for n in numbers(text) if n.value != 1))


def _without_one(key: tuple[str, ...]) -> set[tuple[str, ...]]:
    # A text of hundreds of numbers is a table; its near variants are not worth quadratic space.
    return {key[:k] + key[k + 1 :] for k in range(len(key))} if 1 < len(key) <= 40 else set()


def content(text: str) -> frozenset[str]:
    """The words that carry the story: stems of English words, pairs of Chinese characters."""
    stop = load().words
    made: set[str] = set()
    for word in _WORD.findall(normal(text).lower()):
        if not word.isascii():
            made.update(word[i : i + 2] for i in range(len(word) - 1))
        elif word not in stop or stop[word].section not in ("stop", "question"):
            made.add(_stem(word))
    return frozenset(made)


def _stem(word: str) -> str:
    ending = next((e for e in _ENDINGS if word.endswith(e) and len(word) - len(e) >= 3), "")
    return word.removesuffix(ending)
