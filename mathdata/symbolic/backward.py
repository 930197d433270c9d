"""Backward questions: one number of a row becomes x, the answer is told, x is solved for step by step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor
from random import Random
from typing import Any

from mathdata.symbolic import chinese
from mathdata.symbolic.check import false_equation
from mathdata.symbolic.derive import ASK, ASK_STATED, CHINESE, ENGLISH, solve
from mathdata.symbolic.forms import Form, Value, form_of, text_of
from mathdata.symbolic.hold import FIRM
from mathdata.symbolic.lexer import listed
from mathdata.symbolic.question import Mention
from mathdata.symbolic.replay import places
from mathdata.symbolic.solution import Slot, Step, Unsupported
from mathdata.symbolic.statement import split_question, state
from mathdata.symbolic.tie import Graph, Group, made_from
from mathdata.symbolic.vary import Made
from mathdata.symbolic.write import decimal, splice

__all__ = ["ASK", "ASK_STATED", "backward", "masked_rows"]


@dataclass(slots=True)
class Masked:
    """A graph with one number masked: the form of every slot and step."""

    graph: Graph
    mentions: list[Mention]
    x: str
    slots: list[Value]
    results: list[Value]


def backward(graph: Graph, seed: str, number: int = 0, stated: bool = False) -> Made:
    """The `number`-th provable backward question of the row, in an order drawn by the seed.

    `stated`: the question's own sentence becomes a statement of the answer (self-verification).
    """
    reasons: list[str] = []
    for n, made in enumerate(masked_rows(graph, seed, reasons, stated)):
        if n == number:
            return made
    if reasons:
        raise Unsupported(max(sorted(set(reasons)), key=reasons.count))
    raise Unsupported("no number to mask")


def masked_rows(graph: Graph, seed: str, reasons: list[str], stated: bool = False) -> Iterator[Made]:
    """Every provable backward question; `reasons` says why the other numbers are none."""
    x = _letter(graph)
    mentions = list(graph.question.mentions)
    Random(seed).shuffle(mentions)
    mentions.sort(key=lambda m: _reluctance(graph, m))
    for mention in mentions:
        try:
            if x is None:
                raise Unsupported("every letter is taken")
            yield _row(_mask(graph, mention, x), stated)
        except Unsupported as e:
            reasons.append(e.word)


def _reluctance(graph: Graph, mention: Mention) -> int:
    """Numbers that stand twice come after those that stand once, and last what the question tells one by one."""
    mentions = _group(graph, mention).mentions
    return (
        3
        if len({m.noun for m in mentions}) > 1
        else 2
        if mention.held in ("told", "listed")
        else int(len(mentions) > 1)
    )


def _group(graph: Graph, mention: Mention) -> Group:
    return next(group for group in graph.groups if any(m is mention for m in group.mentions))


def _letter(graph: Graph) -> str | None:
    taken = graph.question.words | graph.solution.letters
    return next((letter for letter in "xyzk" if letter not in taken), None)


def _mask(graph: Graph, mention: Mention, x: str) -> Masked:
    """Replay the graph with the number as x. Raises Unsupported with the reason."""
    group = _group(graph, mention)
    g = next(g for g, other in enumerate(graph.groups) if other is group)
    if group.held in FIRM or group.held == "may make a constant":
        raise Unsupported("label" if group.held in ("label", "date", "year", "clock") else group.held)
    if not group.used:
        raise Unsupported("not in the graph")
    nouns = len({m.noun for m in group.mentions})
    repeated = nouns > 1 and any(m.noun in _TIMES for m in group.mentions)  # "after 2 nights" is told in two steps
    mentions = _own_mentions(graph, group, g) if nouns > 1 else group.mentions
    if not mentions or mention is not mentions[0] or repeated or (nouns > 1 and len(mentions) > 4):
        raise Unsupported("it stands twice")
    _leaks(graph, mention)
    made = Masked(graph, mentions, x, [s.value for s in graph.solution.slots], [s.value for s in graph.solution.steps])
    _forms(made, g)
    if not isinstance(made.results[graph.gold], Form):
        raise Unsupported("the answer does not depend on it")
    if any(isinstance(made.results[j], Form) for j in graph.frozen):
        raise Unsupported("a number made in the head")
    return made


def _own_mentions(graph: Graph, group: Group, g: int) -> list[Mention]:
    """The mentions to mask: one that only counts what is told (`3 less … these three teammates`) stays a number where
    the solution shows that it never means it; no mention at all where it does not show that."""
    users = [x for x in graph.solution.slots if any(y[0] in "qp" and y[1] == g for y in x.sources)]
    named = {x.noun for x in users if x.step >= 0}
    own = [m for m in group.mentions if m.held != "told" or m.noun in named]
    if len(own) == len(group.mentions):
        return own
    sure = all(any((x.money and m.money) or (x.noun and x.noun == m.kind) for m in own) for x in users)
    return own if sure else []


_TIMES = frozenset(listed("night day week month year hour minute time round trip"))


def _forms(made: Masked, g: int) -> None:
    s = made.graph.solution
    for step, j in zip(s.steps, range(len(s.steps))):
        for k in step.slots:
            made.slots[k] = _source_form(made, s.slots[k], g)
        made.results[j] = form_of(step.tree, [made.slots[k] for k in step.slots])
        for tree, operands in step.others:
            for k in operands:
                made.slots[k] = _source_form(made, s.slots[k], g)
            if form_of(tree, [made.slots[k] for k in operands]) != made.results[j]:
                raise Unsupported("sides differ")
    for k, slot in enumerate(s.slots):
        if slot.step < 0:
            made.slots[k] = _source_form(made, slot, g)


def _source_form(made: Masked, slot: Slot, g: int) -> Value:
    found: set[Value] = {_form_of_source(made, source, g) for source in slot.sources}
    if len(found) > 1:
        raise Unsupported("one value stands for two things")
    return found.pop()


def _form_of_source(made: Masked, source: Any, g: int) -> Any:
    kind = source[0]
    if kind == "r":
        return made.results[source[1]]
    if kind == "x":
        return _converted(made.results[source[1]], source[2])
    if kind == "m":
        return form_of((source[1], 0, 1), [_form_of_source(made, part, g) for part in source[2:]])
    if kind == "f":
        if isinstance(made.results[source[1]], Form):
            raise Unsupported("a result that is rounded")
        return floor(made.results[source[1]]) if source[2] == "down" else ceil(made.results[source[1]])
    if kind == "s":
        return form_of(source[1], [made.slots[k] for k in source[2]])
    if kind in "qp" and source[1] == g:
        return Form(1, 0) if kind == "q" else _derived(source[2])
    if kind in "qp":
        value = made.graph.groups[source[1]].value
        return value if kind == "q" else made_from(source[2], value)
    return source[1]


def _converted(value: Value, form: str) -> Value:
    if not isinstance(value, Form):
        return made_from(form, value)  # type: ignore[no-any-return]
    unit = made_from(form, 1)
    return form_of(("*", 0, 1), [value, unit])


def _derived(form: str) -> Value:
    """A linear form from its values at 0 and 1."""
    zero, one = made_from(form, 0), made_from(form, 1)
    return Form(one - zero, zero)


_SAME_VALUE = {
    2: "half twice double doubled doubles pair both couple",
    3: "third thirds triple tripled thrice triples trio",
    4: "quarter quarters fourth quadruple",
    5: "fifth fifths",
    12: "dozen dozens",
    50: "half",
    25: "quarter",
    7: "weekly",
    14: "weeks",
}


_SHARE = re.compile(r"\b(?:a|one)[ -]third\b", re.I)


def _leaks(graph: Graph, mention: Mention) -> None:
    """The solution must not say the masked number in another word than the question does."""
    words = _SAME_VALUE.get(int(mention.value), "") if mention.value.denominator == 1 else ""
    told = _SHARE.search(graph.solution.text) and not _SHARE.search(graph.question.text)  # not "the third ball"
    if (mention.value == 3 and told) or any(
        w in graph.solution.words and graph.question.words.isdisjoint((w, f"{w}s")) for w in words.split()
    ):
        raise Unsupported("another word gives it away")


# --- writing -----------------------------------------------------------------------------------------------------


def _row(made: Masked, stated: bool) -> Made:
    graph, m, x = made.graph, made.mentions[0], made.x
    text = graph.question.text
    answer = decimal(graph.solution.gold) or ""
    question = splice(text, [(n.start, n.end, _apart(x, text, n.end)) for n in made.mentions]).rstrip()
    question += "" if question[-1:] in ".?!\"')。？！”’）" else "？" if graph.question.chinese else "?"
    form = made.results[graph.gold]
    assert isinstance(form, Form)
    if form.at(m.value) != graph.solution.gold:
        raise Unsupported("not proved", "the number put back does not give the answer")
    body = _body(made)
    say = CHINESE if graph.question.chinese else ENGLISH
    lines = [*body, *solve(form, graph.solution.gold, m.value, x, say)]
    solution = "\n".join(lines)
    if any(_has_letters(graph, line, x) for line in body):
        raise Unsupported("letters of its own")
    value = decimal(m.value)
    if value is None:
        raise Unsupported("a fraction that does not come out")
    if (false := false_equation(solution, x, m.value)) is not None:
        raise Unsupported("not proved", false)
    return Made(
        problem=_stated(graph, question, x) if stated else f"{question}{say.ask.format(answer=answer, x=x)}",
        solution=f"{solution}\n#### {value}",
        answer=value,
        exact=value,
        mask=[m.start, m.end],
        variable=x,
    )


_UNIT = re.compile(r"\s*([a-z]+)")
_SENTENCE_END = re.compile(r".*[。！？](?=.)", re.DOTALL)


def _stated(graph: Graph, question: str, x: str) -> str:
    """The story, the question turned into a statement of its answer, and the question for x."""
    step = graph.solution.steps[graph.gold]
    answer = graph.solution.gold
    text = graph.solution.text
    if graph.question.chinese:
        ended = _SENTENCE_END.search(question)
        at = ended.end() if ended else 0
        after = text[step.spans[-1][1] :].lstrip()[:1]
        spoken = chinese.state(question[at:], decimal(answer) or "", after)
        return f"{question[:at].rstrip()}{spoken}{chinese.ASK_STATED.format(x=x)}"
    unit = _UNIT.match(text, step.spans[-1][1])
    story, asked = split_question(question)
    value = decimal(answer, comma=answer >= 1000 and "," in question) or ""
    if step.money and places(answer) == 1:
        value = decimal(answer, least=2) or value
    told = state(asked, value, step.money, unit.group(1) if unit else "")
    if told is None:  # a sentence of no known form is quoted
        told = f'The answer to "{asked}" is {value}.'
    return f"{story} {told} {ASK_STATED.format(x=x)}".strip()


def _has_letters(graph: Graph, line: str, x: str) -> bool:
    """An equation of the solution's own unknown that x has come into."""
    letters = graph.solution.letters
    if not letters or "=" not in line:
        return False
    if re.search(rf"(?<![A-Za-z]){x}[A-Za-z]|/\d+[A-Za-z](?![A-Za-z])", line):
        return True  # `4xm`
    found = set(re.findall(r"(?<![A-Za-z'])([A-Za-z])(?![A-Za-z']|-[A-Za-z])", line))  # not that of `T-shirts`
    others = [c for c in found - {x, "a", "I"} if c.lower() in letters]
    return x in found and any(_is_unknown(c, line) and not _is_unit(graph, c) for c in others)


