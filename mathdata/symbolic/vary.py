"""Siblings of a row: other numbers in the question, every step recomputed, the relations of the story kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from mathdata.symbolic.hold import FIRM
from mathdata.symbolic.lexer import listed
from mathdata.symbolic.question import MARKS
from mathdata.symbolic.replay import Replay, places, replay
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.tie import _SELF, Graph, Group, tie
from mathdata.symbolic.write import decimal, splice, styled
from mathdata.worked import Number, whole

__all__ = ["Made", "vary"]

TRIES = 90
PROOFS = 4


class Made(dict[str, Any]):
    """What a method made: problem, solution, answer, exact; `note` for people."""


def vary(graph: Graph, seed: str) -> Made:
    """One sibling; another seed, another one. Raises Unsupported with the reason."""
    random = Random(seed)
    _surely_read(graph)
    free = [g for g, group in enumerate(graph.groups) if group.used and not group.held and not _two_jobs(graph, g)]
    if not free:
        raise Unsupported("no number free", "every number of the question is held")
    large = [g for g in free if not _small(graph.groups[g])]
    rules = _Rules(graph)
    causes: dict[str, int] = {}
    proofs = 0
    for n in range(TRIES):
        values = _draw(graph, large if large and n < 2 * TRIES // 3 else free, random, n)
        why = rules.question(values)
        if not why:
            made = replay(graph, values)
            why = made.why or rules.results(made)
        if not why:
            row = write(graph, values, made)
            why = prove(graph, values, row) if row else "a number that cannot be written"
            if row and not why:
                return row
            proofs += 1
            if proofs >= PROOFS:
                raise Unsupported("not proved", why)
        causes[why] = causes.get(why, 0) + 1
    raise Unsupported(*_why(causes))


def _surely_read(graph: Graph) -> None:
    """Refuses rows whose solution says more than its steps: equations of an unknown, sums done in the head."""
    s = graph.solution
    if any(source[0] == "m" for slot in s.slots for source in slot.sources):
        raise Unsupported("a number made in the head")
    used = {source[1] for slot in s.slots for source in slot.sources if source[0] in "rxf"}
    if any(j not in used for j in range(graph.gold)):
        raise Unsupported("a number made in the head", "a result that nothing uses")
    if any(x.step >= 0 and x.sources[0][0] == "u" and (x.value > 5 or x.value.denominator != 1) for x in s.slots):
        raise Unsupported("unexplained operand")
    for c in s.letters:
        if re.search(
            rf"(?<![A-Za-z'])[\d.]{{0,9}}{c}\s*[-+*=](?!\w)|[-+*=]\s*\$?[\d.]{{0,9}}{c}(?![A-Za-z'-])",
            s.text,
            re.IGNORECASE,
        ):
            raise Unsupported("letters of its own")
    if not graph.question.words.isdisjoint(_OF_THE_WORLD):
        raise Unsupported("no number free", "a count that the world gives")


_OF_THE_WORLD = frozenset(listed("alphabet vowels consonants"))


def _small(group: Group) -> bool:
    """A small count: what is told of it in words may be hidden from the reader, so other numbers change first."""
    return group.value <= 12 and group.value.denominator == 1 and not any(m.money or m.percent for m in group.mentions)


def _two_jobs(graph: Graph, g: int) -> bool:
    """`20 books at $20`, or `4 little sisters` whose 4 the solution takes for the adults too: equal by chance."""
    group = graph.groups[g]
    if len({(m.noun, m.money) for m in group.mentions}) > 1:
        return True
    uses = {x.noun for x in graph.solution.slots if x.step >= 0 and x.side == 0 and ("q", g) in x.sources}
    return _small(group) and len(uses - {""}) > 1


def _why(causes: dict[str, int]) -> tuple[str, str]:
    most = max(causes, key=lambda w: (causes[w], w))
    two = "one value stands for two things"
    if most in (two, "sides differ"):
        return two, "" if most == two else most
    return "no numbers fit", f"mostly: {most}"


def _draw(graph: Graph, free: list[int], random: Random, n: int) -> list[Number]:
    """New values for one to three numbers; later tries change fewer and take finer steps."""
    values = [group.value for group in graph.groups]
    most = min(len(free), 3 if n < 30 else 2 if n < 60 else 1)
    count = random.randint(1, most)
    for g in random.sample(free, count):
        values[g] = _new_value(graph.groups[g], random, fine=n % 3 == 2)
    return values


def _new_value(group: Group, random: Random, fine: bool) -> Number:
    v = group.value
    percent = any(m.percent for m in group.mentions)
    cap = min((m.cap for m in group.mentions if m.cap), default=0)
    if v.denominator != 1:
        step = _decimal_unit(v)
        least = max(1, int(-(-v / 2 // step)))
        return whole(step * random.randint(least, max(int(v * 8 / 5 // step), least)))
    unit = 1 if fine and not percent else _unit(int(v))
    if percent:
        unit = 5 if v % 5 == 0 else 1
    if v <= 10 and not percent:
        low, high = 2, int(v) + 3
    else:
        low, high = -(-int(v) // 2), int(v) * 8 // 5
        if percent and v < 100:
            low, high = max(low, 5 if unit == 5 else 2), min(high, 95 if unit == 5 else 99)
        elif percent or v > 100:
            low = max(low, 101 if percent else 0)
    if cap:
        high = min(high, cap)
    low = -(-low // unit)
    high = max(high // unit, low)
    return unit * random.randint(low, high)


def _unit(v: int) -> int:
    """Hundreds stay hundreds, tens tens."""
    if v <= 10:
        return 1
    unit = 1
    while v % (unit * 10) == 0:
        unit *= 10
    if unit > 1 and v // unit < 5:
        unit = unit // 2 if unit == 10 else unit // 10
    return 5 if unit == 1 and v % 5 == 0 and v >= 25 else unit


def _decimal_unit(v: Number) -> Fraction:
    for unit in (Fraction(1, 2), Fraction(1, 4), Fraction(1, 10), Fraction(1, 20), Fraction(1, 100)):
        if (v / unit).denominator == 1:
            return unit
    return Fraction(1, 10 ** min(places(v), 6))


class _Rules:
    """The relations that hold in the original and must hold afterwards."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        groups = graph.groups
        self.order = [
            (a, b)
            for a in range(len(groups))
            for b in range(a)
            if {m.noun for m in groups[a].mentions if m.noun} & {m.noun for m in groups[b].mentions if m.noun}
        ]
        self.relations = _relations(graph)
        percents = [g for g, group in enumerate(groups) for m in group.mentions if m.percent]
        self.hundred = percents if len(percents) > 1 and sum(groups[g].value for g in percents) == 100 else []
        signs = graph.solution.text.replace(">>", "").replace("<<", "")
        self.compared = not graph.question.words.isdisjoint(_COMPARED) or ">" in signs or "<" in signs
        self.marks = not graph.question.words.isdisjoint(MARKS)
        self.others = bool(graph.question.words & _SELF)
        self.ages = not graph.question.words.isdisjoint(_AGES)
        self.ratios = _ratios(graph)
        self.days = not graph.question.words.isdisjoint(_DAYS)

    def question(self, values: Sequence[Number]) -> str:
        """Why these numbers do not suit the question; '' where they do."""
        groups = self.graph.groups
        old = [g.value for g in groups]
        if values == old:
            return "nothing changes"
        if any((values[a] < values[b]) != (old[a] < old[b]) or values[a] == values[b] for a, b in self.order):
            return "order of sizes"
        for op, a, b, c in self.relations:
            if (values[a] + values[b] if op == "+" else values[a] * values[b]) != values[c]:
                return "numbers of the question belong together"
        if any(values[a] * n != values[b] * m for a, b, m, n in self.ratios):
            return "numbers of the question belong together"
        if self.hundred and sum(values[g] for g in self.hundred) != 100:
            return "percents that add to 100"
        for n, old_n, group in zip(values, old, groups):
            if n != old_n and any((m.cap and n > m.cap) or n == 1 for m in group.mentions):
                return "cap"
        return self._neighbours(values, old)

    def _neighbours(self, values: Sequence[Number], old: list[Number]) -> str:
        """`a + 1 = b` where the story says "including himself"."""
        if self.others:
            for a, x in enumerate(old):
                for b, y in enumerate(old):
                    if x + 1 == y and x.denominator == 1 and y <= 20 and values[a] + 1 != values[b]:
                        return "one more than another"
        return ""

    def results(self, made: Replay) -> str:
        """Why these results do not suit; '' where they do."""
        steps = self.graph.solution.steps
        for j, (step, value) in enumerate(zip(steps, made.results)):
            why = _suits(step.value, value)
            if why:
                return why
            if self.days and step.noun == "hour" and step.value <= 24 < value:
                return "cap"
            if step.value <= 100 < value and self.graph.solution.text[step.spans[-1][1] :][:1] == "%":
                return "cap"
            if self.ages and (value > 80 >= step.value or not 3 * step.value <= 5 * value <= 8 * step.value):
                return "an age beyond belief"
            if j in self.graph.frozen and value != step.value:
                return "a number made in the head"
        if self.compared and not _same_order([s.value for s in steps], made.results):
            return "order of results"
        for slot, value in zip(self.graph.solution.slots, made.slots):
            if value != slot.value and (slot.value == 1 or value == 1 or value <= 0):
                return "becomes one"
        gold = steps[self.graph.gold]
        if self.marks and gold.value <= 100 < made.results[self.graph.gold]:
            return "cap"
        return "the answer stays" if made.results[self.graph.gold] == gold.value else ""


