"""What happened to the data: the funnel, planted faults, augmentation, contamination; each a pure function to markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.acceptance import acceptance
from mathdata.report.charts import bars
from mathdata.report.cost import distinct
from mathdata.report.markup import e, integer, minutes, percent, section, t, table, tag
from mathdata.report.runs import main_arm

__all__ = ["augmentation", "funnel", "leaks", "planted"]

Run = Mapping[str, Any]


def funnel(run: Run) -> str:
    ledger = run.get("ledger") or []
    if not ledger:
        return ""
    legend = "".join(tag("li", tag("i", "", css) + t(word)) for css, word in (("kept", "kept"), ("gone", "aside")))
    chains = list(dict.fromkeys(s.get("arm", "") for s in ledger))
    after = main_arm(run)
    main = after if after is not None and after in chains else str(chains[0])
    parts = [tag("ul", legend, "key square"), tag("h3", e(main)) if len(chains) > 1 else "", chain(ledger, main)]
    for arm in (c for c in chains if c != main):
        mine = [s for s in ledger if s.get("arm", "") == arm]
        came = mine[0]["rows_in"] + mine[0]["created"]
        said = t("other_arms", arm=arm, rows_in=integer(came), kept=integer(mine[-1]["kept"]))
        parts.append(tag("details", tag("summary", said) + chain(ledger, arm), "chain"))
    return section("rows", "funnel", "".join(parts), t("funnel_lead"))


def chain(ledger: Sequence[Mapping[str, Any]], arm: str) -> str:
    """The stages of one arm, bars on one scale."""
    mine = [s for s in ledger if s.get("arm", "") == arm]
    top = max(s["kept"] + sum(s["rejected"].values()) for s in mine)
    return "".join(stage_box(s, top) for s in mine)


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
    whole = tag("table", tag("thead", tag("tr", head)) + tag("tbody", "".join(body)))
    return section("planted", "planted", tag("div", whole, "scroll"), t("planted_lead"))


def augmentation(run: Run) -> str:
    made = distinct([s for s in run.get("ledger") or [] if s["created"] > 0 and s["rows_in"] > 0])
    rows = []
    for s in made:
        arm = tag("small", e(", ".join(s["arms"]))) if s["arms"] else ""
        gains = ((s.get("figures") or {}).get("novelty") or {}).get("by_method") or {}
        for name, made_, kept, rejected in by_method(s):
            why = ", ".join(f"{w} {integer(n)}" for w, n in sorted(rejected.items(), key=lambda i: -i[1]))
            gain = f"{gains[name]['gain']:.2f}" if name in gains else "–"
            segments = [("kept", kept, f"kept {kept}"), ("gone", made_ - kept, f"set aside {made_ - kept}")]
            bar = tag("div", bars(segments, made_, 12), "meter")
            share = percent(kept / made_) if made_ else "–"
            rows.append([e(name) + arm, integer(made_), integer(kept), share, bar, gain, e(why) or "–"])
    head = [t("method"), t("created"), t("kept"), t("accepted"), "", t("novelty"), t("reasons")]
    return section(
        "augment", "augment", table(head, rows, text=(6,)) + acceptance(made) + cannot(made), t("augment_lead")
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


def leaks(run: Run) -> str:
    stages = distinct([s for s in run.get("ledger") or [] if s["stage"] == "decontaminate"])
    if not stages:
        return ""
    total = sum(sum(s["rejected"].values()) for s in stages[:1])
    said = t("leaks_lead", n=integer(total)) if total else t("leaks_none")
    keys = ("checked", "matched", "unsure", "rows_matched", "rows_unsure")
    rows = []
    for s in stages:
        figures = s.get("figures") or {}
        parents = integer(figures.get("through_parents"))
        for name, v in (figures.get("benchmarks") or {}).items():
            rows.append([e(", ".join(s["arms"])), e(name), *(integer(v.get(k)) for k in keys), parents])
    head = [t("arm"), t("benchmark"), *(t(k) for k in keys), t("parents")]
    lead = f"<b>{e(', '.join(stages[0]['arms']))}</b>: " if len(stages) > 1 else ""
    return section("leaks", "leaks", tag("p", lead + said) + table(head, rows, text=(1,)))
