"""The sections of the page, each a pure function from the run to markup; an empty string where there is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.paired import holm, near_zero, outcome
from mathdata.report.charts import PERCENT, SMOOTH, curves, dots, duel, fitted, whiskers
from mathdata.report.cost import cost
from mathdata.report.data import augmentation, funnel, leaks, planted
from mathdata.report.leaderboard import leaderboard
from mathdata.report.markup import both, e, integer, minutes, p_value, percent, points, section, t, table, tag, told
from mathdata.report.wrong import wrong

__all__ = ["SECTIONS", "colours", "headline"]

Run = Mapping[str, Any]
COLOURS = ("c1", "c2", "c4", "c5")


def headline(run: Run) -> dict[str, Any] | None:
    """The comparison the page answers with: the recipe's own, else the first."""
    comparisons = run.get("comparisons") or []
    chosen = run.get("difference") or {}
    for made in comparisons:
        if (made["before"], made["after"]) == (chosen.get("before"), chosen.get("after")):
            return dict(made)
    return dict(comparisons[0]) if comparisons else None


def colours(run: Run) -> dict[str, str]:
    """A colour for each arm: grey for the untrained one, blue for the one the answer is about."""
    arms = run.get("arms") or {}
    main = (headline(run) or {}).get("after")
    given, rest = {}, iter(COLOURS * 20)
    for name, arm in arms.items():
        if name == main:
            given[name] = "c3"
        elif arm.get("trained") is False or name == "before":
            given[name] = "c0"
        else:
            given[name] = next(rest)
    return given


# --- the answer --------------------------------------------------------------------------------------------------


def answer(run: Run) -> str:
    best = headline(run)
    if best is None:
        body = tag("div", tag("h1", t("nothing")))
        return tag("div", body + notes(run, None), "answer", id="answer")
    word = verdict(best)
    css = {"helped": "good", "hurt": "bad"}.get(word, "flat")
    n, right = best["n"], right_of(best)
    said = t("lead", after=best["after"], before=best["before"], n=n, right=right[1], wrong=right[0])
    said += " " + t("flips", fixed=best["fixed"], broken=best["broken"]) + told(".", "。")
    sure = t(
        "sure" if best.get("test", "McNemar") == "McNemar" else "sure_signs",
        low=points(best["low"]),
        high=points(best["high"]),
        p=p_value(best["p"]),
        n=n,
    )
    about = t("mdd", mdd=f"{best['mdd']:.1f}") if best.get("mdd") else ""
    if word == "unclear":
        about = t("small") + " " + about
    if word == "near_zero":
        about = t("near_zero_why") + " " + about
    left = tag("div", points(best["points"]), f"big {css}") + tag("div", t("points_unit"), "unit")
    colour = colours(run)
    sides = [
        (e(best[s]), colour.get(best[s], "c3"), 100 * r / max(n, 1), percent(r / max(n, 1)))
        for s, r in zip(("before", "after"), right)
    ]
    left += duel(sides, f"Accuracy of {best['before']} and of {best['after']} in percent")
    name = tag("p", f"{e(best['before'])} → {e(best['after'])} · {e(run.get('name', ''))}", "name")
    text = name + tag("h1", t(word)) + tag("p", said, "said") + tag("p", sure, "sure") + tag("p", about, "sure")
    return tag("div", tag("div", left) + tag("div", text) + notes(run, best), "answer", id="answer")


def verdict(best: Mapping[str, Any]) -> str:
    """helped, hurt, unclear, or near_zero: where nearly nothing is right, a gain is no success yet."""
    word = outcome(best)
    return "near_zero" if word != "unclear" and near_zero(best) else word


def right_of(best: Mapping[str, Any]) -> list[int]:
    """How many problems each side answers rightly; over several samples or runs, rounded."""
    if "accuracy_after" not in best:
        return [best["both_right"] + best["broken"], best["both_right"] + best["fixed"]]
    return [round(best[f"accuracy_{s}"] * best["n"]) for s in ("before", "after")]


