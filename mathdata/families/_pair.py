"""Two operands and an operator: what add, subtract, multiply and divide share."""

from __future__ import annotations

import random
from decimal import Context, Decimal, localcontext
from typing import ClassVar

from mathdata.families._base import Family, Params, decimal_between

__all__ = ["Pair", "unsigned"]


def unsigned(text: str) -> str:
    return text.lstrip("-")


class Pair(Family):
    """`a` operator `b` with signs and two decimals."""

    sign: ClassVar[str]

    def draw(self, rng: random.Random) -> Params:
        sign = rng.choice(("", "-"))
        return {"a": decimal_between(rng, -10000, 10000), "b": sign + decimal_between(rng, 0.01, 10000)}

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        a, b = Decimal(params["a"]), Decimal(params["b"])
        with localcontext(Context(prec=28)):
            made = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "/": a.__truediv__}[self.sign](b)
        return f"{params['a']} {self.sign} {params['b']} = {made:f}", f"{made:f}"
