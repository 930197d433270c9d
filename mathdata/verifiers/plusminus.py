"""What a plus-minus sign stands for: two values, one sign choice for a whole expression, each item of a list apart."""

from __future__ import annotations

from itertools import product

from mathdata.verifiers.trees import Tree, negated

__all__ = ["expand", "has_sign"]

MAX_SIGNS = 4


def has_sign(t: object) -> bool:
    """Whether a plus-minus stands anywhere in the tree."""
    return isinstance(t, tuple) and bool(t) and (t[0] == "pm" or any(has_sign(x) for x in t))


def expand(t: Tree) -> Tree:
    """A list of what is meant: `0, ±2` is 0, 2, -2; a tuple becomes tuples.

    In a tuple with several signs they may be chosen together or each for itself, (±3, ±2): both readings stand as
    `either`.
    """
    if t[0] == "seq" and t[1] + t[2] in ("", "{}"):
        return _listed(t)
    if t[0] == "seq" and sum(has_sign(x) for x in t[3]) > 1:
        together = ("seq", "", "", tuple(_both(t)))
        apart = [_both(x) for x in t[3]]
        if len([x for x in apart if len(x) > 1]) > MAX_SIGNS:
            return together
        each = tuple(("seq", t[1], t[2], items) for items in product(*apart))
        return ("either", (together, ("seq", "", "", each)))
    return ("seq", "", "", tuple(_both(t)))


def _listed(t: Tree) -> Tree:
    """Each item for itself; an item that is two lists makes two lists of the whole."""
    lists: list[tuple[Tree, ...]] = [()]
    for item in t[3]:
        inner = expand(item) if has_sign(item) else ("seq", "", "", (item,))
        ways = inner[1] if inner[0] == "either" else (inner,)
        lists = [one + way[3] for one in lists for way in ways][:8]
    made = [("seq", t[1], t[2], one) for one in lists]
    return made[0] if len(made) == 1 else ("either", tuple(made))


def _both(t: Tree) -> list[Tree]:
    plus, minus = _choose(t, 1), _choose(t, -1)
    return [plus] if plus == minus else [plus, minus]


def _choose(t: Tree, sign: int) -> Tree:
    if not isinstance(t, tuple):
        return t
    if t and t[0] == "pm":
        side = sign if t[1] == "pm" else -sign
        right = _choose(t[3], sign)
        right = right if side > 0 else negated(right)
        return right if t[2] is None else ("add", (_choose(t[2], sign), right))
    return tuple(_choose(x, sign) for x in t)
