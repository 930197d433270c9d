"""Rows as the model will see them: tokens coloured by whether they are learnt, and what preflight finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathdata.trainspec import TrainSpec
from mathdata.types import Frame
from trainers.data import IGNORED, Example

__all__ = ["look", "paint"]

LEARNT, SEEN, PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[0m"


def look(
    frame: Frame, spec: TrainSpec, count: int, *, evaluate: Mapping[str, Any] | None = None, colour: bool = True
) -> dict[str, Any]:
    """The first rows, tokenised; the findings over all rows."""
    from trainers.sft import prepare

    ready = prepare(frame, spec, evaluate=evaluate)
    rows = ready.examples[:count]
    painted = "\n\n".join(paint(row, ready.tokenizer, colour) for row in rows)
    found = ready.preflight.summary()
    words = [
        f"{'allowed' if f['allowed'] else 'refused' if f['refuses'] else 'note'}: {f['message']}"
        for f in found["findings"]
    ]
    return {
        "rows": [{"id": r.id, "input_ids": list(r.input_ids), "labels": list(r.labels)} for r in rows],
        "preflight": found,
        "text": "\n".join([painted, "", *(words or ["preflight: nothing found"])]),
    }


def paint(row: Example, tokenizer: Any, colour: bool = True) -> str:
    """Learnt tokens green, read-only ones dim; without colour, learnt ones stand in [brackets]."""
    pieces = [clean(tokenizer.decode([t])) for t in row.input_ids]
    learnt = sum(label != IGNORED for label in row.labels)
    head = f"row {row.id}: {len(row)} tokens, {learnt} learnt"
    if colour:
        body = "".join((LEARNT if k != IGNORED else SEEN) + p + PLAIN for p, k in zip(pieces, row.labels))
    else:
        body = "".join(f"[{p}]" if k != IGNORED else p for p, k in zip(pieces, row.labels))
    return f"{head}\n{body}"


def clean(text: str) -> str:
    """Control codes from rows never reach the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
