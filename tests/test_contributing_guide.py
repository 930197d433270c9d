"""The examples of CONTRIBUTING.md, installed as somebody else's package and used through the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[1] / "CONTRIBUTING.md"
POINTS = {
    "augmentation": ["shorter = theirs.shorter:Shorter"],
    "backend": ["echo = theirs.echo:Echo"],
    "benchmark": ["tables = theirs.tables:tables"],
    "family": ["square_perimeter = theirs.square_perimeter:square_perimeter"],
    "sampler": ["shortest = theirs.shortest:Shortest"],
    "stage": ["too_long = theirs.too_long:too_long"],
}
ROWS = [
    {
        "problem": "What is 2 + 3 + 4?",
        "solution": "Add two and three.\n2 + 3 = 5\n5 + 4 = 9\nThe answer is: 9",
        "answer": "9",
    },
    {
        "problem": "How many legs have 3 cows together in one field?",
        "solution": "3 * 4 = 12\nThe answer is: 12",
        "answer": "12",
    },
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The guide's python blocks as modules of a package `theirs` with its entry points."""
    home = tmp_path / "theirs"
    home.mkdir()
    (home / "__init__.py").write_text("")
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    for name, code in blocks:
        (home / name).write_text(code)
    assert len(blocks) == len(POINTS)
    prompt = re.search(r"```jinja\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert prompt is not None
    (tmp_path / "shorter.jinja").write_text(prompt[1])
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    lines = [f"[mathdata.{kind}]\n" + "\n".join(points) + "\n" for kind, points in POINTS.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    return tmp_path


def run(package: Path, *command: str) -> dict[str, object]:
    env = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run([sys.executable, *command], cwd=package, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    made: dict[str, object] = json.loads(done.stdout)
    return made


def test_their_augmentation_and_backend_make_rows_that_the_judge_accepts(package: Path) -> None:
    command = [
        "augment",
        "raw.jsonl",
        "-o",
        "out.jsonl",
        "--method",
        "{shorter: {lines: 2}}",
        "--teacher",
        "echo",
        "--prompts",
        "{shorter: shorter.jinja}",
        "--json",
    ]
    made = run(package, "-m", "mathdata", *command)
    assert (made["rows_in"], made["created"]) == (2, 2)
    rows = [json.loads(line) for line in (package / "out.jsonl").read_text().splitlines()]
    solutions = {r["solution"] for r in rows if r["method"] == "shorter"}
    assert solutions == {"5 + 4 = 9\nThe answer is: 9", "3 * 4 = 12\nThe answer is: 12"}


def test_their_sampler_chooses(package: Path) -> None:
    made = run(
        package,
        "-m",
        "mathdata",
        "sample",
        "raw.jsonl",
        "-o",
        "out.jsonl",
        "--strategy",
        "shortest",
        "--n",
        "1",
        "--json",
    )
    assert made["kept"] == 1
    assert json.loads((package / "out.jsonl").read_text())["answer"] == "9"


def test_their_stage_family_and_benchmark_do_their_work(package: Path) -> None:
    code = """
import json, mathdata
from mathdata.registry import find
from mathdata.families._read import parse
rows = find("stage", "too_long").make(mathdata.read("raw.jsonl"), most=40)
family = find("family", "square_perimeter").make
found, params = parse("A square has sides of 7 cm. What is its perimeter?")
print(json.dumps({
    "rejects": rows["reject"].to_list(), "why": rows["reject_why"].to_list(),
    "family": [found.name, family.exact(params).text, family.steps(params, "en", "= 28")],
    "benchmark": find("benchmark", "tables").make.load().height,
}))"""
    made = run(package, "-c", code)
    assert made["rejects"] == ["too-long", None]
    assert made["why"] == ["the solution has 55 characters, more than 40", None]
    assert made["family"] == ["square_perimeter", "28", ["4 * 7 = 28"]]
    assert made["benchmark"] == 36


def test_ls_names_them_with_the_package_they_come_from(package: Path) -> None:
    made = run(package, "-m", "mathdata", "ls", "sampler", "--json")
    assert [c.get("plugin") for c in made["sampler"] if c["name"] == "shortest"] == ["theirs"]  # type: ignore[index,attr-defined]
