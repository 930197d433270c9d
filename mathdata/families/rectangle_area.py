"""Areas of rectangles: 一个长方形的长为 57 厘米，宽为 84 厘米，请计算其面积。"""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from mathdata.families._arithmetic import digits_product
from mathdata.families._base import Family, Params, Wordings
from mathdata.families._value import Value
from mathdata.registry import register


class RectangleArea(Family):
    name = "rectangle_area"
    closing: ClassVar[Mapping[str, str]] = {"zh": "面积为 {} 平方厘米"}
    wordings: ClassVar[Wordings] = {
        "zh": (
            "一个长方形的长为 {a} 厘米，宽为 {b} 厘米，请计算其面积。",
            "长方形长 {a} 厘米，宽 {b} 厘米，面积是多少平方厘米？",
            "求长 {a} 厘米、宽 {b} 厘米的长方形的面积。",
        ),
        "en": (
            "A rectangle is {a} cm long and {b} cm wide. Calculate its area.",
            "What is the area of a rectangle of {a} cm by {b} cm?",
            "Find the area in square cm of a rectangle with sides {a} cm and {b} cm.",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"a": str(rng.randint(1, 100)), "b": str(rng.randint(1, 100))}

    def fits(self, params: Params) -> bool:
        return not any(v.startswith("-") for v in params.values())

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) * Fraction(params["b"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, b = params["a"], params["b"]
        return [*digits_product(a, b), f"{a} * {b} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        answer = self.exact(params).text
        text = f"面积为 {answer} 平方厘米" if language == "zh" else f"The area is {answer} square cm"
        return text, answer


register("family", "rectangle_area", __doc__)(RectangleArea())
