"""vLLM in this process: one engine, prefix caching, several samples a prompt; on Ray one engine for each worker."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Annotated, Any

from mathdata.backends._thinking import split_thinking
from mathdata.backends._wire import is_refusal
from mathdata.errors import BackendError, MissingExtra, RecipeError
from mathdata.registry import register
from mathdata.types import Completion, Finish, Request

__all__ = ["Vllm"]

_OURS = {
    "tensor_parallel_size": "tensor_parallel", "data_parallel_size": "data_parallel", "dtype": "dtype",
    "max_model_len": "max_model_len", "gpu_memory_utilization": "gpu_memory", "model": "model",
}  # fmt: skip


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
        logprobs: Annotated[bool, "keep the log-probability of every token: journal, and its mean in a column"] = False,
        options: Annotated[dict[str, Any] | None, "further arguments of vllm.LLM, as they are"] = None,
    ) -> None:
        for name, ours in _OURS.items():
            if name in (options or {}):
                raise RecipeError(f"vllm: options.{name} has an option of its own", f"{ours}: ...")
        if min(tensor_parallel, data_parallel) < 1:
            raise RecipeError("vllm: tensor_parallel and data_parallel start at 1", "leave them out for one GPU")
        self.model, self.logprobs = str(model), logprobs
        self.name = f"vllm:{Path(self.model).name}"
        self._settings: dict[str, Any] = {
            "model": self.model, "tensor_parallel_size": tensor_parallel, "dtype": dtype,
            "max_model_len": max_model_len, "gpu_memory_utilization": gpu_memory, "enable_prefix_caching": True,
            **(options or {}),
        }  # fmt: skip
        self.gpus, self.copies = tensor_parallel, data_parallel
        self._copies: _Copies | None = None
        decides = [self.model, dtype, max_model_len, options or {}, *(["logprobs"] if logprobs else [])]
        self.identity = json.dumps(["vllm", *decides], sort_keys=True)
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
        if self.copies > 1:
            self._copies = self._copies or _Copies(self._settings, self.copies, self.gpus, self.logprobs)
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
            params.append(_sampling(vllm, request, self.logprobs))
            places.append(i)
        for i, output in zip(places, engine.generate(prompts, params, use_tqdm=False)):
            made = _completions(output)
            again = [replace(made[0], tokens_in=0, tokens_out=0)] * (requests[i].sampling.n - len(made))
            answers[i] = made + again  # greedy samples are all the same: one was written
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
        said = "\n\n".join(m["content"] for m in request.messages) or request.problem.problem
        text = request.text if request.text is not None else said
        return list(tokenizer(text)["input_ids"])


class _Copies:
    """Data parallel: one process with one engine for each copy, each on its own GPUs.

    vLLM itself refuses several copies in one `LLM`; on a machine without GPUs the copies share its cores.
    """

    def __init__(self, settings: dict[str, Any], copies: int, gpus: int, logprobs: bool) -> None:
        there = _gpus_here()
        if there and there < copies * gpus:
            raise BackendError(
                f"vllm: {copies} copies on {gpus} GPUs each want {copies * gpus}, this machine has {there}",
                f"data_parallel: {max(1, there // gpus)}",
            )
        spawn = multiprocessing.get_context("spawn")
        self._pools = [
            ProcessPoolExecutor(1, mp_context=spawn, initializer=_start, initargs=(settings, rank, gpus, logprobs))
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


def _gpus_here() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _start(settings: dict[str, Any], rank: int, gpus: int, logprobs: bool) -> None:
    seen = [d for d in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if d]
    mine = seen[rank * gpus : (rank + 1) * gpus] or [str(rank * gpus + i) for i in range(gpus)]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
    engine = Vllm(model=settings["model"], logprobs=logprobs)
    engine._settings = settings
    _here.append(engine)
    Finalize(None, _shut_down, exitpriority=100)  # before this process joins the engine's own, which would not end
    threading.Thread(target=_outlived, name="parent", daemon=True).start()


def _shut_down() -> None:
    for teacher in _here:
        if teacher._engine is not None:
            teacher._engine.llm_engine.engine_core.shutdown()
            teacher._engine = None


def _outlived() -> None:
    """A parent that was killed takes its copies along: they hold GPUs."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        _shut_down()
        os._exit(1)


def _answer(requests: list[Request]) -> list[list[Completion]]:
    return _here[0].generate(requests)


def _library() -> Any:
    try:
        import vllm
    except ImportError as error:
        raise MissingExtra(f"the vllm backend needs vLLM: {error}", extra="vllm") from None
    return vllm


def _sampling(vllm: Any, request: Request, logprobs: bool) -> Any:
    s = request.sampling
    extra: dict[str, Any] = {}
    if (schema := request.params.get("schema")) is not None:
        from vllm.sampling_params import StructuredOutputsParams

        extra["structured_outputs"] = StructuredOutputsParams(json=schema)
    if logprobs:
        extra["logprobs"] = 0  # of the token drawn, and no others
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
        data = {}
        if sample.logprobs is not None:
            pairs = zip(sample.token_ids, sample.logprobs)
            data["logprobs"] = [round(float(place[token].logprob), 5) for token, place in pairs]
        size = len(sample.token_ids)
        made.append(Completion(text, finish, reason, reasoning, data, tokens_in=tokens_in, tokens_out=size))
    return made
