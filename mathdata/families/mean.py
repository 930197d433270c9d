"""Means of short lists: 求以下数据的平均值：[79, 69, 19, 3, 23, 93]"""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from mathdata.families._base import Family, Params, Wordings, plain
from mathdata.families._value import Value
from mathdata.registry import register


def _data(params: Params) -> list[Fraction]:
    return [Fraction(part) for part in params["data"].split(",")]


class Mean(Family):
    name = "mean"
    closing: ClassVar[Mapping[str, str]] = {"zh": "平均值为：{}"}
    wordings: ClassVar[Wordings] = {
        "zh": ("求以下数据的平均值：[{data}]", "计算 {data} 的平均数。", "数据 {data} 的平均值是多少？"),
        "en": (
            "Find the mean of the data: [{data}]",
            "What is the average of {data}?",
            "Calculate the mean of {data}.",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"data": ", ".join(str(rng.randint(1, 100)) for _ in range(rng.randint(3, 10)))}

    def exact(self, params: Params) -> Value:
        data = _data(params)
        return Value(sum(data, Fraction(0)) / len(data))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        data = _data(params)
        total = plain(sum(data, Fraction(0)))
        terms = " + ".join(f"({plain(d)})" if d < 0 else plain(d) for d in data)
        return [f"{terms} = {total}", f"{total} / {len(data)} {shown}"]

    def bare(self, params: Params, language: str) -> tuple[str, str]:
        data = [float(d) for d in _data(params)]
        answer = str(sum(data) / len(data))
        return (f"平均值为 {answer}" if language == "zh" else f"The mean is {answer}"), answer


register("family", "mean", __doc__)(Mean())
