"""Training on quantised weights, with the real library: skipped where bitsandbytes is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mathdata.errors import RecipeError
from mathdata.trainspec import parse_spec
from trainers import train
from trainers.merge import merge
from trainers.sft import run_sft

LORA = {"method": "lora", "lora": {"rank": 4, "targets": "all-linear"}}


def test_a_model_made_from_a_config_cannot_be_quantised() -> None:
    with pytest.raises(RecipeError, match="quantize needs weights"):
        parse_spec({"model": {"config": {}}, "quantize": 4, **LORA})


@pytest.mark.parametrize(("bits", "layer", "tolerance"), [(4, "Linear4bit", 0.05), (8, "Linear8bitLt", 0.02)])
def test_adapters_are_trained_on_quantised_weights_evaluated_on_the_way_saved_and_merged(
    bits: int, layer: str, tolerance: float, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    pytest.importorskip("bitsandbytes", reason="quantised training is not tested here: pip install mathdata[quant]")
    train(tiny(max_steps=40, learning_rate=5e-3), rows(40), tmp_path / "base")
    questions = tmp_path / "questions.jsonl"
    rows(4).select("problem", "solution", "answer").write_ndjson(questions)
    asked = {"data": str(questions), "times": 2, "max_tokens": 8}
    common = {"model": str(tmp_path / "base"), "tokenizer": {}, "max_steps": 30, "learning_rate": 2e-2, **LORA}
    common |= {"preflight": {"allow": ["benchmark-leak", "evaluation-limit"]}}
    plain = train(tiny(**common), rows(40), tmp_path / "plain")
    spec = tiny(**common, quantize=bits, evaluation=asked)
    model, _, record = run_sft(rows(40), spec, tmp_path / "run")
    assert layer in {type(m).__name__ for m in model.modules()}
    first, last = record["loss"][0][1], record["loss"][-1][1]
    assert first == pytest.approx(plain["loss"][0][1], rel=tolerance)
    assert first != plain["loss"][0][1]
    assert last == pytest.approx(plain["loss"][-1][1], rel=2 * tolerance)
    assert last < first - 0.05
    assert [e["step"] for e in record["evaluations"]] == [0, 15, 30]  # after each it trains on
    assert (record["trainable"], record["total"]) == (plain["trainable"], plain["total"])
    merge(tmp_path / "run", tmp_path / "merged")
    ids = torch.tensor([AutoTokenizer.from_pretrained(tmp_path / "merged")("What is 12 + 34?\n")["input_ids"]])
    whole, base = (AutoModelForCausalLM.from_pretrained(tmp_path / n).eval() for n in ("merged", "base"))
    with torch.no_grad():
        said, meant, before = (m.eval()(ids).logits for m in (whole, model, base))
    assert (said - meant).abs().mean() < 0.8 * (said - before).abs().mean()  # rounding of the base apart, the same


def test_an_adapter_is_not_merged_into_quantised_weights(rows: Any, tiny: Any, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="quantised training is not tested here: pip install mathdata[quant]")
    train(tiny(**LORA, max_steps=1), rows(20), tmp_path / "first")
    model = {"name": str(tmp_path / "first" / "base"), "adapter": str(tmp_path / "first")}
    with pytest.raises(RecipeError, match="round the adapter away"):
        train(tiny(**LORA, model=model, tokenizer={}, quantize=4), rows(20), tmp_path / "second")
    resumed = tiny(**LORA, model=model | {"continue_adapter": "resume"}, tokenizer={}, quantize=4, max_steps=2)
    assert train(resumed, rows(20), tmp_path / "second")["steps"] == 2
