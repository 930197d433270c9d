"""Numbers and answers written in words, English and Chinese, and the normal form of a text answer."""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["number_of", "says", "text_form", "words"]


def words(text: str) -> frozenset[str]:
    """A word list, written as one text."""
    return frozenset(text.split())


_ONES = {w: i for i, w in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
)}  # fmt: skip
_TENS = {
    w: 10 * i for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_BIG = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4, "fifth": 5, "fifths": 5,
    "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7, "eighth": 8, "eighths": 8, "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10,
}  # fmt: skip
_HAN = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3}
_HAN_UNIT = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_HAN_RUN = re.compile(r"^负?[\d./零〇一二两三四五六七八九十百千万亿点又分之半]+$")
_HAN_PIECE = re.compile(r"\d+(?:\.\d+)?|.")
_HAN_QUOTIENT = re.compile(r"(\d{1,40})/(\d{1,40})$")


def number_of(text: str) -> Fraction | None:
    """The number that words say, None where they say none.

    >>> number_of("twenty-five"), number_of("三又二分之一"), number_of("two thirds")
    (Fraction(25, 1), Fraction(7, 2), Fraction(2, 3))
    """
    text = text.strip().lower()
    if not text or len(text) > 120:
        return None
    return _chinese(text) if not text.isascii() else _english(text)


def _english(text: str) -> Fraction | None:
    words = [w for w in re.split(r"[\s-]+", text) if w not in ("and", "a", "an")] or [""]
    sign = 1
    if words[0] in ("negative", "minus"):
        sign, words = -1, words[1:]
    if words and words[-1] in _PARTS and text not in ("second",):
        top = _whole(words[:-1]) if words[:-1] else 1
        return None if top is None else sign * Fraction(top, _PARTS[words[-1]])
    n = _whole(words)
    return None if n is None else Fraction(sign * n)


def _whole(words: list[str]) -> int | None:
    total = current = 0
    if not words:
        return None
    for w in words:
        if w in _ONES:
            current += _ONES[w]
        elif w in _TENS:
            current += _TENS[w]
        elif w == "hundred":
            current = (current or 1) * 100
        elif w in _BIG:
            total += (current or 1) * _BIG[w]
            current = 0
        else:
            return None
    return total + current


def _chinese(text: str) -> Fraction | None:
    if text.startswith("百分之"):
        inner = _chinese(text[3:])
        return None if inner is None else inner / 100
    if not _HAN_RUN.match(text):
        return None
    if text.startswith("负"):
        inner = _chinese(text[1:])
        return None if inner is None else -inner
    if "又" in text:
        whole, _, rest = text.partition("又")
        a, b = _chinese(whole), _chinese(rest)
        return None if a is None or b is None or not 0 < b < 1 else a + b
    if match := _HAN_QUOTIENT.match(text):
        return Fraction(int(match[1]), int(match[2])) if int(match[2]) else None
    if "分之" in text:
        below, _, top = text.partition("分之")
        a, b = _chinese(top), _chinese(below)
        return None if a is None or not b else a / b
    if "点" in text:
        whole, _, digits = text.partition("点")
        units = _han_whole(whole)
        if units is None or not digits or any(d not in _HAN for d in digits):
            return None
        return units + Fraction(int("".join(str(_HAN[d]) for d in digits)), 10 ** len(digits))
    return _han_whole(text)


def _han_whole(text: str) -> Fraction | None:
    """`一千二百`, `1千2百`, `3亿5千万`: digits of either script between the signs for ten, a hundred and so on."""
    if text and all(c in _HAN for c in text) and len(text) > 1:
        return Fraction(int("".join(str(_HAN[c]) for c in text)))
    total = section = digit = Fraction(0)
    if not text:
        return None
    for c in _HAN_PIECE.findall(text):
        if c in _HAN:
            digit = Fraction(_HAN[c])
        elif c[0].isdigit() and c.isascii():
            digit = Fraction(c)
        elif c not in _HAN_UNIT:
            return None
        elif c == "亿":
            total = (total + section + digit) * _HAN_UNIT[c]
            section = digit = Fraction(0)
        elif c == "万":
            total += (section + digit) * _HAN_UNIT[c]
            section = digit = Fraction(0)
        else:
            section += (digit or 1) * _HAN_UNIT[c]
            digit = Fraction(0)
    return total + section + digit


_MARKS = re.compile(
    r"\\(?:text|textbf|textit|textrm|textnormal|mbox|mathrm|mathbf|emph|boxed|fbox|operatorname)\s*\{|[\\{}$*`]|\\[,;! ]"
)
_YES = {"true": "yes", "correct": "yes", "false": "no", "incorrect": "no", "是": "yes", "对": "yes", "正确": "yes", "否": "no",
        "不是": "no", "错": "no", "错误": "no", "不对": "no"}  # fmt: skip


_SUBJECT = re.compile(
    r"([A-Z][a-z]{2,20}) (?:will|would|is|was|has|can|could|must|should|always|wins|won|served|gets|got|takes|took|receives)\b"
)
_PREDICATE = re.compile(r"(?:The|This|It|That)\b.{4,200}? (?:is|are|was|must be) (?:an? |the )?([a-z-]{3,24})$")
_TURNED = re.compile(r"\b(?:not|never|no|cannot|nor|neither|none|or|and|if|unless|lose|loses|lost|less|only)\b|n't|\?")
_NO_SUBJECT = frozenset(
    ["The", "This", "That", "There", "They", "These", "Those", "Any", "All", "Each", "Every", "Some", "She", "One"]
)


def says(sentence: str, word: str) -> bool:
    """Whether a gold that is a sentence is met by a word: its proper name as subject, or the property it ends with.

    >>> says("Petya will receive the last token.", "Petya"), says("The function is odd.", "odd")
    (True, True)
    """
    sentence = re.sub(r"\$[^$]*\$", "x", sentence).strip(" .。")
    if not 4 <= len(sentence.split()) <= 30 or _TURNED.search(sentence.lower()):
        return False
    subject, predicate = _SUBJECT.match(sentence), _PREDICATE.fullmatch(sentence)
    found = [m.group(1) for m in (subject, predicate) if m]
    return text_form(word) in {text_form(x) for x in found if x not in _NO_SUBJECT}


def text_form(text: str) -> str:
    """A text answer in normal form: case, articles, markup and blank space do not count."""
    text = _MARKS.sub("", text).replace('"', " ").lower().strip(" .。!?,，;；:()'“”[]")
    words = [w for w in re.split(r"[\s,，;；~]+", text) if w not in ("the", "a", "an", "")]
    out = " ".join(words)
    return _YES.get(out, out)
