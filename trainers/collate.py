"""Micro-batches to tensors: padded on the right, or one row without padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from trainers.data import IGNORED, Example
from trainers.order import Order

__all__ = ["Collator", "micros"]


def micros(order: Order) -> Any:
    """The run's micro-batches as the Dataset that TRL wants: their numbers, read in order; the collator holds the rows."""
    from datasets import Dataset

    return Dataset.from_dict({"micro": list(range(len(order.micro)))})


@dataclass
class Collator:
    """`packed`: rows behind one another in a single one, positions counted anew, so that none sees another."""

    examples: Sequence[Example]
    order: Order
    pad: int
    multiple: int = 1
    packed: bool = False

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        rows = [self.examples[i] for item in items for i in self.order.micro[item["micro"]]]
        return self._packed(rows) if self.packed else self._padded(rows)

    def _padded(self, rows: Sequence[Example]) -> dict[str, torch.Tensor]:
        width = -(-max(map(len, rows)) // self.multiple) * self.multiple
        ids = np.full((len(rows), width), self.pad, dtype=np.int64)
        labels = np.full((len(rows), width), IGNORED, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)], labels[i, : len(row)], mask[i, : len(row)] = row.input_ids, row.labels, 1
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            "labels": torch.from_numpy(labels),
        }

    def _packed(self, rows: Sequence[Example]) -> dict[str, torch.Tensor]:
        ids = np.concatenate([r.input_ids for r in rows])
        labels = np.concatenate([(IGNORED, *r.labels[1:]) for r in rows])
        positions = np.concatenate([np.arange(len(r)) for r in rows])
        out = {"input_ids": ids, "labels": labels, "position_ids": positions}
        return {name: torch.from_numpy(values.astype(np.int64))[None] for name, values in out.items()}
