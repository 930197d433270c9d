"""Small tokenizers with the chat templates of known model families, in words of our own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from mathdata.trainspec import TokenizerTraining
from trainers.tokens import train_tokenizer

__all__ = ["FAMILIES", "Family", "tokenizer_of"]

CORPUS = [
    "What is 12 + 30? 12 + 30 = 42\n#### 42",
    "The answer is 5. Let me think: two and two make four. So the answer is 4.\n",
    "user assistant system You are a helpful assistant.\n\n",
] * 20

THOUGHTS = ("<think>", "</think>")


@dataclass(frozen=True)
class Family:
    """`marks`: control tokens; `ends`: the token that closes a reply; `opens`: generation begins inside a thought."""

    template: str
    marks: tuple[str, ...]
    eos: str
    ends: str
    bos: str | None = None
    plain: tuple[str, ...] = ()
    """Added tokens that are no control tokens."""
    opens: bool = False
    keeps: bool = True
    """Whether earlier replies of a dialogue stand in the history as they were written, thoughts included."""


def _chatml(assistant: str, generation: str = "") -> str:
    return (
        "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are helpful.<|im_end|>\n{% endif %}"
        "{% for m in messages %}{% if m.role == 'assistant' %}" + assistant + "{% else %}"
        "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n" + generation + "{% endif %}"
    )


_SPLIT = (
    "{% set ns = namespace(thought='', said=m.content) %}{% if '</think>' in m.content %}"
    "{% set ns.thought = m.content.split('</think>')[0].split('<think>')[-1].strip('\n') %}"
    "{% set ns.said = m.content.split('</think>')[-1].lstrip('\n') %}{% endif %}"
)
_LAST = (
    "<|im_start|>assistant\n{% if loop.last %}<think>\n{{ ns.thought }}\n</think>\n\n{% endif %}"
    "{{ ns.said }}<|im_end|>\n"
)
_QWEN3 = _chatml(_SPLIT + _LAST)
_QWEN3_THINKING = _chatml(_SPLIT + _LAST, "<think>\n")
_LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
_R1 = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}"
    "{% elif m.role == 'user' %}<｜User｜>{{ m.content }}{% elif m.role == 'assistant' %}"
    "<｜Assistant｜>{{ m.content.split('</think>')[-1] }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<｜Assistant｜><think>\n{% endif %}"
)
_GLM4 = (
    "[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
_MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)
_GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
_PHI3 = (
    "{% for m in messages %}{% if m.role == 'user' %}<|user|>\n{{ m.content }}<|end|>\n"
    "{% elif m.role == 'system' %}<|system|>\n{{ m.content }}<|end|>\n"
    "{% elif m.role == 'assistant' %}<|assistant|>\n{{ m.content }}<|end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}"
)

FAMILIES = {
    "chatml": Family(
        _chatml("<|im_start|>assistant\n{{ m.content }}<|im_end|>\n"), ("<|im_start|>", "<|im_end|>"),
        "<|im_end|>", "<|im_end|>",
    ),
    "chatml_base": Family(
        _chatml("<|im_start|>assistant\n{{ m.content }}<|im_end|>\n"), ("<|im_start|>", "<|im_end|>"),
        "<|endoftext|>", "<|im_end|>",
    ),
    "qwen3": Family(
        _QWEN3, ("<|im_start|>", "<|im_end|>"), "<|im_end|>", "<|im_end|>", plain=THOUGHTS, keeps=False
    ),
    "qwen3_thinking": Family(
        _QWEN3_THINKING, ("<|im_start|>", "<|im_end|>"), "<|im_end|>", "<|im_end|>", plain=THOUGHTS, opens=True,
        keeps=False,
    ),
    "llama3": Family(
        _LLAMA3, ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), "<|eot_id|>", "<|eot_id|>",
        "<|begin_of_text|>",
    ),
    "r1": Family(
        _R1, ("<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"), "<｜end▁of▁sentence｜>",
        "<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>", THOUGHTS, opens=True, keeps=False,
    ),
    "glm4": Family(
        _GLM4, ("[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"), "<|endoftext|>",
        "<|user|>",
    ),
    "mistral": Family(_MISTRAL, (), "</s>", "</s>", "<s>"),
    "gemma": Family(_GEMMA, ("<start_of_turn>", "<end_of_turn>"), "<eos>", "<end_of_turn>", "<bos>"),
    "phi3": Family(_PHI3, ("<|user|>", "<|assistant|>", "<|system|>", "<|end|>"), "<|endoftext|>", "<|end|>", "<s>"),
}  # fmt: skip


@cache
def _text(name: str) -> str:
    """The family's tokenizer, trained once, as its JSON."""
    made = train_tokenizer(CORPUS, TokenizerTraining(vocab_size=300), 4096)
    return str(made.backend_tokenizer.to_str())


def tokenizer_of(name: str) -> Any:
    """A fresh tokenizer of the family: a byte-level BPE with the family's control tokens and template."""
    from tokenizers import AddedToken, Tokenizer
    from transformers import PreTrainedTokenizerFast

    family = FAMILIES[name]
    backend = Tokenizer.from_str(_text(name))
    backend.add_special_tokens([AddedToken(m, special=True) for m in family.marks])
    backend.add_tokens([AddedToken(m, special=False) for m in family.plain])
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=family.eos,
        bos_token=family.bos,
        pad_token="<|pad|>",
        chat_template=family.template,
        clean_up_tokenization_spaces=False,
    )
    return made
