"""The tree of an answer: its kinds, how it is made, and the words the reader knows."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

from mathdata.verifiers.lexer import TooLong, Unreadable
from mathdata.verifiers.wording import words

__all__ = ["MINUS", "Tree", "negated", "number", "times"]

Tree: TypeAlias = tuple[Any, ...]
"""(kind, ...), one of
num value places | sym name | add terms | mul factors | pow base exponent | fn name arguments
deg x | pct x | unit x text | base digits n | ratio parts | pm sign left right
seq open close items | rel signs sides | set operation parts | matrix rows | time h m s half | text words
rem quotient remainder
"""

SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "万": 10**4, "亿": 10**8}
MAX_DEPTH = 60
MAX_DIGITS = 3000

MINUS = ("num", Fraction(-1), None)
RELATIONS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "le": "<=", "leq": "<=", "leqslant": "<=",
    "ge": ">=", "geq": ">=", "geqslant": ">=", "lt": "<", "gt": ">", "ne": "!=", "neq": "!=", "in": "in", "approx": "~",
    "equiv": "=", "sim": "~", "simeq": "~", "to": "->", "rightarrow": "->", "mapsto": "->", "->": "->", "cong": "=",
    "coloneqq": "=", "iff": "iff", "Leftrightarrow": "iff", "subset": "sub", "subseteq": "sub", "notin": "notin",
    "Rightarrow": "->", "Longrightarrow": "->", "implies": "->", "mid": "mid", "doteq": "~", "longrightarrow": "->",
}  # fmt: skip
UNWRAP = words(
    "mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak boldsymbol bm vec hat bar tilde "
    "overrightarrow boxed fbox rm bf it pmb bold mathnormal underline ensuremath smash mathop "
    "operatorname"
)
MATRICES = words("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array cases aligned align* align gathered")


def number(text: str) -> Tree:
    if len(text) > MAX_DIGITS:
        raise TooLong(f"a number of {len(text)} digits")
    mantissa, _, exponent = text.lower().partition("e")
    power = int(exponent) if exponent else 0
    if abs(power) > MAX_DIGITS:
        raise TooLong(f"a number with exponent {power}")
    point = mantissa.find(".")
    if point < 0:
        return ("num", Fraction(int(mantissa)) * Fraction(10) ** power, -power if exponent else None)
    places = len(mantissa) - point - 1
    return ("num", Fraction(mantissa) * Fraction(10) ** power, places - power)


def times(*factors: Tree) -> Tree:
    return factors[0] if len(factors) == 1 else ("mul", tuple(factors))


def negated(tree: Tree) -> Tree:
    if tree[0] == "num":
        return ("num", -tree[1], tree[2])
    return ("mul", (MINUS, tree))


def counts(factors: list[Tree]) -> bool:
    """Whether what stands before a unit is an amount: it holds a number or pi."""
    return any(has_number(f) for f in factors)


def has_number(tree: Any) -> bool:
    if isinstance(tree, tuple) and tree:
        return tree[0] in ("num", "base") or tree == ("sym", "pi") or any(has_number(x) for x in tree[1:])
    return False


def digits(tree: Tree) -> str:
    value: Fraction = tree[1]
    if value.denominator != 1 or tree[2] is not None:
        raise Unreadable("a base of a number that is not whole")
    return str(value.numerator)


def in_base(tree: Tree, base: int) -> Tree:
    """A number with digits behind the point, read in another base: 0.0011 in base two."""
    scaled = tree[1] * 10 ** tree[2]
    written = str(scaled.numerator)
    if any(int(d) >= base for d in written):
        raise Unreadable("a digit beyond the base")
    return ("num", Fraction(int(written, base), base ** tree[2]), None)


def plain_fraction(tree: Tree) -> tuple[int, int] | None:
    """(a, b) where the tree is a/b of two whole numbers."""
    if tree[0] != "mul" or len(tree[1]) != 2 or tree[1][0][0] != "num" or tree[1][1][0] != "pow":
        return None
    below = tree[1][1][1]
    if below[0] != "num" or below[1].denominator != 1 or tree[1][0][1].denominator != 1:
        return None
    return int(tree[1][0][1]), int(below[1])


def is_and(text: str) -> bool:
    return text.strip(" ,.\\").lower() in ("and", "or", "和", "或", "与", "及", "或者", "且", "以及")


def is_phrase(text: str) -> bool:
    """Text that is no unit: it goes on with a sentence ("for some a > 0", "where")."""
    first = text.strip(" ,.(").lower().split(" ")[0] if text.strip(" ,.(") else ""
    return first in ("where", "for", "if", "when", "with", "such", "is", "as", "otherwise", "since", "because", "by")


STARTERS = words(
    "ddot frac sqrt binom dbinom tbinom lfloor lceil lvert vert Vert lVert | langle begin overline sum prod "
    "int iint oint lim max min inf sup gcd lcm bmod mod pmod mathbb { dot infin emptyset varnothing "
    "partial nabla operatorname operatorname* angle triangle overarc widehat stackrel Pr displaylines "
    "beginboxed cdots ldots dots mathop substack"
)
