"""A model or proving teacher on a Ray cluster: one engine for each worker, requests shared out, answers in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.types import Backend, Completion, Request

__all__ = ["Spread", "spread"]

_PARTS = 4
"""Parts for each worker: enough to even out long and short answers."""


def spread(backend: Any, spec: str | Mapping[str, Any], engine: Any) -> Any:
    """The backend itself, or on a Ray engine one copy for each worker. Servers are asked from here: they scale alone."""
    if getattr(engine, "name", "local") != "ray" or hasattr(backend, "stream"):
        return backend
    return Spread(backend, spec, engine)


class Spread:
    """Looks like the backend it copies: same name, same keys in the journal, same answers."""

    chunk = 16_384

    def __init__(self, backend: Backend, spec: str | Mapping[str, Any], engine: Any) -> None:
        self.name = backend.name
        self.identity = getattr(backend, "identity", backend.name)
        self.proves = bool(getattr(backend, "proves", backend.name.startswith("symbolic")))
        self.reads_problem = bool(getattr(backend, "reads_problem", False))
        self.logprobs = bool(getattr(backend, "logprobs", False))
        self._gpus = int(getattr(backend, "gpus", 0))
        self._spec, self._engine = spec, engine
        self._workers: list[Any] = []

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        ray = self._engine.start()
        workers = self._started(ray)
        size = max(1, -(-len(requests) // (_PARTS * len(workers))))
        parts = [list(requests[i : i + size]) for i in range(0, len(requests), size)]
        free = list(workers)
        flying: dict[Any, Any] = {}
        order: dict[Any, int] = {}
        for place, part in enumerate(parts):
            if not free:
                (done,), _ = ray.wait(list(flying), num_returns=1)
                free.append(flying.pop(done))
            worker = free.pop()
            asked = worker.answer.remote(part)
            flying[asked], order[asked] = worker, place
        return [answer for done in sorted(order, key=lambda d: order[d]) for answer in ray.get(done)]

    def _started(self, ray: Any) -> list[Any]:
        if not self._workers:
            kind = "GPU" if self._gpus else "CPU"
            each = max(1, self._gpus)
            count = max(1, int(ray.cluster_resources().get(kind, 1)) // each)
            need = {"num_gpus": self._gpus} if self._gpus else {"num_cpus": 1}
            actor = ray.remote(**need)(_Worker)
            self._workers = [actor.remote(self._spec) for _ in range(count)]
        return self._workers


class _Worker:
    """One engine in one worker process."""

    def __init__(self, spec: str | Mapping[str, Any]) -> None:
        from mathdata.registry import build

        self._backend: Backend = build("backend", spec)

    def answer(self, requests: list[Request]) -> list[list[Completion]]:
        return self._backend.generate(requests)
