"""Any file as a benchmark: name the columns that hold the problem and the answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import polars as pl

from mathdata.errors import DataError, SchemaError, UnknownName
from mathdata.registry import register
from mathdata.types import Benchmark, Frame


def _read(file: str, column: dict[str, str]) -> Frame:
    from mathdata.engines.local import LocalEngine
    from mathdata.io import read

    return LocalEngine().collect(read(file, column=column or None))


def _rows(file: str, problem: str, answer: str, by: tuple[str, ...]) -> Frame:
    column = {k: v for k, v in (("problem", problem), ("answer", answer)) if k != v}
    try:
        frame = _read(file, {**column, "origin": "id"})  # the file's own ids, by which answers are matched
        own = frame["origin"].null_count() == 0 and frame["origin"].n_unique() == frame.height
        frame = frame.with_columns(pl.col("origin").alias("id")) if own else frame
    except UnknownName as error:
        if "no column 'id'" not in error.message:
            raise
        frame = _read(file, column)
    missing = [c for c in ("problem", "answer") if frame[c].null_count() == frame.height]
    if missing:
        raise SchemaError(f"{file}: no values in {missing}", "name the column: custom: {file: …, answer: YOURS}")
    extra = [c for c in ("solution", "topic", "level", *by) if c in frame.columns]
    frame = frame.select("id", "problem", "answer", *dict.fromkeys(extra))
    if frame["id"].n_unique() < frame.height:  # the same row twice: tell the copies apart
        frame = frame.with_columns(pl.format("{}/{}", "id", pl.int_range(pl.len()).over("id")).alias("id"))
    return frame.rename({"topic": "subject"}) if "topic" in frame.columns else frame


def _where(file: str) -> str:
    """The file as it is named. Raises DataError where it is a path that leads nowhere."""
    local = ":" not in file and not Path(file).exists()
    if local and not Path(file.partition("?")[0]).exists():
        raise DataError(f"no such file: {file}", "check the path, or name a benchmark: mathdata ls benchmarks")
    return file


@register("benchmark", "custom", "any file by column mapping")
def custom(
    *,
    file: Annotated[str, "jsonl, csv, parquet, datasets folder or hf:// address"],
    problem: Annotated[str, "column that holds the problem"] = "problem",
    answer: Annotated[str, "column that holds the gold answer"] = "answer",
    name: Annotated[str | None, "name in the results; the file's stem when absent"] = None,
    prompt: Annotated[str, "prompt name or file"] = "question_answer",
    rule: Annotated[str, "extraction rule of the judge"] = "auto",
    strict_rule: Annotated[str, "rule of the second, strict extractor"] = "auto",
    licence: Annotated[str, "licence of the file"] = "unknown",
    language: Annotated[str, "en or zh"] = "en",
    max_tokens: Annotated[int, "generation limit"] = 1024,
    by: Annotated[list[str], "columns to break accuracy down by"] = [],  # noqa: B006 - bound options are read only
) -> Benchmark:
    """Any file as a benchmark, by column mapping."""
    load = partial(_rows, file, problem, answer, tuple(by))
    stem = Path(file.split("?")[0]).name.split(".")[0]
    columns = tuple("subject" if c == "topic" else c for c in by)
    return Benchmark(
        name=name or stem, load=load, version="custom", licence=licence, language=language, prompt=prompt, rule=rule,
        source=partial(_where, file),
        strict_rule=strict_rule, max_tokens=max_tokens, by=columns,
    )  # fmt: skip
