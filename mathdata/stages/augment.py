"""Make further rows from rows: new solutions, wordings, numbers and backward questions, each judged before it stays."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl

from mathdata.backends._spread import spread
from mathdata.backends.journal import Journal
from mathdata.backends.money import Price, find_price, guess, parse_budget
from mathdata.engines._parts import scratch
from mathdata.engines.local import LocalEngine
from mathdata.errors import RecipeError, nearest
from mathdata.registry import build, register
from mathdata.stages._augment_make import Maker
from mathdata.types import Context, Engine, Frame, Partitions, Table

__all__ = ["augment"]


@register("stage", "augment")
def augment(
    table: Table,
    *,
    method: Annotated[list[str | dict[str, Any]], "augmentations: answer, rephrase, fobar, vary_numbers ..."],
    teacher: Annotated[
        str | dict[str, Any], "who writes: symbolic, openai:MODEL, {openai: {model: ...}} ..."
    ] = "symbolic",
    samples: Annotated[int, "how many to make of each row by each method"] = 1,
    temperature: Annotated[float, "how freely a text teacher draws"] = 0.7,
    top_p: Annotated[float, "share of the probability mass it draws from"] = 1.0,
    max_tokens: Annotated[int, "longest answer, in tokens"] = 1024,
    concurrency: Annotated[int | Literal["auto"], "requests at once; auto finds it"] = "auto",
    budget: Annotated[str | None, "hard stop for this run: 5usd or 2Mtok"] = None,
    estimate: Annotated[bool, "only tell requests, tokens and price; make nothing"] = False,
    batch: Annotated[bool, "use the server's batch interface: submit, leave, collect by running again"] = False,
    where: Annotated[dict[str, Any] | None, "only rows with these values: {topic: [add, multiply]}"] = None,
    originals: Annotated[Literal["keep", "replace"], "replace: a row with a good child is set aside"] = "keep",
    think: Annotated[
        Literal["keep", "strip"], "reasoning told apart from the answer: own column, or left out"
    ] = "strip",
    prompts: Annotated[dict[str, str] | None, "own prompt files: {rephrase: my.jinja, answer.zh: other.jinja}"] = None,
    seed: Annotated[int, "draws numbers, masks and samples"] = 42,
    engine: Engine | None = None,
    ctx: Context | None = None,
) -> Table:
    """Make further rows: solutions, wordings, other numbers, backward questions; each judged before it stays.

    Every answer of a teacher behind a server is stored in the journal before it is used, so an interrupted run pays
    nothing twice. What was asked for and not made is a row too, with its reason (`unsupported`, `pending-server`).
    """
    ctx = ctx or Context()
    if samples < 1:
        raise RecipeError(f"augment: samples = {samples} makes nothing", "samples: 1 or more")
    methods = [build("augmentation", spec) for spec in method]
    backend = spread(build("backend", teacher), teacher, engine)
    settings = {"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens}
    configure(backend, concurrency=concurrency, batch=batch)
    proves = bool(getattr(backend, "proves", False))
    price = (
        Price(0.0, 0.0)
        if proves
        else getattr(backend, "price", None) or find_price(str(getattr(backend, "model", "")), batch)
    )
    limit = parse_budget(budget, str(getattr(backend, "model", backend.name)), price)
    with journal_of(ctx, new=not estimate) as journal:
        maker = Maker(
            methods, backend, journal, samples=samples, settings=settings, budget=limit, price=price,
            prompts=prompts or {}, think=think, originals=originals, seed=seed, progress=ctx.progress,
        )  # fmt: skip
        if estimate:
            requests = [r for frame in frames(table, engine) for r in maker.would_ask(split_where(frame, where)[0])]
            ctx.figures["estimate"] = guess(requests, price) | {"note": maker.estimate_note(), "free": maker.proves}
            return table
        seen = 0

        def work(frame: Frame) -> Frame:
            nonlocal seen
            inside, outside = split_where(frame, where)
            seen += inside.height
            return both(maker, inside, outside)

        result = over(table, engine, ctx, work)
        ctx.figures |= maker.figures()
        if where and not seen:
            ctx.figures["no_row_where"] = dict(where)
    return result


def configure(backend: Any, **wanted: Any) -> None:
    """Hand a backend what it can use; asking for a batch from one that has none is an error."""
    if wanted.get("batch") and not hasattr(backend, "batch"):
        raise RecipeError(f"augment: teacher '{backend.name}' has no batch interface", "batch is for openai teachers")
    for name, value in wanted.items():
        if value not in ("auto", False) and hasattr(backend, name):  # the defaults leave what the teacher's spec says
            setattr(backend, name, value)


@contextmanager
def journal_of(ctx: Context, new: bool = True) -> Iterator[Journal]:
    """The journal the caller named, else one in the run's folder, else a temporary one; `new`: make it if need be."""
    path = ctx.journal or (ctx.workdir / "journal.sqlite" if ctx.workdir else None)
    if path is not None and (new or path.exists()):
        with Journal(path) as journal:
            yield journal
        return
    with tempfile.TemporaryDirectory(prefix="mathdata-") as folder, Journal(Path(folder) / "journal.sqlite") as journal:
        yield journal


def split_where(frame: Frame, where: Mapping[str, Any] | None) -> tuple[Frame, Frame]:
    """Rows to work on, and rows that pass by. Raises RecipeError for a column that does not exist."""
    chosen = pl.col("reject").is_null()
    for column, values in (where or {}).items():
        if column not in frame.columns:
            raise RecipeError(f"augment: where names no column '{column}'", nearest(column, frame.columns))
        wanted = [str(v) for v in (values if isinstance(values, (list, tuple)) else [values])]
        chosen = chosen & pl.col(column).cast(pl.String).is_in(wanted)
    chosen = chosen.fill_null(False)
    return frame.filter(chosen), frame.filter(~chosen)


def both(maker: Maker, inside: Frame, outside: Frame) -> Frame:
    made = maker.make(inside)
    return pl.concat([made, outside], how="diagonal_relaxed") if outside.height else made


def frames(table: Table, engine: Engine | None) -> Iterator[Frame]:
    if isinstance(table, pl.DataFrame):
        yield table
    else:
        yield from (engine or LocalEngine()).frames(table)


def over(table: Table, engine: Engine | None, ctx: Context, kernel: Any) -> Table:
    """The kernel over every partition, in this process: teachers, journal and budget are one for all."""
    if isinstance(table, pl.DataFrame):
        return kernel(table)  # type: ignore[no-any-return]
    folder, files = scratch(ctx.workdir), []
    for i, frame in enumerate(frames(table, engine)):
        files.append(folder / f"part-{i:05d}.parquet")
        kernel(frame).write_parquet(files[-1])
    return Partitions(tuple(files))
