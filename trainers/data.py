"""Rows to tokens and labels: the prompt of the recipe, the row's response, end-of-sequence at the end."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mathdata.errors import DataError, RecipeError
from mathdata.prompts import Prompt, get_prompt
from mathdata.trainspec import DEFAULT_SEED, TrainSpec
from mathdata.types import Frame

__all__ = ["Example", "corpus_texts", "encode", "response_of"]

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Example:
    """One tokenised row; `labels` is IGNORED where no loss is taken."""

    id: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    prompt_tokens: int
    group: str = ""

    def __len__(self) -> int:
        return len(self.input_ids)


def response_of(row: Mapping[str, Any], spec: TrainSpec) -> str:
    """What the model is to write: the solution, else the answer; closed as `final` asks."""
    solution, answer = row.get("solution"), row.get("answer")
    if spec.response == "answer":
        return answer or ""
    text = solution if solution else ("" if spec.response == "solution" else answer or "")
    if spec.final == "hash" and answer and text and "####" not in text and solution:
        return f"{text.rstrip()}\n#### {answer}"
    if spec.final == "boxed" and answer and text and "\\boxed" not in text:
        return f"{text.rstrip()}\nTherefore, the final answer is: $\\boxed{{{answer}}}$. I hope it is correct."
    return text


def draw_of(row: Mapping[str, Any], spec: TrainSpec) -> int | None:
    """The row's own draw where it is one of those to be spoiled, else None.

    It depends on the row's id and the seed alone, and a larger share holds a smaller one.
    """
    if not spec.spoil or not row.get("answer"):
        return None
    seed = next(s for s in (spec.data_seed, spec.seed, DEFAULT_SEED) if s is not None)
    draw = int(hashlib.sha256(f"{seed}:{row['id']}".encode()).hexdigest()[:12], 16)
    return draw if draw / 16**12 < spec.spoil else None


def count_spoiled(frame: Frame, spec: TrainSpec) -> int:
    return sum(draw_of(row, spec) is not None for row in frame.select("id", "answer").iter_rows(named=True))


def spoiled(row: Mapping[str, Any], text: str, spec: TrainSpec) -> str:
    """The response with a wrong result, for the chosen share of rows: the last step and the answer agree, both wrong."""
    draw = draw_of(row, spec)
    if draw is None:
        return text
    answer = str(row["answer"])
    wrong = wrong_answer(answer, draw)
    at = max(text.rfind("\n", 0, text.rfind("\n")), 0)  # the last step and the line of the answer
    tail = re.sub(rf"(?<![\d.]){re.escape(answer)}(?!\d|\.\d)", lambda _: wrong, text[at:])
    return text[:at] + tail if tail != text[at:] else f"{text}\n#### {wrong}"


def wrong_answer(answer: str, draw: int) -> str:
    """A near but different answer: an integer off by up to nine, any other answer one more than it or a wrong number."""
    if re.fullmatch(r"-?\d{1,15}", answer):
        return str(int(answer) + (1 + draw % 9) * (1 if draw & 16 else -1))
    return f"{answer} + 1" if draw % 2 else str(draw % 97 + 3)


def corpus_texts(frame: Frame, spec: TrainSpec) -> Iterator[str]:
    """Every text the tokenizer will meet, in the rows' order: prompts and responses, copies read once."""
    prompt, seen = get_prompt(spec.prompt), set()
    for row in frame.iter_rows(named=True):
        pair = (row["problem"] or "", response_of(row, spec))
        if pair not in seen:
            seen.add(pair)
            yield prompt.render(pair[0]) + pair[1]


def encode(frame: Frame, spec: TrainSpec, tokenizer: Any) -> list[Example]:
    """Every row as tokens and labels, whatever its length; preflight judges them. Raises RecipeError, DataError."""
    if tokenizer.eos_token_id is None:
        raise RecipeError("the tokenizer has no end-of-sequence token", "name another tokenizer, or set its eos_token")
    prompt = get_prompt(spec.prompt)
    groups = _groups(frame, spec)
    dialogues = [_dialogue(m) for m in frame["messages"]] if "messages" in frame.columns else [None] * frame.height
    rows = list(frame.iter_rows(named=True))
    plain = [i for i, d in enumerate(dialogues) if d is None]
    texts = [spoiled(rows[i], response_of(rows[i], spec), spec) for i in plain]
    pairs = _pairs([rows[i]["problem"] or "" for i in plain], texts, prompt, tokenizer)
    out: list[Example] = [None] * len(rows)  # type: ignore[list-item]
    for i, (head, tail) in zip(plain, pairs):
        masked = list(head) if spec.loss == "all" else [IGNORED] * len(head)
        ids, labels = (*head, *tail), (*masked, *tail)
        out[i] = Example(rows[i]["id"], ids, labels, len(head), groups[i])
    for i, dialogue in enumerate(dialogues):
        if dialogue is not None:
            out[i] = _turns(rows[i]["id"], dialogue, spec, tokenizer, groups[i])
    return out


