"""lm-eval's table of every arm: the seven subjects of MATH and their group with standard errors, a column a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathdata.report.markup import e, section, table, tag, told

__all__ = ["leaderboard", "leaderboard_tables"]

LEAD = (
    "By lm-eval's own rules and standard errors. Its exact_match of MATH reads one closing sentence alone "
    "(“Final Answer: The final answer is …”); math_verify and the accuracies above read every answer.",
    "按 lm-eval 自己的规则与标准误差计算。MATH 的 exact_match 只读取一种结尾句（“Final Answer: The final answer is …”）；"
    "math_verify 与上面的准确率读取所有答案。",
)


def leaderboard_tables(run: Mapping[str, Any]) -> dict[str, tuple[list[str], list[list[str]]]]:
    """benchmark -> (the arms that were asked, lines of task, metric, then value ± error for each arm)."""
    told_by: dict[str, dict[str, Any]] = {}
    for arm, figures in (run.get("arms") or {}).items():
        for name, made in (figures.get("benchmarks") or {}).items():
            if made.get("lm_eval"):
                told_by.setdefault(name, {})[arm] = made["lm_eval"]
    return {name: (list(arms), _lines(arms)) for name, arms in told_by.items()}


def _lines(arms: Mapping[str, Any]) -> list[list[str]]:
    first = next(iter(arms.values()))
    lines = []
    for task in {**(first["group"] or {}), **first["tasks"]}:
        parts = [{**(a["group"] or {}), **a["tasks"]}.get(task) for a in arms.values()]
        for metric in next(p for p in parts if p)["metrics"]:
            word, _, filter_ = metric.partition(",")
            said = word if filter_ == "none" else f"{word} ({filter_})"
            lines.append([task, said, *(_value(p["metrics"].get(metric)) if p else "–" for p in parts)])
    return lines


def _value(figure: Mapping[str, float | None] | None) -> str:
    if figure is None:
        return "–"
    error = figure["stderr"]
    return f"{figure['value']:.4f}" + (f" ± {error:.4f}" if error is not None else "")


def leaderboard(run: Mapping[str, Any]) -> str:
    """The section of the page; empty where lm-eval has none of the benchmarks."""
    body = ""
    for name, (arms, lines) in leaderboard_tables(run).items():
        head = [told("Task", "任务"), told("Metric", "指标"), *map(e, arms)]
        body += tag("h3", e(name)) + table(head, [[e(c) for c in line] for line in lines], text=(0, 1))
    return section("leaderboard", "leaderboard", body, told(*LEAD))
