"""What a run ends with: each benchmark by itself, arms and pairs that are missing said in words, curves and warnings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TINY = """{config: {hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 2, num_hidden_layers: 1,
          intermediate_size: 64, max_position_embeddings: 256}}"""
RECIPE = f"""
name: ends
seed: 7
input: builtin:elementary?rows=300
stages:
  - dedup: {{level: normal}}
  - decontaminate: {{against: [elementary, few.jsonl]}}
  - sample: {{n: 40}}
  - verify: {{}}
arms:
  before: {{train: false}}
  trained: {{}}
  otherwise: {{train: {{prompt: alpaca}}}}
  refused: {{stages: [{{sample: {{n: 40}}}}, {{decontaminate: {{against: [elementary, few.jsonl]}}}}]}}
  grpo: {{train: {{algorithm: grpo, max_steps: 2, batch: 2, grpo: {{generations: 2, max_tokens: 8}}, evaluation: null}}}}
train:
  model: {TINY}
  tokenizer: {{train: {{vocab_size: 300}}}}
  prompt: plain
  max_length: 256
  max_steps: 4
  batch: 4
  evaluation: {{data: few.jsonl, times: 2, max_tokens: 64}}
evaluate:
  benchmarks: [{{elementary: {{limit: 12}}}}, few.jsonl]
  max_tokens: 64
compare: {{before: before, after: trained}}
jobs: 2
"""


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mathdata", "run", "recipe.yaml", "--out", "run", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str], dict[str, Any]]:
    """(folder, the run, report.json) of five arms: one cannot work, one is asked with a prompt of its own."""
    folder = tmp_path_factory.mktemp("ends")
    rows = [
        {"problem": f"What is {n} plus nine?", "solution": f"{n} + 9 = {n + 9}", "answer": str(n + 9)} for n in range(5)
    ]
    (folder / "few.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (folder / "recipe.yaml").write_text(RECIPE)
    done = run(folder)
    return folder, done, json.loads((folder / "run" / "report.json").read_text())


@pytest.mark.slow
def test_an_arm_that_cannot_work_takes_no_other_with_it(ended: Any) -> None:
    folder, done, report = ended
    assert done.returncode == 1
    assert "error: arm 'refused': " in done.stderr
    assert "what finished is in run/report.html, the same command tries the rest again" in done.stderr
    assert "the other arms go on" in done.stderr
    assert set(report["arms"]) == {"before", "trained", "otherwise", "grpo"}
    assert "not verified" in report["failed"]["refused"]["message"]
    assert "not finished: arm 'refused'" in done.stdout
    assert "Not finished: arm &#x27;refused&#x27;" in (folder / "run" / "report.html").read_text()
    assert not (folder / "run" / "manifest.json").exists(), "an unfinished run has no manifest"
    stamp = (folder / "run" / "models" / "trained" / "job.json").stat().st_mtime_ns
    again = run(folder, "arms.refused.preflight.allow=[unverified]", "--json")
    assert again.returncode == 0, again.stderr
    assert set(json.loads(again.stdout)["arms"]) == {"before", "trained", "otherwise", "refused", "grpo"}
    assert (folder / "run" / "models" / "trained" / "job.json").stat().st_mtime_ns == stamp, "trained once"
    assert (folder / "run" / "manifest.json").exists()


@pytest.mark.slow
def test_a_pair_that_cannot_be_compared_is_said_in_words_and_the_rest_goes_on(ended: Any) -> None:
    folder, done, report = ended
    assert "will not be compared: before -> otherwise on few: asked with different prompts" in done.stderr
    apart = {(d["before"], d["after"], d["benchmark"]) for d in report["not_compared"]}
    assert apart == {("before", "otherwise", "elementary"), ("before", "otherwise", "few")}
    assert "before → otherwise on few: not compared; they were not asked alike: prompt plain and alpaca" in done.stdout
    assert (
        "before → otherwise（few）：未比较；提问方式不同：prompt plain 与 alpaca"
        in (folder / "run" / "report.html").read_text()
    )
    assert [(c["before"], c["after"]) for c in report["comparisons"]] == [("before", "trained"), ("before", "grpo")]


@pytest.mark.slow
def test_two_benchmarks_stand_beside_each_other_and_are_never_added_up(ended: Any) -> None:
    folder, done, report = ended
    assert report["difference"] is None
    assert [(d["benchmark"], d["n"]) for d in report["differences"]] == [("elementary", 12), ("few", 5)]
    for arm in report["arms"].values():
        assert [f["n"] for f in arm["benchmarks"].values()] == [12, 5]
        assert "accuracy" not in arm, "no figure of an arm over both"
    assert "elementary (n = 12)" in done.stdout
    assert "few (n = 5)" in done.stdout
    assert "few: before -> trained: +0.0 points" in done.stdout
    text = (folder / "run" / "report.md").read_text()
    assert "### elementary" in text
    assert "| before | " in text
    assert "n = 17" not in text + (folder / "run" / "report.html").read_text()


@pytest.mark.slow
def test_a_reinforced_arm_in_which_nothing_had_an_advantage_is_warned_of(ended: Any) -> None:
    folder, done, report = ended
    curves = report["arms"]["grpo"]["curves"]
    assert [s for s, _ in curves["reward"]] == [1, 2]
    assert set(curves) == {"reward", "accuracy", "format", "zero_advantage", "length", "truncated"}
    assert all(curves.values()), "every curve has its points"
    assert "grpo, in 100.0% of the 4 groups all answers were right alike or wrong alike" in done.stdout
    page = (folder / "run" / "report.html").read_text()
    assert "4 组中有 100.0% 组的回答全对或全错" in page
    assert 'id="rewards"' in page


@pytest.mark.slow
def test_curves_begin_with_the_model_before_training(ended: Any) -> None:
    _, done, report = ended
    asked = report["arms"]["trained"]["evaluations"]
    assert [(x["step"], x["benchmark"]) for x in asked] == [(0, "few"), (2, "few"), (4, "few")]
    assert all(x["token_accuracy"] is not None for x in asked)
    assert "step 0: answers 0.0 %" in done.stderr
