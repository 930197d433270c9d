"""Rows as one self-contained page: search, filters, mathematics; nothing fetched, nothing from a row ever markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.markup import clean, e, integer, tag, told
from mathdata.show import figures
from mathdata.types import Frame

__all__ = ["page"]

FILTERS = ("reject", "topic", "method", "source", "level", "language", "verdict")
FACTS = (
    ("answer", "answer", "答案"),
    ("exact", "exact", "精确值"),
    ("topic", "topic", "主题"),
    ("level", "level", "等级"),
    ("method", "method", "方法"),
    ("teacher", "teacher", "教师"),
    ("verdict", "verdict", "判定"),
    ("source", "source", "来源"),
    ("license", "licence", "许可"),
    ("origin", "origin", "出处"),
)
LONGEST = 6000


def page(frame: Frame, title: str, limit: int, everything: Frame | None = None) -> str:
    """The first `limit` rows of a frame, above them what the whole frame holds.

    `everything`: where the rows' ancestors are looked for, for instance the rejects that stand beside the file.
    """
    from mathdata.report.page import _asset, _hash

    rows = frame.head(limit)
    scripts = [_asset("temml.min.js")] if has_math(rows) else []
    scripts += [_asset("formulas.js"), _asset("rows.js")]
    style = _asset("page.css")
    policy = f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    known = ancestors(rows, frame if everything is None else everything)
    body = head(frame, title) + tag("main", tag("section", summary(frame) + listing(rows, frame.height, known)))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n<title>{e(title)} · mathdata</title>\n<style>{style}</style>\n'
        f'</head>\n<body>\n<div class="page">{body}</div>\n'
        + "\n".join(f"<script>{s}</script>" for s in scripts)
        + "\n</body>\n</html>\n"
    )


def has_math(frame: Frame) -> bool:
    import polars as pl

    found = pl.any_horizontal(
        [pl.col(c).str.contains(r"\$|\\\(|\\\[").fill_null(False) for c in ("problem", "solution")]
    )
    return bool(frame.select(found.any()).item())


def head(frame: Frame, title: str) -> str:
    tools = (
        '<button type="button" data-lang="en" aria-pressed="true">English</button>'
        '<button type="button" data-lang="zh" aria-pressed="false" lang="zh">中文</button>'
        f'<button type="button" id="theme">{told("light/dark", "明暗")}</button>'
    )
    n = integer(frame.height)
    meta = tag("span", e(title)) + tag("span", told(f"{n} rows", f"{n} 行"))
    return tag("header", tag("div", "<b>math</b>data", "brand") + tag("div", meta, "meta") + tag("div", tools, "tools"))


def summary(frame: Frame) -> str:
    """Counts by column, folded away."""
    made = figures(frame)
    tables = ""
    for name, counts in made.items():
        if isinstance(counts, Mapping) and name != "characters":
            cells = "".join(tag("dt", e(k)) + tag("dd", integer(n)) for k, n in counts.items())
            tables += tag("h3", e(name)) + tag("dl", cells)
    return tag("details", tag("summary", told("What is in it", "内容统计")) + tables, id="counts")


def ancestors(rows: Frame, everything: Frame) -> dict[str, Mapping[str, Any]]:
    """The rows that these were made from, and what those were made from, as far as they are known."""
    import polars as pl

    wanted = everything.select("id", "problem", "answer", "parents", "method", "reject")
    wanted = wanted.sort(pl.col("reject").is_null(), maintain_order=True)  # a kept row stands for its rejected twins
    found: dict[str, Mapping[str, Any]] = {}
    ids = {p for parents in rows["parents"].drop_nulls() for p in parents}
    for _ in range(DEEPEST):
        new = {r["id"]: r for r in wanted.filter(pl.col("id").is_in(sorted(ids - set(found)))).iter_rows(named=True)}
        found |= new
        ids = {p for r in new.values() for p in r["parents"] or []}
        if not ids:
            break
    return found


DEEPEST = 6
"""Generations shown above a row."""


def lineage(parents: Sequence[str], known: Mapping[str, Mapping[str, Any]], seen: frozenset[str]) -> str:
    """The tree above a row, as nested lists."""
    lines = []
    for parent in parents[:20]:
        row = known.get(parent)
        if row is None:
            lines.append(tag("li", e(parent) + " " + told("(not in these files)", "（不在这些文件中）")))
        elif parent not in seen and len(seen) <= DEEPEST:
            how = e(row["method"] or "original") + (f" [{e(row['reject'])}]" if row["reject"] else "")
            said = f"{e(parent)} <b>{how}</b>: {e(str(row['problem'])[:200])} = {e(str(row['answer'])[:60])}"
            lines.append(tag("li", said + lineage(row["parents"] or [], known, seen | {parent})))
    return tag("ul", "".join(lines)) if lines else ""


def listing(rows: Frame, total: int, known: Mapping[str, Mapping[str, Any]]) -> str:
    shown = told(
        f"first {integer(rows.height)} of {integer(total)} rows",
        f"共 {integer(total)} 行，显示前 {integer(rows.height)} 行",
    )
    bar = "".join(select(rows, name) for name in FILTERS)
    bar += '<input id="row-search" type="search" placeholder="Search / 搜索" aria-label="search">'
    counted = f'<p class="count">{shown} · <span id="row-count" aria-live="polite"></span></p>'
    articles = "".join(article(r, known) for r in rows.iter_rows(named=True))
    return tag("div", bar, "filters") + counted + articles


def select(rows: Frame, name: str) -> str:
    """A filter, where the rows differ in the column and not too much. Values carry a mark so that empty is a value."""
    values = sorted({"" if v is None else str(v) for v in rows[name].to_list()})
    if not 1 < len(values) <= 60:
        return ""
    options = tag("option", e(f"{name}: all"), value="") + "".join(
        tag("option", e(v or "(none)"), value="=" + v) for v in values
    )
    return tag("select", options, data_by=name, aria_label=name)


def article(row: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> str:
    marks = {f"data_{n}": "" if row[n] is None else str(row[n]) for n in FILTERS}
    facts = "".join(
        tag("span", told(en, zh) + " " + tag("b", e(str(row[name])[:300])))
        for name, en, zh in FACTS
        if row[name] is not None
    )
    state = tag("mark", e(row["reject"])) + " " if row["reject"] else ""
    body = tag("div", text(row["problem"]), "text") + tag("div", state + tag("span", e(row["id"])) + facts, "facts")
    tree = lineage([p for p in row["parents"] or [] if p], known, frozenset({str(row["id"])}))
    body += tag("details", tag("summary", told("made from", "来自")) + tree, "tree") if tree else ""
    if row["reject_why"]:
        body += tag("p", e(row["reject_why"]), "why")
    solution = tag("div", tag("div", text(row["solution"]), "text"), "side-by") if row["solution"] else ""
    return tag("article", tag("div", body, "q") + solution, "case", id=str(row["id"]), **marks)


def text(value: str | None) -> str:
    cut = clean(value or "")
    return e(cut if len(cut) <= LONGEST else cut[:LONGEST] + f" … ({len(cut) - LONGEST} more characters)")
