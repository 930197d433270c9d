"""Which arms of a recipe are compared, and which of these pairs cannot be: known before any work."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from mathdata.benchmarks import get_benchmark
from mathdata.errors import RecipeError
from mathdata.recipe_text import line_of

if TYPE_CHECKING:
    from mathdata.recipe import Recipe

__all__ = ["asked_apart", "check_pairs", "pairs_of"]

Pair = tuple[str, str]


def pairs_of(recipe: Recipe, arms: Sequence[str] | None = None) -> list[Pair]:
    """The recipe's own `compare` first; every arm against the untrained one; neighbours whose rows alone differ.

    Neighbours are compared where the arms are a ladder of data sets trained alike, and only where the recipe does not
    say itself which several arms are held against one. Where nothing else is to compare, the neighbours as they stand.
    """
    names = list(recipe.arms if arms is None else arms)
    chosen = recipe.compare.pairs(recipe.arms) if recipe.compare else []
    base = next((name for name in names if recipe.arms[name].train is False), None)
    against = [(base, name) for name in names if base is not None and name != base]
    trained = [name for name in names if recipe.arms[name].train is not False]
    ladder = [p for p in pairwise(trained) if rows_alone_differ(recipe, *p)] if len(chosen) < 2 else []
    found = [p for p in dict.fromkeys([*chosen, *against, *ladder]) if set(p) <= set(names)]
    return found or list(pairwise(names))


def rows_alone_differ(recipe: Recipe, before: str, after: str) -> bool:
    one, other = recipe.arms[before], recipe.arms[after]
    return one.train == other.train and one.stages != other.stages


def asked_apart(recipe: Recipe, pair: Pair) -> dict[str, Pair]:
    """Benchmarks that a pair is asked with different prompts, with the two prompts' names: no difference can be taken."""
    from mathdata.recipe import asked_prompt

    found = {}
    for entry in recipe.evaluate.benchmarks if recipe.evaluate else ():
        one, other = (asked_prompt(recipe, arm, entry) for arm in pair)
        if one.digest != other.digest:
            found[get_benchmark(entry).name] = (one.name, other.name)
    return found


def check_pairs(recipe: Recipe, where: str, text: str) -> None:
    """What `compare` names are arms, and each pair of them is asked alike. Raises RecipeError."""
    for pair in recipe.compare.pairs(recipe.arms) if recipe.compare else ():
        for benchmark, (one, other) in asked_apart(recipe, pair).items():
            raise RecipeError(
                f"{where}{line_of(text, 'compare')}: compare: '{pair[0]}' would be asked {benchmark} with prompt '{one}' and "
                f"'{pair[1]}' with '{other}', each as it is trained: no difference can be taken",
                f"evaluate: {{prompt: {other}}} asks both alike; or compare arms that are trained with one prompt",
            )