_DAYS = frozenset(listed("monday tuesday wednesday thursday friday saturday sunday day night today yesterday"))
_AGES = frozenset(listed("old age ages older younger born"))
_COMPARED = frozenset(
    listed(
        """winner wins won most least longest largest biggest tallest highest cheapest cheaper fewest smallest lowest best
        better fastest faster slowest youngest oldest heaviest shortest minimum maximum whichever compare option"""
    )
)


def _same_order(old: Sequence[Number], new: Sequence[Number]) -> bool:
    """Whether every two results stand to each other as before: where a story compares, another one would win."""
    pairs = [(a, b) for a in range(len(old)) for b in range(a)]
    return all((old[a] < old[b]) == (new[a] < new[b]) and (old[a] > old[b]) == (new[a] > new[b]) for a, b in pairs)


def _suits(old: Number, new: Number) -> str:
    if new == old:
        return ""
    if new <= 0 or old <= 0:
        return "sign"
    n = places(new)
    if n > max(places(old), 2 if places(old) in (1, 2) else 0):
        return "whole stays whole"
    if (new < 1) != (old < 1) or new == 1 or old == 1:
        return "becomes one"
    return "" if old <= new * 4 and new <= old * 4 else "too far"


def _relations(graph: Graph) -> list[tuple[str, int, int, int]]:
    """a + b = c and a * b = c among the question's numbers where one is not in the graph, or c is told as the sum."""
    groups = graph.groups
    index = {group.value: g for g, group in enumerate(groups)}
    found = []
    for a, first in enumerate(groups):
        for b in range(a, len(groups)):
            second = groups[b]
            for op, value in (("+", first.value + second.value), ("*", first.value * second.value)):
                c = index.get(value)
                if c is None or c in (a, b) or (a == b and (op == "*" or len(first.mentions) < 2)):
                    continue
                firm = {first.held, second.held, groups[c].held} & FIRM
                if firm == {"one"} and op == "+" and groups[c].held in ("told", "listed") and first is not second:
                    found.append((op, a, b, c))  # "all 4 lamps": 3 small bulbs and 1 large one
                if firm:
                    continue
                idle = not (first.used and second.used and groups[c].used)
                if idle or (op == "+" and (_told_as_sum(graph, groups[c]) or _likely_sum(first, second, groups[c]))):
                    found.append((op, a, b, c))
    return found


