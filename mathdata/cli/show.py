"""Look at rows: a table, one row, its lineage, why it was rejected, two rows compared, figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathdata.cli import common


@common.command(name="show", help=__doc__)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only rows where it holds; also != and ~ (contains).",
)
@click.option(
    "--rejects", is_flag=False, flag_value="all", metavar="[WORD]", help="Rejected rows and why; of one word, or all."
)
@click.option(
    "--id", "id_", metavar="ID", help="One row in full, with its lineage tree (a unique start of the id is enough)."
)
@click.option("--diff", nargs=2, metavar="A B", help="Two rows by id, where they differ.")
@click.option("--stats", is_flag=True, help="Counts and lengths instead of rows.")
@click.option("--columns", metavar="A,B,...", help="Columns of the table.")
@click.option("-n", "number", type=click.IntRange(min=1), help="How many rows  [default: 20, on a page 500]")
@click.option("--column", multiple=True, metavar="NAME=YOURS", help="Map a column: --column problem=question.")
@click.option("--web", is_flag=True, help="Write the same as a page beside FILE.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where the page goes (with --web).")
def command(files: tuple[str, ...], conditions: tuple[str, ...], rejects: str | None, **options: Any) -> None:
    from mathdata import show
    from mathdata.cli.stage import pairs

    frame, gone = show.load(files, pairs(options["column"], "--column") or None)
    everything = show.together(frame, gone)
    if options["diff"]:
        a, b = (show.pick(everything, i) for i in options["diff"])
        common.emit({"a": a, "b": b}, options["as_json"], lambda _: show.draw(show.difference(a, b)))
        return
    if options["id_"]:
        row = show.pick(everything, options["id_"])
        tree = show.family_tree(everything, row)
        common.emit({"row": row}, options["as_json"], lambda _: show.draw(show.row_panel(row), tree))
        return
    chosen = show.rejected(everything, rejects) if rejects else frame
    chosen = show.where(chosen, conditions)
    if options["web"]:
        web(chosen, everything, files, options)
    elif options["stats"]:
        made = show.figures(chosen)
        common.emit(made, options["as_json"], lambda m: show.draw(*show.figures_tables(m)))
    else:
        rows(chosen, bool(rejects), options)


def rows(chosen: Any, rejects: bool, options: dict[str, Any]) -> None:
    from mathdata import show

    columns = (
        options["columns"].split(",")
        if options["columns"]
        else ["id", "origin", "problem", "reject", "reject_why"]
        if rejects
        else None
    )
    first = chosen.head(options["number"] or 20)
    result = {"total": chosen.height, "shown": first.height}
    if options["as_json"]:
        common.emit(result | {"rows": first.to_dicts()}, True)
        return
    show.draw(show.table(first, columns))
    common.message(f"{first.height:,} of {chosen.height:,} rows")


def web(chosen: Any, everything: Any, files: tuple[str, ...], options: dict[str, Any]) -> None:
    from mathdata.manifest import atomic_write
    from mathdata.showpage import page

    number = options["number"] or 500
    out = options["out"] or Path(Path(files[0].partition("?")[0]).name + ".html")
    atomic_write(out, page(chosen, Path(files[0].partition("?")[0]).name, number, everything))
    result = {"page": str(out), "rows": min(chosen.height, number), "total": chosen.height}
    common.emit(result, options["as_json"], lambda r: common.message(f"{r['rows']:,} of {r['total']:,} rows: {out}"))
