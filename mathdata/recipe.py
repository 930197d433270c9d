"""Recipes: a strict YAML file that describes the whole loop; every mistake is named before any work starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from mathdata.asking import Asked, asked
from mathdata.bind import explain
from mathdata.bounds import read_small
from mathdata.errors import RecipeError, UnknownName, nearest
from mathdata.manifest import digest_of
from mathdata.pairs import check_pairs
from mathdata.prompts import Prompt
from mathdata.recipe_checks import check_asking, check_benchmarks, check_component, check_engine, check_stage
from mathdata.recipe_text import MAX_BYTES, line_of, load_yaml, override, refuse_keys
from mathdata.rounding import check_rounding
from mathdata.trainspec import PreflightSpec, TrainSpec
from mathdata.types import Benchmark

__all__ = ["Arm", "Recipe", "StageCall", "asked_of", "asked_prompt", "bundled", "load_recipe", "load_yaml"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Source(Strict):
    """One input: a path, `builtin:`, `data:`, `hf://` or `modelscope://` address, with its column mapping.

    `data:gsm8k/train.jsonl` stands in the folder that MATHDATA_DATA names; `otherwise` is read where it is absent.
    """

    path: str
    otherwise: str | None = None
    column: dict[str, str] | None = None
    license: str | None = None
    max_broken: float = Field(default=0.05, ge=0, le=1)

    @property
    def address(self) -> str:
        """What is read: the local file where it stands, else `otherwise`."""
        if not self.path.startswith("data:"):
            return self.path
        from mathdata.io import data_root

        local = str(data_root() / self.path.removeprefix("data:"))
        there = Path(local.partition("?")[0]).exists()
        return local if there or self.otherwise is None else self.otherwise


class StageCall(Strict):
    """One stage of a chain: its name, its options, and which rows it sees."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)
    where: dict[str, list[Any]] | None = None


class Arm(Strict):
    """One model to compare: the rows of `stages` (default: the recipe's own) trained with `train` (overrides)."""

    stages: list[StageCall] | None = None
    train: dict[str, Any] | Literal[False] = Field(default_factory=dict)
    preflight: PreflightSpec = PreflightSpec()
    """Findings that this arm lets pass by name; the report prints them with their counts."""
    about: str | dict[Literal["en", "zh"], str] = ""

    @field_validator("stages", mode="before")
    @classmethod
    def _stages(cls, value: Any) -> Any:
        return None if value is None else parse_stages(value)


class Evaluate(Strict):
    """How every arm is graded: the same benchmarks, each asked as `mathdata.asking.asked` says.

    An entry may say how that benchmark is asked: `{squad: {max_tokens: 32, limit: 100}}`.
    """

    benchmarks: list[str | dict[str, dict[str, Any] | None]]
    prompt: str | None = None
    max_tokens: int | None = None
    limit: int | None = None
    samples: int = 1
    temperature: float = 0.0
    batch_size: int = 64
    backend: str | dict[str, Any] | None = None


class Compare(Strict):
    """Which arms the headline compares: `before` with one, with several, or with all others (`after: all`)."""

    before: str
    after: str | list[str]

    def pairs(self, arms: Iterable[str]) -> list[tuple[str, str]]:
        """(before, after), one for each arm that is held against `before`; an arm that is named `all` is that arm."""
        every = list(arms)
        after = [self.after] if isinstance(self.after, str) else self.after
        if self.after == "all" and "all" not in every:
            after = [name for name in every if name != self.before]
        return [(self.before, name) for name in dict.fromkeys(after)]


LONGEST = 120
RESERVED = ("curated", "rejects")
"""Files of every run: an arm with a chain of its own has one named after it beside them."""


def plain_name(name: str) -> str:
    """A name that is also a folder's: it must not choose where that folder is. Raises ValueError."""
    if not re.fullmatch(r"[\w-][\w.-]*", name) or len(name.encode()) > LONGEST:
        raise ValueError(
            f"{name[:80]!r} names no folder: letters, digits, - _ and . (not first), {LONGEST} bytes at most"
        )
    return name


