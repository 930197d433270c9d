r"""Fractions as one token, however they are spelled: 2/3, \frac{2}{3}, two thirds, 三分之二."""

from __future__ import annotations

import re
from fractions import Fraction

import polars as pl

from mathdata.numerals import HAN_NUMERAL, chinese_value

__all__ = ["MARK", "fold_fractions", "fraction_word"]

MARK = "zqf"
"""What a fraction's token begins with: no word of either language does."""
_LETTERS = str.maketrans("0123456789", "abcdefghij")
_TOP = {w: n for n, w in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], 1)} | {
    "a": 1
}
_BOTTOM = {
    w: n for n, w in enumerate(["half", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], 2)
} | {"quarter": 4, "halve": 2}  # fmt: skip
_HINTS = ["/", "frac{", "分之", "半", "one half", "one-half", "a half", "hird", "uarter"]
_HINTS += [w for w in _BOTTOM if w.endswith("th")]
_NUMBER = rf"{HAN_NUMERAL}|[0-9]+(?:\.[0-9]+)?"
_FRACTION = re.compile(
    r"\\frac\{(?P<ta>[0-9]{1,6})\}\{(?P<tb>[0-9]{1,6})\}"
    r"|(?<![0-9./A-Za-z])(?P<a>[0-9]{1,4})/(?P<b>[0-9]{1,4})(?![0-9/A-Za-z]|\.[0-9])"
    # Two and a half hours; two semicircles and two radii (两个半圆, 两个半径) are whole.
    rf"|(?P<whole>{_NUMBER})(?:(?P<piece>个)半(?=小时|钟头|月|星期|世纪|学期)|(?P<unit>年|天|倍|小时)半(?![夜途路价数径圆]))"
    rf"|百分之(?P<percent>{_NUMBER})|(?P<zb>{_NUMBER})分之(?P<za>{_NUMBER})|(?P<half>一半|半)"
    rf"|\b(?P<top>{'|'.join(_TOP)})[ -](?P<bottom>{'|'.join(_BOTTOM)})s?\b(?P<of>\s+of\b)?",
    re.IGNORECASE,
)


def fraction_word(top: int, bottom: int) -> str:
    """The token of a fraction as it is written, 6/8 is not 3/4: letters alone, so that it is cut as one word.

    >>> fraction_word(2, 3)
    'zqfcvd'
    """
    return f"{MARK}{str(top).translate(_LETTERS)}v{str(bottom).translate(_LETTERS)}"


def fold_fractions(texts: pl.Series) -> pl.Series:
    """Spelled fractions below one as tokens, 百分之二十五 as 25%; other rows as they are."""
    hit = texts.str.contains_any(_HINTS)
    if not hit.any():
        return texts
    made = [_FRACTION.sub(_said, t) for t in texts.filter(hit).to_list()]
    return texts.scatter(hit.arg_true(), pl.Series(made, dtype=pl.String))


def _said(match: re.Match[str]) -> str:
    if match["whole"]:
        value = _value(match["whole"])
        unit = match["piece"] or match["unit"]
        return match[0] if value is None else f" {_decimal(value + Fraction(1, 2))}{unit}"
    if match["percent"]:
        value = _value(match["percent"])
        return match[0] if value is None else f" {_decimal(value)}% "
    top, bottom = _parts(match)
    # 7/2 may be a division, 1/0 is nothing: only a part of a whole is a fraction beyond doubt.
    return f" {fraction_word(top, bottom)} {match['of'] or ''}" if 0 < top < bottom else match[0]


def _parts(match: re.Match[str]) -> tuple[int, int]:
    """Numerator and denominator; 0, 0 where it is no fraction."""
    if match["half"]:
        return 1, 2
    if match["top"]:
        ordinal = match["top"].lower() == "a" and match["bottom"].lower() not in ("half", "quarter")
        if ordinal and not match["of"]:  # a third person
            return 0, 0
        return _TOP[match["top"].lower()], _BOTTOM[match["bottom"].lower()]
    said = (_value(match["za"]), _value(match["zb"])) if match["zb"] else None
    if said is None:
        return int(match["ta"] or match["a"]), int(match["tb"] or match["b"])
    whole = [v.numerator for v in said if v is not None and v.denominator == 1]
    return (whole[0], whole[1]) if len(whole) == 2 else (0, 0)


def _value(text: str) -> Fraction | None:
    return Fraction(text) if text[0].isascii() else chinese_value(text)


def _decimal(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.12g}"
