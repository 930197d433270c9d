"""Holds the numbers of a question that must not change, by what its worked solution says."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING

from mathdata.symbolic.lexer import listed
from mathdata.symbolic.solution import Slot, Solution

if TYPE_CHECKING:
    from mathdata.symbolic.tie import Graph

__all__ = ["FIRM", "hold"]

FIRM = frozenset(listed("one fraction label date clock shape"))
"""Held numbers that are constants; other held ones are amounts that only must not change."""


def hold(graph: Graph) -> None:
    """Hold what an unexplained constant could be made of, and numbers whose one value has two jobs."""
    s = graph.solution
    reckoned: set[int] = set()
    for slot in s.slots:
        for source in slot.sources:
            for part in source[2:] if source[0] == "m" else (source,):
                if part[0] in "qp":
                    graph.groups[part[1]].used = True
                    if slot.step >= 0:
                        reckoned.add(part[1])
    for g, group in enumerate(graph.groups):
        if group.held in FIRM:
            continue
        if group.used and g not in reckoned:
            group.held = group.held or "told"  # the prose names it, no step depends on it
        nouns = {m.noun for m in group.mentions}
        users = sum(
            x.step >= 0 and any(y[0] in "qp" and graph.groups[y[1]] is group for y in x.sources) for x in s.slots
        )
        if not group.held and len(nouns) > 1 and users < len(nouns):
            group.held = "two jobs"
    _split(graph)
    _loose_ends(graph)
    _said_in_words(graph)


def _loose_ends(graph: Graph) -> None:
    """Hold every number where an operand comes from nowhere while a number given or reckoned is left unused.

    The solution then went on with another value than its own (`25 * 5 = 125 … 150 - 5`).
    """
    s = graph.solution
    loose = [x for x in s.slots if x.sources[0][0] == "u"]
    kinds = {m.kind for group in graph.groups for m in group.mentions if m.kind}
    if any(x.step < 0 and (x.money or x.percent or _named(s, x) or (x.value > 5 and x.noun in kinds)) for x in loose):
        for group in graph.groups:
            group.held = group.held or "may make a constant"
        return
    if not any(x.step >= 0 and x.value > 12 for x in loose):
        return
    idle = any(not g.used and g.held not in FIRM for g in graph.groups)
    unused = set(range(len(s.steps))) - {graph.gold}
    unused -= {y[1] for x in s.slots if x.step >= 0 for y in x.sources if y[0] == "r"}
    for group in graph.groups if idle or unused else ():
        group.held = group.held or "may make a constant"


_ACT = re.compile(r"\b(?:adding|add|subtracting|subtract|plus|minus|picks|spends?|needs?)\s+\$?$")
_REASON = re.compile(r"[^.?!\n]{0,60}\bbecause\b")


def _named(s: Solution, slot: Slot) -> bool:
    """A number of the prose that a step should have given: `by adding 7`, `he has 66 because …`."""
    start, end = slot.spans[0]
    if s.letters or slot.word:
        return False
    return _ACT.search(s.text, max(0, start - 20), start) is not None or _REASON.match(s.text, end) is not None


def _said_in_words(graph: Graph) -> None:
    """Hold what the solution says without a number: `a quarter` for 25%, `8 + 8` for each of two."""
    s = graph.solution
    spoken = {v for word, v in _SHARES.items() if word in s.words}
    times = {n for step in range(len(s.steps)) for n in _repeated(s, step)}
    for group in graph.groups:
        if group.value in spoken and any(m.percent for m in group.mentions):
            group.held = group.held or "may make a constant"
        elif group.value in times:
            group.held = (
                "may make a constant" if group.used and group.held in ("", "told", "listed") else group.held or "told"
            )


_SHARES = {"half": 50, "quarter": 25, "fifth": 20, "tenth": 10}


def _repeated(s: Solution, step: int) -> set[int]:
    """How often one number is added in a step."""
    terms = [x.value for x in s.slots if x.step == step and x.side == 0 and x.op in ("", "+")]
    return {n for n in map(terms.count, terms) if n > 1}


def _split(graph: Graph) -> None:
    """Hold the parts where a sum seems to split an unused number of the question: 20 + 15 + … for "35 minutes"."""
    idle = {g.value for g in graph.groups if not g.used and g.held not in FIRM}
    for n in range(len(graph.solution.steps)) if idle else ():
        terms = [x for x in graph.solution.slots if x.step == n and x.side == 0 and x.op in ("", "+")]
        for a, b in combinations(terms, 2):
            if a.value + b.value in idle:
                for group in (graph.groups[y[1]] for y in (*a.sources, *b.sources) if y[0] in "qp"):
                    group.held = group.held or "may make a constant"
