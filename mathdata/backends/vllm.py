"""vLLM's offline engine: prefix caching, several samples a prompt, copies of a model; on Ray one for each worker."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from mathdata.backends import _vllm_engine
from mathdata.errors import BackendError, MissingExtra, RecipeError, nearest
from mathdata.identity import named_files
from mathdata.registry import register
from mathdata.types import Completion, Problem, Request
from mathdata.weights import no_code_of

__all__ = ["Vllm"]

_OURS = {
    "tensor_parallel_size": "tensor_parallel", "data_parallel_size": "data_parallel", "dtype": "dtype",
    "max_model_len": "max_model_len", "gpu_memory_utilization": "gpu_memory", "model": "model",
}  # fmt: skip

PASSED = (
    "attention_backend", "block_size", "cpu_offload_gb", "data_parallel_backend", "disable_cascade_attn",
    "disable_custom_all_reduce", "disable_log_stats", "enable_chunked_prefill", "enable_expert_parallel",
    "enable_prefix_caching", "enforce_eager", "kv_cache_dtype", "kv_cache_memory_bytes", "max_logprobs",
    "max_num_batched_tokens", "max_num_seqs", "num_gpu_blocks_override", "pipeline_parallel_size", "quantization",
    "revision", "seed", "swap_space", "tokenizer", "tokenizer_revision", "trust_remote_code",
)  # fmt: skip
"""Arguments of vllm.LLM that a recipe may set: none that names a class, a module, a plugin or a pickle to load."""


@register("backend", "vllm")
class Vllm:
    """vLLM's offline engine on this machine, as teacher or under test."""

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
        options: Annotated[
            dict[str, Any] | None, "further arguments of vllm.LLM that name no code: {enforce_eager: true}"
        ] = None,
    ) -> None:
        for name, ours in _OURS.items():
            if name in (options or {}):
                raise RecipeError(f"vllm: options.{name} has an option of its own", f"{ours}: ...")
        for name in options or {}:
            if name not in PASSED:
                raise RecipeError(f"vllm: options.{name} is not passed on", nearest(name, PASSED))
        if min(tensor_parallel, data_parallel) < 1:
            raise RecipeError("vllm: tensor_parallel and data_parallel start at 1", "leave them out for one GPU")
        self.model, self.logprobs = str(model), logprobs
        self.name = f"vllm:{Path(self.model).name}"
        self._settings: dict[str, Any] = {
            "model": self.model, "tensor_parallel_size": tensor_parallel, "dtype": dtype,
            "max_model_len": max_model_len, "gpu_memory_utilization": gpu_memory, "enable_prefix_caching": True,
            "trust_remote_code": False, "load_format": "safetensors",
            **(options or {}),
        }  # fmt: skip
        self.gpus = tensor_parallel * int((options or {}).get("pipeline_parallel_size", 1))
        self.copies = data_parallel
        decides = [self.model, dtype, max_model_len, options or {}, *(["logprobs"] if logprobs else [])]
        content = named_files([self.model, options or {}], "model")  # other weights under one name answer otherwise
        self.identity = json.dumps(["vllm", *decides, *([content] if content else [])], sort_keys=True)
        self._workers: list[ProcessPoolExecutor] = []
        self._tokenizer: Any = None

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        """Shared out over the copies; each engine batches its part itself."""
        workers = self._started()
        parts = [
            worker.submit(_vllm_engine.answer, [_light(r) for r in requests[i :: len(workers)]])
            for i, worker in enumerate(workers)
        ]
        answers: list[list[Completion]] = [[] for _ in requests]
        try:
            for i, part in enumerate(parts):
                answers[i :: len(workers)] = part.result()
        except BrokenProcessPool:
            self._workers = []
            raise BackendError(f"the process of {self.name} died", "out of memory? its own words stand above") from None
        return answers

    def prompt_tokens(self, request: Request) -> int:
        """Tokens of the prompt, counted, for a budget."""
        if self._tokenizer is None:
            from transformers import AutoTokenizer

            source = self._settings.get("tokenizer") or self.model
            with no_code_of(source, bool(self._settings["trust_remote_code"])) as code:
                self._tokenizer = AutoTokenizer.from_pretrained(source, **code)
        return len(_vllm_engine.tokens_of(self._tokenizer, request))

    def _started(self) -> list[ProcessPoolExecutor]:
        """One process for each copy, started when it is first needed: an estimate or a dry run never loads a model.

        A process of its own, also for one copy: vLLM refuses several in one `LLM`, and its engine outlives a parent
        that is killed; ours watches for that. On a machine without GPUs the copies share its cores.
        """
        if not self._workers:
            if find_spec("vllm") is None:
                raise MissingExtra("the vllm backend needs vLLM", extra="vllm")
            self._fits()
            spawn = multiprocessing.get_context("spawn")
            for rank in range(self.copies):
                gpus = range(rank * self.gpus, (rank + 1) * self.gpus) if self.copies > 1 else None
                first = (self._settings, self.logprobs, gpus)
                self._workers.append(
                    ProcessPoolExecutor(1, mp_context=spawn, initializer=_vllm_engine.start, initargs=first)
                )
        return self._workers

    def _fits(self) -> None:
        there = _gpus_here() if self.copies > 1 else 0
        if there and there < self.copies * self.gpus:
            raise BackendError(
                f"vllm: {self.copies} copies on {self.gpus} GPUs each want {self.copies * self.gpus}, this machine has "
                f"{there}",
                f"data_parallel: {max(1, there // self.gpus)}",
            )


def _gpus_here() -> int:
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def _light(request: Request) -> Request:
    """The request without the row behind it, which an engine does not read."""
    problem = Problem(request.problem.id, request.problem.problem)
    return replace(request, problem=problem, params={k: v for k, v in request.params.items() if k == "schema"})
