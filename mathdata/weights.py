"""Models from outside: weights as safetensors, no code that they bring, and never a question on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mathdata.errors import DataError, MathdataError

__all__ = ["check_adapter", "no_code_of"]

CONSENT = "read that code, then write trust_remote_code: true under train.model in the recipe; or take another model"

MISFIT = "its config.json and its weights do not fit, or this version of transformers does not know it: fetch it again"
LAYERS = frozenset({
    "num_hidden_layers", "num_layers", "n_layer", "n_layers", "num_experts", "num_local_experts", "n_routed_experts",
    "encoder_layers", "decoder_layers", "num_decoder_layers", "num_nextn_predict_layers",
})  # fmt: skip
MAX_LAYERS = 10_000
"""Layers, or experts of a layer: the largest known models have a few hundred."""
MAX_RANK = 1 << 16
"""Of an adapter's matrices, which are made before its weights are read."""
MAX_CONFIG = 64 << 20
"""Bytes of a model's JSON file that is read here."""


@contextmanager
def no_code_of(model: str | Path, trusted: bool = False) -> Iterator[dict[str, Any]]:
    """Arguments for a `from_pretrained` inside: code that the model brings runs only where it is `trusted` by name.

    Raises DataError where the model cannot be loaded without its code, asks for a kernel from a hub, tells sizes that no
    model has, or has broken weights; OSError, ValueError, KeyError and a full memory pass, as the library raised them.
    """
    config = told(Path(model), "config.json")
    check_sizes(model, config)
    kernel = str(next((v for k, v in config.items() if "attn_implementation" in k), ""))
    if "/" in kernel and not trusted:
        raise DataError(f"{model}: its config.json asks for compiled code from a hub ({kernel[:60]})", CONSENT)
    try:
        yield {"trust_remote_code": trusted}
    except ValueError as error:
        if "trust_remote_code" not in str(error) and "custom code" not in str(error):
            raise
        raise DataError(f"{model} brings code of its own (auto_map) and cannot be loaded without it", CONSENT) from None
    except (OSError, KeyError, MathdataError, MemoryError):
        raise
    except Exception as error:
        name = type(error).__name__
        if name == "OutOfMemoryError":  # of the device: torch's own, which is not imported here
            raise
        if name == "SafetensorError":  # the library's own, which has no public base
            raise DataError(f"{model}: its weights are not safetensors: {error}", "fetch the model again") from None
        raise DataError(f"{model} cannot be loaded: {name}: {str(error)[:200]}", MISFIT) from error


def check_sizes(model: str | Path, config: dict[str, Any]) -> None:
    """Before anything of such a size is made: a layer is built for each that is named. Raises DataError."""
    parts = [config, *(v for v in config.values() if isinstance(v, dict))]
    layers = {k: v for part in parts for k, v in part.items() if k in LAYERS and isinstance(v, (int, float))}
    for key, value in layers.items():
        if not 0 <= value <= MAX_LAYERS:
            raise DataError(
                f"{model}: its config.json says {key} = {value:g}; at most {MAX_LAYERS:,} are built", MISFIT
            )


def check_adapter(folder: str | Path) -> Path:
    """The folder of an adapter that holds numbers and settings alone. Raises DataError for anything else."""
    path = Path(folder)
    if not path.is_dir():
        raise DataError(f"adapter {folder}: no such folder", "an adapter is a folder; fetch it from its hub first")
    config = told(path, "adapter_config.json")
    if config.get("auto_mapping"):
        raise DataError(f"{path}: adapter_config.json names modules to import (auto_mapping)", "take another adapter")
    pattern = config.get("rank_pattern") or {}
    ranks = [config.get("r", 1), *(pattern.values() if isinstance(pattern, dict) else ["none"])]
    if not all(isinstance(rank, int) and 1 <= rank <= MAX_RANK for rank in ranks):
        raise DataError(f"{path}: adapter_config.json asks for a rank that is none", f"ranks: 1 to {MAX_RANK:,}")
    if not (path / "adapter_model.safetensors").is_file():
        other = next((p.name for p in sorted(path.glob("adapter_model.*"))), "no weights")
        raise DataError(
            f"{path} holds {other}, not adapter_model.safetensors",
            "a pickle runs what it likes when it is read: ask for the adapter as safetensors",
        )
    return path


def told(folder: Path, name: str) -> dict[str, Any]:
    """A model's JSON file, or nothing where there is none that can be read: the library that needs it says what is wrong."""
    try:
        with (folder / name).open("rb") as f:
            body = json.loads(f.read(MAX_CONFIG))
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
