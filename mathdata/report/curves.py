"""What happened over the steps of training: loss, evaluations on the way, rewards of GRPO, rounds of expert iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.charts import SMOOTH, curves
from mathdata.report.markup import e, integer, percent, section, t, table, tag, told
from mathdata.report.runs import Run, colours

__all__ = ["key", "over_steps", "reinforced", "rounds", "training"]

Line = Sequence[Sequence[float]]


def key(colour: Mapping[str, str], names: Sequence[str] | Mapping[str, Any]) -> str:
    return tag("ul", "".join(tag("li", tag("i", "", colour[n]) + e(n)) for n in names), "key")


def arms_with(run: Run, field: str) -> dict[str, Any]:
    return {name: arm[field] for name, arm in (run.get("arms") or {}).items() if arm.get(field)}


def panel(title: str, colour: Mapping[str, str], lines: Mapping[str, Line], x: str, y: str, label: str) -> str:
    """A chart under its heading; empty where no line has a point."""
    chart = curves({n: (colour[n], line) for n, line in lines.items() if line}, x, y, label)
    return tag("div", tag("h3", title) + chart) if chart else ""


def panels(charts: Sequence[str], colour: Mapping[str, str], names: Sequence[str] | Mapping[str, Any]) -> str:
    """Charts two beside each other under one key; empty where none was drawn."""
    return key(colour, names) + tag("div", "".join(charts), "grid-two") if any(charts) else ""


def training(run: Run) -> str:
    colour, lines = colours(run), arms_with(run, "loss")
    shown = {n: (colour[n], line) for n, line in lines.items()}
    body = key(colour, lines) + curves(shown, "axis_step", "axis_loss", "Training loss over steps") if lines else ""
    many = any(len(line) > SMOOTH for line in lines.values())
    return section("curves", "curves", body, t("smoothed") if many else "")


# --- evaluations on the way ---------------------------------------------------------------------------------------

ASKED = (("answer_accuracy", "accuracy"), ("token_accuracy", "token_accuracy"), ("format_accuracy", "format"),
         ("truncated", "cut"), ("length", "length"))  # fmt: skip
"""Figures that a training run may take on the way, and the phrase that names each."""


def over_steps(run: Run) -> str:
    """Accuracy, tokens, format, truncation and length over the steps: a line an arm, each benchmark by itself."""
    colour, known = colours(run), arms_with(run, "evaluations")
    names = list(dict.fromkeys(str(x.get("benchmark") or "") for asked in known.values() for x in asked))
    parts = []
    for name in names:
        mine = {n: [x for x in asked if str(x.get("benchmark") or "") == name] for n, asked in known.items()}
        mine = {n: asked for n, asked in mine.items() if asked}
        charts = [figure_over_steps(field, phrase, mine, colour) for field, phrase in ASKED]
        count = max(int(x.get("n") or 0) for asked in mine.values() for x in asked)
        head = tag("h3", e(name) + tag("small", f" n = {integer(count)}" if count else "")) if name else ""
        parts.append(head + panels(charts, colour, mine) if any(charts) else "")
    return section("steps", "over_steps", "".join(parts), t("over_steps_lead"))


def figure_over_steps(field: str, phrase: str, known: Mapping[str, Any], colour: Mapping[str, str]) -> str:
    scale, unit = (1, "axis_length") if field == "length" else (100, "axis_share")
    lines = {
        n: [(x["step"], scale * x[field]) for x in asked if x.get(field) is not None] for n, asked in known.items()
    }
    return panel(t(phrase), colour, lines, "axis_step", unit, f"{field} over steps")


# --- beyond supervised training -----------------------------------------------------------------------------------

REWARDED = (
    ("reward", 1, "axis_reward", "reward"),
    ("accuracy", 100, "axis_share", "reward_right"),
    ("format", 100, "axis_share", "reward_format"),
    ("zero_advantage", 100, "axis_groups", "zero_advantage"),
    ("length", 1, "axis_length", "length"),
    ("truncated", 100, "axis_share", "cut"),
)
"""The curves of a reinforced run: name, factor, unit, phrase."""


def reinforced(run: Run) -> str:
    """GRPO: rewards over the steps, and how many groups had nothing to learn from."""
    colour, known = colours(run), arms_with(run, "curves")
    charts = []
    for name, factor, unit, phrase in REWARDED:
        lines = {n: [(s, factor * v) for s, v in made.get(name) or []] for n, made in known.items()}
        charts.append(panel(t(phrase), colour, lines, "axis_step", unit, f"{name} over steps"))
    return section(
        "rewards", "rewards", groups(run) + panels(charts, colour, known), t("rewards_lead") + " " + t("smoothed")
    )


VERDICTS = {
    "correct": ("right", "正确"),
    "wrong": ("wrong", "错误"),
    "unparsed": ("no answer found", "未找到答案"),
    "timeout": ("judge timed out", "判定超时"),
    "error": ("judge error", "判定出错"),
}


def verdict_word(status: str) -> str:
    return told(*VERDICTS[status]) if status in VERDICTS else e(status)


def groups(run: Run) -> str:
    """One row an arm: groups, those without an advantage, verdicts, the reward at the beginning and at the end."""
    rows = []
    for name, told_ in arms_with(run, "rewards").items():
        count, flat = told_.get("groups") or 0, told_.get("zero_advantage_groups") or 0
        line = [v for _, v in ((run["arms"][name].get("curves") or {}).get("reward") or [])]
        tenth = max(1, len(line) // 10)
        ends = [f"{sum(part) / len(part):.2f}" for part in (line[:tenth], line[-tenth:]) if part]
        said = ", ".join(f"{verdict_word(k)} {integer(v)}" for k, v in (told_.get("verdicts") or {}).items())
        share = percent(flat / count) if count else "–"
        rows.append([e(name), integer(count), f"{integer(flat)} <small>{share}</small>", *(ends or ["–", "–"]), said])
    head = [t("arm"), t("groups"), t("zero_advantage"), told("Reward, first tenth", "奖励（前十分之一）"),
            told("last tenth", "后十分之一"), told("Verdicts", "判定")]  # fmt: skip
    return table(head, rows, text=(5,))


def rounds(run: Run) -> str:
    """Expert iteration: what was asked, right, new and kept in each round, and the accuracy over the rounds."""
    colour, known = colours(run), arms_with(run, "rounds")
    keys = ("round", "problems", "samples", "right", "distinct", "kept", "rows", "steps")
    rows = [
        [e(name), *(integer(r.get(k)) for k in keys), percent(r.get("accuracy_sampled")), percent(r.get("accuracy"))]
        for name, made in known.items()
        for r in made
    ]
    head = [t("arm"), *(t(f"round_{k}") for k in keys), t("round_sampled"), t("round_accuracy")]
    charts = []
    for field, phrase in (("accuracy_sampled", "round_sampled"), ("accuracy", "round_accuracy")):
        lines = {n: over_rounds(made, field) for n, made in known.items()}
        charts.append(panel(t(phrase), colour, lines, "axis_round", "axis_share", f"{field} over rounds"))
    return section("rounds", "rounds", table(head, rows) + panels(charts, colour, known), t("rounds_lead"))


def over_rounds(made: Sequence[Mapping[str, Any]], field: str) -> list[tuple[float, float]]:
    """(round, percent); the accuracy begins at round 0 with the checkpoint's own, where it was asked."""
    line = [(r.get("round", i + 1), 100 * r[field]) for i, r in enumerate(made) if r.get(field) is not None]
    before = made[0].get("accuracy_before") if field == "accuracy" and made else None
    return [*([(0, 100 * before)] if before is not None else []), *line]
