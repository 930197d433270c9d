"""File formats as streams of rows with line numbers: JSON lines and arrays, CSV, parquet, saved data sets."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mathdata.errors import DataError, UsageError, nearest
from mathdata.lines import (
    MAX_LINE,
    Broken,
    Parsed,
    bounded,
    check_encoding,
    convert,
    json_lines,
    open_bytes,
    parse_lines,
    shown,
    too_wide,
)
from mathdata.ndjson import TooWide, frame_of

__all__ = ["FORMATS", "Slice", "parts", "resolve"]

FORMATS = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv")
PACKED = (".gz", ".zst", ".zstd")
WHOLE = 2 << 30
"""A format that must be read whole (JSON array, CSV) may have this many bytes."""
WRAPPERS = ("data", "rows", "examples", "instances", "train", "problems", "questions")


@dataclass(frozen=True, slots=True)
class Slice:
    """`train[:10000]`: a split's name and a range of its rows, in numbers or per cent."""

    name: str | None = None
    start: str = ""
    stop: str = ""

    @classmethod
    def parse(cls, text: str) -> Slice:
        found = re.fullmatch(r"([\w.-]+)?(?:\[(-?\d*%?):(-?\d*%?)\])?", text)
        if not found or not text:
            raise UsageError(f"split={text}: not a split", "write for example ?split=train or ?split=train[:10000]")
        return cls(found[1], found[2] or "", found[3] or "")

    @property
    def text(self) -> str:
        return (self.name or "train") + (f"[{self.start}:{self.stop}]" if self.whole_is_cut else "")

    @property
    def whole_is_cut(self) -> bool:
        return bool(self.start or self.stop)

    @property
    def first(self) -> int | None:
        """How many rows from the start are enough; None = all must be read."""
        plain = self.stop.isdigit() and (not self.start or self.start.isdigit())
        return int(self.stop) if plain else None

    def cut(self, frame: pl.DataFrame) -> pl.DataFrame:
        start, stop = (self._number(t, frame.height) for t in (self.start, self.stop))
        return frame[slice(start, stop)] if self.whole_is_cut else frame

    @staticmethod
    def _number(text: str, total: int) -> int | None:
        if not text:
            return None
        return round(int(text[:-1] or 0) * total / 100) if text.endswith("%") else int(text)


def suffix_of(path: Path) -> str:
    """The format's suffix, under the compression's."""
    return (Path(path.stem).suffix if path.suffix in PACKED else path.suffix).lower()


def resolve(path: Path, cut: Slice) -> Path:
    """The file or saved data set that a path and a split name. Raises DataError, naming what is there."""
    if not path.exists():
        raise DataError(f"{path}: no such file", missing_hint(path))
    if path.is_dir() and (path / "dataset_dict.json").is_file():
        return saved_split(path, cut)
    if not path.is_dir() or (path / "state.json").is_file():
        return path
    files = data_files(path)
    named = [p for p in files if cut.name and p.name.partition(".")[0] == cut.name]
    if len(named) == 1:
        return named[0]
    listed = ", ".join(p.name for p in files[:8]) or "no data files"
    raise DataError(
        f"{path}: a folder, not a file (it holds {listed})", f"name a file: {files[0] if files else path / 'FILE'}"
    )


