"""What the small word problems share: names, things, two-digit numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from mathdata.families._base import Family, Params

__all__ = ["Story"]


class Story(Family):
    """`who` has `a` of a `thing`; `b` are gained or lost."""

    words: ClassVar[Mapping[str, Mapping[str, Sequence[str]]]] = {
        "zh": {"who": ("小明", "小红", "小华", "小丽"), "thing": ("苹果", "鸡蛋", "桔子", "面包")},
        "en": {"who": ("Tom", "Anna", "Ben", "Lily"), "thing": ("apples", "eggs", "pens", "cards")},
    }

    def fits(self, params: Params) -> bool:
        return all(params[s].isdigit() and len(params[s]) == 2 and params[s][0] != "0" for s in "ab")
