"""The contest's recipes from their one command to their table: only model, rows, steps and hardware are made tiny."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from mathdata import families
from mathdata.recipe import bundled

HERE = Path(__file__).parents[1]
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
         "num_key_value_heads": 1, "max_position_embeddings": 2048}  # fmt: skip
TINY = {"model": {"config": SHAPE}, "tokenizer": {"train": {"vocab_size": 600}}, "precision": "fp32", "parallel": {}}


@pytest.fixture
def data(tmp_path: Path, shared: Path) -> Path:
    """The real contest rows; few problems of the sets that they are held against; SQuAD's place with our own texts."""
    root = tmp_path / "data"
    shutil.copytree(shared / "seed_corpus", root / "seed_corpus")
    for name in ("gsm8k/test.jsonl", "math/test.jsonl"):
        (root / name).parent.mkdir(parents=True)
        lines = (shared / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (root / name).write_text("".join(lines[:50]), encoding="utf-8")
    (root / "squad").mkdir()
    shutil.copy(HERE / "evaluation" / "squad_20.json", root / "squad" / "dev-v1.1.json")
    return root


@pytest.fixture
def teacher() -> Iterator[str]:
    """Address of a server that knows the families."""
    script = HERE / "augmentations" / "family_teacher.py"
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.kill()
    process.wait()
    process.stdout.close()


def small(name: str, tmp_path: Path) -> Path:
    """The recipe as it is shipped, with a tiny model and few rows of the larger families."""
    recipe = yaml.safe_load(bundled()[name].read_text(encoding="utf-8"))
    recipe["train"] |= TINY
    [sample] = [s["sample"] for s in recipe["stages"] if "sample" in s]
    sample["quota"] = {group: min(n, 14) for group, n in sample["quota"].items()}
    recipe["evaluate"]["benchmarks"][0]["contest200"]["limit"] = 16
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


def ran(data: Path, recipe: Path, *overrides: str) -> tuple[Path, dict[str, Any]]:
    """The one command, to its end."""
    out = recipe.parent / "run"
    env = os.environ | {"MATHDATA_DATA": str(data), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "mathdata", "run", str(recipe), "--out", str(out), "--json", *overrides]
    done = subprocess.run(command, env=env, cwd=recipe.parent, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr[-3000:]
    return out, json.loads(done.stdout)


def figures(out: Path, arm: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((out / "evaluation" / arm / "evaluation.json").read_text(encoding="utf-8"))
    return made["benchmarks"]


def both_benchmarks_stand(out: Path, arms: list[str]) -> None:
    """Contest accuracy, F1 and EM of every arm, asked alike; in the report's table too."""
    for arm in arms:
        found = figures(out, arm)
        contest, squad = found["contest200"], found["squad"]
        assert (contest["n"], squad["n"]) == (16, 20)
        assert set(squad["metrics"]) == {"EM", "F1"}
        assert squad["metrics"]["F1"] >= squad["metrics"]["EM"] == squad["accuracy"]
        assert (contest["identity"]["prompt"], contest["identity"]["max_tokens"]) == ("alpaca", 256)
        assert (squad["identity"]["prompt"], squad["identity"]["max_tokens"]) == ("squad", 64)
        assert contest["identity"]["version"].endswith("/0.05")
    assert len({json.dumps([f["settings_digest"] for f in figures(out, a).values()]) for a in arms}) == 1
    data = json.loads((out / "report.json").read_text(encoding="utf-8"))
    for arm in arms:
        assert set(data["arms"][arm]["benchmarks"]) == {"contest200", "squad"}
        assert data["arms"][arm]["benchmarks"]["squad"]["metrics"] == figures(out, arm)["squad"]["metrics"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_contest_runs_to_its_table(data: Path, tmp_path: Path) -> None:
    out, summary = ran(data, small("exp001_contest", tmp_path))
    both_benchmarks_stand(out, ["before", "first", "final"])
    assert {(c["before"], c["after"]) for c in summary["comparisons"]} >= {("before", "final")}
    rows = pl.read_parquet(out / "curated.parquet")
    powers = [families.read(p) for p in rows.filter(pl.col("topic") == "power")["problem"]]
    drawn = Counter(r.params["n"] for r in powers if r)
    assert drawn == {"0": 10, "1": 10, "2": 10}
    rounded = rows.filter(pl.col("topic") == "divide", pl.col("exact").is_not_null())["answer"].to_list()
    assert rounded
    assert all(len(a.partition(".")[2]) <= 1 for a in rounded)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_contest_with_text_teachers_runs_to_its_table(data: Path, tmp_path: Path, teacher: str) -> None:
    away = [f"stages.{n}.augment.teacher.openai.base_url={teacher}/v1" for n in (5, 6)]
    out, _ = ran(data, small("exp001_templates", tmp_path), *away)
    both_benchmarks_stand(out, ["before", "templates"])
    rows = pl.read_parquet(out / "curated.parquet")
    written = Counter(zip(rows["method"].to_list(), rows["topic"].to_list(), rows["teacher"].to_list(), strict=True))
    seven, large = "openai:Qwen/Qwen2.5-7B-Instruct", "openai:Qwen/Qwen2.5-72B-Instruct"
    for topic in ("mean", "sales"):
        assert written["step_cot", topic, seven] > 0, written
    for topic in ("equation", "add", "subtract", "divide"):
        assert written["template", topic, large] > 0, written
    for topic in ("divide", "discount", "square_root", "rectangle_area"):
        assert written["step_cot", topic, "symbolic"] > 0, written
    with urllib.request.urlopen(f"{teacher}/kinds", timeout=20) as reply:
        asked = json.load(reply)
    assert 0 < asked["wording"] <= 32, "eight wordings of four families, whatever the number of rows"
