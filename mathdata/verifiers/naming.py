"""Names in answers: what may label a value, named values as tuples, bound names that may be called otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mathdata.verifiers import numeric
from mathdata.verifiers.trees import Tree

if TYPE_CHECKING:
    from mathdata.verifiers.values import Value

__all__ = ["apart", "bound_names", "grouped", "is_name", "renamed"]

CONSTANTS = frozenset(["C", "K", "D", "c", "k", "C_1", "c_1", "C_0", "C_2", "K_1", "const"])
"""Names of a constant of integration; only as a term of its own."""
_GREEK_ANGLES = frozenset(["alpha", "beta", "gamma", "theta", "phi", "varphi", "omega"])


def is_name(t: Tree) -> bool:
    """What may stand on the left of `=` as a mere label: x, f(x), P(A), angle APC, |AB|, S_1 : S_2, sin A, the area."""
    kind = t[0]
    if kind == "sym":
        return t[1] not in ("pi", "e", "i")
    if kind == "fn":
        if t[1].startswith("call:") or t[1] in ("'", "det", "deg"):
            return True
        if t[1] in ("abs", "norm"):
            return _is_segment(t[2][0])
        return t[1] in ("sin", "cos", "tan", "cot") and len(t[2]) == 1 and _is_angle(t[2][0])
    if kind == "ratio":
        return all(is_name(x) for x in t[1])
    if kind == "mul":
        return _is_quotient(t) or (t[1][0] == ("sym", "m") and len(t[1]) == 2 and _is_angle(t[1][1]))
    if kind == "text":
        return True
    return kind == "seq" and all(is_name(x) for x in t[3]) and bool(t[3])


def _is_segment(t: Tree) -> bool:
    """`AB`, a vector, a difference of them: lengths, not the absolute value of an unknown."""
    return t[0] == "sym" and len(t[1]) > 1 and t[1].isupper() and "_" not in t[1]


def _is_angle(t: Tree) -> bool:
    return t[0] == "sym" and (t[1] in _GREEK_ANGLES or t[1].startswith("angle") or (t[1].isupper() and len(t[1]) < 4))


def _is_quotient(t: Tree) -> bool:
    """One name over another: a named ratio."""
    if len(t[1]) != 2 or t[1][1][0] != "pow" or t[1][1][2][0] != "num" or t[1][1][2][1] != -1:
        return False
    above, below = t[1][0], t[1][1][1]
    return above != below and above[0] == below[0] == "sym" and is_name(above) and is_name(below)


# -- named values
def _equations(t: Tree) -> list[tuple[Tree, Tree]] | None:
    """(name, value) of each item of a bare list of `name = value`; None where it is anything else."""
    if t[0] != "seq" or t[1] + t[2] not in ("", "{}"):
        return None
    out = []
    for item in t[3]:
        if item[0] != "rel" or item[1] != ("=",) or item[2][0][0] not in ("sym", "fn") or not is_name(item[2][0]):
            return None
        out.append((item[2][0], item[2][1]))
    return out


def grouped(t: Tree) -> Tree | None:
    """`p=5, q=2; p=7, q=2` as the list of tuples (5, 2), (7, 2); None where no names come again in turn."""
    pairs = _equations(t)
    if not pairs:
        return None
    names = list(dict.fromkeys(n for n, _ in pairs))
    n = len(names)
    if n < 2 or len(pairs) == n or len(pairs) % n:
        return None
    groups = [dict(pairs[i : i + n]) for i in range(0, len(pairs), n)]
    if any(len(g) != n for g in groups):
        return None
    return ("seq", "", "", tuple(("seq", "(", ")", tuple(g[name] for name in names)) for g in groups))


def apart(t: Tree) -> Tree | None:
    """`(f(n), g(n)) = (n, 1)` as f(n) = n, g(n) = 1; None where it is no tuple of names beside a tuple."""
    if t[0] != "rel" or t[1] != ("=",):
        return None
    left, right = t[2]
    if left[0] != "seq" or right[0] != "seq" or len(left[3]) != len(right[3]) or not is_name(left):
        return None
    return ("seq", "", "", tuple(("rel", ("=",), pair) for pair in zip(left[3], right[3])))


# -- bound names
def bound_names(t: Any) -> frozenset[str]:
    """The variables of functions that an answer defines: n of `f(n) = 2n + 7`."""
    if not isinstance(t, tuple) or not t:
        return frozenset()
    if t[0] == "rel" and t[1][:1] == ("=",):
        return frozenset(_arguments(t[2][0]))
    if t[0] == "seq":
        return frozenset(name for item in t[3] for name in bound_names(item))
    return frozenset()


def _arguments(t: Tree) -> list[str]:
    if t[0] == "seq":
        return [name for item in t[3] for name in _arguments(item)]
    if t[0] == "fn" and t[1].startswith("call:"):
        return [x[1] for x in t[2] if x[0] == "sym"]
    return []


def renamed(gold: Value, response: Value) -> Tree | None:
    """The response's tree with its bound name called as in the gold; None where nothing may be renamed.

    One name of each side is not known to the other: one of the two is declared any number of a kind, or both are the
    variable of a function, or both a constant of integration.
    """
    if gold.tree is None or response.tree is None:
        return None
    ours, theirs = _valued(gold.tree), _valued(response.tree)
    here, there = ours - theirs, theirs - ours
    if len(here) != 1 or len(there) != 1:
        return None
    (old,), (new,) = there, here
    variables = new in bound_names(gold.tree) and old in bound_names(response.tree)
    declared = new in gold.bound or old in response.bound
    if not variables and not declared and not (_adds(gold.tree, new) and _adds(response.tree, old)):
        return None
    return _with_name(response.tree, old, new)  # type: ignore[no-any-return]


def _valued(t: Tree) -> set[str]:
    """The names of the values, without those that only label them: k of `x = k pi`."""
    if t[0] == "rel" and t[1] == ("=",) and is_name(t[2][0]):
        return _valued(t[2][1])
    if t[0] == "seq":
        return {name for item in t[3] for name in _valued(item)}
    return numeric.symbols(t)


def _adds(t: Tree, name: str) -> bool:
    """Whether the name is a constant of integration: a term of its own, beside others that do not hold it."""
    if name not in CONSTANTS:
        return False
    if t[0] == "rel" and t[1] == ("=",) and is_name(t[2][0]):
        return _adds(t[2][1], name)
    if t[0] != "add" or ("sym", name) not in t[1]:
        return False
    others = [x for x in t[1] if x != ("sym", name)]
    return len(others) == len(t[1]) - 1 and all(name not in numeric.symbols(x) for x in others)


def _with_name(t: Any, old: str, new: str) -> Any:
    if isinstance(t, tuple):
        return ("sym", new) if t == ("sym", old) else tuple(_with_name(x, old, new) for x in t)
    return t
