"""Chat templates as training uses them: the prompt that generation sends, then the reply, then its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mathdata.errors import RecipeError
from mathdata.rendering import MEMORY, bounded, chat_text
from mathdata.thoughts import OPEN, apart, framed, opens, same

__all__ = ["Chat", "Refused", "Spoken", "end_tokens", "ids_of"]

Turn = Mapping[str, str]
KNOWN_ENDS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>")
REPLY = "reply7f3a"
"""Stands for a reply where a template is asked what it writes after one."""


class Refused(Exception):
    """The template raises for these turns: its own words."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Tokens of a conversation and the places of the replies in them, each with its end token."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    notes: tuple[str, ...] = ()
    """Words of `mathdata.findings` that were met while it was written."""


@dataclass(frozen=True)
class Chat:
    """A tokenizer's chat template; what it writes after a reply is asked once."""

    tokenizer: Any

    @cached_property
    def ends(self) -> set[int]:
        return end_tokens(self.tokenizer)

    @cached_property
    def closing(self) -> str | None:
        """What stands after the last reply; None where the template does not show a reply."""
        return after_reply(self.tokenizer, [])

    @cached_property
    def end(self) -> int:
        """The token that a reply is closed with."""
        own = turn_end(self.tokenizer)
        return int(self.tokenizer.eos_token_id if own is None else own)

    @cached_property
    def gap(self) -> str:
        """Blanks that the template writes between a reply and its end token."""
        closing = self.closing or ""
        bare = closing.lstrip()
        closes = bare.startswith(self.tokenizer.convert_ids_to_tokens(self.end))
        return closing[: len(closing) - len(bare)] if closes else ""

    def render(self, turns: Sequence[Turn], generation: bool) -> str:
        """The text of these turns. Raises RecipeError without a template, Refused where it raises for them."""
        if not self.tokenizer.chat_template:
            raise RecipeError(
                "the prompt is sent as a chat message but the tokenizer has no chat template",
                "choose a text prompt (mathdata ls prompts) or write tokenizer: {chat_template: FILE}",
            )
        return rendered(self.tokenizer, turns, generation)

    def exchanges(self, asked: Sequence[Sequence[Turn]], replies: Sequence[str]) -> list[Spoken | Refused]:
        """Each reply behind the turns that ask for it, as tokens."""
        rows = len(replies)
        with bounded("the tokenizer's chat template", seconds=60 + rows / 10, memory=MEMORY + rows * (64 << 10)):
            made = [self._exchange(turns, reply) for turns, reply in zip(asked, replies)]
        written = [m for m in made if not isinstance(m, Refused)]
        heads = ids_of(self.tokenizer, [w[0] for w in written])
        wholes = ids_of(self.tokenizer, [w[0] + w[1] for w in written])
        spoken = iter([self._spoken(*w, h, full) for w, h, full in zip(written, heads, wholes)])
        return [m if isinstance(m, Refused) else next(spoken) for m in made]

    def _exchange(self, turns: Sequence[Turn], reply: str) -> tuple[str, str, tuple[str, ...]] | Refused:
        """(what generation sends, the reply as it is learnt, notes)."""
        try:
            head = self.render(turns, True)
            full = self.render([*turns, {"role": "assistant", "content": reply}], False)
        except Refused as error:
            return error
        notes = ("turn-lost",) if _lost(turns, head) else ()
        body = self._body(head, full, reply)
        if body is None:
            body = framed(*apart(reply), opened=opens(head))
            notes += ("reply-rebuilt",) if apart(reply)[1].strip() not in full else ()
        return head, body + self.gap, notes

    def _body(self, head: str, full: str, reply: str) -> str | None:
        """What the template writes as the reply behind the prompt of generation, where it reads as the reply."""
        closing = self.closing
        if closing is None or not full.startswith(head) or not full.endswith(closing):
            return None
        body = full[len(head) : len(full) - len(closing)]
        return body if same((OPEN if opens(head) else "") + body, reply) else None

    def _spoken(self, head: str, body: str, notes: tuple[str, ...], asked: list[int], whole: list[int]) -> Spoken:
        """The prompt's tokens stay those that generation sends, also where a token would grow across the border."""
        grown = whole[: len(asked)] != asked
        tail = ids_of(self.tokenizer, [body])[0] if grown else whole[len(asked) :]
        return Spoken((*asked, *tail, self.end), ((len(asked), len(asked) + len(tail) + 1),), notes)

    def dialogue(self, turns: Sequence[Turn]) -> Spoken:
        """Every reply in one sequence; where the template rewrites earlier replies, the last one alone. Raises Refused."""
        last = max(i for i, t in enumerate(turns) if t["role"] == "assistant")
        turns = turns[: last + 1]
        full = self.render(turns, False)
        notes = ("turn-lost",) if _lost(turns, full) else ()
        cuts = self._cuts(turns, full)
        if cuts is None:
            (only,) = self.exchanges([turns[:last]], [turns[last]["content"]])
            if isinstance(only, Refused):
                raise only
            return Spoken(only.ids, only.spans, (*notes, *only.notes, "earlier-turns"))
        spoken = self._within(full, cuts)
        closed = all(spoken.ids[stop - 1] in self.ends for _, stop in spoken.spans)
        return Spoken(spoken.ids, spoken.spans, notes if closed else (*notes, "chat-end"))

    def _cuts(self, turns: Sequence[Turn], full: str) -> list[tuple[int, int]] | None:
        """Where each reply begins and ends in the text; None where one does not read there as it should."""
        cuts = []
        for i, turn in enumerate(turns):
            if turn["role"] != "assistant":
                continue
            head = self.render(turns[:i], True)
            upto = self._body(head, self.render(turns[: i + 1], False), turn["content"])
            bodies = [b for b in (upto, turn["content"].strip()) if b is not None and full.startswith(head + b)]
            if not bodies or (opens(head) and bodies[0] != upto):
                return None
            gap = self.gap if full.startswith(head + bodies[0] + self.gap) else ""
            cuts.append((len(head), len(head + bodies[0] + gap)))
        return cuts

    def _within(self, full: str, cuts: Sequence[tuple[int, int]]) -> Spoken:
        """The places of the replies among the tokens of the whole text, each up to its end token."""
        ids = ids_of(self.tokenizer, [full])[0]
        edges = [edge for cut in cuts for edge in cut]
        before = ids_of(self.tokenizer, [full[:edge] for edge in edges])
        if any(ids[: len(b)] != b for b in before):  # a token grew across a border: cut the text there
            pieces = ids_of(self.tokenizer, [full[a:b] for a, b in zip([0, *edges], [*edges, len(full)])])
            ids = [t for piece in pieces for t in piece]
            before = [ids[: sum(map(len, pieces[: k + 1]))] for k in range(len(edges))]
        places = [len(b) for b in before]
        spans = []
        for start, stop in zip(places[::2], places[1::2]):
            closed = stop < len(ids) and ids[stop] in self.ends
            spans.append((start, stop + closed))
        stop = spans[-1][1]
        ids = ids[:stop]
        if ids[-1] not in self.ends:
            ids, spans[-1] = [*ids, self.end], (spans[-1][0], stop + 1)
        return Spoken(tuple(ids), tuple(spans))


