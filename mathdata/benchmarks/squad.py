"""SQuAD: F1 and exact match by the official normalisation, for what a model could do before it learnt mathematics."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import polars as pl

from mathdata.benchmarks._source import address
from mathdata.errors import DataError, MathdataError
from mathdata.registry import register
from mathdata.types import Benchmark, Frame, Row, Verdict

__all__ = ["Scored", "exact_match", "f1", "normal"]

LOCAL, HUB = "squad/dev-v1.1.json", "hf://rajpurkar/squad?split=validation"
"""The official file's place in the data root, and where the rows are read from where it is not there."""


@dataclass(frozen=True, slots=True)
class Scored(Verdict):
    """A verdict with a share of credit beside right and wrong."""

    score: float = 0.0


def normal(text: str) -> str:
    """Lower case, no punctuation, no articles, single blanks: as the official script has it.

    >>> normal("The  Eiffel Tower!")
    'eiffel tower'
    """
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def exact_match(prediction: str, golds: Sequence[str]) -> bool:
    return any(normal(prediction) == normal(g) for g in golds) if golds else normal(prediction) == ""


def f1(prediction: str, golds: Sequence[str]) -> float:
    """The best F1 over words against any gold answer.

    >>> f1("the big red house", ["red house", "barn"])
    0.8
    """
    return max((_f1(normal(prediction).split(), normal(g).split()) for g in golds or [""]), default=0.0)


def _f1(mine: list[str], gold: list[str]) -> float:
    if not mine or not gold:
        return float(mine == gold)
    shared = sum((Counter(mine) & Counter(gold)).values())
    return 2 * shared / (len(mine) + len(gold))


def grade(row: Row, response: str) -> Scored:
    """The first line of the response against every gold answer."""
    golds = list(row["answers"])
    said = next((line.strip() for line in response.splitlines() if line.strip()), "")
    score, exact = f1(said, golds), exact_match(said, golds)
    if not said and golds:
        return Scored("unparsed", "an empty answer", row["answer"], None, "first line", None, 0.0)
    return Scored("correct" if exact else "wrong", f"F1 {score:.3f}", row["answer"], said, "first line", None, score)


def rows(file: str | None) -> Frame:
    """Questions from the official nested JSON, or from rows as the hub has them."""
    source = where(file)
    found = _hub() if source == HUB else _local(Path(source))
    if not found:
        raise DataError(f"{source}: no questions", "the official layout: data, paragraphs, qas")
    return pl.DataFrame(
        {
            "id": [str(r["id"]) for r in found],
            "problem": [f"{r['context']}\n\nQuestion: {r['question']}" for r in found],
            "answer": [r["answers"][0] if r["answers"] else "" for r in found],
            "answers": [r["answers"] for r in found],
        },
        schema_overrides={"answers": pl.List(pl.String)},
    )


def where(file: str | None) -> str:
    """The file that was named, else the official one in the data root, else the hub. Raises DataError."""
    if file is None:
        return address(LOCAL, HUB)
    if not Path(file).is_file():
        raise DataError(f"squad: no such file: {file}", f"the official dev-v1.1.json, or {LOCAL} in MATHDATA_DATA")
    return file


def _local(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            nested = json.loads(text)["data"]
            return [
                {**qa, "context": p["context"], "answers": [a["text"] for a in qa["answers"]]}
                for article in nested
                for p in article["paragraphs"]
                for qa in p["qas"]
            ]
        return [_flat(json.loads(line)) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not SQuAD: {type(error).__name__}: {error}", "the official .json, or rows .jsonl"
        ) from error


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    answers = row["answers"]
    return row | {"answers": list(answers["text"]) if isinstance(answers, dict) else list(answers)}


def _hub() -> list[dict[str, Any]]:
    from mathdata.engines.local import LocalEngine
    from mathdata.io import read

    try:
        frame = LocalEngine().collect(read(HUB))
    except MathdataError as error:
        raise DataError(
            f"squad: {error.message}", f"{error.hint}; or give squad:FILE, or {LOCAL} in MATHDATA_DATA"
        ) from error
    return [_flat(r | {"question": r.get("question") or r["problem"]}) for r in frame.iter_rows(named=True)]


@register("benchmark", "squad", "SQuAD F1 and exact match: what the model could do before")
def squad(
    *,
    file: Annotated[
        str | None,
        "SQuAD .json (official) or .jsonl of rows; default: squad/dev-v1.1.json in MATHDATA_DATA, else the hub",
    ] = None,
) -> Benchmark:
    """SQuAD by the official normalisation."""
    return Benchmark(
        name="squad", load=partial(rows, file), version="1.1", licence="CC-BY-SA-4.0", prompt="squad", own_prompt=True,
        source=partial(where, file), families=(), judge=grade, max_tokens=64, note="accuracy is exact match; score is F1",
        metrics={"accuracy": "EM", "score": "F1"},
    )  # fmt: skip
