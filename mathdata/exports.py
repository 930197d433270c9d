"""Our rows in other tools' layouts, with the `dataset_info.json` that LLaMA-Factory reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.errors import DataError, UnknownName, UsageError, nearest
from mathdata.layouts import fill_answers
from mathdata.saving import kind_of
from mathdata.types import Frame

__all__ = ["EXPORTS", "dataset_info", "export"]

MESSAGE = pl.Struct({"role": pl.String, "content": pl.String})
TURN = pl.Struct({"from": pl.String, "value": pl.String})


@dataclass(frozen=True, slots=True)
class Export:
    """`make`: our frame -> theirs; `info`: what LLaMA-Factory must be told; `needs`: columns that must be filled."""

    make: Callable[[Frame], Frame]
    info: Mapping[str, Any]
    needs: tuple[str, ...]


def export(frame: Frame, layout: str) -> tuple[Frame, int]:
    """(rows in the layout, how many could not be written: no problem, or neither solution nor answer).

    Raises UnknownName for an unknown layout.
    """
    if layout not in EXPORTS:
        raise UnknownName(f"no layout named '{layout}'", nearest(layout, EXPORTS))
    needs = EXPORTS[layout].needs
    has_text = pl.any_horizontal([pl.col(n).is_not_null() for n in needs]) & pl.col("problem").is_not_null()
    # Each layout states the answer in its own way; GSM8K's closing line would state it twice.
    steps = pl.col("solution").str.replace(r"\n?[ \t]*####[^#\n]*$", "")
    usable = frame.filter(has_text).with_columns(steps)
    return EXPORTS[layout].make(usable), frame.height - usable.height


def response(frame: Frame, stated: str) -> pl.Series:
    """The solution from which the answer can be read; where it cannot, `stated` (its `{}` is the answer) is added.

    Read back, every row has the answer it had.
    """
    bare = frame.select("solution", pl.lit(None, pl.String).alias("answer"))
    readable = fill_answers(bare)["answer"]
    line = pl.lit(stated.partition("{}")[0]) + pl.col("answer") + pl.lit(stated.partition("{}")[2])
    made = (
        pl.when(pl.col("answer").is_null() | (pl.col("answer") == readable).fill_null(False))
        .then(pl.col("solution"))
        .when(pl.col("solution").is_null())
        .then(line)
        .otherwise(pl.concat_str([pl.col("solution"), pl.lit("\n"), line]))
    )
    return frame.select(made).to_series().fill_null("")


def stated(frame: Frame) -> pl.Series:
    return response(frame, "The answer is: {}")


def gsm8k(frame: Frame) -> Frame:
    steps = pl.when(pl.col("solution").is_not_null()).then(pl.col("solution") + "\n").otherwise(pl.lit(""))
    return frame.select(
        pl.col("problem").alias("question"), (steps + pl.lit("#### ") + pl.col("answer")).alias("answer")
    )


def math(frame: Frame) -> Frame:
    boxed = response(frame, "The final answer is $\\boxed{" + "{}" + "}$.")
    return frame.select("problem", "level", pl.col("topic").alias("type"), boxed.alias("solution"))


def metamath(frame: Frame) -> Frame:
    return frame.select(
        pl.col("problem").alias("query"),
        stated(frame).alias("response"),
        pl.col("method").fill_null("original").alias("type"),
        originals(frame).alias("original_question"),
    )


def originals(frame: Frame) -> pl.Series:
    """The question each row was made from: its own where it is an original, else the parent's, else what is known."""
    known = dict(zip(frame["id"].to_list(), frame["problem"].to_list()))
    theirs = frame["original_question"] if "original_question" in frame.columns else [None] * frame.height
    rows = zip(frame["problem"], frame["parents"].to_list(), theirs)
    made = [
        q or (next((known[p] for p in parents if p in known), None) if parents else own) for own, parents, q in rows
    ]
    return pl.Series("original_question", made, pl.String)


def alpaca(frame: Frame) -> Frame:
    return frame.select(
        pl.col("problem").alias("instruction"), pl.lit("").alias("input"), stated(frame).alias("output")
    )


def prompt_completion(frame: Frame) -> Frame:
    return frame.select(pl.col("problem").alias("prompt"), stated(frame).alias("completion"))


def sharegpt(frame: Frame) -> Frame:
    turns = zip(frame["problem"], stated(frame))
    rows = [[{"from": "human", "value": q}, {"from": "gpt", "value": a}] for q, a in turns]
    return pl.DataFrame({"conversations": pl.Series(rows, dtype=pl.List(TURN))})


def messages(frame: Frame) -> Frame:
    return pl.DataFrame({"messages": dialogue(frame)})


def dialogue(frame: Frame) -> pl.Series:
    turns = zip(frame["problem"], stated(frame))
    rows = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in turns]
    return pl.Series(rows, dtype=pl.List(MESSAGE))


def numina(frame: Frame) -> Frame:
    return frame.select(
        pl.col("source").fill_null("unknown"),
        "problem",
        stated(frame).alias("solution"),
        dialogue(frame).alias("messages"),
    )


def columns(prompt: str, response: str, **more: str) -> dict[str, Any]:
    return {"columns": {"prompt": prompt, **more, "response": response}}


TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}

TEXT = ("solution", "answer")
EXPORTS: dict[str, Export] = {
    "gsm8k": Export(gsm8k, columns("question", "answer"), ("answer",)),
    "math": Export(math, columns("problem", "solution"), TEXT),
    "metamath": Export(metamath, columns("query", "response"), TEXT),
    "alpaca": Export(alpaca, columns("instruction", "output", query="input"), TEXT),
    "sharegpt": Export(sharegpt, {"formatting": "sharegpt", "columns": {"messages": "conversations"}}, TEXT),
    "messages": Export(messages, {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": TAGS}, TEXT),
    "prompt-completion": Export(prompt_completion, columns("prompt", "completion"), TEXT),
    "numina": Export(numina, columns("problem", "solution"), TEXT),
}


def dataset_info(out: Path, layout: str, overwrite: bool = False) -> tuple[Path, str, str | None]:
    """The text of `dataset_info.json` beside `out` with this data set in it, others in it stay; and the name of an entry
    by another hand that it replaces. Raises UsageError for such an entry without `overwrite`, DataError for no JSON.
    """
    path = out.parent / "dataset_info.json"
    known: dict[str, Any] = {}
    if path.exists():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as e:
            raise DataError(f"{path}: not JSON: {e}", "correct it or move it away") from e
        if not isinstance(known, dict):
            raise DataError(f"{path}: not a mapping of data sets", "correct it or move it away")
    key = key_of(out, known)
    theirs = None if ours(known.get(key), out) else key
    if theirs is not None and not overwrite:
        raise UsageError(
            f"{path}: its entry '{key}' was written by another hand", "another -o, or --overwrite to replace it"
        )
    known[key] = {"file_name": out.name, **EXPORTS[layout].info}
    return path, json.dumps(known, ensure_ascii=False, indent=2) + "\n", theirs


def key_of(out: Path, known: Mapping[str, Any]) -> str:
    """What the data set is called: the file's name without its format, the whole name where another file has that."""
    stem = out.name[: -len(kind_of(out))]
    held = known.get(stem)
    return out.name if isinstance(held, dict) and held.get("file_name") not in (None, out.name) else stem


def ours(entry: Any, out: Path) -> bool:
    """Whether an entry is free, or is what an export of this file writes, in whichever layout."""
    return entry is None or any(entry == {"file_name": out.name, **e.info} for e in EXPORTS.values())
