"""Runs: the whole loop on a small corpus, resumed after kill -9 at several places, with the same bytes in the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

DATA_ONLY = """
name: small
seed: 7
input: builtin:elementary?rows=1500
stages:
  - dedup: {level: near}
  - decontaminate: {against: [elementary]}
  - sample: {n: 300, strategy: stratified, by: topic}
  - augment: {method: [step_cot], teacher: symbolic}
  - verify: {}
"""

TRAINED = (
    DATA_ONLY
    + """
arms:
  before: {train: false}
  raw: {stages: [{decontaminate: {against: [elementary]}}], preflight: {allow: [unverified]}}
  curated: {}
train:
  model: {config: {hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 2, num_hidden_layers: 1, intermediate_size: 64, max_position_embeddings: 512}}
  tokenizer: {train: {vocab_size: 300}}
  prompt: plain
  max_length: 512
  max_steps: 8
  batch: 4
  preflight: {allow: [evaluation-limit]}
evaluate: {benchmarks: [elementary], limit: 12, max_tokens: 16}
compare: {before: raw, after: curated}
jobs: 2
"""
)


def start(folder: Path, recipe: str, *args: str) -> subprocess.Popen[str]:
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-m", "mathdata", "run", "recipe.yaml", "--out", "run", "--json", *args]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(folder: Path, recipe: str, *args: str) -> dict[str, Any]:
    process = start(folder, recipe, *args)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    made: dict[str, Any] = json.loads(out)
    return made


def data_bytes(run: Path) -> dict[str, bytes]:
    names = [*run.glob("*.parquet"), *run.glob("models/*/*.safetensors"), *run.glob("evaluation/*/*.parquet")]
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(names)}


def kill_when(process: subprocess.Popen[str], seen: Callable[[], bool], patience: float = 120) -> None:
    """SIGKILL at the first sight of something on disk; a run that ends before is no test."""
    until = time.monotonic() + patience
    while not seen():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < until, "what was waited for never came"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()


def test_the_ledger_of_a_run_balances_and_the_manifest_is_there(tmp_path: Path) -> None:
    made = finish(tmp_path, DATA_ONLY)
    for entry in made["ledger"]:
        assert entry["rows_in"] + entry["created"] == entry["kept"] + sum(entry["rejected"].values())
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["outputs"]["curated.parquet"]["sha256"]
    kept = pl.read_parquet(tmp_path / "run" / "curated.parquet")
    gone = pl.read_parquet(tmp_path / "run" / "rejects.parquet")
    created = sum(e["created"] for e in made["ledger"])
    assert kept.height + gone.height == created
    assert gone["reject"].null_count() == 0
    assert gone["reject_why"].null_count() == 0


def test_a_second_run_repeats_nothing_and_gives_the_same_bytes(tmp_path: Path) -> None:
    finish(tmp_path, DATA_ONLY)
    before = data_bytes(tmp_path / "run")
    whole = {p: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file() and p.name != "lock"}
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "steps").rglob("*")}
    finish(tmp_path, DATA_ONLY)
    assert data_bytes(tmp_path / "run") == before
    assert {p: p.read_bytes() for p in whole} == whole, "report, card and manifest too"
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "steps").rglob("*")} == stamps
    finish(tmp_path, DATA_ONLY, "--fresh")
    assert data_bytes(tmp_path / "run") == before


def test_a_changed_option_redoes_only_what_it_touches(tmp_path: Path) -> None:
    finish(tmp_path, DATA_ONLY)
    first = {p.name for p in (tmp_path / "run" / "steps").iterdir()}
    finish(tmp_path, DATA_ONLY.replace("n: 300", "n: 200"))
    second = {p.name for p in (tmp_path / "run" / "steps").iterdir()}
    assert {n.split("-")[0] for n in second - first} == {"sample", "augment", "verify"}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an undisturbed run."""
    folder = tmp_path_factory.mktemp("calm")
    finish(folder, DATA_ONLY)
    return folder / "run"


@pytest.mark.parametrize("place", ["read", "dedup", "sample", "augment", "verify"])
def test_kill_in_a_stage_then_run_again_gives_the_bytes_of_an_undisturbed_run(
    calm: Path, tmp_path: Path, place: str
) -> None:
    killed = tmp_path
    kill_when(start(killed, DATA_ONLY), lambda: bool(list(killed.glob(f"run/steps/{place}-*"))))
    assert not (killed / "run" / "manifest.json").exists()
    finish(killed, DATA_ONLY)
    assert data_bytes(killed / "run") == data_bytes(calm)
    leftovers = [p.name for p in (killed / "run").rglob(".*") if p.is_file()]
    assert leftovers == []


