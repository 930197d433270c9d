"""Models from outside: weights as safetensors, no code that they bring, and never a question on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mathdata.errors import DataError

__all__ = ["check_adapter", "no_code_of"]

CONSENT = "read that code, then write trust_remote_code: true under train.model in the recipe; or take another model"


@contextmanager
def no_code_of(model: str | Path, trusted: bool = False) -> Iterator[dict[str, Any]]:
    """Arguments for a `from_pretrained` inside: code that the model brings runs only where it is `trusted` by name.

    Raises DataError where the model cannot be loaded without its code, asks for a kernel from a hub, or has broken weights.
    """
    kernel = str(next((v for k, v in told(Path(model), "config.json").items() if "attn_implementation" in k), ""))
    if "/" in kernel and not trusted:
        raise DataError(f"{model}: its config.json asks for compiled code from a hub ({kernel[:60]})", CONSENT)
    try:
        yield {"trust_remote_code": trusted}
    except ValueError as error:
        if "trust_remote_code" not in str(error) and "custom code" not in str(error):
            raise
        raise DataError(f"{model} brings code of its own (auto_map) and cannot be loaded without it", CONSENT) from None
    except Exception as error:
        if type(error).__name__ != "SafetensorError":  # the library's own, which has no public base
            raise
        raise DataError(f"{model}: its weights are not safetensors: {error}", "fetch the model again") from None


def check_adapter(folder: str | Path) -> Path:
    """The folder of an adapter that holds numbers and settings alone. Raises DataError for anything else."""
    path = Path(folder)
    if not path.is_dir():
        raise DataError(f"adapter {folder}: no such folder", "an adapter is a folder; fetch it from its hub first")
    config = told(path, "adapter_config.json")
    if config.get("auto_mapping"):
        raise DataError(f"{path}: adapter_config.json names modules to import (auto_mapping)", "take another adapter")
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
        body = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
