"""Sweeps of models to their end: the size experiment on real rows and tiny models, and what goes on from its best run."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import xml.dom.minidom
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.timeout(1200)
"""Many processes one after the other: on a busy machine they take their time."""

RECIPES = Path(__file__).parents[2] / "recipes"
TINY = "model_type: qwen2, num_attention_heads: 2, num_key_value_heads: 2, num_hidden_layers: 1, max_position_embeddings: 1024"
SMALL = [
    "train.tokenizer={train: {vocab_size: 400}}", "train.max_steps=2", "train.accumulation=1", "train.max_length=512",
    "train.precision=fp32", "train.gradient_checkpointing=false", "evaluate.max_tokens=8", "evaluate.limit=10",
    "train.preflight={allow: [unverified, overlong, learning-rate, evaluation-limit]}",
]  # fmt: skip
"""The recipe's own YAML, made small: steps, lengths, precision, how much is asked."""


def model(width: int) -> str:
    return f"{{config: {{hidden_size: {width}, intermediate_size: {2 * width}, {TINY}}}}}"


SIZES = ",".join(
    f"{{label: {label}, train.model: {model(width)}, train.learning_rate: {rate}, train.parallel: {{processes: 1}}}}"
    for label, width, rate in (("1.5B", 16, "2e-3"), ("7B", 32, "1e-3"))
)
AMOUNTS = ",".join(f"{{label: {2 * n}, stages.3.sample.quota: {{gsm8k: {n}, math: {n}}}}}" for n in (4, 10))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first rows of the real sets, as a data folder of their own."""
    from mathdata.io import data_root

    whole, folder = data_root(), tmp_path_factory.mktemp("data")
    if not whole.is_dir():
        pytest.skip(f"no real data at {whole}: set MATHDATA_DATA")
    for name, many in itertools.product(("gsm8k", "math"), (("train", 40), ("test", 12))):
        (folder / name).mkdir(exist_ok=True)
        lines = (whole / name / f"{many[0]}.jsonl").read_text(encoding="utf-8").splitlines()[: many[1]]
        (folder / name / f"{many[0]}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def mathdata(tmp_path: Path, few: Path) -> Callable[..., Any]:
    """The command line as a process, as long as it takes, on the few rows."""

    def run(*args: Any) -> Any:
        env = {**os.environ, "MATHDATA_DATA": str(few), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "mathdata", *map(str, args)]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    return run


@pytest.mark.slow
def test_the_size_experiment_ends_in_one_table_one_plot_and_a_run_that_goes_on(
    mathdata: Callable[..., Any], tmp_path: Path
) -> None:
    swept = ["sweep", RECIPES / "exp000_size_amount.yaml", *SMALL, "-g", f"size={SIZES}", "-g", f"amount={AMOUNTS}"]
    done = mathdata(*swept)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "exp000_size_amount-sweep"
    table = pl.read_csv(folder / "sweep.csv")
    assert table.height == 2 * 2 * 2
    assert table.select("size", "amount", "arm").unique().height == 8
    counts = sorted(set(table.filter(pl.col("arm") == "trained")["rows"].to_list()))
    assert len(counts) == 2
    assert counts[0] <= 8 < counts[1] <= 20  # rows that are too long are dropped, and counted as what was trained on
    for name in ("gsm8k", "math"):
        assert set(table[f"{name}_n"].to_list()) == {10}
        assert table[f"{name}_accuracy"].null_count() == 0
    assert pl.read_parquet(folder / "sweep.parquet").height == 8

    drawn = xml.dom.minidom.parse(str(folder / "sweep.svg"))
    texts = [t.firstChild.data for t in drawn.getElementsByTagName("text")]
    classes = [x.getAttribute("class") for x in drawn.getElementsByTagName("*")]
    about = {f"{size} · {name}" for size in ("1.5B", "7B") for name in ("gsm8k", "math")}
    assert about | {f"before · {x}" for x in about} <= set(texts)
    assert (classes.count("line"), classes.count("level"), classes.count("mark")) == (4, 4, 8)
    assert {"rows trained on", *map(str, counts)} <= set(texts)

    best = json.loads((folder / "sweep.json").read_text())["best"]["gsm8k"]
    printed = folder.relative_to(tmp_path) / "runs" / best["run"] / "models" / best["arm"]
    assert f"best on gsm8k: {100 * table['gsm8k_accuracy'].max():.1f} %, {printed}" in done.stdout
    assert (tmp_path / printed / "config.json").is_file()
    again = mathdata(*swept, "--json")
    assert (again.returncode, json.loads(again.stdout)["skipped"]) == (0, 4)
    goes_on(mathdata, tmp_path, table)


def goes_on(mathdata: Callable[..., Any], tmp_path: Path, table: pl.DataFrame) -> None:
    """The augmentation experiment from the best 7B run, by the symbolic teacher in place of a server."""
    smaller = [x for x in SMALL if not x.startswith("train.tokenizer")]
    run = [
        "run", RECIPES / "exp000_augment.yaml", *smaller, "stages.3.augment.teacher=symbolic",
        "stages.3.augment.method=[step_cot, vary_numbers]", "train.parallel={processes: 1}",
    ]  # fmt: skip
    done = mathdata(*run)
    assert done.returncode == 0, done.stderr
    whole = tmp_path / "runs" / "exp000_augment"
    large = table.filter((pl.col("size") == "7B") & (pl.col("arm") == "trained"))
    wanted = large.sort("gsm8k_accuracy", descending=True, maintain_order=True)["run"][0]
    manifest = json.loads((whole / "manifest.json").read_text())["recipe"]["train"]["model"]
    path = Path("runs", "exp000_size_amount-sweep", "runs", wanted, "models", "trained")
    assert (Path(manifest["name"]), manifest["best"]) == (path, "gsm8k")
    for arm in ("before", "augmented"):
        record = json.loads((whole / "models" / arm / "train.json").read_text())["spec"]["model"]
        assert (record["name"], record["digest"]) == (manifest["name"], manifest["digest"])
        graded = json.loads((whole / "evaluation" / arm / "evaluation.json").read_text())["benchmarks"]
        assert list(graded) == ["gsm8k", "math"]
    before = json.loads((whole / "evaluation" / "before" / "evaluation.json").read_text())["benchmarks"]
    row = large.filter(pl.col("run") == wanted)
    assert [before[b]["accuracy"] for b in before] == [row[f"{b}_accuracy"][0] for b in before]
    assert (whole / "report.html").is_file()


@pytest.mark.slow
def test_a_failed_point_is_told_the_rest_goes_on_and_the_same_command_tries_it_again(
    mathdata: Callable[..., Any], tmp_path: Path
) -> None:
    missing = tmp_path / "words.jsonl"
    swept = [
        "sweep", RECIPES / "exp000_size_amount.yaml", *SMALL, "--arm", "trained", "evaluate.benchmarks=[gsm8k]",
        f"train.model={model(16)}", "train.parallel={processes: 1}", "-o", "s", "--json",
        "-g", f"corpus={{label: rows, seed: 1}},{{label: file, train.tokenizer.train.corpus: [{missing}]}}",
    ]  # fmt: skip
    done = mathdata(*swept)
    assert done.returncode == 1
    assert [r["corpus"] for r in json.loads(done.stdout)["rows"]] == ["rows"]
    assert [(r["arm"], r["gsm8k_n"]) for r in json.loads(done.stdout)["rows"]] == [("trained", 10)]
    assert next(iter(json.loads(done.stdout)["failed"])).startswith("corpus-file-")
    assert "run the same command again" in done.stderr
    pl.DataFrame({"problem": ["a"] * 40, "solution": ["b c"] * 40, "answer": ["1"] * 40}).write_parquet(missing)
    again = mathdata(*swept)
    assert again.returncode == 0, again.stderr
    assert (json.loads(again.stdout)["skipped"], len(json.loads(again.stdout)["rows"])) == (1, 2)
