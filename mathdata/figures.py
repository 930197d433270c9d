"""What is printed about graded responses: accuracy with its interval, pass@k, majority, lengths, truncation."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from mathdata.types import Frame

__all__ = [
    "breakdown",
    "MEASURES",
    "final_exact",
    "majority",
    "measures",
    "pass_at_k",
    "propose_limit",
    "summarise",
    "wilson",
]

Z = 1.959963984540054
GUARD = 0.03
"""Share of responses cut off at the limit above which a result says so in its first line."""


MEASURES = {
    "accuracy": ("accuracy", "准确率"),
    "accuracy_strict": ("strict", "严格抽取"),
    "final_exact_match": ("exact text", "文本全同"),
    "token_accuracy": ("tokens right", "词元准确率"),
    "format_accuracy": ("format", "格式正确"),
    "truncated": ("cut off", "被截断"),
}
"""The shares that stand in every table of figures, in this order, with their English and Chinese names."""


def measures(figures: Mapping[str, Any]) -> dict[str, float]:
    """The shares that an evaluation has of a benchmark: those of `MEASURES`, and those under names of its own (EM, F1).

    >>> measures({"accuracy": 0.5, "token_accuracy": None, "metrics": {"EM": 0.5, "F1": 0.7}})
    {'accuracy': 0.5, 'EM': 0.5, 'F1': 0.7}
    """
    known = {k: figures.get(k) for k in MEASURES}
    every = {"accuracy": known.pop("accuracy"), **(figures.get("metrics") or {}), **known}
    return {k: v for k, v in every.items() if v is not None}


def wilson(right: float, n: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a proportion; (0, 1) where nothing was measured.

    >>> [round(v, 3) for v in wilson(50, 100)]
    [0.404, 0.596]
    """
    if n == 0:
        return 0.0, 1.0
    p = right / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def pass_at_k(n: int, right: int, k: int) -> float:
    """Unbiased estimate that one of k samples is right, from n samples of which `right` are.

    >>> pass_at_k(4, 1, 2)
    0.5
    """
    if n - right < k:
        return 1.0
    return 1.0 - math.comb(n - right, k) / math.comb(n, k)


MOST_VALUES = 32
"""Values of one problem that a further answer is held against; beyond them only the same text is the same vote."""


def majority(got: Sequence[str | None], right: Sequence[bool]) -> bool:
    """Whether the most frequent value is right; the earliest wins a tie, no answer never wins.

    Answers are one vote where the judge's exact arithmetic calls them equal.

    >>> majority(["3", "1/2", "3", "0.5", "\\\\frac12"], [False, True, False, True, True])
    True
    """
    votes: dict[str, list[int]] = {}
    for i, answer in enumerate(got):
        text = "" if answer is None else " ".join(answer.replace("$", "").split()).rstrip(".")
        if text:
            value = text if text in votes else next((v for v in list(votes)[:MOST_VALUES] if _equal(v, text)), text)
            votes.setdefault(value, []).append(i)
    if not votes:
        return False
    best = max(votes.values(), key=lambda places: (len(places), -places[0]))
    return right[best[0]]


@lru_cache(maxsize=4096)
def _equal(a: str, b: str) -> bool:
    """One value, by what can be told without a proof; texts that the judge fails on are equal to nothing else."""
    from mathdata.verifiers.equality import compare
    from mathdata.verifiers.values import read_value

    one, two = sorted((a, b))  # one order, so that nothing can depend on it
    try:
        return bool(compare(read_value(one), read_value(two), precision=0).same)
    except Exception:
        return False


def _key(answer: str | None) -> str | None:
    if answer is None or not answer.strip():
        return None
    text = re.sub(r"[\s,$]", "", answer).rstrip(".")
    return re.sub(r"^(-?)0+(?=\d)", r"\1", text)


def final_exact(got: str | None, gold: str | None) -> bool:
    """Final Exact Match: the same characters; leading zeros do not count (0042 = 42), other forms do (42.0 is not 42).

    >>> final_exact("0042", "42"), final_exact("42.0", "42"), final_exact("forty-two", "42")
    (True, False, False)
    """
    mine = _key(got)
    return mine is not None and mine == _key(gold)


def propose_limit(tokens: Sequence[int], limit: int, truncated: float) -> int:
    """The token limit at which fewer than 3 % would be cut off, from a log-normal fit to the finished responses.

    Never below twice the limit; the answer is a multiple of 64.
    """
    finished = np.log([t for t in tokens if 0 < t < limit] or [1])
    spread = float(finished.std()) if len(finished) > 4 else 1.0
    from statistics import NormalDist

    normal = NormalDist()
    steps = normal.inv_cdf(1 - GUARD) - normal.inv_cdf(max(1e-3, 1 - truncated))
    wanted = limit * math.exp(max(spread, 0.2) * max(steps, 0.0))
    return math.ceil(min(max(wanted, 2 * limit), 32 * limit) / 64) * 64


def _rate(frame: Frame, column: str) -> float | None:
    value = frame[column].cast(pl.Float64).mean()
    return None if value is None else float(value)  # type: ignore[arg-type]


