"""What the arms of a run came to: figures by benchmark, paired differences, warnings, and what could not be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mathdata.errors import MathdataError
from mathdata.figures import measures
from mathdata.pairs import pairs_of
from mathdata.receipts import training_warnings
from mathdata.recipe import Recipe
from mathdata.training import Job

__all__ = ["arm_figures", "arm_warnings", "compare_arms", "headline", "summary_of_arm"]

PAIR = ("before", "after", "points", "low", "high", "p")
"""What is printed of a difference."""
TRAINED = (
    "tokens", "steps", "seconds", "loss", "trainable", "total", "preflight", "evaluations", "tokens_per_second",
    "train_cpu_seconds", "rows_seen", "padding", "curves", "rounds", "rewards",
)  # fmt: skip
"""What the report takes from the record of a training."""


def arm_figures(job: Job, recipe: Recipe) -> dict[str, Any]:
    """What the report and `--json` say of an arm: its training, its set, its figures on each benchmark.

    Where there is one benchmark its figures stand outside too; several are never made one.
    """
    figures: dict[str, Any] = {
        "about": recipe.arms[job.arm].about,
        "allowed": allowed_of(job),
        "trained": not job.body["before"],
        **{k: job.record.get(k) for k in TRAINED},
        "rows": (job.record.get("preflight") or {}).get("trained"),
        "evaluate_seconds": (job.record.get("evaluation") or {}).get("seconds"),
    }
    evaluated = read_evaluation(job)
    if evaluated:
        results = evaluated["benchmarks"]
        figures |= next(iter(results.values())) if len(results) == 1 else {}
        figures["benchmarks"] = results
        figures["digest"] = evaluated.get("digest")
    return figures


def allowed_of(job: Job) -> list[str]:
    """What the preflight found and was allowed to let pass, each word with the rows it concerns: `unverified (12)`."""
    findings = (job.record.get("preflight") or {}).get("findings") or []
    passed = [f for f in findings if f["allowed"] and f["refuses"]]
    return [f"{f['check']} ({f['rows']:,})" if f["rows"] else f["check"] for f in passed]


def read_evaluation(job: Job) -> dict[str, Any]:
    path = job.evaluation / "evaluation.json"
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return made


def arm_warnings(jobs: Sequence[Job]) -> list[dict[str, str]]:
    """What must be said of each arm: a training that learnt nothing, answers cut off, answers that nobody could judge."""
    from mathdata.evaluation import warnings_of

    return [
        {"en": f"{job.arm}, {warning['en']}", "zh": f"{job.arm}，{warning['zh']}"}
        for job in jobs
        for warning in (*training_warnings(job.record), *warnings_of(read_evaluation(job).get("benchmarks") or {}))
    ]


# --- comparison --------------------------------------------------------------------------------------------------


def compare_arms(
    recipe: Recipe, folder: Path, jobs: Sequence[Job]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """(comparisons, what could not be compared and why): one pair that cannot be compared stops no other."""
    names = [j.arm for j in jobs if (j.evaluation / "evaluation.json").exists()]
    made: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    for pair in pairs_of(recipe, names):
        try:
            found, apart = compare_pair(folder, pair, recipe.seed)
        except MathdataError as error:
            found, apart = None, [told(pair, "", error.message, error.message)]
        made += [found] if found else []
        refused += apart
    return made, refused


def compare_pair(folder: Path, pair: tuple[str, str], seed: int) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
    """The benchmarks that both were asked alike, compared; the others with what is not alike."""
    from mathdata.comparison import compare, settings_apart
    from mathdata.evaluation import Evaluation

    old, new = (Evaluation.load(folder / "evaluation" / arm) for arm in pair)
    refused = []
    alike = []
    for name in dict.fromkeys([*old.benchmarks, *new.benchmarks]):
        apart = settings_apart(old, new, name)
        if apart:
            words = [", ".join(f"{key} {a}{and_}{b}" for key, a, b in apart) for and_ in (" and ", " 与 ")]
            refused.append(
                told(pair, name, f"they were not asked alike: {words[0]}", f"提问方式不同：{words[1]}"),
            )
        else:
            alike.append(name)
    if not alike:
        return None, refused
    body = compare(old, new, benchmarks=alike, seed=seed).as_dict()
    return body | {"before": pair[0], "after": pair[1]}, refused


def told(pair: tuple[str, str], benchmark: str, english: str, chinese: str) -> dict[str, str]:
    """A pair that could not be compared, in words."""
    on, at = (f" on {benchmark}", f"（{benchmark}）") if benchmark else ("", "")
    return {
        "before": pair[0],
        "after": pair[1],
        "benchmark": benchmark,
        "en": f"{pair[0]} → {pair[1]}{on}: not compared; {english}",
        "zh": f"{pair[0]} → {pair[1]}{at}：未比较；{chinese}",
    }


def headline(recipe: Recipe, comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The paired differences of the recipe's `compare`, in points, as `--json` and report.json hold them.

    `differences`: one for each pair and benchmark. `difference`: the same where there is one alone, else None.
    """
    chosen = recipe.compare.pairs(recipe.arms) if recipe.compare else []
    found = [
        {"before": c["before"], "after": c["after"], "benchmark": name, "n": f["n"], **{k: f[k] for k in PAIR[2:]}}
        for c in comparisons
        if (c["before"], c["after"]) in chosen
        for name, f in c["benchmarks"].items()
    ]
    return {"difference": found[0] if len(found) == 1 else None, "differences": found}


def summary_of_arm(arm: Mapping[str, Any]) -> dict[str, Any]:
    """An arm as `--json` prints it: every share and n of each benchmark; of the only one outside too."""
    results = arm.get("benchmarks") or {}
    each = {name: {"n": f["n"], **measures(f)} for name, f in results.items()}
    flat = ("accuracy", "format_accuracy", "truncated", "n")
    return {k: arm.get(k) for k in flat if len(each) == 1} | {"benchmarks": each}
