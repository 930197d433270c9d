"""Answers that already exist: a file of responses matched to a benchmark's problems by id, else by their text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.csvs import csv_parts
from mathdata.errors import DataError, SchemaError, UnknownName, nearest
from mathdata.lines import json_lines
from mathdata.parquets import read_parquet
from mathdata.types import Completion, Frame

__all__ = ["match", "read_responses"]

NAMES = {
    "response": ("response", "completion", "output", "generation", "generated", "model_output", "prediction"),
    "key": ("id", "item", "unique_id", "problem_id"),
    "problem": ("problem", "question", "input", "query", "instruction"),
    "finish": ("finish", "finish_reason", "stop_reason"),
    "tokens": ("tokens", "tokens_out", "completion_tokens", "num_tokens"),
    "benchmark": ("benchmark", "dataset", "task"),
    "model": ("model",),
}


def read_responses(path: str | Path, column: Mapping[str, str] | None = None) -> Frame:
    """A jsonl (.gz, .zst), csv or parquet file as `response` with what else of `NAMES` it has.

    Raises SchemaError where no column holds responses or none tells which problem they answer, UnknownName where
    `column` names something else than a key of `NAMES`.
    """
    for name in column or {}:
        if name not in NAMES:
            raise UnknownName(f"--column {name}: nothing of a response is called '{name}'", nearest(name, NAMES))
    raw = _read(Path(path))
    found: dict[str, str] = {}
    for name, known in NAMES.items():
        wanted = (column or {}).get(name)
        if wanted is not None and wanted not in raw.columns:
            raise SchemaError(f"{path}: no column '{wanted}'", nearest(wanted, raw.columns))
        here = next((c for c in ([wanted] if wanted else known) if c in raw.columns), None)
        if here is not None:
            found[name] = here
    if "response" not in found:
        raise SchemaError(f"{path}: no column of responses among {raw.columns}", "name it: --column response=YOURS")
    if not {"key", "problem"} & set(found):
        raise SchemaError(
            f"{path}: neither ids nor problems among {raw.columns}", "name one: --column key=YOURS or problem=YOURS"
        )
    texts = [pl.col(c).cast(pl.String).alias(n) for n, c in found.items() if n != "tokens"]
    if "tokens" in found:
        texts.append(pl.col(found["tokens"]).cast(pl.Int64, strict=False).alias("tokens"))
    return raw.select(texts).with_columns(pl.col("response").fill_null(""))


def _read(path: Path) -> Frame:
    if not path.is_file():
        raise DataError(f"no such file: {path}", "give the file of responses as a path")
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return read_parquet(path)
        parts = list(csv_parts(path, ",") if name.endswith(".csv") else json_lines(path))
        broken = [b for part in parts for b in part.broken]
        if broken:
            raise DataError(f"{path}:{broken[0].line}: {broken[0].why}", "every response counts: repair the line")
        return pl.concat([p.frame for p in parts], how="diagonal_relaxed") if parts else pl.DataFrame()
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise DataError(f"{path}: {error}", "jsonl, csv or parquet, one response a row") from error


def pick(frame: Frame, model: str | None, benchmark: str, path: str | Path) -> Frame:
    """The rows of one model and one benchmark, where the file holds several."""
    if "benchmark" in frame.columns and benchmark in frame["benchmark"].unique():
        frame = frame.filter(pl.col("benchmark") == benchmark)
    if "model" in frame.columns:
        models = frame["model"].drop_nulls().unique().sort().to_list()
        if len(models) > 1 and model not in models:
            raise SchemaError(f"{path} holds responses of several models: {', '.join(models)}", "name one as MODEL")
        if model in models:
            frame = frame.filter(pl.col("model") == model)
    return frame


def match(frame: Frame, problems: Frame, path: str | Path) -> list[list[Completion]]:
    """The responses of each problem, in the problems' order.

    Raises DataError where a problem has none: to count it as wrong would say of the model what is true of the file.
    """
    by = "id" if "key" in frame.columns and _share(frame, "key", problems["id"]) > 0 else "problem"
    key = "key" if by == "id" else "problem"
    if key not in frame.columns:
        raise DataError(f"{path}: its ids are not the benchmark's", f"ids look like {problems['id'][0]!r}")
    answers: dict[str, list[Completion]] = {}
    for row in frame.iter_rows(named=True):
        answers.setdefault(_norm(row[key]), []).append(_completion(row))
    matched = [answers.get(_norm(v), []) for v in problems[by].to_list()]
    if not any(matched):
        raise DataError(f"{path}: no response belongs to a problem of this benchmark", "match by id or by problem text")
    if not all(matched):
        raise DataError(*incomplete([bool(m) for m in matched], path))
    if len({len(m) for m in matched}) > 1:
        raise DataError(*uneven([len(m) for m in matched], problems["id"].to_list(), path))
    return matched


def uneven(counts: list[int], ids: list[Any], path: str | Path) -> tuple[str, str]:
    """Message and hint for a file that answers some problems more often than others: pass@k needs k of each."""
    usual = Counter(counts).most_common(1)[0][0]
    odd = next(i for i, n in enumerate(counts) if n != usual)
    others = sum(n != usual for n in counts)
    said = f"{path}: problem {str(ids[odd])!r:.80} has {_times(counts[odd])}, {len(counts) - others:,} of the "
    more = f", {others - 1:,} more differ" if others > 1 else ""
    return f"{said}{len(counts):,} problems have {usual}{more}", "give every problem as many responses"


def _times(n: int) -> str:
    return f"{n} response{'s' if n != 1 else ''}"


def incomplete(has: list[bool], path: str | Path) -> tuple[str, str]:
    """Message and hint for a file that answers only some problems."""
    n, first = sum(has), has.index(False)
    said = f"{path}: {n:,} of the {len(has):,} problems have a response, {len(has) - n:,} have none"
    empty = "give a problem the model left unanswered an empty response"
    return said, f"--limit {n} grades the first {n:,} alone; else {empty}" if first == n else empty


def _share(frame: Frame, key: str, ids: pl.Series) -> float:
    return float(frame[key].is_in(ids.implode()).mean() or 0.0)  # type: ignore[arg-type]


def _norm(value: Any) -> str:
    return " ".join(str(value).replace("’", "'").split())


def _completion(row: Mapping[str, Any]) -> Completion:
    finish: Any = row.get("finish")
    word = "length" if finish in ("length", "max_tokens") else "stop"
    tokens = row.get("tokens")
    return Completion(
        text=row["response"],
        finish=word,  # type: ignore[arg-type]
        tokens_out=int(tokens) if tokens is not None else 0,
        data={"known_finish": finish is not None, "known_tokens": tokens is not None},
    )
