"""Works a formula of numbers out, one operation a line; the value is exact and every line is true."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial, isqrt
from typing import Any

from mathdata.symbolic.formulas.exact import Exact, root, size
from mathdata.symbolic.formulas.latex import Node
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.write import decimal
from mathdata.worked import Number, whole

__all__ = ["Work", "value_of"]

MAX_LINES = 24


class Work:
    """Values of sub-expressions, with the lines that lead to them; letters take their value from `known`."""

    def __init__(self, known: dict[str, Exact] | None = None, decimal: bool = False) -> None:
        self.known, self.decimal = known or {}, decimal
        self.lines: list[tuple[str, str]] = []

    def text(self, value: Exact) -> str:
        """The value as it is written: a decimal among decimals, where it has an end."""
        number = value.rational if self.decimal else None
        return (decimal(number) if number is not None else None) or value.latex()

    def say(self, head: str, left: str, value: Exact) -> None:
        line = (head, f"${left} = {self.text(value)}$.")
        if left != self.text(value) and line not in self.lines:
            self.lines.append(line)
        if len(self.lines) > MAX_LINES:
            raise Unsupported("too long", f"more than {MAX_LINES} operations")

    def value(self, node: Node) -> Exact:
        op = node[0]
        if op == "n":
            return Exact.of(node[1])
        if op == "v":
            return self.letter(node[1])
        if op in ("+", "-"):
            return self.sum(node)
        if op == "*":
            return self.product(node)
        if op == "~":
            return -self.value(node[1])
        method = getattr(self, _METHODS[op], None) if op in _METHODS else None
        if method is None:
            raise Unsupported("no value", f"'{op}' is not worked here")
        result: Exact = method(node)
        return result

    def letter(self, name: str) -> Exact:
        if name in self.known:
            return self.known[name]
        if name == "i":
            return Exact({-1: 1})
        raise Unsupported("no value", f"{name} is unknown")

    def sum(self, node: Node) -> Exact:
        parts = _flat_sum(node)
        values = [(sign, self.value(child)) for sign, child in parts]
        total, text = Exact.of(0), ""
        for sign, value in values:
            total = total + value if sign == "+" else total - value
            shown = self.bracket(value, sum_of=bool(text))
            text += f" {sign} {shown}" if text else (shown if sign == "+" else f"-{self.bracket(value, product=True)}")
        signs = {sign for sign, _ in values[1:]} | ({"-"} if values[0][0] == "-" else set())
        self.say("Add and subtract" if len(signs) > 1 else "Subtract" if "-" in signs else "Add", text, total)
        return total

    def product(self, node: Node) -> Exact:
        values = [self.value(child) for child in _flat_product(node)]
        total = values[0]
        for value in values[1:]:
            total = total * value
        plain = sum(v == Exact({-1: 1}) for v in values) == 0 or len(values) > 2
        if plain:
            self.say("Multiply", " \\cdot ".join(self.bracket(v, product=True) for v in values), total)
        return total

    def quotient(self, node: Node) -> Exact:
        above, below = self.value(node[1]), self.value(node[2])
        result = above / below
        if node[1][0] == node[2][0] == "n" and _lowest(above, below):
            return result
        a, b = above.rational, below.rational
        if a is not None and b is not None and a.denominator == b.denominator == 1:
            self.say("Divide", f"\\frac{{{a}}}{{{b}}}", result)
        elif a is not None and b is not None:
            self.say("Divide", f"{self.bracket(above, product=True)} \\div {self.bracket(below, product=True)}", result)
        else:
            self.say("Divide", f"\\frac{{{above.latex()}}}{{{below.latex()}}}", result)
        return result

    def power(self, node: Node) -> Exact:
        base, exponent = self.value(node[1]), self.value(node[2]).rational
        if exponent is None:
            raise Unsupported("no value", "an exponent that is not rational")
        written = f"{self.bracket(base, power=True)}^{{{Exact.of(exponent).latex()}}}"
        if exponent.denominator == 1:
            if not base.terms and exponent <= 0:
                raise Unsupported("no value", "zero to no positive power")
            result = base.power(int(exponent))
        else:
            number = base.rational
            if number is None or (number <= 0 and exponent.denominator % 2 == 0) or not number:
                raise Unsupported("no value", "a broken power of no positive number")
            rooted = root(base, exponent.denominator)
            if rooted.rational is not None:
                self.say(
                    "Take the root",
                    f"{self.bracket(base, power=True)}^{{\\frac{{1}}{{{exponent.denominator}}}}}",
                    rooted,
                )
            result = rooted.power(exponent.numerator)
        self.say("Raise to the power", written, result)
        return result

    def root(self, node: Node) -> Exact:
        index = _integer(self.value(node[1]), "a root")
        under = self.value(node[2])
        result = root(under, index)
        mark = "\\sqrt" if index == 2 else f"\\sqrt[{index}]"
        self.say("Take the root", f"{mark}{{{self.text(under)}}}", result)
        return result

    def factorial(self, node: Node) -> Exact:
        n = _integer(self.value(node[1]), "a factorial")
        if not 0 <= n <= 40:
            raise Unsupported("no value", "a factorial out of bounds")
        result = Exact.of(factorial(n))
        self.say("Work out the factorial", f"{n}!", result)
        return result

    def binomial(self, node: Node) -> Exact:
        n, k = (_integer(self.value(child), "a binomial") for child in node[1:])
        if not 0 <= k <= n <= 3000 or min(k, n - k) > 60:
            raise Unsupported("no value", "a binomial out of bounds")
        result = Exact.of(comb(n, k))
        self.say("Count the choices", f"\\binom{{{n}}}{{{k}}}", result)
        return result

    def absolute(self, node: Node) -> Exact:
        value = self.value(node[1])
        number = value.rational
        if number is not None:
            result = Exact.of(size(number))
        elif any(k < 0 for k in value.terms):
            turned = Exact({k: -c if k < 0 else c for k, c in value.terms.items()})
            square = value * turned
            if square.rational is None:
                raise Unsupported("no value", "the absolute value of a sum of roots")
            result = root(square, 2)
        else:
            raise Unsupported("no value", "the absolute value of a sum of roots")
        self.say("Take the absolute value", f"|{self.text(value)}|", result)
        return result

    def rounded(self, node: Node) -> Exact:
        value = self.value(node[1])
        down = node[0] == "floor"
        result = _floor(value) if down else -_floor(-value)
        marks = ("\\lfloor", "\\rfloor") if down else ("\\lceil", "\\rceil")
        self.say(
            "Round down" if down else "Round up",
            f"{marks[0]} {self.text(value)} {marks[1]}",
            Exact.of(result),
        )
        return Exact.of(result)

    def logarithm(self, node: Node) -> Exact:
        base, number = self.value(node[1]), self.value(node[2])
        result = Exact.of(_logarithm(_single(base), _single(number)))
        b, a = base.latex(), number.latex()
        written = f"{self.bracket(base, power=True)}^{{{result.latex()}}} = {a}"
        self.say(f"Use that ${written}$", f"\\log_{{{b}}} {self.bracket(number, product=True)}", result)
        return result

    def function(self, node: Node) -> Exact:
        name, angle = node[1], node[2]
        if angle[0] == "deg":
            turns = self.value(angle[1]).rational
        elif angle[0] == "~" and angle[1][0] == "deg":
            turns = (-self.value(angle[1][1])).rational
        else:
            turns = _degrees(angle)
        if turns is None or turns.denominator != 1:
            raise Unsupported("no value", "an angle without exact values")
        degrees = int(turns) % 360
        result = _trig(name, degrees)
        self.say("Use the exact value", f"\\{name} {int(turns)}^\\circ", result)
        return result

    def percent(self, node: Node) -> Exact:
        return self.value(node[1]) / Exact.of(100)

    def numeral(self, node: Node) -> Exact:
        digits, base = str(node[1]), int(node[2])
        if not 2 <= base <= 10 or any(int(d) >= base for d in digits):
            raise Unsupported("no value", "digits that the base does not have")
        result = Exact.of(int(digits, base))
        sums = " + ".join(f"{d} \\cdot {base}^{{{len(digits) - 1 - i}}}" for i, d in enumerate(digits))
        if base != 10:
            self.say(f"Write ${digits}_{{{base}}}$ in base 10", sums, result)
        return result

    def bracket(self, value: Exact, product: bool = False, power: bool = False, sum_of: bool = False) -> str:
        """In brackets where an operation beside it needs them."""
        text, number = self.text(value), value.rational
        single = number is not None and number >= 0
        if power:
            plain = single and number is not None and text.replace(".", "").isdigit()
            return text if plain or text == "i" else f"\\left({text}\\right)"
        if product:
            return text if single or (len(value.terms) == 1 and not text.startswith("-")) else f"({text})"
        if sum_of:
            return text if not text.startswith("-") and (number is not None or len(value.terms) == 1) else f"({text})"
        return text


_METHODS = {
    "/": "quotient", "^": "power", "root": "root", "!": "factorial", "binom": "binomial", "abs": "absolute",
    "floor": "rounded", "ceil": "rounded", "log": "logarithm", "fn": "function", "%": "percent", "base": "numeral",
}  # fmt: skip


def value_of(node: Node, known: dict[str, Exact] | None = None) -> Exact:
    """The value alone."""
    return Work(known).value(node)


def _flat_sum(node: Node) -> list[tuple[str, Node]]:
    if node[0] not in ("+", "-"):
        return [("+", node)] if node[0] != "~" or node[1][0] in ("+", "-") else [("-", node[1])]
    left = _flat_sum(node[1])
    right = node[2]
    return [*left, (node[0], right)]


def _flat_product(node: Node) -> list[Node]:
    if node[0] != "*":
        return [node]
    return [*_flat_product(node[1]), *_flat_product(node[2])]


def _lowest(above: Exact, below: Exact) -> bool:
    a, b = above.rational, below.rational
    if a is None or b is None or a.denominator != 1 or b.denominator != 1:
        return False
    return b > 1 and Fraction(a, b).denominator == b


def _floor(value: Exact) -> int:
    """The largest whole number not above a rational number or a multiple of one square root."""
    if (number := value.rational) is not None:
        return number.numerator // number.denominator
    if len(value.terms) != 1 or next(iter(value.terms)) < 0:
        raise Unsupported("no value", "rounding a sum of roots")
    ((k, c),) = value.terms.items()
    below = isqrt(c.numerator**2 * k // c.denominator**2)
    return below if c > 0 else -below - 1


def _integer(value: Exact, what: str) -> int:
    number = value.rational
    if number is None or number.denominator != 1:
        raise Unsupported("no value", f"{what} of no whole number")
    return int(number)


def _single(value: Exact) -> dict[int, Number]:
    """Exponents of the primes of a positive number that is a rational times one square root."""
    if len(value.terms) != 1:
        raise Unsupported("no value", "a logarithm of a sum of roots, or of zero")
    ((k, c),) = value.terms.items()
    if k < 0 or c <= 0:
        raise Unsupported("no value", "a logarithm of no positive number")
    found: dict[int, Number] = dict(_primes(c))
    for p, e in _primes(k).items():
        found[p] = found.get(p, 0) + Fraction(e, 2)
    return {p: e for p, e in found.items() if e}


def _logarithm(first: dict[int, Number], second: dict[int, Number]) -> Number:
    """The exponent e with first^e = second, both by the exponents of their primes."""
    if not first:
        raise Unsupported("no value", "a logarithm to the base 1")
    if not second:
        return 0
    if set(first) != set(second):
        raise Unsupported("no value", "a logarithm that does not come out")
    ratios = {Fraction(second[p]) / first[p] for p in first}
    if len(ratios) != 1:
        raise Unsupported("no value", "a logarithm that does not come out")
    return whole(ratios.pop())


def _primes(value: Number) -> dict[int, int]:
    """Exponents of the prime factors of a positive rational."""
    found: dict[int, int] = {}
    for n, sign in ((value.numerator, 1), (value.denominator, -1)):
        p = 2
        while p * p <= n and p < 2000:
            while n % p == 0:
                n //= p
                found[p] = found.get(p, 0) + sign
            p += 1
        if n > 1:
            if n > 4_000_000:
                raise Unsupported("too long", "a number whose factors are not looked for")
            found[n] = found.get(n, 0) + sign
    return found


def _degrees(angle: Node) -> Number | None:
    """Degrees of a rational multiple of pi."""
    if angle == ("v", "\\pi"):
        return 180
    if angle[0] == "~":
        inner = _degrees(angle[1])
        return None if inner is None else -inner
    if angle[0] == "/" and angle[2][0] == "n":
        above = _degrees(angle[1])
        return None if above is None else whole(Fraction(above) / angle[2][1])
    if angle[0] == "*" and angle[1][0] == "n":
        inner = _degrees(angle[2])
        return None if inner is None else whole(inner * angle[1][1])
    return 0 if angle == ("n", 0) else None


def _sine(degrees: int) -> Exact:
    degrees %= 360
    if degrees >= 180:
        return -_sine(degrees - 180)
    if degrees > 90:
        degrees = 180 - degrees
    table: dict[int, dict[int, Any]] = {
        0: {}, 30: {1: Fraction(1, 2)}, 45: {2: Fraction(1, 2)}, 60: {3: Fraction(1, 2)}, 90: {1: 1},
        15: {6: Fraction(1, 4), 2: Fraction(-1, 4)}, 75: {6: Fraction(1, 4), 2: Fraction(1, 4)},
    }  # fmt: skip
    if degrees not in table:
        raise Unsupported("no value", "an angle without exact values")
    return Exact(table[degrees])


def _trig(name: str, degrees: int) -> Exact:
    sine, cosine = _sine(degrees), _sine(degrees + 90)
    one = Exact.of(1)
    made = {
        "sin": lambda: sine, "cos": lambda: cosine, "tan": lambda: sine / cosine, "cot": lambda: cosine / sine,
        "sec": lambda: one / cosine, "csc": lambda: one / sine,
    }  # fmt: skip
    return made[name]()
