"""Plain arithmetic of a solution's prose, read in every sensible way; exact, bounded, nothing executed."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

__all__ = ["readings"]

MAX_BITS = 20_000
_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|[-+*/^()%])")
_MIXED = re.compile(r"(?<![\d./*^)])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])")
_STACKED = re.compile(r"(?<=[\d)%])(\s*/\s+|\s+/\s*)(\d+(?:\.\d+)?/\d+(?:\.\d+)?)(?![\d./^])")
_GROUPS = re.compile(r"(?<![\d.])\d{1,3}(?: \d{3})+(?![\d.])")


class Unreadable(Exception):
    """No plain arithmetic."""


@lru_cache(maxsize=8192)
def readings(source: str) -> list[Fraction]:
    """The values an arithmetic text may have: as written; with mixed numbers; with a tight fraction as one divisor.

    >>> readings("60 / 3/4")
    [Fraction(5, 1), Fraction(80, 1)]
    """
    if len(source) > 400:
        return []
    sources = [source]
    if _GROUPS.search(source):
        sources = [_GROUPS.sub(lambda m: m.group().replace(" ", ""), source)]
    if _MIXED.search(sources[0]):
        sources = [_MIXED.sub(r"(\1+\2/\3)", sources[0])]
    if _STACKED.search(sources[0]):
        sources.append(_STACKED.sub(r"/(\2)", sources[0]))
    out = []
    for s in sources:
        try:
            value = _Reader(s).run()
        except (Unreadable, ZeroDivisionError, RecursionError):
            continue
        if value not in out:
            out.append(value)
    return out


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        text = text.strip()
        while at < len(text):
            m = _TOKEN.match(text, at)
            if m is None:
                raise Unreadable(text[at:])
            self.tokens.append(m.group(1))
            at = m.end()
        self.i = 0
        self.depth = 0

    def run(self) -> Fraction:
        value = self.sum()
        if self.i != len(self.tokens):
            raise Unreadable("")
        return value

    def peek(self) -> str:
        return self.tokens[self.i] if self.i < len(self.tokens) else ""

    def sum(self) -> Fraction:
        self.depth += 1
        if self.depth > 40:
            raise Unreadable("too deep")
        value = self.product()
        while self.peek() in ("+", "-"):
            op = self.peek()
            self.i += 1
            right = self.product()
            value = value + right if op == "+" else value - right
        self.depth -= 1
        return value

    def product(self) -> Fraction:
        value = self.unary()
        while True:
            op = self.peek()
            if op == "(":  # 2(3)
                value *= self.unary()
            elif op in ("*", "/"):
                self.i += 1
                right = self.unary()
                value = value * right if op == "*" else value / right
            else:
                return value
            if value.numerator.bit_length() > MAX_BITS:
                raise Unreadable("too big")

    def unary(self) -> Fraction:
        if self.peek() in ("-", "+"):
            sign = self.peek()
            self.i += 1
            value = self.unary()
            return -value if sign == "-" else value
        return self.power()

    def power(self) -> Fraction:
        base = self.percent()
        if self.peek() == "^":
            self.i += 1
            exponent = self.unary()
            if (
                exponent.denominator != 1
                or abs(exponent) * max(1, base.numerator.bit_length()) > MAX_BITS
                or (not base and exponent < 0)
            ):
                raise Unreadable("a power")
            return Fraction(base ** int(exponent))
        return base

    def percent(self) -> Fraction:
        value = self.atom()
        while self.peek() == "%":
            self.i += 1
            value /= 100
        return value

    def atom(self) -> Fraction:
        t = self.peek()
        self.i += 1
        if t == "(":
            value = self.sum()
            if self.peek() != ")":
                raise Unreadable("bracket")
            self.i += 1
            return value
        if not t or not (t[0].isdigit() or t[0] == ".") or len(t) > 300:
            raise Unreadable(t)
        return Fraction(t)
