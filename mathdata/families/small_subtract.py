"""Differences of two-digit numbers, worked in columns: What is 57 - 34?"""

from __future__ import annotations

import random

from mathdata.families._arithmetic import subtract_columns
from mathdata.families._base import Params
from mathdata.families.subtract import Subtract
from mathdata.registry import register


class SmallSubtract(Subtract):
    name = "small_subtract"

    def draw(self, rng: random.Random) -> Params:
        low, high = sorted(rng.sample(range(10, 100), 2))
        return {"a": str(high), "b": str(low)}

    def fits(self, params: Params) -> bool:
        two = all(v.isdigit() and len(v) == 2 and v[0] != "0" for v in params.values())
        return two and int(params["a"]) > int(params["b"])

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        return subtract_columns(params["a"], params["b"])


register("family", "small_subtract", __doc__)(SmallSubtract())
