"""A signature -> strict options: one source for recipe keys, command-line options and `--help`."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mathdata.errors import RecipeError, nearest

__all__ = ["Option", "check_options", "choices_of", "is_flag", "options_of"]

RESERVED = frozenset({"engine", "ctx"})
"""Keyword arguments that a stage receives from its caller, not from its options."""


@dataclass(frozen=True, slots=True)
class Option:
    """One keyword argument: `annotation` without its doc sentence, `help` the sentence."""

    name: str
    annotation: Any
    default: Any
    help: str

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


@cache
def options_of(function: Callable[..., Any]) -> tuple[Option, ...]:
    """The options of a function or class: its keyword-only parameters, documented by `Annotated[type, "sentence"]`."""
    target = function.__init__ if inspect.isclass(function) else function
    keyword = [p for p in inspect.signature(target).parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    own = [p for p in keyword if p.name not in RESERVED]
    # Only the options' annotations are looked up: `Table` and `Engine` may be names for type checkers alone.
    bare = types.SimpleNamespace(__annotations__={p.name: p.annotation for p in own if p.annotation is not p.empty})
    hints = typing.get_type_hints(bare, globalns=getattr(target, "__globals__", {}), include_extras=True)
    found = []
    for parameter in own:
        annotation, doc = hints.get(parameter.name, Any), ""
        if typing.get_origin(annotation) is typing.Annotated:
            annotation, *notes = typing.get_args(annotation)
            doc = next((n for n in notes if isinstance(n, str)), "")
        found.append(Option(parameter.name, annotation, parameter.default, doc))
    return tuple(found)


@cache
def _model(function: Callable[..., Any]) -> Any:
    from pydantic import ConfigDict, create_model

    fields: dict[str, Any] = {o.name: (o.annotation, ... if o.required else o.default) for o in options_of(function)}
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model(getattr(function, "__name__", "options"), __config__=config, **fields)


def check_options(function: Callable[..., Any], options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Options converted to the signature's types. Raises RecipeError naming place, key, value, nearest name."""
    valid = [o.name for o in options_of(function)]
    for key in options:
        if key not in valid:
            raise RecipeError(f"{where}: unknown option '{key}'", nearest(str(key), valid))
    if all(o.name in options or not o.required for o in options_of(function)) and all(
        _is_plainly(o.annotation, options[o.name]) for o in options_of(function) if o.name in options
    ):
        return dict(options)  # nothing to convert: the command line need not wait for pydantic
    from pydantic import ValidationError

    try:
        checked = _model(function)(**options)
    except ValidationError as e:
        raise RecipeError(f"{where}: {explain(e)}", f"options: {', '.join(valid) or 'none'}") from None
    return {name: getattr(checked, name) for name in options}


def explain(error: Any) -> str:
    """The first complaint of a pydantic error in one sentence."""
    first = error.errors()[0]
    place = ".".join(str(p) for p in first["loc"] if not str(p).startswith(("function-", "literal", "str", "int")))
    if first["type"] == "missing":
        return f"'{place}' is required"
    if first["type"] == "value_error":  # our own words: they name the value where it matters
        return f"{place}: {str(first['msg']).removeprefix('Value error, ')}"
    value = repr(first.get("input"))
    return f"{place} = {value[:80]}: {first['msg'][0].lower()}{first['msg'][1:]}"


def choices_of(annotation: Any) -> tuple[str, ...] | None:
    """The words of a Literal, also inside `Literal[...] | None`."""
    for part in _parts(annotation):
        if typing.get_origin(part) is typing.Literal:
            return tuple(str(a) for a in typing.get_args(part))
    return None


def is_flag(annotation: Any) -> bool:
    """True where only True and False (and None) are allowed."""
    return _parts(annotation) == (bool,)


def _is_plainly(annotation: Any, value: Any) -> bool:
    """Whether a value is already of its kind: a word of a Literal, a flag, a number or a text."""
    for part in typing.get_args(annotation) if _is_union(annotation) else (annotation,):
        if typing.get_origin(part) is typing.Literal:
            if any(type(value) is type(word) and value == word for word in typing.get_args(part)):
                return True
        elif part in (bool, int, float, str, type(None)) and type(value) is part:
            return True
    return False


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _parts(annotation: Any) -> tuple[Any, ...]:
    if _is_union(annotation):
        return tuple(a for a in typing.get_args(annotation) if a is not type(None))
    return (annotation,)
