"""Work on parquet partitions that every engine shares: cut, number, run a kernel on a piece, split and gather by key."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from mathdata.memory import fitting
from mathdata.types import Frame, Partitions

__all__ = [
    "NUMBER",
    "Kernel",
    "Piece",
    "extent",
    "gather",
    "pieces",
    "rows_in",
    "run_piece",
    "scratch",
    "split_piece",
    "store",
]

Kernel = Callable[[Frame], Frame]

NUMBER = "_n"
"""Column with a row's place in the whole table: what `first` means, whatever the partitioning."""

PIECE_ROWS = 100_000
COMPACT = pl.CompatLevel.oldest()
"""Newer string arrays of a part would bring along the texts of the whole piece."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one parquet file; `start` is the place of its first row in the whole table."""

    file: Path
    offset: int
    rows: int
    start: int

    def read(self) -> Frame:
        return pl.scan_parquet(self.file, glob=False).slice(self.offset, self.rows).collect()


@cache
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="mathdata-", dir=os.environ.get("MATHDATA_SCRATCH")))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


def scratch(base: Path | None = None) -> Path:
    """A new empty folder for partitions: below `base`, else one that goes with this process."""
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="part-", dir=base or _root()))


def rows_in(table: Partitions) -> list[int]:
    from pyarrow.parquet import read_metadata  # a frame never needs it, and it takes as long to import as polars

    return [read_metadata(file).num_rows for file in table.files]


def extent(table: Partitions) -> tuple[int, int]:
    """Rows of a table, and bytes of their values before compression."""
    from pyarrow.parquet import read_metadata

    known = [read_metadata(file) for file in table.files]
    return sum(m.num_rows for m in known), sum(
        m.row_group(i).total_byte_size for m in known for i in range(m.num_row_groups)
    )


def pieces(table: Partitions, *, whole: bool = False) -> list[Piece]:
    """The files of a table, cut into pieces of at most PIECE_ROWS rows unless a kernel needs them whole."""
    made, start = [], 0
    for file, rows in zip(table.files, rows_in(table)):
        step = max(rows, 1) if whole else fitting(PIECE_ROWS)
        for offset in range(0, max(rows, 1), step):
            length = min(step, rows - offset)
            made.append(Piece(file, offset, length, start + offset))
        start += rows
    return made


def store(frame: Frame, path: Path) -> Path:
    """Write a partition so that it stands complete or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    frame.write_parquet(part, compression="lz4", statistics=False, row_group_size=fitting(1 << 16))
    os.replace(part, path)
    return path


def run_piece(piece: Piece, kernel: Kernel, out: Path, numbered: bool) -> Path:
    """One piece through a kernel into its own file. Safe to run twice: same input, same bytes, same name."""
    frame = piece.read()
    if numbered:
        frame = number(frame, piece.start)
    return store(kernel(frame), out)


def number(frame: Frame, start: int = 0) -> Frame:
    return frame.with_columns(pl.int_range(start, start + pl.len(), dtype=pl.Int64).alias(NUMBER))


@dataclass(frozen=True, slots=True)
class Cut:
    """The rows that one piece holds for one part: a span of bytes of a file."""

    part: int
    file: Path
    offset: int
    size: int


def split_piece(piece: Piece, key: str, parts: int, out: Path, before: Kernel | None = None) -> list[Cut]:
    """First half of a shuffle: one file for a piece, however many parts; the rows of each part stand together."""
    frame = piece.read()
    if before:
        frame = before(number(frame, piece.start))
    frame = frame.with_columns((pl.col(key) % parts).cast(pl.Int64).alias("_part"))
    made: list[Cut] = []
    temporary = out.with_suffix(f".{os.getpid()}.part")
    with temporary.open("wb") as file:
        for (part,), rows in sorted(frame.partition_by("_part", as_dict=True, include_key=False).items()):
            start = file.tell()
            packed = io.BytesIO()
            rows.write_ipc(packed, compression="lz4", compat_level=COMPACT)
            file.write(packed.getbuffer())
            made.append(Cut(int(part), out, start, file.tell() - start))  # type: ignore[call-overload]
    os.replace(temporary, out)
    return made


def gather(cuts: Sequence[Cut], out: Path, schema: Frame, after: Kernel | None = None) -> Path:
    """Second half of a shuffle: the rows of one part from all pieces, in order, as one file."""
    frames = [pl.read_ipc(io.BytesIO(_span(cut))) for cut in cuts]
    frame = pl.concat(frames, how="vertical_relaxed", rechunk=True) if frames else schema
    return store(after(frame) if after else frame, out)


def _span(cut: Cut) -> bytes:
    with cut.file.open("rb") as file:
        file.seek(cut.offset)
        return file.read(cut.size)
