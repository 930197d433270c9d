"""The model in memory as a backend: the answers that an evaluation grades, in batches sorted by length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mathdata.types import Completion, Request

__all__ = ["InMemory", "in_memory"]


def in_memory(model: Any, tokenizer: Any, name: str = "trained", batch_size: int = 64) -> InMemory:
    return InMemory(model, tokenizer, name, batch_size)


class InMemory:
    """Left padding, greedy unless a temperature is asked; stops where training taught the end."""

    def __init__(self, model: Any, tokenizer: Any, name: str, batch_size: int) -> None:
        self.model, self.tokenizer, self.name, self.batch_size = model, tokenizer, name, batch_size

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        prompts = [self._prompt(r) for r in requests]
        order = sorted(range(len(requests)), key=lambda i: (repr(requests[i].sampling), len(prompts[i])))
        out: list[list[Completion]] = [[] for _ in requests]
        start = 0
        while start < len(order):
            sampling = requests[order[start]].sampling
            batch = [i for i in order[start : start + self.batch_size] if requests[i].sampling == sampling]
            for i, answers in zip(batch, self._batch([prompts[i] for i in batch], sampling)):
                out[i] = answers
            start += len(batch)
        return out

    def _prompt(self, request: Request) -> list[int]:
        if request.text is not None:
            return list(self.tokenizer(request.text)["input_ids"])
        text = self.tokenizer.apply_chat_template(
            [dict(m) for m in request.messages], tokenize=False, add_generation_prompt=True
        )
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _batch(self, prompts: Sequence[list[int]], sampling: Any) -> list[list[Completion]]:
        import torch

        width, pad = max(map(len, prompts)), self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=self.model.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.model.device)
        options: dict[str, Any] = {"do_sample": sampling.temperature > 0}
        if sampling.temperature > 0:
            torch.manual_seed(sampling.seed or 0)
            options |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        if sampling.stop:
            options |= {"stop_strings": list(sampling.stop), "tokenizer": self.tokenizer}
        was_training = self.model.training
        self.model.eval()
        with torch.inference_mode():
            made = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=sampling.max_tokens,
                num_return_sequences=sampling.n,
                pad_token_id=pad,
                use_cache=True,
                **options,
            )
        self.model.train(was_training)
        rows = [self._completion(row, width, sampling) for row in made[:, width:].tolist()]
        return [rows[i * sampling.n : (i + 1) * sampling.n] for i in range(len(prompts))]

    def _completion(self, tokens: list[int], width: int, sampling: Any) -> Completion:
        ends = self.model.generation_config.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        stop = next((i for i, t in enumerate(tokens) if t in ends), None)
        text = self.tokenizer.decode(tokens[:stop], skip_special_tokens=True)
        cut = min((text.find(s) for s in sampling.stop if s in text), default=None)
        finished = stop is not None or cut is not None
        length = len(tokens) if stop is None else stop + 1
        return Completion(
            text=text if cut is None else text[:cut],
            finish="stop" if finished else "length",
            tokens_in=width,
            tokens_out=length,
        )
