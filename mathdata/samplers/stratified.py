"""Stratified: each group of --by keeps its share of the table."""

from __future__ import annotations

import polars as pl

from mathdata.registry import register
from mathdata.samplers._draw import Asked, Chosen, fill_up, group_of, place_in
from mathdata.types import Frame


@register("sampler", "stratified")
class Stratified:
    """Each group of --by keeps its share of the table."""

    name = "stratified"
    needs = uses = ("n", "by")
    columns: tuple[str, ...] = ("_spare",)

    def choose(self, rows: Frame, asked: Asked) -> Chosen:
        n = asked.n or 0
        rows = rows.with_columns(group_of(rows, asked.by))
        own = rows.filter(~pl.col("_spare"))
        share = shares(_sizes(own), n)
        most = pl.col("group").replace_strict(share, default=0, return_dtype=pl.UInt32)
        taken = fill_up(own.filter(place_in(own, "group") <= most).sort("draw"), rows, n)
        return Chosen(
            taken["i"], {"missing": max(0, n - taken.height), "groups": dict.fromkeys(share, 0) | _sizes(taken)}
        )


def _sizes(rows: Frame) -> dict[str, int]:
    return dict(rows.group_by("group").len().sort("group").iter_rows())


def shares(sizes: dict[str, int], n: int) -> dict[str, int]:
    """n split in proportion to the sizes, by largest remainder; never more than a group has.

    >>> shares({"a": 6, "b": 3, "c": 1}, 5)
    {'a': 3, 'b': 2, 'c': 0}
    """
    total = sum(sizes.values())
    n = min(n, total)
    made = {g: n * size // total for g, size in sizes.items()} if total else {}
    rest = sorted(sizes, key=lambda g: (-(n * sizes[g] % total), g))
    for group in rest[: n - sum(made.values())]:
        made[group] += 1
    return made
