"""Square roots: 计算 2559.36 的平方根？"""

from __future__ import annotations

import math
import random
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings, decimal_between
from mathdata.families._value import Value
from mathdata.registry import register


class SquareRoot(Family):
    name = "square_root"
    wordings: ClassVar[Wordings] = {
        "zh": ("计算 {a} 的平方根？", "{a} 的算术平方根是多少？", "求 √{a} 的值。"),
        "en": ("Calculate the square root of {a}.", "What is the square root of {a}?", "Find √{a}."),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"a": decimal_between(rng, 0, 10000)}

    def fits(self, params: Params) -> bool:
        return not params["a"].startswith("-")

    def exact(self, params: Params) -> Value:
        number = Fraction(params["a"])
        above, below = math.isqrt(number.numerator), math.isqrt(number.denominator)
        if above * above == number.numerator and below * below == number.denominator:
            return Value(Fraction(above, below))
        return Value(number, root=True)

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a = params["a"]
        low = math.isqrt(math.floor(Fraction(a)))
        if low * low == Fraction(a):
            return [f"{low}^2 = {low * low}", f"√{a} {shown}"]
        between = f"{low * low} < {a} < {(low + 1) * (low + 1)}"
        return [f"{low}^2 = {low * low}，{low + 1}^2 = {(low + 1) ** 2}", between, f"√{a} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        with localcontext(Context(prec=28)):
            answer = str(Decimal(params["a"]).sqrt())
        return f"√{params['a']} = {answer}", answer


register("family", "square_root", __doc__)(SquareRoot())
