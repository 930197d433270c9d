"""Reasoning that stands before an answer, cut from it."""

from __future__ import annotations

import re

__all__ = ["split_thinking"]

_THINK = re.compile(r"\s*<think(?:ing)?>(.*?)</think(?:ing)?>\s*", re.DOTALL)


def split_thinking(text: str) -> tuple[str, str | None]:
    """Text without its leading <think> part, and that part. An unclosed one has no answer after it.

    >>> split_thinking("<think>2 and 2</think>4")
    ('4', '2 and 2')
    """
    if (match := _THINK.match(text)) is not None:
        return text[match.end() :], match.group(1).strip() or None
    head = text.lstrip()
    if head.startswith("<think>"):
        return "", head[7:].strip() or None
    before, closed, after = text.partition("</think>")
    if closed:  # some chat templates open the thinking themselves
        return after.lstrip(), before.strip() or None
    return text, None
