"""Diverse: every template first, then rows as far from the chosen ones as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from mathdata.errors import MissingExtra, UsageError
from mathdata.near.semantic import MODEL, Encode, encoder
from mathdata.registry import register
from mathdata.samplers._draw import Asked, Chosen, interleave
from mathdata.text import ngrams, words
from mathdata.types import Frame

WIDTH = 128
ROUNDS = 400
"""Above so many rows several of the farthest are taken in one round."""
BLOCK = 1_024
"""Texts that are encoded at once."""
BESIDE = 64
"""Chosen points that the others are held against at once."""

Points = npt.NDArray[np.float32]


@register("sampler", "diverse")
class Diverse:
    """Templates are covered first, one row each, round by round; of a round that does not fit, the farthest rows.

    Beside the text of every row, vectors are held for that last round alone, a row for each template at most: 512
    bytes each for n-grams, 4 bytes times the model's width for embeddings (384 for the usual model: 1.5 GB for a
    million). Rows chosen in the rounds before it are encoded a block at a time. Embeddings are the same, and so are the
    rows, on the same machine with the same library. Time grows with templates times n.
    """

    name = "diverse"
    needs = uses = ("n",)
    columns: tuple[str, ...] = ("template", "problem")

    def __init__(
        self,
        encode: Encode | None = None,
        *,
        vectors: Annotated[
            Literal["ngram", "embedding"], "What says how far apart rows are: their words, or a sentence embedding."
        ] = "ngram",
        model: Annotated[
            str | None, f"The sentence-transformers model of embedding: a hub name or a folder (default: {MODEL})."
        ] = None,
    ):
        if model is not None and vectors != "embedding":
            raise UsageError(
                f"sample: diverse by n-grams does not use model: {model}",
                f"write {{diverse: {{vectors: embedding, model: {model}}}}}, or leave model out",
            )
        if vectors == "embedding" and encode is None and find_spec("sentence_transformers") is None:
            raise MissingExtra("sample: diverse with vectors: embedding needs sentence-transformers", extra="semantic")
        self.vectors, self.model, self.encode = vectors, model or MODEL, encode

    def choose(self, rows: Frame, asked: Asked) -> Chosen:
        n = asked.n or 0
        order = interleave(rows, "template")
        templates = order["template"].n_unique()
        turn = order.select(pl.int_range(pl.len()).over("template")).to_series()
        if n < order.height:
            whole = order.filter(turn < turn[n])
            last = order.filter(turn == turn[n])
            picked = self._farthest(whole["problem"].to_list(), last["problem"].to_list(), n - whole.height)
            order = pl.concat([whole, last[picked]])
        covered = order["template"].n_unique()
        return Chosen(order["i"], {"missing": max(0, n - order.height), "templates": templates, "covered": covered})

    def _farthest(self, chosen: list[str | None], texts: list[str | None], n: int) -> list[int]:
        """Indices of the n texts farthest from the chosen ones and from each other."""
        if not n:
            return []
        made = self._vectors()
        points, near = _points(made, texts), None
        for start in range(0, len(chosen), BLOCK):
            beside = nearest(points, made(chosen[start : start + BLOCK]))
            near = beside if near is None else np.maximum(near, beside)
        found: list[int] = farthest(points, n, near).tolist()
        return found

    def _vectors(self) -> Callable[[Sequence[str | None]], Points]:
        if self.vectors == "ngram":
            return vectors
        encode = self.encode or encoder(self.model)
        return lambda texts: encode([t or "" for t in texts])


def _points(made: Callable[[Sequence[str | None]], Points], texts: list[str | None]) -> Points:
    """The vectors of all texts, a block at a time, so that they are held once."""
    first = made(texts[:BLOCK])
    points = np.empty((len(texts), first.shape[1]), dtype=np.float32)
    points[:BLOCK] = first
    for start in range(BLOCK, len(texts), BLOCK):
        points[start : start + BLOCK] = made(texts[start : start + BLOCK])
    return points


def vectors(texts: Sequence[str | None]) -> Points:
    """Unit vectors of hashed words and word pairs."""
    made = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for row, text in enumerate(texts):
        tokens = words(text)
        for gram in ngrams(tokens, 1) | ngrams(tokens, 2):
            made[row, gram % WIDTH] += 1.0 if gram & (1 << 40) else -1.0
    made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-6)
    return made


def nearest(points: Points, chosen: Points) -> Points:
    """The cosine of each point and the nearest of the chosen ones; rounded, so that the draw decides between equals."""
    made = np.full(len(points), -np.inf, dtype=np.float32)
    for start in range(0, len(chosen), BESIDE):
        made = np.maximum(made, (points @ chosen[start : start + BESIDE].T).max(axis=1))
    return made.round(5)


def farthest(points: Points, n: int, near: Points | None = None) -> npt.NDArray[Any]:
    """Indices of n points, each round those farthest from all chosen before, to which they are as `near` as that says.

    With none chosen before, the first is point 0.
    """
    chosen: list[int] = [] if near is not None else [0]
    near = near if near is not None else nearest(points, points[:1])
    step = max(1, n // ROUNDS)
    while len(chosen) < n:
        near[chosen] = np.inf
        new = np.argsort(near, kind="stable")[: min(step, n - len(chosen))]
        chosen.extend(new.tolist())
        near = np.maximum(near, nearest(points, points[new]))
    return np.array(chosen)
