"""Work by the batch interface: collect what is over, submit what nobody works on, leave the rest pending."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mathdata.errors import BackendError
from mathdata.types import Completion, Request

if TYPE_CHECKING:
    from mathdata.backends._batch import Batches
    from mathdata.backends.journaled import Journaled

__all__ = ["BatchRun", "Gap"]

Known = dict[str, dict[int, Completion]]
"""Completions by key and sample number."""


@dataclass(slots=True)
class Gap:
    """Samples of one key that are not stored yet; `asked` is the request as the journal keeps it."""

    key: str
    asked: str
    request: Request
    slots: tuple[int, ...]


@dataclass(slots=True)
class BatchRun:
    """One run: the journal knows the batches under way, and those of which only the intent was written down."""

    by: Journaled
    identity: str

    def _state(self, word: str) -> str:
        """The state under which this teacher's batches stand in the journal."""
        return f"{word} {hashlib.sha256(self.identity.encode()).hexdigest()[:12]}"

    def run(self, gaps: Sequence[Gap], known: Known) -> None:
        with self.by.backend.batches() as interface:  # type: ignore[attr-defined]
            self._settle_intents(interface)
            under_way = self._collect(interface, known)
            places: dict[str, str] = {}
            for batch_id, asked in under_way.items():
                places |= dict.fromkeys((key for key, _ in asked), batch_id)
            still = [g for g in gaps if any(i not in known.get(g.key, {}) for i in g.slots)]
            self._submit(interface, [g for g in still if g.key not in places], known, places)
            for gap in still:
                if gap.key in places:
                    self._leave(gap, known, f"batch {places[gap.key]} is under way: run again to collect it")
        self.by.journal.flush()

    def _settle_intents(self, interface: Batches) -> None:
        """A run that was killed while it submitted: the server knows by the mark whether the batch is there."""
        intents = self.by.journal.batches(self._state("intent"))
        found = interface.marked(intents) if intents else {}
        for mark, asked in intents.items():
            if mark in found:
                self.by.journal.put_batch(found[mark], self._state("open"), asked)
            self.by.journal.put_batch(mark, "submitted" if mark in found else "never sent", asked)

    def _collect(self, interface: Batches, known: Known) -> dict[str, Any]:
        """Answers of batches that are over into the journal; those still under way."""
        journal, under_way = self.by.journal, {}
        for batch_id, asked in journal.batches(self._state("open")).items():
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

    def _store(self, asked: Any, answers: list[Completion], known: Known) -> None:
        key, slots = asked
        self.by.backend.count(answers)  # type: ignore[attr-defined]
        for slot, completion in zip(slots, answers):
            self.by.figures["asked"] += 1
            self.by.journal.put(key, slot, [completion], None)
            known.setdefault(key, {})[slot] = replace(completion, call=key)
        if self.by.budget is not None:
            self.by.budget.pay(sum(c.tokens_in for c in answers), sum(c.tokens_out for c in answers))

    def _submit(self, interface: Batches, fresh: Iterable[Gap], known: Known, places: dict[str, str]) -> None:
        """Each batch is written down, under a mark of its own, before the server is told of it."""
        journal, sent = self.by.journal, self._affordable(fresh, known)
        bodies = [self.by.backend.body(g.request) for g in sent]  # type: ignore[attr-defined]
        for part in interface.parts(bodies):
            asked = [[sent[i].key, list(sent[i].slots)] for i in part]
            mark = uuid.uuid4().hex
            journal.put_batch(mark, self._state("intent"), asked)
            batch_id = interface.submit([bodies[i] for i in part], mark)
            journal.put_batch(batch_id, self._state("open"), asked)
            journal.put_batch(mark, "submitted", asked)
            places |= {sent[i].key: batch_id for i in part}

    def _affordable(self, fresh: Iterable[Gap], known: Known) -> list[Gap]:
        budget, sent = self.by.budget, []
        for gap in fresh:
            if budget is not None and budget.hold(gap.request) is None:
                self._leave(gap, known, f"budget: {budget.describe()}")
                continue
            sent.append(gap)
            self.by.journal.put(gap.key, 0, [], gap.asked)
        return sent

    def _leave(self, gap: Gap, known: Known, why: str) -> None:
        for slot in gap.slots:
            self.by.figures["failed"] += 1
            known.setdefault(gap.key, {}).setdefault(slot, Completion(finish="error", reason=why, call=gap.key))
