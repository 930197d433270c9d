"""A twin of the contest corpus: 809,993 rows, 548,942 distinct, the published counts by family, one row 480 times."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

DISTINCT = {
    "add": 90113, "subtract": 89366, "multiply": 89902, "divide": 89966, "square_root": 39227, "power": 39207,
    "linear_equation": 40080, "discount": 6275, "mean": 19709, "mass": 100, "rectangle_area": 8665, "sales": 6266,
    "simplify_fraction": 45, "function_value": 20028, "english": 9993,
}  # fmt: skip
EXTRA = {
    "linear_equation": 199_920, "square_root": 773, "power": 793, "mean": 291, "discount": 3_725, "sales": 3_734,
    "rectangle_area": 11_335, "simplify_fraction": 19_955, "mass": 19_900, "arithmetic": 625,
}  # fmt: skip
"""Repeated rows: raw counts as inferred for the corpus, less the distinct ones; 261,051 in all."""
MOST = ("将分数 5/6 进行简化。", 480)

Row = tuple[str, str]


def _arithmetic(sign: str, value: Callable[[float, float], float]) -> Callable[[random.Random], Row]:
    def make(rng: random.Random) -> Row:
        a, b = (rng.randint(-1_000_000, 1_000_000) / 100 for _ in range(2))
        b = b or 1.0
        return f"计算 {a:.2f} {sign} {b:.2f} 等于多少？", f"{a:.2f} {sign} {b:.2f} = {value(a, b):.4f}"

    return make


def _equation(rng: random.Random) -> Row:
    m, n = rng.choice([i for i in range(-100, 101) if i]), rng.randint(-100, 100)
    return f"解方程 {m}x + {n} = 0", f"方程的解为：{-n / m}"


def _mean(rng: random.Random) -> Row:
    data = [rng.randint(1, 100) for _ in range(rng.randint(3, 10))]
    return f"求以下数据的平均值：{data}", f"平均值为 {sum(data) / len(data)}"


def _sqrt(rng: random.Random) -> Row:
    a = rng.randint(0, 1_000_000) / 100
    return f"计算 {a:.2f} 的平方根？", f"√{a:.2f} = {math.sqrt(a)!r}"


def _power(rng: random.Random) -> Row:
    a, n = rng.randint(-100_000, 100_000) / 100, rng.randint(0, 5)
    return f"计算 {a:.2f} 的 {n} 次方？", f"{a:.2f}^{n} = {a**n!r}"


def _discount(rng: random.Random) -> Row:
    a, b = rng.randint(1, 100), rng.randint(1, 100)
    return f"商品原价为 {a} 元，打折后的价格为 {b} 元，请计算打折的折扣比例。", f"{(a - b) / a * 100}"


def _sales(rng: random.Random) -> Row:
    a, p = rng.randint(1, 100), rng.randint(1, 100)
    return f"去年销售额为 {a} 万元，今年销售额增加了 {p}%，请计算今年的销售额。", f"{a * (100 + p) / 100}"


def _area(rng: random.Random) -> Row:
    a, b = rng.randint(1, 100), rng.randint(1, 100)
    return f"一个长方形的长为 {a} 厘米，宽为 {b} 厘米，请计算其面积。", f"面积为 {a * b} 平方厘米"


def _mass(rng: random.Random) -> Row:
    a, b = rng.randint(1, 10), rng.randint(1, 10)
    return f"某物体的密度为 {a} 克/立方厘米，体积为 {b} 立方厘米，请计算该物体的质量。", f"{a * b} 克"


def _fraction(rng: random.Random) -> Row:
    a = rng.randint(1, 9)
    b = rng.randint(a + 1, 10)
    g = math.gcd(a, b)
    return f"将分数 {a}/{b} 进行简化。", f"最简化的形式为：{a // g}/{b // g}"


def _function(rng: random.Random) -> Row:
    x, a, n = rng.randint(10, 1000) / 100, rng.randint(1, 100), rng.randint(1, 100)
    return f"当 x = {x:.2f} 时，求函数 y = {a}x^{n} 的值", f"函数的值为：{a * x**n!r}"


def _english(rng: random.Random) -> Row:
    a, b, c = (rng.randint(2, 999) for _ in range(3))
    return (
        f"Find the number of integers $n$ with ${a} < n < {a + b}$ that are multiples of ${c}$.",
        f"The answer is $\\boxed{{{(a + b - 1) // c - a // c}}}$.",
    )


MAKERS: dict[str, Callable[[random.Random], Row]] = {
    "add": _arithmetic("+", lambda a, b: a + b), "subtract": _arithmetic("-", lambda a, b: a - b),
    "multiply": _arithmetic("*", lambda a, b: a * b), "divide": _arithmetic("/", lambda a, b: a / b),
    "square_root": _sqrt, "power": _power, "linear_equation": _equation, "discount": _discount, "mean": _mean,
    "mass": _mass, "rectangle_area": _area, "sales": _sales, "simplify_fraction": _fraction,
    "function_value": _function, "english": _english,
}  # fmt: skip


def distinct(family: str, rng: random.Random) -> list[Row]:
    rows: dict[Row, None] = {}
    while len(rows) < DISTINCT[family]:
        rows[MAKERS[family](rng)] = None
    return list(rows)


def corpus(seed: int = 1) -> list[Row]:
    """All 809,993 rows, shuffled."""
    rng = random.Random(seed)
    sets = {family: distinct(family, rng) for family in DISTINCT}
    rows = [row for rows in sets.values() for row in rows]
    for family, extra in EXTRA.items():
        source = (
            [r for f in ("add", "subtract", "multiply", "divide") for r in sets[f]]
            if family == "arithmetic"
            else sets[family]
        )
        rows += list(_repeats(source, extra, rng))
    rng.shuffle(rows)
    return rows


def _repeats(source: list[Row], extra: int, rng: random.Random) -> Iterator[Row]:
    most = [row for row in source if row[0] == MOST[0]]
    others = [row for row in source if row[0] != MOST[0]]
    yield from most * (MOST[1] - 1)
    for i in range(extra - len(most) * (MOST[1] - 1)):
        yield others[i % len(others)] if len(others) < 200 else rng.choice(others)


def spelled_otherwise(row: Row, rng: random.Random) -> Row:
    """The same row in other white space, full-width digits or punctuation."""
    problem, solution = row
    kind = rng.randrange(3)
    if kind == 0:
        problem = problem.replace(" ", "\u3000" if rng.random() < 0.5 else "  ", 1) + " "
    elif kind == 1:
        problem = "".join(chr(0xFF10 + int(c)) if c.isdigit() and c.isascii() else c for c in problem)
    else:
        problem = problem.replace("？", "?").replace("，", ", ").replace("：", ":").replace("。", ".")
    return (problem, solution) if problem != row[0] else (problem + "\n", solution)


def write(rows: list[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for problem, solution in rows:
            file.write(json.dumps({"problem": problem, "solution": solution}, ensure_ascii=False) + "\n")