def _lost(turns: Sequence[Turn], text: str) -> bool:
    """Whether a turn that asks does not stand in the text; replies are looked at one by one."""
    return any(t["content"].strip() not in text for t in turns if t["role"] != "assistant")


def ids_of(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Tokens of texts that hold their special tokens themselves."""
    return list(tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]) if texts else []


def rendered(tokenizer: Any, turns: Sequence[Turn], generation: bool = False) -> str:
    """A conversation by the tokenizer's template. Raises Refused with the template's words."""
    from jinja2 import TemplateError

    try:
        return chat_text(tokenizer, turns, generation=generation)
    except TemplateError as error:
        raise Refused(str(error)) from None


def after_reply(tokenizer: Any, more: Sequence[Turn]) -> str | None:
    """What the template writes after a reply that `more` turns follow; None where it shows none."""
    asked = [{"role": "user", "content": "1"}, {"role": "assistant", "content": REPLY}]
    try:
        _, found, after = rendered(tokenizer, [*asked, *more]).partition(REPLY)
    except Refused:
        return None
    return after if found else None


def turn_end(tokenizer: Any) -> int | None:
    """The special token that follows a reply when the user speaks again: an end of turn, or (GLM-4) the next role."""
    if not tokenizer.chat_template:
        return None
    after = (after_reply(tokenizer, [{"role": "user", "content": "2"}]) or "").lstrip()
    names = tokenizer.added_tokens_encoder
    found = max((n for n in names if n.strip() and after.startswith(n)), key=len, default=None)
    return None if found is None or found == tokenizer.bos_token else int(names[found])


def end_tokens(tokenizer: Any) -> set[int]:
    """Tokens that end an answer: the tokenizer's own and the chat template's. Asks the template: call it once."""
    template = str(tokenizer.chat_template or "")
    names = tokenizer.added_tokens_encoder
    found = {int(names[n]) for n in KNOWN_ENDS if n in names and n in template}
    own = turn_end(tokenizer)
    return found | {int(t) for t in (own, tokenizer.eos_token_id) if t is not None}
