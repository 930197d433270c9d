"""Reading and writing: any of the field's formats and layouts in, conforming rows out; every write atomic."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.errors import DataError, UsageError
from mathdata.formats import Slice, parts, resolve
from mathdata.layouts import BLANK, Layout, difficulty, fill_answers, map_columns, normalise, recognise
from mathdata.lines import MAX_LINE, RAW, Broken, Parsed, too_wide
from mathdata.ndjson import MAX_COLUMNS
from mathdata.parents import relink, relink_files
from mathdata.saving import save, to_object
from mathdata.schema import conform
from mathdata.types import Frame, Partitions, Table

__all__ = ["data_root", "keep", "read", "read_chunks", "write"]


def data_root() -> Path:
    """Folder of real data sets: MATHDATA_DATA, else ../shared/data beside the working folder or the repository."""
    if given := os.environ.get("MATHDATA_DATA"):
        return Path(given)
    homes = [h.parent / "shared" / "data" for h in (Path.cwd(), Path(__file__).resolve().parents[1])]
    return next((h for h in homes if h.is_dir()), homes[0])


def keep(table: Table) -> Table:
    """The rows that no stage rejected."""
    if isinstance(table, Partitions):
        from mathdata.registry import build

        kept: Table = build("engine", "local").map(table, keep)
        return kept
    return table.filter(pl.col("reject").is_null()) if "reject" in table.columns else table


@dataclass(frozen=True, slots=True)
class How:
    """`column`: ours -> theirs; `max_broken`: the share of broken lines allowed; `derive`: also fill what follows
    from the text (answer, topic, difficulty)."""

    column: Mapping[str, str] = field(default_factory=dict)
    max_broken: float = 0.05
    derive: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """One input with how it is read; `license` where its rows state none."""

    address: Any
    how: How = field(default_factory=How)
    license: str | None = None


def read(*inputs: Any, column: Mapping[str, str] | None = None, max_broken: float = 0.05, derive: bool = True) -> Frame:
    """Rows of files, folders, `hf://`, `modelscope://`, `builtin:`, `data:` or Python tables, as one frame.

    With `derive` false, answer, topic and difficulty stay null where the file does not state them. Raises DataError,
    SchemaError or UnknownName; a broken line becomes a row with reject `broken-line`.
    """
    if not inputs:
        raise UsageError("nothing to read", "name a file: mathdata.read('raw.jsonl')")
    return read_items([Item(i, How(column or {}, max_broken, derive)) for i in inputs])


def read_items(items: Sequence[Item]) -> Frame:
    """`read`, each input in its own way."""
    inputs = [relink(list(frames)) for frames in inputs_of(items)]
    if len(inputs) == 1:
        return stack(inputs[0])
    return stack(relink(list(chain.from_iterable(inputs))))  # a parent is looked for in its own input first


def inputs_of(items: Sequence[Item]) -> Iterator[Iterator[Frame]]:
    """The frames of each input, in order."""
    labels = distinct([label_of(i.address) for i in items])
    return (frames_of(item, label) for item, label in zip(items, labels))


def frames_of(item: Item, label: str) -> Iterator[Frame]:
    for frame in chunks_of(item.address, label, item.how):
        yield frame if item.license is None else frame.with_columns(pl.col("license").fill_null(item.license))


def read_chunks(
    item: Any, rows: int = 50_000, column: Mapping[str, str] | None = None, max_broken: float = 0.05
) -> Iterator[Frame]:
    """The same rows in frames of at most `rows`, for input larger than memory.

    `parents` stay as the file names them: the rows they mean may be still to come.
    """
    for frame in chunks_of(item, distinct([label_of(item)])[0], How(column or {}, max_broken)):
        yield from frame.iter_slices(rows)


def spill(*inputs: Any, folder: Path, column: Mapping[str, str] | None = None, max_broken: float = 0.05) -> Partitions:
    """The same rows as `read`, as parquet partitions in `folder`: for input larger than memory."""
    return spill_items([Item(i, How(column or {}, max_broken)) for i in inputs], folder)


def spill_items(items: Sequence[Item], folder: Path) -> Partitions:
    """`spill`, each input in its own way."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    kinds: dict[str, set[Any]] = {}
    starts = []
    for frames in inputs_of(items):
        starts.append(len(files))
        for frame in (part for chunk in frames for part in (chunk.iter_slices(100_000) if chunk.height else [chunk])):
            files.append(folder / f"{len(files):06d}.parquet")
            frame.write_parquet(files[-1], compression="lz4", statistics=False)  # read once or twice, then gone
            for name, dtype in frame.schema.items():
                kinds.setdefault(name, set()).add(dtype)
    schema = {name: one_kind(found) for name, found in kinds.items()}
    for file in files:
        if pl.read_parquet_schema(file) != schema:
            save(as_schema(pl.read_parquet(file), schema), file)
    for start, end in pairwise([*starts, len(files)]):
        relink_files(files[start:end])
    if len(starts) > 1:
        relink_files(files)
    return Partitions(tuple(files))


