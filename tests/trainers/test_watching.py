"""What watches a run: the words on the progress line, and the stop that names the rows of a bad step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mathdata.errors import MathdataError
from mathdata.training import evaluation_line, note_of
from mathdata.trainspec import parse_spec
from trainers import train
from trainers.callbacks import Sentinel
from trainers.data import Example
from trainers.grpo import Lines
from trainers.order import arrange
from trainers.plan import advice
from trainers.rewards import Rewards
from trainers.settings import reporters

ARGS = SimpleNamespace(logging_steps=1, output_dir="")


def sentinel() -> Sentinel:
    """Twelve rows, two a step, random order."""
    order = arrange([5] * 12, parse_spec({"model": "x", "batch": 2, "max_steps": 30, "batches": "random", "seed": 3}))
    return Sentinel(order, [Example(f"row{i}", (1,) * 5, (1,) * 5, 1) for i in range(12)])


@pytest.mark.parametrize(
    ("logs", "words"),
    [
        ({"loss": float("nan"), "grad_norm": 1.0}, "the loss is nan"),
        ({"loss": 1.0, "grad_norm": float("inf")}, "the gradient's norm is inf"),
        ({"loss": 1.0, "grad_norm": 0.0}, "the gradient is zero everywhere"),
        ({"loss": 9.0, "grad_norm": 1.0}, "the loss jumped from 1.000 to 9.000"),
    ],
)
def test_a_bad_step_stops_the_run_with_its_own_rows(logs: dict[str, float], words: str) -> None:
    watch = sentinel()
    for step in range(1, 26):
        watch.on_log(ARGS, SimpleNamespace(global_step=step), None, {"loss": 1.0, "grad_norm": 1.0})
    with pytest.raises(MathdataError) as caught:
        watch.on_log(ARGS, SimpleNamespace(global_step=26), None, logs)
    assert f"step 26: {words}" in caught.value.message
    ids = [f"row{i}" for i in watch.order.rows(25)]
    assert caught.value.message.endswith("rows of the step: " + ", ".join(ids))


def test_a_loss_of_grpo_that_is_no_number_names_the_rows_that_were_answered(tmp_path: Path) -> None:
    rewards = Rewards(generations=2)
    rewards.accuracy(["#### 1", "#### 2"], ["1", "1"], row=["a", "a"])
    lines = Lines(tmp_path / "metrics.jsonl", None, rewards)
    lines.on_log(
        ARGS, SimpleNamespace(global_step=1, max_steps=2), None, {"reward": 1.0, "loss": 0.0, "grad_norm": 0.0}
    )
    with pytest.raises(MathdataError, match="step 2: loss is nan; rows of the step: a"):
        lines.on_log(ARGS, SimpleNamespace(global_step=2, max_steps=2), None, {"reward": 1.0, "loss": float("nan")})


def test_out_of_memory_says_which_setting_helps(rows: Any, tiny: Any, tmp_path: Path) -> None:
    def exhausted(event: dict[str, Any]) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    for algorithm in ("sft", "grpo"):
        spec = tiny(algorithm=algorithm, batch=2, max_steps=1, grpo={"max_tokens": 4} if algorithm == "grpo" else None)
        with pytest.raises(MathdataError, match="out of memory: CUDA out of memory") as caught:
            train(spec, rows(8), tmp_path / algorithm, progress=exhausted)
        assert caught.value.hint == "take a smaller model", "nothing saves a twentieth of a GiB on a model of this size"
    helps = advice(parse_spec({"model": "Qwen/Qwen2.5-1.5B", "batch": 12, "precision": "bf16"}))
    assert "gradient_checkpointing: true saves" in helps
    assert "batch: 6 with twice the accumulation saves" in helps


def test_the_progress_line_shows_loss_speed_padding_and_memory() -> None:
    event = {"loss": 0.5, "tokens_per_second": 4321.0, "padding": 0.08, "memory_mb": 2048, "seconds_left": 75.4}
    assert note_of(event) == "loss 0.500, 4,321 tokens/s, padding 8 %, 2.0 GB"
    assert note_of({"note": "loading libraries"}) == "loading libraries"
    figures = {
        "answer_accuracy": 0.42,
        "token_accuracy": None,
        "format_accuracy": 1.0,
        "truncated": 0.05,
        "length": 25.2,
    }
    line = evaluation_line({"step": 30, **figures, "n": 200, "best": True})
    assert line == "  step 30: answers 42.0 %, format 100.0 %, truncated 5.0 %, 25 tokens on 200 problems (best so far)"


def test_a_reporter_that_is_not_installed_is_named_and_wandb_stays_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    spec = parse_spec({"model": "x", "report_to": ["wandb"]})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MathdataError, match="wandb is not installed"):
        reporters(spec)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert reporters(spec) == ["wandb"]
    import os

    assert os.environ["WANDB_MODE"] == "offline"
    assert reporters(parse_spec({"model": "x"})) == "none"