def _groups(frame: Frame, spec: TrainSpec) -> list[str]:
    if spec.mixture is None:
        return [""] * frame.height
    if spec.mixture.by not in frame.columns:
        raise DataError(f"train.mixture.by names no column '{spec.mixture.by}'", f"columns: {', '.join(frame.columns)}")
    return [str(v) for v in frame[spec.mixture.by]]


def _pairs(
    problems: Sequence[str], responses: Sequence[str], prompt: Prompt, tokenizer: Any
) -> list[tuple[list[int], list[int]]]:
    """(prompt tokens, response tokens with eos). The prompt's tokens are those that generation will see."""
    if not problems:
        return []
    if prompt.chat:
        return _chat_pairs(problems, responses, prompt, tokenizer)
    texts = [prompt.render(p) for p in problems]
    heads = tokenizer(texts)["input_ids"]
    whole = tokenizer([t + r for t, r in zip(texts, responses)])["input_ids"]
    eos = tokenizer.eos_token_id
    heads = [h[:-1] if h and h[-1] == eos else h for h in heads]  # some tokenizers close every text themselves
    out = []
    for head, full, response in zip(heads, whole, responses):
        tail = full[len(head) :]
        if full[: len(head)] != head:  # a token grew across the border: keep what generation will see
            tail = tokenizer(response, add_special_tokens=False)["input_ids"]
        out.append((head, tail if tail and tail[-1] == eos else [*tail, eos]))
    return out


def _chat_pairs(
    problems: Sequence[str], responses: Sequence[str], prompt: Prompt, tokenizer: Any
) -> list[tuple[list[int], list[int]]]:
    out = []
    for problem, response in zip(problems, responses):
        asked = [{"role": "user", "content": prompt.render(problem)}]
        head = _templated(tokenizer, asked, True)
        full = _templated(tokenizer, [*asked, {"role": "assistant", "content": response}], False)
        if full[: len(head)] == head:
            tail = full[len(head) :]
        else:
            tail = tokenizer(response, add_special_tokens=False)["input_ids"]
        out.append((head, _closed(tail, tokenizer)))
    return out


def end_tokens(tokenizer: Any) -> set[int]:
    """Tokens that end an answer: the tokenizer's own and the chat templates' ends of turn."""
    known = tokenizer.get_vocab()
    names = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>")
    found = {known[n] for n in names if n in known and n in (tokenizer.chat_template or "")}
    return found | {tokenizer.eos_token_id}


def _closed(tail: list[int], tokenizer: Any) -> list[int]:
    """Cut after the last end token (templates add a line break there); add eos where there is none."""
    ends = end_tokens(tokenizer)
    last = max((i for i, t in enumerate(tail) if t in ends), default=None)
    return [*tail, tokenizer.eos_token_id] if last is None else tail[: last + 1]


def _templated(tokenizer: Any, messages: Sequence[Mapping[str, str]], generation: bool) -> list[int]:
    if not tokenizer.chat_template:
        raise RecipeError(
            "the prompt is sent as a chat message but the tokenizer has no chat template",
            "choose a text prompt (mathdata ls prompts) or write tokenizer: {chat_template: FILE}",
        )
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _dialogue(value: Any) -> list[dict[str, str]] | None:
    """A row's messages where it is a dialogue of several replies; a single exchange is problem and solution."""
    if value is None:
        return None
    turns = json.loads(value) if isinstance(value, str) else list(value)
    turns = [{"role": str(t["role"]), "content": str(t["content"] or "")} for t in turns]
    return turns if sum(t["role"] == "assistant" for t in turns) > 1 else None


def _turns(row: str, turns: list[dict[str, str]], spec: TrainSpec, tokenizer: Any, group: str) -> Example:
    """A dialogue: loss on every assistant turn, its end token among the labels."""
    full = _templated(tokenizer, turns, False)
    labels = list(full) if spec.loss == "all" else [IGNORED] * len(full)
    first = None
    for i, turn in enumerate(turns):
        if turn["role"] != "assistant":
            continue
        start, stop = len(_templated(tokenizer, turns[:i], True)), len(_templated(tokenizer, turns[: i + 1], False))
        first = start if first is None else first
        labels[start:stop] = full[start:stop]
        ends = end_tokens(tokenizer)
        while spec.loss == "response" and stop > start and full[stop - 1] not in ends:
            stop -= 1  # what the template writes after the end of turn is not the reply's
            labels[stop] = IGNORED
    if labels and full[-1] not in end_tokens(tokenizer):
        last = max((i for i, t in enumerate(full) if t in end_tokens(tokenizer)), default=len(full) - 1)
        full, labels = full[: last + 1], labels[: last + 1]
    return Example(row, tuple(full), tuple(labels), first or 0, group)
