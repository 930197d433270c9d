"""How a benchmark is put to a model: which prompt, how long an answer, how many problems, and who decided it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mathdata.errors import UsageError
from mathdata.prompts import Prompt, get_prompt
from mathdata.types import Benchmark

__all__ = ["Asked", "By", "asked", "one_prompt_fits"]

By = Literal["entry", "evaluation", "training", "benchmark"]
"""Who decided: the benchmark's own entry in the list, the word for all of them, the training, the benchmark itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How one benchmark is asked; `limit` None: all of its problems."""

    prompt: Prompt
    prompt_by: By
    max_tokens: int
    max_tokens_by: By
    limit: int | None = None
    own_prompt: bool = False
    """Only the benchmark's own prompt fits it: what the model was trained with does not matter."""

    @property
    def record(self) -> dict[str, Any]:
        """What stands in evaluation.json and in a plan."""
        return {
            "prompt": self.prompt.name, "prompt_by": self.prompt_by, "max_tokens": self.max_tokens,
            "max_tokens_by": self.max_tokens_by, "limit": self.limit, "own_prompt": self.own_prompt,
        }  # fmt: skip


def asked(
    benchmark: Benchmark,
    *,
    prompt: str | Prompt | None = None,
    max_tokens: int | None = None,
    limit: int | None = None,
    trained: str | Prompt | None = None,
) -> Asked:
    """The nearest word counts: the benchmark's entry, then the word for all of them (`prompt`, `max_tokens`, `limit`).

    Where nobody said a prompt: a benchmark that only its own prompt fits gets that one, any other the prompt the model
    was `trained` with (for a model that nobody here trained, the benchmark's own). Where nobody said a limit of tokens,
    it is the benchmark's own.
    """
    words: tuple[tuple[By, str | Prompt | None], ...] = (
        ("entry", benchmark.prompt if "prompt" in benchmark.said else None),
        ("evaluation", prompt),
        ("training", None if benchmark.own_prompt else trained),
        ("benchmark", benchmark.prompt),
    )
    by, said = next((by, word) for by, word in words if word is not None)
    tokens_by: By = "entry" if "max_tokens" in benchmark.said else "evaluation" if max_tokens else "benchmark"
    tokens = max_tokens if tokens_by == "evaluation" and max_tokens else benchmark.max_tokens
    items = limit if benchmark.limit is None else benchmark.limit
    return Asked(get_prompt(said), by, tokens, tokens_by, items, benchmark.own_prompt)


def one_prompt_fits(benchmarks: Sequence[Benchmark], prompt: str | Prompt | None) -> None:
    """One word for all is not put to a benchmark that it cannot be meant for. Raises UsageError."""
    strange = [b.name for b in benchmarks if b.own_prompt and "prompt" not in b.said]
    if prompt is None or not strange or len(benchmarks) == 1:
        return
    name = get_prompt(prompt).name
    raise UsageError(
        f"prompt '{name}' is meant for all benchmarks, but {strange[0]} has a prompt of its own kind",
        f"say it where it is meant: NAME?prompt={name} (in a recipe {{NAME: {{prompt: {name}}}}}), {strange[0]} without",
    )
