"""Looking at rows in a terminal: tables, filters, lineage trees, differences, figures; hostile text is neutralised."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mathdata.errors import SchemaError, UnknownName, nearest, nearest_id
from mathdata.screen import clean
from mathdata.types import Frame, Row

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = [
    "difference",
    "family_tree",
    "figures",
    "load",
    "pick",
    "rejected",
    "row_panel",
    "together",
    "where",
]

BASIC = ("id", "problem", "answer", "source", "topic", "method", "verdict", "reject")
"""Columns of the table, where they hold anything."""
WIDE = ("problem", "solution", "reject_why", "verdict_reason")
CURATED = "curated.parquet"
COUNTED = ("source", "license", "topic", "level", "language", "method", "teacher", "verdict", "reject", "generation")


def flat(text: object, limit: int) -> str:
    return clean(" ".join(str(text).split()), limit)


def load(files: Sequence[str], column: Mapping[str, str] | None = None) -> tuple[Frame, Frame]:
    """(the rows of the files, the rows of their rejects files where such stand beside them).

    A run's folder stands for its curated set, whose rejects are in the same folder.
    """
    from mathdata.io import read, stack

    files = [str(Path(f) / CURATED) if (Path(f) / CURATED).is_file() else f for f in files]
    frame = read(*files, column=column, max_broken=1.0)
    beside = [
        Path(f).with_name("rejects.parquet") if Path(f).name == CURATED else Path(f + ".rejects.parquet") for f in files
    ]
    found = [read(p) for p in beside if p.is_file() and str(p) not in files]
    filled = [f for f in found if f.height]
    return frame, stack(filled) if filled else frame.clear()


def together(frame: Frame, gone: Frame) -> Frame:
    from mathdata.io import stack

    return stack([frame, gone]) if gone.height else frame


def rejected(frame: Frame, word: str) -> Frame:
    """The rejected rows, of one word or all. Raises UnknownName, listing the words that there are."""
    gone = frame.filter(pl.col("reject").is_not_null())
    words = sorted(set(gone["reject"].to_list()))
    if word == "all":
        return gone
    if word not in words:
        raise UnknownName(
            f"no row was rejected as '{word}'", nearest(word, words) if words else "no row was rejected at all"
        )
    return gone.filter(pl.col("reject") == word)


def where(frame: Frame, conditions: Iterable[str]) -> Frame:
    """Rows for which every `column=value`, `column!=value`, `column~part` or `column=` (empty) holds.

    Raises UnknownName, SchemaError.
    """
    for text in conditions:
        name, sign, value = split_condition(text)
        if name not in frame.columns:
            raise UnknownName(f"--where {text}: no column '{name}'", nearest(name, frame.columns))
        cell = pl.col(name)
        dtype = frame.schema[name]
        found = cell.list.join(",") if dtype == pl.List(pl.String) else cell.cast(pl.String, strict=False)
        if dtype.is_nested() and dtype != pl.List(pl.String):
            raise SchemaError(f"--where {text}: '{name}' holds {dtype}, not a plain value", "filter by another column")
        if sign == "~":
            frame = frame.filter(found.str.contains(value, literal=True).fill_null(False))
        else:
            same = found.is_null() if not value else (found == value).fill_null(False) | number_is(cell, dtype, value)
            frame = frame.filter(same if sign == "=" else ~same)
    return frame


def number_is(cell: pl.Expr, dtype: Any, value: str) -> pl.Expr:
    try:
        return (cell == float(value)).fill_null(False) if dtype.is_numeric() else pl.lit(False)
    except ValueError:
        return pl.lit(False)


def split_condition(text: str) -> tuple[str, str, str]:
    for sign in ("!=", "~", "="):
        name, found, value = text.partition(sign)
        if found and name and name.replace("_", "").isalnum():
            return name, sign, value
    raise SchemaError(f"--where {text}: not a condition", "write column=value, column!=value or column~part")


def pick(frame: Frame, id_: str) -> Row:
    """The row whose id starts with `id_` (or whose origin is it). Raises UnknownName where none or several do."""
    found = frame.filter((pl.col("origin") == id_) | pl.col("id").str.starts_with(id_))
    ids = found["id"].unique(maintain_order=True).to_list()
    if len(ids) == 1:
        return found.row(0, named=True)
    if ids:
        raise UnknownName(f"{len(ids)} rows have an id that starts with '{id_}'", f"for example {ids[0]} or {ids[1]}")
    hint = nearest_id(id_, frame["id"].head(1000).to_list(), "mathdata show FILE")
    raise UnknownName(f"no row with id or origin '{id_}'", hint)


def table(frame: Frame, columns: Sequence[str] | None = None, width: int = 60) -> RenderableType:
    """Rows as a rich table; by default the telling columns that hold anything."""
    from rich.table import Table
    from rich.text import Text

    for name in columns or ():
        if name not in frame.columns:
            raise UnknownName(f"no column '{name}'", nearest(name, frame.columns))
    shown = columns or [c for c in BASIC if c in frame.columns and frame[c].null_count() < max(frame.height, 1)]
    made = Table(show_lines=False, header_style="bold", pad_edge=False)
    for name in shown:
        made.add_column(clean(name, 40), overflow="fold", no_wrap=name == "id")
    for row in frame.select(shown).iter_rows(named=True):
        made.add_row(*[Text("" if v is None else flat(v, width * 3 if k in WIDE else width)) for k, v in row.items()])
    return made


def row_panel(row: Mapping[str, Any], limit: int = 4000) -> RenderableType:
    """Everything one row holds, long texts in full."""
    from rich.table import Table
    from rich.text import Text

    made = Table(show_header=False, box=None, pad_edge=False)
    made.add_column(style="bold cyan", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in row.items():
        if value is not None and value != []:
            made.add_row(clean(name, 40), Text(clean(value, limit)))
    return made


def family_tree(frame: Frame, row: Row) -> RenderableType:
    """Where a row comes from (its parents, up to the originals) and what was made from it."""
    from rich.tree import Tree

    known = frame.select("id", "problem", "answer", "parents", "method", "reject").sort(pl.col("reject").is_null())
    rows = {r["id"]: r for r in known.iter_rows(named=True)}  # a kept row stands for its rejected twins
    made = Tree(label(row, "bold"))
    above(made.add("made from"), row, rows, {row["id"]})
    children = below(made.add("made into"), row["id"], frame, 0)
    if not children:
        made.children[-1].add("nothing in these files")
    return made


def label(row: Mapping[str, Any], style: str = "") -> Any:
    from rich.text import Text

    how = row.get("method") or "original"
    state = f" [{row['reject']}]" if row.get("reject") else ""
    return Text(
        f"{row['id']} {how}{state}: {flat(row.get('problem') or '', 90)}  = {flat(row.get('answer') or '', 30)}", style
    )


def above(branch: Any, row: Mapping[str, Any], rows: Mapping[str, Row], seen: set[str]) -> None:
    parents = row.get("parents") or []
    if not parents:
        branch.add("nothing: it is an original")
    for parent in parents[:20]:
        if parent not in rows:
            branch.add(f"{clean(parent)} (not in these files)")
        elif parent not in seen:
            above(branch.add(label(rows[parent])), rows[parent], rows, seen | {parent})


def below(branch: Any, id_: str, frame: Frame, depth: int, limit: int = 20) -> int:
    children = frame.filter(pl.col("parents").list.contains(id_).fill_null(False))
    for child in children.head(limit).iter_rows(named=True):
        node = branch.add(label(child))
        if depth < 5:
            below(node, child["id"], frame, depth + 1)
    if children.height > limit:
        branch.add(f"and {children.height - limit} more")
    return children.height


def difference(a: Row, b: Row) -> RenderableType:
    """Two rows side by side where they differ; in texts, what was taken away and what came."""
    from rich.table import Table
    from rich.text import Text

    made = Table("column", clean(a["id"]), clean(b["id"]), header_style="bold", show_lines=True)
    for name in dict.fromkeys([*a, *b]):
        left, right = a.get(name), b.get(name)
        if left != right and name not in ("id", "origin"):
            pair = ("" if left is None else clean(left, 2000), "" if right is None else clean(right, 2000))
            made.add_row(clean(name, 40), *mark(*pair))
    if not made.row_count:
        made.add_row("(all)", Text("the same content"), Text("the same content"))
    return made


def mark(a: str, b: str) -> tuple[Any, Any]:
    from rich.text import Text

    left, right = Text(), Text()
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        left.append(a[i:j], "red underline" if kind != "equal" else "")
        right.append(b[k:m], "green underline" if kind != "equal" else "")
    return left, right


def figures(frame: Frame) -> dict[str, Any]:
    """Counts by column, lengths, how many rows have what."""
    made: dict[str, Any] = {"rows": frame.height, "distinct_ids": frame["id"].n_unique()}
    made["filled"] = {
        c: frame.height - frame[c].null_count() for c in ("problem", "solution", "answer", "parents", "template")
    }
    for name in COUNTED:
        if frame[name].null_count() < frame.height:
            counts = frame[name].cast(pl.String).fill_null("(none)").value_counts(sort=True).head(20)
            made[name] = {str(k): int(n) for k, n in counts.sort("count", name, descending=[True, False]).iter_rows()}
    made["characters"] = {c: quantiles(frame[c].str.len_chars()) for c in ("problem", "solution", "answer")}
    made["characters"] = {k: v for k, v in made["characters"].items() if v}
    return made


def quantiles(values: pl.Series) -> dict[str, int]:
    known = values.drop_nulls()
    if known.is_empty():
        return {}
    points = {"min": 0.0, "median": 0.5, "p95": 0.95, "max": 1.0}
    return {k: int(known.quantile(q, "nearest") or 0) for k, q in points.items()}


def figures_tables(made: Mapping[str, Any]) -> list[RenderableType]:
    """`figures` for people: one small table for each column, with bars."""
    from rich.table import Table
    from rich.text import Text

    total = max(int(made["rows"]), 1)
    tables: list[RenderableType] = [Text(f"{made['rows']:,} rows, {made['distinct_ids']:,} distinct ids", "bold")]
    for name, counts in made.items():
        if name in ("rows", "distinct_ids", "characters"):
            continue
        one = Table(title=name, title_justify="left", show_header=False, box=None, pad_edge=False)
        for value, n in counts.items():
            one.add_row(Text(flat(value, 40)), f"{n:,}", f"{n / total:6.1%}", "█" * round(24 * n / total))
        tables.append(one)
    lengths = Table("characters", "min", "median", "p95", "max", box=None, pad_edge=False)
    for name, q in made["characters"].items():
        lengths.add_row(name, *[f"{v:,}" for v in q.values()])
    return [*tables, lengths]


def draw(*things: Any) -> None:
    """Print for people on standard output; as wide as the terminal, 120 columns in a file."""
    import sys

    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120, markup=False, highlight=False)
    for thing in things:
        console.print(thing)


def print_rows(frame: Frame) -> None:
    """Each row in full, one under the other: what `--preview` shows."""
    for row in frame.iter_rows(named=True):
        draw(row_panel(row), "")
