"""The sections of the page, each a pure function from the run to markup; an empty string where there is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.paired import holm, outcome
from mathdata.report.charts import PERCENT, curves, dots, fitted, whiskers
from mathdata.report.data import augmentation, funnel, leaks, planted
from mathdata.report.markup import e, integer, minutes, p_value, percent, points, section, t, tag, told

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
    word = outcome(best)
    css = {"helped": "good", "hurt": "bad", "unclear": "flat"}[word]
    n = best["n"]
    right = [round(best.get(f"accuracy_{s}", 0) * n) for s in ("before", "after")]
    if "accuracy_after" not in best:
        right = [best["both_right"] + best["broken"], best["both_right"] + best["fixed"]]
    said = t("lead", after=best["after"], before=best["before"], n=n, right=right[1], wrong=right[0])
    said += " " + t("flips", fixed=best["fixed"], broken=best["broken"]) + told(".", "。")
    sure = t("sure", low=points(best["low"]), high=points(best["high"]), p=p_value(best["p"]), n=n)
    about = t("mdd", mdd=f"{best['mdd']:.1f}") if best.get("mdd") else ""
    about += " " + t("small") if word == "unclear" else ""
    left = tag("div", points(best["points"]), f"big {css}") + tag("div", t("points_unit"), "unit")
    name = tag("p", f"{e(best['before'])} → {e(best['after'])} · {e(run.get('name', ''))}", "name")
    text = name + tag("h1", t(word)) + tag("p", said, "said") + tag("p", sure, "sure") + tag("p", about, "sure")
    return tag("div", tag("div", left) + tag("div", text + notes(run, best)), "answer", id="answer")


def notes(run: Run, best: Mapping[str, Any] | None) -> str:
    """What must be said beside the answer: unequal settings, cut-off answers, checks that were let pass."""
    lines = [tag("li", t("not_same", what=what), "red") for what in (best or {}).get("differs") or []]
    for name, arm in (run.get("arms") or {}).items():
        if (arm.get("truncated") or 0) > 0.03:
            lines.append(tag("li", t("cut_warning", arm=name, share=percent(arm["truncated"]))))
        if arm.get("allowed"):
            lines.append(tag("li", t("allowed_note", arm=name, what=", ".join(arm["allowed"]))))
    lines += [tag("li", e(note)) for note in run.get("notes") or []]
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
        label = e(name) + (tag("small", e(arm["about"])) if arm.get("about") else "")
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
        ("rows", lambda a: integer(a.get("rows"))),
        ("tokens", lambda a: integer(a.get("tokens"))),
        ("steps", lambda a: integer(a.get("steps"))),
        ("seconds", lambda a: minutes(a.get("seconds"))),
    ]
    shown = {k: [f(a) for a in found.values()] for k, f in columns}
    keep = [k for k, _ in columns if any(v != "–" for v in shown[k])]
    head = tag("th", t("arm")) + "".join(tag("th", t(k), scope="col") for k in keep)
    body = [
        tag("tr", tag("td", e(name)) + "".join(tag("td", shown[k][i]) for k in keep)) for i, name in enumerate(found)
    ]
    return tag("div", tag("table", tag("thead", tag("tr", head)) + tag("tbody", "".join(body))), "scroll")


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
    return section("pairs", "pairs", chart, t("pairs_lead", n=len(made)))


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
    return section("curves", "curves", body) + over_steps(run)


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
    return section(
        "repeat", "repeat", tag("dl", listed) + (command if text else "") + code, t("repeat_lead") if text else ""
    )


def dump(recipe: Any) -> str:
    """The recipe as YAML, in its own order."""
    import yaml

    return str(yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False, width=100))


SECTIONS = (arms, pairs, families, funnel, planted, augmentation, leaks, training)
"""Before the cases, in reading order; `repeat` stands after them."""
