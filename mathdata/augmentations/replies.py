"""What a teacher's text says: tagged parts, JSON, a refusal; and what a proving teacher filled in itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mathdata.types import Completion, Row

__all__ = ["failed", "from_data", "json_part", "proved", "tagged"]

_FINISH = {
    "unsupported": "unsupported",
    "length": "truncated",
    "filter": "refused",
    "refused": "refused",
    "empty": "empty",
    "error": "pending-server",
}


def failed(completion: Completion) -> Row | None:
    """The row that says why there is no answer, or None where there is one.

    >>> failed(Completion("", finish="length"))["reject"]
    'truncated'
    """
    word = _FINISH.get(completion.finish)
    if word is None and not completion.text.strip() and not proved(completion):
        word = "empty"
    if word is None:
        return None
    if word == "pending-server" and completion.reason.startswith("budget"):
        word = "pending-budget"
    why = completion.reason or f"the answer ended with '{completion.finish}'"
    return {"reject": word, "reject_why": why}


def proved(completion: Completion) -> bool:
    """Whether a proving teacher filled in fields itself; log-probabilities are no proof."""
    return any(name != "logprobs" for name in completion.data)


def from_data(completion: Completion) -> Row | None:
    """The row a proving teacher made, with its proof behind it; None for a teacher that answers in text."""
    if not proved(completion):
        return None
    return {k: completion.data[k] for k in ("problem", "solution", "answer", "exact") if k in completion.data}


def tagged(text: str, tag: str) -> str | None:
    """What stands between <tag> and </tag> (or the end), the last such part; None where there is none."""
    start = text.rfind(f"<{tag}>")
    if start < 0:
        return None
    start += len(tag) + 2
    end = text.find(f"</{tag}>", start)
    return text[start : end if end >= 0 else len(text)].strip() or None


def json_part(text: str) -> Mapping[str, Any] | None:
    """The JSON object of a reply: alone, in a code fence, or after other words. None where there is none."""
    text = text.strip()
    start = text.find("{")
    while 0 <= start < 20_000:
        try:
            value, _ = json.JSONDecoder().raw_decode(text, start)
            return value if isinstance(value, dict) else None
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
    return None
