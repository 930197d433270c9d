"""What went wrong in the wrong answers of both sides, counted by kind; and how every problem moved between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathdata.report.charts import bars
from mathdata.report.markup import e, integer, section, t, table, tag

__all__ = ["wrong"]

KINDS = {
    "no answer": ("k1", "kind_none"),
    "cut off": ("k2", "kind_cut"),
    "formatting": ("k3", "kind_format"),
    "slip": ("k4", "kind_slip"),
    "wrong set-up": ("k5", "kind_setup"),
}


def wrong(best: Mapping[str, Any] | None) -> str:
    """One bar a side; empty where the comparison counted no mistakes."""
    why = (best or {}).get("why") or {}
    sides = [(side, why.get(side) or {}) for side in ("before", "after")]
    top = max((sum(counts.values()) for _, counts in sides), default=0)
    if best is None or not top:
        return ""
    keys = [k for k in KINDS if any(counts.get(k) for _, counts in sides)]
    legend = "".join(tag("li", tag("i", "", KINDS[k][0]) + t(KINDS[k][1])) for k in keys)
    rows = []
    for side, counts in sides:
        segments = [(KINDS[k][0], counts.get(k, 0), f"{k}: {counts.get(k, 0)}") for k in keys]
        numbers = [integer(counts.get(k, 0)) for k in keys]
        total = integer(sum(counts.values()))
        rows.append([e(best[side]), tag("div", bars(segments, top, 14), "meter wide"), *numbers, total])
    head = ["", "", *(t(KINDS[k][1]) for k in keys), t("wrong_all")]
    return section("wrong", "wrong", tag("ul", legend, "key square") + table(head, rows), t("wrong_lead"))
