"""Which arms are compared, and pairs that could not be: said when the recipe is read, before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mathdata.errors import RecipeError
from mathdata.pairs import asked_apart, pairs_of
from mathdata.recipe import load_recipe, only_arms

HEAD = """
name: pairs
input: builtin:elementary?rows=50
stages: [{dedup: {level: normal}}]
train: {model: {name: none}, prompt: plain}
evaluate: {benchmarks: [elementary]}
arms:
"""
LADDER = """
  before: {train: false}
  raw: {stages: []}
  half: {stages: [{sample: {n: 10}}]}
  curated: {}
"""
ABLATION = """
  before: {train: false}
  base: {}
  rank: {train: {learning_rate: 0.001}}
  rate: {train: {weight_decay: 0.5}}
"""


@pytest.mark.parametrize(
    ("arms", "compare", "wanted"),
    [
        (LADDER, "{before: raw, after: curated}", "raw-curated before-raw before-half before-curated raw-half half-curated"),
        (LADDER, "null", "before-raw before-half before-curated raw-half half-curated"),
        (LADDER, "{before: before, after: all}", "before-raw before-half before-curated"),
        (LADDER, "{before: raw, after: [half, curated]}", "raw-half raw-curated before-raw before-half before-curated"),
        (ABLATION, "null", "before-base before-rank before-rate"),
        (ABLATION, "{before: before, after: all}", "before-base before-rank before-rate"),
        (ABLATION, "{before: base, after: rank}", "base-rank before-base before-rank before-rate"),
        ("\n  one: {}\n  two: {train: {learning_rate: 0.001}}\n", "null", "one-two"),
    ],
)  # fmt: skip
def test_every_arm_is_held_against_the_untrained_one_and_neighbours_only_on_a_ladder(
    arms: str, compare: str, wanted: str, tmp_path: Path
) -> None:
    (tmp_path / "r.yaml").write_text(HEAD + arms + f"compare: {compare}\n")
    assert ["-".join(p) for p in pairs_of(load_recipe(tmp_path / "r.yaml"))] == wanted.split()


def test_an_arm_that_is_named_all_is_that_arm(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(HEAD + LADDER + "  all: {}\ncompare: {before: raw, after: all}\n")
    recipe = load_recipe(tmp_path / "r.yaml")
    assert recipe.compare is not None
    assert recipe.compare.pairs(recipe.arms) == [("raw", "all")]


@pytest.mark.parametrize(
    ("compare", "words"),
    [
        ("{before: raw, after: none}", "no arm named 'none'"),
        ("{before: raw, after: [half, non]}", "no arm named 'non'"),
        ("{before: raw, after: raw}", "nothing but one arm"),
        ("{before: raw, after: []}", "nothing but one arm"),
    ],
)
def test_a_comparison_that_names_no_two_arms_is_refused(compare: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(HEAD + LADDER + f"compare: {compare}\n")
    with pytest.raises(RecipeError, match=words):
        load_recipe(tmp_path / "r.yaml")


PROMPTS = """
  before: {train: false}
  plain: {}
  alpaca: {train: {prompt: alpaca}}
"""


def test_a_headline_that_would_be_asked_with_two_prompts_is_refused_when_the_recipe_is_read(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    (tmp_path / "r.yaml").write_text(HEAD + PROMPTS + "compare: {before: plain, after: alpaca}\n")
    done = call("run", "r.yaml", "--plan")
    assert done.rc == 2
    assert "'plain' would be asked elementary with prompt 'plain' and 'alpaca' with 'alpaca'" in done.err
    assert "evaluate: {prompt: alpaca} asks both alike" in done.err
    assert call("run", "r.yaml", "--plan", "evaluate.prompt=alpaca").rc == 0
    assert call("run", "r.yaml", "--plan", "compare.after=before").rc == 0
    assert not (tmp_path / "runs").exists()


def test_other_pairs_that_cannot_be_compared_stand_in_the_plan(tmp_path: Path, call: Callable[..., Any]) -> None:
    (tmp_path / "r.yaml").write_text(HEAD + PROMPTS + "compare: {before: before, after: plain}\n")
    done = call("run", "r.yaml", "--plan")
    assert "  compare before -> plain\n" in done.out
    assert (
        "will not be compared: before -> alpaca on elementary: asked with different prompts, plain and alpaca"
        in done.out
    )
    recipe = load_recipe(tmp_path / "r.yaml")
    assert asked_apart(recipe, ("before", "alpaca")) == {"elementary": ("plain", "alpaca")}
    assert asked_apart(recipe, ("before", "plain")) == {}


def test_choosing_arms_leaves_the_comparisons_that_have_both_sides(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(HEAD + LADDER + "compare: {before: before, after: all}\n")
    recipe = load_recipe(tmp_path / "r.yaml")
    assert pairs_of(only_arms(recipe, ["before", "half"])) == [("before", "half")]
    fewer = only_arms(recipe, ["before", "half", "raw"]).compare
    assert fewer is not None
    assert fewer.after == ["raw", "half"]
    assert only_arms(recipe, ["half"]).compare is None
