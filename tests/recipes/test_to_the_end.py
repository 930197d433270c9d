"""Every bundled recipe from its one command to its own table and plot: its own YAML, only size and hardware made small.

A scripted server stands in for hosted teachers. The sweep over sizes and amounts, what goes on from its best run, and
the contest run to their ends in tests of their own, the quickstart in its whole size.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.timeout(1200)
"""Many processes one after the other: on a busy machine they take their time."""

HERE = Path(__file__).parent
RECIPES = HERE.parents[1] / "recipes"

ELSEWHERE = {
    "exp000_size_amount": "tests/evaluation/test_sweep_whole.py",
    "exp000_augment": "tests/evaluation/test_sweep_whole.py",
    "exp001_contest": "tests/trainers/test_contest_to_the_end.py",
    "exp001_templates": "tests/trainers/test_contest_to_the_end.py",
    "quickstart": "tools/check_quickstart.py",
}
"""Recipes that run to their end in another file."""


@dataclass(frozen=True)
class Case:
    """How a recipe is made small, and what must stand at its end."""

    model: str | None
    """A kind of tests/recipes/small.py; None: the recipe's own model is small."""
    arms: tuple[str, ...]
    benchmarks: tuple[str, ...] = ("gsm8k",)
    change: tuple[str, ...] = ()
    sweep: int = 0
    """Points of its sweep; 0 where it is run once."""
    curves: bool = False
    """Whether models are asked while they train."""
    pairs: tuple[tuple[str, str], ...] = field(default=())


ASKED = ("train.evaluation.backend=null", "train.evaluation.devices=null", "train.evaluation.times=2")
"""Without a second card: in the trainer's own process, twice."""
TEACHER = "teacher.openai.base_url=TEACHER"
ROWS_128 = 'arms.rows_128.stages.3.sample.sizes=["4"]'
ABLATIONS = (
    "rank_4",
    "dropout",
    "weight_decay",
    "mixed",
    "combined",
    "vocabulary",
    "only_qkv",
    "only_mlp",
    "last_layer",
)

CASES: dict[str, Case] = {
    "exp002_gsm8k": Case("smollm2", ("before", "plain", "spectral"), curves=True, change=("train.evaluation.times=2",)),
    "exp002_metamathqa": Case(
        "smollm2", ("before", "plain", "spectral"), curves=True,
        change=("input.0.path=ROWS/metamathqa/train.jsonl", "train.evaluation.data.custom.file=ROWS/metamathqa/test.jsonl",
                "train.evaluation.times=2"),
    ),
    "exp003_math": Case(
        "llama3_instruct", ("before", "plain", "steps", *ABLATIONS), ("math",),
        change=(*tuple(f"arms.{a}.stages.3.augment.{TEACHER}" for a in ("steps", *ABLATIONS[:-1])), "jobs=2"),
        pairs=tuple(("before", a) for a in ("plain", "steps", *ABLATIONS)),
    ),
    "exp003_parallel": Case(
        "llama3_instruct", ("before", "plain", "steps"), ("math",),
        change=(f"arms.steps.stages.3.augment.{TEACHER}", "jobs=2"),
    ),
    "exp004_sizes": Case(
        "qwen2", ("before", "rows_128", "rows_256", "rows_512", "rows_1024", "full"), curves=True,
        change=(*ASKED, "jobs=2", *(f'arms.rows_{n}.stages.3.sample.sizes=["{n // 64}"]' for n in (128, 256, 512, 1024))),
    ),
    "exp004_lora": Case("qwen2", ("before", "full", "lora_8", "lora_64"), curves=True, change=(*ASKED, "jobs=2")),
    "exp004_batch": Case("qwen2", ("before", "trained"), curves=True, sweep=3, change=ASKED),
    "exp004_learning_rate": Case("qwen2", ("before", "trained"), curves=True, sweep=3, change=ASKED),
    "exp004_tokens": Case(
        "qwen2", ("before", "rows_128"), curves=True, sweep=2, change=(*ASKED, 'stages.sample.sizes=["4"]')
    ),
    "exp004_dirty": Case("qwen2", ("before", "dirty"), sweep=5),
    "metamathqa": Case(
        "llama2", ("before", "raw", "curated"), ("gsm8k", "math"),
        change=(*(f"stages.{i}.augment.{TEACHER}" for i in range(2, 8)), *(f"stages.{i}.augment.samples=2" for i in range(2, 8)),
                "jobs=2"),
    ),
    "gsm8k": Case(None, ("before", "raw", "curated"), change=("train.tokens=null", "train.tokens_per_step=null")),
    "contest_zh": Case(
        None, ("before", "raw", "curated"), ("contest200",), change=("train.tokens=null", "train.tokens_per_step=null")
    ),
    "amounts": Case(
        None, ("raw", "raw_cot", "graded_cot", "curated"), ("elementary",), sweep=1,
        change=("train.tokens=null", "train.tokens_per_step=null", "input=builtin:elementary?rows=600", "evaluate.limit=20"),
    ),
}  # fmt: skip


