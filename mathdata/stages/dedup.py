"""Remove duplicates, never siblings: number- and operator-aware, at three levels."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import polars as pl

from mathdata.engines._parts import NUMBER, extent, number
from mathdata.engines.local import LocalEngine, start
from mathdata.memory import fitting
from mathdata.registry import register
from mathdata.schema import conform
from mathdata.stages._duplicates import AGAINST, Rules, mark, problem_keys
from mathdata.types import Context, Engine, Frame, Partitions, Table

__all__ = ["dedup"]

PART_ROWS, PART_BYTES = 200_000, 128 << 20


@register("stage", "dedup", derived=False)
def dedup(
    table: Table,
    *,
    level: Annotated[
        Literal["exact", "normal", "near"],
        "exact: same bytes; normal: same after spelling, spaces and LaTeX variants; near: other words, same problem.",
    ] = "near",
    on: Annotated[
        Literal["row", "problem"], "row: same problem and same reasoning; problem: keep one row for each problem."
    ] = "row",
    keep: Annotated[
        Literal["first", "longest", "verified"], "Which of several copies stays (verified: the judge confirms it)."
    ] = "first",
    against: Annotated[list[str] | None, "Other files: rows that stand there are removed here."] = None,
    strict: Annotated[bool, "Unknown words never stand for a known verb (lenient finds more synonyms)."] = True,
    lexicon: Annotated[str | None, "A file with more relation words, in the format of the shipped one."] = None,
    engine: Engine | None = None,
    ctx: Context | None = None,
) -> Table:
    """Remove duplicates, never siblings that differ in a number, an operator or a relation.

    A row whose problem and reasoning stand elsewhere is rejected with its twin's id, level and similarity. The same
    problem with another answer is a conflict and goes to review.
    """
    engine, ctx = start(engine, ctx)
    rules = Rules(level, on, keep, strict, lexicon)
    others = _others(against)
    if isinstance(table, Partitions) or engine.name != "local":
        result = _spread(table, others, rules, engine)
    else:
        result = _one(table, others, rules)
    _count(result, engine, ctx, rules)
    return result


def _others(against: list[str] | None) -> Frame | None:
    if not against:
        return None
    from mathdata.io import read

    return LocalEngine().collect(read(*against))


def _one(table: Frame, others: Frame | None, rules: Rules) -> Frame:
    made = mark(_joined(number(table), others), rules)
    return (made if others is None else made.filter(pl.col(NUMBER) >= 0)).drop(NUMBER, AGAINST, strict=False)


def _joined(frame: Frame, others: Frame | None) -> Frame:
    """The table's rows behind those of --against, which stand at negative places."""
    if others is None:
        return frame
    ahead = conform(others).with_columns(
        (pl.int_range(0, pl.len(), dtype=pl.Int64) - pl.len().cast(pl.Int64)).alias(NUMBER), pl.lit(True).alias(AGAINST)
    )
    ahead = ahead.select(c for c in ahead.columns if c in (*frame.columns, AGAINST))
    return pl.concat([ahead, frame.with_columns(pl.lit(False).alias(AGAINST))], how="diagonal_relaxed")


def _spread(table: Table, others: Frame | None, rules: Rules, engine: LocalEngine) -> Table:
    """Shuffle by a key that all twins share, then every partition by itself."""
    streams = isinstance(table, Partitions)
    keys, marks = partial(problem_keys, rules=rules), partial(_mark_part, rules=rules, others=others, bare=streams)
    made = engine.shuffle(table, "_key", _parts(table), before=keys, after=marks)
    return made if streams else _bare(engine.collect(made).sort(NUMBER))


def _parts(table: Table) -> int:
    """As many as make each light enough to be held several times over."""
    rows, size = extent(table) if isinstance(table, Partitions) else (table.height, 0)
    return max(1, -(-rows // fitting(PART_ROWS)), -(-size // fitting(PART_BYTES)))


def _mark_part(frame: Frame, rules: Rules, others: Frame | None, bare: bool) -> Frame:
    if others is not None and frame.height:
        mine = problem_keys(conform(others), rules).join(frame.select("_key").unique(), on="_key", how="semi")
        frame = _joined(frame, mine)
    marked = mark(frame, rules).filter(pl.col(NUMBER) >= 0).drop(AGAINST, strict=False)
    return _bare(marked) if bare else marked


def _bare(frame: Frame) -> Frame:
    return frame.drop(NUMBER, "_key", strict=False)


def _count(table: Table, engine: Engine, ctx: Context, rules: Rules) -> None:
    counts: dict[str, int] = {}
    for frame in engine.frames(table):
        for word, n in frame["reject"].drop_nulls().value_counts().iter_rows():
            counts[word] = counts.get(word, 0) + n
    ctx.figures.update({"level": rules.level, "on": rules.on, "removed": dict(sorted(counts.items()))})
