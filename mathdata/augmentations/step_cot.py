"""Worked steps for a problem that has only its answer; kept when they end in that answer."""

from __future__ import annotations

from typing import Annotated

from mathdata.augmentations._proof import contradicted
from mathdata.augmentations.replies import failed, from_data
from mathdata.registry import register
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["StepCot"]


@register("augmentation", "step_cot")
class StepCot:
    """Worked steps for a problem that has only its answer."""

    name = "step_cot"

    def __init__(
        self,
        *,
        round: Annotated[dict[str, int] | None, "decimal places by family, after the proof: {equation: 1}"] = None,
        trust: Annotated[bool, "end the steps in the row's own answer, unproved"] = False,
    ) -> None:
        self.round, self.trust = round or {}, trust

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        params = {"round": self.round, "trust": self.trust}
        return [Request(self.name, problem, sampling=Sampling(seed=seed), params=params)]

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        if (bad := failed(completion)) is not None:
            return [bad]
        if (made := from_data(completion)) is not None:
            return [made | contradicted(completion)]
        return [{"problem": problem.problem, "solution": completion.text, "answer": problem.answer}]
