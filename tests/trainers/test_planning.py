"""The plan counts parameters from the config alone; the published figures come out to the last digit."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from transformers import get_scheduler

from mathdata.errors import RecipeError, UnknownName
from mathdata.trainspec import Scheduler, parse_spec
from trainers.data import corpus_texts
from trainers.model import build_model, load_config
from trainers.plan import GIB, activations, meta_model, plan, shape_of
from trainers.settings import scheduler_args
from trainers.tokens import load_tokenizer
from trainers.tune import apply, count

LLAMA3, LLAMA31 = "meta-llama/Meta-Llama-3-8B", "meta-llama/Llama-3.1-8B-Instruct"

PUBLISHED = [
    ({"model": LLAMA3, "method": "lora", "lora": {"rank": 16, "targets": ["q_proj", "k_proj", "v_proj", "o_proj"]}}, 13_631_488, 8_043_892_736),
    ({"model": LLAMA3, "method": "lora", "lora": {"rank": 16, "targets": r".*self_attn\.[qkvo]_proj"}}, 13_631_488, 8_043_892_736),
    ({"model": LLAMA31, "method": "lora", "lora": {"rank": 8, "targets": ["q_proj", "v_proj"]}}, 3_407_872, 8_033_669_120),
    ({"model": LLAMA31, "method": "partial", "partial": ["last_layer"]}, 218_112_000, 8_030_261_248),
    (
        {"model": LLAMA31, "method": "partial", "partial": ["last_layer", "norm"], "lora": {"rank": 16, "targets": ["lm_head"]}},
        220_233_728,
        8_032_378_880,
    ),
    ({"model": "Qwen/Qwen2.5-1.5B"}, 1_543_714_304, 1_543_714_304),
    ({"model": "Qwen/Qwen2.5-7B"}, 7_615_616_512, 7_615_616_512),
    ({"model": "HuggingFaceTB/SmolLM2-135M"}, 134_515_008, 134_515_008),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "trainable", "total"), PUBLISHED)
def test_published_parameter_counts_come_out_exactly(settings: dict[str, Any], trainable: int, total: int) -> None:
    made = plan(parse_spec(settings), rows=7473)
    assert (made["trainable"], made["total"]) == (trainable, total)
    assert made["share"] == pytest.approx(trainable / total, abs=1e-8)
    assert {"trainable", "total", "share", "steps", "warmup_steps", "tokens_per_step", "memory"} <= set(made)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["qkv"], 28 * (1536 * 1536 + 1536 + 2 * (1536 * 256 + 256))),
        (["mlp"], 28 * 3 * 1536 * 8960),
        (["bias"], 28 * (1536 + 256 + 256)),
        (["norm"], 1536),
        ([r"layers\.(26|27)\..*norm"], 2 * 2 * 1536),
    ],
)
def test_partial_training_names_modules_by_word_or_pattern(words: list[str], expected: int) -> None:
    spec = parse_spec({"model": "Qwen/Qwen2.5-1.5B", "method": "partial", "partial": words})
    assert count(meta_model(spec)).trainable == expected


def test_a_pattern_that_names_nothing_is_refused_with_the_words_there_are() -> None:
    spec = parse_spec({"model": "HuggingFaceTB/SmolLM2-135M", "method": "partial", "partial": ["bias"]})
    with pytest.raises(RecipeError, match="'bias' matches no parameter") as caught:
        meta_model(spec)
    assert "last_layer" in caught.value.hint
    spec = parse_spec({"model": "HuggingFaceTB/SmolLM2-135M", "method": "lora", "lora": {"targets": ["c_attn"]}})
    with pytest.raises(RecipeError, match=r"lora\.targets") as caught:
        meta_model(spec)
    assert "q_proj" in caught.value.hint


def test_steps_follow_from_rows_epochs_and_the_global_batch() -> None:
    base = {"model": "HuggingFaceTB/SmolLM2-135M"}
    made = plan(parse_spec(base | {"epochs": 3, "batch": 4, "accumulation": 2, "warmup": 0.06}), rows=7473)
    assert (made["steps"], made["warmup_steps"], made["rows_per_step"]) == (2803, 168, 8)
    made = plan(parse_spec(base | {"tokens": 130_000, "tokens_per_step": 1300, "warmup": 30}))
    assert (made["steps"], made["warmup_steps"], made["tokens_per_step"]) == (100, 30, 1300)
    assert plan(parse_spec(base | {"epochs": 1}))["steps"] is None
    two = plan(parse_spec(base | {"epochs": 3, "batch": 12, "parallel": {"processes": 2}}), rows=7473)
    assert two["rows_per_step"] == 24


def test_memory_falls_with_checkpointing_and_sharding_and_is_held_against_the_card() -> None:
    spec = {"model": "Qwen/Qwen2.5-7B", "batch": 1, "precision": "bf16", "parallel": {"processes": 8, "gpu": "H100"}}
    memory = plan(parse_spec(spec))["memory"]
    table = memory["alternatives"]
    assert all(v["checkpointing"] < v["plain"] for v in table.values())
    assert table["zero0"]["plain"] > table["zero1"]["plain"] > table["zero2"]["plain"] > table["zero3"]["plain"]
    assert memory["fits"] is False
    spec["parallel"] |= {"kind": "deepspeed", "zero_stage": 3}  # type: ignore[operator]
    assert plan(parse_spec(spec))["memory"]["fits"] is True
    with pytest.raises(RecipeError, match="unknown card"):
        plan(parse_spec({"model": "Qwen/Qwen2.5-7B", "parallel": {"gpu": "RTX30990"}}))


def test_the_estimate_of_activations_is_near_what_autograd_keeps(rows: Any, tiny: Any) -> None:
    spec = tiny(precision="fp32", batch=8, max_length=64)
    wide = dict(spec.model.config or {}) | {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4}
    spec = spec.model_copy(update={"model": spec.model.model_copy(update={"config": wide})})
    tokenizer = load_tokenizer(spec, corpus_texts(rows(20), spec))
    model = build_model(spec, tokenizer, 0)
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        hidden = model.model(input_ids=torch.zeros((8, 64), dtype=torch.long)).last_hidden_state
    assert hidden.requires_grad
    counted = count(model)
    shape = shape_of(model.config, spec, counted.trainable, counted.total, length=64)
    measured = sum(kept.values()) / GIB
    assert activations(shape, checkpointing=False) / GIB == pytest.approx(measured, rel=0.25)


def test_an_unknown_model_is_named_with_the_nearest_bundled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UnknownName, match="no bundled config"):
        load_config(parse_spec({"model": "Qwen/Qwen2.5-1.55B"}))


def test_an_unknown_key_of_a_config_is_refused() -> None:
    with pytest.raises(RecipeError, match="hidden_sise") as caught:
        load_config(parse_spec({"model": {"config": {"hidden_sise": 32}}}))
    assert "hidden_size" in caught.value.hint


def test_what_is_tuned_in_memory_is_what_the_plan_counts(rows: Any, tiny: Any) -> None:
    for method in (
        {"method": "lora", "lora": {"rank": 4, "targets": ["q_proj", "v_proj"]}},
        {"method": "partial", "partial": ["last_layer", "norm"], "lora": {"rank": 2, "targets": ["lm_head"]}},
        {"method": "partial", "partial": ["qkv"], "lora": {"rank": 2, "targets": ["down_proj"]}},
    ):
        spec = tiny(**method, tokenizer={"train": {"vocab_size": 300}})
        tokenizer = load_tokenizer(spec, corpus_texts(rows(60), spec))
        if len(tokenizer) != 300:
            spec = tiny(**method, tokenizer={"train": {"vocab_size": len(tokenizer)}})
        assert count(apply(build_model(spec, tokenizer, 0), spec)) == count(meta_model(spec))


def test_sequence_parallelism_is_refused_where_the_library_has_none() -> None:
    from trainers.settings import sequence_parallel

    with pytest.raises(RecipeError, match="only DeepSpeed"):
        sequence_parallel(parse_spec({"model": "x", "parallel": {"processes": 4, "sequence": 2}}))
    odd = {"model": "x", "parallel": {"processes": 3, "sequence": 2, "kind": "deepspeed"}}
    with pytest.raises(RecipeError, match="does not divide"):
        sequence_parallel(parse_spec(odd))


def test_layers_are_spread_by_range_and_cards_that_are_not_there_are_named() -> None:
    from trainers.model import device_map, expand_layers

    spread = {"model.embed_tokens": 0, "model.layers.0-13": 0, "model.layers.14-31": 1, "lm_head": 1}
    made = expand_layers(spread)
    assert [made[f"model.layers.{i}"] for i in range(32)] == [0] * 14 + [1] * 18
    if torch.cuda.device_count() < 2:
        with pytest.raises(RecipeError, match="names card 1"):
            device_map(parse_spec({"model": "x", "parallel": {"device_map": spread}}))


def test_out_of_memory_is_answered_by_the_plan() -> None:
    from trainers.plan import advice

    words = advice(parse_spec({"model": "Qwen/Qwen2.5-1.5B", "batch": 16}))
    assert "gradient_checkpointing: true saves" in words
    assert "batch: 8" in words
    assert "method: lora" in words


@pytest.mark.parametrize("name", get_args(Scheduler))
def test_every_scheduler_runs_or_says_why_not(name: str) -> None:
    if name in ("reduce_lr_on_plateau", "greedy"):
        with pytest.raises(RecipeError, match="follows a loss on TRL's own evaluation set"):
            parse_spec({"model": "x", "scheduler": name})
        return
    spec = parse_spec({"model": "x", "scheduler": name, "warmup": 5})
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    made = get_scheduler(
        name, optimizer, num_warmup_steps=5, num_training_steps=40, scheduler_specific_kwargs=scheduler_args(spec, 40)
    )
    rates = []
    for _ in range(40):
        rates.append(made.get_last_lr()[0])
        optimizer.step()
        made.step()
    assert max(rates) == pytest.approx(1.0)
    assert name.startswith("constant") or min(rates[20:]) < 1.0
    own = parse_spec({"model": "x", "scheduler": "cosine_with_min_lr", "scheduler_args": {"min_lr": 1e-6}})
    assert scheduler_args(own, 40) == {"min_lr": 1e-6}
