"""Any backend with a journal before it: asks only what is not stored, stores each answer before it is used."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mathdata.backends._batch_run import BatchRun, Gap
from mathdata.backends.journal import Journal, key_of, request_text
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
        texts = self._texts(requests)
        keys = [key_of(t) for t in texts]
        known = self.journal.get_many(keys)
        gaps = self._gaps(keys, texts, requests, known)
        self.figures["from_journal"] += sum(min(len(known.get(k, {})), r.sampling.n) for k, r in zip(keys, requests))
        if gaps and getattr(self.backend, "batch", False):
            BatchRun(self, identity_of(self.backend)).run(gaps, known)
        elif gaps:
            self._ask(gaps, known)
        return [self._samples(known.get(k, {}), r.sampling.n) for k, r in zip(keys, requests)]

    def missing(self, requests: Sequence[Request]) -> list[Request]:
        """The requests that would be sent, for an estimate."""
        texts = self._texts(requests)
        keys = [key_of(t) for t in texts]
        return [g.request for g in self._gaps(keys, texts, requests, self.journal.get_many(keys))]

    def _texts(self, requests: Sequence[Request]) -> list[str]:
        identity, reads = identity_of(self.backend), bool(getattr(self.backend, "reads_problem", False))
        return [request_text(identity, r, reads) for r in requests]

    def _gaps(
        self,
        keys: Sequence[str],
        texts: Sequence[str],
        requests: Sequence[Request],
        known: dict[str, dict[int, Completion]],
    ) -> list[Gap]:
        most: dict[str, tuple[str, Request]] = {}
        for key, text, request in zip(keys, texts, requests):
            if key not in most or request.sampling.n > most[key][1].sampling.n:
                most[key] = text, request
        gaps = []
        for key, (text, request) in most.items():
            stored = known.get(key, {})
            slots = tuple(i for i in range(request.sampling.n) if i not in stored)
            if slots:
                gaps.append(Gap(key, text, _only(request, slots), slots))
        return gaps

    def _ask(self, gaps: list[Gap], known: dict[str, dict[int, Completion]]) -> None:
        lock = threading.Lock()

        def deliver(index: int, offset: int, completions: Sequence[Completion]) -> int:
            gap, ticket = gaps[index], 0
            with lock:
                for slot, completion in zip(gap.slots[offset:], completions):
                    known.setdefault(gap.key, {})[slot] = replace(completion, call=gap.key)
                    if completion.finish in ANSWERS:
                        self.figures["asked"] += 1
                        ticket = self.journal.put(gap.key, slot, [completion], gap.asked)
                    else:
                        self.figures["failed"] += 1
            return ticket

        try:
            self._run([g.request for g in gaps], deliver)
        finally:
            self.journal.flush()

    def _run(self, requests: list[Request], deliver: Any) -> None:
        stream = getattr(self.backend, "stream", None)
        if stream is not None:
            stream(requests, deliver, budget=self.budget, progress=self.progress, store=self.journal)
            return
        chunk, start = int(getattr(self.backend, "chunk", _CHUNK)), 0
        while start < len(requests):
            held = self._held(requests[start : start + chunk])
            if not held:
                why = f"budget: {self.budget.describe() if self.budget else ''}"
                for i, request in enumerate(requests[start:], start):
                    deliver(i, 0, [Completion(finish="error", reason=why)] * request.sampling.n)
                return
            answers = self.backend.generate(requests[start : start + len(held)])
            for i, (amount, completions) in enumerate(zip(held, answers), start):
                if self.budget is not None:
                    spent = (sum(c.tokens_in for c in completions), sum(c.tokens_out for c in completions))
                    self.budget.settle(amount, *spent)
                deliver(i, 0, completions)
            start += len(held)
            if self.progress is not None:
                self.progress(start, len(requests), "")

    def _held(self, requests: Sequence[Request]) -> list[float]:
        """What is set aside for each of the first requests, as many as fit into the budget whatever they cost."""
        if self.budget is None:
            return [0.0] * len(requests)
        tokens = getattr(self.backend, "prompt_tokens", None)
        held = []
        for request in requests:
            amount = self.budget.hold(request, tokens(request) if tokens else None)
            if amount is None:
                break
            held.append(amount)
        return held

    @staticmethod
    def _samples(stored: dict[int, Completion], n: int) -> list[Completion]:
        lost = Completion(finish="error", reason="the server gave fewer answers than asked for")
        return [stored.get(i, lost) for i in range(n)]


def _only(request: Request, slots: tuple[int, ...]) -> Request:
    """The request for these samples alone; with a later seed, or the server would repeat the first ones."""
    if len(slots) == request.sampling.n and slots[0] == 0:
        return request
    seed = None if request.sampling.seed is None else request.sampling.seed + slots[0]
    return replace(request, sampling=replace(request.sampling, n=len(slots), seed=seed))
