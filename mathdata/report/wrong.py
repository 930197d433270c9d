"""What went wrong in the wrong answers of each arm, counted by kind, each benchmark by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mathdata.report.charts import bars
from mathdata.report.markup import e, integer, section, t, table, tag
from mathdata.report.runs import Difference

__all__ = ["wrong"]

KINDS = {
    "no answer": ("k1", "kind_none"),
    "cut off": ("k2", "kind_cut"),
    "formatting": ("k3", "kind_format"),
    "slip": ("k4", "kind_slip"),
    "wrong set-up": ("k5", "kind_setup"),
}


def wrong(found: Sequence[Difference]) -> str:
    """One bar an arm, each benchmark by itself; empty where the comparisons counted no mistakes."""
    parts = []
    names = list(dict.fromkeys(d.benchmark for d in found))
    for name in names:
        body = wrong_on([d for d in found if d.benchmark == name])
        parts.append((tag("h3", e(name)) if len(names) > 1 else "") + body if body else "")
    return section("wrong", "wrong", "".join(parts), t("wrong_lead"))


def wrong_on(found: Sequence[Difference]) -> str:
    arms: dict[str, Mapping[str, int]] = {}
    for d in found:
        for side, arm in (("before", d.before), ("after", d.after)):
            arms.setdefault(arm, (d.figures.get("why") or {}).get(side) or {})
    top = max((sum(counts.values()) for counts in arms.values()), default=0)
    if not top:
        return ""
    keys = [k for k in KINDS if any(counts.get(k) for counts in arms.values())]
    legend = "".join(tag("li", tag("i", "", KINDS[k][0]) + t(KINDS[k][1])) for k in keys)
    rows = []
    for arm, counts in arms.items():
        segments = [(KINDS[k][0], counts.get(k, 0), f"{k}: {counts.get(k, 0)}") for k in keys]
        numbers = [integer(counts.get(k, 0)) for k in keys]
        total = integer(sum(counts.values()))
        rows.append([e(arm), tag("div", bars(segments, top, 14), "meter wide"), *numbers, total])
    head = ["", "", *(t(KINDS[k][1]) for k in keys), t("wrong_all")]
    return tag("ul", legend, "key square") + table(head, rows)
