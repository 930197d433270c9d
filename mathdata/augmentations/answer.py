"""Further worked solutions of the same question; kept when the final answer is gold and the path is new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from mathdata.augmentations.replies import failed, from_data
from mathdata.registry import register
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["Answer", "majority"]


@register("augmentation", "answer")
class Answer:
    """Further worked solutions of the same question, by other reasoning paths."""

    name = "answer"
    novelty = "path"

    def __init__(
        self, *, agree: Annotated[float, "where there is no gold: share of the samples that must agree"] = 0.5
    ) -> None:
        self.agree = agree

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        return [Request(self.name, problem, sampling=Sampling(seed=seed))]

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        return self.gather(problem, request, [completion])

    def gather(self, problem: Problem, request: Request, completions: Sequence[Completion]) -> list[Row]:
        """One row for each sample; the answer to meet is gold, or the majority's where there is none."""
        expected, why = problem.answer, ""
        if expected is None:
            expected, share, of = majority([c.text for c in completions if failed(c) is None])
            if expected is None or share < self.agree:
                expected, why = None, f"no gold, and no answer that {self.agree:.0%} of {of} samples agree on"
        return [self._row(problem, c, expected, why) for c in completions]

    def _row(self, problem: Problem, completion: Completion, expected: str | None, why: str) -> Row:
        if (bad := failed(completion)) is not None:
            return bad
        row = from_data(completion) or {"problem": problem.problem, "solution": completion.text, "answer": expected}
        return row | ({"reject": "unsolvable", "reject_why": why} if why else {})


def majority(texts: Sequence[str]) -> tuple[str | None, float, int]:
    """The final answer most texts end in, its share of all texts, and how many there were."""
    from mathdata.verifiers import same

    found = [value for t in texts if (value := _said(t)) is not None]
    groups: list[list[str]] = []
    for value in found:
        twin = next((g for g in groups if g[0] == value or _equal(same(g[0], value))), None)
        twin.append(value) if twin is not None else groups.append([value])
    if not groups:
        return None, 0.0, len(texts)
    best = max(groups, key=len)
    return Counter(best).most_common(1)[0][0], len(best) / len(texts), len(texts)


def _said(text: str) -> str | None:
    """The final answer of a text; words alone ("no idea") are none, however many say them."""
    from mathdata.verifiers import extract

    found = extract(text)
    if found.value is None or (found.rule == "whole" and not re.search(r"\d|\\", found.value)):
        return None
    return str(found.value)


def _equal(found: object) -> bool:
    return bool(getattr(found, "ok", found))
