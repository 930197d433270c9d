"""The same question in other words; the answer stays."""

from __future__ import annotations

from typing import Annotated

from mathdata.augmentations._proof import contradicted
from mathdata.augmentations.replies import failed, from_data, proved, tagged
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

    def follow(self, problem: Problem, request: Request, completion: Completion) -> list[Request]:
        """A text teacher's second turn: the new wording is solved, and must give the known answer."""
        question = None if request.params.get("ask") == "solve" or proved(completion) else self._wording(completion)
        if question is None:
            return []
        params = {"ask": "solve", "question": question}
        return [Request(self.name, problem, sampling=Sampling(seed=request.sampling.seed), params=params)]

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        if (bad := failed(completion)) is not None:
            return [bad]
        if (made := from_data(completion)) is not None:
            return [made | contradicted(completion)]
        if request.params.get("ask") != "solve":
            return [{"reject": "empty", "reject_why": "the reply holds no question"}]
        return [{"problem": request.params["question"], "solution": completion.text, "answer": problem.answer}]

    @staticmethod
    def _wording(completion: Completion) -> str | None:
        text = tagged(completion.text, "question")
        return text if text is not None or "<" in completion.text else completion.text.strip() or None
