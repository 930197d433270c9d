"""Rows into requests, answers into rows: the work of `augment` on one frame."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from mathdata.augmentations.asking import render
from mathdata.augmentations.replies import failed
from mathdata.backends.journal import Journal
from mathdata.backends.journaled import Journaled
from mathdata.backends.money import Budget, Price
from mathdata.schema import COLUMNS, child
from mathdata.seeds import number_of, seed_for
from mathdata.stages._augment_figures import Tally
from mathdata.stages._augment_gate import Gate
from mathdata.stages._augment_novelty import Novelty
from mathdata.types import Completion, Frame, Problem, Progress, Request, Row

__all__ = ["EXTRA", "Maker"]

EXTRA: dict[str, Any] = {"prompt": pl.String, "asked": pl.String, "sample": pl.Int32, "reasoning": pl.String}
"""Columns of made rows beside the house's: prompt hash, what was asked with (JSON), sample number, reasoning.

A teacher with `logprobs` adds `logprob`, the mean over an answer's tokens.
"""
_SCHEMA = {c.name: c.dtype for c in COLUMNS} | EXTRA
_ROUNDS = 4
_HIDDEN = frozenset({"question", "story", "asked", "expected", "schema", "skip"})


@dataclass(slots=True)
class Ask:
    """One request on its way: from which row, by which method, which samples."""

    problem: Problem
    method: Any
    request: Request
    samples: list[int]
    answers: list[Completion] = field(default_factory=list)


@dataclass(slots=True)
class Maker:
    """What one augment stage needs for every frame; remembers what it has seen and counted."""

    methods: list[Any]
    backend: Any
    journal: Journal
    samples: int
    settings: Mapping[str, Any]
    budget: Budget | None
    price: Price | None
    prompts: Mapping[str, str]
    think: str
    originals: str
    seed: int
    progress: Progress
    tally: Tally = field(default_factory=Tally)
    gate: Gate = field(default_factory=Gate)
    novelty: Novelty = field(default_factory=Novelty)
    _stored: Journaled | None = None

    @property
    def proves(self) -> bool:
        """A proving teacher reads the problem, not a prompt; what it makes is cheaper to remake than to store."""
        return bool(getattr(self.backend, "proves", self.backend.name.startswith("symbolic")))

    @property
    def stored(self) -> Journaled:
        if self._stored is None:
            self._stored = Journaled(self.backend, self.journal, self.budget, self.progress)
        return self._stored

    def make(self, frame: Frame) -> Frame:
        """The frame's rows and the rows made from them."""
        problems = [Problem.from_row(row) for row in frame.iter_rows(named=True)]
        self.gate.know(problems)
        self.novelty.know(problems)
        asks = self._answered(self._asks(problems))
        rows = self._rows(asks)
        self.gate.judge([r for r, _ in rows])
        self._settle(rows)
        self.gate.novel(rows)
        self.tally.count(rows, asks)
        self.novelty.count(rows)
        made = pl.DataFrame([r for r, _ in rows], schema=self._columns(), orient="row") if rows else None
        if self.originals == "replace":
            frame = _set_aside(frame, [r for r, _ in rows])
        return frame if made is None else pl.concat([frame, made], how="diagonal_relaxed")

    def would_ask(self, frame: Frame) -> list[Request]:
        """What a run would send for this frame: what the journal has is not in it."""
        asks = self._asks([Problem.from_row(row) for row in frame.iter_rows(named=True)])
        requests = [a.request for a in asks if "skip" not in a.request.params]
        return [] if self.proves else self.stored.missing(requests)

    def estimate_note(self) -> str:
        """Which methods ask again once they have an answer: how often is not known before."""
        again = [m.name for m in self.methods if hasattr(m, "follow")]
        more = (
            f"; {', '.join(again)} ask a second time for what comes of the first" if again and not self.proves else ""
        )
        return f"what the journal holds is not counted{more}"

    def figures(self) -> dict[str, Any]:
        found = self.tally.figures() | {"novelty": self.novelty.figures()}
        if self._stored is not None:
            found["teacher"] = {"name": self.backend.name, **self._stored.figures}
            found["teacher"] |= dict(getattr(self.backend, "figures", {}))
            if self.budget is not None:
                found["budget"] = self.budget.describe()
            if self.journal.salvaged:
                found["journal_salvaged"] = self.journal.salvaged
        return found

    # --- requests -------------------------------------------------------------------------------------------------

    def _asks(self, problems: Sequence[Problem]) -> list[Ask]:
        asks = []
        for method in self.methods:
            for problem in problems:
                asks += self._asks_of(method, problem)
        return asks

    def _asks_of(self, method: Any, problem: Problem) -> list[Ask]:
        """A row's requests of one method; equal ones become one with n samples where the teacher reads text."""
        found: dict[str, Ask] = {}
        for k in range(self.samples):
            for i, request in enumerate(method.requests(problem, seed_for(self.seed, problem.id, method.name, k))):
                ask = Ask(problem, method, self._ready(request), [k])
                same = f"{k}/{i}" if self.proves else _merge_key(ask.request)
                if same in found and "skip" not in request.params:
                    found[same].samples.append(k)
                else:
                    found.setdefault(same, ask)
        for ask in found.values():
            if len(ask.samples) > 1:
                sampling = replace(ask.request.sampling, n=len(ask.samples) * ask.request.sampling.n)
                ask.request = replace(ask.request, sampling=sampling)
        return list(found.values())

    def _ready(self, request: Request) -> Request:
        if self.proves:
            return request
        request = replace(request, sampling=replace(request.sampling, **self.settings))
        return request if "skip" in request.params else render(request, self.prompts)

    def _answered(self, asks: list[Ask]) -> list[Ask]:
        """Every request answered, with the turns that follow from answers; the asks that end in rows."""
        done: list[Ask] = []
        for _ in range(_ROUNDS):
            self._answer(asks)
            following: list[Ask] = []
            for ask in asks:
                self._follow(ask, done, following)
            if not following:
                return done
            asks = following
        return done

    def _answer(self, asks: list[Ask]) -> None:
        for ask in asks:
            if (why := ask.request.params.get("skip")) and not self.proves:
                ask.answers = [Completion(finish="unsupported", reason=str(why))]
        open_asks = [a for a in asks if not a.answers]
        answer = self._prove if self.proves else self.stored.generate
        for ask, answers in zip(open_asks, answer([a.request for a in open_asks])):
            ask.answers = answers

    def _prove(self, requests: Sequence[Request]) -> list[list[Completion]]:
        answers: list[list[Completion]] = []
        size = int(getattr(self.backend, "chunk", 500))
        for start in range(0, len(requests), size):
            answers += self.backend.generate(requests[start : start + size])
            self.progress(len(answers), len(requests), "")
        return answers

    def _follow(self, ask: Ask, done: list[Ask], following: list[Ask]) -> None:
        follow = getattr(ask.method, "follow", None)
        kept = []
        for sample, answer in zip(_numbers(ask), ask.answers):
            more = follow(ask.problem, ask.request, answer) if follow is not None and failed(answer) is None else []
            following += [Ask(ask.problem, ask.method, self._ready(r), [sample]) for r in more]
            if not more:
                kept.append((sample, answer))
        if kept:
            done.append(replace(ask, samples=[s for s, _ in kept], answers=[a for _, a in kept]))

    # --- rows -----------------------------------------------------------------------------------------------------

    def _rows(self, asks: Sequence[Ask]) -> list[tuple[Row, Any]]:
        """Completed rows with the method that made them, numbered within parent and method."""
        numbers: dict[tuple[str, str], int] = {}
        rows = []
        for ask in asks:
            for row in self._rows_of(ask):
                place = (ask.problem.id, ask.method.name)
                number = numbers[place] = numbers.get(place, -1) + 1
                rows.append((self._complete(ask, row, number), ask.method))
        return rows

    def _rows_of(self, ask: Ask) -> list[Row]:
        gather = getattr(ask.method, "gather", None)
        if gather is not None:
            made = [dict(r) for r in gather(ask.problem, ask.request, ask.answers)]
            answers = ask.answers if len(made) == len(ask.answers) else ask.answers[:1] * len(made)
            return [{"_by": c, "sample": s} | r for r, c, s in zip(made, answers, _numbers(ask) * len(made))]
        return [
            dict(row) | {"_by": answer, "sample": sample}
            for sample, answer in zip(_numbers(ask), ask.answers)
            for row in ask.method.rows(ask.problem, ask.request, answer)
        ]

    def _complete(self, ask: Ask, made: Row, number: int) -> Row:
        by: Completion = made.pop("_by")
        if made.get("reject") and not made.get("problem"):
            made["problem"] = ask.problem.problem
        row = child(ask.problem.row, made, method=ask.method.name, number=number)
        row["teacher"], row["call"] = self.backend.name, by.call
        row["prompt"], row["asked"] = ask.request.prompt, self._asked_with(ask.request)
        row["reasoning"] = by.reasoning if self.think == "keep" else None
        if getattr(self.backend, "logprobs", False):
            each = by.data.get("logprobs") or ()
            row["logprob"] = sum(each) / len(each) if each else None
        return row

    def _asked_with(self, request: Request) -> str:
        own = {k: v for k, v in request.params.items() if k not in _HIDDEN}
        told: dict[str, Any] = {"seed": request.sampling.seed, **own}
        if not self.proves:
            told = {**self.settings, **told}
        return json.dumps(told, ensure_ascii=False, sort_keys=True, default=str)

    def _columns(self) -> dict[str, Any]:
        return _SCHEMA | ({"logprob": pl.Float64} if getattr(self.backend, "logprobs", False) else {})

    def _settle(self, rows: Sequence[tuple[Row, Any]]) -> None:
        for method in self.methods:
            if (settle := getattr(method, "settle", None)) is not None:
                settle([r for r, m in rows if m is method])


