"""A model in this process: batches by length, left padded, greedy or sampled, rows leave when they are done."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from mathdata.backends._thinking import split_thinking
from mathdata.chat_templates import Template, pin, template_of
from mathdata.errors import BackendError, MissingExtra, RecipeError
from mathdata.identity import named_files
from mathdata.registry import register
from mathdata.rendering import chat_text
from mathdata.thoughts import apart, framed, opens
from mathdata.types import Completion, Finish, Request, Sampling
from mathdata.weights import no_code_of

__all__ = ["Transformers"]

_TAIL = 24
"""Tokens read back to see a stop text that spans several of them."""


@dataclass(slots=True)
class Line:
    """One answer being written: sample `sample` of request `request`."""

    request: int
    sample: int
    tokens: list[int]
    sampling: Sampling
    made: list[int] = field(default_factory=list)
    text: str = ""
    finish: Finish | None = None
    draws: Any = None


@register("backend", "transformers")
class Transformers:
    """A Hugging Face model in this process, as teacher or under test."""

    def __init__(
        self,
        *,
        model: Annotated[Any, "folder or hub name of the model"],
        tokenizer: Annotated[Any, "folder or hub name of the tokenizer, where it is not the model's"] = None,
        adapter: Annotated[str | Path | None, "folder of a PEFT adapter to put on the model"] = None,
        batch_size: Annotated[int, "answers written at once"] = 64,
        device: Annotated[str, "auto (every GPU there is), cpu, cuda, or several: cuda:0,cuda:1"] = "auto",
        dtype: Annotated[Literal["auto", "float32", "bfloat16", "float16"], "precision of the weights"] = "auto",
        chat: Annotated[bool | None, "use the chat template for messages; default: where the tokenizer has one"] = None,
    ) -> None:
        if batch_size < 1:
            raise RecipeError(f"transformers: batch_size = {batch_size}", "batch_size: 1 or more")
        named = isinstance(model, (str, Path))
        self.model: Any = str(model) if named else getattr(model, "name_or_path", "model")
        self.name = f"transformers:{Path(self.model).name}"
        self.batch_size, self._chat = batch_size, chat
        devices = _devices(device)
        self.device = devices[0]
        self.identity = json.dumps(
            [
                "transformers",
                self.model,
                str(adapter or ""),
                dtype,
                chat,
                _content(named, self.model, adapter, tokenizer),
            ]
        )
        words = tokenizer or (_tokenizer_of(model, adapter) if named else model)
        self._model = self._load(model, adapter, dtype, words) if named else model
        self._tokenizer = self._load_tokenizer(words, named)
        if not named:
            self.device = str(self._model.device)
        others = [(deepcopy(self._model).to(d), d) for d in devices[1:]] if named else []
        self._copies = [(self._model, self.device), *others]
        self.chunk = batch_size * 8 * len(self._copies)
        self._ends = _end_tokens(self._model, self._tokenizer)
        self._limit = int(getattr(self._model.config, "max_position_embeddings", 0) or 10**9)

    def _load(self, model: Any, adapter: Any, dtype: str, words: Any) -> Any:
        torch, transformers = _libraries()
        wanted: Any = dtype if dtype == "auto" else getattr(torch, dtype)
        transformers.utils.logging.disable_progress_bar()
        if adapter is not None or is_adapter(model):
            from trainers.merge import merged_adapter

            named = (str(adapter), str(model)) if adapter is not None else (str(model), None)
            tokenizer = self._load_tokenizer(words, True)
            return merged_adapter(named[0], tokenizer, wanted, base=named[1]).to(self.device).eval()
        try:
            with no_code_of(model) as code:
                loaded = transformers.AutoModelForCausalLM.from_pretrained(
                    str(model), dtype=wanted, use_safetensors=True, **code
                )
        except (OSError, ValueError, KeyError) as error:
            raise BackendError(f"cannot load the model {model}: {error}", "give a folder or a hub name") from error
        return loaded.to(self.device).eval()

    def _load_tokenizer(self, source: Any, named: bool) -> Any:
        if not isinstance(source, (str, Path)):
            if not named and source is self._model:
                raise BackendError(
                    "a model object needs its tokenizer", "Transformers(model=model, tokenizer=tokenizer)"
                )
            return source
        _, transformers = _libraries()
        try:
            with no_code_of(source) as code:
                return pin(transformers.AutoTokenizer.from_pretrained(str(source), **code))
        except (OSError, ValueError, KeyError) as error:
            raise BackendError(f"cannot load the tokenizer {source}: {error}", "give tokenizer: FOLDER") from error

    @property
    def template(self) -> Template | None:
        """What turns messages into text here, by its digest."""
        return template_of(self._tokenizer)

    # --- answering ------------------------------------------------------------------------------------------------

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        """Answers in the order asked; the same answer whatever else stands in the batch (up to rounding)."""
        prompts = [self._tokens(r) for r in requests]
        lines = [
            Line(i, k, prompts[i], request.sampling)
            for i, request in enumerate(requests)
            for k in range(request.sampling.n)
        ]
        ready = [x for x in lines if self._fits(x)]
        training = self._model.training
        self._model.eval()
        try:
            self._share(ready)
        finally:
            self._model.train(training)
        answers: list[list[Completion]] = [[] for _ in requests]
        for line in lines:
            answers[line.request].append(self._completion(line))
        return answers

    def _share(self, lines: list[Line]) -> None:
        """Write every batch; with several devices each takes the next batch when it is free."""
        import torch

        waiting, lock = self._batches(lines), threading.Lock()

        def work(copy: tuple[Any, str]) -> None:
            with torch.inference_mode():
                while True:
                    with lock:
                        batch = next(waiting, None)
                    if batch is None:
                        return
                    self._write(batch, *copy)

        if len(self._copies) == 1:
            return work(self._copies[0])
        with ThreadPoolExecutor(len(self._copies)) as pool:
            list(pool.map(work, self._copies))
        return None

    def token_accuracy(self, requests: Sequence[Request], references: Sequence[str]) -> list[tuple[int, int]]:
        """For each request: how many tokens of its reference answer the model would have written, and how many there are."""
        from mathdata.backends._forced import forced

        rows = []
        for request, reference in zip(requests, references, strict=True):
            asked, whole = (self._tokens(request, more) for more in self._around(request, reference))
            rows.append((whole, next((i for i, (a, b) in enumerate(zip(asked, whole)) if a != b), len(asked))))
        training = self._model.training
        self._model.eval()
        try:
            return forced(self._model, rows, limit=self._limit, device=self.device, kept=bool(self._last_logits()))
        finally:
            self._model.train(training)

    def _around(self, request: Request, reference: str) -> tuple[str, str]:
        """(what stands between prompt and reference, the same with the reference), as training writes them.

        A plain reference stands outside of a thought that the prompt has opened; what a chat template puts before a reply
        (Qwen3's empty thought) is given, as the prompt is.
        """
        text, _ = self._text(request)
        thought, answer = apart(reference)
        opened = opens(text)
        if opened or thought is not None:
            return framed(None, "", opened) if thought is None else "", framed(thought, answer, opened)
        if request.messages and text != request.text and getattr(self._tokenizer, "chat_template", None):
            turns = [*request.messages, {"role": "assistant", "content": reference}]
            full = chat_text(self._tokenizer, turns, generation=False)
            before, found, _ = full.removeprefix(text).partition(reference.strip())
            if found and full.startswith(text):
                return before, before + found
        return "", reference

    def _tokens(self, request: Request, more: str = "") -> list[int]:
        """The prompt as tokens, and what the answer begins with."""
        text, special = self._text(request)
        return list(self._tokenizer(text + more, add_special_tokens=special)["input_ids"])

    def _text(self, request: Request) -> tuple[str, bool]:
        """The prompt as the model reads it, and whether its special tokens are still to be added."""
        template = getattr(self._tokenizer, "chat_template", None)
        chat = self._chat if self._chat is not None else bool(template)
        if request.messages and (chat or not request.text):
            if not template:
                return "\n\n".join(m["content"] for m in request.messages), True
            return chat_text(self._tokenizer, request.messages, generation=True), False
        return request.text if request.text is not None else request.problem.problem, True

    def _fits(self, line: Line) -> bool:
        """A prompt that leaves no room gets no answer: `length`, with the numbers."""
        room = self._limit - len(line.tokens)
        if not line.tokens or room <= 0:
            line.finish = "length" if line.tokens else "empty"
            line.text = ""
            return False
        return line.sampling.max_tokens > 0

    def _batches(self, lines: list[Line]) -> Iterator[list[Line]]:
        """Longest first, so that memory runs out at once or never; like lengths together."""
        ordered = sorted(lines, key=lambda x: (-len(x.tokens), x.request, x.sample))
        for start in range(0, len(ordered), self.batch_size):
            yield ordered[start : start + self.batch_size]

    def _write(self, lines: list[Line], model: Any, device: str) -> None:
        """One batch, a token for every line at each step; done lines leave the batch."""
        import torch

        ids, mask = _left_padded([x.tokens for x in lines], self._ends[0] if self._ends else 0, device)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        out = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, **self._last_logits())
        cache, place = out.past_key_values, positions[:, -1:] + 1
        while True:
            tokens = self._choose(out.logits[:, -1], lines)
            going = [i for i, (x, t) in enumerate(zip(lines, tokens)) if not self._take(x, t)]
            if not going:
                return
            if len(going) < len(lines):
                keep = torch.tensor(going, device=device)
                cache.batch_select_indices(keep)
                mask, place = mask[keep], place[keep]
                lines, tokens = [lines[i] for i in going], [tokens[i] for i in going]
            mask = torch.cat([mask, mask.new_ones((len(lines), 1))], dim=1)
            ids = torch.tensor(tokens, device=device)[:, None]
            out = model(input_ids=ids, attention_mask=mask, position_ids=place, past_key_values=cache, use_cache=True)
            place = place + 1

    def _last_logits(self) -> dict[str, int]:
        import inspect

        model = getattr(self._model, "module", self._model)
        return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}

    def _choose(self, logits: Any, lines: list[Line]) -> list[int]:
        if all(x.sampling.temperature <= 0 for x in lines):
            return list(logits.argmax(-1).tolist())
        return [_draw(logits[i].float(), x) for i, x in enumerate(lines)]

    def _take(self, line: Line, token: int) -> bool:
        """Add a token to a line; True where the line is done."""
        if token in self._ends:
            line.finish = "stop"
            return True
        line.made.append(token)
        if line.sampling.stop and self._stopped(line):
            return True
        if len(line.made) >= min(line.sampling.max_tokens, self._limit - len(line.tokens)):
            line.finish = "length"
            return True
        return False

    def _stopped(self, line: Line) -> bool:
        tail = self._tokenizer.decode(line.made[-_TAIL:], skip_special_tokens=True)
        if not any(s in tail for s in line.sampling.stop):
            return False
        text = self._tokenizer.decode(line.made, skip_special_tokens=True)
        places = [p for s in line.sampling.stop if (p := text.find(s)) >= 0]
        if not places:
            return False
        line.text, line.finish = text[: min(places)], "stop"
        return True

    def _completion(self, line: Line) -> Completion:
        text = line.text or self._tokenizer.decode(line.made, skip_special_tokens=True)
        if line.finish == "stop" and line.sampling.stop:
            places = [p for s in line.sampling.stop if (p := text.find(s)) >= 0]
            text = text[: min(places)] if places else text
        text, reasoning = split_thinking(text)
        finish: Finish = line.finish or "length"
        if finish == "stop" and not text.strip():
            finish = "empty"
        reason = ""
        if len(line.tokens) >= self._limit:
            reason = f"the prompt has {len(line.tokens)} tokens, the model takes {self._limit}"
        return Completion(
            text, finish, reason, reasoning, tokens_in=len(line.tokens) if line.sample == 0 else 0,
            tokens_out=len(line.made),
        )  # fmt: skip


def _devices(asked: str) -> list[str]:
    """The devices by name: every GPU for `auto` (one where a launcher started several processes), else the CPU."""
    torch, _ = _libraries()
    if asked != "auto":
        return [d.strip() for d in asked.split(",")]
    if not torch.cuda.is_available():
        return ["cpu"]
    count = 1 if "LOCAL_RANK" in os.environ else torch.cuda.device_count()
    return ["cuda"] if count == 1 else [f"cuda:{i}" for i in range(count)]


def is_adapter(folder: str | Path) -> bool:
    return (Path(folder) / "adapter_config.json").is_file()


def _tokenizer_of(model: str | Path, adapter: str | Path | None) -> str | Path:
    """An adapter's own tokenizer, which may know tokens that its base does not; else the base's."""
    for folder in (adapter, model):
        if folder is not None and (Path(folder) / "tokenizer_config.json").is_file():
            return folder
    if adapter is None and is_adapter(model):
        return str(
            json.loads((Path(model) / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        )
    return model


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra(f"models in this process need torch and transformers: {error}", extra="train") from None
    return torch, transformers


def _content(named: bool, *places: Any) -> dict[str, str]:
    """A folder's files may change under one name: their content is part of what decides an answer."""
    return named_files([str(p) for p in places if isinstance(p, (str, Path))], "model") if named else {}


def _end_tokens(model: Any, tokenizer: Any) -> tuple[int, ...]:
    found: list[int] = []
    for value in (
        tokenizer.eos_token_id,
        getattr(getattr(model, "generation_config", None), "eos_token_id", None),
        model.config.eos_token_id if hasattr(model.config, "eos_token_id") else None,
    ):
        found += list(value) if isinstance(value, (list, tuple)) else [value] if value is not None else []
    return tuple(dict.fromkeys(int(x) for x in found))


def _left_padded(rows: list[list[int]], pad: int, device: str) -> tuple[Any, Any]:
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(r)) + r for r in rows], device=device)
    mask = torch.tensor([[0] * (width - len(r)) + [1] * len(r) for r in rows], device=device)
    return ids, mask


def _draw(logits: Any, line: Line) -> int:
    """One token by temperature and top_p; the line's own stream of numbers makes it the same in every batch."""
    import torch

    sampling = line.sampling
    if sampling.temperature <= 0:
        return int(logits.argmax())
    if line.draws is None:
        line.draws = torch.Generator().manual_seed(_seed(sampling.seed, line.sample))
    weights = torch.softmax(logits / sampling.temperature, -1).cpu()
    weights, order = weights.sort(descending=True)
    sums = weights.cumsum(-1)
    if sampling.top_p < 1:
        count = int((sums < sampling.top_p).sum()) + 1
        sums = sums[:count]
    point = torch.rand(1, generator=line.draws, dtype=torch.float64) * sums[-1].double()
    return int(order[min(int(torch.searchsorted(sums.double(), point)), len(sums) - 1)])


def _seed(seed: int | None, sample: int) -> int:
    return ((seed if seed is not None else 0) * 1_000_003 + sample * 7919) % 2**63
