"""A folder full of modules that carry our dependencies' names: whatever command runs in it, none of them is imported."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import polars as pl
import pytest

from mathdata.schema import conform
from tests.trainers.conftest import TINY

STANDARD = (
    "json", "random", "string", "types", "typing", "enum", "re", "copy", "glob", "queue", "select", "socket", "ssl",
    "asyncio", "tempfile", "gzip", "logging", "inspect", "pathlib", "shutil", "subprocess", "threading", "decimal",
    "fractions", "statistics", "sqlite3", "csv", "html", "http", "email", "urllib", "hashlib", "secrets", "uuid", "calendar",
    "warnings", "contextlib", "functools", "collections", "code", "cmd", "pdb", "test", "platform", "fcntl", "runpy",
)  # fmt: skip
HOOKS = ("sitecustomize", "usercustomize", "conftest", "setup", "mathdata_plugin", "tests", "tools", "bench", "recipes")
EARLY = {"warnings", "contextlib", "functools", "collections", "types", "typing", "re", "enum", "copy", "inspect"}
"""What Python itself may import to find `python -m mathdata`, before a line of ours runs."""


def dependencies() -> set[str]:
    """Every module that an installed distribution offers at the top: ours, and what they need."""
    wanted = {re.split(r"[\[<>=!;( ]", r)[0].lower().replace("_", "-") for r in metadata.requires("mathdata") or ()}
    named = metadata.packages_distributions()
    return {m for m, homes in named.items() if m.isidentifier() and not m.startswith("_") and m not in ("mathdata", "trainers")} | {
        w.replace("-", "_") for w in wanted
    }  # fmt: skip


def poisoned(folder: Path, names: set[str]) -> Path:
    """The folder with these modules in it, as files and as packages; one that runs leaves its name in `ran`."""
    for name in names:
        words = f"open({str(folder / 'ran')!r}, 'a').write('{name}\\n')\nraise SystemExit(97)\n"
        (folder / f"{name}.py").write_text(words)
        if name in ("numpy", "trainers", "transformers"):
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text(words)
    plugin = folder / "evil-1.0.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    groups = ("stage", "augmentation", "sampler", "backend", "benchmark", "family", "engine")
    (plugin / "entry_points.txt").write_text("".join(f"[mathdata.{g}]\nevil = mathdata_plugin:x\n" for g in groups))
    rows = [{"problem": f"What is {i} + 1?", "solution": f"{i} + 1 = {i + 1}", "answer": str(i + 1)} for i in range(8)]
    frame = conform(pl.DataFrame(rows))
    frame.write_parquet(folder / "rows.parquet")
    frame.select("problem", "answer").write_ndjson(folder / "questions.jsonl")
    frame.select("problem", response="answer").write_ndjson(folder / "answers.jsonl")
    (folder / "recipe.yaml").write_text("name: r\ninput: rows.parquet\nstages: [dedup, verify]\n")
    train = f"{{model: {{config: {json.dumps(TINY)}}}, tokenizer: {{train: {{vocab_size: 280}}}}, max_steps: 2, batch: 2, preflight: {{allow: [overlong, benchmark-leak]}}}}"
    (folder / "train.yaml").write_text(
        f"name: t\ninput: rows.parquet\nstages: [verify]\ntrain: {train}\n"
        "arms: {one: {}, none: {train: false}}\nevaluate: {benchmarks: [questions.jsonl], max_tokens: 64}\n"
    )
    return folder


@pytest.fixture(scope="module")
def poison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = dependencies() | set(STANDARD) | set(HOOKS) | {"trainers", "__future__"}
    assert {"numpy", "torch", "datasets", "sympy", "math_verify", "polars", "click", "sitecustomize"} <= names
    return poisoned(tmp_path_factory.mktemp("poison"), names)


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without what Python itself imports from an unsafe path before a line of ours runs."""
    return poisoned(tmp_path_factory.mktemp("late"), (dependencies() | set(STANDARD) | {"trainers"}) - EARLY - {"test"})


def ran(folder: Path) -> list[str]:
    """Which of the poison ran since the last look."""
    mark = folder / "ran"
    words = mark.read_text().split() if mark.exists() else []
    mark.unlink(missing_ok=True)
    return words


