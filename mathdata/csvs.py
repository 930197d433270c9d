"""CSV and TSV as blocks of whole records: quoted line breaks, ragged rows, bytes that are not UTF-8."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from mathdata.errors import DataError
from mathdata.lines import MAX_LINE, Broken, Parsed, bounded, check_encoding, guess, open_bytes, too_wide
from mathdata.ndjson import MAX_COLUMNS, frame_of

__all__ = ["csv_parts"]

BLOCK = 32 << 20


def csv_parts(path: Path, separator: str, size: int = BLOCK) -> Iterator[Parsed]:
    """A table with a header; every cell is text. Ragged rows are broken lines. Raises DataError."""
    header, line = b"", 1
    for block in record_blocks(path, size):
        if not header:
            header = block[: end_of_record(block)]
            check_width(path, header, separator)
            yield csv_part(path, block, separator)
        else:
            part = csv_part(path, header + block, separator)
            lines = part.lines + (line - 1 - header.count(b"\n"))
            broken = tuple(Broken(b.line + line - 1 - header.count(b"\n"), b.why, b.text) for b in part.broken)
            yield Parsed(part.frame, lines, broken)
        line += block.count(b"\n")


def check_width(path: Path, header: bytes, separator: str) -> None:
    """Before a frame is built: columns cost memory even where they are empty. Raises DataError."""
    if len(header) > MAX_LINE:
        raise DataError(f"{path}: the header is longer than {MAX_LINE:,} bytes", "is it a table with a header?")
    if header.count(separator.encode()) >= MAX_COLUMNS:
        csv.field_size_limit(MAX_LINE)
        text = header.decode("utf-8", "surrogateescape")
        if len(next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])) > MAX_COLUMNS:
            raise too_wide(str(path))


def record_blocks(path: Path, size: int) -> Iterator[bytes]:
    """The file in blocks that end with a record: at a line break with an even number of quotes before it."""
    with open_bytes(path) as f:
        rest = check_encoding(path, f.read(size))
        while data := f.read(size):
            rest += data
            cut = last_record(rest)
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > LIMIT:
                raise DataError(
                    f"{path}: a quote is opened and not closed in {LIMIT:,} bytes", "close it, or use JSON lines"
                )
        if rest:
            yield rest


LIMIT = 256 << 20


def last_record(data: bytes) -> int:
    """Bytes up to the end of the last whole record; 0 where none ends. Every byte is counted once."""
    odd, end = data.count(b'"') % 2, len(data)
    while (cut := data.rfind(b"\n", 0, end)) >= 0:
        odd ^= data.count(b'"', cut, end) % 2
        if not odd:
            return cut + 1
        end = cut
    return 0


def end_of_record(data: bytes) -> int:
    """Bytes of the first record."""
    odd, start = 0, 0
    while (cut := data.find(b"\n", start)) >= 0:
        odd ^= data.count(b'"', start, cut) % 2
        if not odd:
            return cut + 1
        start = cut + 1
    return len(data)


def csv_part(path: Path, data: bytes, separator: str) -> Parsed:
    if b"\0" not in data:
        try:
            frame = pl.read_csv(io.BytesIO(data), separator=separator, infer_schema=False, truncate_ragged_lines=False)
        except (pl.exceptions.PolarsError, UnicodeDecodeError):
            pass
        else:
            if separator not in "".join(frame.columns) and not frame.is_empty():
                return Parsed(frame, csv_lines(frame))
    return csv_rows(path, data, separator)


def csv_lines(frame: pl.DataFrame) -> pl.Series:
    """The line each record starts at: cells may hold line breaks, as may the header."""
    breaks = frame.select(pl.sum_horizontal(pl.all().str.count_matches("\n").fill_null(0))).to_series()
    start = 2 + sum(c.count("\n") for c in frame.columns)
    return (breaks + 1).cum_sum().shift(1, fill_value=0).cast(pl.UInt32) + start


def csv_rows(path: Path, data: bytes, separator: str) -> Parsed:
    """Record by record: the wrong number of cells, a zero byte or bytes that are not UTF-8 break a row."""
    csv.field_size_limit(MAX_LINE)
    text = data.decode("utf-8", "surrogateescape")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = csv_header(path, data, next(reader, []))
    good: list[bytes] = []
    lines: list[int] = []
    broken: list[Broken] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as e:
            broken.append(Broken(line, f"not a CSV row: {e}", ""))
            continue
        if not cells:
            continue
        if why := csv_fault(cells, header):
            broken.append(Broken(line, why, bounded(separator.join(cells).encode("utf-8", "surrogateescape"))))
        else:
            good.append(json.dumps({h: c or None for h, c in zip(header, cells)}, ensure_ascii=False).encode())
            lines.append(line)
    frame = (
        frame_of(good)
        if good
        else pl.DataFrame({h: [] for h in header}, schema_overrides=dict.fromkeys(header, pl.String))
    )
    return Parsed(frame, pl.Series("line", lines, dtype=pl.UInt32), tuple(broken))


def csv_header(path: Path, data: bytes, cells: list[str]) -> list[str]:
    """The columns' names, told apart where two are the same. Raises DataError where they are not UTF-8."""
    if any("\ud800" <= c <= "\udfff" for c in "".join(cells)):
        raise DataError(f"{path}: the header is not UTF-8", guess(path, data))
    names: list[str] = []
    for cell in cells:
        names.append(cell if cell not in names else f"{cell}_duplicated_{len(names)}")
    return names


def csv_fault(cells: list[str], header: list[str]) -> str:
    if len(cells) != len(header):
        return f"{len(cells)} cells where the header has {len(header)}"
    whole = "".join(cells)
    if "\0" in whole:
        return "a zero byte"
    odd = next((c for c in whole if "\ud800" <= c <= "\udfff"), None)
    return f"not UTF-8: byte 0x{ord(odd) & 0xFF:02x}" if odd else ""
