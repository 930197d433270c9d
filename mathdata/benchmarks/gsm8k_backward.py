"""GSM8K-Backward: 1,270 questions that ask for a masked number, given the answer (FOBAR)."""

from __future__ import annotations

from functools import partial

import polars as pl

from mathdata.benchmarks._source import address, load, numbered
from mathdata.registry import register
from mathdata.types import Benchmark, Frame


def shape(raw: Frame) -> Frame:
    return raw.select(numbered("test"), pl.col("question").alias("problem"), pl.col("answer").str.replace_all(",", ""))


WHERE = ("augment/gsm8k_backward.jsonl", None)


def rows() -> Frame:
    return load(*WHERE, shape)


register("benchmark", "gsm8k_backward", "1,270 backward questions made from GSM8K test (English)")(
    Benchmark(
        name="gsm8k_backward", load=rows, version="1270@fe667b1", licence="Apache-2.0", prompt="question_answer",
        rule="gsm8k",
        strict_rule="gsm8k_strict", max_tokens=1024, note="Made from GSM8K test questions: never training data.",
        source=partial(address, *WHERE), families=(),
    )
)  # fmt: skip
