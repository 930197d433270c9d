"""Writing tables: atomic, by extension, the same bytes for the same rows; and tables of other libraries."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import polars as pl

from mathdata.errors import DataError, UnknownName, UsageError, nearest
from mathdata.memory import fitting
from mathdata.ndjson import json_column
from mathdata.types import Frame, Partitions, Table

__all__ = ["WRITABLE", "atomic", "atomic_write", "from_object", "lazy", "save", "to_object", "whole_folder"]

WRITABLE = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".json")


LEVEL = 1
"""Of zstd in parquet: on corpora as small as the default level, at two thirds of its time."""
BATCH = 50_000
STATISTICS = {"min": False, "max": False, "distinct_count": False, "null_count": True}
"""The first and last text of a row group in the alphabet tell a reader nothing."""


def kind_of(path: Path) -> str:
    """The format a name asks for. Raises UsageError."""
    name = path.name.lower()
    found = next((k for k in sorted(WRITABLE, key=len, reverse=True) if name.endswith(k)), None)
    if found is None:
        raise UsageError(f"{path}: cannot tell the format from the name", f"end it in one of: {', '.join(WRITABLE)}")
    return found


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A new file in the same folder that takes the name when the block ends well; the mode is what the umask leaves.

    A reader sees the old bytes or the new, never half. Raises UsageError where the name is a link: nothing is written
    through it, and it is not replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    refuse_link(path)
    temp = beside(path)
    os.close(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))
    try:
        yield temp
        with temp.open("rb") as f:
            os.fsync(f.fileno())
        os.replace(temp, path)
    except BaseException as error:
        temp.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno is not None:
            error.filename = str(path)  # of a full disk the system does not say which file it was
        raise


def atomic_write(path: Path, data: str | bytes) -> None:
    """Write beside, flush to disk, rename: a reader sees the old bytes or the new, never half."""
    with atomic(path) as temp:
        temp.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the name, which is free or an empty folder's, when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    refuse_link(path)
    temp = beside(path)
    temp.mkdir()
    try:
        yield temp
        os.replace(temp, path)
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def beside(path: Path) -> Path:
    """A name in the same folder that nobody can guess; a run takes away what a killed one left under such names."""
    return path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}.part")


def refuse_link(path: Path) -> None:
    """Raises UsageError for a link: whoever made it could have us write anywhere; and for a device or a pipe."""
    if path.is_symlink():
        raise UsageError(f"{path} is a link to {os.readlink(path)}", "name the file itself; no link is written through")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UsageError(f"{path} is a device or a pipe", "name a file; no other thing is replaced by one")


def refuse_links(folder: Path) -> None:
    """Raises UsageError where something in the folder leads out of it: the libraries that write there would follow.

    The steps and answers that the points of a sweep share, in the folder of the sweep, are ours.
    """
    shared = {folder.resolve().parents[1] / name for name in ("steps", "journal.sqlite")} if folder.exists() else set()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not (path.resolve().is_relative_to(folder.resolve()) or path.resolve() in shared):
            raise UsageError(
                f"{path} leads out of its folder, to {os.readlink(path)}", "take it away, or name another --out"
            )


def no_link(path: str, flags: int) -> int:
    """`open(path, "a", opener=no_link)`: for files that grow; a link is an error of the system."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def lazy(table: Table) -> pl.LazyFrame:
    """The rows without reading them yet."""
    if isinstance(table, Partitions):
        return pl.scan_parquet(list(table.files), missing_columns="insert")
    return table.rechunk().lazy()


def save(table: Table | pl.LazyFrame, path: Path, csv_safe: bool = False) -> Path:
    """Write a table to `path`; a reader sees the old bytes or the new, never half.

    With `csv_safe` no cell of a .csv begins like a formula. Raises UsageError where the file is none.
    """
    kind = kind_of(path)
    if csv_safe and kind != ".csv":
        raise UsageError(f"{path}: csv_safe is for a .csv alone", "leave it out, or end the name in .csv")
    rows = table if isinstance(table, pl.LazyFrame) else lazy(table)
    with atomic(path) as temp:
        try:
            if kind == ".parquet":
                save_parquet(rows, temp)
            elif kind == ".json":
                temp.write_text(rows.collect().write_json(), encoding="utf-8")
            else:
                save_lines(rows, temp, kind, csv_safe)
        except pl.exceptions.ComputeError as e:
            raise DataError(f"{path}: cannot be written: {e}", "check the free space, or choose another format") from e
    return path