def one_kind(kinds: set[Any]) -> Any:
    """The kind that all of a column's partitions can have: their own where it is one, else text."""
    known = kinds - {pl.Null}
    return known.pop() if len(known) == 1 else pl.String if known else pl.Null


def as_schema(frame: Frame, schema: Mapping[str, Any]) -> Frame:
    """The frame with the columns and kinds of a schema; what must become text does as JSON."""
    from mathdata.ndjson import json_column

    text = [json_column(frame[n]) for n, t in schema.items() if n in frame.columns and t == pl.String]
    lacking = [pl.lit(None).alias(n) for n in schema if n not in frame.columns]
    return frame.with_columns(text).with_columns(lacking).select(pl.col(n).cast(t) for n, t in schema.items())


def write(table: Any, path: str | Path | None = None, *, to: str | None = None, csv_safe: bool = False) -> Any:
    """Write to a file by its extension, or give the table as `polars`, `pandas` or `datasets`.

    With `csv_safe`, cells of a .csv that begin with = + - @ get an apostrophe, so that no spreadsheet runs them.
    """
    if (path is None) == (to is None):
        raise UsageError("write: a path or to=, one of them", "write(rows, 'out.parquet') or write(rows, to='pandas')")
    if to is not None:
        return to_object(table, to)
    return save(table, Path(str(path)), csv_safe)


# --- one input ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """Counts broken lines of one input and stops where they are too many."""

    where: str
    allowed: float
    rows: int = 0
    broken: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, frame: Frame, given: Frame) -> None:
        """Count what broke now; a row that came in rejected, from an earlier stage, is no fault of this file."""
        bad = frame.filter((pl.col("reject") == "broken-line").fill_null(False))
        if given.schema.get("reject_why") == pl.String:
            bad = bad.filter(~pl.col("reject_why").is_in(given["reject_why"].drop_nulls().implode()))
        self.rows += frame.height
        self.broken += bad.height
        self.first += [str(w) for w in bad["reject_why"].head(3 - len(self.first))]
        if self.rows >= 100_000:
            self.check()

    def check(self) -> None:
        if self.rows and self.broken > self.allowed * self.rows:
            share = f"{self.broken} of {self.rows} lines are broken, more than {self.allowed:.0%} allowed"
            raise DataError(f"{self.where}: {share}; {'; '.join(self.first)}", self.hint())

    def hint(self) -> str:
        if any("not UTF-8" in w for w in self.first):
            from mathdata.lines import guess

            path = Path(self.where)
            return guess(path, path.read_bytes()[: 1 << 20] if path.is_file() else b"")
        return f"correct the file, or allow it: --max-broken {min(1.0, self.broken / self.rows + 0.01):.2f}"


def chunks_of(item: Any, label: str, how: How) -> Iterator[Frame]:
    """Conforming frames of one input, in order."""
    if isinstance(item, (str, Path)):
        yield from source_chunks(str(item), label, how)
    elif isinstance(item, Partitions):
        for file in item.files:
            yield from source_chunks(str(file), label, how)
    else:
        from mathdata.saving import from_object

        frame = from_object(item)
        one = Parsed(frame, pl.int_range(1, frame.height + 1, dtype=pl.UInt32, eager=True))
        yield from conforming([one], label, label, how, {})


