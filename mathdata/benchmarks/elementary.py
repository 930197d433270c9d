"""Held-out elementary problems, split from training by their operands; test and validation."""

from __future__ import annotations

from collections.abc import Sequence

from mathdata.families import CONTEST, SMALL, Split
from mathdata.registry import register
from mathdata.types import Benchmark, Frame

ALL = (*SMALL, *CONTEST)


def _make(name: str, split: Split, families: Sequence[str], each: int, tokens: int, note: str) -> Benchmark:
    def load() -> Frame:
        from mathdata.families._heldout import heldout

        return heldout(split, families, each)

    return Benchmark(
        name=name,
        load=load,
        version="1",
        licence="Apache-2.0",
        language="zh, en",
        prompt="plain",
        strict_rule="####",
        max_tokens=tokens,
        by=("topic", "language"),
        note=note,
        families=tuple(families),
    )


_SMALL = "Two-digit sums, differences, stories and x + b = c, Chinese and English"
# A digit may be a token of its own: worked solutions have at most 30 characters, those of the contest's families 284.
for _name, _split, _families, _each, _tokens, _note in (
    ("elementary", "test", SMALL, 36, 96, f"{_SMALL}; the 360 test problems of the quickstart."),
    ("elementary_validation", "validation", SMALL, 20, 96, f"{_SMALL}; 200 problems to choose settings on."),
    (
        "elementary_all",
        "test",
        ALL,
        12,
        512,
        "Every family, the contest's with signs and decimals too; 12 each a language.",
    ),
):
    register("benchmark", _name, _note)(_make(_name, _split, _families, _each, _tokens, _note))  # type: ignore[arg-type]