def neighbour(name: str) -> Any:
    spec = spec_from_file_location(f"recipes_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Bench:
    """Where everything small stands."""

    folder: Path
    models: dict[str, Path]
    teacher: str

    def run(self, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "MATHDATA_DATA": str(self.folder / "few"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "mathdata", *args]
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=900, check=False)

    def small(self, name: str, case: Case) -> list[str]:
        """Overrides: model, steps, hardware, and what the case names; nothing else of the recipe."""
        steps = ("train.max_steps=2", "train.precision=fp32", "train.parallel={}")
        named = {"TEACHER": self.teacher, "ROWS": str(self.folder / "few")}
        words = re.compile("|".join(named))
        return [
            *([f"train.model={self.models[case.model]}"] if case.model else []), *steps,
            *(words.sub(lambda m: named[m[0]], change) for change in case.change),
        ]  # fmt: skip


@pytest.fixture(scope="session")
def bench(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = neighbour("small")
    folder = tmp_path_factory.mktemp("small")
    few = made.few_rows(shared, folder / "few", train=24, test=8)
    texts = (few / "gsm8k/train.jsonl").read_text(encoding="utf-8").splitlines()
    models = {kind: made.tiny_model(kind, folder / kind, texts) for kind in made.KINDS}
    command = [sys.executable, str(HERE / "teacher.py"), str(few)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as teacher:
        assert teacher.stdout is not None
        yield Bench(folder, models, f"http://127.0.0.1:{int(teacher.stdout.readline())}/v1")
        teacher.kill()


def test_every_bundled_recipe_runs_to_its_end_somewhere() -> None:
    names = {p.stem for p in RECIPES.glob("*.yaml")}
    assert names == set(CASES) | set(ELSEWHERE) | {"exp004_grpo", "exp004_expert_iteration"}
    for name, file in ELSEWHERE.items():
        text = (HERE.parents[1] / file).read_text(encoding="utf-8")
        assert name in text or name.replace("exp001_", "") in text, f"{file} says nothing of {name}"


def report_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


def check_report(folder: Path, case: Case) -> None:
    """Every arm stands in the table on every benchmark, every pair is compared, and the page shows it."""
    report = report_of(folder)
    assert list(report["arms"]) == list(case.arms)
    for arm, figures in report["arms"].items():
        assert set(figures["benchmarks"]) == set(case.benchmarks), arm
        for name, graded in figures["benchmarks"].items():
            assert graded["n"] > 0, (arm, name)
            assert 0 <= graded["accuracy"] <= 1
    pairs = {(c["before"], c["after"]) for c in report["comparisons"]}
    assert pairs >= set(case.pairs)
    assert pairs
    for comparison in report["comparisons"]:
        assert set(comparison["benchmarks"]) == set(case.benchmarks)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in (*case.arms, *case.benchmarks))
    if case.curves:
        for arm in case.arms:
            asked = report["arms"][arm].get("evaluations") or []
            if report["arms"][arm]["trained"]:
                assert next(e["step"] for e in asked) == 0, arm
                assert len(asked) >= 3, arm
    if "math" in case.benchmarks:
        for arm in case.arms:
            table = json.loads((folder / "evaluation" / arm / "results.lm_eval.json").read_text(encoding="utf-8"))
            subjects = [t for t in table["results"] if t.startswith("minerva_math_") or t.startswith("hendrycks_math_")]
            assert len(subjects) == 7, sorted(table["results"])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if not c.sweep])
