"""Held-out problems: those whose operands the split keeps out of training, in every wording and language."""

from __future__ import annotations

import random
from collections.abc import Sequence

from mathdata.families._base import LANGUAGES, Family
from mathdata.families._write import Split, draw, get, wording, work
from mathdata.schema import conform
from mathdata.types import Frame, Row

__all__ = ["heldout"]


def heldout(split: Split, families: Sequence[str], each: int, seed: int = 2024) -> Frame:
    """`each` problems of a split per family and language, every wording as often; the same on every machine."""
    import polars as pl

    rows = []
    for name in families:
        for language in LANGUAGES:
            rng = random.Random(f"{seed} {split} {name} {language}")
            rows += _items(get(name), language, split, each, rng)
    frame = pl.DataFrame(rows).with_columns(source=pl.lit(f"elementary/{split}"), license=pl.lit("Apache-2.0"))
    return conform(frame, f"elementary/{split}")


def _items(family: Family, language: str, split: Split, each: int, rng: random.Random) -> list[Row]:
    found: dict[str, Row] = {}
    for attempt in range(each * 200):
        params = draw(family, rng, split) | family.choose_words(rng, language)
        problem = wording(family, params, language, attempt)
        if problem not in found:
            worked = work(family, params, language)
            found[problem] = {
                "problem": problem,
                "solution": worked.solution,
                "answer": worked.answer,
                "topic": family.name,
                "language": language,
                "difficulty": float(worked.steps),
            }
        if len(found) == each:
            break
    return list(found.values())
