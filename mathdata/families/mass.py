"""Mass from density and volume: 某物体的密度为 10 克/立方厘米，体积为 3 立方厘米，请计算该物体的质量。"""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings
from mathdata.families._value import Value
from mathdata.registry import register


class Mass(Family):
    name = "mass"
    closing: ClassVar[Mapping[str, str]] = {"zh": "质量为 {} 克"}
    wordings: ClassVar[Wordings] = {
        "zh": (
            "某物体的密度为 {d} 克/立方厘米，体积为 {v} 立方厘米，请计算该物体的质量。",
            "密度 {d} 克/立方厘米、体积 {v} 立方厘米的物体质量是多少克？",
            "一个物体体积为 {v} 立方厘米，密度为 {d} 克/立方厘米，求它的质量。",
        ),
        "en": (
            "An object has a density of {d} grams per cubic cm and a volume of {v} cubic cm. Calculate its mass.",
            "What is the mass in grams of {v} cubic cm of a material with density {d} grams per cubic cm?",
            "The density is {d} grams per cubic cm and the volume is {v} cubic cm. Find the mass.",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"d": str(rng.randint(1, 10)), "v": str(rng.randint(1, 10))}

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["d"]) * Fraction(params["v"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        return [f"{params['d']} * {params['v']} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        answer = self.exact(params).text
        return (f"{answer} 克" if language == "zh" else f"{answer} grams"), answer


register("family", "mass", __doc__)(Mass())
