"""The report as Markdown: the same answer and tables, for a terminal, a pull request or a mail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.figures import MEASURES, measures
from mathdata.report.leaderboard import leaderboard_tables
from mathdata.report.markup import clean, integer, p_value, percent, points
from mathdata.report.runs import Difference, benchmarks, every_difference, graded, headlines, results, verdict
from mathdata.report.sections import dump

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
        steps(run),
        leaderboards(run),
        rows(run),
        planted(run),
    ]
    return "\n".join(p for p in [*parts, repeat(run)] if p)


TESTS = {"McNemar": "McNemar exact", "sign-flip": "sign-flip"}


VERDICTS = {
    "helped": "It helped",
    "hurt": "It hurt",
    "unclear": "No clear difference",
    "near_zero": "A difference, but both are near zero",
}


def answer(run: Mapping[str, Any]) -> str:
    """One line for each difference the page answers with."""
    found = headlines(run)
    if not found:
        return "Nothing was compared in this run.\n"
    several = len({d.benchmark for d in found}) > 1
    lines = [answered(d, several) for d in found]
    if len(lines) > 1:
        return f"p adjusted by Holm for {len(lines)} differences.\n\n" + "".join(f"- {line}\n" for line in lines)
    return lines[0] + "\n"


def answered(d: Difference, several: bool) -> str:
    f = d.figures
    own = [f"{k} {percent(m['before'])} → {percent(m['after'])}" for k, m in f["measures"].items() if k not in MEASURES]
    return (
        f"**{VERDICTS[verdict(d)]}**: {f'{cell(d.benchmark)}: ' if several else ''}{cell(d.before)} → {cell(d.after)} "
        f"{points(f['points'])} points (95 % {points(f['low'])} to {points(f['high'])}, {TESTS[f['test']]} p {p_value(d.p)}, "
        f"n = {f['n']}; {f['fixed']} fixed, {f['broken']} broken{''.join(f'; {cell(x)}' for x in own)})."
    )


def notes(run: Mapping[str, Any]) -> str:
    """Arms and pairs that are missing, unequal settings, warnings and the recipe's own words, a line each."""
    missing = [f"**not finished: {cell(said['message'])}**" for said in (run.get("failed") or {}).values()]
    missing += [f"**{cell(said['en'])}**" for said in run.get("not_compared") or []]
    differs = dict.fromkeys(what for c in run.get("comparisons") or [] for what in c.get("differs") or [])
    missing += [f"**not the same settings: {cell(what)}**" for what in differs]
    said = (*(run.get("warnings") or ()), *(run.get("notes") or ()))
    lines = [n if isinstance(n, str) else n.get("en") or next(iter(n.values()), "") for n in said]
    return "".join(f"- {line}\n" for line in (*missing, *map(cell, lines)))


def arms(run: Mapping[str, Any]) -> str:
    """Of several benchmarks first the accuracies in columns beside each other; then every figure, a table each."""
    found, names = graded(run), benchmarks(run)
    parts = ["## Arms\n"] if names else []
    if len(names) > 1:
        head = ["arm", *names]
        body = [[arm, *(percent(results(a).get(n, {}).get("accuracy")) for n in names)] for arm, a in found.items()]
        parts.append(table(head, body))
    for name in names:
        parts += [f"### {cell(name)}\n"] if len(names) > 1 else []
        parts.append(arms_on({arm: a for arm, a in found.items() if name in results(a)}, name))
    return "\n".join(parts)


def arms_on(found: Mapping[str, Mapping[str, Any]], name: str) -> str:
    mine = {arm: results(a)[name] for arm, a in found.items()}
    more = list(dict.fromkeys(k for f in mine.values() for k in measures(f) if k != "accuracy"))
    trained = ("rows", "tokens", "steps", "seconds")
    head = ["arm", "n", "accuracy", "95 %", *(MEASURES.get(k, (k,))[0] for k in more), *trained, "digest"]
    body = [
        [
            arm,
            integer(f.get("n")),
            percent(f["accuracy"]),
            f"{percent(f.get('low'))} – {percent(f.get('high'))}",
            *(percent(measures(f).get(k)) for k in more),
            *(integer(found[arm].get(k)) for k in trained),
            str(found[arm].get("digest") or "–")[:16],
        ]
        for arm, f in mine.items()
    ]
    return table(head, body)


def leaderboards(run: Mapping[str, Any]) -> str:
    """lm-eval's table of each benchmark that it has, a column an arm."""
    made = [
        f"## {name}, as lm-eval tells it\n\n" + table(["Task", "Metric", *arms], lines)
        for name, (arms, lines) in leaderboard_tables(run).items()
    ]
    return "\n".join(made)


def pairs(run: Mapping[str, Any]) -> str:
    head = ["before → after", "benchmark", "n", "points", "95 %", "p (Holm)", "fixed", "broken"]
    body = [
        [f"{d.before} → {d.after}", d.benchmark, d.figures["n"], points(d.figures["points"]),
         f"{points(d.figures['low'])} – {points(d.figures['high'])}", p_value(d.p), d.figures["fixed"], d.figures["broken"]]
        for d in every_difference(run)
    ]  # fmt: skip
    return "## Differences\n\n" + table(head, body) if body else ""


def steps(run: Mapping[str, Any]) -> str:
    """What was asked on the way, a row an arm and step; the rounds of expert iteration."""
    keys = ("benchmark", "step", "answer_accuracy", "token_accuracy", "format_accuracy", "truncated", "length", "n")
    asked = [(arm, x) for arm, a in (run.get("arms") or {}).items() for x in a.get("evaluations") or []]
    body = [[arm, *(shown(k, x.get(k)) for k in keys)] for arm, x in asked]
    text = "## Over the steps of training\n\n" + table(["arm", *keys], body) if body else ""
    fields = (
        "round",
        "problems",
        "samples",
        "right",
        "distinct",
        "kept",
        "rows",
        "steps",
        "accuracy_sampled",
        "accuracy",
    )
    made = [(arm, r) for arm, a in (run.get("arms") or {}).items() for r in a.get("rounds") or []]
    lines = [[arm, *(shown(k, r.get(k)) for k in fields)] for arm, r in made]
    return text + ("\n## Rounds\n\n" + table(["arm", *fields], lines) if lines else "")


def shown(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name == "length":
        return f"{value:.1f}"
    return percent(value) if isinstance(value, float) else str(value)


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
