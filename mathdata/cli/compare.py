"""Compare two evaluations, paired: difference, interval, p, flips"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathdata.cli.common import command, emit
from mathdata.screen import clean

__all__ = ["command"]


@command(name="compare")
@click.argument("before")
@click.argument("after")
@click.option("--out", "-o", type=click.Path(), help="report.html; report.md and report.json stand beside it.")
@click.option("--anyway", is_flag=True, help="Compare although more than the model differs; the report says so.")
@click.option("--overwrite", is_flag=True, help="Replace an existing report.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
def _compare(as_json: bool, before: str, after: str, out: str | None, anyway: bool, overwrite: bool, seed: int) -> None:
    """Compare BEFORE with AFTER (folders written by evaluate) on the problems both answered, each benchmark by itself.

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
        click.echo(click.style(f"not the same: {clean(line)}", fg="red"), err=True)
    result = made.as_dict(cases=False)
    result["digests"] = {"before": [e.digest for e in olds], "after": [e.digest for e in news]}
    result["settings_digests"] = sorted({str(e.data.get("settings_digest")) for e in (*olds, *news)})
    if out is not None:
        from mathdata.report import comparison_run, write_report

        result["report"] = str(write_report(comparison_run(made, olds[0], news[0]), Path(out)))
    emit(result, as_json, _show)


def _show(result: dict[str, Any]) -> None:
    several = len(result["benchmarks"]) > 1
    lines = [
        line
        for name, told in result["benchmarks"].items()
        for line in benchmark_lines(f"{name}: " if several else "", result, told)
    ]
    said = " → ".join(", ".join(result["digests"][side]) for side in ("before", "after"))
    lines.append(f"evaluation {said} (settings and model), settings {', '.join(result['settings_digests'])}")
    lines += [f"report: {result['report']}"] if "report" in result else []
    for line in lines:
        click.echo(clean(line))


def benchmark_lines(start: str, result: dict[str, Any], told: dict[str, Any]) -> list[str]:
    """One benchmark's difference, its flips, every figure that both sides have, and each pair of runs."""
    from mathdata.figures import MEASURES
    from mathdata.paired import near_zero

    moved = [
        f"{MEASURES.get(name, (name,))[0]} {100 * m['before']:.1f} → {100 * m['after']:.1f} %"
        for name, m in told["measures"].items()
    ]
    nothing = "both answer fewer than one problem in twenty: the difference says little about what was trained for"
    return [
        f"{start}{result['before']} → {result['after']}: {told['points']:+.1f} points "
        f"(95 % {told['low']:+.1f} to {told['high']:+.1f}, {told['test']} p = {told['p']:.2g}, n = {told['n']})",
        f"fixed {told['fixed']}, broken {told['broken']}, both right {told['both_right']}, both wrong "
        f"{told['both_wrong']}; a true difference of {told['mdd']:.1f} points would show in four runs of five",
        ", ".join(moved),
        *([nothing] if near_zero(told) else []),
        *(f"  {run['before']} → {run['after']}: {run['points']:+.1f} points" for run in told["seeds"]),
    ]


command = _compare
