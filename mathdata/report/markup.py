"""Small parts of the page: escaped text, two languages side by side, numbers as people read them."""

from __future__ import annotations

from html import escape
from typing import Any

from mathdata.report.words import WORDS

__all__ = ["clean", "e", "integer", "p_value", "percent", "points", "t", "tag", "told"]


def clean(value: Any) -> str:
    """Text without control codes: nothing from a row may steer a page or a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in str(value))


def e(value: Any) -> str:
    """Text from outside, safe inside markup and inside a quoted attribute."""
    return escape(clean(value), quote=True)


def told(english: str, chinese: str) -> str:
    """Both languages; the switch shows one. The arguments are markup already."""
    return f'<span class="en">{english}</span><span class="zh" lang="zh">{chinese}</span>'


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
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def p_value(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"= {value:.3f}" if value < 0.1 else f"= {value:.2f}"


def integer(value: Any) -> str:
    """Thousands kept apart by a thin space."""
    return "–" if value is None else f"{round(value):,}".replace(",", "\u202f").replace("-", "−")
