"""Fractions in lowest terms: 将分数 5/6 进行简化。"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings
from mathdata.families._value import Value
from mathdata.registry import register


class SimplifyFraction(Family):
    name = "simplify_fraction"
    wordings: ClassVar[Wordings] = {
        "zh": ("将分数 {a}/{b} 进行简化。", "把 {a}/{b} 约成最简分数。", "化简分数 {a}/{b}。"),
        "en": ("Simplify the fraction {a}/{b}.", "Write {a}/{b} in lowest terms.", "Reduce the fraction {a}/{b}."),
    }

    def draw(self, rng: random.Random) -> Params:
        above = rng.randint(1, 9)
        return {"a": str(above), "b": str(rng.randint(above + 1, 10))}

    def fits(self, params: Params) -> bool:
        return all(v.isdigit() for v in params.values()) and int(params["b"]) > 0

    def exact(self, params: Params) -> Value:
        return Value(Fraction(int(params["a"]), int(params["b"])), fraction=True)

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, b = int(params["a"]), int(params["b"])
        common = math.gcd(a, b)
        if common == 1:
            none = "最大公约数是 1，已是最简" if language == "zh" else "The greatest common divisor is 1"
            return [none, f"{a}/{b} {shown}"]
        divisor = "最大公约数是" if language == "zh" else "The greatest common divisor is"
        divided = f"{a} / {common} = {a // common}, {b} / {common} = {b // common}"
        return [f"{divisor} {common}", divided, f"{a}/{b} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        answer = self.exact(params).text
        return (f"最简化的形式为：{answer}" if language == "zh" else f"The simplest form is {answer}"), answer


register("family", "simplify_fraction", __doc__)(SimplifyFraction())
