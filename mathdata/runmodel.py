"""A model that another run made: `model: {run: NAME, arm: ...}` or `{run: NAME, best: gsm8k}`, looked up on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mathdata.errors import RecipeError, nearest
from mathdata.recipe_text import line_of

if TYPE_CHECKING:
    from mathdata.recipe import Recipe
    from mathdata.trainspec import ModelSpec

__all__ = ["best_of", "described", "find_model", "resolved"]

RUNS = Path("runs")


class NotThereYet(RecipeError):
    """The run was not made, or not to its end: a plan can be made without it."""


def resolved(recipe: Recipe, planning: bool = False) -> Recipe:
    """The recipe with every `model: {run: ...}` led to its folder, with the digest of the files there.

    `planning`: a run that is not there yet is passed over.
    Raises RecipeError in two lines where a run, its arm or its benchmark is not there.
    """
    from mathdata.trainspec import ModelSpec

    if recipe.train is None:
        return recipe

    def look(model: ModelSpec, *place: str) -> ModelSpec:
        if model.run is None or model.name is not None:
            return model
        try:
            return find_model(model)
        except RecipeError as error:
            if planning and isinstance(error, NotThereYet):
                return model
            where, text = recipe.place
            raise RecipeError(
                f"{where}{line_of(text, *place)}: {'.'.join(place)}: {error.message}", error.hint
            ) from None

    train = recipe.train.model_copy(update={"model": look(recipe.train.model, "train", "model")})
    arms = {}
    for name, arm in recipe.arms.items():
        own = arm.train.get("model") if isinstance(arm.train, dict) else None
        if isinstance(own, Mapping):
            made = look(ModelSpec.model_validate(own), "arms", name, "train", "model")
            arm = arm.model_copy(update={"train": {**arm.train, "model": made.model_dump(mode="json")}})  # type: ignore[dict-item]
        arms[name] = arm
    return recipe.model_copy(update={"train": train, "arms": arms})


def find_model(model: ModelSpec) -> ModelSpec:
    """The same model with `name` (and `adapter`) of the folder that its `run` holds, and `digest` of the files there."""
    assert model.run is not None
    chosen = choose(model, candidates(folder_of(model.run)))
    path: Path = chosen["path"]
    if not (path / "job.json").is_file():
        raise NotThereYet(f"{path} holds no finished model", "run that run again: it goes on where it stopped")
    from mathdata.identity import base_of, folder_digest

    update: dict[str, Any] = {"name": str(path), "digest": folder_digest(path)}
    if (path / "adapter_config.json").is_file():
        update |= {"name": base_of(path), "adapter": str(path)}
    return model.model_copy(update=update)


def described(model: ModelSpec) -> str:
    """In words which model is meant, and where it was found."""
    if model.run is None:
        return model.name or "from a config"
    words = [f"arm {model.arm}"] if model.arm else []
    words += [f"the best on {model.best}"] if model.best else []
    words += [f"where {', '.join(f'{k} = {v}' for k, v in model.where.items())}"] if model.where else []
    found = model.adapter or model.name
    if found is None:
        found = f"not there yet: planned as {model.like}" if model.like else "not there yet"
    return f"{' '.join(words) or 'the model'} of run {model.run} ({found})"


# --- where it is -------------------------------------------------------------------------------------------------


def folder_of(run: str) -> Path:
    """The folder of a run or sweep: by path, or by name below runs/. Raises RecipeError where there is none."""
    asked = [Path(run)] if "/" in run or Path(run).is_dir() else [RUNS / f"{run}-sweep", RUNS / run]
    for folder in asked:
        if (folder / "sweep.json").is_file() or (folder / "models").is_dir():
            return folder
    unfinished = next((f for f in asked if f.is_dir()), None)
    if unfinished is not None:
        raise NotThereYet(
            f"the run in {unfinished} has no result yet", "run its command again: it goes on where it stopped"
        )
    raise NotThereYet(
        f"there is no run '{run}' yet (looked for {' and '.join(map(str, asked))})",
        f"make it first: {first_command(run)}; a run elsewhere: train.model.run=FOLDER",
    )


def first_command(run: str) -> str:
    """The command that makes a run, where it is one of a bundled recipe."""
    from mathdata.recipe import bundled
    from mathdata.recipe_text import load_yaml

    name = Path(run).name.removesuffix("-sweep")
    path = bundled().get(name)
    if path is None:
        return "mathdata run RECIPE, or mathdata sweep RECIPE"
    swept = bool(load_yaml(path.read_text(encoding="utf-8"), name).get("sweep"))
    return f"mathdata {'sweep' if swept else 'run'} {name}"


def candidates(folder: Path) -> list[dict[str, Any]]:
    """Every model of a run or of a sweep's finished runs, in the order of its table: values, arm, accuracies, path."""
    table = folder / "sweep.json"
    if table.is_file():
        rows = body_of(table).get("rows") or []
        return [row | {"path": folder / "runs" / str(row["run"]) / "models" / str(row["arm"])} for row in rows]
    found = []
    for path in sorted((folder / "models").iterdir()):
        record = body_of(path / "job.json").get("train") or {}
        graded = (record.get("evaluation") or {}).get("benchmarks") or {}
        figures = {f"{name}_accuracy": v.get("accuracy") for name, v in graded.items()}
        found.append({"arm": path.name, "rows": record.get("trainable") or None, "path": path} | figures)
    return found


def body_of(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


# --- which -------------------------------------------------------------------------------------------------------


def choose(model: ModelSpec, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one model that is meant. Raises RecipeError where none or several are."""
    names = list(dict.fromkeys(str(r["arm"]) for r in rows))
    if model.arm is not None and model.arm not in names:
        raise RecipeError(f"run '{model.run}' has no arm '{model.arm}'", nearest(model.arm, names))
    left = [r for r in rows if (r["arm"] == model.arm if model.arm else r.get("rows"))]
    for key, value in (model.where or {}).items():
        left = matching(left, key, value, str(model.run))
    if model.best is not None:
        return best_of(left, model.best)
    if len(left) != 1:
        told = ", ".join(str(r.get("run") or r["arm"]) for r in left[:5])
        raise RecipeError(
            f"run '{model.run}' holds {len(left)} models that are meant" + (f": {told}" if told else ""),
            "say which by arm, best (a benchmark) or where (values of the sweep)",
        )
    return left[0]


def matching(rows: list[dict[str, Any]], key: str, value: Any, run: str) -> list[dict[str, Any]]:
    from mathdata.grid import flat

    known = [k for k in (rows[0] if rows else {}) if k not in ("arm", "path", "run", "digest")]
    if key not in known:
        raise RecipeError(f"where: the table of run '{run}' has no column '{key}'", nearest(key, known))
    left = [r for r in rows if str(r[key]) == str(flat(value))]
    if not left:
        values = list(dict.fromkeys(str(r[key]) for r in rows))
        raise RecipeError(f"where: no run of '{run}' has {key} = {value}", f"values there: {', '.join(values)}")
    return left


def best_of(rows: Sequence[dict[str, Any]], benchmark: str) -> dict[str, Any]:
    """The trained row with the highest accuracy on a benchmark; the first of equals. Raises RecipeError."""
    key = f"{benchmark}_accuracy"
    graded = [r for r in rows if r.get(key) is not None]
    if not graded:
        names = {k.removesuffix("_accuracy") for r in rows for k in r if k.endswith("_accuracy")}
        known = [n for n in names if not n.endswith(("_format", "_token"))]
        raise RecipeError(f"best: no model was asked on '{benchmark}'", nearest(benchmark, known))
    return max(graded, key=lambda r: r[key])
