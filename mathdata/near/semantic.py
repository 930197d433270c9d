"""Candidates for paraphrase by sentence embedding: for review only, with sentence-transformers as an extra."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mathdata.errors import DataError, MissingExtra

__all__ = ["MODEL", "Encode", "encoder", "similar"]

MODEL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
ALIKE = 0.85
Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]


def encoder(model: str = MODEL) -> Encode:
    """Texts -> unit vectors. Raises MissingExtra without sentence-transformers, DataError where no model is there."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtra("--semantic needs sentence-transformers", extra="semantic") from error
    try:
        made: Any = SentenceTransformer(model)
    except (OSError, ValueError) as error:
        said = str(error).strip().partition("\n")[0]
        hint = "give a hub name, or a folder that sentence-transformers can load"
        raise DataError(f"no embedding model '{model}': {said}", hint) from error
    return lambda texts: np.asarray(made.encode(list(texts), normalize_embeddings=True), dtype=np.float32)


def similar(
    rows: Sequence[str], items: npt.NDArray[np.float32], encode: Encode, alike: float = ALIKE, block: int = 1_024
) -> Iterator[tuple[int, int, float]]:
    """(row, nearest item, cosine) for rows whose nearest item is at least `alike`; a block of rows at a time."""
    for start in range(0, len(rows), block):
        cosines = encode(rows[start : start + block]) @ items.T
        best = cosines.argmax(axis=1)
        for offset in np.flatnonzero(cosines[np.arange(len(best)), best] >= alike).tolist():
            yield start + offset, int(best[offset]), float(cosines[offset, best[offset]])
