"""DeepSpeed for real, on two CPU processes (gloo): skipped where deepspeed or a C++ compiler is not installed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from mathdata.errors import MissingExtra, RecipeError
from mathdata.trainspec import parse_spec
from tests.trainers.conftest import losses
from trainers.launch import refuse_impossible
from trainers.settings import sequence_parallel

here = pytest.mark.skipif(
    find_spec("deepspeed") is None or not which("g++"),
    reason="DeepSpeed is not tested here: pip install mathdata[deepspeed] and g++",
)
PARTIAL = {"method": "partial", "partial": ["last_layer", "norm"], "lora": {"rank": 2, "targets": ["q_proj"]}}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def test_deepspeed_that_is_not_installed_is_named() -> None:
    if find_spec("deepspeed") is not None:
        pytest.skip("deepspeed is installed here")
    with pytest.raises(MissingExtra, match="needs deepspeed"):
        refuse_impossible(parse_spec({"model": "x", "parallel": {"processes": 2, "kind": "deepspeed"}}), gpu=False)


@here
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("stage", "settings"), [(2, {}), (3, {}), (3, PARTIAL)], ids=["zero 2", "zero 3", "partial"])
def test_zero_trains_to_the_losses_and_weights_of_plain_processes(
    stage: int, settings: dict[str, Any], rows: Any, tiny: Any, job: Any, ran: Any, tmp_path: Path
) -> None:
    ran(job(tiny(**settings, parallel={"processes": 2}), rows(40), "plain"))
    zero = {"processes": 2, "kind": "deepspeed", "zero_stage": stage}
    questions = tmp_path / "questions.jsonl"
    rows(4).select("problem", "solution", "answer").write_ndjson(questions)
    spec = tiny(**settings, parallel=zero, preflight={"allow": ["benchmark-leak", "evaluation-limit"]})
    ran(job(spec, rows(40), "zero", evaluate={"benchmarks": [str(questions)], "max_tokens": 4}))
    record = json.loads((tmp_path / "zero" / "train.json").read_text())
    assert record["parallel"] == {"processes": 2, "wrapper": "DeepSpeedEngine", "backend": "gloo"}
    assert record["evaluation"]["benchmarks"]
    assert losses(tmp_path / "zero") == pytest.approx(losses(tmp_path / "plain"), abs=1e-4)
    plain, made = weights(tmp_path / "plain"), weights(tmp_path / "zero")
    assert set(made) == set(plain)
    for name, value in plain.items():
        torch.testing.assert_close(made[name], value, atol=2e-4, rtol=1e-3)


@here
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sequence_that_is_split_over_two_processes_gives_nearly_the_losses_of_one(
    rows: Any, tiny: Any, job: Any, ran: Any, tmp_path: Path
) -> None:
    asked = {"batch": 1, "accumulation": 4}
    ran(job(tiny(**asked), rows(40), "one"))
    split = {"processes": 2, "kind": "deepspeed", "zero_stage": 2, "sequence": 2}
    ran(job(tiny(**asked, parallel=split), rows(40), "split"))
    one, two = (json.loads((tmp_path / n / "train.json").read_text()) for n in ("one", "split"))
    assert (two["tokens"], two["rows_seen"]) == (one["tokens"], one["rows_seen"]) == (two["tokens"], 16)
    # DeepSpeed weighs each row alike, TRL each token
    assert losses(tmp_path / "split") == pytest.approx(losses(tmp_path / "one"), abs=0.02)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"batches": "packed"}, "batches: packed"),
        ({"attention": "eager"}, "attention: eager"),
        ({"batch": 2}, "batch: 2"),
        ({"tokens_per_step": 100}, "tokens_per_step"),
    ],
)
def test_what_does_not_go_with_split_sequences_is_named(settings: dict[str, Any], named: str) -> None:
    split = {"processes": 2, "kind": "deepspeed", "sequence": 2}
    base = {"model": "x", "batch": 1, "parallel": split}
    with pytest.raises(RecipeError, match=named):
        sequence_parallel(parse_spec(base | settings))
    made = sequence_parallel(parse_spec(base))
    assert (made.sp_size, made.sp_backend, made.sp_handler.sp_attn_implementation) == (2, "deepspeed", "sdpa")
