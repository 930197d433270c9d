"""Clock times against clock times, durations and ratios."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from mathdata.verifiers.trees import Tree
from mathdata.verifiers.units import read_unit

__all__ = ["times"]


def times(a: Tree, b: Tree, scalars: Callable[[Tree, Tree], bool | None]) -> bool:
    """Clock times; `7:32` may be a ratio as well, and a duration in hours may stand beside `7时30分`."""
    if a[0] == b[0] == "time":
        return _clock(a) == _clock(b) if a[4] and b[4] else _may_be(a, b)
    time, other = (a, b) if a[0] == "time" else (b, a)
    if other[0] == "unit" and other[1][0] == "num":
        factor, kind = read_unit(other[2]) or (0, ())
        seconds = time[1] * 3600 + time[2] * 60 + time[3]  # 7时30分
        whole = time[2] == time[3] == 0 and other[1][1] == time[1]
        return bool(whole or (kind == (("time", 1),) and other[1][1] * factor == seconds))
    if other[0] not in ("ratio", "mul", "num") or time[4]:
        return False
    parts = time[1:4] if time[3] else time[1:3]
    ratio: Tree = ("ratio", tuple(("num", Fraction(x), None) for x in parts))
    return (scalars(ratio, other) if time is a else scalars(other, ratio)) is True


def _clock(t: Tree) -> tuple[int, int, int]:
    """Hour of the day, minute, second."""
    hour = t[1] % 12 + (12 if t[4] == "p" else 0) if t[4] and t[1] <= 12 else t[1]
    return hour, t[2], t[3]


def _may_be(a: Tree, b: Tree) -> bool:
    """Without am or pm a time of twelve hours may be either half of the day."""
    one, two = _clock(a), _clock(b)
    if one == two or a[1:4] == b[1:4]:
        return True
    bare, said = (a, b) if not a[4] else (b, a)
    return bool(said[4] and bare[1] <= 12 and bare[1] % 12 == said[1] % 12 and bare[2:4] == said[2:4])