def _numbers(ask: Ask) -> list[int]:
    """The sample number of each answer; several drawn for one sample share its number."""
    first = ask.samples[0] if ask.samples else number_of(ask.request.sampling.seed or 0)
    each = max(1, len(ask.answers) // max(1, len(ask.samples)))
    numbers = [s for s in ask.samples for _ in range(each)]
    return numbers + [first] * (len(ask.answers) - len(numbers))


def _merge_key(request: Request) -> str:
    return json.dumps([request.messages, request.text, dict(request.params)], sort_keys=True, default=str)


def _set_aside(frame: Frame, rows: Sequence[Row]) -> Frame:
    """Originals with at least one kept child are rejected as `replaced`; nothing is deleted."""
    kept: dict[str, int] = {}
    for row in rows:
        if row["reject"] is None:
            kept[row["parents"][0]] = kept.get(row["parents"][0], 0) + 1
    if not kept:
        return frame
    count = pl.col("id").replace_strict(list(kept), list(kept.values()), default=0, return_dtype=pl.Int64)
    has = (count > 0) & pl.col("reject").is_null()
    why = pl.format("{} rows made from it stand in its place", count)
    return frame.with_columns(
        pl.when(has).then(pl.lit("replaced")).otherwise(pl.col("reject")).alias("reject"),
        pl.when(has).then(why).otherwise(pl.col("reject_why")).alias("reject_why"),
    )