def save_parquet(rows: pl.LazyFrame, temp: Path) -> None:
    rows.sink_parquet(temp, row_group_size=fitting(1 << 16), compression_level=LEVEL, statistics=STATISTICS)


FORMULA = r"^[\s\x00]*[=+\-@＝＋－＠]|^[\t\r]"
"""How a cell begins that a spreadsheet runs; full-width signs are read as plain ones by some."""


def without_formulas(frame: Frame) -> Frame:
    """Text cells that begin like a formula with an apostrophe before them, which spreadsheets take for 'this is text'."""
    text = pl.col(pl.String)
    return frame.with_columns(pl.when(text.str.contains(FORMULA)).then(pl.lit("'") + text).otherwise(text).name.keep())


def save_lines(rows: pl.LazyFrame, temp: Path, kind: str, csv_safe: bool) -> None:
    """JSON lines or CSV, in batches; a table without rows still has its header."""
    schema = rows.collect_schema()
    nested = [c for c, t in schema.items() if t.is_nested()]
    with opened(temp, kind) as f:
        if kind == ".csv":
            header = pl.DataFrame([list(schema)], schema=[str(n) for n in range(len(schema))], orient="row")
            (without_formulas(header) if csv_safe else header).write_csv(f, include_header=False)
        for frame in rows.collect_batches(chunk_size=BATCH):
            if kind == ".csv":
                plain = frame.with_columns(json_column(frame[c]) for c in nested)
                (without_formulas(plain) if csv_safe else plain).write_csv(f, include_header=False)
            else:
                frame.write_ndjson(f)


@contextmanager
def opened(temp: Path, kind: str) -> Iterator[IO[bytes]]:
    """The file to write lines to; compressed without a time stamp, so that equal rows are equal bytes."""
    with temp.open("wb") as raw:
        if kind.endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as f:
                yield f  # type: ignore[misc]
        elif kind.endswith(".zst"):
            import zstandard

            with zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as f:
                yield f  # type: ignore[misc]
        else:
            yield raw


def from_object(item: Any) -> Frame:
    """A polars, pandas or `datasets` table, or a list of dicts, as a frame. Raises UsageError."""
    module = type(item).__module__.partition(".")[0]
    if isinstance(item, pl.DataFrame):
        return item
    if isinstance(item, pl.LazyFrame):
        return item.collect()
    if module == "pandas" and hasattr(item, "columns"):
        return pl.from_pandas(item)
    if module == "datasets":
        return from_datasets(item)
    if module == "pyarrow":
        return pl.DataFrame(pl.from_arrow(item))
    if isinstance(item, (list, tuple)) and all(isinstance(r, dict) for r in item):
        return pl.DataFrame(list(item), infer_schema_length=None, strict=False)
    raise UsageError(
        f"cannot read a {type(item).__name__}", "give a path, a polars, pandas or datasets table, or a list of dicts"
    )


def from_datasets(item: Any) -> Frame:
    if isinstance(item, dict):
        raise UsageError(
            f"a DatasetDict with the splits {', '.join(item)}", f"choose one: read(data['{next(iter(item), '')}'])"
        )
    if hasattr(item, "flatten_indices"):
        return pl.DataFrame(pl.from_arrow(item.flatten_indices().data.table))
    return pl.DataFrame(list(item), infer_schema_length=None, strict=False)


def to_object(table: Any, kind: str) -> Any:
    """The rows as another library's table. Raises UnknownName."""
    frame = lazy(table).collect()
    if kind == "polars":
        return frame
    if kind == "pandas":
        return frame.to_pandas()
    if kind == "datasets":
        from datasets import Dataset

        return Dataset(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    raise UnknownName(f"write: no table kind '{kind}'", nearest(kind, ("polars", "pandas", "datasets")))
