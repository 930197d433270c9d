"""Quotients of signed decimals: 计算 -8553.85 / 6409.34 等于多少？"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Params, Wordings, plain
from mathdata.families._pair import Pair, unsigned
from mathdata.families._value import Value
from mathdata.registry import register


class Divide(Pair):
    name = "divide"
    sign = "/"
    wordings: ClassVar[Wordings] = {
        "zh": ("计算 {a} / {b} 等于多少？", "{a} 除以 {b} 等于多少？", "求 {a} 与 {b} 的商。"),
        "en": ("What is {a} / {b}?", "Calculate the quotient {a} / {b}.", "Divide {a} by {b}."),
    }

    def fits(self, params: Params) -> bool:
        return Fraction(params["b"]) != 0

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) / Fraction(params["b"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, b = params["a"], params["b"]
        p, q = unsigned(a), unsigned(b)
        negative = a.startswith("-") != b.startswith("-")
        turned = f"-({p} / {q})" if negative else f"{p} / {q}"
        sign = [f"{a} / {b} = {turned}"] if a + b != p + q else []
        whole, rest = divmod(Fraction(p), Fraction(q))
        return [*sign, f"{p} = {whole} * {q} + {plain(rest)}", f"{a} / {b} {shown}"]


register("family", "divide", __doc__)(Divide())
