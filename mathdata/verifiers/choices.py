"""The letter of a multiple choice: in a box, behind the words that choose one, or alone; several letters stay together."""

from __future__ import annotations

import re

from mathdata.verifiers.boxes import boxed, tagged
from mathdata.verifiers.cues import pattern
from mathdata.verifiers.found import Extraction, denied, last_match

__all__ = ["letter"]

_LETTER = re.compile(
    r"(?:^|[\s(*:：（{$]|选(?:择|项|出|的是)?|答案(?:是|为)?|(?:应|故)[是为])\(?([A-J])\)?(?=[\s).:,，。、；;!！*）}$]|项|选项|正确|$)"
)


def letter(text: str, start: int) -> Extraction | None:
    """The letter of a multiple choice: in a box, behind the last words that choose one, or the last that stands alone.

    Several letters that are chosen together (`A and C`, `A or B`) are one answer, and none of them alone.
    """
    for finder in (boxed, tagged):
        found = finder(text, start)
        if found and found.value and found.span and (match := _LETTER.search(found.value)) and "*" not in found.value:
            at = max(text.find(found.value, found.span[0]), found.span[0]) + match.start(1)
            if not denied(text, at):
                return _letters(text, at, found.span[1])
    chosen = [m for m in _CHOSEN.finditer(text, start) if not denied(text, m.start(m.lastgroup or 0))]
    if chosen:
        return _letters(text, chosen[-1].start(chosen[-1].lastgroup or 0), len(text))
    if "\\" in text or "$" in text:
        return None
    stated = [
        m for m in _LETTER.finditer(text, start) if not denied(text, m.start(1)) and not _in_reason(text, m.start(1))
    ]
    return _letters(text, stated[-1].start(1), len(text)) if stated else None


_CHOSEN = re.compile(
    r"(?i:\b(?:answers?|(?:correct|right|best)\s+(?:options?|choices?|one))\s*(?:(?:is|are|=|would\s+be|will\s+be|must\s+be|should\s+be)\b|[:：=])"
    r"|\b(?:options?|choices?)\s*(?:is|are)\b|\b(?:choose|pick|select)\b"
    r"|(?:故|应|因此|所以)?选(?:择|项|出|的?是|[:：])?|答案(?:应该?)?(?:是|为|选)?|(?:正确)?选项(?:应该?)?[是为])"
    r"(?:[\s:：*$(（“\"{]|both\b|either\b|then\b|option\b|choice\b|therefore\b|\\(?:text|mathrm|textbf|mathbf|boxed)|\\[(\[])*(?P<a>[A-J])(?![A-Za-z'’])"
    r"|(?<![A-Za-z])\(?(?P<b>[A-J])\)?(?:\s+(?:is|must\s+be)\s+(?:correct|right|true|the\s+(?:correct|right|best|answer))|项?(?:正确|是正确))"
)
_AND_MORE = re.compile(
    r"[)）.}*\s]*(?:,?\s*\b(?:and|or)\b|[,，、;]|和|或者?|及|与)\s*(?:also\s+|option\s+)?[(（*]*([A-J])(?![A-Za-z'’])"
)


def _letters(text: str, at: int, end: int) -> Extraction:
    items, stop = [text[at]], at + 1
    while more := _AND_MORE.match(text, stop, end):
        items.append(more.group(1))
        stop = more.end()
    if len(items) > 1 and _FAIL.match(text, stop, end):
        items, stop = items[:1], at + 1
    if len(items) == 1:
        return Extraction(items[0], "letter", (at, stop))
    return Extraction(", ".join(items), "letter", (at, stop), kind="alternatives")


_FAIL = re.compile(r"[)）.\s]*(?:都|均)?(?:不|错|fail|(?:is|are)\s+(?:not|wrong|false|incorrect))")


def _in_reason(text: str, at: int) -> bool:
    """Whether a reason stands between the beginning of the sentence and this place."""
    begin = max(text.rfind(mark, 0, at) for mark in (". ", "\n", "。", "; ")) + 1
    reason = last_match(pattern("aside"), text, begin, at)
    return reason is not None and any(c.isalnum() for c in text[begin : reason.start()])
