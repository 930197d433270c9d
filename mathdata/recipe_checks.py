"""What a schema cannot check of a recipe: components and options that exist, requests that fit, keys, columns."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mathdata.bind import check_options, options_of
from mathdata.errors import MathdataError, RecipeError, UnknownName, nearest
from mathdata.recipe_text import line_of

if TYPE_CHECKING:
    from mathdata.recipe import Evaluate, Recipe, StageCall
    from mathdata.types import Benchmark

__all__ = [
    "check_asking",
    "check_benchmarks",
    "check_columns",
    "check_component",
    "check_engine",
    "check_keys",
    "check_stage",
    "in_recipe_words",
]

ADDED = {
    "dedup": (),
    "decontaminate": (),
    "sample": ("rank",),
    "augment": ("prompt", "asked", "sample", "reasoning", "logprob"),
    "verify": (),
}
"""Columns that a stage may add to those of the schema; of another's stages it is not known."""


def in_recipe_words(text: str) -> str:
    """`--max-per-problem 3` of the command line as a recipe says it: `max_per_problem 3`."""
    return re.sub(r"(?<![\w-])--([a-z][a-z-]*)", lambda m: m[1].replace("-", "_"), text)


_NAMED = {"method": "augmentation", "teacher": "backend", "strategy": "sampler"}
"""Options that hold component specs, and the kind they name."""


def check_stage(call: StageCall, where: str) -> None:
    """The stage exists and takes these options; the components its options name exist. Raises RecipeError."""
    from mathdata.registry import find

    try:
        function = find("stage", call.name).make
    except UnknownName as e:
        raise RecipeError(f"{where}: {e.message}", e.hint) from None
    call.options = {k: as_list(v, k, function) for k, v in call.options.items()}
    checked = check_options(function, call.options, where=f"{where}.{call.name}")
    for key, kind in _NAMED.items():
        value = checked.get(key)
        for spec in value if isinstance(value, list) else [value] if value else []:
            check_component(kind, spec, f"{where}.{call.name}.{key}")
    if call.name == "decontaminate":
        items = [a for a in checked["against"] if "://" not in a and not a.startswith("builtin:")]
        check_benchmarks([a for a in items if not Path(a.partition("?")[0]).exists()], f"{where}.{call.name}.against")
    check_request(function, checked, f"{where}.{call.name}")


def check_component(kind: str, spec: str | Mapping[str, Any], where: str) -> None:
    """The component that a spec names exists and takes these options. Raises RecipeError."""
    from mathdata.registry import find, parse_spec

    name, options = parse_spec(spec)
    try:
        component = find(kind, name)
    except UnknownName as e:
        raise RecipeError(f"{where}: {e.message}", e.hint) from None
    check_options(component.make, options, where=f"{where} '{name}'")
    if (kind, name) == ("backend", "openai"):  # built without a word to the server: addresses and names of keys
        try:
            component.make(**options)
        except MathdataError as e:
            raise RecipeError(f"{where}: {e.message}", e.hint) from None


def check_engine(spec: str | Mapping[str, Any], where: str) -> None:
    """No recipe names a cluster: its machines run what they like and answer with pickles. Raises RecipeError."""
    from mathdata.registry import parse_spec

    address = parse_spec(spec)[1].get("address")
    if address not in (None, "auto", "local"):
        raise RecipeError(
            f"{where}: a recipe names no cluster, and this one names {address}",
            f"write address: auto, and export RAY_ADDRESS={address} if you trust that cluster",
        )


def check_asking(evaluate: Evaluate, where: str, text: str) -> None:
    """The prompt and the backend that grading names; a prompt for all fits all. Raises RecipeError."""
    from mathdata.asking import one_prompt_fits
    from mathdata.benchmarks import get_benchmark
    from mathdata.prompts import get_prompt
    from mathdata.registry import parse_spec

    if evaluate.backend is not None:
        name, options = parse_spec(evaluate.backend)
        spec = {name: {"model": "the arm's own"} | options}
        check_component("backend", spec, f"{where}{line_of(text, 'evaluate', 'backend')}: evaluate.backend")
    if evaluate.prompt is not None:
        try:
            get_prompt(evaluate.prompt)
            one_prompt_fits([get_benchmark(b) for b in evaluate.benchmarks], evaluate.prompt)
        except MathdataError as e:
            raise RecipeError(
                f"{where}{line_of(text, 'evaluate', 'prompt')}: evaluate.prompt: {e.message}", e.hint
            ) from None


