"""CMATH: 600 Chinese elementary-school word problems, grades 1 to 6."""

from __future__ import annotations

from functools import partial

import polars as pl

from mathdata.benchmarks._source import address, load, numbered
from mathdata.registry import register
from mathdata.types import Benchmark, Frame


def shape(raw: Frame) -> Frame:
    return raw.select(
        numbered("dev"),
        pl.col("input").alias("problem"),
        pl.col("golden").cast(pl.String).alias("answer"),
        pl.format("grade {}", "grade").alias("level"),
        pl.col("reasoning_step").alias("steps"),
    )


WHERE = ("cmath/cmath_dev.jsonl", None)


def rows() -> Frame:
    return load(*WHERE, shape)


register("benchmark", "cmath", "600 Chinese elementary-school word problems, grades 1 to 6")(
    Benchmark(
        name="cmath", load=rows, version="dev-600@9fa13ef", licence="CC-BY-4.0", language="zh", prompt="plain",
        strict_rule="auto", max_tokens=512, by=("level", "steps"),
        source=partial(address, *WHERE), families=(),
    )
)  # fmt: skip
