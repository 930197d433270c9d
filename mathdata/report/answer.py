"""The answer that stands first: did it help, by how much, how sure; each benchmark and each pair by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.charts import duel, fitted, whiskers
from mathdata.report.markup import both, e, integer, p_value, percent, points, t, tag, told
from mathdata.report.runs import Difference, Run, colours, headlines, verdict

__all__ = ["answer", "difference_chart", "right_of"]

CSS = {"helped": "good", "hurt": "bad"}


def answer(run: Run) -> str:
    found = headlines(run)
    if not found:
        body = tag("div", tag("h1", t("nothing")))
        return tag("div", body + notes(run), "answer", id="answer")
    if len(found) > 1:
        return several(run, found)
    best = found[0]
    left = tag("div", points(best.figures["points"]), f"big {CSS.get(verdict(best), 'flat')}")
    left += tag("div", t("points_unit"), "unit") + sides(run, best)
    return tag("div", tag("div", left) + tag("div", words(run, best)) + notes(run), "answer", id="answer")


def words(run: Run, best: Difference) -> str:
    """The one difference in sentences."""
    word, figures = verdict(best), best.figures
    right = right_of(figures)
    said = t("lead", after=best.after, before=best.before, n=figures["n"], right=right[1], wrong=right[0])
    said += " " + t("flips", fixed=figures["fixed"], broken=figures["broken"]) + told(".", "。")
    sure = t(
        "sure" if figures["test"] == "McNemar" else "sure_signs",
        low=points(figures["low"]),
        high=points(figures["high"]),
        p=p_value(best.p),
        n=figures["n"],
    )
    about = t("mdd", mdd=f"{figures['mdd']:.1f}") if figures.get("mdd") else ""
    first = {"unclear": t("small") + " ", "near_zero": t("near_zero_why") + " "}.get(word, "")
    name = tag("p", f"{e(best.before)} → {e(best.after)} · {e(run.get('name', ''))}", "name")
    own = tag("p", measured(figures), "sure") if measured(figures) else ""
    return (
        name
        + tag("h1", t(word))
        + tag("p", said, "said")
        + own
        + tag("p", sure, "sure")
        + tag("p", first + about, "sure")
    )


def sides(run: Run, best: Difference) -> str:
    """Both accuracies as bars."""
    n, colour = best.figures["n"], colours(run)
    rows = [
        (e(side), colour.get(side, "c3"), 100 * right / max(n, 1), percent(right / max(n, 1)))
        for side, right in zip((best.before, best.after), right_of(best.figures))
    ]
    return duel(rows, f"Accuracy of {best.before} and of {best.after} in percent")


def right_of(figures: Mapping[str, Any]) -> list[int]:
    """How many problems each side answers rightly; over several samples or runs, rounded."""
    return [round(figures[f"accuracy_{s}"] * figures["n"]) for s in ("before", "after")]


def measured(figures: Mapping[str, Any]) -> str:
    """The figures that a benchmark has under names of its own (EM, F1), before and after."""
    from mathdata.figures import MEASURES

    own = {k: m for k, m in (figures.get("measures") or {}).items() if k not in MEASURES}
    return " · ".join(f"{e(k)} {percent(m['before'])} → {percent(m['after'])}" for k, m in own.items())


# --- several ------------------------------------------------------------------------------------------------------

VERDICTS = ("helped", "hurt", "near_zero", "unclear")


def several(run: Run, found: Sequence[Difference]) -> str:
    """Several pairs or benchmarks: how many of each verdict, then every difference on one scale; nothing is pooled."""
    counted = Counter(map(verdict, found))
    head = told(" · ", " · ").join(
        t(f"{word}_of", n=counted[word], all=len(found)) for word in VERDICTS if counted[word]
    )
    pairs = list(dict.fromkeys((d.before, d.after) for d in found))
    name = " · ".join([*(f"{e(a)} → {e(b)}" for a, b in pairs[:1] if len(pairs) == 1), e(run.get("name", ""))])
    text = tag("p", name, "name") + tag("h1", head) + tag("p", t("several", n=len(found)), "sure")
    chart = difference_chart(found, whole=True)
    return tag("div", tag("div", text + chart, "whole") + notes(run), "answer", id="answer")


def difference_chart(found: Sequence[Difference], *, whole: bool = False) -> str:
    """Differences with their intervals on one scale; `whole`: with the verdict and both accuracies beside each name."""
    ends = [d.figures[k] for d in found for k in ("low", "high")]
    axis = fitted([min(0.0, *ends), max(5.0, *ends)], "axis_points")
    pairs = {(d.before, d.after) for d in found}
    several = len({d.benchmark for d in found}) > 1
    rows = []
    for d in found:
        word = verdict(d)
        css = {"helped": "c3", "hurt": "c5"}.get(word, "c0")
        label = f"{e(d.before)} → {e(d.after)}" if len(pairs) > 1 or not whole else ""
        label = " · ".join(x for x in (label, e(d.benchmark) if several else "") if x)
        shown = f"{points(d.figures['points'])} <small>p {e(p_value(d.p))}</small>"
        spoken = (
            f"{d.before} to {d.after}{f' on {d.benchmark}' if several else ''}: {points(d.figures['points'])} points"
        )
        rows.append(
            (label + small(d, whole), css, d.figures["points"], d.figures["low"], d.figures["high"], shown, spoken)
        )
    return whiskers(rows, axis, "Paired differences in percentage points")


def small(d: Difference, whole: bool) -> str:
    """The small print under a pair's name."""
    flips = t("flips", fixed=d.figures["fixed"], broken=d.figures["broken"])
    if not whole:
        return tag("small", flips)
    accuracies = " → ".join(percent(d.figures[f"accuracy_{s}"]) for s in ("before", "after"))
    own = f" · {measured(d.figures)}" if measured(d.figures) else ""
    return tag("small", f"<b>{t(verdict(d))}</b> {accuracies}, n = {integer(d.figures['n'])}{own}")


# --- what must be said beside it -----------------------------------------------------------------------------------


def notes(run: Run) -> str:
    """Arms and pairs that are missing, unequal settings, checks that were let pass, warnings, the recipe's words."""
    lines = [tag("li", t("arm_failed", what=said["message"]), "red") for said in (run.get("failed") or {}).values()]
    lines += [tag("li", both(said), "red") for said in run.get("not_compared") or []]
    differs = dict.fromkeys(what for c in run.get("comparisons") or [] for what in c.get("differs") or [])
    lines += [tag("li", t("not_same", what=what), "red") for what in differs]
    allowed: dict[str, list[str]] = {}
    for name, arm in (run.get("arms") or {}).items():
        if arm.get("allowed"):
            allowed.setdefault(", ".join(arm["allowed"]), []).append(name)
    lines += [tag("li", t("allowed_note", arm=", ".join(names), what=what)) for what, names in allowed.items()]
    lines += [tag("li", both(note)) for note in (*(run.get("warnings") or ()), *(run.get("notes") or ()))]
    return tag("ul", "".join(lines), "notes") if lines else ""
