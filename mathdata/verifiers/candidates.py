"""The values a stretch of prose names: formulas, numbers with their calculation, tuples; identifiers and labels are none."""

from __future__ import annotations

import re
from typing import NamedTuple

from mathdata.verifiers.amounts import last_amount
from mathdata.verifiers.segments import segments
from mathdata.verifiers.units import is_unit

__all__ = ["Candidate", "candidates", "is_label"]

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_SIGNED = (
    r"(?:(?<![\d)%])[-−－]|(?<!正)负)?\\?[$€£¥￥]?[-−]?(?:"
    + NUMBER
    + r"(?![,，]\d)|\d+,\d{1,2}(?![\d,])|"
    + NUMBER
    + r")"
    r"(?:/\d+(?!\.?\d))?(?:\\?%)?(?:\^\{?\d+\}?|[²³])?"
)
_STARTS = r"(?<![A-Za-z_\\\d.^/])(?<![A-Za-z]\()"
_OPERAND = rf"(?:{_SIGNED}(?:[A-Za-z](?![A-Za-z]))?|(?<![A-Za-z])[A-Za-z](?![A-Za-z])(?:\^\{{?\d+\}}?|[²³])?|√{NUMBER})"
_SIGN = r"(?:[ \t]*(?:\*\*(?=[ \t]?[-\d])|[+*/×÷·=≈＝<>≤≥]|(?<=\S)[-−](?=[-−\d$A-Za-z(]))[ \t]*|[ \t]+[-−](?:[ \t]+|(?=\d[\d.,]*[ \t]*[=＝+*/])))"
_VALUE = re.compile(
    rf"(?P<tuple>[(\[（{{](?:\s*{_SIGNED}\s*[,，])+\s*{_SIGNED}\s*[)\]）}}])"
    rf"|(?P<latex>(?<![\w\\])[\w.+*/^=()-]*\\(?:[A-Za-z]{{2,}})(?:\{{[^\n]{{0,200}}\}}|[^\s,;，。；])*)"
    rf"|(?P<number>{_STARTS}(?:\(?{_OPERAND}\)?{_SIGN}\(?){{0,20}}{_SIGNED}(?:[A-Za-z²³](?![A-Za-z]))?\)?(?:{_SIGN}\(?{_OPERAND}\)?){{0,20}})"
)
_LABEL = re.compile(r"(?<![^\n])[ \t]*(\d{1,3})[.)、](?:(?=[ \t]+\S)|(?=[ \t]*(?:\n|$)))")
_GLUED = re.compile(r"_|\w*\(|\.\w|-[a-z]{3}|[A-Za-z]{0,3}_")


_WORDS_ONLY = re.compile(r"\\(?:text|textbf|mathrm|mbox|boxed|fbox|quad|qquad|therefore|because)\s*(?:\{[^{}\d]*\})?")
_PROSE = re.compile(r"[a-z]{2,},?\s+[a-z]{2,}|[?？]\s")
_REST = re.compile(r"\s?(?:R\s?|…+|\.{3,6}|余)\s?\d+(?![\d.])")


class Candidate(NamedTuple):
    """`start`, `stop`: with the marks around it; `begin`, `end`: the value alone."""

    start: int
    stop: int
    begin: int
    end: int
    kind: str


def candidates(text: str, begin: int, end: int) -> list[Candidate]:
    """In order of place, at most 200; bounded by the caller's stretch of at most some thousand characters."""
    found: list[Candidate] = []
    at = begin
    for inner, shut in segments(text, begin, end):
        if "\\" not in text[inner:shut] and _PROSE.search(text, inner, shut):
            continue  # two amounts of dollars, not a formula
        left = inner - (2 if text[inner - 2 : inner] in ("\\(", "\\[", "$$") else 1)
        if text.startswith("\\begin", max(begin, inner - 16)):
            left = text.rfind("\\begin", begin, inner)
        found += _plain(text, at, left)
        right = min(end, shut + (2 if text[shut : shut + 2] in ("\\)", "\\]", "$$") else 1))
        found.append(Candidate(left, right, inner, shut, "formula"))
        at = right
    found += _plain(text, at, end)
    return found[:200]


