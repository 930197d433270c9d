"""The labels, decoded: they must read as the row's reply and its end, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mathdata.prompts import get_prompt
from mathdata.thoughts import CLOSE, OPEN, apart, same
from mathdata.trainspec import TrainSpec
from mathdata.types import Frame
from trainers.chat import end_tokens, ids_of
from trainers.data import IGNORED, Dialogue, Example, dialogue_of, reply_of
from trainers.preflight.finding import Finding, counted

__all__ = ["replies"]

SAYS = {
    "masked": ("{n} rows have no label at all", "is the response empty?"),
    "empty-response": ("{n} rows have an empty response", "set train.response, or drop the rows"),
    "no-eos": (
        "end-of-sequence is not among the labels of {n} rows",
        "the model would never learn to stop: check the tokenizer's eos_token and chat template",
    ),
    "second-end": (
        "an end token stands inside the reply of {n} rows",
        "the model would learn to stop there and to write on: check the chat template",
    ),
    "special-token": (
        "the text of {n} rows spells a control token, which the tokenizer takes for the token itself",
        "take it out of the rows, or drop them",
    ),
    "prompt-labels": ("labels stand on the prompt of {n} rows", "train.loss: response learns replies alone"),
    "doubled-thought": (
        "{n} rows have <think> or </think> more than once",
        "the prompt or the rows write it twice: leave it out of one, or train.thoughts: drop",
    ),
    "broken-thought": (
        "{n} rows open a thought and do not close it, or close one that is not open",
        "such rows are often answers that were cut off: drop them, or train.thoughts: drop",
    ),
    "lossy-tokenizer": (
        "the tokenizer loses or changes characters of {n} rows",
        "use a tokenizer that can write these rows: their decoded tokens differ from their text",
    ),
    "cut-reply": ("the labels of {n} rows end before their reply does", "check the chat template"),
    "swallowed-start": ("the first characters of {n} rows' replies are not learnt", "check prompt and chat template"),
    "reply-changed": ("the labels of {n} rows read otherwise than their reply", "check the chat template"),
    "double-bos": (
        "{n} rows begin with two beginning-of-sequence tokens",
        "the prompt writes one and the tokenizer adds another: take it out of the prompt",
    ),
    "template-refuses": (
        "the chat template refuses {n} rows",
        "turns that it takes, another template (tokenizer: {chat_template: FILE}), or allow: [template-refuses] leaves "
        "the rows out",
    ),
    "turn-lost": ("the chat template leaves out a turn of {n} rows", "use a template that writes such turns"),
    "earlier-turns": (
        "the chat template rewrites earlier replies of {n} dialogues",
        "preflight: {allow: [earlier-turns]} trains their last reply alone",
    ),
    "not-text": ("{n} rows have parts that are no text", "drop them: only text is trained"),
    "system-turn": ("{n} single exchanges have a system turn, which is not trained", "their problem and solution are"),
    "reply-rebuilt": (
        "the chat template does not write the replies of {n} rows as they stand: they follow its generation prompt",
        "check the chat template",
    ),
    "chat-end": (
        "the chat template writes no end token after the earlier replies of {n} dialogues",
        "fix the template, or train single exchanges",
    ),
}
"""What is said of each kind, and what to do."""


OPENED = re.compile(rf"(?:{re.escape(OPEN)}\s*)*$")
"""What a prompt has opened before the reply: nothing, or a thought."""


@dataclass(frozen=True)
class Reader:
    """Reads the labels of a row back, with what does not change from row to row."""

    tokenizer: Any
    ends: set[int]
    spec: TrainSpec
    control: re.Pattern[str] | None

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Texts of these tokens, special ones and blanks as they stand."""
        return [self.tokenizer.decode(r, skip_special_tokens=False, clean_up_tokenization_spaces=False) for r in rows]

    def faults(self, row: Mapping[str, Any], dialogue: Dialogue, example: Example) -> list[str]:
        """Every kind of fault of this row; of what its labels read, the first that explains it."""
        faults = list(dict.fromkeys(example.notes))
        if "template-refuses" in faults or self.spec.algorithm == "grpo":
            return faults + self._prompt(row, dialogue, example)
        if all(t == IGNORED for t in example.labels):
            return [*faults, "masked"]
        meant = dialogue.replies if dialogue.several else [reply_of(row, self.spec)]
        spans = example.spans or ((example.prompt_tokens, len(example)),)
        read = [self._reply(example, span, text) for span, text in zip(spans, meant[-len(spans) :])]
        faults += dict.fromkeys(word for word in read if word)
        return faults + [w for w in self._prompt(row, dialogue, example) if w not in faults]

    def _prompt(self, row: Mapping[str, Any], dialogue: Dialogue, example: Example) -> list[str]:
        """Faults outside of the replies."""
        faults = []
        if self.control is not None and self.control.search("\0".join(self._texts(row, dialogue))):
            faults.append("special-token")
        if self.spec.loss == "response" and self._labelled_outside(example):
            faults.append("prompt-labels")
        bos = self.tokenizer.bos_token_id
        if bos is not None and example.input_ids[:2] == (bos, bos):
            faults.append("double-bos")
        if not dialogue.several and example.input_ids and self._prompt_lost(row, example):
            faults.append("lossy-tokenizer")
        return faults

    def _prompt_lost(self, row: Mapping[str, Any], example: Example) -> bool:
        rendered = get_prompt(self.spec.prompt).render(row["problem"] or "")
        (told,) = self.decode([example.input_ids[: example.prompt_tokens]])
        return rendered.strip() not in told

    def _texts(self, row: Mapping[str, Any], dialogue: Dialogue) -> list[str]:
        if dialogue.several:
            return [t["content"] for t in dialogue.turns]
        return [row["problem"] or "", reply_of(row, self.spec)]

    def _labelled_outside(self, example: Example) -> bool:
        inside = sum(t != IGNORED for a, b in example.spans for t in example.labels[a:b])
        return bool(example.spans) and inside != sum(t != IGNORED for t in example.labels)

    def _reply(self, example: Example, span: tuple[int, int], meant: str) -> str | None:
        """The first thing wrong with one reply's labels, None where they read as it and its end."""
        start, stop = span
        learnt = [t for t in example.labels[start:stop] if t != IGNORED]
        closed = bool(learnt) and learnt[-1] in self.ends
        body = learnt[:-1] if closed else learnt
        before, said = self.decode([example.input_ids[max(0, start - 16) : start], body])
        said = OPENED.search(before).group() + said  # type: ignore[union-attr]
        thought = _thought_fault(said)
        if thought or not closed:
            return thought or "no-eos"
        if not apart(meant)[1].strip():
            return "empty-response"
        if self.ends.intersection(body):
            spelt = self.control is not None and self.control.search(meant)
            return None if spelt else "second-end"
        return None if same(said, meant) else self._difference(said, meant)

    def _difference(self, said: str, meant: str) -> str:
        (back,) = self.decode(ids_of(self.tokenizer, [meant]))
        if back.strip() != meant.strip():
            return "lossy-tokenizer"
        whole, part = "".join(meant.split()), "".join(said.removeprefix(OPEN).split())
        if whole.startswith(part):
            return "cut-reply"
        return "swallowed-start" if whole.endswith(part) else "reply-changed"


