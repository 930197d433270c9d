"""Many requests through one server: a loop that retries by rule, keeps the pace, holds the budget, gives up by name."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any

from mathdata.backends._pace import Limiter, Pace
from mathdata.backends._wire import LONGEST_WAIT, RULES, Failure, Rule
from mathdata.backends.money import Budget, guess_tokens
from mathdata.errors import BackendError
from mathdata.types import Completion, Progress, Request

__all__ = ["Deliver", "Job", "Post", "Sender"]

Deliver = Callable[[int, int, Sequence[Completion]], "int | None"]
"""Takes (index of the request, first sample, completions); returns a ticket where it stores them."""
Post = Callable[["Job", int], Awaitable["list[Completion] | Failure"]]

_HOPELESS = 8
"""So many bad requests before the first good one: the setting is wrong, not the rows."""
_LONGEST_BACKOFF = 8.0


@dataclass(slots=True)
class Job:
    """A request on its way: samples delivered so far, tries by state."""

    index: int
    request: Request
    done: int = 0
    tries: Counter[str] = field(default_factory=Counter)
    ticket: int | None = None


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
    durable: Callable[[int], bool] | None = None
    """Whether a ticket of `deliver` is on disk: a worker asks for nothing new before its last answer is."""
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
    _random: Random = field(default_factory=lambda: Random(0))

    async def run(self, requests: Sequence[Request]) -> None:
        """Every request answered or given up. Raises BackendError where going on makes no sense."""
        self._fresh.extend(Job(i, r) for i, r in enumerate(requests))
        self._total, self._last_good = len(requests), monotonic()
        try:
            self._staff()
            while self._workers:
                await asyncio.wait(self._workers, return_when=asyncio.FIRST_COMPLETED)
        finally:
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
            await self._attempt(job)

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

    async def _attempt(self, job: Job) -> None:
        n = job.request.sampling.n - job.done if self.n_at_once else 1
        self._flying += 1
        try:
            if self._gone:
                self._give_up(job, "server", self._gone)
                return
            while (wait := self.pace.delay(guess_tokens(job.request) + job.request.sampling.max_tokens * n)) > 0:
                await asyncio.sleep(wait)
            held = await self._hold(job)
            if held is None:
                return
            started = monotonic()
            outcome: list[Completion] | Failure | None = None
            try:
                outcome = await self.post(job, n)
            finally:
                answers = outcome if isinstance(outcome, list) else []
                if self.budget is not None:
                    spent = (sum(c.tokens_in for c in answers), sum(c.tokens_out for c in answers))
                    self.budget.settle(held, *spent)
            self._judge(job, outcome, n, monotonic() - started)
            while self.durable is not None and job.ticket and not self.durable(job.ticket):
                await asyncio.sleep(0.003)
        finally:
            self._flying -= 1

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

    def _judge(self, job: Job, outcome: list[Completion] | Failure | None, n: int, latency: float) -> None:
        if isinstance(outcome, list):
            self.limiter.answered(latency)
            self._good, self._last_good = self._good + 1, monotonic()
            self._deliver(job, outcome[:n], asked=n)
        elif outcome is not None:
            self._failed(job, outcome)
        self._staff()

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
        if self.progress is not None:
            spent = self.spent() if self.budget is None else self.budget.describe()
            self.progress(self._finished, self._total, f"{self.limiter.now} at once, {spent}")

    def _failed(self, job: Job, failure: Failure) -> None:
        if failure.state == "stop":
            self._stop(BackendError(f"the teacher's server refuses: {failure.words}", "check key, model and base_url"))
            return
        rule = RULES[failure.state]
        job.tries[failure.state] += 1
        if rule.slower:
            self.limiter.overloaded()
        if failure.state == "bad-request":
            self._bad_request(failure)
        if job.tries[failure.state] >= rule.tries or (failure.wait or 0.0) > LONGEST_WAIT:
            self._last_try(job, failure)
        elif monotonic() - self._last_good > self.patience:
            self._gone = f"no answer from the server for {self.patience:.0f} s ({failure.state}: {failure.words})"
            self._give_up(job, failure.state, self._gone)
        else:
            self.retries[failure.state] += 1
            heapq.heappush(self._later, (monotonic() + self._pause(job, failure, rule), next(self._number), job))

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
