"""Small parts of the page: escaped text, two languages side by side, numbers as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from mathdata.report.words import WORDS

__all__ = [
    "both",
    "clean",
    "e",
    "integer",
    "minutes",
    "p_value",
    "percent",
    "points",
    "section",
    "t",
    "table",
    "tag",
    "told",
]


def clean(value: Any) -> str:
    """Text without control codes: nothing from a row may steer a page or a terminal."""
    return _CONTROL.sub("�", str(value))


# Control and format codes (direction marks and overrides, zero widths, tags), line separators, lone surrogates.
_CONTROL = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f]"
)


def e(value: Any) -> str:
    """Text from outside, safe inside markup and inside a quoted attribute."""
    return escape(clean(value), quote=True)


def told(english: str, chinese: str) -> str:
    """Both languages; the switch shows one. The arguments are markup already."""
    return f'<span class="en">{english}</span><span class="zh" lang="zh">{chinese}</span>'


def both(value: Any) -> str:
    """Text from outside in one language, or in the two that it gives as {en: ..., zh: ...}."""
    if not isinstance(value, dict):
        return e(value)
    english, chinese = value.get("en") or value.get("zh") or "", value.get("zh") or value.get("en") or ""
    return told(e(english), e(chinese))


def t(key: str, **values: Any) -> str:
    """A phrase of `WORDS` in both languages, its values escaped."""
    english, chinese = WORDS[key]
    safe = {k: e(v) for k, v in values.items()}
    return told(english.format(**safe), chinese.format(**safe))


def tag(name: str, content: str, css: str = "", **attributes: Any) -> str:
    """An element; attribute names in Python spelling (`data_x` -> `data-x`)."""
    given = {"class": css} if css else {}
    given |= {k.rstrip("_").replace("_", "-"): v for k, v in attributes.items() if v is not None}
    text = "".join(f' {k}="{e(v)}"' for k, v in given.items())
    return f"<{name}{text}>{content}</{name}>"


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def points(value: float | None, digits: int = 1) -> str:
    """A signed difference with a true minus: +69.4, −1.2."""
    if value is None:
        return "–"
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[1:] if float(f"{value:.{digits}f}") == 0 else text


def p_value(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"= {value:.3f}" if value < 0.1 else f"= {value:.2f}"


def integer(value: Any) -> str:
    """Thousands kept apart by a thin space."""
    return "–" if value is None else f"{round(value):,}".replace(",", "\u202f").replace("-", "−")


def section(name: str, key: str, body: str, lead: str = "") -> str:
    if not body:
        return ""
    return tag("section", tag("h2", t(key)) + (tag("p", lead, "lead") if lead else "") + body, id=name)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], text: Sequence[int] = ()) -> str:
    """A table of markup; columns where no row has anything are left out. `text`: columns that are prose, not numbers."""
    keep = [i for i in range(len(head)) if i == 0 or any(row[i] not in ("", "–") for row in rows)]
    if not rows:
        return ""
    top = "".join(tag("th", head[i], "text" if i in text else "", scope="col") for i in keep)
    body = "".join(tag("tr", "".join(tag("td", r[i], "text" if i in text else "") for i in keep)) for r in rows)
    return tag("div", tag("table", tag("thead", tag("tr", top)) + tag("tbody", body)), "scroll")


def minutes(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds >= 0.05 else "< 0.1 s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
