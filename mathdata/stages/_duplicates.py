"""The kernel of dedup: marks duplicates and conflicts among rows of which every twin is present."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

import polars as pl

from mathdata.engines._parts import NUMBER
from mathdata.layouts import fill_answers
from mathdata.stages._answers import answer_of, confirmed, same_answer
from mathdata.stages._together import roots
from mathdata.types import Frame, Row

__all__ = ["AGAINST", "Rules", "mark", "problem_keys"]

AGAINST = "_against"
"""Column that tells rows of `--against` files: they are compared with, never marked."""
SAME = ("group", "path", "answer")
"""Rows equal in these are one row said several times, unless they are kin."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The options of dedup, as its kernel needs them."""

    level: Literal["exact", "normal", "near"] = "near"
    on: Literal["row", "problem"] = "row"
    keep: Literal["first", "longest", "verified"] = "first"
    strict: bool = True
    lexicon: str | None = None


def _normal(text: pl.Series) -> pl.Series:
    from mathdata.text import normal_column  # a tenth of the start of a command, which level exact does without

    return normal_column(text)


def problem_keys(frame: Frame, rules: Rules) -> Frame:
    """The column `_key`: equal for all rows that may be twins, so that a shuffle by it loses no pair."""
    text = frame["problem"].fill_null("")
    if rules.level == "exact":
        return frame.with_columns(text.hash().alias("_key"))
    text = _normal(text)
    if rules.level == "near":
        from mathdata.near import block_keys

        return frame.with_columns(pl.Series("_key", block_keys(text, rules.lexicon), dtype=pl.UInt64))
    return frame.with_columns(text.hash().alias("_key"))


def mark(frame: Frame, rules: Rules) -> Frame:
    """`reject` and `reject_why` on duplicates and conflicts. Order of rows in and out: by place in the table."""
    frame = frame if frame[NUMBER].is_sorted() else frame.sort(NUMBER)
    slim = _twins(frame, rules)
    slim = slim.filter(pl.col("group").is_duplicated())
    if not slim.height:
        return frame
    slim = _answers(_paths(frame, slim, rules), frame)
    slim = _ranks(frame, slim, rules)
    slim = slim.with_columns(_first("i", rules).over(SAME).alias("twin"))
    if rules.level == "near" and frame["parents"].null_count() < frame.height:
        slim = _spared(frame, slim, rules)
    copies = slim.filter((pl.col("twin") != pl.col("i")) & ~pl.col("against"))
    marks = [_describe(frame, copies, rules)]
    marks.append(_conflicts(frame, slim, marks[0]))
    return _write(frame, pl.concat(marks))


def _twins(frame: Frame, rules: Rules) -> Frame:
    """One line a row: i, group (rows that ask the same), exact and normal hash, against."""
    text = frame["problem"].fill_null("")
    normal = text if rules.level == "exact" else _normal(text)
    slim = pl.DataFrame(
        {
            "i": pl.int_range(0, frame.height, dtype=pl.UInt32, eager=True),
            "normal": normal.hash(),
            "against": frame[AGAINST]
            if AGAINST in frame.columns
            else pl.Series([False]).new_from_index(0, frame.height),
        }
    ).with_columns(pl.col("normal").alias("group"), pl.lit(1.0).alias("similarity"), pl.lit("").alias("differs"))
    if rules.level != "near" or not frame.height:
        return slim
    from mathdata.near import cluster

    order = slim.with_columns(_preference(frame, rules).alias("rank"))
    first = order.sort("rank").unique("normal", keep="first", maintain_order=True).sort("rank")
    found = cluster(normal.gather(first["i"]), strict=rules.strict, lexicon=rules.lexicon)
    stars = pl.DataFrame(
        {
            "normal": first["normal"],
            "group": first["normal"].gather(found.star),
            "similarity": found.similarity,
            "differs": found.differs,
        }
    )
    return slim.drop("group", "similarity", "differs").join(stars, on="normal", how="left", maintain_order="left")


