"""Train one model of a recipe with TRL: planned, checked before the first step, resumable."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import click

from mathdata.cli.common import command as make_command
from mathdata.cli.common import emit, message
from mathdata.cli.progress import Display
from mathdata.errors import RecipeError, nearest

__all__ = ["command"]


@make_command(name="train")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY.PATH=VALUE]...")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Run folder (default: runs/NAME-ARM).")
@click.option("--arm", help="Which arm of the recipe (default: the one after the comparison).")
@click.option("--data", multiple=True, metavar="FILE", help="Train on these rows instead of the recipe's input.")
@click.option("--plan", "plan_only", is_flag=True, help="Print parameters, steps, memory; load no weights.")
@click.option("--look", type=click.IntRange(1, 1000), metavar="N", help="Show N rows, tokens coloured by label; stop.")
@click.option(
    "--check", is_flag=True, help="A list: data, tokenizer, batch, labels, evaluation ... ok or not ok; stop."
)
@click.option("--nproc", type=click.IntRange(1, 1024), metavar="N", help="Processes on this machine.")
@click.option("--overlong", type=click.Choice(["error", "drop", "cut"]), help="Rows longer than max_length.")
@click.option("--gpu", help="Card to plan for: RTX3090, L40S, H100 ... or GiB.")
@click.option("--smoke", is_flag=True, help="A tiny model of the same kind for three steps, to see that all works.")
def command(
    recipe: str,
    overrides: tuple[str, ...],
    out: Path | None,
    arm: str | None,
    data: tuple[str, ...],
    plan_only: bool,
    look: int | None,
    check: bool,
    nproc: int | None,
    overlong: str | None,
    gpu: str | None,
    smoke: bool,
    as_json: bool,
) -> None:
    """Train one model of a recipe with TRL, from its curated rows, and evaluate it where the recipe says so.

    What cannot work is refused before the first step, with the rows it concerns. A run that was killed goes on when
    the same command is run again: from its last checkpoint with train.checkpoints.every=N, expert iteration always.
    """
    from mathdata.recipe import load_recipe
    from mathdata.runmodel import resolved
    from mathdata.training import need_torch

    wanted = {"train.parallel.processes": nproc, "train.overlong": overlong, "train.parallel.gpu": gpu}
    loaded = load_recipe(recipe, [*overrides, *(f"{k}={v}" for k, v in wanted.items() if v is not None)])
    need_torch()
    chosen = pick_arm(loaded, arm)
    loaded = resolved(with_rows(loaded, chosen, data), planning=plan_only or smoke)
    if smoke:
        loaded = smoked(loaded, chosen)
    if plan_only:
        emit(planned(loaded, chosen), as_json, print_plan)
    elif look or check:
        if not data and (loaded.stages or (loaded.arms.get(chosen) and loaded.arms[chosen].stages)):
            message(f"these are the input's rows, before the stages of arm '{chosen}'; --data FILE shows others")
        shown = looked(loaded, chosen, look) if look else checked(loaded, chosen)
        emit(shown, as_json, lambda s: click.echo(s["text"]))
        if check and not look and not shown["ok"]:
            raise SystemExit(1)
    else:
        folder = out or Path("runs") / f"{loaded.name}-{chosen}{'-smoke' if smoke else ''}"
        emit(trained(loaded, chosen, folder, as_json), as_json, print_record)


def pick_arm(recipe: Any, arm: str | None) -> str:
    """The arm to train. Raises RecipeError where the recipe leaves it open."""
    if recipe.train is None:
        raise RecipeError(f"recipe '{recipe.name}' has no 'train' section", "see docs/training.md")
    trained = [name for name, a in recipe.arms.items() if a.train is not False]
    if arm is not None:
        if recipe.arms and arm not in trained:
            raise RecipeError(f"recipe '{recipe.name}' trains no arm '{arm}'", nearest(arm, trained))
        return arm
    pairs = recipe.compare.pairs(recipe.arms) if recipe.compare else []
    if len(pairs) == 1 and pairs[0][1] in trained:
        return str(pairs[0][1])
    if len(trained) > 1:
        raise RecipeError(f"recipe '{recipe.name}' has several arms", f"--arm {' | '.join(trained)}")
    return trained[0] if trained else "curated"


def with_rows(recipe: Any, arm: str, data: tuple[str, ...]) -> Any:
    """The recipe reduced to one arm; `data` replaces its input and stages by rows that are ready."""
    from mathdata.recipe import Arm, Source

    chosen = recipe.arms.get(arm) or Arm()
    if data:
        sources = [Source(path=p) for p in data]
        return recipe.model_copy(
            update={"input": sources, "stages": [], "arms": {arm: chosen.model_copy(update={"stages": None})}}
        )
    return recipe.model_copy(update={"arms": {arm: chosen}, "compare": None})


SMOKE_ROWS = 200


def smoked(recipe: Any, arm: str) -> Any:
    """The same recipe on a tiny model for three steps on a few rows; stages and evaluation are left out."""
    from mathdata.recipe import StageCall, arm_train
    from mathdata.trainspec import PreflightSpec
    from trainers.smoke import smoke_spec

    allow = PreflightSpec(allow=("unverified",))
    arms = {arm: recipe.arms[arm].model_copy(update={"stages": None, "train": {}, "preflight": allow})}
    drawn = [StageCall(name="sample", options={"n": SMOKE_ROWS, "strategy": "uniform"})]
    update = {"train": smoke_spec(arm_train(recipe, arm)), "stages": drawn, "arms": arms, "evaluate": None}
    return recipe.model_copy(update=update)


def planned(recipe: Any, arm: str) -> dict[str, Any]:
    from mathdata.recipe import arm_train
    from mathdata.runmodel import described
    from trainers.plan import over, plan

    rows, note = rows_known(recipe)
    spec = arm_train(recipe, arm)
    made, whole = plan(spec, rows=rows), plan(spec, whole_logits=True)["memory"]
    allowed = "memory" in (*spec.preflight.allow, *recipe.arms[arm].preflight.allow)
    refused = "" if allowed else over(made["memory"])
    more = {"whole_logits": {"total": whole["total"], "fits": whole["fits"]}, "refused": refused, "note": note}
    return {"recipe": recipe.name, "arm": arm, **made, "model": described(spec.model), **more}


def rows_known(recipe: Any) -> tuple[int | None, str]:
    """How many rows the run will have at most: what a `sample` stage draws, else the input's rows."""
    from mathdata.errors import MathdataError
    from mathdata.io import read

    drawn = [int(s.options["n"]) for s in recipe.stages if s.name == "sample" and s.options.get("n")]
    if drawn:
        return drawn[-1], "rows: as many as the sample stage draws"
    try:
        count = sum(_height(read(s.address, column=s.column, max_broken=s.max_broken)) for s in recipe.input)
    except (MathdataError, OSError) as error:
        return None, f"the input cannot be read here ({error})"
    return count, "rows: those of the input, before the stages"


