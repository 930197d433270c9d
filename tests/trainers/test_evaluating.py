"""Evaluation inside training: a fixed subset, the judge's figures, the best model, an early stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.evaluating import due, subset
from trainers.sft import run_sft


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
    spec = tiny(max_steps=120, learning_rate=1e-2, warmup=5, evaluation=asked)
    model, _, record = run_sft(rows(12), spec, tmp_path / "run")
    history = record["evaluations"]
    assert [h["step"] for h in history] == [30, 60, 90, 120]
    assert history[-1]["answer_accuracy"] > history[0]["answer_accuracy"]
    assert history[-1]["token_accuracy"] > 0.9
    assert {"format_accuracy", "truncated", "length", "n"} <= set(history[0])
    assert record["best"] == max(history, key=lambda h: h["answer_accuracy"])
    assert (tmp_path / "run" / "best.safetensors").is_file()
    lines = (tmp_path / "run" / "evaluations.jsonl").read_text().splitlines()
    assert [json.loads(x)["step"] for x in lines] == [30, 60, 90, 120]
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_patience_ends_the_run_early(questions: str, rows: Any, tiny: Any, tmp_path: Path) -> None:
    asked = {"data": questions, "times": 10, "limit": 4, "max_tokens": 8, "patience": 2}
    record = run_sft(rows(12), tiny(max_steps=40, learning_rate=1e-6, evaluation=asked), tmp_path / "run")[2]
    assert record["steps"] == 12  # the first is the best, two more bring nothing
    assert record["best"]["step"] == 4
