"""A finished run as one folder of whole weights: adapter written in, tokenizer and template beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mathdata.errors import DataError, UsageError
from mathdata.saving import whole_folder
from mathdata.trainspec import ModelSpec, TrainSpec
from mathdata.weights import check_adapter, no_code_of
from trainers.base import check_base
from trainers.model import build_model, resize, save_model, to_device
from trainers.tune import is_adapter, merge_in_fp32

__all__ = ["PRECISIONS", "merge", "merged_adapter", "model_folder"]

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""What merged weights can be stored in, by the words of `train.precision`; auto: as the base is stored."""


def model_folder(run: Path) -> Path:
    """The model inside a run folder: the folder itself, or the only arm below `models/`. Raises UsageError."""
    if (run / "config.json").is_file() or is_adapter(run):
        return run
    arms = sorted(p.parent for p in run.glob("models/*/train.json") if json.loads(p.read_text())["trainable"])
    if len(arms) == 1:
        return arms[0]
    if arms:
        raise UsageError(f"{run} holds several models", "name one: " + ", ".join(str(a) for a in arms))
    raise UsageError(f"{run} holds no finished model", "train one: mathdata train RECIPE")


def merge(run: Path, out: Path, *, precision: str = "auto") -> dict[str, Any]:
    """Write a run's model to `out`, loadable by transformers and vLLM. Raises UsageError, DataError.

    The sum of base and adapter is made in fp32, then stored in `precision`: fp32, bf16, fp16, or auto, the base's own.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as noise

    noise.disable_progress_bar()
    source = model_folder(run)
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", "choose another -o")
    if out.resolve() == source.resolve():
        raise UsageError("output and run are the same folder", "choose another -o")
    if is_adapter(source):
        check_adapter(source)
    with no_code_of(source) as code:
        tokenizer = AutoTokenizer.from_pretrained(source, **code)
    wanted: Any = getattr(torch, PRECISIONS[precision]) if precision in PRECISIONS else precision
    if is_adapter(source):
        model = merged_adapter(source, tokenizer, wanted)
    else:
        with no_code_of(source) as code:
            model = AutoModelForCausalLM.from_pretrained(source, dtype=wanted, use_safetensors=True, **code)
    with whole_folder(out) as partial:
        save_model(model, tokenizer, partial)
    return {
        "run": str(source),
        "out": str(out),
        "parameters": sum(p.numel() for p in model.parameters()),
        "precision": precision_name(model),
        "arithmetic": "fp32" if is_adapter(source) else "none: the run holds whole weights",
    }


def precision_name(model: Any) -> str:
    """The precision that a model's weights are stored in, in the words of the recipe."""
    stored = str(model.dtype).removeprefix("torch.")
    return next((word for word, name in PRECISIONS.items() if name == stored), stored)


def saved_model(folder: Path, tokenizer: Any) -> Any:
    """What a run left, whole, in this process: for answers after a training whose weights are split over processes."""
    import torch
    from transformers import AutoModelForCausalLM

    if is_adapter(folder):
        model = merged_adapter(folder, tokenizer, "auto")
    else:
        with no_code_of(folder) as code:
            model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", use_safetensors=True, **code)
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def trained_model(spec: TrainSpec, folder: Path, seed: int) -> tuple[Any, Any]:
    """(model, tokenizer) of a finished training as it stood in memory at its end: an adapter on its base, not merged."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with no_code_of(folder, spec.model.trust_remote_code) as code:
        tokenizer = AutoTokenizer.from_pretrained(folder, **code)
        if not is_adapter(folder):
            made = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", use_safetensors=True, **code)
            return to_device(made, spec), tokenizer
    where = spec.model
    if (folder / "base").is_dir():
        where = ModelSpec(name=str(folder / "base"), dtype=spec.model.dtype)
    model = build_model(spec.model_copy(update={"model": where}), tokenizer, seed)
    return to_device(PeftModel.from_pretrained(model, str(check_adapter(folder))), spec), tokenizer


def merged_adapter(source: str | Path, tokenizer: Any, dtype: Any, base: str | None = None) -> Any:
    """The base with the adapter added to its weights, in fp32 layer by layer, and stored as `dtype` (auto: as it was).

    `base`: instead of the one that the adapter names. Raises DataError where it cannot be loaded, or is another than that
    the adapter was trained on.
    """
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM

    source = check_adapter(source)
    if base is None and (beside := source / "base").is_dir():
        base = str(beside)  # the run may have been moved
    base = base or str(PeftConfig.from_pretrained(str(source)).base_model_name_or_path)
    check_base(source, base)
    try:
        with no_code_of(base) as code:
            model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, use_safetensors=True, **code)
    except OSError as error:
        raise DataError(f"the adapter's base '{base}' cannot be loaded: {error}", "put it where it was") from error
    resize(model, tokenizer)
    return merge_in_fp32(PeftModel.from_pretrained(model, str(source)))
