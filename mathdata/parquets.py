"""Parquet in bounded memory: a dictionary or a shared prefix can make gigabytes of a file of a kilobyte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mathdata.bounds import BOMB_BYTES, BOMB_RATIO, bomb
from mathdata.errors import DataError
from mathdata.types import Frame

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

__all__ = ["parquet_frames", "read_parquet"]

ROWS = 1 << 17
"""Rows read at once, where they are known to be small."""
FEW = 64
"""Rows read at once of an encoding whose sizes nothing tells before."""
ROW_BYTES, VALUE_BYTES = 64, 8
"""What a row costs that holds nothing (its id alone is longer), and a value inside a list."""
BATCH = 64 << 20
"""Bytes of text handed on at once."""


def parquet_frames(path: Path) -> Iterator[Frame]:
    """The file in frames of bounded size, at least one; nested columns as polars has them.

    Raises DataError where it is no parquet file, or grows to more than BOMB_RATIO times its size.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            check_declared(path, file.metadata)
            check_names(file.schema_arrow)
            empty = plain_text(pl.DataFrame(pl.from_arrow(file.schema_arrow.empty_table())))
            coded, rows = as_dictionary(path, file)
        given, most = 0, growth_limit(path)
        with parquet.ParquetFile(path, read_dictionary=coded) as file:
            for batch in file.iter_batches(rows):
                for part, size in pieces(batch):
                    given += size
                    if given > most:
                        raise bomb(path)
                    yield plain_text(pl.DataFrame(pl.from_arrow(part)))
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as e:
        if isinstance(e, OSError) and e.errno is not None:
            raise
        raise DataError(f"{path}: not a readable parquet file: {flat(e)}", "write it again") from e
    if not given:
        yield empty


def check_names(fields: Iterable[pa.Field]) -> None:
    """Names and notes of a schema are text: polars panics where they are not. Raises UnicodeDecodeError."""
    for field in fields:
        _ = field.name
        for key, note in (field.metadata or {}).items():
            key.decode()
            note.decode()
        check_names(field.type.field(i) for i in range(getattr(field.type, "num_fields", 0)))


def read_parquet(path: Path) -> Frame:
    """A whole file as one frame, under the same limits."""
    return pl.concat(list(parquet_frames(path)), how="vertical_relaxed")


def flat(error: BaseException) -> str:
    from mathdata.lines import shown

    return shown(str(error), 160)


def growth_limit(path: Path) -> int:
    return max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size)


def check_declared(path: Path, metadata: Any) -> None:
    """What the file says of itself is within the limits: rows without bytes, pages that grow. Raises DataError."""
    groups = [metadata.row_group(g) for g in range(metadata.num_row_groups)]
    declared = sum(group.total_byte_size for group in groups)
    repeated = [n for n in range(metadata.num_columns) if metadata.schema.column(n).max_repetition_level]
    inner = sum(group.column(n).num_values for group in groups for n in repeated)
    if max(metadata.num_rows * ROW_BYTES, declared, inner * VALUE_BYTES) > growth_limit(path):
        raise bomb(path)


def as_dictionary(path: Path, file: parquet.ParquetFile) -> tuple[list[str], int]:
    """(leaf columns to read undecoded, rows to read at once).

    A column whose longest dictionary value, times the rows of a batch, is small is decoded at once; others are read as
    codes, so that their size is known before there is any text.
    """
    longest = longest_values(path, file)
    if None in longest.values():
        return [], FEW
    coded, room = [], 4 * BATCH // ROWS
    for name, size in sorted(longest.items(), key=lambda item: (item[1], item[0])):
        room -= size or 0
        if room < 0:
            coded.append(name)
    return coded, ROWS


def longest_values(path: Path, file: parquet.ParquetFile) -> dict[str, int | None]:
    """Leaf column -> bytes of its longest dictionary value in any row group; None where values share prefixes."""
    from pyarrow import parquet

    found: dict[str, int | None] = {}
    metadata = file.metadata
    for number in range(metadata.num_columns):
        name = file.schema.column(number).path
        if file.schema.column(number).physical_type != "BYTE_ARRAY":
            continue
        chunks = [metadata.row_group(g).column(number) for g in range(metadata.num_row_groups)]
        groups = [g for g, chunk in enumerate(chunks) if chunk.has_dictionary_page and chunk.num_values]
        if any("DELTA_BYTE_ARRAY" in chunk.encodings for chunk in chunks):
            found[name] = None
        elif groups:
            with parquet.ParquetFile(path, metadata=metadata, read_dictionary=[name]) as one:
                found[name] = max(longest_in(one, group, name) for group in groups)
    return found


def longest_in(file: parquet.ParquetFile, group: int, name: str) -> int:
    """Bytes of the longest value in a column's dictionary; one row is read for it."""
    import pyarrow.compute as pc

    first = next(file.iter_batches(1, row_groups=[group], columns=[name]), None)
    sizes = [pc.max(pc.binary_length(a.dictionary)).as_py() or 0 for a in dictionaries(first)] if first else []
    return int(max(sizes, default=0))


def dictionaries(batch: pa.RecordBatch) -> Iterator[Any]:
    """Every dictionary array of text in a batch, in nested columns too."""
    for column in batch.columns:
        yield from inside(column)


def inside(array: Any) -> Iterator[Any]:
    from pyarrow import types

    if types.is_dictionary(array.type):
        value = array.type.value_type
        if types.is_string(value) or types.is_large_string(value) or types.is_binary(value):
            yield array
    elif types.is_struct(array.type):
        for part in array.flatten():
            yield from inside(part)
    elif types.is_list(array.type) or types.is_large_list(array.type) or types.is_map(array.type):
        yield from inside(array.flatten() if not types.is_map(array.type) else array.items)


def text_bytes(batch: pa.RecordBatch) -> int:
    """Bytes of a batch with its dictionaries written out."""
    import pyarrow.compute as pc

    size = 0
    for array in dictionaries(batch):
        lengths = pc.cast(pc.binary_length(array.dictionary), "int64")
        size += pc.sum(pc.take(lengths, array.indices)).as_py() or 0
    return int(size + batch.num_rows)


def pieces(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The batch in parts of at most BATCH bytes of text (or one row), each with its size."""
    size = text_bytes(batch) + batch.nbytes
    if size <= 2 * BATCH or batch.num_rows <= 1 or not any(True for _ in dictionaries(batch)):
        yield batch, size
        return
    half = batch.num_rows // 2
    yield from pieces(batch.slice(0, half))
    yield from pieces(batch.slice(half))


def plain_text(frame: Frame) -> Frame:
    """Dictionaries as the text they stand for."""
    kinds = {name: written_out(kind) for name, kind in frame.schema.items()}
    return frame if kinds == frame.schema else frame.cast(kinds)  # type: ignore[arg-type]


def written_out(kind: Any) -> Any:
    if isinstance(kind, (pl.Categorical, pl.Enum)) or kind in (pl.Categorical, pl.Enum):
        return pl.String
    if isinstance(kind, pl.List):
        return pl.List(written_out(kind.inner))
    if isinstance(kind, pl.Struct):
        return pl.Struct([pl.Field(f.name, written_out(f.dtype)) for f in kind.fields])
    return kind
