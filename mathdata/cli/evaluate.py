"""Grade a model, or answers that exist, on benchmarks"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mathdata.cli.common import command, emit, message

__all__ = ["command"]


@command(name="evaluate")
@click.argument("model")
@click.option(
    "--benchmark", "-b", "benchmarks", required=True, multiple=True, help="Names or files, comma-separated: gsm8k,math."
)
@click.option("--out", "-o", required=True, type=click.Path(), help="Folder for the figures and every response.")
@click.option(
    "--responses", type=click.Path(), help="Grade this file's answers, one for every problem; MODEL is their label."
)
@click.option("--column", multiple=True, metavar="NAME=YOURS", help="Column of the file of responses: response=output.")
@click.option("--prompt", help="Prompt by name (minerva, cot, zero, chat ...) or file; default: the benchmark's own.")
@click.option("--backend", help="What runs MODEL, as name or name:model; default: transformers for a folder.")
@click.option("--shots", type=int, default=0, show_default=True, help="Worked examples before each question.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N problems.")
@click.option("--samples", type=click.IntRange(1), default=1, show_default=True, help="Answers drawn a problem.")
@click.option("--temperature", type=click.FloatRange(0), default=0.0, show_default=True, help="0 = greedy.")
@click.option("--max-tokens", type=click.IntRange(1), help="Longest answer; default: the benchmark's own.")
@click.option("--batch-size", type=click.IntRange(1), default=64, show_default=True, help="Answers made at once.")
@click.option("--seed", type=int, default=42, show_default=True, help="Seed of sampled answers.")
@click.option("--overwrite", is_flag=True, help="Replace another evaluation in the folder.")
def _evaluate(as_json: bool, out: str, column: tuple[str, ...], **options: Any) -> None:
    """Grade MODEL (a folder, a run, a hub name, or a backend such as openai:NAME) on benchmarks.

    Each benchmark is asked with its own prompt and token limit unless --prompt and --max-tokens say otherwise for all,
    or NAME?prompt=P&max_tokens=N&limit=N for one: -b 'gsm8k?limit=200' -b squad:dev-v1.1.json.

    Every response, verdict and reason is kept in OUT; the figures carry their 95 % interval. Two digests say what was
    evaluated: `settings` is the same for every model asked in the same way, `evaluation` covers the model too.

    A file of responses that leaves problems out is refused: with --limit N it needs to answer the first N only.
    """
    from mathdata.cli.progress import Display
    from mathdata.evaluation import evaluate
    from mathdata.training import model_inside
    from mathdata.types import Context

    named = dict(_pair(c) for c in column)
    options["benchmarks"] = ",".join(options["benchmarks"])
    model = options.pop("model")
    model = model if options["responses"] else model_inside(model)  # with responses it is but their label
    with Display(quiet=as_json) as display, display.stage("evaluate") as progress:
        made = evaluate(model, out=out, column=named or None, ctx=Context(progress=progress), **options)
    if made.reused:
        message(f"already there, by the same settings: {made.folder} (--overwrite repeats it)")
    for warning in [*made.data["warnings"], *otherwise_taught(model, made.data["benchmarks"])]:
        message(f"warning: {warning}")
    result = {**made.data, "out": str(made.folder), "seconds": round(made.seconds, 2), "reused": made.reused}
    emit(result, as_json, lambda _: click.echo(table(made.data)))


def otherwise_taught(model: str, benchmarks: dict[str, Any]) -> list[str]:
    """Where a model that was trained here is asked with another prompt than it was taught with, and nobody said so."""
    from mathdata.errors import MathdataError
    from mathdata.prompts import get_prompt

    try:
        taught = json.loads((Path(model) / "train.json").read_text(encoding="utf-8"))["spec"]["prompt"]
        digest = get_prompt(taught).digest
    except (OSError, ValueError, KeyError, TypeError, MathdataError):
        return []
    asked = {
        n: f["asked"] for n, f in benchmarks.items() if f.get("asked") and f["identity"]["prompt_digest"] != digest
    }
    return [
        f"{n} is asked with prompt '{how['prompt']}', but {model} was trained with '{taught}': --prompt {taught}"
        for n, how in asked.items()
        if how["prompt_by"] == "benchmark" and not how["own_prompt"]
    ]


def _pair(text: str) -> tuple[str, str]:
    from mathdata.errors import UsageError

    name, eq, value = text.partition("=")
    if not eq or not value:
        raise UsageError(f"--column {text}: not NAME=YOURS", "for example: --column response=output")
    return name, value


FIGURES = ("accuracy_strict", "format_accuracy", "truncated", "token_accuracy")


def table(data: dict[str, Any]) -> str:
    """The figures as lines for people."""
    from mathdata.leaderboard import lm_eval_table

    lines = [
        f"{'benchmark':<16}{'n':>6}  {'accuracy':>8}  {'95 %':>13}  {'strict':>7}  {'format':>7}  {'cut off':>7}  "
        f"{'tok acc':>7}"
    ]
    for name, f in data["benchmarks"].items():
        interval = f"{100 * f['low']:.1f} – {100 * f['high']:.1f}"
        rest = "".join(f"  {_percent(f.get(k)):>7}" for k in FIGURES)
        lines.append(f"{name:<16}{f['n']:>6}  {_percent(f['accuracy']):>8}  {interval:>13}{rest}")
        lines += more(f)
        if theirs := lm_eval_table(f):
            lines += [
                "  by lm-eval's rules (its closing sentence or `#### `, nothing else):",
                *("  " + x for x in theirs.splitlines()),
            ]
    lines.append(f"evaluation {data['digest']} (settings and model), settings {data['settings_digest']}")
    return "\n".join(lines)


MOST = 12
"""Groups of a column that are printed; all of them are in evaluation.json."""


def more(f: dict[str, Any]) -> list[str]:
    """What else there is to say of a benchmark: several samples, partial credit, subjects and levels, the length."""
    said = []
    if f.get("pass_at"):
        k = f["samples"]
        said.append(", ".join([*(f"pass@{j} {_percent(v)}" for j, v in f["pass_at"].items()),
                               f"majority@{k} {_percent(f[f'majority_at_{k}'])}"]))  # fmt: skip
    if f.get("metrics"):
        said.append(", ".join(f"{name} {_percent(value)}" for name, value in f["metrics"].items()))
    for column, groups in (f.get("by") or {}).items():
        shown = " · ".join(f"{name} {100 * g['accuracy']:.1f} ({g['n']})" for name, g in list(groups.items())[:MOST])
        rest = f" · and {len(groups) - MOST} more" if len(groups) > MOST else ""
        mean = f", mean {_percent(f['macro_accuracy'])}" if column == "subject" and "macro_accuracy" in f else ""
        said.append(f"{column}{mean}: {shown}{rest}")
    unread = {word: f.get(word) or 0.0 for word in ("no_answer", "unparsed", "timeout", "error")}
    if any(unread.values()):
        said.append(", ".join(f"{word.replace('_', ' ')} {_percent(v)}" for word, v in unread.items() if v))
    return [f"  {line}" for line in said]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


command = _evaluate
