"""A benchmark of twenty sums and a model that adds rightly below a bound."""

from __future__ import annotations

import polars as pl

from mathdata.types import Benchmark, Completion

PROBLEMS = pl.DataFrame(
    {
        "id": [f"q{i}" for i in range(20)],
        "problem": [f"What is {i} + {i}?" for i in range(20)],
        "answer": [str(2 * i) for i in range(20)],
        "subject": ["even" if i % 2 == 0 else "odd" for i in range(20)],
    }
)
SUMS = Benchmark(
    name="sums", load=lambda: PROBLEMS, version="1", licence="MIT", prompt="plain", rule="gsm8k",
    strict_rule="gsm8k_strict", max_tokens=32, by=("subject",),
    fewshot=({"problem": "What is 1 + 1?", "solution": "1 + 1 = 2\n#### 2"},),
)  # fmt: skip


class Adder:
    """A model that adds rightly below a bound, and keeps what it was asked."""

    def __init__(self, bound: int = 15, finish: str = "stop", name: str = "adder") -> None:
        self.name, self.bound, self.finish, self.asked = name, bound, finish, []

    def generate(self, requests):
        self.asked += requests
        return [[self.answer(r, j) for j in range(r.sampling.n)] for r in requests]

    def answer(self, request, sample):
        i = int(request.problem.id[1:])
        value = 2 * i if i < self.bound + sample else 2 * i + 1
        return Completion(f"{i} + {i} = {value}\n#### {value}", self.finish, tokens_out=8 + i)
