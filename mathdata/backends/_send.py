"""Many requests through one server: a loop that retries by rule, keeps the pace, holds the budget, gives up by name."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import monotonic
from typing import Any, Protocol

from mathdata.backends._pace import Limiter, Pace
from mathdata.backends._wire import LONGEST_WAIT, RULES, Failure, Rule
from mathdata.backends.money import Budget, guess_tokens
from mathdata.errors import BackendError, MathdataError
from mathdata.types import Completion, Progress, Request

__all__ = ["Deliver", "Job", "Post", "Sender"]

Deliver = Callable[[int, int, Sequence[Completion]], "int | None"]
"""Takes (index of the request, first sample, completions); returns a ticket where it stores them."""
Post = Callable[["Job", int], Awaitable["list[Completion] | Failure"]]

_HOPELESS = 8
"""So many bad requests before the first good one: the setting is wrong, not the rows."""
_LONGEST_BACKOFF = 8.0
_NEVER_MET = 3.0
"""Seconds for a server that nobody could ever connect to: it is not there, or still starting."""
_STORM = 8
"""So many refusals in a row mean us all, not this request: whoever is refused then rests as long as it is asked to."""
_TOLD_EVERY = 0.1
UNREACHABLE = "is it running? check host and port of base_url; if it still loads its model, run again when it is up"


class Store(Protocol):
    """What knows when an answer is on disk: the journal."""

    def is_durable(self, ticket: int) -> bool: ...

    def listen(self, told: Callable[[], None] | None) -> None: ...


@dataclass(slots=True)
class Job:
    """A request on its way: samples delivered so far, tries by state."""

    index: int
    request: Request
    done: int = 0
    tries: Counter[str] = field(default_factory=Counter)
    ticket: int | None = None


def _spent(outcome: list[Completion] | Failure | None) -> tuple[int, int]:
    """Tokens of prompt and answer that an outcome costs."""
    if isinstance(outcome, list):
        return sum(c.tokens_in for c in outcome), sum(c.tokens_out for c in outcome)
    return outcome.spent if outcome is not None else (0, 0)


@dataclass(slots=True)
class Sender:
    """Sends jobs until each is answered or given up; every outcome goes to `deliver`."""

    post: Post
    deliver: Deliver
    limiter: Limiter
    pace: Pace
    budget: Budget | None = None
    progress: Progress | None = None
    patience: float = 120.0
    spent: Callable[[], str] = str
    """What all answers cost so far, in words, for the progress line."""
    store: Store | None = None
    """Where `deliver` puts answers: a worker asks for nothing new before its last answer is on disk."""
    met: bool = False
    """Whether the server ever answered, in whatever words: one that never did is not waited for."""
    n_at_once: bool = True
    retries: Counter[str] = field(default_factory=Counter)
    given_up: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    _fresh: deque[Job] = field(default_factory=deque)
    _later: list[tuple[float, int, Job]] = field(default_factory=list)
    _number: Any = field(default_factory=itertools.count)
    _workers: set[asyncio.Task[None]] = field(default_factory=set)
    _flying: int = 0
    _good: int = 0
    _bad: int = 0
    _finished: int = 0
    _total: int = 0
    _last_good: float = 0.0
    _fatal: BaseException | None = None
    _gone: str = ""
    _refused: int = 0
    _unstored: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)
    _started: float = 0.0
    _told: float = 0.0
    _random: Random = field(default_factory=lambda: Random(0))

    async def run(self, requests: Sequence[Request]) -> None:
        """Every request answered or given up. Raises BackendError where going on makes no sense."""
        self._fresh.extend(Job(i, r) for i, r in enumerate(requests))
        self._total, self._started = len(requests), monotonic()
        self._last_good = self._started
        if self.store is not None:
            self.store.listen(partial(self._wake, asyncio.get_running_loop()))
        try:
            self._staff()
            while self._workers:
                await asyncio.wait(self._workers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self.store is not None:
                self.store.listen(None)
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
        if self._fatal is not None:
            raise self._fatal

    def _staff(self) -> None:
        """As many workers as requests may be under way, and no more than there is work for."""
        wanted = min(self.limiter.now, self._flying + len(self._fresh) + len(self._later))
        while len(self._workers) < wanted:
            worker = asyncio.ensure_future(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._left)
        self.most_at_once = max(self.most_at_once, len(self._workers))

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self._stop(error)
        self._staff()  # several may have left at once because the limit fell

    def _stop(self, error: BaseException) -> None:
        self._fatal = self._fatal or error
        self._fresh.clear()
        self._later.clear()

    async def _work(self) -> None:
        while self._fatal is None and len(self._workers) <= self.limiter.now:
            job = await self._next()
            if job is None:
                return
            rest = monotonic() + await self._attempt(job)
            while (left := rest - monotonic()) > 0 and self._fatal is None:
                await asyncio.sleep(min(0.5, left))

    async def _next(self) -> Job | None:
        """A retry that is due, else a fresh job, else wait for the next retry; None when there is nothing left."""
        while self._fatal is None:
            now = monotonic()
            if self._later and self._later[0][0] <= now:
                return heapq.heappop(self._later)[2]
            if self._fresh:
                return self._fresh.popleft()
            if not self._later:
                return None
            await asyncio.sleep(min(0.5, max(0.001, self._later[0][0] - now)))
        return None

    async def _attempt(self, job: Job) -> float:
        """Send one request, deliver or put off what comes of it; the seconds that whoever sent it should rest."""
        n = job.request.sampling.n - job.done if self.n_at_once else 1
        self._flying += 1
        try:
            if self._gone:
                self._give_up(job, "server", self._gone)
                return 0.0
            while (
                wait := self.pace.delay(lambda: guess_tokens(job.request) + job.request.sampling.max_tokens * n)
            ) > 0:
                await asyncio.sleep(wait)
            held = await self._hold(job)
            if held is None:
                return 0.0
            started = monotonic()
            outcome: list[Completion] | Failure | None = None
            try:
                outcome = await self.post(job, n)
            finally:
                if self.budget is not None:
                    self.budget.settle(held, *_spent(outcome))
            rest = self._judge(job, outcome, n, monotonic() - started)
            if self.store is not None and job.ticket and not self.store.is_durable(job.ticket):
                stored = asyncio.get_running_loop().create_future()
                self._unstored.append((job.ticket, stored))
                await stored
            return rest
        finally:
            self._flying -= 1

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # called from the writer's thread, which may outlive the loop
            loop.call_soon_threadsafe(self._stored)

    def _stored(self) -> None:
        """More is on disk, or the disk refuses: whoever waits for it goes on, or is told."""
        store, self._unstored, waiting = self.store, [], self._unstored
        for ticket, stored in waiting:
            try:
                done = store is None or store.is_durable(ticket)
            except MathdataError as error:
                self._stop(error)
                done = True
            if not done and self._fatal is None:
                self._unstored.append((ticket, stored))
            elif not stored.done():
                stored.set_result(None)

    async def _hold(self, job: Job) -> float | None:
        """The budget's part for this request; waits for others to give theirs back, gives up when none can."""
        if self.budget is None:
            return 0.0
        while (amount := self.budget.hold(job.request)) is None:
            if self.budget.held <= 0:
                self._give_up(job, "budget", f"budget: {self.budget.describe()}")
                return None
            await asyncio.sleep(0.02)
        return amount

    def _judge(self, job: Job, outcome: list[Completion] | Failure | None, n: int, latency: float) -> float:
        rest = 0.0
        if isinstance(outcome, list):
            self.limiter.answered(latency)
            self._refused, self.met = 0, True
            self._good, self._last_good = self._good + 1, monotonic()
            self._deliver(job, outcome[:n], asked=n)
        elif outcome is not None:
            rest = self._failed(job, outcome)
        self._staff()
        return rest

    def _deliver(self, job: Job, answers: Sequence[Completion], asked: int) -> None:
        job.ticket = self.deliver(job.index, job.done, answers)
        job.done += len(answers)
        if len(answers) < asked:
            self.n_at_once = False  # the server ignores `n`: one sample a request from now on
        if job.done < job.request.sampling.n:
            job.tries.clear()
            self._fresh.appendleft(job)
        else:
            self._finish()

    def _finish(self) -> None:
        self._finished += 1
        now = monotonic()
        if self.progress is not None and (now - self._told > _TOLD_EVERY or self._finished == self._total):
            self._told = now
            spent = self.spent() if self.budget is None else self.budget.describe()
            self.progress(self._finished, self._total, f"{self.limiter.now} at once, {spent}")

    def _failed(self, job: Job, failure: Failure) -> float:
        """Put a job off, or give it up; the seconds its sender should rest, where the server refuses everybody."""
        self.met = self.met or failure.state not in ("gone", "timeout")
        if failure.state == "stop":
            self._stop(BackendError(f"the teacher's server refuses: {failure.words}", "check key, model and base_url"))
            return 0.0
        rule = RULES[failure.state]
        job.tries[failure.state] += 1
        self._slow_down(rule)
        if failure.state == "bad-request":
            self._bad_request(failure)
        silent = monotonic() - self._last_good
        if failure.state == "gone" and not self.met and silent > min(_NEVER_MET, self.patience):
            self._stop(BackendError(f"the teacher's server is unreachable: {failure.words}", UNREACHABLE))
        elif job.tries[failure.state] >= rule.tries or (failure.wait or 0.0) > LONGEST_WAIT:
            self._last_try(job, failure)
        elif silent > self.patience:
            self._gone = f"no answer from the server for {self.patience:.0f} s ({failure.state}: {failure.words})"
            self._give_up(job, failure.state, self._gone)
        else:
            self.retries[failure.state] += 1
            pause = self._pause(job, failure, rule)
            heapq.heappush(self._later, (monotonic() + pause, next(self._number), job))
            return pause if self._refused >= _STORM else 0.0
        return 0.0

    def _slow_down(self, rule: Rule) -> None:
        if rule.slower == "refused":
            self._refused += 1
            self.limiter.refused()
        elif rule.slower:
            self.limiter.overloaded()

    def _pause(self, job: Job, failure: Failure, rule: Rule) -> float:
        if failure.wait is not None:
            return failure.wait
        doubled: float = rule.wait * 2.0 ** (job.tries[failure.state] - 1)
        return min(_LONGEST_BACKOFF, doubled) * self._random.uniform(0.75, 1.25)

    def _bad_request(self, failure: Failure) -> None:
        self._bad += 1
        if not self._good and self._bad >= _HOPELESS:
            self._stop(BackendError(f"every request is refused: {failure.words}", "check the teacher's options"))

    def _last_try(self, job: Job, failure: Failure) -> None:
        if failure.state == "empty":  # the server's answer, paid for: no row will come of it
            self.deliver(job.index, job.done, [Completion(finish="empty", reason="the answer is empty, three times")])
            job.done += 1
            if job.done < job.request.sampling.n:
                job.tries.clear()
                self._fresh.append(job)
            else:
                self._finish()
            return
        wait = f", it asks to wait {failure.wait:.0f} s" if failure.wait else ""
        self._give_up(job, failure.state, f"{failure.state}: {failure.words}{wait}")

    def _give_up(self, job: Job, state: str, why: str) -> None:
        left = job.request.sampling.n - job.done
        self.given_up[state] += left
        self.deliver(job.index, job.done, [Completion(finish="error", reason=why)] * left)
        self._finish()
