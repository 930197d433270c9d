"""The row: its columns, its identity, and how a child is made from a parent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
import xxhash

from mathdata.types import Frame, Row

__all__ = ["COLUMNS", "Column", "child", "conform", "ids", "is_review", "is_pending", "row_id", "sort_rows"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    dtype: Any
    meaning: str


COLUMNS: tuple[Column, ...] = (
    Column("id", pl.String, "16 hex digits, hash of problem, solution, answer, method and parents"),
    Column("origin", pl.String, "file and line, or parent and sample number: tells copies apart"),
    Column("problem", pl.String, "the question"),
    Column("solution", pl.String, "worked reasoning"),
    Column("answer", pl.String, "final answer as a short string"),
    Column("exact", pl.String, "the answer before rounding, where a recipe rounds"),
    Column("source", pl.String, "where the row is from"),
    Column("license", pl.String, "under what terms"),
    Column("topic", pl.String, "subject or problem family"),
    Column("level", pl.String, "level as the source states it"),
    Column("difficulty", pl.Float64, "the level as a number; the number of steps where no level is stated"),
    Column("language", pl.String, "en or zh"),
    Column("template", pl.String, "hash of the skeleton: the problem with its numbers masked"),
    Column("parents", pl.List(pl.String), "ids of the rows it was made from"),
    Column("method", pl.String, "the augmentation that made it; null for an original"),
    Column("teacher", pl.String, "the backend that wrote it"),
    Column("call", pl.String, "key of the stored request"),
    Column("generation", pl.Int32, "how many steps from an original"),
    Column("verdict", pl.String, "correct, wrong, unparsed, timeout or error"),
    Column("verdict_reason", pl.String, "the judge's sentence"),
    Column("step_errors", pl.Int32, "false equations inside the solution; null = not checked"),
    Column("pass_rate", pl.Float64, "share of correct rows among those of one parent"),
    Column("reject", pl.String, "null = kept; else a word of the stage's closed list"),
    Column("reject_why", pl.String, "the sentence: which twin, which test item, how near"),
)
DTYPES: dict[str, Any] = {c.name: c.dtype for c in COLUMNS}

_SEP = "\x1f"
SLICE = 1 << 14
"""Rows hashed at a time: their texts as Python objects then stay in memory that is at hand."""


def row_id(
    problem: str | None,
    solution: str | None = None,
    answer: str | None = None,
    method: str | None = None,
    parents: Sequence[str] | None = None,
) -> str:
    """Identity of a row's content: the same content has the same id on every machine.

    Over the text as it stands, not its normal form: variants are for dedup to find and to name.
    """
    parts = (problem or "", solution or "", answer or "", method or "", ",".join(parents or ()))
    return xxhash.xxh3_64_hexdigest(_SEP.join(parts).encode("utf-8", "surrogatepass"))


def ids(frame: Frame) -> pl.Series:
    """The id of every row of a frame whose content columns stand; equal to `row_id` on every row."""
    content = [pl.col(c).fill_null("") for c in ("problem", "solution", "answer", "method")]
    text = pl.concat_str([*content, pl.col("parents").list.join(",").fill_null("")], separator=_SEP).cast(pl.Binary)
    made = [pl.Series("id", [], dtype=pl.Binary)]
    for part in frame.select("problem", "solution", "answer", "method", "parents").iter_slices(SLICE):
        digests = list(map(xxhash.xxh3_64_digest, part.select(text).to_series().to_list()))
        made.append(pl.Series("id", digests, dtype=pl.Binary))
    return pl.concat(made).bin.encode("hex")


_HAN = r"[\p{Han}]"


def conform(frame: Frame, origin: str = "memory") -> Frame:
    """Every column of `COLUMNS` present and typed, `id`, `origin` and `language` filled; others travel along.

    Raises SchemaError where a column cannot be cast.
    """
    from mathdata.errors import SchemaError

    exprs = []
    for column in COLUMNS:
        if column.name not in frame.columns:
            exprs.append(pl.lit(None, dtype=column.dtype).alias(column.name))
        elif frame.schema[column.name] != column.dtype:
            exprs.append(pl.col(column.name).cast(column.dtype))
    try:
        frame = frame.with_columns(exprs)
    except pl.exceptions.PolarsError as e:
        raise SchemaError(f"{origin}: a column is of the wrong kind: {e}", "map it with --column name=yours") from e
    frame = frame.with_columns(pl.col("generation").fill_null(0))
    frame = filled(frame, "language", language)
    frame = filled(frame, "origin", partial(places, origin))
    frame = filled(frame, "id", ids)
    extra = [c for c in frame.columns if c not in DTYPES]
    return frame.select([c.name for c in COLUMNS] + extra)


def filled(frame: Frame, name: str, make: Callable[[Frame], pl.Series]) -> Frame:
    """A column with its nulls filled; made whole where it has nothing else, which costs no second copy."""
    nulls = frame[name].null_count()
    if not nulls:
        return frame
    made = make(frame).alias(name)
    return frame.with_columns(made if nulls == frame.height else frame[name].fill_null(made))


def language(frame: Frame) -> pl.Series:
    chinese = frame["problem"].str.contains(_HAN).fill_null(False)
    return pl.Series(["en", "zh"]).gather(chinese.cast(pl.UInt32))


def places(origin: str, frame: Frame) -> pl.Series:
    numbers = pl.int_range(1, frame.height + 1, dtype=pl.UInt32).cast(pl.String)
    return pl.select(pl.concat_str([pl.lit(origin + ":"), numbers])).to_series()


def child(parent: Mapping[str, Any], made: Mapping[str, Any], *, method: str, number: int = 0) -> Row:
    """A derived row: what `made` says, what it inherits from `parent`, and its lineage."""
    row: Row = {c.name: None for c in COLUMNS}
    for name in ("source", "license", "topic", "level", "difficulty", "language"):
        row[name] = parent.get(name)
    row.update(made)
    row["method"] = method
    row["parents"] = [parent["id"]]
    row["generation"] = int(parent.get("generation") or 0) + 1
    row["origin"] = f"{parent['id']}/{method}#{number}"
    row["id"] = row_id(row["problem"], row["solution"], row["answer"], method, row["parents"])
    return row


def sort_rows(frame: Frame) -> Frame:
    """The one order of the house: (id, origin)."""
    return frame.sort("id", "origin")


def is_review(word: str | None) -> bool:
    return bool(word) and str(word).startswith("review-")


def is_pending(word: str | None) -> bool:
    return bool(word) and str(word).startswith("pending-")
