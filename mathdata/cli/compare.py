"""Compare two evaluations, paired: difference, interval, p, flips"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathdata.cli.common import command, emit, message

__all__ = ["command"]


@command(name="compare")
@click.argument("before")
@click.argument("after")
@click.option("--out", "-o", type=click.Path(), help="report.html; report.md and report.json stand beside it.")
@click.option("--anyway", is_flag=True, help="Compare although more than the model differs; the report says so.")
@click.option("--overwrite", is_flag=True, help="Replace an existing report.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
def _compare(as_json: bool, before: str, after: str, out: str | None, anyway: bool, overwrite: bool, seed: int) -> None:
    """Compare BEFORE with AFTER (folders written by evaluate) on the problems both answered.

    Several seeds: as many folders on each side, separated by commas, paired in order.

    Refuses two evaluations that differ in anything but the model, and names what differs.
    """
    from mathdata.comparison import compare
    from mathdata.errors import UsageError
    from mathdata.evaluation import Evaluation

    if out is not None and Path(out).suffix not in (".html", ".htm"):
        raise UsageError(f"--out {out}: the report is a page", "name it .html; .md and .json stand beside it")
    if out is not None and Path(out).exists() and not overwrite:
        raise UsageError(f"{out} exists", "another name, or --overwrite")
    olds, news = ([Evaluation.load(folder) for folder in side.split(",")] for side in (before, after))
    made = compare(olds, news, anyway=anyway, seed=seed)
    for line in made.differs:
        message(click.style(f"not the same: {line}", fg="red"))
    result = made.as_dict(cases=False)
    result["digests"] = {"before": [e.digest for e in olds], "after": [e.digest for e in news]}
    result["settings_digests"] = sorted({str(e.data.get("settings_digest")) for e in (*olds, *news)})
    if out is not None:
        from mathdata.report import comparison_run, write_report

        result["report"] = str(write_report(comparison_run(made, olds[0], news[0]), Path(out)))
    emit(result, as_json, _show)


def _show(result: dict[str, Any]) -> None:
    from mathdata.paired import near_zero

    click.echo(
        f"{result['before']} → {result['after']}: {result['points']:+.1f} points "
        f"(95 % {result['low']:+.1f} to {result['high']:+.1f}, {result['test']} p = {result['p']:.2g}, n = {result['n']})"
    )
    click.echo(
        f"fixed {result['fixed']}, broken {result['broken']}, both right {result['both_right']}, "
        f"both wrong {result['both_wrong']}; a true difference of {result['mdd']:.1f} points would show in four runs of five"
    )
    if near_zero(result):
        click.echo(
            "both answer fewer than one problem in twenty: the difference says little about what was trained for"
        )
    said = " → ".join(", ".join(result["digests"][side]) for side in ("before", "after"))
    click.echo(f"evaluation {said} (settings and model), settings {', '.join(result['settings_digests'])}")
    for run in result["seeds"]:
        click.echo(f"  {run['before']} → {run['after']}: {run['points']:+.1f} points")
    if "report" in result:
        click.echo(f"report: {result['report']}")


command = _compare
