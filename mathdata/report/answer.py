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
    """Several pairs or benchmarks: how many of each verdict, then a row a pair and a column a benchmark; nothing is pooled."""
    counted = Counter(map(verdict, found))
    head = " · ".join(t(f"{word}_of", n=counted[word]) for word in VERDICTS if counted[word]) + t(
        "of_all", n=len(found)
    )
    pairs = list(dict.fromkeys((d.before, d.after) for d in found))
    names = list(dict.fromkeys(d.benchmark for d in found))
    by = {(d.before, d.after, d.benchmark): d for d in found}
    sizes = {d.benchmark: e(d.benchmark) + tag("small", f" n = {integer(d.figures['n'])}") for d in found}
    top = tag("th", t("pair"), scope="col") + "".join(tag("th", sizes[name], scope="col") for name in names)
    body = ""
    for before, after in pairs:
        cells = (tag("td", tag("span", sizes[n], "at") + cell(by.get((before, after, n)))) for n in names)
        body += tag("tr", tag("td", f"{e(before)} → {e(after)}") + "".join(cells))
    grid = tag("div", tag("table", tag("thead", tag("tr", top)) + tag("tbody", body)), "scroll")
    text = tag("p", e(run.get("name", "")), "name") + tag("h1", head) + tag("p", t("several", n=len(found)), "sure")
    return tag("div", tag("div", text + grid, "whole") + notes(run), "answer", id="answer")


def cell(d: Difference | None) -> str:
    """One difference in the table of the answer: points in the colour of the verdict, accuracies, interval and p below."""
    if d is None:
        return "–"
    f = d.figures
    accuracies = " → ".join(f"{100 * f[f'accuracy_{s}']:.1f}" for s in ("before", "after"))
    span = t("span", low=points(f["low"]), high=points(f["high"]), p=p_value(d.p))
    under = "<br>".join(x for x in (f"{t(verdict(d))} {accuracies} %", span, measured(f)) if x)
    return tag("b", points(f["points"]), f"gain {CSS.get(verdict(d), 'flat')}") + tag("small", under, "under")


def difference_chart(found: Sequence[Difference]) -> str:
    """Differences with their intervals on one scale."""
    ends = [d.figures[k] for d in found for k in ("low", "high")]
    axis = fitted([min(0.0, *ends), max(5.0, *ends)], "axis_points")
    rows = []
    for d in found:
        f, css = d.figures, {"helped": "c3", "hurt": "c5"}.get(verdict(d), "c0")
        label = f"{e(d.before)} → {e(d.after)}" + tag("small", t("flips", fixed=f["fixed"], broken=f["broken"]))
        shown = f"{points(f['points'])} <small>p {e(p_value(d.p))}</small>"
        spoken = f"{d.before} to {d.after} on {d.benchmark}: {points(f['points'])} points"
        rows.append((label, css, f["points"], f["low"], f["high"], shown, spoken))
    return whiskers(rows, axis, "Paired differences in percentage points")


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
