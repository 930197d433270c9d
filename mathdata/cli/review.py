"""Decide on the rows that a stage set aside for a person: accept, fix or drop them; give the decided rows back."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from mathdata.cli import common


@common.command(name="review", help=__doc__)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--accept", multiple=True, metavar="ID", help="The row is right as it stands.")
@click.option("--drop", multiple=True, metavar="ID", help="The row stays out.")
@click.option("--fix", nargs=2, multiple=True, metavar="ID FIELD=VALUE", help="Correct a field: --fix 3f2a answer=42.")
@click.option("--undo", multiple=True, metavar="ID", help="Take a decision back.")
@click.option("--ask", is_flag=True, help="Go through the open rows one by one (the default on a terminal).")
@click.option("--apply", "applied", is_flag=True, help="Write the accepted and fixed rows to --out.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Output of --apply.")
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
def command(file: Path, **o: Any) -> None:
    from mathdata import decisions as d
    from mathdata.errors import UsageError
    from mathdata.io import read

    if o["applied"] != (o["out"] is not None):
        raise UsageError("--apply and -o belong together", f"mathdata review {file} --apply -o reviewed.parquet")
    if (file / "rejects.parquet").is_file():
        raise UsageError(f"{file}: a run's folder, not a file", f"mathdata review {file / 'rejects.parquet'}")
    source = d.source_of(file)
    frame = read(str(source), max_broken=1.0)
    path = d.decisions_file(source)
    known = d.load(path)
    before = dict(known)
    decide(frame, known, o)
    asked = o["ask"] or (sys.stdin.isatty() and not o["as_json"] and known == before and not o["applied"])
    if known != before:
        d.save(path, known)
    if asked:
        ask(d.set_aside(frame), known, path)
    result = {"file": str(source), **d.progress(frame, known), "decisions": str(path)}
    if o["applied"]:
        result |= give_back(frame, known, source, o["out"], o["overwrite"])
    elif not asked and not o["as_json"]:
        listing(d.set_aside(frame), known)
    common.emit(result, o["as_json"], said)


def decide(frame: Any, known: dict[str, Any], o: dict[str, Any]) -> None:
    """The decisions of the command line, checked before any is kept."""
    from mathdata import decisions as d

    aside = d.set_aside(frame)
    new = [d.check(d.full_id(aside, i), "accept", {}) for i in o["accept"]]
    new += [d.check(d.full_id(aside, i), "drop", {}) for i in o["drop"]]
    new += [d.check(d.full_id(aside, i), "fix", fields) for i, fields in d.parse_fixes(o["fix"]).items()]
    for i in o["undo"]:
        known.pop(d.full_id(aside, i), None)
    known.update({one.id: one for one in new})


def listing(aside: Any, known: dict[str, Any]) -> None:
    import polars as pl

    from mathdata import show
    from mathdata.show import draw

    words = {i: one.decision for i, one in known.items()}
    shown = aside.with_columns(pl.Series("decision", [words.get(i, "") for i in aside["id"]], pl.String))
    columns = ["id", "problem", "answer", "reject", "reject_why", "decision"]
    draw(show.table(shown.head(50), columns))
    if shown.height > 50:
        common.message(f"and {shown.height - 50} more: mathdata show FILE --rejects WORD -n {shown.height}")


def ask(aside: Any, known: dict[str, Any], path: Path) -> None:
    """One row after the other; each answer is on disk before the next question."""
    from mathdata import decisions as d
    from mathdata import show
    from mathdata.show import draw

    open_rows = [r for r in aside.iter_rows(named=True) if r["id"] not in known]
    for number, row in enumerate(open_rows, 1):
        if row["id"] in known:
            continue
        common.message(f"\n{number} of {len(open_rows)}")
        draw(
            show.row_panel(
                {k: row[k] for k in ("id", "origin", "problem", "solution", "answer", "reject", "reject_why")}
            )
        )
        made = answer(row["id"])
        if made == "quit":
            return
        if made != "skip":
            known[row["id"]] = made
            d.save(path, known)


def answer(id_: str) -> Any:
    from mathdata import decisions as d
    from mathdata.errors import MathdataError

    while True:
        text = click.prompt("[a]ccept, [d]rop, [f]ix field=value, [s]kip, [q]uit", default="s", err=True).strip()
        word, _, rest = text.partition(" ")
        try:
            if word in ("s", "skip", "q", "quit"):
                return "skip" if word[0] == "s" else "quit"
            if word in ("a", "accept", "d", "drop"):
                return d.check(id_, "accept" if word[0] == "a" else "drop", {})
            if word in ("f", "fix"):
                return d.check(id_, "fix", d.parse_fixes([(id_, rest)])[id_])
            common.message(f"'{show_word(word)}' is none of these")
        except MathdataError as error:
            common.message(f"{error.message} ({error.hint})")


def show_word(word: str) -> str:
    from mathdata.screen import clean

    return clean(word, 20)


def give_back(frame: Any, known: dict[str, Any], source: Path, out: Path, overwrite: bool) -> dict[str, Any]:
    from mathdata import decisions as d
    from mathdata.manifest import account
    from mathdata.outputs import check_output, write_outputs

    check_output(out, [str(source)], overwrite)
    started = time.perf_counter()
    after = d.apply(frame, known)
    ledger = account("review", frame, after, started)
    write_outputs(
        after, out, stage="review", options={}, inputs=[str(source)], ledger=ledger, figures=d.progress(frame, known)
    )
    return {**ledger.as_dict(), "out": str(out)}


def said(result: dict[str, Any]) -> None:
    aside = ", ".join(f"{n} {w}" for w, n in result["set_aside"].items()) or "none"
    done = ", ".join(f"{n} {w}" for w, n in result["decided"].items() if n) or "none"
    common.message(f"set aside: {aside}; decided: {done}; open: {result['open']}")
    if "out" in result:
        common.message(f"{result['kept']} rows given back: {result['out']}; the others stay beside it")
