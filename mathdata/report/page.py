"""The page as one file: style, script and data inside, nothing fetched, nothing from a row ever markup."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mathdata.report import sections
from mathdata.report.cases import pack, unify
from mathdata.report.markup import e, minutes, section, t, tag, told
from mathdata.report.runs import headlines
from mathdata.report.words import SHORT

__all__ = ["page"]

HERE = Path(__file__).parent


@cache
def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def page(run: Mapping[str, Any]) -> str:
    """The whole report; its content security policy admits its own style and script by hash, and nothing else."""
    arms, cases = unify(run.get("comparisons") or [])
    scripts = [_asset("temml.min.js")] if any(_has_math(c) for c in cases) else []
    scripts += [_asset("formulas.js"), _asset("page.js")]
    style = _asset("page.css")
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    said = content(run, arms, cases)
    body = masthead(run) + contents(said) + tag("main", said) + tag("footer", t("foot"))
    data = tag("script", pack(arms, cases, pair_of(run, arms)), id="cases-data", type="application/octet-stream")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{e(run.get('name') or 'mathdata')} · mathdata</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<div class="page">{body}</div>\n{data if cases else ""}\n'
        + "\n".join(f"<script>{s}</script>" for s in scripts)
        + "\n</body>\n</html>\n"
    )


def _has_math(case: Mapping[str, Any]) -> bool:
    texts = [case["problem"] or "", case.get("solution") or "", *(a["text"] for a in case["answers"].values())]
    return any("$" in x or "\\(" in x or "\\[" in x or "\\boxed" in x for x in texts)


def pair_of(run: Mapping[str, Any], arms: list[str]) -> tuple[int, int]:
    best = next(iter(headlines(run)), None)
    if best is None or not arms:
        return 0, 0
    return arms.index(best.before), arms.index(best.after)


def masthead(run: Mapping[str, Any]) -> str:
    facts = [
        t("made", when=str(run["created"]).replace("T", " ").rstrip("Z")) if run.get("created") else "",
        t("took", minutes=minutes(run["seconds"])) if run.get("seconds") else "",
        t("seed", seed=run["seed"]) if run.get("seed") is not None else "",
        t("digest", digest=str(run["digest"])[:12]) if run.get("digest") else "",
    ]
    meta = tag("div", "".join(tag("span", f) for f in facts if f), "meta")
    tools = (
        '<button type="button" data-lang="en" aria-pressed="true">English</button>'
        '<button type="button" data-lang="zh" aria-pressed="false" lang="zh">中文</button>'
        f'<button type="button" id="theme">{t("theme")}</button>'
    )
    brand = tag("div", "<b>math</b>data", "brand")
    return tag("header", brand + meta + tag("div", tools, "tools"))


_HEADED = re.compile(r'<section id="(\w+)"><h2>')


def contents(said: str) -> str:
    """Links to the sections that there are."""
    links = "".join(f'<a href="#{name}">{told(*SHORT[name])}</a>' for name in _HEADED.findall(said))
    return tag("nav", links, aria_label="sections") if links else ""


def content(run: Mapping[str, Any], arms: list[str], cases: list[dict[str, Any]]) -> str:
    parts = [sections.answer(run), *(make(run) for make in sections.SECTIONS)]
    if cases:
        parts.append(viewer())
    return "".join([*parts, sections.repeat(run)])


def viewer() -> str:
    """The empty frame of the cases; the script fills it as text."""
    kinds = [
        ("case-flip", "all flips", "全部变化"), ("case-why", "all mistakes", "全部错误"),
        ("case-verdict", "all verdicts", "全部判定"), ("case-subject", "all subjects", "全部科目"),
        ("case-level", "all levels", "全部等级"), ("case-method", "all methods", "全部方法"), ("case-benchmark", "all benchmarks", "全部基准"),
    ]  # fmt: skip
    selects = "".join(
        f'<select id="{i}" aria-label="{en}"><option value="" data-o="{en}|{zh}">{en}</option></select>'
        for i, en, zh in kinds
    )
    pick = '<select id="case-a" aria-label="first arm"></select><select id="case-b" aria-label="second arm"></select>'
    search = (
        '<input id="case-search" type="search" placeholder="Search text" data-en="Search text" '
        'data-zh="搜索文字" aria-label="search">'
    )
    body = (
        tag("div", pick + selects + search, "filters", id="filters")
        + '<div class="chips" id="case-flips"></div><p class="count" id="case-count" aria-live="polite"></p><div id="case-list"></div>'
        + f'<button type="button" class="more" id="case-more" hidden>{_more()}</button>'
        + tag("noscript", tag("p", t("noscript")))
    )
    return section("cases", "cases", body, t("cases_lead"))


def _more() -> str:
    return '<span class="en">Show 20 more</span><span class="zh" lang="zh">再显示 20 例</span>'
