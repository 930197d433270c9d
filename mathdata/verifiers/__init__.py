"""The judge: extraction, values, equality, steps, doubtful gold."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "judge": "judging",
    "same": "judging",
    "judge_many": "many",
    "extract": "extraction",
    "Extraction": "extraction",
    "RULES": "extraction",
    "check_steps": "steps",
    "StepReport": "steps",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mathdata.verifiers' has no attribute {name!r}")
    value = getattr(import_module(f"mathdata.verifiers.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
