"""Texts -> arrays of tokens with their class, a few thousand rows at a time, without a string object for each word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import prod

import numpy as np
import numpy.typing as npt
import polars as pl

from mathdata.near.fractions import fold_fractions
from mathdata.near.table import (
    DROP,
    NUMBER,
    ORDER,
    PRIVATE,
    QUESTION,
    REL,
    SEQUENCE,
    SYMBOL,
    U64,
    VERB,
    WORD,
    Array,
    Phrase,
    Table,
    hash_bytes,
    hash_spans,
    hashes_of,
    mix,
    number_hashes,
    table,
)  # fmt: skip
from mathdata.numerals import HAN_NUMERAL, SCALES, canonical, chinese_value, english_value

__all__ = ["NUMBER", "ORDER", "REL", "SEQUENCE", "SYMBOL", "Tokens", "U64", "VERB", "WORD", "chunks", "mix", "tokenise"]

# What a byte is.
SPACE, LETTER, DIGIT, HIGH, SENTENCE, CLAUSE, SIGN, ROW = range(8)

CHUNK_ROWS, CHUNK_BYTES = 2_000, 4 << 20
FOLD_ROWS, FOLD_BYTES = 40_000, 32 << 20
OF_KIND = np.uint64(0xC2B2AE3D27D4EB4F)


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
    ordered: npt.NDArray[np.uint8]
    """For each row the flags ORDER and SEQUENCE of all its words, also of those that do not count."""


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
    texts = fold_scales(texts)
    folded = texts.filter(hit).str.replace_many(forms, marks, leftmost=True)
    numeral = folded.str.contains("[零〇一二两三四五六七八九十半]")
    if numeral.any():
        said = [_NUMERAL.sub(_digits, t) for t in folded.filter(numeral).to_list()]
        folded = folded.scatter(numeral.arg_true(), pl.Series(said, dtype=pl.String))
    return texts.scatter(hit.arg_true(), folded)


_SCALE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(百万|千万|百亿|千亿|万亿|百|千|万|亿)(?![克米瓦卡伏赫帕焦升吨分货合科])")
SCALED = {"百": 2, "千": 3, "万": 4, "百万": 6, "千万": 7, "亿": 8, "百亿": 10, "千亿": 11, "万亿": 12}


def fold_scales(texts: pl.Series) -> pl.Series:
    """3万, 1.2 万 and 5亿 as digits; 3千米 and 5百分 stay."""
    hit = texts.str.contains(r"[0-9] ?[百千万亿]")
    if not hit.any():
        return texts
    made = [_SCALE.sub(_scaled, t) for t in texts.filter(hit).to_list()]
    return texts.scatter(hit.arg_true(), pl.Series(made, dtype=pl.String))


def _scaled(match: re.Match[str]) -> str:
    if len(match[1]) > 40:
        return match[0]
    value = Fraction(match[1]) * 10 ** SCALED[match[2]]
    return f"{value.numerator}" if value.denominator == 1 else match[0]


def _digits(match: re.Match[str]) -> str:
    value = chinese_value(match[0])
    if value is None:
        return match[0]
    return f" {value.numerator} " if value.denominator == 1 else f" {value.numerator}/{value.denominator} "


def parts(texts: pl.Series, rows: int, size: int) -> Iterator[pl.Series]:
    """The texts in order, at most so many rows and, where a text allows it, bytes at a time."""
    total = np.concatenate([[0], np.cumsum(texts.str.len_bytes().to_numpy().astype(np.int64))])
    start = 0
    while start < len(texts):
        fits = int(np.searchsorted(total, total[start] + size, side="right")) - 1
        end = max(start + 1, min(start + rows, fits))
        yield texts.slice(start, end - start)
        start = end


def chunks(texts: pl.Series, extra: str | None = None) -> Iterator[Tokens]:
    """Tokens of all texts, some thousand rows at a time: arrays then stay in the processor's cache."""
    known = table(extra)
    for block in parts(
        texts, FOLD_ROWS, FOLD_BYTES
    ):  # the automaton of Chinese words takes as long to make as 1,000 rows
        for chunk in parts(fold_chinese(fold_fractions(block), known), CHUNK_ROWS, CHUNK_BYTES):
            yield _cut(chunk.to_list(), known)


def tokenise(texts: pl.Series, extra: str | None = None) -> Tokens:
    """Tokens of a few thousand texts in normal form."""
    known = table(extra)
    return _cut(fold_chinese(fold_fractions(texts), known).to_list(), known)


