"""Name -> component, without importing what is not asked for. A component is one file with one `@register`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any, TypeVar

from mathdata.errors import RecipeError, UnknownName, nearest

__all__ = ["KINDS", "Component", "build", "find", "names", "parse_spec", "register"]

KINDS: dict[str, str] = {
    "stage": "mathdata.stages",
    "augmentation": "mathdata.augmentations",
    "sampler": "mathdata.samplers",
    "backend": "mathdata.backends",
    "benchmark": "mathdata.benchmarks",
    "family": "mathdata.families",
    "engine": "mathdata.engines",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Component:
    kind: str
    name: str
    make: Any
    """A stage function, a class, or a value; called by `build` when callable."""
    summary: str
    derived: bool = True
    """Of a stage: whether its command fills the columns that follow from the text before it begins."""


_known: dict[tuple[str, str], Component] = {}
_loaded: set[str] = set()


def register(kind: str, name: str, summary: str = "", *, derived: bool = True) -> Callable[[T], T]:
    """Decorator (or `register(...)(value)`) that makes a component known under a name."""

    def add(make: T) -> T:
        doc = (getattr(make, "__doc__", None) or "").strip().split("\n")[0]
        _known[kind, name] = Component(kind, name, make, summary or doc, derived)
        return make

    return add


def _modules(kind: str) -> list[str]:
    package = importlib.import_module(KINDS[kind])
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def _plugins(kind: str) -> Mapping[str, metadata.EntryPoint]:
    return {e.name: e for e in metadata.entry_points(group=f"mathdata.{kind}")}


def _load_all(kind: str) -> None:
    if kind not in _loaded:
        for module in _modules(kind):
            importlib.import_module(f"{KINDS[kind]}.{module}")
        _loaded.add(kind)


def find(kind: str, name: str) -> Component:
    """The component of that name: a file of that name first, then any built-in, then a plugin.

    Raises UnknownName with the nearest valid name.
    """
    if (kind, name) in _known:
        return _known[kind, name]
    if name.isidentifier() and name in _modules(kind):
        importlib.import_module(f"{KINDS[kind]}.{name}")
    if (kind, name) not in _known:
        _load_all(kind)
    if (kind, name) not in _known and name in (plugins := _plugins(kind)):
        made = plugins[name].load()
        if (kind, name) not in _known:
            register(kind, name)(made)
    if (kind, name) not in _known:
        raise UnknownName(f"no {kind} named '{name}'", nearest(name, names(kind)))
    return _known[kind, name]


def names(kind: str) -> list[str]:
    """Every name of a kind; plugins are named without being imported."""
    _load_all(kind)
    return sorted({n for k, n in _known if k == kind} | set(_plugins(kind)))


def parse_spec(spec: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """`rephrase` · `openai:qwen3-30b` · `{openai: {model: ..., base_url: ...}}` -> (name, options).

    What stands after the colon becomes the option `model`.
    """
    if isinstance(spec, str):
        name, _, rest = spec.partition(":")
        return name, {"model": rest} if rest else {}
    if len(spec) != 1:
        raise RecipeError(
            f"a component is one name with its options, not {sorted(spec)}", "write {name: {option: value}}"
        )
    ((name, options),) = spec.items()
    if options is not None and not isinstance(options, Mapping):
        raise RecipeError(
            f"options of '{name}' must be a mapping, not {options!r}", f"write {{{name}: {{option: value}}}}"
        )
    return str(name), dict(options or {})


def build(kind: str, spec: str | Mapping[str, Any], **extra: Any) -> Any:
    """The component a spec names, made with its options (checked against its signature)."""
    from mathdata.bind import check_options

    name, options = parse_spec(spec)
    component = find(kind, name)
    return component.make(**check_options(component.make, options, where=f"{kind} '{name}'"), **extra)
