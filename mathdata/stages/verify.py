"""Judge each row's answer and steps: verdict, reason, false steps, pass rate; what fails is rejected with its word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import polars as pl

from mathdata.errors import SchemaError, UsageError, nearest
from mathdata.layouts import ANSWER
from mathdata.registry import register
from mathdata.types import Context, Engine, Frame, Partitions, Table

__all__ = ["verify"]

WORDS = {"wrong": "wrong-answer", "unparsed": "unparsed", "timeout": "timeout", "error": "judge-error"}


@register("stage", "verify")
def verify(
    table: Table,
    *,
    response_column: Annotated[str, "Column that holds the response to judge."] = "solution",
    answer_column: Annotated[str, "Column that holds the gold answer."] = "answer",
    rule: Annotated[str, "Extraction rule: auto, boxed, gsm8k, math, minerva, letter, elementary ..."] = "auto",
    strict: Annotated[bool, "Final Exact Match: 0042 = 42, but 42.0 and forty-two are not 42."] = False,
    time_limit: Annotated[float, "Seconds a symbolic proof may take before its worker is killed."] = 2.0,
    recompute: Annotated[bool, "Recompute the truth where a problem family can read the problem."] = True,
    steps: Annotated[
        Literal["mark", "reject", "off"], "False steps: counted, also rejected, or not looked at."
    ] = "mark",
    agree: Annotated[int, "So many samples that agree against the gold send it to review."] = 3,
    engine: Engine | None = None,
    ctx: Context | None = None,
) -> Table:
    """Judge every row; nothing is deleted, a row that fails gets `reject` and the sentence."""
    from mathdata.verifiers.extraction import RULES, extract

    if rule not in RULES:
        extract("", rule)
    if not 0 < time_limit < float("inf"):
        raise UsageError(f"time_limit {time_limit:g}: a proof needs a time above 0 and an end", "give seconds, e.g. 2")
    ctx = ctx or Context()
    options = {
        "rule": rule,
        "strict": strict,
        "time_limit": time_limit,
        "recompute": recompute,
        "steps": steps != "off",
    }
    columns = (response_column, answer_column)
    if engine is not None and engine.name == "ray" and not isinstance(table, Partitions):
        made = _partitions(engine.spread(table), columns, options, steps, agree, engine, ctx)  # type: ignore[attr-defined]
        return engine.collect(made)
    if isinstance(table, Partitions):
        return _partitions(table, columns, options, steps, agree, engine, ctx)
    return _frame(table, columns, options, steps, agree, ctx)


def _partitions(
    table: Partitions,
    columns: tuple[str, str],
    options: dict[str, Any],
    steps: str,
    agree: int,
    engine: Engine | None,
    ctx: Context,
) -> Table:
    """The rows and figures of one frame, whatever the partitions; a cluster's tasks judge in one process each."""
    from mathdata.engines.local import start
    from mathdata.stages._together import add_figures, judge_together

    made, ctx = start(engine, ctx)
    processes = 1 if made.name != "local" else None

    def judged(frame: Frame, figures: dict[str, Any]) -> Frame:
        return _frame(frame, columns, options, steps, agree, Context(figures=figures), processes)

    rows, figures = judge_together(table, made, judged)
    add_figures(ctx.figures, figures)
    if "verdicts" in ctx.figures:
        ctx.figures["verdicts"] = dict(sorted(ctx.figures["verdicts"].items()))
    return rows


def _column(frame: Frame, name: str) -> pl.Series:
    if name not in frame.columns and name in ANSWER and "answer" in frame.columns:
        name = "answer"  # the reader renames gold, golden, target ... to answer
    if name not in frame.columns:
        raise SchemaError(f"no column '{name}' to verify", nearest(name, frame.columns))
    return frame[name].cast(pl.String)


