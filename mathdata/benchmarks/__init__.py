"""Benchmarks, one file each: a frozen value with everything that decides a score on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from mathdata.errors import DataError, RecipeError, UnknownName
from mathdata.formats import FORMATS, PACKED
from mathdata.types import Benchmark

__all__ = ["ASKING", "get_benchmark", "label"]

ASKING = ("prompt", "max_tokens", "limit")
"""What an entry may say of how any benchmark is asked, beside the benchmark's own options."""


def get_benchmark(spec: str | Mapping[str, Any] | Benchmark) -> Benchmark:
    """A benchmark by name, `name:option`, file or address, or as `{custom: {file: ..., answer: ...}}`.

    Any of them may also say how it is asked: `{squad: {max_tokens: 32, limit: 100}}`, `squad?max_tokens=32&limit=100`.
    Raises UnknownName with the nearest name, RecipeError for a value that cannot be.
    """
    if isinstance(spec, Benchmark):
        return spec
    bare, asking = _apart(spec)
    made = _made(bare)
    return replace(made, **_checked(asking, label(spec)), said=tuple(asking)) if asking else made


def label(spec: str | Mapping[str, Any] | Benchmark) -> str:
    """A benchmark as its reader names it: the name, and the file or address where it has one."""
    if isinstance(spec, Benchmark):
        return spec.name
    bare, _ = _apart(spec)
    if isinstance(bare, str):
        return bare
    ((name, options),) = bare.items()
    return str(options.get("name") or options.get("file") or name) if name == "custom" else str(name)


def _apart(spec: str | Mapping[str, Any]) -> tuple[str | Mapping[str, Any], dict[str, Any]]:
    """What is asked, and how: the keys of `ASKING` taken out of the entry. Raises RecipeError."""
    from mathdata.registry import parse_spec

    if isinstance(spec, str):
        address, mark, query = spec.partition("?")
        said = parse_qsl(query, keep_blank_values=True) if mark and not Path(spec).exists() else []
        asking = {k: v for k, v in said if k in ASKING}
        if not asking:
            return spec, {}
        rest = "&".join(part for part in query.split("&") if part.partition("=")[0] not in ASKING)
        return f"{address}?{rest}" if rest else address, asking
    name, options = parse_spec(spec)
    return {name: {k: v for k, v in options.items() if k not in ASKING}}, {
        k: options[k] for k in ASKING if k in options
    }


def _checked(asking: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The values of `ASKING` of their kinds; a prompt that exists. Raises RecipeError, UnknownName."""
    from mathdata.prompts import get_prompt

    made = dict(asking)
    for key in ("max_tokens", "limit"):
        if key in made:
            made[key] = _count(made[key], f"{name}: {key}")
    if "prompt" in made:
        get_prompt(str(made["prompt"]))
    return made


def _count(value: Any, where: str) -> int:
    if isinstance(value, bool) or not str(value).isascii() or not str(value).isdigit() or int(value) < 1:
        raise RecipeError(f"{where} = {value!r:.40}: not a number of 1 or more", "for example max_tokens: 64")
    return int(value)


def _made(spec: str | Mapping[str, Any]) -> Benchmark:
    from mathdata.bind import options_of
    from mathdata.registry import build, find, parse_spec

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
