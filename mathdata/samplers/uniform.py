"""Uniform: every row has the same chance."""

from __future__ import annotations

from mathdata.registry import register
from mathdata.samplers._draw import Asked, Chosen
from mathdata.types import Frame


@register("sampler", "uniform")
class Uniform:
    """Every row has the same chance."""

    name = "uniform"
    needs = uses = ("n",)
    columns: tuple[str, ...] = ()

    def choose(self, rows: Frame, asked: Asked) -> Chosen:
        n = asked.n or 0
        taken = rows.sort("draw").head(n)
        return Chosen(taken["i"], {"missing": max(0, n - taken.height)})
