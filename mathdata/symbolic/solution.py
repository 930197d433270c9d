"""A GSM8K solution as steps: annotations, plain equations across units, and every other number of its prose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mathdata.symbolic import chinese
from mathdata.symbolic.chains import chains_in, is_false, runs_on, sides_of
from mathdata.symbolic.lexer import Token, lex, listed
from mathdata.symbolic.question import plural
from mathdata.worked import Expression, Number, evaluate, final_answer, number, parse_tokens

__all__ = ["Slot", "Solution", "Step", "Unsupported", "read_solution"]


class Unsupported(Exception):
    """Why a row is not claimed: a word of a closed list, and the sentence."""

    def __init__(self, word: str, detail: str = "") -> None:
        super().__init__(word, detail)
        self.word, self.detail = word, detail

    @property
    def reason(self) -> str:
        return f"{self.word}: {self.detail}" if self.detail not in ("", self.word) else self.word


@dataclass(slots=True)
class Slot:
    """A number of the solution that comes from somewhere: an operand or a number of the prose."""

    value: Number
    spans: list[tuple[int, int]]
    limit: int
    """Results of steps below this index may be its source."""
    step: int
    """The step it is an operand of; -1 in the prose."""
    op: str = ""
    """The operator it stands at: + - * ^, | above and / below a division line, or ''."""
    noun: str = ""
    sources: list[Any] = field(default_factory=list)
    side: int = 0
    money: bool = False
    word: bool = False
    percent: bool = False
    """Stands before a percent sign, or is divided by 100."""


@dataclass(slots=True)
class Step:
    """One equation: its tree over slots, its exact value and the places where that is shown."""

    tree: Any
    slots: list[int]
    value: Number
    spans: list[tuple[int, int]]
    line: int
    noun: str = ""
    money: bool = False
    plain: bool = False
    start: int = 0
    others: list[tuple[Any, list[int]]] = field(default_factory=list)
    """Further sides that must have the same value (`3+4+5 = 7+5 = 12`)."""


@dataclass(slots=True)
class Solution:
    text: str
    tokens: list[Token]
    steps: list[Step]
    slots: list[Slot]
    words: frozenset[str]
    gold: Number
    gold_span: tuple[int, int]
    letters: frozenset[str]
    ragged: list[int] = field(default_factory=list)
    """Steps whose result is not whole."""


@dataclass(slots=True)
class _Note:
    """An annotation while a line is read."""

    sides: list[Expression | None]
    start: int
    end: int


MAX_TEXT = 10_000
MAX_STEPS = 60
MAX_NUMBERS = 400

_COUNTED = frozenset(listed("hour day week month year number step part room page level round grade chapter game"))


def read_solution(text: str) -> Solution:
    """The steps of a solution. Raises Unsupported where the text cannot be read exactly."""
    if len(text) > MAX_TEXT:
        raise Unsupported("too long", f"{len(text):,} characters")
    stream = lex(text)
    gold, span = _gold(text)
    words = frozenset(t.text for t in stream if t.kind == "w") | chinese.words(text)
    made = Solution(text, stream, [], [], words, gold, span, frozenset())
    lines, notes = _lines(stream, span[0])
    reader = _Reader(made, notes)
    for n, line in enumerate(lines):
        reader.line(line, n)
        if len(made.steps) > MAX_STEPS or len(made.slots) > MAX_NUMBERS:
            raise Unsupported("too long", f"more than {MAX_STEPS} steps or {MAX_NUMBERS} numbers")
    if not made.steps:
        raise Unsupported("no step", "the solution shows no calculation")
    made.letters = frozenset(reader.letters)
    made.ragged = [j for j, step in enumerate(made.steps) if step.value.denominator != 1]
    return made


def _gold(text: str) -> tuple[Number, tuple[int, int]]:
    written = final_answer(text)
    plain = (written or "").replace("$", "").replace(",", "").replace("%", "").strip()
    if written is None or not plain.replace(".", "", 1).isdigit() or plain == ".":
        raise Unsupported("no answer", "no plain number after ####")
    value = number(plain)
    if value is None:
        raise Unsupported("no answer", "the number after #### is too long")
    at = text.rindex("####") + 4
    start = text.index(next(c for c in text[at:] if c.isdigit() or c == "."), at)
    end = start
    while end < len(text) and (text[end].isdigit() or text[end] in ",."):
        end += 1
    return value, (start, end)


def _lines(stream: list[Token], stop: int) -> tuple[list[list[Token]], dict[int, _Note]]:
    """Lines of tokens without annotations; notes by the start of the token after each."""
    lines: list[list[Token]] = [[]]
    notes: dict[int, _Note] = {}
    stream = mixed(stream)
    i, n = 0, len(stream)
    while i < n:
        token = stream[i]
        if token.start >= stop - 4 and (token.text == "#" or token.start >= stop):
            break
        if token.kind == "|":
            lines.append([])
        elif token.kind == "<":
            close = i + 1
            while close < n and stream[close].kind not in ">|":
                close += 1
            if close >= n or stream[close].kind != ">":
                raise Unsupported("does not parse", "an annotation that does not close")
            note = _Note(_sides(stream, i + 1, close), token.start, stream[close].end)
            after = close + 1
            while after < n and stream[after].kind == "$":
                after += 1
            notes[stream[after].start if after < n else -1] = note
            i = close
        elif token.kind != "$":
            lines[-1].append(token)
        i += 1
    return lines, notes


def mixed(stream: list[Token]) -> list[Token]:
    """`1 1/2` as `(1 + 1/2)`."""
    if not any(t.kind == "/" for t in stream):
        return stream
    made: list[Token] = []
    i = 0
    while i < len(stream):
        a, b, line, c = (*stream[i : i + 4], None, None, None, None)[:4]
        whole = a is not None and b is not None and a.kind == b.kind == "n" and b.start == a.end + 1
        if whole and line is not None and c is not None and line.kind == "/" and c.kind == "n":
            assert a is not None
            assert b is not None
            if c.start == b.end + 1 and (b.value or 0) < (c.value or 0) and not a.word:
                signs = [Token(k, None, p, p, k) for k, p in (("(", a.start), ("+", a.end), (")", c.end))]
                made += [signs[0], a, signs[1], b, line, c, signs[2]]
                i += 4
                continue
        made.append(stream[i])
        i += 1
    return made


def _sides(stream: list[Token], start: int, end: int) -> list[Expression | None]:
    made: list[Expression | None] = []
    part: list[Any] = []
    for token in [*stream[start:end], None]:
        if token is None or token.kind == "=":
            made.append(parse_tokens(part) if part else None)
            part = []
        elif token.kind != "$":
            kind = "*" if token.kind == "w" and token.text == "x" else token.kind
            part.append((kind, token.value, token.start, token.end))
    return made


class _Reader:
    """Builds steps and slots line by line."""

    def __init__(self, made: Solution, notes: dict[int, _Note]) -> None:
        self.made, self.notes = made, notes
        self.letters: set[str] = set()

    def line(self, line: list[Token], n: int) -> None:
        done: set[int] = set()
        first = len(self.made.slots)
        prose: list[tuple[int, Token]] = []
        for chain, loose in chains_in(line, self.letters):
            self._chain(chain, loose, n, done)
        for i, token in enumerate(line):
            if token.kind != "n" or token.start in done or token.value is None:
                continue
            if token.start in self.notes:
                self._annotated(None, self.notes[token.start], token, n)
            else:
                prose.append((i, token))
        for i, token in prose:
            self._prose(line, i, token)
        self._describe(line, n, first)

    def _describe(self, line: list[Token], n: int, first: int) -> None:
        """The noun after every number of the line, and whether a sign of money or percent stands by it."""
        near = {t.start: _next_word(line, i) for i, t in enumerate(line) if t.kind == "n"}
        text = self.made.text
        for slot in self.made.slots[first:]:
            start, end = slot.spans[-1]
            slot.noun = near.get(start, "")
            slot.money = text[max(0, start - 1) : start] == "$"
            slot.percent = slot.percent or text[end : end + 1] == "%" or text[end : end + 4] == "/100"
        for step in self.made.steps:
            if step.line == n:
                start = step.spans[-1][0]
                step.noun = near.get(start, "")
                step.money = text[max(0, start - 1) : start] == "$" or text[max(0, step.start - 1) : step.start] == "$"
                if _is_sum(step.tree):
                    self._like(step)

    def _like(self, step: Step) -> None:
        """What is added is of the kind of the result; dollars come from dollars also where they are subtracted."""
        sums = _only(step.tree, ("+",))
        for slot in (self.made.slots[k] for k in step.slots):
            slot.noun = slot.noun or (step.noun if sums else "")
            slot.money = slot.money or step.money

    def _prose(self, line: list[Token], i: int, token: Token) -> None:
        assert token.value is not None
        if i + 1 < len(line) and line[i + 1].start == token.end and line[i + 1].text in ("st", "nd", "rd", "th"):
            return
        if i and line[i - 1].text in _COUNTED and token.value <= 12 and line[i - 1].kind == "w":
            return  # "hour three" names, it does not count
        self.made.slots.append(Slot(token.value, [(token.start, token.end)], len(self.made.steps), -1, word=token.word))

    def _chain(self, chain: list[list[Token]], loose: bool, n: int, done: set[int]) -> None:
        """`a = b = c` outside annotations: a step of its own, or the prose of an annotated one.

        A loose chain was read across unit words; where it does not hold as a whole (`4 - 3 = 1 hour = 60 minutes`),
        its parts that hold are chains of their own, and what is left is prose. A tight one that does not hold is a
        false equation.
        """
        chain, sides = sides_of(chain)
        values = [None if s is None else s.value() for s in sides]
        if all(v is not None and v == values[0] for v in values):
            self._true_chain(chain, [s for s in sides if s is not None], n, done)
            return
        if not loose and None not in values and is_false(sides):
            raise Unsupported("false equation", _written(self.made.text, chain))
        start = 0
        for k in range(1, len(chain) + 1):
            if k == len(chain) or values[k] != values[start] or values[k] is None:
                part = [s for s in sides[start:k] if s is not None]
                if k < len(chain) and len(part) == 1 and runs_on(part[0], sides[k]):
                    raise Unsupported("false equation", _written(self.made.text, chain))
                if part and (k - start > 1 or k == len(chain)):
                    self._true_chain(chain[start:k], part, n, done)
                start = k

    def _true_chain(self, chain: list[list[Token]], sides: list[Expression], n: int, done: set[int]) -> None:
        tail = chain[-1]
        note = self.notes.get(tail[0].start) if len(tail) == 1 else None
        before = sides[-2] if len(sides) > 1 else None
        if note is not None:
            self._annotated(before, note, tail[0], n, sides[:-2])
        elif len(sides) > 1 and any(type(s.tree) is not int for s in sides):
            self._plain(sides, chain, n)
        else:
            return
        for side in chain if note is None or before is not None else [tail]:
            done.update(t.start for t in side if t.kind == "n")

    def _plain(self, sides: list[Expression], chain: list[list[Token]], n: int) -> None:
        value = sides[0].value()
        assert value is not None
        if type(sides[-1].tree) is not int:
            return self._sides_only(sides, n)
        if type(sides[0].tree) is int:
            sides = [sides[1], sides[0], *sides[2:]] if len(sides) > 2 else sides
        if type(sides[0].tree) is int or any(t.start in self.notes for side in chain for t in side):
            return self._sides_only(sides, n)
        self._step(sides[0], value, [sides[-1].spans[0]], n, sides[1:-1], None)
        self.made.steps[-1].plain = True
        return None

    def _sides_only(self, sides: list[Expression], n: int) -> None:
        """An equation that ends in no number (`4 = 2*2`): its numbers are prose."""
        for side in sides:
            for value, span in zip(side.values, side.spans):
                self.made.slots.append(Slot(value, [span], len(self.made.steps), -1))

    def _annotated(
        self,
        before: Expression | None,
        note: _Note,
        shown: Token,
        n: int,
        more: list[Expression] | None = None,
    ) -> None:
        """A step from an annotation; `before` the same calculation in the prose in front of it."""
        if any(side is None for side in note.sides):
            raise Unsupported("does not parse", self.made.text[note.start : note.end])
        sides = [s for s in note.sides if s is not None]
        first, last = sides[0], sides[-1]
        value = first.value()
        if value is None or any(s.value() != value for s in sides):
            raise Unsupported("false annotation", self.made.text[note.start : note.end])
        if shown.value != value:
            raise Unsupported("shown differs", f"{self.made.text[note.start : note.end]}{shown.text}")
        more = list(more or [])
        if type(first.tree) is int and before is not None and type(before.tree) is not int:
            spans = [*first.spans, *([last.spans[0]] if len(sides) > 1 else [])]
            self._step(before, value, [*spans, (shown.start, shown.end)], n, more, None)
        else:
            tail = [last.spans[0]] if type(last.tree) is int and len(sides) > 1 else []
            if len(sides) > 1 and type(last.tree) is not int:
                more.append(last)
            self._step(first, value, [*tail, (shown.start, shown.end)], n, sides[1:-1] + more, before)
        self.made.steps[-1].start = note.start

    def _step(
        self,
        first: Expression,
        value: Number,
        spans: list[tuple[int, int]],
        n: int,
        others: list[Expression],
        before: Expression | None,
    ) -> None:
        made = self.made
        index = len(made.steps)
        step = Step(first.tree, [], value, spans, n, start=first.spans[0][0])
        step.slots = self._operands(first, index)
        if before is not None and before.values == first.values:
            for k, span in zip(step.slots, before.spans):
                made.slots[k].spans.append(span)
        elif before is not None:
            others = [*others, before]
        step.others = [(o.tree, self._operands(o, index, side=1)) for o in others]
        made.steps.append(step)

    def _operands(self, e: Expression, index: int, side: int = 0) -> list[int]:
        ops = [""] * len(e.values)
        _places(e.tree, "", ops)
        first = len(self.made.slots)
        for value, span, op in zip(e.values, e.spans, ops):
            self.made.slots.append(Slot(value, [span], index, index, op, side=side))
        return list(range(first, first + len(e.values)))


def _is_sum(node: Any) -> bool:
    return type(node) is not int and _only(node, ("+", "-"))


def _only(node: Any, ops: tuple[str, ...]) -> bool:
    return type(node) is int or (node[0] in ops and all(_only(child, ops) for child in node[1:]))


def _places(node: Any, op: str, ops: list[str]) -> None:
    if type(node) is int:
        ops[node] = op
    elif len(node) == 2:
        _places(node[1], op if node[0] == "%" else node[0], ops)
    else:
        _places(node[1], "|" if node[0] == "/" else node[0], ops)
        _places(node[2], node[0], ops)


def _written(text: str, chain: list[list[Token]]) -> str:
    tokens = [t for side in chain for t in side]
    return " ".join(text[tokens[0].start : tokens[-1].end].split())[:80] if tokens else ""


def _next_word(line: list[Token], i: int) -> str:
    for token in line[i + 1 : i + 3]:
        if token.kind == "w" and token.text not in ("more", "additional", "other", "new", "extra", "x"):
            return plural(token.text)
        if token.kind not in "-%$w":
            break
    return ""


def results(solution: Solution, values: list[Number]) -> list[Number | None]:
    """The value of every step with these slot values."""
    return [evaluate(s.tree, [values[k] for k in s.slots]) for s in solution.steps]
