"""Teacher forcing: how many tokens of a reference a model would have written itself, given all before each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["forced"]

ROOM = 1 << 26
"""Logits held at once: 64 million numbers, whatever the vocabulary."""


def forced(
    model: Any, rows: Sequence[tuple[list[int], int]], *, limit: int, device: str, kept: bool
) -> list[tuple[int, int]]:
    """(right, all) reference tokens of each row of (tokens, where the reference begins); (0, 0) where it has no room.

    `kept`: the model takes `logits_to_keep`, so that only the reference's logits are made.
    """
    import torch

    found = [(0, 0)] * len(rows)
    fits = [i for i, (tokens, start) in enumerate(rows) if 0 < start < len(tokens) <= limit]
    order = sorted(fits, key=lambda i: (-len(rows[i][0]), i))
    bare = getattr(model, "module", model)
    head = bare.get_output_embeddings()
    vocabulary = int(bare.config.vocab_size if head is None else head.weight.shape[0])
    with torch.inference_mode():
        while order:
            width = len(rows[order[0]][0])
            size = max(1, min(64, ROOM // (width * vocabulary)))
            part, order = order[:size], order[size:]
            for i, right in zip(part, _right(model, [rows[i] for i in part], width, device, kept)):
                found[i] = (right, len(rows[i][0]) - rows[i][1])
    return found


def _right(model: Any, rows: Sequence[tuple[list[int], int]], width: int, device: str, kept: bool) -> list[int]:
    """Reference tokens that are the model's first choice, for rows of at most `width` tokens, left padded."""
    import torch

    ids = torch.tensor([[0] * (width - len(t)) + t for t, _ in rows], device=device)
    mask = torch.tensor([[0] * (width - len(t)) + [1] * len(t) for t, _ in rows], device=device)
    last = max(len(t) - start for t, start in rows)
    more = {"logits_to_keep": last + 1} if kept else {}
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    said = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, **more).logits
    same = said[:, -last - 1 : -1].argmax(-1) == ids[:, -last:]
    return [int(same[i, last - (len(t) - start) :].sum()) for i, (t, start) in enumerate(rows)]
