"""Evaluation inside training: a fixed subset, the judge's figures, the best model, an early stop."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from mathdata.errors import MathdataError, PreflightError, RecipeError
from tests.trainers.conftest import TINY
from trainers.evaluating import due, subset
from trainers.sft import run_sft

KNOWN = {"preflight": {"allow": ["benchmark-leak", "evaluation-limit"]}}
"""These tests ask what was learnt by heart."""


@pytest.fixture
def questions(rows: Any, tmp_path: Path) -> str:
    path = tmp_path / "questions.jsonl"
    frame = rows(12).select("problem", "solution", "answer")
    path.write_text("".join(json.dumps(r) + "\n" for r in frame.iter_rows(named=True)))
    return str(path)


def test_evaluations_are_spread_evenly_and_the_last_step_is_one() -> None:
    for steps, times in ((100, 10), (7, 3), (5, 50)):
        asked = [s for s in range(1, steps + 1) if due(s, steps, times)]
        assert len(asked) == min(steps, times)
        assert asked[-1] == steps


def test_the_subset_is_fixed_by_the_seed(questions: str, tiny: Any) -> None:
    spec = tiny(evaluation={"data": questions, "limit": 5})
    first, again, other = (subset(spec, None, s).load()["id"].to_list() for s in (1, 1, 2))
    assert first == again
    assert len(first) == 5
    assert first != other


@pytest.mark.slow
def test_accuracy_rises_and_the_best_model_is_the_one_that_is_saved(
    questions: str, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    asked = {"data": questions, "times": 4, "limit": 8, "max_tokens": 32, "keep_best": True}
    spec = tiny(max_steps=120, learning_rate=1e-2, warmup=5, evaluation=asked, **KNOWN)
    events: list[dict[str, Any]] = []
    model, _, record = run_sft(rows(12), spec, tmp_path / "run", report=events.append)
    history = record["evaluations"]
    assert [h["step"] for h in history] == [0, 30, 60, 90, 120]
    assert history[-1]["answer_accuracy"] > history[0]["answer_accuracy"]
    assert history[-1]["token_accuracy"] > 0.9
    assert {"format_accuracy", "truncated", "length", "n"} <= set(history[0])
    assert record["best"] == max(history[1:], key=lambda h: h["answer_accuracy"])
    assert (tmp_path / "run" / "best.safetensors").is_file()
    lines = (tmp_path / "run" / "evaluations.jsonl").read_text().splitlines()
    assert [json.loads(x)["step"] for x in lines] == [0, 30, 60, 90, 120]
    assert all(torch.isfinite(p).all() for p in model.parameters())
    told = [e for e in events if e["event"] == "evaluation"]
    assert [e["step"] for e in told if e["best"]][-1] == record["best"]["step"]


def test_every_curve_begins_with_the_model_before_training(
    questions: str, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    asked = {"data": questions, "times": 2, "limit": 8, "max_tokens": 12, "keep_best": True}
    common = {**KNOWN, "max_steps": 4, "learning_rate": 1e-2}
    first = run_sft(rows(12), tiny(**common, evaluation=asked), tmp_path / "asked")[2]
    history = first["evaluations"]
    assert [h["step"] for h in history] == [0, 2, 4]
    assert {h["benchmark"] for h in history} == {Path(questions).stem}
    assert first["best"]["step"] > 0, "the model before training is shown, and is no candidate"
    bare = run_sft(rows(12), tiny(**common), tmp_path / "bare")[2]
    assert bare["loss"] == first["loss"], "asking before the first step leaves the training alone"
    rate = {**common, "learning_rate": 1e-4}
    other = run_sft(rows(12), tiny(**rate, evaluation=asked), tmp_path / "other")[2]
    assert other["evaluations"][0] == history[0], "the same model, the same problems: the same figures"
    assert other["evaluations"][-1]["token_accuracy"] != history[-1]["token_accuracy"]


def test_patience_ends_the_run_early(questions: str, rows: Any, tiny: Any, tmp_path: Path) -> None:
    asked = {"data": questions, "times": 10, "limit": 4, "max_tokens": 8, "patience": 2}
    spec = tiny(max_steps=40, learning_rate=1e-6, evaluation=asked, **KNOWN)
    record = run_sft(rows(12), spec, tmp_path / "run")[2]
    assert record["steps"] == 12  # the first is the best, two more bring nothing
    assert record["best"]["step"] == 4


LORA = {"method": "lora", "lora": {"rank": 2, "targets": ["q_proj"], "dropout": 0.1}}
HEAD = {"method": "partial", "partial": ["last_layer"], "lora": {"rank": 2, "targets": ["lm_head", "q_proj"]}}


@pytest.mark.slow
@pytest.mark.parametrize("method", [LORA, HEAD], ids=["adapter", "modules and head"])
def test_a_backend_in_another_process_gives_the_figures_of_this_one_and_leaves_the_training_alone(
    method: dict[str, Any], questions: str, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    common = {**method, "max_steps": 6, "learning_rate": 1e-2, **KNOWN}
    asked = {"data": questions, "times": 2, "limit": 8, "max_tokens": 12}
    here = run_sft(rows(12), tiny(**common, evaluation=asked), tmp_path / "here")[2]
    apart = run_sft(rows(12), tiny(**common, evaluation=asked | {"backend": "transformers"}), tmp_path / "apart")[2]
    assert apart["evaluations"] == here["evaluations"]
    assert apart["loss"] == here["loss"]
    assert not (tmp_path / "apart" / "serving").exists()
    assert (tmp_path / "apart" / "evaluations" / "step-3" / "evaluation.json").is_file()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_vllm_in_its_own_environment_grades_a_checkpoint_on_the_way(
    questions: str, rows: Any, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = os.environ.get("MATHDATA_VLLM_PYTHON")
    if not python:
        pytest.skip("vLLM inside training is not tested here: MATHDATA_VLLM_PYTHON names no interpreter with vllm")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    for key, value in {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "HF_HUB_OFFLINE": "1",
    }.items():
        monkeypatch.setenv(key, value)
    engine = {"dtype": "float32", "max_model_len": 64, "options": {"enforce_eager": True}}
    asked = {"data": questions, "times": 1, "limit": 8, "max_tokens": 12, "backend": {"vllm": engine}}
    monkeypatch.setenv("MATHDATA_EVALUATION_PYTHON", python)
    common = {"max_steps": 40, "learning_rate": 1e-2, **KNOWN}
    wide = {"model": {"config": {**TINY, "hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 2}}}
    record = run_sft(rows(12), tiny(**common, **wide, evaluation=asked), tmp_path / "run")[2]
    here = {k: v for k, v in asked.items() if k != "backend"}
    same = run_sft(rows(12), tiny(**common, **wide, evaluation=here), tmp_path / "here")[2]
    assert record["evaluations"][-1]["n"] == 8
    assert record["evaluations"][-1]["answer_accuracy"] == pytest.approx(
        same["evaluations"][-1]["answer_accuracy"], abs=0.13
    )


def test_an_evaluation_in_a_process_that_fails_says_which_words_it_ended_with(
    questions: str, rows: Any, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATHDATA_EVALUATION_PYTHON", "/bin/false")
    asked = {"data": questions, "times": 1, "limit": 2, "backend": "transformers"}
    spec = tiny(evaluation=asked, max_steps=1, **KNOWN)
    with pytest.raises(MathdataError, match="the evaluation at step 0 ended with code 1"):
        run_sft(rows(12), spec, tmp_path / "run")
    with pytest.raises(RecipeError, match="is for the process of a backend"):
        tiny(evaluation={"devices": "1"})
    with pytest.raises(RecipeError, match="would let a recipe run any program"):
        tiny(evaluation=asked | {"python": "/bin/false"})


def test_rows_that_the_evaluation_on_the_way_asks_are_leaks(
    questions: str, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    custom = {"custom": {"file": questions}}
    for data in (questions, custom):
        with pytest.raises(PreflightError, match=r"12 rows are problems of the benchmark \(.*questions.jsonl\)"):
            run_sft(rows(12), tiny(evaluation={"data": data}), tmp_path / "run")
