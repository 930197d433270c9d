"""The measurement for machines with a GPU: it refuses without one, and its smoke run fills a page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(ROOT / "bench" / "train_gpu.py"), *words],
        capture_output=True,
        text=True,
        env=env,
        cwd=ROOT,
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_gpu_benchmark_refuses_without_a_gpu_and_writes_its_table_in_a_smoke_run(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        done = bench()
        assert done.returncode == 2
        assert "no CUDA device is here" in done.stderr
    page = tmp_path / "gpu.md"
    page.write_text("before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n")
    done = bench("--smoke", "--write", str(page))
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.startswith("before\n<!-- measured: begin -->\na tiny config (smoke)")
    assert text.endswith("<!-- measured: end -->\nafter\n")
    assert "old" not in text
    rows = [line.split("|") for line in text.splitlines() if line.startswith(("| bf16", "| fp32"))]
    assert len(rows) == 6
    measured = [row for row in rows if row[3].strip()]
    assert len(measured) >= 5
    assert all(float(row[2].replace(",", "")) > 0 for row in measured)


def test_the_page_has_the_marks_that_the_benchmark_fills() -> None:
    text = (ROOT / "docs" / "gpu.md").read_text()
    assert text.index("<!-- measured: begin -->") < text.index("<!-- measured: end -->")
