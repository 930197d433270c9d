"""Rows behind the chat templates of known families: the prompt that generation sends, the reply, its end, no more."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from families import FAMILIES, tokenizer_of

from mathdata.schema import conform
from mathdata.trainspec import parse_spec
from trainers.chat import end_tokens
from trainers.data import IGNORED, Example, encode
from trainers.preflight import preflight

REPLY = "12 + 30 = 42\n#### 42"
CHAT = {"model": "some/model", "prompt": "chat"}


def frame_of(**row: Any) -> pl.DataFrame:
    row = {"problem": "What is 12 + 30?", "solution": REPLY, "answer": "42", "verdict": "correct"} | row
    return conform(pl.DataFrame([row]))


def read(example: Example, tokenizer: Any) -> tuple[str, str]:
    """(everything before the first label, everything learnt)."""
    learnt = [t for t in example.labels if t != IGNORED]
    return tokenizer.decode(example.input_ids[: example.prompt_tokens]), tokenizer.decode(learnt)


def sent(tokenizer: Any, turns: list[dict[str, str]]) -> list[int]:
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_plain_row_is_the_prompt_of_generation_then_the_reply_outside_any_thought_then_its_end(name: str) -> None:
    tokenizer, family, spec, frame = tokenizer_of(name), FAMILIES[name], parse_spec(CHAT), frame_of()
    (example,) = encode(frame, spec, tokenizer)
    before, learnt = read(example, tokenizer)
    assert list(example.input_ids[: example.prompt_tokens]) == sent(
        tokenizer, [{"role": "user", "content": "What is 12 + 30?"}]
    )
    whole = (before[-40:] if family.opens else "") + learnt
    assert learnt.endswith(REPLY + family.ends)
    assert (whole.count("<think>"), whole.count("</think>")) in ((0, 0), (1, 1))
    thought = whole.partition("<think>")[2].partition("</think>")[0]
    assert thought.strip() == ""
    assert preflight(frame, [example], spec, tokenizer).findings == ()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    "row",
    [
        {"reasoning": "two numbers\nadd them"},
        {"solution": f"<think>\ntwo numbers\nadd them\n</think>\n\n{REPLY}"},
        {"solution": f"<think>two numbers\nadd them</think>{REPLY}", "reasoning": "two numbers\nadd them"},
    ],
    ids=["column", "solution", "both"],
)
def test_a_reasoning_row_thinks_once_and_closes_it_before_the_reply(name: str, row: dict[str, Any]) -> None:
    tokenizer, family, spec, frame = tokenizer_of(name), FAMILIES[name], parse_spec(CHAT), frame_of(**row)
    (example,) = encode(frame, spec, tokenizer)
    before, learnt = read(example, tokenizer)
    whole = (before[-40:] if family.opens else "") + learnt
    assert list(example.input_ids[: example.prompt_tokens]) == sent(
        tokenizer, [{"role": "user", "content": "What is 12 + 30?"}]
    )
    assert (whole.count("<think>"), whole.count("</think>")) == (1, 1)
    thought, _, answer = whole.partition("<think>")[2].partition("</think>")
    assert (thought.strip(), answer.strip()) == ("two numbers\nadd them", REPLY + family.ends)
    assert preflight(frame, [example], spec, tokenizer).findings == ()


@pytest.mark.parametrize("name", FAMILIES)
def test_thoughts_can_be_left_out(name: str) -> None:
    tokenizer, spec = tokenizer_of(name), parse_spec(CHAT | {"thoughts": "drop"})
    plain = encode(frame_of(), spec, tokenizer)[0]
    for row in ({"reasoning": "add"}, {"solution": f"<think>\nadd\n</think>\n\n{REPLY}"}):
        assert encode(frame_of(**row), spec, tokenizer)[0].labels == plain.labels


TURNS = [
    {"role": "user", "content": "What is 1 + 1?"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "And 2 + 2?"},
    {"role": "assistant", "content": "four"},
]


@pytest.mark.parametrize("name", [n for n in FAMILIES if not FAMILIES[n].opens])
def test_in_a_dialogue_every_reply_is_learnt_with_its_end(name: str) -> None:
    tokenizer, family, spec = tokenizer_of(name), FAMILIES[name], parse_spec(CHAT)
    frame = frame_of(messages=json.dumps(TURNS))
    (example,) = encode(frame, spec, tokenizer)
    read_back = [tokenizer.decode([t for t in example.labels[a:b] if t != IGNORED]) for a, b in example.spans]
    bare = [text.replace("<think>\n\n</think>\n\n", "").strip() for text in read_back]
    assert bare == [f"two{family.ends}", f"four{family.ends}"]
    assert list(example.input_ids[: example.prompt_tokens]) == sent(tokenizer, TURNS[:1])
    for k, (start, _) in enumerate(example.spans):
        assert tokenizer.decode(example.input_ids[:start]) == tokenizer.decode(sent(tokenizer, TURNS[: 2 * k + 1]))
    assert preflight(frame, [example], spec, tokenizer).findings == ()


@pytest.mark.parametrize("name", [n for n in FAMILIES if not FAMILIES[n].keeps])
def test_where_the_template_strips_earlier_thoughts_the_last_reply_alone_is_learnt_and_that_is_said(name: str) -> None:
    tokenizer, spec = tokenizer_of(name), parse_spec(CHAT)
    turns = [TURNS[0], {"role": "assistant", "content": "<think>\none and one\n</think>\n\ntwo"}, *TURNS[2:]]
    frame = frame_of(messages=json.dumps(turns))
    (example,) = encode(frame, spec, tokenizer)
    found = preflight(frame, [example], spec, tokenizer)
    assert [(f.check, f.rows) for f in found.refused] == [("earlier-turns", 1)]
    assert list(example.input_ids[: example.prompt_tokens]) == sent(tokenizer, turns[:3])
    learnt = tokenizer.decode([t for t in example.labels if t != IGNORED])
    assert learnt.endswith(f"four{FAMILIES[name].ends}")
    assert "two" not in learnt
    allowed = preflight(frame, [example], spec, tokenizer, allow=["earlier-turns"])
    assert (allowed.refused, len(allowed.examples)) == ([], 1)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_end_of_a_reply_is_among_the_tokens_that_stop_generation(name: str) -> None:
    tokenizer, family = tokenizer_of(name), FAMILIES[name]
    ends = {tokenizer.convert_ids_to_tokens(t) for t in end_tokens(tokenizer)}
    assert {family.ends, family.eos} <= ends
    assert tokenizer.pad_token not in ends
    assert not any(family.bos == e for e in ends)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_token_that_would_grow_across_the_border_leaves_the_prompt_as_generation_sends_it(name: str) -> None:
    tokenizer, spec = tokenizer_of(name), parse_spec(CHAT)
    frame = frame_of(solution="\n\n  42")
    (example,) = encode(frame, spec, tokenizer)
    assert list(example.input_ids[: example.prompt_tokens]) == sent(
        tokenizer, [{"role": "user", "content": "What is 12 + 30?"}]
    )
    assert preflight(frame, [example], spec, tokenizer).findings == ()
