"""The elementary problem families: generate, parse, solve in steps, wordings (zh, en)."""

from __future__ import annotations

from mathdata.families._base import LANGUAGES, Family, Params
from mathdata.families._read import Reading, mask, parse, read
from mathdata.families._topics import fill_topics
from mathdata.families._value import Agreement, Value, agree, claim
from mathdata.families._write import CONTEST, SMALL, Split, Worked, draw, get, names, split_of, wording, work

__all__ = [
    "CONTEST",
    "LANGUAGES",
    "SMALL",
    "Agreement",
    "Family",
    "Params",
    "Reading",
    "Split",
    "Value",
    "Worked",
    "agree",
    "claim",
    "draw",
    "fill_topics",
    "get",
    "mask",
    "names",
    "parse",
    "read",
    "solve_exact",
    "split_of",
    "wording",
    "work",
]


def solve_exact(problem: str) -> Value | None:
    """The exact answer of a problem that a family reads, else None.

    >>> solve_exact("解方程 -39x + 20 = 0").exact
    '20/39'
    """
    found = read(problem)
    return found.family.exact(found.params) if found else None
