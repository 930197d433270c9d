"""Ties a solution to its question: every number gets the set of its possible sources, narrowed by what is certain.

Ambiguity costs coverage, never truth: new numbers are accepted only when all sources that are left agree.
A source is a pair: ("q", g) a number of the question, ("p", g, f) one made from it, ("r", j) the result of step j,
("c", v) a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mathdata.symbolic.lexer import listed
from mathdata.symbolic.question import Mention, Question, fraction_values, read_question, singular
from mathdata.symbolic.solution import Slot, Solution, Unsupported, read_solution
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


_CUES: dict[str, tuple[Number, ...]] = {
    "dozen": (12,), "pair": (2,), "couple": (2,), "twin": (2,), "both": (2,), "twice": (2,), "double": (2,),
    "doubled": (2,), "doubling": (2,), "triple": (3,), "tripled": (3,), "thrice": (3,), "quadruple": (4,),
    "half": (2, 50, Fraction(1, 2)), "halved": (2,), "week": (7, 5, 52, 4), "weekly": (7, 52), "weekend": (2,),
    "weekday": (5,), "daily": (7, 30, 365), "day": (7, 24, 30, 365), "everyday": (7, 30), "month": (12, 30, 4, 31),
    "monthly": (12,), "year": (12, 52, 365, 10, 4), "yearly": (12,), "annual": (12,), "annually": (12,),
    "hour": (60, 24), "hourly": (24,), "minute": (60,), "second": (60,), "foot": (12, 3), "feet": (12, 3),
    "inch": (12,), "yard": (3,), "mile": (5280,), "pound": (16,), "ounce": (16, 8), "gallon": (4, 16, 128, 8),
    "quart": (4, 2), "pint": (2,), "cup": (16, 8), "kg": (1000,), "kilogram": (1000,), "km": (1000,),
    "kilometer": (1000,), "gram": (1000,), "meter": (100, 1000), "liter": (1000,), "ml": (1000,), "mg": (1000,),
    "centimeter": (100,), "cm": (100,), "cent": (100, Fraction(1, 100)), "dollar": (100, Fraction(1, 100)),
    "quarter": (4, 25, Fraction(1, 4)), "dime": (10, Fraction(1, 10)), "nickel": (5, Fraction(1, 20)),
    "penny": (1, Fraction(1, 100)), "pennies": (1, Fraction(1, 100)), "percent": (100, Fraction(1, 100)),
    "percentage": (100,), "decade": (10,), "century": (100,), "score": (20,), "square": (4, 2), "rectangle": (2,),
    "rectangular": (2,), "perimeter": (2, 4), "triangle": (3, 2), "cube": (3, 6), "average": (2,), "noon": (12,),
    "midnight": (12, 24), "deck": (52,), "thousand": (1000,), "hundred": (100,), "million": (1000000,), "quartet": (4,),
    "dog": (4,), "cat": (4,), "horse": (4,), "cow": (4,), "chicken": (2,), "spider": (8,), "bicycle": (2,),
    "car": (4,), "kilo": (1000,), "lb": (16,), "ton": (2000, 1000), "minutes": (60,), "leap": (366,), "piano": (88,),
    "january": (31,), "february": (28, 29), "march": (31,), "april": (30,), "may": (31,), "june": (30,), "july": (31,),
    "august": (31,), "september": (30,), "october": (31,), "november": (30,), "december": (31,),
}  # fmt: skip
_SELF = frozenset(listed("other himself herself including themselves myself another remaining also additional"))
_TIME = frozenset(listed("week day month year hour minute second january april june march may july"))


def constants(q: Question, s: Solution) -> dict[Number, str]:
    """What the words of the row bring along: value -> the word."""
    made: dict[Number, str] = {0: "nothing", 1: "one"}
    for word in sorted(q.words | s.words):
        for form in (word, singular(word)):
            for value in _CUES.get(form, ()):
                made.setdefault(value, form)
    if any(t.kind == "%" for t in q.tokens) or any(t.kind == "%" for t in s.tokens):
        made.setdefault(100, "percent")
        made.setdefault(Fraction(1, 100), "percent")
    if any(t.kind == "$" for t in q.tokens):
        made.setdefault(100, "dollar")
        made.setdefault(Fraction(1, 100), "dollar")
    for value in fraction_values(q.fractions):
        made.setdefault(value, "fraction")
    return made


_DERIVED = ("p/100", "1-p/100", "1+p/100", "100-p", "100+p")


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
    s = read_solution(solution)
    q = read_question(problem)
    graph = Graph(q, s, _groups(q), _gold_step(s), set())
    _sources(graph)
    _narrow(graph)
    _hold(graph)
    return graph


def _groups(q: Question) -> list[Group]:
    by: dict[Number, Group] = {}
    for m in q.mentions:
        group = by.setdefault(m.value, Group(m.value, []))
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
    table = _table(graph.groups, q.words | s.words)
    fixed = constants(q, s)
    by_result: dict[Number, list[int]] = {}
    for j, step in enumerate(s.steps):
        by_result.setdefault(step.value, []).append(j)
    for slot in s.slots:
        found = list(table.get(slot.value, ()))
        found += [("r", j) for j in by_result.get(slot.value, ()) if j < slot.limit]
        if slot.step < 0 and not found:
            found = [("r", j) for j in by_result.get(slot.value, ())]
        if slot.value in fixed and _may_be_constant(graph, slot, found, fixed):
            found.append(("c", slot.value))
        if not found:
            found = [_unexplained(graph, slot)]
        slot.sources = found


def _table(groups: list[Group], words: frozenset[str]) -> dict[Number, list[Any]]:
    """value -> sources in the question."""
    table: dict[Number, list[Any]] = {}
    for g, group in enumerate(groups):
        held = bool(group.held)
        table.setdefault(group.value, []).append(("c", group.value) if held else ("q", g))
        forms = list(_DERIVED) if any(m.percent for m in group.mentions) else []
        if "cents" in words or "cent" in words:
            forms += ["p/100", "p*100"]
        if "dozen" in words or "dozens" in words:
            forms.append("p*12")
        for form in dict.fromkeys(forms):
            value = made_from(form, group.value)
            table.setdefault(value, []).append(("c", value) if held else ("p", g, form))
    return table


def _may_be_constant(graph: Graph, slot: Slot, found: list[Any], fixed: dict[Number, str]) -> bool:
    """A known constant is no rival of a number of the question where it cannot stand."""
    if not found:
        return True
    word = fixed[slot.value]
    if slot.value in (0, 1):
        return True
    own = [graph.groups[f[1]] for f in found if f[0] == "q"]
    if own and word in _TIME and all(m.percent or m.money for m in own[0].mentions):
        return False
    return not (own and slot.op in "+-" and word in ("half", "twice", "double", "pair", "couple", "both", "percent"))


def _unexplained(graph: Graph, slot: Slot) -> Any:
    """A number that nothing states: made in the head from others (they are held), or the end of the claim."""
    value = slot.value
    if (part := _sub_result(graph, slot)) is not None:
        return part
    for g, group in enumerate(graph.groups):
        for form, factor in _CONVERSIONS:
            if group.value * factor == value and not group.held:
                return ("p", g, form)
    groups, results = _makers(graph, slot)
    if not groups and not results and value not in (2, 3, 4):
        where = "operand" if slot.step >= 0 else "number of the prose"
        raise Unsupported(f"unexplained {where}", f"{value} comes from nowhere")
    for group in groups:
        group.held = group.held or "may make a constant"
    graph.frozen.update(results)
    return ("u", value)


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


def _makers(graph: Graph, slot: Slot) -> tuple[list[Group], list[int]]:
    """From what a reader may have made the number: c - 1 friends and himself, a + b, a - b, a * b, a / b."""
    c = slot.value
    atoms: list[tuple[Number, Group | int]] = [(g.value, g) for g in graph.groups]
    atoms += [(step.value, j) for j, step in enumerate(graph.solution.steps) if j < slot.limit]
    atoms += [(known, -1) for known in (2, 3, 7, 12, 60, 100)]
    groups: list[Group] = []
    results: list[int] = []
    for a, source in atoms:
        if source == -1:
            continue
        near = abs(a - c) <= 1
        pair = any(a + b == c or a - b == c or b - a == c or a * b == c or b * c == a for b, _ in atoms)
        quotient = bool(a) and any(b == c * a for b, other in atoms if other != -1)
        if not (near or pair or quotient):
            continue
        if isinstance(source, Group):
            groups.append(source)
        else:
            results.append(source)
    return groups, results


_CONVERSIONS: tuple[tuple[str, Number], ...] = (
    ("p/60", Fraction(1, 60)), ("p*60", 60), ("p*7", 7), ("p*12", 12), ("p/12", Fraction(1, 12)), ("p*24", 24),
    ("p/100", Fraction(1, 100)), ("p*100", 100), ("p*1000", 1000), ("p/1000", Fraction(1, 1000)),
)  # fmt: skip


# --- narrowing ---------------------------------------------------------------------------------------------------


def _narrow(graph: Graph) -> None:
    s = graph.solution
    _twins(s)
    _used(graph)
    _nouns(graph)


def _twins(s: Solution) -> None:
    """`48 + 48` with two results of 48: one each; order does not matter in one sum or product."""
    for step in s.steps:
        for group in (step.slots, *(o[1] for o in step.others)):
            by: dict[Number, list[Slot]] = {}
            for k in group:
                by.setdefault(s.slots[k].value, []).append(s.slots[k])
            for slots in by.values():
                n = len(slots)
                same = n > 1 and all(x.op == slots[0].op and x.sources == slots[0].sources for x in slots)
                if same and slots[0].op in ("+", "*") and len(slots[0].sources) == n:
                    for slot, source in zip(slots, slots[0].sources):
                        slot.sources = [source]


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


def _nouns(graph: Graph) -> None:
    """The noun after a number of the prose settles which of its sources is meant."""
    s = graph.solution
    for slot in s.slots:
        if slot.step >= 0 or len(slot.sources) < 2 or not slot.noun:
            continue
        same = [x for x in slot.sources if slot.noun in _noun_of(graph, x)]
        if same and len(same) < len(slot.sources):
            slot.sources = same


def _noun_of(graph: Graph, source: Any) -> Sequence[str]:
    if source[0] == "q":
        return [m.noun for m in graph.groups[source[1]].mentions]
    return [graph.solution.steps[source[1]].noun] if source[0] == "r" else []


def _hold(graph: Graph) -> None:
    """Hold what an unexplained constant could be made of, and numbers whose one value has two jobs."""
    s = graph.solution
    for slot in s.slots:
        for source in slot.sources:
            if source[0] in "qp":
                graph.groups[source[1]].used = True
    for group in graph.groups:
        nouns = {m.noun for m in group.mentions}
        users = sum(
            x.step >= 0 and any(y[0] in "qp" and graph.groups[y[1]] is group for y in x.sources) for x in s.slots
        )
        if not group.held and len(nouns) > 1 and users < len(nouns):
            group.held = "two jobs"