def _cut(rows: list[str], known: Table) -> Tokens:
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
    """A point between digits belongs to the number, a colon between them is a sign, a prime behind a letter is one; a
    hyphen in a word is a space."""
    for byte, inside, turned in ((0x2E, DIGIT, DIGIT), (0x3A, DIGIT, SIGN), (0x2D, LETTER, SPACE)):
        at = np.flatnonzero(data[:size] == byte)
        at = at[(at > 0)]
        at = at[(kind[at - 1] == inside) & (kind[at + 1] == inside)]
        if byte == 0x2D and at.size:  # a-b is a difference, well-known is not
            at = at[(kind[np.maximum(at - 2, 0)] == LETTER) & (kind[at + 2] == LETTER)]
        kind[at] = turned
    at = np.flatnonzero(data[:size] == 0x21)  # a factorial, not the end of a sentence
    if at.size:
        before = data[at - 1]
        variable = (kind[at - 1] == LETTER) & (kind[at - 2] != LETTER)
        kind[at[(kind[at - 1] == DIGIT) | (before == 0x29) | (before == 0x7D) | variable]] = SIGN
    at = np.flatnonzero(data[:size] == 0x27)  # f'(x), A'B': behind one letter, and no small letter follows
    if at.size:
        at = at[(kind[at - 1] == LETTER) & (kind[at - 2] != LETTER) & ((data[at + 1] < 0x61) | (data[at + 1] > 0x7A))]
        while at.size:
            kind[at] = SIGN
            at = at[data[at + 1] == 0x27] + 1


def _classify(data: Array, low: Array, start: Array, length: Array, what: Array, known: Table, rows: int) -> Tokens:
    hashes = hash_spans(low, start, length)
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
    joint = np.flatnonzero(hashes[1:-1] == AND) + 1  # two hundred and five
    numeric[joint[numeric[joint + 1] & np.isin(hashes[joint - 1], LARGE)]] = True
    fraction = np.flatnonzero(letters & (first == 0x7A))
    fraction = fraction[(data[start[fraction] + 1] == 0x71) & (data[start[fraction] + 2] == 0x66)]
    kind[fraction], flag[fraction] = NUMBER, ORDER
    plain = hashes.copy()
    hashes[found], kind[found], flag[found] = known.value[entry], known.kind[entry], known.flag[entry]
    _private(data, start, high, hashes, kind, flag, known)
    _symbols(data, start, length, first, letters, plain, hashes, kind)
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
    entry = code - PRIVATE
    good = (entry >= 0) & (entry < len(value))
    at, entry = at[good], entry[good]
    hashes[at], kind[at], flag[at] = value[entry], kinds[entry], flags[entry]


AND, LARGE = hashes_of([b"and"])[0], hashes_of([w.encode() for w in SCALES])
# The letter a before one of these is a variable: the ratio of a to b.
NO_NOUN = np.sort(hashes_of([w.encode() for w in ("to", "and", "or", "is", "be", "plus", "minus", "times", "equals")]))


def _symbols(
    data: Array, start: Array, length: Array, first: Array, letters: Array, plain: U64, hashes: U64, kind: Array
) -> None:
    """Single letters, words in capitals and LaTeX commands name things: they count with their case."""
    at = np.flatnonzero(letters & ((length == 1) | (first < 0x61)))  # a capital or a backslash comes before a to z
    head, long = first[at], length[at] > 1
    second, third, final = data[start[at] + 1], data[start[at] + 2], data[start[at] + length[at] - 1]
    upper = [(c >= 65) & (c <= 90) for c in (head, second, final)]
    word = (head == 97) | (head == 65) | (head == 73)
    article = word & (second == 0x20) & ((KINDS[third] == LETTER) | (KINDS[third] == DIGIT))
    article &= ~np.isin(plain[np.minimum(at + 1, len(plain) - 1)], NO_NOUN) | (head == 73)
    alone = ~long & ~article & (word | (kind[at] == WORD))
    named = at[(long & upper[0] & upper[1] & upper[2]) | alone | (head == 0x5C)]
    if named.size:
        hashes[named] = hash_spans(data, start[named], length[named])
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
    ordered = np.zeros(rows, dtype=np.uint8)
    for matters in (ORDER, SEQUENCE):
        ordered[row[(flag & matters) > 0]] |= matters
    keep = np.flatnonzero(kind != DROP)
    kind, row, clause = kind.take(keep), row.take(keep), clause.take(keep)
    hashes = mix(hashes.take(keep) + kind.astype(np.uint64) * OF_KIND)
    first = np.searchsorted(row, np.arange(rows + 1))
    return Tokens(
        hashes,
        kind,
        flag.take(keep),
        row,
        sentence.take(keep),
        clause,
        asks.take(clause),
        first,
        han.take(keep),
        ordered,
    )
