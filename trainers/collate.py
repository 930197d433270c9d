"""Micro-batches to tensors: padded on the right, or one row without padding."""

from __future__ import annotations

import math
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
    """`packed`: rows behind one another in a single one, positions counted anew, so that none sees another.

    `split`: over so many processes is each row divided (sequence parallelism); positions then stand in for the mask.
    """

    examples: Sequence[Example]
    order: Order
    pad: int
    multiple: int = 1
    packed: bool = False
    split: int = 1

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        numbers = [item["micro"] for item in items]
        rows = [self.examples[i] for number in numbers for i in self.order.micro[number]]
        if self.packed:
            return self._packed(rows)
        return self._padded(rows, max(map(len, rows)) if self.split == 1 else self._widest(numbers))

    def _widest(self, numbers: Sequence[int]) -> int:
        """Micro-batches that are read at the same moment are exchanged whole: they have one width."""
        world = self.order.processes * self.split
        beside = {k for n in numbers for k in range(n // world * world, (n // world + 1) * world)}
        return max(int(self.order.lengths[list(self.order.micro[k % len(self.order.micro)])].max()) for k in beside)

    def _padded(self, rows: Sequence[Example], longest: int) -> dict[str, torch.Tensor]:
        multiple = math.lcm(self.multiple, self.split)
        width = -(-longest // multiple) * multiple
        ids = np.full((len(rows), width), self.pad, dtype=np.int64)
        labels = np.full((len(rows), width), IGNORED, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)], labels[i, : len(row)], mask[i, : len(row)] = row.input_ids, row.labels, 1
        out = {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
        if self.split > 1:
            return out | {"position_ids": torch.arange(width).expand(len(rows), width).contiguous()}
        return out | {"attention_mask": torch.from_numpy(mask)}

    def _packed(self, rows: Sequence[Example]) -> dict[str, torch.Tensor]:
        ids = np.concatenate([r.input_ids for r in rows])
        labels = np.concatenate([(IGNORED, *r.labels[1:]) for r in rows])
        positions = np.concatenate([np.arange(len(r)) for r in rows])
        out = {"input_ids": ids, "labels": labels, "position_ids": positions}
        return {name: torch.from_numpy(values.astype(np.int64))[None] for name, values in out.items()}
