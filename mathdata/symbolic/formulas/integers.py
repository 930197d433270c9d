"""Whole numbers: greatest common divisors, least common multiples, prime factors, divisors, multiples."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import gcd, prod

from mathdata.symbolic.formulas.exact import Exact, size
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.latex import parse
from mathdata.symbolic.formulas.working import value_of
from mathdata.symbolic.solution import Unsupported

__all__ = ["FAMILIES", "whole_numbers"]

_ASK = r"(?:What is|Find|Compute|Determine|Calculate|Evaluate)"
_LIST = r"@(?:, @)*,? and @"
LARGEST = 10**9


def whole_numbers(formulas: list[str], largest: int = LARGEST) -> list[int]:
    """Every formula as a whole number. Raises Unsupported."""
    values = [value_of(parse(f)).rational for f in formulas]
    if any(v is None or v.denominator != 1 or size(v) > largest for v in values):
        raise Unsupported("no value", "no whole numbers")
    return [int(v) for v in values if v is not None]


def divided(a: int, b: int) -> str:
    return f"{a} = {a // b} \\cdot {b} + {a % b}"


def euclid(a: int, b: int) -> tuple[str, int]:
    steps = []
    a, b = max(a, b), min(a, b)
    while b:
        steps.append(f"${divided(a, b)}$.")
        a, b = b, a % b
    return " ".join(steps), a


def _gcd(numbers: list[int]) -> tuple[Lines, int]:
    value, lines = numbers[0], []
    for n in numbers[1:]:
        steps, found = euclid(value, n)
        lines.append(
            (
                f"Divide {value} and {n} with remainders until nothing is left over",
                f"{steps} The last divisor is {found}.",
            )
        )
        value = found
    return lines, value


def _lcm(numbers: list[int]) -> tuple[Lines, int]:
    value, lines = numbers[0], []
    for n in numbers[1:]:
        steps, common = euclid(value, n)
        lines.append((f"Find the greatest common divisor of {value} and {n}", f"{steps} It is {common}."))
        made = value * n // common
        lines.append(("Divide the product by it", f"$\\frac{{{value} \\cdot {n}}}{{{common}}} = {made}$."))
        value = made
    return lines, value


def factors(n: int) -> dict[int, int]:
    found: dict[int, int] = {}
    p = 2
    while p * p <= n:
        while n % p == 0:
            n //= p
            found[p] = found.get(p, 0) + 1
        p += 1 if p == 2 else 2
        if p > 40_000:
            raise Unsupported("too long", "a number whose factors are not looked for")
    if n > 1:
        found[n] = found.get(n, 0) + 1
    return found


def _factored(n: int, lines: Lines) -> dict[int, int]:
    found = factors(n)
    written = " \\cdot ".join(str(p) if e == 1 else f"{p}^{{{e}}}" for p, e in found.items())
    lines.append(
        ("Factor into primes", f"${n} = {written}$." if len(found) > 1 or sum(found.values()) > 1 else f"{n} is prime.")
    )
    return found


def _count(numbers: list[int]) -> tuple[Lines, int]:
    lines: Lines = []
    exponents = list(_factored(numbers[0], lines).values())
    value = prod(e + 1 for e in exponents)
    written = " \\cdot ".join(f"({e} + 1)" for e in exponents)
    lines.append(("Add one to every exponent and multiply", f"${written} = {value}$."))
    return lines, value


def _sum(numbers: list[int]) -> tuple[Lines, int]:
    lines: Lines = []
    found = _factored(numbers[0], lines)
    parts = []
    for p, e in found.items():
        powers = [p**i for i in range(e + 1)]
        lines.append((f"Add the powers of {p}", f"${' + '.join(map(str, powers))} = {sum(powers)}$."))
        parts.append(sum(powers))
    value = prod(parts)
    if len(parts) > 1:
        written = " \\cdot ".join(map(str, parts))
        lines.append(("Multiply", f"${written} = {value}$."))
    return lines, value


def _primes(pick: Callable[[list[int]], int], head: str) -> Callable[[list[int]], tuple[Lines, int]]:
    def work(numbers: list[int]) -> tuple[Lines, int]:
        lines: Lines = []
        found = sorted(_factored(numbers[0], lines))
        value = pick(found)
        shown = f"{' + '.join(map(str, found))} = {value}" if head.startswith("Add") and len(found) > 1 else str(value)
        lines.append((head, f"${shown}$."))
        return lines, value

    return work


def _multiples(numbers: list[int]) -> tuple[Lines, int]:
    m, low, high = numbers
    first, last = -(-low // m), high // m
    if not 0 < m <= high or low >= high or low % m == 0 or high % m == 0:
        raise Unsupported("no value", "an end of the range is a multiple itself")
    lines = [
        (
            "Find the first and the last multiple",
            f"${first} \\cdot {m} = {first * m}$ and ${last} \\cdot {m} = {last * m}$.",
        ),
        ("Count them", f"${last} - {first} + 1 = {last - first + 1}$."),
    ]
    return lines, last - first + 1


def _prime_count(numbers: list[int]) -> tuple[Lines, int]:
    low, high = numbers
    if not 0 < low < high <= 1000 or high - low > 60:
        raise Unsupported("no value", "a range out of bounds")
    found = [n for n in range(low + 1, high) if n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))]
    if any(factors(n) == {n: 1} for n in (low, high) if n > 1):
        raise Unsupported("no value", "an end of the range is prime itself")
    listed = ", ".join(map(str, found)) or "none"
    return [("List the primes in between", f"They are {listed}."), ("Count them", f"There are {len(found)}.")], len(
        found
    )


def _both(numbers: list[int]) -> tuple[Lines, int]:
    lines, common = _gcd(numbers)
    more, multiple = _lcm(numbers)
    return [
        *lines,
        *more[1:],
        ("Multiply both", f"${common} \\cdot {multiple} = {common * multiple}$."),
    ], common * multiple


_POSITIVE = r"(?: positive(?: integer| integral)?| (?:natural|whole)(?:-| )number)"
_WORDED: tuple[tuple[str, re.Pattern[str], Callable[[list[int]], tuple[Lines, int]]], ...] = (
    ("gcd", asks(rf"{_ASK} the (?:greatest|largest) common (?:divisor|factor)(?: \(GCD\)| \(GCF\))?,? (?:of|between) {_LIST}"), _gcd),
    ("lcm", asks(rf"{_ASK} the (?:least|smallest|lowest)(?: positive)? common multiple of {_LIST}"), _lcm),
    ("divisors", asks(rf"How many(?: different| distinct)?{_POSITIVE}? (?:divisors|factors) (?:does|are there of) @(?: have)?"), _count),
    ("sum of divisors", asks(rf"{_ASK} the sum of(?: all)?(?: of)?(?: the)?{_POSITIVE} (?:divisors|factors) of @"), _sum),
    ("largest prime factor", asks(rf"{_ASK} the (?:largest|greatest) prime (?:factor|divisor) of @"), _primes(lambda f: f[-1], "Take the largest")),
    ("smallest prime factor", asks(rf"{_ASK} the (?:smallest|least) prime (?:factor|divisor) of @"), _primes(lambda f: f[0], "Take the smallest")),
    ("sum of primes", asks(rf"{_ASK} the sum of the(?: distinct| different) prime (?:factors|divisors) of @"), _primes(sum, "Add the primes")),
    ("multiples", asks(r"How many(?: positive)? multiples of @ are(?: there)? between @ and @"), _multiples),
    ("primes between", asks(r"How many prime numbers are(?: there)? between @ and @"), _prime_count),
    ("gcd times lcm", asks(rf"{_ASK} the product of the greatest common (?:divisor|factor) and(?: the)? least common multiple of @ and @"), _both),
)  # fmt: skip


def _family(name: str, pattern: re.Pattern[str], work: Callable[[list[int]], tuple[Lines, int]]) -> Family:
    def read(made: Pieces) -> Solved | None:
        if pattern.fullmatch(made.prose) is None:
            return None
        numbers = whole_numbers(made.formulas)
        if any(n < 1 for n in numbers) or (name in ("gcd", "lcm") and gcd(*numbers) == 0):
            raise Unsupported("no value", "no positive whole numbers")
        lines, value = work(numbers)
        solved = solved_value(lines, Exact.of(value))
        if name == "gcd" and value == 1:
            solved.kind = "coprime"
        return solved

    return Family(name, read)


FAMILIES = tuple(_family(*worded) for worded in _WORDED)
