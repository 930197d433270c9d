"""The default engine: this process, streaming over partitions and spilling to disk what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import polars as pl

from mathdata.engines._parts import Cut, Kernel, gather, number, pieces, run_piece, scratch, split_piece
from mathdata.errors import UsageError
from mathdata.registry import register
from mathdata.types import Context, Engine, Frame, Partitions, Progress, Table

__all__ = ["LocalEngine"]


@register("engine", "local")
class LocalEngine:
    """Run kernels in this process, one partition at a time."""

    name = "local"

    def __init__(
        self, *, scratch: Annotated[Path | None, "Folder for spilled partitions (default: the system's)."] = None
    ):
        self.base = scratch
        self.progress: Progress = Context().progress
        """Told how many pieces are done; stages pass on what they were given."""

    def frames(self, table: Table) -> Iterator[Frame]:
        """The rows in order, at most a piece at a time."""
        if not isinstance(table, Partitions):
            yield table
            return
        for piece in pieces(table):
            yield piece.read()

    def map(self, table: Table, kernel: Kernel, *, whole: bool = False, numbered: bool = False) -> Table:
        """Every piece through `kernel`; `whole` = never cut a file, `numbered` = with the row's place in the table."""
        if not isinstance(table, Partitions):
            return kernel(number(table) if numbered else table)
        folder = scratch(self.base)
        calls = [
            (piece, kernel, folder / f"{i:06d}.parquet", numbered) for i, piece in enumerate(pieces(table, whole=whole))
        ]
        return Partitions(tuple(self.run(run_piece, calls)))

    def shuffle(
        self, table: Table, key: str, parts: int, *, before: Kernel | None = None, after: Kernel | None = None
    ) -> Table:
        """Rows with equal `key` into one partition; within it they keep their order.

        `before` sees every piece with the rows' places in the table, `after` every new partition whole: what they
        make is not written in between.
        """
        if not isinstance(table, Partitions):
            made = before(number(table)) if before else table
            return after(made) if after else made
        folder = scratch(self.base)
        calls = [(piece, key, parts, folder / f"{i:06d}.split", before) for i, piece in enumerate(pieces(table))]
        split = self.run(split_piece, calls)
        empty = pl.read_parquet(table.files[0], n_rows=0, glob=False)
        schema = before(number(empty)) if before else empty
        by_part: list[list[Cut]] = [[] for _ in range(parts)]
        for cut in (cut for cuts in split for cut in cuts):
            by_part[cut.part].append(cut)
        gathered = [(cuts, folder / f"part-{p:05d}.parquet", schema, after) for p, cuts in enumerate(by_part)]
        partitions = Partitions(tuple(self.run(gather, gathered)))
        discard([call[3] for call in calls])
        return partitions

    def collect(self, table: Table) -> Frame:
        if not isinstance(table, Partitions):
            return table
        return pl.concat([pl.read_parquet(f, glob=False) for f in table.files], how="vertical_relaxed")

    def run(self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """`function` on every tuple of arguments, results in order: the one thing engines do differently."""
        made = []
        for call in calls:
            made.append(function(*call))
            self.progress(len(made), len(calls), function.__name__.strip("_"))
        return made


def start(engine: Engine | None, ctx: Context | None) -> tuple[LocalEngine, Context]:
    """The engine and context of a stage, the default ones where none are given; the engine reports to the context."""
    made, context = engine or LocalEngine(), ctx or Context()
    if not isinstance(made, LocalEngine):
        raise UsageError(f"engine '{made.name}' cannot run this stage", "use local or ray")
    made.progress = context.progress
    return made, context


def discard(files: Sequence[Path]) -> None:
    """Remove spilled files that are no longer needed."""
    for file in files:
        file.unlink(missing_ok=True)


def numbered_map(engine: LocalEngine, table: Table, kernel: Kernel) -> Table:
    """A kernel that sees each row's place in the table; a frame stays a frame."""
    made = engine.map(table, kernel, numbered=True)
    return made if isinstance(table, Partitions) else engine.collect(made)
