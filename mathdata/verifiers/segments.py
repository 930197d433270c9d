"""The formulas of a text, `$…$`, `\\(…\\)`, `\\[…\\]` and alignments, in one pass whatever never closes."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["segments"]

_OPEN = re.compile(r"\\[\\$]|\$\$|\$|\\\(|\\\[|\\begin\{(align\*?|equation\*?|gather\*?|eqnarray\*?)\}")
_CLOSE = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}


def segments(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """(begin, end) of what stands inside each formula."""
    end = len(text) if end is None else end
    never: set[str] = set()
    at = start
    while match := _OPEN.search(text, at, end):
        at = match.end()
        opening = match.group()
        if opening in ("\\\\", "\\$"):
            continue
        closing = f"\\end{{{match.group(1)}}}" if match.group(1) else _CLOSE[opening]
        shut = -1 if closing in never else _find(text, closing, at, end)
        if shut < 0:
            never.add(closing)
        elif shut > at:
            yield at, shut
            at = shut + len(closing)
        else:
            at = shut + len(closing)


def _find(text: str, closing: str, at: int, end: int) -> int:
    shut = text.find(closing, at, end)
    while shut > 0 and text[shut - 1] == "\\" and text[shut - 2 : shut] != "\\\\":
        shut = text.find(closing, shut + 1, end)
    return shut
