"""The commands around training: plan, look, refuse, merge, chat; in this process, as torch takes seconds to import."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mathdata.cli.app import main
from tests.trainers.conftest import TINY
from trainers import train


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: Any) -> tuple[int, str, str]:
        code = 0
        try:
            main([str(w) for w in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


@pytest.fixture
def recipe(tmp_path: Path, rows: Any) -> Path:
    """A recipe over ready rows, with one trained arm."""
    rows(60).write_ndjson(tmp_path / "rows.jsonl")
    body = {
        "name": "mine",
        "input": str(tmp_path / "rows.jsonl"),
        "stages": [{"sample": {"n": 40}}],
        "arms": {"before": {"train": False}, "curated": {}},
        "train": {
            "model": {"config": TINY}, "tokenizer": {"train": {"vocab_size": 300}}, "epochs": 2, "batch": 4,
            "learning_rate": 1e-3, "warmup": 0.1, "max_length": 128,
        },
    }  # fmt: skip
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(body))
    return path


def test_the_plan_is_one_object_with_the_contracted_keys(run: Any, recipe: Path) -> None:
    code, out, _ = run("train", recipe, "--plan", "--json")
    plan = json.loads(out)
    assert code == 0
    assert {"trainable", "total", "share", "steps", "warmup_steps", "tokens_per_step", "memory"} <= set(plan)
    assert (plan["steps"], plan["warmup_steps"], plan["rows"]) == (20, 2, 40)


def test_the_plan_says_whether_it_fits_the_card_and_takes_overrides(run: Any, recipe: Path) -> None:
    code, out, _ = run("train", recipe, "--plan", "--gpu", "RTX3090", "train.batch=8")
    assert code == 0
    assert "RTX3090 (23.6 GiB)  fits" in out
    assert "steps         10" in out
    code, _, err = run("train", recipe, "--plan", "train.bach=8")
    assert code == 2
    assert "did you mean 'batch'?" in err


def test_look_shows_rows_and_findings(run: Any, recipe: Path) -> None:
    code, out, _ = run("train", recipe, "--look", "2")
    assert code == 0
    assert out.count("tokens, ") == 2
    assert "[=]" in out or "[ =]" in out
    assert "preflight: nothing found" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arm", "curate"], "trains no arm 'curate'"),
        (["--overlong", "shrink"], "shrink"),
        (["train=null"], "has no 'train' section"),
    ],
)
def test_a_wrong_request_ends_with_two(words: list[str], message: str, run: Any, recipe: Path) -> None:
    code, _, err = run("train", recipe, *words, "--plan")
    assert code == 2
    assert message in err


def test_merge_and_chat_find_the_model_of_a_run_and_its_prompt(
    run: Any, rows: Any, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lora = {"method": "lora", "lora": {"rank": 2, "targets": ["q_proj"]}}
    train(tiny(**lora, prompt="question_answer", max_steps=2), rows(20), tmp_path / "run" / "models" / "curated")
    code, out, _ = run("merge", tmp_path / "run", "-o", tmp_path / "merged", "--json")
    assert code == 0
    assert json.loads(out)["out"] == str(tmp_path / "merged")
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= {p.name for p in (tmp_path / "merged").iterdir()}
    code, _, err = run("merge", tmp_path / "run", "-o", tmp_path / "merged")
    assert (code, "not empty" in err) == (2, True)
    monkeypatch.setattr("sys.stdin", io.StringIO("What is 12 + 30?\nWhat is 1 + 1?\n\n"))
    code, out, err = run("chat", tmp_path / "run", "--max-tokens", "5", "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [a["problem"] for a in answers] == ["What is 12 + 30?", "What is 1 + 1?"]
    assert "no train.json" not in err


def test_merging_what_is_no_run_is_a_usage_error(run: Any, tmp_path: Path) -> None:
    code, _, err = run("merge", tmp_path, "-o", tmp_path / "x")
    assert code == 2
    assert "holds no finished model" in err


@pytest.mark.slow
def test_train_runs_the_stages_trains_and_does_not_repeat_what_is_finished(
    cli: Callable[..., Any], recipe: Path, tmp_path: Path
) -> None:
    first = cli("train", recipe, "--json", "-o", "out")
    assert first.rc == 0, first.err
    assert first.json["steps"] == 20
    assert first.json["arm"] == "curated"
    model = tmp_path / "out" / "models" / "curated"
    stamp = (model / "model.safetensors").stat().st_mtime_ns
    again = cli("train", recipe, "--json", "-o", "out")
    assert again.rc == 0
    assert "is finished" in again.err
    assert (model / "model.safetensors").stat().st_mtime_ns == stamp
    assert again.json["steps"] == 20