def per_problem(frame: Frame) -> Frame:
    """One row a problem: the mean over its samples."""
    return frame.group_by("id", maintain_order=True).agg(
        (pl.col("verdict") == "correct").mean().alias("right"), pl.len().alias("k")
    )


def interval(means: Sequence[float], k: int) -> dict[str, float]:
    """accuracy, standard error and 95 % interval: Wilson for one sample each, else over the problems' means."""
    n = len(means)
    p = float(np.mean(means)) if n else 0.0
    if k <= 1:
        low, high = wilson(p * n, n)
        return {"accuracy": p, "stderr": math.sqrt(p * (1 - p) / n) if n else 0.0, "low": low, "high": high}
    error = float(np.std(means, ddof=1) / math.sqrt(n)) if n > 1 else 0.0
    return {"accuracy": p, "stderr": error, "low": max(0.0, p - Z * error), "high": min(1.0, p + Z * error)}


def summarise(frame: Frame, by: Sequence[str] = (), limit: int | None = None) -> dict[str, Any]:
    """Every figure of one benchmark, from its graded rows."""
    problems = per_problem(frame)
    k = max(problems["k"].to_list(), default=1)
    status = Counter(frame["verdict"].to_list())
    total = max(frame.height, 1)
    out: dict[str, Any] = {"n": problems.height, "samples": k}
    out |= interval(problems["right"].to_list(), k)
    out |= {
        "accuracy_strict": _rate(frame.select((pl.col("strict_verdict") == "correct").alias("v")), "v"),
        "format_accuracy": _rate(frame, "format_ok"),
        "final_exact_match": _rate(frame, "final_exact"),
        "truncated": _rate(frame, "cut_off"),
        "token_accuracy": token_accuracy(frame),
        "no_answer": float((frame["response"].str.strip_chars() == "").sum()) / total,
        **{word: status[word] / total for word in ("wrong", "unparsed", "timeout", "error")},
        "length": lengths(frame),
    }
    if "score" in frame.columns:
        out["score"] = _rate(frame, "score")
    if k > 1:
        out |= sampled(frame, k)
    out["by"] = {column: breakdown(frame, column) for column in by if column in frame.columns}
    if "subject" in out["by"]:
        groups = out["by"]["subject"].values()
        out["macro_accuracy"] = sum(g["accuracy"] for g in groups) / max(len(groups), 1)
    if limit and (out["truncated"] or 0) > GUARD and (proposed := proposal(frame, limit, out["truncated"])):
        out["proposed_max_tokens"] = proposed
    return out


def proposal(frame: Frame, limit: int, truncated: float) -> int | None:
    """A limit that would not cut: by the finished responses, or where too few finished, by the reference solutions."""
    if truncated <= 0.5:
        return propose_limit(frame["tokens"].drop_nulls().to_list(), limit, truncated)
    if "gold_tokens" not in frame.columns or not (frame["gold_tokens"] > limit).any():
        return None  # there was room for the references: the model does not end
    longest = frame["gold_tokens"].quantile(1 - GUARD) or limit
    return math.ceil(2 * longest / 64) * 64


def token_accuracy(frame: Frame) -> float | None:
    """Share of the reference solutions' tokens that the model would have written itself; None where unknown."""
    if "gold_tokens" not in frame.columns:
        return None
    right, total = int(frame["gold_tokens_right"].sum()), int(frame["gold_tokens"].sum())
    return right / total if total else None


def lengths(frame: Frame) -> dict[str, float | str]:
    """Mean and percentiles of the responses' length, in tokens where known, else in characters."""
    unit = "tokens" if frame["tokens"].null_count() == 0 else "characters"
    values = frame["tokens"] if unit == "tokens" else frame["response"].str.len_chars()
    numbers = values.cast(pl.Float64).to_numpy() if frame.height else np.zeros(1)
    p50, p95 = np.percentile(numbers, [50, 95])
    return {"unit": unit, "mean": float(numbers.mean()), "p50": float(p50), "p95": float(p95), "max": numbers.max()}


def sampled(frame: Frame, k: int) -> dict[str, Any]:
    """pass@k (unbiased), majority@k and avg@k over k samples a problem."""
    groups = frame.group_by("id", maintain_order=True).agg("got", (pl.col("verdict") == "correct").alias("ok"))
    oks = groups["ok"].to_list()
    powers = [j for j in (1, 2, 4, 8, 16, 32, 64, 128, 256) if j < k] + [k]
    passes = {str(j): float(np.mean([pass_at_k(len(o), sum(o), min(j, len(o))) for o in oks])) for j in powers}
    votes = [majority(g, o) for g, o in zip(groups["got"].to_list(), oks)]
    return {"pass_at": passes, f"majority_at_{k}": float(np.mean(votes)), f"avg_at_{k}": passes["1"]}


def breakdown(frame: Frame, column: str) -> dict[str, dict[str, float]]:
    """n and accuracy with its interval for each value of a column, in the values' order."""
    out = {}
    for value in frame[column].drop_nulls().unique().sort().to_list():
        part = per_problem(frame.filter(pl.col(column) == value))
        k = max(part["k"].to_list(), default=1)
        out[str(value)] = {"n": part.height, **interval(part["right"].to_list(), k)}
    return out
