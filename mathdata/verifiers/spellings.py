"""Spellings that stand around a value: labels, ordinals, groupings of other countries, "for all x" behind a function."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

__all__ = ["Around", "around", "grouped_elsewhere", "joined", "repeating", "scientific"]


class Around(NamedTuple):
    """A value without what stands around it, and what that declared."""

    text: str
    bound: frozenset[str] = frozenset()
    """Names declared as any number of a kind: they may be called otherwise."""
    domain: str = ""
    """Z, N, Z+, R …, where the text states one."""


_LABEL = re.compile(
    r"(?:\\(?:text|textbf|textrm|mathrm|mbox)\s*\{\s*[^{}\\:]{2,60}:\s*\}|[A-Za-z][a-z]{2,20}(?: [A-Za-z]{1,20}){0,6}:)\s*(?=[\d\\$({\[+.-])"
)
_TEXTED = r"(?:\\(?:text|textrm|mathrm|mbox|rm)\s*\{?\s*)?"
_ORDINAL = re.compile(rf"(\d+)\s*(?:\^\s*)?\{{?\s*{_TEXTED}(?:st|nd|rd|th)\s*\}}{{0,2}}$")
_ZH_ORDINAL = re.compile(r"第\s*(\d+)(?=$|\s*[\u4e00-\u9fff]{1,3}$)")


def around(text: str) -> Around:
    """The value of a cleaned answer without its label, its ordinal ending and the declaration behind it."""
    if "np." in text:
        text = text.replace("np.", "")
    if ":" in text and (match := _LABEL.match(text)):
        text = text[match.end() :].strip()
    if text[-1:] in "tdh}" and (match := _ORDINAL.match(text)):
        text = match.group(1)
    elif text[:1] == "第":
        text = _ZH_ORDINAL.sub(r"\1", text)
    return _undeclared(text)


# -- declarations
_SAID = re.compile(r"\bfor\s+(?:all|any|every|each|some)\b|\bwhere\b|对(?:任意|所有|一切)的?|其中|\\forall\b")
_OPENING = re.compile(r"(?:[,;(（\[]|\\q?quad|\\(?:text|textrm|mathrm|mbox)\s*\{)$")
_VOCABULARY = re.compile(
    r"(?:\b(?:real|positive|negative|nonnegative|non-negative|natural|whole|rational|complex|arbitrary|fixed|any|an|is|are|integers?|reals"
    r"|numbers?|constants?|and|some|all|every|the|in|of|be|can)\b|整数|正整数|实数|自然数|任意|为|是|的"
    r"|\ba\s+(?=[a-z]{3})|(?<![A-Za-z\\])(?!a\s+[a-z]{3})[A-Za-z](?![A-Za-z])|\\(?:in|mathbb|mathbf|mathrm|text|ge|le|geq|leq|ne|neq|quad|ell)\b"
    r"|[<>=,\s(){}\d+^*_.$-])*$"
)
_NAMES_BEFORE = re.compile(r"(?<![A-Za-z\\{|])[A-Za-z](?:\s?,\s?[A-Za-z])*\s?$")
_SET_BEHIND = re.compile(
    r"\s*(?:\\(?:mathbb|mathbf|mathrm|bf)\s*\{?\s*)?([ZNRQ])\s*\}?((?:[\^_]?\s*\{?[+*\d]\}?)*)\s*[)）]?$"
)
_NAME = re.compile(r"(?<![A-Za-z\\])([A-Za-z])(?:_\d)?(?![A-Za-z])")
_SET = re.compile(r"([ZNRQ])\s*\}?((?:[\^_]\s*\{?[+*\d]\}?)*)")


def _undeclared(text: str) -> Around:
    if len(text) > 600:
        return Around(text)
    match = _SAID.search(text)
    if (
        match
        and _stands_alone(head := _before(text[: match.start()]))
        and _VOCABULARY.match(rest := text[match.end() :])
    ):
        shown = re.sub(r"\ba (?=[a-z]{3})|\\[A-Za-z]+", " ", rest)
        names = frozenset(n for n in _NAME.findall(shown) if n not in "ZNRQ")
        return Around(head, names, _domain(rest))
    return _member(text)


def _member(text: str) -> Around:
    """`…, k \\in \\mathbb{Z}` at the end."""
    at = text.rfind("\\in")
    names = _NAMES_BEFORE.search(text, max(0, at - 30), at) if at > 0 else None
    behind = _SET_BEHIND.match(text, at + 3) if names else None
    if names is None or behind is None or not _stands_alone(head := _before(text[: names.start()])):
        return Around(text)
    bound = frozenset(n.strip() for n in names.group().split(","))
    return Around(head, bound, behind.group(1) + "+" * bool(behind.group(2)))


def _before(head: str) -> str:
    """The value without the comma, the space or the bracket that opens its declaration."""
    while match := _OPENING.search(head := head.rstrip()):
        head = head[: match.start()]
    return head


def _stands_alone(head: str) -> bool:
    """Whether what is left is a value by itself: it has a digit, a sign or letters, and its brackets close."""
    head = head.strip()
    if not any(c.isalnum() for c in head) or head.endswith(("|", ":", "\\mid", "=", "\\{", "{")):
        return False
    return all(head.count(a) == head.count(b) for a, b in ("{}",)) and _balanced(head)


def _balanced(head: str) -> bool:
    """Round and square brackets mix in intervals: they are counted together."""
    opened = head.count("(") + head.count("[")
    return opened == head.count(")") + head.count("]")


def _domain(rest: str) -> str:
    if "integer" in rest or "整数" in rest:
        return "Z" + "+" * ("positive" in rest or "正" in rest)
    if "natural" in rest or "自然" in rest:
        return "N"
    if "real" in rest or "实数" in rest:
        return "R"
    found = _SET.search(rest)
    return found.group(1) + "+" * bool(found.group(2)) if found else ""


# -- numbers
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_SET_BRACE = re.compile(r"\\\{|(?<![A-Za-z}_^\]])\{")
_POINTS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3}){2,}$|[+-]?\d{1,3}(?:'\d{3})+(?:\.\d+)?$")
_EUROPEAN = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+,(?:\d{1,2}|\d{4,})$")
_INDIAN = re.compile(r"[+-]?[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?$")


def joined(text: str) -> str:
    """Thousands separators outside brackets joined: `64,800`, `1.234.567`, `1'234`."""
    if _POINTS.match(text):
        return text.replace(".", "") if "'" not in text else text.replace("'", "")
    if "," in text and not any(b in text for b in "([") and not _SET_BRACE.search(text):
        return _GROUPED.sub(lambda m: m.group() if m.group().startswith("0") else m.group().replace(",", ""), text)
    return text


def grouped_elsewhere(text: str) -> str | None:
    """`1.234,56` and `12,34,567` as a number of Europe or India; each may be a list as well."""
    if _EUROPEAN.match(text):
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", "") if _INDIAN.match(text) else None


_REPEATING = re.compile(
    r"(\d*)\.(\d*)(?:\\overline\s*\{(\d{1,40})\}|\\dot\s*\{?(\d)\}?(?:(\d*)\\dot\s*\{?(\d)\}?)?|\((\d{1,40})\))(?![\d(])"
)


def repeating(text: str) -> str:
    """Repeating decimals as fractions: a line, dots, or the cycle in brackets (`0.1(6)`)."""
    if "." in text and ("overline" in text or "dot" in text or text.endswith(")")):
        return _REPEATING.sub(_fraction, text)
    return text


def _fraction(m: re.Match[str]) -> str:
    whole, fixed, line, first, middle, last, bracket = m.groups()
    cycle = bracket or line or (first or "") + (middle or "") + (last or "")
    if not cycle or (bracket and not whole):
        return m.group()
    scale = 10 ** len(fixed)
    value = Fraction(int((whole or "0") + fixed or "0"), scale) + Fraction(int(cycle), scale * (10 ** len(cycle) - 1))
    return f"\\frac{{{value.numerator}}}{{{value.denominator}}}"


_EXPONENT = re.compile(r"(?<![\w.])(\d+)e([+-])([3-9])(?![\w.])")


def scientific(text: str) -> str | None:
    """`3e-6` as a computer writes it, where the letter may be Euler's number too; below a thousand nobody writes it so."""
    if "e" not in text or not _EXPONENT.search(text):
        return None
    return _EXPONENT.sub(r"\1\\times 10^{\g<2>\3}", text)