def _preference(frame: Frame, rules: Rules) -> pl.Series:
    """Which of several rows stays: those of --against, then what --keep asks, then the earliest."""
    if rules.keep == "first":  # rows of --against stand before all others
        return pl.int_range(0, frame.height, dtype=pl.UInt32, eager=True)
    keys: list[Any] = [~pl.col(AGAINST) if AGAINST in frame.columns else pl.lit(True)]
    if rules.keep == "verified":
        keys.append(pl.col("verdict").ne_missing(pl.lit("correct")))
    keys.append(-(pl.col("solution").str.len_chars().fill_null(0).cast(pl.Int64)))
    keys.append(pl.col(NUMBER))
    return frame.select(pl.arg_sort_by(keys)).to_series().arg_sort().cast(pl.UInt32)


def _ranks(frame: Frame, slim: Frame, rules: Rules) -> Frame:
    """`rank` among twins; `verified` asks the judge about rows that no stage has judged yet."""
    slim = slim.with_columns(_preference(frame, rules).gather(slim["i"]).alias("rank"))
    if rules.keep != "verified":
        return slim
    rows = frame.select("problem", "solution", "answer", "verdict")[slim["i"]]
    sure = pl.Series(
        "sure", [confirmed(row, answer_of(row), steps=True) for row in rows.iter_rows(named=True)], dtype=pl.Boolean
    )
    order = slim.with_columns(sure).select(pl.arg_sort_by(~pl.col("against"), ~pl.col("sure"), "rank")).to_series()
    return slim.with_columns(order.arg_sort().cast(pl.UInt32).alias("rank"))


def _paths(frame: Frame, slim: Frame, rules: Rules) -> Frame:
    """`path`: equal for rows that reason alike; with --on problem all do."""
    if rules.on == "problem":
        return slim.with_columns(pl.lit(0, dtype=pl.UInt64).alias("path"))
    solution = frame["solution"].gather(slim["i"]).fill_null("")
    path = (solution if rules.level == "exact" else _normal(solution)).hash()
    slim = slim.with_columns(path.alias("path"), solution.alias("_solution"))
    if rules.level == "near":
        from mathdata.worked import path_key

        mixed = slim.filter(pl.col("path").n_unique().over("group") > 1).unique("path", keep="first")
        read = [int(path_key(text), 16) for text in mixed["_solution"].to_list()]
        keys = pl.DataFrame({"path": mixed["path"], "read": pl.Series(read, dtype=pl.UInt64)})
        slim = slim.join(keys, on="path", how="left", maintain_order="left")
        slim = slim.with_columns(pl.coalesce("read", "path").alias("path")).drop("read")
    return slim.drop("_solution")


def _answers(slim: Frame, frame: Frame) -> Frame:
    """`answer`: 0, or the number of the answer where the rows of a group disagree; `said`: the answer there."""
    said = frame["answer"].gather(slim["i"])
    slim = slim.with_columns(said.alias("_said"), pl.lit(0, dtype=pl.Int32).alias("answer"))
    text = frame["solution"].gather(slim["i"]).hash().alias("text")
    kinds = slim.select("group", text, pl.when(said.is_not_null()).then(said.hash()).alias("said"))
    ways = kinds.group_by("group").agg((pl.col(c).min() != pl.col(c).max()).fill_null(False) for c in ("text", "said"))
    several = ways.filter(pl.col("text") | pl.col("said"))["group"]
    if not len(several):
        return slim.with_columns(pl.lit(None, dtype=pl.String).alias("said")).drop("_said")
    slim = slim.with_columns(_stated(frame, slim, slim["group"].is_in(several.implode())))
    unlike = pl.col("_said").drop_nulls().n_unique().over("group") > 1
    silent = (pl.col("_said").null_count().over("group") > 0) & (pl.col("path").n_unique().over("group") > 1)
    doubtful = slim.filter(unlike | silent)
    slim = slim.join(_number_answers(doubtful, frame), on="i", how="left", maintain_order="left")
    return slim.with_columns(pl.coalesce("number", "answer").alias("answer")).drop("number", "_said")


