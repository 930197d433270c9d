"""The end of a run: curated set, planted faults counted, comparison, card, report, and the manifest last."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.manifest import commit, digest_of, dump_json, sha256_of, versions
from mathdata.outcomes import arm_figures, arm_warnings, compare_arms, headline, summary_of_arm
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


EXAMPLES = 5
"""Rows shown for each reason in the report's funnel."""


def finish(
    recipe: Recipe, folder: Path, chains: dict[str, list[Step]], jobs: list[Job], display: Any, started: float
) -> Run:
    """Write everything that a run leaves; the manifest last, and only where every arm finished."""
    before = read_manifest(folder)
    (folder / "manifest.json").unlink(missing_ok=True)
    outputs = write_sets(folder, chains)
    done = [job for job in jobs if job.failure is None]
    arms = {job.arm: arm_figures(job, recipe) for job in done}
    with display.stage("compare"):
        comparisons, not_compared = compare_arms(recipe, folder, done)
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
        "failed": {job.arm: {"message": f.message, "hint": f.hint} for job in jobs if (f := job.failure)},
        "comparisons": comparisons,
        "not_compared": not_compared,
        **headline(recipe, comparisons),
        "inputs": [s.path for s in recipe.input],
        "notes": recipe.notes,
        "warnings": [*stage_warnings(chains), *arm_warnings(done)],
    }
    data |= when(before, digest_of([recipe.digest, data["ledger"], arms]), started)
    with display.stage("report"):
        outputs |= write_card_of(folder, data)
        outputs |= write_report_of(folder, data)
    summary = summary_of(folder, data)
    if not data["failed"]:
        write_manifest(recipe, folder, data, outputs)
    waiting = [s for chain in chains.values() for s in chain if s.record["pending"]]
    settle = [how_to_settle(s.record["pending"], s.record["ledger"]["rejected"], s.record["figures"]) for s in waiting]
    return Run(folder, summary, sum(s.record["pending"] for s in waiting), "; ".join(dict.fromkeys(settle)), data)


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


# --- the summary --------------------------------------------------------------------------------------------------


def summary_of(folder: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """The object that `--json` prints."""
    return {
        "name": data["name"],
        "arms": {name: summary_of_arm(arm) for name, arm in data["arms"].items()},
        **{k: data[k] for k in ("difference", "differences", "not_compared", "failed")},
        "comparisons": [
            {k: v for k, v in c.items() if k not in ("cases", "why", "benchmarks")}
            | {"benchmarks": {n: {k: v for k, v in f.items() if k != "by"} for n, f in c["benchmarks"].items()}}
            for c in data["comparisons"]
        ],
        "ledger": [{k: v for k, v in e.items() if k not in ("examples", "figures", "options")} for e in data["ledger"]],
        "planted": data["planted"],
        "curated": str(folder / "curated.parquet"),
        "report": str(folder / "report.html"),
        "seconds": data["seconds"],
        "notes": notes_of(data),
    }


def notes_of(data: Mapping[str, Any]) -> list[str]:
    """What must be said beside the figures: arms and pairs that are missing, warnings, checks that arms were allowed to
    fail, the recipe's own words."""
    allowed = {name: arm["allowed"] for name, arm in data["arms"].items() if arm["allowed"]}
    return [
        *(f"not finished: {said['message']}" for said in data["failed"].values()),
        *(said["en"] for said in data["not_compared"]),
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
