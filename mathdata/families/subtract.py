"""Differences of signed decimals: 计算 -3828.45 - 756.08 等于多少？"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Params, Wordings
from mathdata.families._pair import Pair, unsigned
from mathdata.families._value import Value
from mathdata.registry import register


class Subtract(Pair):
    name = "subtract"
    sign = "-"
    wordings: ClassVar[Wordings] = {
        "zh": ("计算 {a} - {b} 等于多少？", "{a} 减 {b} 等于多少？", "求 {a} 与 {b} 的差。"),
        "en": ("What is {a} - {b}?", "Calculate the difference {a} - {b}.", "Subtract {b} from {a}."),
    }

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) - Fraction(params["b"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, b = params["a"], params["b"]
        p, q = unsigned(a), unsigned(b)
        start = f"{a} - {b} = "
        if a.startswith("-") and not b.startswith("-"):
            return [f"{start}-({p} + {q}) {shown}"]
        if not a.startswith("-") and b.startswith("-"):
            return [f"{start}{p} + {q} {shown}"]
        more, less = (q, p) if a.startswith("-") else (p, q)
        turned = f"{more} - {less}" if Fraction(more) >= Fraction(less) else f"-({less} - {more})"
        return [f"{a} - {b} {shown}" if f"{a} - {b}" == turned else f"{start}{turned} {shown}"]


register("family", "subtract", __doc__)(Subtract())
