"""A grid of runs of one recipe: each in its own folder, resumable; one table, one plot, the value of each method."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.errors import MathdataError, RecipeError, UsageError
from mathdata.manifest import atomic_write, digest_of, dump_json, versions
from mathdata.types import Context, Frame

__all__ = ["Point", "Sweep", "leave_one_out", "parse_grid", "points_of", "sweep"]


@dataclass(frozen=True, slots=True)
class Point:
    """One cell of the grid: what is changed, and the folder of its run."""

    values: dict[str, Any]
    folder: Path

    @property
    def overrides(self) -> list[str]:
        texts = [
            f"{k.strip()}={json.dumps(v, ensure_ascii=False)}" for ks, v in self.values.items() for k in ks.split(",")
        ]
        return [*texts, "sweep=null"]


@dataclass(slots=True)
class Sweep:
    """What a sweep leaves: the table (one row a run and arm), the plot, the value of each method."""

    folder: Path
    table: Frame
    methods: list[dict[str, Any]] = field(default_factory=list)
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Folder -> last words of runs that failed; the same command tries them again."""


def sweep(
    recipe: str | Path,
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    out: str | Path,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    ctx: Context | None = None,
) -> Sweep:
    """Run every point of the grid (else of the recipe's own `sweep:`); finished points are not repeated.

    Raises RecipeError for a grid that a recipe does not take, before any run starts.
    """
    from mathdata.recipe import load_recipe

    out, ctx = Path(out), ctx or Context()
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "--out names a folder")
    grid = dict(grid or load_recipe(recipe, overrides).sweep or {})
    points = points_of(grid, out)
    wanted = {p.folder: load_recipe(recipe, [*overrides, *p.overrides]).digest for p in points}
    made = Sweep(out, pl.DataFrame())
    done = 0

    def work(point: Point) -> tuple[Point, str]:
        return point, run_point(recipe, point, [*overrides, *point.overrides], wanted[point.folder])

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        for point, said in pool.map(work, points):
            done += 1
            made.skipped += said == "skipped"
            if said.startswith("failed"):
                made.failed[point.folder.name] = said.removeprefix("failed: ")
            ctx.progress(done, len(points), point.folder.name)
    finished = [p for p in points if p.folder.name not in made.failed]
    made.table = collect(finished, list(grid))
    made.methods = method_values(finished, grid)
    write(made, grid, over_steps(finished, list(grid)))
    return made


# --- the grid ----------------------------------------------------------------------------------------------------


def parse_grid(items: Sequence[str]) -> dict[str, list[Any]]:
    """`key.path=a,b,c` -> values, as YAML reads them; commas inside brackets belong to a value.

    Keys joined by a comma vary together: `stages.sample.n,arms.raw.stages.sample.n=500,1000`.

    >>> parse_grid(["seed=1,2", "stages.augment.method=[a,b],[a]"])
    {'seed': [1, 2], 'stages.augment.method': [['a', 'b'], ['a']]}
    """
    import yaml

    grid: dict[str, list[Any]] = {}
    for item in items:
        key, eq, text = item.partition("=")
        if not eq or not key.strip() or not text.strip():
            raise UsageError(f"--grid {item}: not key.path=a,b,c", "for example: --grid stages.sample.n=500,1000,2000")
        try:
            grid[key.strip()] = [yaml.safe_load(v) for v in _split(text)]
        except yaml.YAMLError as error:
            raise UsageError(f"--grid {item}: {str(error).splitlines()[0]}", "quote the value") from error
    return grid


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for c in text:
        depth += (c in "[{") - (c in "]}")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts]


def leave_one_out(recipe: str | Path, key: str, overrides: Sequence[str] = ()) -> dict[str, list[Any]]:
    """A grid of the list at `key`, whole and with each item left out."""
    from mathdata.recipe import load_recipe

    at: Any = load_recipe(recipe, overrides).model_dump(mode="json")
    for part in key.split("."):
        at = _step(at, part, key)
    if not isinstance(at, list) or len(at) < 2:
        raise RecipeError(f"--leave-one-out {key}: not a list of two or more", "for example: stages.augment.method")
    return {key: [at, *([x for x in at if x != item] for item in at)]}


def _step(at: Any, part: str, key: str) -> Any:
    if isinstance(at, list):
        found = next((x for i, x in enumerate(at) if part in (str(i), str(x.get("name")))), None)
        found = found.get("options", found) if isinstance(found, Mapping) else found
    else:
        found = at.get(part) if isinstance(at, Mapping) else None
    if found is None:
        raise RecipeError(f"--leave-one-out {key}: the recipe has no '{part}'", "see: mathdata run RECIPE --plan")
    return found


def points_of(grid: Mapping[str, Sequence[Any]], out: Path) -> list[Point]:
    """Every combination; a folder's name tells its values."""
    if not grid or any(not values for values in grid.values()):
        raise UsageError("there is nothing to vary", "--grid key.path=a,b,c, or `sweep:` in the recipe")
    made = []
    for combination in itertools.product(*grid.values()):
        values = dict(zip(grid, combination))
        name = "_".join(f"{k.rpartition('.')[2]}-{_slug(v)}" for k, v in values.items())[:80]
        made.append(Point(values, out / "runs" / f"{name}-{digest_of(values)[:6]}"))
    return made


