"""Answers of a model that is being trained end where evaluation ends them: at the prompt's stop texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mathdata.errors import RecipeError
from mathdata.trainspec import TrainSpec

__all__ = ["generation_of", "stopping_trainer", "until", "upto"]

TAIL = 24
"""Tokens read back to see a stop text that spans several of them, as evaluation reads them."""


def until(text: str, stop: Sequence[str]) -> str:
    """What stands before the first stop text.

    >>> until("4 Question: 5", ("Question:",))
    '4 '
    """
    places = [place for s in stop if (place := text.find(s)) >= 0]
    return text[: min(places)] if places else text


def upto(ids: Sequence[int], tokenizer: Any, stop: Sequence[str]) -> int:
    """How many tokens it takes to write a stop text; all of them where none is written."""

    def written(count: int) -> bool:
        text = tokenizer.decode(ids[:count], skip_special_tokens=True)
        return any(s in text for s in stop)

    if not written(len(ids)):
        return len(ids)
    low, high = 0, len(ids)  # written(high) holds, written(low) does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if written(middle) else (middle, high)
    return high


def stopping_trainer(base: Any, stop: Sequence[str]) -> Any:
    """TRL's GRPOTrainer whose answers end at a stop text; the tokens that write it are the last that are trained on."""
    if not stop:
        return base

    class Stopping(base):  # type: ignore[misc]
        def _generate_single_turn(self, *given: Any, **more: Any) -> Any:
            with _stops(self.accelerator.unwrap_model(self.model_wrapped), self.processing_class, stop):
                answers, logprobs = super()._generate_single_turn(*given, **more)
            ends = [upto(ids, self.processing_class, stop) for ids in answers]
            stopped = [
                until(t, stop) != t for t in self.processing_class.batch_decode(answers, skip_special_tokens=True)
            ]
            self._log_metric("completions/stopped", sum(stopped) / max(1, len(stopped)))
            answers = [ids[:end] for ids, end in zip(answers, ends, strict=True)]
            if logprobs is not None:
                logprobs = [p[:end] for p, end in zip(logprobs, ends, strict=True)]
            return answers, logprobs

    return Stopping


@contextmanager
def _stops(model: Any, tokenizer: Any, stop: Sequence[str]) -> Iterator[None]:
    """While it holds, the model's `generate` stops at the texts too; TRL passes it nothing but a configuration."""
    from transformers import StoppingCriteriaList

    plain = model.generate

    def generate(*given: Any, **more: Any) -> Any:
        seen = more["input_ids"].shape[1]
        return plain(*given, stopping_criteria=StoppingCriteriaList([_Written(tokenizer, stop, seen)]), **more)

    model.generate = generate
    try:
        yield
    finally:
        del model.generate


class _Written:
    """A stopping criterion of transformers: a stop text stands at the end of an answer."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], prompt: int) -> None:
        self.tokenizer, self.stop, self.prompt = tokenizer, stop, prompt

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        tails = input_ids[:, max(self.prompt, input_ids.shape[1] - TAIL) :]
        texts = self.tokenizer.batch_decode(tails, skip_special_tokens=True)
        return torch.tensor([any(s in t for s in self.stop) for t in texts], device=input_ids.device)


def generation_of(spec: TrainSpec, stop: Sequence[str], vllm: bool) -> dict[str, Any]:
    """TRL's settings that a stop text touches. Raises RecipeError for one that would take such answers for cut ones."""
    if stop and spec.trl.get("mask_truncated_completions"):
        raise RecipeError(
            f"train.trl.mask_truncated_completions: answers to prompt '{spec.prompt}' end at {stop[0]!r}, which TRL would "
            "take for cut off",
            "leave it out, or choose a prompt without stop texts",
        )
    if not stop or not vllm:
        return {}
    own = {"stop": list(stop), "include_stop_str_in_output": True}
    return {"generation_kwargs": own | dict(spec.trl.get("generation_kwargs") or {})}
