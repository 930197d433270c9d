"""Benchmarks, one file each: a frozen value with everything that decides a score on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mathdata.errors import UnknownName
from mathdata.types import Benchmark

__all__ = ["get_benchmark"]


def get_benchmark(spec: str | Mapping[str, Any] | Benchmark) -> Benchmark:
    """A benchmark by name, by file, or as `{custom: {file: ..., problem: ..., answer: ...}}`.

    Raises UnknownName with the nearest name.
    """
    from mathdata.registry import build, find, parse_spec

    if isinstance(spec, Benchmark):
        return spec
    name, options = parse_spec(spec)
    if isinstance(spec, str) and _is_file(spec):
        name, options = "custom", {"file": spec}
    made = find("benchmark", name).make
    if isinstance(made, Benchmark):
        if options:
            raise UnknownName(f"benchmark '{name}' takes no options", "a file of your own: custom")
        return made
    built: Benchmark = build("benchmark", {name: options})
    return built


def _is_file(spec: str) -> bool:
    return ("." in spec or "/" in spec) and Path(spec).exists()
