"""Powers of decimals: 计算 -711.31 的 4 次方？"""

from __future__ import annotations

import random
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings, decimal_between, plain
from mathdata.families._value import Value
from mathdata.registry import register

LONGEST = 2000
"""Digits of a power, at most: a larger one is not worked out."""


class Power(Family):
    name = "power"
    wordings: ClassVar[Wordings] = {
        "zh": ("计算 {a} 的 {n} 次方？", "{a} 的 {n} 次方是多少？", "求 {a} 的 {n} 次幂。"),
        "en": (
            "Calculate {a} to the power {n}.",
            "What is {a} raised to the power {n}?",
            "Find the value of ({a})^{n}.",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"a": decimal_between(rng, -1000, 1000), "n": str(rng.randint(0, 5))}

    def fits(self, params: Params) -> bool:
        short = params["n"].isdigit() and len(params["n"]) < 4
        return short and int(params["n"]) * len(params["a"]) <= LONGEST

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) ** int(params["n"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        a, n = params["a"], int(params["n"])
        base = f"({a})" if a.startswith("-") else a
        if n < 2 or n > 6:
            return [f"{base}^{n} {shown}"]
        lines, so_far = [], a
        for k in range(2, n):
            made = plain(Fraction(a) ** k)
            lines.append(f"{base}^{k} = {so_far} * {base} = {made}")
            so_far = made
        return [*lines, f"{base}^{n} = {so_far} * {base} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        with localcontext(Context(prec=28)):
            answer = str(Decimal(params["a"]) ** int(params["n"]))
        return f"{params['a']}^{params['n']} = {answer}", answer


register("family", "power", __doc__)(Power())
