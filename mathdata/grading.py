"""Graded rows: every response with the verdict of both extractors, why it ended, and how long it is."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from mathdata.figures import final_exact
from mathdata.types import Backend, Benchmark, Completion, Context, Frame, Request, Verdict

__all__ = ["grade", "with_token_accuracy"]


def grade(benchmark: Benchmark, problems: Frame, answers: list[list[Completion]], ctx: Context) -> Frame:
    """One row a response with both verdicts; a problem without a response is one row with an empty one."""
    index = [(i, j) for i, found in enumerate(answers) for j in range(max(1, len(found)))]
    given = [answers[i][j] if answers[i] else Completion("", "empty", "no response was given") for i, j in index]
    rows = problems[[i for i, _ in index]].rename({"answer": "gold"})
    golds = [g or "" for g in rows["gold"].to_list()]
    texts = [c.text for c in given]
    loose, strict = _judge(benchmark, problems, [i for i, _ in index], golds, texts)
    ctx.progress(len(given), len(given), f"{benchmark.name} graded")
    tokens = [c.tokens_out if c.tokens_out or c.data.get("known_tokens") else None for c in given]
    unknown = [c.data.get("known_finish") is False for c in given]
    blind = [u or not answers[i] for u, (i, _) in zip(unknown, index)]
    graded = rows.with_columns(
        pl.Series("sample", [j for _, j in index], dtype=pl.Int32),
        pl.Series("response", texts, dtype=pl.String),
        pl.Series("verdict", [v.status for v in loose], dtype=pl.String),
        pl.Series("reason", [_reason(v, c) for v, c in zip(loose, given)], dtype=pl.String),
        pl.Series("rule", [v.rule for v in loose], dtype=pl.String),
        pl.Series("got", [v.got for v in loose], dtype=pl.String),
        pl.Series("strict_verdict", [v.status for v in strict], dtype=pl.String),
        pl.Series("format_ok", [v.status in ("correct", "wrong") for v in strict], dtype=pl.Boolean),
        pl.Series("final_exact", [final_exact(v.got, g) for v, g in zip(loose, golds)], dtype=pl.Boolean),
        pl.Series("finish", [None if u else c.finish for c, u in zip(given, unknown)], dtype=pl.String),
        pl.Series("cut_off", [None if u else c.finish == "length" for c, u in zip(given, blind)], dtype=pl.Boolean),
        pl.Series("tokens", tokens, dtype=pl.Int64),
    )
    scores = [getattr(v, "score", None) for v in loose]
    if any(x is not None for x in scores):
        graded = graded.with_columns(pl.Series("score", scores, dtype=pl.Float64))
    first = ["id", "sample", "problem", "gold", "response", "verdict", "reason", "rule", "got"]
    return graded.select(first + [c for c in graded.columns if c not in first])


def with_token_accuracy(graded: Frame, problems: Frame, requests: Sequence[Request], backend: Backend) -> Frame:
    """The tokens of each reference solution, and those the model would have written, where both can be known."""
    ask = getattr(backend, "token_accuracy", None)
    known = problems["solution"] if "solution" in problems.columns else pl.Series([None])
    if ask is None or known.null_count() == known.len():
        return graded
    chosen = [i for i, text in enumerate(known.to_list()) if text]
    counts = ask([requests[i] for i in chosen], [known[i] for i in chosen])
    found = pl.DataFrame(
        {
            "id": problems["id"].gather(chosen),
            "gold_tokens": pl.Series([n for _, n in counts], dtype=pl.Int64),
            "gold_tokens_right": pl.Series([n for n, _ in counts], dtype=pl.Int64),
        }
    )
    return graded.join(found.unique("id", keep="first"), on="id", how="left", maintain_order="left")


def _judge(
    benchmark: Benchmark, problems: Frame, index: list[int], golds: list[str], texts: list[str]
) -> tuple[list[Verdict], list[Verdict]]:
    """Verdicts by the flexible and by the strict extractor; a benchmark's own judge serves as both."""
    if benchmark.judge is not None:
        rows = problems.to_dicts()
        own = [benchmark.judge(rows[i], text) for i, text in zip(index, texts)]
        return own, own
    from mathdata.verifiers import judge_many

    pairs = list(zip(golds, texts))
    asked = [problems["problem"][i] for i in index]
    loose = judge_many(pairs, problems=asked, rule=benchmark.rule)
    if benchmark.strict_rule == benchmark.rule:
        return loose, loose
    return loose, judge_many(pairs, problems=asked, rule=benchmark.strict_rule)


def _reason(verdict: Verdict, completion: Completion) -> str:
    if completion.finish in ("error", "filter", "refused", "unsupported", "empty") and completion.reason:
        return f"{completion.finish}: {completion.reason}"
    return verdict.reason
