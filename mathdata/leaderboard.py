"""Figures in the results layout of lm-eval, so that existing leaderboards and plots read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["lm_eval_results"]


def lm_eval_results(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same figures in lm-eval's results layout, so that its leaderboards and plots read them."""
    results, configs, counts = {}, {}, {}
    for name, f in data["benchmarks"].items():
        strict = f["accuracy_strict"] or 0.0
        results[name] = {
            "alias": name,
            "exact_match,strict-match": strict,
            "exact_match_stderr,strict-match": (strict * (1 - strict) / max(f["n"], 1)) ** 0.5,
            "exact_match,flexible-extract": f["accuracy"],
            "exact_match_stderr,flexible-extract": f["stderr"],
        }
        identity = f["identity"]
        configs[name] = {
            "task": name,
            "metadata": {"version": identity["version"]},
            "num_fewshot": identity.get("shots"),
        }
        counts[name] = {"original": f["n"], "effective": f["n"]}
    return {
        "results": results,
        "configs": configs,
        "versions": {n: f["identity"]["version"] for n, f in data["benchmarks"].items()},
        "n-shot": {n: f["identity"].get("shots") or 0 for n, f in data["benchmarks"].items()},
        "n-samples": counts,
        "higher_is_better": {n: {"exact_match": True} for n in results},
        "group_subtasks": {n: [] for n in results},
        "config": {"model": data["model"], "model_args": "", "batch_size": None, "limit": None},
        "task_hashes": {n: f["digest"] for n, f in data["benchmarks"].items()},
        "model_name": data["model"],
    }
