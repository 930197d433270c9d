"""A worked solution as a graph: its equations, step chains, GSM8K annotations and the key of its reasoning path.

Arithmetic is read by the tokenizer and parser below, exactly (int and Fraction), in bounded time; nothing is evaluated
by Python or by a computer algebra system. Two solutions with the same list of equations walk the same path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import xxhash

__all__ = [
    "Annotation",
    "Equation",
    "Expression",
    "Number",
    "find_annotations",
    "divide",
    "equations",
    "final_answer",
    "number",
    "parse",
    "path_key",
    "plain_equations",
    "strip_annotations",
]

Number: TypeAlias = "int | Fraction"
"""Whole numbers stay int (four times faster); Fraction only where a division does not come out."""

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+"
MAX_DIGITS = 30
MAX_TOKENS = 120
MAX_DEPTH = 20
MAX_LINE = 4000

_MATH = re.compile(rf"\s*(?:({NUMBER})|(\*\*|//|[-+*/^%()=×÷·−–xX$€£]))")
_SAME = str.maketrans({"×": "*", "÷": "/", "·": "*", "−": "-", "–": "-", "x": "*", "X": "*"})
_DOUBLE = {"**": "^", "//": "/"}
_ANNOTATION = re.compile(r"<<([^<>\n]{1,200})>>")
_FINAL = re.compile(r"^####[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def number(text: str) -> Number | None:
    """The exact value of a written number such as `1,250.50`; None for anything longer than 30 digits."""
    text = text.replace(",", "")
    if len(text) > MAX_DIGITS:
        return None
    if "." not in text:
        return int(text)
    whole, _, part = text.partition(".")
    value = Fraction(int(whole + part or "0"), 10 ** len(part))
    return value.numerator if value.denominator == 1 else value


def divide(a: Number, b: Number) -> Number | None:
    """a / b exactly; None for a division by zero."""
    if not b:
        return None
    value = Fraction(a) / b if not (type(a) is int and type(b) is int) else Fraction(a, b)
    return value.numerator if value.denominator == 1 else value


def whole(value: Number) -> Number:
    """The same number, as int where it is whole."""
    return value.numerator if value.denominator == 1 else value


Node: TypeAlias = Any
"""int = index of a leaf; (op, left, right) with op one of + - * / ^; ("%", child), ("~", child) the negative."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: its tree, and its leaves with their value and place in the text."""

    tree: Node
    values: tuple[Number, ...]
    spans: tuple[tuple[int, int], ...]

    def value(self, values: Sequence[Number] | None = None) -> Number | None:
        """The exact value, with other leaves where given; None where it divides by zero or grows out of bounds."""
        return evaluate(self.tree, self.values if values is None else values)


def evaluate(node: Node, values: Sequence[Number]) -> Number | None:
    if type(node) is int:
        return values[node]
    left = evaluate(node[1], values)
    if left is None:
        return None
    op = node[0]
    if op == "%":
        return divide(left, 100)
    if op == "~":
        return -left
    right = evaluate(node[2], values)
    if right is None:
        return None
    if op == "/":
        return divide(left, right)
    if op == "^":
        return _power(left, right)
    result = left * right if op == "*" else left + right if op == "+" else left - right
    return result if type(result) is int else whole(result)


def _power(base: Number, exponent: Number) -> Number | None:
    if exponent.denominator != 1 or not -60 <= exponent <= 60 or (not base and exponent < 0):
        return None
    if abs(base.numerator) > 10**12 or base.denominator > 10**12:
        return None
    return whole(Fraction(base) ** int(exponent))


Token: TypeAlias = tuple[str, "Number | None", int, int]
"""(operator or "n", value, start, end)."""


def tokens(text: str, start: int = 0, end: int | None = None) -> list[Token] | None:
    """The arithmetic tokens of `text[start:end]`; None where anything else stands in it."""
    end = len(text) if end is None else end
    found: list[Token] = []
    while start < end:
        match = _MATH.match(text, start, end)
        if match is None:
            return None if text[start:end].strip() else found
        if len(found) >= MAX_TOKENS:
            return None
        written, sign = match.groups()
        if written is not None:
            value = number(written)
            if value is None:
                return None
            found.append(("n", value, match.start(1), match.end()))
        elif sign not in "$€£":
            sign = _DOUBLE.get(sign) or sign.translate(_SAME)
            found.append((sign, None, match.start(2), match.end()))
        start = match.end()
    return found


