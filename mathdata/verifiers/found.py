"""What an extraction rule found: the value, the rule, the place; and how a place is cut out of a text."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Extraction", "denied", "last_match", "may_deny", "stretch"]


@dataclass(frozen=True, slots=True)
class Extraction:
    """`value` is None where there is no answer; `why` then says so. `span` are character offsets in the text.

    `kind` is "" for a value, "comparison" (`bound` is its sign), "range" or "described" for what only qualifies one.
    """

    value: str | None
    rule: str | None = None
    span: tuple[int, int] | None = None
    why: str = ""
    kind: str = ""
    bound: str = ""

    def __bool__(self) -> bool:
        return self.value is not None


def stretch(text: str, rule: str, start: int, end: int) -> Extraction:
    """The stretch without the blank space around it."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Extraction(text[start:end], rule, (start, end))


def last_match(pattern: re.Pattern[str], text: str, start: int, end: int | None = None) -> re.Match[str] | None:
    last = None
    for match in pattern.finditer(text, start, len(text) if end is None else end):
        last = match
    return last


_NOT = re.compile(
    r"(?:(?<!why )\b(?:not|never|cannot|neither)|n['’]t|(?<!是)不是|不为|不等于|不可能[是为]|不会是|并非|而非|不该?选择?|≠|\\neq?)"
    r"(?:\s+(?:be|equal|the|number|option|exactly|equal\s+to))*(?:[\s$*(（\[]|\\[(\[])*(?:\\(?:boxed|fbox)\s*\{)?$",
    re.IGNORECASE,
)


def denied(text: str, at: int) -> bool:
    """Whether what stands at this place is said not to be the answer: `not 12`, `isn't $12$`, `不是12`."""
    before = text[max(0, at - 40) : at]
    return may_deny(before) and _NOT.search(before) is not None


def may_deny(text: str) -> bool:
    """Whether a word of denial can stand here: looked for first, because most answers have none near them."""
    low = text.lower()
    return "n" in low and any(w in low for w in _DENIALS) if low.isascii() else True


_DENIALS = ("not", "n't", "never", "neither", "\\ne")
