"""What the run cost: time and rows per second of each stage, what teachers took, what training took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.markup import e, integer, minutes, percent, section, t, table, told

__all__ = ["cost", "distinct"]

Run = Mapping[str, Any]


def distinct(stages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The stages with the arms that share each: a step that two arms begin with ran once."""
    found: dict[str, dict[str, Any]] = {}
    for stage in stages:
        told_ = {k: v for k, v in stage.items() if k not in ("arm", "examples")}
        entry = found.setdefault(repr(told_), {**stage, "arms": []})
        entry["arms"] += [stage["arm"]] if stage.get("arm") and stage["arm"] not in entry["arms"] else []
    return list(found.values())


def cost(run: Run) -> str:
    """Empty where a run tells neither of time nor of tokens."""
    body = total(run) + teachers(run) + training(run) + stages(run)
    return section("cost", "cost", body, t("cost_lead"))


def total(run: Run) -> str:
    steps = distinct(run.get("ledger") or [])
    arms = (run.get("arms") or {}).values()
    spent = [f for s in steps if isinstance(f := (s.get("figures") or {}).get("teacher"), Mapping)]
    usd = [float(f["usd"]) for f in spent if f.get("usd") is not None]
    known = [
        (told("whole run", "全程"), minutes(run.get("seconds"))),
        (told("stages", "数据阶段"), minutes(_sum(s.get("seconds") for s in steps))),
        (told("training, added up", "训练合计"), minutes(_sum(a.get("seconds") for a in arms))),
        (told("tokens trained", "训练词元"), integer(_sum(a.get("tokens") for a in arms))),
        (
            told("requests to servers", "服务器请求"),
            integer(_sum(f.get("asked") for f in spent) or 0) if steps else "–",
        ),
        (told("teachers' price", "教师费用"), f"${sum(usd):.2f}" if usd else "–"),
    ]
    shown = [f'<div class="fact"><b>{v}</b><span>{k}</span></div>' for k, v in known if v != "–"]
    return f'<div class="facts-row">{"".join(shown)}</div>' if len(shown) > 1 else ""


def _sum(values: Any) -> float | None:
    found = [v for v in values if v]
    return sum(found) if found else None


def teachers(run: Run) -> str:
    rows = []
    for stage in distinct(run.get("ledger") or []):
        spent = (stage.get("figures") or {}).get("teacher")
        if isinstance(spent, Mapping):
            usd = spent.get("usd")
            counts = [integer(spent.get(k)) for k in ("asked", "from_journal", "failed", "tokens_in", "tokens_out")]
            price = "–" if usd is None else f"${usd:,.2f}"
            rows.append([e(spent.get("name", "")), e(", ".join(stage["arms"])), *counts, price])
    head = [told("Teacher", "教师"), t("arm"), told("Asked", "请求"), told("From the journal", "取自日志"),
            told("Failed", "失败"), told("Tokens in", "输入词元"), told("Tokens out", "输出词元"), told("Price", "费用")]  # fmt: skip
    return table(head, rows)


def training(run: Run) -> str:
    rows = []
    for name, a in (run.get("arms") or {}).items():
        if a.get("trained") is False or not a.get("seconds"):
            continue
        parameters = integer(a.get("trainable"))
        if a.get("total") and a.get("trainable") != a.get("total"):
            parameters += f" <small>/ {integer(a['total'])}</small>"
        speed, cpu = a.get("tokens_per_second"), a.get("train_cpu_seconds")
        rows.append(
            [e(name), parameters, integer(a.get("rows")), integer(a.get("rows_seen")), integer(a.get("tokens")),
             percent(a.get("padding")), minutes(a["seconds"]), minutes(cpu), integer(speed),
             minutes(a.get("evaluate_seconds"))]
        )  # fmt: skip
    head = [
        t("arm"), told("Parameters trained", "训练参数"), t("rows"), told("Rows seen", "见过行数"), t("tokens"),
        told("Padding", "填充"), t("seconds"), told("CPU time", "CPU 用时"), told("Tokens/s", "词元/秒"),
        told("Evaluation", "评测用时"),
    ]  # fmt: skip
    return table(head, rows)


def stages(run: Run) -> str:
    rows = []
    for s in distinct(run.get("ledger") or []):
        seconds, worked = s.get("seconds"), s["rows_in"] + s["created"]
        speed = integer(worked / seconds) if seconds else "–"
        rows.append([e(s["stage"]), e(", ".join(s["arms"])), integer(worked), minutes(seconds), speed])
    head = [t("stage"), t("arm"), told("Rows in and made", "输入与生成行数"), t("seconds"), told("Rows/s", "行/秒")]
    summary = told("Time of each data stage", "各数据阶段用时")
    return f"<details><summary>{summary}</summary>{table(head, rows)}</details>" if rows else ""
