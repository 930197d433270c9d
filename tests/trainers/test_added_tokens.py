"""Rows of added tokens: trained by id and no others, in the output head too, and found again by whoever loads the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from mathdata.backends.transformers import Transformers
from mathdata.errors import RecipeError
from mathdata.trainspec import parse_spec
from mathdata.types import Problem, Request, Sampling
from tests.trainers.conftest import TINY
from trainers import train
from trainers.merge import merge, merged_adapter
from trainers.model import build_model, save_model
from trainers.sft import run_sft
from trainers.tokens import load_tokenizer

METHODS: dict[str, dict[str, Any]] = {
    "lora": {"method": "lora", "lora": {"rank": 2, "targets": ["q_proj"]}},
    "lora on the head": {"method": "lora", "lora": {"rank": 2, "targets": ["lm_head", "q_proj"]}},
    "partial": {"method": "partial", "partial": ["last_layer"]},
    "partial and lora": {"method": "partial", "partial": ["norm"], "lora": {"rank": 2, "targets": ["q_proj"]}},
    "embeddings whole": {"method": "partial", "partial": ["embeddings"]},
}
MATRICES = ("model.embed_tokens.weight", "lm_head.weight")
NEW = ("<answer>", "<step>")


def base_of(folder: Path, frame: pl.DataFrame, tied: bool, spare: int = 0, pad: bool = True) -> Path:
    """A model on disk with `spare` rows beyond its tokenizer; without `pad` its padding is its end-of-sequence."""
    config = TINY | {"tie_word_embeddings": tied, "num_hidden_layers": 1}
    spec = parse_spec({"model": {"config": config}, "tokenizer": {"train": {"vocab_size": 300}}})
    tokenizer = load_tokenizer(spec, frame["solution"].to_list())
    model = build_model(spec, tokenizer, 3)
    if spare:
        model.resize_token_embeddings(len(tokenizer) + spare, mean_resizing=False)
    if not pad:
        tokenizer.pad_token = tokenizer.eos_token
    save_model(model, tokenizer, folder)
    return folder


def marked(rows: Any) -> pl.DataFrame:
    return rows(40).with_columns(pl.col("solution").str.replace("####", "<step> <answer>", literal=True))


def logits(model: Any, tokenizer: Any, text: str = "What is 12 + 34?\n<step> 46 <answer>") -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(torch.tensor([tokenizer(text)["input_ids"]])).logits


@pytest.mark.parametrize("spare", [0, 1, 8], ids=["no spare row", "one spare row", "spare rows"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("method", METHODS)
def test_rows_of_added_tokens_are_trained_by_id_and_no_others(
    method: str, tied: bool, spare: int, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    base = base_of(tmp_path / "base", rows(40), tied, spare)
    before = AutoModelForCausalLM.from_pretrained(base).state_dict()
    spec = tiny(
        **METHODS[method], model=str(base), tokenizer={"add_tokens": ["<answer>", "####", "<step>"]},
        learning_rate=1e-2, max_steps=3,
    )  # fmt: skip
    model, tokenizer, _ = run_sft(marked(rows), spec, tmp_path / "run")
    said = logits(model, tokenizer)
    merge(tmp_path / "run", tmp_path / "merged")
    again = AutoTokenizer.from_pretrained(tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(logits(merged, again), said, atol=1e-5, rtol=1e-4)
    new = set(tokenizer.convert_tokens_to_ids(list(NEW)))
    head = method == "lora on the head"
    for name in MATRICES:
        after = merged.state_dict()[name]
        changed = {i for i in range(len(before[name])) if not torch.equal(after[i], before[name][i])}
        whole = (method == "embeddings whole" and (tied or "embed" in name)) or (head and "lm_head" in name)
        first = set(range(len(before[name])))
        assert changed == (changed | new & first if whole else new & first), name
        mean = before[name].mean(dim=0)
        assert all((after[i] - (before[name][i] if i in first else mean)).abs().max() > 1e-3 for i in new), name
    assert merged.config.tie_word_embeddings is (tied and not head)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_run_with_added_tokens_is_answered_by_peft_alone_and_by_us(
    tied: bool, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    base = base_of(tmp_path / "base", rows(40), tied)
    spec = tiny(
        **METHODS["lora"], model=str(base), tokenizer={"add_tokens": list(NEW)}, learning_rate=1e-2, max_steps=3
    )
    model, tokenizer, _ = run_sft(marked(rows), spec, tmp_path / "run")
    said = logits(model, tokenizer)
    stored = load_file(tmp_path / "run" / "adapter_model.safetensors")
    assert all(tensor.shape[0] <= 32 for tensor in stored.values()), "whole matrices of tokens were saved"
    new = tokenizer.convert_tokens_to_ids(list(NEW))
    alone = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "run")
    torch.testing.assert_close(logits(alone, tokenizer), said, atol=1e-5, rtol=1e-4)
    by_hand = AutoModelForCausalLM.from_pretrained(base)
    card = (tmp_path / "run" / "README.md").read_text()
    assert "base.resize_token_embeddings(len(tokenizer))" in card
    assert f"rows {new[0]}, {new[1]} were trained" in card
    by_hand.resize_token_embeddings(len(tokenizer))
    torch.testing.assert_close(
        logits(PeftModel.from_pretrained(by_hand, tmp_path / "run"), tokenizer), said, atol=1e-5, rtol=1e-4
    )
    for asked in ({"model": tmp_path / "run"}, {"model": base, "adapter": tmp_path / "run"}):
        ours = Transformers(**asked)
        assert ours._tokenizer.convert_tokens_to_ids(list(NEW)) == new
        torch.testing.assert_close(logits(ours._model, ours._tokenizer), said, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("spare", [0, 1], ids=["no spare row", "one spare row"])
def test_the_adapter_of_a_model_that_got_a_padding_token_loads_on_the_plain_base(
    spare: int, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    base = base_of(tmp_path / "base", rows(40), True, spare, pad=False)
    tokens = json.loads((base / "tokenizer.json").read_text())
    text = json.dumps(tokens).replace("<|pad|>", "<|gone|>")  # no token left that could be padding
    (base / "tokenizer.json").write_text(text)
    spec = tiny(**METHODS["lora"], model=str(base), tokenizer={}, learning_rate=1e-2, max_steps=3)
    model, tokenizer, _ = run_sft(rows(40), spec, tmp_path / "run")
    had = AutoModelForCausalLM.from_pretrained(base).get_input_embeddings().weight.shape[0]
    assert tokenizer.pad_token == "<|pad|>"
    assert (tokenizer.pad_token_id >= had) is (spare == 0)
    stored = load_file(tmp_path / "run" / "adapter_model.safetensors")
    assert {n.split(".")[-2] for n in stored} == {"lora_A", "lora_B"}
    text = "What is 12 + 34?\n"
    said = logits(model, tokenizer, text)[..., :had]
    plain = AutoModelForCausalLM.from_pretrained(base)
    for loaded in (
        PeftModel.from_pretrained(plain, tmp_path / "run"),
        AutoPeftModelForCausalLM.from_pretrained(tmp_path / "run"),
    ):
        torch.testing.assert_close(logits(loaded, tokenizer, text)[..., :had], said, atol=1e-5, rtol=1e-4)
    assert ("make room first" in (tmp_path / "run" / "README.md").read_text()) is (spare == 0)
    ours = Transformers(model=tmp_path / "run", batch_size=2)
    asked = [
        Request("t", Problem(str(i), t), text=t, sampling=Sampling(max_tokens=4))
        for i, t in enumerate((text, text * 3))
    ]
    one = [Transformers(model=tmp_path / "run", batch_size=1).generate([r])[0][0].text for r in asked]
    assert [a[0].text for a in ours.generate(asked)] == one  # padded together, the same answers
    merge(tmp_path / "run", tmp_path / "merged")
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(logits(whole, tokenizer, text)[..., :had], said, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ["lora", "partial and lora", "lora on the head"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_run_with_added_tokens_taken_up_from_a_checkpoint_ends_with_the_same_bytes(
    method: str, tied: bool, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    base = base_of(tmp_path / "base", rows(40), tied)
    spec = tiny(
        **METHODS[method], model=str(base), tokenizer={"add_tokens": list(NEW)}, learning_rate=1e-2, max_steps=4,
        checkpoints={"every": 2, "keep": 2},
    )  # fmt: skip
    train(spec, marked(rows), tmp_path / "run")
    name = "adapter_model.safetensors" if method == "lora" else "model.safetensors"
    calm = (tmp_path / "run" / name).read_bytes()
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "checkpoint-4")
    (tmp_path / "run" / name).unlink()
    events: list[dict[str, Any]] = []
    train(spec, marked(rows), tmp_path / "run", progress=events.append)
    assert events[0]["done"] > 2
    assert (tmp_path / "run" / name).read_bytes() == calm


@pytest.mark.parametrize("mode", ["merge", "resume", "stack"])
def test_training_goes_on_from_an_adapter_with_added_tokens(mode: str, rows: Any, tiny: Any, tmp_path: Path) -> None:
    base = base_of(tmp_path / "base", rows(40), True)
    common = {**METHODS["lora"], "learning_rate": 1e-2, "max_steps": 3}
    train(tiny(**common, model=str(base), tokenizer={"add_tokens": list(NEW)}), marked(rows), tmp_path / "first")
    words = AutoTokenizer.from_pretrained(tmp_path / "first")
    ids = words.convert_tokens_to_ids(list(NEW))
    start = merged_adapter(tmp_path / "first", words, "auto").state_dict()[MATRICES[0]]
    model = {"name": str(base), "adapter": str(tmp_path / "first"), "continue_adapter": mode}
    trained, tokenizer, _ = run_sft(marked(rows), tiny(**common, model=model, tokenizer={}), tmp_path / "second")
    assert tokenizer.convert_tokens_to_ids(list(NEW)) == ids  # the adapter's own tokenizer
    merge(tmp_path / "second", tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    said = logits(merged, tokenizer)
    if mode != "stack":  # a stack is written in when it is saved
        torch.testing.assert_close(said, logits(trained, tokenizer), atol=1e-5, rtol=1e-4)
    moved = {i for i in range(len(start)) if not torch.equal(start[i], merged.state_dict()[MATRICES[0]][i])}
    assert moved == (set(ids) if mode == "resume" else set())
    more = tiny(**common, model=model, tokenizer={"add_tokens": ["<more>"]})
    if mode == "merge":
        model, tokenizer, _ = run_sft(
            marked(rows).with_columns(pl.col("solution") + " <more>"), more, tmp_path / "third"
        )
        merge(tmp_path / "third", tmp_path / "merged3")
        after = AutoModelForCausalLM.from_pretrained(tmp_path / "merged3").state_dict()[MATRICES[0]]
        assert {i for i in range(len(start)) if not torch.equal(start[i], after[i])} == set()
        assert len(after) == len(start) + 1
        return
    with pytest.raises(RecipeError, match=r"new to the adapter|rows of added tokens"):
        train(more, marked(rows), tmp_path / "third")


def test_rows_that_a_recipe_names_itself_must_hold_the_new_ones(rows: Any, tiny: Any, tmp_path: Path) -> None:
    base = base_of(tmp_path / "base", rows(40), False)
    common = {**METHODS["lora"], "model": str(base), "tokenizer": {"add_tokens": ["<answer>"]}, "max_steps": 1}
    with pytest.raises(RecipeError, match="leaves out rows"):
        train(tiny(**common, peft={"trainable_token_indices": [1, 2]}), marked(rows), tmp_path / "run")
    for own in ({"modules_to_save": ["embed_tokens", "lm_head"]}, {"modules_to_save": ["lm_head"]}):
        train(tiny(**common, peft=own), marked(rows), tmp_path / "run")
        merge(tmp_path / "run", tmp_path / f"merged{len(own['modules_to_save'])}")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "partial"])
def test_two_processes_train_the_same_rows_as_one(
    method: str, rows: Any, tiny: Any, job: Any, ran: Any, tmp_path: Path
) -> None:
    base = base_of(tmp_path / "base", rows(40), True)
    tokens = {"model": str(base), "tokenizer": {"add_tokens": list(NEW)}}
    # The same micro-batches of two rows of like length, one after the other or side by side.
    common = {**METHODS[method], **tokens, "learning_rate": 1e-2, "batch": 2, "global_batch": 4, "max_steps": 3}
    one, two = tiny(**common), tiny(**common, parallel={"processes": 2})
    for name, spec in (("one", one), ("two", two)):
        ran(job(spec, marked(rows), name))
    found = [next((tmp_path / n).glob("*model.safetensors")) for n in ("one", "two")]
    for name, tensor in load_file(found[0]).items():
        torch.testing.assert_close(load_file(found[1])[name], tensor, atol=1e-5, rtol=1e-4)
