"""Sets of real numbers: intervals, unions, inequalities and sets of points in one canonical form."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from mathdata.verifiers import numeric
from mathdata.verifiers.trees import Tree, negated

__all__ = ["Piece", "is_set", "read", "same"]

OO: Tree = ("sym", "oo")
LOW = float("-inf")
HIGH = float("inf")


class Piece(NamedTuple):
    """One interval; the trees are its ends as written, the floats only order them."""

    low: float
    low_in: bool
    high: float
    high_in: bool
    left: Tree
    right: Tree


def is_set(t: Tree) -> bool:
    """Whether a tree can only be a set of reals (a pair in round brackets may also be a point)."""
    if t[0] == "set" or (t[0] == "seq" and t[1] + t[2] in ("(]", "[)")) or t == ("sym", "bbR"):
        return True
    if t[0] == "rel":
        return all(o in ("<", ">", "<=", ">=", "!=") for o in t[1])
    if t[0] == "seq" and t[1] == "{" and t[3] and t[3][0][0] == "rel" and "mid" in t[3][0][1]:
        return True
    if t[0] != "seq" or t[1] != "" or not any(is_set(x) for x in t[3]):
        return False
    return all(x[0] == "rel" and (is_set(x) or x[1] == ("=",)) for x in t[3])


def read(t: Tree) -> list[Piece] | None:
    """The pieces in order, joined where they touch; None where the ends are no numbers."""
    try:
        pieces = _read(t)
    except numeric.NoNumber:
        return None
    return None if pieces is None else _join(pieces)


def _number(t: Tree) -> float:
    if t == OO or (t[0] == "unit" and t[1] == OO):
        return HIGH
    if t[0] == "mul" and t[1][-1] == OO and len(t[1]) == 2 and t[1][0][0] == "num":
        return HIGH if t[1][0][1] > 0 else LOW
    x, _ = numeric.value(t, {})
    if abs(x.imag) > 1e-12:
        raise numeric.NoNumber("complex")
    return x.real


def _piece(left: Tree, low_in: bool, right: Tree, high_in: bool) -> list[Piece]:
    low, high = _number(left), _number(right)
    if low > high or (low == high and not (low_in and high_in)):
        return []
    return [Piece(low, low_in and low > LOW, high, high_in and high < HIGH, left, right)]


def _everything() -> list[Piece]:
    return [Piece(LOW, False, HIGH, False, negated(OO), OO)]


def _read(t: Tree) -> list[Piece] | None:
    if t == ("sym", "bbR"):
        return _everything()
    if t[0] == "seq":
        return _sequence(t)
    if t[0] == "set":
        return _operation(t)
    if t[0] == "rel":
        return _inequality(t)
    return None


def _sequence(t: Tree) -> list[Piece] | None:
    brackets, items = t[1] + t[2], t[3]
    if brackets == "{}":
        if items and items[0][0] == "rel" and "mid" in items[0][1]:
            return _built(items)
        return [p for x in items for p in _piece(x, True, x, True)]
    if brackets == "" and all(x[0] == "rel" for x in items):
        return _combined(items)
    if len(items) == 2 and brackets:
        return _piece(items[0], t[1] == "[", items[1], t[2] == "]")
    return None


def _built(items: tuple[Tree, ...]) -> list[Piece] | None:
    """`{x in R | x > 2, x != 5}`: the conditions behind the bar; a name of whole numbers makes no interval."""
    ops, terms = items[0][1:]
    at = ops.index("mid")
    if at > 1 or (at == 1 and (ops[0] != "in" or terms[1] not in (("sym", "bbR"), ("sym", "R")))):
        return None
    first = terms[at + 1] if len(terms) == at + 2 else ("rel", ops[at + 1 :], terms[at + 1 :])
    return _read(first) if len(items) == 1 else _read(("seq", "", "", (first, *items[1:])))


def _combined(items: tuple[Tree, ...]) -> list[Piece] | None:
    """`x > 1, x < 3`: both, unless both together leave nothing out, then either."""
    parts = [_read(x) for x in items]
    if any(p is None for p in parts):
        return None
    union = _join([p for part in parts if part for p in part])
    if len(union) == 1 and union[0].low == LOW and union[0].high == HIGH:
        out = parts[0] or []
        for part in parts[1:]:
            out = _cut(out, part or [])
        return out
    return union


def _operation(t: Tree) -> list[Piece] | None:
    parts = [_read(x) for x in t[2]]
    if any(p is None for p in parts):
        return None
    known = [p or [] for p in parts]
    if t[1] == "cup":
        return [p for part in known for p in part]
    if t[1] == "cap":
        out = known[0]
        for part in known[1:]:
            out = _cut(out, part)
        return out
    return _cut(known[0], _complement(_join(known[1])))


def _cut(a: list[Piece], b: list[Piece]) -> list[Piece]:
    out = []
    for p in a:
        for q in b:
            left = p if (p.low, not p.low_in) >= (q.low, not q.low_in) else q
            right = p if (p.high, p.high_in) <= (q.high, q.high_in) else q
            low_in, high_in = left.low_in, right.high_in
            if left.low < right.high or (left.low == right.high and low_in and high_in):
                out.append(Piece(left.low, low_in, right.high, high_in, left.left, right.right))
    return out


def _complement(pieces: list[Piece]) -> list[Piece]:
    out, low, low_in, left = [], LOW, False, negated(OO)
    for p in pieces:
        if p.low > low or (p.low == low and low_in and not p.low_in):
            out.append(Piece(low, low_in, p.low, not p.low_in, left, p.left))
        low, low_in, left = p.high, not p.high_in, p.right
    if low < HIGH:
        out.append(Piece(low, low_in, HIGH, False, left, OO))
    return out


FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!=", "=": "="}


def _inequality(t: Tree) -> list[Piece] | None:
    """The numbers that meet every link of a chain that is linear in one unknown, or in its absolute value."""
    ops, terms = t[1], t[2]
    if any(op not in FLIP for op in ops):
        return None
    unknown = _unknown(terms)
    if unknown is None:
        return None
    if unknown[0] == "fn" and unknown[1] == "abs" and unknown in terms:
        return _around_zero(t, unknown)
    out = _everything()
    for op, left, right in zip(ops, terms, terms[1:]):
        part = _link(op, left, right, unknown)
        if part is None:
            return None
        out = _cut(out, part)
    return out


def _unknown(terms: tuple[Tree, ...]) -> Tree | None:
    """What a chain speaks of: its only symbol, a value f(x), or an absolute value |x| that is a side by itself."""
    for t in terms:
        if t[0] == "fn" and (t[1].startswith("call:") or t[1] == "abs") and t[2][0][0] == "sym":
            others = [x for x in terms if x != t]
            return t if not any(numeric.symbols(x) - {"oo"} for x in others) else None
    names = {name for x in terms for name in numeric.symbols(x)} - {"oo"}
    return ("sym", names.pop()) if len(names) == 1 else None


def _link(op: str, left: Tree, right: Tree, unknown: Tree) -> list[Piece] | None:
    if left == unknown and not _holds(right, unknown):
        return _half(op, right)
    if right == unknown and not _holds(left, unknown):
        return _half(FLIP[op], left)
    return _solved(op, ("add", (left, negated(right))), unknown)


def _holds(t: object, unknown: Tree) -> bool:
    return t == unknown or (isinstance(t, tuple) and any(_holds(x, unknown) for x in t))


def _solved(op: str, difference: Tree, unknown: Tree) -> list[Piece] | None:
    """`a x + b < 0` with a rational a: half of the line."""
    from mathdata.verifiers.algebra import Algebra, NoValue, TooBig, constant
    from mathdata.verifiers.functions import substitute

    if unknown[0] != "sym" or OO in (difference,) or _holds(difference, OO) or _times(difference, unknown) != 1:
        return None

    def at(n: int) -> Tree:
        return substitute(difference, unknown[1], ("num", Fraction(n), None))  # type: ignore[no-any-return]

    try:
        slope = constant(Algebra().tree(("add", (at(1), negated(at(0))))))
    except (NoValue, TooBig, OverflowError, ValueError, RecursionError):
        return None
    if not slope:
        return None
    end: Tree = ("mul", (("num", -1 / Fraction(slope), None), at(0)))
    return _half(op if slope > 0 else FLIP[op], end)


def _times(t: Tree, unknown: Tree) -> int:
    """The degree of a sum or product in the unknown; 2 and more also where it stands in any other form."""
    if t == unknown:
        return 1
    if not _holds(t, unknown):
        return 0
    if t[0] == "add":
        return max(_times(x, unknown) for x in t[1])
    if t[0] == "mul":
        return sum(_times(x, unknown) for x in t[1])
    return 2


def _around_zero(t: Tree, unknown: Tree) -> list[Piece] | None:
    """`1 <= |x| <= 2`: the numbers whose distance from zero is meant."""
    size: Tree = ("sym", "|")
    chain = ("rel", t[1], tuple(size if x == unknown else x for x in t[2]))
    zero: Tree = ("num", Fraction(0), None)
    sizes = _inequality(chain)
    if sizes is None:
        return None
    sizes = _cut(_join(sizes), _piece(zero, True, OO, False))
    mirrored = [Piece(-p.high, p.high_in, -p.low, p.low_in, negated(p.right), negated(p.left)) for p in sizes]
    return [*mirrored, *sizes]


def _half(op: str, end: Tree) -> list[Piece] | None:
    if op in ("<", "<="):
        return _piece(negated(OO), False, end, op == "<=")
    if op in (">", ">="):
        return _piece(end, op == ">=", OO, False)
    if op == "=":
        return _piece(end, True, end, True)
    if op == "!=":
        return _complement(_piece(end, True, end, True))
    return None


def _join(pieces: list[Piece]) -> list[Piece]:
    out: list[Piece] = []
    for p in sorted(pieces, key=lambda p: (p.low, not p.low_in)):
        if out and (p.low < out[-1].high or (p.low == out[-1].high and (p.low_in or out[-1].high_in))):
            last = out[-1]
            if (p.high, p.high_in) > (last.high, last.high_in):
                out[-1] = last._replace(high=p.high, high_in=p.high_in, right=p.right)
        else:
            out.append(p)
    return out


def same(a: list[Piece], b: list[Piece], equal: Callable[[Tree, Tree], bool | None]) -> bool | None:
    """Whether two canonical sets are one; their ends are compared exactly."""
    if len(a) != len(b):
        return False
    unsure = False
    for p, q in zip(a, b):
        if p.low_in != q.low_in or p.high_in != q.high_in:
            return False
        for x, y, u, v in ((p.low, q.low, p.left, q.left), (p.high, q.high, p.right, q.right)):
            if abs(x) == HIGH or abs(y) == HIGH:
                if x != y:
                    return False
                continue
            result = equal(u, v)
            if result is False:
                return False
            unsure = unsure or result is None
    return None if unsure else True