@pytest.mark.slow
def test_kill_in_training_and_after_it_then_run_again_gives_the_same_weights(tmp_path: Path) -> None:
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    calm.mkdir()
    killed.mkdir()
    made = finish(calm, TRAINED)
    assert set(made["arms"]) == {"before", "raw", "curated"}
    for place in ("models/raw/job.input.json", "models/raw/job.json", "models/curated/job.json"):
        process = start(killed, TRAINED)
        kill_when(process, (killed / "run" / place).exists)
    done = killed / "run" / "models" / "raw" / "job.json"
    stamp = done.stat().st_mtime_ns
    again = finish(killed, TRAINED)
    assert done.stat().st_mtime_ns == stamp, "a finished arm was trained again"
    assert data_bytes(killed / "run") == data_bytes(calm / "run")
    assert again["arms"] == made["arms"]
    assert (killed / "run" / "report.html").exists()
    digests = {(p / "evaluation.json").read_text() for p in (killed / "run" / "evaluation").iterdir()}
    named = {json.loads(d)["model"]: json.loads(d)["digest"] for d in digests}
    assert set(named) == {"before", "raw", "curated"}
    assert len(set(named.values())) == 3, "each arm has an identity of its own"
    notes = json.loads((killed / "run" / "report.json").read_text())["warnings"]
    cut = [n for n in notes if "end at the limit of 16 tokens" in n["en"]]
    assert (
        [n["en"].partition(",")[0] for n in cut]
        == [n["zh"].partition("，")[0] for n in cut]
        == ["before", "raw", "curated"]
    )


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    first = start(tmp_path, DATA_ONLY)
    while not (tmp_path / "run" / "recipe.json").exists():
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)  # or it may be done before the second has begun
    second = start(tmp_path, DATA_ONLY)
    _, err = second.communicate(timeout=60)
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=120)
    assert second.returncode == 1
    assert "in use by process" in err
    assert first.returncode == 0


def test_a_folder_with_other_files_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("mine")
    process = start(tmp_path, DATA_ONLY)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "not empty" in err
    assert (tmp_path / "run" / "thesis.tex").read_text() == "mine"
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["thesis.tex"], "no lock is left in it"


PLAIN = """
name: plain
input: builtin:elementary?rows=200
stages:
  - dedup: {level: normal}
"""


def test_a_finished_run_with_other_values_is_replaced_aloud(tmp_path: Path, call: Callable[..., Any]) -> None:
    (tmp_path / "r.yaml").write_text(PLAIN, encoding="utf-8")
    assert "replaced" not in call("run", "r.yaml").err
    digest = json.loads((tmp_path / "runs" / "plain" / "manifest.json").read_text())["digest"]
    assert "replaced" not in call("run", "r.yaml").err, "the same values: nothing is lost"
    said = call("run", "r.yaml", "seed=3").err
    assert f"runs/plain held a finished run with other values (digest {digest[:10]})" in said
    assert "--out keeps both" in said


def test_a_run_says_what_a_stage_lacked_as_the_command_does(tmp_path: Path, call: Callable[..., Any]) -> None:
    lacking = "  - sample: {quota: {add: 60, no_such_topic: 5}}\n  - verify: {where: {language: [xx]}}\n"
    (tmp_path / "r.yaml").write_text(PLAIN + lacking, encoding="utf-8")
    done = call("run", "r.yaml")
    quota, nobody = "quota: no_such_topic has no rows", "where: no row has language = xx, so none was worked on"
    assert f"  {quota}\n" in done.err
    assert f"  {nobody}\n" in done.err
    again = json.loads(call("run", "r.yaml", "--json").out)
    assert f"curated, sample: {quota}" in again["notes"], "also where the step was found finished"
    report = tmp_path / "runs" / "plain"
    for name in ("report.md", "report.html"):
        assert f"curated, verify: {nobody}" in (report / name).read_text(encoding="utf-8")
    command = call("sample", "builtin:elementary?rows=200", "-o", "o.parquet", "--quota", "add=60,no_such_topic=5")
    assert f"  {quota}\n" in command.err


def test_interrupting_a_run_says_how_to_go_on(tmp_path: Path) -> None:
    process = start(tmp_path, DATA_ONLY)
    while not (tmp_path / "run" / "recipe.json").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in err
    finish(tmp_path, DATA_ONLY)


def test_a_corpus_too_heavy_for_memory_is_streamed_and_gives_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yaml

    from mathdata import loading, run
    from mathdata.engines import _parts

    recipe = yaml.safe_load(DATA_ONLY)
    pl.DataFrame({"problem": [f"What is {n} + {n % 7}?" for n in range(300)]}).write_ndjson(tmp_path / "more.jsonl")
    read = ["builtin:elementary?rows=1500", {"path": str(tmp_path / "more.jsonl"), "license": "CC0-1.0"}]
    run(recipe | {"input": read}, out=tmp_path / "whole")
    monkeypatch.setattr(loading, "AT_MOST", 10_000)
    monkeypatch.setattr(_parts, "PIECE_ROWS", 400)
    run(recipe | {"input": read}, out=tmp_path / "streamed")
    for name in ("curated", "rejects"):
        whole, streamed = (pl.read_parquet(tmp_path / f / f"{name}.parquet") for f in ("whole", "streamed"))
        assert streamed.select(whole.columns).sort("id", "origin").equals(whole.sort("id", "origin"))
    assert set(whole.filter(pl.col("origin").str.starts_with("more.jsonl"))["license"]) == {"CC0-1.0"}


@pytest.mark.slow
def test_a_recipe_on_a_ray_cluster_gives_the_bytes_of_this_process(tmp_path: Path) -> None:
    for engine in ("local", "{ray: {workers: 2}}"):
        folder = tmp_path / ("ray" if "ray" in engine else "local")
        folder.mkdir()
        finish(folder, DATA_ONLY + f"engine: {engine}\n")
    assert data_bytes(tmp_path / "ray" / "run") == data_bytes(tmp_path / "local" / "run")
