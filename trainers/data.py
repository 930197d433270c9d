"""Rows to tokens and labels: the prompt of the recipe, the row's response, end-of-sequence at the end."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mathdata.errors import DataError, RecipeError
from mathdata.prompts import get_prompt
from mathdata.thoughts import apart, framed, opens
from mathdata.trainspec import DEFAULT_SEED, TrainSpec
from mathdata.types import Frame
from trainers.chat import Chat, Refused, Spoken

__all__ = ["Dialogue", "Example", "corpus_texts", "dialogue_of", "encode", "reply_of", "response_of"]

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Example:
    """One tokenised row; `labels` is IGNORED where no loss is taken."""

    id: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    prompt_tokens: int
    group: str = ""
    spans: tuple[tuple[int, int], ...] = ()
    """Places of the replies, each with its end token."""
    notes: tuple[str, ...] = ()
    """Words of `mathdata.findings` that were met while it was written."""
    why: str = ""
    """What the template said where it refuses the row."""

    def __len__(self) -> int:
        return len(self.input_ids)


def response_of(row: Mapping[str, Any], spec: TrainSpec) -> str:
    """What the model is to write: the solution, else the answer, closed as `final` asks; its thought before it."""
    if spec.response == "answer":
        return row.get("answer") or ""
    return with_thought(_closed(row, spec), row.get("reasoning"), spec)


def with_thought(text: str, thought: str | None, spec: TrainSpec) -> str:
    """Reasoning that was told apart put before its answer, unless it stands there already; or left out."""
    own, answer = apart(text)
    if spec.thoughts == "drop":
        return text if own is None else answer.lstrip()
    if not thought or not thought.strip() or own is not None:
        return text
    return framed(thought, text)


def reply_of(row: Mapping[str, Any], spec: TrainSpec) -> str:
    """The reply as it is trained: the response, spoiled where the recipe asks for it."""
    return spoiled(row, response_of(row, spec), spec)


def _closed(row: Mapping[str, Any], spec: TrainSpec) -> str:
    solution, answer = row.get("solution"), row.get("answer")
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
    chat, groups = Chat(tokenizer), _groups(frame, spec)
    rows = list(frame.iter_rows(named=True))
    dialogues = [dialogue_of(row, spec) for row in rows]
    single = [i for i, d in enumerate(dialogues) if not d.several]
    replies = [reply_of(rows[i], spec) for i in single]
    spoken: list[Spoken | Refused] = [Refused()] * len(rows)
    for i, made in zip(single, _exchanges([rows[i]["problem"] or "" for i in single], replies, spec, chat)):
        spoken[i] = made
    for i, dialogue in enumerate(dialogues):
        if dialogue.several:
            spoken[i] = _dialogue(dialogue, chat)
    return [
        _example(row["id"], made, dialogue.notes, spec, group)
        for row, made, dialogue, group in zip(rows, spoken, dialogues, groups)
    ]


def _dialogue(dialogue: Dialogue, chat: Chat) -> Spoken | Refused:
    try:
        return chat.dialogue(dialogue.turns)
    except Refused as error:
        return error


def _example(row: str, spoken: Spoken | Refused, notes: tuple[str, ...], spec: TrainSpec, group: str) -> Example:
    """Loss on the replies and their ends, or on everything; a row that the template refuses has no tokens."""
    if isinstance(spoken, Refused):
        return Example(row, (), (), 0, group, (), (*notes, "template-refuses"), str(spoken))
    labels = list(spoken.ids) if spec.loss == "all" else [IGNORED] * len(spoken.ids)
    for start, stop in spoken.spans:
        labels[start:stop] = spoken.ids[start:stop]
    every = (*notes, *spoken.notes)
    return Example(row, spoken.ids, tuple(labels), spoken.spans[0][0], group, spoken.spans, every)


def _groups(frame: Frame, spec: TrainSpec) -> list[str]:
    if spec.mixture is None:
        return [""] * frame.height
    if spec.mixture.by not in frame.columns:
        raise DataError(f"train.mixture.by names no column '{spec.mixture.by}'", f"columns: {', '.join(frame.columns)}")
    return [str(v) for v in frame[spec.mixture.by]]


def _exchanges(problems: Sequence[str], replies: Sequence[str], spec: TrainSpec, chat: Chat) -> list[Spoken | Refused]:
    """Single exchanges as tokens. The prompt's tokens are those that generation will see."""
    prompt, tokenizer = get_prompt(spec.prompt), chat.tokenizer
    if not problems:
        return []
    texts = [prompt.render(p) for p in problems]
    if prompt.chat:
        return chat.exchanges([[{"role": "user", "content": t}] for t in texts], replies)
    replies = [framed(*apart(r), opened=True) if opens(t) else r for t, r in zip(texts, replies)]
    heads = tokenizer(texts)["input_ids"]
    wholes = tokenizer([t + r for t, r in zip(texts, replies)])["input_ids"]
    eos = tokenizer.eos_token_id
    out: list[Spoken | Refused] = []
    for head, whole, reply in zip(heads, wholes, replies):
        head = head[:-1] if head and head[-1] == eos else head  # some tokenizers close every text themselves
        tail = whole[len(head) :]
        if whole[: len(head)] != head:  # a token grew across the border: keep what generation will see
            tail = tokenizer(reply, add_special_tokens=False)["input_ids"]
        tail = tail if tail and tail[-1] == eos else [*tail, eos]
        out.append(Spoken((*head, *tail), ((len(head), len(head) + len(tail)),)))
    return out


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A row's messages as role and text; no turns where it has none."""

    turns: tuple[dict[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def replies(self) -> list[str]:
        return [t["content"] for t in self.turns if t["role"] == "assistant"]

    @property
    def several(self) -> bool:
        """A dialogue of several replies is trained as it stands; a single exchange is problem and solution."""
        return len(self.replies) > 1


def dialogue_of(row: Mapping[str, Any], spec: TrainSpec) -> Dialogue:
    """The row's dialogue: parts of a turn joined, thoughts before their answers, what is no text noted."""
    value = row.get("messages")
    if value is None:
        return Dialogue()
    raw = json.loads(value) if isinstance(value, str) else list(value)
    turns = tuple({"role": str(t["role"]), "content": _content(t, spec)} for t in raw)
    notes = ("not-text",) if any(_other_parts(t) for t in raw) else ()
    made = Dialogue(turns, notes)
    if not made.several and any(t["role"] == "system" and t["content"].strip() for t in turns):
        return Dialogue(turns, (*notes, "system-turn"))
    return made


def _content(turn: Mapping[str, Any], spec: TrainSpec) -> str:
    content = turn.get("content") or ""
    if not isinstance(content, str):
        content = "".join(str(p.get("text") or "") for p in content if isinstance(p, Mapping))
    if turn["role"] != "assistant":
        return content
    return with_thought(content, turn.get("reasoning_content") or turn.get("reasoning"), spec)


def _other_parts(turn: Mapping[str, Any]) -> bool:
    content = turn.get("content")
    parts = content if isinstance(content, list) else []
    return any(not isinstance(p, Mapping) or p.get("type", "text") != "text" for p in parts)
