"""The tokenizer: trained on the corpus or loaded; its pad token, added tokens and chat template."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mathdata.bounds import read_small
from mathdata.chat_templates import pin
from mathdata.errors import RecipeError
from mathdata.prompts import get_prompt
from mathdata.trainspec import TokenizerTraining, TrainSpec, local_folder
from mathdata.weights import no_code_of

__all__ = ["load_tokenizer", "train_tokenizer"]

EOS, PAD = "<|endoftext|>", "<|pad|>"
RESERVED = ("<|finetune_right_pad_id|>", "<|reserved_special_token_0|>", "<|reserved_special_token_2|>", "<unk>")
"""Tokens that models carry unused, in the order they are tried as padding; <unk> last."""
UNUSED = re.compile(
    r"^[<\[]\W*(fim_pad|pad|unused_?\d+|reserved_\w+|extra_\d+|dummy_\d+|placeholder_?\d+|special_\d+)\W*[>\]]$", re.I
)
"""Names of other tokens that a vocabulary only keeps room with."""
CHAT = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] }}"
    "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)
"""Chat template of a tokenizer made here, for recipes that train a small model on dialogues."""


def train_tokenizer(texts: Iterable[str], training: TokenizerTraining, max_length: int, chat: bool = False) -> Any:
    """A byte-level BPE over `texts`: any text can be written with it, digits stay single tokens.

    `chat` gives it a template; one trained for text prompts gets none, so that nobody asks it by messages.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    parts = [pre_tokenizers.Digits(individual_digits=True)] if training.digits_apart else []
    made.pre_tokenizer = pre_tokenizers.Sequence([*parts, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=training.vocab_size,
        special_tokens=[EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=max_length,
        chat_template=CHAT if chat else None,
        clean_up_tokenization_spaces=False,
    )


def load_tokenizer(spec: TrainSpec, texts: Iterable[str]) -> Any:
    """The run's tokenizer, padding on the right, its template pinned to a day; `texts` is read only where one is trained."""
    asked = spec.tokenizer
    if asked.train is not None:
        tokenizer = train_tokenizer(texts, asked.train, spec.max_length, get_prompt(spec.prompt).chat)
    else:
        tokenizer = _loaded(spec)
    if asked.chat_template:
        try:
            tokenizer.chat_template = read_small(Path(asked.chat_template), "a chat template")
        except OSError as error:
            raise RecipeError(
                f"train.tokenizer.chat_template: {asked.chat_template}: {error.strerror}", "name a jinja file"
            ) from None
    had = tokenizer.get_vocab()
    if asked.add_tokens:
        tokenizer.add_tokens(list(asked.add_tokens))
    tokenizer.mathdata_new = tuple(dict.fromkeys(t for t in asked.add_tokens if t not in had))
    set_pad(tokenizer, asked.pad)
    tokenizer.padding_side = "right"
    return pin(tokenizer)


def new_rows(tokenizer: Any) -> tuple[int, ...]:
    """Ids of the tokens that the recipe added and the tokenizer had not: their rows are new, wherever they lie."""
    return tuple(tokenizer.convert_tokens_to_ids(t) for t in getattr(tokenizer, "mathdata_new", ()))


def _source(spec: TrainSpec) -> str | None:
    """As the recipe says; that of the adapter gone on from, which knows the tokens added for it; the model's own."""
    if spec.tokenizer.name or spec.model.config is not None:
        return spec.tokenizer.name
    if spec.model.adapter and (Path(spec.model.adapter) / "tokenizer_config.json").is_file():
        return str(spec.model.adapter)
    return str(local_folder(spec.model.source) or spec.model.source)


def _loaded(spec: TrainSpec) -> Any:
    from transformers import AutoTokenizer

    from trainers.model import named

    name = _source(spec)
    if name is None:
        raise RecipeError(
            "train.tokenizer: a model made from a config brings no tokenizer",
            "write tokenizer: {train: {vocab_size: 512}} or tokenizer: {name: FOLDER}",
        )
    others = name in (spec.tokenizer.name, spec.model.adapter)  # what is said of the model is not said of these
    revision = spec.model.revision if name == spec.model.name else None
    with named(spec, name), no_code_of(name, spec.model.trust_remote_code and not others) as code:
        return AutoTokenizer.from_pretrained(name, revision=revision, **code)


def set_pad(tokenizer: Any, asked: str | None = None) -> None:
    """A padding token that is not end-of-sequence: as asked, the own one, one that lies unused, else a new one.

    A new one may need a row that the model has not; the adapter of such a model then needs a resized base.
    """
    if asked is not None:
        if asked not in tokenizer.get_vocab():
            tokenizer.add_special_tokens({"pad_token": asked})
        tokenizer.pad_token = asked
        return
    if tokenizer.pad_token is not None and tokenizer.pad_token_id != tokenizer.eos_token_id:
        return
    if (idle := _idle(tokenizer)) is not None:
        tokenizer.pad_token = idle
        return
    tokenizer.add_special_tokens({"pad_token": PAD})


def _idle(tokenizer: Any) -> str | None:
    """A token of the vocabulary that no text is made of: reserved ones, then the unknown one of a byte-level BPE."""
    from trainers.chat import end_tokens

    known = tokenizer.get_vocab()
    taken = end_tokens(tokenizer) | {tokenizer.bos_token_id}
    unused = sorted((t for t in tokenizer.get_added_vocab() if UNUSED.match(t)), key=known.__getitem__)
    tried = [*RESERVED, PAD, *unused, tokenizer.unk_token]
    return next((t for t in tried if t in known and known[t] not in taken), None)
