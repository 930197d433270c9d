"""Remove rows that give test items away, directly or through the rows they were made from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import polars as pl

from mathdata.engines.local import LocalEngine, numbered_map, start
from mathdata.errors import UsageError
from mathdata.near.reference import Reference
from mathdata.near.semantic import MODEL, Encode, encoder
from mathdata.registry import register
from mathdata.schema import row_id
from mathdata.types import Context, Engine, Frame, Table

__all__ = ["decontaminate"]


class Mark(NamedTuple):
    row: int
    word: str
    why: str
    item: int
    benchmark: str


@register("stage", "decontaminate")
def decontaminate(
    table: Table,
    *,
    against: Annotated[list[str], "Benchmarks by name (gsm8k,math) or files of test items."],
    lexicon: Annotated[str | None, "A file with more relation words, in the format of the shipped one."] = None,
    semantic: Annotated[bool, "Also set aside rows whose sentence embedding is near an item's."] = False,
    semantic_model: Annotated[str, "The sentence-transformers model for that: a hub name or a folder."] = MODEL,
    engine: Engine | None = None,
    ctx: Context | None = None,
) -> Table:
    """Reject rows that are a test item in any form (`leak`), set doubtful ones aside (`review-leak`).

    Every test item is looked for, also the shortest: by normal form, by what elementary families read, by runs of
    words, by a number-aware near match. The same template with other numbers is a sibling and stays. A row made from
    a leaked row is a leak too.
    """
    engine, ctx = start(engine, ctx)
    references = [reference(name, lexicon, encoder(semantic_model) if semantic else None) for name in against]
    if not references:
        raise UsageError("decontaminate: against what?", "name benchmarks: --against gsm8k,math")
    marks = find_leaks(table, references, engine)
    heirs = _heirs(table, marks, references, engine)
    frame = pl.DataFrame(
        [(m.row, m.word, m.why) for m in marks.values()] + heirs,
        schema={"_n": pl.Int64, "_word": pl.String, "_why": pl.String},
        orient="row",
    )
    ctx.figures["benchmarks"] = {r.name: _figures(r, marks.values()) for r in references}
    ctx.figures["through_parents"] = len(heirs)
    return numbered_map(engine, table, partial(_write, marks=frame))


def reference(name: str, lexicon: str | None = None, encode: Encode | None = None) -> Reference:
    """A benchmark by its name, else a file of test items. Raises UnknownName, DataError."""
    if Path(name.partition("?")[0]).exists() or name.startswith(("builtin:", "hf://", "modelscope://")):
        from mathdata.io import read

        return Reference(name, LocalEngine().collect(read(name)), lexicon=lexicon, encode=encode)
    from mathdata.benchmarks import get_benchmark

    return Reference(name, get_benchmark(name).load(), lexicon=lexicon, encode=encode)


def find_leaks(table: Table, references: list[Reference], engine: LocalEngine) -> dict[int, Mark]:
    """The worst finding of every row that has one, by the row's place in the table."""
    found = engine.collect(engine.map(table, partial(_scan, references=references), numbered=True))
    return {row[0]: Mark(*row) for row in found.iter_rows()}


_MARKS = {"row": pl.Int64, "word": pl.String, "why": pl.String, "item": pl.Int64, "benchmark": pl.String}


def _scan(frame: Frame, references: list[Reference]) -> Frame:
    """One line for each row of the piece that meets a test item: the kernel that engines run."""
    places = frame["_n"].to_list()
    worst: dict[int, Mark] = {}
    for source in references:
        ids = source.items["id"] if "id" in source.items.columns else None
        for hit in source.hits(frame):
            known = worst.get(hit.row)
            if known is not None and (known.word == "leak" or not hit.sure):
                continue
            item = ids[hit.item] if ids is not None else hit.item
            word = "leak" if hit.sure else "review-leak"
            why = f"{source.name} item {item}: {hit.how}, similarity {hit.similarity:.2f}"
            worst[hit.row] = Mark(places[hit.row], word, why, hit.item, source.name)
    return pl.DataFrame(list(worst.values()), schema=_MARKS, orient="row")


def _heirs(
    table: Table, marks: dict[int, Mark], references: list[Reference], engine: Engine
) -> list[tuple[int, str, str]]:
    """Rows made, over any number of steps, from a leaked row or from a test item itself."""
    leaked = {i: r.name for r in references for i in _item_ids(r.items)}
    children: list[tuple[int, str, list[str]]] = []
    start = 0
    for frame in engine.frames(table):
        ids = frame["id"].to_list()
        for n in range(start, start + frame.height):
            if n in marks and marks[n].word == "leak":
                leaked[ids[n - start]] = marks[n].benchmark
        made = frame.select(pl.int_range(start, start + pl.len()).alias("n"), "id", "parents").drop_nulls("parents")
        children += made.rows()
        start += frame.height
    heirs: dict[int, tuple[int, str, str]] = {}
    grew = True
    while grew:
        grew = False
        for n, own, parents in children:
            bad = next((p for p in parents if p in leaked and p != own), None)
            if bad is not None and n not in heirs and not (n in marks and marks[n].word == "leak"):
                heirs[n] = (n, "leak", f"made from {bad}, which is a leak of {leaked[bad]}")
                leaked.setdefault(own, leaked[bad])
                grew = True
    for n in heirs:
        marks.pop(n, None)
    return list(heirs.values())


def _item_ids(items: Frame) -> set[str]:
    """Ids under which test items may stand among a row's parents: the benchmark's own and those `read` gives."""
    columns = [items[c].to_list() if c in items.columns else [None] * items.height for c in CONTENT]
    made = {row_id(*c[:n]) for c in zip(*columns) for n in (2, 3)}  # the answer stated, or taken out of the solution
    return made | set(items["id"].cast(pl.String).to_list())


CONTENT = ("problem", "solution", "answer")


def _figures(source: Reference, marks: Iterable[Mark]) -> dict[str, Any]:
    mine = [m for m in marks if m.benchmark == source.name]
    matched = {m.item for m in mine if m.word == "leak"}
    unsure = {m.item for m in mine if m.word == "review-leak"} - matched
    return {
        "checked": source.items.height,
        "matched": len(matched),
        "unsure": len(unsure),
        "rows_matched": sum(m.word == "leak" for m in mine),
        "rows_unsure": sum(m.word == "review-leak" for m in mine),
    }


def _write(frame: Frame, marks: Frame) -> Frame:
    made = frame.join(marks, on="_n", how="left", maintain_order="left")
    return made.with_columns(
        pl.coalesce("_word", "reject").alias("reject"), pl.coalesce("_why", "reject_why").alias("reject_why")
    ).drop("_n", "_word", "_why")
