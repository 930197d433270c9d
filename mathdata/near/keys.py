"""What two rows must share to be compared at all: keys over numbers, symbols and relation words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from mathdata.near.tokens import NUMBER, REL, SEQUENCE, SYMBOL, U64, VERB, WORD, Tokens, chunks, mix

__all__ = ["Keys", "block_keys", "keys_of"]

_P = np.uint64(0x9E3779B97F4A7C15)
_ASKED = np.uint64(0xD1B54A32D192ED03)


@dataclass(slots=True)
class Keys:
    """One entry a row: `block` (twins share it), `whole` (equal = twins up to sentence order), word bits and counts."""

    block: U64
    whole: U64
    bits: U64
    count: np.ndarray[tuple[int], np.dtype[np.int32]]


def _sums(values: U64, first: np.ndarray[tuple[int], np.dtype[np.int64]]) -> U64:
    """Sum of the values of each row; a row without tokens gives 0."""
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
    made: U64 = total[first[1:]] - total[first[:-1]]
    return made


def _ordered(values: U64, group: np.ndarray[tuple[int], np.dtype[np.int64]]) -> U64:
    """values weighted by their place in their group, so that sums over a group depend on the order."""
    fresh = np.empty(len(group), dtype=bool)
    fresh[:1] = True
    np.not_equal(group[1:], group[:-1], out=fresh[1:])
    heads = np.flatnonzero(fresh)
    place = np.arange(len(group)) - heads[np.cumsum(fresh) - 1]
    return mix(values + place.astype(np.uint64) * _P)


def _group_sums(values: U64, group: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[U64, np.ndarray]:  # type: ignore[type-arg]
    heads = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    return np.add.reduceat(values, heads), heads


def keys_of(t: Tokens) -> Keys:
    rows = len(t.first) - 1
    if not len(t.hash):
        zero = np.zeros(rows, dtype=np.uint64)
        return Keys(zero, zero, zero, np.zeros(rows, dtype=np.int32))
    fixed = (t.kind >= REL) | ((t.kind == VERB) & t.asked)
    value = np.where(fixed, mix(t.hash + np.where(t.asked, _ASKED, np.uint64(0))), np.uint64(0))
    block = _sums(value, t.first) + _symbol_order(t, rows) + _event_order(t, rows)
    whole = _sentences(t, rows)
    words = t.kind == WORD
    bits = np.where(words, np.uint64(1) << (t.hash >> np.uint64(58)), np.uint64(0))
    filled = np.flatnonzero(t.first[1:] > t.first[:-1])
    row_bits = np.zeros(rows, dtype=np.uint64)
    row_bits[filled] = np.bitwise_xor.reduceat(bits, t.first[filled])
    count = np.bincount(t.row[words], minlength=rows).astype(np.int32)
    return Keys(mix(block), mix(whole * _P + mix(block + _ASKED)), row_bits, count)


def _symbol_order(t: Tokens, rows: int) -> U64:
    """In a sentence with symbols, order carries meaning: 3 - 5 is not 5 - 3."""
    formula = np.zeros(int(t.sentence[-1]) + 1, dtype=bool)
    formula[t.sentence[t.kind == SYMBOL]] = True
    at = np.flatnonzero(formula[t.sentence] & ((t.kind == SYMBOL) | (t.kind == NUMBER)))
    return _by_row(mix_groups(t.hash[at], t.sentence[at]), t.row[at], t.sentence[at], rows)


def _event_order(t: Tokens, rows: int) -> U64:
    """Half, twice, percent, the rest: the order of quantities decides the answer; with `then` and with operations (add,
    double, turn) the order of what is done does too."""
    ordered = t.ordered[t.row]
    counts = (t.kind == REL) | (t.kind == NUMBER)
    at = np.flatnonzero(((ordered > 0) & counts) | (((ordered & SEQUENCE) > 0) & (t.kind == VERB)))
    return _by_row(mix_groups(t.hash[at], t.row[at]), t.row[at], t.row[at], rows)


def _sentences(t: Tokens, rows: int) -> U64:
    return _by_row(mix_groups(t.hash, t.sentence), t.row, t.sentence, rows)


def mix_groups(values: U64, group: np.ndarray) -> U64:  # type: ignore[type-arg]
    """One ordered hash for each run of equal `group`."""
    if not len(values):
        return values
    sums, _ = _group_sums(_ordered(values, group), group)
    return mix(sums)


def _by_row(values: U64, row: np.ndarray, group: np.ndarray, rows: int) -> U64:  # type: ignore[type-arg]
    """Order-free sum of the group hashes of each row."""
    made = np.zeros(rows, dtype=np.uint64)
    if len(values):
        heads = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
        np.add.at(made, row[heads], values)
    return made


def block_keys(texts: pl.Series, lexicon: str | None = None) -> U64:
    """The block key of every text in normal form."""
    made = [keys_of(tokens).block for tokens in chunks(texts, lexicon)]
    return np.concatenate(made) if made else np.zeros(0, dtype=np.uint64)
