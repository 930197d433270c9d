"""Sales after growth: 去年销售额为 32 万元，今年销售额增加了 28%，请计算今年的销售额。"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings, plain
from mathdata.families._value import Value
from mathdata.registry import register


class Sales(Family):
    name = "sales"
    wordings: ClassVar[Wordings] = {
        "zh": (
            "去年销售额为 {a} 万元，今年销售额增加了 {p}%，请计算今年的销售额。",
            "某店去年的销售额是 {a} 万元，今年增长 {p}%，今年的销售额是多少万元？",
            "去年卖出 {a} 万元，今年比去年多 {p}%，今年卖出多少万元？",
        ),
        "en": (
            "Sales were {a} million last year and grew by {p}% this year. Calculate this year's sales.",
            "A shop sold {a} million last year and {p}% more this year. What are this year's sales in millions?",
            "Last year's sales were {a} million. This year they rose {p}%. Find this year's sales.",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"a": str(rng.randint(1, 100)), "p": str(rng.randint(1, 100))}

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) * (1 + Fraction(params["p"]) / 100))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, p = params["a"], params["p"]
        more = plain(Fraction(a) * Fraction(p) / 100)
        return [f"{a} * {p} / 100 = {more}", f"{a} + {more} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        answer = self.exact(params).text
        return answer, answer


register("family", "sales", __doc__)(Sales())
