"""The stage chains of a run, step by step on disk; a finished step with the same digest is not repeated."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mathdata.bind import check_options
from mathdata.errors import DataError, MathdataError
from mathdata.identity import benchmark_file, named_files
from mathdata.manifest import (
    Ledger,
    account,
    count_rejects,
    count_rows,
    digest_of,
    dump_json,
    select_rows,
    sha256_of,
    split,
    versions,
)
from mathdata.receipts import lines_of
from mathdata.saving import lazy
from mathdata.types import Context, Engine, Partitions, Table

if TYPE_CHECKING:  # a stage command reads no recipe: it need not wait for pydantic
    from mathdata.recipe import Recipe, Source, StageCall

__all__ = ["Step", "chain_of", "chains_of", "describe", "recipe_key", "run_chains", "run_stage", "source_key"]


def run_stage(
    name: str,
    function: Any,
    table: Table,
    options: Mapping[str, Any],
    *,
    engine: Engine | None = None,
    ctx: Context | None = None,
    where: Mapping[str, list[Any]] | None = None,
) -> tuple[Table, Ledger]:
    """One stage with its receipt. Rows already rejected, or outside `where`, pass by untouched."""
    started = time.perf_counter()
    ctx = ctx or Context()
    inside, aside = seen_by(name, table, where or {})
    result = function(inside, **options, engine=engine, ctx=ctx)
    ledger = account(name, inside, result, started)
    if where and not ledger.rows_in:
        ctx.figures["no_row_where"] = dict(where)
    if aside is not None:
        result = joined(aside, result)
        whole = account(name, table, result, started)
        whole.seconds = ledger.seconds
        return result, whole
    return result, ledger


def seen_by(name: str, table: Table, where: Mapping[str, list[Any]]) -> tuple[Table, Table | None]:
    """The rows a stage works on, and those that pass it by (None where it sees all)."""
    columns = lazy(table).collect_schema().names()
    for column in where:
        if column not in columns:
            raise DataError(f"{name}: where names no column '{column}'", f"columns: {', '.join(columns)}")
    conditions = [pl.col("reject").is_null(), *(pl.col(c).is_in(v) for c, v in where.items())]
    seen = pl.all_horizontal(conditions).fill_null(False)
    if not where and not count_rejects(table):
        return table, None
    return select_rows(table, lambda f: f.filter(seen)), select_rows(table, lambda f: f.filter(~seen))


def joined(aside: Table, result: Table) -> Table:
    """Rows that passed by, then a stage's own, as one table."""
    if isinstance(aside, pl.DataFrame) and isinstance(result, pl.DataFrame):
        return pl.concat([aside, result], how="diagonal_relaxed")
    if isinstance(aside, Partitions) and isinstance(result, Partitions):
        return Partitions((*aside.files, *result.files))
    raise TypeError("a stage returned a frame for partitions")


@dataclass(slots=True)
class Step:
    """One finished step on disk: kept rows, rejects, receipt. `step.json` is written last."""

    folder: Path
    digest: str
    record: dict[str, Any]

    @property
    def kept(self) -> Path:
        return self.folder / "kept.parquet"

    @property
    def rejects(self) -> Path:
        return self.folder / "rejects.parquet"

    @property
    def rows_digest(self) -> str:
        """sha256 of the kept rows: what follows depends on them, and on nothing that led to them."""
        return str(self.record["sha256"]["kept"])


def chains_of(recipe: Recipe) -> dict[str, list[StageCall]]:
    """The stage chains by arm; arms that say nothing share the recipe's own chain under the name `curated`."""
    chains = {"curated": recipe.stages}
    for name, arm in recipe.arms.items():
        if arm.stages is not None:
            chains[name] = arm.stages
    return chains


def chain_of(recipe: Recipe, arm: str) -> str:
    return arm if recipe.arms[arm].stages is not None else "curated"


def run_chains(recipe: Recipe, folder: Path, display: Any) -> dict[str, list[Step]]:
    """Every chain's steps, each on disk; a prefix that two chains share runs once."""
    from mathdata.recipe_checks import check_columns

    first = read_input(recipe, folder, display)
    check_columns(recipe, first.kept, *recipe.place)
    made: dict[str, list[Step]] = {}
    for name, chain in chains_of(recipe).items():
        steps = [first]
        for call in chain:
            steps.append(run_step(recipe, folder, steps[-1], call, display))
        made[name] = steps
    return made


def read_input(recipe: Recipe, folder: Path, display: Any) -> Step:
    """Step 0: the raw rows as parquet, broken lines among its rejects."""
    digest = digest_of(["read", versions()["mathdata"], [source_key(s) for s in recipe.input]])
    target = folder / "steps" / f"read-{digest[:10]}"
    done = finished(target, digest)
    if done:
        return done
    from mathdata.io import How, Item
    from mathdata.loading import load

    started = time.perf_counter()
    with display.stage("read"):
        table = load([Item(s.address, How(s.column or {}, s.max_broken), s.license) for s in recipe.input])
    rows, rejected = count_rows(table), count_rejects(table)
    ledger = Ledger(0, rows, rows - sum(rejected.values()), rejected)
    if not ledger.kept:
        raise DataError(f"no rows in {', '.join(s.path for s in recipe.input)}", "check the input and its split")
    ledger.seconds = round(time.perf_counter() - started, 3)
    display.say(f"read: {rows:,} rows from {', '.join(s.address for s in recipe.input)}")
    record = {"stage": "read", "options": {}, "ledger": ledger.as_dict(), "figures": {}}
    step = save(target, digest, table, record)
    discard(table)
    return step


