"""The two recipes built on the families name families that exist, and grade what they train."""

from __future__ import annotations

import pytest

from mathdata import families, registry
from mathdata.families import SMALL
from mathdata.recipe import load_recipe


@pytest.mark.parametrize("name", ["quickstart", "contest_zh"])
def test_the_quota_names_families(name: str) -> None:
    recipe = load_recipe(name)
    [sample] = [s for s in recipe.stages if s.name == "sample"]
    assert {group.partition(".")[0] for group in sample.options["quota"]} <= set(families.names())


def test_the_quickstart_varies_and_grades_the_small_families_alike() -> None:
    recipe = load_recipe("quickstart")
    [sample] = [s for s in recipe.stages if s.name == "sample"]
    assert len({sample.options["quota"][name] for name in SMALL}) == 1
    varied = next(s for s in recipe.stages if s.options.get("method") == ["vary_numbers"])
    assert varied.where is not None
    assert set(varied.where["topic"]) == set(SMALL)
    assert recipe.evaluate is not None
    graded = registry.find("benchmark", recipe.evaluate.benchmarks[0]).make.load()
    assert set(graded["topic"]) == set(SMALL)
