"""The teacher that proves: elementary families and worked solutions, answered exactly or honestly not at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mathdata import families
from mathdata.families import Reading, Worked
from mathdata.registry import register
from mathdata.seeds import base_of, number_of
from mathdata.types import Completion, Problem, Request

__all__ = ["Symbolic"]

WORKED = "mathdata.backends.symbolic_gsm8k"
"""Where problems that come with a worked solution are answered."""


@register("backend", "symbolic")
class Symbolic:
    """Proves what it writes: worked steps, wordings and numbers of the elementary families, GSM8K-like solutions."""

    name = "symbolic"
    proves = True

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        return [self._samples(request) for request in requests]

    def _samples(self, request: Request) -> list[Completion]:
        first = request.sampling.seed or 0
        asked = (replace(request.sampling, seed=first + k, n=1) for k in range(request.sampling.n))
        return [answer(replace(request, sampling=sampling)) for sampling in asked]


def answer(request: Request) -> Completion:
    """By the family that reads the problem, else from its worked solution, else `unsupported` with the reason."""
    written = written_methods()
    if request.method not in written:
        return _no(f"the symbolic teacher does not write {request.method}: it writes {', '.join(sorted(written))}")
    reading = families.read(request.problem.problem)
    method = METHODS.get(request.method)
    if reading is not None and method is not None:
        return method(request, reading)
    if find_spec(WORKED) is not None:
        made: list[Completion] | None = import_module(WORKED).answer(request)
        if made:
            return made[0]
    if reading is None:
        return _no(f"no family of elementary problems has this wording, and {_unreplayed(request.problem)}")
    return _no(f"family '{reading.family.name}' has no {request.method}")


def _unreplayed(problem: Problem) -> str:
    """Why a row that no family reads was not made from its solution either."""
    if not (problem.solution or "").strip():
        return "the row has no worked solution that could be replayed"
    return "its solution has no final line '#### ANSWER' to replay, nor is it of a kind that is proved"


def written_methods() -> frozenset[str]:
    """What this teacher writes, of one kind of row or another."""
    more: frozenset[str] = import_module(WORKED).ANSWERED if find_spec(WORKED) is not None else frozenset()
    return frozenset(METHODS) | more


def _no(reason: str) -> Completion:
    return Completion(finish="unsupported", reason=reason)


def step_cot(request: Request, reading: Reading) -> Completion:
    """The same problem, worked; the row's own answer must be the value or a rounding of it."""
    return _told(request, reading, request.problem.problem)


def rephrase(request: Request, reading: Reading) -> Completion:
    """The same numbers in another wording, worked."""
    family, language = reading.family, reading.language
    others = len(family.wordings[language]) - 1
    seed = request.sampling.seed or 0
    if number_of(seed) >= others:
        return _no(f"family '{family.name}' has {others} other wordings in {language}")
    turn = (base_of(seed) + number_of(seed)) % others
    number = (reading.wording + 1 + turn) % (others + 1)
    return _told(request, reading, families.wording(family, reading.params, language, number))


def vary_numbers(request: Request, reading: Reading) -> Completion:
    """Other numbers in the same wording, worked; held-out operands are never drawn."""
    family, language = reading.family, reading.language
    words = {slot: word for slot, word in reading.params.items() if slot in family.words.get(language, {})}
    rng = random.Random(f"{request.problem.id} {request.sampling.seed}")
    params = families.draw(family, rng) | words
    problem = families.wording(family, params, language, reading.wording)
    return _made(problem, families.work(family, params, language, _places(request, family.name)))


METHODS: dict[str, Callable[[Request, Reading], Completion]] = {
    "step_cot": step_cot,
    "rephrase": rephrase,
    "vary_numbers": vary_numbers,
}


def _places(request: Request, family: str) -> int | None:
    wanted: Mapping[str, int] = request.params.get("round") or {}
    return wanted.get(family)


def _told(request: Request, reading: Reading, problem: str) -> Completion:
    """Worked, after the row's own answer was held against the exact value; rounding comes after that."""
    family, params, gold = reading.family, reading.params, gold_of(request.problem)
    verdict = families.agree(family.exact(params), gold) if gold is not None else "same"
    places = _places(request, family.name)
    right = gold if verdict in ("same", "rounded") else None
    worked = families.work(family, params, reading.language, places, right)
    if request.params.get("trust") and gold is not None:
        steps = worked.solution.rpartition("####")[0]
        return _made(problem, replace(worked, solution=f"{steps}#### {gold}", answer=gold))
    if verdict in ("wrong", "unparsed"):
        why = f"the row says {gold:.60}, the steps give {family.exact(params).text:.60}"
        return _made(problem, worked, contradicts=why)
    return _made(problem, worked)


def gold_of(problem: Problem) -> str | None:
    """The row's own answer: its column, else the last number of its solution."""
    return problem.answer or families.claim(problem.solution or "")


def _made(problem: str, worked: Worked, **more: Any) -> Completion:
    data = {"problem": problem, "solution": worked.solution, "answer": worked.answer, "exact": worked.exact}
    return Completion(text=worked.solution, data=data | more)
