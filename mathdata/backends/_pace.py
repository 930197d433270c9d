"""How many requests at once, and how fast: found from the server's answers, its 429s and its rate-limit headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

__all__ = ["Limiter", "Pace", "seconds_of"]

MOST = 1024
SLOW = 4.0
"""So many times the shortest latency is a queue, where throughput does not grow with it."""
REFUSED = 0.05
"""A larger share of refusals is worth trying with fewer at once."""
_VAIN = 12
"""So many windows pass before that is tried again, where it cost throughput."""


@dataclass(slots=True)
class Limiter:
    """Requests at once. Doubles while throughput grows with it, then creeps; falls on overload or on mere latency.

    Throughput (answers a second) decides, not latency or refusals alone: a server that batches answers later but more
    when asked for more at once, and one that refuses a tenth of all requests refuses a tenth of fewer as well.
    """

    fixed: int | None = None
    limit: float = 4.0
    clock: Callable[[], float] = monotonic
    rising: bool = True
    best: float = 0.0
    base: float = float("inf")
    _step: float = 0.0
    _misses: int = 0
    _answers: int = 0
    _refusals: int = 0
    _latency: float = 0.0
    _vain: int = 0
    _trial: tuple[float, float] | None = None
    """Many are refused: the number at once before fewer was tried, and the throughput it had."""
    _since: float = field(default=-1.0)
    _fell: float = -1e9

    @property
    def now(self) -> int:
        return self.fixed if self.fixed is not None else max(1, int(self.limit))

    def answered(self, latency: float) -> None:
        """Count an answer; at the end of a window compare its throughput with the best so far."""
        if self.fixed is not None:
            return
        if self._since < 0:
            self._since = self.clock() - latency
        self._answers += 1
        self._latency += latency
        self.base = min(self.base, latency)
        self._window()

    def refused(self) -> None:
        """Count a 429 or 503: the window they are most of ends in fewer at once, a few of them are only watched."""
        if self.fixed is not None:
            return
        if self._since < 0:
            self._since = self.clock()
        self._refusals += 1
        self._window()

    def _window(self) -> None:
        """Windows of twice what is under way; where refusals come quickly, none shorter than the answers take."""
        count = self._answers + self._refusals
        if count < max(8, 2 * self.now):
            return
        if 3 * self._refusals > 2 * count:
            self.overloaded()
        else:
            passed = max(1e-6, self.clock() - self._since)
            self._decide(self._answers / passed, self._latency / self._answers, self._refusals / count)
        self._new_window()

    def _decide(self, rate: float, latency: float, refused: float = 0.0) -> None:
        """Climb while throughput grows; on the plateau, fewer at once where that helps at no loss of throughput."""
        before = self.limit
        self._vain = max(0, self._vain - 1)
        if self.rising:
            gained = rate > self.best * 1.15
            self._misses = 0 if gained else self._misses + 1  # one slow window may be chance: it is measured again
            self.rising = self._misses < 2
            self.limit *= 2.0 if gained else 1.0 if self.rising else 0.75
        elif self._trial is not None:
            at_once, was, self._trial = *self._trial, None
            if rate < was * 0.85:
                self.limit, self._vain = at_once, _VAIN
        elif refused > REFUSED and not self._vain:
            self._trial = (self.limit, rate)
            self.limit *= 0.7
        else:
            self._creep(rate, latency)
        self.limit = min(MOST, max(1.0, self.limit))
        self._step = self.limit - before
        self.best = max(rate, self.best * 0.98)

    def _creep(self, rate: float, latency: float) -> None:
        if rate < self.best * 0.95:
            self.limit += -1.0 if self._step > 0 else max(1.0, self.limit * 0.1)  # undo what cost throughput
        elif rate > self.best * 1.03:
            self.limit += max(1.0, self.limit * 0.1)
        else:
            self.limit += -max(1.0, self.limit * 0.1) if latency > SLOW * self.base else 1.0

    def overloaded(self) -> None:
        """A timeout, a refused connection, a window of refusals: fewer at once, but only once for all under way."""
        if self.fixed is not None or self.clock() - self._fell < 1.0:
            return
        self._fell = self.clock()
        self.rising = False
        self.limit = max(1.0, self.limit * 0.7)
        self._new_window()

    def _new_window(self) -> None:
        self._answers, self._refusals, self._latency, self._since = 0, 0, 0.0, self.clock()


_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([\d.]+)(ms|s|m|h|d)")


def seconds_of(text: str | None) -> float | None:
    """`1s`, `6m0s`, `20ms` or plain seconds.

    >>> seconds_of("6m0s")
    360.0
    """
    if not text:
        return None
    parts = _PART.findall(text)
    try:
        return sum(float(n) * _UNIT[u] for n, u in parts) if parts else float(text)
    except ValueError:
        return None


@dataclass(slots=True)
class Pace:
    """Requests and tokens left in the server's window, as its headers tell; says how long to wait."""

    clock: Callable[[], float] = monotonic
    left: dict[str, float] = field(default_factory=dict)
    until: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    def read(self, headers: Mapping[str, str]) -> None:
        for kind in ("requests", "tokens"):
            left, reset = headers.get(f"x-ratelimit-remaining-{kind}"), headers.get(f"x-ratelimit-reset-{kind}")
            seconds = seconds_of(reset)
            if left is None or seconds is None:
                continue
            try:
                self.left[kind] = float(left)
            except ValueError:
                continue
            self.until[kind] = self.clock() + min(seconds, 120.0)
            if limit := headers.get(f"x-ratelimit-limit-{kind}"):
                self.limits[kind] = float(limit) if limit.replace(".", "", 1).isdigit() else 0.0

    def delay(self, tokens: Callable[[], float]) -> float:
        """Seconds to wait before a request of that many tokens; books it where there is no need to wait."""
        if not self.left:
            return 0.0
        now, wait = self.clock(), 0.0
        needs = {"requests": 1.0, "tokens": tokens()}
        for kind, need in needs.items():
            if now >= self.until.get(kind, 0.0):
                self.left.pop(kind, None)
            elif self.left.get(kind, need) < min(need, self.limits.get(kind) or need):
                wait = max(wait, self.until[kind] - now)
        if not wait:
            for kind, need in needs.items():
                if kind in self.left:
                    self.left[kind] -= need
        return wait
