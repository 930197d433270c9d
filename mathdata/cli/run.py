"""Run a recipe from raw corpus to report; a second call goes on where the first stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathdata.cli.common import command as make_command
from mathdata.cli.common import emit, message
from mathdata.cli.progress import Display
from mathdata.screen import clean

__all__ = ["command"]


@make_command(name="run")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY.PATH=VALUE]...")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Run folder (default: runs/NAME).")
@click.option("--arm", multiple=True, metavar="NAME", help="This arm alone; repeat for several.")
@click.option("--fresh", is_flag=True, help="Start over; the old run is removed once the new one is complete.")
@click.option("--plan", "plan_only", is_flag=True, help="Print what would be done, do nothing.")
def command(
    recipe: str,
    overrides: tuple[str, ...],
    out: Path | None,
    arm: tuple[str, ...],
    fresh: bool,
    plan_only: bool,
    as_json: bool,
) -> None:
    """Run a recipe from raw corpus to report: a file, or a bundled recipe by name (mathdata run quickstart).

    Values are changed on the way: mathdata run quickstart seed=1 train.learning_rate=1e-3 arms.raw=null
    """
    from mathdata.pipeline import plan, run
    from mathdata.recipe import load_recipe, only_arms

    loaded = only_arms(load_recipe(recipe, overrides), arm)
    if plan_only:
        emit(plan(loaded, out), as_json, print_plan)
        return
    with Display(quiet=as_json) as display:
        done = run(loaded, out=out, fresh=fresh, display=display)
    emit(done.summary, as_json, print_summary)
    if done.pending:
        message(done.settle)
        raise SystemExit(3)


def print_plan(plan: dict[str, Any]) -> None:
    click.echo(f"{plan['name']}: input {', '.join(plan['input'])}")
    for name, chain in plan["chains"].items():
        click.echo(f"  {name}: " + (" -> ".join(next(iter(c)) for c in chain) or "as it came"))
    for arm, words in plan["models"].items():
        click.echo(f"  {'model' if arm == 'train' else f'model of {arm}'}: {words}")
    for arm, trained in plan["train"].items():
        click.echo(f"  arm {arm}: {'train and ' if trained else ''}evaluate on {', '.join(plan['evaluate'])}")
    for benchmark, arms in plan["asked"].items():
        for said, who in asked_lines(arms).items():
            click.echo(f"  {benchmark}: {said}" + (f" ({', '.join(who)})" if len(who) < len(arms) else ""))
    if plan["compare"]:
        click.echo(f"  compare {plan['compare']['before']} -> {plan['compare']['after']}")


BY = {
    "entry": "as its entry says",
    "evaluation": "as evaluate says",
    "training": "as in training",
    "benchmark": "its own",
}


def asked_lines(arms: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """How a benchmark is asked, in words, and the arms that are asked so."""
    lines: dict[str, list[str]] = {}
    for arm, a in arms.items():
        items = f"the first {a['limit']} problems" if a["limit"] else "all problems"
        said = (
            f"prompt {a['prompt']} ({BY[a['prompt_by']]}), {a['max_tokens']} tokens ({BY[a['max_tokens_by']]}), {items}"
        )
        lines.setdefault(said, []).append(arm)
    return lines


def print_summary(summary: dict[str, Any]) -> None:
    """The last thing on the screen: the arms, the paired difference, where the report stands."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if summary["arms"]:
        table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
        for column in ("arm", "accuracy", "format", "truncated", "n"):
            table.add_column(column, justify="left" if column == "arm" else "right")
        for name, arm in summary["arms"].items():
            table.add_row(
                name, *(_percent(arm[k]) for k in ("accuracy", "format_accuracy", "truncated")), str(arm["n"])
            )
        console.print(table)
    for difference in summary["comparisons"]:
        console.print(
            f"{difference['before']} -> {difference['after']}: {difference['points']:+.1f} points, "
            f"95 % interval {difference['low']:+.1f} to {difference['high']:+.1f}, McNemar p {_p(difference['p'])}",
            highlight=False,
            soft_wrap=True,
        )
    for note in summary.get("notes", []):
        console.print(clean(note), markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"report: {summary['report']}   ({summary['seconds']:.0f} s)", markup=False, highlight=False, soft_wrap=True
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _p(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"
