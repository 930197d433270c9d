"""The points of a sweep: a grid of recipe values as it is written, checked before any work, each with its own folder."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mathdata.errors import MathdataError, RecipeError, UsageError, nearest
from mathdata.manifest import digest_of
from mathdata.recipe_text import load_yaml

if TYPE_CHECKING:  # `mathdata sweep --help` need not wait for pydantic
    from mathdata.recipe import Recipe

__all__ = ["Point", "flat", "leave_one_out", "parse_grid", "points_of", "read_points"]

LABEL = "label"
"""Key of a grid value that holds several overrides: what the table and the plot call it."""
TAKEN = ("arm", "rows", "tokens", "steps", "seconds", "digest", "run", "label", "step")
"""Columns of the tables of a sweep: no group of values may have their name."""


@dataclass(frozen=True, slots=True)
class Point:
    """One cell of the grid: what the table calls its values, what is changed, and the folder of its run."""

    values: dict[str, Any]
    folder: Path
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def overrides(self) -> list[str]:
        changes = self.changes or {k.strip(): v for ks, v in self.values.items() for k in ks.split(",")}
        return [*(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in changes.items()), "sweep=null"]

    @property
    def said(self) -> str:
        return ", ".join(f"{k} = {flat(v)}" for k, v in self.values.items())


def flat(value: Any) -> Any:
    """A value as one cell: numbers stay numbers; lists, mappings, true, false and null become stable, readable text.

    >>> flat({"gsm8k": 500, "math": 500}), flat(["a", "b"]), flat(None), flat(True), flat(1e-5), flat([])
    ('gsm8k=500+math=500', 'a+b', 'null', 'true', 1e-05, 'none')
    """
    if isinstance(value, Mapping):
        return "+".join(f"{k}={_inside(v)}" for k, v in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return "+".join(_inside(v) for v in value) or "none"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return value if isinstance(value, (int, float)) else str(value)


def _inside(value: Any) -> str:
    nested = isinstance(value, (Mapping, list, tuple)) and len(value) > 1
    return f"({flat(value)})" if nested else str(flat(value))


# --- as it is written --------------------------------------------------------------------------------------------


def parse_grid(items: Sequence[str]) -> dict[str, list[Any]]:
    """`key.path=a,b,c` -> values, as a recipe reads them; commas inside brackets or quotes belong to a value.

    Keys joined by a comma take the same value: `stages.sample.n,arms.raw.stages.sample.n=500,1000`. A name that is no
    key of a recipe groups values that vary together: `size={label: 1.5B, train.model: A},{label: 7B, train.model: B}`.

    >>> parse_grid(["seed=1,2", "stages.augment.method=[a,b],[a]", "train.learning_rate=1e-5"])
    {'seed': [1, 2], 'stages.augment.method': [['a', 'b'], ['a']], 'train.learning_rate': [1e-05]}
    """
    grid: dict[str, list[Any]] = {}
    for item in items:
        key, eq, text = item.partition("=")
        if not eq or not key.strip() or not text.strip():
            raise UsageError(f"--grid {item}: not key.path=a,b,c", "for example: --grid stages.sample.n=500,1000,2000")
        if key.strip() in grid:
            raise UsageError(f"--grid {key.strip()} is given twice", "write all its values once: key.path=a,b,c")
        try:
            grid[key.strip()] = load_yaml(f"[{text}]", where=f"--grid {key.strip()}")
        except RecipeError as error:
            raise UsageError(error.message, "quote the value, or close its bracket") from None
    return grid


def leave_one_out(recipe: str | Path, key: str, overrides: Sequence[str] = ()) -> dict[str, list[Any]]:
    """A grid of the list at `key`, whole and with each item left out."""
    from mathdata.recipe import load_recipe

    at: Any = load_recipe(recipe, overrides).model_dump(mode="json")
    for part in key.split("."):
        at = _step(at, part, key)
    if not isinstance(at, list) or len(at) < 2:
        raise RecipeError(f"--leave-one-out {key}: not a list of two or more", "for example: stages.augment.method")
    return {key: [at, *([x for x in at if x != item] for item in at)]}


def _step(at: Any, part: str, key: str) -> Any:
    if isinstance(at, list):
        found = next((x for i, x in enumerate(at) if part in (str(i), str(x.get("name")))), None)
        found = found.get("options", found) if isinstance(found, Mapping) else found
    else:
        found = at.get(part) if isinstance(at, Mapping) else None
    if found is None:
        raise RecipeError(f"--leave-one-out {key}: the recipe has no '{part}'", "see: mathdata run RECIPE --plan")
    return found


# --- points ------------------------------------------------------------------------------------------------------


def points_of(grid: Mapping[str, Sequence[Any]], out: Path) -> list[Point]:
    """Every combination; a folder's name tells its values. Raises UsageError for a grid that has no points."""
    if not grid or any(not values for values in grid.values()):
        raise UsageError("there is nothing to vary", "--grid key.path=a,b,c, or `sweep:` in the recipe")
    cells = [[_cell(key, value) for value in values] for key, values in grid.items()]
    _refuse_twins(grid, cells)
    made = []
    for combination in itertools.product(*cells):
        changes = {k: v for _, change in combination for k, v in change.items()}
        if len(changes) < sum(len(change) for _, change in combination):
            raise UsageError("two keys of the grid change the same value of the recipe", "write it under one of them")
        values = dict(zip(grid, (shown for shown, _ in combination)))
        name = "_".join(f"{k.rpartition('.')[2]}-{_slug(flat(v))}" for k, v in values.items())
        made.append(Point(values, out / "runs" / f"{_short(name)}-{digest_of(changes)[:10]}", changes))
    return made


