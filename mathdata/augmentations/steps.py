"""Solutions in the `## Step n` form, asked for with the very prompt that the benchmark is asked with."""

from __future__ import annotations

import re
from typing import Annotated

from mathdata.augmentations.replies import failed
from mathdata.registry import register
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["Steps", "form_fault"]

HEADER = re.compile(r"^## Step (\d+):", re.MULTILINE)
CLOSE = "the final answer is"


@register("augmentation", "steps")
class Steps:
    """The solution in the `## Step n` form of the step prompt, closed by its sentence and a box."""

    name = "steps"

    def __init__(
        self, *, concise: Annotated[int, "lines that a solution without headers may have, as the prompt allows"] = 2
    ) -> None:
        self.concise = concise

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        return [Request(self.name, problem, sampling=Sampling(seed=seed))]

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        if (bad := failed(completion)) is not None:
            return [bad]
        made: Row = {"problem": problem.problem, "solution": completion.text.strip(), "answer": problem.answer}
        fault = form_fault(completion.text, self.concise)
        return [made | ({"reject": "not-in-steps", "reject_why": fault} if fault else {})]


def form_fault(text: str, concise: int = 2) -> str:
    """What is wrong with the form, or nothing. Short solutions need no headers, by the prompt: two steps or fewer.

    >>> form_fault("2 + 2 = 4.\\nTherefore, the final answer is: $\\boxed{4}$. I hope it is correct.")
    ''
    >>> form_fault("## Step 1: Add\\n2 + 2 = 4\\n## Step 3: Done\\nTherefore, the final answer is: $\\boxed{4}$.")
    'the headers count Step 1, Step 3'
    """
    before, close, after = text.rpartition(CLOSE)
    if not close or "\\boxed{" not in after:
        return f"no sentence '{CLOSE}: $\\boxed{{...}}$' at the end"
    numbers = [int(n) for n in HEADER.findall(text)]
    if not numbers:
        lines = [line for line in before.splitlines()[:-1] if line.strip()]
        return "" if len(lines) <= concise else f"no '## Step 1:' header, and {len(lines)} lines are not concise"
    if numbers != list(range(1, len(numbers) + 1)):
        return f"the headers count {', '.join(f'Step {n}' for n in numbers)}"
    return ""
