"""Judge partitions as if they were one frame: rows that speak about one question stand together, then go back in order."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.engines._parts import NUMBER, PIECE_ROWS, rows_in, scratch
from mathdata.engines.local import LocalEngine
from mathdata.types import Frame, Partitions, Table

__all__ = ["add_figures", "judge_together", "roots"]

_GROUP, _ID, _PROBLEM, _PLACE = "_group", "_own", "_asked", "_place"


def judge_together(
    table: Partitions, engine: LocalEngine, judged: Callable[[Frame, dict[str, Any]], Frame]
) -> tuple[Table, dict[str, Any]]:
    """Every row through `judged(frame, figures)`, in the order of the table, and the figures of all frames summed."""
    parts = max(2, -(-2 * sum(rows_in(table)) // PIECE_ROWS))
    same = _components(engine, table)
    old, new = pl.Series(list(same), dtype=pl.UInt64), pl.Series(list(same.values()), dtype=pl.UInt64)
    key = _parent().hash(7).replace(old, new).alias(_GROUP)
    notes = scratch(engine.base)

    def kernel(frame: Frame) -> Frame:
        figures: dict[str, Any] = {}
        out = judged(frame.drop(_GROUP), figures)
        if frame.height:  # a task that runs twice writes the same note to the same name
            _note(notes / f"{frame[NUMBER][0]:015d}.json", figures)
        return out.with_columns((pl.col(NUMBER) // (PIECE_ROWS // 2)).alias(_PLACE))

    done = engine.shuffle(table, _GROUP, parts, before=lambda f: f.with_columns(key), after=kernel)
    ordered = engine.shuffle(done, _PLACE, parts, after=lambda f: f.sort(NUMBER).drop(NUMBER, _PLACE))
    total: dict[str, Any] = {}
    for note in sorted(notes.glob("*.json")):
        add_figures(total, json.loads(note.read_text()))
    return ordered, total


def add_figures(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Counts of one frame added to those of the frames before it."""
    for name, n in more.items():
        if isinstance(n, Mapping):
            add_figures(total.setdefault(name, {}), n)
        else:
            total[name] = total.get(name, 0) + n


def _note(path: Path, figures: Mapping[str, Any]) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(figures))
    os.replace(part, path)


def _parent() -> pl.Expr:
    return pl.coalesce(pl.col("parents").list.first(), pl.col("id"))


def _components(engine: LocalEngine, table: Table) -> dict[int, int]:
    """Groups of rows (by the hash of their parent) that belong together: they share a problem, or a parent has one too."""
    slim = engine.map(
        table,
        lambda f: f.select(
            _parent().hash(7).alias(_GROUP), pl.col("id").hash(7).alias(_ID), pl.col("problem").hash(11).alias(_PROBLEM)
        ).unique(maintain_order=True),
    )
    rows = engine.collect(slim)
    shared = rows.filter(pl.col(_GROUP).n_unique().over(_PROBLEM) > 1).select(_PROBLEM, _GROUP)
    chained = rows.filter(pl.col(_ID) != pl.col(_GROUP)).join(
        rows.select(_GROUP), left_on=_ID, right_on=_GROUP, how="semi"
    )
    return roots([*shared.iter_rows(), *chained.select(_ID, _GROUP).iter_rows()])


def roots(edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Each node of a graph with the one node that stands for its component."""
    above: dict[int, int] = {}

    def root(x: int) -> int:
        above.setdefault(x, x)
        while above[x] != x:
            above[x] = above[above[x]]
            x = above[x]
        return x

    for a, b in edges:
        one, two = sorted((root(a), root(b)))
        above[two] = one
    return {x: root(x) for x in above}