class _Rows(Sequence[tuple[str | None, str | None, str | None]]):
    """Columns read as rows, a slice at a time: a million rows never stand in memory as Python strings at once."""

    def __init__(self, columns: list[pl.Series]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return list(zip(*(c[at].to_list() for c in self.columns)))
        return tuple(c[at] for c in self.columns)


def _frame(
    frame: Frame,
    columns: tuple[str, str],
    options: dict[str, Any],
    steps: str,
    agree: int,
    ctx: Context,
    processes: int | None = None,
) -> Frame:
    from mathdata.verifiers.many import check_rows

    responses, answers, problems = (_column(frame, name) for name in (*columns, "problem"))
    told = lambda done: ctx.progress(done, len(problems), "judged")  # noqa: E731
    checked = check_rows(_Rows([problems, answers, responses]), options, processes, told=told)
    rejects = [_reject(c, columns[0] != "solution", steps) for c in checked]
    _review(frame, problems, answers, checked, rejects, agree)
    _figures(ctx, checked, rejects)
    ctx.progress(len(problems), len(problems), "judged")
    kept = frame["reject"].is_not_null()
    words = pl.Series([r[0] for r in rejects], dtype=pl.String)
    sentences = pl.Series([r[1] for r in rejects], dtype=pl.String)
    statuses = [c.verdict.status if c.verdict else None for c in checked]
    return frame.with_columns(
        pl.Series("verdict", statuses, dtype=pl.String),
        pl.Series("verdict_reason", [c.reason for c in checked], dtype=pl.String),
        pl.Series("step_errors", [c.step_errors for c in checked], dtype=pl.Int32),
        _pass_rates(frame, statuses),
        pl.when(kept).then(pl.col("reject")).otherwise(words).alias("reject"),
        pl.when(kept).then(pl.col("reject_why")).otherwise(sentences).alias("reject_why"),
    )


def _reject(c: Any, asked: bool, steps: str) -> tuple[str | None, str | None]:
    if c.verdict is None:
        return ("no-answer", c.reason) if asked and c.reason.startswith("no response") else (None, None)
    if not c.verdict.ok:
        missing = c.verdict.status == "unparsed" and c.verdict.got is None
        return ("no-answer" if missing else WORDS[c.verdict.status]), c.reason
    if steps == "reject" and c.step_errors:
        return "false-step", c.false_step
    return None, None


def _review(
    frame: Frame, problems: pl.Series, answers: pl.Series, checked: list[Any], rejects: list[Any], agree: int
) -> None:
    """Doubtful gold goes to a person, never silently to "wrong"."""
    from mathdata.verifiers import gold

    parent = frame["parents"].list.first()
    samples = parent.is_not_null()
    doubtful: dict[int, str] = {}
    if samples.any():
        keys = (
            (problems.fill_null(parent) + "\x1f" + answers.fill_null(""))
            .set((~samples).fill_null(True), None)
            .to_list()
        )
        doubtful = gold.consensus(keys, checked, agree)
        blamed = {parent[i]: why for i, why in doubtful.items()}
        for i, row_id in enumerate(frame["id"].to_list()):
            if row_id in blamed and not checked[i].proved:
                doubtful.setdefault(i, blamed[row_id])
    twice = (problems.is_duplicated() & ~samples).arg_true().to_list()
    doubtful |= gold.conflicts({i: (problems[i], answers[i]) for i in twice}, checked)
    originals = (~samples).to_list()
    for i, c in enumerate(checked):
        if c.disproved and originals[i] and rejects[i][0] in (None, "false-step"):
            doubtful.setdefault(i, f"its own arithmetic contradicts its answer: {c.false_step}")
    for i, why in doubtful.items():
        rejects[i] = ("review-gold", why)


def _pass_rates(frame: Frame, verdicts: Sequence[str | None]) -> pl.Series:
    """Share of correct rows among those of one parent, on the children and on the parent itself."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    parents = frame["parents"].list.first().to_list()
    for parent, verdict in zip(parents, verdicts):
        if parent is not None and verdict in ("correct", "wrong", "unparsed"):
            total[parent] += 1
            right[parent] += verdict == "correct"
    keys = [p if p is not None else i for p, i in zip(parents, frame["id"].to_list())]
    known = frame["pass_rate"].to_list()
    rates = [right[k] / total[k] if total[k] else old for k, old in zip(keys, known)]
    return pl.Series("pass_rate", rates, dtype=pl.Float64)


def _figures(ctx: Context, checked: list[Any], rejects: list[Any]) -> None:
    """Counts of this frame added to those of the frames before it."""
    f = ctx.figures
    verdicts = f.setdefault("verdicts", {})
    for c in checked:
        word = c.verdict.status if c.verdict else "not checked"
        verdicts[word] = verdicts.get(word, 0) + 1
    f["verdicts"] = dict(sorted(verdicts.items()))
    counts = {
        "recomputed": sum(c.proved for c in checked),
        "steps_seen": sum(c.steps[0] for c in checked),
        "steps_checked": sum(c.steps[1] for c in checked),
        "steps_false": sum(c.step_errors or 0 for c in checked),
        "rows_with_false_step": sum(bool(c.step_errors) for c in checked),
        "review_gold": sum(r[0] == "review-gold" for r in rejects),
    }
    for name, n in counts.items():
        f[name] = f.get(name, 0) + n
