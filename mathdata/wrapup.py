"""The end of a run: curated set, planted faults counted, comparison, card, report, and the manifest last."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.manifest import commit, digest_of, dump_json, sha256_of, versions
from mathdata.receipts import how_to_settle, shortfalls
from mathdata.recipe import Recipe
from mathdata.steps import Step, source_key
from mathdata.training import Job

__all__ = ["Run", "finish", "planted_faults"]


@dataclass(slots=True)
class Run:
    """What `run` returns: the folder, and the summary that `--json` prints."""

    folder: Path
    summary: dict[str, Any]
    pending: int = 0
    settle: str = ""
    """What to do about the pending rows."""
    data: dict[str, Any] = field(default_factory=dict)
    """Everything the report was made from."""


PAIR = ("before", "after", "points", "low", "high", "p")
"""What is printed of a comparison."""

EXAMPLES = 5
"""Rows shown for each reason in the report's funnel."""


def finish(
    recipe: Recipe, folder: Path, chains: dict[str, list[Step]], jobs: list[Job], display: Any, started: float
) -> Run:
    """Write everything that a run leaves; the manifest last."""
    before = read_manifest(folder)
    (folder / "manifest.json").unlink(missing_ok=True)
    outputs = write_sets(folder, chains)
    arms = {job.arm: arm_figures(job, chains, recipe) for job in jobs}
    with display.stage("compare"):
        comparisons = compare_arms(recipe, folder, jobs)
    data: dict[str, Any] = {
        "name": recipe.name,
        "about": recipe.about,
        "seed": recipe.seed,
        "recipe": recipe.authored(),
        "digest": recipe.digest,
        "versions": versions(),
        "commit": commit(),
        "ledger": ledgers(chains),
        "planted": planted_faults(chains["curated"]),
        "arms": arms,
        "comparisons": comparisons,
        "difference": headline(recipe, comparisons),
        "inputs": [s.path for s in recipe.input],
        "notes": recipe.notes,
        "warnings": [*stage_warnings(chains), *evaluation_warnings(jobs)],
    }
    data |= when(before, digest_of([recipe.digest, data["ledger"], arms]), started)
    with display.stage("report"):
        outputs |= write_card_of(folder, data)
        outputs |= write_report_of(folder, data)
    summary = summary_of(folder, data, chains)
    write_manifest(recipe, folder, data, outputs)
    waiting = [s for chain in chains.values() for s in chain if s.record["pending"]]
    told = [how_to_settle(s.record["pending"], s.record["ledger"]["rejected"], s.record["figures"]) for s in waiting]
    return Run(folder, summary, sum(s.record["pending"] for s in waiting), "; ".join(dict.fromkeys(told)), data)


def read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def when(before: Mapping[str, Any], receipt: str, started: float) -> dict[str, Any]:
    """When the run was made and how long it took; a second run that repeats nothing keeps the first one's."""
    if before.get("receipt") == receipt:
        return {k: before[k] for k in ("created", "seconds", "receipt")}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"created": now, "seconds": round(time.perf_counter() - started, 1), "receipt": receipt}


def write_sets(folder: Path, chains: dict[str, list[Step]]) -> dict[str, Path]:
    """curated.parquet and rejects.parquet of the recipe's own chain; other arms' sets under their name."""
    from mathdata.io import write

    outputs = {}
    for name, steps in chains.items():
        target = folder / f"{name}.parquet"
        write(pl.scan_parquet(steps[-1].kept).drop("reject", "reject_why"), target)
        outputs[f"{name}.parquet"] = target
    return outputs | {"rejects.parquet": write(rejects_of(chains["curated"]), folder / "rejects.parquet")}


def rejects_of(steps: list[Step]) -> pl.LazyFrame:
    """Every row a chain set aside, with the stage that did."""
    frames = [pl.scan_parquet(s.rejects).with_columns(pl.lit(s.record["stage"]).alias("rejected_by")) for s in steps]
    return pl.concat(frames, how="diagonal_relaxed")


def ledgers(chains: dict[str, list[Step]]) -> list[dict[str, Any]]:
    """One entry for each arm and stage, with examples of what was set aside."""
    entries = []
    for arm, steps in chains.items():
        for step in steps:
            record = step.record
            entries.append(
                {"arm": arm, "stage": record["stage"], "options": record["options"], **record["ledger"]}
                | {"figures": record["figures"], "examples": examples(step) if arm == "curated" else {}}
            )
    return entries


