"""The model: from a config, a folder or the hub; embeddings that fit the tokenizer; saved so that others load it."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mathdata.errors import MissingExtra, RecipeError, UnknownName, nearest
from mathdata.manifest import atomic_write
from mathdata.trainspec import TrainSpec, local_folder
from mathdata.weights import no_code_of
from trainers.base import write_base

__all__ = ["CONFIGS", "build_model", "load_config", "resize", "save_model"]

CONFIGS = Path(__file__).parent / "configs"
"""Bundled configs: plans and smoke runs need no hub."""


def bundled_configs() -> dict[str, Path]:
    """Configs by the model's hub id, in lower case."""
    return {p.stem.replace("__", "/").lower(): p for p in sorted(CONFIGS.glob("*.json"))}


def load_config(spec: TrainSpec) -> Any:
    """The architecture alone: from the recipe, a folder, a bundled file, else the hub. Raises UnknownName."""
    from transformers import AutoConfig

    if spec.model.config is not None:
        return _from_mapping(dict(spec.model.config), "train.model.config")
    name = spec.model.name or spec.model.like or spec.model.source
    folder = local_folder(name)
    if folder is not None:
        with no_code_of(folder, spec.model.trust_remote_code) as code:
            return AutoConfig.from_pretrained(folder, **code)
    short = {k.split("/")[-1]: v for k, v in bundled_configs().items()}
    found = short.get(name.split("/")[-1].lower().removesuffix("-instruct"))
    if found is not None:
        return _from_mapping(json.loads(found.read_text(encoding="utf-8")), str(found))
    try:
        with no_code_of(name, spec.model.trust_remote_code) as code:
            return AutoConfig.from_pretrained(name, revision=spec.model.revision, **code)
    except (OSError, ValueError) as error:
        raise UnknownName(
            f"model '{name}': no such folder, no bundled config, and the hub gave none ({_first(error)})",
            nearest(name.split("/")[-1].lower(), short),
        ) from None


def positions_of(config: Any) -> int | None:
    """Positions that a model is made for, stretched ones counted; None where its config does not say."""
    most = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    scaling = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    factor = scaling.get("factor") if isinstance(scaling, Mapping) else None
    if not most or not factor:
        return most or None
    original = scaling.get("original_max_position_embeddings") or most
    return max(int(most), int(original * factor))


def _first(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__


def _from_mapping(values: dict[str, Any], where: str) -> Any:
    from transformers import CONFIG_MAPPING

    kind = values.pop("model_type", "qwen2")
    if kind not in CONFIG_MAPPING:
        raise RecipeError(f"{where}: unknown model_type '{kind}'", nearest(kind, CONFIG_MAPPING))
    config = CONFIG_MAPPING[kind]
    known = {*config().to_dict(), "rope_theta", "rope_scaling"}
    unknown = [k for k in values if k not in known]
    if unknown:
        raise RecipeError(f"{where}: unknown key '{unknown[0]}' for {kind}", nearest(unknown[0], known))
    return config(**values)


def build_model(spec: TrainSpec, tokenizer: Any, seed: int) -> Any:
    """The model to be trained, its embeddings fitting the tokenizer. The same seed gives the same weights."""
    import torch
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(seed)
    extra = attention(spec)
    if spec.model.config is not None:
        config = load_config(spec)
        config.vocab_size = len(tokenizer)
        if spec.dropout is not None:
            config.attention_dropout = spec.dropout
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, **extra)
        return _agree(model, tokenizer)
    folder = local_folder(spec.model.source)
    name = str(folder.resolve() if folder else spec.model.source)  # an adapter names its base, wherever it is loaded
    if spec.dropout is not None:
        extra["attention_dropout"] = spec.dropout
    if spec.quantize:
        extra["quantization_config"] = quantization(spec)
        if torch.cuda.is_available() and spec.parallel.device_map is None:
            extra["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}  # each process its own card
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # a line for every layer of every step
    if spec.parallel.device_map is not None:
        extra["device_map"] = device_map(spec)
    with named(spec, name), no_code_of(name, spec.model.trust_remote_code) as code:
        model = AutoModelForCausalLM.from_pretrained(
            name,
            revision=spec.model.revision,
            **code,
            dtype=load_dtype(spec),
            use_safetensors=True,
            **extra,
        )
    resize(model, tokenizer)
    if spec.quantize:
        keep_trainable(model)
    return _agree(model, tokenizer)


def attention(spec: TrainSpec) -> dict[str, Any]:
    """How attention is computed. Raises RecipeError for a library that is not here."""
    packages = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}
    package = packages.get(spec.attention)
    if package is not None and find_spec(package) is None:
        raise RecipeError(
            f"train.attention: {spec.attention} needs {package}, which is not installed", "write attention: sdpa"
        )
    return {} if spec.attention == "auto" else {"attn_implementation": spec.attention}


