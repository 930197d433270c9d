"""What the families of MATH share: the text in pieces, a solved problem, the answer held against gold, variations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import gcd
from random import Random
from typing import Any

from mathdata.symbolic.formulas.exact import Exact, square_free
from mathdata.symbolic.formulas.latex import parse
from mathdata.symbolic.formulas.polynomials import Poly, poly_of
from mathdata.symbolic.formulas.working import value_of
from mathdata.symbolic.solution import Unsupported

__all__ = [
    "MAX_TEXT",
    "Family",
    "Lines",
    "Pieces",
    "Solved",
    "agrees",
    "asks",
    "literals",
    "pieces",
    "solved_value",
    "varied",
]

MAX_TEXT = 600

Lines = list[tuple[str, str]]
"""(what is done, the line that does it)."""


@dataclass(slots=True)
class Solved:
    """A problem worked out: its lines, the answer as it is boxed, its value and kind for comparing."""

    lines: Lines
    answer: str
    value: Any
    kind: str
    size: int = 0
    """How large the numbers of the answer are: variations stay near it."""


@dataclass(frozen=True, slots=True)
class Family:
    """`read` works a problem of this family out; None where the text is none. `free`: numbers that may be varied."""

    name: str
    read: Callable[[Pieces], Solved | None]
    tied: bool = False
    """Numbers of one value in the text move together."""


@dataclass(slots=True)
class Pieces:
    """The text with every formula and every number replaced by `@`, and what stood there."""

    text: str
    prose: str
    formulas: list[str] = field(default_factory=list)


_PIECE = re.compile(
    r"\$([^$]{1,400})\$|\\\[(.{1,400}?)\\\]|(?<![\w@.])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?![\w])", re.DOTALL
)


def pieces(text: str) -> Pieces:
    """`What is the remainder when $7^2$ is divided by 5?` -> `What is the remainder when @ is divided by @?`"""
    made = Pieces(text, "")

    def put(match: re.Match[str]) -> str:
        formula = next(g for g in match.groups() if g is not None).strip()
        tail = ""
        while formula and formula[-1] in ".,?;:":
            tail = formula[-1] + tail
            formula = formula[:-1].rstrip()
        formula = formula.removesuffix("\\").rstrip() if formula.endswith("\\") else formula
        made.formulas.append(formula)
        return f"@{tail}{' ' if match[2] is not None else ''}"

    made.prose = " ".join(_PIECE.sub(put, text).split())
    return made


def asks(*wordings: str) -> re.Pattern[str]:
    """Wordings of which one must be the whole prose; a remark on the form of the answer may follow."""
    return re.compile(rf"(?:{'|'.join(wordings)})\s?[.?:]?{TAIL}")


TAIL = (
    r"(?:\s?(?:\(?(?:Express|Give|Write|Enter) (?:your|the) (?:final )?answer "
    r"(?:as (?:a|an) (?:common|single|reduced|simplified|exact|improper|integer|ordinary)(?: common)? ?(?:fraction|integer)?"
    r"|in (?:simplest|simplified|lowest)(?: (?:radical|exact))?(?: form| terms)?"
    r"|as a fraction(?: in simplest form)?|in the form @|as an integer)\.?\)?))*"
)


def solved_value(lines: Lines, value: Exact, text: str = "") -> Solved:
    """A solved problem whose answer is one number."""
    number = value.rational
    if number is None:
        kind = "root" + ",".join(str(k < 0) for k in sorted(value.terms))
    else:
        kind = "whole" if number.denominator == 1 else "fraction"
        kind = "decimal" if "." in text else kind
        kind += "-" if number < 0 else ""
    size = max((max(abs(c.numerator), c.denominator) for c in value.terms.values()), default=0)
    return Solved(lines, text or value.latex(), value, kind, int(size))


_CLEAN = re.compile(r"\\(?:text|mbox|mathrm)\{[^{}]*\}|\\\$|\\!|\\,|\\;|\^\\circ|\^\{\\circ\}")


def agrees(solved: Solved, gold: str) -> bool:
    """Whether the row's own box says the same."""
    gold = gold.strip().rstrip(".").strip()
    if isinstance(solved.value, Exact):
        return _number(gold) == solved.value
    if isinstance(solved.value, Poly):
        return _polynomial(gold) == solved.value
    if isinstance(solved.value, tuple) and solved.value[:1] == ("factors",):
        return _factored(solved.value, gold)
    if isinstance(solved.value, tuple) and solved.value[:1] == ("base",):
        return re.sub(r"\\text\{[^{}]*\}|[\s{}]", "", gold) in (solved.answer, solved.answer.partition("_")[0])
    if isinstance(solved.value, tuple):
        parts = gold.replace("\\left", "").replace("\\right", "").strip("() ").split(",")
        return tuple(map(_number, parts)) == solved.value
    if isinstance(solved.value, frozenset):
        return _numbers(gold) == solved.value
    return _bare(gold) == _bare(solved.answer)


def _number(text: str) -> Exact | None:
    text = _CLEAN.sub("", text)
    text = text.rpartition("=")[2] if text.count("=") == 1 else text
    try:
        return value_of(parse(text))
    except Unsupported:
        return None


def _polynomial(text: str) -> Poly | None:
    try:
        return poly_of(parse(_CLEAN.sub("", text)))
    except Unsupported:
        return None


def _factored(value: Any, gold: str) -> bool:
    from mathdata.symbolic.formulas.algebra import same_factors

    try:
        return same_factors(value, parse(_CLEAN.sub("", gold)))
    except Unsupported:
        return False


