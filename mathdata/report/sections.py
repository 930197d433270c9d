"""The sections of the page, each a pure function from the run to markup; an empty string where there is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.figures import MEASURES, measures
from mathdata.report.answer import answer, difference_chart
from mathdata.report.charts import PERCENT, dots, whiskers
from mathdata.report.cost import cost
from mathdata.report.curves import key, over_steps, reinforced, rounds, training
from mathdata.report.data import augmentation, funnel, leaks, planted
from mathdata.report.leaderboard import leaderboard
from mathdata.report.markup import both, e, integer, minutes, percent, points, section, t, table, tag, told
from mathdata.report.runs import Difference, Run, benchmarks, colours, every_difference, graded, headlines, results
from mathdata.report.wrong import wrong

__all__ = ["SECTIONS", "answer", "repeat"]


# --- arms --------------------------------------------------------------------------------------------------------


def arms(run: Run) -> str:
    """Accuracy of every arm: of several benchmarks first in columns beside each other, then each by itself."""
    found, names = graded(run), benchmarks(run)
    if len(names) < 2:
        body = "".join(arms_on(run, name, arm_table(found, name, trained=True)) for name in names)
        return section("arms", "arms", body, t("arms_lead"))
    parts = [side_by_side(found, names)]
    for name in names:
        parts.append(heading(found, name) + arms_on(run, name, arm_table(found, name)))
    return section("arms", "arms", "".join(parts), t("arms_lead"))


def heading(found: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """A benchmark's name with the number of its problems."""
    asked = {integer(results(a)[name].get("n")): None for a in found.values() if name in results(a)}
    return tag("h3", e(name) + tag("small", f" n = {', '.join(asked)}"))


def arms_on(run: Run, name: str, below: str) -> str:
    """Accuracies on one benchmark with their intervals, and a table below."""
    colour, rows = colours(run), []
    for arm, made in graded(run).items():
        figures = results(made).get(name)
        if figures is None:
            continue
        low, high = figures.get("low", figures["accuracy"]), figures.get("high", figures["accuracy"])
        label = e(arm) + (tag("small", both(made["about"])) if made.get("about") else "")
        spoken = f"{arm}: {percent(figures['accuracy'])}, 95 % interval {percent(low)} to {percent(high)}"
        shown = f"{100 * figures['accuracy']:.1f} <small>{100 * low:.1f}–{100 * high:.1f}</small>"
        rows.append((label, colour[arm], 100 * figures["accuracy"], 100 * low, 100 * high, shown, spoken))
    return whiskers(rows, PERCENT, f"Accuracy of each arm in percent: {name}") + below


