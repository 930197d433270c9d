"""Rows of inputs as one frame, or as partitions on disk where they are heavy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from mathdata.io import Item, read_items, spill_items
from mathdata.memory import memory
from mathdata.types import Partitions, Table

__all__ = ["is_heavy", "load", "stored"]

IN_MEMORY = 1 / 12
"""Share of the memory that input files may weigh to be read whole: rows weigh several times their text."""
AT_MOST = 384 << 20
"""Bytes of text beyond which rows are spilled however large the memory: ten million must not fill a shared machine."""
PACKED = {".gz": 5, ".zst": 5, ".zstd": 5, ".parquet": 4}
"""How many bytes of text a byte of such a file holds, about."""


def load(items: Sequence[Item], *, spread: bool = False) -> Table:
    """The rows of the inputs: one frame, or partitions on disk where they are heavy or a cluster is to work on them."""
    addresses = (Path(str(i.address).partition("?")[0]) for i in items)
    if not spread and not is_heavy([p for p in addresses if p.is_file()]):
        return read_items(items)
    from mathdata.engines._parts import scratch

    return spill_items(items, scratch())


def stored(file: Path) -> Table:
    """A parquet file of ours as a table: read, or streamed where it is heavy."""
    return Partitions((file,)) if is_heavy([file]) else pl.read_parquet(file)


def is_heavy(files: Sequence[Path]) -> bool:
    """Whether the rows of these files are too many bytes to be held at once."""
    weight = sum(p.stat().st_size * PACKED.get(p.suffix, 1) for p in files)
    return weight > min(memory() * IN_MEMORY, AT_MOST)
