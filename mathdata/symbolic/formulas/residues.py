"""Remainders, units digits, congruences, inverses: the formula reckoned modulo m, line by line."""

from __future__ import annotations

import re

from mathdata.symbolic.formulas.exact import Exact
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.integers import divided, whole_numbers
from mathdata.symbolic.formulas.latex import Node, letters, parse
from mathdata.symbolic.formulas.working import value_of
from mathdata.symbolic.solution import Unsupported

__all__ = ["FAMILIES"]

_ASK = r"(?:What is|Find|Compute|Determine|Calculate|Evaluate)"
_SUM = r"(?:the (?:sum|product|number|difference|quantity) |the sum of )?"
_REMAINDER = asks(
    rf"{_ASK} the remainder (?:when|if) {_SUM}@ is divided by(?: the number)? @",
    rf"{_ASK} the remainder of @ (?:when divided |divided )?by @",
    rf"(?:When|If) {_SUM}@ is divided by @, what is the remainder",
    rf"{_ASK} @ modulo @",
    r"What is the residue of @,? modulo @",
)
_UNITS = asks(
    rf"{_ASK} the (?:units|ones) digit (?:of|in|when)(?: the (?:sum|product|number))? @(?: is (?:multiplied out|simplified|expanded))?"
)
_CONGRUENT = asks(
    r"(?:Find|What is|Determine) (?:the|an?) integer @,? @,? such that @",
    r"What integer @ satisfies @ and @",
    r"(?:Suppose|Given that) @,? where @\. What is(?: the value of)? @",
)
_INVERSE = asks(
    r"Find @, as a residue modulo @\. ?\(Give an answer between @ and @, inclusive\.\)",
    r"(?:Find|What is|Compute) the (?:modular|multiplicative) inverse (?:of|to) @,? modulo @\. Express your answer as an integer from @ to @(?:, inclusive)?",
)
MAX_LINES = 16


class _Modulo:
    """A formula reckoned modulo m."""

    def __init__(self, m: int) -> None:
        self.m = m
        self.lines: Lines = []

    def say(self, head: str, left: str, number: int) -> int:
        value = number % self.m
        if left != str(value):
            line = (head, f"${left} \\equiv {value} \\pmod{{{self.m}}}$.")
            if line not in self.lines:
                self.lines.append(line)
        if len(self.lines) > MAX_LINES:
            raise Unsupported("too long", "too many operations")
        return value

    def value(self, node: Node) -> int:
        op = node[0]
        if op == "n":
            if node[1].denominator != 1:
                raise Unsupported("no value", "a fraction modulo a number")
            return self.say("Reduce", str(node[1]), int(node[1]))
        if op == "~":
            inner = self.value(node[1])
            return self.say("Take the negative", f"-{inner}", -inner)
        if op in ("+", "-"):
            parts = _parts(node)
            values = [(sign, self.value(child)) for sign, child in parts]
            total = sum(v if sign == "+" else -v for sign, v in values)
            text = " ".join(f"{sign} {v}" for sign, v in values).removeprefix("+ ")
            return self.say("Add", f"{text} = {total}" if total != total % self.m else text, total)
        if op == "*":
            a, b = self.value(node[1]), self.value(node[2])
            product = a * b
            return self.say(
                "Multiply", f"{a} \\cdot {b} = {product}" if product != product % self.m else f"{a} \\cdot {b}", product
            )
        if op == "^":
            return self.power(node)
        if op == "!":
            return self.factorial(node)
        raise Unsupported("no value", f"'{op}' modulo a number")

    def power(self, node: Node) -> int:
        exponent = value_of(node[2]).rational
        if exponent is None or exponent.denominator != 1 or not 1 <= exponent <= 10**6:
            raise Unsupported("no value", "an exponent out of bounds")
        e = int(exponent)
        base = self.value(node[1])
        value, done = base, 1
        for bit in bin(e)[3:]:
            value, done = (
                self.say(f"Square to get the power {2 * done}", f"{value}^2 = {value * value}", value * value),
                2 * done,
            )
            if bit == "1":
                value = self.say(
                    f"Multiply by {base} to get the power {done + 1}",
                    f"{value} \\cdot {base} = {value * base}",
                    value * base,
                )
                done += 1
        return value

    def factorial(self, node: Node) -> int:
        n = value_of(node[1]).rational
        if n is None or n.denominator != 1 or not 0 <= n <= 10**6:
            raise Unsupported("no value", "a factorial out of bounds")
        if n >= self.m:
            return self.say(f"{self.m} is a factor", f"{n}!", 0)
        if n > 20:
            raise Unsupported("no value", "a factorial out of bounds")
        product = 1
        for k in range(2, int(n) + 1):
            product *= k
        return self.say("Work out the factorial", f"{n}! = {product}", product)


