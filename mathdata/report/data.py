"""What happened to the data: the funnel, planted faults, augmentation, contamination; each a pure function to markup."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.acceptance import acceptance
from mathdata.report.charts import bars
from mathdata.report.markup import e, integer, minutes, percent, section, t, tag

__all__ = ["augmentation", "funnel", "leaks", "planted"]

Run = Mapping[str, Any]


def funnel(run: Run) -> str:
    ledger = run.get("ledger") or []
    if not ledger:
        return ""
    legend = "".join(tag("li", tag("i", "", css) + t(word)) for css, word in (("kept", "kept"), ("gone", "aside")))
    parts = [tag("ul", legend, "key")]
    chains = list(dict.fromkeys(s.get("arm", "") for s in ledger))
    for arm in chains:
        mine = [s for s in ledger if s.get("arm", "") == arm]
        top = max(s["kept"] + sum(s["rejected"].values()) for s in mine)
        parts.append(tag("h3", e(arm)) if len(chains) > 1 else "")
        parts += [stage_box(s, top) for s in mine]
    return section("rows", "funnel", "".join(parts), t("funnel_lead"))


def stage_box(stage: Mapping[str, Any], top: float) -> str:
    gone = sum(stage["rejected"].values())
    segments = [("kept", stage["kept"], f"kept {stage['kept']}"), ("gone", gone, f"set aside {gone}")]
    facts = [("rows_in", stage["rows_in"]), ("created", stage["created"]), ("kept", stage["kept"]), ("aside", gone)]
    total = " · ".join(f"<b>{integer(v)}</b> {t(k)}" for k, v in facts if v or k in ("rows_in", "kept"))
    reasons = sorted(stage["rejected"].items(), key=lambda item: -item[1])
    shown = "".join(reason(w, n, (stage.get("examples") or {}).get(w) or []) for w, n in reasons)
    what = tag("div", e(stage["stage"]) + tag("small", minutes(stage.get("seconds"))), "what")
    return tag("div", what + tag("div", bars(segments, top) + tag("p", total, "sum") + shown, "bar"), "stagebox")


def reason(word: str, n: int, rows: Sequence[Mapping[str, Any]]) -> str:
    body = "".join(example(r) for r in rows) or tag("p", t("no_examples"), "sum")
    return tag("details", tag("summary", f"<b>{integer(n)}</b> {e(word)}") + body)


def example(row: Mapping[str, Any]) -> str:
    texts = [str(row[k])[:1200] for k in ("problem", "solution", "answer") if row.get(k) is not None]
    why = tag("p", e(str(row["reject_why"])[:600]), "why") if row.get("reject_why") else ""
    return tag("div", "".join(tag("pre", e(v)) for v in texts) + why, "row")


def planted(run: Run) -> str:
    faults = run.get("planted") or []
    if not faults:
        return ""
    names = ["planted_n", "found", "missed", "elsewhere", "wrongly"]
    head = (
        tag("th", t("fault")) + "".join(tag("th", t(k)) for k in names) + tag("th", "") + tag("th", t("stage"), "text")
    )
    keys = ["planted", "found", "missed", "elsewhere", "wrongly"]
    body = []
    for f in faults:
        counts = "".join(tag("td", integer(f.get(k))) for k in keys)
        segments = [
            ("kept", f["found"], f"found {f['found']}"),
            ("made", f.get("elsewhere") or 0, f"left for another reason {f.get('elsewhere') or 0}"),
            ("bad", f["missed"], f"missed {f['missed']}"),
        ]
        bar = tag("td", bars(segments, f["planted"], 12), "meter")
        body.append(tag("tr", tag("td", e(f["fault"])) + counts + bar + tag("td", e(f.get("stage", "")), "text")))
    table = tag("table", tag("thead", tag("tr", head)) + tag("tbody", "".join(body)))
    return section("planted", "planted", tag("div", table, "scroll"), t("planted_lead"))


def augmentation(run: Run) -> str:
    made = [s for s in run.get("ledger") or [] if s["created"] > 0 and s["rows_in"] > 0]
    if not made:
        return ""
    head = "".join(tag("th", t(k)) for k in ("method", "created", "kept", "accepted")) + tag("th", t("reasons"), "text")
    body = []
    for s in made:
        arm = tag("small", e(s["arm"])) if s.get("arm") else ""
        for name, made_, kept, rejected in by_method(s):
            why = ", ".join(f"{w} {integer(n)}" for w, n in sorted(rejected.items(), key=lambda i: -i[1]))
            share = percent(kept / made_) if made_ else "–"
            cells = [e(name) + arm, integer(made_), integer(kept), share]
            body.append(tag("tr", "".join(tag("td", c) for c in cells) + tag("td", e(why) or "–", "text")))
    table = tag("div", tag("table", tag("thead", tag("tr", head)) + tag("tbody", "".join(body))), "scroll")
    return section(
        "augment", "augment", table + cannot(made) + acceptance(made) + stage_figures(made), t("augment_lead")
    )


def by_method(stage: Mapping[str, Any]) -> list[tuple[str, int, int, Mapping[str, int]]]:
    """(method, made, kept, set aside by reason) of a stage that makes rows; without such figures, of the stage."""
    known = (stage.get("figures") or {}).get("by_method")
    if isinstance(known, Mapping) and known and all(isinstance(v, Mapping) and "made" in v for v in known.values()):
        return [(n, v["made"], v.get("kept", 0), v.get("rejected") or {}) for n, v in known.items()]
    # Of the rows in hand only created ones can fall here: the inputs passed the stages before.
    gone = min(sum(stage["rejected"].values()), stage["created"])
    return [(stage["stage"], stage["created"], stage["created"] - gone, stage["rejected"])]


def cannot(stages: Sequence[Mapping[str, Any]]) -> str:
    """What a proving teacher could not do, by its own words, most frequent first."""
    lines = [x for s in stages for x in (s.get("figures") or {}).get("unsupported") or [] if isinstance(x, Mapping)]
    rows = sorted(lines, key=lambda x: -int(x.get("rows", 0)))[:25]
    if not rows:
        return ""
    cells = ((x.get("method", ""), x.get("reason", ""), integer(x.get("rows", 0))) for x in rows)
    body = "".join(tag("tr", tag("td", e(m)) + tag("td", e(r), "text") + tag("td", n)) for m, r, n in cells)
    return tag("details", tag("summary", t("cannot")) + tag("div", tag("table", tag("tbody", body)), "scroll"))


def stage_figures(stages: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for s in stages:
        flat = list(flatten(s.get("figures") or {}))
        if flat:
            body = "".join(tag("dt", e(k)) + tag("dd", e(v)) for k, v in flat[:80])
            name = e(s["stage"]) + (f" · {e(s['arm'])}" if s.get("arm") else "")
            parts.append(tag("details", tag("summary", f"{name}: {t('figures')}") + tag("dl", body)))
    return "".join(parts)


def flatten(value: Any, prefix: str = "") -> Any:
    """Nested figures as (path, text) lines; lists of records are tables elsewhere and left out."""
    if isinstance(value, Mapping):
        for k, v in value.items():
            yield from flatten(v, f"{prefix} › {k}" if prefix else str(k))
    elif isinstance(value, float):
        yield prefix, f"{value:.4g}"
    elif not (isinstance(value, list) and value and isinstance(value[0], Mapping)):
        yield prefix, json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)


def leaks(run: Run) -> str:
    stages = [s for s in run.get("ledger") or [] if s["stage"] == "decontaminate"]
    if not stages:
        return ""
    parts = []
    for s in stages:
        total = sum(s["rejected"].values())
        said = t("leaks_lead", n=integer(total)) if total else t("leaks_none")
        parts.append(tag("p", (f"<b>{e(s['arm'])}</b>: " if s.get("arm") and len(stages) > 1 else "") + said))
        parts.append(leak_table((s.get("figures") or {}).get("benchmarks")))
    return section("leaks", "leaks", "".join(parts))


def leak_table(benchmarks: Any) -> str:
    if not isinstance(benchmarks, Mapping) or not benchmarks:
        return ""
    keys = ("checked", "matched", "unsure", "rows_matched", "rows_unsure")
    head = tag("th", t("benchmark")) + "".join(tag("th", t(k)) for k in keys)
    rows = [(n, v) for n, v in benchmarks.items() if isinstance(v, Mapping)]
    body = "".join(tag("tr", tag("td", e(n)) + "".join(tag("td", integer(v.get(k))) for k in keys)) for n, v in rows)
    return tag("div", tag("table", tag("thead", tag("tr", head)) + tag("tbody", body)), "scroll")
