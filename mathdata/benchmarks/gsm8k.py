"""GSM8K: 1,319 grade-school word problems, the last line of a solution is `#### answer`."""

from __future__ import annotations

from functools import partial

import polars as pl

from mathdata.benchmarks._source import address, after_hash, load, numbered
from mathdata.registry import register
from mathdata.types import Benchmark, Frame

FEWSHOT = (
    {
        "problem": "There are 15 trees in the grove. Grove workers will plant trees in the grove today. After they are "
        "done, there will be 21 trees. How many trees did the grove workers plant today?",
        "solution": "There are 15 trees originally. Then there were 21 trees after some more were planted. "
        "So there must have been 21 - 15 = 6.\n#### 6",
    },
    {
        "problem": "If there are 3 cars in the parking lot and 2 more cars arrive, how many cars are in the parking "
        "lot?",
        "solution": "There are originally 3 cars. 2 more cars arrive. 3 + 2 = 5.\n#### 5",
    },
    {
        "problem": "Leah had 32 chocolates and her sister had 42. If they ate 35, how many pieces do they have left in "
        "total?",
        "solution": "Originally, Leah had 32 chocolates. Her sister had 42. So in total they had 32 + 42 = 74. "
        "After eating 35, they had 74 - 35 = 39.\n#### 39",
    },
    {
        "problem": "Jason had 20 lollipops. He gave Denny some lollipops. Now Jason has 12 lollipops. How many "
        "lollipops did Jason give to Denny?",
        "solution": "Jason started with 20 lollipops. Then he had 12 after giving some to Denny. "
        "So he gave Denny 20 - 12 = 8.\n#### 8",
    },
    {
        "problem": "Shawn has five toys. For Christmas, he got two toys each from his mom and dad. How many toys does "
        "he have now?",
        "solution": "Shawn started with 5 toys. If he got 2 toys each from his mom and dad, then that is 4 more toys. "
        "5 + 4 = 9.\n#### 9",
    },
)


def shape(raw: Frame) -> Frame:
    parts = [after_hash(t) for t in raw["answer"].to_list()]
    return raw.select(
        numbered("test"),
        pl.col("question").alias("problem"),
        pl.Series("answer", [a for _, a in parts]),
        pl.Series("solution", [s for s, _ in parts]),
        pl.Series("steps", [s.count("<<") for s, _ in parts], dtype=pl.Int64),
    )


WHERE = ("gsm8k/test.jsonl", "hf://openai/gsm8k?subset=main&split=test")


def rows() -> Frame:
    return load(*WHERE, shape)


register("benchmark", "gsm8k", "1,319 grade-school word problems (English), #### answers")(
    Benchmark(
        name="gsm8k",
        load=rows,
        source=partial(address, *WHERE),
        families=(),
        version="test@3101c7d",
        licence="MIT",
        prompt="question_answer",
        rule="gsm8k",
        strict_rule="gsm8k_strict",
        fewshot=FEWSHOT,
        max_tokens=1024,
        by=("steps",),
    )
)
