"""A person's decisions on rows set aside for review: accept, fix or drop; nothing is lost, all can be taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from mathdata.errors import DataError, UnknownName, UsageError, nearest, nearest_id
from mathdata.manifest import atomic_write
from mathdata.schema import DTYPES, child, conform
from mathdata.types import Frame

__all__ = ["Decision", "apply", "decisions_file", "load", "save", "set_aside", "source_of"]

Word = Literal["accept", "fix", "drop"]
WORDS = ("accept", "fix", "drop")
FIXABLE = ("problem", "solution", "answer", "exact", "topic", "level", "language")


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said of the rows with this id; `fields` are the corrected ones."""

    id: str
    decision: Word
    fields: Mapping[str, str] = field(default_factory=dict)


def source_of(file: Path) -> Path:
    """The file that holds the rows set aside: the rejects file beside an output, else the file itself."""
    beside = file.with_name(file.name + ".rejects.parquet")
    return beside if beside.is_file() else file


def decisions_file(file: Path) -> Path:
    return file.with_name(file.name + ".decisions.jsonl")


def set_aside(frame: Frame) -> Frame:
    """Rows that a stage left to a person."""
    return frame.filter(pl.col("reject").str.starts_with("review-").fill_null(False))


def load(path: Path) -> dict[str, Decision]:
    """Decisions by id; the last one on a row counts. Raises DataError naming the line."""
    made: dict[str, Decision] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            item = json.loads(line)
            made[str(item["id"])] = check(str(item["id"]), item["decision"], item.get("fields") or {})
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise DataError(f"{path}:{number}: not a decision: {e!r}", "correct the line or delete it") from e
    return made


def check(id_: str, word: Any, fields: Mapping[str, Any]) -> Decision:
    """A decision that can be applied. Raises UsageError, UnknownName."""
    if word not in WORDS:
        raise UsageError(f"row {id_}: no decision '{word}'", nearest(str(word), WORDS))
    for name in fields:
        if name not in FIXABLE:
            raise UnknownName(f"row {id_}: '{name}' cannot be fixed", nearest(name, FIXABLE))
    if word == "fix" and not fields:
        raise UsageError(f"row {id_}: a fix needs a field", f"--fix {id_} answer=42")
    return Decision(id_, word, {k: str(v) for k, v in fields.items()})


def save(path: Path, decisions: Mapping[str, Decision]) -> None:
    """One line a decision, in the order of ids: the same decisions are the same bytes."""
    lines = [json.dumps(asdict(decisions[i]), ensure_ascii=False) + "\n" for i in sorted(decisions)]
    atomic_write(path, "".join(lines))


def full_id(frame: Frame, start: str) -> str:
    """The id that starts so among the rows set aside. Raises UnknownName."""
    ids = frame.filter(pl.col("id").str.starts_with(start))["id"].unique(maintain_order=True).to_list()
    if len(ids) == 1:
        return str(ids[0])
    if ids:
        raise UnknownName(f"{len(ids)} rows set aside have an id that starts with '{start}'", f"for example {ids[0]}")
    hint = nearest_id(start, frame["id"].head(1000).to_list(), "mathdata review FILE")
    raise UnknownName(f"no row set aside has the id '{start}'", hint)


def apply(frame: Frame, decisions: Mapping[str, Decision]) -> Frame:
    """All rows again, decided: accepted ones lose their reject, a fixed one stays rejected and has a new child.

    Raises UsageError where a decision is on a row that is not there.
    """
    missing = sorted(set(decisions) - set(set_aside(frame)["id"].to_list()))
    if missing:
        raise UsageError(
            f"decided, but not set aside here: {', '.join(missing[:5])}", "were the rows made anew? review them again"
        )
    fixes = fixed_rows(set_aside(frame), decisions)
    return pl.concat([decided(frame, decisions, fixes), fixes], how="diagonal_relaxed")


def decided(frame: Frame, decisions: Mapping[str, Decision], fixes: Frame) -> Frame:
    words = {i: d.decision for i, d in decisions.items()}
    new = {parents[0]: i for i, parents in zip(fixes["id"], fixes["parents"].to_list())}
    review = pl.col("reject").str.starts_with("review-").fill_null(False)
    word = pl.when(review).then(pl.col("id").replace_strict(words, default=None, return_dtype=pl.String))
    into = pl.col("id").replace_strict(new, default=None, return_dtype=pl.String) if new else pl.lit(None, pl.String)
    accepted, why = (word == "accept").fill_null(False), pl.col("reject_why").fill_null("")
    return frame.with_columns(
        pl.when(accepted).then(None).otherwise(pl.col("reject")).alias("reject"),
        pl.when(accepted)
        .then(None)
        .when(word == "drop")
        .then(why + pl.lit("; dropped by a person"))
        .when(word == "fix")
        .then(pl.concat_str([why, pl.lit("; fixed by a person as "), into]))
        .otherwise(pl.col("reject_why"))
        .alias("reject_why"),
    )


def fixed_rows(frame: Frame, decisions: Mapping[str, Decision]) -> Frame:
    """The corrected rows, as children of the rows they correct."""
    rows = []
    for row in frame.unique("id", keep="first", maintain_order=True).iter_rows(named=True):
        one = decisions.get(row["id"])
        if one is not None and one.decision == "fix":
            extra = {k: v for k, v in row.items() if k not in DTYPES}
            text = {k: row[k] for k in ("problem", "solution", "answer", "exact")}
            rows.append(child(row, text | dict(one.fields), method="person") | extra)
    if not rows:
        return frame.clear()
    return conform(pl.DataFrame(rows, schema=frame.schema, strict=False))


def progress(frame: Frame, decisions: Mapping[str, Decision]) -> dict[str, Any]:
    """How far a review is: rows by reason, decisions by word, rows still open."""
    aside = set_aside(frame)
    known: list[str] = [decisions[i].decision for i in aside["id"] if i in decisions]
    counts = aside["reject"].value_counts().sort("reject")
    return {
        "set_aside": {str(k): int(v) for k, v in counts.iter_rows()},
        "decided": {w: known.count(w) for w in WORDS},
        "open": aside.height - len(known),
    }


def parse_fixes(items: Sequence[tuple[str, str]]) -> dict[str, dict[str, str]]:
    """`ID field=value` pairs by id; several fields of one row go together. Raises UsageError."""
    made: dict[str, dict[str, str]] = {}
    for id_, text in items:
        name, sign, value = text.partition("=")
        if not sign or not value.strip():
            raise UsageError(f"--fix {id_} {text}: not field=value", f"--fix {id_} answer=42")
        made.setdefault(id_, {})[name.strip()] = value.strip()
    return made