def _parts(node: Node) -> list[tuple[str, Node]]:
    if node[0] not in ("+", "-"):
        return [("+", node)]
    return [*_parts(node[1]), (node[0], node[2])]


def _worked(formula: str, m: int) -> Solved:
    if not 2 <= m <= 10_000:
        raise Unsupported("no value", "a modulus out of bounds")
    node = parse(formula)
    if letters(node):
        raise Unsupported("no value", "a letter")
    if node[0] == "n":
        number = whole_numbers([formula], 10**20)[0]
        return solved_value([(f"Divide by {m}", f"${divided(number, m)}$.")], Exact.of(number % m))
    work = _Modulo(m)
    value = work.value(node)
    return solved_value(work.lines, Exact.of(value))


def read_remainder(made: Pieces) -> Solved | None:
    if _REMAINDER.fullmatch(made.prose) is None or len(made.formulas) != 2:
        return None
    try:
        return _worked(made.formulas[0], whole_numbers([made.formulas[1]])[0])
    except Unsupported as e:
        if e.word == "no value" and "out of bounds" in e.detail:
            raise
        return None


def read_units(made: Pieces) -> Solved | None:
    if _UNITS.fullmatch(made.prose) is None or len(made.formulas) != 1:
        return None
    try:
        solved = _worked(made.formulas[0], 10)
    except Unsupported:
        return None
    return solved


_CONGRUENCE = re.compile(r"(.+?)\\equiv(.+?)(?:~|\\ |\s)*(?:\\pmod|\\bmod|\\mod)\s*(?:\{(\d+)\}|(\d+))", re.DOTALL)
_RANGE = re.compile(r"\s*(-?\d+)\s*(\\le|\\leq|<)\s*([a-zA-Z])\s*(\\le|\\leq|<)\s*(-?\d+)\s*")


def read_congruent(made: Pieces) -> Solved | None:
    if _CONGRUENT.fullmatch(made.prose) is None:
        return None
    ranges = [m for f in made.formulas if (m := _RANGE.fullmatch(f))]
    relations = [m for f in made.formulas if (m := _CONGRUENCE.fullmatch(f))]
    if len(ranges) != 1 or len(relations) != 1:
        return None
    low, low_sign, name, high_sign, high = ranges[0].groups()
    left, right = relations[0][1].strip(), relations[0][2].strip()
    modulus = int(relations[0][3] or relations[0][4])
    first, last = int(low) + (low_sign == "<"), int(high) - (high_sign == "<")
    others = [f for f in made.formulas if f not in (ranges[0].string, relations[0].string)]
    if any(f.strip() != name for f in others) or last - first != modulus - 1:
        return None
    other = right if left == name else left if right == name else ""
    if not other:
        return None
    try:
        solved = _worked(other, modulus)
    except Unsupported:
        return None
    value = int(solved.value.rational)
    moved = value + (-(-(first - value) // modulus)) * modulus
    if moved != value:
        solved.lines.append(
            ("Move into the range", f"${value} + ({(moved - value) // modulus}) \\cdot {modulus} = {moved}$.")
        )
    return solved_value(solved.lines, Exact.of(moved))


def read_inverse(made: Pieces) -> Solved | None:
    if _INVERSE.fullmatch(made.prose) is None or len(made.formulas) != 4:
        return None
    first = re.fullmatch(r"(\d+)\^\{-1\}\s*\\pmod\{(\d+)\}", made.formulas[0])
    a, m, low, high = (first[1] if first else made.formulas[0], *made.formulas[1:])
    if not all(x.isdigit() and len(x) <= 6 for x in (a, m, low, high)) or (first and first[2] != m):
        return None
    number, modulus = int(a), int(m)
    if (int(low), int(high)) != (0, modulus - 1):
        return None
    try:
        value = pow(number, -1, modulus)
    except ValueError:
        raise Unsupported("no value", "no inverse") from None
    lines = [
        (
            "Look for a multiple that leaves 1",
            f"${number} \\cdot {value} = {number * value}$ and ${divided(number * value, modulus)}$.",
        )
    ]
    return solved_value(lines, Exact.of(value))


FAMILIES = (
    Family("remainder", read_remainder), Family("units digit", read_units), Family("congruence", read_congruent),
    Family("inverse", read_inverse, tied=True),
)  # fmt: skip
