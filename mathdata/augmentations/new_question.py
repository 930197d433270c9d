"""New problems inspired by a row: the same kind, harder, easier, or another scene; kept when solutions agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from mathdata.augmentations.answer import majority
from mathdata.augmentations.replies import failed, from_data, json_part, proved, tagged
from mathdata.errors import RecipeError
from mathdata.registry import register
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["NewQuestion"]

_SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string"}},
    "required": ["question"],
    "additionalProperties": False,
}
_LONGEST = 4000


@register("augmentation", "new_question")
class NewQuestion:
    """New problems inspired by a row; kept when enough of several solutions agree and no test item is near."""

    name = "new_question"
    novelty = "near"

    def __init__(
        self,
        *,
        direction: Annotated[Literal["same", "harder", "easier", "scene"], "what changes"] = "same",
        solutions: Annotated[int, "how many solutions are drawn to see whether it can be solved"] = 5,
        agree: Annotated[float, "share of the solutions that must end in one answer"] = 0.6,
        against: Annotated[list[str] | None, "benchmarks it must not come near: [gsm8k, math]"] = None,
    ) -> None:
        if solutions < 1:
            raise RecipeError(f"new_question: solutions = {solutions}", "solutions: 3 or more")
        self.direction, self.solutions, self.agree = direction, solutions, agree
        self.against = against or []

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        params = {"direction": self.direction, "schema": _SCHEMA}
        return [Request(self.name, problem, sampling=Sampling(seed=seed), params=params)]

    def follow(self, problem: Problem, request: Request, completion: Completion) -> list[Request]:
        """The second turn: several solutions of the new question."""
        question = None if request.params.get("ask") == "solve" else said_question(completion)
        if question is None or proved(completion):
            return []
        params = {"ask": "solve", "question": question, "direction": self.direction}
        sampling = Sampling(seed=request.sampling.seed, n=self.solutions)
        return [Request(self.name, problem, sampling=sampling, params=params)]

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        return self.gather(problem, request, [completion])

    def gather(self, problem: Problem, request: Request, completions: Sequence[Completion]) -> list[Row]:
        if request.params.get("ask") != "solve":
            return [self._unasked(c) for c in completions]
        question = request.params["question"]
        good = [c for c in completions if failed(c) is None]
        if not good:
            return [{"problem": question, **(failed(completions[0]) or {})}]
        answer, share, _ = majority([c.text for c in good])
        share = share * len(good) / len(completions)
        if answer is None or share < self.agree:
            why = f"{share:.0%} of {len(completions)} solutions agree, {self.agree:.0%} are wanted"
            return [{"problem": question, "reject": "unsolvable", "reject_why": why}]
        best = next(c for c in good if majority([c.text])[0] == answer)
        row: Row = {"problem": question, "solution": best.text, "answer": answer, "_by": best}
        row["difficulty"] = row["level"] = None  # the seed's level says nothing about the new question's
        return [row]

    @staticmethod
    def _unasked(completion: Completion) -> Row:
        if (bad := failed(completion)) is not None:
            return bad
        if (made := from_data(completion)) is not None:
            return made
        return {"reject": "empty", "reject_why": "the reply holds no question"}


def said_question(completion: Completion) -> str | None:
    """The question of a reply: JSON, tagged, or the plain text; None where there is none worth asking."""
    if failed(completion) is not None:
        return None
    parsed = json_part(completion.text)
    text = parsed.get("question") if parsed is not None else tagged(completion.text, "question")
    return text.strip()[:_LONGEST] if isinstance(text, str) and len(text.strip()) > 8 else None
