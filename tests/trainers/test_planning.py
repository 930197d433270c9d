"""The plan counts parameters from the config alone; the published figures come out to the last digit."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from transformers import get_scheduler

from mathdata.errors import RecipeError, UnknownName
from mathdata.trainspec import Scheduler, parse_spec
from trainers.data import corpus_texts
from trainers.footprint import GIB
from trainers.model import build_model, load_config
from trainers.plan import MARGIN, RUNTIME, meta_model, plan
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
    # AdamW's own step is the fullest moment of a big model's small batch, and checkpointing does nothing for that.
    assert table["zero0"]["checkpointing"] == table["zero0"]["plain"]
    assert table["zero3"]["checkpointing"] < table["zero3"]["plain"]
    assert table["zero0"]["plain"] > table["zero1"]["plain"] > table["zero2"]["plain"] > table["zero3"]["plain"]
    assert memory["fits"] is False
    spec["parallel"] |= {"kind": "deepspeed", "zero_stage": 3}  # type: ignore[operator]
    assert plan(parse_spec(spec))["memory"]["fits"] is True
    with pytest.raises(RecipeError, match="unknown card"):
        plan(parse_spec({"model": "Qwen/Qwen2.5-7B", "parallel": {"gpu": "RTX30990"}}))


STEPS: list[tuple[dict[str, Any], bool]] = [
    ({"gradient_checkpointing": True}, False),
    ({"gradient_checkpointing": True}, True),
    ({"gradient_checkpointing": False}, False),
    ({"gradient_checkpointing": False, "precision": "fp32"}, False),
    ({"gradient_checkpointing": True, "accumulation": 4}, False),
    ({"gradient_checkpointing": False, "method": "lora"}, False),
    ({"gradient_checkpointing": True, "method": "partial", "partial": ["qkv"]}, False),
]
"""(settings over a small shape with a large vocabulary, whole logits)"""


@pytest.mark.parametrize(("settings", "whole"), STEPS)
def test_the_planned_memory_is_near_what_a_real_step_holds(settings: dict[str, Any], whole: bool) -> None:
    """Every tensor of TRL's own step counted, on tensors without content; bench/plan_memory.py does the 8B models."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
    from plan_memory import SMALL, measured

    body = {"model": {"config": SMALL}, "batch": 8, "max_length": 256, "precision": "bf16"} | settings
    spec = parse_spec(body)
    planned = plan(spec, whole_logits=whole)["memory"]["total"] - RUNTIME
    assert planned == pytest.approx(measured(spec, whole_logits=whole), rel=0.15)


GPT2 = {
    "model_type": "gpt2", "n_embd": 256, "n_head": 8, "n_layer": 6, "n_positions": 512, "vocab_size": 60_000,
    "attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0,
}  # fmt: skip