def _thought_fault(said: str) -> str | None:
    opened, closed = said.count(OPEN), said.count(CLOSE)
    if opened > 1 or closed > 1:
        return "doubled-thought"
    return "broken-thought" if opened != closed else None


def replies(frame: Frame, examples: Sequence[Example], spec: TrainSpec, tokenizer: Any) -> list[Finding]:
    """Every row's labels read back and compared with what the row says."""
    ends = end_tokens(tokenizer)
    reader = Reader(tokenizer, ends, spec, _control(tokenizer, ends))
    bad: dict[str, list[Example]] = {word: [] for word in SAYS}
    for row, example in zip(frame.iter_rows(named=True), examples, strict=True):
        for word in reader.faults(row, dialogue_of(row, spec), example):
            bad[word].append(example)
    found = [f for word, (message, hint) in SAYS.items() for f in counted(word, bad[word], message, hint)]
    return [_with_words(f, bad[f.check][0]) for f in found]


def _with_words(finding: Finding, example: Example) -> Finding:
    """The template's own words, where it refuses."""
    from dataclasses import replace

    if finding.check != "template-refuses":
        return finding
    return replace(finding, message=f"{finding.message} ({example.why})")


def _control(tokenizer: Any, ends: set[int]) -> re.Pattern[str] | None:
    """Texts that the tokenizer takes for its control tokens; the marks of a thought are a reply's own."""
    added = tokenizer.added_tokens_decoder
    names = {str(t.content) for i, t in added.items() if (t.special or i in ends) and t.content.strip()}
    names -= {OPEN, CLOSE}
    return re.compile("|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))) if names else None
