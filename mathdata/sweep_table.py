"""What a sweep's runs say: one row a run and arm, each benchmark in columns of its own; the value of each method."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from mathdata.errors import MathdataError
from mathdata.grid import Point, flat
from mathdata.types import Frame

__all__ = ["GRADED", "best_runs", "collect", "frame_of", "method_values", "over_steps", "report_of"]

GRADED = (
    "n", "accuracy", "low", "high", "stderr", "score", "format_accuracy", "token_accuracy", "truncated", "length",
)  # fmt: skip
"""What each benchmark has a column of: gsm8k_n, gsm8k_accuracy ... `length` is the mean, in tokens."""
TRAINED = ("rows", "tokens", "steps", "seconds")
"""What belongs to no benchmark: how the arm was trained."""


def report_of(point: Point) -> dict[str, Any]:
    """report.json of a point. Raises MathdataError where it cannot be read."""
    path = point.folder / "report.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MathdataError(f"{path}: {error}", "run the sweep again: the point is repeated") from error
    return found


def collect(points: Sequence[Point], keys: Sequence[str]) -> list[dict[str, Any]]:
    """One row a run and arm: the grid's values as one cell each, the arm, each benchmark's figures, its training."""
    rows = []
    for point in points:
        report = report_of(point)
        ledger = report.get("ledger") or [{}]
        for arm, figures in (report.get("arms") or {"curated": {"rows": ledger[-1].get("kept")}}).items():
            row = {k: flat(point.values[k]) for k in keys} | {"arm": arm} | graded(figures.get("benchmarks") or {})
            row |= {k: figures.get(k) for k in TRAINED}
            rows.append(row | {"digest": report.get("digest"), "run": point.folder.name})
    return in_columns(rows, keys, (*TRAINED, "digest", "run"))


def graded(benchmarks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`gsm8k_accuracy` and so on of every benchmark: nothing pools benchmarks of different sizes."""
    made: dict[str, Any] = {}
    for name, figures in benchmarks.items():
        length = figures.get("length")
        told = {**figures, "length": length.get("mean") if isinstance(length, Mapping) else length}
        made |= {f"{name}_{k}": told[k] for k in GRADED if isinstance(told.get(k), (int, float))}
    return made


def in_columns(rows: list[dict[str, Any]], keys: Sequence[str], last: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The same columns in every row, in one order; a varied key whose values are not all numbers is text throughout."""
    text = {k for k in keys if not all(isinstance(r[k], (int, float)) for r in rows)}
    names = dict.fromkeys(k for row in rows for k in row if k not in last)
    return [{k: str(row[k]) if k in text else row.get(k) for k in (*names, *last)} for row in rows]


def frame_of(rows: Sequence[Mapping[str, Any]]) -> Frame:
    """The rows as a table; whole numbers beside fractions are fractions."""
    return pl.DataFrame(list(rows), infer_schema_length=None) if rows else pl.DataFrame()


def benchmarks_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the benchmarks that a table has columns of, in their order."""
    return [k.removesuffix("_accuracy") for k in (rows[0] if rows else ()) if f"{k.removesuffix('_accuracy')}_n" in rows[0]
            and k.endswith("_accuracy")]  # fmt: skip


def best_runs(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Benchmark -> the trained row with the highest accuracy, the first of equals: what `model: {run, best}` takes."""
    from mathdata.runmodel import best_of

    trained = [r for r in rows if r.get("rows")]
    asked = [b for b in benchmarks_of(rows) if any(r.get(f"{b}_accuracy") is not None for r in trained)]
    return {b: best_of(trained, b) for b in asked}


def over_steps(points: Sequence[Point], keys: Sequence[str]) -> list[dict[str, Any]]:
    """What was asked of each run's arms while they trained (`train.evaluation`): one row a run, arm and step."""
    from mathdata.report.scaling import short_names

    names, rows = short_names(keys), []
    for point in points:
        values = {k: flat(point.values[k]) for k in keys}
        said = [f"{names[k]} {v}" for k, v in values.items()]
        for arm, figures in (report_of(point).get("arms") or {}).items():
            label = " · ".join([arm, *said])
            for asked in figures.get("evaluations") or []:
                plain = {k: v for k, v in asked.items() if v is None or isinstance(v, (int, float, str))}
                rows.append({"label": label, **values, "arm": arm, **plain})
    return in_columns(rows, keys)


# --- the value of each method ------------------------------------------------------------------------------------


def method_values(points: Sequence[Point], grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Points of accuracy that each augmentation method adds per 1,000 of its rows: the whole against all but it."""
    from mathdata.comparison import compare

    key = next((k for k in grid if k.endswith(".method")), None)
    if key is None or not all(isinstance(v, list) for v in grid[key]):
        return []
    whole = max(grid[key], key=len)
    found = []
    for point in points:
        left_out = [m for m in whole if m not in point.values[key]]
        if len(left_out) != 1:
            continue
        full = next((p for p in points if p.values == point.values | {key: whole}), None)
        arm = "curated"
        if full is None or not all(
            (p.folder / "evaluation" / arm / "evaluation.json").is_file() for p in (full, point)
        ):
            continue
        made = compare(point.folder / "evaluation" / arm, full.folder / "evaluation" / arm)
        rows = _rows_of(full, left_out[0])
        per = rows / 1000 if rows else None
        found += [
            {
                **{k: flat(v) for k, v in point.values.items() if k != key},
                "method": flat(left_out[0]),
                "rows": rows,
                "benchmark": name,
                **{k: told[k] for k in ("points", "low", "high", "p")},
                **{f"{k}_per_1000": told[k] / per if per else None for k in ("points", "low", "high")},
            }
            for name, told in made.benchmarks.items()
        ]
    return found


def _rows_of(point: Point, method: Any) -> int:
    name = next(iter(method)) if isinstance(method, Mapping) else method
    table = pl.scan_parquet(point.folder / "curated.parquet")
    return int(table.filter(pl.col("method") == name).select(pl.len()).collect().item())
