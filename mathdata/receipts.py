"""What figures say beside the ledger and the loss: the lines under a stage on the screen, and what a run must not hide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["how_to_settle", "lines_of", "shortfalls", "training_warnings"]

REASONS = 3
"""Reasons shown where most of what was asked for could not be made."""


def lines_of(figures: Mapping[str, Any]) -> list[str]:
    """The lines under a stage's ledger."""
    methods = (figures.get("by_method") or {}).items()
    kept = [f"{m}: {line['kept']:,} of {line['made']:,} kept ({line['share']:.0%})" for m, line in methods]
    return [*kept, *leaks(figures), *filled(figures.get("filled")), *shortfalls(figures)]


def leaks(figures: Mapping[str, Any]) -> list[str]:
    """What was found of each benchmark, and the rows that come from leaked ones."""
    found = [
        f"{name}: {count(b['checked'], 'item')} checked, {b['matched']:,} matched ({count(b['rows_matched'])}), "
        f"{b['unsure']:,} unsure ({count(b['rows_unsure'])})"
        for name, b in (figures.get("benchmarks") or {}).items()
    ]
    heirs = figures.get("through_parents")
    return [*found, *([f"made from leaks: {count(heirs)}"] if heirs else [])]


def filled(made: Any) -> list[str]:
    """How many rows of --fill make up for what the others lack."""
    if not made:
        return []
    groups = f" ({', '.join(f'{g} {n:,}' for g, n in made.items())})" if isinstance(made, dict) else ""
    return [f"fill: {count(sum(made.values()) if isinstance(made, dict) else made)} used{groups}"]


def count(n: int, of: str = "row") -> str:
    return f"{n:,} {of}" + ("" if n == 1 else "s")


def shortfalls(figures: Mapping[str, Any]) -> list[str]:
    """What was asked for and is not there: rows that no condition let in, groups too small, methods that do not fit."""
    nobody = (
        [f"where: no row has {words(figures['no_row_where'])}, so none was worked on"]
        if "no_row_where" in figures
        else []
    )
    return [*nobody, *lacking(figures.get("missing"), figures.get("groups") or {}), *unsupported(figures)]


def words(where: Mapping[str, Any]) -> str:
    listed = {k: v if isinstance(v, (list, tuple)) else [v] for k, v in where.items()}
    return " and ".join(f"{k} = {' or '.join(map(str, v))}" for k, v in listed.items())


def lacking(missing: Any, groups: Mapping[str, int]) -> list[str]:
    """What a sample was asked for and the rows did not have."""
    if isinstance(missing, dict):
        has = {group: f"has {groups[group]:,} of {groups[group] + n:,} rows" for group, n in missing.items()}
        return [f"quota: {group} {said if groups[group] else 'has no rows'}" for group, said in has.items()]
    return [f"{missing:,} rows fewer than asked for: there are no more"] if missing else []


def unsupported(figures: Mapping[str, Any]) -> list[str]:
    """The commonest reasons, where most of what was asked for was not supported."""
    reasons = figures.get("unsupported") or []
    made = sum(line["made"] for line in (figures.get("by_method") or {}).values())
    if not made or 2 * sum(r["rows"] for r in reasons) <= made:
        return []
    rest = sum(r["rows"] for r in reasons[REASONS:])
    more = [f"unsupported, {len(reasons) - REASONS} further reasons: {rest:,} rows"] if rest else []
    return [f"unsupported, {r['method']}: {r['reason']} ({r['rows']:,} rows)" for r in reasons[:REASONS]] + more


def how_to_settle(pending: int, rejected: Mapping[str, int], figures: Mapping[str, Any]) -> str:
    """What to do about rows that wait for an answer: the same again, unless the budget let not one request through."""
    asked = (figures.get("teacher") or {}).get("asked")
    if rejected.get("pending-budget") == pending and asked == 0:
        return f"{pending:,} rows are pending: the budget is too small for a single request; give more and run again"
    return f"{pending:,} rows are pending: run the same command again to settle them"


NO_ADVANTAGE = 0.9
"""Share of groups without an advantage from which a reinforced run is said to have learnt next to nothing."""


def training_warnings(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """What a training's record must not hide, in English and Chinese.

    A group in which all answers earn alike pulls the model nowhere: a run of such groups learnt nothing of the verdict.
    """
    rewards = record.get("rewards") or {}
    groups, flat = int(rewards.get("groups") or 0), int(rewards.get("zero_advantage_groups") or 0)
    if not groups or flat < NO_ADVANTAGE * groups:
        return []
    share = f"{flat / groups:.1%}"
    return [
        {
            "en": f"in {share} of the {groups:,} groups all answers were right alike or wrong alike: next to nothing was "
            "learnt from the judge; take problems that the model solves sometimes, more generations, a higher temperature",
            "zh": f"{groups:,} 组中有 {share} 组的回答全对或全错：模型几乎没有从判定中学到东西；请选用模型时对时错的题目，"
            "或增加每题的采样数、提高温度",
        }
    ]