def examples(step: Step) -> dict[str, list[dict[str, Any]]]:
    gone = pl.scan_parquet(step.rejects)
    columns = ("id", "origin", "problem", "solution", "answer", "reject_why")
    found: dict[str, list[dict[str, Any]]] = {}
    for word in sorted(gone.select(pl.col("reject").unique()).collect()["reject"].to_list()):
        rows = gone.filter(pl.col("reject") == word).select(columns).sort("id", "origin").head(EXAMPLES)
        found[word] = rows.collect(engine="streaming").to_dicts()
    return found


def stage_warnings(chains: Mapping[str, list[Step]]) -> list[str]:
    """What stages were asked for and could not give; a step that chains share is named once."""
    shared = {step.digest: step for chain in chains.values() for step in chain}
    of = {step.digest: arm for arm, chain in reversed(list(chains.items())) for step in chain}
    return [
        f"{of[digest]}, {step.record['stage']}: {line}"
        for digest, step in shared.items()
        for line in shortfalls(step.record["figures"])
    ]


# --- planted faults -----------------------------------------------------------------------------------------------

ANSWERS_TO: dict[str, tuple[str, ...]] = {
    "exact-duplicate": ("exact-duplicate",),
    "variant": ("exact-duplicate", "normal-duplicate", "near-duplicate"),
    "wrong-answer": ("wrong-answer", "review-conflict", "false-step"),
    "conflict": ("review-conflict", "wrong-answer", "false-step"),
    "leak": ("leak",),
}
"""The words that count as finding a planted fault."""


def planted_faults(steps: list[Step]) -> list[dict[str, Any]]:
    """Where the input tells its own truth (`planted`): what each stage found, missed and took wrongly.

    `found`: set aside for that fault; `elsewhere`: set aside for another reason (a duplicate of a leak, not sampled);
    `missed`: still in the curated set. `wrongly`: sound rows set aside with a word that belongs to the fault alone.
    """
    raw = pl.scan_parquet(steps[0].kept)
    if "planted" not in raw.collect_schema().names():
        return []
    fate = rejects_of(steps).select("id", "origin", "reject", "rejected_by")
    truth = raw.select("id", "origin", "planted").join(fate, on=["id", "origin"], how="left").collect()
    rows = []
    for fault, words in ANSWERS_TO.items():
        mine = truth.filter(pl.col("planted") == fault)
        found = mine.filter(pl.col("reject").is_in(words))
        missed = mine.filter(pl.col("reject").is_null())
        sound = truth.filter(pl.col("planted").is_null() & (pl.col("reject") == words[0]))
        by = sorted(set(found["rejected_by"].to_list()))
        rows.append(
            {
                "fault": fault,
                "planted": mine.height,
                "found": found.height,
                "elsewhere": mine.height - found.height - missed.height,
                "missed": missed.height,
                "wrongly": sound.height,
                "stage": ", ".join(by),
            }
        )
    return rows


# --- arms and comparison ------------------------------------------------------------------------------------------


TRAINED = (
    "tokens", "steps", "seconds", "loss", "trainable", "total", "preflight", "evaluations", "tokens_per_second",
    "train_cpu_seconds", "rows_seen", "padding",
)  # fmt: skip
"""What the report takes from the record of a training."""


def allowed_of(job: Job) -> list[str]:
    """What the preflight found and was allowed to let pass, each word with the rows it concerns: `unverified (12)`."""
    findings = (job.record.get("preflight") or {}).get("findings") or []
    passed = [f for f in findings if f["allowed"] and f["refuses"]]
    return [f"{f['check']} ({f['rows']:,})" if f["rows"] else f["check"] for f in passed]


def arm_figures(job: Job, chains: Mapping[str, list[Step]], recipe: Recipe) -> dict[str, Any]:
    """What the report and `--json` say of an arm: its figures on the first benchmark, its training, its set."""
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
        first = next(iter(results.values()))
        figures |= first
        figures["benchmarks"] = results
        figures["digest"] = evaluated.get("digest")
    return figures


def read_evaluation(job: Job) -> dict[str, Any]:
    path = job.evaluation / "evaluation.json"
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return made


