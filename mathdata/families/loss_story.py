"""Stories of loss, two-digit numbers: Tom has 57 apples and gives away 34. How many apples are left?"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import ClassVar

from mathdata.families._arithmetic import subtract_columns
from mathdata.families._base import Params, Wordings
from mathdata.families._story import Story
from mathdata.families._value import Value
from mathdata.registry import register


class LossStory(Story):
    name = "loss_story"
    wordings: ClassVar[Wordings] = {
        "zh": (
            "{who}有 {a} 个{thing}，送出 {b} 个，还剩多少个？",
            "{who}有 {a} 个{thing}，用去 {b} 个，还有多少个？",
            "原来有 {a} 个{thing}，{who}拿走 {b} 个，剩下多少个？",
        ),
        "en": (
            "{who} has {a} {thing} and gives away {b}. How many {thing} are left?",
            "{who} had {a} {thing} and lost {b} of them. How many {thing} remain?",
            "There were {a} {thing}. {who} took {b} of them. How many {thing} are left?",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        low, high = sorted(rng.sample(range(10, 100), 2))
        return {"a": str(high), "b": str(low)}

    def fits(self, params: Params) -> bool:
        return super().fits(params) and int(params["a"]) > int(params["b"])

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) - Fraction(params["b"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        return subtract_columns(params["a"], params["b"])


register("family", "loss_story", __doc__)(LossStory())