def source_chunks(text: str, label: str, how: How) -> Iterator[Frame]:
    name, _, query = text.partition("?")
    if name.startswith("builtin:"):
        from mathdata.remote import builtin

        yield builtin(name, options(query, text))
        return
    if name.startswith(("hf://", "modelscope://")):
        from mathdata.remote import fetch

        got = fetch(name, options(query, text))
        yield from conforming(got.parts, label, text, how, got.known)
        return
    if not query or Path(text).exists():
        name, query = text, ""
    if name.startswith("data:"):
        name = str(data_root() / name.removeprefix("data:"))
    cut = Slice.parse(options(query, text, ("split",)).get("split", "train")) if query else Slice()
    path = resolve(Path(name), cut)
    if kept_nothing(path):
        yield conform(broken_rows((), label))
        return
    frames = conforming(parts(path), label, str(path), how, known_about(path))
    yield from sliced(frames, cut) if cut.whole_is_cut else frames


def kept_nothing(path: Path) -> bool:
    """Whether a stage wrote this very file without a row: what it says is nothing, where another's is a fault."""
    from mathdata.manifest import sha256_of

    try:
        told = json.loads(path.with_name(f"{path.name}.manifest.json").read_text(encoding="utf-8"))
        out = {"file": path.name, "sha256": sha256_of(path)} if told["ledger"][-1]["kept"] == 0 else None
        return out is not None and bool(told["outputs"]["out"] == out)
    except (OSError, ValueError, LookupError, TypeError):  # no manifest, or none of a stage
        return False


def options(query: str, text: str, valid: Sequence[str] | None = None) -> dict[str, str]:
    """`a=1&b=2` as a mapping. Raises UsageError."""
    from urllib.parse import parse_qsl

    found = dict(parse_qsl(query))
    for key in found:
        if valid is not None and key not in valid:
            raise UsageError(f"{text}: unknown part '{key}'", f"known: {', '.join(valid)}")
    return found


def sliced(frames: Iterator[Frame], cut: Slice) -> Iterator[Frame]:
    """The rows of a slice; reading stops as soon as they are there."""
    got: list[Frame] = []
    for frame in frames:
        got.append(frame)
        if cut.first is not None and sum(f.height for f in got) >= cut.first:
            break
    yield cut.cut(stack(got))


def conforming(items: Iterable[Parsed], label: str, where: str, how: How, known: Mapping[str, str]) -> Iterator[Frame]:
    """Blocks of an input as conforming frames: one layout for all, broken lines among the rows."""
    tally, layout = Tally(where, how.max_broken), None
    for item in items:
        frame = item.frame
        if frame.width > MAX_COLUMNS:
            raise too_wide(where)
        if frame.width:
            frame = map_columns(frame, how.column, where)
            if layout is None or not layout.fits(frame):
                layout = recognise(frame, where, frozenset(how.column))
        made = one_block(frame, item, layout, label, known, how.derive)
        tally.add(made, frame)
        yield made
    tally.check()
    if not tally.rows and (layout is None or {".csv", ".tsv"} & set(Path(where.lower()).suffixes)):
        raise DataError(f"{where}: no rows in it", "check the step that wrote it")  # a header alone is no row either


def one_block(
    frame: Frame, item: Parsed, layout: Layout | None, label: str, known: Mapping[str, str], derive: bool
) -> Frame:
    rows = [conform(broken_rows(item.broken, label))] if item.broken else []
    if layout is not None and (frame.height or not rows):
        frame = normalise(frame, layout)
        lines = pl.concat_str([pl.lit(label + ":"), item.lines.cast(pl.String)])
        filled = [lines.alias("origin")] if "origin" not in frame.columns else []
        filled += [pl.lit(v).alias(k) for k, v in known.items() if k not in frame.columns]
        made = flag(conform(frame.with_columns(filled), label), item.clean)
        rows.insert(0, derived(made) if derive else made)
    if not rows:
        return conform(broken_rows((), label))
    return stack(rows) if len(rows) > 1 else rows[0]


def derived(frame: Frame) -> Frame:
    """With what follows from the text, where the source states nothing; `id` does not change by it."""
    from mathdata.families import fill_topics

    return fill_topics(difficulty(fill_answers(frame)))


def broken_rows(broken: Sequence[Broken], label: str) -> Frame:
    """Broken lines as rejected rows: their text stands where the problem would, so nothing is lost."""
    data = {
        "origin": [f"{label}:{b.line}" for b in broken],
        "problem": [b.text for b in broken],
        "reject": ["broken-line"] * len(broken),
        "reject_why": [f"line {b.line}: {b.why}" for b in broken],
    }
    return pl.DataFrame(data, schema=dict.fromkeys(data, pl.String))


