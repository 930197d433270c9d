"""The pair test: which of many candidate pairs say the same, by which words differ and what they are bound to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mathdata.near.tokens import NUMBER, REL, U64, VERB, WORD, Tokens, mix, tokenise

__all__ = ["Found", "compare"]

Array = npt.NDArray[Any]
Differences = tuple[Array, Array, Array, Array, Array]
"""One entry for each value that differs in a pair: pair, an index of the value, count in a, count in b, sort key."""

BATCH, BATCH_BYTES = 1_500, 2 << 20
"""Pairs, and bytes of their texts, at a time: some tens of MB of features."""

LONGEST = 20_000
"""Longer texts are twins only up to the order of sentences: comparing word by word would cost without bound."""

SHORT, LONG = 12, 14
"""Under SHORT content words none may differ, under LONG none in the question."""

REACH = 64
"""A number is bound to words at most this far away: keeps a sentence of 30,000 numbers linear."""


@dataclass(slots=True)
class Found:
    """Pairs that match, with the share of content words they have in common."""

    a: Array
    b: Array
    similarity: Array


@dataclass(slots=True)
class Features:
    """Hashed facts about rows, sorted by row: `first[r]:first[r+1]` are those of row r."""

    value: U64
    parts: tuple[U64, ...]
    """The tokens a fact is about; where one of them differs, that explains why the fact does."""
    first: Array


def compare(texts: pl.Series, a: Array, b: Array, *, strict: bool, lexicon: str | None) -> Found:
    """The pairs (a[i], b[i]) of texts that are near-duplicates."""
    size = texts.str.len_bytes().to_numpy().astype(np.int64) if len(a) else np.zeros(0, dtype=np.int64)
    short = (size[a] <= LONGEST) & (size[b] <= LONGEST)
    a, b = a[short], b[short]
    parts = [_batch(texts, a[i:j], b[i:j], strict, lexicon) for i, j in _spans(size[a] + size[b])]
    if not parts:
        return Found(a, b, np.zeros(0))
    return Found(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("a", "b", "similarity")))


def _spans(size: Array) -> Iterator[tuple[int, int]]:
    total, start = np.concatenate([[0], np.cumsum(size)]), 0
    while start < len(size):
        fits = int(np.searchsorted(total, total[start] + BATCH_BYTES, side="right")) - 1
        end = max(start + 1, min(start + BATCH, fits))
        yield start, end
        start = end


def _batch(texts: pl.Series, a: Array, b: Array, strict: bool, lexicon: str | None) -> Found:
    rows, local = np.unique(np.concatenate([a, b]), return_inverse=True)
    t = tokenise(texts.gather(rows), lexicon)
    la, lb = local[: len(a)], local[len(a) :]
    words = _Words(t, la, lb, strict)
    alive = np.flatnonzero(words.ok)
    for features in (_bigrams(t), _bindings(t, t.sentence, side=False), _bindings(t, t.clause, side=True)):
        if alive.size:
            alive = alive[_agree(features, la[alive], lb[alive], words, alive)]
    return Found(a[alive], b[alive], words.similarity[alive])


def _expand(first: Array, rows: Array) -> tuple[Array, Array]:
    """(which of `rows`, position) for every feature of every row."""
    size = first[rows + 1] - first[rows]
    which = np.repeat(np.arange(len(rows)), size)
    within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    return which, first[rows][which] + within


def _differences(value: U64, first: Array, a: Array, b: Array) -> Differences:
    """The values of which the rows of a pair have unlike counts."""
    pa, ia = _expand(first, a)
    pb, ib = _expand(first, b)
    pair, index = np.concatenate([pa, pb]), np.concatenate([ia, ib])
    mine = np.concatenate([np.ones(len(pa), dtype=np.int32), np.zeros(len(pb), dtype=np.int32)])
    # One sort key for (pair, value): the pair in the upper bits, most of the hash below.
    key = (pair.astype(np.uint64) << np.uint64(48)) | (value[index] >> np.uint64(16))
    order = np.argsort(key)
    key = key[order]
    heads = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, dtype=np.int64)
    if not len(heads):
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty, empty, np.zeros(0, dtype=np.uint64)
    in_a = np.add.reduceat(mine[order], heads)
    in_b = np.diff(heads, append=len(key)) - in_a
    differ = np.flatnonzero(in_a != in_b)
    at = order[heads[differ]]
    return pair[at], index[at], in_a[differ], in_b[differ], key[heads[differ]]


class _Words:
    """Tests A and B: which words and verbs differ, and whether that is little enough."""

    def __init__(self, t: Tokens, a: Array, b: Array, strict: bool):
        self.pairs = len(a)
        pair, index, in_a, in_b, self.keys = _differences(t.hash, t.first, a, b)
        kind = t.kind[index]
        change = in_a - in_b
        half = np.where(t.han, 1, 2)  # a Chinese character is half a word: everything is counted in halves
        counts = (t.kind == WORD) | (t.kind == VERB)
        content = np.bincount(t.row[counts], weights=half[counts], minlength=len(t.first) - 1).astype(np.int64)
        size = np.minimum(content[a], content[b])
        halves = half[index]
        lost = self._sum(pair, np.where((change > 0) & (kind == WORD), change * halves, 0))
        gained = self._sum(pair, np.where((change < 0) & (kind == WORD), -change * halves, 0))
        verbs_lost = self._sum(pair, np.where((change > 0) & (kind == VERB), change, 0))
        verbs_gained = self._sum(pair, np.where((change < 0) & (kind == VERB), -change, 0))
        limit = np.where(size < 2 * SHORT, 0, size // 8 * 2)
        worst = np.maximum(lost + 2 * verbs_lost, gained + 2 * verbs_gained)
        # A word that only moves, on both sides, is a swap of objects: pears and apples.
        stays_b = self._sum(pair, ((change > 0) & (in_b > 0) & (kind == WORD)).astype(np.int64)) > 0
        stays_a = self._sum(pair, ((change < 0) & (in_a > 0) & (kind == WORD)).astype(np.int64)) > 0
        self.ok = (worst <= limit) & ~(stays_a & stays_b)
        if strict:
            self.ok &= (verbs_lost == 0) & (verbs_gained == 0)
        else:
            self.ok &= ((verbs_lost == 0) & (2 * verbs_gained <= lost)) | (
                (verbs_gained == 0) & (2 * verbs_lost <= gained)
            )
        self.ok &= ~self._other(pair, (kind != WORD) & (kind != VERB))
        asked = _asked(t, a, b)
        self.ok &= self._question(asked) <= np.where(size >= 2 * LONG, 1, 0)
        self.ok &= ~self._asks_for_another(t, a, b, asked)
        self.similarity = 1 - worst / np.maximum(np.maximum(content[a], content[b]), 1)

    def _sum(self, pair: Array, weight: Array) -> Array:
        return np.bincount(pair, weights=weight, minlength=self.pairs).astype(np.int64)

    def _other(self, pair: Array, differs: Array) -> Array:
        """Numbers, symbols or relation words differ: equal block keys make that a collision."""
        return self._sum(pair, differs.astype(np.int64)) > 0

    def _question(self, asked: Differences) -> Array:
        pair, _, in_a, in_b, _ = asked
        change = in_a - in_b
        return np.maximum(self._sum(pair, np.maximum(change, 0)), self._sum(pair, np.maximum(-change, 0)))

    def _asks_for_another(self, t: Tokens, a: Array, b: Array, asked: Differences) -> Array:
        """A word new in the question that the other text knows elsewhere: it asks for the pears, not the apples."""
        pair, index, in_a, in_b, _ = asked
        there = np.where(in_a > in_b, b[pair], a[pair]).astype(np.uint64)
        key = mix(there) + t.hash[index]
        stands = mix(t.row.astype(np.uint64)) + t.hash
        may = np.zeros(1 << 16, dtype=bool)  # most tokens are none of these: sixteen bits tell
        may[key >> np.uint64(48)] = True
        return self._other(pair, np.isin(key, stands[may[stands >> np.uint64(48)]]))

    def explains(self, pair: Array, value: U64) -> Array:
        """Whether a token is among those that differ in that pair."""
        key = (pair.astype(np.uint64) << np.uint64(48)) | (value >> np.uint64(16))
        at = np.searchsorted(self.keys, key)
        at[at == len(self.keys)] = 0
        known: Array = self.keys[at] == key if len(self.keys) else np.zeros(len(key), dtype=bool)
        return known


def _asked(t: Tokens, a: Array, b: Array) -> Differences:
    """The differences of the clauses that ask; the index is a token's."""
    asked = np.flatnonzero(t.asked)
    first = np.searchsorted(t.row[asked], np.arange(len(t.first)))
    pair, index, in_a, in_b, key = _differences(t.hash[asked], first, a, b)
    return pair, asked[index] if len(asked) else index, in_a, in_b, key


