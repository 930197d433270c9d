"""A grid of runs of one recipe: each in its own folder, resumable; one table, one plot, the value of each method."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mathdata.children import environment, python
from mathdata.errors import MathdataError, UsageError
from mathdata.grid import Point, points_of, read_points
from mathdata.manifest import atomic_write, dump_json, versions
from mathdata.steps import recipe_key
from mathdata.sweep_table import best_runs, collect, frame_of, method_values, over_steps, report_of
from mathdata.types import Context, Frame

__all__ = ["Sweep", "sweep"]


@dataclass(slots=True)
class Sweep:
    """What a sweep leaves: the table (one row a run and arm), the plot, the value of each method."""

    folder: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    methods: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Folder -> last words of runs that failed; the same command tries them again."""
    unwritten: dict[str, str] = field(default_factory=dict)
    """File -> why a table or plot could not be made; the runs and the other files stand."""

    @property
    def table(self) -> Frame:
        return frame_of(self.rows)


def sweep(
    recipe: str | Path,
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    out: str | Path,
    overrides: Sequence[str] = (),
    arms: Sequence[str] = (),
    jobs: int = 1,
    ctx: Context | None = None,
) -> Sweep:
    """Run every point of the grid (else of the recipe's own `sweep:`); finished points are not repeated.

    Raises UsageError and RecipeError, before any run starts, for a grid that has no points, a value that the recipe
    does not take, and a point whose plan does not fit its card.
    """
    from mathdata.recipe import load_recipe

    out, ctx = Path(out), ctx or Context()
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "--out names a folder")
    grid = dict(grid or load_recipe(recipe, overrides).sweep or {})
    points = points_of(grid, out)
    wanted = {folder: recipe_key(made) for folder, made in read_points(recipe, points, overrides, arms).items()}
    made, done = Sweep(out), 0
    options = [x for arm in arms for x in ("--arm", arm)]

    def work(point: Point) -> tuple[Point, str]:
        return point, run_point(recipe, point, [*overrides, *point.overrides, *options], wanted[point.folder])

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        for point, said in pool.map(work, points):
            done += 1
            made.skipped += said == "skipped"
            if said.startswith("failed"):
                made.failed[point.folder.name] = said.removeprefix("failed: ")
            ctx.progress(done, len(points), point.folder.name)
    gather(made, points, grid)
    write(made, grid)
    return made


# --- one run -----------------------------------------------------------------------------------------------------


def run_point(recipe: str | Path, point: Point, arguments: Sequence[str], digest: str) -> str:
    """`done`, `skipped` (this recipe, the content of what it names, these versions, whole) or `failed: why`; each run is a process of its own."""
    share(point.folder)
    marker = point.folder / "sweep.json"
    decides = {"digest": digest, "versions": versions()}
    if said_by(marker) == decides:
        return "skipped"
    marker.unlink(missing_ok=True)  # what it says ends now: a run that breaks leaves none
    command = python("mathdata", "run", str(recipe), *arguments, "--out", str(point.folder), "--json")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.startswith("error:")] or done.stderr.splitlines()
        return "failed: " + (last[-1].removeprefix("error: ") if last else f"exit code {done.returncode}")
    dump_json(marker, decides)
    return "done"


def said_by(marker: Path) -> Any:
    """What a finished point left, None where there is nothing that can be read."""
    try:
        return json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def share(folder: Path) -> None:
    """Steps and teachers' answers of all points stand once, beside the runs: their names are digests of what decides
    them, so points that begin alike do the work, and pay a teacher, once. A point with files of its own keeps them.
    """
    whole = folder.parent.parent
    folder.mkdir(parents=True, exist_ok=True)
    (whole / "steps").mkdir(exist_ok=True)
    (whole / "journal.sqlite").touch()
    for name in ("steps", "journal.sqlite"):
        if not (folder / name).exists():
            (folder / name).unlink(missing_ok=True)  # a link that leads nowhere, from a sweep that was moved
            (folder / name).symlink_to(Path("..", "..", name))


# --- results -----------------------------------------------------------------------------------------------------


def gather(made: Sweep, points: Sequence[Point], grid: Mapping[str, Sequence[Any]]) -> None:
    """The figures of every run that has them; a run whose report cannot be read has failed, the others stand."""
    keys, finished = list(grid), []
    for point in points:
        if point.folder.name in made.failed:
            continue
        try:
            report_of(point)
            finished.append(point)
        except MathdataError as error:
            made.failed[point.folder.name] = error.message
            (point.folder / "sweep.json").unlink(missing_ok=True)
    made.rows = collect(finished, keys)
    made.steps = over_steps(finished, keys)
    attempt(made, "methods.csv", lambda: made.methods.extend(method_values(finished, grid)))


def write(made: Sweep, grid: Mapping[str, Sequence[Any]]) -> None:
    """sweep.json first, so that no figure is lost; then sweep.csv, .parquet, .svg; where there is something for them
    methods.csv, steps.csv and steps.svg.
    """
    dump_json(made.folder / "sweep.json", body_of(made, grid))
    keys = list(grid)
    if made.rows:
        attempt(made, "sweep.csv", lambda: atomic_write(made.folder / "sweep.csv", made.table.write_csv()))
        attempt(made, "sweep.parquet", lambda: atomic_write(made.folder / "sweep.parquet", parquet_of(made.table)))
        attempt(made, "sweep.svg", lambda: plot(made, keys))
    if made.methods:
        text = frame_of(made.methods)
        attempt(made, "methods.csv", lambda: atomic_write(made.folder / "methods.csv", text.write_csv()))
    if made.steps:
        table = frame_of(made.steps)
        attempt(made, "steps.csv", lambda: atomic_write(made.folder / "steps.csv", table.write_csv()))
        attempt(made, "steps.svg", lambda: plot_steps(made))
    if made.unwritten:
        dump_json(made.folder / "sweep.json", body_of(made, grid))


def attempt(made: Sweep, file: str, work: Callable[[], Any]) -> None:
    """Make one file of the result; what goes wrong is told, and does not cost the others."""
    try:
        work()
    except Exception as error:  # whatever it is: trainings are finished, their figures must reach the reader
        made.unwritten[file] = error.message if isinstance(error, MathdataError) else f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError):
            (made.folder / file).unlink()  # one of an earlier call would pass for this one's


def body_of(made: Sweep, grid: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    best = {name: {"run": row["run"], "arm": row["arm"]} for name, row in best_runs(made.rows).items()}
    return {
        "grid": dict(grid),
        "rows": made.rows,
        "best": best,
        "methods": made.methods,
        "failed": made.failed,
        "unwritten": made.unwritten,
    }


def parquet_of(table: Frame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def plot(made: Sweep, keys: Sequence[str]) -> None:
    from mathdata.report.scaling import scaling_plot

    drawn = scaling_plot(made.rows, keys)
    if drawn:
        atomic_write(made.folder / "sweep.svg", drawn)
    else:
        (made.folder / "sweep.svg").unlink(missing_ok=True)


def plot_steps(made: Sweep) -> None:
    from mathdata.report.panels import step_panels

    atomic_write(made.folder / "steps.svg", step_panels(made.steps))