_RATIO = re.compile(r"\bratio\b[^.?]{0,120}?\b(\d{1,3}) ?: ?(\d{1,3})\b")


def _ratios(graph: Graph) -> list[tuple[int, int, int, int]]:
    """Pairs of numbers that stand to each other as a written ratio does."""
    written = [(int(m[1]), int(m[2])) for m in _RATIO.finditer(graph.question.text)]
    groups = graph.groups
    return [
        (a, b, m, n)
        for m, n in written
        for a, first in enumerate(groups)
        for b, second in enumerate(groups)
        if a != b and first.value * n == second.value * m and first.held not in FIRM and second.held not in FIRM
    ]


_SUM_WORDS = frozenset(listed("all total combined altogether these those together"))


def _likely_sum(a: Group, b: Group, c: Group) -> bool:
    """`8-ounce glasses … 6.5 ounces of milk and 1.5 of syrup`: a sum of one kind, or too odd a one for chance."""
    kinds = [{m.noun for m in g.mentions if m.noun} for g in (a, b, c)]
    odd = any(g.value.denominator != 1 for g in (a, b))
    return a is b or odd or (c.value >= 10 and bool(kinds[0] & kinds[2] or kinds[1] & kinds[2]))


def _told_as_sum(graph: Graph, group: Group) -> bool:
    """`the average weight of all 14 men and women`: a number that the question gives as the sum of others."""
    tokens = graph.question.tokens
    return any(t.text in _SUM_WORDS for m in group.mentions for t in tokens[max(0, m.token - 3) : m.token])