def side_by_side(found: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    """One row an arm, a column a benchmark, and what belongs to the training."""
    rows = []
    for arm, made in found.items():
        cells = []
        for name in names:
            f = results(made).get(name)
            span = f"{100 * f.get('low', 0):.1f}–{100 * f.get('high', 1):.1f}" if f else ""
            cells.append(f"{percent(f['accuracy'])} <small>{span}</small>" if f else "–")
        rows.append([e(arm), *cells, *(shown(made) for _, shown in TRAINED)])
    return table([t("arm"), *map(e, names), *(t(k) for k, _ in TRAINED)], rows)


TRAINED: tuple[tuple[str, Any], ...] = (
    ("rows", lambda a: integer(a.get("rows"))),
    ("tokens", lambda a: integer(a.get("tokens"))),
    ("steps", lambda a: integer(a.get("steps"))),
    ("seconds", lambda a: minutes(a.get("seconds"))),
)
"""What belongs to an arm's training, not to a benchmark."""


def arm_table(found: Mapping[str, Mapping[str, Any]], name: str, *, trained: bool = False) -> str:
    """Every figure of one benchmark, a row an arm; `trained`: with its training beside."""
    mine = {arm: results(made)[name] for arm, made in found.items() if name in results(made)}
    own = list(dict.fromkeys(k for f in mine.values() for k in f.get("metrics") or {}))
    shown_measures = list(dict.fromkeys(["accuracy", *own, *MEASURES]))
    rows = []
    for arm, f in mine.items():
        cells = [integer(f.get("n"))]
        cells += [percent(measures(f).get(k)) for k in shown_measures]
        cells += [
            mean_length(f),
            percent(next(reversed((f.get("pass_at") or {"": None}).values()))),
            percent(next((f[k] for k in f if k.startswith("majority_at_")), None)),
            *((shown(found[arm]) for _, shown in TRAINED) if trained else ()),
        ]
        rows.append([e(arm), *cells])
    head = [t("arm"), t("n"), *(told(*capital(k)) if k in MEASURES else e(k) for k in shown_measures)]
    head += [t("length"), t("pass_k"), t("majority"), *((t(k) for k, _ in TRAINED) if trained else ())]
    return table(head, rows)


def capital(measure: str) -> tuple[str, str]:
    english, chinese = MEASURES[measure]
    return english.capitalize(), chinese


def mean_length(figures: Mapping[str, Any]) -> str:
    length = figures.get("length") or {}
    if not length:
        return "–"
    unit = told("tokens", "词元") if length.get("unit") == "tokens" else told("characters", "字符")
    return f"{length['mean']:.0f} {unit}"


def pairs(run: Run) -> str:
    """Every pair that was compared, each benchmark by itself, and each pair of runs where several seeds were given."""
    found, names = every_difference(run), benchmarks(run)
    parts = []
    for name in dict.fromkeys(d.benchmark for d in found):
        head = heading(graded(run), name) if len(names) > 1 and graded(run) else ""
        parts.append(head + difference_chart([d for d in found if d.benchmark == name]))
    parts += [runs(d) for d in headlines(run)]
    lead = t("pairs_lead", n=len(found)) if len(found) > 1 else t("pair_lead")
    return section("pairs", "pairs", "".join(parts), lead)


def runs(best: Difference) -> str:
    """Each pair of runs, where several seeds were compared."""
    head = [told("Run", "运行"), t("benchmark"), t("before_"), t("after_"), t("axis_points")]
    rows = [
        [
            f"{e(r['before'])} → {e(r['after'])}",
            e(best.benchmark),
            percent(r["accuracy_before"]),
            percent(r["accuracy_after"]),
            points(r["points"]),
        ]
        for r in best.figures.get("seeds") or []
    ]
    return table(head, rows)


def by_subject(figures: Mapping[str, Any]) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """(column, accuracy by its values): subject first."""
    by = figures.get("by") or {}
    for column in ("subject", "topic", "level", *by):
        if by.get(column):
            return column, dict(by[column])
    return "", {}


def families(run: Run) -> str:
    """Accuracy by subject or level, each benchmark by itself."""
    found, parts = graded(run), []
    for name in benchmarks(run):
        column, body = families_on(run, {arm: results(a)[name] for arm, a in found.items() if name in results(a)})
        if body:
            lead = tag("p", t("families_lead", column=column), "lead")
            parts.append((heading(found, name) if len(benchmarks(run)) > 1 else "") + lead + body)
    return section("families", "families", "".join(parts))


def families_on(run: Run, found: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """(the column, the chart) of one benchmark; empty where it has no two groups."""
    colour = colours(run)
    column = next((c for c, by in map(by_subject, found.values()) if by), "subject")
    split = {name: by_subject(f)[1] for name, f in found.items()}
    names = list(dict.fromkeys(k for by in split.values() for k in by))
    if len(names) < 2:
        return column, ""
    rows = []
    for subject in names[:60]:
        here = {name: by[subject] for name, by in split.items() if subject in by}
        marks = [(colour[n], 100 * v["accuracy"], f"{n}: {percent(v['accuracy'])}") for n, v in here.items()]
        n = max(int(v.get("n", 0)) for v in here.values())
        last = list(here.values())[-1]
        rows.append((e(subject) + tag("small", f"n = {n}"), marks, f"{100 * last['accuracy']:.0f}"))
    return column, key(colour, found) + dots(rows, PERCENT, "Accuracy by subject")


# --- the rest -----------------------------------------------------------------------------------------------------


def mistakes(run: Run) -> str:
    return wrong(headlines(run))


def repeat(run: Run) -> str:
    recipe = run.get("recipe")
    text = recipe if isinstance(recipe, str) else dump(recipe) if recipe else ""
    facts = [
        ("digest", run.get("digest")),
        ("commit", run.get("commit")),
        ("inputs", ", ".join(map(str, run.get("inputs") or []))),
        ("versions", " · ".join(f"{k} {v}" for k, v in (run.get("versions") or {}).items())),
        ("identity", ", ".join(f"{n} {a['digest']}" for n, a in (run.get("arms") or {}).items() if a.get("digest"))),
        ("card", run.get("card")),
    ]
    names = {"digest": told("Digest", "摘要")}
    listed = "".join(tag("dt", names.get(k) or t(k)) + tag("dd", e(v)) for k, v in facts if v)
    code = tag("h3", t("recipe")) + tag("div", tag("pre", e(text)), "code", tabindex="0") if text else ""
    command = tag("div", tag("pre", e(run.get("command") or "mathdata run recipe.yaml")), "code")
    body = tag("dl", listed) + settings(run) + (command if text else "") + code
    return section("repeat", "repeat", body, t("repeat_lead") if text else "")


def settings(run: Run) -> str:
    """Everything that decided a score, for each benchmark; the digest beside a figure covers all of it."""
    known: dict[str, dict[str, Any]] = {}
    for arm in (run.get("arms") or {}).values():
        for name, figures in (arm.get("benchmarks") or {}).items():
            known.setdefault(name, figures.get("identity") or {})
    parts = []
    for name, identity in known.items():
        listed = "".join(tag("dt", e(k)) + tag("dd", e(v)) for k, v in identity.items() if v not in (None, "", []))
        parts.append(
            tag("details", tag("summary", e(name) + ": " + t("settings")) + tag("dl", listed)) if listed else ""
        )
    return "".join(parts)


def dump(recipe: Any) -> str:
    """The recipe as YAML, in its own order."""
    import yaml

    return str(yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False, width=100))


SECTIONS = (
    arms, pairs, families, leaderboard, funnel, planted, augmentation, leaks, cost, training, over_steps, reinforced, rounds, mistakes,
)  # fmt: skip
"""Before the cases, in reading order; `repeat` stands after them."""
