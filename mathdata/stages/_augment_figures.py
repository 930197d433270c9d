"""The figures of `augment`: acceptance by method, level and source, solve rates, what was not supported and why."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mathdata.types import STATUSES, Row

__all__ = ["Tally"]

_BINS = 10
_REASONS = 30
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
"""Reasons that differ only in a row's own numbers are one reason."""
_FILTERS = {
    "right_answer": {"wrong-answer"},
    "true_steps": {"wrong-answer", "false-step"},
    "kept": {"wrong-answer", "false-step", "not-new", "too-near", "unsolvable"},
}
"""The filters in their order: what a row must not be rejected for to be left after each."""


@dataclass(slots=True)
class Tally:
    """Counts over all frames of one stage; every figure is computed from the rows."""

    cells: dict[tuple[str, str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    rates: dict[str, list[int]] = field(default_factory=lambda: {s: [0] * (_BINS + 1) for s in ("judged", *_FILTERS)})
    requests: int = 0

    def count(self, rows: Sequence[tuple[Row, Any]], asks: Sequence[Any]) -> None:
        self.requests += len(asks)
        for row, _ in rows:
            word = row["reject"] or "kept"
            self.cells[row["method"], str(row["level"] or "-"), str(row["source"] or "-")][word] += 1
            if word == "unsupported":
                self.reasons[row["method"], _NUMBER.sub("N", str(row["reject_why"]))] += 1
        self._solve_rates(rows)

    def _solve_rates(self, rows: Sequence[tuple[Row, Any]]) -> None:
        """How often a question was solved, over the rows left after each filter; fills `pass_rate`.

        Only questions with two judged samples or more: one sample has no rate.
        """
        asked: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row, _ in rows:
            if row["verdict"] in STATUSES:
                asked[row["method"], row["problem"]].append(row)
        for group in asked.values():
            if len(group) < 2:
                continue
            rate = sum(r["verdict"] == "correct" for r in group) / len(group)
            for row in group:
                row["pass_rate"] = rate
                self.rates["judged"][int(rate * _BINS)] += 1
                for stage, words in _FILTERS.items():
                    self.rates[stage][int(rate * _BINS)] += row["reject"] not in words

    def figures(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "acceptance": [
                {"method": method, "level": level, "source": source, **_line(words)}
                for (method, level, source), words in sorted(self.cells.items())
            ],
            "by_method": {m: _line(words) for m, words in sorted(self._by_method().items())},
            "unsupported": [
                {"method": method, "reason": reason, "rows": n}
                for (method, reason), n in self.reasons.most_common(_REASONS)
            ],
            "solve_rate": {"bins": [i / _BINS for i in range(_BINS + 1)], **self.rates},
        }

    def _by_method(self) -> dict[str, Counter[str]]:
        total: dict[str, Counter[str]] = defaultdict(Counter)
        for (method, _, _), words in self.cells.items():
            total[method].update(words)
        return total


def _line(words: Counter[str]) -> dict[str, Any]:
    made = sum(words.values())
    rejected = {w: n for w, n in sorted(words.items()) if w != "kept"}
    return {"made": made, "kept": words["kept"], "share": round(words["kept"] / made, 4), "rejected": rejected}
