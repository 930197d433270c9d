"""Products of signed decimals: 计算 4716.61 * 3758.93 等于多少？"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from mathdata.families._arithmetic import digits_product
from mathdata.families._base import Params, Wordings
from mathdata.families._pair import Pair, unsigned
from mathdata.families._value import Value
from mathdata.registry import register


class Multiply(Pair):
    name = "multiply"
    sign = "*"
    wordings: ClassVar[Wordings] = {
        "zh": ("计算 {a} * {b} 等于多少？", "{a} 乘以 {b} 等于多少？", "求 {a} 与 {b} 的积。"),
        "en": ("What is {a} * {b}?", "Calculate the product {a} * {b}.", "Multiply {a} by {b}."),
    }

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) * Fraction(params["b"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, b = params["a"], params["b"]
        p, q = unsigned(a), unsigned(b)
        negative = a.startswith("-") != b.startswith("-")
        turned = f"-({p} * {q})" if negative else f"{p} * {q}"
        sign = [f"{a} * {b} = {turned}"] if a + b != p + q else []
        return [*sign, *digits_product(p, q), f"{a} * {b} {shown}"]


register("family", "multiply", __doc__)(Multiply())
