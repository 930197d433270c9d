"""What makes a recipe small enough for a laptop: few real rows, tiny models of each recipe's own kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "few_rows", "tiny_model"]

WIDTH = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
         "num_key_value_heads": 1, "max_position_embeddings": 4096, "initializer_range": 0.08}  # fmt: skip

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n'"
    " + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)

KINDS: dict[str, dict[str, Any]] = {
    "qwen2": {"special": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "eos": "<|endoftext|>", "pad": "<|endoftext|>",
              "tied": True, "template": CHATML},
    "smollm2": {"special": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "eos": "<|endoftext|>", "bos": "<|endoftext|>",
                "tied": True},
    "llama2": {"special": ["<unk>", "<s>", "</s>"], "bos": "<s>", "eos": "</s>", "unk": "<unk>", "adds_bos": True},
    "llama3": {"special": ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|start_header_id|>",
                           "<|end_header_id|>", "<|eot_id|>"],
               "bos": "<|begin_of_text|>", "eos": "<|end_of_text|>", "adds_bos": True},
    "llama3_instruct": {"special": ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>",
                                    "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
                        "bos": "<|begin_of_text|>", "eos": "<|eot_id|>", "adds_bos": True, "template": LLAMA3},
}  # fmt: skip
"""Special tokens, tied embeddings and chat template of each kind of model, as their makers ship them."""


def tiny_model(kind: str, folder: Path, texts: Sequence[str]) -> Path:
    """An untrained model of a kind: its architecture and special tokens, two layers of width 32, 700 tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    tokenizer = _tokenizer(KINDS[kind], texts)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id}
    shape = {**WIDTH, **ends, "vocab_size": len(tokenizer), "tie_word_embeddings": KINDS[kind].get("tied", False)}
    if kind == "qwen2":
        Qwen2ForCausalLM(Qwen2Config(**shape)).save_pretrained(folder)
    else:
        LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained(folder)
    return folder


def _tokenizer(kind: dict[str, Any], texts: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=kind["special"], initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(texts, trainer)
    if kind.get("adds_bos"):
        bos = kind["bos"]
        raw.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, raw.token_to_id(bos))]
        )
    named = {f"{k}_token": kind[k] for k in ("bos", "eos", "pad", "unk") if k in kind}
    return PreTrainedTokenizerFast(tokenizer_object=raw, chat_template=kind.get("template"), **named)


def few_rows(shared: Path, target: Path, *, train: int, test: int) -> Path:
    """A data folder with the first rows of the real sets: `train` of each training set, `test` of each benchmark.

    MATH keeps its seven subjects, the contest's rows their families.
    """
    _head(shared, target, "gsm8k/train.jsonl", train)
    _head(shared, target, "gsm8k/test.jsonl", test)
    _head(shared, target, "math/train.jsonl", train, by=lambda row: row["type"])
    _head(shared, target, "math/test.jsonl", max(test, 14), by=lambda row: row["type"])
    _head(shared, target, "seed_corpus/sample_1992.jsonl", 1992)
    _head(shared, target, "seed_corpus/eval_200.jsonl", 40)
    _as_metamathqa(target)
    return target


def _as_metamathqa(target: Path) -> None:
    """GSM8K's rows under MetaMathQA's names: query, and a response that ends in `#### n`."""
    for name in ("train", "test"):
        rows = [json.loads(line) for line in (target / f"gsm8k/{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        made = [{"query": r["question"], "response": r["answer"], "type": "GSM_Rephrased"} for r in rows]
        (target / "metamathqa").mkdir(exist_ok=True)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made)
        (target / f"metamathqa/{name}.jsonl").write_text(text, encoding="utf-8")


def _head(shared: Path, target: Path, name: str, most: int, by: Callable[[Any], str] | None = None) -> None:
    rows = [json.loads(line) for line in (shared / name).read_text(encoding="utf-8").splitlines()]
    if by is not None:  # in turn from each group, so that few rows still hold every subject
        groups: dict[str, list[Any]] = {}
        for row in rows:
            groups.setdefault(by(row), []).append(row)
        share = -(-most // len(groups))
        rows = [row for group in groups.values() for row in group[:share]]
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in islice(rows, most))
    (target / name).write_text(text, encoding="utf-8")