def _is_unit(graph: Graph, letter: str) -> bool:
    """A letter that the question itself writes after a number: `16m`."""
    return any(re.match(rf" ?{letter}(?![A-Za-z'])", graph.question.text[m.end :]) for m in graph.question.mentions)


def _is_unknown(letter: str, line: str) -> bool:
    """A letter that is reckoned with (`3s = 12`, `s + 2`), not a unit (`5 m`) or a name (`Team B`)."""
    sign = r"[-+*/=]"
    return bool(re.search(rf"(?<![A-Za-z]){letter}\s*{sign}|{sign}\s*\$?[\d.]{{0,9}}{letter}(?![A-Za-z])", line))


def _body(made: Masked) -> list[str]:
    """The original sentences with the form where a number was."""
    s = made.graph.solution
    edits: dict[tuple[int, int], str] = {}
    for slot, value in zip(s.slots, made.slots):
        if isinstance(value, Form):
            for span in slot.spans:
                edits[span] = _operand(value, slot, s.text, span, made.x)
    for j, value in enumerate(made.results):
        if isinstance(value, Form):
            _result_edits(made, s.steps[j], value, edits)
    for token in s.tokens if "x" not in s.letters else ():
        if token.kind == "w" and token.text == "x" and not any(a <= token.start < b for a, b in edits):
            edits[token.start, token.end] = "*"
    cut = s.text.rindex("####")
    kept = _without_overlaps([(a, b, t) for (a, b), t in edits.items() if b <= cut])
    return [line for line in splice(s.text[:cut], kept).split("\n") if line.strip()]


