"""Run a recipe over a grid of values: one table, one plot; finished points are skipped"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathdata.cli.common import command, emit, message

__all__ = ["command"]


@command(name="sweep")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY.PATH=VALUE]...")
@click.option("--grid", "-g", multiple=True, metavar="KEY.PATH=A,B,C", help="Values of one key; repeat for a product.")
@click.option("--leave-one-out", metavar="KEY.PATH", help="A list (such as stages.augment.method), whole and less one.")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Folder (default: runs/NAME-sweep).")
@click.option("--jobs", "-j", type=click.IntRange(1), default=1, show_default=True, help="Runs beside each other.")
def _sweep(
    as_json: bool,
    recipe: str,
    overrides: tuple[str, ...],
    grid: tuple[str, ...],
    leave_one_out: str | None,
    out: Path | None,
    jobs: int,
) -> None:
    """Run RECIPE once for every combination of the grid (else of its own `sweep:`).

    The folder holds every run, sweep.csv, sweep.parquet, sweep.svg; where methods were left out methods.csv, and
    where models were asked while they trained (train.evaluation) steps.csv and steps.svg.
    """
    from mathdata import sweep as sweeps
    from mathdata.cli.progress import Display
    from mathdata.recipe import load_recipe
    from mathdata.types import Context

    wanted = sweeps.parse_grid(grid)
    if leave_one_out:
        wanted |= sweeps.leave_one_out(recipe, leave_one_out, overrides)
    out = out or Path("runs") / f"{load_recipe(recipe, overrides).name}-sweep"
    with Display(quiet=as_json) as display, display.stage("sweep") as progress:
        made = sweeps.sweep(
            recipe, grid=wanted, out=out, overrides=overrides, jobs=jobs, ctx=Context(progress=progress)
        )
    for name, why in made.failed.items():
        message(f"failed: {name}: {why}")
    result = {
        "out": str(made.folder),
        "rows": made.table.to_dicts(),
        "methods": made.methods,
        "skipped": made.skipped,
        "failed": made.failed,
    }
    emit(result, as_json, lambda _: click.echo(shown(made)))
    if made.failed:
        message("run the same command again: finished points are skipped")
        raise SystemExit(1)


def shown(made: object) -> str:
    """The table as aligned lines: what was varied, the arm, its figures; without training, its rows."""
    rows = made.table.to_dicts()  # type: ignore[attr-defined]
    lines = aligned([_row(row) for row in rows])
    lines += [_value(m) for m in made.methods]  # type: ignore[attr-defined]
    return "\n".join([*lines, f"table and plot: {made.folder}"])  # type: ignore[attr-defined]


FIGURES = ("low", "high", "stderr", "digest", "run", "tokens", "steps", "seconds", "length", "n", "rows")
MEASURED = {"accuracy": "accuracy", "format_accuracy": "format", "truncated": "cut off"}


def _row(row: dict[str, Any]) -> dict[str, str]:
    """One run and arm: heading -> text, in the order of the table."""
    varied = [k for k in row if k not in FIGURES and k not in MEASURED and k != "arm"]
    found = {k.rpartition(".")[2]: str(row[k]) for k in varied} | {"arm": str(row["arm"])}
    if row.get("rows") is not None and str(row["rows"]) not in found.values():
        found["rows"] = f"{row['rows']:,}"
    for key, heading in MEASURED.items():
        if (value := row.get(key)) is not None:
            found[heading] = f"{100 * value:.1f} %"
            if key == "accuracy" and row.get("low") is not None:
                found["95 %"] = f"{100 * row['low']:.1f} – {100 * row['high']:.1f}"
    return found


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
    return (f"without {method['method']} ({method['rows']:,} rows): {-method['points']:+.1f} points, 95 % "
            f"{-method['high']:+.1f} to {-method['low']:+.1f}; it adds {method['points']:+.1f}{rate}")  # fmt: skip


command = _sweep
