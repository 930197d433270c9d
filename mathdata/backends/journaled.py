"""Any backend with a journal before it: asks only what is not stored, stores each answer before it is used."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mathdata.backends.journal import Journal, request_key, request_record
from mathdata.backends.money import Budget
from mathdata.types import Backend, Completion, Progress, Request

__all__ = ["Journaled", "identity_of"]

_CHUNK = 256
ANSWERS = frozenset({"stop", "length", "filter", "refused", "empty"})
"""What a server answered and was paid for; errors and `unsupported` are asked again by the next run."""


def identity_of(backend: Backend) -> str:
    """What a backend adds to the key of its answers: who it is and every setting that changes them."""
    return str(getattr(backend, "identity", backend.name))


@dataclass(slots=True)
class _Gap:
    """Samples of one key that are not stored yet."""

    key: str
    request: Request
    slots: tuple[int, ...]


@dataclass(slots=True)
class Journaled:
    """A Backend around a Backend. Sample k of a request is asked once, however often and by whom it is needed."""

    backend: Backend
    journal: Journal
    budget: Budget | None = None
    progress: Progress | None = None
    figures: dict[str, int] = field(default_factory=lambda: {"asked": 0, "from_journal": 0, "failed": 0})

    @property
    def name(self) -> str:
        return self.backend.name

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        identity, reads = identity_of(self.backend), bool(getattr(self.backend, "reads_problem", False))
        keys = [request_key(identity, r, reads) for r in requests]
        known = self.journal.get_many(keys)
        gaps = self._gaps(keys, requests, known)
        self.figures["from_journal"] += sum(min(len(known.get(k, {})), r.sampling.n) for k, r in zip(keys, requests))
        if gaps:
            records = [request_record(identity, g.request, reads) for g in gaps]
            self._ask(gaps, records, known)
        return [self._samples(known.get(k, {}), r.sampling.n) for k, r in zip(keys, requests)]

    def missing(self, requests: Sequence[Request]) -> list[Request]:
        """The requests that would be sent, for an estimate."""
        identity, reads = identity_of(self.backend), bool(getattr(self.backend, "reads_problem", False))
        keys = [request_key(identity, r, reads) for r in requests]
        return [g.request for g in self._gaps(keys, requests, self.journal.get_many(keys))]

    def _gaps(
        self, keys: Sequence[str], requests: Sequence[Request], known: dict[str, dict[int, Completion]]
    ) -> list[_Gap]:
        most: dict[str, Request] = {}
        for key, request in zip(keys, requests):
            if key not in most or request.sampling.n > most[key].sampling.n:
                most[key] = request
        gaps = []
        for key, request in most.items():
            stored = known.get(key, {})
            slots = tuple(i for i in range(request.sampling.n) if i not in stored)
            if slots:
                gaps.append(_Gap(key, _only(request, slots), slots))
        return gaps

    def _ask(self, gaps: list[_Gap], records: list[dict[str, Any]], known: dict[str, dict[int, Completion]]) -> None:
        lock = threading.Lock()

        def deliver(index: int, offset: int, completions: Sequence[Completion]) -> None:
            gap = gaps[index]
            with lock:
                for slot, completion in zip(gap.slots[offset:], completions):
                    known.setdefault(gap.key, {})[slot] = replace(completion, call=gap.key)
                    if completion.finish in ANSWERS:
                        self.figures["asked"] += 1
                        self.journal.put(gap.key, slot, [completion], records[index])
                    else:
                        self.figures["failed"] += 1

        try:
            self._run([g.request for g in gaps], deliver)
        finally:
            self.journal.flush()

    def _run(self, requests: list[Request], deliver: Any) -> None:
        stream = getattr(self.backend, "stream", None)
        if stream is not None:
            stream(requests, deliver, budget=self.budget, progress=self.progress)
            return
        chunk = int(getattr(self.backend, "chunk", _CHUNK))
        for start in range(0, len(requests), chunk):
            part = requests[start : start + chunk]
            if self.budget is not None and self.budget.spent_out():
                why = f"budget: {self.budget.describe()}"
                answers = [[Completion(finish="error", reason=why)] * r.sampling.n for r in part]
            else:
                answers = self.backend.generate(part)
                self._count(answers)
            for i, completions in enumerate(answers):
                deliver(start + i, 0, completions)
            if self.progress is not None:
                self.progress(min(start + chunk, len(requests)), len(requests), "")

    def _count(self, answers: list[list[Completion]]) -> None:
        if self.budget is not None:
            for c in (c for answer in answers for c in answer):
                self.budget.pay(c.tokens_in, c.tokens_out)

    @staticmethod
    def _samples(stored: dict[int, Completion], n: int) -> list[Completion]:
        lost = Completion(finish="error", reason="the server gave fewer answers than asked for")
        return [stored.get(i, lost) for i in range(n)]


def _only(request: Request, slots: tuple[int, ...]) -> Request:
    """The request for these samples alone; with a later seed, or the server would repeat the first ones."""
    seed = None if request.sampling.seed is None else request.sampling.seed + slots[0]
    return replace(request, sampling=replace(request.sampling, n=len(slots), seed=seed))