def _slug(value: Any) -> str:
    text = "+".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(c if c.isalnum() or c in "+-." else "-" for c in text)


# --- one run -----------------------------------------------------------------------------------------------------


def run_point(recipe: str | Path, point: Point, overrides: Sequence[str], digest: str) -> str:
    """`done`, `skipped` (this recipe, these versions, whole) or `failed: why`; each run is a process of its own."""
    share(point.folder)
    marker = point.folder / "sweep.json"
    decides = {"digest": digest, "versions": versions()}
    if marker.is_file() and json.loads(marker.read_text(encoding="utf-8")) == decides:
        return "skipped"
    command = [sys.executable, "-m", "mathdata", "run", str(recipe), *overrides, "--out", str(point.folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.startswith("error:")] or done.stderr.splitlines()
        return "failed: " + (last[-1] if last else f"exit code {done.returncode}")
    dump_json(marker, decides)
    return "done"


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

FIGURES = (
    "n",
    "accuracy",
    "low",
    "high",
    "stderr",
    "format_accuracy",
    "truncated",
    "rows",
    "tokens",
    "steps",
    "seconds",
)


def collect(points: Sequence[Point], keys: Sequence[str]) -> Frame:
    """One row a run and arm, from the runs' own reports."""
    rows = []
    for point in points:
        report = _report(point)
        ledger = report.get("ledger") or [{}]
        for arm, figures in (report.get("arms") or {"curated": {"rows": ledger[-1].get("kept")}}).items():
            row = {k: _plain(point.values[k]) for k in keys}
            row |= {"arm": arm} | {k: figures.get(k) for k in FIGURES}
            length = figures.get("length") or {}
            rows.append(row | {"length": length.get("mean"), "digest": report.get("digest"), "run": point.folder.name})
    return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame()


def over_steps(points: Sequence[Point], keys: Sequence[str]) -> list[dict[str, Any]]:
    """What was asked of each run's arms while they trained (`train.evaluation`): one row a run, arm and step."""
    rows = []
    for point in points:
        said = [f"{k.rpartition('.')[2]} {_plain(point.values[k])}" for k in keys]
        for arm, figures in (_report(point).get("arms") or {}).items():
            label = " · ".join([arm, *said])
            values = {k: _plain(point.values[k]) for k in keys}
            rows += [{"label": label, **values, "arm": arm, **x} for x in figures.get("evaluations") or []]
    return rows


def _report(point: Point) -> dict[str, Any]:
    path = point.folder / "report.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MathdataError(f"{path}: {error}", "run the sweep again: the point is repeated") from error
    return found


def _plain(value: Any) -> Any:
    return "+".join(map(str, value)) if isinstance(value, list) else value


def method_values(points: Sequence[Point], grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Points of accuracy that each augmentation method adds per 1,000 of its rows: the whole against all but it."""
    from mathdata.comparison import compare

    key = next((k for k in grid if k.endswith(".method")), None)
    if key is None or not all(isinstance(v, list) for v in grid[key]):
        return []
    whole = max(grid[key], key=len)
    found = []
    for point in points:
        left_out = [m for m in whole if m not in point.values[key]]
        if len(left_out) != 1:
            continue
        full = next((p for p in points if p.values == point.values | {key: whole}), None)
        arm = "curated"
        if full is None or not all(
            (p.folder / "evaluation" / arm / "evaluation.json").is_file() for p in (full, point)
        ):
            continue
        made = compare(point.folder / "evaluation" / arm, full.folder / "evaluation" / arm)
        rows = _rows_of(full, left_out[0])
        per = rows / 1000 if rows else None
        found.append(
            {
                **{k: _plain(v) for k, v in point.values.items() if k != key},
                "method": left_out[0],
                "rows": rows,
                "points": made.points,
                "low": made.low,
                "high": made.high,
                "p": made.p,
                **{f"{k}_per_1000": getattr(made, k) / per if per else None for k in ("points", "low", "high")},
            }
        )
    return found


def _rows_of(point: Point, method: str) -> int:
    table = pl.scan_parquet(point.folder / "curated.parquet")
    return int(table.filter(pl.col("method") == method).select(pl.len()).collect().item())


def write(made: Sweep, grid: Mapping[str, Sequence[Any]], steps: Sequence[Mapping[str, Any]] = ()) -> None:
    """sweep.csv, .parquet, .svg and .json beside the runs; where there is something for them methods.csv, steps.csv, .svg."""
    from mathdata.report.panels import step_panels
    from mathdata.report.scaling import scaling_plot

    if made.table.height:
        atomic_write(made.folder / "sweep.csv", made.table.write_csv())
        buffer = io.BytesIO()
        made.table.write_parquet(buffer, compression="zstd")
        atomic_write(made.folder / "sweep.parquet", buffer.getvalue())
        plot = scaling_plot(made.table, list(grid))
        if plot:
            atomic_write(made.folder / "sweep.svg", plot)
    if made.methods:
        atomic_write(made.folder / "methods.csv", pl.DataFrame(made.methods).write_csv())
    if steps:
        atomic_write(made.folder / "steps.csv", pl.DataFrame(steps, infer_schema_length=None).write_csv())
        atomic_write(made.folder / "steps.svg", step_panels(steps))
    body = {"grid": dict(grid), "rows": made.table.to_dicts(), "methods": made.methods, "failed": made.failed}
    dump_json(made.folder / "sweep.json", body)
