"""What an answer text means: its tree, or a text answer, or the reason why it cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mathdata.verifiers.amounts import amount, other_reading
from mathdata.verifiers.cleaning import clean
from mathdata.verifiers.lexer import TooLong, Unreadable
from mathdata.verifiers.parser import parse
from mathdata.verifiers.spellings import around, grouped_elsewhere, joined, repeating, scientific
from mathdata.verifiers.trees import Tree, number
from mathdata.verifiers.units import is_unit
from mathdata.verifiers.wording import number_of, text_form

__all__ = ["Value", "read_value"]


@dataclass(frozen=True, slots=True)
class Value:
    """`tree` is None where the text is no mathematics this parser reads; `why` says so, `text` stands for it."""

    source: str
    cleaned: str
    tree: Tree | None
    why: str = ""
    other: Tree | None = None
    """A second reading, where a spelling means two things (1,22 is a list or a decimal)."""
    beyond: bool = False
    """Past a limit of length or depth: no slower parser is asked either."""
    bound: frozenset[str] = frozenset()
    """Names the answer declares as any number (`k \\in \\mathbb{Z}`, "for all x"): they may be called otherwise."""
    domain: str = ""

    @property
    def is_text(self) -> bool:
        return self.tree is not None and self.tree[0] == "text"


_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)$")
_DECIMAL_COMMA = re.compile(r"([+-]?\d+),(\d+)(\s*[$€£¥%]?)$")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([ap])\.?\s*m\.?)?$", re.IGNORECASE)
_WHOLE_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|textnormal|mbox|mathrm|mathbf|boxed|fbox)\s*\{([^{}\\]*)\}$")
_BRACED = re.compile(r"\{([^{}]*)\}$")
_BASED = re.compile(r"\{?((?=[0-9A-F]*[A-F])(?=[0-9A-F]*\d)[0-9A-F]{2,60})\}?_\{?\(?([1-3]\d)\)?\}?$")
_POSITIVE = re.compile(r"\\mathbb\s*\{?\s*R\s*\}?\s*[\^_]\s*(?:\{\s*\+\s*\}|\+)$")
_SENTENCES = {
    "infinitely many": "\\infty",
    "无穷多": "\\infty",
    "无数个": "\\infty",
    "all real numbers": "\\mathbb{R}",
    "all reals": "\\mathbb{R}",
    "全体实数": "\\mathbb{R}",
    "一切实数": "\\mathbb{R}",
    "no solution": "\\emptyset",
    "no solutions": "\\emptyset",
    "no real solutions": "\\emptyset",
    "empty set": "\\emptyset",
    "无解": "\\emptyset",
    "空集": "\\emptyset",
}
_PARTS = re.compile(r"[\d\u4e00-\u9fff]\s*\)?\s*(?:\\text\s*\{\s*)?(?:[A-Za-z\u4e00-\u9fff…⋯]|\.\.\.|, |\\[cl]?dots)")
"""A number with a word or with dots behind it: what an amount in parts needs."""
MAX_WORDS = 400
MAX_TEXT = 6000


@lru_cache(maxsize=16384)
def read_value(text: str) -> Value:
    """The meaning of an answer text; never raises."""
    if len(text) < 18 and _NUMBER.match(text):
        return Value(
            text, text, number(text.lstrip("+-") if text[0] in "+-" else text) if text[0] != "-" else _minus(text)
        )
    if len(text) > MAX_TEXT:
        return Value(text, text.strip(), None, f"longer than {MAX_TEXT:,} characters", beyond=True)
    cleaned = clean(text)
    try:
        return _read(text, cleaned)
    except TooLong as e:
        return Value(text, cleaned, None, str(e), beyond=True)
    except Unreadable as e:
        return _wordy(text, cleaned, str(e))
    except (RecursionError, ValueError, OverflowError) as e:
        return Value(text, cleaned, None, f"cannot be read: {type(e).__name__}", beyond=True)


def _minus(text: str) -> Tree:
    tree = number(text[1:])
    return ("num", -tree[1], tree[2])


def _read(text: str, cleaned: str) -> Value:
    while match := _WHOLE_TEXT.match(cleaned) or _BRACED.match(cleaned):
        inner = clean(match.group(1))
        if inner == cleaned:
            break
        cleaned = inner
    bare = around(cleaned)
    if bare.text != cleaned:
        cleaned = clean(bare.text)
    time = _TIME.match(_unworded(cleaned)) if ":" in cleaned else None
    if time:
        hour, minute, second, half = time.groups()
        return Value(text, cleaned, ("time", int(hour), int(minute), int(second or 0), (half or "").lower()))
    if based := _BASED.match(cleaned.replace("\\text", "").replace("\\mathrm", "")):
        return Value(text, cleaned, ("base", based.group(1).upper(), int(based.group(2))))
    spelled = cleaned and (cleaned[0] not in "\\-0123456789.($" or (cleaned[0].isdigit() and not cleaned.isascii()))
    said = number_of(cleaned) if spelled else None
    if said is not None:
        return Value(text, cleaned, ("num", said, None), other=other_reading(cleaned))
    if cleaned[:1].isalpha() and " " in cleaned and (said_amount := _said_amount(cleaned)):
        return Value(text, cleaned, said_amount)
    if _PARTS.search(cleaned) and (parts := amount(cleaned)):
        return Value(text, cleaned, parts)
    low = cleaned.lower()
    if low in _SENTENCES:
        return Value(text, cleaned, parse(_SENTENCES[low]))
    if "mathbb" in cleaned:
        cleaned = _POSITIVE.sub(r"(0,\\infty)", cleaned)
    prepared = repeating(joined(cleaned)).replace(", dir='+'", "").replace(", dir='-'", ", -1")
    tree = parse(prepared)
    return Value(text, cleaned, tree, other=_second(cleaned, prepared, tree), bound=bare.bound, domain=bare.domain)


def _second(cleaned: str, prepared: str, tree: Tree) -> Tree | None:
    try:
        return _other(cleaned, prepared, tree)
    except Unreadable:
        return None


def _other(cleaned: str, prepared: str, tree: Tree) -> Tree | None:
    """The second reading of a spelling that means two things; the other side of a comparison decides."""
    if "," in cleaned:
        if match := _DECIMAL_COMMA.match(cleaned):
            whole, decimals, unit = match.groups()
            if len(decimals) != 3 or whole.lstrip("+-").startswith("0") or len(whole.lstrip("+-")) > 3:
                return parse(f"{whole}.{decimals}" + (unit.strip() if unit.strip() == "%" else ""))
        if number := grouped_elsewhere(cleaned):
            return parse(number)
        if prepared != cleaned and tree[0] in ("num", "rel", "seq", "unit", "mul"):
            return parse(repeating(cleaned))
    if spelled := scientific(cleaned):
        return parse(joined(spelled))
    return None if cleaned.isascii() else other_reading(cleaned)


def _said_amount(text: str) -> Tree | None:
    """`two hours`: a number in words and its unit."""
    words = text.split()
    for n in range(min(6, len(words) - 1), 0, -1):
        value = number_of(" ".join(words[:n]))
        if value is not None:
            unit = " ".join(words[n:])
            return ("unit", ("num", value, None), unit) if is_unit(words[n].strip(".")) else None
    return None


def _unworded(text: str) -> str:
    return (
        re.sub(r"\\(?:text|mbox|mathrm|textrm|,|;|!|:| )|[{}~]", " ", text)
        .replace(" :", ":")
        .replace(": ", ":")
        .strip()
    )


def _wordy(text: str, cleaned: str, why: str) -> Value:
    """A text answer, where the text has words; else it cannot be read."""
    form = text_form(cleaned)
    letters = sum(c.isalpha() for c in form)
    if form and len(form) <= MAX_WORDS and letters > len(form) / 2 and "frac" not in form:
        return Value(text, cleaned, ("text", form), why)
    return Value(text, cleaned, None, why)
