"""JSON lines as a frame, in bounded memory: wide objects and kinds that do not go together become JSON text."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import polars as pl

from mathdata.types import Frame

__all__ = ["MAX_COLUMNS", "TooWide", "Wide", "flat", "frame_of", "json_column", "pieces_of", "table"]

STEP = 2048
"""Lines read at once: a key of its own in every line would make lines x lines cells."""
HEAD = 1 << 16
"""Bytes of a block that tell how wide it is."""
MAX_COLUMNS = 1000
MAX_FIELDS = 200
"""A column of objects with more fields than this (keyed by an id, say) becomes JSON text."""


class TooWide(Exception):
    """More than MAX_COLUMNS columns."""


class Wide(Exception):
    """Columns whose objects have too many fields."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self.names = names


def flat(data: bytes, height: int) -> Frame | None:
    """A block of so many lines in one pass where its first lines tell every key and kind of the others; None where they do not.

    Polars leaves out keys that the schema has not: as many keys in the bytes as there are cells, none of
    them null, prove that there was none.
    """
    head = data[: data.rfind(b"\n", 0, HEAD) + 1] or data
    try:
        schema = pl.read_ndjson(head, infer_schema_length=None).schema
        if len(schema) > MAX_COLUMNS or len(schema) * height * 5 > len(data):
            return None  # a key takes five bytes: not every line has all of these
        frame = pl.read_ndjson(data, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    if any(t.is_nested() for t in frame.dtypes) or any(frame.null_count().row(0)):
        return None
    if any(frame.select(pl.col(pl.String).str.contains("\0", literal=True).any()).row(0)):
        return None  # a zero byte, or what polars makes of half a surrogate pair
    cells = frame.height * frame.width
    if not cells:
        return None
    # A quote inside a text is escaped: only keys end in a quote before a colon.
    extra = data.count(b'":') - cells
    return frame if extra == 0 or extra == data.count(b'\\":') else None


def frame_of(lines: Sequence[bytes]) -> Frame:
    """Lines that are JSON objects as a frame. Raises TooWide, and polars' errors for what it does not take."""
    if not lines:
        return pl.DataFrame()
    try:
        return table(pieces_of(lines))
    except Wide as wide:
        names = wide.names
    except pl.exceptions.PolarsError:
        names = ()
    return table(pieces_of(with_text(lines, names)), last=True)


def pieces_of(lines: Sequence[bytes]) -> list[bytes]:
    return [b"\n".join(lines[i : i + STEP]) + b"\n" for i in range(0, len(lines), STEP)]


def table(pieces: Sequence[bytes], last: bool = False) -> Frame:
    """Pieces of JSON lines as one frame; equal kinds are put together, others are read again as a whole."""
    frames: list[Frame] = []
    fields: dict[str, set[str]] = {}
    for piece in pieces:
        frame = without_empty(pl.read_ndjson(piece, infer_schema_length=None))
        for name, dtype in frame.schema.items():
            fields.setdefault(name, set()).update(paths(dtype))
        if len(fields) > MAX_COLUMNS:
            raise TooWide
        wide = [name for name, found in fields.items() if len(found) > MAX_FIELDS]
        if wide and not last:
            raise Wide(wide)
        frames.append(frame)
    if all(f.schema == frames[0].schema for f in frames):
        return pl.concat(frames)
    return without_empty(pl.read_ndjson(b"".join(pieces), infer_schema_length=None))


def paths(dtype: Any, at: str = "") -> list[str]:
    """The names of all fields inside a kind."""
    if isinstance(dtype, pl.List):
        return paths(dtype.inner, at)
    if not isinstance(dtype, pl.Struct):
        return [at] if at else []
    return [p for f in dtype.fields for p in paths(f.dtype, f"{at}.{f.name}")]


def with_text(lines: Sequence[bytes], names: Collection[str]) -> list[bytes]:
    """The lines with some columns as JSON text: those named, and those whose values are of several kinds."""
    rows = [json.loads(line) for line in lines]
    kinds = kinds_of(rows)
    odd = {n for n, k in kinds.items() if len(k) > 1} | set(names)
    odd |= set() if odd else {n for n, k in kinds.items() if k & {"list", "dict"}}
    return [json.dumps(row | {n: as_text(row[n]) for n in odd if n in row}).encode() for row in rows]


def kinds_of(rows: Sequence[dict[str, Any]]) -> dict[str, set[str]]:
    """Column -> the kinds of its values; numbers go together."""
    made: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None:
                kind = "number" if type(value) in (int, float) else type(value).__name__
                made.setdefault(name, set()).add(kind)
    return made


def as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def json_column(values: pl.Series) -> pl.Series:
    """Values as text, nested ones as JSON."""
    if not values.dtype.is_nested():
        return values.cast(pl.String)
    return pl.Series(values.name, [as_text(v) for v in values.to_list()], pl.String)


def without_empty(frame: Frame) -> Frame:
    """Columns of objects without any field as JSON text: parquet cannot hold them."""
    odd = [n for n, t in frame.schema.items() if t.is_nested() and "Struct({})" in str(t)]
    return frame.with_columns(json_column(frame[n]) for n in odd) if odd else frame
