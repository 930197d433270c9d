"""Equations x + b = c in two-digit numbers: 解方程 x + 34 = 91"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import ClassVar

from mathdata.families._arithmetic import subtract_columns
from mathdata.families._base import Family, Params, Wordings
from mathdata.families._value import Value
from mathdata.registry import register


class UnknownAddend(Family):
    name = "unknown_addend"
    wordings: ClassVar[Wordings] = {
        "zh": ("解方程 x + {b} = {c}", "求 x：x + {b} = {c}", "已知 x + {b} = {c}，x 等于多少？"),
        "en": ("Solve x + {b} = {c}.", "Find x if x + {b} = {c}.", "If x + {b} = {c}, what is x?"),
    }

    def draw(self, rng: random.Random) -> Params:
        low, high = sorted(rng.sample(range(10, 100), 2))
        return {"b": str(low), "c": str(high)}

    def fits(self, params: Params) -> bool:
        two = all(v.isdigit() and len(v) == 2 and v[0] != "0" for v in params.values())
        return two and int(params["c"]) > int(params["b"])

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["c"]) - Fraction(params["b"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        written, *columns = subtract_columns(params["c"], params["b"])
        return [f"x={written}", *columns]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        answer = self.exact(params).text
        return (f"方程的解为：{answer}" if language == "zh" else f"x = {answer}"), answer


register("family", "unknown_addend", __doc__)(UnknownAddend())
