"""A model that another run made: found by run, arm, best figure and values; told in two lines where it is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mathdata.errors import MathdataError
from mathdata.recipe import load_recipe
from mathdata.runmodel import find_model, resolved
from mathdata.trainspec import ModelSpec, parse_spec


def finished_model(folder: Path, accuracy: float | None = None, trainable: int = 10, adapter: str = "") -> Path:
    """What a training leaves, as far as it is looked up."""
    folder.mkdir(parents=True)
    graded = {"evaluation": {"benchmarks": {"gsm8k": {"accuracy": accuracy}}}} if accuracy is not None else {}
    (folder / "job.json").write_text(json.dumps({"train": {"trainable": trainable, **graded}}))
    (folder / "model.safetensors").write_bytes(folder.name.encode())
    if adapter:
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": adapter}))
    else:
        (folder / "config.json").write_text("{}")
    return folder


def finished_sweep(folder: Path) -> None:
    """Two sizes by two amounts, the last of them the best on MATH, and one arm that is not trained."""
    rows: list[dict[str, Any]] = []
    for size, amount, gsm8k, math in (("1.5B", 1000, 0.9, 0.1), ("7B", 1000, 0.7, 0.2), ("7B", 2000, 0.7, 0.3)):
        run = f"size-{size}_amount-{amount}"
        for arm, trained in (("before", None), ("trained", amount)):
            finished_model(folder / "runs" / run / "models" / arm)
            rows.append(
                {"size": size, "amount": amount, "arm": arm, "gsm8k_n": 9, "gsm8k_accuracy": gsm8k if trained else 1.0,
                 "math_n": 9, "math_accuracy": math, "rows": trained, "digest": "d", "run": run}
            )  # fmt: skip
    (folder / "sweep.json").write_text(json.dumps({"rows": rows}))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    finished_sweep(Path("runs/sizes-sweep"))
    finished_sweep(Path("elsewhere/s"))
    finished_model(Path("runs/plain/models/before"), 0.9, trainable=0)
    finished_model(Path("runs/plain/models/rows_128"), 0.6)
    finished_model(Path("runs/plain/models/rows_256"), 0.8)
    finished_model(Path("runs/one/models/only"))
    finished_model(Path("runs/low/models/lora"), adapter="Qwen/Qwen2.5-1.5B")
    Path("runs/half/models/trained").mkdir(parents=True)
    Path("runs/begun/steps").mkdir(parents=True)
    return tmp_path


SIZES = "runs/sizes-sweep/runs/size-{}/models/trained"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"run": "sizes", "best": "gsm8k"}, SIZES.format("1.5B_amount-1000")),
        ({"run": "sizes", "best": "gsm8k", "where": {"size": "7B"}}, SIZES.format("7B_amount-1000")),  # first of equals
        ({"run": "sizes", "best": "math"}, SIZES.format("7B_amount-2000")),
        ({"run": "sizes", "where": {"size": "7B", "amount": 2000}}, SIZES.format("7B_amount-2000")),
        ({"run": "runs/sizes-sweep", "best": "math"}, SIZES.format("7B_amount-2000")),
        ({"run": "elsewhere/s", "best": "math"}, "elsewhere/s/runs/size-7B_amount-2000/models/trained"),
        ({"run": "plain", "arm": "rows_128"}, "runs/plain/models/rows_128"),
        ({"run": "plain", "arm": "before"}, "runs/plain/models/before"),
        ({"run": "plain", "best": "gsm8k"}, "runs/plain/models/rows_256"),  # before is not trained
        ({"run": "one"}, "runs/one/models/only"),
    ],
)
def test_a_model_of_another_run_is_led_to_its_folder(runs: Path, asked: dict[str, Any], path: str) -> None:
    found = find_model(ModelSpec.model_validate(asked))
    assert found.name == path
    assert (runs / path / "config.json").is_file()
    assert found.digest


@pytest.mark.parametrize(
    ("asked", "said", "hint"),
    [
        ({"run": "no"}, "there is no run 'no' yet (looked for runs/no-sweep and runs/no)", "mathdata run RECIPE"),
        ({"run": "exp000_size_amount", "best": "gsm8k"}, "there is no run", "mathdata sweep exp000_size_amount;"),
        ({"run": "exp004_sizes", "arm": "rows_128"}, "there is no run", "mathdata run exp004_sizes;"),
        ({"run": "no/where"}, "looked for no/where)", "train.model.run=FOLDER"),
        ({"run": "begun"}, "the run in runs/begun has no result yet", "goes on where it stopped"),
        ({"run": "half", "arm": "trained"}, "runs/half/models/trained holds no finished model", "goes on"),
        ({"run": "plain"}, "holds 2 models that are meant: rows_128, rows_256", "arm, best"),
        ({"run": "plain", "arm": "rows_12"}, "has no arm 'rows_12'", "did you mean 'rows_128'"),
        ({"run": "plain", "best": "mat"}, "no model was asked on 'mat'", "gsm8k"),
        ({"run": "sizes", "best": "gsm8"}, "no model was asked on 'gsm8'", "did you mean 'gsm8k'"),
        ({"run": "sizes", "where": {"siez": 1}}, "has no column 'siez'", "did you mean 'size'"),
        ({"run": "sizes", "where": {"size": "72B"}}, "no run of 'sizes' has size = 72B", "1.5B, 7B"),
    ],
)
def test_what_is_not_there_is_told_with_what_to_do(runs: Path, asked: dict[str, Any], said: str, hint: str) -> None:
    with pytest.raises(MathdataError) as caught:
        find_model(ModelSpec.model_validate(asked))
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_an_adapter_of_another_run_stands_on_its_base(runs: Path) -> None:
    found = find_model(ModelSpec(run="low"))
    assert (found.name, found.adapter) == ("Qwen/Qwen2.5-1.5B", "runs/low/models/lora")


def test_the_digest_follows_the_bytes_and_decides_the_recipes(runs: Path) -> None:
    recipe = load_recipe({"name": "r", "input": "x", "train": {"model": {"run": "one"}}, "arms": {"a": {}}})
    first = resolved(recipe)
    assert resolved(first).digest == resolved(recipe).digest == first.digest
    Path("runs/one/models/only/model.safetensors").write_bytes(b"other")
    assert resolved(recipe).digest != first.digest
    assert parse_spec(first.train.model_dump(mode="json")) == first.train  # type: ignore[union-attr]


def test_an_arm_may_have_a_run_of_its_own(runs: Path) -> None:
    body = {"name": "r", "input": "x", "train": {"model": "Qwen/Qwen2.5-1.5B"}}
    recipe = load_recipe({**body, "arms": {"a": {"train": {"model": {"run": "plain", "arm": "rows_128"}}}}})
    assert resolved(recipe).arms["a"].train["model"]["name"] == "runs/plain/models/rows_128"  # type: ignore[index]
    broken = load_recipe({**body, "arms": {"a": {"train": {"model": {"run": "no"}}}}})
    with pytest.raises(MathdataError, match=r"arms\.a\.train\.model: there is no run 'no'"):
        resolved(broken)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"name": "a", "run": "b"}, "either a name"),
        ({"name": "a", "best": "gsm8k"}, "needs 'run'"),
        ({"config": {}, "like": "a"}, "needs 'run'"),
        ({}, "either a name"),
    ],
)
def test_a_model_has_one_source(model: dict[str, Any], words: str) -> None:
    with pytest.raises(MathdataError) as caught:
        parse_spec({"model": model})
    assert words in caught.value.message


def test_a_run_that_is_missing_is_two_lines_and_a_plan_says_what_will_be_looked_up(call: Callable[..., Any]) -> None:
    done = call("run", "exp000_augment")
    assert done.rc == 2
    error, hint = done.err.splitlines()
    assert "train.model: there is no run 'exp000_size_amount' yet" in error
    assert "line 3" in error
    assert "mathdata sweep exp000_size_amount" in hint
    assert not Path("runs").exists()
    planned = call("run", "exp000_augment", "--plan")
    assert planned.rc == 0, planned.err
    words = "the best on gsm8k where size = 7B of run exp000_size_amount (not there yet: planned as Qwen/Qwen2.5-7B)"
    assert f"  model: {words}" in planned.out.splitlines()
