"""Groups by what a problem holds: the parameters of its family, as `param.n` in --by and `power.n.0` in a quota."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import polars as pl

from mathdata.errors import UsageError, nearest
from mathdata.types import Frame

__all__ = ["PREFIX", "Finer", "check_params", "finer_groups", "with_groups"]

PREFIX = "param."


class Finer(NamedTuple):
    """A group within a family: the problems whose parameter `slot` has this value."""

    family: str
    slot: str
    value: str


def finer_groups(groups: Iterable[str]) -> dict[str, Finer]:
    """The groups of a quota that are part of a family: `power.n.0` is the family `power` where `n` is 0.

    Raises UsageError for a family that has no such parameter.
    """
    parts = {g: g.split(".", 2) for g in groups if g.count(".") >= 2}
    if not parts:
        return {}
    from mathdata.families import names

    known = set(names())
    found = {g: Finer(*p) for g, p in parts.items() if p[0] in known}
    for group, finer in found.items():
        if finer.slot not in (valid := _slots(finer.family)):
            raise UsageError(
                f"sample: {group}: family '{finer.family}' has no parameter '{finer.slot}'",
                f"{nearest(finer.slot, valid)} (it has {', '.join(valid)})",
            )
    return found


def _slots(family: str) -> list[str]:
    """The parameters of a family: what its wordings leave open."""
    from mathdata.families import get
    from mathdata.families._read import slots_of

    return sorted({slot for templates in get(family).wordings.values() for t in templates for slot in slots_of(t)})


def check_params(by: Sequence[str]) -> None:
    """Every `param.SLOT` of --by is a parameter of some family. Raises UsageError."""
    asked = [c.removeprefix(PREFIX) for c in by if c.startswith(PREFIX)]
    if not asked:
        return
    from mathdata.families import names

    valid = sorted({slot for family in names() for slot in _slots(family)})
    for slot in asked:
        if slot not in valid:
            raise UsageError(f"sample: no family has a parameter '{slot}' ({PREFIX}{slot})", nearest(slot, valid))


def with_groups(frame: Frame, keys: Iterable[str], finer: Mapping[str, Finer]) -> Frame:
    """The frame with the columns that `keys` asks for and no file has: `param.SLOT`, and `topic` as finely as told.

    `topic` is the family's name where it is null. A row that no family reads has no parameter.
    """
    slots = [k for k in keys if k.startswith(PREFIX)]
    if slots:
        params = [_read(p)[1] for p in frame["problem"].to_list()]
        frame = frame.with_columns(
            pl.Series(s, [p.get(s.removeprefix(PREFIX)) for p in params], dtype=pl.String) for s in slots
        )
    return _topics(frame, finer) if "topic" in keys else frame


def _topics(frame: Frame, finer: Mapping[str, Finer]) -> Frame:
    unclear = frame["topic"].is_null() | frame["topic"].is_in(sorted({f.family for f in finer.values()}))
    if not unclear.any():
        return frame
    made = [_topic(p, t, finer) for p, t in frame.filter(unclear).select("problem", "topic").iter_rows()]
    return frame.with_columns(frame["topic"].scatter(unclear.arg_true(), pl.Series(made, dtype=pl.String)))


def _topic(problem: str | None, topic: str | None, finer: Mapping[str, Finer]) -> str | None:
    family, params = _read(problem)
    if family is None:
        return topic
    mine = (g for g, f in finer.items() if f.family == family and _same(params.get(f.slot), f.value))
    return next(mine, family)


def _read(problem: str | None) -> tuple[str | None, Mapping[str, str]]:
    from mathdata.families import parse

    found = parse(problem or "")
    return (None, {}) if found is None else (found[0].name, found[1])


def _same(mine: str | None, asked: str) -> bool:
    """Equal texts or equal numbers: 2.50 is 2.5."""
    try:
        return mine is not None and (mine == asked or Fraction(mine) == Fraction(asked))
    except (ValueError, ZeroDivisionError):
        return False
