"""Cases packed for the page: each problem once, one response an arm, compressed, shortened only when it must be."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.markup import clean

__all__ = ["pack", "unify"]

ROOM = 4 << 20
"""Bytes of compressed cases (base64) that keep the page under 6 MB."""
CAPS = (6000, 3000, 1500, 800, 400, 200)


def unify(comparisons: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
    """The arms, and every problem with the response of each arm, out of pairwise comparisons."""
    arms: list[str] = []
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for made in comparisons:
        for name in (made["before"], made["after"]):
            if name not in arms:
                arms.append(name)
        for case in made.get("cases") or []:
            key = (str(case.get("benchmark", "")), str(case["id"]))
            entry = found.setdefault(
                key,
                {
                    k: case.get(k)
                    for k in ("id", "benchmark", "problem", "gold", "subject", "level", "method", "solution")
                },
            )
            answers = entry.setdefault("answers", {})
            for side in ("before", "after"):
                answers.setdefault(made[side], _answer(case, side))
    return arms, list(found.values())


def _answer(case: Mapping[str, Any], side: str) -> dict[str, Any]:
    verdict = case.get(f"verdict_{side}") or ("correct" if case.get("flip") in _RIGHT[side] else "wrong")
    why = case.get(f"why_{side}")
    if why is None and verdict != "correct" and f"why_{side}" not in case:
        why = case.get("why")
    return {
        "text": case.get(side) or "",
        "verdict": verdict,
        "got": case.get(f"got_{side}"),
        "why": why,
        "cut": bool(case.get(f"cut_{side}")),
        "slip": case.get(f"slip_{side}"),
    }


_RIGHT = {"before": ("both_right", "broken"), "after": ("both_right", "fixed")}


def pack(arms: Sequence[str], cases: Sequence[Mapping[str, Any]], pair: tuple[int, int]) -> str:
    """Base64 of the gzipped cases; the longest texts are shortened until they fit."""
    for cap in CAPS:
        rows = [_row(case, arms, cap) for case in cases]
        body = json.dumps({"arms": list(arms), "pair": pair, "cases": rows}, ensure_ascii=False, separators=(",", ":"))
        raw = base64.b64encode(gzip.compress(body.encode("utf-8", "replace"), 6, mtime=0))
        if len(raw) <= ROOM or cap == CAPS[-1]:
            return raw.decode()
    raise AssertionError("unreachable: the last cap returns")


def _row(case: Mapping[str, Any], arms: Sequence[str], cap: int) -> list[Any]:
    answers = [case["answers"].get(a) for a in arms]
    return [
        clean(case["id"]),
        clean(case.get("benchmark") or ""),
        clean(case["problem"] or "")[:cap],
        clean(case.get("gold") or "")[:cap],
        None if case.get("subject") is None else clean(case["subject"]),
        None if case.get("level") is None else clean(case["level"]),
        [None if a is None else _packed(a, cap) for a in answers],
        None if case.get("method") is None else clean(case["method"]),
        clean(case.get("solution") or "")[:cap],
    ]


def _packed(answer: Mapping[str, Any], cap: int) -> list[Any]:
    text = clean(answer["text"])
    got = None if answer["got"] is None else clean(answer["got"])[:200]
    slip = answer["slip"] if answer["slip"] and answer["slip"][1] <= cap else None
    return [text[:cap], answer["verdict"], got, answer["why"], int(answer["cut"]), slip, max(0, len(text) - cap)]