@pytest.mark.parametrize("changed", [{}, {"n_inner": 512}], ids=["four times the hidden size", "n_inner"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_layers_of_other_names_and_widths_are_planned_too(changed: dict[str, int], checkpointing: bool) -> None:
    sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
    from plan_memory import measured

    body = {"model": {"config": GPT2 | changed}, "batch": 8, "max_length": 256, "precision": "bf16"}
    spec = parse_spec(body | {"gradient_checkpointing": checkpointing})
    assert plan(spec)["memory"]["total"] - RUNTIME == pytest.approx(measured(spec, whole_logits=False), rel=0.15)


def test_the_last_layer_and_the_cards_of_gpt2_are_found_by_its_own_names() -> None:
    body = {"model": {"config": GPT2}, "method": "partial", "partial": ["last_layer"]}
    assert count(meta_model(parse_spec(body))).trainable == 12 * 256 * 256 + 13 * 256
    ends = {"transformer.wte": 0, "transformer.wpe": 0, "transformer.ln_f": 1, "lm_head": 0}
    cards = ends | {"transformer.h.0-2": 0, "transformer.h.3-5": 1}
    memory = plan(parse_spec({"model": {"config": GPT2}, "parallel": {"gpu": "24", "device_map": cards}}))["memory"]
    assert set(memory["cards"]) == {"0", "1"}
    assert memory["cards"]["1"]["activations"] > 0


TWO = {
    "model.embed_tokens": 0, "model.rotary_emb": 0, "model.layers.0-13": 0, "model.layers.14-31": 1, "model.norm": 1,
    "lm_head": 1,
}  # fmt: skip
EIGHT_B: dict[str, Any] = {
    "model": LLAMA31, "method": "lora", "lora": {"rank": 8, "targets": ["q_proj", "v_proj"]}, "batch": 2,
    "max_length": 1024, "precision": "bf16", "gradient_checkpointing": True,
}  # fmt: skip


def spread(device_map: Any, **more: Any) -> dict[str, Any]:
    body = EIGHT_B | more
    made: dict[str, Any] = plan(parse_spec(body | {"parallel": {"gpu": "RTX3090", "device_map": device_map}}))["memory"]
    return made


def test_layers_that_are_spread_over_cards_are_counted_card_by_card() -> None:
    one, two = plan(parse_spec(EIGHT_B))["memory"]["cards"]["0"], spread(TWO)["cards"]
    assert set(two) == {"0", "1"}
    assert two["0"]["weights"] + two["1"]["weights"] == pytest.approx(one["weights"], abs=0.01)
    layer, table = 218_112_000 * 2 / GIB, 128_256 * 4096 * 2 / GIB
    assert two["0"]["weights"] == pytest.approx(14 * layer + table, rel=0.01)
    assert two["1"]["weights"] == pytest.approx(18 * layer + table, rel=0.01)
    assert (two["0"]["head"], two["0"]["runtime"]) == (0, two["1"]["runtime"])
    assert two["1"]["head"] > 0
    assert two["1"]["total"] > two["0"]["total"]
    assert all(card["fits"] for card in two.values())


def test_a_split_that_overfills_one_card_does_not_fit_though_half_of_the_whole_would() -> None:
    uneven = spread({"model.embed_tokens": 0, "model.layers.0-30": 0, "model.layers.31": 1, "model.norm": 1, "lm_head": 1},
                    method="partial", partial=["qkv"], lora=None)  # fmt: skip
    assert {i: card["fits"] for i, card in uneven["cards"].items()} == {"0": False, "1": True}
    assert sum(card["total"] for card in uneven["cards"].values()) / 2 < uneven["gpu_gib"] * MARGIN
    assert uneven["fits"] is False
    assert spread("auto")["fits"] is None  # nobody knows yet what will lie where


def test_a_module_without_a_card_is_named() -> None:
    with pytest.raises(RecipeError, match=r"puts no card to model\.norm"):
        spread({k: v for k, v in TWO.items() if k != "model.norm"})


REPORT: dict[str, Any] = {
    "model": "Qwen/Qwen2.5-1.5B", "max_length": 1024, "precision": "bf16", "gradient_checkpointing": True,
    "parallel": {"gpu": "L40S"},
}  # fmt: skip


def test_the_batch_that_ran_out_of_memory_in_the_report_does_not_fit_where_the_logits_are_held_whole() -> None:
    def fits(batch: int, **more: Any) -> bool:
        return bool(plan(parse_spec(REPORT | {"batch": batch} | more.pop("spec", {})), **more)["memory"]["fits"])

    assert fits(12, whole_logits=True)
    assert not fits(16, whole_logits=True)
    assert not fits(16, spec={"trl": {"label_smoothing_factor": 0.1}})  # which makes TRL hold them too
    assert fits(16)  # TRL's fused head scores a tile at a time
    assert not fits(12, spec={"gradient_checkpointing": False})  # every row at 1,024 tokens


def test_data_parallel_cards_hold_buckets_and_the_server_that_shares_one_counts() -> None:
    alone = plan(parse_spec(REPORT))["memory"]
    vllm = {"backend": {"vllm": {"gpu_memory": 0.35}}, "devices": "1"}
    beside = plan(parse_spec(REPORT | {"evaluation": vllm}))["memory"]
    assert beside["total"] == alone["total"]  # a card of its own
    two = plan(parse_spec(REPORT | {"evaluation": vllm, "parallel": {"gpu": "L40S", "processes": 2}}))["memory"]
    assert two["cards"]["0"]["total"] == pytest.approx(alone["total"] + 1_543_714_304 * 4 / GIB, abs=0.05)
    assert two["cards"]["1"]["total"] == pytest.approx(two["cards"]["0"]["total"] + 0.35 * 44.3, abs=0.05)
    assert (two["cards"]["0"]["fits"], two["cards"]["1"]["fits"], two["fits"]) == (True, False, False)


SMALL_CARD = """
name: small_card
input: [rows.jsonl]
stages: [{verify: {}}]
arms: {before: {train: false}, trained: {}}
train: {model: Qwen/Qwen2.5-0.5B, max_steps: 1, learning_rate: 1.0e-5, parallel: {gpu: "4"}}
"""


@pytest.mark.parametrize(
    "words", [("run",), *(pytest.param(w, marks=pytest.mark.slow) for w in (("run", "--plan"), ("train",)))]
)
def test_a_card_that_cannot_hold_the_plan_is_refused_before_any_work(
    words: tuple[str, ...], cli: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "small_card.yaml").write_text(SMALL_CARD)
    (tmp_path / "rows.jsonl").write_text('{"problem": "What is 1 + 1?", "solution": "#### 2", "answer": "2"}\n')
    done = cli(words[0], "small_card.yaml", *words[1:], "-o", "out")
    assert done.rc == 1
    assert "arm 'trained': the plan needs" in done.err
    assert "allow: [memory]" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_plan_says_what_it_refuses_and_a_recipe_can_allow_it(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "small_card.yaml").write_text(SMALL_CARD)
    (tmp_path / "rows.jsonl").write_text('{"problem": "What is 1 + 1?", "solution": "#### 2", "answer": "2"}\n')
    shown = cli("train", "small_card.yaml", "--plan", "--json")
    assert (shown.rc, json.loads(shown.out)["memory"]["fits"]) == (0, False)
    assert "GiB on card 0" in json.loads(shown.out)["refused"]
    allowed = cli("run", "small_card.yaml", "--plan", "arms.trained.preflight.allow=[memory]")
    assert allowed.rc == 0, allowed.err


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
