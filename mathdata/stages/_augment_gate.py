"""What a made row must pass: the judge's verdict on answer and steps, and being new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import xxhash

from mathdata.near import cluster
from mathdata.near.reference import Reference
from mathdata.stages.decontaminate import reference
from mathdata.text import normal_column, template_column
from mathdata.types import Problem, Row
from mathdata.worked import path_key

__all__ = ["Gate"]

ROUNDED = "Round the answer."
"""Stands for the problem of a row whose answer is met at its own precision (`_rounded`)."""
_ITEM = {"problem": pl.String, "answer": pl.String}


@dataclass(slots=True)
class Gate:
    """Remembers every question and, where asked for, every reasoning path it has seen."""

    questions: set[int] = field(default_factory=set)
    solutions: dict[int, list[str]] = field(default_factory=dict)
    paths: dict[int, set[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    benchmarks: dict[str, Reference] = field(default_factory=dict)

    def know(self, problems: Sequence[Problem]) -> None:
        """Questions and solutions that are there already; their paths are read only when one is compared."""
        self.texts += [p.problem for p in problems]
        for key, problem in zip(_keys([p.problem for p in problems]), problems):
            self.questions.add(key)
            if problem.solution:
                self.solutions.setdefault(key, []).append(problem.solution)

    def judge(self, rows: Sequence[Row]) -> None:
        """Verdict, step errors and template of every row that is still in; wrong ones are rejected by name."""
        from mathdata.verifiers import check_steps, judge_many

        open_rows = [r for r in rows if r["reject"] is None]
        for row, template in zip(rows, template_column(pl.Series([r["problem"] for r in rows], dtype=pl.String))):
            row["template"] = template
        problems = [ROUNDED if r.pop("_rounded", False) else r["problem"] for r in open_rows]
        verdicts = judge_many([(r["answer"], r["solution"]) for r in open_rows], problems=problems)
        for row, verdict in zip(open_rows, verdicts):
            row["verdict"], row["verdict_reason"] = verdict.status, verdict.reason or None
            report = check_steps(row["solution"] or "")
            row["step_errors"] = report.false
            if not verdict.ok:
                _reject(row, "wrong-answer", f"{verdict.status}: {verdict.reason}".rstrip(": "))
            elif report.false and report.first_false is not None:
                text, _, why = report.first_false
                _reject(row, "false-step", f"'{text}': {why}")

    def novel(self, rows: Sequence[tuple[Row, Any]]) -> None:
        """A question (or, for further solutions, a reasoning path) that is there already is `not-new`."""
        for key, (row, method) in zip(_keys([r["problem"] for r, _ in rows]), rows):
            if row["reject"] is not None:
                continue
            kind = getattr(method, "novelty", "none")
            if kind == "path" and not self._new_path(key, row["solution"] or ""):
                _reject(row, "not-new", "a solution with the same list of equations is there already")
            elif kind in ("question", "near") and key in self.questions:
                _reject(row, "not-new", "the same question is there already")
            elif kind in ("question", "near"):
                self.questions.add(key)
        invented = [(r, m) for r, m in rows if r["reject"] is None and getattr(m, "novelty", "") == "near"]
        if invented:
            self._not_near(invented)

    def _not_near(self, rows: Sequence[tuple[Row, Any]]) -> None:
        """Invented questions near a benchmark item (`too-near`), or with the numbers and nearly the words of a row."""
        for name in sorted({n for _, m in rows for n in getattr(m, "against", ())}):
            self._leaks([r for r, m in rows if name in getattr(m, "against", ())], name)
        rest = [r for r, _ in rows if r["reject"] is None]
        texts = normal_column(pl.Series([*self.texts, *(r["problem"] for r in rest)], dtype=pl.String))
        stars = cluster(texts)
        for i, row in enumerate(rest, start=len(self.texts)):
            if (star := int(stars.star[i])) != i:
                what = "a row of the table" if star < len(self.texts) else "another invented one"
                _reject(row, "not-new", f"the numbers and {stars.similarity[i]:.0%} of the words of {what}")
        self.texts += [r["problem"] for r in rest if r["reject"] is None]

    def _leaks(self, rows: Sequence[Row], name: str) -> None:
        if name not in self.benchmarks:
            self.benchmarks[name] = reference(name)
        frame = pl.DataFrame([{"problem": r["problem"], "answer": r["answer"]} for r in rows], schema=_ITEM)
        for hit in self.benchmarks[name].hits(frame):
            if rows[hit.row]["reject"] is None:
                _reject(rows[hit.row], "too-near", f"{name} item {hit.item}: {hit.how}, {hit.similarity:.0%} alike")

    def _new_path(self, key: int, solution: str) -> bool:
        known = self.paths.setdefault(key, set())
        for text in self.solutions.pop(key, ()):
            known.add(path_key(text))
        path = path_key(solution)
        if path in known:
            return False
        known.add(path)
        return True


def _reject(row: Row, word: str, why: str) -> None:
    row["reject"], row["reject_why"] = word, why


def _keys(texts: Sequence[str]) -> list[int]:
    """Questions that differ only in form have one key."""
    forms = normal_column(pl.Series(texts, dtype=pl.String)).to_list()
    return [xxhash.xxh3_64_intdigest(f.encode("utf-8", "surrogatepass")) for f in forms]
