"""Chains of equations before they are compared: a worked calculation stands for its value, formulas drop out behind a name."""

from __future__ import annotations

from dataclasses import replace

from mathdata.verifiers.naming import is_name
from mathdata.verifiers.numeric import symbols
from mathdata.verifiers.trees import Tree
from mathdata.verifiers.values import Value

__all__ = ["substituted", "worked_out"]

_STRUCTURES = ("text", "seq", "matrix", "rel", "set", "either", "time", "rem", "pm")


def worked_out(gold: Value) -> Value:
    """A gold that is a calculation, `319 / 7 = 45.57`, stands for its last side."""
    tree = gold.tree
    if tree is None or not _is_equation(tree) or symbols(tree):
        return gold
    if any(side[0] in _STRUCTURES or is_name(side) for side in tree[2]):
        return gold
    return replace(gold, tree=tree[2][-1])


def substituted(response: Value) -> Value:
    """`A = \\pi r^2 = 9\\pi`: a formula between a name and its number is no claim that could fail."""
    tree = response.tree
    if tree is None or not _is_equation(tree) or len(tree[2]) < 3:
        return response
    name, *middle, last = tree[2]
    if not is_name(name) or symbols(last):
        return response
    sides = (name, *(side for side in middle if not symbols(side)), last)
    return replace(response, tree=("rel", ("=",) * (len(sides) - 1), sides))


def _is_equation(tree: Tree) -> bool:
    return bool(tree[0] == "rel") and set(tree[1]) == {"="}
