"""Whether tokenizer, prompt, template and model belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mathdata.prompts import get_prompt
from mathdata.trainspec import TrainSpec
from trainers.chat import Refused, after_reply, end_tokens, rendered, turn_end
from trainers.data import Example
from trainers.preflight.finding import Finding, counted, found

__all__ = ["padding", "positions", "templates", "vocabulary"]

CONTROL = re.compile(r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|<(?:start|end)_of_turn>|\[gMASK\]")
"""How models of these families write their control tokens."""
ROLES = {"<|user|>", "<|assistant|>", "<|system|>"}
"""Written as plain text by some templates."""
FEWEST = 0.9
"""Share of a model's embeddings that its own tokenizer uses; padded vocabularies stay above."""


def templates(spec: TrainSpec, tokenizer: Any, examples: Sequence[Example]) -> list[Finding]:
    """Control tokens that are not the tokenizer's, an end that it does not know, prompts that it closes."""
    chat = get_prompt(spec.prompt).chat
    made_here = spec.model.config is not None
    unknown = [] if made_here else _unknown(_template_text(spec, tokenizer), tokenizer)
    findings = []
    if unknown:
        name = "the chat template" if chat else f"prompt '{spec.prompt}'"
        words = f"{name} writes {', '.join(unknown[:3])}, which this tokenizer does not know as one token"
        hint = "it belongs to another model: choose the prompt or template of this one (mathdata ls prompts)"
        findings.append(found("foreign-template", len(examples), words, hint))
    if chat:
        told = any("chat-end" in e.notes for e in examples)
        return findings if told else [*findings, *_unclosed(tokenizer)]
    if (tokenizer("1")["input_ids"] or [None])[-1] == tokenizer.eos_token_id:
        words = "the tokenizer closes every text with end-of-sequence: generation would be asked with ended prompts"
        findings.append(found("closed-prompt", len(examples), words, "set add_eos_token to false in the tokenizer"))
    return findings


def _template_text(spec: TrainSpec, tokenizer: Any) -> str:
    """What prompt or template write around a problem."""
    prompt = get_prompt(spec.prompt)
    if not prompt.chat:
        return prompt.template
    try:
        return rendered(tokenizer, [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}])
    except Refused:
        return ""  # told of every row


def _unknown(text: str, tokenizer: Any) -> list[str]:
    known = tokenizer.added_tokens_encoder
    names = dict.fromkeys(m.group() for m in CONTROL.finditer(text))
    return [n for n in names if n not in known and n not in ROLES and _pieces(n, tokenizer) > 1]


def _pieces(text: str, tokenizer: Any) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def _unclosed(tokenizer: Any) -> list[Finding]:
    """A note: the template closes no reply, also not by the next role; end-of-sequence does."""
    from dataclasses import replace

    closing = after_reply(tokenizer, [])
    names = [tokenizer.convert_ids_to_tokens(t) for t in end_tokens(tokenizer)]
    if closing is None or turn_end(tokenizer) is not None or any(n and n in closing for n in names):
        return []
    words = f"the chat template writes no end token after a reply: {tokenizer.eos_token!r} closes it in its place"
    return [replace(found("chat-end", 0, words, "fix the template or eos_token if another should"), refuses=False)]


def padding(tokenizer: Any, examples: Sequence[Example]) -> list[Finding]:
    if tokenizer.pad_token_id not in end_tokens(tokenizer):
        return []
    words = f"the padding token is the end-of-sequence token ({tokenizer.pad_token!r})"
    hint = "write tokenizer: {pad: '<|pad|>'}: masked padding would hide the end"
    return [found("pad-is-eos", len(examples), words, hint)]


def vocabulary(tokenizer: Any, examples: Sequence[Example], rows: int | None) -> list[Finding]:
    """`rows`: of the model's embeddings before room is made for added tokens; None for a model made to fit."""
    have = max(rows or 0, len(tokenizer))
    beyond = [e for e in examples if e.input_ids and max(e.input_ids) >= have]
    hint = "train with the model's own tokenizer"
    found_ = counted("vocabulary", beyond, f"{{n}} rows have token ids beyond the {have} embeddings", hint)
    pad = tokenizer.pad_token_id
    if pad is None or not 0 <= pad < have:
        found_.append(found("vocabulary", len(examples), f"the padding token's id {pad} is no embedding's", hint))
    if rows is not None and (tokenizer.vocab_size > rows or len(tokenizer) < FEWEST * rows):
        words = f"the tokenizer has {len(tokenizer):,} tokens, the model {rows:,} embeddings: not of one model"
        found_.append(found("vocabulary", len(examples), words, hint))
    return found_


def positions(examples: Sequence[Example], most: int | None) -> list[Finding]:
    """`most`: positions that the model was made for; None where it says nothing."""
    long = [e for e in examples if most is not None and len(e) > most]
    if not long:
        return []
    words = f"{{n}} rows are longer than the {most} positions of the model (longest {max(map(len, long))} tokens)"
    return counted("positions", long, words, f"set train.max_length to {most}, with --overlong drop|cut")