def _height(table: Any) -> int:
    return int(table.height)


def looked(recipe: Any, arm: str, count: int) -> dict[str, Any]:
    """A few rows as the model will see them, and what preflight finds."""
    from mathdata.recipe import arm_train
    from mathdata.training import evaluation_of
    from trainers.look import look as show

    evaluate = evaluation_of(recipe, arm, Path())
    return show(raw_rows(recipe), arm_train(recipe, arm), count, evaluate=evaluate, colour=sys.stdout.isatty())


def checked(recipe: Any, arm: str) -> dict[str, Any]:
    """The check-list of an arm: each part ok or not ok, with what was seen."""
    from mathdata.recipe import arm_train
    from mathdata.training import evaluation_of
    from trainers.check import as_dict, check, print_lines

    lines = check(
        raw_rows(recipe),
        arm_train(recipe, arm),
        inputs=[s.address for s in recipe.input],
        evaluate=evaluation_of(recipe, arm, Path()),
        allow=recipe.arms[arm].preflight.allow,
        seed=recipe.seed,
    )
    return {"recipe": recipe.name, "arm": arm, **as_dict(lines), "text": "\n".join(print_lines(lines))}


def raw_rows(recipe: Any) -> Any:
    """The rows of the input that can be read, as one table."""
    import polars as pl

    from mathdata.io import read

    frames = [read(s.address, column=s.column, max_broken=s.max_broken) for s in recipe.input]
    frame = pl.concat(frames, how="diagonal_relaxed")
    return frame.filter(pl.col("reject").is_null()) if "reject" in frame.columns else frame


