"""The report as Markdown: the same answer and tables, for a terminal, a pull request or a mail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.leaderboard import leaderboard_tables
from mathdata.report.markup import clean, integer, p_value, percent, points
from mathdata.report.sections import dump, graded, headline, verdict

__all__ = ["markdown", "table"]


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; bars and line ends in cells are neutralised."""
    numeric = [all(_NUMBER.fullmatch(str(row[i])) for row in rows) for i in range(len(head))]
    lines = [head, ["---:" if n else "---" for n in numeric], *rows]
    return "\n".join("| " + " | ".join(cell(c) for c in line) + " |" for line in lines) + "\n"


_NUMBER = re.compile(r"[-+−–<=\d.,%\s]*")


def cell(value: Any) -> str:
    text = " ".join(clean(value).split())
    for a, b in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("`", "\\`"), ("[", "\\[")):
        text = text.replace(a, b)
    return text


def markdown(run: Mapping[str, Any]) -> str:
    parts = [
        f"# {cell(run.get('name') or 'mathdata')}\n",
        answer(run),
        notes(run),
        arms(run),
        pairs(run),
        leaderboards(run),
        rows(run),
        planted(run),
    ]
    return "\n".join(p for p in [*parts, repeat(run)] if p)


TESTS = {"McNemar": "McNemar exact", "sign-flip": "sign-flip"}


def answer(run: Mapping[str, Any]) -> str:
    best = headline(run)
    if best is None:
        return "Nothing was compared in this run.\n"
    word = {"helped": "It helped", "hurt": "It hurt", "unclear": "No clear difference",
            "near_zero": "A difference, but both are near zero"}[verdict(best)]  # fmt: skip
    differs = "".join(f"- **not the same settings: {cell(d)}**\n" for d in best.get("differs") or [])
    return (
        f"**{word}**: {cell(best['before'])} → {cell(best['after'])} {points(best['points'])} points "
        f"(95 % {points(best['low'])} to {points(best['high'])}, {TESTS[best.get('test', 'McNemar')]} p {p_value(best['p'])}, "
        f"n = {best['n']}; {best['fixed']} fixed, {best['broken']} broken).\n{differs}"
    )


def notes(run: Mapping[str, Any]) -> str:
    """Warnings and the recipe's own words, a line each."""
    said = (*(run.get("warnings") or ()), *(run.get("notes") or ()))
    lines = [n if isinstance(n, str) else n.get("en") or next(iter(n.values()), "") for n in said]
    return "".join(f"- {cell(line)}\n" for line in lines)


def arms(run: Mapping[str, Any]) -> str:
    found = graded(run)
    head = [
        "arm",
        "accuracy",
        "95 %",
        "format",
        "cut off",
        "tokens right",
        "n",
        "rows",
        "tokens",
        "steps",
        "seconds",
        "digest",
    ]
    body = [
        [
            name, percent(a["accuracy"]), f"{percent(a.get('low'))} – {percent(a.get('high'))}",
            percent(a.get("format_accuracy")), percent(a.get("truncated")), percent(a.get("token_accuracy")), integer(a.get("n")), integer(a.get("rows")),
            integer(a.get("tokens")), integer(a.get("steps")), integer(a.get("seconds")),
            str(a.get("digest") or "–")[:16],
        ]
        for name, a in found.items()
    ]  # fmt: skip
    return "## Arms\n\n" + table(head, body) if body else ""


def leaderboards(run: Mapping[str, Any]) -> str:
    """lm-eval's table of each benchmark that it has, a column an arm."""
    made = [
        f"## {name}, as lm-eval tells it\n\n" + table(["Task", "Metric", *arms], lines)
        for name, (arms, lines) in leaderboard_tables(run).items()
    ]
    return "\n".join(made)


def pairs(run: Mapping[str, Any]) -> str:
    made = run.get("comparisons") or []
    head = ["before → after", "points", "95 %", "p", "fixed", "broken"]
    body = [
        [f"{c['before']} → {c['after']}", points(c["points"]), f"{points(c['low'])} – {points(c['high'])}",
         p_value(c["p"]), c["fixed"], c["broken"]]
        for c in made
    ]  # fmt: skip
    return "## Differences\n\n" + table(head, body) if body else ""


def rows(run: Mapping[str, Any]) -> str:
    head = ["stage", "in", "created", "kept", "set aside", "because"]
    body = []
    for s in run.get("ledger") or []:
        why = ", ".join(f"{w} {n}" for w, n in sorted(s["rejected"].items(), key=lambda i: -i[1]))
        name = f"{s['arm']}: {s['stage']}" if s.get("arm") else s["stage"]
        numbers = [integer(s[k]) for k in ("rows_in", "created", "kept")]
        body.append([name, *numbers, integer(sum(s["rejected"].values())), why or "–"])
    return "## Rows\n\n" + table(head, body) if body else ""


def planted(run: Mapping[str, Any]) -> str:
    keys = ["planted", "found", "missed", "elsewhere", "wrongly"]
    body = [[f["fault"], *(integer(f.get(k)) for k in keys)] for f in run.get("planted") or []]
    return "## Planted faults\n\n" + table(["fault", *keys], body) if body else ""


def repeat(run: Mapping[str, Any]) -> str:
    facts = [f"- {k}: {cell(run[k])}\n" for k in ("digest", "seed", "created", "commit") if run.get(k) is not None]
    recipe = run.get("recipe")
    text = recipe if isinstance(recipe, str) else dump(recipe) if recipe else ""
    fence = "````"
    code = f"\n{fence}yaml\n{clean(text).replace(fence, '')}\n{fence}\n" if text else ""
    return "## Repeat it\n\n" + "".join(facts) + code if facts or code else ""
