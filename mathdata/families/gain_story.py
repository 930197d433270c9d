"""Stories of gain, two-digit numbers: Tom has 34 apples and gets 57 more. How many apples does Tom have?"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import ClassVar

from mathdata.families._arithmetic import add_columns
from mathdata.families._base import Params, Wordings
from mathdata.families._story import Story
from mathdata.families._value import Value
from mathdata.registry import register


class GainStory(Story):
    name = "gain_story"
    wordings: ClassVar[Wordings] = {
        "zh": (
            "{who}有 {a} 个{thing}，又得到 {b} 个，现在有多少个？",
            "{who}有 {a} 个{thing}，又买来 {b} 个，一共有多少个？",
            "原来有 {a} 个{thing}，{who}又送来 {b} 个，共有多少个？",
        ),
        "en": (
            "{who} has {a} {thing} and gets {b} more. How many {thing} are there now?",
            "{who} had {a} {thing} and bought {b} more. How many {thing} in all?",
            "There were {a} {thing}. {who} brought {b} more. How many {thing} are there?",
        ),
    }

    def draw(self, rng: random.Random) -> Params:
        return {"a": str(rng.randint(10, 99)), "b": str(rng.randint(10, 99))}

    def exact(self, params: Params) -> Value:
        return Value(Fraction(params["a"]) + Fraction(params["b"]))

    def steps(self, params: Params, language: str, shown: str) -> list[str]:
        return add_columns(params["a"], params["b"])


register("family", "gain_story", __doc__)(GainStory())
