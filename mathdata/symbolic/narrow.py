"""Narrows the possible sources of a solution's numbers to those that are left when what is certain is taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mathdata.symbolic.constants import UNIT_WORDS
from mathdata.symbolic.lexer import listed
from mathdata.symbolic.solution import Slot, Solution, Unsupported
from mathdata.worked import Number

if TYPE_CHECKING:
    from mathdata.symbolic.tie import Graph

__all__ = ["narrow"]


def narrow(graph: Graph) -> None:
    s = graph.solution
    wide = [slot.sources for slot in s.slots]
    _fractions(graph)
    _because(graph)
    _twins(graph)
    _nouns(graph)
    _used(graph)
    _twins(graph)
    _used(graph)
    _asked(graph)
    _exact(graph)
    _left_out(graph, wide)
    _sides(s)
    _kinds(graph)


def _kinds(graph: Graph) -> None:
    """`120 minutes` is no earlier result of $120: it was made in the head."""
    for slot in graph.solution.slots:
        if len(slot.sources) == 1 and slot.sources[0][0] == "r" and not slot.percent:
            money = _money(graph, slot.sources[0])
            if (slot.money and money is False) or (slot.noun and slot.noun not in _MONEY and not slot.money and money):
                raise Unsupported("one value stands for two things", f"{slot.value} {slot.noun}")


def _left_out(graph: Graph, wide: list[Any]) -> None:
    """A number of the question that is left without any use keeps the places where it could have one."""
    slots = graph.solution.slots
    used = {x[1] for slot in slots for x in slot.sources if x[0] in "qp"}
    used |= {y[1] for slot in slots for x in slot.sources if x[0] == "m" for y in x[2:] if y[0] == "q"}
    for g, group in enumerate(graph.groups):
        if g not in used and group.held != "told":  # nobody reckons with "the four guards"
            for slot, sources in zip(slots, wide):
                if slot.step >= 0 and slot.side == 0 and ("q", g) in sources:
                    slot.sources = sources


_OVER = re.compile(r"(\d+)/$")
_UNDER = re.compile(r"/(\d+)(?![\d.])")


def _fractions(graph: Graph) -> None:
    """`1/8 * 400` where the question says 1/8: both parts are the written fraction's, whatever else is 8."""
    known = set(graph.question.fractions)
    if not known:
        return
    text = graph.solution.text
    for slot in graph.solution.slots:
        if len(slot.sources) < 2 or slot.op not in ("/", "|") or ("c", slot.value) not in slot.sources:
            continue
        above: Number
        below: Number
        for start, end in slot.spans:
            if slot.op == "/":
                other = _OVER.search(text, max(0, start - 5), start)
                above, below = int(other[1]) if other else 0, slot.value
            else:
                other = _UNDER.match(text, end)
                above, below = slot.value, int(other[1]) if other else 0
            if (above, below) in known:
                slot.sources = [("c", slot.value)]
    for slot in graph.solution.slots:
        if (
            slot.noun
            and ("c", slot.value) in slot.sources
            and graph.constants.get(slot.value) == frozenset(["fraction"])
        ):
            kinds = [m.kind for x in slot.sources if x[0] == "q" for m in graph.groups[x[1]].mentions]
            if slot.noun in kinds and not any(_OVER.search(text, max(0, a - 5), a) for a, _ in slot.spans):
                _keep(slot, [x for x in slot.sources if x[0] != "c"])  # `3 months`, not a third's 3


_REASON = re.compile(r"(?:[^.?!\n]|\.(?=\d)){0,120}?\b(?:because|since)\b")
_STOP = re.compile(r"[?!\n]|\.(?!\d)")


def _because(graph: Graph) -> None:
    """`He has 3 left because 5 - 2 = 3`: the number told first is the result that the reason ends in."""
    s = graph.solution
    for slot in s.slots if not s.words.isdisjoint(("because", "since")) else ():
        if slot.step >= 0 or len(slot.sources) < 2:
            continue
        start, end = slot.spans[0]
        reason = _REASON.match(s.text, end)
        if reason is None:
            continue
        stop = _STOP.search(s.text, reason.end())
        last = stop.start() if stop else len(s.text)
        given = [j for j, x in enumerate(s.steps) if reason.end() <= x.start < last and x.value == slot.value]
        same = [x for x in s.slots if x.step < 0 and x.value == slot.value and x.spans[0][0] < reason.end()]
        before = max(s.text.rfind(mark, 0, start) for mark in ".?!\n")
        if len(given) == 1 and ("r", given[0]) in slot.sources and sum(x.spans[0][0] > before for x in same) == 1:
            slot.sources = [("r", given[0])]


_ROUNDS = re.compile(
    r"\bround|\bwhole\b|\bonly\b|\bmost\b|\benough\b|\bfull\b|\bnearest|\bpart|\bleft\b|\bremain", re.I
)


def _exact(graph: Graph) -> None:
    """A result that the solution goes on with as it stands is not rounded elsewhere, unless the text speaks of it."""
    s = graph.solution
    if not s.ragged or _ROUNDS.search(s.text):
        return
    used = {x.sources[0] for x in s.slots if x.step >= 0 and x.side == 0 and len(x.sources) == 1}
    for slot in s.slots:
        if len(slot.sources) > 1:
            _keep(slot, [x for x in slot.sources if x[0] != "f" or ("r", x[1]) not in used])


