"""vLLM's engine inside a process of its own: prompts into tokens, answers into completions; ends with its parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.util import Finalize
from typing import Any

from mathdata.backends._thinking import split_thinking
from mathdata.backends._wire import is_refusal
from mathdata.chat_templates import pin
from mathdata.children import environment
from mathdata.errors import BackendError, MissingExtra
from mathdata.rendering import chat_text
from mathdata.types import Completion, Finish, Request

__all__ = ["answer", "start", "tokens_of"]

_here: list[Engine] = []
"""The engine of this process."""


def start(settings: dict[str, Any], logprobs: bool, gpus: Sequence[int] | None) -> None:
    """What a worker does first; `gpus`: which of the visible ones are its own, None for all."""
    if gpus is not None:
        seen = [d for d in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if d]
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(seen[i] if seen else str(i) for i in gpus)
    os.environ.update(environment())
    os.environ.setdefault("VLLM_HOST_IP", "127.0.0.1")  # one machine: its processes meet on loopback
    _here.append(Engine(settings, logprobs))
    Finalize(None, _shut_down, exitpriority=100)  # before this process joins the engine's own, which would not end
    threading.Thread(target=_outlived, name="parent", daemon=True).start()


def answer(requests: Sequence[Request]) -> list[list[Completion]]:
    return _here[0].generate(requests)


def _shut_down() -> None:
    for engine in _here:
        engine.close()


def _outlived() -> None:
    """A parent that was killed takes its engine along: vLLM's own processes would go on holding the GPUs."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        _shut_down()
        os._exit(1)


def tokens_of(tokenizer: Any, request: Request) -> list[int]:
    """The prompt as the model reads it: by its chat template where it has one."""
    if request.messages and getattr(tokenizer, "chat_template", None):
        text = chat_text(tokenizer, request.messages, generation=True)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    said = "\n\n".join(m["content"] for m in request.messages) or request.problem.problem
    text = request.text if request.text is not None else said
    return list(tokenizer(text)["input_ids"])


@dataclass(slots=True)
class Engine:
    """One vllm.LLM, started when it is first asked."""

    settings: dict[str, Any]
    logprobs: bool
    _llm: Any = None

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        """All requests at once: the engine batches them itself. Requests it refuses fail alone."""
        vllm, llm = _library(), self._started()
        answers: list[list[Completion]] = [[] for _ in requests]
        prompts, params, places = [], [], []
        limit, tokenizer = int(llm.llm_engine.model_config.max_model_len), pin(llm.get_tokenizer())
        for i, request in enumerate(requests):
            tokens = tokens_of(tokenizer, request)
            if len(tokens) >= limit:
                reason = f"the prompt has {len(tokens)} tokens, the model takes {limit}"
                answers[i] = [Completion(finish="length", reason=reason)] * request.sampling.n
                continue
            prompts.append({"prompt_token_ids": tokens})
            params.append(_sampling(vllm, request, self.logprobs))
            places.append(i)
        for i, output in zip(places, llm.generate(prompts, params, use_tqdm=False)):
            made = _completions(output)
            again = [replace(made[0], tokens_in=0, tokens_out=0)] * (requests[i].sampling.n - len(made))
            answers[i] = made + again  # greedy samples are all the same: one was written
        return answers

    def _started(self) -> Any:
        if self._llm is None:
            vllm = _library()
            try:
                self._llm = vllm.LLM(**self.settings)
            except (OSError, ValueError, RuntimeError, TypeError) as error:
                raise BackendError(
                    f"vLLM cannot serve {self.settings['model']}: {error}", "see mathdata doctor"
                ) from error
        return self._llm

    def close(self) -> None:
        if self._llm is not None:
            self._llm.llm_engine.engine_core.shutdown()
            self._llm = None


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
