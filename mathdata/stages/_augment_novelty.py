"""Novelty gain: how far made rows lie from the nearest row that was there, by method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mathdata.text import ngrams, words
from mathdata.types import Problem, Row

__all__ = ["Novelty"]

_KNOWN, _MADE, _N = 20_000, 200, 3
_COMMON = 200
"""A gram that this many rows share says nothing about which row is near."""


@dataclass(slots=True)
class Novelty:
    """Samples of the rows there and the rows kept; numbers count as words, so other numbers are some novelty."""

    known: list[str] = field(default_factory=list)
    made: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _seen: int = 0
    _counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _random: Random = field(default_factory=lambda: Random(0))

    def know(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self._seen += 1
            _keep(self.known, f"{problem.problem}\n{problem.solution or ''}", _KNOWN, self._seen, self._random)

    def count(self, rows: Sequence[tuple[Row, Any]]) -> None:
        for row, _ in rows:
            if row["reject"] is None:
                method = row["method"]
                self._counts[method] += 1
                text = f"{row['problem']}\n{row['solution'] or ''}"
                _keep(self.made[method], text, _MADE, self._counts[method], self._random)

    def figures(self) -> dict[str, Any]:
        """Mean distance (1 - Jaccard of word 3-grams) to the nearest row there, over a sample of the kept rows."""
        if not self.made:
            return {}
        grams = [ngrams(words(text), _N) for text in self.known]
        places: dict[int, list[int]] = defaultdict(list)
        for i, found in enumerate(grams):
            for gram in found:
                places[gram].append(i)
        return {
            "compared_with": len(self.known),
            "by_method": {
                method: {"sampled": len(texts), "gain": round(_mean([_distance(t, grams, places) for t in texts]), 4)}
                for method, texts in sorted(self.made.items())
            },
        }


def _keep(kept: list[str], text: str, most: int, seen: int, random: Random) -> None:
    """Reservoir sampling: every text has the same chance, whatever the order of the frames."""
    if len(kept) < most:
        kept.append(text)
    elif (place := random.randrange(seen)) < most:
        kept[place] = text


def _distance(text: str, grams: Sequence[set[int]], places: dict[int, list[int]]) -> float:
    own = ngrams(words(text), _N)
    shared: dict[int, int] = defaultdict(int)
    for gram in own:
        if len(found := places.get(gram, ())) <= _COMMON:
            for i in found:
                shared[i] += 1
    nearest = sorted(shared, key=lambda i: -shared[i])[:5]
    return 1.0 - max((len(own & grams[i]) / max(1, len(own | grams[i])) for i in nearest), default=0.0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
