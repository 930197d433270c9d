"""The boxes of a response: `\\boxed{}` and `\\fbox{}`, nested braces, several parts of one answer, one cut off."""

from __future__ import annotations

import re

from mathdata.verifiers.found import Extraction, last_match, stretch

__all__ = ["boxed", "cut_off", "tagged"]

_BOX = re.compile(r"\\(?:boxed|fbox|beginboxed|framebox)\s*(?=[{\dA-Za-z])")


def boxed(text: str, start: int) -> Extraction | None:
    """The last box; boxes with only `,`, `and` or `or` between them are parts of one answer."""
    if "box" not in text:
        return None
    marks = list(_BOX.finditer(text, start))[-MAX_BOXES:]
    parts: list[tuple[int, int, int, int]] = []
    for match in reversed(marks):
        inside = _inside(text, match.end())
        if inside is None:
            continue
        if parts:
            between = text[inside[2] : parts[0][0]]
            if len(between) > 40 or not _JOINED.fullmatch(between):
                break
        parts.insert(0, (match.start(), *inside))
    if not parts:
        return None
    values = list(dict.fromkeys(text[b[1] : b[2]].strip() for b in parts))
    if len(values) == 1:
        return stretch(text, "boxed", parts[-1][1], parts[-1][2])
    return Extraction(", ".join(values), "boxed", (parts[0][1], parts[-1][2]))


MAX_BOXES = 60
"""Boxes looked at, from the last one back: a text of boxes that never close must not cost the square of its length."""
_JOINED = re.compile(
    r"(?:[\s$,;&]|\\[()\[\],;:!]|\\text\s*\{\s*(?:and|or|,)\s*\}|\\q?quad|\band\b|\bor\b|和|或|[a-zA-Z]\s*=)*"
)


def _inside(text: str, at: int) -> tuple[int, int, int] | None:
    """(begin, end, after) of what a box holds; None where it is never closed."""
    if text[at] != "{":
        end = at + 1
        while end < len(text) and text[end].isdigit() and text[at].isdigit():
            end += 1
        return at, end, end
    depth = 0
    for match in _BRACE.finditer(text, at, min(len(text), at + 20_000)):
        sign = match.group()
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                return at + 1, match.start(), match.end()
    return None


_BRACE = re.compile(r"\\\\|\\[{}]|[{}]")


def cut_off(text: str, start: int) -> bool:
    """Whether the last box was never closed: then no earlier one stands for it."""
    if "box" not in text:
        return False
    match = last_match(_BOX, text, start)
    return match is not None and text[match.end()] == "{" and _inside(text, match.end()) is None


def tagged(text: str, start: int) -> Extraction | None:
    """What stands between the last `<answer>` and `</answer>`."""
    end = text.rfind("</answer>")
    begin = text.rfind("<answer>", start, max(end, start))
    if begin < 0:
        return None
    begin += len("<answer>")
    return boxed(text[:end], begin) or stretch(text, "<answer>", begin, end)
