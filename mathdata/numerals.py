"""Numbers in running text: digits, English number words and Chinese numerals, each with its exact value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Number", "canonical", "chinese_value", "english_value", "numbers", "NUMBER_WORD", "HAN_NUMERAL"]

UNITS = {
    w: i
    for i, w in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
TENS = {
    w: 10 * i
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
PARTS = {
    "half": Fraction(1, 2), "halves": Fraction(1, 2), "twice": Fraction(2), "thrice": Fraction(3),
    "double": Fraction(2), "triple": Fraction(3), "dozen": Fraction(12),
    "quarter": Fraction(1, 4), "quarters": Fraction(1, 4), "thirds": Fraction(1, 3), "fifths": Fraction(1, 5),
    "sixths": Fraction(1, 6), "eighths": Fraction(1, 8), "tenths": Fraction(1, 10),
}  # fmt: skip
CARDINALS = {**UNITS, **TENS}
_WORD = "|".join(sorted([*CARDINALS, *SCALES], key=len, reverse=True))
NUMBER_WORD = rf"(?:{_WORD})(?:(?:\s*-\s*|\s+and\s+|\s+)(?:{_WORD}))*"

HAN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2, "仨": 3}
HAN_SCALES = {"十": 10, "百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
HAN_NUMERAL = "[零〇一二两三四五六七八九十][零〇一二两三四五六七八九十百千万亿]*(?:点[零〇一二三四五六七八九]+)?"
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)?|\.\d+"
_FIND = re.compile(
    rf"(?P<digits>{_DIGITS})|(?<![A-Za-z])(?P<word>{NUMBER_WORD}|{'|'.join(PARTS)})(?![A-Za-z])"
    rf"|(?P<ratio>{HAN_NUMERAL}分之{HAN_NUMERAL})|(?P<han>{HAN_NUMERAL})|(?P<half>半)",
    re.IGNORECASE,
)


LONGEST_WORDS = 200
"""Characters of a numeral in words: a longer one is hostile text, and its value could fill the memory."""
LONGEST_DIGITS = 1_000
"""Characters of a number in digits: int() is quadratic in its length."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it stands in a text: exact value, the words that say it, where."""

    value: Fraction
    text: str
    start: int
    end: int


def english_value(words: str) -> Fraction | None:
    """The value of English number words; None where they do not make one number.

    >>> english_value("two hundred and sixty-nine")
    Fraction(269, 1)
    """
    if len(words) > LONGEST_WORDS:
        return None
    total = group = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "and":
            continue
        if word in PARTS and not total and not group:
            return PARTS[word]
        if word in CARDINALS:
            if group % 100 and (group % 10 or CARDINALS[word] >= 10):
                return None
            group += CARDINALS[word]
        elif word == "hundred":
            group = max(group, 1) * 100
        elif word in SCALES:
            total, group = total + max(group, 1) * SCALES[word], 0
        else:
            return None
    return Fraction(total + group)


def chinese_value(text: str) -> Fraction | None:
    """The value of a Chinese numeral; None where it is none.

    >>> chinese_value("一百零五"), chinese_value("三分之二")
    (Fraction(105, 1), Fraction(2, 3))
    """
    if len(text) > LONGEST_WORDS:
        return None
    if text == "半":
        return Fraction(1, 2)
    if "分之" in text:
        below, above = (chinese_value(part) for part in text.split("分之", 1))
        return above / below if above is not None and below else None
    whole, _, decimals = text.partition("点")
    value = _chinese_whole(whole)
    if value is None or not decimals:
        return None if value is None else Fraction(value)
    if any(c not in HAN_DIGITS for c in decimals):
        return None
    return value + Fraction(int("".join(str(HAN_DIGITS[c]) for c in decimals)), 10 ** len(decimals))


def _chinese_whole(text: str) -> int | None:
    if text and all(c in HAN_DIGITS for c in text):
        return int("".join(str(HAN_DIGITS[c]) for c in text))
    total = group = digit = 0
    for c in text:
        if c in HAN_DIGITS:
            digit = HAN_DIGITS[c]
        elif c not in HAN_SCALES:
            return None
        elif c in "万亿":
            total, group, digit = (total + group + digit) * HAN_SCALES[c], 0, 0
        else:
            group, digit = group + (digit or 1) * HAN_SCALES[c], 0
    return total + group + digit if text else None


def numbers(text: str) -> list[Number]:
    """Every number of a text, in order: digits, number words, Chinese numerals.

    Signs are operators and stay with the text: `3 - 5` holds 3 and 5.

    >>> [str(n.value) for n in numbers("Twelve eggs, half of 1,000 and 三分之二")]
    ['12', '1/2', '1000', '2/3']
    """
    found = []
    for match in _FIND.finditer(text):
        value = _value(match)
        if value is not None:
            found.append(Number(value, match.group(), match.start(), match.end()))
    return found


def _value(match: re.Match[str]) -> Fraction | None:
    text = match.group()
    if match.lastgroup == "digits":
        return Fraction(text.replace(",", "")) if len(text) <= LONGEST_DIGITS else None
    return english_value(text) if match.lastgroup == "word" else chinese_value(text)


def canonical(digits: str) -> str:
    """One spelling for each value of a digit string: no separators, no leading or trailing zeros.

    >>> canonical("007.50"), canonical("1,000"), canonical(".5")
    ('7.5', '1000', '0.5')
    """
    whole, _, decimals = digits.replace(",", "").partition(".")
    decimals = decimals.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{decimals}" if decimals else whole
