"""A recipe that rounds what it teaches is graded at the tolerance of its own rounding, or says that it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mathdata.errors import RecipeError
from mathdata.recipe_text import line_of
from mathdata.types import Benchmark

if TYPE_CHECKING:
    from mathdata.recipe import Recipe, StageCall

__all__ = ["check_rounding", "families_in", "off_by", "rounded_places"]


def rounded_places(chain: Sequence[StageCall]) -> dict[str, int]:
    """Family -> the fewest decimal places that the `round` of any method of a chain leaves its answers."""
    found: dict[str, int] = {}
    for call in chain:
        topics = (call.where or {}).get("topic")
        for family, places in _asked_places(call):
            if topics is None or family in topics:
                found[family] = min(places, found.get(family, places))
    return found


def _asked_places(call: StageCall) -> Iterator[tuple[str, int]]:
    from mathdata.registry import parse_spec

    methods = call.options.get("method") or []
    for spec in methods if isinstance(methods, list) else [methods]:
        rounding = parse_spec(spec)[1].get("round")
        yield from rounding.items() if isinstance(rounding, Mapping) else ()


def off_by(places: int) -> float:
    """How far a right answer may stand from the true value once it is rounded.

    >>> off_by(1)
    0.05
    """
    return float(Decimal(5).scaleb(-places - 1))


def families_in(benchmark: Benchmark) -> tuple[str, ...]:
    """The families of elementary problems that a benchmark holds: as it says, else as its rows are read."""
    if benchmark.families is not None:
        return benchmark.families
    from mathdata.families import fill_topics
    from mathdata.schema import conform

    topics = fill_topics(conform(benchmark.load().select("problem")))["topic"]
    return tuple(sorted(topics.drop_nulls().unique().to_list()))


def check_rounding(
    recipe: Recipe, benchmarks: Sequence[Benchmark], where: str, text: str = "", *, read: bool = False
) -> None:
    """No arm is taught answers that a benchmark would call wrong for their rounding alone. Raises RecipeError.

    A benchmark that does not say which families it holds is looked into only with `read`: its rows are loaded then.
    """
    for arm, settings in recipe.arms.items():
        taught = rounded_places(recipe.stages if settings.stages is None else settings.stages)
        if settings.train is False or not taught or "rounding" in allowed(recipe, arm):
            continue
        for benchmark in benchmarks:
            held = benchmark.families if not read else families_in(benchmark)
            coarse = {f: p for f, p in taught.items() if f in (held or ()) and off_by(p) > (benchmark.tolerance or 0)}
            if coarse:
                line = line_of(text, "evaluate", "benchmarks")
                raise RecipeError(f"{where}{line}: {_said(benchmark, arm, coarse)}", _hint(benchmark, arm, coarse))


def allowed(recipe: Recipe, arm: str) -> tuple[str, ...]:
    """What an arm's preflight lets pass: the arm's own words and those of the training."""
    spec: Any = (recipe.arms[arm].train or {}).get("preflight") or {}
    words = spec.get("allow", ()) if isinstance(spec, Mapping) else ()
    return (*recipe.arms[arm].preflight.allow, *words, *(recipe.train.preflight.allow if recipe.train else ()))


def _said(benchmark: Benchmark, arm: str, coarse: Mapping[str, int]) -> str:
    fewest = min(coarse.values())
    takes = "no answer that is off" if benchmark.tolerance is None else f"answers within {benchmark.tolerance:g}"
    return (
        f"benchmark {benchmark.name} takes {takes}, but arm '{arm}' is taught {', '.join(coarse)} rounded to "
        f"{fewest} decimal{'' if fewest == 1 else 's'}, up to {off_by(fewest):g} off: its right answers would be graded wrong"
    )


def _hint(benchmark: Benchmark, arm: str, coarse: Mapping[str, int]) -> str:
    let = f"arms.{arm}.preflight: {{allow: [rounding]}}"
    if benchmark.tolerance is None:
        return f"leave {', '.join(coarse)} out of `round`, or let it pass: {let}"
    return f"write {benchmark.name}:{off_by(min(coarse.values())):g}, or let it pass: {let}"
