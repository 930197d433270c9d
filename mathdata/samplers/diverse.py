"""Diverse: every template first, then rows as far from the chosen ones as possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mathdata.registry import register
from mathdata.samplers._draw import Asked, Chosen, interleave
from mathdata.text import ngrams, words
from mathdata.types import Frame

WIDTH = 128
ROUNDS = 400
"""Above so many rows several of the farthest are taken in one round."""


@register("sampler", "diverse")
class Diverse:
    """Templates are covered first; where there are too many, those farthest apart by their n-grams."""

    name = "diverse"
    needs = ("n",)
    columns: tuple[str, ...] = ("template", "problem")

    def choose(self, rows: Frame, asked: Asked) -> Chosen:
        n = asked.n or 0
        order = interleave(rows, "template")
        templates = order["template"].n_unique()
        if n >= templates:
            taken = order.head(n)
        else:
            first = order.head(templates)
            taken = first[farthest(vectors(first["problem"].to_list()), n).tolist()]
        covered = taken["template"].n_unique()
        return Chosen(taken["i"], {"missing": max(0, n - taken.height), "templates": templates, "covered": covered})


def vectors(texts: list[str | None]) -> npt.NDArray[np.float32]:
    """Unit vectors of hashed words and word pairs."""
    made = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for row, text in enumerate(texts):
        tokens = words(text)
        for gram in ngrams(tokens, 1) | ngrams(tokens, 2):
            made[row, gram % WIDTH] += 1.0 if gram & (1 << 40) else -1.0
    made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-6)
    return made


def farthest(points: npt.NDArray[np.float32], n: int) -> npt.NDArray[Any]:
    """Indices of n points, each round those farthest from all chosen before; the first is point 0."""
    chosen = [0]
    nearest = points @ points[0]
    step = max(1, n // ROUNDS)
    while len(chosen) < n:
        nearest[chosen] = np.inf
        new = np.argsort(nearest, kind="stable")[: min(step, n - len(chosen))]
        chosen.extend(new.tolist())
        nearest = np.maximum(nearest, (points @ points[new].T).max(axis=1))
    return np.array(chosen)
