"""Sums of two-digit numbers, worked in columns: What is 34 + 57?"""

from __future__ import annotations

import random

from mathdata.families._arithmetic import add_columns
from mathdata.families._base import Params
from mathdata.families.add import Add
from mathdata.registry import register


class SmallAdd(Add):
    name = "small_add"

    def draw(self, rng: random.Random) -> Params:
        return {"a": str(rng.randint(10, 99)), "b": str(rng.randint(10, 99))}

    def fits(self, params: Params) -> bool:
        return all(v.isdigit() and len(v) == 2 and v[0] != "0" for v in params.values())

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        return add_columns(params["a"], params["b"])


register("family", "small_add", __doc__)(SmallAdd())