class Recipe(Strict):
    """The whole loop: input, stages, arms, training, evaluation, comparison."""

    name: str
    about: str | dict[Literal["en", "zh"], str] = ""
    seed: int = 42
    engine: str | dict[str, Any] = "local"
    """Where the stages run; the same rows come out whichever it is."""
    input: list[Source]
    stages: list[StageCall] = Field(default_factory=list)
    arms: dict[str, Arm] = Field(default_factory=dict)
    train: TrainSpec | None = None
    evaluate: Evaluate | None = None
    compare: Compare | None = None
    sweep: dict[str, list[Any]] | None = None
    jobs: int = 1
    journal: str | None = None
    _place: tuple[str, str] = PrivateAttr(default=("recipe", ""))
    notes: list[str | dict[Literal["en", "zh"], str]] = Field(default_factory=list)
    """What must be said beside the figures: printed at the end and in the report, there in both languages where given."""

    @property
    def digest(self) -> str:
        """sha256 of everything the recipe says that decides what comes out."""
        return digest_of(self.model_dump(mode="json", exclude={"engine"}))

    def chains(self) -> Iterable[tuple[str, list[StageCall]]]:
        """Every chain of stages with its place in the recipe."""
        yield "stages", self.stages
        for name, arm in self.arms.items():
            yield f"arms.{name}.stages", arm.stages or []

    @property
    def place(self) -> tuple[str, str]:
        """The file it was read from and its text, for what is found wrong later."""
        return self._place

    def authored(self) -> dict[str, Any]:
        """The recipe as its author would write it: what is not the default, stages as `- dedup: {level: near}`."""
        body = self.model_dump(mode="json", exclude_defaults=True)
        for holder in (body, *body.get("arms", {}).values()):
            if holder.get("stages"):
                holder["stages"] = [as_written(call) for call in holder["stages"]]
        return body

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return plain_name(value)

    @field_validator("arms")
    @classmethod
    def _arms(cls, value: dict[str, Arm]) -> dict[str, Arm]:
        for name, arm in value.items():
            plain_name(name)
            if arm.stages is not None and name in RESERVED:
                raise ValueError(f"an arm named '{name}' cannot have stages of its own: {name}.parquet is the recipe's")
        return value

    @field_validator("input", mode="before")
    @classmethod
    def _input(cls, value: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        return [{"path": v} if isinstance(v, str) else v for v in items]

    @field_validator("stages", mode="before")
    @classmethod
    def _stages(cls, value: Any) -> Any:
        return parse_stages([] if value is None else value)


def parse_stages(value: Any) -> list[Any]:
    """A list of stages, each as `parse_stage` reads it. Raises ValueError for what is no list."""
    if not isinstance(value, list):
        raise ValueError(f"{value!r:.60} is no list: write each stage as a line of its own, - dedup: {{level: near}}")
    return [parse_stage(v) for v in value]


def parse_stage(value: Any) -> Any:
    """`dedup` · `{dedup: {level: near}}` -> StageCall; `where` is taken out of the options."""
    if isinstance(value, (StageCall, str)):
        return StageCall(name=value) if isinstance(value, str) else value
    if isinstance(value, Mapping) and set(value) <= {"name", "options", "where"} and "name" in value:
        return value
    if not isinstance(value, Mapping) or len(value) != 1:
        raise RecipeError(f"a stage is one name with its options, not {value!r:.80}", "write - dedup: {level: near}")
    ((name, options),) = value.items()
    if options is not None and not isinstance(options, Mapping):
        raise RecipeError(f"stage '{name}': options must be a mapping, not {options!r:.60}", f"write - {name}: {{}}")
    rest = dict(options or {})
    where = rest.pop("where", None)
    if where is not None:
        if not isinstance(where, Mapping):
            raise RecipeError(
                f"stage '{name}': where must be a mapping, not {where!r:.60}", "where: {topic: [equation]}"
            )
        where = {k: v if isinstance(v, list) else [v] for k, v in where.items()}
    return StageCall(name=str(name), options=rest, where=where)


def as_written(call: Mapping[str, Any]) -> dict[str, Any]:
    where = {"where": call["where"]} if call.get("where") else {}
    return {call["name"]: dict(call.get("options", {})) | where}


# --- reading -----------------------------------------------------------------------------------------------------


def recipe_folders() -> list[Path]:
    """Where bundled recipes are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    return [p for p in (package / "recipes", package.parent / "recipes") if p.is_dir()]


def bundled() -> dict[str, Path]:
    """Bundled recipes by name."""
    return {p.stem: p for folder in reversed(recipe_folders()) for p in sorted(folder.glob("*.yaml"))}


def find_recipe(name: str | Path) -> Path:
    """A recipe file by path or bundled name. Raises UnknownName."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    if str(name) in bundled():
        return bundled()[str(name)]
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml"):
        raise UnknownName(f"no recipe file {path}", nearest(path.stem, bundled()))
    raise UnknownName(f"no recipe named '{name}'", nearest(str(name), bundled()))


def load_recipe(name: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Recipe:
    """Read, override (`key.path=value`), check everything a recipe names. Raises RecipeError."""
    if isinstance(name, Mapping):
        data, where, text = dict(name), "recipe", ""
    else:
        path = find_recipe(name)
        where = str(name)
        text = read_small(path, "a recipe", MAX_BYTES)
        data = load_yaml(text, where)
    if not isinstance(data, dict):
        raise RecipeError(
            f"{where}: a recipe is a mapping of keys, not {type(data).__name__}", "start with: name: mine"
        )
    for item in overrides:
        override(data, item)
    refuse_keys(data, where, text)
    check_shapes(data, where, text)
    recipe = _validate(data, where, text)
    recipe._place = where, text
    check_recipe(recipe, where, text)
    return recipe


def check_shapes(data: Mapping[str, Any], where: str, text: str) -> None:
    """Every stage is written as a stage: said with its line. Raises RecipeError."""
    arms = data.get("arms")
    places = [("stages",), *(("arms", name, "stages") for name in (arms if isinstance(arms, Mapping) else ()))]
    for place in places:
        at: Any = data
        for part in place:
            at = at.get(part) if isinstance(at, Mapping) else None
        for i, value in enumerate(at if isinstance(at, list) else ()):
            try:
                parse_stage(value)
            except RecipeError as e:
                raise RecipeError(f"{where}{line_of(text, *place, i)}: {e.message}", e.hint) from None


def _validate(data: dict[str, Any], where: str, text: str) -> Recipe:
    try:
        return Recipe.model_validate(data)
    except ValidationError as e:
        # A misspelt required key is both unknown and missing: the unknown one is the mistake.
        first = min(e.errors(), key=lambda f: f["type"] != "extra_forbidden")
        line = line_of(text, *first["loc"])
        if first["type"] == "extra_forbidden":
            place = ".".join(str(p) for p in first["loc"])
            raise RecipeError(
                f"{where}{line}: unknown key '{place}'", nearest(str(first["loc"][-1]), _keys_at(first["loc"][:-1]))
            ) from None
        raise RecipeError(f"{where}{line}: {explain(e)}", "see: mathdata ls recipes, and docs/recipes.md") from None


def _keys_at(loc: tuple[Any, ...]) -> list[str]:
    """Names valid at a place of the recipe."""
    model: Any = Recipe
    for part in loc:
        field = model.model_fields.get(part) if isinstance(part, str) and hasattr(model, "model_fields") else None
        if field is not None:
            found = _models(field.annotation)
            model = found[0] if found else model
    return list(model.model_fields)


def _models(annotation: Any) -> list[Any]:
    import typing

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in typing.get_args(annotation) for m in _models(a)]


# --- checking what the schema cannot ------------------------------------------------------------------------------


def check_recipe(recipe: Recipe, where: str, text: str = "") -> None:
    """Stages, options, components, arms, benchmarks and training values; the first mistake is raised."""
    check_component("engine", recipe.engine, f"{where}{line_of(text, 'engine')}: engine")
    check_engine(recipe.engine, f"{where}{line_of(text, 'engine')}: engine")
    for place, chain in recipe.chains():
        for i, call in enumerate(chain):
            check_stage(call, f"{where}{line_of(text, *place.split('.'), i, call.name)}: {place}")
    for name, arm in recipe.arms.items():
        if arm.train is not False and recipe.train is not None:
            arm_train(recipe, name, where + line_of(text, "arms", name, "train"))
    if recipe.evaluate is not None:
        named = check_benchmarks(recipe.evaluate.benchmarks, where + line_of(text, "evaluate", "benchmarks"))
        check_rounding(recipe, named, where, text)
        check_asking(recipe.evaluate, where, text)
    if recipe.compare is not None:
        pairs = recipe.compare.pairs(recipe.arms)
        for side in (recipe.compare.before, *(after for _, after in pairs)):
            if side not in recipe.arms:
                raise RecipeError(
                    f"{where}{line_of(text, 'compare')}: no arm named '{side}'", nearest(side, recipe.arms)
                )
        if not pairs or any(before == after for before, after in pairs):
            raise RecipeError(f"{where}{line_of(text, 'compare')}: compare: nothing but one arm", "name two arms")
        check_pairs(recipe, where, text)


def trained_prompt(recipe: Recipe, arm: str) -> str | None:
    """The prompt that an arm's model was trained with; for one that is not trained the prompt of those that are.

    Where the trained arms have several prompts, that of the recipe's own `train`.
    """
    if recipe.train is None:
        return None

    def own(name: str) -> str:
        train = recipe.arms[name].train
        return str((train or {}).get("prompt", recipe.train.prompt if recipe.train else ""))

    if recipe.arms[arm].train is not False:
        return own(arm)
    others = {own(name) for name, made in recipe.arms.items() if made.train is not False}
    return others.pop() if len(others) == 1 else recipe.train.prompt


def asked_of(recipe: Recipe, arm: str, benchmark: str | Mapping[str, Any] | Benchmark) -> Asked:
    """How an arm's model is asked on a benchmark (an entry of `evaluate.benchmarks`): prompt, limits, who decided."""
    from mathdata.benchmarks import get_benchmark

    assert recipe.evaluate is not None
    said = {k: getattr(recipe.evaluate, k) for k in ("prompt", "max_tokens", "limit")}
    return asked(get_benchmark(benchmark), trained=trained_prompt(recipe, arm), **said)


def asked_prompt(recipe: Recipe, arm: str, benchmark: str | Mapping[str, Any] | Benchmark) -> Prompt:
    """The prompt that an arm's model is asked with; two arms are asked alike where its digest is equal."""
    return asked_of(recipe, arm, benchmark).prompt


def only_arms(recipe: Recipe, names: Sequence[str]) -> Recipe:
    """The recipe with these arms alone, in its own order; all where none is named. Raises RecipeError.

    A comparison that has lost a side is left out.
    """
    for name in names:
        if name not in recipe.arms:
            raise RecipeError(f"recipe '{recipe.name}' has no arm '{name}'", nearest(name, recipe.arms))
    if not names:
        return recipe
    kept = {name: arm for name, arm in recipe.arms.items() if name in names}
    pairs = recipe.compare.pairs(recipe.arms) if recipe.compare else []
    left = [after for before, after in pairs if {before, after} <= set(kept)]
    compare = Compare(before=pairs[0][0], after=left if len(left) > 1 else left[0]) if left else None
    return recipe.model_copy(update={"arms": kept, "compare": compare})


def arm_train(recipe: Recipe, name: str, where: str = "recipe") -> TrainSpec:
    """The training spec of an arm: the recipe's, with the arm's own values over it."""
    arm = recipe.arms[name]
    base = recipe.train.model_dump() if recipe.train is not None else {}
    own = arm.train or {}
    for key in own:
        if key not in TrainSpec.model_fields:
            close = get_close_matches(key, TrainSpec.model_fields, n=1)
            raise RecipeError(
                f"{where}: arms.{name}.train: unknown key '{key}'", f"did you mean '{close[0]}'?" if close else ""
            )
    try:
        return TrainSpec.model_validate(base | own)
    except ValidationError as e:
        raise RecipeError(f"{where}: arms.{name}.train: {explain(e)}", "see docs/training.md") from None
