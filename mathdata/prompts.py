"""Prompt templates: one object renders a problem in training and in evaluation, so the two cannot part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mathdata.bounds import read_small
from mathdata.errors import UnknownName, nearest

__all__ = ["PROMPTS", "Prompt", "get_prompt"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """`template` holds `{problem}` once. `chat`: sent as one user message through the model's chat template."""

    name: str
    template: str
    chat: bool = False
    stop: tuple[str, ...] = ()
    """Texts that end an answer of a base model, which knows no end of turn."""

    def render(self, problem: str) -> str:
        before, _, after = self.template.partition("{problem}")
        return before + problem + after

    @property
    def digest(self) -> str:
        parts = repr((self.template, self.chat, self.stop))
        return hashlib.sha256(parts.encode()).hexdigest()[:12]


_STEPS = """Solve the following math problem efficiently and clearly:

- For simple problems (2 steps or fewer):
Provide a concise solution with minimal explanation.

- For complex problems (3 steps or more):
Use this step-by-step format:

## Step 1: [Concise description]
[Brief explanation and calculations]

## Step 2: [Concise description]
[Brief explanation and calculations]

...

Regardless of the approach, always conclude with:

Therefore, the final answer is: $\\boxed{answer}$. I hope it is correct.

Where [answer] is just the final number or expression that solves the problem.

Problem: {problem}
"""

PROMPTS: dict[str, Prompt] = {
    p.name: p
    for p in (
        Prompt("plain", "{problem}\n"),
        Prompt(
            "alpaca",
            "Below is an instruction that describes a task. Write a response that appropriately completes the "
            "request.\n\n### Instruction:\n{problem}\n\n### Response:",
            stop=("### Instruction:",),
        ),
        Prompt(
            "question_answer",
            "Below is a math problem. Solve it step by step and provide the final answer.\n\n"
            "### Question:\n{problem}\n\n### Answer:\n",
            stop=("### Question:",),
        ),
        Prompt(
            "llama3_header",
            "<|start_header_id|>user<|end_header_id|>\n\n{problem}\n<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        Prompt("steps", _STEPS, chat=True),
        Prompt("chat", "{problem}", chat=True),
        Prompt("zero", "Question: {problem}\nAnswer:", stop=("Question:",)),
        Prompt("cot", "Question: {problem}\nAnswer: Let's think step by step.", stop=("Question:",)),
        Prompt("squad", "{problem}\nAnswer (a few words of the text):", stop=("\n",)),
        Prompt("minerva", "Problem:\n{problem}\n\nSolution:", stop=("Problem:",)),
    )
}


def get_prompt(spec: str | Prompt) -> Prompt:
    """A prompt by name, or from a text file that holds `{problem}` once. Raises UnknownName."""
    if isinstance(spec, Prompt):
        return spec
    if spec in PROMPTS:
        return PROMPTS[spec]
    path = Path(spec)
    if path.is_file():
        template = read_small(path, "a prompt")
        if template.count("{problem}") != 1:
            raise UnknownName(
                f"prompt file {path}: '{{problem}}' must stand in it once",
                "see the built-in prompts with: mathdata ls prompts",
            )
        return Prompt(path.stem, template)
    raise UnknownName(f"no prompt named '{spec}' and no such file", nearest(spec, PROMPTS))
