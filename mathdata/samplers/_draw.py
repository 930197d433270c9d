"""What all samplers share: the draw of a row, caps, interleaving; all of it independent of row order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl
import xxhash

from mathdata import registry
from mathdata.errors import UsageError
from mathdata.types import Frame

__all__ = ["Asked", "Chosen", "Sampler", "cap", "check_asked", "draws", "fill_up", "group_of", "interleave", "place_in"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the stage asks a sampler for."""

    n: int | None
    by: tuple[str, ...] = ()
    quota: dict[str, int] | None = None
    sizes: tuple[int | None, ...] = ()
    seed: int = 42


@dataclass(slots=True)
class Chosen:
    """`i` of the chosen rows in order of rank, and what the sampler has to say about it."""

    i: pl.Series
    figures: dict[str, Any] = field(default_factory=dict)


class Sampler(Protocol):
    """Chooses rows from a slim frame: `i`, `draw` (uniform, the lower the sooner) and the columns of `columns`.

    One that names `_spare` among its columns is also given the rows of `fill`, True there, and makes up for what it
    lacks itself; for any other the stage does, by draw.
    """

    name: str
    needs: tuple[str, ...]
    """Fields of `Asked` that it cannot do without."""
    uses: tuple[str, ...]
    """All fields of `Asked` that it reads; one that does not say may be given any."""
    columns: tuple[str, ...]

    def choose(self, rows: Frame, asked: Asked) -> Chosen: ...


def draws(ids: pl.Series, origins: pl.Series, seed: int) -> pl.Series:
    """A uniform number for each row from seed and content; copies of a row get different ones, by their origin."""
    copy = (
        pl.DataFrame({"id": ids, "origin": origins})
        .select(pl.col("origin").rank("ordinal").over("id").alias("copy"))
        .to_series()
    )
    digest = xxhash.xxh3_64_intdigest
    made = [digest(f"{seed}\x1f{i}\x1f{k}".encode()) for i, k in zip(ids.to_list(), copy.to_list())]
    return pl.Series("draw", made, dtype=pl.UInt64)


def group_of(rows: Frame, by: tuple[str, ...]) -> pl.Series:
    """One string for each row's group."""
    if not by:
        return pl.Series("group", ["all"]).new_from_index(0, rows.height).alias("group")
    parts = [pl.col(c).cast(pl.String).fill_null("none") for c in by]
    return rows.select(pl.concat_str(parts, separator=" / ").alias("group")).to_series()


def place_in(rows: Frame, column: str) -> pl.Expr:
    """1, 2, 3 ... within a group in order of draw; rows of `fill` stand behind the others."""
    order = pl.struct("_spare", "draw") if rows["_spare"].any() else pl.col("draw")  # half the time
    return order.rank("ordinal").over(column)


def cap(rows: Frame, column: str, most: int) -> pl.Series:
    """True for rows within the first `most` of their group."""
    return rows.select((place_in(rows, column) <= most).alias("kept")).to_series()


def fill_up(taken: Frame, rows: Frame, n: int) -> Frame:
    """What was taken, and where that is fewer than n the spare rows in order of draw."""
    more = rows.filter("_spare").sort("draw").head(max(0, n - taken.height))
    return pl.concat([taken, more], how="diagonal")


def interleave(rows: Frame, group: str) -> Frame:
    """Rows so ordered that every prefix holds the groups in equal shares, until a group runs out."""
    place = pl.col("draw").rank("ordinal").over(group)
    return rows.with_columns(place.alias("_place")).sort("_place", "draw").drop("_place")


def check_asked(sampler: Sampler, asked: Asked) -> None:
    """All that a strategy cannot do without was given, and nothing that it would not look at. Raises UsageError."""
    for option in getattr(sampler, "needs", ()):
        if getattr(asked, option) in (None, ()):
            raise UsageError(f"sample: strategy '{sampler.name}' needs --{option}", f"give --{option}: {GIVE[option]}")
    for option in GIVE.keys() - set(getattr(sampler, "uses", GIVE)):
        if getattr(asked, option) not in (None, ()):
            raise UsageError(
                f"sample: strategy '{sampler.name}' does not use --{option}",
                f"leave --{option} out, or give --strategy {' or '.join(users(option))}",
            )


def users(option: str) -> list[str]:
    """The strategies that use an option; those of plugins are not imported to be asked."""
    ours = [name for name in registry.names("sampler") if name not in registry._plugins("sampler")]
    return [name for name in ours if option in getattr(registry.find("sampler", name).make, "uses", ())]


GIVE = {
    "n": "how many rows to draw",
    "by": "the columns that make the groups, for example topic",
    "quota": "the rows of each group, or a file that says so",
    "sizes": "the sizes, for example 128,256,full",
}
