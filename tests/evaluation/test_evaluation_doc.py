"""Every command of docs/evaluation.md runs as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from mathdata.benchmarks import get_benchmark
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


def table() -> dict[str, tuple[str, str, int]]:
    """Benchmark -> (problems, prompt, tokens), as the page says."""
    row = re.compile(r"^\| `(\w+)` \| ([\d,]+|its file) \| (\w+) \| ([\d,]+) \|", re.MULTILINE)
    found = row.findall(DOC.read_text(encoding="utf-8"))
    return {name: (n.replace(",", ""), prompt, int(tokens.replace(",", ""))) for name, n, prompt, tokens in found}


def test_every_benchmark_stands_in_the_table_with_its_prompt_and_its_limit():
    made = {n: get_benchmark(n) for n in names("benchmark") if n != "custom"}
    assert {n: (b.prompt, b.max_tokens) for n, b in made.items()} == {n: t[1:] for n, t in table().items()}


def test_every_benchmark_has_as_many_problems_as_the_table_says(shared):
    told = {n: int(t[0]) for n, t in table().items() if t[0].isdigit()}
    assert {n: get_benchmark(n).load().height for n in told} == told


@pytest.mark.parametrize(
    ("name", "characters"),
    [("elementary", 1), ("elementary_validation", 1), ("elementary_all", 1), ("svamp", 1), ("gsm8k", 1), ("math", 3)],
)
def test_a_limit_leaves_room_for_the_reference_solutions(name, characters, shared):
    """At so many characters a token (digits may be tokens of their own), 97 in 100 of them fit."""
    benchmark = get_benchmark(name)
    lengths = benchmark.load()["solution"].drop_nulls().str.len_chars()
    assert lengths.quantile(0.97) <= benchmark.max_tokens * characters
