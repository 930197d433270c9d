"""MATH-500: the 500 problems of MATH test that OpenAI drew."""

from __future__ import annotations

from functools import partial

import polars as pl

from mathdata.benchmarks import math
from mathdata.benchmarks._source import address, load
from mathdata.registry import register
from mathdata.types import Benchmark, Frame


def shape(raw: Frame) -> Frame:
    frame = raw.select(pl.col("unique_id").alias("id"), "problem", "answer")
    whole = math.rows()
    if "id" in whole.columns:  # subject and level stand only in the whole set
        frame = frame.join(
            whole.select("id", "solution", "subject", "level"), on="id", how="left", maintain_order="left"
        )
    return frame


WHERE = ("math/math500_deepscaler.jsonl", "hf://HuggingFaceH4/MATH-500?split=test")


def rows() -> Frame:
    return load(*WHERE, shape)


register("benchmark", "math500", "500 of the MATH test problems")(
    Benchmark(
        name="math500",
        load=rows,
        source=partial(address, *WHERE),
        families=(),
        version="500",
        licence="MIT",
        prompt="minerva",
        rule="math",
        strict_rule="boxed",
        fewshot=math.FEWSHOT,
        max_tokens=1024,
        by=("subject", "level"),
    )
)
