"""Fractions and percentages are one number however they are spelled, and another one where they are another."""

from __future__ import annotations

import polars as pl
import pytest

from mathdata.near import cluster
from mathdata.text import normal_column

ENGLISH = (
    "Tom has 24 red apples at home. He gives {} of the apples to his sister Ann before the school trip. "
    "How many apples does Tom have left after that?"
)
WALK = "小明去爷爷家要走{}的路，每小时走四千米，请问他家到爷爷家一共有多少千米？"
CHINESE = "小明家里有24个红苹果，他在去学校旅行之前把其中的{}给了妹妹小红，请问小明之后还剩多少个苹果？"


def merged(text: str, a: str, b: str) -> bool:
    star = cluster(normal_column(pl.Series([text.format(a), text.format(b)]))).star
    return bool(star[0] == star[1])


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        (ENGLISH, "2/3", "two thirds"),
        (ENGLISH, "2/3", "two-thirds"),
        (ENGLISH, "1/2", "half"),
        (ENGLISH, "3/4", "three quarters"),
        (ENGLISH, "1/4", "a quarter"),
        (ENGLISH, r"$\frac{2}{3}$", "2/3"),
        (ENGLISH, "25%", "25 percent"),
        (CHINESE, "2/3", "三分之二"),
        (CHINESE, "1/2", "一半"),
        (CHINESE, "25%", "百分之二十五"),
        (CHINESE, "$\\frac{1}{2}$", "二分之一"),
        (WALK, "两个半小时", "2.5小时"),
        (WALK, "2个半小时", "2.5个小时"),
        (WALK, "三天半", "3.5天"),
        (WALK, "一年半", "1.5年"),
    ],
)
def test_one_fraction_in_two_spellings_is_a_twin(text: str, a: str, b: str) -> None:
    assert merged(text, a, b)


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        (ENGLISH, "1/2", "1/3"),
        (ENGLISH, "2/3", "3/2"),
        (ENGLISH, "two thirds", "three thirds"),
        (ENGLISH, "25%", "1/4 more"),
        (CHINESE, "三分之二", "三分之一"),
        (CHINESE, "百分之二十", "二十分之一"),
        (CHINESE, "一半", "一个半"),
        (WALK, "两个半小时", "两个小时"),
        (WALK, "两个半小时", "半个小时"),
        (WALK, "两个半圆", "2.5个圆"),
        (WALK, "三个半径", "3.5个径"),
    ],
)
def test_another_fraction_is_a_sibling(text: str, a: str, b: str) -> None:
    assert not merged(text, a, b)


def test_a_long_row_of_slashes_costs_linear_time() -> None:
    text = "1/" * 200_000 + "2"
    assert merged("{}", text, text)
    assert not merged("{}", text, text + "/3")
