"""The symbolic teacher on GSM8K rows and MATH problems: answers a request by proof, or says why it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from mathdata.seeds import base_of, number_of
from mathdata.symbolic.backward import backward
from mathdata.symbolic.formulas.rows import boxed, math_row
from mathdata.symbolic.paraphrase import paraphrase
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.stepwise import stepwise
from mathdata.symbolic.tie import Graph, tie
from mathdata.symbolic.vary import Made, vary
from mathdata.types import Completion, Request
from mathdata.worked import NUMBER, number

__all__ = ["METHODS", "answer"]

_PLAIN = re.compile(NUMBER)
AGAIN = 3
"""Further seeds for one sample whose row was already made by an earlier sample."""


@lru_cache(maxsize=64)
def _graph(problem: str, solution: str) -> Graph | str:
    try:
        return tie(problem, solution)
    except Unsupported as e:
        return e.reason


def answer(request: Request) -> list[Completion] | None:
    """Completions with `data` (problem, solution, answer, exact) or finish="unsupported"; None = not a GSM8K row."""
    problem = request.problem
    if "####" not in (problem.solution or ""):
        return _math(request)
    if request.method not in ANSWERED or not problem.solution or "####" not in problem.solution:
        return None
    graph = _graph(problem.problem, problem.solution)
    if isinstance(graph, str):
        return [_unsupported(graph)] * request.sampling.n
    if why := _contradicts(graph, problem.answer):
        return [_unsupported(f"contradiction: {why}")] * request.sampling.n
    if request.method in BACKWARD:
        return [_backward(request, graph, i) for i in range(request.sampling.n)]
    made: list[Completion] = []
    seen: set[str] = set()
    for i in range(request.sampling.n):
        made.append(_sample(request, graph, i, seen))
    return made


def _sample(request: Request, graph: Graph, i: int, seen: set[str]) -> Completion:
    reason = "no further variation"
    for again in range(AGAIN):
        seed = f"{request.sampling.seed}|{request.problem.id}|{i}|{again}"
        try:
            row = METHODS[request.method](graph, seed, request.params)
        except Unsupported as e:
            reason = e.reason if not seen else reason
            continue
        key = row["problem"] + "\x1f" + row["solution"]
        if key not in seen:
            seen.add(key)
            return Completion(text=row["solution"], data=dict(row))
    return _unsupported(reason)


def _backward(request: Request, graph: Graph, i: int) -> Completion:
    """The next provable backward question of the row; the number it masks need not be the one in `params`.

    A sample takes its turn among the provable ones, so that samples of one row differ and none is lost to a number
    that cannot be proved.
    """
    seed, stated = request.sampling.seed or 0, request.method == "self_verification"
    try:
        row = backward(graph, f"{base_of(seed)}|{request.problem.id}", number_of(seed) + i, stated)
    except Unsupported as e:
        return _unsupported(e.reason)
    return Completion(text=row["solution"], data=dict(row))


def _math(request: Request) -> list[Completion] | None:
    """Problems of MATH whose family is decided exactly, one completion a sample; None = no such problem."""
    problem, made = request.problem, []
    gold = problem.answer or boxed(problem.solution or "")
    for i in range(request.sampling.n):
        seed = request.sampling.seed or 0
        turn = request.method in BACKWARD
        try:
            key = f"{base_of(seed)}|{problem.id}" if turn else f"{request.sampling.seed}|{problem.id}|{i}"
            row = math_row(request.method, problem.problem, gold, key, number_of(seed) + i if turn else 0)
        except Unsupported as e:
            made.append(_unsupported(e.reason))
            continue
        if row is None:
            return None
        made.append(Completion(text=row["solution"], data=dict(row)))
    return made


def _unsupported(reason: str) -> Completion:
    return Completion(finish="unsupported", reason=reason)


def _vary(graph: Graph, seed: str, params: Any) -> Made:
    return vary(graph, seed)


def _rephrase(graph: Graph, seed: str, params: Any) -> Made:
    return paraphrase(graph, seed)


def _step_cot(graph: Graph, seed: str, params: Any) -> Made:
    return stepwise(graph)


def _contradicts(graph: Graph, stated: str | None) -> str:
    """The sentence, where the row's answer column is another number than its solution ends in."""
    value = number(stated.strip().lstrip("$")) if stated and _PLAIN.fullmatch(stated.strip().lstrip("$")) else None
    if value is None or value == graph.solution.gold:
        return ""
    return f"the row says {stated}, its solution ends in {graph.solution.gold}"


METHODS: dict[str, Callable[[Graph, str, Any], Made]] = {
    "vary_numbers": _vary,
    "step_cot": _step_cot,
    "rephrase": _rephrase,
}
BACKWARD = frozenset(["fobar", "self_verification"])
ANSWERED = frozenset(METHODS) | BACKWARD
