"""A model or proving teacher on a Ray cluster: one engine for each worker, requests shared out, answers in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.errors import BackendError, MathdataError
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
        copies = int(getattr(backend, "copies", 1))
        self._copies = copies if copies > 1 else 0
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
        try:
            return [answer for done in sorted(order, key=lambda d: order[d]) for answer in ray.get(done)]
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, MathdataError):
                raise error.cause from None
            raise

    def _started(self, ray: Any) -> list[Any]:
        if not self._workers:
            count, need = self._room(ray.cluster_resources())
            actor = ray.remote(**need)(_Worker)
            self._workers = [actor.remote(_alone(self._spec)) for _ in range(count)]
        return self._workers

    def _room(self, there: Mapping[str, float]) -> tuple[int, dict[str, int]]:
        """How many workers, and what each needs: its GPUs where the teacher wants some and the cluster has any."""
        gpus, cores = int(there.get("GPU", 0)), int(there.get("CPU", 1))
        if not self._gpus or not gpus:
            return (self._copies or (1 if self._gpus else max(1, cores))), {"num_cpus": 1}
        if gpus < self._gpus * max(1, self._copies):
            raise BackendError(
                f"{self.name}: {max(1, self._copies)} x {self._gpus} GPUs are wanted, the cluster has {gpus}",
                "lower data_parallel or tensor_parallel, or give the cluster more",
            )
        return self._copies or gpus // self._gpus, {"num_gpus": self._gpus}


def _alone(spec: str | Mapping[str, Any]) -> str | Mapping[str, Any]:
    """The spec for one worker: the copies are the workers, none makes copies of its own."""
    if isinstance(spec, str):
        return spec
    return {
        name: {k: v for k, v in options.items() if k != "data_parallel"} if isinstance(options, Mapping) else options
        for name, options in spec.items()
    }


class _Worker:
    """One engine in one worker process."""

    def __init__(self, spec: str | Mapping[str, Any]) -> None:
        from mathdata.registry import build

        self._backend: Backend = build("backend", spec)

    def answer(self, requests: list[Request]) -> list[list[Completion]]:
        return self._backend.generate(requests)
