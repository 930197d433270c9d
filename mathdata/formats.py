"""File formats as streams of rows with line numbers: JSON lines and arrays, CSV, parquet, saved data sets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mathdata.arrays import array_parts, is_array
from mathdata.bounds import read_json, read_small
from mathdata.csvs import csv_parts
from mathdata.errors import DataError, UsageError, nearest
from mathdata.lines import Parsed, json_lines, shown
from mathdata.parquets import parquet_frames

__all__ = ["FORMATS", "Slice", "parts", "resolve"]

FORMATS = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv")
PACKED = (".gz", ".zst", ".zstd")


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
        if path.is_symlink():
            raise DataError(f"{path}: a link that leads nowhere", "name the file itself")
        raise DataError(f"{path}: no such file", missing_hint(path))
    if not (path.is_file() or path.is_dir()):  # a device gives rows without end, a pipe gives them once
        raise DataError(f"{path}: a device or a pipe, not a file", "write its rows to a file and give that")
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
    where = path / "dataset_dict.json"
    told = read_json(read_small(where, "the splits of a saved data set"), str(where))
    listed = told.get("splits") if isinstance(told, dict) else None
    splits = [s for s in listed if isinstance(s, str) and s == Path(s).name] if isinstance(listed, list) else []
    if not splits:
        raise DataError(f"{where}: names no splits", "save the data set again")
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
        yield from csv_parts(path, "\t" if kind == ".tsv" else ",")
    elif kind in (".json", ".jsonl", ".ndjson"):
        yield from array_parts(path) if is_array(path) else json_lines(path)
    else:
        raise DataError(
            f"{path}: unknown format '{path.suffix}'", f"known: {', '.join(FORMATS)}, each also as .gz or .zst"
        )


def parquet_parts(path: Path) -> Iterator[Parsed]:
    first = 1
    for frame in parquet_frames(path):
        yield Parsed(frame, numbers(first, frame.height))
        first += frame.height


def numbers(first: int, count: int) -> pl.Series:
    return pl.int_range(first, first + count, dtype=pl.UInt32, eager=True).alias("line")


def saved_parts(path: Path) -> Iterator[Parsed]:
    """A folder of `datasets.save_to_disk`: its Arrow files, read without importing the library."""
    import pyarrow as pa

    first = 1
    for file in saved_files(path):
        try:
            with pa.memory_map(str(file)) as source:
                frame = pl.DataFrame(pl.from_arrow(pa.ipc.open_stream(source).read_all()))
        except (pa.ArrowException, OSError) as e:
            raise DataError(
                f"{file}: not a readable Arrow file: {shown(str(e), 160)}", "save the data set again"
            ) from e
        yield Parsed(frame, numbers(first, frame.height))
        first += frame.height


def saved_files(path: Path) -> list[Path]:
    """The Arrow files that a saved data set names, all in its own folder. Raises DataError where it names none."""
    text = read_small(path / "state.json", "the state of a saved data set")
    state = read_json(text, str(path / "state.json"))
    listed = state.get("_data_files") if isinstance(state, dict) else None
    names = [item.get("filename") if isinstance(item, dict) else None for item in listed or ()]
    if not names or not all(isinstance(name, str) and Path(name).name for name in names):
        raise DataError(f"{path / 'state.json'}: names no data files", "save the data set again")
    files = [path / Path(str(name)).name for name in names]
    if lost := [file for file in files if not file.is_file()]:
        raise DataError(f"{lost[0]}: no such file, though state.json names it", "save the data set again")
    return files
