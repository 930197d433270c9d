"""Discounts in per cent: 商品原价为 51 元，打折后的价格为 28 元，请计算打折的折扣比例。"""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings, plain
from mathdata.families._value import Value
from mathdata.registry import register


class Discount(Family):
    name = "discount"
    closing: ClassVar[Mapping[str, str]] = {"zh": "折扣比例为：{}"}
    wordings: ClassVar[Wordings] = {
        "zh": (
            "商品原价为 {a} 元，打折后的价格为 {b} 元，请计算打折的折扣比例。",
            "一件商品原价 {a} 元，现价 {b} 元，降价百分之几？",
            "原价 {a} 元的商品卖 {b} 元，便宜了百分之几？",
        ),
        "en": (
            "The price was {a} yuan and is {b} yuan after a discount. Calculate the discount in percent.",
            "An item of {a} yuan now costs {b} yuan. By how many percent was the price cut?",
            "What is the percentage discount from {a} yuan to {b} yuan?",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"a": str(rng.randint(1, 100)), "b": str(rng.randint(1, 100))}

    def fits(self, params: Params) -> bool:
        return Fraction(params["a"]) > 0

    def exact(self, params: Params) -> Value:
        a, b = Fraction(params["a"]), Fraction(params["b"])
        return Value((a - b) / a * 100)

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, b = params["a"], params["b"]
        off = plain(Fraction(a) - Fraction(b))
        return [f"{a} - {b} = {off}", f"{off} / {a} * 100 {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        a, b = float(params["a"]), float(params["b"])
        answer = str((a - b) / a * 100)
        return answer, answer


register("family", "discount", __doc__)(Discount())