def _agree(f: Features, a: Array, b: Array, words: _Words, alive: Array) -> Array:
    """Tests C and D: facts that differ and that no differing word explains must not stand on both sides."""
    pair, index, in_a, in_b, _ = _differences(f.value, f.first, a, b)
    free = ~np.logical_or.reduce([words.explains(alive[pair], part[index]) for part in f.parts])
    pair, index, change = pair[free], index[free], (in_a - in_b)[free]
    n = len(a)
    lost = np.bincount(pair, weights=np.maximum(change, 0), minlength=n)
    gained = np.bincount(pair, weights=np.maximum(-change, 0), minlength=n)
    one_sided: Array = (lost == 0) | (gained == 0)
    return one_sided


def _bigrams(t: Tokens) -> Features:
    """Neighbours inside a clause. A Chinese word is several characters: the next one over belongs to it too."""
    at = np.flatnonzero(t.clause[1:] == t.clause[:-1])
    left, right = t.hash[at], t.hash[at + 1]
    before, after = np.maximum(at - 1, 0), np.minimum(at + 2, len(t.hash) - 1)
    joined = t.han[at] & t.han[before] & (t.clause[before] == t.clause[at])
    follows = t.han[at + 1] & t.han[after] & (t.clause[after] == t.clause[at])
    parts = (left, right, np.where(joined, t.hash[before], left), np.where(follows, t.hash[after], right))
    first = np.searchsorted(t.row[at], np.arange(len(t.first)))
    return Features(mix(left * np.uint64(3) + right), parts, first)


def _bindings(t: Tokens, group: Array, *, side: bool) -> Features:
    """Every number with every word of its sentence, or of its clause with the side it stands on."""
    numbers = np.flatnonzero(t.kind == NUMBER)
    heads = np.searchsorted(group, group[numbers])
    ends = np.searchsorted(group, group[numbers], side="right")
    heads, ends = np.maximum(heads, numbers - REACH), np.minimum(ends, numbers + REACH)
    size = ends - heads
    which = np.repeat(np.arange(len(numbers)), size)
    other = heads[which] + np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    number = numbers[which]
    kind = t.kind[other]
    keep = (other != number) & ((kind == WORD) | (kind == VERB) | (kind == REL) | (side & (kind == NUMBER)))
    number, other = number[keep], other[keep]
    value = t.hash[number] * np.uint64(5) + t.hash[other]
    if side:
        value += (other > number).astype(np.uint64)
    first = np.searchsorted(t.row[number], np.arange(len(t.first)))
    return Features(mix(value), (t.hash[number], t.hash[other]), first)