class _Parser:
    """Precedence climbing over tokens; `fail` is set instead of raising, depth is bounded."""

    __slots__ = ("at", "depth", "end", "fail", "spans", "stream", "values")

    def __init__(self, stream: list[Token], at: int, end: int) -> None:
        self.stream, self.at, self.end = stream, at, end
        self.values: list[Number] = []
        self.spans: list[tuple[int, int]] = []
        self.fail, self.depth = False, 0

    def peek(self) -> str:
        return self.stream[self.at][0] if self.at < self.end else ""

    def sum(self) -> Node:
        node = self.product()
        while (op := self.peek()) in ("+", "-") and not self.fail:
            self.at += 1
            node = (op, node, self.product())
        return node

    def product(self) -> Node:
        node = self.power()
        while not self.fail:
            op = self.peek()
            if op in ("*", "/"):
                self.at += 1
                node = (op, node, self.power())
            elif op == "(":
                node = ("*", node, self.power())
            else:
                break
        return node

    def power(self) -> Node:
        node = self.atom()
        while self.peek() == "%":
            self.at += 1
            node = ("%", node)
        if self.peek() == "^" and not self.fail:
            self.at += 1
            node = ("^", node, self.atom())
        return node

    def atom(self) -> Node:
        self.depth += 1
        kind, value, start, end = self.stream[self.at] if self.at < self.end else ("", None, 0, 0)
        if not kind or self.depth > MAX_DEPTH:
            self.fail = True
            return 0
        self.at += 1
        node: Node = 0
        if value is not None:
            node = len(self.values)
            self.values.append(value)
            self.spans.append((start, end))
        elif kind == "(":
            node = self.sum()
            self.fail = self.fail or self.peek() != ")"
            self.at += 1
        elif kind in "+-":
            node = self.power()
            node = node if kind == "+" else ("~", node)
        else:
            self.fail = True
        self.depth -= 1
        return node


def parse_tokens(stream: list[Token], start: int = 0, end: int | None = None) -> Expression | None:
    """The expression that `stream[start:end]` is, whole; None where it is none."""
    end = len(stream) if end is None else end
    if end - start > MAX_TOKENS:
        return None
    parser = _Parser(stream, start, end)
    tree = parser.sum()
    if parser.fail or parser.at != parser.end or not parser.values:
        return None
    return Expression(tree, tuple(parser.values), tuple(parser.spans))


def parse(text: str) -> Expression | None:
    """A written expression such as `2 x (3 + .5)`; None where it is anything else.

    >>> parse("2 x (3 + .5)").value()
    7
    """
    stream = tokens(text)
    return parse_tokens(stream) if stream else None


# --- equations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Annotation:
    """`<<48/2=24>>24`: the expression, the value it states, and where all of it stands."""

    start: int
    end: int
    sides: tuple[Expression | None, ...]
    """Every side of the equation, spans relative to the whole text; None = a side that does not parse."""
    shown: tuple[int, int] | None
    """The number right after `>>`."""


_SHOWN = re.compile(rf"\s?[$€£]?\s?(-?(?:{NUMBER}))")


def find_annotations(text: str) -> Iterator[Annotation]:
    """The calculator annotations of a GSM8K solution, in order."""
    for match in _ANNOTATION.finditer(text):
        sides = []
        start = match.start(1)
        for part in match.group(1).split("="):
            stream = tokens(text, start, start + len(part))
            sides.append(parse_tokens(stream) if stream else None)
            start += len(part) + 1
        shown = _SHOWN.match(text, match.end())
        yield Annotation(match.start(), match.end(), tuple(sides), shown.span(1) if shown else None)


def strip_annotations(text: str) -> str:
    """The solution as people read it: without `<<…>>`."""
    return _ANNOTATION.sub("", text) if "<<" in text else text