def _stated(frame: Frame, slim: Frame, where: pl.Series) -> pl.Series:
    """`_said`, with the answers that solutions state filled in where rows of a group differ and none is given."""
    places = (where & slim["_said"].is_null()).arg_true()
    if not len(places):
        return slim["_said"]
    rows = frame.select("solution", "answer")[slim["i"].gather(places)]
    return slim["_said"].scatter(places, fill_answers(rows)["answer"])


def _number_answers(doubtful: Frame, frame: Frame) -> Frame:
    """i, number, said: rows of a group with one answer have one number; a row that gives none takes the first."""
    made: list[tuple[int, int, str | None]] = []
    for rows in _groups(doubtful, frame):
        numbers: dict[str, int] = {}
        seen: list[str] = []
        for i, row in rows:
            said = answer_of(row)
            if said is not None and said not in numbers:
                same = (k for k, other in enumerate(seen[:DISTINCT]) if same_answer(other, said))
                numbers[said] = next(same, len(seen))
                seen += [said] if numbers[said] == len(seen) else []
            made.append((i, 0 if said is None else numbers[said], said))
    return pl.DataFrame(made, schema={"i": pl.UInt32, "number": pl.Int32, "said": pl.String}, orient="row")


DISTINCT = 50
"""With so many answers a question is in conflict whatever a further one is equal to."""


def _groups(slim: Frame, frame: Frame) -> Iterator[list[tuple[int, Row]]]:
    """The rows of each group, with their places."""
    slim = slim.sort("group", maintain_order=True)
    columns = [c for c in ("problem", "solution", "answer", "verdict", "id", "origin") if c in frame.columns]
    rows = zip(slim["group"].to_list(), slim["i"].to_list(), frame.select(columns)[slim["i"]].iter_rows(named=True))
    for _, group in groupby(rows, key=itemgetter(0)):
        yield [(i, row) for _, i, row in group]


def _first(column: str, rules: Rules) -> pl.Expr:
    """The value of the row that stays; with --keep first the rows are in that order already."""
    return (pl.col(column) if rules.keep == "first" else pl.col(column).sort_by("rank")).first()


def _spared(frame: Frame, slim: Frame, rules: Rules) -> Frame:
    """Kin of their twin are no copies of it: each takes the first row that asks alike in normal form instead."""
    slim = slim.with_columns(_families(frame, slim))
    kin = pl.col("family") == _first("family", rules).over(SAME)
    slim = slim.with_columns(pl.when(kin).then(_first("i", rules).over(*SAME, "normal")).alias("own"))
    other = pl.col("own") != pl.col("twin")
    return slim.with_columns(
        pl.coalesce("own", "twin").alias("twin"),
        pl.when(other).then(1.0).otherwise("similarity").alias("similarity"),
        pl.when(other).then(pl.lit("")).otherwise("differs").alias("differs"),
    )


def _families(frame: Frame, slim: Frame) -> pl.Series:
    """`family`: equal for rows of a group that parents link, over any number of steps; null where no row has parents.

    Rows of other groups are left out of it: what streams holds a group whole, but not the rest of the table.
    """
    rows = slim.select("group", "normal").with_columns(frame.select("id", "parents")[slim["i"]])
    rows = rows.with_columns(own=pl.struct("group", "id").hash())
    children = rows.filter(pl.col("parents").list.len() > 0)
    linked = children.explode("parents").drop_nulls("parents")
    # A copy under another id is the same question: without it, kin would hang on which of the copies is named.
    alike = rows.join(children, on="group", how="semi").select("own", pl.struct("group", "normal").hash(1))
    above = linked.select("own", pl.struct("group", id="parents").hash())
    of = roots([*above.iter_rows(), *alike.iter_rows()])
    old, new = pl.Series(list(of), dtype=pl.UInt64), pl.Series(list(of.values()), dtype=pl.UInt64)
    return rows["own"].replace_strict(old, new, default=None, return_dtype=pl.UInt64).alias("family")


