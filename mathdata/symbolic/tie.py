"""Ties a solution to its question: every number gets the set of its possible sources, narrowed by what is certain.

Ambiguity costs coverage, never truth: new numbers are accepted only when all sources that are left agree.
A source is a pair: ("q", g) a number of the question, ("p", g, f) one made from it, ("r", j) the result of step j,
("c", v) a constant, ("u", v) one that nothing states, ("s", …) a part of the step, ("m", …) a step done in the head, ("f", j, …) a result rounded,
("x", j, f) a result in another unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from mathdata.symbolic.constants import SINGLE, UNIT_WORDS, Constants, constants
from mathdata.symbolic.hold import FIRM, hold
from mathdata.symbolic.lexer import listed
from mathdata.symbolic.narrow import narrow
from mathdata.symbolic.percents import hold_percents
from mathdata.symbolic.question import Mention, Question, read_question
from mathdata.symbolic.solution import MAX_STEPS, MAX_TEXT, Slot, Solution, Unsupported, read_solution
from mathdata.worked import Number, evaluate, whole

__all__ = ["Graph", "Group", "made_from", "tie"]


@dataclass(slots=True)
class Group:
    """The numbers of the question that have one value: they move together."""

    value: Number
    mentions: list[Mention]
    held: str = ""
    used: bool = False


@dataclass(slots=True)
class Graph:
    question: Question
    solution: Solution
    groups: list[Group]
    gold: int
    """The step whose result is the answer."""
    frozen: set[int]
    """Steps whose result must not change: something in the text was made from it in the head."""
    constants: dict[Number, frozenset[str]]


_SELF = frozenset(listed("other himself herself including themselves myself another remaining also additional"))

_DERIVED = ("1-p/100", "1+p/100", "100-p", "100+p")


def made_from(form: str, p: Any) -> Any:
    """The number made from p, a value of the question (or any exact number type)."""
    if form == "1-p/100":
        return 1 - made_from("p/100", p)
    if form == "1+p/100":
        return 1 + made_from("p/100", p)
    if form == "100-p":
        return 100 - p
    if form == "100+p":
        return 100 + p
    factor = int(form[2:])
    if form[1] == "*":
        return p * factor
    return whole(Fraction(p, factor)) if isinstance(p, int) else p / factor


def tie(problem: str, solution: str) -> Graph:
    """The graph of a row. Raises Unsupported with the reason where it cannot be read or replayed."""
    if len(problem) > MAX_TEXT:
        raise Unsupported("too long", f"{len(problem):,} characters")
    s = read_solution(solution)
    q = read_question(problem)
    if len(q.mentions) > MAX_STEPS:
        raise Unsupported("too long", f"{len(q.mentions)} numbers in the question")
    graph = Graph(q, s, _groups(q), _gold_step(s), set(), {})
    _sources(graph)
    narrow(graph)
    hold(graph)
    hold_percents(graph)
    return graph


def _groups(q: Question) -> list[Group]:
    by: dict[tuple[Number, bool], Group] = {}
    for m in q.mentions:
        group = by.setdefault((m.value, m.held in FIRM), Group(m.value, []))
        group.mentions.append(m)
        group.held = group.held or m.held
    return list(by.values())


def _gold_step(s: Solution) -> int:
    for j in range(len(s.steps) - 1, -1, -1):
        if s.steps[j].value == s.gold:
            return j
    raise Unsupported("gold is no result", f"no step ends in {s.gold}, the last one in {s.steps[-1].value}")


def _sources(graph: Graph) -> None:
    q, s = graph.question, graph.solution
    direct, derived = _tables(graph.groups, q.words | s.words)
    fixed = constants(q, s)
    graph.constants = fixed.strong
    by_result: dict[Number, list[int]] = {}
    for j, step in enumerate(s.steps):
        by_result.setdefault(step.value, []).append(j)
    for slot in s.slots:
        found = list(direct.get(slot.value, ()))
        found += [("r", j) for j in by_result.get(slot.value, ()) if j < slot.limit]
        if not found or slot.percent or slot.value < 1:
            found += derived.get(slot.value, ())
        found += _rounded(s, slot)
        if slot.value == 1 and slot.step < 0:
            found += [x for x in _converted(graph, slot) if x[0] == "x"]
        if slot.step < 0 and 1 < slot.value <= 10 and (found[:1] or slot.word) and _may_be_told(graph, slot):
            found.append(("c", slot.value))
        if slot.value == 1 and slot.money and not any(x[0] == "r" for x in found):
            _hold_dollar(graph, slot)
        if slot.value in fixed.strong and _may_be_constant(graph, slot, found, fixed.strong[slot.value]):
            found.append(("c", slot.value))
        slot.sources = _stated(list(dict.fromkeys(found))) or _unexplained(graph, slot, fixed)


def _rounded(s: Solution, slot: Slot) -> list[Any]:
    """`44 / 5 = 8.8, so 8 bills`: a result that did not come out, rounded down or up."""
    if slot.value.denominator != 1 or not s.ragged or (slot.value == 1 and slot.step < 0):
        return []
    found: list[Any] = []
    for j in s.ragged:
        if j < slot.limit and slot.value - 1 < s.steps[j].value < slot.value + 1:
            found.append(("f", j, "down" if s.steps[j].value > slot.value else "up"))
    return found


def _may_be_told(graph: Graph, slot: Slot) -> bool:
    """Whether a small number of the prose may count what was told ("the two kinds", "after 3 foldings").

    It does not where the question says it as a word too, or says it of the same things.
    """
    own = [m for g in graph.groups if g.value == slot.value for m in g.mentions]
    if slot.noun not in ("", "time"):
        own = [m for m in own if m.noun != "time"]  # `six times` counts no gadgets
    if slot.word and slot.value <= 4:
        return not any(graph.question.text[m.start].isalpha() or m.noun == slot.noun for m in own)
    return bool(slot.noun and own) and all(m.kind and m.kind != slot.noun for m in own) and not slot.money


def _hold_dollar(graph: Graph, slot: Slot) -> None:
    """`$1` that the question does not state is made from cents in the head: those are held."""
    start, end = slot.spans[0]
    if any(m.value == 1 and m.money for m in graph.question.mentions):
        return
    if "100 cents" in graph.solution.text[max(0, start - 30) : end + 30]:
        return
    for group in graph.groups:
        if group.value and 100 % group.value == 0:
            group.held = group.held or "may make a constant"


def _stated(found: list[Any]) -> list[Any]:
    """A stated percentage goes before what is left of another one."""
    stated = {f[1] for f in found if f[0] == "q" or f[2:] == ("p/100",)}
    if not stated:
        return found
    return [f for f in found if f[0] != "p" or f[2] == "p/100" or f[1] in stated or f[2] in ("p*100", "p*12")]


_Table: TypeAlias = "dict[Number, list[Any]]"


def _tables(groups: list[Group], words: frozenset[str]) -> tuple[_Table, _Table]:
    """value -> sources in the question: the numbers themselves with their hundredth, and what is made from percents."""
    direct: _Table = {}
    derived: _Table = {}
    cents = "cents" in words or "cent" in words
    for g, group in enumerate(groups):
        firm = group.held in FIRM
        forms = {"p/100": direct} if cents or any(m.percent for m in group.mentions) else {}
        if any(m.percent for m in group.mentions):
            forms |= dict.fromkeys(_DERIVED, derived)
        if cents:
            forms["p*100"] = direct
        if "dozen" in words or "dozens" in words:
            forms["p*12"] = direct
        direct.setdefault(group.value, []).append(("c", group.value) if firm else ("q", g))
        for form, table in forms.items():
            value = made_from(form, group.value)
            table.setdefault(value, []).append(("c", value) if firm else ("p", g, form))
    return direct, derived


_ENDS = re.compile(r"\s*(?:[.,;\n]|$|because\b|and\b|left\b|total\b)")


def _may_be_constant(graph: Graph, slot: Slot, found: list[Any], words: frozenset[str]) -> bool:
    """A known constant is no rival of a number of the question where it cannot stand."""
    told = slot.step < 0 and not slot.percent and slot.noun not in ("time", "equal", "") and slot.noun not in words
    if told and found and slot.value > 1 and "fraction" not in words:
        return False
    if slot.op == "|" and found and words <= SINGLE:
        return False
    own = [m for f in found if f[0] == "q" for m in graph.groups[f[1]].mentions]
    if not own or slot.value in (0, 1):
        shown = slot.step < 0 and not slot.noun and _ENDS.match(graph.solution.text, slot.spans[0][1]) is not None
        return not ((slot.op in ("+", "-") or shown) and any(f[0] == "r" for f in found) and words <= UNIT_WORDS)
    if words <= UNIT_WORDS and all(m.percent for m in own) and (slot.percent or slot.op not in ("*", "/")):
        return False
    if slot.op not in ("+", "-"):
        return True
    return not (words <= SINGLE or (words <= UNIT_WORDS and not any(m.noun in words for m in own)))


def _unexplained(graph: Graph, slot: Slot, fixed: Constants) -> list[Any]:
    """A number that nothing states: made in the head from others (they are held), or the end of the claim."""
    value = slot.value
    if (part := _sub_result(graph, slot)) is not None:
        return [part]
    if converted := _converted(graph, slot):
        return converted
    if (value >= 12 and value in fixed.weak) or value in fixed.mixed:
        return [("c", value)]
    if value in fixed.spans and slot.noun in ("day", "month", "night", ""):
        return [("c", value)]
    if value in fixed.named and (slot.op in ("*", "/") or slot.step < 0) and not _made_of_two(graph, value):
        return [("c", value)]
    if value > 20 and slot.step >= 0 and not graph.solution.letters:
        hidden = _hidden_step(graph, slot, fixed)
        if hidden is not None:
            return [hidden]
    groups, results = _makers(graph, slot)
    if not groups and not results and value not in (2, 3, 4) and value not in fixed.weak:
        where = "operand" if slot.step >= 0 else "number of the prose"
        raise Unsupported(f"unexplained {where}", f"{value} comes from nowhere")
    for group in groups:
        group.held = group.held or "may make a constant"
    graph.frozen.update(results)
    return [("u", value)]


def _made_of_two(graph: Graph, value: Number) -> bool:
    """Whether two numbers of the question may have made the value in the head."""
    values = [g.value for g in graph.groups if g.value != 1]
    return any(value in (a + b, a - b, b - a) for i, a in enumerate(values) for b in values[:i])


def _converted(graph: Graph, slot: Slot) -> list[Any]:
    """Every number of the question and every result that is this one in another unit."""
    found: list[Any] = []
    for form, factor in _CONVERSIONS:
        small = form == "p*100"  # a share as a percentage
        unit = graph.constants.get(int(form[2:]), frozenset())
        if not (small and "percent" in unit) and not unit & UNIT_WORDS:
            continue
        for g, x in enumerate(graph.groups):
            if x.value * factor == slot.value and not x.held and not (small and x.value >= 1):
                found.append(("p", g, form))
        for j, step in enumerate(graph.solution.steps[: slot.limit]):
            if step.value * factor == slot.value and not (small and step.value >= 1):
                found.append(("x", j, form))
    return found


def _sub_result(graph: Graph, slot: Slot) -> Any:
    """`42/3 + 16 = 14 + 16`: the 14 is a part of the step itself."""
    if slot.step < 0 or not slot.side:
        return None
    step, slots = graph.solution.steps[slot.step], graph.solution.slots
    for tree, operands in [(step.tree, step.slots), *step.others]:
        values = [slots[k].value for k in operands]
        for node in _nodes(tree):
            if evaluate(node, values) == slot.value:
                return ("s", node, tuple(operands))
    return None


def _nodes(node: Any) -> list[Any]:
    if type(node) is int:
        return []
    return [node, *(n for child in node[1:] for n in _nodes(child))]


def _hidden_step(graph: Graph, slot: Slot, fixed: Constants) -> Any:
    """A step done in the head: ("m", op, a, b) where exactly one sum, difference or product gives the number."""
    atoms: list[tuple[Number, Any]] = [(g.value, ("q", i)) for i, g in enumerate(graph.groups) if g.value != 1]
    atoms += [(step.value, ("r", j)) for j, step in enumerate(graph.solution.steps) if j < slot.limit]
    c, found = slot.value, []
    known = {*graph.constants, *fixed.weak, *range(2, 13), 100}
    if any(k and (a * k == c or (k > 1 and c * k == a) or (k > 12 and k - a == c)) for a, _ in atoms for k in known):
        return None
    for i, (a, first) in enumerate(atoms):
        for b, second in atoms[:i]:
            if a + b == c:
                found.append(("m", "+", first, second))
            if a * b == c:
                found.append(("m", "*", first, second))
            if a - b == c or b - a == c:
                found.append(("m", "-", first, second) if a > b else ("m", "-", second, first))
    sources = [x for f in found for x in f[2:]]
    firm = any(x[0] == "q" and graph.groups[x[1]].held in FIRM for x in sources)
    return found[0] if len(found) == 1 and not firm else None


_FACTORS = (2, 3, 7, 12, 60)


def _makers(graph: Graph, slot: Slot) -> tuple[list[Group], list[int]]:
    """From what a reader may have made the number: c - 1 friends and himself, a + b, a - b, a * b, a / b."""
    c = slot.value
    atoms: list[tuple[Number, Group | int]] = [(g.value, g) for g in graph.groups]
    atoms += [(step.value, j) for j, step in enumerate(graph.solution.steps) if j < slot.limit]
    known = [v for v in graph.constants if v > 1]
    told = slot.word and slot.step < 0 and c <= 4  # "the two boys" counts, nobody reckons it
    groups: list[Group] = []
    results: list[int] = []
    for a, source in atoms:
        rest = [b for b, other in atoms if other is not source and b != 1] + known
        near = a != 1 and c - 1 <= a <= c + 1 and c <= 20
        pair = any(a + b == c or (not told and (a - b == c or b - a == c)) for b in rest)
        factor = a != 1 and not told and any(a * b == c or b * c == a or a * c == b for b in (*rest, *_FACTORS, 1))
        if not (near or pair or factor):
            continue
        if isinstance(source, Group):
            groups.append(source)
        else:
            results.append(source)
    return groups, results


_CONVERSIONS: tuple[tuple[str, Number], ...] = (
    ("p/60", Fraction(1, 60)), ("p*60", 60), ("p*7", 7), ("p*12", 12), ("p/12", Fraction(1, 12)), ("p*24", 24),
    ("p*100", 100), ("p*1000", 1000), ("p/1000", Fraction(1, 1000)),
)  # fmt: skip
