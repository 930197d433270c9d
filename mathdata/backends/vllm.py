"""vLLM in this process: one engine, prefix caching, several samples a prompt; on Ray one engine for each worker."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

from mathdata.backends._thinking import split_thinking
from mathdata.backends._wire import is_refusal
from mathdata.errors import BackendError, MissingExtra
from mathdata.registry import register
from mathdata.types import Completion, Finish, Request

__all__ = ["Vllm"]


@register("backend", "vllm")
class Vllm:
    """vLLM's offline engine in this process, as teacher or under test."""

    chunk = 2048

    def __init__(
        self,
        *,
        model: Annotated[str | Path, "folder or hub name of the model"],
        tensor_parallel: Annotated[int, "GPUs that share one copy of the model"] = 1,
        data_parallel: Annotated[int, "copies of the model, each with its own share of the requests"] = 1,
        dtype: Annotated[str, "precision of the weights"] = "auto",
        max_model_len: Annotated[int | None, "longest prompt and answer together"] = None,
        gpu_memory: Annotated[float, "share of the GPU's memory to use"] = 0.9,
        options: Annotated[dict[str, Any] | None, "further arguments of vllm.LLM, as they are"] = None,
    ) -> None:
        self.model = str(model)
        self.name = f"vllm:{Path(self.model).name}"
        self._settings: dict[str, Any] = {
            "model": self.model, "tensor_parallel_size": tensor_parallel, "dtype": dtype,
            "max_model_len": max_model_len, "gpu_memory_utilization": gpu_memory, "enable_prefix_caching": True,
            **(options or {}),
        }  # fmt: skip
        self._copies = _Copies(self._settings, data_parallel, tensor_parallel) if data_parallel > 1 else None
        self.identity = json.dumps(["vllm", self.model, dtype, max_model_len, options or {}], sort_keys=True)
        self.gpus = tensor_parallel
        self._engine: Any = None

    @property
    def engine(self) -> Any:
        """The engine, started when it is first needed: an estimate or a dry run never loads a model."""
        if self._engine is None:
            vllm = _library()
            try:
                self._engine = vllm.LLM(**self._settings)
            except (OSError, ValueError, RuntimeError, TypeError) as error:
                raise BackendError(f"vLLM cannot serve {self.model}: {error}", "see mathdata doctor") from error
        return self._engine

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        """All requests at once: the engine batches them itself. Requests it refuses fail alone."""
        if self._copies is not None:
            return self._copies.generate(requests)
        vllm, engine = _library(), self.engine
        answers: list[list[Completion]] = [[] for _ in requests]
        prompts, params, places = [], [], []
        limit = int(engine.llm_engine.model_config.max_model_len)
        for i, request in enumerate(requests):
            tokens = self._tokens(request)
            if len(tokens) >= limit:
                reason = f"the prompt has {len(tokens)} tokens, the model takes {limit}"
                answers[i] = [Completion(finish="length", reason=reason)] * request.sampling.n
                continue
            prompts.append({"prompt_token_ids": tokens})
            params.append(_sampling(vllm, request))
            places.append(i)
        for i, output in zip(places, engine.generate(prompts, params, use_tqdm=False)):
            made = _completions(output)
            answers[i] = made if len(made) > 1 else made * requests[i].sampling.n  # greedy samples are all the same
        return answers

    def prompt_tokens(self, request: Request) -> int:
        """Tokens of the prompt, counted, for a budget."""
        return len(self._tokens(request))

    def _tokens(self, request: Request) -> list[int]:
        tokenizer = self.engine.get_tokenizer()
        if request.messages and getattr(tokenizer, "chat_template", None):
            text = tokenizer.apply_chat_template(
                [dict(m) for m in request.messages], tokenize=False, add_generation_prompt=True
            )
            return list(tokenizer(text, add_special_tokens=False)["input_ids"])
        text = request.text if request.text is not None else "\n\n".join(m["content"] for m in request.messages)
        return list(tokenizer(text)["input_ids"])


class _Copies:
    """Data parallel: one process with one engine for each copy, each on its own GPUs."""

    def __init__(self, settings: dict[str, Any], copies: int, gpus: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pools = [
            ProcessPoolExecutor(1, mp_context=spawn, initializer=_start, initargs=(settings, rank, gpus))
            for rank in range(copies)
        ]

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        copies = len(self._pools)
        parts = [pool.submit(_answer, list(requests[i::copies])) for i, pool in enumerate(self._pools)]
        answers: list[list[Completion]] = [[] for _ in requests]
        for i, part in enumerate(parts):
            answers[i::copies] = part.result()
        return answers


_here: list[Vllm] = []
"""The engine of a worker process."""


def _start(settings: dict[str, Any], rank: int, gpus: int) -> None:
    seen = [d for d in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if d]
    mine = seen[rank * gpus : (rank + 1) * gpus] or [str(rank * gpus + i) for i in range(gpus)]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
    engine = Vllm(model=settings["model"])
    engine._settings = settings
    _here.append(engine)


def _answer(requests: list[Request]) -> list[list[Completion]]:
    return _here[0].generate(requests)


def _library() -> Any:
    try:
        import vllm
    except ImportError as error:
        raise MissingExtra(f"the vllm backend needs vLLM: {error}", extra="vllm") from None
    return vllm


def _sampling(vllm: Any, request: Request) -> Any:
    s = request.sampling
    extra: dict[str, Any] = {}
    if (schema := request.params.get("schema")) is not None:
        from vllm.sampling_params import StructuredOutputsParams

        extra["structured_outputs"] = StructuredOutputsParams(json=schema)
    n = s.n if s.temperature > 0 else 1
    return vllm.SamplingParams(
        n=n, temperature=s.temperature, top_p=s.top_p, max_tokens=s.max_tokens, seed=s.seed, stop=list(s.stop), **extra
    )


def _completions(output: Any) -> list[Completion]:
    made = []
    for i, sample in enumerate(output.outputs):
        text, reasoning = split_thinking(sample.text)
        finish: Finish = "length" if sample.finish_reason == "length" else "stop"
        reason = ""
        if finish == "stop" and not text.strip():
            finish = "empty"
        elif finish == "stop" and is_refusal(text):
            finish, reason = "refused", text.strip()[:300]
        tokens_in = len(output.prompt_token_ids or ()) if i == 0 else 0
        made.append(Completion(text, finish, reason, reasoning, tokens_in=tokens_in, tokens_out=len(sample.token_ids)))
    return made
