"""One pass over a text: numbers (digits and words), arithmetic, words, punctuation, with their places."""

from __future__ import annotations

import re
from typing import NamedTuple

from mathdata.worked import NUMBER, Number, number

__all__ = ["Token", "lex", "number_words", "spell"]


class Token(NamedTuple):
    """`kind`: n number, w word, one of + - * / ^ ( ) % = $ < > for arithmetic, | line end, p punctuation, ? other.

    `value` only for numbers; `text` the token in lower case; `word` = a number in words.
    """

    kind: str
    value: Number | None
    start: int
    end: int
    text: str
    word: bool = False


_TOKEN = re.compile(
    rf"({NUMBER})|([A-Za-z]+(?:['’][a-z]+)?)|(<<)|(>>)|(\*\*|//|[-+*/×÷·−–^()\[\]⁄])|(=)|([$€£])|(%)|(\n)|([.,;:?!])|(\S)"
)
_SIGN = {"×": "*", "÷": "/", "·": "*", "−": "-", "–": "-", "**": "^", "//": "/", "[": "(", "]": ")", "⁄": "/"}
_KIND = ("", "n", "w", "<", ">", "o", "=", "$", "%", "|", "p", "?")


def listed(words: str) -> list[str]:
    """A word list written as one text."""
    return words.split()


_ONES = listed("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen")
_ONES += ["seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {w: i for i, w in enumerate(_ONES)} | {w: 20 + 10 * i for i, w in enumerate(_TENS)}
_SCALE = {"hundred": 100, "thousand": 1000, "million": 1000000}


_NUMBERS = frozenset(_WORDS) | frozenset(_SCALE)


def number_words() -> dict[str, int]:
    """Every single word that is a number."""
    return _WORDS | _SCALE


def spell(value: int) -> str:
    """The number in words, up to 99.

    >>> spell(42)
    'forty-two'
    """
    if value < 20:
        return _ONES[value]
    tens, one = divmod(value, 10)
    return _TENS[tens - 2] + (f"-{_ONES[one]}" if one else "")


def lex(text: str) -> list[Token]:
    """The tokens of a text in order; `85` and `eighty-five` are both one number."""
    found: list[Token] = []
    words = False
    new, put = tuple.__new__, found.append  # half the cost of calling Token
    for match in _TOKEN.finditer(text):
        index = match.lastindex or 11
        start, end = match.span()
        kind, written = _KIND[index], match.group()
        value: Number | None = None
        if index == 1:
            value = number(written)
            kind = "n" if value is not None else "?"
        elif index == 2:
            written = written.lower()
            words = words or written in _NUMBERS
        elif index == 5:
            kind = _SIGN.get(written, written)
        put(new(Token, (kind, value, start, end, written, False)))
    return _join_words(found) if words else found


def _join_words(stream: list[Token]) -> list[Token]:
    made: list[Token] = []
    i = 0
    while i < len(stream):
        value, after = _spelled(stream, i)
        if value is None:
            made.append(stream[i])
            i += 1
            continue
        first, last = stream[i], stream[after - 1]
        made.append(Token("n", value, first.start, last.end, " ".join(t.text for t in stream[i:after]), True))
        i = after
    return made


def _spelled(stream: list[Token], i: int) -> tuple[int | None, int]:
    """The value of the number in words that starts at token i, and the index after it."""
    text = stream[i].text
    if stream[i].kind != "w" or text not in _WORDS:
        return None, i
    value = _WORDS[text]
    i += 1
    if value >= 20 and i < len(stream):
        step = 2 if stream[i].text == "-" and i + 1 < len(stream) else 1
        one = _WORDS.get(stream[i + step - 1].text, 0)
        if 1 <= one <= 9 and stream[i + step - 1].kind == "w" and stream[i + step - 1].start - stream[i - 1].end <= 1:
            value += one
            i += step
    while i < len(stream) and stream[i].text in _SCALE and stream[i].kind == "w":
        value *= _SCALE[stream[i].text]
        i += 1
    return value, i