def notes(run: Run, best: Mapping[str, Any] | None) -> str:
    """What must be said beside the answer: unequal settings, checks that were let pass, warnings, the recipe's words."""
    lines = [tag("li", t("not_same", what=what), "red") for what in (best or {}).get("differs") or []]
    allowed: dict[str, list[str]] = {}
    for name, arm in (run.get("arms") or {}).items():
        if arm.get("allowed"):
            allowed.setdefault(", ".join(arm["allowed"]), []).append(name)
    lines += [tag("li", t("allowed_note", arm=", ".join(names), what=what)) for what, names in allowed.items()]
    lines += [tag("li", both(note)) for note in (*(run.get("warnings") or ()), *(run.get("notes") or ()))]
    return tag("ul", "".join(lines), "notes") if lines else ""


# --- arms --------------------------------------------------------------------------------------------------------


def graded(run: Run) -> dict[str, Mapping[str, Any]]:
    return {n: a for n, a in (run.get("arms") or {}).items() if a.get("accuracy") is not None}


def arms(run: Run) -> str:
    found, colour = graded(run), colours(run)
    if not found:
        return ""
    rows = []
    for name, arm in found.items():
        low, high = arm.get("low", arm["accuracy"]), arm.get("high", arm["accuracy"])
        label = e(name) + (tag("small", both(arm["about"])) if arm.get("about") else "")
        spoken = f"{name}: {percent(arm['accuracy'])}, 95 % interval {percent(low)} to {percent(high)}"
        shown = f"{100 * arm['accuracy']:.1f} <small>{100 * low:.1f}–{100 * high:.1f}</small>"
        rows.append((label, colour[name], 100 * arm["accuracy"], 100 * low, 100 * high, shown, spoken))
    body = whiskers(rows, PERCENT, "Accuracy of each arm in percent") + arm_table(found)
    return section("arms", "arms", body, t("arms_lead"))


def arm_table(found: Mapping[str, Mapping[str, Any]]) -> str:
    columns: list[tuple[str, Any]] = [
        ("n", lambda a: integer(a.get("n"))),
        ("accuracy", lambda a: percent(a["accuracy"])),
        ("strict", lambda a: percent(a.get("accuracy_strict"))),
        ("format", lambda a: percent(a.get("format_accuracy"))),
        ("cut", lambda a: percent(a.get("truncated"))),
        ("token_accuracy", lambda a: percent(a.get("token_accuracy"))),
        ("length", mean_length),
        ("pass_k", lambda a: percent(next(reversed((a.get("pass_at") or {"": None}).values())))),
        ("majority", lambda a: percent(next((a[k] for k in a if k.startswith("majority_at_")), None))),
        ("rows", lambda a: integer(a.get("rows"))),
        ("tokens", lambda a: integer(a.get("tokens"))),
        ("steps", lambda a: integer(a.get("steps"))),
        ("seconds", lambda a: minutes(a.get("seconds"))),
    ]
    rows = [[e(name), *(shown(a) for _, shown in columns)] for name, a in found.items()]
    return table([t("arm"), *(t(k) for k, _ in columns)], rows)


def mean_length(arm: Mapping[str, Any]) -> str:
    length = arm.get("length") or {}
    if not length:
        return "–"
    unit = told("tokens", "词元") if length.get("unit") == "tokens" else told("characters", "字符")
    return f"{length['mean']:.0f} {unit}"


def pairs(run: Run) -> str:
    made = run.get("comparisons") or []
    if not made:
        return ""
    adjusted = holm({str(i): c["p"] for i, c in enumerate(made)})
    ends = [c[k] for c in made for k in ("low", "high")]
    axis = fitted([min(0.0, *ends), max(5.0, *ends)], "axis_points")
    rows = []
    for i, c in enumerate(made):
        label = f"{e(c['before'])} → {e(c['after'])}" + tag("small", t("flips", fixed=c["fixed"], broken=c["broken"]))
        shown = f"{points(c['points'])} <small>p {e(p_value(adjusted[str(i)]))}</small>"
        spoken = f"{c['before']} to {c['after']}: {points(c['points'])} points"
        css = {"helped": "c3", "hurt": "c5", "unclear": "c0"}[outcome(c)]
        rows.append((label, css, c["points"], c["low"], c["high"], shown, spoken))
    chart = whiskers(rows, axis, "Paired differences in percentage points")
    lead = t("pairs_lead", n=len(made)) if len(made) > 1 else t("pair_lead")
    return section("pairs", "pairs", chart + runs(headline(run)), lead)


