"""Names the family of many rows at once: a rough vectorised look-up first, the exact reading for what it finds."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    finer: dict[str, Callable[[str], str]] = {}
    for place, problem, shape in zip(places.to_list(), problems.to_list(), shapes):
        key = finer[shape](problem) if shape in finer else shape
        if key not in known:
            if key is shape and (finer_key := _finer_key(problem)):
                finer[shape] = finer_key
                key = finer_key(problem)
            reading = read(problem)
            known[key] = reading.family.name if reading else None
        topics[place] = known[key]
    return frame.with_columns(pl.Series("topic", topics, dtype=pl.String))


BY_SIZE = frozenset({"loss_story", "power", "function_value"})
"""Families that look at how large a whole number is; the others only at its sign and its digits: how many, zero or not."""
_DECIMAL = re.compile(r"(?<![0-9.])[0-9]{1,15}\.[0-9]{1,15}(?![0-9.])")


def _finer_key(problem: str) -> Callable[[str], str] | None:
    """What tells apart problems of one shape that may belong to different families; None where the shape does.

    What a family of somebody else looks at is not known here: each of its problems is read.
    """
    families = [place.family for place in _table().get(mask(problem)[0], ())]
    if not all(type(f).__module__.startswith("mathdata.families.") for f in families):
        return str
    return _sizes if any(f.name in BY_SIZE for f in families) else None


def _sizes(problem: str) -> str:
    """The problem with its whole numbers as they are and its decimals by their digits."""
    return _DECIMAL.sub(lambda m: m[0].translate(_SEVENS), problem)


_SEVENS = str.maketrans("123456789", "7" * 9)


def _rough(text: pl.Expr) -> pl.Expr:
    """What `mask` makes, with every minus left out: it cannot tell a sign from an operator without looking back."""
    signs, plain = list(_RENAMED), list(_RENAMED.values())
    text = text.str.normalize("NFKC").str.to_lowercase().str.replace_many(signs, plain)
    text = text.str.replace_all(r"[0-9]+(\.[0-9]+)?", "#").str.replace_all(r"#(\s*[,、]\s*-?\s*#)+", "@")
    return text.str.replace_all(r"[-\s,，.。?？!！:：;；、'\"]+", "")


@cache
def _rough_keys() -> list[str]:
    return sorted({key.replace("-", "") for key in _table()})