@contextmanager
def named(spec: TrainSpec, name: str) -> Iterator[None]:
    """Weights or a tokenizer that are not to be had are named, with what works without them."""
    try:
        yield
    except OSError as error:
        where = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
        raise UnknownName(
            f"model '{name}': no such folder here, and {where} gave none ({_first(error)})",
            "name a folder, or another hub by HF_ENDPOINT; --plan and --smoke need no weights",
        ) from None


def keep_trainable(model: Any) -> None:
    """On CPUs with AVX512 bitsandbytes repacks 4-bit weights at the first answer, and cannot train on them afterwards."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def to_device(model: Any, spec: TrainSpec) -> Any:
    """Onto the GPU where there is one and nothing else placed it: a model that answers before it is trained."""
    import torch

    placed = spec.quantize or spec.parallel.device_map is not None
    return model if placed or not torch.cuda.is_available() else model.to(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")


def device_map(spec: TrainSpec) -> str | dict[str, int]:
    """Which layer lies on which card; `model.layers.0-13: 0` names a range. Raises RecipeError without enough cards."""
    import torch

    asked = spec.parallel.device_map
    cards = torch.cuda.device_count()
    if isinstance(asked, Mapping):
        if max(asked.values()) >= cards:
            raise RecipeError(
                f"train.parallel.device_map names card {max(asked.values())}, this machine has {cards}",
                "leave device_map out, or run where the cards are",
            )
        return expand_layers(asked)
    if not cards:
        raise RecipeError("train.parallel.device_map: this machine has no GPU", "leave it out here")
    return str(asked)


def expand_layers(asked: Mapping[str, int]) -> dict[str, int]:
    """
    >>> expand_layers({"model.layers.0-2": 0, "lm_head": 1})
    {'model.layers.0': 0, 'model.layers.1': 0, 'model.layers.2': 0, 'lm_head': 1}
    """
    out: dict[str, int] = {}
    for name, card in asked.items():
        found = re.fullmatch(r"(.+\.)(\d+)-(\d+)", name)
        if found is None:
            out[name] = card
        else:
            out |= {f"{found[1]}{i}": card for i in range(int(found[2]), int(found[3]) + 1)}
    return out


def quantization(spec: TrainSpec) -> Any:
    """bitsandbytes' settings of QLoRA: 4-bit normal float, doubly quantised, arithmetic as `precision`. Raises MissingExtra."""
    import torch
    from transformers import BitsAndBytesConfig

    from trainers.machine import precision_of

    if find_spec("bitsandbytes") is None:
        raise MissingExtra(f"quantize: {spec.quantize} needs bitsandbytes, which is not installed", extra="quant")
    if spec.quantize == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype={"fp32": torch.float32, "fp16": torch.float16}.get(precision_of(spec), torch.bfloat16),
    )