# --- writing -------------------------------------------------------------------------------------------------------


def write(graph: Graph, values: Sequence[Number], made: Replay) -> Made | None:
    """The row with the new numbers; None where one cannot be written as a decimal."""
    q, s = graph.question, graph.solution
    comma = "," in "".join(q.text[m.start : m.end] for m in q.mentions)
    edits: list[tuple[int, int, str]] = []
    for group, value in zip(graph.groups, values):
        for m in group.mentions if value != group.value else ():
            text = styled(q.text[m.start : m.end], value, comma)
            if text is None:
                return None
            edits.append((m.start, m.end, text))
    problem = splice(q.text, edits)
    solution = _solution(graph, made, comma or any("," in s.text[a:b] for x in s.slots for a, b in x.spans))
    answer = decimal(made.results[graph.gold])
    if solution is None or answer is None:
        return None
    return Made(problem=problem, solution=solution, answer=answer, exact=answer)


def _solution(graph: Graph, made: Replay, comma: bool) -> str | None:
    s = graph.solution
    edits: dict[tuple[int, int], str] = {}
    changed = [(slot.spans, value) for slot, value in zip(s.slots, made.slots) if value != slot.value]
    changed += [(step.spans, value) for step, value in zip(s.steps, made.results) if value != step.value]
    changed.append(([s.gold_span], made.results[graph.gold]))
    for spans, value in changed:
        for start, end in spans:
            text = styled(s.text[start:end], value, comma and not _annotated(s.text, start))
            if text is None:
                return None
            edits[start, end] = text
    return splice(s.text, [(a, b, t) for (a, b), t in edits.items()])


def _annotated(text: str, at: int) -> bool:
    """Whether the place is inside `<<…>>`, where no commas are written."""
    return text.rfind("<<", max(0, at - 200), at) > text.rfind(">>", max(0, at - 200), at)


def prove(graph: Graph, values: Sequence[Number], row: Made) -> str:
    """Read the made row again from scratch and find the same graph; why not, or ''."""
    try:
        again = tie(row["problem"], row["solution"])
    except Unsupported as e:
        return f"read again: {e.reason}"
    return same_graph(graph, again, values)


def same_graph(graph: Graph, again: Graph, values: Sequence[Number]) -> str:
    """Whether a graph tied anew has the same steps, and its operands the same sources; why not, or ''."""
    if [m.value for m in again.question.mentions] != [
        values[_group_of(graph, m.index)] for m in graph.question.mentions
    ]:
        return "the question reads otherwise"
    if [s.tree for s in graph.solution.steps] != [s.tree for s in again.solution.steps]:
        return "the steps read otherwise"
    if len(graph.solution.slots) != len(again.solution.slots):
        return "the solution reads otherwise"
    if again.solution.steps[graph.gold].value != again.solution.gold:
        return "the answer reads otherwise"
    for old, new in zip(graph.solution.slots, again.solution.slots):
        if not _common(graph, old.sources, again, new.sources):
            return "a number has another source"
    return ""


def _group_of(graph: Graph, mention: int) -> int:
    return next(g for g, group in enumerate(graph.groups) for m in group.mentions if m.index == mention)


def _common(graph: Graph, old: list[Any], again: Graph, new: list[Any]) -> bool:
    """Whether one source of a number before is a source of it afterwards."""
    mine = {name for x in old for name in _names(graph, x)}
    return any(name in mine for x in new for name in _names(again, x))


def _names(graph: Graph, source: Any) -> list[Any]:
    """A source by its places in the question instead of its value."""
    if source[0] in "qp":
        return [(source[0], m.index, *source[2:]) for m in graph.groups[source[1]].mentions]
    if source[0] == "m":
        return [("m", source[1], a, b) for a in _names(graph, source[2]) for b in _names(graph, source[3])]
    return [("c",) if source[0] in "cu" else source]
