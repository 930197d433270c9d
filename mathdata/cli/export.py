"""Write rows in another tool's layout, with LLaMA-Factory's dataset_info.json beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from mathdata.cli import common

LAYOUTS = ("gsm8k", "math", "metamath", "alpaca", "sharegpt", "messages", "prompt-completion", "numina")


@common.command(name="export", help=__doc__)
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
@click.option("--format", "layout", required=True, metavar="LAYOUT", help=f"One of: {', '.join(LAYOUTS)}.")
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Output (.jsonl, .json, .parquet, .csv ...)."
)
@click.option("--column", multiple=True, metavar="NAME=YOURS", help="Map a column: --column problem=question.")
@click.option("--csv-safe", is_flag=True, help=common.CSV_SAFE)
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
def command(
    inputs: tuple[str, ...],
    layout: str,
    out: Path,
    column: tuple[str, ...],
    csv_safe: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    from mathdata.cli.stage import pairs
    from mathdata.errors import UsageError
    from mathdata.exports import dataset_info, export
    from mathdata.io import keep, read, write
    from mathdata.manifest import atomic_write

    common.check_csv_safe(out, csv_safe)
    if any(Path(i).exists() and Path(i).resolve() == out.resolve() for i in inputs):
        raise UsageError(f"{out} is both input and output", "give another -o; an input is never overwritten")
    if os.path.lexists(out) and not overwrite:
        raise UsageError(f"{out} exists", "give another -o, or --overwrite to replace it")
    table = read(*inputs, column=pairs(column, "--column") or None)
    kept: Any = keep(table)
    rows, left_out = export(kept, layout)
    info, text, theirs = dataset_info(out, layout, overwrite)
    write(rows, out, csv_safe=csv_safe)
    atomic_write(info, text)
    if theirs is not None:
        common.message(f"replaced: the entry '{theirs}' of {info}, which was written by another hand")
    if left_out:
        common.message(f"left out: {left_out} rows without a problem, or without what {layout} needs")
    result: dict[str, Any] = {"rows_in": table.height, "written": rows.height, "left_out": left_out}
    result |= {"rejected": table.height - kept.height, "format": layout, "out": str(out), "dataset_info": str(info)}
    common.emit(result, as_json, lambda r: common.message(f"{r['written']} rows as {layout}: {out} (and {info.name})"))
