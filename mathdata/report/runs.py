"""How the report reads a run: its arms, benchmarks and differences, each benchmark by itself, and a colour for each arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mathdata.paired import holm, near_zero, outcome

__all__ = ["Difference", "benchmarks", "colours", "graded", "headlines", "main_arm", "results", "verdict", "with_holm"]

Run = Mapping[str, Any]


class Difference(NamedTuple):
    """One pair of arms on one benchmark; `p` is Holm's where several stand together."""

    before: str
    after: str
    benchmark: str
    figures: Mapping[str, Any]
    p: float


def results(arm: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """An arm's figures by benchmark."""
    return {name: f for name, f in (arm.get("benchmarks") or {}).items() if f.get("accuracy") is not None}


def graded(run: Run) -> dict[str, Mapping[str, Any]]:
    """The arms that were asked something."""
    return {n: a for n, a in (run.get("arms") or {}).items() if results(a)}


def benchmarks(run: Run) -> list[str]:
    """Every benchmark that an arm was asked, in the run's order."""
    return list(dict.fromkeys(name for arm in graded(run).values() for name in results(arm)))


def differences(comparisons: Sequence[Mapping[str, Any]]) -> list[Difference]:
    return [
        Difference(c["before"], c["after"], name, f, f["p"]) for c in comparisons for name, f in c["benchmarks"].items()
    ]


def with_holm(found: Sequence[Difference]) -> list[Difference]:
    """Several that are read together: p adjusted for their number."""
    adjusted = holm({str(i): d.p for i, d in enumerate(found)})
    return [d._replace(p=adjusted[str(i)]) for i, d in enumerate(found)]


def headlines(run: Run) -> list[Difference]:
    """What the page answers with: the recipe's own pairs on each benchmark, else the first pair."""
    comparisons = run.get("comparisons") or []
    chosen = {(d["before"], d["after"]) for d in run.get("differences") or []}
    mine = [c for c in comparisons if (c["before"], c["after"]) in chosen] or comparisons[:1]
    return with_holm(differences(mine))


def every_difference(run: Run) -> list[Difference]:
    return with_holm(differences(run.get("comparisons") or []))


def verdict(d: Difference) -> str:
    """helped, hurt, unclear, or near_zero: where nearly nothing is right, a gain is no success yet."""
    word = outcome({**d.figures, "p": d.p})
    return "near_zero" if word != "unclear" and near_zero(d.figures) else word


def main_arm(run: Run) -> str | None:
    """The arm that the answer is about: the first one that is held against another."""
    found = headlines(run)
    return found[0].after if found else None


INKS = ("c1", "c2", "c4", "c5")
PATTERNS = ("", " d1", " d2", " d3")
"""Where the colours are used up the same ones come again dashed, dotted, and dashed and dotted."""


def colours(run: Run) -> dict[str, str]:
    """A colour for each arm: grey for the untrained one, blue for the one the answer is about."""
    arms, main = run.get("arms") or {}, main_arm(run)
    given: dict[str, str] = {}
    inks = [ink + pattern for pattern in PATTERNS for ink in INKS]
    rest = iter(inks * (1 + len(arms) // len(inks)))
    for name, arm in arms.items():
        if name == main:
            given[name] = "c3"
        elif arm.get("trained") is False or name == "before":
            given[name] = "c0" if "c0" not in given.values() else next(rest)
        else:
            given[name] = next(rest)
    return given
