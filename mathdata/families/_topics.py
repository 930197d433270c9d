"""Names the family of many rows at once: a rough vectorised look-up first, the exact reading for what it finds."""

from __future__ import annotations

from functools import cache

import polars as pl

from mathdata.families._read import LONGEST, _table, mask, read
from mathdata.types import Frame

__all__ = ["fill_topics"]

_RENAMED = {"−": "-", "–": "-", "×": "*", "÷": "/", "∗": "*"}


def fill_topics(frame: Frame) -> Frame:
    """`topic` = the family's name where it is null and a family reads the problem."""
    text = pl.col("problem")
    is_open = frame.select(
        found=pl.col("topic").is_null() & (text.str.len_chars() <= LONGEST) & text.str.contains("[0-9０-９]")
    )["found"].fill_null(False)
    if not is_open.any():
        return frame
    rough = frame.filter(is_open).select(found=_rough(text).is_in(_rough_keys()))["found"]
    places = is_open.arg_true().filter(rough)
    if not len(places):
        return frame
    topics, problems = frame["topic"].to_list(), frame["problem"].gather(places)
    shapes = problems.str.replace_all("[1-9]", "7").to_list()
    known: dict[str, str | None] = {}
    each: set[str] = set()
    for place, problem, shape in zip(places.to_list(), problems.to_list(), shapes):
        if shape in known:
            topics[place] = known[shape]
            continue
        reading = read(problem)
        topics[place] = reading.family.name if reading else None
        if shape not in each:
            if _by_size(problem):
                each.add(shape)
            else:
                known[shape] = topics[place]
    return frame.with_columns(pl.Series("topic", topics, dtype=pl.String))


BY_SIZE = frozenset({"loss_story", "power", "function_value"})
"""Families that look at how large a number is; the others only at its sign and its digits: how many, zero or not."""


def _by_size(problem: str) -> bool:
    """Whether problems of the same shape may belong to different families, so that each must be read."""
    families = [place.family for place in _table().get(mask(problem)[0], ())]
    return any(f.name in BY_SIZE or not type(f).__module__.startswith("mathdata.families.") for f in families)


def _rough(text: pl.Expr) -> pl.Expr:
    """What `mask` makes, with every minus left out: it cannot tell a sign from an operator without looking back."""
    signs, plain = list(_RENAMED), list(_RENAMED.values())
    text = text.str.normalize("NFKC").str.to_lowercase().str.replace_many(signs, plain)
    text = text.str.replace_all(r"[0-9]+(\.[0-9]+)?", "#").str.replace_all(r"#(\s*[,、]\s*-?\s*#)+", "@")
    return text.str.replace_all(r"[-\s,，.。?？!！:：;；、'\"]+", "")


@cache
def _rough_keys() -> list[str]:
    return sorted({key.replace("-", "") for key in _table()})
