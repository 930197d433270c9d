"""Wordings of a whole family: the teacher writes each once, with placeholders; rows fill in their own numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Annotated, Any

import xxhash

from mathdata.augmentations.replies import failed, from_data, json_part, proved, tagged
from mathdata.registry import register
from mathdata.seeds import base_of, number_of
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["Template", "bare"]

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?<![,])")
_SLOT = re.compile(r"\{([a-z]\d?)\}")
_STYLES = (
    "as a short everyday story",
    "as a direct question, as short as can be",
    "as a question a pupil asks a friend",
    "in the style of a school book",
    "beginning with the question, then what is known",
    "as a formal exercise",
    "as a message from a shop or an office",
    "in two short sentences",
)
_SCHEMA = {
    "type": "object",
    "properties": {"wording": {"type": "string"}},
    "required": ["wording"],
    "additionalProperties": False,
}


@register("augmentation", "template")
class Template:
    """Wordings for a family, written once by the teacher and filled with each row's numbers: k calls in all."""

    name = "template"
    novelty = "question"

    def __init__(
        self,
        *,
        wordings: Annotated[int, "wordings of each family"] = 4,
        spot: Annotated[float, "share of the rows whose new wording is solved again as a check"] = 0.1,
    ) -> None:
        self.wordings, self.spot = wordings, spot

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        """The same request for every row of a family: the journal asks it once."""
        pattern, numbers = bare(problem.problem)
        if not numbers or "{" in problem.problem:
            return [Request(self.name, problem, params={"skip": "no numbers to put in", "pattern": pattern})]
        number = (Random(base_of(seed)).randrange(self.wordings) + number_of(seed)) % self.wordings
        family = xxhash.xxh3_64_hexdigest(pattern.encode())
        params: dict[str, Any] = {
            "pattern": pattern, "names": [f"{{{n}}}" for n in numbers], "family": family, "wording": number,
            "style": _STYLES[number % len(_STYLES)], "schema": _SCHEMA,
        }  # fmt: skip
        return [Request(self.name, problem, sampling=Sampling(seed=int(family[:7], 16) + number), params=params)]

    def follow(self, problem: Problem, request: Request, completion: Completion) -> list[Request]:
        """A spot check: some rows' new wording is solved, and must give the known answer."""
        if request.params.get("ask") == "solve" or proved(completion) or not self._is_spot(problem, request):
            return []
        question, why = self._filled(problem, request, completion)
        if why or problem.answer is None:
            return []
        params = {"ask": "solve", "question": question, "expected": problem.answer, "spot": True}
        params |= {k: request.params[k] for k in ("family", "wording")}
        return [Request(self.name, problem, sampling=Sampling(seed=request.sampling.seed), params=params)]

    def _is_spot(self, problem: Problem, request: Request) -> bool:
        draw = xxhash.xxh3_64_intdigest(f"{problem.id}/{request.params.get('wording')}".encode()) % 10_000
        return draw < self.spot * 10_000

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        if (bad := failed(completion)) is not None:
            return [bad]
        if (made := from_data(completion)) is not None:
            return [made]
        if request.params.get("ask") == "solve":
            p = request.params
            return [{"problem": p["question"], "solution": completion.text, "answer": p["expected"]}]
        question, why = self._filled(problem, request, completion)
        if why:
            return [{"reject": "bad-placeholder", "reject_why": why}]
        solution = problem.solution or (problem.answer and f"The answer is: {problem.answer}")
        return [{"problem": question, "solution": solution, "answer": problem.answer}]

    def settle(self, rows: Sequence[Row]) -> None:
        """A wording that fails its spot checks takes all its rows with it."""
        found: dict[tuple[str, int], list[bool]] = {}
        for row, asked in ((r, json.loads(r["asked"] or "{}")) for r in rows):
            if asked.get("spot") and row["verdict"] is not None:
                found.setdefault((asked["family"], asked["wording"]), []).append(row["verdict"] == "correct")
        for row in rows:
            asked = json.loads(row["asked"] or "{}")
            checks = found.get((asked.get("family"), asked.get("wording")), [])
            if row["reject"] is None and checks and sum(checks) * 2 <= len(checks):
                row["reject"] = "wrong-answer"
                row["reject_why"] = (
                    f"this wording gives another answer: {sum(checks)} of {len(checks)} spot checks right"
                )

    def _filled(self, problem: Problem, request: Request, completion: Completion) -> tuple[str, str]:
        """The wording with the row's numbers, and what is wrong with it."""
        parsed = json_part(completion.text)
        text = parsed.get("wording") if parsed is not None else tagged(completion.text, "wording")
        text = text if isinstance(text, str) else completion.text
        text = text.strip()
        names = [str(n)[1:-1] for n in request.params["names"]]
        said = _SLOT.findall(text)
        if missing := [n for n in names if n not in said]:
            return "", f"the wording lacks {', '.join('{' + n + '}' for n in missing)}"
        if more := sorted(set(said) - set(names)):
            return "", f"the wording has a placeholder nobody gave: {', '.join('{' + n + '}' for n in more)}"
        rest = _SLOT.sub("", text)
        if re.search(r"\d|[{}]", rest):
            return "", "the wording has a number or brace of its own"
        _, numbers = bare(problem.problem)
        return _SLOT.sub(lambda m: numbers[m.group(1)], text), ""


def bare(text: str) -> tuple[str, dict[str, str]]:
    """The text with placeholders for its numbers, and the numbers.

    >>> bare("What is 12 + 30?")
    ('What is {a} + {b}?', {'a': '12', 'b': '30'})
    """
    numbers: dict[str, str] = {}

    def slot(match: re.Match[str]) -> str:
        n = len(numbers)
        name = chr(ord("a") + n % 26) + (str(n // 26) if n >= 26 else "")
        numbers[name] = match.group()
        return f"{{{name}}}"

    return _NUMBER.sub(slot, text), numbers
