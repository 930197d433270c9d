"""A finished run as one folder of whole weights: adapter written in, tokenizer and template beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from mathdata.errors import DataError, UsageError
from trainers.model import resize, save_model
from trainers.tune import is_adapter

__all__ = ["merge", "model_folder"]


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


def merge(run: Path, out: Path, *, dtype: str = "auto") -> dict[str, Any]:
    """Write a run's model to `out`, loadable by transformers and vLLM. Raises UsageError, DataError."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as noise

    noise.disable_progress_bar()
    source = model_folder(run)
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", "choose another -o")
    if out.resolve() == source.resolve():
        raise UsageError("output and run are the same folder", "choose another -o")
    tokenizer = AutoTokenizer.from_pretrained(source)
    wanted: Any = dtype if dtype == "auto" else getattr(torch, dtype)
    if is_adapter(source):
        model = merged_adapter(source, tokenizer, wanted)
    else:
        model = AutoModelForCausalLM.from_pretrained(source, dtype=wanted, use_safetensors=True)
    partial = out.with_name(out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    save_model(model, tokenizer, partial)
    if out.exists():
        out.rmdir()
    partial.rename(out)
    return {"run": str(source), "out": str(out), "parameters": sum(p.numel() for p in model.parameters())}


def saved_model(folder: Path, tokenizer: Any) -> Any:
    """What a run left, whole, in this process: for answers after a training whose weights are split over processes."""
    import torch
    from transformers import AutoModelForCausalLM

    if is_adapter(folder):
        model = merged_adapter(folder, tokenizer, "auto")
    else:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", use_safetensors=True)
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def merged_adapter(source: Path, tokenizer: Any, dtype: Any) -> Any:
    """The base with the adapter added to its weights."""
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM

    base = str(PeftConfig.from_pretrained(source).base_model_name_or_path)
    if (source / "base").is_dir():
        base = str(source / "base")  # the run may have been moved
    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, use_safetensors=True)
    except OSError as error:
        raise DataError(f"the adapter's base '{base}' cannot be loaded: {error}", "put it where it was") from error
    resize(model, tokenizer)
    return PeftModel.from_pretrained(model, source).merge_and_unload()
