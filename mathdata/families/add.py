"""Sums of signed decimals: 计算 4204.22 + -2369.17 等于多少？"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Params, Wordings
from mathdata.families._pair import Pair, unsigned
from mathdata.families._value import Value
from mathdata.registry import register


class Add(Pair):
    name = "add"
    sign = "+"
    wordings: ClassVar[Wordings] = {
        "zh": ("计算 {a} + {b} 等于多少？", "{a} 加 {b} 等于多少？", "求 {a} 与 {b} 的和。"),
        "en": ("What is {a} + {b}?", "Calculate the sum {a} + {b}.", "Find the sum of {a} and {b}."),
    }

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) + Fraction(params["b"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, b = params["a"], params["b"]
        p, q = unsigned(a), unsigned(b)
        if a.startswith("-") and b.startswith("-"):
            return [f"{a} + {b} = -({p} + {q}) {shown}"]
        if not a.startswith("-") and not b.startswith("-"):
            return [f"{a} + {b} {shown}"]
        plus, minus = (p, q) if b.startswith("-") else (q, p)
        if Fraction(plus) >= Fraction(minus):
            return [f"{a} + {b} = {plus} - {minus} {shown}"]
        return [f"{a} + {b} = -({minus} - {plus}) {shown}"]


register("family", "add", __doc__)(Add())
