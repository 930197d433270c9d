"""What augmentation kept, cell by cell: acceptance by method, level and source; solve rates; novelty gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.charts import bars
from mathdata.report.markup import e, integer, percent, tag, told

__all__ = ["acceptance"]

MOST_CELLS = 200
FILTERS = {
    "judged": ("judged", "已评判"),
    "right_answer": ("right answer", "答案正确"),
    "true_steps": ("true steps", "步骤成立"),
    "kept": ("kept", "保留"),
}


def acceptance(stages: Sequence[Mapping[str, Any]]) -> str:
    """The details of every stage that made rows and told its figures; empty where none did."""
    parts = []
    for stage in stages:
        figures = stage.get("figures") or {}
        body = _cells(figures) + _solve_rates(figures) + _novelty(figures)
        if body:
            name = e(stage["stage"]) + (f" · {e(stage['arm'])}" if stage.get("arm") else "")
            summary = tag("summary", f"{name}: " + told("acceptance in detail", "采纳明细"))
            parts.append(tag("details", summary + body))
    return "".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = tag("thead", tag("tr", "".join(tag("th", h) for h in head)))
    body = "".join(tag("tr", "".join(tag("td", c) for c in row)) for row in rows)
    return tag("div", tag("table", top + tag("tbody", body)), "scroll")


def _cells(figures: Mapping[str, Any]) -> str:
    cells = figures.get("acceptance") or []
    if not cells:
        return ""
    head = [told("Method", "方法"), told("Level", "难度"), told("Source", "来源"), told("Made", "生成"),
            told("Kept", "保留"), told("Share", "比例")]  # fmt: skip
    rows = [
        [e(c["method"]), e(c["level"]), e(c["source"]), integer(c["made"]), integer(c["kept"]), percent(c["share"])]
        for c in sorted(cells, key=lambda c: -c["made"])[:MOST_CELLS]
    ]
    return _table(head, rows)


def _solve_rates(figures: Mapping[str, Any]) -> str:
    """One bar a filter: how the rows left after it spread over how often their question was solved."""
    rates = figures.get("solve_rate") or {}
    bins = rates.get("bins") or []
    if not sum(rates.get("judged") or []):
        return ""
    lead = told(
        "How often a question was solved, over the rows left after each filter: never (dark) to always.",
        "各道过滤之后，所余行的题目被解出的比例：从从未（深色）到总是。",
    )
    rows = []
    for name, words in FILTERS.items():
        counts = rates.get(name) or []
        thirds = [
            sum(n for b, n in zip(bins, counts) if low <= b < high)
            for low, high in ((0, 0.35), (0.35, 0.75), (0.75, 2))
        ]
        spoken = ("solved in less than 35 %", "35 to 75 %", "75 % and more")
        segments = [(c, n, f"{s}: {n}") for c, n, s in zip(("bad", "made", "kept"), thirds, spoken)]
        rows.append([told(*words), *(integer(n) for n in thirds), bars(segments, sum(rates["judged"]), 12)])
    head = [told("After", "之后"), "0–35 %", "35–75 %", "75–100 %", ""]
    return tag("p", lead) + _table(head, rows)


def _novelty(figures: Mapping[str, Any]) -> str:
    gains = (figures.get("novelty") or {}).get("by_method") or {}
    if not gains:
        return ""
    lead = told(
        "Novelty gain: mean distance of a kept row to the nearest row that was there (1 − Jaccard of word 3-grams).",
        "新颖度：保留行与已有最近行的平均距离（1 − 词 3-gram 的 Jaccard 系数）。",
    )
    head = [told("Method", "方法"), told("Gain", "新颖度"), told("Sampled", "抽样")]
    rows = [[e(m), f"{g['gain']:.2f}", integer(g["sampled"])] for m, g in gains.items()]
    return tag("p", lead) + _table(head, rows)
