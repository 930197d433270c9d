"""Reads a LaTeX formula into a tree: our own tokens and parser, bounded; nothing of it is ever executed.

A node is a tuple: ("n", value) a number, ("v", name) a letter, ("+" "-" "*" "/" "^", a, b), ("~", a) the negative,
("!", a), ("root", n, a), ("abs" "floor" "ceil" "deg" "%", a), ("binom", n, k), ("log", base, a), ("fn", name, a),
("call", f, a), ("base", digits, b) a numeral in another base.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, TypeAlias

from mathdata.symbolic.solution import Unsupported
from mathdata.worked import whole

__all__ = ["Node", "equation", "letters", "parse"]

Node: TypeAlias = "tuple[Any, ...]"

MAX_FORMULA = 400
MAX_TOKENS = 160
MAX_DEPTH = 24
MAX_DIGITS = 24

_TOKEN = re.compile(
    r"\s*(?:(\d*\.\d*\\overline(?:\{\d{1,12}\}|\d))|(\d{1,3}(?:,\d{3})+(?![\d,])|\d+\.\d+|\.\d+|\d+)|(\\[A-Za-z]+|\\[^A-Za-z])|(.))"
)
_SKIP = frozenset(
    [*(f"\\{c}" for c in ",;:! "), "\\left", "\\right", "\\displaystyle", "\\quad", "\\qquad", "\\limits", "\\big", "\\Big", "~"]
)  # fmt: skip
_SAME = {"\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\cfrac": "\\frac", "\\dbinom": "\\binom", "\\tbinom": "\\binom"}
_SAME |= {"\\cdot": "*", "\\times": "*", "\\ast": "*", "\\lvert": "|", "\\rvert": "|", "\\vert": "|", "−": "-"}
_SAME |= {"\\{": "(", "\\}": ")", "[": "(", "]": ")", "\\lbrack": "(", "\\rbrack": ")", "\\%": "%"}
_TRIG = frozenset(["\\sin", "\\cos", "\\tan", "\\cot", "\\sec", "\\csc"])
_CLOSING = frozenset([")", "}", "\\rfloor", "\\rceil", "", "=", ",", "<", ">"])


class _Bad(Unsupported):
    def __init__(self, why: str) -> None:
        super().__init__("does not parse", why)


def _tokens(text: str) -> list[tuple[str, Any]]:
    if len(text) > MAX_FORMULA:
        raise _Bad("a formula that is too long")
    text = text.replace("{,}", ",").replace(",\\!", ",")
    found: list[tuple[str, Any]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at:].strip():
                raise _Bad("a sign that is not read")
            break
        at = match.end()
        endless, number, command, sign = match.groups()
        if len(found) > MAX_TOKENS:
            raise _Bad("too many signs")
        if endless:
            found.append(("n", _endless(endless)))
        elif number:
            if len(number) > MAX_DIGITS:
                raise _Bad("a number that is too long")
            found.append(("n", whole(Fraction(number.replace(",", "")))))
        elif (written := command or sign) and written not in _SKIP and not written.isspace():
            written = _SAME.get(written, written)
            found.append(("v", written) if written.isalpha() else (written, None))
    return found


def _endless(text: str) -> Fraction:
    """`0.1\\overline{6}` = 1/6."""
    match = re.fullmatch(r"(\d*)\.(\d*)\\overline\{?(\d+)\}?", text)
    if match is None or len(text) > MAX_DIGITS + 14:
        raise _Bad("an endless decimal")
    head, part, again = match.groups()
    fixed = Fraction(int((head + part) or "0"), 10 ** len(part))
    return fixed + Fraction(int(again), (10 ** len(again) - 1) * 10 ** len(part))


class _Parser:
    """Recursive descent with bounded depth; `functions` are letters that are applied, not multiplied."""

    def __init__(self, stream: list[tuple[str, Any]], functions: frozenset[str]) -> None:
        self.stream, self.functions = stream, functions
        self.at = self.depth = self.bars = 0

    def peek(self, ahead: int = 0) -> str:
        i = self.at + ahead
        return self.stream[i][0] if i < len(self.stream) else ""

    def take(self, kind: str) -> None:
        if self.peek() != kind:
            raise _Bad(f"'{kind}' is missing")
        self.at += 1

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Bad("too deep")
        node = self.product()
        while self.peek() in ("+", "-"):
            op = self.peek()
            self.at += 1
            node = (op, node, self.product())
        self.depth -= 1
        return node

    def product(self) -> Node:
        node = self.signed()
        while True:
            kind = self.peek()
            if kind == "*":
                self.at += 1
                node = ("*", node, self.signed())
            elif kind in ("/", "\\div"):
                self.at += 1
                below = self.signed()
                if self.starts():
                    raise _Bad("a product after a division sign")
                node = ("/", node, below)
            elif self.starts():
                if kind == "n" and self.stream[self.at - 1][0] in ("n", "v"):
                    raise _Bad("a number right after another")
                node = ("*", node, self.power())
            else:
                return node

    def starts(self) -> bool:
        """Whether a factor without a sign follows."""
        kind = self.peek()
        if kind == "|":
            return not self.bars
        return kind in ("n", "v", "(", "{", "\\frac", "\\sqrt", "\\binom", "\\lfloor", "\\lceil", "\\log", "\\pi") or kind in _TRIG  # fmt: skip

    def signed(self) -> Node:
        if self.peek() in ("-", "+"):
            minus = self.peek() == "-"
            self.at += 1
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise _Bad("too deep")
            node = self.signed()
            self.depth -= 1
            return ("~", node) if minus else node
        return self.power()

    def power(self) -> Node:
        node = self.atom()
        while True:
            kind = self.peek()
            if kind == "^":
                self.at += 1
                if self.peek() == "\\circ" or (self.peek() == "{" and self.peek(1) == "\\circ"):
                    braced = self.peek() == "{"
                    self.at += 2 if braced else 1
                    if braced:
                        self.take("}")
                    node = ("deg", node)
                    continue
                node = ("^", node, self.group())
                if self.peek() == "^":
                    raise _Bad("a double exponent")
            elif kind == "!":
                self.at += 1
                if self.peek() == "!":
                    raise _Bad("a double factorial")
                node = ("!", node)
            elif kind == "%":
                self.at += 1
                node = ("%", node)
            elif kind == "_" and node[0] == "n":
                self.at += 1
                base = self.group()
                if base[0] != "n" or node[1].denominator != 1:
                    raise _Bad("an index")
                node = ("base", node[1], base[1])
            else:
                return node

    def group(self) -> Node:
        """What an exponent, a fraction or an index takes: `{…}`, one digit, one letter or one command."""
        if self.peek() == "{":
            self.at += 1
            node = self.sum()
            self.take("}")
            return node
        if self.peek() == "n":
            value = self.stream[self.at][1]
            if value.denominator != 1 or value < 0:
                raise _Bad("a decimal without braces")
            digits = str(value)
            first = ("n", int(digits[0]))
            if len(digits) == 1:
                self.at += 1
            else:
                self.stream[self.at] = ("n", int(digits[1:]))
                if digits[1] == "0":
                    raise _Bad("a number without braces")
            return first
        if self.peek() == "-":
            raise _Bad("a sign without braces")
        return self.atom()

    def atom(self) -> Node:
        kind = self.peek()
        value = self.stream[self.at][1] if kind else None
        self.at += 1
        if kind == "n":
            return self.mixed(value)
        if kind == "v":
            if value in self.functions and self.peek() == "(":
                self.at += 1
                inner = self.sum()
                self.take(")")
                return ("call", value, inner)
            return ("v", value)
        if kind in ("(", "{"):
            inner = self.sum()
            self.take(")" if kind == "(" else "}")
            return inner
        if kind == "|":
            self.bars += 1
            outer, self.bars = self.bars, 1
            inner = self.sum()
            self.take("|")
            self.bars = outer - 1
            return ("abs", inner)
        return self.command(kind)

    def mixed(self, value: Any) -> Node:
        """`2\\frac{1}{3}` is a mixed number where the part is a proper fraction."""
        if self.peek() != "\\frac" or value.denominator != 1:
            return ("n", value)
        start = self.at
        part = self.atom()
        above, below = part[1], part[2]
        if above[0] == below[0] == "n" and 0 < above[1] < below[1]:
            return ("n", whole(value + Fraction(above[1]) / below[1]))
        self.at = start
        if above[0] == below[0] == "n":
            raise _Bad("a number before a fraction")
        return ("n", value)

    def command(self, kind: str) -> Node:
        if kind in ("\\frac", "\\binom"):
            above, below = self.group(), None
            below = self.group()
            return ("/" if kind == "\\frac" else "binom", above, below)
        if kind == "\\sqrt":
            index: Node = ("n", 2)
            if self.peek() == "(":
                self.at += 1
                index = self.sum()
                self.take(")")
            return ("root", index, self.group())
        if kind in ("\\lfloor", "\\lceil"):
            inner = self.sum()
            self.take("\\rfloor" if kind == "\\lfloor" else "\\rceil")
            return ("floor" if kind == "\\lfloor" else "ceil", inner)
        if kind == "\\log":
            return self.log()
        if kind in _TRIG:
            return self.trig(kind)
        if kind == "\\pi":
            return ("v", "\\pi")
        raise _Bad(f"'{kind}' is not read")

    def log(self) -> Node:
        base: Node = ("n", 10)
        if self.peek() == "_":
            self.at += 1
            base = self.group()
        return ("log", base, self.argument())

    def trig(self, kind: str) -> Node:
        exponent: Node | None = None
        if self.peek() == "^":
            self.at += 1
            exponent = self.group()
            if exponent[0] != "n":
                raise _Bad("an inverse function")
        node: Node = ("fn", kind[1:], self.argument())
        return node if exponent is None else ("^", node, exponent)

    def argument(self) -> Node:
        """The argument of a function: one power; what could belong to it is refused."""
        bracket = self.peek() in ("(", "{")
        node = self.power()
        if not bracket and self.starts():
            raise _Bad("an argument without brackets")
        return node


def parse(text: str, functions: frozenset[str] = frozenset()) -> Node:
    """The tree of a formula. Raises Unsupported where it is not one expression of the kinds known here."""
    parser = _Parser(_tokens(text), functions)
    node = parser.sum()
    if parser.peek():
        raise _Bad(f"'{parser.peek()}' follows")
    return node


def equation(text: str, functions: frozenset[str] = frozenset()) -> tuple[Node, Node]:
    """The two sides of an equation."""
    sides = text.split("=")
    if len(sides) != 2:
        raise _Bad("not one equation")
    return parse(sides[0], functions), parse(sides[1], functions)


def letters(node: Node) -> set[str]:
    """The unknowns of a tree."""
    if node[0] == "v":
        return {node[1]}
    return {name for child in node[1:] if isinstance(child, tuple) for name in letters(child)}