def _describe(frame: Frame, copies: Frame, rules: Rules) -> Frame:
    """i, reject, reject_why: each removal names its twin, the level and the similarity."""
    twin = frame.select("id", "origin")[copies["twin"]]
    differs = pl.when(pl.col("level") == "near").then("differs").otherwise(pl.lit(""))
    likeness = [pl.col("similarity").round(2).cast(pl.String), differs] if rules.level == "near" else [pl.lit("1.0")]
    return copies.select(
        "i",
        _level(frame, copies, rules).alias("level"),
        twin["id"].fill_null("?").alias("id"),
        twin["origin"].fill_null("?").alias("origin"),
        "similarity",
        "differs",
    ).select(
        "i",
        pl.concat_str("level", pl.lit("-duplicate")).alias("reject"),
        pl.concat_str(
            pl.lit("same " + ("problem" if rules.on == "problem" else "row") + " as "), "id", pl.lit(" ("), "origin",
            pl.lit("), level "), "level", pl.lit(", similarity "), *likeness,
        ).alias("reject_why"),
    )  # fmt: skip


def _level(frame: Frame, copies: Frame, rules: Rules) -> pl.Series:
    """At which level each copy already equals its twin."""
    if rules.level == "exact":
        return pl.Series(["exact"]).new_from_index(0, copies.height)
    columns = ["problem"] if rules.on == "problem" else ["problem", "solution"]
    pairs = [tuple(frame[c].gather(copies[side]) for side in ("i", "twin")) for c in columns]
    level = pl.Series(["exact"]).new_from_index(0, copies.height)
    rest = pl.select(~pl.all_horizontal(a.eq_missing(b) for a, b in pairs)).to_series().arg_true()
    level = level.scatter(rest, "normal")
    if rules.level != "near" or not len(rest):
        return level
    forms = [tuple(_normal(side.gather(rest)) for side in pair) for pair in pairs]
    unlike = pl.select(~pl.all_horizontal(a == b for a, b in forms)).to_series()
    return level.scatter(rest.filter(unlike), "near")


FACTS = ("i", "answer", "said", "against")


def _conflicts(frame: Frame, slim: Frame, copies: Frame) -> Frame:
    """Rows that ask the same and answer differently: to review, but for one whose answer is confirmed."""
    left = slim.join(copies, on="i", how="anti").filter(pl.col("answer").n_unique().over("group") > 1)
    indices, reasons = [], []
    about = {i: (number, said, against) for i, number, said, against in left.select(FACTS).iter_rows()}
    for rows in _groups(left, frame):
        sure = [(i, row) for i, row in rows if confirmed(row, about[i][1])]
        right = about[sure[0][0]][1] if sure else None
        settled = sure and all(same_answer(right or "", about[i][1] or "") for i, _ in sure)
        speak = [entry for entry in rows if about[entry[0]][1] is not None]
        first = speak[0]
        second = next((entry for entry in speak if about[entry[0]][0] != about[first[0]][0]), first)
        for i, _ in rows:
            number, said, against = about[i]
            at, other = sure[0] if settled else second if number == about[first[0]][0] else first
            if against or (settled and same_answer(said or "", right or "")):
                continue
            how = "which is confirmed" if settled else "and nothing settles which is right"
            mine = "states no answer" if said is None else f"answers {said!r}"
            indices.append(i)
            reasons.append(f"{mine} where {other['id']} ({other['origin']}) answers {about[at][1]!r}, {how}")
    return pl.DataFrame(
        {"i": indices, "reject": ["review-conflict"] * len(indices), "reject_why": reasons},
        schema={"i": pl.UInt32, "reject": pl.String, "reject_why": pl.String},
    )


def _write(frame: Frame, marks: Frame) -> Frame:
    rows = pl.int_range(0, marks.height, dtype=pl.UInt32, eager=True)
    at = pl.Series([None], dtype=pl.UInt32).new_from_index(0, frame.height).scatter(marks["i"], rows)
    made = []
    for name in ("reject", "reject_why"):
        mine, before = marks[name].gather(at), frame[name]
        made.append(mine if before.null_count() == frame.height else mine.fill_null(before))
    return frame.with_columns(made)
