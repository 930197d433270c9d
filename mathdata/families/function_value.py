"""Values of a·x^n: 当 x = 4.03 时，求函数 y = 57x^54 的值"""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings, decimal_between
from mathdata.families._value import Value
from mathdata.registry import register

LONGEST = 2000
"""Digits of a power, at most: a larger one is not worked out."""


class FunctionValue(Family):
    name = "function_value"
    closing: ClassVar[Mapping[str, str]] = {"zh": "函数的值为：{}"}
    wordings: ClassVar[Wordings] = {
        "zh": (
            "当 x = {x} 时，求函数 y = {a}x^{n} 的值",
            "已知 y = {a}x^{n}，x = {x}，求 y。",
            "函数 y = {a}x^{n} 在 x = {x} 处的值是多少？",
        ),
        "en": (
            "Find the value of y = {a}x^{n} when x = {x}.",
            "If y = {a}x^{n} and x = {x}, what is y?",
            "Evaluate y = {a}x^{n} at x = {x}.",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"x": decimal_between(rng, 0.1, 10), "a": str(rng.randint(1, 100)), "n": str(rng.randint(1, 100))}

    def fits(self, params: Params) -> bool:
        short = params["n"].isdigit() and len(params["n"]) < 4
        return short and int(params["n"]) * len(params["x"]) <= LONGEST

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) * Fraction(params["x"]) ** int(params["n"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        power = Value(Fraction(params["x"]) ** int(params["n"]))
        base = f"({params['x']})" if params["x"].startswith("-") else params["x"]
        same = "=" if power.ends else "≈"
        text = power.text
        return [f"{base}^{params['n']} {same} {text}", f"{params['a']} * {base}^{params['n']} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        with localcontext(Context(prec=28)):
            answer = str(Decimal(params["a"]) * Decimal(params["x"]) ** int(params["n"]))
        return (f"函数的值为：{answer}" if language == "zh" else f"y = {answer}"), answer


register("family", "function_value", __doc__)(FunctionValue())
