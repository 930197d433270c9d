"""What is trained, saved and loaded again: everything, adapters, modules by pattern, the output head."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from mathdata.cli.app import main
from mathdata.errors import MathdataError, MissingExtra, PreflightError, RecipeError, UsageError
from trainers import train
from trainers.merge import merge, merged_adapter, model_folder
from trainers.model import save_model
from trainers.sft import run_sft, untrained

LORA = {"method": "lora", "lora": {"rank": 4, "targets": ["q_proj", "v_proj"]}}
HEAD = {"method": "partial", "partial": ["last_layer", "norm"], "lora": {"rank": 2, "targets": ["lm_head", "q_proj"]}}
BITFIT = {"method": "partial", "partial": ["bias"]}


def logits(model: Any, tokenizer: Any) -> torch.Tensor:
    ids = torch.tensor([tokenizer("What is 12 + 34?\n")["input_ids"]])
    with torch.no_grad():
        return model.eval()(ids).logits


def bytes_of(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(rows: Any, tiny: Any, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(tiny(seed=seed), rows(40), tmp_path / name)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert bytes_of(tmp_path / "a") != bytes_of(tmp_path / "c")


def test_a_run_writes_its_model_its_metrics_and_train_json(rows: Any, tiny: Any, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    record = train(tiny(max_steps=6), rows(40), tmp_path / "run", progress=events.append)
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert {"model.safetensors", "tokenizer.json", "config.json", "metrics.jsonl", "train.json"} <= names
    assert "checkpoints" not in names
    assert [s for s, _ in record["loss"]] == [1, 2, 3, 4, 5, 6]
    assert record["loss"][-1][1] < record["loss"][0][1]
    assert record["trainable"] == record["total"] > 0
    assert record["tokens"] > 0
    assert events[-1]["done"] == events[-1]["total"] == 6
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "run").config.use_cache is True


@pytest.mark.slow
def test_loss_falls_to_the_answer_when_a_few_rows_are_learnt_by_heart(rows: Any, tiny: Any, tmp_path: Path) -> None:
    frame = rows(4)
    record = train(tiny(max_steps=150, learning_rate=1e-2, warmup=5), frame, tmp_path / "run")
    assert record["loss"][-1][1] < 0.1
    model, tokenizer = (c.from_pretrained(tmp_path / "run") for c in (AutoModelForCausalLM, AutoTokenizer))
    asked = torch.tensor([tokenizer(frame["problem"][0] + "\n")["input_ids"]])
    made = model.generate(asked, max_new_tokens=40, do_sample=False)[0, asked.shape[1] :]
    assert tokenizer.decode(made[:-1]) == frame["solution"][0]
    assert made[-1] == tokenizer.eos_token_id


def test_an_adapter_is_saved_alone_and_merges_into_a_model_of_the_same_answers(
    rows: Any, tiny: Any, tmp_path: Path
) -> None:
    record = train(tiny(**LORA, max_steps=8, learning_rate=1e-2), rows(40), tmp_path / "run")
    assert record["trainable"] == 2 * 2 * 4 * (32 + 32)
    assert (tmp_path / "run" / "adapter_model.safetensors").stat().st_size < 40_000
    merge(tmp_path / "run", tmp_path / "merged")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    adapted = AutoModelForCausalLM.from_pretrained(tmp_path / "run")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "base")
    torch.testing.assert_close(logits(merged, tokenizer), logits(adapted, tokenizer), atol=1e-5, rtol=1e-4)
    assert (logits(merged, tokenizer) - logits(base, tokenizer)).abs().max() > 1e-3
    with pytest.raises(UsageError, match="not empty"):
        merge(tmp_path / "run", tmp_path / "merged")


@pytest.mark.parametrize(("asked", "stored"), [("auto", "bf16"), ("fp32", "fp32"), ("bf16", "bf16")])
def test_a_merge_sums_in_fp32_and_says_what_it_stores(
    asked: str, stored: str, rows: Any, tiny: Any, tmp_path: Path, capsys: Any
) -> None:
    train(tiny(max_steps=1), rows(20), tmp_path / "whole")
    half = AutoModelForCausalLM.from_pretrained(tmp_path / "whole", dtype=torch.bfloat16)
    save_model(half, AutoTokenizer.from_pretrained(tmp_path / "whole"), tmp_path / "base")
    spec = tiny(**LORA, model=str(tmp_path / "base"), tokenizer={}, max_steps=3, learning_rate=1e-2)
    train(spec, rows(20), tmp_path / "run")
    main(["merge", str(tmp_path / "run"), "-o", str(tmp_path / "out"), "--precision", asked, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["precision"], told["arithmetic"]) == (stored, "fp32")
    wide = AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.float32)
    exact = PeftModel.from_pretrained(wide, tmp_path / "run").merge_and_unload().state_dict()
    found = load_file(tmp_path / "out" / "model.safetensors")
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[stored]
    assert all(torch.equal(found[name], exact[name].to(dtype)) for name in found)
    main(["merge", str(tmp_path / "run"), "-o", str(tmp_path / "again"), "--precision", asked])
    assert f", {stored}, summed in fp32" in capsys.readouterr().out


@pytest.mark.parametrize("settings", [HEAD, BITFIT], ids=["last layer, norm and head", "biases"])
def test_partial_training_changes_what_it_names_and_nothing_else(
    settings: dict[str, Any], rows: Any, tiny: Any, tmp_path: Path
) -> None:
    train(tiny(**settings, learning_rate=1e-2, seed=3), rows(40), tmp_path / "run")
    spec = tiny(seed=3)
    untrained(rows(40), spec, tmp_path / "before", (), None)
    after, before = (AutoModelForCausalLM.from_pretrained(tmp_path / n).state_dict() for n in ("run", "before"))
    assert set(after) == set(before)
    changed = {n for n in after if not torch.equal(after[n], before[n])}
    if settings is BITFIT:
        allowed = {n for n in before if n.endswith(".bias")}
    else:
        allowed = {n for n in before if "layers.1." in n or n in ("model.norm.weight", "lm_head.weight")}
        allowed |= {"model.layers.0.self_attn.q_proj.weight"}
    assert changed <= allowed
    assert {n for n in allowed - changed if "k_proj.bias" not in n} == set()  # a key's bias has hardly any gradient


def test_an_adapter_on_the_head_is_low_rank_and_dropout_there_is_refused(rows: Any, tiny: Any, tmp_path: Path) -> None:
    settings = {"method": "lora", "lora": {"rank": 2, "targets": ["lm_head"]}}
    train(tiny(**settings, learning_rate=1e-2, seed=3), rows(40), tmp_path / "run")
    untrained(rows(40), tiny(seed=3), tmp_path / "before", (), None)
    after, before = (AutoModelForCausalLM.from_pretrained(tmp_path / n) for n in ("run", "before"))
    change = (after.lm_head.weight - before.lm_head.weight).detach()
    assert change.abs().max() > 1e-4
    assert torch.linalg.matrix_rank(change, atol=1e-5) == 2
    dropped = tiny(method="lora", lora={"rank": 2, "targets": ["lm_head"], "dropout": 0.1})
    with pytest.raises(RecipeError, match="not possible on the output head"):
        train(dropped, rows(40), tmp_path / "no")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["merge", "stack", "resume"])
def test_training_goes_on_from_an_adapter(mode: str, rows: Any, tiny: Any, tmp_path: Path) -> None:
    train(tiny(**LORA, max_steps=6, learning_rate=1e-2), rows(40), tmp_path / "first")
    model = {"name": str(tmp_path / "first" / "base"), "adapter": str(tmp_path / "first"), "continue_adapter": mode}
    second = tiny(**LORA, model=model, tokenizer={}, max_steps=6, learning_rate=1e-2)
    record = train(second, rows(40), tmp_path / "second")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "first")
    start = logits(merged_adapter(tmp_path / "first", tokenizer, torch.float32), tokenizer)
    before = untrained(rows(40), second, tmp_path / "before", (), None)[0]
    torch.testing.assert_close(logits(before, tokenizer), start, atol=1e-5, rtol=1e-4)
    assert record["loss"][0][1] < 0.95 * train(tiny(**LORA), rows(40), tmp_path / "fresh")["loss"][0][1]
    trained = run_sft(rows(40), second, tmp_path / "again")[0]
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "second")
    torch.testing.assert_close(logits(saved, tokenizer), logits(trained, tokenizer), atol=1e-5, rtol=1e-4)
    assert (logits(saved, tokenizer) - start).abs().max() > 1e-4


def test_modules_trained_inside_a_half_precision_model_answer_as_they_are_saved(
    rows: Any, tiny: Any, tmp_path: Path
) -> None:
    train(tiny(max_steps=1), rows(20), tmp_path / "base")
    half = {"name": str(tmp_path / "base"), "dtype": "bfloat16"}
    spec = tiny(method="partial", partial=["norm"], model=half, tokenizer={}, max_steps=2)
    model, tokenizer, _ = run_sft(rows(20), spec, tmp_path / "run")
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "run")
    assert saved.dtype == torch.bfloat16
    assert torch.equal(logits(model, tokenizer), logits(saved, tokenizer))


def test_grpo_beside_a_frozen_copy_saves_the_adapter_once(rows: Any, tiny: Any, tmp_path: Path) -> None:
    train(tiny(**LORA, max_steps=4, learning_rate=1e-2), rows(20), tmp_path / "first")
    model = {"name": str(tmp_path / "first" / "base"), "adapter": str(tmp_path / "first"), "continue_adapter": "resume"}
    spec = tiny(
        **LORA, model=model, tokenizer={}, algorithm="grpo", learning_rate=1e-12, max_steps=1,
        grpo={"generations": 2, "max_tokens": 4, "beta": 0.1},
    )  # fmt: skip
    record = train(spec, rows(8), tmp_path / "second")
    assert not (tmp_path / "second" / "ref").exists()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "first")
    first, second = (merged_adapter(tmp_path / n, tokenizer, "auto") for n in ("first", "second"))
    torch.testing.assert_close(logits(second, tokenizer), logits(first, tokenizer), atol=1e-6, rtol=1e-5)
    assert record["zero_advantage"][0][0] == 1


def test_an_unknown_option_for_trl_or_peft_names_the_nearest(rows: Any, tiny: Any, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="neftune_noise_alfa") as caught:
        train(tiny(trl={"neftune_noise_alfa": 5}), rows(8), tmp_path / "a")
    assert "neftune_noise_alpha" in caught.value.hint
    with pytest.raises(RecipeError, match="use_rslor") as caught:
        train(tiny(**LORA, peft={"use_rslor": True}), rows(8), tmp_path / "b")
    assert "use_rslora" in caught.value.hint


STARTS = ({"init_lora_weights": name} for name in ("pissa", "pissa_niter_4", "olora"))


@pytest.mark.parametrize("peft", [{"use_rslora": True}, {"use_dora": True}, *STARTS])
def test_pefts_own_options_are_passed_through(peft: dict[str, Any], rows: Any, tiny: Any, tmp_path: Path) -> None:
    model, tokenizer, record = run_sft(rows(40), tiny(**LORA, peft=peft, learning_rate=1e-2), tmp_path / "run")
    assert record["spec"]["peft"] == peft
    merge(tmp_path / "run", tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(logits(merged, tokenizer), logits(model, tokenizer), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "changes", [{"batches": "packed"}, {"pad_to_multiple_of": 8}, {"accumulation": 2}, {"gradient_checkpointing": True}]
)
def test_the_first_loss_is_the_same_however_a_batch_is_laid_out(
    changes: dict[str, Any], rows: Any, tiny: Any, tmp_path: Path
) -> None:
    base = tiny(batch=8, max_steps=1, batches="length")
    settings = {"batch": 4} if "accumulation" in changes else {"batch": 8}
    other = tiny(**{"max_steps": 1, **settings, **changes})
    first = train(base, rows(8), tmp_path / "a")["loss"][0][1]
    assert train(other, rows(8), tmp_path / "b")["loss"][0][1] == pytest.approx(first, abs=2e-5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"precision": "fp16"}, "fp16 needs a GPU"),
        ({"attention": "flash_attention_2"}, "needs flash_attn, which is not installed"),
        ({"tokenizer": {"train": {}, "chat_template": "no.jinja"}}, "no.jinja: No such file"),
    ],
)
def test_what_this_machine_does_not_have_is_named(
    settings: dict[str, Any], words: str, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=words):
        train(tiny(**settings), rows(8), tmp_path / "run")


def test_a_run_that_cannot_work_leaves_nothing_behind(rows: Any, tiny: Any, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="not verified"):
        train(tiny(), rows(8, verdict=None), tmp_path / "run")
    assert not (tmp_path / "run" / "train.json").exists()


def test_a_loss_that_explodes_stops_with_the_ids_of_its_rows(rows: Any, tiny: Any, tmp_path: Path) -> None:
    frame = rows(40)
    with pytest.raises(MathdataError, match=r"step \d+: the (loss|gradient)") as caught:
        train(tiny(learning_rate=1e9, max_grad_norm=1e9, max_steps=60, warmup=0), frame, tmp_path / "run")
    assert any(row in caught.value.message for row in frame["id"])


def test_a_run_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no finished model"):
        model_folder(tmp_path)


def test_quantised_training_without_its_library_names_what_to_install(rows: Any, tiny: Any, tmp_path: Path) -> None:
    from importlib.util import find_spec

    if find_spec("bitsandbytes") is not None:
        pytest.skip("bitsandbytes is installed here")
    train(tiny(max_steps=1), rows(20), tmp_path / "base")
    with pytest.raises(MissingExtra, match="needs bitsandbytes") as caught:
        train(tiny(**LORA, model=str(tmp_path / "base"), tokenizer={}, quantize=4), rows(20), tmp_path / "run")
    assert "mathdata[quant]" in caught.value.hint


@pytest.mark.parametrize("settings", [HEAD, LORA, {}], ids=["modules, adapters and head", "adapters", "full"])
def test_a_run_taken_up_from_a_checkpoint_ends_with_the_same_bytes(
    settings: dict[str, Any], rows: Any, tiny: Any, tmp_path: Path
) -> None:
    spec = tiny(**settings, max_steps=6, checkpoints={"every": 3, "keep": 2}, learning_rate=1e-2)
    name = "adapter_model.safetensors" if settings is LORA else "model.safetensors"
    train(spec, rows(40), tmp_path / "run")
    calm = (tmp_path / "run" / name).read_bytes()
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "checkpoint-6")
    (tmp_path / "run" / name).unlink()
    events: list[dict[str, Any]] = []
    record = train(spec, rows(40), tmp_path / "run", progress=events.append)
    assert events[0]["done"] > 3
    assert (tmp_path / "run" / name).read_bytes() == calm
    assert [step for step, _ in record["loss"]] == [1, 2, 3, 4, 5, 6]
