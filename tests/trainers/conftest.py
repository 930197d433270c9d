"""What the tests of training share: addition problems, a tiny spec, and jobs as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.schema import conform
from mathdata.trainspec import TrainSpec, parse_spec

TINY = {
    "hidden_size": 32,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "initializer_range": 0.08,
    "max_position_embeddings": 512,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The training libraries announce their own future; ours is held by the rest of the suite."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning"))


def sums(n: int, verdict: str | None = "correct") -> pl.DataFrame:
    """n addition problems with a worked line, the first of them always the same."""
    rows = []
    for i in range(n):
        a, b = 10 + (i * 7) % 89, 10 + (i * 13) % 83
        rows.append(
            {
                "problem": f"What is {a} + {b}?",
                "solution": f"{a} + {b} = {a + b}\n#### {a + b}",
                "answer": str(a + b),
                "verdict": verdict,
                "source": "one" if i % 2 else "two",
            }
        )
    return conform(pl.DataFrame(rows))


@pytest.fixture
def rows() -> Callable[..., pl.DataFrame]:
    return sums


@pytest.fixture
def tiny() -> Callable[..., TrainSpec]:
    """A spec of a model that trains in milliseconds a step; keywords change it."""

    def make(**changes: Any) -> TrainSpec:
        base: dict[str, Any] = {
            "model": {"config": TINY},
            "tokenizer": {"train": {"vocab_size": 300}},
            "learning_rate": 2e-3,
            "batch": 4,
            "max_steps": 4,
            "max_length": 256,
        }
        return parse_spec(base | changes)

    return make


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """Writes a job file: `job(spec, frame, out="a", evaluate=...)`."""

    def write(spec: TrainSpec, frame: pl.DataFrame, out: str = "run", **more: Any) -> Path:
        data = tmp_path / "rows.parquet"
        frame.write_parquet(data)
        path = tmp_path / f"{out}.json"
        body = {"spec": spec.model_dump(mode="json"), "data": str(data), "out": str(tmp_path / out), "seed": 0}
        path.write_text(json.dumps(body | more))
        return path

    return write


def start(path: Path, **settings: Any) -> subprocess.Popen[str]:
    """A job in a process of its own, its events on standard output."""
    return subprocess.Popen(
        [sys.executable, "-m", "trainers.job", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        **settings,
    )


@pytest.fixture
def ran() -> Callable[[Path], list[dict[str, Any]]]:
    """Runs a job to its end and returns its events; fails where the job failed."""

    def run(path: Path) -> list[dict[str, Any]]:
        child = start(path)
        out, err = child.communicate(timeout=290)
        assert child.returncode == 0, out[-2000:] + err[-2000:]
        return [json.loads(x) for x in out.splitlines() if x.startswith("{")]

    return run


def losses(folder: Path) -> list[float]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(x)["loss"] for x in lines if "loss" in json.loads(x)]