def runs(best: Mapping[str, Any] | None) -> str:
    """Each pair of runs, where several seeds were compared."""
    head = [told("Run", "运行"), t("before_"), t("after_"), t("axis_points")]
    rows = [
        [
            f"{e(r['before'])} → {e(r['after'])}",
            percent(r["accuracy_before"]),
            percent(r["accuracy_after"]),
            points(r["points"]),
        ]
        for r in (best or {}).get("seeds") or []
    ]
    return table(head, rows)


def by_subject(arm: Mapping[str, Any]) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """(column, accuracy by its values): subject first, whichever way the run gives it."""
    by = arm.get("by") or {}
    if by and all(isinstance(v, Mapping) and "accuracy" in v for v in by.values()):
        return "subject", dict(by)
    for column in ("subject", "topic", "level", *by):
        if by.get(column):
            return column, dict(by[column])
    return "", {}


def families(run: Run) -> str:
    found, colour = graded(run), colours(run)
    column = next((c for c, by in map(by_subject, found.values()) if by), "subject")
    split = {name: by_subject(arm)[1] for name, arm in found.items()}
    names = list(dict.fromkeys(k for by in split.values() for k in by))
    if len(names) < 2:
        return ""
    rows = []
    for subject in names[:60]:
        here = {name: by[subject] for name, by in split.items() if subject in by}
        marks = [(colour[n], 100 * v["accuracy"], f"{n}: {percent(v['accuracy'])}") for n, v in here.items()]
        n = max(int(v.get("n", 0)) for v in here.values())
        last = list(here.values())[-1]
        rows.append((e(subject) + tag("small", f"n = {n}"), marks, f"{100 * last['accuracy']:.0f}"))
    return section(
        "families",
        "families",
        key(colour, found) + dots(rows, PERCENT, "Accuracy by subject"),
        t("families_lead", column=column),
    )


def key(colour: Mapping[str, str], names: Sequence[str] | Mapping[str, Any]) -> str:
    return tag("ul", "".join(tag("li", tag("i", "", colour[n]) + e(n)) for n in names), "key")


# --- training and the rest -------------------------------------------------------------------------------------------


def training(run: Run) -> str:
    colour = colours(run)
    lines = {n: (colour[n], a["loss"]) for n, a in (run.get("arms") or {}).items() if a.get("loss")}
    body = key(colour, lines) + curves(lines, "axis_step", "axis_loss", "Training loss over steps") if lines else ""
    many = any(len(line) > SMOOTH for _, line in lines.values())
    return section("curves", "curves", body, t("smoothed") if many else "") + over_steps(run)


def mistakes(run: Run) -> str:
    return wrong(headline(run))


ASKED = (("answer_accuracy", "accuracy"), ("format_accuracy", "format"), ("truncated", "cut"), ("length", "length"))
"""Figures that a training run may take on the way, and the phrase that names each."""


def over_steps(run: Run) -> str:
    """Accuracy, format, truncation and length over the steps of training, where they were measured."""
    colour = colours(run)
    known = {n: a["evaluations"] for n, a in (run.get("arms") or {}).items() if a.get("evaluations")}
    charts = []
    for field, phrase in ASKED:
        scale, unit = (1, "axis_length") if field == "length" else (100, "axis_share")
        lines = {
            n: (colour[n], [(x["step"], scale * x[field]) for x in h if x.get(field) is not None])
            for n, h in known.items()
        }
        chart = curves({n: v for n, v in lines.items() if v[1]}, "axis_step", unit, f"{field} over steps")
        charts.append(tag("div", tag("h3", t(phrase)) + chart) if chart else "")
    if not any(charts):
        return ""
    return section("steps", "over_steps", key(colour, known) + tag("div", "".join(charts), "grid-two"))


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


SECTIONS = (arms, pairs, families, leaderboard, funnel, planted, augmentation, leaks, cost, training, mistakes)
"""Before the cases, in reading order; `repeat` stands after them."""