def _twins(graph: Graph) -> None:
    """`48 + 48` with two results of 48: one each; order does not matter in one sum or product."""
    s = graph.solution
    for step in s.steps:
        for group in (step.slots, *(o[1] for o in step.others)):
            by: dict[Number, list[Slot]] = {}
            for k in group:
                by.setdefault(s.slots[k].value, []).append(s.slots[k])
            for slots in by.values():
                n = len(slots)
                same = n > 1 and all(x.op == slots[0].op and x.sources == slots[0].sources for x in slots)
                if same and slots[0].op in ("+", "*") and len(slots[0].sources) == n:
                    slots.sort(key=lambda x: not x.percent)
                    slots[0].sources.sort(key=lambda x: x[0] != "q" or not _is_percent(graph, x))
                    _deal(graph, slots, list(slots[0].sources))


def _deal(graph: Graph, slots: list[Slot], sources: list[Any]) -> None:
    """One source for each slot, that of its own noun where there is one."""
    rest = []
    for slot in slots:
        same = [x for x in sources if slot.noun and slot.noun in _noun_of(graph, x)]
        same = same or [x for x in sources if slot.money and _money(graph, x)]
        if same:
            slot.sources = [same[0]]
            sources.remove(same[0])
        else:
            rest.append(slot)
    for slot, source in zip(rest, sources):
        slot.sources = [source]


def _is_percent(graph: Graph, source: Any) -> bool:
    return any(m.percent for m in graph.groups[source[1]].mentions)


def _sides(s: Solution) -> None:
    """The same number on another side of a step comes from where it came on the first side."""
    for step in s.steps:
        for _, operands in step.others:
            for k in operands:
                slot = s.slots[k]
                first = [s.slots[m].sources for m in step.slots if s.slots[m].value == slot.value]
                if len(first) == 1:
                    _keep(slot, [x for x in slot.sources if x in first[0]])


def _used(graph: Graph) -> None:
    """Every result is used: a result that one operand alone can use is that operand's source."""
    s = graph.solution
    operands = [x for x in s.slots if x.step >= 0 and x.side == 0]
    settled: set[int] = set()
    again = True
    while again:
        again = False
        for j in range(len(s.steps)):
            if j == graph.gold or j in settled:
                continue
            users = [x for x in operands if ("r", j) in x.sources]
            if any(len(x.sources) == 1 for x in users):
                settled.add(j)
            elif len(users) == 1:
                users[0].sources = [("r", j)]
                settled.add(j)
                again = True


_MONEY = frozenset(listed("dollar cent buck"))


def _asked(graph: Graph) -> None:
    """Every number of the question that can be used at one place only is used there, where its rivals are at home
    elsewhere."""
    operands = [x for x in graph.solution.slots if x.step >= 0 and x.side == 0]
    at_home = {x.sources[0] for x in operands if len(x.sources) == 1}
    for g, group in enumerate(graph.groups):
        users = [x for x in operands if ("q", g) in x.sources]
        if group.held or len(users) != 1 or len(users[0].sources) < 2:
            continue
        rivals = [s for s in users[0].sources if s != ("q", g)]
        if all(s[0] == "r" and s in at_home for s in rivals):
            users[0].sources = [("q", g)]


def _nouns(graph: Graph) -> None:
    """The noun after a number, or its sign of money, rules out sources that are known to be of another kind.

    A result that is shown without a noun may be of any kind, so it is never ruled out.
    """
    for slot in graph.solution.slots:
        if len(slot.sources) < 2:
            continue
        if slot.money:
            _keep(slot, [x for x in slot.sources if _money(graph, x) is not False])
        elif slot.noun and slot.noun not in _MONEY and "$" in graph.solution.text:
            _keep(slot, [x for x in slot.sources if _money(graph, x) is not True])
        if slot.noun and len(slot.sources) > 1 and any(slot.noun in _noun_of(graph, x) for x in slot.sources):
            _keep(slot, [x for x in slot.sources if not _other_noun(graph, x, slot)])


def _keep(slot: Slot, same: list[Any]) -> None:
    if same:
        slot.sources = same


def _money(graph: Graph, source: Any) -> bool | None:
    """Whether a source is an amount of money; None = cannot tell."""
    if source[0] in "qp":
        return any(m.money for m in graph.groups[source[1]].mentions)
    if source[0] != "r":
        return None
    step = graph.solution.steps[source[1]]
    return True if step.money or step.noun in _MONEY else False if step.noun else None


def _noun_of(graph: Graph, source: Any) -> Sequence[str]:
    if source[0] == "q":
        return [m.kind for m in graph.groups[source[1]].mentions]
    return [graph.solution.steps[source[1]].noun] if source[0] == "r" else []


def _other_noun(graph: Graph, source: Any, slot: Slot) -> bool:
    """Whether a source surely counts something else than the slot's noun."""
    if source[0] == "c":
        words = graph.constants.get(slot.value, frozenset(["firm"]))
        return words <= UNIT_WORDS and slot.noun not in words
    nouns = [n for n in _noun_of(graph, source) if n]
    return bool(nouns) and slot.noun not in nouns
