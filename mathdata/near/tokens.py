"""Texts -> arrays of tokens with their class, a few thousand rows at a time, without a string object for each word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from mathdata.near.fractions import fold_fractions, fraction_word
from mathdata.near.lexicon import Entry, Lexicon, load
from mathdata.numerals import CARDINALS, HAN_NUMERAL, PARTS, SCALES, canonical, chinese_value, english_value

__all__ = ["NUMBER", "ORDER", "REL", "SYMBOL", "Tokens", "U64", "VERB", "WORD", "chunks", "mix", "tokenise"]

U64 = npt.NDArray[np.uint64]
Array = npt.NDArray[Any]

# What a token is. DROP: stop words, punctuation, the rest of a phrase.
DROP, WORD, VERB, REL, NUMBER, SYMBOL = range(6)
ORDER, QUESTION = 8, 16
"""Flags: the order of events matters; a word that asks."""

# What a byte is.
SPACE, LETTER, DIGIT, HIGH, SENTENCE, CLAUSE, SIGN, ROW = range(8)

_PRIVATE = 0xE000
CHUNK_ROWS, CHUNK_BYTES = 2_000, 4 << 20


@dataclass(slots=True)
class Tokens:
    """The tokens that count, of consecutive rows; `first[r]:first[r+1]` are those of row r."""

    hash: U64
    kind: npt.NDArray[np.uint8]
    flag: npt.NDArray[np.uint8]
    row: npt.NDArray[np.int64]
    sentence: npt.NDArray[np.int64]
    clause: npt.NDArray[np.int64]
    asked: npt.NDArray[np.bool_]
    """Whether the token stands in a clause that asks."""
    first: npt.NDArray[np.int64]
    han: npt.NDArray[np.bool_]
    """A single Chinese character: a piece of a word."""


def _kinds() -> npt.NDArray[np.uint8]:
    kinds = np.full(256, SPACE, dtype=np.uint8)
    for low, high, kind in (("a", "z", LETTER), ("A", "Z", LETTER), ("0", "9", DIGIT)):
        kinds[ord(low) : ord(high) + 1] = kind
    kinds[0x80:] = HIGH
    for byte in b"+*/=<>^_()[]{}|%&@~-!":
        kinds[byte] = SIGN
    for bytes_, kind in ((b".!?;", SENTENCE), (b",:\x1f", CLAUSE), (b"\n", ROW), (b"\\", LETTER)):
        for byte in bytes_:
            kinds[byte] = kind
    return kinds


KINDS = _kinds()
CLASS = np.full(8, DROP, dtype=np.uint8)
"""What a token of such bytes is before anything is known of it."""
CLASS[[LETTER, HIGH, DIGIT, SIGN]] = WORD, WORD, NUMBER, SYMBOL
MASKS = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [2**64 - 1], dtype=np.uint64)
_A, _B, _C = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


def mix(x: U64) -> U64:
    """A bijection of 64 bits that spreads every bit (splitmix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _hash(data: npt.NDArray[np.uint8], start: Array, length: Array) -> U64:
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
    return _hash(data, np.cumsum(length) - length, length)


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


_KIND = {"stop": DROP, "word": WORD, "verb": VERB, "relation": REL, "order": REL, "question": REL}
_FLAG = {"order": ORDER, "question": QUESTION}


def _class(entry: Entry) -> tuple[int, int, int]:
    return hash_bytes(entry.key.encode()), _KIND[entry.section], _FLAG.get(entry.section, 0)


@cache
def table(extra: str | None = None) -> Table:
    lexicon = load(extra)
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
            said = fraction_word(part) if part < 1 else f"part:{part}"
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
    marks = [chr(_PRIVATE + place[lexicon.chinese[f]]) for f in forms]
    values = [_class(entry) for entry in classes]
    return (forms, marks), (
        np.array([v[0] for v in values], dtype=np.uint64),
        np.array([v[1] for v in values], dtype=np.uint8),
        np.array([v[2] for v in values], dtype=np.uint8),
    )


_HAN = r"[\x{3400}-\x{9fff}]"
_NUMERAL = re.compile(rf"{HAN_NUMERAL}(?:分之{HAN_NUMERAL})?|半")


def fold_chinese(texts: pl.Series, known: Table) -> pl.Series:
    """Chinese lexicon words as marks, Chinese numerals as digits; other rows as they are."""
    if (texts.str.len_bytes() == texts.str.len_chars()).all():
        return texts
    hit = texts.str.contains(_HAN)
    if not hit.any():
        return texts
    forms, marks = known.chinese
    folded = texts.filter(hit).str.replace_many(forms, marks, leftmost=True)
    numeral = folded.str.contains("[零〇一二两三四五六七八九十半]")
    if numeral.any():
        said = [_NUMERAL.sub(_digits, t) for t in folded.filter(numeral).to_list()]
        folded = folded.scatter(numeral.arg_true(), pl.Series(said, dtype=pl.String))
    return texts.scatter(hit.arg_true(), folded)


def _digits(match: re.Match[str]) -> str:
    value = chinese_value(match[0])
    if value is None:
        return match[0]
    return f" {value.numerator} " if value.denominator == 1 else f" {value.numerator}/{value.denominator} "


def chunks(texts: pl.Series) -> Iterator[pl.Series]:
    """The texts in order, a few thousand or a few MB at a time: what `tokenise` is made for."""
    size = texts.str.len_bytes().to_numpy().astype(np.int64)
    total = np.concatenate([[0], np.cumsum(size)])
    start = 0
    while start < len(texts):
        fits = int(np.searchsorted(total, total[start] + CHUNK_BYTES, side="right")) - 1
        end = max(start + 1, min(start + CHUNK_ROWS, fits))
        yield texts.slice(start, end - start)
        start = end


def tokenise(texts: pl.Series, extra: str | None = None) -> Tokens:
    """Tokens of texts in normal form. For a few thousand rows: arrays then stay in the processor's cache."""
    known = table(extra)
    rows = fold_chinese(fold_fractions(texts), known).to_list()
    raw = ("\n".join(rows) + "\n").encode() + b"\0" * 24
    data, low = np.frombuffer(raw, dtype=np.uint8), np.frombuffer(raw.lower(), dtype=np.uint8)
    size = len(data) - 24
    kind = KINDS.take(data)
    _inner_marks(data, kind, size)
    # A backslash and the first byte of a character outside ASCII begin a token whatever stands before.
    cut = (kind[:size] >= SENTENCE) | (data[:size] == 0x5C) | (data[:size] >= 0xC0)
    cut[0] = True
    cut[1:] |= kind[1:size] != kind[: size - 1]
    start = np.flatnonzero(cut)
    length = np.empty_like(start)
    np.subtract(start[1:], start[:-1], out=length[:-1])
    length[-1] = size - start[-1]
    what = kind.take(start)
    keep = np.flatnonzero(what != SPACE)
    return _classify(data, low, start.take(keep), length.take(keep), what.take(keep), known, len(rows))


def _inner_marks(data: Array, kind: Array, size: int) -> None:
    """A point between digits belongs to the number, a colon between them is a sign; a hyphen in a word is a space."""
    for byte, inside, turned in ((0x2E, DIGIT, DIGIT), (0x3A, DIGIT, SIGN), (0x2D, LETTER, SPACE)):
        at = np.flatnonzero(data[:size] == byte)
        at = at[(at > 0)]
        at = at[(kind[at - 1] == inside) & (kind[at + 1] == inside)]
        if byte == 0x2D and at.size:  # a-b is a difference, well-known is not
            at = at[(kind[np.maximum(at - 2, 0)] == LETTER) & (kind[at + 2] == LETTER)]
        kind[at] = turned


def _classify(data: Array, low: Array, start: Array, length: Array, what: Array, known: Table, rows: int) -> Tokens:
    hashes = _hash(low, start, length)
    first, letters = data.take(start), what == LETTER
    kind = CLASS.take(what)
    flag = np.zeros(len(start), dtype=np.uint8)
    high = np.flatnonzero(what == HIGH)
    kind[high[(length[high] < 3) | (first[high] == 0xE2)]] = SYMBOL  # Greek, operators, arrows; Han start at E3
    at = known.find(hashes)
    found = np.flatnonzero((at >= 0) & letters)
    entry = at[found]
    numeric = np.zeros(len(start), dtype=bool)
    numeric[found] = known.numeric[entry]
    fraction = np.flatnonzero(letters & (first == 0x7A))
    fraction = fraction[(data[start[fraction] + 1] == 0x71) & (data[start[fraction] + 2] == 0x66)]
    kind[fraction], flag[fraction] = NUMBER, ORDER
    plain = hashes.copy()
    hashes[found], kind[found], flag[found] = known.value[entry], known.kind[entry], known.flag[entry]
    _private(data, start, high, hashes, kind, flag, known)
    _symbols(data, start, length, first, letters, hashes, kind)
    _numbers(data, start, length, what, hashes, kind, numeric)
    _join_phrases(found[known.begins[entry]], plain, hashes, kind, flag, known)
    percent = np.flatnonzero(first == 0x25)
    hashes[percent], kind[percent], flag[percent] = PERCENT, REL, ORDER
    han = np.zeros(len(start), dtype=bool)
    han[high] = (length[high] == 3) & (kind[high] == WORD)
    return _assemble(hashes, kind, flag, what, rows, han)


PERCENT = np.uint64(hash_bytes(b"order:percent"))


def _private(data: Array, start: Array, high: Array, hashes: U64, kind: Array, flag: Array, known: Table) -> None:
    """Marks of Chinese lexicon words: U+E000 and up, three bytes EE/EF."""
    lead = data[start[high]]
    at = high[(lead == 0xEE) | (lead == 0xEF)]
    if not at.size:
        return
    b = start[at]
    code = ((data[b].astype(np.int64) & 15) << 12) | ((data[b + 1].astype(np.int64) & 63) << 6) | (data[b + 2] & 63)
    value, kinds, flags = known.private
    entry = code - _PRIVATE
    good = (entry >= 0) & (entry < len(value))
    at, entry = at[good], entry[good]
    hashes[at], kind[at], flag[at] = value[entry], kinds[entry], flags[entry]


def _symbols(data: Array, start: Array, length: Array, first: Array, letters: Array, hashes: U64, kind: Array) -> None:
    """Single letters, words in capitals and LaTeX commands name things: they count with their case."""
    at = np.flatnonzero(letters & ((length == 1) | (first < 0x61)))  # a capital or a backslash comes before a to z
    head, long = first[at], length[at] > 1
    second, third, final = data[start[at] + 1], data[start[at] + 2], data[start[at] + length[at] - 1]
    upper = [(c >= 65) & (c <= 90) for c in (head, second, final)]
    word = (head == 97) | (head == 65) | (head == 73)
    article = word & (second == 0x20) & ((KINDS[third] == LETTER) | (KINDS[third] == DIGIT))
    alone = ~long & ~article & (word | (kind[at] == WORD))
    named = at[(long & upper[0] & upper[1] & upper[2]) | alone | (head == 0x5C)]
    if named.size:
        hashes[named] = _hash(data, start[named], length[named])
        kind[named] = SYMBOL


def _numbers(data: Array, start: Array, length: Array, what: Array, hashes: U64, kind: Array, numeric: Array) -> None:
    """One hash for each value: `7.50` and `7.5`, `sixty-nine` and `69`, `5 thousand` and `5000`."""
    digits = what == DIGIT
    long = np.flatnonzero(digits & (length > 1))
    head, size = start[long], length[long]
    points = np.flatnonzero(data == 0x2E)
    dots = np.searchsorted(points, head + size) - np.searchsorted(points, head)
    zero, spare = data[head] == 0x30, (dots == 1) & (data[head + size - 1] == 0x30)
    odd = long[(dots > 1) | spare | (zero & (data[head + 1] != 0x2E))]  # all others are as `canonical` writes them

    def texts(tokens: Array) -> list[bytes]:
        return [raw[a : a + n] for a, n in zip(start[tokens].tolist(), length[tokens].tolist())]

    raw = data.tobytes()
    said = {i: canonical(t.decode()) for i, t in zip(odd.tolist(), texts(odd))}
    run = np.flatnonzero(numeric[1:] & (numeric[:-1] | digits[:-1])) + 1
    heads = run[np.diff(run, prepend=-9) > 1] - 1
    ends = run[np.diff(run, append=len(kind) + 9) > 1] + 1
    spelled = np.union1d(heads, run)
    at = np.searchsorted(spelled, heads).tolist()
    written = texts(spelled)
    for first, end, k in zip(heads.tolist(), ends.tolist(), at):
        value = _value(tuple(written[k : k + end - first]))
        if value is not None:
            said[first] = value
            kind[first + 1 : end] = DROP
    if said:
        places = np.fromiter(said, dtype=np.int64)
        hashes[places], kind[places] = number_hashes(list(said.values())), NUMBER


@lru_cache(maxsize=100_000)
def _value(said: tuple[bytes, ...]) -> str | None:
    """The value of number words, also behind digits (`5 thousand`); None where they are several numbers."""
    words = [w.decode().lower() for w in said]
    if words[0][0].isdigit():
        if any(w not in SCALES for w in words[1:]) or len(words[0]) > 40:
            return None
        value = Fraction(words[0]) * prod(SCALES[w] for w in words[1:])
        return str(value) if value.denominator == 1 else None
    found = english_value(" ".join(words))
    return None if found is None else str(found)


def _join_phrases(at: Array, plain: U64, hashes: U64, kind: Array, flag: Array, known: Table) -> None:
    """`at`: words with which phrases begin."""
    at = at[np.argsort(plain[at], kind="stable")]
    heads = plain[at]
    firsts = np.array([phrases[0].words[0] for phrases in known.phrases], dtype=np.uint64)
    spans = zip(known.phrases, np.searchsorted(heads, firsts), np.searchsorted(heads, firsts, side="right"))
    for phrases, left, right in spans:
        start = at[left:right]
        start = start[plain[start] == phrases[0].words[0]]  # not those taken by a phrase before
        for phrase in phrases:
            hit = start[start + len(phrase.words) <= len(plain)]
            for k in range(len(phrase.words)):
                hit = hit[plain[hit + k] == phrase.words[k]]
            if hit.size:
                _join(hit, phrase, plain, hashes, kind, flag)


def _join(hit: Array, phrase: Phrase, plain: U64, hashes: U64, kind: Array, flag: Array) -> None:
    hashes[hit], kind[hit], flag[hit] = phrase.value, phrase.kind, phrase.flag
    for k in range(len(phrase.words)):
        plain[hit + k] = 0  # taken: a shorter phrase inside must not fire again
        if k:
            kind[hit + k], flag[hit + k] = DROP, 0


def _groups(stops: Array) -> Array:
    """The number of stops up to each token: a stop begins the next group."""
    at = np.flatnonzero(stops)
    return np.repeat(np.arange(len(at) + 1), np.diff(at, prepend=0, append=len(stops)))


def _assemble(hashes: U64, kind: Array, flag: Array, what: Array, rows: int, han: Array) -> Tokens:
    ends = np.flatnonzero(what == ROW)
    row = np.repeat(np.arange(rows), np.diff(ends, prepend=-1))
    stops = (what == ROW) | (what == SENTENCE)
    sentence, clause = _groups(stops), _groups(stops | (what == CLAUSE))
    asks = np.zeros(int(clause[-1]) + 1, dtype=bool)
    asks[clause[(flag & QUESTION) > 0]] = True
    keep = np.flatnonzero(kind != DROP)
    kind, row, clause = kind.take(keep), row.take(keep), clause.take(keep)
    hashes = mix(hashes.take(keep) + kind.astype(np.uint64) * _B)
    first = np.searchsorted(row, np.arange(rows + 1))
    return Tokens(
        hashes, kind, flag.take(keep), row, sentence.take(keep), clause, asks.take(clause), first, han.take(keep)
    )
