"""Rewards from the judge: right answers, and their form; what cannot be judged is neutral, never wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.types import Verdict
from mathdata.verifiers import extract, judge_many
from trainers.stopping import until

__all__ = ["Rewards", "of_all", "told"]

SETTLED = ("correct", "wrong", "unparsed")
FREE = ("last number", "whole", "equation", "first equation", "letter", "formula")
"""Rules that take an answer which was not marked as one."""


class Rewards:
    """Reward functions for TRL with the statistics of their groups.

    The judge runs in workers that can be killed, with a time limit, so that no answer of the model can stop the run.
    An answer it could not tell (time out, error, a gold that cannot be read) gets the mean of its group: it neither helps
    nor hurts, and is counted. (None would be no neutral reward: beside the format's, TRL adds it up as 0, a wrong answer.)
    Answers are read up to the prompt's stop text, as evaluation reads them.
    """

    def __init__(self, generations: int, processes: int | None = 1, stop: Sequence[str] = ()) -> None:
        self.generations, self.processes, self.stop = generations, processes, stop
        self.verdicts: Counter[str] = Counter()
        self.groups, self.flat, self.untold = 0, 0, 0
        self.rows: list[str] = []
        """Rows of the answers that were judged last, each once."""

    def accuracy(self, completions: Sequence[Any], answer: Sequence[str], **more: Any) -> list[float]:
        """1 for a right answer, 0 for a wrong or missing one."""
        texts = [until(text_of(c), self.stop) for c in completions]
        self.rows = list(dict.fromkeys(more.get("row") or ()))
        verdicts = judge_many(list(zip(answer, texts)), processes=self.processes)
        self.verdicts.update(v.status for v in verdicts)
        scores = [None if (ok := told(v)) is None else float(ok) for v in verdicts]
        self.untold += scores.count(None)
        out = [s for start in range(0, len(scores), self.generations) for s in self._neutral(start, scores)]
        log = more.get("log_metric")
        if log is not None and out:
            log("accuracy", sum(out) / len(out))
            log("untold", scores.count(None) / len(out))
            log("unparsed", sum(v.status == "unparsed" for v in verdicts) / len(out))
        return out

    def _neutral(self, start: int, scores: Sequence[float | None]) -> list[float]:
        group = scores[start : start + self.generations]
        settled = [s for s in group if s is not None]
        mean = sum(settled) / len(settled) if settled else 0.0
        self.groups += 1
        self.flat += len(set(settled)) <= 1
        return [mean if s is None else s for s in group]

    def format(self, completions: Sequence[Any], **more: Any) -> list[float]:
        """1 where the answer is marked as one (box, ####, a sentence that says so)."""
        found = [extract(until(text_of(c), self.stop)) for c in completions]
        return [float(f.value is not None and f.rule not in FREE) for f in found]

    @property
    def figures(self) -> dict[str, Any]:
        """For train.json: verdicts, answers not told, groups, and how many of them had no right answer or no wrong one."""
        counts = {"untold": self.untold, "groups": self.groups, "zero_advantage_groups": self.flat}
        return {"verdicts": dict(self.verdicts), **counts}

    def restore(self, figures: Mapping[str, Any]) -> None:
        """Count on from the figures of a checkpoint."""
        self.verdicts = Counter(figures["verdicts"])
        self.groups, self.flat = figures["groups"], figures["zero_advantage_groups"]
        self.untold = figures.get("untold", 0)


def of_all(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of all processes together."""
    import torch.distributed as dist

    parts: list[Any] = [figures]
    if dist.is_available() and dist.is_initialized():
        parts = [None] * dist.get_world_size()
        dist.all_gather_object(parts, dict(figures))
    verdicts = sum((Counter(p["verdicts"]) for p in parts), Counter())
    counts = ("untold", "groups", "zero_advantage_groups")
    return {"verdicts": dict(verdicts)} | {k: sum(p[k] for p in parts) for k in counts}


def told(verdict: Verdict) -> bool | None:
    """Whether an answer is right; None where the judge could not tell: no time, an error, a gold that cannot be read."""
    unread = verdict.status == "unparsed" and verdict.reason.startswith("the gold:")
    return verdict.ok if verdict.status in SETTLED and not unread else None


def text_of(completion: Any) -> str:
    """A completion's text, also where it came as a list of messages."""
    return completion if isinstance(completion, str) else "".join(m.get("content") or "" for m in completion)
