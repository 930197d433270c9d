"""Where benchmarks read their rows: the data root first, else the hub; and the two gold-answer formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import polars as pl

from mathdata.errors import DataError
from mathdata.types import Frame

KEEP = ("id", "problem", "answer", "solution", "subject", "level", "steps")


def address(local: str, hub: str | None = None) -> str:
    """Where a benchmark's rows are read: its file in the data root, else its address. Raises DataError for neither."""
    from mathdata.io import data_root

    path = data_root() / local
    if path.is_file():
        return str(path)
    if hub is None:
        raise DataError(f"benchmark file not found: {path}", "set MATHDATA_DATA to the folder that holds it")
    return hub


def load(local: str, hub: str | None, shape: Callable[[Frame], Frame]) -> Frame:
    """The benchmark's rows with `id problem answer` and what else of `KEEP` the source has."""
    found = address(local, hub)
    frame = _from_hub(found) if found == hub else shape(pl.read_ndjson(found, infer_schema_length=None))
    return frame.select([c for c in KEEP if c in frame.columns])


def _from_hub(hub: str) -> Frame:
    from mathdata.engines.local import LocalEngine
    from mathdata.io import read

    frame = cast(Any, LocalEngine()).collect(read(hub))
    if "type" in frame.columns and "subject" not in frame.columns:
        frame = frame.rename({"type": "subject"})
    elif "subject" not in frame.columns:
        frame = frame.with_columns(pl.col("topic").alias("subject"))
    return cast(Frame, frame)


def numbered(prefix: str) -> pl.Expr:
    """Ids `prefix/0`, `prefix/1` … in file order."""
    return pl.format(prefix + "/{}", pl.int_range(pl.len())).alias("id")


def after_hash(text: str) -> tuple[str, str]:
    """A GSM8K answer as (worked solution, final answer without thousands commas)."""
    solution, _, answer = text.rpartition("####")
    return solution.strip(), answer.strip().replace(",", "")


def last_boxed(text: str) -> str | None:
    r"""What stands in the last `\boxed{…}` (or `\boxed 3`, `\fbox{…}`), braces balanced; None where there is none."""
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if start < 0:
        return None
    rest = text[start:].split("boxed" if text.startswith("\\boxed", start) else "fbox", 1)[1].lstrip()
    if not rest.startswith("{"):
        return rest.split("$")[0].split()[0] if rest.strip() else None
    depth = 0
    for i, c in enumerate(rest):
        depth += (c == "{") - (c == "}")
        if depth == 0:
            return rest[1:i]
    return None
