"""MATH problems on whole numbers that are decided exactly: gcd, lcm, remainders, inverses, binomials.

Own patterns and exact integers; a row is claimed only when the computed value equals its boxed answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import comb, gcd
from random import Random

from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.stepwise import CLOSING
from mathdata.symbolic.vary import Made
from mathdata.symbolic.write import splice

__all__ = ["FAMILIES", "boxed", "math_row"]

Lines = list[str]
_N = r"\$?(?:\d{1,9}|\d{1,3}(?:,\d{3})+)\$?"
_ASK = r"(?:What is|Find|Compute|Determine|Calculate|Evaluate)"
TRIES = 60


@dataclass(frozen=True, slots=True)
class Family:
    """`pattern` matches the whole problem; `work` gives worked lines and the value; `fits` holds a draw to the kind."""

    name: str
    pattern: re.Pattern[str]
    work: Callable[[list[int]], tuple[Lines, int]]
    fits: Callable[[list[int], int], bool]


def _divide(a: int, b: int) -> str:
    return f"{a} = {a // b} * {b} + {a % b}"


def _euclid(a: int, b: int) -> tuple[Lines, int]:
    lines = []
    a, b = max(a, b), min(a, b)
    while b:
        lines.append(f"{_divide(a, b)}.")
        a, b = b, a % b
    return lines, a


def _gcd(numbers: list[int]) -> tuple[Lines, int]:
    value, lines = numbers[0], []
    for n in numbers[1:]:
        more, found = _euclid(value, n)
        lines.append(f"Divide until nothing is left over, to find the greatest common divisor of {value} and {n}.")
        lines.append(" ".join(more) + f" The last divisor is {found}.")
        value = found
    return lines, value


def _lcm(numbers: list[int]) -> tuple[Lines, int]:
    value, lines = numbers[0], []
    for n in numbers[1:]:
        steps, common = _euclid(value, n)
        lines.append(f"The greatest common divisor of {value} and {n} is {common}: " + " ".join(steps))
        lines.append(f"So their least common multiple is {value} * {n} / {common} = {value * n // common}.")
        value = value * n // common
    return lines, value


def _remainder(numbers: list[int]) -> tuple[Lines, int]:
    a, m = numbers
    return [f"Take out as many times {m} as possible: {_divide(a, m)}."], a % m


def _power(numbers: list[int]) -> tuple[Lines, int]:
    base, exponent, m = numbers
    if exponent < 1:
        raise ValueError("no power to go to")
    value = base % m
    lines = [f"{base} leaves the remainder {value} after division by {m}: {_divide(base, m)}."]
    done = 1
    for bit in bin(exponent)[3:]:
        lines.append(f"The power {2 * done}: {value} * {value} = {value * value}, and {_divide(value * value, m)}.")
        value, done = value * value % m, 2 * done
        if bit == "1":
            product = value * (base % m)
            lines.append(f"The power {done + 1}: {value} * {base % m} = {product}, and {_divide(product, m)}.")
            value, done = product % m, done + 1
    return lines, value


def _binomial(numbers: list[int]) -> tuple[Lines, int]:
    n, k = numbers
    if k > n:
        raise ValueError("more chosen than there are")
    k = min(k, n - k)
    if k == 0:
        return [f"There is one way to choose none or all of {n} things."], 1
    top = " * ".join(str(n - i) for i in range(k))
    bottom = " * ".join(str(k - i) for i in range(k))
    over = f"({bottom})" if k > 1 else bottom
    return [f"Choosing {k} of {n}, the order not counted, gives {top} / {over} = {comb(n, k)}."], comb(n, k)


def _inverse(numbers: list[int]) -> tuple[Lines, int]:
    a, m = numbers[:2]
    value = pow(a, -1, m)
    return [f"{a} * {value} = {a * value}, and {_divide(a * value, m)}."], value


def _whole(text: str) -> re.Pattern[str]:
    return re.compile(text + r"[.?]?")


FAMILIES: tuple[Family, ...] = (
    Family("gcd", _whole(rf"{_ASK} the greatest common (?:divisor|factor) of {_N}(?:, {_N})*,? and {_N}"), _gcd,
           lambda n, v: 1 < v < min(n) and len(set(n)) == len(n)),
    Family("lcm", _whole(rf"{_ASK} the least common multiple of {_N}(?:, {_N})*,? and {_N}"), _lcm,
           lambda n, v: v < 100_000 and v > max(n)),
    Family("remainder", _whole(rf"{_ASK} the remainder when {_N} is divided by {_N}"), _remainder,
           lambda n, v: n[0] > n[1] > 1 and v > 0),
    Family("power", _whole(rf"{_ASK} the remainder when \$\d{{1,4}}\^\{{?\d{{1,4}}\}}?\$ is divided by {_N}"), _power,
           lambda n, v: 1 < n[2] < 1000 and n[1] > 1 and v > 0 and n[0] % n[2] > 1),
    Family("binomial", _whole(rf"{_ASK} \$\\[dt]?binom\{{?\d{{1,2}}\}}?\{{?\d{{1,2}}\}}?\$"), _binomial,
           lambda n, v: n[0] > n[1] > 0 and v > 1),
    Family("inverse", _whole(r"Find \$\d{1,3}\^\{-1\} \\pmod\{\d{1,3}\}\$, as a residue modulo \d{1,3}\.  ?"
                             r"\(Give an answer between 0 and \d{1,3}, inclusive\.\)"), _inverse,
           lambda n, v: n[1] > n[0] > 1 < v),
)  # fmt: skip
_NUMBER = re.compile(r"(?<!-)\d{1,3}(?:,\d{3})+|(?<!-)\d+")


def boxed(solution: str) -> str | None:
    """What stands in the last box of a solution."""
    at = solution.rfind("\\boxed{")
    if at < 0:
        return None
    depth, start = 1, at + 7
    for i in range(start, min(len(solution), start + 400)):
        depth += {"{": 1, "}": -1}.get(solution[i], 0)
        if not depth:
            return solution[start:i]
    return None


def math_row(method: str, problem: str, gold: str | None, seed: str) -> Made | None:
    """The row a method makes of a problem of these families; None where it is none of them.

    Raises Unsupported where the computed value is not the row's answer, or nothing new can be drawn.
    """
    text = problem.strip()
    family = next((f for f in FAMILIES if len(text) < 200 and f.pattern.fullmatch(text)), None)
    if family is None:
        return None
    spans = [m.span() for m in _NUMBER.finditer(text)]
    numbers = [int(text[a:b].replace(",", "")) for a, b in spans]
    lines, value = _worked(family, numbers)
    if gold is None or gold.replace(",", "").replace("\\!", "").strip() != str(value):
        raise Unsupported("contradiction", f"the row says {gold}, {family.name} gives {value}")
    if method == "step_cot":
        return _told(text, lines, value)
    if method != "vary_numbers":
        raise Unsupported(f"{family.name} has no {method}")
    return _varied(family, text, spans, numbers, Random(seed))


def _worked(family: Family, numbers: list[int]) -> tuple[Lines, int]:
    try:
        return family.work(numbers)
    except (ValueError, ZeroDivisionError):
        raise Unsupported("no value", f"{family.name} of {numbers}") from None


def _varied(family: Family, text: str, spans: list[tuple[int, int]], numbers: list[int], random: Random) -> Made:
    for _ in range(TRIES):
        drawn = [max(2, random.randint(n // 2, n * 8 // 5 + 2)) for n in numbers]
        if family.name == "inverse":
            drawn[2:] = [drawn[1], 0, drawn[1] - 1]
            if gcd(drawn[0], drawn[1]) != 1:
                continue
        try:
            lines, value = _worked(family, drawn)
        except Unsupported:
            continue
        if drawn == numbers or not family.fits(drawn, value):
            continue
        edits = [(a, b, f"{n:,}" if "," in text[a:b] else str(n)) for (a, b), n in zip(spans, drawn)]
        return _told(splice(text, edits), lines, value)
    raise Unsupported("no numbers fit", family.name)


def _told(problem: str, lines: Lines, value: int) -> Made:
    heads = [f"## Step {i}: {_head(line)}\n{line}" for i, line in enumerate(lines, 1)]
    solution = "\n\n".join([*heads, CLOSING.format(value)])
    return Made(problem=problem, solution=solution, answer=str(value), exact=str(value))


def _head(line: str) -> str:
    """What a line does, in a few words."""
    for start, head in (
        ("Divide until", "Set up the divisions"), ("The greatest", "Find the greatest common divisor"),
        ("So their", "Find the least common multiple"), ("Take out", "Divide with remainder"),
        ("The power", "Go to a higher power"), ("Choosing", "Count the choices"),
    ):  # fmt: skip
        if line.startswith(start):
            return head
    return "Divide with remainder"
