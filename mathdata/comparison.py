"""Compare two evaluations of the same questions: paired difference, how sure it is, and which cases flipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mathdata.casework import Why, explain, kind_of
from mathdata.errors import UsageError
from mathdata.evaluation import Evaluation
from mathdata.figures import measures
from mathdata.paired import mcnemar, minimum_detectable, paired_bootstrap, sign_flip
from mathdata.types import Frame

__all__ = ["Comparison", "compare", "differences", "settings_apart"]

FLIPS = ("fixed", "broken", "both_right", "both_wrong")
FIGURES = (
    "n", "points", "low", "high", "p", "test", *FLIPS, "mdd", "accuracy_before", "accuracy_after", "measures", "why", "seeds",
)  # fmt: skip
"""What a comparison says of a benchmark. `mdd` is the smallest true difference (points) that this many problems, flipping
this much, show in four runs of five; `test` is McNemar's exact one, or `sign-flip` where a side has several samples or runs."""


@dataclass(slots=True)
class Comparison:
    """before -> after on the same problems, each benchmark by itself: nothing pools 200 problems with 10,570.

    Where there is one benchmark its figures are the comparison's too: `made.points` is `made.only["points"]`.
    """

    before: str
    after: str
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of each benchmark: n, points (with their 95 % interval low to high), p and its test, flips, mdd, accuracies,
    `by` subject and level, `why` answers are wrong, `seeds` where several runs were given, `measures` of both sides."""
    differs: list[str] = field(default_factory=list)
    """What the two evaluations do not share beside the model; empty unless `anyway`."""
    cases: list[dict[str, Any]] = field(default_factory=list)

    @property
    def only(self) -> dict[str, Any]:
        """The figures of the one benchmark. Raises UsageError where there are several."""
        if len(self.benchmarks) != 1:
            names = ", ".join(self.benchmarks)
            raise UsageError(f"compared on {names}: there is no figure over all of them", "benchmarks[NAME] has each")
        return next(iter(self.benchmarks.values()))

    def __getattr__(self, name: str) -> Any:
        if name in FIGURES:
            return self.only[name]
        raise AttributeError(name)

    def as_dict(self, *, cases: bool = True) -> dict[str, Any]:
        """Every benchmark's figures; those of the only one stand outside too, as FIGURES names them."""
        whole: dict[str, Any] = {"before": self.before, "after": self.after}
        if len(self.benchmarks) == 1:
            whole |= {k: self.only[k] for k in FIGURES}
        whole |= {"benchmarks": self.benchmarks, "differs": self.differs}
        return whole | ({"cases": self.cases} if cases else {})


Side = Evaluation | str | Path


def compare(
    before: Side | Sequence[Side],
    after: Side | Sequence[Side],
    *,
    benchmarks: Sequence[str] | None = None,
    anyway: bool = False,
    seed: int = 0,
) -> Comparison:
    """The paired difference after - before on each benchmark that both have, or on those of them that are named.

    Several runs (seeds) of each side are paired by position and averaged problem by problem; p is then a sign-flip test.
    Raises UsageError where they differ in anything but the model (`anyway` goes on and lists it), or share nothing.
    """
    olds, news = _sides(before), _sides(after)
    if len(olds) != len(news):
        raise UsageError(f"{len(olds)} runs before and {len(news)} after", "as many of each; they are paired in order")
    old, new = olds[0], news[0]
    shared = [b for b in old.benchmarks if all(b in e.benchmarks for e in (*olds, *news))]
    shared = [b for b in shared if benchmarks is None or b in benchmarks]
    if not shared:
        raise UsageError(
            f"nothing to compare: {sorted(old.benchmarks)} and {sorted(new.benchmarks)}", "same benchmarks"
        )
    found = (d for e in (*olds[1:], *news) for d in differences(old, e, benchmarks))
    differs = list(dict.fromkeys(found))
    if differs and not anyway:
        raise UsageError(
            f"the evaluations differ in more than the model: {'; '.join(differs)}", "repeat one, or --anyway"
        )
    made = Comparison(old.model, new.model, differs=differs)
    for name in shared:
        figures_of, cases = compared(name, olds, news, seed)
        made.benchmarks[name] = figures_of
        made.cases += cases
    return made


def compared(
    name: str, olds: Sequence[Evaluation], news: Sequence[Evaluation], seed: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(figures, cases) of one benchmark."""
    runs = [pair(o.rows(name), n.rows(name), name) for o, n in zip(olds, news)]
    rows = averaged(runs)
    cases = make_cases(rows)
    why = {side: _counted(c[f"why_{side}"] for c in cases) for side in ("before", "after")}
    told = figures(rows, seed, exact=len(runs) == 1)
    return told | {
        "why": why, "seeds": by_run(olds, news, runs), "by": flips_by(rows), "measures": both_measures(name, olds, news),
    }, cases  # fmt: skip


def both_measures(name: str, olds: Sequence[Evaluation], news: Sequence[Evaluation]) -> dict[str, dict[str, float]]:
    """Every figure that both sides have of a benchmark, before and after; over several runs their mean."""
    sides = {side: [measures(e.benchmarks[name]) for e in runs] for side, runs in (("before", olds), ("after", news))}
    keys = [k for k in sides["before"][0] if all(k in m for runs in sides.values() for m in runs)]
    return {k: {side: sum(m[k] for m in runs) / len(runs) for side, runs in sides.items()} for k in keys}


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


def by_run(olds: Sequence[Evaluation], news: Sequence[Evaluation], runs: Sequence[Frame]) -> list[dict[str, Any]]:
    """The difference of every pair of runs, where several of each side were given."""
    if len(runs) == 1:
        return []
    found = []
    for o, n, rows in zip(olds, news, runs):
        shares = {s: float(rows[f"right_{s}"].mean() or 0.0) for s in ("before", "after")}  # type: ignore[arg-type]
        found.append(
            {"before": o.model, "after": n.model, "accuracy_before": shares["before"], "accuracy_after": shares["after"],
             "points": 100 * (shares["after"] - shares["before"])}
        )  # fmt: skip
    return found


OF_THE_MODEL = ("template", "template_date")
"""Settings that each model brings itself: a chat template belongs to its model, and is no other way of asking."""


def differences(old: Evaluation, new: Evaluation, benchmarks: Sequence[str] | None = None) -> list[str]:
    """In which settings two evaluations differ: `gsm8k max_tokens: 512 and 1024`; of all benchmarks, or of those named."""
    every = set(old.benchmarks) | set(new.benchmarks)
    found = []
    for name in sorted(every if benchmarks is None else every & set(benchmarks)):
        if name not in old.benchmarks or name not in new.benchmarks:
            found.append(f"{name}: only in {old.model if name in old.benchmarks else new.model}")
        else:
            found += [f"{name} {key}: {a} and {b}" for key, a, b in settings_apart(old, new, name)]
    return found


def settings_apart(old: Evaluation, new: Evaluation, benchmark: str) -> list[tuple[str, Any, Any]]:
    """(setting, before, after) of a benchmark where the two differ; a side that was not asked it has no settings."""
    a, b = (e.benchmarks.get(benchmark, {}).get("identity") or {} for e in (old, new))
    keys = [k for k in dict.fromkeys([*a, *b]) if a.get(k) != b.get(k) and k not in OF_THE_MODEL]
    return [(k, a.get(k, "not stated"), b.get(k, "not stated")) for k in keys]


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
