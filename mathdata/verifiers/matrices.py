"""Matrices and vectors: sums, products and scalar multiples carried out, entries left to the caller."""

from __future__ import annotations

from typing import TypeAlias

from mathdata.verifiers.trees import Tree

__all__ = ["evaluate"]

Rows: TypeAlias = list[list[Tree]]


def evaluate(t: Tree) -> Rows | None:
    """The rows of an expression of matrices; a tuple is a column. None where it is none."""
    if t[0] == "matrix":
        return [list(row) for row in t[1]]
    if t[0] == "seq" and t[1] + t[2] in ("()", "[]") and t[3]:
        return [[x] for x in t[3]]
    if t[0] == "add":
        return _sum([evaluate(x) for x in t[1]])
    if t[0] == "mul":
        return _product(t[1])
    if t[0] == "rel" and t[1] == ("=",):
        return evaluate(t[2][-1])
    if t[0] == "fn" and t[1] == "T":
        inner = evaluate(t[2][0])
        return None if inner is None else [list(c) for c in zip(*inner)]
    return None


def _sum(parts: list[Rows | None]) -> Rows | None:
    out: Rows | None = None
    for part in parts:
        if part is None:
            return None
        if out is None:
            out = part
        elif len(out) != len(part) or any(len(r) != len(s) for r, s in zip(out, part)):
            return None
        else:
            out = [[("add", (x, y)) for x, y in zip(r, s)] for r, s in zip(out, part)]
    return out


def _product(factors: tuple[Tree, ...]) -> Rows | None:
    out: Rows | None = None
    scale: list[Tree] = []
    for factor in factors:
        rows = evaluate(factor)
        if rows is None:
            scale.append(factor)
        elif out is None:
            out = rows
        else:
            out = _times(out, rows)
            if out is None:
                return None
    if out is None:
        return None
    return [[("mul", (*scale, x)) for x in row] for row in out] if scale else out


def _times(a: Rows, b: Rows) -> Rows | None:
    if not a or not b or any(len(r) != len(b) for r in a) or len(a) * len(b) * len(b[0]) > 1000:
        return None
    columns = list(zip(*b))
    return [[("add", tuple(("mul", (x, y)) for x, y in zip(row, column))) for column in columns] for row in a]
