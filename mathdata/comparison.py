"""Compare two evaluations of the same questions: paired difference, how sure it is, and which cases flipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mathdata.casework import Why, explain, kind_of
from mathdata.errors import UsageError
from mathdata.evaluation import Evaluation
from mathdata.paired import mcnemar, minimum_detectable, paired_bootstrap, sign_flip
from mathdata.types import Frame

__all__ = ["Comparison", "compare", "differences"]

FLIPS = ("fixed", "broken", "both_right", "both_wrong")


@dataclass(slots=True)
class Comparison:
    """before -> after on the same problems; differences in percentage points, `low` and `high` their 95 % interval."""

    before: str
    after: str
    n: int
    points: float
    low: float
    high: float
    p: float
    fixed: int
    broken: int
    both_right: int
    both_wrong: int
    mdd: float
    """The smallest true difference (points) that this many problems, flipping this much, show in four runs of five."""
    accuracy_before: float
    accuracy_after: float
    test: str = "McNemar"
    """What `p` is of: McNemar's exact test, or `sign-flip` where a side has several samples or runs."""
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The same figures for each benchmark, with flips by subject and level."""
    why: dict[str, dict[str, int]] = field(default_factory=dict)
    """What went wrong, counted for wrong answers before and after."""
    differs: list[str] = field(default_factory=list)
    """What the two evaluations do not share beside the model; empty unless `anyway`."""
    seeds: list[dict[str, Any]] = field(default_factory=list)
    """Where several runs of each side were given: the difference of every pair of runs."""
    cases: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self, *, cases: bool = True) -> dict[str, Any]:
        whole = asdict(self)
        if not cases:
            del whole["cases"]
        return whole


Side = Evaluation | str | Path


def compare(
    before: Side | Sequence[Side], after: Side | Sequence[Side], *, anyway: bool = False, seed: int = 0
) -> Comparison:
    """The paired difference after - before over the benchmarks both have.

    Several runs (seeds) of each side are paired by position and averaged problem by problem; p is then a sign-flip test.
    Raises UsageError where they differ in anything but the model (`anyway` goes on and lists it), or share nothing.
    """
    olds, news = _sides(before), _sides(after)
    if len(olds) != len(news):
        raise UsageError(f"{len(olds)} runs before and {len(news)} after", "as many of each; they are paired in order")
    old, new = olds[0], news[0]
    shared = [b for b in old.benchmarks if all(b in e.benchmarks for e in (*olds, *news))]
    if not shared:
        raise UsageError(
            f"nothing to compare: {sorted(old.benchmarks)} and {sorted(new.benchmarks)}", "same benchmarks"
        )
    differs = list(dict.fromkeys(d for e in (*olds[1:], *news) for d in differences(old, e)))
    if differs and not anyway:
        raise UsageError(
            f"the evaluations differ in more than the model: {'; '.join(differs)}", "repeat one, or --anyway"
        )
    runs = [{name: pair(o.rows(name), n.rows(name), name) for name in shared} for o, n in zip(olds, news)]
    pairs = {name: averaged([run[name] for run in runs]) for name in shared}
    whole = pl.concat(pairs.values(), how="diagonal_relaxed")
    made = Comparison(old.model, new.model, **figures(whole, seed, exact=len(runs) == 1), differs=differs)
    made.benchmarks = {name: figures(r, seed, exact=len(runs) == 1) | {"by": flips_by(r)} for name, r in pairs.items()}
    made.seeds = by_run(olds, news, runs)
    made.cases = make_cases(whole)
    made.why = {side: _counted(c[f"why_{side}"] for c in made.cases) for side in ("before", "after")}
    return made


def _sides(given: Side | Sequence[Side]) -> list[Evaluation]:
    several = [given] if isinstance(given, (Evaluation, str, Path)) else list(given)
    if not several:
        raise UsageError("no evaluation given", "at least one folder before and one after")
    return [e if isinstance(e, Evaluation) else Evaluation.load(e) for e in several]


def averaged(runs: Sequence[Frame]) -> Frame:
    """The first run's rows with the share right over all runs; a flip is a change of the majority."""
    if len(runs) == 1:
        return runs[0]
    sides = ["right_before", "right_after"]
    shares = (
        pl.concat([r.select("id", *sides) for r in runs]).group_by("id", maintain_order=True).agg(pl.col(sides).mean())
    )
    return with_flip(runs[0].drop(*sides, "flip").join(shares, on="id", how="inner", maintain_order="left"))


def by_run(
    olds: Sequence[Evaluation], news: Sequence[Evaluation], runs: Sequence[Mapping[str, Frame]]
) -> list[dict[str, Any]]:
    if len(runs) == 1:
        return []
    found = []
    for o, n, run in zip(olds, news, runs):
        rows = pl.concat(run.values(), how="diagonal_relaxed")
        shares = {s: float(rows[f"right_{s}"].mean() or 0.0) for s in ("before", "after")}  # type: ignore[arg-type]
        found.append(
            {"before": o.model, "after": n.model, "accuracy_before": shares["before"], "accuracy_after": shares["after"],
             "points": 100 * (shares["after"] - shares["before"])}
        )  # fmt: skip
    return found


def differences(old: Evaluation, new: Evaluation) -> list[str]:
    """In which settings two evaluations differ: `gsm8k max_tokens: 512 and 1024`."""
    found = []
    for name in sorted(set(old.benchmarks) | set(new.benchmarks)):
        if name not in old.benchmarks or name not in new.benchmarks:
            found.append(f"{name}: only in {old.model if name in old.benchmarks else new.model}")
            continue
        a, b = old.benchmarks[name]["identity"], new.benchmarks[name]["identity"]
        keys = [k for k in dict.fromkeys([*a, *b]) if a.get(k) != b.get(k)]
        found += [f"{name} {k}: {a.get(k, 'not stated')} and {b.get(k, 'not stated')}" for k in keys]
    return found