def trained(recipe: Any, arm: str, folder: Path, quiet: bool) -> dict[str, Any]:
    from mathdata.pipeline import claim, locked
    from mathdata.steps import run_chains
    from mathdata.training import finished, make_job, need_memory, run_job

    need_memory(recipe)
    with locked(folder), Display(quiet=quiet) as display:
        claim(folder, recipe, fresh=False)
        chains = run_chains(recipe, folder, display)
        job = make_job(recipe, folder, chains, arm)
        if finished(job):
            message(f"{job.model} is finished: nothing to do")
        else:
            run_job(job, 1, display, threading.Event())
    record = dict(job.record)
    curve = record.pop("loss", None) or [[0, None]]
    return {"arm": arm, "out": str(job.model), "loss": curve[-1][1], **record}


def print_plan(plan: dict[str, Any]) -> None:
    memory = plan["memory"]
    click.echo(f"{plan['recipe']} · arm {plan['arm']} · {plan['model']} · {plan['method']}")
    click.echo(f"  parameters    {plan['trainable']:,} trained of {plan['total']:,} ({100 * plan['share']:.4f} %)")
    steps = "open" if plan["steps"] is None else f"{plan['steps']:,} (warm-up {plan['warmup_steps']})"
    click.echo(f"  steps         {steps}, {plan['tokens_per_step']:,} tokens each at most; {plan['note']}")
    for card, held in memory["cards"].items():
        click.echo(f"  card {card}, GiB   {held['total']:.1f} at most, in the {held['moment']}: {parts_of(held)}")
    shown = memory["alternatives"] if plan["processes"] > 1 else {"zero0": memory["alternatives"]["zero0"]}
    for name, choice in shown.items():
        click.echo(f"    {name}       {choice['plain']:.1f}, with gradient checkpointing {choice['checkpointing']:.1f}")
    whole = plan["whole_logits"]
    said = {True: ", which fits", False: ", which does not fit", None: ""}[whole["fits"]]
    click.echo(f"    a trainer that holds the logits of the whole batch: {whole['total']:.1f}{said}")
    if memory["gpu"]:
        verdict = {True: "fits", False: "does not fit: refused", None: "not told by the recipe what lies where"}
        click.echo(f"  {memory['gpu']} ({memory['gpu_gib']:g} GiB)  {verdict[memory['fits']]}")
    if plan["refused"]:
        click.echo(f"  refused: {plan['refused']}; or preflight: {{allow: [memory]}}")


def parts_of(held: dict[str, Any]) -> str:
    named = ("weights", "gradients", "optimiser", "activations", "head", "buffers", "runtime", "evaluation")
    return ", ".join(f"{k} {held[k]:.1f}" for k in named if held[k] >= 0.05)


def print_record(record: dict[str, Any]) -> None:
    click.echo(
        f"{record['arm']}: {record['steps']:,} steps, {record['tokens']:,} tokens in {record['seconds']:.0f} s, "
        f"loss {record['loss']}, {record['trainable']:,} of {record['total']:,} parameters trained"
    )
    for name, figures in (record.get("evaluation") or {}).get("benchmarks", {}).items():
        shown = ", ".join(f"{k} {v:.4f}" for k, v in figures.items() if isinstance(v, float))
        click.echo(f"  {name}: {shown}")
    click.echo(f"  model: {record['out']}")