def as_list(value: Any, key: str, function: Any) -> Any:
    """One word where a list is expected is a list of one."""
    option = next((o for o in options_of(function) if o.name == key), None)
    wants_list = option is not None and str(option.annotation).startswith("list[")
    return [value] if wants_list and isinstance(value, (str, dict)) else value


def check_benchmarks(names: Sequence[str | Mapping[str, Any]], where: str) -> list[Benchmark]:
    """The benchmarks that a recipe names, each once. Raises RecipeError."""
    from mathdata.benchmarks import get_benchmark

    found: dict[str, Benchmark] = {}
    for name in names:
        try:
            made = get_benchmark(name)
        except MathdataError as e:
            raise RecipeError(f"{where}: {e.message}", e.hint) from None
        if made.name in found:
            raise RecipeError(f"{where}: benchmark {made.name} is named twice", "name each once")
        found[made.name] = made
    return list(found.values())


def check_request(function: Any, options: Mapping[str, Any], where: str) -> None:
    """What a stage can say of its options before it has rows: the `check_request` of its module. Raises RecipeError."""
    check = getattr(inspect.getmodule(function), "check_request", None)
    if check is None:
        return
    try:
        check(options)
    except MathdataError as e:
        said = e.message.removeprefix(f"{function.__name__}: ")  # `where` ends with it
        raise RecipeError(f"{where}: {in_recipe_words(said)}", in_recipe_words(e.hint)) from None


def check_keys(recipe: Recipe, where: str, text: str) -> None:
    """Every key that a teacher or a graded server needs is where the recipe says it is. Raises RecipeError."""
    for path, options in _servers(recipe):
        place = ".".join(p for p in path if isinstance(p, str))
        from mathdata.keys import HOME, find_key

        url, variable = options.get("base_url"), options.get("api_key_env")
        file = options.get("api_key_file")
        try:
            find_key(url or os.environ.get("OPENAI_BASE_URL") or HOME, url is None, variable, file and Path(file))
        except MathdataError as e:
            raise RecipeError(f"{where}{line_of(text, *path)}: {place}: {e.message}", e.hint) from None


def _servers(recipe: Recipe) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Where the recipe names an OpenAI-compatible server, with its options."""
    from mathdata.registry import parse_spec

    specs: list[tuple[tuple[str | int, ...], Any]] = [
        ((*place.split("."), i, call.name, "teacher"), call.options["teacher"])
        for place, chain in recipe.chains()
        for i, call in enumerate(chain)
        if call.options.get("teacher")
    ]
    if recipe.evaluate is not None and recipe.evaluate.backend:
        specs.append((("evaluate", "backend"), recipe.evaluate.backend))
    for path, spec in specs:
        name, options = parse_spec(spec)
        if name == "openai":
            yield path, options


def check_columns(recipe: Recipe, file: Path, where: str, text: str) -> None:
    """Every column that a stage chooses rows or groups by is there, or may come from a stage before it.

    What a foreign file holds is known once it is read, so this is asked right after. Raises RecipeError.
    """
    schema = pl.scan_parquet(file).collect_schema()
    for place, chain in recipe.chains():
        known = set(schema.names())
        for i, call in enumerate(chain):
            for option, column in _asked_for(call):
                line = line_of(text, *place.split("."), i, call.name, option, column)
                said = f"{where}{line}: {place}.{call.name}.{option}"
                if column not in known:
                    raise RecipeError(f"{said}: no column '{column}' in the rows read", nearest(column, known))
                if option == "where" and column in schema.names():
                    _fits(said, column, schema[column], (call.where or {})[column])
            if call.name not in ADDED:
                break
            known |= set(ADDED[call.name])


def _asked_for(call: StageCall) -> Iterator[tuple[str, str]]:
    yield from (("where", column) for column in call.where or {})
    if call.name == "sample":
        yield from (("by", column) for column in call.options.get("by") or () if not column.startswith("param."))
        yield from (("fill", column) for column in call.options.get("fill") or ())


def _fits(said: str, column: str, dtype: Any, values: list[Any]) -> None:
    """The values can be compared with the column's kind. Raises RecipeError."""
    try:
        pl.DataFrame(schema={column: dtype}).filter(pl.col(column).is_in(values))
    except (pl.exceptions.PolarsError, TypeError):
        kind = "numbers" if dtype.is_numeric() else "text" if dtype == pl.String else str(dtype).lower()
        raise RecipeError(
            f"{said}: column '{column}' holds {kind}, not {values!r:.60}", f"write values of {kind}"
        ) from None
