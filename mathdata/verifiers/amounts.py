"""Amounts written in several parts: `2小时30分钟`, `5 ft 3 in`, `3……2`, `1千2百元`, `1.2万元`; read whole, or found in a text."""

from __future__ import annotations

import re
from fractions import Fraction

from mathdata.verifiers.trees import Tree, number
from mathdata.verifiers.units import Unit, is_unit, read_unit
from mathdata.verifiers.wording import number_of

__all__ = ["amount", "last_amount", "other_reading"]

_HAN = "零〇一二两三四五六七八九十百千万亿"
_KILO = "千(?=[克米瓦焦帕卡伏赫])"
"""A thousand that belongs to the unit behind it: 5千克 is 5 kg."""
_N = rf"(?:\d+(?:\.\d+)?|[{_HAN}半]{{1,12}})"
_WORD = r"(?:[A-Za-z]{1,12}|[\u4e00-\u9fff]{1,4}?)"
_NEXT = rf"\.?\s*(?:and\b|,|又|零|and\s+a)?\s*({_N})\s*({_WORD})"
_COMPOUND = re.compile(rf"({_N})\s*({_WORD}){_NEXT}(?:{_NEXT})?")
_LEFT = (
    r"(?:…+|⋯+|\.{3,6}|(?:\\(?:cdots|ldots|dots)\s*){1,2}|[,，]?\s*(?:and\s+)?(?:the\s+)?(?:with\s+)?(?:a\s+)?remainder(?:\s+(?:of|is))?"
    r"|[,，]?\s*(?:还|且)?余数?(?:是|为|[:：])?|\s*R\s*|\sr\s+)"
)
_MEASURE = r"(?:\s*[(（]?[\u4e00-\u9fff]{1,3}?[)）]?)"
_QUOTIENT = r"(?:商(?:是|为|[:：])?\s*|(?:the\s+)?quotient\s*(?:is|:)?\s*)?"
_REMAINDER = re.compile(rf"{_QUOTIENT}(\d+){_MEASURE}?\s*{_LEFT}\s*(\d+){_MEASURE}?\s*", re.IGNORECASE)
_SCALED = re.compile(
    rf"(-?(?:\d+(?:\.\d+)?(?!{_KILO})[百千万亿](?:(?!{_KILO})[{_HAN}\d])*))\s*([\u4e00-\u9fff]{{0,4}})"
)
_SPELLED = re.compile(rf"((?:(?!{_KILO})[{_HAN}点又]|分之){{1,20}})([\u4e00-\u9fff]{{1,4}})")
_MIXED = re.compile(rf"负?\d+\s*又\s*(?:\d+\s*/\s*\d+|[{_HAN}\d]+分之[{_HAN}\d]+)")
_ONE_SCALE = re.compile(r"(-?\d+(?:\.\d+)?)\s*([万亿])\s*([\u4e00-\u9fff]{0,4})")
_TEXT = re.compile(r"\\(?:text|mathrm|textrm|mbox)\s*\{([^{}\\]*)\}")
_CLAUSE = frozenset("的是为有和与或不在了")
_COUNTED = frozenset("个只本岁人条张支页名棵朵颗块件辆")
_DURATION = (("time", 1),)


def amount(text: str) -> Tree | None:
    """The tree of a cleaned answer that is one amount in parts; None where it is anything else."""
    if len(text) > 80:
        return None
    text = _TEXT.sub(r" \1 ", text).replace("~", " ").strip()
    if match := _REMAINDER.fullmatch(text):
        return ("rem", number(match.group(1)), number(match.group(2)))
    if (match := _COMPOUND.fullmatch(text)) and (tree := _compound([g for g in match.groups() if g])):
        return tree
    if text.isascii():
        return None
    if (match := _SCALED.fullmatch(text)) and not _CLAUSE & set(match.group(2)):
        value = number_of(match.group(1).lstrip("-"))
        simple = _ONE_SCALE.fullmatch(text)
        if value is None or (simple and simple.group(3)):
            return None  # 1.2万元 is 1.2 of its unit first
        signed = ("num", -value if text[0] == "-" else value, None)
        return ("unit", signed, match.group(2)) if match.group(2) else signed
    if (match := _SPELLED.fullmatch(text)) and _surely_unit(match.group(2)):
        value = number_of(match.group(1))
        return None if value is None else ("unit", ("num", value, None), match.group(2))
    return None


def other_reading(text: str) -> Tree | None:
    """`1.2万元` is 12,000 元, `1.2万` may be 1.2 where the unit is left out."""
    match = _ONE_SCALE.fullmatch(text) if len(text) < 60 else None
    if match is None or _CLAUSE & set(match.group(3)):
        return None
    value: Tree = number(match.group(1).lstrip("-"))
    sign = -1 if text[0] == "-" else 1
    if not match.group(3):
        return ("num", sign * value[1], value[2])
    scale = 10**4 if match.group(2) == "万" else 10**8
    return ("unit", ("num", sign * value[1] * scale, None), match.group(3))


def _surely_unit(word: str) -> bool:
    """`三小时`, `二十元`, `五个` measure or count; `三角形`, `十分`, `一样` are words."""
    return word in _COUNTED or (is_unit(word) and (len(word) > 1 or word in "元米克吨升度天"))


def _compound(parts: list[str]) -> Tree | None:
    """A sum of units of one kind, each smaller than the one before: 2小时30分钟, 5 ft 3 in, 1年3个月."""
    total, last = Fraction(0), None
    first: Unit | None = None
    for value, word in zip(parts[::2], parts[1::2]):
        n = Fraction(value) if value[0].isdigit() else number_of(value)
        unit = _unit(word, first)
        if (
            n is None
            or unit is None
            or unit[0] == 0
            or (last is not None and (unit[1] != last[1] or unit[0] >= last[0]))
        ):
            return None
        first = first or unit
        last = unit
        total += n * unit[0] / first[0]
    return ("unit", ("num", total, None), parts[1])


def _unit(word: str, first: Unit | None) -> Unit | None:
    """Behind hours, `分` and `m` are minutes and no money or length."""
    if first is not None and first[1] == _DURATION:
        word = {"分": "分钟", "m": "min"}.get(word, word)
    return read_unit(word) if is_unit(word) and word not in ("月", "日") else None  # 2024年3月 is a date


_GOES_ON = re.compile(r"\d\s*[A-Za-z.][A-Za-z., ]{0,24}$|\d\s?R$")


def last_amount(text: str, begin: int, at: int, end: int) -> tuple[int, int] | None:
    """Where an amount in parts stands that holds the number at `at`; the longest reading of its last unit."""
    low, high = max(begin, at - 40), min(end, at + 30)
    if text[low:high].isascii() and not _GOES_ON.search(text[low:at]):
        return None
    if "又" in text[low:high]:
        for match in _MIXED.finditer(text, low, high):
            if match.start() <= at < match.end():
                return match.span()
    for pattern in (_REMAINDER, _COMPOUND, _SCALED):
        for match in pattern.finditer(text, low, high):
            if match.start() <= at < match.end() and not _range(text, match):
                for longer in (3, 2, 1, 0):
                    stop = min(match.end() + longer, high)
                    if amount(text[match.start() : stop]) or other_reading(text[match.start() : stop]):
                        return match.start(), stop
    return None


def _range(text: str, match: re.Match[str]) -> bool:
    """`1...12` in prose is a range; behind an equals sign, or with six dots, it is a quotient and its remainder."""
    return bool(re.search(r"\d\s*\.{3,5}\s*\d", match.group())) and not text[: match.start()].rstrip().endswith(
        ("=", "＝")
    )