def _plain(text: str, begin: int, end: int) -> list[Candidate]:
    out: list[Candidate] = []
    labels = {m.end(1) for m in _LABEL.finditer(text, begin, end) if _is_list_label(text, m)} if begin < end else set()
    for m in _VALUE.finditer(text, begin, end):
        kind = m.lastgroup or "number"
        start, stop = m.span()
        if kind == "latex":
            while (
                stop > start
                and text[stop - 1] in ".!?:)"
                and text[start:stop].count("(") < text[start:stop].count(")") + (text[stop - 1] != ")")
            ):
                stop -= 1
            if not _WORDS_ONLY.fullmatch(text, start, stop):
                out.append(Candidate(start, stop, start, stop, kind))
            continue
        if kind == "number":
            start, stop = _balanced(text, start, stop)
            if start >= stop or _GLUED.match(text, stop, end) or stop in labels:
                continue
            parts = _in_parts(text, begin, start, stop, end)
            if parts and parts[1] >= stop:
                start, stop = parts
            elif rest := _REST.match(text, stop, end):
                stop = rest.end()
            else:
                stop = _with_unit(text, stop, end)
        if out and out[-1].stop > start:
            continue
        out.append(Candidate(start, stop, start, stop, kind))
    return out


def _in_parts(text: str, begin: int, start: int, stop: int, end: int) -> tuple[int, int] | None:
    """`2小时30分钟`, `2 hours 30 minutes`: the whole amount, where the number here is its first part."""
    following = _NEXT_NUMBER.match(text, stop, end)
    if following and (parts := last_amount(text, begin, following.end(), end)) and parts[0] <= start:
        return parts
    return last_amount(text, begin, start, end)


_NEXT_NUMBER = re.compile(r"[ .,]{0,2}[^\W\d]{1,10}[ .,]{0,2}(?:and )?(?=\d)")


def _is_list_label(text: str, m: re.Match[str]) -> bool:
    """`1. First we …`, and a bare `2.` behind it; a response `12.` is no label."""
    if text[m.end() : m.end() + 40].split("\n")[0].strip():
        return True
    before = f"{int(m.group(1)) - 1}{text[m.end(1)]}"
    return text.startswith(before) or f"\n{before}" in text[: m.start()]


def _balanced(text: str, start: int, stop: int) -> tuple[int, int]:
    """Without a bracket that stands alone at an end, nor a letter that is a word of its own (`a`, `I`)."""
    while start < stop and text[start] in "( \n" and text.count("(", start, stop) != text.count(")", start, stop):
        start += 1
    while stop > start and text[stop - 1] in ") \n" and text.count("(", start, stop) != text.count(")", start, stop):
        stop -= 1
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    return start, stop


_UNIT = re.compile(r"\s?(\\?%|[A-Za-z]+(?:/[A-Za-z]+|\^?[23²³])?)(?![\w])|[\u4e00-\u9fff]{1,4}")


def _with_unit(text: str, stop: int, end: int) -> int:
    """The place behind the unit that follows a number, where a known one does."""
    m = _UNIT.match(text, stop, end)
    if m is None:
        return stop
    if m.group(1):
        word = m.group(1)
        return m.end() if is_unit(word) and word not in ("in", "a", "at") else stop
    for n in range(len(m.group()), 0, -1):
        if is_unit(m.group()[:n]):
            return stop + n
    return stop


def is_label(text: str) -> bool:
    """A formula that only names: `n`, `\\angle ABC`, `f(x)`; not a number."""
    bare = text.strip("$ ")
    return not any(c.isdigit() for c in bare) and (
        len(bare) <= 2 or bare.startswith("\\angle") or _CALL.fullmatch(bare) is not None
    )


_CALL = re.compile(r"[A-Za-z]+(?:_\{?\w+\}?)?\s*\([A-Za-z, ]+\)|[A-Z]{2,4}|[A-Za-z]_\{?\w+\}?")
