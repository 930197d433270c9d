"""Quota: so many rows of each group, as a table says; a group with too few gives all it has, and that is reported."""

from __future__ import annotations

import polars as pl

from mathdata.errors import UnknownName, nearest
from mathdata.registry import register
from mathdata.samplers._draw import Asked, Chosen, group_of, place_in
from mathdata.types import Frame


@register("sampler", "quota")
class Quota:
    """So many rows of each group, as --quota says; what a group lacks is reported, never filled from other groups."""

    name = "quota"
    needs = ("quota",)
    uses = ("quota", "by")
    columns: tuple[str, ...] = ("_spare",)

    def choose(self, rows: Frame, asked: Asked) -> Chosen:
        quota = asked.quota or {}
        rows = rows.with_columns(group_of(rows, asked.by or ("topic",)))
        has = dict(rows.group_by("group").len().iter_rows())
        if quota and not any(g in has for g in quota):
            raise UnknownName(f"sample: no row belongs to any group of the quota ({', '.join(quota)})",
                              nearest(next(iter(quota)), has))  # fmt: skip
        most = pl.col("group").replace_strict(quota, default=0, return_dtype=pl.UInt32)
        taken = rows.filter(place_in(rows, "group") <= most).sort("draw")
        missing = {g: n - has.get(g, 0) for g, n in quota.items() if has.get(g, 0) < n}
        got = {g: min(n, has.get(g, 0)) for g, n in quota.items()}
        figures = {"asked": sum(quota.values()), "groups": got, "missing": missing}
        if rows["_spare"].any():
            figures["filled"] = dict(taken.filter("_spare").group_by("group").len().sort("group").iter_rows())
        return Chosen(taken["i"], figures)
