"""The training section of a recipe: every knob checked before any work, mistakes named."""

from __future__ import annotations

from typing import Any

import pytest

from mathdata.errors import RecipeError, UsageError
from mathdata.trainspec import TrainSpec, local_folder, parse_spec


@pytest.mark.parametrize(
    ("bad", "message", "hint"),
    [
        ({"learnin_rate": 1}, "train.learnin_rate: unknown key", "did you mean 'learning_rate'?"),
        ({"model": {"nam": "x"}}, "train.model.nam: unknown key", "did you mean 'name'?"),
        ({"lora": {"rnk": 4}, "method": "lora"}, "train.lora.rnk: unknown key", "did you mean 'rank'?"),
        ({"learning_rate": "fast"}, "train.learning_rate = 'fast'", ""),
        ({"scheduler": "cosin"}, "train.scheduler = 'cosin'", ""),
        ({"batch": 0}, "train.batch = 0", ""),
        ({"trl": {"seed": 1}}, "trl.seed is set by train.seed", ""),
        ({"method": "lora", "peft": {"r": 4}}, "peft.r is set by train.lora.rank", ""),
        ({"method": "full", "lora": {"rank": 4}}, "method full trains everything", ""),
        ({"method": "partial"}, "method partial needs 'partial'", ""),
        ({"method": "full", "quantize": 4}, "quantised weights cannot be trained in full", ""),
        ({"tokens": 100}, "'tokens' needs 'tokens_per_step'", ""),
        ({"tokens": 100, "tokens_per_step": 10, "epochs": 1}, "'tokens' and 'epochs'", ""),
        ({"spectral": {"every": 10}}, "spectral rebalances LoRA factors", ""),
        ({"grpo": {}}, "needs algorithm: grpo", ""),
        ({"preflight": {"allow": ["no-rows"]}}, "'no-rows' cannot be allowed", ""),
        ({"preflight": {"allow": ["unverifed"]}}, "did you mean 'unverified'?", ""),
        ({"model": {"name": "a", "config": {}}}, "either a name", ""),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_nearest_key(bad: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_spec({"model": "gpt"} | bad)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_model_is_required() -> None:
    with pytest.raises(RecipeError, match="model is required"):
        parse_spec({})


@pytest.mark.parametrize(
    ("settings", "processes", "expected"),
    [
        ({"batch": 4, "accumulation": 16}, 1, (64, 16)),
        ({"batch": 4, "accumulation": 16}, 2, (128, 16)),
        ({"batch": 4, "global_batch": 128}, 1, (128, 32)),
        ({"batch": 4, "global_batch": 128}, 2, (128, 16)),
        ({"batch": 4}, 1, (4, 1)),
    ],
)
def test_the_global_batch_is_derived_from_batch_accumulation_and_processes(
    settings: dict[str, int], processes: int, expected: tuple[int, int]
) -> None:
    assert parse_spec({"model": "x"} | settings).rows_per_step(processes) == expected


@pytest.mark.parametrize(
    "settings", [{"batch": 3, "global_batch": 128}, {"batch": 4, "accumulation": 2, "global_batch": 16}]
)
def test_a_global_batch_that_the_parts_do_not_give_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(RecipeError, match="global_batch"):
        parse_spec({"model": "x"} | settings).rows_per_step(1)


@pytest.mark.parametrize(("warmup", "steps"), [(0.06, 6), (30, 30), (0, 0), (0.05, 5)])
def test_warmup_below_one_is_a_share_of_the_steps(warmup: float, steps: int) -> None:
    assert parse_spec({"model": "x", "warmup": warmup}).warmup_steps(100) == steps


def test_a_spec_survives_json() -> None:
    spec = parse_spec({"model": {"config": {"hidden_size": 8}}, "method": "lora", "lora": {"targets": ["q_proj"]}})
    assert TrainSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_a_path_that_is_not_there_is_no_hub_id(tmp_path: Any) -> None:
    assert local_folder(str(tmp_path)) == tmp_path
    assert local_folder("Qwen/Qwen2.5-1.5B") is None
    with pytest.raises(UsageError, match="no such folder"):
        local_folder(str(tmp_path / "nothing"))
