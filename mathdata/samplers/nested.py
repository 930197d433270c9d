"""Nested: one order of rows whose prefixes are the samples, 128 inside 256 inside 512; groups in equal shares."""

from __future__ import annotations

import polars as pl

from mathdata.registry import register
from mathdata.samplers._draw import Asked, Chosen, group_of, interleave
from mathdata.types import Frame


@register("sampler", "nested")
class Nested:
    """One order whose prefixes are the samples (column `rank`); with --by the groups stand in equal shares."""

    name = "nested"
    needs = ("sizes",)
    uses = ("sizes", "by")
    columns: tuple[str, ...] = ("_spare",)

    def choose(self, rows: Frame, asked: Asked) -> Chosen:
        sizes = asked.sizes
        rows = rows.with_columns(group_of(rows, asked.by))
        own = rows.filter(~pl.col("_spare"))
        wanted = max(own.height if s is None else s for s in sizes)
        taken = pl.concat([interleave(own, "group"), interleave(rows.filter("_spare"), "group")]).head(wanted)
        parts = {}
        for size in sizes:
            part = taken.head(size if size is not None else own.height)
            parts[str(size or "full")] = dict(part.group_by("group").len().sort("group").iter_rows())
        return Chosen(taken["i"], {"sizes": parts, "missing": max(0, wanted - taken.height)})