def _without_overlaps(edits: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Whole annotations and `= result` parts win over what stands inside them."""
    kept: list[tuple[int, int, str]] = []
    for edit in sorted(edits, key=lambda e: (e[0], -(e[1]))):
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept


def _operand(value: Form, slot: Slot, text: str, span: tuple[int, int], x: str) -> str:
    written = text_of(value, x)
    if written == x:
        return _apart(x, text, span[1])
    if text[span[0] - 1 : span[0]] == "(" and text[span[1] : span[1] + 1] == ")":
        return written
    loose = " " in written
    if slot.step < 0:
        beside = (
            _glued(text, span)
            or chinese.is_chinese(text[span[1] : span[1] + 1])
            or _next_operator(text, span[1])
            or _SIGN_BEFORE.search(text[: span[0]])
        )
        return f"({written})" if loose and beside else written
    if slot.op in ("*", "/", "^") or (loose and slot.op) or _glued(text, span):
        return f"({written})"
    return written


def _apart(written: str, text: str, at: int) -> str:
    """With a space where a unit follows at once: `250ml` becomes `x ml`."""
    after = text[at : at + 1]
    return f"{written} " if after.isascii() and after.isalpha() and after != "x" else written


def _glued(text: str, span: tuple[int, int]) -> bool:
    """A sign of money or percent right beside the number."""
    return text[span[0] - 1 : span[0]] in ("$", "-", "/") or text[span[1] : span[1] + 1] in ("%", "/", "-", "(")


def _result_edits(made: Masked, step: Step, value: Form, edits: dict[tuple[int, int], str]) -> None:
    """Drop the annotation; write the form where the result is shown, unless the prose has just said it."""
    s = made.graph.solution
    text = s.text
    shown = step.spans[-1]
    opened = text.rfind("<<", 0, shown[0])
    note = opened if not step.plain and opened >= step.start else shown[0]
    form = text_of(value, made.x)
    before = text[:note].rstrip().rstrip("$").rstrip()
    sign = next((w for w in ("=", "equals") if before.endswith(w)), "")
    said = _said(made, step, note, edits) if sign else None
    if said is not None and _bare(said) == _bare(form):
        edits[len(before[: -len(sign)].rstrip()), shown[1]] = ""
        return
    form = _apart(form, text, shown[1])
    loose = " " in form.strip()
    beside = _glued(text, shown) or chinese.is_chinese(text[shown[1] : shown[1] + 1])
    wrap = loose and (beside or text[:note].endswith("$") or _next_operator(text, shown[1]))
    edits[note, shown[1]] = f"({form})" if wrap else form


def _next_operator(text: str, at: int) -> bool:
    return _SIGN_AFTER.match(text, at, at + 50) is not None


_SIGN_BEFORE = re.compile(r"(?:[-*/×÷]|\b(?:minus|times|(?:divided|multiplied) by))\s*\$?$")
_SIGN_AFTER = re.compile(
    r"(?:\s*[A-Za-z'’-]++){0,4}\s*(?:[*/×÷]|(?<= )x\s*[\d$(]|(?<= )(?:times|divided|multiplied)\b)"
)


def _said(made: Masked, step: Step, note: int, edits: dict[tuple[int, int], str]) -> str | None:
    """What the expression before the `=` reads after the edits; None where it is not just that expression."""
    s = made.graph.solution
    spans = [span for k in step.slots for span in s.slots[k].spans if span[1] <= note]
    spans += [span for _, ks in step.others for k in ks for span in s.slots[k].spans if span[1] <= note]
    spoken = _SPOKEN.search(s.text, max(0, note - 120), note)
    if not spans and spoken is None:
        return None
    start = min(a for a, _ in spans) if spans else spoken.start() if spoken else note
    end = note
    inside = [(a - start, b - start, t) for (a, b), t in edits.items() if start <= a and b <= end]
    return (
        splice(s.text[start:end], _without_overlaps(inside))
        .rstrip()
        .rstrip("$")
        .rstrip()
        .removesuffix("equals")
        .rstrip("=")
    )


_SPOKEN = re.compile(r"(?:(?:\$?[\d.,]*\d|plus|minus|times|(?:divided|multiplied) by|[-+*/])\s+)+equals\s*$")
"""`8 plus 16 equals` before an annotation."""
_SPOKEN_SIGNS = {"plus": "+", "minus": "-", "times": "*", "divided by": "/", "multiplied by": "*"}


def _bare(text: str) -> str:
    """What is written, whatever the spaces, brackets and the order of a plain sum."""
    for word, sign in _SPOKEN_SIGNS.items():
        text = text.replace(word, sign)
    bare = re.sub(r"[\s()$]", "", text)
    return "+".join(sorted(bare.split("+"))) if "-" not in bare and "+" in bare else bare