def flag(frame: Frame, clean: bool = False) -> Frame:
    """Rows that cannot be rows: no problem, a zero byte (unless known `clean`), or a cell far too long (cut)."""
    long = pl.any_horizontal(pl.col(c).str.len_bytes() > MAX_LINE for c in ("problem", "solution")).fill_null(False)
    texts = () if clean else ("problem", "solution", "answer")
    zero = pl.any_horizontal(pl.lit(False), *(pl.col(c).str.contains("\0", literal=True) for c in texts))
    blank = pl.col("problem").str.contains(BLANK).fill_null(True)
    found = frame.select(long=long, zero=zero.fill_null(False), blank=blank)
    if not found.select(pl.any_horizontal(pl.all().any())).item():
        return frame
    why = (
        pl.when("long")
        .then(pl.lit(f"a cell has more than {MAX_LINE:,} bytes"))
        .when("zero")
        .then(pl.lit("a zero byte in the text"))
        .when("blank")
        .then(pl.lit("no text for the problem"))
    )
    found = found.select("long", w=why)
    bad = pl.col("reject").is_null() & found["w"].is_not_null()
    place = pl.lit("line ") + pl.col("origin").str.extract(r":(\d+)$").fill_null("?") + ": "
    cuts = [
        pl.when(found["long"]).then(pl.col(c).str.slice(0, RAW)).otherwise(pl.col(c)).alias(c)
        for c in ("problem", "solution")
    ]
    return frame.with_columns(
        *cuts,
        pl.when(bad).then(pl.lit("broken-line")).otherwise(pl.col("reject")).alias("reject"),
        pl.when(bad).then(place + found["w"]).otherwise(pl.col("reject_why")).alias("reject_why"),
    )


def stack(frames: Sequence[Frame]) -> Frame:
    """Frames under each other; a further column whose kinds do not go together becomes JSON text."""
    from mathdata.ndjson import json_column

    if len(frames) == 1:
        return frames[0]
    kinds: dict[str, set[Any]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            kinds.setdefault(name, set()).add(dtype)
    mixed = [n for n, k in kinds.items() if len({d.is_nested() for d in k - {pl.Null}}) > 1]
    frames = [f.with_columns(json_column(f[n]) for n in mixed if n in f.columns) for f in frames]
    try:
        return pl.concat(frames, how="diagonal_relaxed", rechunk=True)
    except pl.exceptions.PolarsError:
        odd = [n for n, k in kinds.items() if len(k - {pl.Null}) > 1]
        frames = [f.with_columns(json_column(f[n]) for n in odd if n in f.columns) for f in frames]
        return pl.concat(frames, how="diagonal_relaxed", rechunk=True)


# --- names -------------------------------------------------------------------------------------------------


def label_of(item: Any) -> str:
    """What an input is called in `origin`: the file's name, the same on every machine."""
    if not isinstance(item, (str, Path)):
        return "memory"
    text = str(item)
    if "://" in text or text.startswith("builtin:"):
        return text.partition("[")[0]
    return os.path.normpath(text.partition("?")[0])


def distinct(paths: Sequence[str]) -> list[str]:
    """File names, with as many folders before them as tell them apart.

    >>> distinct(["/a/x/train.jsonl", "/a/y/train.jsonl", "/b/raw.csv"])
    ['x/train.jsonl', 'y/train.jsonl', 'raw.csv']
    """

    def tail(path: str, depth: int) -> str:
        return path if "://" in path else "/".join(Path(path).parts[-depth:])

    labels = []
    for path in paths:
        rivals = [p for p in paths if p != path]
        depth = 1
        while depth < len(Path(path).parts) and any(tail(r, depth) == tail(path, depth) for r in rivals):
            depth += 1
        labels.append(tail(path, depth))
    seen: dict[str, int] = {}
    for i, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        labels[i] = label if seen[label] == 1 else f"{label}#{seen[label]}"
    return labels


def known_about(path: Path) -> dict[str, str]:
    """Source, and the licence where a SOURCE.md beside the file states it in its table."""
    inside = path.resolve().is_relative_to(data_root().resolve())
    known = {"source": path.parent.name if inside else path.name.partition(".")[0]}
    note = path.parent / "SOURCE.md"
    if note.is_file():
        for line in note.read_text(encoding="utf-8", errors="replace").splitlines():
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if len(cells) > 2 and cells[0] == path.name:
                known["license"] = cells[-1].partition(";")[0][:80]
    return known