def _numbers(text: str) -> frozenset[Exact | None]:
    text = _CLEAN.sub("", text).replace("\\text{ and }", ",")
    return frozenset(_number(part) for part in text.split(","))


def _bare(text: str) -> str:
    return (
        re.sub(r"\s|\\!|\\,|\\left|\\right|\\cdot|[{}]", "", text)
        .replace("\\dfrac", "\\frac")
        .replace("\\tfrac", "\\frac")
    )


# --- variations --------------------------------------------------------------------------------------------------

TRIES = 300
_LITERAL = re.compile(r"(?<![\w.\\])\d+(?:\.\d+)?(?![\d.]*\d)|(?<=[A-Za-z_^{(])\d+(?:\.\d+)?")
_FIXED = re.compile(r"(?:\\sqrt\[|base |base-|base \$|_\{?|[A-Za-z]\^\{?)$")


def varied(family: Family, text: str, old: Solved, random: Random) -> tuple[str, Solved]:
    """The problem with other numbers, read again from scratch and worked anew. Raises Unsupported."""
    spans = literals(text)
    if not spans:
        raise Unsupported("no number free", family.name)
    groups = _groups(text, spans, family.tied)
    for n in range(TRIES):
        most = min(len(groups), 3 if n < TRIES // 2 else 2)
        changed = random.sample(groups, random.randint(1, most))
        edits = {span: new for group in changed for span, new in _redrawn(text, group, random)}
        made = _spliced(text, edits)
        if made == text or not _same_shape(text, made):
            continue
        try:
            solved = family.read(pieces(made))
        except (Unsupported, ArithmeticError, ValueError):
            continue
        if solved is not None and _suits(old, solved):
            return made, solved
    raise Unsupported("no numbers fit", family.name)


_FRACTION = re.compile(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}|\\[dt]?frac(\d)(\d)")


def _same_shape(old: str, new: str) -> bool:
    """Whether fractions in lowest terms stay such, and those that can be cancelled too."""
    pairs = zip(_FRACTION.findall(old), _FRACTION.findall(new))
    for before, after in pairs:
        a, b = (int(x) for x in before if x)
        c, d = (int(x) for x in after if x)
        if (gcd(a, b) == 1 < b and not gcd(c, d) == 1 < d) or gcd(a, b) > 1 == gcd(c, d):
            return False
    return True


def literals(text: str) -> list[tuple[int, int]]:
    """Where the numbers stand that may be changed or asked for."""
    return [m.span() for m in _LITERAL.finditer(text) if _may_change(text, m)]


def _may_change(text: str, match: re.Match[str]) -> bool:
    """0 and 1, indices, bases and the exponents of letters stay."""
    return match[0] not in ("0", "1") and len(match[0]) <= 12 and _FIXED.search(text[: match.start()]) is None


def _groups(text: str, spans: list[tuple[int, int]], tied: bool) -> list[list[tuple[int, int]]]:
    if not tied:
        return [[span] for span in spans]
    by: dict[str, list[tuple[int, int]]] = {}
    for a, b in spans:
        by.setdefault(text[a:b], []).append((a, b))
    return list(by.values())


def _redrawn(text: str, group: list[tuple[int, int]], random: Random) -> list[tuple[tuple[int, int], str]]:
    a, b = group[0]
    old = text[a:b]
    head, dot, part = old.partition(".")
    number = int(head + part)
    if not dot and (drawn := _of_a_kind(text, a, b, number, random)) is not None:
        return [(span, str(drawn)) for span in group]
    if text[:a].rstrip("{-").endswith("^"):
        new = random.randint(2, number + 2)
    elif number <= 12:
        new = random.randint(2, number + 5)
    else:
        unit = 10 if number % 10 == 0 and number >= 50 else 1
        new = unit * random.randint(max(1, number // (2 * unit)), number * 8 // (5 * unit) + 1)
    written = str(new).zfill(len(part) + 1)
    if dot:
        written = f"{written[: -len(part)]}.{written[-len(part) :]}"
    return [(span, written) for span in group]


_ANGLES = (30, 45, 60, 90, 120, 135, 150, 180, 210, 225, 240, 270, 300, 315, 330)
_ROOT = re.compile(r"\\sqrt\s*\{?$")
_LOG = re.compile(r"\\log_\{?\d+\}?\s*[({]?$")


def _of_a_kind(text: str, a: int, b: int, number: int, random: Random) -> int | None:
    """Numbers that come out only among their like: angles, what stands under a root or in a logarithm."""
    if text.startswith(("^\\circ", "^{\\circ}"), b):
        return random.choice(_ANGLES)
    if _ROOT.search(text[:a]) and number <= 10**6:
        outside, inside = square_free(number)
        return random.randint(1 if inside > 1 else 2, outside + 4) ** 2 * inside
    if _LOG.search(text[:a]) and number <= 10**6:
        base = next((p for p in (2, 3, 5, 7) if number % p == 0), 0)
        power = base
        while base and power < number:
            power *= base
        return base ** random.randint(1, 7) if base and power == number else None
    return None


def _spliced(text: str, edits: dict[tuple[int, int], str]) -> str:
    made, at = [], 0
    for (a, b), new in sorted(edits.items()):
        made += [text[at:a], new]
        at = b
    return "".join([*made, text[at:]])


def _suits(old: Solved, new: Solved) -> bool:
    """The answer is of the same kind, another one, and not much larger; the way is not much longer."""
    return (
        new.kind == old.kind
        and new.answer != old.answer
        and new.size <= max(20 * old.size, 120)
        and 0 < len(new.lines) <= max(2 * len(old.lines), len(old.lines) + 3)
    )
