"""A stage function -> its command: the options are the function's keyword arguments."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mathdata.bind import Option, check_options, choices_of, is_flag, options_of
from mathdata.cli.common import COMMON, CSV_SAFE, Command, check_csv_safe, emit, message
from mathdata.cli.progress import Display
from mathdata.errors import UsageError
from mathdata.receipts import how_to_settle, lines_of

if TYPE_CHECKING:
    from mathdata.types import Frame, Table

__all__ = ["stage_command"]

HOUSE = frozenset(
    {
        "inputs",
        "out",
        "preview",
        "column",
        "engine",
        "ray_address",
        "csv_safe",
        "overwrite",
        "journal",
        "max_broken",
        "as_json",
    }
)


def stage_command(name: str) -> click.Command:
    """The click command of a stage, made from its signature."""
    from mathdata.registry import find

    function = find("stage", name).make
    own = options_of(function)

    def run(**params: Any) -> None:
        given = {o.name: said(o, params[o.name]) for o in own if params.get(o.name) not in (None, ())}
        house = {k: v for k, v in params.items() if k in HOUSE}
        run_stage_command(name, function, check_options(function, given, where=f"mathdata {name}"), **house)

    doc = (function.__doc__ or "").strip()
    params: list[click.Parameter] = [
        click.Argument(["inputs"], nargs=-1, required=True, metavar="IN..."),
        *[to_click(o) for o in own],
        *house_options(asks=any(o.name == "teacher" for o in own)),
        *COMMON,
    ]
    return Command(name, params=params, callback=run, help=doc, short_help=doc.split("\n")[0])


def house_options(asks: bool) -> list[click.Parameter]:
    """What every stage command takes; `asks`: the stage has a teacher, whose answers are stored."""
    journal = click.Option(
        ["--journal"], type=click.Path(path_type=Path), help="Request store to use (default: beside the output)."
    )
    return [
        click.Option(
            ["-o", "--out"], type=click.Path(path_type=Path), help="Output file (.parquet, .jsonl, .csv ...)."
        ),
        click.Option(["--preview"], type=click.IntRange(min=1), metavar="N", help="Print N results, write nothing."),
        click.Option(
            ["--column"], multiple=True, metavar="NAME=YOURS", help="Map a column: --column problem=question."
        ),
        click.Option(["--engine"], default="local", show_default=True, help="Where kernels run: local or ray."),
        click.Option(["--ray-address"], help="Address of a running Ray cluster (with --engine ray)."),
        *([journal] if asks else []),
        click.Option(
            ["--max-broken"],
            type=click.FloatRange(0, 1),
            default=0.05,
            show_default=True,
            help="Share of unreadable lines allowed.",
        ),
        click.Option(["--csv-safe"], is_flag=True, help=CSV_SAFE),
        click.Option(["--overwrite"], is_flag=True, help="Replace an existing output once the new one is complete."),
    ]


def to_click(option: Option) -> click.Option:
    """One keyword argument as a command-line option; values are checked by the signature, not by click."""
    flag = "--" + option.name.replace("_", "-")
    if is_flag(option.annotation):
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=_help(option))
    several = any(kind in str(option.annotation) for kind in ("list", "dict", "Sequence", "Mapping", "tuple"))
    return click.Option([flag], metavar=_metavar(option), help=_help(option), multiple=several)


def _metavar(option: Option) -> str:
    """The shape of a value as the help shows it: words of a Literal, lists, mappings, component specs, numbers."""
    text = str(option.annotation).removesuffix(" | None")
    words = "|".join(choices_of(option.annotation) or ())
    if text.startswith(("list[", "typing.List[", "tuple[")):
        return "A,B,..."
    if "dict" in text or "Mapping" in text:
        return "SPEC" if "str |" in text.split("[")[0] else "K=V,K=V"
    rest = "N" if "int" in text else "X" if "float" in text else "" if words else "TEXT"
    return "|".join(w for w in (words, rest) if w)


def _help(option: Option) -> str:
    if option.required:
        return f"{option.help}  [required]"
    return (
        option.help
        if option.default in (None, "", (), False)
        else f"{option.help}  [default: {_shown(option.default)}]"
    )


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "on" if value is True else str(value)


def said(option: Option, value: Any) -> Any:
    """What an option was given; lists and mappings that are given in several pieces add up. Raises UsageError."""
    if not isinstance(value, tuple):
        return parse_value(option, value) if isinstance(value, str) else value
    made = [parse_value(option, v) for v in value]
    if all(isinstance(m, list) for m in made):
        return [item for m in made for item in m]
    if all(isinstance(m, dict) for m in made):
        return {k: v for m in made for k, v in m.items()}
    if len(made) > 1:
        raise UsageError(f"--{option.name.replace('_', '-')} is given {len(made)} times", "give it once")
    return made[0]


def parse_value(option: Option, value: str) -> Any:
    """Text from the shell -> what the signature expects: `a,b` lists, `k=v,k=v` or YAML mappings, YAML specs."""
    text = str(option.annotation)
    if value.lstrip().startswith(("{", "[")):
        from mathdata.recipe_text import load_yaml

        made = load_yaml(value, where=f"--{option.name}")
        return [made] if isinstance(made, dict) and text.startswith("list") else made
    if ("dict" in text or "Mapping" in text) and "=" in value:
        return pairs(value.split(","), f"--{option.name.replace('_', '-')}")
    if "list" in text or "Sequence" in text or "tuple" in text:
        return [v.strip() for v in value.split(",") if v.strip()]
    return value


def pairs(items: Any, where: str) -> dict[str, str]:
    """`k=v` items as a mapping. Raises UsageError."""
    made = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{where}: '{item}' is not NAME=VALUE", f"write for example {where} problem=question")
        made[key.strip()] = value.strip()
    return made


def run_stage_command(
    name: str,
    function: Any,
    options: dict[str, Any],
    *,
    inputs: tuple[str, ...],
    out: Path | None,
    preview: int | None,
    column: tuple[str, ...],
    engine: str,
    ray_address: str | None,
    overwrite: bool,
    max_broken: float,
    csv_safe: bool,
    as_json: bool,
    journal: Path | None = None,
) -> None:
    """Read, run, account, write: kept rows to `out`, the rest to `out.rejects.parquet`, the receipt last."""
    from mathdata.io import How, Item
    from mathdata.loading import load
    from mathdata.manifest import peak_mb
    from mathdata.outputs import check_output, write_outputs
    from mathdata.registry import build, find, parse_spec
    from mathdata.steps import run_stage
    from mathdata.types import Context

    if out is None and preview is None and not options.get("estimate"):
        raise UsageError(f"mathdata {name}: where to?", f"mathdata {name} {inputs[0]} -o out.parquet, or --preview 5")
    check_csv_safe(out, csv_safe)
    if out is not None and preview is None:
        check_output(out, inputs, overwrite, (name, options))
    spec: Any = {parse_spec(engine)[0]: {"address": ray_address}} if ray_address else engine
    started = time.perf_counter()
    with Display(quiet=as_json) as display:
        how = How(pairs(column, "--column"), max_broken, find("stage", name).derived)
        table = load([Item(i, how) for i in inputs], spread=engine != "local")
        ctx = Context(journal=journal or (out.with_name(out.name + ".journal.sqlite") if out else None))
        with display.stage(name, None) as ctx.progress:
            table, ledger = run_stage(name, function, table, options, engine=build("engine", spec), ctx=ctx)
    if options.get("estimate"):
        emit({"stage": name, **ctx.figures}, as_json, _print_estimate)
        return
    result: dict[str, Any] = {"stage": name, **ledger.as_dict(), **ctx.figures}
    if preview is not None:
        from mathdata.show import print_rows

        rows = first_rows(table, preview)
        emit(result | {"rows": rows.to_dicts()}, as_json, lambda _: print_rows(rows))
        return
    if out is not None:
        files = write_outputs(
            table,
            out,
            stage=name,
            options=options,
            inputs=inputs,
            ledger=ledger,
            figures=ctx.figures,
            csv_safe=csv_safe,
        )
        result["seconds"] = round(time.perf_counter() - started, 3)
        result["peak_mb"] = peak_mb()
        result |= {key: str(files[key]) for key in ("out", "rejects", "manifest")}
    emit(result, as_json, _print_ledger)
    if ledger.pending:
        if not as_json:
            message(how_to_settle(ledger.pending, ledger.rejected, ctx.figures))
        raise SystemExit(3)


def first_rows(table: Table, n: int) -> Frame:
    from mathdata.engines.local import LocalEngine

    return next(iter(LocalEngine().frames(table))).head(n)


def _print_ledger(result: dict[str, Any]) -> None:
    """The receipt, for people."""
    message(
        f"{result['stage']}: {result['rows_in']:,} rows in + {result['created']:,} created = "
        f"{result['kept']:,} kept + {sum(result['rejected'].values()):,} set aside   "
        f"({result['seconds']:.1f} s, peak {result['peak_mb']:,.0f} MB)"
    )
    for word, n in sorted(result["rejected"].items(), key=lambda kv: -kv[1]):
        message(f"  {n:>9,}  {word}")
    for line in lines_of(result):
        message(f"  {line}")
    for key in ("out", "rejects"):
        if key in result:
            message(f"  {key}: {result[key]}")


def _print_estimate(result: dict[str, Any]) -> None:
    """What a run would ask and cost, for people."""
    e = result["estimate"]
    if e.get("free"):
        message("free: the teacher works on this machine and asks no server")
        return
    price = "price unknown" if e["usd_at_most"] is None else f"at most {e['usd_at_most']:.2f} usd"
    message(f"{e['requests']:,} requests for {e['samples']:,} answers, {e['note']}")
    message(f"  about {e['tokens_in']:,} tokens in, at most {e['tokens_out_at_most']:,} out: {price}")
