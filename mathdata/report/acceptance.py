"""What augmentation kept, cell by cell: acceptance by method, level and source; how often questions were solved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.charts import bars, histogram
from mathdata.report.markup import e, integer, percent, t, table, tag, told

__all__ = ["acceptance"]

MOST_CELLS = 200
ELSEWHERE = ("acceptance", "by_method", "unsupported", "solve_rate", "novelty", "teacher")
"""Figures that the page shows as tables and charts of their own."""


def acceptance(stages: Sequence[Mapping[str, Any]]) -> str:
    """The details of every stage that made rows and told its figures; empty where none did."""
    parts = []
    for stage in stages:
        figures = stage.get("figures") or {}
        body = _solve_rates(figures) + _cells(figures) + _novelty(figures) + _rest(figures)
        if body:
            methods = ", ".join(figures.get("by_method") or {})
            name = e(f"{stage['stage']} ({methods})" if methods else stage["stage"]) + "".join(
                f" · {e(a)}" for a in stage.get("arms") or []
            )
            what = told("acceptance by method, level and source", "按方法、难度与来源的采纳情况")
            parts.append(tag("details", tag("summary", f"{name}: {what}") + body))
    return "".join(parts)


def _cells(figures: Mapping[str, Any]) -> str:
    cells = figures.get("acceptance") or []
    head = [told("Method", "方法"), told("Level", "难度"), told("Source", "来源"), told("Made", "生成"),
            told("Kept", "保留"), told("Share", "比例"), ""]  # fmt: skip
    rows = []
    for c in sorted(cells, key=lambda c: -c["made"])[:MOST_CELLS]:
        segments = [("kept", c["kept"], f"kept {c['kept']}"), ("gone", c["made"] - c["kept"], "set aside")]
        level = "–" if c["level"] == "-" else e(c["level"])
        numbers = [integer(c["made"]), integer(c["kept"]), percent(c["share"])]
        rows.append(
            [e(c["method"]), level, e(c["source"]), *numbers, tag("div", bars(segments, c["made"], 10), "meter")]
        )
    return table(head, rows)


def _solve_rates(figures: Mapping[str, Any]) -> str:
    """A histogram: how often questions were solved, over the rows judged and over those that stayed."""
    rates = figures.get("solve_rate") or {}
    judged, kept = rates.get("judged") or [], rates.get("kept") or []
    if not sum(judged):
        return ""
    lead = told(
        "How often a question was solved: over the rows judged, and over those that stayed. Where the two shapes differ, "
        "the filters shifted the difficulty.",
        "题目被解出的比例：已评判的行，以及最终保留的行。两者形状不同之处，即过滤改变了难度分布。",
    )
    series = [("gone", "judged", judged), ("kept", "kept", kept)]
    words = (("gone", told("judged", "已评判")), ("kept", told("kept", "保留")))
    legend = tag("ul", "".join(tag("li", tag("i", "", css) + word) for css, word in words), "key square")
    chart = histogram(rates.get("bins") or [], series, "axis_solved", "Solve rate before and after the filters")
    middle = [
        f"{told(*FILTERS[k])} {integer(sum(rates[k]))}" for k in FILTERS if rates.get(k) and k not in ("judged", "kept")
    ]
    between = tag("p", told("Between them: ", "其间：") + " · ".join(middle), "sum") if middle else ""
    return tag("p", lead, "sum") + legend + tag("div", chart, "low") + between


FILTERS = {
    "judged": ("judged", "已评判"),
    "right_answer": ("right answer", "答案正确"),
    "true_steps": ("true steps", "步骤成立"),
    "kept": ("kept", "保留"),
}


def _novelty(figures: Mapping[str, Any]) -> str:
    found = figures.get("novelty") or {}
    if not found.get("by_method"):
        return ""
    gains = ", ".join(f"{e(m)} {g['gain']:.2f} (n = {integer(g['sampled'])})" for m, g in found["by_method"].items())
    lead = told(
        "Novelty: mean distance of a kept row to the nearest row that was there (1 − Jaccard of word 3-grams): ",
        "新颖度：保留行与已有最近行的平均距离（1 − 词 3-gram 的 Jaccard 系数）：",
    )
    return tag("p", lead + gains, "sum")


def _rest(figures: Mapping[str, Any]) -> str:
    flat = [x for k, v in figures.items() if k not in ELSEWHERE for x in flatten(v, k)]
    return (
        tag("p", t("figures"), "sum") + tag("dl", "".join(tag("dt", e(k)) + tag("dd", e(v)) for k, v in flat[:80]))
        if flat
        else ""
    )


def flatten(value: Any, prefix: str = "") -> Any:
    """Nested figures as (path, text) lines; lists of records are left out."""
    if isinstance(value, Mapping):
        for k, v in value.items():
            yield from flatten(v, f"{prefix} › {k}" if prefix else str(k))
    elif isinstance(value, float):
        yield prefix, f"{value:.4g}"
    elif not (isinstance(value, list) and value and isinstance(value[0], Mapping)):
        yield prefix, json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)
