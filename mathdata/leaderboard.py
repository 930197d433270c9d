"""Figures as lm-eval writes them: its tasks, its rules, its standard errors, its results file and its table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from mathdata.types import Benchmark, Frame

__all__ = ["lm_eval_figures", "lm_eval_results", "lm_eval_rows", "lm_eval_table", "pooled", "stderr"]

SUBJECTS = {
    "Algebra": "algebra", "Counting & Probability": "counting_and_prob", "Geometry": "geometry",
    "Intermediate Algebra": "intermediate_algebra", "Number Theory": "num_theory", "Prealgebra": "prealgebra",
    "Precalculus": "precalc",
}  # fmt: skip
"""MATH's subjects by the names of lm-eval's tasks."""

VERSIONS = {"gsm8k": 3.0, "minerva_math": 3.1, "minerva_math500": 3.1}
"""lm-eval's versions of the tasks whose rules are used here."""


def stderr(right: float, n: int) -> float | None:
    """lm-eval's: the sample deviation of n zeros and ones over the root of n; None where one item tells nothing.

    >>> round(stderr(15, 20), 5)
    0.09934
    """
    p = right / n if n else 0.0
    return math.sqrt(p * (1 - p) / (n - 1)) if n > 1 else None


def pooled(errors: Sequence[float | None], sizes: Sequence[int]) -> float | None:
    """A group's standard error from its tasks', weighted by their sizes (lm-eval's pooled_sample_stderr)."""
    if any(e is None for e in errors) or sum(sizes) <= len(sizes):
        return None
    variance = sum((n - 1) * float(e or 0.0) ** 2 * n for e, n in zip(errors, sizes)) / (sum(sizes) - len(sizes))
    return math.sqrt(variance / sum(sizes))


def with_rules(benchmark: Benchmark, graded: Frame) -> Frame:
    """The graded rows with a column for each of lm-eval's metrics, where lm-eval has the benchmark."""
    rows = graded.select("gold", "response", *(c for c in ("solution",) if c in graded.columns)).to_dicts()
    if benchmark.name == "gsm8k":
        from mathdata.verifiers.minerva import gsm8k_scores

        scores = [gsm8k_scores(r["gold"] or "", r["response"] or "") for r in rows]
        names = {"strict-match": "exact_match,strict-match", "flexible-extract": "exact_match,flexible-extract"}
    elif benchmark.name in ("math", "math500"):
        from mathdata.verifiers.minerva import minerva_scores

        scores = minerva_scores(rows)
        names = {"exact_match": "exact_match,none", "math_verify": "math_verify,none"}
    else:
        return graded
    return graded.with_columns(
        pl.Series(f"lm_eval:{to}", [s[key] for s in scores], dtype=pl.Boolean) for key, to in names.items()
    )


def lm_eval_figures(benchmark: Benchmark, graded: Frame) -> dict[str, Any] | None:
    """lm-eval's figures of a benchmark it has: tasks, and for MATH the group over its seven; None for any other.

    Each problem's first answer counts.
    """
    first = with_rules(benchmark, graded.filter(pl.col("sample") == 0))
    columns = [c for c in first.columns if c.startswith("lm_eval:")]
    if not columns:
        return None
    if benchmark.name != "math":
        task = {"gsm8k": "gsm8k", "math500": "minerva_math500"}[benchmark.name]
        return {"version": VERSIONS[task], "group": None, "tasks": {task: _figures(first, columns)}}
    parts = {
        f"minerva_math_{word}": _figures(first.filter(pl.col("subject") == subject), columns)
        for subject, word in SUBJECTS.items()
        if "subject" in first.columns and (first["subject"] == subject).any()
    }
    group = _group(parts) if parts else _figures(first, columns)
    return {"version": VERSIONS["minerva_math"], "group": {"minerva_math": group}, "tasks": parts}


def _figures(rows: Frame, columns: Sequence[str]) -> dict[str, Any]:
    metrics = {}
    for column in columns:
        right = int(rows[column].sum())
        value = right / max(rows.height, 1)
        metrics[column.removeprefix("lm_eval:")] = {"value": value, "stderr": stderr(right, rows.height)}
    return {"n": rows.height, "metrics": metrics}


