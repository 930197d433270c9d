"""Precision and threads: decided by flags and sizes, written down with the reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from mathdata.errors import RecipeError
from mathdata.recipe import load_recipe
from mathdata.trainspec import parse_spec
from tests.trainers.conftest import TINY, sums
from trainers import train
from trainers.machine import CORES, LARGE, Machine, arithmetic, cores, decide, parameters_of, this_machine
from trainers.sft import run_sft

CPU = Machine(gpu=False, gpu_bf16=False, cpu_bf16=True, cores=8, processes=1, omp=None)
GPU = replace(CPU, gpu=True, gpu_bf16=True)


@pytest.mark.parametrize(
    ("recipe", "machine", "parameters", "precision", "threads", "words"),
    [
        ({}, CPU, LARGE, "bf16", 8, "bf16 instructions, 50 million parameters; 8 threads: the cores there are"),
        ({}, CPU, LARGE - 10_000, "fp32", 1, "49.99 million parameters, below 50"),
        ({}, CPU, 350_000, "fp32", 1, "0.35 million parameters, below 50, on a CPU; 1 thread: 0.35 million"),
        ({}, replace(CPU, cpu_bf16=False), LARGE, "fp32", 8, "names neither AVX512_BF16 nor AMX_BF16"),
        ({}, replace(CPU, processes=2), LARGE, "bf16", 1, "2 processes"),
        ({}, replace(CPU, omp=3), LARGE, "bf16", 3, "OMP_NUM_THREADS says so"),
        ({}, replace(CPU, omp=3), 1000, "fp32", 3, "OMP_NUM_THREADS says so"),
        ({"threads": 5}, replace(CPU, omp=3), 1000, "fp32", 5, "5 threads: the recipe says so"),
        ({"precision": "fp32"}, CPU, LARGE, "fp32", 8, "fp32: the recipe says so"),
        ({"precision": "bf16"}, CPU, 1000, "bf16", 1, "bf16: the recipe says so"),
        ({"parallel": {"nodes": 2}}, replace(CPU, processes=2), LARGE, "fp32", 1, "several machines may differ"),
        ({}, GPU, 1000, "bf16", 1, "the GPU has it"),
        ({}, replace(GPU, gpu_bf16=False), LARGE, "fp32", 8, "the GPU has no bf16"),
        ({"precision": "fp16"}, GPU, LARGE, "fp16", 8, "the recipe says so"),
    ],
)
def test_precision_and_threads_follow_from_flags_and_size(
    recipe: dict[str, Any], machine: Machine, parameters: int, precision: str, threads: int, words: str
) -> None:
    found = decide(parse_spec({"model": "x", **recipe}), machine, parameters)
    assert (found.precision, found.threads) == (precision, threads)
    assert words in found.why


def test_half_precision_without_a_gpu_is_refused() -> None:
    with pytest.raises(RecipeError, match="fp16 needs a GPU"):
        decide(parse_spec({"model": "x", "precision": "fp16"}), CPU, LARGE)


def test_the_size_is_read_from_the_config_alone(tiny: Any) -> None:
    assert parameters_of(parse_spec({"model": "Qwen/Qwen2.5-0.5B-Instruct"})) > 400_000_000
    assert parameters_of(tiny()) < 100_000


def test_the_quickstart_is_trained_in_fp32_by_one_thread_on_any_machine() -> None:
    spec = parse_spec(load_recipe("quickstart").train)
    for machine in (CPU, replace(CPU, cores=64)):
        found = decide(spec, machine, parameters_of(spec))
        assert (found.precision, found.threads) == ("fp32", 1)


@pytest.mark.parametrize(("quota", "most"), [("150000 100000", 2), ("max 100000", 10**6), ("nonsense", 10**6)])
def test_cores_are_those_of_the_container(quota: str, most: int, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    bound = len(os.sched_getaffinity(0))
    assert cores(tmp_path / "cpu.max") == min(bound, most)
    monkeypatch.setenv(CORES, "1")
    assert cores(tmp_path / "cpu.max") == 1


def test_the_flags_are_those_of_the_processor() -> None:
    if not Path("/proc/cpuinfo").is_file() or not (flags := Path("/proc/cpuinfo").read_text()).count("flags"):
        pytest.skip("no /proc/cpuinfo with flags here")
    assert this_machine().cpu_bf16 is any(name in flags.split() for name in ("avx512_bf16", "amx_bf16"))


def test_a_run_writes_its_arithmetic_down(tiny: Any, rows: Any, tmp_path: Path) -> None:
    record = train(tiny(threads=1), rows(20), tmp_path / "run")
    assert record["precision"] == "fp32"
    assert record["threads"] == torch.get_num_threads() == 1
    assert record["arithmetic"] == arithmetic(tiny(threads=1)).why


@pytest.mark.parametrize("method", [{}, {"method": "lora"}], ids=["full", "lora"])
def test_a_model_trained_in_bf16_answers_as_its_folder_does(
    method: dict[str, Any], tiny: Any, rows: Any, tmp_path: Path
) -> None:
    model, tokenizer, record = run_sft(rows(20), tiny(precision="bf16", **method), tmp_path / "run")
    assert record["precision"] == "bf16"
    ids = torch.tensor([tokenizer("What is 12 + 34?\n")["input_ids"]])
    with torch.no_grad():
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "run").eval()(ids).logits
        assert torch.equal(model.eval()(ids).logits, loaded)


@pytest.mark.slow
def test_a_large_model_takes_what_the_machine_has(tmp_path: Path) -> None:
    """53 million parameters, two steps, in a process of its own."""
    large = TINY | {"hidden_size": 512, "num_hidden_layers": 14, "intermediate_size": 2048, "num_attention_heads": 8}
    body = {
        "spec": {"model": {"config": large}, "tokenizer": {"train": {"vocab_size": 300}}, "max_steps": 2, "batch": 2},
        "data": str(tmp_path / "rows.parquet"), "out": str(tmp_path / "run"), "seed": 0,
    }  # fmt: skip
    sums(8).write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "job.json").write_text(json.dumps(body))
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-m", "trainers.job", str(tmp_path / "job.json")],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=Path(__file__).parents[2], env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((tmp_path / "run" / "train.json").read_text())
    assert record["total"] > LARGE
    here = this_machine()
    assert record["threads"] == cores()
    if not here.gpu:
        assert record["precision"] == ("bf16" if here.cpu_bf16 else "fp32")
