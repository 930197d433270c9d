"""Replays a graph with other numbers, exactly, and says why it cannot: sources that disagree, a relation that breaks."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import Any

from mathdata.symbolic.tie import Graph, made_from
from mathdata.worked import Number, evaluate

__all__ = ["Replay", "places", "replay"]


class Replay:
    """The values of every slot and step after `values` took the place of the groups' own."""

    __slots__ = ("results", "slots", "why")

    def __init__(self) -> None:
        self.slots: list[Number] = []
        self.results: list[Number] = []
        self.why = ""


def replay(graph: Graph, values: Sequence[Number]) -> Replay:
    """Replay all steps; `why` is '' where every number has one value whichever source it came from."""
    made = Replay()
    s = graph.solution
    slots = made.slots = [slot.value for slot in s.slots]
    results = made.results = [step.value for step in s.steps]
    for j, step in enumerate(s.steps):
        for k in step.slots:
            if not _settle(graph, k, values, slots, results, made):
                return made
        value = _checked(step.tree, [slots[k] for k in step.slots], [s.slots[k].value for k in step.slots])
        if value is None:
            made.why = "a relation breaks"
            return made
        results[j] = value
        for tree, operands in step.others:
            for k in operands:
                if not _settle(graph, k, values, slots, results, made):
                    return made
            if evaluate(tree, [slots[k] for k in operands]) != value:
                made.why = "sides differ"
                return made
    for k, slot in enumerate(s.slots):
        if slot.step < 0 and not _settle(graph, k, values, slots, results, made):
            return made
    return made


def _settle(
    graph: Graph, k: int, values: Sequence[Number], slots: list[Number], results: list[Number], made: Replay
) -> bool:
    """Give slot k its new value; all its sources must agree on it."""
    value: Number | None = None
    for source in graph.solution.slots[k].sources:
        other = _value(source, values, slots, results)
        if value is None:
            value = other
        elif other != value:
            made.why = "one value stands for two things"
            return False
    assert value is not None
    slots[k] = value
    return True


def _value(source: Any, values: Sequence[Number], slots: list[Number], results: list[Number]) -> Any:
    kind = source[0]
    if kind == "q":
        return values[source[1]]
    if kind == "r":
        return results[source[1]]
    if kind == "p":
        return made_from(source[2], values[source[1]])
    if kind == "x":
        return made_from(source[2], results[source[1]])
    if kind == "m":
        return evaluate((source[1], 0, 1), [_value(part, values, slots, results) for part in source[2:]])
    if kind == "f":
        return floor(results[source[1]]) if source[2] == "down" else ceil(results[source[1]])
    if kind == "s":
        return evaluate(source[1], [slots[k] for k in source[2]])
    return source[1]


def _checked(node: Any, new: list[Number], old: list[Number]) -> Number | None:
    """The new value; None where a part of the calculation changes its kind (sign, above or below zero)."""
    if type(node) is int:
        return new[node]
    children = [_checked(child, new, old) for child in node[1:]]
    if None in children:
        return None
    value = evaluate((node[0], *range(len(children))), children)  # type: ignore[arg-type]
    if node[0] == "-" and value is not None and value <= 0:
        before = evaluate(node, old)
        if before is not None and (before > 0 or value < 0 <= before):
            return None
    return value


def places(value: Number) -> int:
    """Decimal places of an exact decimal; 99 where it has no end."""
    d = value.denominator
    if d == 1:
        return 0
    twos = fives = 0
    while d % 2 == 0:
        d, twos = d // 2, twos + 1
    while d % 5 == 0:
        d, fives = d // 5, fives + 1
    return max(twos, fives) if d == 1 else 99
