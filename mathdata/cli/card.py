"""Write the data card of a curated set, with Croissant metadata"""

from __future__ import annotations

from pathlib import Path

import click

from mathdata.cli.common import command, emit, message

__all__ = ["command"]


@command(name="card")
@click.argument("file", type=click.Path(exists=True, dir_okay=True))
@click.option(
    "--out", "-o", type=click.Path(), help="Markdown file; default: FILE.card.md. Croissant stands beside it."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing card.")
def _card(as_json: bool, file: str, out: str | None, overwrite: bool) -> None:
    """Write the dataset card of FILE (parquet, or a run folder) from its rows and its manifest."""
    from mathdata.cards import describe, write_card
    from mathdata.errors import UsageError

    path = Path(file) / "curated.parquet" if Path(file).is_dir() else Path(file)
    target = Path(out) if out else path.with_name(path.name + ".card.md")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists", "another name with -o, or --overwrite")
    written = write_card(path, target)
    facts = describe(path)
    for warning in facts["licence_warnings"]:
        message(f"warning: {warning}")
    result = {
        "card": str(written[0]),
        "croissant": str(written[1]),
        "rows": facts["rows"],
        "license": facts["licence"]["id"],
        "warnings": facts["licence_warnings"],
    }
    emit(result, as_json, lambda r: click.echo(f"{r['card']}\n{r['croissant']}"))


command = _card