def evaluation_warnings(jobs: list[Job]) -> list[dict[str, str]]:
    """What `evaluate` warns of, for every arm: answers cut off, answers that could not be judged."""
    from mathdata.evaluation import warnings_of

    return [
        {"en": f"{job.arm}, {warning['en']}", "zh": f"{job.arm}，{warning['zh']}"}
        for job in jobs
        for warning in warnings_of(read_evaluation(job).get("benchmarks") or {})
    ]


def compare_arms(recipe: Recipe, folder: Path, jobs: list[Job]) -> list[dict[str, Any]]:
    """Every trained arm against the one before it in the recipe, and the headline pair."""
    from mathdata.comparison import compare

    names = [j.arm for j in jobs if (j.evaluation / "evaluation.json").exists()]
    pairs = list(itertools.pairwise(names))
    if recipe.compare:
        chosen = (recipe.compare.before, recipe.compare.after)
        pairs = [chosen] + [p for p in pairs if p != chosen]
    made = []
    for before, after in pairs:
        result = compare(folder / "evaluation" / before, folder / "evaluation" / after, seed=recipe.seed)
        made.append({"before": before, "after": after, **as_dict(result)})
    return made


def as_dict(result: Any) -> dict[str, Any]:
    body: dict[str, Any] = result.as_dict()
    return {k: v for k, v in body.items() if k not in ("before", "after")}


def headline(recipe: Recipe, comparisons: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The paired difference of the recipe's `compare`, in points."""
    if not recipe.compare or not comparisons:
        return None
    first = comparisons[0]
    return {k: first[k] for k in PAIR}


def summary_of(folder: Path, data: Mapping[str, Any], chains: Mapping[str, list[Step]]) -> dict[str, Any]:
    """The object that `--json` prints."""
    keys = ("accuracy", "format_accuracy", "truncated", "n")
    return {
        "name": data["name"],
        "arms": {name: {k: arm.get(k) for k in keys} for name, arm in data["arms"].items()},
        "difference": data["difference"],
        "comparisons": [{k: c[k] for k in PAIR} for c in data["comparisons"]],
        "ledger": [{k: v for k, v in e.items() if k not in ("examples", "figures", "options")} for e in data["ledger"]],
        "planted": data["planted"],
        "curated": str(folder / "curated.parquet"),
        "report": str(folder / "report.html"),
        "seconds": data["seconds"],
        "notes": notes_of(data),
    }


def notes_of(data: Mapping[str, Any]) -> list[str]:
    """What must be said beside the figures: warnings, checks that arms were allowed to fail, the recipe's own words."""
    allowed = {name: arm["allowed"] for name, arm in data["arms"].items() if arm["allowed"]}
    return [
        *map(plain, data["warnings"]),
        *(f"{name}: preflight allowed {', '.join(what)}" for name, what in allowed.items()),
        *map(plain, data["notes"]),
    ]


def plain(note: str | Mapping[str, str]) -> str:
    return note if isinstance(note, str) else note.get("en") or next(iter(note.values()), "")


# --- card and report ----------------------------------------------------------------------------------------------


def write_card_of(folder: Path, data: Mapping[str, Any]) -> dict[str, Path]:
    from mathdata.cards import card

    card(folder / "curated.parquet", run=data, out=folder / "card.md")
    return {"card.md": folder / "card.md"}


def write_report_of(folder: Path, data: dict[str, Any]) -> dict[str, Path]:
    from mathdata.report import write_report

    write_report(data, folder / "report.html")
    names = ("report.html", "report.md", "report.json")
    return {n: folder / n for n in names if (folder / n).exists()}


def write_manifest(recipe: Recipe, folder: Path, data: Mapping[str, Any], outputs: Mapping[str, Path]) -> None:
    """Written last: no manifest = not finished."""
    described = {k: {"file": str(p.relative_to(folder)), "sha256": sha256_of(p)} for k, p in outputs.items()}
    body = {
        "recipe": recipe.model_dump(mode="json"),
        "digest": recipe.digest,
        "versions": versions(),
        "commit": commit(),
        "seed": recipe.seed,
        "inputs": [source_key(s) for s in recipe.input],
        **{k: data[k] for k in ("ledger", "planted", "seconds", "created", "receipt")},
        "outputs": described,
    }
    dump_json(folder / "manifest.json", body)