def _cell(key: str, value: Any) -> tuple[Any, dict[str, Any]]:
    """(what the table calls one grid value, what it changes in the recipe)."""
    from mathdata.recipe import Recipe

    paths = [k.strip() for k in key.split(",")]
    strange = [k for k in paths if k.partition(".")[0] not in Recipe.model_fields]
    if not strange:
        return value, dict.fromkeys(paths, value)
    if len(paths) > 1 or not isinstance(value, Mapping):
        raise UsageError(
            f"grid: '{strange[0]}' is no key of a recipe, and {value!r:.60} no group of keys",
            f"{nearest(strange[0].partition('.')[0], Recipe.model_fields)}; a group: {{label: 7B, train.model: ...}}",
        )
    if key in TAKEN or "." in key:
        raise UsageError(f"grid: a group of values cannot be called '{key}'", "a word that names it, such as size")
    changes = {str(k): v for k, v in value.items() if k != LABEL}
    wrong = next((k for k in changes if k.partition(".")[0] not in Recipe.model_fields), None)
    if wrong is not None or not changes:
        hint = nearest((wrong or "").partition(".")[0], Recipe.model_fields)
        raise UsageError(f"grid: {key}: unknown key '{wrong or ''}' in {dict(value)!r:.80}", hint)
    return value.get(LABEL, flat(next(iter(changes.values())))), changes


def _refuse_twins(grid: Mapping[str, Any], cells: Sequence[Sequence[tuple[Any, dict[str, Any]]]]) -> None:
    for key, column in zip(grid, cells):
        names = [str(flat(shown)) for shown, _ in column]
        if twice := next((n for n in names if names.count(n) > 1), None):
            raise UsageError(f"grid: {key} has the value {twice} twice", "name each once; groups by a label each")


def _slug(value: Any) -> str:
    return "".join(c if c.isalnum() or c in "+-.=" else "-" for c in str(value))


def _short(name: str, most: int = 120) -> str:
    """At most so many bytes: a folder's name may have 255."""
    return name.encode()[:most].decode(errors="ignore")


# --- checked before any work -------------------------------------------------------------------------------------


def read_points(
    recipe: str | Path, points: Sequence[Point], overrides: Sequence[str] = (), arms: Sequence[str] = ()
) -> dict[Path, Recipe]:
    """The recipe of every point, by folder, its models of other runs looked up.

    Raises MathdataError, naming the point, for a value that no recipe takes and a plan that its card cannot hold.
    """
    from mathdata.recipe import load_recipe, only_arms
    from mathdata.runmodel import resolved
    from mathdata.training import need_memory

    made = {}
    for point in points:
        try:
            made[point.folder] = resolved(only_arms(load_recipe(recipe, [*overrides, *point.overrides]), arms))
            need_memory(made[point.folder])
        except MathdataError as error:
            error.message = f"point {point.said}: {error.message}"
            error.args = (error.message,)
            raise
    return made
