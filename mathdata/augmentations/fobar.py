"""Backward questions: one number masked, the answer told, the number asked for (FOBAR)."""

from __future__ import annotations

from mathdata.augmentations.masks import mask_for, masked, variable_for
from mathdata.augmentations.replies import failed, from_data
from mathdata.registry import register
from mathdata.seeds import base_of, number_of
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["Fobar"]

ASK = {
    "en": "If we know the answer to the above question is {answer}, what is the value of the unknown variable {x}?",
    "zh": "如果已知上述问题的答案是 {answer}，那么未知数 {x} 的值是多少？",
}


@register("augmentation", "fobar")
class Fobar:
    """Backward questions: "if the answer is A, what is x?"; each sample masks another number.

    Once every number was masked, further samples are further solutions, kept where their path is new.
    """

    name = "fobar"
    novelty = "path"

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        return [Request(self.name, problem, sampling=Sampling(seed=seed), params=backward(problem, seed))]

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        if (bad := failed(completion)) is not None:
            return [bad]
        if (made := from_data(completion)) is not None:
            return [made]
        p = request.params
        return [{"problem": p["question"], "solution": completion.text, "answer": p["expected"]}]


def backward(problem: Problem, seed: int, end: int | None = None) -> dict[str, object]:
    """The masked question and the number it hides; `skip` says why a text teacher cannot be asked."""
    if problem.answer is None:
        return {"skip": "the answer is not known"}
    mask, x = mask_for(problem, base_of(seed), number_of(seed), end), variable_for(problem.problem)
    if mask is None or x is None:
        return {"skip": "no number that can be masked" if x else "every letter is taken"}
    language = "zh" if problem.language == "zh" else "en"
    ask = ASK[language].format(answer=problem.answer, x=x)
    question = f"{masked(problem.problem, mask, x).rstrip()} {ask}"
    return {"question": question, "expected": mask.value, "variable": x, "mask": [mask.start, mask.end]}
