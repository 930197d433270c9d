"""The lexicon as a table of hashes: what a word is, found by one look-up and one comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mathdata.digests import file_stamp
from mathdata.near.fractions import fraction_word
from mathdata.near.lexicon import Entry, Lexicon, load
from mathdata.numerals import CARDINALS, PARTS, SCALES, english_value

__all__ = ["Phrase", "Table", "hash_bytes", "hash_spans", "mix", "number_hashes", "table"]

U64 = npt.NDArray[np.uint64]
Array = npt.NDArray[Any]

# What a token is. DROP: stop words, punctuation, the rest of a phrase.
DROP, WORD, VERB, REL, NUMBER, SYMBOL = range(6)
ORDER, QUESTION, SEQUENCE = 8, 16, 32
"""Flags: the order of quantities matters; a word that asks; the order of what is done matters too."""

PRIVATE = 0xE000
"""The first of the private-use characters that stand for Chinese words."""
MASKS = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [2**64 - 1], dtype=np.uint64)
_A, _B, _C = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


def mix(x: U64) -> U64:
    """A bijection of 64 bits that spreads every bit (splitmix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hash_spans(data: npt.NDArray[np.uint8], start: Array, length: Array) -> U64:
    """Hash of every data[start:start+length], from windows of eight bytes; `data` has 24 spare bytes at its end."""
    window = np.ndarray(len(data) - 8, dtype="<u8", buffer=data.data, strides=(1,))
    made = (window[start] & MASKS.take(length, mode="clip")) * _A + length.astype(np.uint64)
    long = np.flatnonzero(length > 8)
    if long.size:
        at, size = start[long], length[long]
        made[long] ^= mix((window[at + 8] & MASKS[np.minimum(size - 8, 8)]) * _B + window[at + size - 8] * _C)
        huge = long[size > 24]
        for i in huge:
            made[i] ^= np.uint64(hash_bytes(data[start[i] : start[i] + length[i]].tobytes()))
    return mix(made)


def hash_bytes(data: bytes) -> int:
    import xxhash

    return xxhash.xxh3_64_intdigest(data)


def hashes_of(words: Sequence[bytes]) -> U64:
    """The hash a token of these bytes gets."""
    length = np.array([len(w) for w in words], dtype=np.int64)
    data = np.frombuffer(b"".join(words) + b"\0" * 24, dtype=np.uint8)
    return hash_spans(data, np.cumsum(length) - length, length)


def number_hashes(texts: Sequence[str]) -> U64:
    return hashes_of([t.encode() for t in texts])


class Phrase(NamedTuple):
    """Words that count as one, by their hashes."""

    words: U64
    value: np.uint64
    kind: int
    flag: int


@dataclass(slots=True)
class Table:
    """The lexicon as a perfect hash table: one look-up and one comparison for each token."""

    shift: np.uint64
    multiplier: np.uint64
    slot: npt.NDArray[np.int16]
    hash: U64
    value: U64
    kind: npt.NDArray[np.uint8]
    flag: npt.NDArray[np.uint8]
    numeric: npt.NDArray[np.bool_]
    begins: npt.NDArray[np.bool_]
    """Whether a phrase begins with the word."""
    phrases: list[list[Phrase]]
    chinese: tuple[list[str], list[str]]
    private: tuple[U64, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]

    def find(self, hashes: U64) -> Array:
        """Index of each token in the table, -1 where it is unknown."""
        at = self.slot.take((hashes * self.multiplier) >> self.shift)
        return np.where((at >= 0) & (self.hash.take(at, mode="wrap") == hashes), at, -1)


_KIND = {
    "stop": DROP, "sequence": DROP, "word": WORD, "verb": VERB, "operation": VERB,
    "relation": REL, "order": REL, "question": REL,
}  # fmt: skip
_FLAG = {"order": ORDER, "question": QUESTION, "sequence": SEQUENCE, "operation": SEQUENCE}


def _class(entry: Entry) -> tuple[int, int, int]:
    return hash_bytes(entry.key.encode()), _KIND[entry.section], _FLAG.get(entry.section, 0)


def table(extra: str | None = None) -> Table:
    """The shipped words as a table, with those of a user's file, read again where it has changed."""
    return _table(extra, file_stamp(extra))


@cache
def _table(extra: str | None, stamp: tuple[int, ...]) -> Table:
    lexicon = load(extra, stamp)
    rows = [(word.encode(), *_class(entry), False) for word, entry in lexicon.words.items() if word != "%"]
    known = {word for word, *_ in rows}
    heads = {words[0].encode() for words in lexicon.phrases} - known
    rows += [(head, int(hashes_of([head])[0]), WORD, 0, False) for head in sorted(heads)]
    for word in [*CARDINALS, *SCALES]:
        if word.encode() not in known:
            value = english_value(word)
            rows.append((word.encode(), int(number_hashes([str(value)])[0]), NUMBER, 0, True))
    for word, part in PARTS.items():
        if word.encode() not in known:
            said = fraction_word(part.numerator, part.denominator) if part < 1 else f"part:{part}"
            rows.append((word.encode(), int(hashes_of([said.encode()])[0]), NUMBER, ORDER, False))
    hashes = hashes_of([r[0] for r in rows])
    multiplier, slot = _perfect(hashes)
    return Table(
        np.uint64(64 - BITS), multiplier, slot, hashes,
        np.array([r[1] for r in rows], dtype=np.uint64), np.array([r[2] for r in rows], dtype=np.uint8),
        np.array([r[3] for r in rows], dtype=np.uint8), np.array([r[4] for r in rows], dtype=bool),
        np.isin(hashes, [phrases[0].words[0] for phrases in _phrases(lexicon)]), _phrases(lexicon), *_chinese(lexicon),
    )  # fmt: skip


BITS = 20


def _perfect(hashes: U64) -> tuple[np.uint64, npt.NDArray[np.int16]]:
    """A multiplier under which no two words share a slot."""
    shift = np.uint64(64 - BITS)
    multiplier = np.uint64(0x9E3779B97F4A7C15)
    while True:
        at = (hashes * multiplier) >> shift
        if len(np.unique(at)) == len(hashes):
            slot = np.full(1 << BITS, -1, dtype=np.int16)
            slot[at] = np.arange(len(hashes), dtype=np.int16)
            return multiplier, slot
        multiplier = mix(np.array([multiplier], dtype=np.uint64))[0] | np.uint64(1)


def _phrases(lexicon: Lexicon) -> list[list[Phrase]]:
    """Phrases by their first word, longest first."""
    by_first: dict[str, list[Phrase]] = {}
    for words, entry in sorted(lexicon.phrases.items(), key=lambda kv: -len(kv[0])):
        value, kind, flag = _class(entry)
        phrase = Phrase(hashes_of([w.encode() for w in words]), np.uint64(value), kind, flag)
        by_first.setdefault(words[0], []).append(phrase)
    return list(by_first.values())


def _chinese(lexicon: Lexicon) -> tuple[Any, Any]:
    """Every Chinese word becomes one private-use character, which carries its class."""
    forms = sorted(lexicon.chinese, key=lambda w: (-len(w), w))
    classes = sorted({lexicon.chinese[f] for f in forms}, key=lambda e: e.key)
    place = {entry: i for i, entry in enumerate(classes)}
    marks = [chr(PRIVATE + place[lexicon.chinese[f]]) for f in forms]
    values = [_class(entry) for entry in classes]
    return (forms, marks), (
        np.array([v[0] for v in values], dtype=np.uint64),
        np.array([v[1] for v in values], dtype=np.uint8),
        np.array([v[2] for v in values], dtype=np.uint8),
    )
