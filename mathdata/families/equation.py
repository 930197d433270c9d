"""Linear equations as the contest writes them: 解方程 -39x + 20 = 0"""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings, plain
from mathdata.families._value import Value
from mathdata.registry import register


class Equation(Family):
    name = "equation"
    closing: ClassVar[Mapping[str, str]] = {"zh": "方程的解为：{}"}
    wordings: ClassVar[Wordings] = {
        "zh": ("解方程 {m}x + {n} = 0", "求方程 {m}x + {n} = 0 的解。", "已知 {m}x + {n} = 0，求 x 的值。"),
        "en": ("Solve the equation {m}x + {n} = 0.", "Find the root of {m}x + {n} = 0.", "If {m}x + {n} = 0, find x."),
    }

    def draw(self, rng: random.Random) -> Params:
        m = rng.choice([k for k in range(-100, 101) if k])
        return {"m": str(m), "n": str(rng.randint(-100, 100))}

    def fits(self, params: Params) -> bool:
        return Fraction(params["m"]) != 0

    def exact(self, params: Params) -> Value:
        return Value(-Fraction(params["n"]) / Fraction(params["m"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        m, n, moved = params["m"], params["n"], plain(-Fraction(params["n"]))
        if language == "zh":
            return [f"移项：{m}x = {moved}", f"两边除以 {m}：x = {moved} / {m} {shown}"]
        return [f"Move {n} to the right: {m}x = {moved}", f"Divide by {m}: x = {moved} / {m} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        answer = str(-float(params["n"]) / float(params["m"]))
        return (f"方程的解为：{answer}" if language == "zh" else f"x = {answer}"), answer


register("family", "equation", __doc__)(Equation())
