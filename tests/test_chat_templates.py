"""Templates that print today's date: pinned to one day, in every form they ask for, and named by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mathdata.chat_templates import DAY, pin, pinned, template_in, template_of

LLAMA = (
    "{%- if not date_string is defined %}{%- if strftime_now is defined %}"
    '{%- set date_string = strftime_now("%d %b %Y") %}{%- else %}{%- set date_string = "26 Jul 2024" %}{%- endif %}{%- endif %}'
    "Today Date: {{ date_string }}\n{% for m in messages %}{{ m['content'] }}{% if loop.last and m['role'] == 'user' %}"
    "{{ strftime_now('%Y-%m-%d') }}{% endif %}{{ eos_token }}{% endfor %}"
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    from tests.backends.tiny_model import make_tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder, ["1 + 1"])
    return AutoTokenizer.from_pretrained(folder)


def shown(tokenizer: Any) -> str:
    return str(tokenizer.apply_chat_template([{"role": "user", "content": "hello"}], tokenize=False))


def test_a_template_that_prints_today_prints_one_day_in_each_of_its_forms(tokenizer: Any) -> None:
    tokenizer.chat_template = LLAMA
    today = shown(tokenizer)
    text = shown(pin(tokenizer))
    assert text == "Today Date: 26 Jul 2024\nhello2024-07-26<|end|>"
    assert text != today
    assert f"{DAY:%d %b %Y}" == "26 Jul 2024"


def test_pinning_twice_changes_nothing_and_a_template_without_a_date_stays() -> None:
    assert pinned(pinned(LLAMA)) == pinned(LLAMA)
    assert pinned("{{ messages }}") == "{{ messages }}"


def test_a_form_that_is_not_written_out_is_the_day_itself(tokenizer: Any) -> None:
    tokenizer.chat_template = "{% set f = '%d/%m' %}{{ strftime_now(f) }}"
    assert shown(pin(tokenizer)) == "2024-07-26"


def test_a_pinned_tokenizer_is_saved_pinned_and_is_the_same_template_as_before(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.chat_template = LLAMA
    tokenizer.save_pretrained(tmp_path / "own")
    before = template_in(tmp_path / "own")
    assert before is not None
    assert before["date"] == "2024-07-26"
    pin(tokenizer).save_pretrained(tmp_path / "pinned")
    assert template_in(tmp_path / "pinned") == before == template_of(tokenizer)
    from transformers import AutoTokenizer

    assert "26 Jul 2024" in shown(AutoTokenizer.from_pretrained(tmp_path / "pinned"))


@pytest.mark.parametrize("change", [{"chat_template": "{{ messages }} "}, {"eos_token": "</s>"}, {"bos_token": "<s>"}])
def test_what_turns_messages_into_text_is_in_its_digest(tmp_path: Path, change: dict[str, str]) -> None:
    config = {"chat_template": "{{ messages }}", "eos_token": {"content": "<|end|>"}}
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps(config))
    before = template_in(tmp_path)
    assert before == {"digest": before and before["digest"], "date": None}
    path.write_text(json.dumps(config | change))
    assert template_in(tmp_path) != before


def test_a_folder_without_a_template_has_none(tmp_path: Path) -> None:
    assert template_in(tmp_path) is None
