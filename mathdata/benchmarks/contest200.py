"""The contest's 200: first match of the family's answer pattern, graded within a tolerance (1e-8, 1e-4 or 1e-2)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import polars as pl

from mathdata.benchmarks._source import address, load
from mathdata.errors import UsageError
from mathdata.registry import register
from mathdata.types import Benchmark, Frame, Row, Verdict

N = r"(-?\d+(?:\.\d+)?)"
MARKED = re.compile(r"####\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3}|/[1-9]\d*)?)\s*$")


@dataclass(frozen=True, slots=True)
class Shape:
    """A family as the contest words it: how to read the question, its exact value, how an answer looks."""

    name: str
    question: re.Pattern[str]
    value: Callable[..., float]
    answer: re.Pattern[str]


def _shape(name: str, question: str, value: Callable[..., float], answer: str) -> Shape:
    return Shape(name, re.compile(question), value, re.compile(answer))


def _quotient(a: float, b: float) -> float:
    return a / b if b else math.nan


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except (OverflowError, ValueError):
        return math.nan


def _monomial(x: float, a: float, n: float) -> float:
    return a * _power(x, n)


def _discount(price: float, paid: float) -> float:
    return _quotient(price - paid, price) * 100


def _growth(before: float, percent: float) -> float:
    return before * (1 + percent / 100)


SHAPES = (
    # The published rule takes a sum written as a difference too: 9129.29 - 6402.63 for -6402.63 + 9129.29.
    _shape("addition", rf"计算 {N} \+ {N} ", lambda a, b: a + b, rf"{N}\s*[-+]\s*{N}\s*=\s*{N}"),
    _shape("subtraction", rf"计算 {N} - {N} ", lambda a, b: a - b, rf"{N}\s*-\s*{N}\s*=\s*{N}"),
    _shape("multiplication", rf"计算 {N} \* {N} ", lambda a, b: a * b, rf"{N}\s*\*\s*{N}\s*=\s*{N}"),
    _shape("division", rf"计算 {N} / {N} ", _quotient, rf"{N}\s*/\s*{N}\s*=\s*{N}"),
    _shape("power", rf"计算 {N} 的 {N} 次方", _power, rf"{N}\^{N} = {N}"),
    _shape("square_root", rf"计算 {N} 的平方根", lambda a: math.sqrt(a), rf"√{N} = {N}"),
    _shape("equation", rf"解方程 {N}x \+ {N} = {N}", lambda a, b, c: _quotient(c - b, a), rf"方程的解为[：:]\s*{N}"),
    _shape("discount", rf"原价为 {N} 元，打折后的价格为 {N} 元", _discount, rf"折扣比例为[： ]{N}"),
    _shape("area", rf"长为 {N} 厘米，宽为 {N} 厘米", lambda a, b: a * b, rf"面积为\s*{N}"),
    _shape("function", rf"当 x = {N} 时，求函数 y = {N}x\^{N} ", _monomial, rf"函数的值为[：:]\s*{N}"),
    _shape("sales", rf"销售额为 {N} 万元，今年销售额增加了 {N}%", _growth, rf"= {N} \* {N} = {N}"),
    _shape("mass", rf"密度为 {N} 克/立方厘米，体积为 {N} 立方", lambda a, b: a * b, rf"{N}\s*克"),
    _shape("mean", r"平均值：\[([^\]]+)\]", lambda v: v, rf"平均值为[： ]{N}"),
)


FAMILIES = (
    "add", "subtract", "multiply", "divide", "power", "square_root", "equation", "discount", "rectangle_area",
    "function_value", "sales", "mass", "mean",
)  # fmt: skip
"""The shapes by the names that the families of elementary problems have everywhere else."""


def exact(problem: str) -> tuple[Shape, float] | None:
    """The family of a contest question and its value; None where no family reads it."""
    for shape in SHAPES:
        found = shape.question.search(problem)
        if found and shape.name == "mean":
            values = [float(v) for v in found[1].split(",")]
            return shape, sum(values) / len(values)
        if found:
            return shape, shape.value(*(float(g) for g in found.groups()))
    return None


def grade(row: Row, response: str, tolerance: float = 1e-2) -> Verdict:
    """First match of the family's answer pattern, within `tolerance` + 1e-5 of the exact value."""
    known = exact(row["problem"])
    if known is None:
        return Verdict("error", "the question is of no known family")
    shape, gold = known
    # A response closed by #### says its answer itself; the published outputs have none, they keep the published rule.
    found = MARKED.search(response) or shape.answer.search(response)
    if found is None:
        return Verdict("unparsed", "no answer in the family's form", f"{gold:.12g}", None, shape.name)
    got, span = found[found.re.groups], found.span(found.re.groups)
    above, _, below = got.partition("/")
    off = abs(float(above) / float(below or 1) - gold)
    near = off <= tolerance + 1e-5 * abs(gold)
    why = "within tolerance" if near else f"off by {off:.6g}"
    return Verdict("correct" if near else "wrong", why, f"{gold:.12g}", got, shape.name, span)


def shape_rows(raw: Frame) -> Frame:
    known = [exact(p) for p in raw["problem"].to_list()]
    return raw.select(
        pl.int_range(pl.len()).cast(pl.String).alias("id"),
        "problem",
        pl.Series("answer", [f"{k[1]:.12g}" if k else None for k in known], dtype=pl.String),
        "solution",
        pl.Series("subject", [k[0].name if k else None for k in known], dtype=pl.String),
    )


FILE = "seed_corpus/eval_200.jsonl"


def rows() -> Frame:
    return load(FILE, None, shape_rows)


@register(
    "benchmark", "contest200", "200 rows of the elementary-mathematics contest, graded within a tolerance (Chinese)"
)
def contest200(
    *, tolerance: Annotated[float, "the contest's 1e-8, 1e-4 or 1e-2; 0.05 for answers rounded to one decimal"] = 1e-2
) -> Benchmark:
    """The contest's 200 at one of its tolerances."""
    if not 0 <= tolerance < math.inf:
        raise UsageError(
            f"contest200: a tolerance of {tolerance:g} lets nothing be graded", "for example contest200:0.01"
        )

    def judge(row: Row, response: str) -> Verdict:
        return grade(row, response, tolerance)

    return Benchmark(
        name="contest200", load=rows, version=f"200@65397af/{tolerance:g}", licence="MIT", language="zh",
        prompt="alpaca", judge=judge, max_tokens=512, by=("subject",), families=FAMILIES, tolerance=tolerance,
        source=partial(address, FILE),
    )  # fmt: skip
