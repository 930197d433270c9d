"""Runs beyond supervised training that are killed with -9: they go on, make nothing twice, and end with the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mathdata.errors import RecipeError
from mathdata.trainspec import parse_spec
from tests.trainers.conftest import losses, start
from trainers import train
from trainers.rounds import Answers


def kill_when(path: Path, ready: Callable[[], bool], seconds: float = 200) -> None:
    """Start a job and kill it with -9 the moment `ready` says so."""
    child = start(path)
    end = time.monotonic() + seconds
    while not ready():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()


@pytest.fixture
def checkpoint(rows: Any, tiny: Any, tmp_path: Path) -> str:
    """A model that has half learnt its few problems: its sampled answers are right now and then."""
    train(tiny(max_steps=90, learning_rate=1e-2, warmup=5), rows(8), tmp_path / "checkpoint")
    return str(tmp_path / "checkpoint")


@pytest.mark.slow
def test_a_killed_grpo_run_goes_on_to_the_same_losses_rewards_and_weights(
    checkpoint: str, rows: Any, tiny: Any, job: Any, ran: Any, tmp_path: Path
) -> None:
    spec = tiny(
        model=checkpoint, tokenizer={}, algorithm="grpo", learning_rate=1e-4, batch=2, accumulation=2, max_steps=14,
        grpo={"generations": 4, "max_tokens": 24}, checkpoints={"every": 2, "keep": 2},
    )  # fmt: skip
    ran(job(spec, rows(12), "calm"))
    killed = job(spec, rows(12), "killed")
    for step in (4, 10):
        saved = tmp_path / "killed" / "checkpoints" / f"checkpoint-{step}" / "rewards.json"
        kill_when(killed, saved.exists)
    events = ran(killed)
    assert min(e["done"] for e in events if e.get("loss") is not None) > 10
    calm, taken_up = (json.loads((tmp_path / n / "train.json").read_text()) for n in ("calm", "killed"))
    assert losses(tmp_path / "killed") == losses(tmp_path / "calm")
    assert taken_up["reward"] == calm["reward"]
    assert len({reward for _, reward in calm["reward"]}) > 3
    assert taken_up["rewards"] == calm["rewards"]
    assert calm["rewards"]["groups"] == 14 * 4
    weights = [(tmp_path / n / "model.safetensors").read_bytes() for n in ("calm", "killed")]
    assert weights[0] == weights[1] != (Path(checkpoint) / "model.safetensors").read_bytes()


def test_checkpoints_between_the_steps_of_one_generation_are_refused(rows: Any, tiny: Any, tmp_path: Path) -> None:
    spec = tiny(algorithm="grpo", checkpoints={"every": 3}, trl={"num_iterations": 2}, batch=1)
    with pytest.raises(RecipeError, match="made once for 2 steps") as caught:
        train(spec, rows(4), tmp_path / "run")
    assert "multiple of 2" in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("method", [{}, {"method": "lora", "lora": {"rank": 4, "targets": ["q_proj", "v_proj"]}}])
def test_a_killed_expert_iteration_goes_on_and_asks_nothing_twice(
    method: dict[str, Any], checkpoint: str, rows: Any, tiny: Any, job: Any, ran: Any, tmp_path: Path
) -> None:
    rounds = {"rounds": 2, "samples": 8, "max_tokens": 24}
    spec = tiny(
        model=checkpoint, tokenizer={}, algorithm="expert_iteration", max_steps=8, expert_iteration=rounds, **method
    )
    ran(job(spec, rows(80), "calm"))
    killed, folder = job(spec, rows(80), "killed"), tmp_path / "killed" / "rounds"
    first, second = folder / "1" / "answers.jsonl", folder / "2" / "answers.jsonl"
    kill_when(killed, lambda: first.exists() and first.stat().st_size > 0)
    kept = first.read_bytes().rpartition(b"\n")[0]
    kill_when(killed, lambda: second.exists() and second.stat().st_size > 0)
    assert first.read_bytes().startswith(kept)
    stamps = {p: p.stat().st_mtime_ns for p in (first, folder / "1" / "manifest.json", folder / "1" / "train.json")}
    events = ran(killed)
    asked = [e["done"] for e in events if e.get("note") == "problems asked"]
    assert asked == [n for n in (64, 80) if n > 32 * len(second.read_bytes().splitlines()[:1])]
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps
    calm, taken_up = (json.loads((tmp_path / n / "train.json").read_text()) for n in ("calm", "killed"))
    assert taken_up["rounds"] == calm["rounds"]
    assert calm["rounds"][0]["right"] > 0
    for name in ("rounds/1/answers.jsonl", "rounds/2/answers.jsonl", "rounds/2/rows.parquet"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()
    name = "adapter_model.safetensors" if method else "model.safetensors"
    assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


@pytest.mark.slow
def test_two_processes_share_the_answers_of_grpo_and_of_expert_iteration(
    checkpoint: str, rows: Any, tiny: Any, job: Any, ran: Any, tmp_path: Path
) -> None:
    two = {"model": checkpoint, "tokenizer": {}, "parallel": {"processes": 2}, "max_steps": 4}
    rounds = {"rounds": 1, "samples": 8, "max_tokens": 24}
    ran(job(tiny(**two, algorithm="expert_iteration", expert_iteration=rounds), rows(80), "rounds"))
    first, second = (
        (tmp_path / "rounds" / "rounds" / "1" / n).read_text() for n in ("answers.jsonl", "answers.1.jsonl")
    )
    shares = [{row for line in text.splitlines() for row in json.loads(line)} for text in (first, second)]
    assert [len(s) for s in shares] == [48, 32]  # two chunks and one
    assert not shares[0] & shares[1]
    record = json.loads((tmp_path / "rounds" / "train.json").read_text())
    assert record["rounds"][0]["samples"] == 640
    asked = {"generations": 4, "max_tokens": 24}
    spec = tiny(**two, algorithm="grpo", batch=2, learning_rate=1e-4, grpo=asked, checkpoints={"every": 2, "keep": 2})
    ran(job(spec, rows(16), "grpo"))
    record = json.loads((tmp_path / "grpo" / "train.json").read_text())
    assert record["parallel"]["processes"] == 2
    assert record["rewards"]["groups"] == 4 * 2 * 2
    assert sum(record["rewards"]["verdicts"].values()) == 4 * 2 * 2 * 4
    shutil.rmtree(tmp_path / "grpo" / "checkpoints" / "checkpoint-4")
    ran(tmp_path / "grpo.json")
    again = json.loads((tmp_path / "grpo" / "train.json").read_text())
    assert (again["rewards"], again["reward"]) == (record["rewards"], record["reward"])


def test_rounds_of_another_recipe_or_checkpoint_are_not_taken_up(
    checkpoint: str, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    def run(**more: Any) -> dict[str, Any]:
        asked = {"rounds": 1, "samples": 2, "max_tokens": 24, **more}
        spec = tiny(
            model=checkpoint, tokenizer={}, algorithm="expert_iteration", max_steps=2, expert_iteration=asked, seed=1
        )
        return train(spec, rows(8), tmp_path / "run")

    def stamp() -> int:
        return (tmp_path / "run" / "rounds" / "1" / "manifest.json").stat().st_mtime_ns

    first, made = run(), stamp()
    assert run()["rounds"] == first["rounds"]
    assert stamp() == made
    run(temperature=0.7)
    assert stamp() != made
    made = stamp()
    shutil.copyfile(tmp_path / "run" / "model.safetensors", Path(checkpoint) / "model.safetensors")
    run(temperature=0.7)
    assert stamp() != made


def test_half_a_line_of_answers_is_taken_away_and_asked_again(tmp_path: Path) -> None:
    path, calls = tmp_path / "1" / "answers.jsonl", []

    def ask(part: Any) -> Any:
        calls.append([row["id"] for row in part])
        return [[("text", "stop", True)] for _ in part]

    problems = [{"id": x} for x in "abcde"]
    Answers(path, 2).fill(problems, ask)
    whole = path.read_bytes()
    assert calls == [["a", "b"], ["c", "d"], ["e"]]
    path.write_bytes(whole[:-8])
    again = Answers(path, 2)
    assert set(again.done) == set("abcd")
    again.fill(problems, ask)
    assert calls[3:] == [["e"]]
    assert path.read_bytes() == whole
    assert parse_spec({"model": "x", "algorithm": "expert_iteration"}).expert_iteration is None
