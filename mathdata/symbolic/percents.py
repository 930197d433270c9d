"""Holds a percentage that the steps use as a bare number: `60 / 10` is 10 % of 60 only because 10 is the root of 100.

Every number gets the powers of a hundredth it may carry: a bare percentage one, 100 none or one, `p/100` none. Products
add them, sums need them alike. Where that does not come out, the percentages are held: no method changes or hides them.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from mathdata.symbolic.hold import FIRM
from mathdata.symbolic.solution import Slot

if TYPE_CHECKING:
    from mathdata.symbolic.tie import Graph, Group

__all__ = ["hold_percents"]

_Powers: TypeAlias = "frozenset[int]"
_PLAIN: _Powers = frozenset([0])
_BARE: _Powers = frozenset([1])
_EITHER: _Powers = frozenset([0, 1])
_HELD = "may make a constant"
_ASKED = re.compile(
    r"(?:%|percent|\b(?:grade|score|average|mark)s?\b|百分|分之|平均|率)[^.?!。？！]*[.?!。？！]?\s*$", re.IGNORECASE
)
"""The last sentence asks for a percentage, or for a grade that is told as one."""


def hold_percents(graph: Graph) -> None:
    """Hold percentages used as bare factors or divisors, and amounts that only look like a share of the question."""
    _shares(graph)
    percents = [g for g, group in enumerate(graph.groups) if any(m.percent for m in group.mentions)]
    if not percents:
        return
    bare = [x for x in graph.solution.slots if x.step >= 0 and not x.percent and _given(x, percents)]
    based = _bases(graph, bare)
    marks = all(x.op not in ("*", "/", "|", "^") for x in bare) and _ASKED.search(graph.question.text)
    if bare and not marks and not _Reckoned(graph, based).sound():
        for slot in bare:
            for g in _given(slot, percents):
                _hold(graph.groups[g])
    _spoken(graph, [graph.groups[g] for g in percents])


def _bases(graph: Graph, bare: list[Slot]) -> set[int]:
    """`100 - 20` where 20 % of 100 pupils leave: the percentage is their number only while there are 100.

    The hundred is held; the steps where it stands.
    """
    found: set[int] = set()
    steps = {x.step for x in bare if x.op in ("+", "-")}
    for slot in graph.solution.slots if steps else ():
        if slot.step in steps and slot.value == 100 and slot.op in ("+", "-") and not slot.percent:
            for source in slot.sources:
                if source[0] == "q":
                    _hold(graph.groups[source[1]])
                elif source[0] == "r":
                    graph.frozen.add(source[1])
                if source[0] in "qr":
                    found.add(slot.step)
    return found


def _given(slot: Slot, percents: list[int]) -> list[int]:
    return [x[1] for x in slot.sources if x[0] == "q" and x[1] in percents]


def _hold(group: Group) -> None:
    if group.held not in FIRM:
        group.held = _HELD


def _shares(graph: Graph) -> None:
    """`60 * 10%` where the question says 1/10 or 0.1 of them and has 10 of something else."""
    told = {Fraction(a, b) for a, b in graph.question.fractions if b}
    told |= {Fraction(g.value) for g in graph.groups if 0 < g.value < 1}
    for slot in graph.solution.slots if told else ():
        if slot.percent and {Fraction(slot.value, 100), 1 - Fraction(slot.value, 100)} & told:
            for group in (graph.groups[x[1]] for x in slot.sources if x[0] == "q"):
                if not any(m.percent for m in group.mentions):
                    _hold(group)


def _spoken(graph: Graph, percents: list[Group]) -> None:
    """`60 / 5` for 20 % of 60: a number told for something else may be the share where nothing else uses it."""
    divisors: set[Any] = set()
    for group in percents:
        share = Fraction(group.value, 100)
        mixed = any(not m.percent for m in group.mentions)
        users = [
            (slot, x)
            for slot in graph.solution.slots
            for x in slot.sources
            if x[0] in "qp" and graph.groups[x[1]] is group
        ]
        if not any(slot.percent or x[0] == "p" or not mixed for slot, x in users):
            divisors |= {share.denominator, (1 - share).denominator} - {1}
    for slot in graph.solution.slots if divisors else ():
        if slot.step >= 0 and slot.op == "/" and slot.value in divisors:
            for source in slot.sources:
                if source[0] in "qp":
                    _hold(graph.groups[source[1]])
                elif source[0] in "rxf":
                    graph.frozen.add(source[1])


class _Reckoned:
    """The powers of every number and result."""

    def __init__(self, graph: Graph, based: set[int]) -> None:
        self.graph, self.based = graph, based
        self.results: list[_Powers] = []

    def sound(self) -> bool:
        """Whether all sums are of one power and the answer is a plain number or a percentage."""
        s = self.graph.solution
        for step in s.steps:
            found = self.of(step.tree, step.slots)
            for tree, operands in step.others:
                found &= self.of(tree, operands)
            end = step.spans[-1][1]
            if s.text[end : end + 1] == "%" and found:
                found |= _EITHER
            if not found:
                return False
            self.results.append(found)
        gold = self.results[self.graph.gold]
        return 0 in gold or (1 in gold and _ASKED.search(self.graph.question.text) is not None)

    def result(self, j: int) -> _Powers:
        return self.results[j]

    def of(self, node: Any, operands: list[int]) -> _Powers:
        if type(node) is int:
            return self._slot(self.graph.solution.slots[operands[node]])
        first = self.of(node[1], operands)
        if node[0] == "~":
            return first
        if node[0] == "%":
            return frozenset(n - 1 for n in first) | _PLAIN
        second = self.of(node[2], operands)
        if node[0] in "+-":
            return first & second
        if node[0] == "^":
            return first if first == _PLAIN else first | _EITHER
        sign = 1 if node[0] == "*" else -1
        return frozenset(a + sign * b for a in first for b in second)

    def _slot(self, slot: Slot) -> _Powers:
        sources = slot.sources
        if slot.value == 100 and slot.op in ("*", "|"):  # 100 pupils are no 100 %
            sources = [x for x in sources if x[0] not in "cu"] or sources
        found: _Powers = frozenset().union(*(self._source(x, slot) for x in sources))
        return found | _EITHER if slot.percent else found

    def _source(self, source: Any, slot: Slot) -> _Powers:
        kind = source[0]
        if kind in "rf":
            return self.result(source[1])
        if kind == "x":
            return self.result(source[1]) | (_EITHER if source[2] == "p*100" else frozenset())
        if kind == "s":
            return self.of(source[1], list(source[2]))
        if kind == "m":
            first, second = (self._source(x, slot) for x in source[2:])
            sign = 1 if source[1] == "*" else -1 if source[1] == "/" else 0
            return frozenset(a + sign * b for a in first for b in second) if sign else first | second
        if kind == "u" or (slot.value == 100 and not (kind == "q" and slot.op in ("*", "|"))):
            return _EITHER
        if kind == "p" and source[2] in ("100-p", "100+p"):
            return _BARE
        if kind == "p" and source[2] == "p*100":
            return _EITHER
        if kind == "q":
            told = {m.percent for m in self.graph.groups[source[1]].mentions}
            return (
                _EITHER
                if len(told) > 1 or (True in told and slot.step in self.based)
                else _BARE
                if True in told
                else _PLAIN
            )
        return frozenset([-1, 0]) if slot.value == Fraction(1, 100) else _PLAIN
