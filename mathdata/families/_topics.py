"""Names the family of many rows at once: a rough vectorised look-up first, the exact reading for what it finds."""

from __future__ import annotations

from functools import cache

import polars as pl

from mathdata.families._read import LONGEST, _table, read
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
    topics = frame["topic"].to_list()
    for place, problem in zip(places.to_list(), frame["problem"].gather(places).to_list()):
        reading = read(problem)
        topics[place] = reading.family.name if reading else None
    return frame.with_columns(pl.Series("topic", topics, dtype=pl.String))


def _rough(text: pl.Expr) -> pl.Expr:
    """What `mask` makes, with every minus left out: it cannot tell a sign from an operator without looking back."""
    signs, plain = list(_RENAMED), list(_RENAMED.values())
    text = text.str.normalize("NFKC").str.to_lowercase().str.replace_many(signs, plain)
    text = text.str.replace_all(r"[0-9]+(\.[0-9]+)?", "#").str.replace_all(r"#(\s*[,、]\s*-?\s*#)+", "@")
    return text.str.replace_all(r"[-\s,，.。?？!！:：;；、'\"]+", "")


@cache
def _rough_keys() -> list[str]:
    return sorted({key.replace("-", "") for key in _table()})
