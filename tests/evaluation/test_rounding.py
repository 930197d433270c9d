"""A recipe that rounds what it teaches is graded at the tolerance of its own rounding: found before any work."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.benchmarks import get_benchmark
from mathdata.errors import RecipeError, UsageError
from mathdata.pipeline import plan, run
from mathdata.recipe import bundled, load_recipe
from mathdata.registry import build, names
from mathdata.rounding import families_in, off_by, rounded_places
from mathdata.schema import conform
from mathdata.types import Problem

ROUND = {"equation": 1, "divide": 1, "discount": 1, "square_root": 1}


def recipe(benchmark: Any, rounding: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
    method = [{"step_cot": {"round": ROUND if rounding is None else rounding}}]
    stage = {"method": method, "teacher": "symbolic", "originals": "replace"} | more.pop("stage", {})
    return {
        "name": "mine", "input": "builtin:elementary", "stages": [{"augment": stage}],
        "arms": {"before": {"train": False}, "after": more.pop("arm", {})},
        "train": {"model": {"config": {"hidden_size": 16}}, "tokenizer": {"train": {"vocab_size": 300}}},
        "evaluate": {"benchmarks": [benchmark]}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(("places", "off"), [(0, 0.5), (1, 0.05), (2, 0.005), (8, 5e-9), (-1, 5.0)])
def test_a_rounded_answer_is_off_by_half_a_unit_of_its_last_place(places: int, off: float) -> None:
    assert off_by(places) == off


@pytest.mark.parametrize(
    "sound",
    [
        recipe("contest200:0.05"),
        recipe("contest200:0.5"),
        recipe("contest200", {"divide": 2}),
        recipe("contest200", {"simplify_fraction": 0, "small_add": 0}),  # families that it does not hold
        recipe("contest200", stage={"where": {"topic": ["mass"]}}),  # rows that the rounding never meets
        recipe("elementary"),
        recipe("gsm8k"),
        recipe("squad"),
        recipe("contest200", arm={"preflight": {"allow": ["rounding"]}}),
        recipe("contest200", arm={"train": False}),
        recipe("contest200", arm={"stages": []}),
    ],
)
def test_a_benchmark_that_takes_the_rounded_answers_is_let_be(sound: dict[str, Any]) -> None:
    assert load_recipe(sound)


@pytest.mark.parametrize(
    ("wrong", "said", "hint"),
    [
        (recipe("contest200"), "contest200 takes answers within 0.01.*'after' is taught equation, divide, discount, "
         "square_root rounded to 1 decimal, up to 0.05 off", "write contest200:0.05"),
        (recipe("contest200:0.04", {"divide": 1}), "within 0.04.*divide rounded to 1 decimal", "contest200:0.05"),
        (recipe("contest200:0.05", {"mean": 0}), "mean rounded to 0 decimals, up to 0.5 off", "contest200:0.5"),
        (recipe("elementary_all"), "takes no answer that is off", "leave equation, divide, discount, square_root out"),
        (recipe("contest200", arm={"stages": [{"augment": {"method": [{"rephrase": {"round": {"divide": 1}}}]}}]}),
         "taught divide rounded", "allow: \\[rounding\\]"),
    ],
)  # fmt: skip
def test_a_tighter_tolerance_than_the_rounding_is_found_when_the_recipe_is_read(
    wrong: dict[str, Any], said: str, hint: str
) -> None:
    with pytest.raises(RecipeError, match=said) as error:
        load_recipe(wrong)
    assert re.search(hint, error.value.hint)
    assert "\n" not in error.value.message + error.value.hint


def test_no_bundled_recipe_is_graded_tighter_than_it_rounds() -> None:
    rounding = {n: load_recipe(p) for n, p in bundled().items()}
    rounded = {n for n, r in rounding.items() if any(rounded_places(chain) for _, chain in r.chains())}
    assert rounded >= {"quickstart", "amounts", "contest_zh", "exp001_contest"}


def test_a_file_of_ones_own_is_read_for_the_families_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"problem": "计算 10 / 3 等于多少？", "answer": "3.3333"}) + "\n")
    made = load_recipe(recipe(str(file)))
    for work in (lambda: plan(made, tmp_path / "r"), lambda: run(made, out=tmp_path / "r")):
        with pytest.raises(RecipeError, match=r"benchmark mine takes no answer that is off.*taught divide rounded"):
            work()
    assert not (tmp_path / "r").exists(), "before any work"
    assert plan(load_recipe(recipe(str(file), {"mean": 1})), tmp_path / "r")


def test_a_benchmark_without_its_file_is_found_before_any_work(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("MATHDATA_DATA", str(tmp_path / "empty"))
    for benchmark, said in (("contest200:0.05", "benchmark file not found"), ("squad:gone.json", "no such file")):
        made = load_recipe(recipe(benchmark))
        for work in (lambda: plan(made, tmp_path / "r"), lambda: run(made, out=tmp_path / "r")):  # noqa: B023
            with pytest.raises(RecipeError, match=f"evaluate.benchmarks: .*{said}") as error:
                work()
            assert "MATHDATA_DATA" in error.value.hint
    assert not (tmp_path / "r").exists()


def test_a_tolerance_that_is_none_is_refused() -> None:
    for text in ("contest200:-1", "contest200:nan"):
        with pytest.raises(UsageError, match="lets nothing be graded"):
            get_benchmark(text)


@pytest.mark.parametrize("name", sorted(set(names("benchmark")) - {"custom", "squad"}))
def test_a_benchmark_says_the_families_that_its_rows_are_read_as(name: str, shared: Path) -> None:
    benchmark = get_benchmark(name)
    assert benchmark.families is not None
    assert set(benchmark.families) == set(families_in(replace(benchmark, families=None)))


@pytest.mark.parametrize("name", ["contest_zh", "exp001_contest", "exp001_templates"])
def test_perfect_answers_by_the_rules_of_the_recipe_are_right_on_its_own_benchmark(name: str, shared: Path) -> None:
    made = load_recipe(name)
    assert made.evaluate is not None
    own = get_benchmark(made.evaluate.benchmarks[0])
    assert score(own, rounded_places(made.stages)) == 1.0
    assert score(get_benchmark("contest200"), rounded_places(made.stages)) < 0.8, "the published tolerance is tighter"


def score(benchmark: Any, rounding: dict[str, int]) -> float:
    """Accuracy of worked solutions that the recipe's own teacher writes for the benchmark's rows, raw as they came."""
    method, teacher = build("augmentation", {"step_cot": {"round": rounding}}), build("backend", "symbolic")
    rows = conform(benchmark.load().with_columns(pl.lit(None, dtype=pl.String).alias("answer")))
    requests = [method.requests(Problem.from_row(row), seed=0)[0] for row in rows.iter_rows(named=True)]
    worked = [made[0].data["solution"] for made in teacher.generate(requests)]
    right = [benchmark.judge(r, w).ok for r, w in zip(rows.iter_rows(named=True), worked, strict=True)]
    return sum(right) / len(right)
