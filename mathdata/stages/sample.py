"""Draw a sample by a strategy: by seed and content, whatever the order of rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import polars as pl

from mathdata.bounds import read_json, read_small
from mathdata.engines.local import numbered_map, start
from mathdata.errors import UsageError
from mathdata.registry import build, register
from mathdata.samplers._draw import Asked, Chosen, Sampler, cap, check_asked, draws, fill_up
from mathdata.samplers._params import PREFIX, check_params, finer_groups, with_groups
from mathdata.text import fill_templates, normal_column
from mathdata.types import Context, Engine, Frame, Table

__all__ = ["check_request", "sample"]


@register("stage", "sample")
def sample(
    table: Table,
    *,
    n: Annotated[int | None, "How many rows to draw."] = None,
    strategy: Annotated[
        str | dict[str, Any] | None,
        "uniform, stratified, quota, nested, difficulty, diverse, or {name: {option: value}}, for example "
        "{diverse: {vectors: embedding}} (default: quota with --quota, nested with --sizes, else uniform).",
    ] = None,
    by: Annotated[
        list[str] | None,
        "Columns that make the groups (stratified, quota, nested); param.n is a parameter of the problem's family.",
    ] = None,
    quota: Annotated[
        dict[str, int] | Path | None,
        "Rows of each group: k=v,k=v or a file (.json, .yaml); power.n.0 is the family power where n is 0.",
    ] = None,
    sizes: Annotated[list[str | int] | None, "Sizes of nested samples, e.g. 128,256,512,full."] = None,
    max_per_template: Annotated[int | None, "At most so many siblings (rows that differ only in numbers)."] = None,
    max_per_problem: Annotated[int | None, "At most so many solutions of one problem."] = None,
    fill: Annotated[
        dict[str, str] | None,
        "Rows used only where the others do not suffice (quota: of the same group), e.g. method=rephrase.",
    ] = None,
    seed: Annotated[int, "Same seed, same rows."] = 42,
    engine: Engine | None = None,
    ctx: Context | None = None,
) -> Table:
    """Draw rows by seed, independent of their order: uniform, by quota, nested, by difficulty, or diverse.

    Rows that are not drawn are rejected as `not-sampled`. `nested` adds the column `rank`: the first 128 rows by rank
    are the sample of 128, and so on. An option that the strategy does not use is refused.
    """
    engine, ctx = start(engine, ctx)
    sampler, asked = _asked(n, strategy, by, quota, sizes, seed)
    _positive({"max_per_template": max_per_template, "max_per_problem": max_per_problem})
    rows = _slim(table, engine, sampler, asked, max_per_template, max_per_problem, fill or {})
    rows, capped = _capped(rows, {"template": max_per_template, "query": max_per_problem})
    chosen = _choose(sampler, rows, asked, bool(fill))
    ranks = pl.DataFrame({"_n": chosen.i, "rank": pl.int_range(1, len(chosen.i) + 1, dtype=pl.Int32, eager=True)})
    why = f"not among the {len(chosen.i)} rows drawn ({sampler.name}, seed {seed})"
    kernel = partial(_mark, ranks=ranks, capped=capped, why=why, ranked=sampler.name == "nested")
    result = numbered_map(engine, table, kernel)
    ctx.figures.update({"strategy": sampler.name, "seed": seed, "drawn": len(chosen.i), **chosen.figures})
    return result


def check_request(options: Mapping[str, Any]) -> None:
    """What can be said of a request before there are rows. Raises UsageError."""
    given = {k: options.get(k) for k in ("n", "by", "quota", "sizes")}
    _asked(**given, strategy=options.get("strategy"), seed=0)
    _positive({k: options.get(k) for k in ("max_per_template", "max_per_problem")})


def _asked(n: Any, strategy: Any, by: Any, quota: Any, sizes: Any, seed: int) -> tuple[Sampler, Asked]:
    """The sampler and what it is asked for, all of it there. Raises UsageError, UnknownName."""
    table = _quota(quota)
    _positive({"n": n})
    sampler: Sampler = build("sampler", strategy or ("quota" if table else "nested" if sizes else "uniform"))
    asked = Asked(n, tuple(by or ()), table, tuple(_size(s) for s in sizes or ()), seed)
    check_asked(sampler, asked)
    check_params(asked.by)
    finer_groups(table or {})
    return sampler, asked


def _positive(numbers: dict[str, int | None]) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"sample: {flag} {number} asks for no row", f"give 1 or more, or leave {flag} out")


def _size(text: str | int) -> int | None:
    size = _number(text)
    if size is not None and size < 1:
        raise UsageError(f"sample: a size of {text} holds no row", "write for example --sizes 128,256,1k,full")
    return size


def _number(text: str | int) -> int | None:
    if str(text).lower() in ("full", "all"):
        return None
    number = str(text).lower().replace(",", "").replace("_", "")
    try:
        return int(float(number[:-1]) * 1000) if number.endswith("k") else int(number)
    except (ValueError, OverflowError):
        raise UsageError(f"sample: '{text}' is no size", "write for example --sizes 128,256,1k,full") from None


def _quota(quota: dict[str, int] | Path | None) -> dict[str, int] | None:
    made = _quota_file(quota) if isinstance(quota, Path) else quota
    wrong = next((f"{group}={n}" for group, n in (made or {}).items() if n < 0), None)
    if wrong or (made is not None and not any(made.values())):
        raise UsageError(
            f"sample: the quota {wrong or 'as a whole'} asks for no row", "for example --quota divide=9525"
        )
    return made


def _quota_file(quota: Path) -> dict[str, int]:
    if not quota.is_file():
        raise UsageError(
            f"sample: no file {quota} of a quota", "for example --quota divide=9525, or a .json or .yaml file"
        )
    text = read_small(quota, "a quota")
    if quota.suffix == ".json":
        read = read_json(text, str(quota))
    else:
        from mathdata.recipe_text import load_yaml

        read = load_yaml(text, where=str(quota))
    if not isinstance(read, dict) or not all(isinstance(v, int) for v in read.values()):
        raise UsageError(f"{quota}: a quota is a mapping of group to number", "write for example {divide: 9525}")
    return {str(k): int(v) for k, v in read.items()}


def _slim(
    table: Table, engine: Engine, sampler: Sampler, asked: Asked, per_template: int | None, per_problem: int | None,
    fill: dict[str, str],
) -> Frame:  # fmt: skip
    """What choosing needs of every row, and no more: it is held in memory for the whole table."""
    needs = {*sampler.columns, *(["template"] if per_template else []), *(["query"] if per_problem else [])}
    keys = {*asked.by, *fill, *(["topic"] if sampler.name == "quota" and not asked.by else [])}
    finer = finer_groups(asked.quota or {})
    parts, start = [], 0
    for frame in engine.frames(table):
        unknown = {k for k in keys if not k.startswith(PREFIX)} - set(frame.columns)
        if unknown:
            raise UsageError(f"sample: no column '{min(unknown)}'", f"columns: {', '.join(frame.columns)}")
        frame = with_groups(frame, keys, finer)
        parts.append(_columns(frame, needs, keys).with_columns(pl.int_range(start, start + pl.len()).alias("i")))
        start += frame.height
    slim = pl.concat(parts).with_columns(_spare(fill).alias("_spare"))
    drawn = draws(slim["id"], slim["origin"], asked.seed)
    return slim.with_columns(drawn).drop("id", "origin")


def _columns(frame: Frame, needs: set[str], keys: set[str]) -> Frame:
    made = frame.select("id", "origin", *keys)
    if "template" in needs:
        made = made.with_columns(fill_templates(frame)["template"])
    if "query" in needs:
        made = made.with_columns(normal_column(frame["problem"]).hash().alias("query"))
    if "length" in needs:
        made = made.with_columns(frame["solution"].str.len_chars().cast(pl.Float64).alias("length"))
    for name in needs & {"difficulty", "pass_rate", "problem"}:
        made = made.with_columns(frame[name])
    return made


def _capped(rows: Frame, caps: dict[str, int | None]) -> tuple[Frame, Frame]:
    """Rows within every cap, and the others with the reason."""
    gone = []
    for column, most in caps.items():
        if most is not None:
            kept = cap(rows, column, most)
            name = "template" if column == "template" else "problem"
            gone.append(rows.filter(~kept).select("i", pl.lit(f"more than {most} rows of one {name}").alias("why")))
            rows = rows.filter(kept)
    empty = pl.DataFrame(schema={"i": pl.Int64, "why": pl.String})
    return rows, pl.concat([empty, *gone]).rename({"i": "_n"})


def _spare(fill: dict[str, str]) -> pl.Expr:
    """True for the rows named by `fill`."""
    named = [pl.col(c).cast(pl.String).eq_missing(pl.lit(v)) for c, v in fill.items()]
    return pl.all_horizontal(named) if named else pl.lit(False)


def _choose(sampler: Sampler, rows: Frame, asked: Asked, fill: bool) -> Chosen:
    """The sampler's choice; spare rows only make up for what the others lack."""
    if not fill:
        return sampler.choose(rows, asked)
    if "_spare" in sampler.columns:
        chosen = sampler.choose(rows, asked)
    else:
        own = sampler.choose(rows.filter(~pl.col("_spare")), asked)
        n = asked.n or 0
        chosen = Chosen(fill_up(pl.DataFrame({"i": own.i}), rows, n)["i"], own.figures)
        chosen.figures["missing"] = max(0, n - len(chosen.i))
    chosen.figures.setdefault("filled", rows.filter("_spare", pl.col("i").is_in(chosen.i.implode())).height)
    return chosen


def _mark(frame: Frame, ranks: Frame, capped: Frame, why: str, ranked: bool) -> Frame:
    made = frame.join(ranks, on="_n", how="left", maintain_order="left", suffix="_drawn")
    made = made.join(capped, on="_n", how="left", maintain_order="left")
    rank = pl.col("rank_drawn" if "rank" in frame.columns else "rank")
    out = rank.is_null()
    made = made.with_columns(
        pl.when(out).then(pl.lit("not-sampled")).otherwise("reject").alias("reject"),
        pl.when(out).then(pl.coalesce("why", pl.lit(why))).otherwise("reject_why").alias("reject_why"),
    )
    if ranked:
        made = made.with_columns(rank.alias("rank"))
    extra = [c for c in ("rank", "rank_drawn") if c in made.columns and c not in frame.columns]
    keep = {"rank"} if ranked else set()
    return made.drop("_n", "why", *[c for c in extra if c not in keep])
