"""Text from outside on a terminal: control, format and bidirectional codes become visible and steer nothing."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

__all__ = ["clean", "json_line"]


def clean(text: object, limit: int | None = None) -> str:
    """Text that cannot steer a terminal, cut to `limit` characters.

    >>> clean("a\\x1b[31mb")
    'a␛[31mb'
    """
    given = str(text)[: limit * 4 if limit else None]
    shown = given if given.isascii() and given.isprintable() else "".join(map(_visible, given))
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "…"


def _visible(c: str) -> str:
    if c in "\n\t" or not _steers(c):
        return c
    if ord(c) < 32:
        return chr(0x2400 + ord(c))
    return f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"


def _steers(c: str) -> bool:
    """Control, format (bidirectional marks, tags), surrogate and line-separator codes."""
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def json_line(value: Any) -> str:
    """One line of JSON that means the same and holds no code that steers a terminal: such characters are escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if text.isprintable():
        return text
    return "".join(json.dumps(c)[1:-1] if _steers(c) else c for c in text)
