"""Which rows stand in which step: one seeded order for any number of processes; no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mathdata.trainspec import DEFAULT_SEED, TrainSpec

__all__ = ["Order", "arrange"]

WINDOW, WIDE = 8, 32
"""Steps whose rows are sorted by length together: little padding, and the order stays random beyond them.

Steps of so many rows take wide windows where one pass over the rows fills them: a wider one would hold a row twice.
"""

Micro = tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """Every micro-batch of the run in turn: `accumulation x processes` of them make one step."""

    micro: tuple[Micro, ...]
    steps: int
    accumulation: int
    processes: int
    lengths: np.ndarray

    def rows(self, step: int) -> list[int]:
        """Rows of one step (counted from 0)."""
        per = self.accumulation * self.processes
        return [row for part in self.micro[step * per : (step + 1) * per] for row in part]

    @property
    def tokens(self) -> int:
        """Real tokens of the whole run, padding apart."""
        return int(sum(self.lengths[list(part)].sum() for part in self.micro))

    @property
    def padding(self) -> float:
        """Share of the positions that are padding."""
        filled = sum(int(self.lengths[list(part)].max()) * len(part) for part in self.micro)
        return 1 - self.tokens / filled if filled else 0.0

    @property
    def rows_seen(self) -> int:
        return sum(len(part) for part in self.micro)


def arrange(
    lengths: Sequence[int], spec: TrainSpec, *, processes: int = 1, groups: Sequence[str] | None = None
) -> Order:
    """The order of the run. `groups` names each row's set where the recipe mixes sets by weight."""
    sizes = np.asarray(lengths, dtype=np.int64)
    seed = next(s for s in (spec.data_seed, spec.seed, DEFAULT_SEED) if s is not None)
    stream = _mixed(groups, spec, seed) if spec.mixture and groups is not None else _passes(len(sizes), seed)
    if spec.tokens_per_step is not None:
        return _by_tokens(sizes, spec, processes, stream, np.random.default_rng([seed, 1]))
    return _by_rows(sizes, spec, processes, stream, np.random.default_rng([seed, 1]))


def _passes(n: int, seed: int) -> Iterator[int]:
    """Row numbers without end: each pass holds every row once."""
    epoch = 0
    while True:
        yield from np.random.default_rng([seed, 0, epoch]).permutation(n).tolist()
        epoch += 1


def _mixed(groups: Sequence[str], spec: TrainSpec, seed: int) -> Iterator[int]:
    """Row numbers without end; each set has its weight's share, its rows in passes of their own."""
    assert spec.mixture is not None
    names = [g for g in spec.mixture.weights if g in set(groups)]
    members = {g: [i for i, x in enumerate(groups) if x == g] for g in names}
    streams = {g: _passes(len(members[g]), seed + 1 + k) for k, g in enumerate(names)}
    shares = np.array([spec.mixture.weights[g] for g in names])
    shares = shares / shares.sum()
    given = np.zeros(len(names))
    for drawn in range(1, 1 << 62):
        # The set that lags most behind its share: the shares hold at every moment, not only on average.
        pick = int(np.argmax(shares * drawn - given))
        given[pick] += 1
        yield members[names[pick]][next(streams[names[pick]])]


def _by_tokens(
    sizes: np.ndarray, spec: TrainSpec, processes: int, stream: Iterator[int], rng: np.random.Generator
) -> Order:
    """Each step holds `tokens_per_step` real tokens, so that arms of a comparison see equal tokens in equal steps."""
    per_step = spec.tokens_per_step or 1
    steps = _token_steps(sizes, spec, per_step)
    accumulation = spec.accumulation or 1
    out: list[Micro] = []
    used, done = 0, 0
    while done < steps:
        window = min(WINDOW, steps - done)
        goal = per_step * (done + window)
        rows: list[int] = []
        while used < goal or len(rows) < window:
            rows.append(next(stream))
            used += int(sizes[rows[-1]])
        rows.sort(key=lambda r: int(sizes[r]))
        cuts = _cut(sizes[rows], window)
        for index in rng.permutation(window):
            out += _split(rows[cuts[index] : cuts[index + 1]], sizes, accumulation * processes)
        done += window
    return Order(tuple(out), steps, accumulation, processes, sizes)


def _token_steps(sizes: np.ndarray, spec: TrainSpec, per_step: int) -> int:
    if spec.max_steps is not None:
        return spec.max_steps
    total = spec.tokens if spec.tokens is not None else (spec.epochs or 1) * int(sizes.sum())
    return max(1, round(total / per_step))


def _cut(sizes: np.ndarray, parts: int) -> list[int]:
    """Places that cut a sequence into parts of about equal sums, none empty where there are enough rows."""
    sums = np.cumsum(sizes)
    goals = sums[-1] * np.arange(1, parts) / parts
    cuts = [0, *(int(c) for c in np.searchsorted(sums, goals) + 1), len(sizes)]
    for i in range(1, parts):  # long rows: at least one row to each part
        cuts[i] = max(cuts[i - 1] + 1, min(cuts[i], len(sizes) - parts + i))
    return cuts


def _split(rows: Sequence[int], sizes: np.ndarray, parts: int) -> list[Micro]:
    """One step's rows, sorted by length, in micro-batches of about equal tokens."""
    if parts == 1:
        return [tuple(rows)]
    if len(rows) < parts:
        rows = [*rows, *([rows[0]] * (parts - len(rows)))]
    cuts = _cut(sizes[list(rows)], parts)
    return [tuple(rows[cuts[i] : cuts[i + 1]]) for i in range(parts)]


def _by_rows(
    sizes: np.ndarray, spec: TrainSpec, processes: int, stream: Iterator[int], rng: np.random.Generator
) -> Order:
    """Each step holds `batch x accumulation x processes` rows; passes run on into each other, no step is short.

    Rows of like length are put together `batch` at a time: the same `batch` gives the same steps on any number of
    processes with `global_batch`, another one other steps; with `batches: random` it changes nothing.
    """
    per_step, accumulation = spec.rows_per_step(processes)
    steps = spec.max_steps or max(1, math.ceil((spec.epochs or 1) * len(sizes) / per_step - 1e-9))
    parts = accumulation * processes
    out: list[Micro] = []
    wide = min(WIDE, max(WINDOW, len(sizes) // per_step))
    for start in range(0, steps, wide):
        window = min(wide, steps - start)
        rows = [next(stream) for _ in range(window * per_step)]
        if spec.batches != "random":
            rows = _batches_by_length(rows, sizes, spec.batch, rng)
        for i in range(window):
            part = rows[i * per_step : (i + 1) * per_step]
            chunks = [part[k * spec.batch : (k + 1) * spec.batch] for k in range(parts)]
            chunks.sort(key=lambda c: int(sizes[c].max()))  # processes of one moment get like lengths
            out += [tuple(c) for c in chunks]
    return Order(tuple(out), steps, accumulation, processes, sizes)


def _batches_by_length(rows: list[int], sizes: np.ndarray, batch: int, rng: np.random.Generator) -> list[int]:
    """Rows of like length side by side, the batches in random order."""
    rows = sorted(rows, key=lambda r: int(sizes[r]))
    order = rng.permutation(len(rows) // batch)
    return [row for k in order for row in rows[k * batch : (k + 1) * batch]]
