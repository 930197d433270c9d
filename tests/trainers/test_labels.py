"""Tokens and labels: the model learns the response and its end, and sees the prompt that generation sends."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from mathdata.errors import DataError, RecipeError
from mathdata.prompts import PROMPTS, get_prompt
from mathdata.schema import conform
from trainers.data import IGNORED, corpus_texts, count_spoiled, encode, response_of
from trainers.tokens import load_tokenizer, set_pad, train_tokenizer


@pytest.fixture
def tokenizer(rows: Any, tiny: Any) -> Any:
    return load_tokenizer(tiny(), corpus_texts(rows(40), tiny()))


def test_digits_stay_single_tokens_and_any_text_comes_back(tokenizer: Any) -> None:
    pieces = [tokenizer.decode([t]) for t in tokenizer("12345 + 678")["input_ids"]]
    assert [p for p in pieces if any(c.isdigit() for c in p)] == list("12345678")
    for text in ("解方程 3x − 5 = 16", "\\frac{1}{2}\x00\t☃", "𝒳 ≠ ÿ"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_padding_is_never_the_end_of_sequence(tokenizer: Any) -> None:
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    tokenizer.pad_token = tokenizer.eos_token
    set_pad(tokenizer)
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_a_reserved_token_is_taken_as_padding_before_a_new_one_is_made(tokenizer: Any) -> None:
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|reserved_special_token_0|>"]})
    tokenizer.pad_token = tokenizer.eos_token
    size = len(tokenizer)
    set_pad(tokenizer)
    assert tokenizer.pad_token == "<|reserved_special_token_0|>"
    assert len(tokenizer) == size


@pytest.mark.parametrize("name", sorted(n for n, p in PROMPTS.items() if not p.chat))
def test_the_tokens_before_the_labels_are_those_that_generation_sends(name: str, rows: Any, tiny: Any) -> None:
    spec, frame = tiny(prompt=name), rows(8)
    tokenizer = load_tokenizer(spec, corpus_texts(frame, spec))
    for row, example in zip(frame.iter_rows(named=True), encode(frame, spec, tokenizer)):
        sent = tokenizer(get_prompt(name).render(row["problem"]))["input_ids"]
        first = next(i for i, t in enumerate(example.labels) if t != IGNORED)
        assert list(example.input_ids[:first]) == sent
        learnt = [t for t in example.labels if t != IGNORED]
        assert tokenizer.decode(learnt[:-1]) == row["solution"]
        assert learnt[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize("name", ["chat", "steps"])
def test_a_chat_prompt_goes_through_the_template_and_ends_with_its_end(name: str, rows: Any, tiny: Any) -> None:
    spec, frame = tiny(prompt=name, max_length=2048), rows(4)
    tokenizer = load_tokenizer(spec, corpus_texts(frame, spec))
    example, problem = encode(frame, spec, tokenizer)[0], frame["problem"][0]
    asked = [{"role": "user", "content": get_prompt(name).render(problem)}]
    sent = tokenizer(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True))["input_ids"]
    assert list(example.input_ids[: example.prompt_tokens]) == sent
    assert example.labels[-1] == tokenizer.eos_token_id
    assert tokenizer.decode([t for t in example.labels[:-1] if t != IGNORED]) == frame["solution"][0]


def test_a_text_prompt_of_a_tokenizer_made_here_has_no_chat_template(tokenizer: Any, rows: Any, tiny: Any) -> None:
    assert tokenizer.chat_template is None
    with pytest.raises(RecipeError, match="no chat template"):
        encode(rows(2), tiny(prompt="chat"), tokenizer)


def test_loss_all_learns_the_prompt_too(tokenizer: Any, rows: Any, tiny: Any) -> None:
    example = encode(rows(1), tiny(loss="all"), tokenizer)[0]
    assert example.labels == example.input_ids


def test_in_a_dialogue_every_assistant_turn_is_learnt_with_its_end_and_nothing_else(rows: Any, tiny: Any) -> None:
    turns = [
        {"role": "user", "content": "What is 1 + 1?"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "And 2 + 2?"},
        {"role": "assistant", "content": "four"},
    ]
    frame = rows(1).with_columns(pl.Series("messages", [json.dumps(turns)]))
    spec = tiny(prompt="chat")
    tokenizer = load_tokenizer(spec, corpus_texts(rows(20), spec))
    example = encode(frame, spec, tokenizer)[0]
    learnt = tokenizer.decode([t for t in example.labels if t != IGNORED])
    assert learnt == f"two{tokenizer.eos_token}four{tokenizer.eos_token}"
    assert example.labels[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize(
    ("settings", "row", "expected"),
    [
        ({}, {"solution": "a\n#### 3", "answer": "3"}, "a\n#### 3"),
        ({}, {"solution": None, "answer": "3"}, "3"),
        ({"response": "answer"}, {"solution": "a", "answer": "3"}, "3"),
        ({"response": "solution"}, {"solution": None, "answer": "3"}, ""),
        ({"final": "hash"}, {"solution": "a", "answer": "3"}, "a\n#### 3"),
        ({"final": "hash"}, {"solution": "a\n#### 3", "answer": "3"}, "a\n#### 3"),
        ({"final": "hash"}, {"solution": None, "answer": "3"}, "3"),
    ],
)
def test_the_response_is_the_solution_closed_as_asked(settings: Any, row: Any, expected: str, tiny: Any) -> None:
    assert response_of(row, tiny(**settings)) == expected


def test_a_boxed_end_is_written_once(tiny: Any) -> None:
    spec = tiny(final="boxed")
    assert response_of({"solution": "a", "answer": "3"}, spec).endswith("$\\boxed{3}$. I hope it is correct.")
    assert response_of({"solution": "so \\boxed{3}", "answer": "3"}, spec) == "so \\boxed{3}"


def test_a_mixture_by_a_column_that_is_not_there_is_an_error(tokenizer: Any, rows: Any, tiny: Any) -> None:
    spec = tiny(mixture={"by": "origin_set", "weights": {"a": 1}})
    with pytest.raises(DataError, match="origin_set"):
        encode(rows(2), spec, tokenizer)


def test_the_same_corpus_gives_the_same_tokenizer(rows: Any, tiny: Any) -> None:
    training = tiny().tokenizer.train
    first, second = (train_tokenizer(corpus_texts(rows(40), tiny()), training, 64) for _ in range(2))
    assert first.get_vocab() == second.get_vocab()


def test_empty_and_odd_rows_are_encoded_not_dropped(tokenizer: Any, tiny: Any) -> None:
    odd = conform(
        pl.DataFrame({"problem": ["", "x" * 2000, "1\x00"], "solution": ["", None, "y"], "answer": ["", "1", "2"]})
    )
    assert len(encode(odd, tiny(), tokenizer)) == 3


def test_a_planted_share_of_solutions_is_wrong_and_larger_shares_hold_smaller_ones(
    tokenizer: Any, rows: Any, tiny: Any
) -> None:
    frame = rows(80)
    clean = encode(frame, tiny(), tokenizer)
    changed: list[set[int]] = []
    for share in (0.1, 0.2, 0.4):
        spec = tiny(spoil=share, seed=5)
        dirty = encode(frame, spec, tokenizer)
        wrong = {i for i in range(80) if dirty[i] != clean[i]}
        assert len(wrong) == count_spoiled(frame, spec)
        assert abs(len(wrong) / 80 - share) < 0.12
        changed.append(wrong)
        for i in wrong:
            text = tokenizer.decode([t for t in dirty[i].labels if t != IGNORED])
            told = text.split("#### ")[1].removesuffix(tokenizer.eos_token)
            assert told != frame["answer"][i]
            assert f"= {told}\n" in text  # the last step agrees with the wrong answer
    assert changed[0] < changed[1] < changed[2]