def source_key(source: Source) -> Any:
    """What decides an input's rows: its address and options, and for a local file its bytes."""
    path = Path(source.address.partition("?")[0])
    return [source.model_dump(mode="json"), sha256_of(path) if path.exists() else None]


def recipe_key(recipe: Recipe) -> str:
    """The recipe and the content of every file, folder, model and local benchmark that it names."""
    inputs = [source_key(source) for source in recipe.input]
    options = [call.options for _, chain in recipe.chains() for call in chain]
    trained = recipe.train.model_dump(mode="json") if recipe.train else None
    arms = [arm.train for arm in recipe.arms.values()]
    asked = recipe.evaluate.model_dump(mode="json") if recipe.evaluate else {}
    files = [benchmark_file(entry) for entry in asked.get("benchmarks", ())]
    graded = [sha256_of(file) if file else None for file in files]
    return digest_of([recipe.digest, inputs, named_files([options, trained, arms, asked]), graded])


def run_step(recipe: Recipe, folder: Path, before: Step, call: StageCall, display: Any) -> Step:
    """One stage of a chain: from disk to disk, or found finished."""
    from mathdata.loading import stored
    from mathdata.registry import build, find

    digest = step_key(recipe, before, call)
    target = folder / "steps" / f"{call.name}-{digest[:10]}"
    done = finished(target, digest)
    if done and not done.record["pending"]:
        return done
    function = find("stage", call.name).make
    options = check_options(function, call.options, where=f"stages.{call.name}")
    if "seed" not in options and takes_seed(function):
        options["seed"] = recipe.seed
    journal = Path(recipe.journal) if recipe.journal else folder / "journal.sqlite"
    ctx = Context(workdir=folder, journal=journal, seed=recipe.seed)
    table, engine = stored(before.kept), build("engine", recipe.engine)
    with display.stage(call.name, count_rows(table)) as ctx.progress, recipe_words():
        result, ledger = run_stage(call.name, function, table, options, engine=engine, ctx=ctx, where=call.where)
    if not ledger.kept:
        words = ", ".join(f"{w} {n}" for w, n in ledger.rejected.items()) or "nothing came in"
        raise DataError(f"{call.name} kept no row of {ledger.rows_in} ({words})", f"loosen the options of {call.name}")
    gone = ", ".join(f"{w} {n:,}" for w, n in sorted(ledger.rejected.items(), key=lambda kv: -kv[1]))
    display.say(
        f"{call.name}: {ledger.rows_in:,} in + {ledger.created:,} created = {ledger.kept:,} kept"
        f"{' · ' + gone if gone else ''}   ({ledger.seconds:.1f} s)"
    )
    for line in lines_of(ctx.figures):
        display.say(f"  {line}")
    record = {
        "stage": call.name,
        "options": describe(call)[call.name],
        "ledger": ledger.as_dict(),
        "figures": ctx.figures,
    }
    step = save(target, digest, result, record)
    discard(result, {before.kept})
    return step


def step_key(recipe: Recipe, before: Step, call: StageCall) -> str:
    """What decides a step's rows: the rows that go in, byte by byte, the stage's options, and the files they name."""
    asked = [call.model_dump(mode="json"), named_files(call.options), recipe.seed]
    return digest_of([before.rows_digest, *asked, versions()["mathdata"]])


@contextmanager
def recipe_words() -> Iterator[None]:
    """A stage's errors name options as a recipe does, not as the command line."""
    try:
        yield
    except MathdataError as e:
        from mathdata.recipe_checks import in_recipe_words

        e.message, e.hint = in_recipe_words(e.message), in_recipe_words(e.hint)
        raise


def discard(table: Table, but: Set[Path] = frozenset()) -> None:
    """Remove spilled partitions that stand in a step now."""
    for file in set(table.files) - but if isinstance(table, Partitions) else ():
        file.unlink(missing_ok=True)


def takes_seed(function: Any) -> bool:
    from mathdata.bind import options_of

    return any(o.name == "seed" for o in options_of(function))


def finished(folder: Path, digest: str) -> Step | None:
    """The step, if it stands complete on disk with this digest."""
    marker = folder / "step.json"
    if not marker.exists():
        return None
    try:
        record = json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:
        return None
    step = Step(folder, digest, record)
    if record.get("digest") != digest or not (step.kept.exists() and step.rejects.exists()):
        return None
    if record["sha256"] != {"kept": sha256_of(step.kept), "rejects": sha256_of(step.rejects)}:
        return None
    return step


def save(folder: Path, digest: str, table: Table, record: dict[str, Any]) -> Step:
    """Kept rows, rejects, then `step.json`: until it stands, the step did not happen."""
    from mathdata.io import write

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "step.json").unlink(missing_ok=True)
    step = Step(folder, digest, record)
    kept, gone = split(table)
    write(kept, step.kept)
    write(gone, step.rejects)
    record["digest"] = digest
    record["pending"] = sum(n for w, n in record["ledger"]["rejected"].items() if w.startswith("pending-"))
    record["sha256"] = {"kept": sha256_of(step.kept), "rejects": sha256_of(step.rejects)}
    dump_json(folder / "step.json", record)
    return step


def describe(call: StageCall) -> dict[str, Any]:
    return {call.name: call.options | ({"where": call.where} if call.where else {})}
