"""The whole loop: read, stages per arm, train, evaluate, compare, report; resumes by digest after kill -9."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mathdata.benchmarks import get_benchmark, label
from mathdata.errors import ArmFailed, MathdataError, RecipeError, ResumeError, UsageError
from mathdata.manifest import dump_json
from mathdata.pairs import asked_apart, pairs_of
from mathdata.recipe import Recipe, arm_train, asked_of, load_recipe
from mathdata.recipe_checks import check_keys
from mathdata.recipe_text import line_of
from mathdata.rounding import check_rounding
from mathdata.runmodel import described, resolved
from mathdata.saving import no_link, refuse_links
from mathdata.steps import chains_of, describe, run_chains
from mathdata.training import Job, need_memory, run_jobs
from mathdata.types import Benchmark, Context, Progress
from mathdata.wrapup import Run, finish

__all__ = ["Run", "plan", "run"]


class Display:
    """The progress interface `run` speaks to; this one is silent."""

    def say(self, text: str) -> None:
        return None

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Progress]:
        yield Context().progress


def run(
    recipe: str | Path | Recipe | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    fresh: bool = False,
    overrides: Sequence[str] = (),
    display: Any = None,
) -> Run:
    """Run a recipe from raw corpus to report; finished steps with the same digest are not repeated.

    Raises RecipeError before any work, ResumeError when the folder is in use or holds another recipe; ArmFailed where arms
    did not finish, after the report of those that did.
    """
    made = resolved(recipe if isinstance(recipe, Recipe) else load_recipe(recipe, overrides))
    display = display or Display()
    folder = Path(out) if out is not None else Path("runs") / made.name
    started = time.perf_counter()
    need_keys(made, folder)
    need_benchmarks(made, load=True)
    for words in models_of_runs(made).values():
        display.say(f"model: {words}")
    need_memory(made)
    for words in pairs_apart(made):
        display.say(f"will not be compared: {words}")
    with locked(folder):
        replaced = claim(folder, made, fresh)
        if replaced:
            display.say(
                f"{folder} held a finished run with other values (digest {replaced[:10]}): its report and its sets are "
                "replaced; --out keeps both"
            )
        chains = run_chains(made, folder, display)
        jobs = run_jobs(made, folder, chains, display)
        result = finish(made, folder, chains, jobs, display, started)
    if any(job.failure for job in jobs):
        raise arms_failed(jobs, result)
    if fresh:
        clear_stale(folder)
    return result


def arms_failed(jobs: Sequence[Job], result: Run) -> ArmFailed:
    """What the first arm that failed says, the names of the others, and where the finished ones are reported."""
    failed = {job.arm: job.failure for job in jobs if job.failure}
    first = next(iter(failed.values()))
    more = f" (and {len(failed) - 1} more: {', '.join(list(failed)[1:])})" if len(failed) > 1 else ""
    hint = f"{first.hint}; what finished is in {result.folder / 'report.html'}, the same command tries the rest again"
    error = ArmFailed(first.message + more, hint.removeprefix("; "))
    error.run = result
    return error


def models_of_runs(recipe: Recipe) -> dict[str, str]:
    """Which models come from other runs, in words, by the arm that names its own, else `train`."""
    specs = {"train": recipe.train} if recipe.train is not None else {}
    own = [name for name, arm in recipe.arms.items() if isinstance(arm.train, dict) and "model" in arm.train]
    specs |= {name: arm_train(recipe, name) for name in own} if recipe.train is not None else {}
    return {name: described(spec.model) for name, spec in specs.items() if spec.model.run is not None}


def need_keys(recipe: Recipe, folder: Path) -> None:
    """The keys of its servers are there, unless stored answers may do without. Raises RecipeError."""
    if not (Path(recipe.journal) if recipe.journal else folder / "journal.sqlite").exists():
        check_keys(recipe, *recipe.place)


def need_benchmarks(recipe: Recipe, *, load: bool) -> None:
    """Every benchmark has rows, and takes answers that are rounded as the recipe rounds. Raises RecipeError.

    Without `load` a file must be there, and what stands at a hub is left there.
    """
    if recipe.evaluate is None:
        return
    where, text = recipe.place
    said = f"{where}{line_of(text, 'evaluate', 'benchmarks')}: evaluate.benchmarks"
    named = [get_benchmark(b) for b in recipe.evaluate.benchmarks]
    here = [b for b in named if is_here(b, said) or load]
    for benchmark in here if load else ():
        if not rows_of(benchmark, said):
            raise RecipeError(f"{said}: benchmark {benchmark.name} has no rows", "check its file")
    check_rounding(recipe, here, where, text, read=True)


def is_here(benchmark: Benchmark, said: str) -> bool:
    """Whether its rows stand on this machine. Raises RecipeError where they stand nowhere."""
    try:
        return benchmark.source is None or "://" not in benchmark.source()
    except MathdataError as error:
        raise RecipeError(f"{said}: {error.message}", error.hint) from None


def rows_of(benchmark: Benchmark, said: str) -> int:
    try:
        return benchmark.load().height
    except MathdataError as error:
        raise RecipeError(f"{said}: {benchmark.name}: {error.message}", error.hint) from None


def plan(recipe: Recipe, out: Path | None = None) -> dict[str, Any]:
    """What `run` would do, without doing it. Raises RecipeError where `run` would before any work."""
    recipe = resolved(recipe, planning=True)
    need_keys(recipe, out or Path("runs") / recipe.name)
    need_benchmarks(recipe, load=False)
    need_memory(recipe)
    return {
        "name": recipe.name,
        "input": [s.path for s in recipe.input],
        "chains": {name: [describe(c) for c in chain] for name, chain in chains_of(recipe).items()},
        "train": {name: arm.train is not False for name, arm in recipe.arms.items()},
        "evaluate": [label(b) for b in recipe.evaluate.benchmarks] if recipe.evaluate else [],
        "models": models_of_runs(recipe),
        "asked": asked_by_arm(recipe),
        "compare": [list(pair) for pair in pairs_of(recipe)] if recipe.evaluate else [],
        "not_compared": pairs_apart(recipe),
        "digest": recipe.digest,
    }


def asked_by_arm(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """How each benchmark is put to each arm, and who decided it."""
    entries = recipe.evaluate.benchmarks if recipe.evaluate else []
    return {label(b): {arm: asked_of(recipe, arm, b).record for arm in recipe.arms} for b in entries}


def pairs_apart(recipe: Recipe) -> list[str]:
    """Pairs that the run will not be able to compare, in words: their arms are asked as they are trained, differently."""
    return [
        f"{before} -> {after} on {benchmark}: asked with different prompts, {one} and {other}"
        for before, after in (pairs_of(recipe) if recipe.evaluate else ())
        for benchmark, (one, other) in asked_apart(recipe, (before, after)).items()
    ]


# --- the run folder -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One run at a time in a folder; the lock dies with the process that holds it. Raises ResumeError, UsageError."""
    refuse_foreign(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.fdopen(no_link(str(folder / "lock"), os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+")
    except OSError as e:
        raise UsageError(f"{folder}: {e.strerror}", "give another --out") from e
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            raise ResumeError(
                f"{folder} is in use by process {handle.read().strip() or '?'}", "wait for it, or give another --out"
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def refuse_foreign(folder: Path) -> None:
    """A folder that holds something else than a run is left as it is. Raises UsageError."""
    if not folder.is_dir() or (folder / "recipe.json").exists():
        return
    if any(p.name != "lock" and not p.is_symlink() for p in folder.iterdir()):  # a sweep links what its points share
        raise UsageError(f"{folder} is not empty and no run folder", "give another --out")


def claim(folder: Path, recipe: Recipe, fresh: bool) -> str:
    """The folder belongs to one recipe by name; changed values redo only the steps they touch.

    Returns the digest of the finished run with other values that will be replaced, else nothing.
    """
    refuse_foreign(folder)
    other = body_of(folder / "recipe.json").get("name")
    if other not in (None, recipe.name) and not fresh:
        raise ResumeError(f"{folder} holds a run of '{other}'", "give another --out, or --fresh to replace it")
    held = str(body_of(folder / "manifest.json").get("digest") or "")
    if fresh:
        for name in ("manifest.json",):
            (folder / name).unlink(missing_ok=True)
        stale = folder / "stale"
        stale.mkdir(exist_ok=True)
        for name in ("steps", "models", "evaluation"):
            if (folder / name).exists():
                shutil.move(folder / name, stale / f"{name}-{time.time_ns()}")
    refuse_links(folder)
    for half in folder.rglob(".*.part"):
        half.unlink()  # what a killed run was writing; the lock is ours, so nobody is writing it now
    dump_json(folder / "recipe.json", recipe.model_dump(mode="json"))
    return held if held != recipe.digest and not fresh else ""


def body_of(path: Path) -> dict[str, Any]:
    """A JSON object, or nothing where there is none that can be read."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def clear_stale(folder: Path) -> None:
    shutil.rmtree(folder / "stale", ignore_errors=True)
