"""What the rows are: verified, and free of the problems that the model will be asked."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

import polars as pl

from mathdata.errors import MathdataError
from mathdata.schema import conform
from mathdata.trainspec import TrainSpec
from mathdata.types import Frame
from trainers.data import dialogue_of
from trainers.preflight.finding import Finding, found

__all__ = ["leaks", "unverified"]


def unverified(frame: Frame) -> list[Finding]:
    if "verdict" not in frame.columns:
        doubtful = frame
    else:
        doubtful = frame.filter((frame["verdict"] != "correct").fill_null(True))
    if not doubtful.height:
        return []
    return [
        found(
            "unverified",
            doubtful.height,
            f"{doubtful.height} of {frame.height} rows are not verified",
            "run: mathdata verify, or let it pass by name: preflight: {allow: [unverified]}",
            doubtful["id"][0] if "id" in doubtful.columns else None,
        )
    ]


def leaks(frame: Frame, spec: TrainSpec, evaluate: Mapping[str, Any] | None) -> list[Finding]:
    """Rows of the benchmarks, of the run's and of the evaluation on the way, by the same decontaminator as the stage.

    Looked at are the problem and every turn of a dialogue that is not a reply, each with the reply that follows it.
    """
    from mathdata.benchmarks import label

    names = list((evaluate or {}).get("benchmarks") or [])
    on_the_way = spec.evaluation.data if spec.evaluation else None
    names += [on_the_way] if on_the_way is not None and on_the_way not in names else []
    if not names:
        return []
    asked, owner = questions(frame, spec)
    words = decontaminated(asked, names)["reject"].to_list()
    rows = sorted({row for row, word in zip(owner, words) if word == "leak"})
    if not rows:
        return []
    turns = sum(words[row] != "leak" for row in rows)
    shown = ",".join(map(label, names))
    return [
        found(
            "benchmark-leak",
            len(rows),
            f"{len(rows)} rows are problems of the benchmark ({shown})"
            + (f", {turns} of them only in a turn of their dialogue" if turns else ""),
            f"run: mathdata decontaminate IN -o OUT --against {shown}"
            + ("; what leaks in a turn is to be dropped by id" if turns else ""),
            frame["id"][rows[0]],
        )
    ]


def questions(frame: Frame, spec: TrainSpec) -> tuple[Frame, list[int]]:
    """The rows, then one for each asking turn of their dialogues; and to which row each belongs."""
    owner = list(range(frame.height))
    if "messages" not in frame.columns or frame["messages"].null_count() == frame.height:
        return frame, owner
    made: list[dict[str, str | None]] = []
    for i, row in enumerate(frame.iter_rows(named=True)):
        turns = dialogue_of(row, spec).turns
        for turn, after in zip(turns, (*turns[1:], None)):
            text = turn["content"].strip()
            if turn["role"] == "assistant" or not text or text == (row["problem"] or "").strip():
                continue
            reply = after["content"] if after and after["role"] == "assistant" else None
            made.append({"problem": turn["content"], "solution": reply})
            owner.append(i)
    if not made:
        return frame, owner
    columns = {"problem": pl.String, "solution": pl.String}
    return pl.concat([frame, conform(pl.DataFrame(made, schema=columns))], how="diagonal_relaxed"), owner


def decontaminated(frame: Frame, benchmarks: list[Any]) -> Frame:
    from mathdata.benchmarks import get_benchmark
    from mathdata.registry import find
    from mathdata.types import Context

    with tempfile.TemporaryDirectory(prefix="mathdata-leaks-") as folder:
        against = []
        for i, name in enumerate(benchmarks):
            against.append(name if isinstance(name, str) else f"{folder}/{i}.parquet")
            if not isinstance(name, str):  # the decontaminator reads names and files
                get_benchmark(name).load().write_parquet(against[-1])
        judged: Frame = find("stage", "decontaminate").make(frame, against=against, ctx=Context())
    if "reject" not in judged.columns:
        raise MathdataError("the decontaminator gave back a table without 'reject'", "this is a defect of mathdata")
    return judged