def test_a_recipe_runs_from_its_command_to_its_table(name: str, bench: Bench, tmp_path: Path) -> None:
    case = CASES[name]
    done = bench.run("run", str(RECIPES / f"{name}.yaml"), *bench.small(name, case), "--out", "run", cwd=tmp_path)
    assert done.returncode in (0, 3) if name == "metamathqa" else done.returncode == 0, done.stderr[-3000:]
    check_report(tmp_path / "run", case)
    if name == "exp003_math":
        curated = pl.read_parquet(tmp_path / "run/steps.parquet").filter(pl.col("method") == "steps")
        assert curated.height > 0
        headed = curated["solution"].str.contains(r"(?m)^## Step 1: ")
        lines = curated["solution"].str.count_matches(r"\n+") + 1
        assert (headed | (lines <= 3)).all()
        assert headed.sum() > curated.height / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.sweep])
def test_a_sweep_runs_from_its_command_to_its_table_and_plot(name: str, bench: Bench, tmp_path: Path) -> None:
    case = CASES[name]
    grid = [
        "--grid",
        "stages.7.sample.n,arms.raw.stages.1.sample.n,arms.raw_cot.stages.2.sample.n,arms.graded_cot.stages.3.sample.n=40",
    ]
    done = bench.run(
        "sweep", str(RECIPES / f"{name}.yaml"), *bench.small(name, case), *(grid if name == "amounts" else []),
        "--out", "sweep", "--jobs", "2", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    table = pl.read_csv(tmp_path / "sweep/sweep.csv")
    assert table.height == case.sweep * len(case.arms)
    for benchmark in case.benchmarks:
        assert table[f"{benchmark}_accuracy"].null_count() == 0
    assert (tmp_path / "sweep/sweep.svg").read_text(encoding="utf-8").startswith("<svg")
    runs = sorted((tmp_path / "sweep/runs").iterdir())
    assert len(runs) == case.sweep
    for run in runs:
        check_report(run, case)
    if case.curves:
        steps = pl.read_csv(tmp_path / "sweep/steps.csv")
        trained = [a for a in case.arms if a != "before"]
        assert steps.select("label").n_unique() == case.sweep * len(trained)
        assert {"step", "truncated", "length", "answer_accuracy", "format_accuracy"} <= set(steps.columns)
        assert steps.filter(pl.col("step") == 0).height == case.sweep * len(trained)


@pytest.mark.slow
def test_reinforcement_and_expert_iteration_go_on_from_the_checkpoint_of_128_rows(bench: Bench, tmp_path: Path) -> None:
    sizes = CASES["exp004_sizes"]
    small = [
        c for c in bench.small("exp004_sizes", sizes) if "rows_256" not in c and "512" not in c and "1024" not in c
    ]
    first = bench.run(
        "run", str(RECIPES / "exp004_sizes.yaml"), *small, "--arm", "before", "--arm", "rows_128", cwd=tmp_path
    )  # fmt: skip
    assert first.returncode == 0, first.stderr[-3000:]
    common = ["train.precision=fp32", "train.parallel={}"]
    grpo = bench.run(
        "run", str(RECIPES / "exp004_grpo.yaml"), *common, "train.max_steps=2", "train.grpo.vllm=none",
        "train.grpo.max_tokens=24", cwd=tmp_path,
    )  # fmt: skip
    assert grpo.returncode == 0, grpo.stderr[-3000:]
    iterated = bench.run(
        "run", str(RECIPES / "exp004_expert_iteration.yaml"), *common, "train.max_steps=2", "train.epochs=null",
        "train.expert_iteration.max_tokens=24", "train.expert_iteration.samples=2", cwd=tmp_path,
    )  # fmt: skip
    assert iterated.returncode == 0, iterated.stderr[-3000:]
    for run, arm in (("exp004_grpo", "grpo"), ("exp004_expert_iteration", "iterated")):
        check_report(tmp_path / "runs" / run, Case("qwen2", ("before", arm)))
    reinforced = report_of(tmp_path / "runs/exp004_grpo")
    assert reinforced["arms"]["grpo"]["rewards"]
    assert any("wrong alike" in json.dumps(w) for w in reinforced["warnings"])  # an untrained model earns nothing
    rounds = report_of(tmp_path / "runs/exp004_expert_iteration")["arms"]["iterated"]["rounds"]
    assert len(rounds) == 3
