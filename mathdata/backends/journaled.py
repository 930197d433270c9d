"""Any backend with a journal before it: asks only what is not stored, stores each answer before it is used."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mathdata.backends.journal import Journal, request_key, request_record
from mathdata.backends.money import Budget
from mathdata.errors import BackendError
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
        if gaps and getattr(self.backend, "batch", False):
            _BatchRun(self, identity).run(gaps, known, [request_record(identity, g.request, reads) for g in gaps])
        elif gaps:
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

        def deliver(index: int, offset: int, completions: Sequence[Completion]) -> int:
            gap, ticket = gaps[index], 0
            with lock:
                for slot, completion in zip(gap.slots[offset:], completions):
                    known.setdefault(gap.key, {})[slot] = replace(completion, call=gap.key)
                    if completion.finish in ANSWERS:
                        self.figures["asked"] += 1
                        ticket = self.journal.put(gap.key, slot, [completion], records[index])
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
            stream(requests, deliver, budget=self.budget, progress=self.progress, durable=self.journal.is_durable)
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


@dataclass(slots=True)
class _BatchRun:
    """Collect what is over, submit what nobody works on, leave the rest pending. The journal knows the batches."""

    asked: Journaled
    identity: str

    @property
    def open(self) -> str:
        """The state under which this teacher's unfinished batches stand in the journal."""
        return "open " + hashlib.sha256(self.identity.encode()).hexdigest()[:12]

    def run(self, gaps: list[_Gap], known: dict[str, dict[int, Completion]], records: list[dict[str, Any]]) -> None:
        with self.asked.backend.batches() as interface:  # type: ignore[attr-defined]
            under_way = self._collect(interface, known)
            places: dict[str, str] = {}
            for batch_id, asked in under_way.items():
                places |= dict.fromkeys((key for key, _ in asked), batch_id)
            still = [(g, r) for g, r in zip(gaps, records) if any(i not in known.get(g.key, {}) for i in g.slots)]
            fresh = [(g, r) for g, r in still if g.key not in places]
            self._submit(interface, fresh, known, places)
            for gap, _ in still:
                if gap.key in places:
                    why = f"batch {places[gap.key]} is under way: run again to collect it"
                    self._leave(gap, known, why)
        self.asked.journal.flush()

    def _collect(self, interface: Any, known: dict[str, dict[int, Completion]]) -> dict[str, Any]:
        """Answers of batches that are over into the journal; those still under way."""
        journal, under_way = self.asked.journal, {}
        for batch_id, asked in journal.batches(self.open).items():
            looked = interface.look(batch_id)
            if not looked.over:
                under_way[batch_id] = asked
                continue
            for place, answers in looked.answers.items():
                if place < len(asked) and isinstance(answers, list):
                    self._store(asked[place], answers, known)
            journal.put_batch(batch_id, looked.state, asked)
            if looked.state == "failed" and not looked.answers:
                raise BackendError(f"batch {batch_id} failed: {looked.words}", "run again to submit it anew")
        return under_way

    def _store(self, asked: Any, answers: list[Completion], known: dict[str, dict[int, Completion]]) -> None:
        key, slots = asked
        self.asked.backend.count(answers)  # type: ignore[attr-defined]
        for slot, completion in zip(slots, answers):
            self.asked.figures["asked"] += 1
            self.asked.journal.put(key, slot, [completion], None)
            known.setdefault(key, {})[slot] = replace(completion, call=key)
        if self.asked.budget is not None:
            self.asked.budget.pay(sum(c.tokens_in for c in answers), sum(c.tokens_out for c in answers))

    def _submit(
        self,
        interface: Any,
        fresh: list[tuple[_Gap, dict[str, Any]]],
        known: dict[str, dict[int, Completion]],
        places: dict[str, str],
    ) -> None:
        budget, sent = self.asked.budget, []
        for gap, record in fresh:
            if budget is not None and budget.hold(gap.request) is None:
                self._leave(gap, known, f"budget: {budget.describe()}")
                continue
            sent.append(gap)
            self.asked.journal.put(gap.key, 0, [], record)
        bodies = [self.asked.backend.body(g.request) for g in sent]  # type: ignore[attr-defined]
        for batch_id, part in interface.submit(bodies):
            self.asked.journal.put_batch(batch_id, self.open, [[sent[i].key, list(sent[i].slots)] for i in part])
            places |= {sent[i].key: batch_id for i in part}

    def _leave(self, gap: _Gap, known: dict[str, dict[int, Completion]], why: str) -> None:
        for slot in gap.slots:
            self.asked.figures["failed"] += 1
            known.setdefault(gap.key, {}).setdefault(slot, Completion(finish="error", reason=why, call=gap.key))
