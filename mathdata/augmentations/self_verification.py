"""Backward questions as statements: the question and its answer told as a fact, one number asked for."""

from __future__ import annotations

from mathdata.augmentations.fobar import backward
from mathdata.augmentations.masks import Mask, masked
from mathdata.augmentations.replies import failed, from_data, proved, tagged
from mathdata.registry import register
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["SelfVerification", "split_question"]

ASK = {"en": "What is the value of the unknown variable {x}?", "zh": "未知数 {x} 的值是多少？"}

_LONGEST = 600


@register("augmentation", "self_verification")
class SelfVerification:
    """Backward questions as statements: the teacher turns the question into a fact, then solves for the number."""

    name = "self_verification"
    novelty = "path"

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        story, asked, at = split_question(problem.problem)
        params = backward(problem, seed, end=at)
        if "skip" not in params:
            params |= {"story": story, "asked": asked}
        return [Request(self.name, problem, sampling=Sampling(seed=seed), params=params)]

    def follow(self, problem: Problem, request: Request, completion: Completion) -> list[Request]:
        """The second turn: the statement stands, now the number is asked for."""
        if "question" in request.params and request.params.get("ask") == "solve":
            return []
        statement = self._statement(request, completion)
        if statement is None:
            return []
        p = request.params
        start, end = p["mask"]
        mask = Mask(start, end, problem.problem[start:end])
        story = masked(p["story"], mask, p["variable"]).rstrip()
        language = "zh" if problem.language == "zh" else "en"
        question = f"{story} {statement} {ASK[language].format(x=p['variable'])}"
        params = {"ask": "solve", "question": question, "expected": p["expected"]}
        return [Request(self.name, problem, sampling=Sampling(seed=request.sampling.seed), params=params)]

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        if (bad := failed(completion)) is not None:
            return [bad]
        if (made := from_data(completion)) is not None:
            return [made]
        if request.params.get("ask") != "solve":
            why = "the statement does not state the known answer, asks again, or gives the number away"
            return [{"reject": "bad-placeholder", "reject_why": why}]
        p = request.params
        return [{"problem": p["question"], "solution": completion.text, "answer": p["expected"]}]

    @staticmethod
    def _statement(request: Request, completion: Completion) -> str | None:
        """The teacher's statement, where it is one: it tells the answer, asks nothing, hides the number."""
        if failed(completion) is not None or proved(completion):
            return None
        text = (tagged(completion.text, "statement") or completion.text).strip()
        if "\n" in text or len(text) > _LONGEST:
            return None
        answer = str(request.problem.answer)
        told = answer in text or answer in text.replace(",", "")
        hidden = request.params["expected"] == answer or request.params["expected"] not in text.split()
        return text if told and hidden and "?" not in text and "？" not in text else None


def split_question(text: str) -> tuple[str, str, int]:
    """The story, the sentence that asks, and where that sentence begins.

    >>> split_question("Tom has 3 pens. How many has he?")
    ('Tom has 3 pens.', 'How many has he?', 15)
    """
    body = text.rstrip()
    ends = [i for i, c in enumerate(body[:-1]) if c in "。！？" or (c in ".!?" and body[i + 1] in " \n")]
    at = ends[-1] + 1 if ends else 0
    return body[:at], body[at:].strip(), at
