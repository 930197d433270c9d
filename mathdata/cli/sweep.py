"""Run a recipe over a grid of values: one table, one plot; finished points are skipped"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathdata.cli.common import command, emit, message

if TYPE_CHECKING:
    from mathdata.sweep import Sweep

__all__ = ["command"]


@command(name="sweep")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY.PATH=VALUE]...")
@click.option("--grid", "-g", multiple=True, metavar="KEY.PATH=A,B,C", help="Values of one key; repeat for a product.")
@click.option("--arm", multiple=True, metavar="NAME", help="This arm of every run alone; repeat for several.")
@click.option("--leave-one-out", metavar="KEY.PATH", help="A list (such as stages.augment.method), whole and less one.")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Folder (default: runs/NAME-sweep).")
@click.option("--jobs", "-j", type=click.IntRange(1), default=1, show_default=True, help="Runs beside each other.")
def _sweep(
    as_json: bool,
    recipe: str,
    overrides: tuple[str, ...],
    grid: tuple[str, ...],
    arm: tuple[str, ...],
    leave_one_out: str | None,
    out: Path | None,
    jobs: int,
) -> None:
    """Run RECIPE once for every combination of the grid (else of its own `sweep:`).

    Values that belong together vary as a group: --grid 'size={label: 1.5B, train.model: A},{label: 7B, train.model: B}'.
    Every value is checked, and every plan held against its card, before the first run starts. The folder holds every
    run, sweep.json, sweep.csv, sweep.parquet, sweep.svg; where methods were left out methods.csv, and where models were
    asked while they trained (train.evaluation) steps.csv and steps.svg.
    """
    from mathdata import grid as grids
    from mathdata import sweep as sweeps
    from mathdata.cli.progress import Display
    from mathdata.recipe import load_recipe
    from mathdata.types import Context

    wanted = grids.parse_grid(grid)
    if leave_one_out:
        wanted |= grids.leave_one_out(recipe, leave_one_out, overrides)
    out = out or Path("runs") / f"{load_recipe(recipe, overrides).name}-sweep"
    with Display(quiet=as_json) as display, display.stage("sweep") as progress:
        made = sweeps.sweep(
            recipe, grid=wanted, out=out, overrides=overrides, arms=arm, jobs=jobs, ctx=Context(progress=progress)
        )
    for name, why in made.failed.items():
        message(f"failed: {name}: {why}")
    for name, why in made.unwritten.items():
        message(f"not written: {name}: {why}; sweep.json holds every figure")
    result = {
        "out": str(made.folder),
        "rows": made.rows,
        "methods": made.methods,
        "skipped": made.skipped,
        "failed": made.failed,
        "unwritten": made.unwritten,
    }
    emit(result, as_json, lambda _: click.echo(shown(made)))
    if made.failed or made.unwritten:
        message("run the same command again: finished points are skipped")
        raise SystemExit(1)


def shown(made: Sweep) -> str:
    """The table as aligned lines: what was varied, the arm, each benchmark's figures; without training, its rows."""
    from mathdata.sweep_table import best_runs

    lines = aligned(table_of(made.rows))
    lines += [_value(m) for m in made.methods]
    for name, row in best_runs(made.rows).items() if len(made.rows) > 1 else ():
        figure = f"{100 * row[f'{name}_accuracy']:.1f} %"
        lines.append(f"best on {name}: {figure}, {made.folder / 'runs' / row['run'] / 'models' / row['arm']}")
    return "\n".join([*lines, f"table and plot: {made.folder}" if lines else f"no run was finished: {made.folder}"])


NOT_VARIED = ("arm", "rows", "tokens", "steps", "seconds", "digest", "run")
MEASURED = {"accuracy": "accuracy", "format_accuracy": "format", "truncated": "cut off", "length": "length"}
NARROW = ("accuracy", "truncated")
"""What is printed of each of several benchmarks, so that a line fits a screen; sweep.csv holds all."""


def table_of(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Heading -> text of each run and arm; the rows trained on where no varied value says the same."""
    from mathdata.report.scaling import short_names
    from mathdata.sweep_table import benchmarks_of

    benchmarks = benchmarks_of(rows)
    graded = tuple(f"{b}_" for b in benchmarks)
    varied = [k for k in (rows[0] if rows else ()) if k not in NOT_VARIED and not (graded and k.startswith(graded))]
    names = short_names(varied)
    counted = [r for r in rows if r.get("rows") is not None]
    told = not counted or any(all(r[k] == r["rows"] for r in counted) for k in varied)
    made = []
    for row in rows:
        cells = {names[k]: str(row[k]) for k in varied} | {"arm": str(row["arm"])}
        if not told:
            cells["rows"] = "–" if row["rows"] is None else f"{row['rows']:,}"
        for name in benchmarks:
            before = f"{name} " if len(benchmarks) > 1 else ""
            cells |= {before + heading: text for heading, text in _graded(row, name, len(benchmarks) > 1)}
        made.append(cells)
    return made


def _graded(row: dict[str, Any], name: str, narrow: bool) -> Iterator[tuple[str, str]]:
    """Heading and text of one benchmark's figures, as far as they are known."""
    for key, heading in MEASURED.items():
        if (value := row.get(f"{name}_{key}")) is None or (narrow and key not in NARROW):
            continue
        yield heading, f"{value:.0f}" if key == "length" else f"{100 * value:.1f} %"
        if key == "accuracy" and row.get(f"{name}_low") is not None:
            yield "95 %", f"{100 * row[f'{name}_low']:.1f} – {100 * row[f'{name}_high']:.1f}"


def aligned(rows: list[dict[str, str]]) -> list[str]:
    """Lines under one another; a heading that no row has is none."""
    names = list(dict.fromkeys(k for row in rows for k in row))
    cells = [names, *([row.get(k, "–") for k in names] for row in rows)]
    wide = [max(len(line[i]) for line in cells) for i in range(len(names))]
    left = [i for i, k in enumerate(names) if k == "arm"]
    return ["  ".join(c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(line, wide))).rstrip()
            for line in cells] if rows else []  # fmt: skip


def _value(method: dict[str, Any]) -> str:
    """What one method adds: the whole against all but it."""
    per = method.get("points_per_1000")
    rate = f", {per:+.1f} points per 1,000 rows" if per is not None else ""
    return (f"{method['benchmark']} without {method['method']} ({method['rows']:,} rows): {-method['points']:+.1f} points, 95 % "
            f"{-method['high']:+.1f} to {-method['low']:+.1f}; it adds {method['points']:+.1f}{rate}")  # fmt: skip


command = _sweep
