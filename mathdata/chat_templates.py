"""Chat templates: one that prints today's date is pinned to one day, so that the same messages are the same text tomorrow."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from mathdata.errors import DataError
from mathdata.manifest import digest_of

__all__ = ["DAY", "Template", "pin", "pinned", "template_in", "template_of"]

DAY = datetime(2024, 7, 26)
"""The day that every template prints: the one that Llama 3's own falls back to where it is given none."""

_MARK = "{#- the date is pinned -#}"
_CALL = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")

Template = dict[str, Any]
"""What turns messages into text: the `digest` of template, begin and end tokens, and the `date` it prints, None for none."""


def pinned(template: str) -> str:
    """The template with today's date replaced by `DAY`, in each form that it asks for; others as they are.

    >>> pinned("{{ messages }}")
    '{{ messages }}'
    """
    if "strftime_now" not in template or template.startswith(_MARK):
        return template
    forms = dict.fromkeys(form for _, form in _CALL.findall(template))
    cases = "".join(f"{{%- if format == {json.dumps(f)} -%}}{DAY.strftime(f)}{{%- else -%}}" for f in forms)
    body = f"{cases}{DAY:%Y-%m-%d}{'{%- endif -%}' * len(forms)}"
    return f"{_MARK}{{%- macro strftime_now(format) -%}}{body}{{%- endmacro -%}}{template}"


def pin(tokenizer: Any) -> Any:
    """The tokenizer, its templates pinned: what is trained, asked and saved with it reads the same on every day."""
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, str):
        tokenizer.chat_template = pinned(template)
    elif isinstance(template, dict):
        tokenizer.chat_template = {name: pinned(text) for name, text in template.items()}
    return tokenizer


def template_of(tokenizer: Any) -> Template | None:
    """What turns messages into text by this tokenizer, None where it has no template."""
    return _described(
        getattr(tokenizer, "chat_template", None),
        getattr(tokenizer, "bos_token", None),
        getattr(tokenizer, "eos_token", None),
    )


def template_in(folder: Path) -> Template | None:
    """The same from a model's folder, without loading its tokenizer. Raises DataError for files that cannot be read."""
    try:
        path, own = folder / "tokenizer_config.json", folder / "chat_template.jinja"
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        template = own.read_text(encoding="utf-8") if own.is_file() else config.get("chat_template")
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: the tokenizer's files cannot be read: {error}", "copy the folder again") from None
    if isinstance(template, list):
        template = {t.get("name"): t.get("template") for t in template}
    return _described(template, _text(config.get("bos_token")), _text(config.get("eos_token")))


def _text(token: Any) -> Any:
    return token.get("content") if isinstance(token, dict) else token


def _described(template: Any, bos: Any, eos: Any) -> Template | None:
    text = template.get("default") if isinstance(template, dict) else template
    if not text:
        return None
    made = pinned(text)
    date = f"{DAY:%Y-%m-%d}" if "strftime_now" in text else None
    return {"digest": digest_of([made, str(bos or ""), str(eos or "")])[:12], "date": date}
