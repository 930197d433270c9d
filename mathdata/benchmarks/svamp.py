"""SVAMP: 1,000 one-step word problems that vary a known wording."""

from __future__ import annotations

from functools import partial

import polars as pl

from mathdata.benchmarks._source import address, load
from mathdata.registry import register
from mathdata.types import Benchmark, Frame


def shape(raw: Frame) -> Frame:
    return raw.select(
        pl.col("ID").alias("id"),
        (pl.col("Body").str.strip_chars_end(". ") + ". " + pl.col("Question")).alias("problem"),
        pl.Series("answer", [f"{a:.10g}" for a in raw["Answer"].to_list()]),
        pl.col("Equation").alias("solution"),
        pl.col("Type").alias("subject"),
    )


WHERE = ("svamp/svamp.jsonl", None)


def rows() -> Frame:
    return load(*WHERE, shape)


register("benchmark", "svamp", "1,000 one-step word problems (English)")(
    Benchmark(
        name="svamp", load=rows, version="1000@689d7cc", licence="MIT", prompt="question_answer", rule="gsm8k",
        strict_rule="gsm8k_strict",
        max_tokens=512, by=("subject",),
        source=partial(address, *WHERE), families=(),
    )
)  # fmt: skip