# --- figures -----------------------------------------------------------------------------------------------------


def figures(rows: Frame, seed: int, *, exact: bool = True) -> dict[str, Any]:
    """Every figure of a comparison from its paired rows; `exact`: one run a side, so McNemar's test holds."""
    old, new = rows["right_before"].to_numpy(), rows["right_after"].to_numpy()
    flips = Counter(rows["flip"].to_list())
    single = exact and bool(np.isin(old, (0, 1)).all() and np.isin(new, (0, 1)).all())
    n = rows.height
    low, high = paired_bootstrap(new - old, seed)
    if n and not np.any(new - old):
        # Resampling no difference shows none; what n problems without a flip still allow is 1 - 0.05^(1/n).
        low, high = -(1 - 0.05 ** (1 / n)), 1 - 0.05 ** (1 / n)
    return {
        "n": n,
        "points": 100 * float((new - old).mean()) if n else 0.0,
        "low": 100 * low,
        "high": 100 * high,
        "test": "McNemar" if single else "sign-flip",
        "p": mcnemar(flips["fixed"], flips["broken"]) if single else sign_flip(new - old, seed),
        **{word: flips[word] for word in FLIPS},
        "mdd": 100 * minimum_detectable(n, 2 * min(flips["fixed"], flips["broken"]) / max(n, 1)),
        "accuracy_before": float(old.mean()) if n else 0.0,
        "accuracy_after": float(new.mean()) if n else 0.0,
    }


# --- pairs and cases ---------------------------------------------------------------------------------------------


def pair(before: Frame, after: Frame, benchmark: str) -> Frame:
    """One row a problem both have: its text, both first responses, the share right over the samples, the flip."""
    if "subject" not in before.columns and "topic" in before.columns:
        before = before.rename({"topic": "subject"})
    right = (pl.col("verdict") == "correct").mean().over("id")
    both = []
    for side, frame in (("before", before), ("after", after)):
        frame = frame.with_columns(right.alias("right")).filter(pl.col("sample") == 0)
        own = ["response", "verdict", "reason", "got", "cut_off", "format_ok", "right", "tokens"]
        both.append(frame.rename({c: f"{c}_{side}" for c in own}))
    shown = ["id", "problem", "gold", *(c for c in ("solution", "subject", "level", "method") if c in before.columns)]
    sided = [c for c in both[1].columns if c.endswith("_after")]
    old = both[0].select(shown + [c for c in both[0].columns if c.endswith("_before")])
    joined = old.join(both[1].select("id", *sided), on="id", how="inner", maintain_order="left")
    return with_flip(joined.with_columns(pl.lit(benchmark).alias("benchmark")))


def with_flip(rows: Frame) -> Frame:
    """fixed, broken, both_right or both_wrong; over several samples or runs the majority decides."""
    was, now = pl.col("right_before") >= 0.5, pl.col("right_after") >= 0.5
    flip = (
        pl.when(was & now).then(pl.lit("both_right")).when(now).then(pl.lit("fixed"))
        .when(was).then(pl.lit("broken")).otherwise(pl.lit("both_wrong"))
    )  # fmt: skip
    return rows.with_columns(flip.alias("flip"))


def flips_by(rows: Frame) -> dict[str, dict[str, dict[str, Any]]]:
    """n, points and flips for each subject and level."""
    out: dict[str, dict[str, dict[str, Any]]] = {}
    for column in (c for c in ("subject", "level") if c in rows.columns):
        out[column] = {}
        for value in rows[column].drop_nulls().unique().sort().to_list():
            part = rows.filter(pl.col(column) == value)
            made = figures(part, 0)
            out[column][str(value)] = {k: made[k] for k in ("n", "points", "low", "high", "p", "fixed", "broken")}
    return out


def make_cases(rows: Frame) -> list[dict[str, Any]]:
    """Every problem as the report shows it; `why` says what went wrong on the side that is wrong."""
    cases = []
    for row in rows.iter_rows(named=True):
        why = {side: _why(row, side) for side in ("before", "after")}
        cases.append(
            {
                "id": row["id"],
                "benchmark": row["benchmark"],
                "problem": row["problem"],
                "gold": row["gold"],
                "solution": row.get("solution"),
                "before": row["response_before"],
                "after": row["response_after"],
                "verdict_before": row["verdict_before"],
                "verdict_after": row["verdict_after"],
                "got_before": row["got_before"],
                "got_after": row["got_after"],
                "cut_before": bool(row["cut_off_before"]),
                "cut_after": bool(row["cut_off_after"]),
                "subject": row.get("subject"),
                "level": row.get("level"),
                "method": row.get("method"),
                "flip": row["flip"],
                "why_before": why["before"].text or None,
                "why_after": why["after"].text or None,
                "slip_before": why["before"].span,
                "slip_after": why["after"].span,
                "why": why["after"].text or why["before"].text or None,
            }
        )
    return cases


def _why(row: Mapping[str, Any], side: str) -> Why:
    """The kind of mistake in one response; empty where it is right."""
    if row[f"verdict_{side}"] == "correct":
        return Why("")
    return explain(
        row[f"response_{side}"] or "",
        gold=row["gold"] or "",
        got=row[f"got_{side}"],
        verdict=row[f"verdict_{side}"],
        cut_off=bool(row[f"cut_off_{side}"]),
        problem=row["problem"] or "",
    )


def _counted(words: Any) -> dict[str, int]:
    return dict(Counter(kind_of(w) for w in words if w).most_common())
