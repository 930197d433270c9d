"""Every command of docs/evaluation.md runs as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from mathdata.registry import names
from mathdata.schema import conform

DOC = Path(__file__).parents[2] / "docs" / "evaluation.md"


@pytest.fixture
def folder(tmp_path):
    rows = [
        {"problem": f"What is {i} + {i}?", "solution": f"{i} + {i} = {2 * i}", "answer": str(2 * i)} for i in range(20)
    ]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    for name, wrong in (("before", 9), ("after", 2)):
        said = [{"problem": r["problem"], "response": f"#### {2 * i + (i < wrong)}"} for i, r in enumerate(rows)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in said))
    (tmp_path / "recipe.yaml").write_text("name: r\ninput: problems.jsonl\nstages:\n  - sample: {n: 10}\n")
    conform(pl.DataFrame([r | {"license": "MIT"} for r in rows])).write_parquet(tmp_path / "curated.parquet")
    return tmp_path


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.slow
def test_every_command_of_the_page_runs(cli, folder):
    found = commands()
    assert len(found) >= 6
    for line in found:
        name, *words = shlex.split(line)
        assert name == "mathdata"
        done = cli(*words)
        assert done.rc == 0, (line, done.err)


def test_every_benchmark_stands_in_the_page():
    text = DOC.read_text(encoding="utf-8")
    missing = [
        n for n in names("benchmark") if f"`{n}`" not in text and n != "custom" and not n.startswith("elementary_")
    ]
    assert missing == []
