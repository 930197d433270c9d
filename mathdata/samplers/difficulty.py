"""Difficulty: an equal number of rows for each question, or more for the hard ones."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl

from mathdata.errors import DataError, UsageError
from mathdata.registry import register
from mathdata.samplers._draw import Asked, Chosen, fill_up, interleave
from mathdata.types import Frame


@register("sampler", "difficulty")
class Difficulty:
    """An equal number of rows for each question (uniform), or in proportion to its difficulty."""

    name = "difficulty"
    needs = uses = ("n",)

    def __init__(
        self,
        *,
        per: Annotated[
            Literal["uniform", "proportional"], "Rows for each question: equally many, or by difficulty."
        ] = "uniform",
        measure: Annotated[
            Literal["level", "length", "pass_rate"] | None,
            "What says how hard a question is, with per: proportional (default: level).",
        ] = None,
    ):
        if measure and per == "uniform":
            raise UsageError(
                f"sample: difficulty with per: uniform does not use measure: {measure}",
                f"write {{difficulty: {{per: proportional, measure: {measure}}}}}, or leave measure out",
            )
        self.per, self.measure = per, measure or "level"
        column = {"level": "difficulty", "length": "length", "pass_rate": "pass_rate"}[self.measure]
        self.columns = ("query", "_spare", *([column] if per == "proportional" else []))

    def choose(self, rows: Frame, asked: Asked) -> Chosen:
        n = asked.n or 0
        own = rows.filter(~pl.col("_spare"))
        if self.per == "uniform":
            order = interleave(own, "query")
        else:
            # Efraimidis and Spirakis: the smallest -log(u)/w are a sample in proportion to w.
            u = (pl.col("draw").cast(pl.Float64) + 1) / 2.0**64
            order = own.with_columns((-u.log() / self._weight(own)).alias("_key")).sort("_key", "draw")
        taken = fill_up(order.head(n), rows, n)
        return Chosen(taken["i"], {"missing": max(0, n - taken.height), "questions": taken["query"].n_unique()})

    def _weight(self, rows: Frame) -> pl.Expr:
        column = self.columns[-1]
        if rows.height and rows[column].null_count() == rows.height:
            raise DataError(
                f"sample: no row has a {column}", "verify fills pass_rate, read fills difficulty; or --strategy uniform"
            )
        hard = 1 - pl.col(column) if self.measure == "pass_rate" else pl.col(column)
        return hard.cast(pl.Float64).fill_null(hard.mean()).clip(lower_bound=1e-3)
