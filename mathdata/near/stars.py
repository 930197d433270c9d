"""Stars of near-duplicates: block by keys, compare inside the block, the earliest row is the centre."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mathdata.near.compare import compare
from mathdata.near.keys import Keys, keys_of
from mathdata.near.tokens import WORD, Tokens, chunks, mix

__all__ = ["Stars", "cluster"]

Array = npt.NDArray[Any]
SMALL = 12
"""Up to this many rows in a block every pair is compared."""
BANDS, PER_BAND, NEIGHBOURS = 8, 2, 4


@dataclass(slots=True)
class Stars:
    """For each text the centre it belongs to (itself, where it is one), and how like it is."""

    star: pl.Series
    similarity: pl.Series
    differs: pl.Series


def cluster(texts: pl.Series, *, strict: bool = True, lexicon: str | None = None) -> Stars:
    """Stars, not chains: every text matches its centre directly. `texts` in normal form, the preferred first."""
    keys = _keys(texts, lexicon)
    star = _equal(keys.whole)
    centres = np.flatnonzero(star == np.arange(len(star)))
    a, b = _pairs(texts, keys, centres, lexicon)
    near = (_differ(keys, a, b) <= np.minimum(keys.count[a], keys.count[b]) // 4 * 2) if len(a) else np.zeros(0, bool)
    found = compare(texts, a[near], b[near], strict=strict, lexicon=lexicon)
    similarity = np.ones(len(texts))
    joined = _join(star, found.a, found.b)
    similarity[found.b[joined]] = found.similarity[joined]
    star = star[star]
    return Stars(pl.Series(star), pl.Series(similarity), _words_that_differ(texts, star, similarity))


def _keys(texts: pl.Series, lexicon: str | None) -> Keys:
    parts = [keys_of(tokens) for tokens in chunks(texts, lexicon)]
    if not parts:
        zero = np.zeros(0, dtype=np.uint64)
        return Keys(zero, zero, zero, np.zeros(0, dtype=np.int32))
    return Keys(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("block", "whole", "bits", "count")))


def _equal(key: Array) -> Array:
    """For each row the first one with the same key."""
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first[inverse]


def _pairs(texts: pl.Series, keys: Keys, centres: Array, lexicon: str | None) -> tuple[Array, Array]:
    """Candidate pairs (earlier, later) of rows in one block."""
    order = centres[np.argsort(keys.block[centres], kind="stable")]
    block = keys.block[order]
    heads = np.flatnonzero(np.concatenate([[True], block[1:] != block[:-1]])) if len(block) else np.zeros(0, int)
    size = np.diff(heads, append=len(order))
    made: list[tuple[Array, Array]] = []
    for n in range(2, SMALL + 1):
        at = heads[size == n]
        for i in range(n):
            made += [(order[at + i], order[at + j]) for j in range(i + 1, n)]
    large = heads[size > SMALL]
    if large.size:
        rows = np.concatenate([order[h : h + s] for h, s in zip(large, size[size > SMALL])])
        made.append(_sketch_pairs(texts, np.sort(rows), keys, lexicon))
    if not made:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate([m[0] for m in made]), np.concatenate([m[1] for m in made])


def _sketch_pairs(texts: pl.Series, rows: Array, keys: Keys, lexicon: str | None) -> tuple[Array, Array]:
    """In a large block only rows that share a band of their MinHash of words are compared."""
    sketches = [_sketch(tokens) for tokens in chunks(texts.gather(rows), lexicon)]
    sketch = np.concatenate(sketches, axis=1)
    found: list[Array] = []
    for band in range(BANDS):
        key = keys.block[rows] + mix(sketch[band * PER_BAND] + mix(sketch[band * PER_BAND + 1]))
        order = np.argsort(key, kind="stable")
        for step in range(1, NEIGHBOURS + 1):
            same = np.flatnonzero(key[order[step:]] == key[order[:-step]])
            found.append(rows[order[same]] * (1 << 32) + rows[order[same + step]])
    pairs = np.unique(np.concatenate(found))
    return pairs >> 32, pairs & 0xFFFFFFFF


def _sketch(t: Tokens) -> Array:
    """MinHash over the words of each row, one line for each of the hash functions."""
    words = t.kind == WORD
    rows = len(t.first) - 1
    value, row = t.hash[words], t.row[words]
    first = np.searchsorted(row, np.arange(rows + 1))
    filled = np.flatnonzero(first[1:] > first[:-1])
    made = np.zeros((BANDS * PER_BAND, rows), dtype=np.uint64)
    for k in range(BANDS * PER_BAND):
        if len(filled):
            made[k, filled] = np.minimum.reduceat(mix(value + np.uint64(k * 0x9E3779B9)), first[filled])
    return made


def _differ(keys: Keys, a: Array, b: Array) -> Array:
    """A lower bound of the number of words in which two rows differ, from 64 bits each."""
    bound: Array = np.bitwise_count(keys.bits[a] ^ keys.bits[b])
    return bound


def _join(star: Array, a: Array, b: Array) -> Array:
    """Lets each row join the earliest centre it matches; returns which of the pairs were used."""
    used = []
    order = np.lexsort((b, a))
    for k in order.tolist():
        centre, row = int(a[k]), int(b[k])
        if star[centre] == centre and star[row] == row:
            star[row] = centre
            used.append(k)
    return np.array(used, dtype=np.int64)


_WORD = re.compile(r"[^\W_]+")


def _words_that_differ(texts: pl.Series, star: Array, similarity: Array) -> pl.Series:
    """`, differs in box / carton` for the rows that are no copy of their centre."""
    differs = [""] * len(texts)
    at = np.flatnonzero(similarity < 1)
    for i, mine, theirs in zip(at.tolist(), texts.gather(at).to_list(), texts.gather(star[at]).to_list()):
        new, gone = dict.fromkeys(_WORD.findall(mine)), dict.fromkeys(_WORD.findall(theirs))
        old = " ".join(w for w in gone if w not in new)
        differs[i] = f", differs in {old[:60] or '-'} / {' '.join(w for w in new if w not in gone)[:60] or '-'}"
    return pl.Series(differs, dtype=pl.String)
