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
    from mathdata.errors import ArmFailed
    from mathdata.pipeline import plan, run
    from mathdata.recipe import load_recipe, only_arms

    loaded = only_arms(load_recipe(recipe, overrides), arm)
    if plan_only:
        emit(plan(loaded, out), as_json, print_plan)
        return
    try:
        with Display(quiet=as_json) as display:
            done = run(loaded, out=out, fresh=fresh, display=display)
    except ArmFailed as error:
        emit(error.run.summary, as_json, print_summary)
        raise
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
    for before, after in plan["compare"]:
        click.echo(f"  compare {before} -> {after}")
    for words in plan["not_compared"]:
        click.echo(f"  will not be compared: {words}")


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
    """The last thing on the screen: the arms, the paired differences, where the report stands."""
    from rich.console import Console

    console = Console()
    for table in tables_of({name: arm["benchmarks"] for name, arm in summary["arms"].items()}):
        console.print(table)
    for compared in summary["comparisons"]:
        for name, told in compared["benchmarks"].items():
            at = f"{name}: " if len(compared["benchmarks"]) > 1 or len(benchmarks_of(summary)) > 1 else ""
            console.print(at + difference(compared, told), markup=False, highlight=False, soft_wrap=True)
    for note in summary.get("notes", []):
        console.print(clean(note), markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"report: {summary['report']}   ({summary['seconds']:.0f} s)", markup=False, highlight=False, soft_wrap=True
    )


def benchmarks_of(summary: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for arm in summary["arms"].values() for name in arm["benchmarks"]))


def difference(compared: dict[str, Any], told: dict[str, Any]) -> str:
    """One difference with its interval and its test, and the figures under names of their own before and after."""
    from mathdata.figures import MEASURES

    own = [
        f"{name} {_percent(m['before'])} -> {_percent(m['after'])}"
        for name, m in told["measures"].items()
        if name not in MEASURES
    ]
    return (
        f"{compared['before']} -> {compared['after']}: {told['points']:+.1f} points, "
        f"95 % interval {told['low']:+.1f} to {told['high']:+.1f}, {told['test']} p {_p(told['p'])}"
        + (f"; {', '.join(own)}" if own else "")
    )


def tables_of(arms: dict[str, dict[str, Any]]) -> list[Any]:
    """One table of the arms' figures; of several benchmarks first their accuracies in columns, then a table each."""
    names = list(dict.fromkeys(name for results in arms.values() for name in results))
    graded = {arm: results for arm, results in arms.items() if results}
    made = []
    if len(names) > 1:
        head = [f"{n} (n = {', '.join(counts(graded, n))})" for n in names]
        rows = {arm: [_percent(results.get(n, {}).get("accuracy")) for n in names] for arm, results in graded.items()}
        made.append(table("accuracy", ["arm", *head], rows))
    for name in names:
        mine = {arm: results[name] for arm, results in graded.items() if name in results}
        shown = columns_of(list(mine.values()))
        rows = {arm: [_percent(f.get(k)) for k in shown] + [str(f["n"])] for arm, f in mine.items()}
        made.append(table(name if len(names) > 1 else "", ["arm", *shown.values(), "n"], rows))
    return made


def counts(graded: dict[str, dict[str, Any]], name: str) -> list[str]:
    """How many problems the arms answered: one number where all answered as many."""
    return list(dict.fromkeys(f"{results[name]['n']:,}" for results in graded.values() if name in results))


def columns_of(figures: list[dict[str, Any]]) -> dict[str, str]:
    """The shares that stand in a table, with their names: a rule that says what accuracy says in every arm is left out."""
    from mathdata.figures import MEASURES

    known = dict.fromkeys(k for f in figures for k in f if k != "n")
    names = {k: "truncated" if k == "truncated" else MEASURES.get(k, (k,))[0] for k in known}
    same = [k for k in ("accuracy_strict", "final_exact_match") if all(f.get(k) == f["accuracy"] for f in figures)]
    return {k: v for k, v in names.items() if k not in same}


def table(title: str, head: list[str], rows: dict[str, list[str]]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    made = Table(
        box=SIMPLE_HEAD, header_style="bold", pad_edge=False, title=escape(title) or None, title_justify="left"
    )
    for i, column in enumerate(head):
        made.add_column(escape(column), justify="right" if i else "left", overflow="fold")
    for name, cells in rows.items():
        made.add_row(escape(name), *cells)
    return made


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _p(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"