def load_dtype(spec: TrainSpec) -> Any:
    """Trained weights stay in fp32 (autocast does the arithmetic) unless the recipe says otherwise or they are frozen."""
    import torch

    if spec.model.dtype != "auto":
        return getattr(torch, spec.model.dtype)
    if spec.method == "full" or not torch.cuda.is_available():
        return torch.float32
    return {"fp16": torch.float16, "fp32": torch.float32}.get(spec.precision, torch.bfloat16)


def resize(model: Any, tokenizer: Any) -> int:
    """Make room for added tokens, new rows from the mean of the old; returns how many rows were added.

    A model with spare rows (padded vocabularies) keeps its size; the spare rows are used.
    """
    import torch

    have = model.get_input_embeddings().weight.shape[0]
    model.rows_at_first = have
    if len(tokenizer) <= have:
        return 0
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for layer in {id(m): m for m in (model.get_input_embeddings(), model.get_output_embeddings()) if m}.values():
        with torch.no_grad():
            layer.weight[have:] = layer.weight[:have].float().mean(dim=0).to(layer.weight.dtype)
    return len(tokenizer) - have


def _agree(model: Any, tokenizer: Any) -> Any:
    """Model and tokenizer name the same special tokens, so that generation ends where training did."""
    from trainers.chat import end_tokens

    model.config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    ends = model.generation_config.eos_token_id
    known = {ends} if isinstance(ends, int) else set(ends or ())
    known = {t for t in known if t is not None and t < len(tokenizer)} if model.config.vocab_size else known
    all_ends = sorted(known | end_tokens(tokenizer))
    model.config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.eos_token_id = all_ends if len(all_ends) > 1 else all_ends[0]
    if tokenizer.bos_token_id is not None:
        model.config.bos_token_id = model.generation_config.bos_token_id = tokenizer.bos_token_id
    return model


def save_model(model: Any, tokenizer: Any, out: Path) -> None:
    """Weights as safetensors, tokenizer and template beside them, ready for generation.

    Of an adapter nothing but what was trained: PEFT would add both whole matrices of tokens wherever one row is new.
    """
    from peft import PeftModel

    config = getattr(model, "config", None)
    if config is not None:
        config.use_cache = True  # the trainer turns it off; whoever loads the model wants it
    tokenizer.save_pretrained(out)
    if not isinstance(model, PeftModel):
        model.save_pretrained(out)
        return
    model.save_pretrained(out, save_embedding_layers=False, selected_adapters=["default"])
    write_base(out)
    atomic_write(out / "README.md", adapter_card(model, tokenizer))


CARD = """---
library_name: peft
pipeline_tag: text-generation
tags: [lora, math]
---
# An adapter for {base}

```python
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained(FOLDER)  # loads the base, makes room for new tokens
tokenizer = AutoTokenizer.from_pretrained(FOLDER)
```

{rows}
`mathdata merge FOLDER -o OUT` writes base and adapter as one model that needs no PEFT.
"""
FITS = "Every token of its tokenizer has a row in the base: any loader of PEFT adapters takes it as it is.\n"
GROWN = """Its tokenizer has {size} tokens, the base's matrices {have} rows. Where the base is loaded by hand, make room first:

```python
base.resize_token_embeddings(len(tokenizer))
model = PeftModel.from_pretrained(base, FOLDER)
```

{new}A server that puts adapters on its own base cannot make room: merge first.
"""


def adapter_card(model: Any, tokenizer: Any) -> str:
    """README.md of an adapter's folder: how to load it with PEFT alone."""
    from trainers.tokens import new_rows

    have = getattr(model.get_base_model(), "rows_at_first", None)
    config = model.peft_config["default"]
    base = str(config.base_model_name_or_path)
    if have is None or len(tokenizer) <= have:
        return CARD.format(base=base, rows=FITS)
    ids = new_rows(tokenizer)
    new = (
        f"The rows {', '.join(map(str, ids))} were trained and are in this folder; "
        if ids
        else "No new row was trained: "
    )
    new += "other new rows are padding, whose content decides nothing. "
    return CARD.format(base=base, rows=GROWN.format(size=len(tokenizer), have=have, new=new))
