"""Benchmarks, one file each: a frozen value with everything that decides a score on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mathdata.errors import DataError, UnknownName
from mathdata.formats import FORMATS, PACKED
from mathdata.types import Benchmark

__all__ = ["get_benchmark"]


def get_benchmark(spec: str | Mapping[str, Any] | Benchmark) -> Benchmark:
    """A benchmark by name, `name:option`, file or address, or as `{custom: {file: ..., answer: ...}}`.

    Raises UnknownName with the nearest name.
    """
    from mathdata.bind import options_of
    from mathdata.registry import build, find, parse_spec

    if isinstance(spec, Benchmark):
        return spec
    if isinstance(spec, str) and ("://" in spec or _is_file(spec)):
        spec = {"custom": {"file": spec}}
    if isinstance(spec, str) and _is_path(spec):
        raise DataError(f"no such file: {spec}", "check the path, or name a benchmark: mathdata ls benchmarks")
    name, options = parse_spec(spec)
    made = find("benchmark", name).make
    if isinstance(spec, str) and options and callable(made):
        # `squad:dev.json`, `contest200:1e-8`: what stands after the colon is the first option.
        options = {options_of(made)[0].name: options["model"]}
    if isinstance(made, Benchmark):
        if options:
            raise UnknownName(f"benchmark '{name}' takes no options", "a file of your own: give its path")
        return made
    built: Benchmark = build("benchmark", {name: options})
    return built


def _is_path(spec: str) -> bool:
    """Meant as a path: it has a folder or ends like a file of rows."""
    return ":" not in spec and ("/" in spec or Path(spec).suffix.lower() in FORMATS + PACKED)


def _is_file(spec: str) -> bool:
    return ("." in spec or "/" in spec) and Path(spec).exists()
