"""The scripted teacher: plays replies from a list or file, or the known solution with planted faults. For tests."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Annotated, Any

from mathdata.errors import DataError, RecipeError
from mathdata.registry import register
from mathdata.types import Completion, Finish, Request

__all__ = ["Scripted"]

FAULTS: dict[str, Finish] = {
    "refused": "refused",
    "truncated": "length",
    "empty": "empty",
    "filter": "filter",
    "error": "error",
}
TEXT_FAULTS = ("wrong", "false_step")
_PRODUCT = re.compile(r"(?<![\d./*+-])(\d+)\s*([+*])\s*(\d+)(?=\s*=)")


@register("backend", "scripted")
class Scripted:
    """A teacher that plays: replies in turn, replies by problem from a file, or the known solution with faults."""

    reads_problem = True

    def __init__(
        self,
        *,
        replies: Annotated[list[str] | None, "replies played in turn, by request and sample"] = None,
        file: Annotated[Path | None, "JSONL of {problem, reply} or {method, reply}"] = None,
        faults: Annotated[dict[str, float] | None, "share of each fault: wrong, false_step, refused, empty ..."] = None,
        delay: Annotated[float, "seconds before each batch of answers"] = 0.0,
        seed: Annotated[int, "draws the faults"] = 0,
    ) -> None:
        self.name = "scripted"
        self.calls = 0
        self._replies, self._delay, self._seed = replies, delay, seed
        self._faults = _checked(faults or {})
        self._file = _load(file) if file is not None else None
        self._play: Callable[[Request, int], Completion | str] | None = None
        self.identity = json.dumps(["scripted", replies, str(file) if file else None, self._faults, seed])

    @classmethod
    def playing(cls, play: Callable[[Request, int], Completion | str]) -> Scripted:
        """A teacher that answers (request, sample number) by a function of yours."""
        made = cls()
        made._play = play
        return made

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        time.sleep(self._delay)
        self.calls += sum(r.sampling.n for r in requests)
        return [[self._answer(r, k) for k in range(r.sampling.n)] for r in requests]

    def _answer(self, request: Request, sample: int) -> Completion:
        seed = f"{self._seed}/{request.method}/{request.problem.id}/{request.sampling.seed}/{request.params}/{sample}"
        rng = Random(seed)
        fault = self._fault(rng)
        if fault in FAULTS:
            return Completion(finish=FAULTS[fault], reason=f"scripted: {fault}", tokens_in=_words(request))
        said = self._say(request, sample, rng)
        if isinstance(said, Completion):
            return said
        text = _spoil(said, fault, rng)
        return Completion(text, tokens_in=_words(request), tokens_out=min(len(text) // 4, request.sampling.max_tokens))

    def _fault(self, rng: Random) -> str | None:
        draw = rng.random()
        for fault, share in self._faults.items():
            if draw < share:
                return fault
            draw -= share
        return None

    def _say(self, request: Request, sample: int, rng: Random) -> Completion | str:
        if self._play is not None:
            return self._play(request, sample)
        if self._replies is not None:
            return self._replies[((request.sampling.seed or 0) + sample) % len(self._replies)]
        if self._file is not None:
            reply = self._file.get(request.problem.problem, self._file.get(request.method))
            return reply if reply is not None else Completion(finish="unsupported", reason="not in the script")
        return knowing(request, rng)


def knowing(request: Request, rng: Random) -> str:
    """What a teacher who knows the solution would say: the question in a frame, the solution with turned sums."""
    problem, params = request.problem, request.params
    solution = problem.solution or f"The answer is {problem.answer}."
    if params.get("ask") == "solve" or request.method == "fobar":
        return _closed("We work it out step by step.", str(params.get("expected") or problem.answer))
    if request.method == "answer":
        turned = _PRODUCT.sub(lambda m: f"{m[3]} {m[2]} {m[1]}" if rng.random() < 0.5 else m[0], solution)
        return _closed(turned, problem.answer)
    if request.method == "self_verification":
        return f"<statement>It is known that the answer is {problem.answer}.</statement>"
    if request.method in ("rephrase", "new_question"):
        return f"<question>Here is a story, number {rng.randrange(9)}. {problem.problem}</question>"
    if request.method == "template":
        return json.dumps({"wording": f"Here is a story, told {params['style']}. {params['pattern']}"})
    if request.method == "vary_numbers":
        made = _sibling(request)
        said = (
            made.get("problem", problem.problem),
            made.get("solution", solution),
            made.get("answer", problem.answer),
        )
        return "<question>{}</question><solution>{}</solution><answer>{}</answer>".format(*said)
    return _closed(solution, problem.answer)


def _sibling(request: Request) -> Mapping[str, Any]:
    """The problem with other numbers, where that can be proved; else nothing, and the script says the same again."""
    from mathdata.backends.symbolic import Symbolic

    alone = replace(request, sampling=replace(request.sampling, n=1))
    return Symbolic().generate([alone])[0][0].data


def _closed(text: str, answer: str | None) -> str:
    return text if text.rstrip().endswith(f"#### {answer}") else f"{text.rstrip()}\nThe answer is: {answer}"


def _spoil(text: str, fault: str | None, rng: Random) -> str:
    if fault == "wrong":
        head, tail = text[:-24], text[-24:]
        return head + re.sub(r"(-?\d+)(?!.*\d)", lambda m: str(int(m[1]) + rng.randint(1, 9)), tail, flags=re.DOTALL)
    if fault == "false_step":
        return "First, 2 + 2 = 5.\n" + text
    return text


def _words(request: Request) -> int:
    return sum(len(m["content"]) for m in request.messages) // 4


def _checked(faults: Mapping[str, float]) -> dict[str, float]:
    for fault in faults:
        if fault not in FAULTS and fault not in TEXT_FAULTS:
            raise RecipeError(f"scripted: no fault '{fault}'", f"faults: {', '.join([*FAULTS, *TEXT_FAULTS])}")
    return {k: float(v) for k, v in faults.items()}


def _load(path: Path) -> dict[str, str]:
    try:
        lines: list[dict[str, Any]] = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines() if x]
        return {str(x.get("problem") or x.get("method")): str(x["reply"]) for x in lines}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: not a script: {error}", 'one {"problem": ..., "reply": ...} on each line') from None