COMMANDS = """
--version
--help
ls
verify rows.parquet -o v.parquet
run recipe.yaml --out run
""".strip().splitlines()
MORE = """
doctor --json
dedup rows.parquet -o d.parquet --level near
decontaminate rows.parquet -o c.parquet --against questions.jsonl
sample rows.parquet -o s.parquet --n 4
augment rows.parquet -o a.parquet --method step_cot --teacher symbolic
show rows.parquet
review rows.parquet
card rows.parquet
export rows.parquet --format alpaca -o e.jsonl
push rows.parquet ./pushed
evaluate someone --responses answers.jsonl --benchmark questions.jsonl --out ev
sweep recipe.yaml --grid seed=1,2 --out sweep
""".strip().splitlines()
MODELS = """
train train.yaml --smoke
run train.yaml --out tr
merge tr -o merged
evaluate merged --benchmark questions.jsonl --out ev2
compare tr/evaluation/none tr/evaluation/one
chat tr
run train.yaml train.parallel.processes=2 --out two
dedup rows.parquet -o ray.parquet --engine ray
""".strip().splitlines()


def started(first: list[str], line: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*first, *shlex.split(line)], cwd=folder, capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if k not in ("PYTHONSAFEPATH", "PYTHONPATH")} | env,
    )  # fmt: skip


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> list[str]:
    """`mathdata` as an installer writes it, from the project's own entry point."""
    entry = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["scripts"]["mathdata"]
    path = tmp_path_factory.mktemp("bin") / "mathdata"
    module, _, name = entry.partition(":")
    path.write_text(f"import re\nimport sys\nfrom {module} import {name}\nsys.exit({name}())\n")
    return [sys.executable, str(path)]


def test_the_poison_is_poison(poison: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import numpy"], cwd=poison, env={"PATH": ""}, check=False)
    assert done.returncode == 97
    assert ran(poison) == ["numpy"]


@pytest.mark.parametrize("line", COMMANDS)
def test_no_command_imports_a_module_of_the_working_folder(line: str, poison: Path, script: list[str]) -> None:
    done = started(script, line, poison)
    assert ran(poison) == []
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lines", [MORE, MODELS], ids=["rows", "models"])
def test_no_other_command_does_either(lines: list[str], poison: Path, script: list[str]) -> None:
    for line in lines:
        done = started(script, line, poison)
        assert ran(poison) == [], line
        assert done.returncode == 0, (line, done.stdout, done.stderr)


def test_a_plugin_that_lies_in_the_working_folder_is_none(late: Path, script: list[str]) -> None:
    for first in (script, [sys.executable, "-m", "mathdata"]):
        assert "evil" not in started(first, "ls stages", late).stdout


@pytest.mark.parametrize("path", ["", ":.:/nowhere"])
def test_an_unsafe_path_ends_at_our_first_line(path: str, late: Path, script: list[str]) -> None:
    for first in (script, [sys.executable, "-m", "mathdata"]):
        done = started(
            first, "verify rows.parquet -o v.parquet --overwrite", late, **({"PYTHONPATH": path} if path else {})
        )
        assert ran(late) == []
        assert done.returncode == 0, done.stderr


def test_a_checkout_works_where_it_is_the_working_folder(checkout: Path, script: list[str]) -> None:
    for first in (script, [sys.executable, "-m", "mathdata"]):
        assert started(first, "ls stages", checkout).returncode == 0


def test_one_place_alone_starts_pythons_of_ours(checkout: Path) -> None:
    words = re.compile(
        r"sys\.executable|multiprocessing\.Process|os\.fork|runpy|accelerate\.commands\.launch|torchrun|distributed\.run"
    )
    files = [p for d in ("mathdata", "trainers") for p in (checkout / d).rglob("*.py")]
    found = {
        p.name for p in files if words.search(re.sub(r'""".*?"""', "", p.read_text(encoding="utf-8"), flags=re.DOTALL))
    }
    assert found <= {"children.py", "launch.py"}
    assert "sys.executable" not in (checkout / "trainers" / "launch.py").read_text()
