"""Parents that a source names by its own ids: what those rows are called here, in memory and on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from mathdata.saving import save
from mathdata.types import Frame

__all__ = ["relink", "relink_files"]


def relink(frames: Sequence[Frame]) -> list[Frame]:
    """`parents` that name a `source_id` of these rows name the row's `id`; all other names stay as they are.

    No row's own `id` changes by it: it is over the parents as the source names them.
    """
    if not (any("source_id" in f.columns for f in frames) and any(has_parents(f) for f in frames)):
        return list(frames)
    known = known_names(pl.concat([named(f.lazy()) for f in frames]))
    return [renamed(f, known) for f in frames]


def relink_files(files: Sequence[Path]) -> None:
    """`relink` for rows spilled to parquet files of one schema; only files that change are written again."""
    if not files or "source_id" not in pl.read_parquet_schema(files[0]):
        return
    children = [f for f in files if has_parents(pl.read_parquet(f, columns=["parents"]))]
    if not children:
        return
    known = known_names(named(pl.scan_parquet(list(files), glob=False)))
    for file in children:
        parents = pl.read_parquet(file, columns=["parents"])
        if not renamed(parents, known).equals(parents):
            save(renamed(pl.read_parquet(file), known), file)


def has_parents(frame: Frame) -> bool:
    return frame["parents"].null_count() < frame.height


def named(rows: pl.LazyFrame) -> pl.LazyFrame:
    """`id`, `parents`, and `name`: what the source calls a row, where it calls it anything."""
    kind = rows.collect_schema().get("source_id", pl.Struct([]))
    name = pl.lit(None) if kind.is_nested() else pl.col("source_id")
    return rows.select("id", "parents", name.cast(pl.String).alias("name"))


def known_names(rows: pl.LazyFrame) -> Frame:
    """`name`, `id`: the first row of each name that `parents` hold, unless they mean a row by its `id`."""
    wanted = rows.select(name=pl.col("parents").explode()).drop_nulls().unique()
    found = rows.select("id", "name").with_row_index("n").join(wanted, on="name", how="semi")
    first = found.collect(engine="streaming").sort("n").unique("name", keep="first")
    ids = rows.select(name="id").join(first.lazy(), on="name", how="semi").collect(engine="streaming")
    return first.join(ids, on="name", how="anti").select("name", "id")


def renamed(frame: Frame, known: Frame) -> Frame:
    if not known.height:
        return frame
    return frame.with_columns(pl.col("parents").list.eval(pl.element().replace(known["name"], known["id"])))