def data_files(folder: Path) -> list[Path]:
    """The files of rows in a folder; of a run's folder its tables alone, the curated rows first."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and suffix_of(p) in FORMATS)
    curated = folder / "curated.parquet"
    if curated not in files:
        return files
    return [curated, *(p for p in files if p.suffix == ".parquet" and p != curated)]


def missing_hint(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    found = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    hint = nearest(path.name, found)
    return hint if hint.startswith("did") else f"look with: ls {folder}"


def saved_split(path: Path, cut: Slice) -> Path:
    splits = [str(s) for s in json.loads((path / "dataset_dict.json").read_text())["splits"]]
    if cut.name in splits:
        return path / str(cut.name)
    if cut.name is None and len(splits) == 1:
        return path / splits[0]
    raise DataError(
        f"{path}: a saved data set with the splits {', '.join(splits)}", f"choose one: {path}?split={splits[0]}"
    )


def parts(path: Path) -> Iterator[Parsed]:
    """The rows of a file or of a saved data set, in order. Raises DataError where it is not what it claims."""
    if path.is_dir():
        yield from saved_parts(path)
        return
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty", "check the step that wrote it")
    kind = suffix_of(path)
    if kind == ".parquet":
        yield from parquet_parts(path)
    elif kind in (".csv", ".tsv"):
        yield csv_part(path, "\t" if kind == ".tsv" else ",")
    elif kind in (".json", ".jsonl", ".ndjson"):
        yield from array_parts(path) if is_array(path) else json_lines(path)
    else:
        raise DataError(
            f"{path}: unknown format '{path.suffix}'", f"known: {', '.join(FORMATS)}, each also as .gz or .zst"
        )


def is_array(path: Path) -> bool:
    """A JSON array, or one object over several lines, rather than JSON lines."""
    with open_bytes(path) as f:
        head = check_encoding(path, f.read(1 << 16)).lstrip()
    return head.startswith(b"[") or re.match(rb"\{\s*[\r\n]", head) is not None


def read_whole(path: Path) -> bytes:
    with open_bytes(path) as f:
        data = bytearray()
        while more := f.read(16 << 20):
            data += more
            if len(data) > WHOLE:
                raise DataError(
                    f"{path}: more than {WHOLE:,} bytes in one piece", "convert it to JSON lines or parquet"
                )
    return check_encoding(path, bytes(data))


def array_parts(path: Path) -> Iterator[Parsed]:
    """The elements of a JSON array, or of the one list inside an object; numbered from 1."""
    try:
        value = json.loads(read_whole(path).decode("utf-8"))
    except UnicodeDecodeError as e:
        raise DataError(
            f"{path}: not UTF-8: byte 0x{e.object[e.start]:02x} at byte {e.start}", guess(path, e.object)
        ) from e
    except RecursionError as e:
        raise DataError(f"{path}: brackets nested too deep", "give one flat object a row") from e
    except ValueError as e:
        raise DataError(f"{path}: not JSON: {e}", "one row a line is safer: .jsonl") from e
    if isinstance(value, dict):
        value = next((value[k] for k in WRAPPERS if isinstance(value.get(k), list)), [value])
    lines = (json.dumps(row, ensure_ascii=True).encode() for row in value)
    if value:
        try:
            yield parse_lines(b"\n".join(lines), 1)
        except TooWide:
            raise too_wide(str(path)) from None


def guess(path: Path, data: bytes) -> str:
    """The likely encoding of bytes that are not UTF-8: Chinese if they read as Chinese, else Latin-1."""
    text = data[: 1 << 20].decode("gb2312", "replace")
    han = [c for c in text if "\u4e00" <= c <= "\u9fff"]
    chinese = len(set(han)) >= 4 and text.count("�") <= 0.05 * len(han)
    return convert(path, "GB18030" if chinese else "ISO-8859-1")


def parquet_parts(path: Path, rows: int = 1 << 17) -> Iterator[Parsed]:
    import pyarrow as pa
    from pyarrow import parquet

    first = 1
    try:
        with parquet.ParquetFile(path) as file:
            empty = pl.DataFrame(pl.from_arrow(file.schema_arrow.empty_table()))
            for batch in file.iter_batches(rows):
                frame = pl.DataFrame(pl.from_arrow(batch))
                yield Parsed(frame, numbers(first, frame.height))
                first += frame.height
    except (pa.ArrowException, OSError) as e:
        if isinstance(e, OSError) and e.errno is not None:
            raise
        raise DataError(f"{path}: not a readable parquet file: {shown(str(e), 160)}", "write it again") from e
    if first == 1:
        yield Parsed(empty, numbers(1, 0))


def numbers(first: int, count: int) -> pl.Series:
    return pl.int_range(first, first + count, dtype=pl.UInt32, eager=True).alias("line")


def saved_parts(path: Path) -> Iterator[Parsed]:
    """A folder of `datasets.save_to_disk`: its Arrow files, read without importing the library."""
    import pyarrow as pa

    state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    first = 1
    for item in state["_data_files"]:
        file = path / Path(item["filename"]).name
        try:
            with pa.memory_map(str(file)) as source:
                frame = pl.DataFrame(pl.from_arrow(pa.ipc.open_stream(source).read_all()))
        except (pa.ArrowException, OSError) as e:
            raise DataError(
                f"{file}: not a readable Arrow file: {shown(str(e), 160)}", "save the data set again"
            ) from e
        yield Parsed(frame, numbers(first, frame.height))
        first += frame.height


def csv_part(path: Path, separator: str) -> Parsed:
    """A table with a header; every cell is text. Ragged rows are broken lines."""
    data = read_whole(path)
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
