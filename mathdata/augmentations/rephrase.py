"""The same question in other words; the answer stays."""

from __future__ import annotations

from typing import Annotated

from mathdata.augmentations._proof import contradicted
from mathdata.augmentations.replies import failed, from_data, tagged
from mathdata.registry import register
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["Rephrase"]


@register("augmentation", "rephrase")
class Rephrase:
    """The same question in other words, the same answer."""

    name = "rephrase"
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
        if (made := from_data(completion)) is not None:
            return [made | contradicted(completion)]
        question = tagged(completion.text, "question") or completion.text.strip()
        return [{"problem": question, "solution": problem.solution, "answer": problem.answer}]
