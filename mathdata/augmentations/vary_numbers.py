"""The same question with other numbers, its answer worked out anew."""

from __future__ import annotations

from typing import Annotated

from mathdata.augmentations.relations import broken_relation
from mathdata.augmentations.replies import failed, from_data, tagged
from mathdata.registry import register
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["VaryNumbers"]


@register("augmentation", "vary_numbers")
class VaryNumbers:
    """The same question with other numbers, its answer worked out anew."""

    name = "vary_numbers"
    novelty = "question"

    def __init__(
        self,
        *,
        round: Annotated[dict[str, int] | None, "decimal places by family, after the proof: {equation: 1}"] = None,
    ) -> None:
        self.round = round or {}

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        return [Request(self.name, problem, sampling=Sampling(seed=seed), params={"round": self.round})]

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        if (bad := failed(completion)) is not None:
            return [bad]
        if (proven := from_data(completion)) is not None:
            return [proven]
        question, solution = tagged(completion.text, "question"), tagged(completion.text, "solution")
        if question is None or solution is None:
            return [{"reject": "empty", "reject_why": "the reply holds no <question> and <solution>"}]
        answer = tagged(completion.text, "answer")
        made: Row = {"problem": question, "solution": solution, "answer": answer}
        if (broken := broken_relation(problem, question, solution, answer)) is not None:
            made["reject"], made["reject_why"] = broken
        return [made]