def _group(parts: Mapping[str, Any]) -> dict[str, Any]:
    sizes = [p["n"] for p in parts.values()]
    metrics = {}
    for name in next(iter(parts.values()))["metrics"]:
        each = [p["metrics"][name] for p in parts.values()]
        value = sum(m["value"] * n for m, n in zip(each, sizes)) / sum(sizes)
        metrics[name] = {"value": value, "stderr": pooled([m["stderr"] for m in each], sizes)}
    return {"n": sum(sizes), "metrics": metrics}


def _own(figures: Mapping[str, Any]) -> dict[str, Any]:
    """A benchmark that lm-eval has not: both extractors of ours under its names."""
    n = figures["n"]
    shares = {"strict-match": figures["accuracy_strict"] or 0.0, "flexible-extract": figures["accuracy"]}
    metrics = {f"exact_match,{k}": {"value": v, "stderr": stderr(v * n, n)} for k, v in shares.items()}
    return {"n": n, "metrics": metrics}


def _told(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] | None = figures.get("lm_eval")
    return made or {"version": figures["identity"]["version"], "group": None, "tasks": {name: _own(figures)}}


def lm_eval_results(data: Mapping[str, Any]) -> dict[str, Any]:
    """The results file of lm-eval, so that its leaderboards and plots read these figures."""
    body: dict[str, Any] = {k: {} for k in ("results", "groups", "group_subtasks", "configs", "versions", "n-shot")}
    body |= {"n-samples": {}, "higher_is_better": {}, "task_hashes": {}}
    for benchmark, figures in data["benchmarks"].items():
        told = _told(benchmark, figures)
        shots = figures["identity"].get("shots") or 0
        for name, part in {**(told["group"] or {}), **told["tasks"]}.items():
            line = {"alias": name, **_flat(part["metrics"])}  # its table indents the tasks of a group itself
            body["results"][name] = line
            body["versions"][name], body["n-shot"][name] = told["version"], shots
            body["n-samples"][name] = {"original": part["n"], "effective": part["n"]}
            body["higher_is_better"][name] = {m.split(",")[0]: True for m in part["metrics"]}
            body["task_hashes"][name] = figures["digest"]
            body["configs"][name] = {"task": name, "metadata": {"version": told["version"]}, "num_fewshot": shots}
            body["group_subtasks"][name] = []
            if told["group"] and name in told["group"]:
                body["groups"][name], body["group_subtasks"][name] = line, sorted(told["tasks"])
    config = {"model": data["model"], "model_args": "", "batch_size": None, "limit": None}
    return body | {"config": config, "model_name": data["model"]}


def _flat(metrics: Mapping[str, Mapping[str, float | None]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, figure in metrics.items():
        metric, _, filter_ = name.partition(",")
        out[name] = figure["value"]
        out[f"{metric}_stderr,{filter_}"] = "N/A" if figure["stderr"] is None else figure["stderr"]
    return out


HEADER = ("Tasks", "Version", "Filter", "n-shot", "Metric", "Value", "Stderr")


def lm_eval_rows(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The lines of lm-eval's table of one benchmark, the group first; empty for one that lm-eval has not."""
    told = figures.get("lm_eval")
    if not told:
        return []
    shots = str(figures["identity"].get("shots") or 0)
    rows: list[tuple[str, ...]] = []
    for name, part in {**(told["group"] or {}), **told["tasks"]}.items():
        label = f" - {name}" if told["group"] and name in told["tasks"] else name
        for metric, figure in part["metrics"].items():
            word, _, filter_ = metric.partition(",")
            error = "N/A" if figure["stderr"] is None else f"± {figure['stderr']:.4f}"
            rows.append((label, f"{told['version']:g}", filter_, shots, f"{word} ↑", f"{figure['value']:.4f}", error))
            label = ""
    return rows


def lm_eval_table(figures: Mapping[str, Any]) -> str:
    """lm-eval's table as text: the seven subjects of MATH and their group with standard errors."""
    rows = lm_eval_rows(figures)
    if not rows:
        return ""
    widths = [max(len(r[i]) for r in (HEADER, *rows)) for i in range(len(HEADER))]
    lines = ["|" + "|".join(cell.ljust(w) for cell, w in zip(row, widths)) + "|" for row in (HEADER, *rows)]
    return "\n".join([lines[0], "|" + "|".join("-" * w for w in widths) + "|", *lines[1:]])