def final_answer(text: str) -> str | None:
    """What stands after `####`; None where there is no such line."""
    found = _FINAL.findall(text)
    return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation of a text in normal form (`48/2=24`), where it stands, and whether it was an annotation."""

    text: str
    start: int
    end: int
    annotated: bool = False

    @property
    def sides(self) -> tuple[str, ...]:
        return tuple(self.text.split("="))


_LATEX = [
    (re.compile(r"\\[dt]?frac\s*\{(\w+)\}\s*\{(\w+)\}"), r" \1/\2 "),
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r" (\1)/(\2) "),
    (re.compile(r"\\(?:times|cdot|ast)(?![a-zA-Z])"), "*"),
    (re.compile(r"\\div(?![a-zA-Z])"), "/"),
    (re.compile(r"\\(?:text|mathrm|mbox|textbf)\s*\{[^{}]*\}"), " "),
    (re.compile(r"\\(?:left|right|displaystyle|quad|,|;|!|\$|%)"), " "),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"[{}\\&$]"), " "),
]


def _unlatex(line: str) -> str:
    if "\\" in line:
        for pattern, plain in _LATEX:
            line = pattern.sub(plain, line)
    return line


# One token of a line of prose: number, letter that stands alone, operator, '=', word, sentence end, anything else.
_PROSE = re.compile(rf"({NUMBER})|([A-Za-z](?![A-Za-z']))|(\*\*|[-+*/^()×÷·−–%])|(=(?!>))|([$€£])|([A-Za-z']+)|(\S)")
_STOP = frozenset(re.findall(r"\w+", "is are was were so and or then that has have had equals make makes but because"))


def plain_equations(line: str) -> list[tuple[str, int, int]]:
    """The equations written in a line of prose, read across units (`450 mg + 200 mg = 650 mg`), in normal form."""
    if "=" not in line:
        return []
    line = line[:MAX_LINE]
    found: list[tuple[str, int, int]] = []
    sides: list[str] = []
    first = 0
    for text, start, end, closed in _runs(line):
        if not sides or not sides[0]:
            first, sides = start, []  # "Total = 3 * 4": what stands before the first sign is a word
        sides.append(text)
        if closed != "=":
            if len(sides) > 1 and all(sides):
                found.append(("=".join(sides), first, end))
            sides = []
    return found


def _runs(line: str) -> Iterator[tuple[str, int, int, str]]:
    """(normal form of an arithmetic run, start, end, what closed it); a run ends at '=' or at text."""
    run: list[str] = []
    start = end = words = 0
    for match in _PROSE.finditer(line):
        kind = match.lastindex
        text = match.group()
        if kind == 5:
            continue
        if kind == 4:
            yield _join(run), start, match.end(), "="
            run, start, words = [], match.end(), 0
        elif kind == 6 and text == "of" and run[-1:] == ["%"]:
            run.append("*")
        elif kind == 1 or (kind == 2 and text not in "aAI") or (kind == 3 and (text != ")" or "(" in run)):
            atom = kind != 3 or text == "("
            if kind == 1 and not words and run[-1:] in (["x"], ["X"]) and len(run) > 1:
                run[-1] = "*"
            if run and atom and kind != 2 and run[-1][-1].isalnum() and (words or kind == 1):
                yield _join(run), start, end, "text"
                run = []
            if not run:
                start = match.start()
            run.append(_normal(text, kind))
            end, words = match.end(), 0
        elif kind in (2, 6) and run and run[-1][-1].isalnum() and words < 3 and text.lower() not in _STOP:
            words += 1
        else:
            yield _join(run), start, end, "text"
            run, words = [], 0
    yield _join(run), start, end, "text"


def _normal(text: str, kind: int | None) -> str:
    if kind == 1:
        value = number(text)
        return text if value is None else _decimal(value)
    return _DOUBLE.get(text) or (text if kind == 2 else text.translate(_SAME))


def _decimal(value: Number) -> str:
    return str(value) if value.denominator == 1 else format(float(value), ".12g")


def _join(run: list[str]) -> str:
    while run and run[-1] in "+-*/^(":
        run = run[:-1]
    while run and run[0] in "*/^)%":
        run = run[1:]
    return "".join(run)


def equations(solution: str) -> list[Equation]:
    """Every equation of a worked solution in order: annotations, and plain ones that carry none.

    >>> [e.text for e in equations("She sold 48 / 2 = <<48/2=24>>24 clips. 24 + 48 = 72.")]
    ['48/2=24', '24+48=72']
    """
    found: list[Equation] = []
    at = 0
    for line in solution.split("\n"):
        if line and not line.startswith("####"):
            found.extend(_of_line(line, at))
        at += len(line) + 1
    return found


def _of_line(line: str, at: int) -> list[Equation]:
    made = []
    cut = 0
    for match in _ANNOTATION.finditer(line):
        before = line[cut : match.start()]
        made += [Equation(t, at + cut + s, at + cut + e) for t, s, e in plain_equations(_unlatex(before))]
        text = "=".join(_join([_normal(m[1] or m[2], 1 if m[1] else 3) for m in _MATH.finditer(side) if m[0].strip()])
                        for side in match.group(1).replace("$", "").split("="))  # fmt: skip
        made.append(Equation(text, at + match.start(), at + match.end(), True))
        shown = _SHOWN.match(line, match.end())
        cut = shown.end() if shown else match.end()
    rest = _unlatex(line[cut:])
    made += [Equation(t, at + cut + s, at + cut + e) for t, s, e in plain_equations(rest)]
    return made


def path_key(solution: str | None) -> str:
    """The key of a reasoning path: equal for two solutions with the same list of equations.

    A solution without any equation is known by its words. Spelling, units, currency and LaTeX do not count;
    order does, as in rejection-sampling work. Twice the same equation in a row counts once.
    """
    listed: list[str] = []
    for equation in equations(solution or ""):
        if not listed or listed[-1] != equation.text:
            listed.append(equation.text)
    kind = "equations" if listed else "words"
    parts = listed or re.findall(r"\w+", (solution or "").lower())
    return xxhash.xxh3_64_hexdigest("\x1f".join([kind, *parts]).encode("utf-8", "surrogatepass"))
