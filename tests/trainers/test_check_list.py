"""The printed check-list: every part of a training ok or not ok, with what was seen; exit code 1 where one is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mathdata.cli.app import main
from tests.trainers.conftest import TINY, sums

PARTS = ["data", "tokenizer", "pad", "collator", "labels", "preflight", "steps", "evaluation", "metrics", "W&B"]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """`check(epochs=2)`: the exit code and the lines by part, of a recipe with these values under `train`."""

    def call(rows: Any = None, **changes: Any) -> tuple[int, dict[str, Any]]:
        (sums(40) if rows is None else rows).write_ndjson(tmp_path / "rows.jsonl")
        asked = [
            {"problem": f"What is {i + 1000} + {i}?", "answer": f"{2 * i + 1000}", "solution": f"#### {2 * i + 1000}"}
            for i in range(250)
        ]
        (tmp_path / "asked.jsonl").write_text("".join(json.dumps(q) + "\n" for q in asked))
        train = {
            "model": {"config": TINY}, "tokenizer": {"train": {"vocab_size": 300}}, "epochs": 2, "batch": 4, "accumulation": 2,
            "learning_rate": 1e-3, "warmup": 0.1, "max_length": 128, "pad_to_multiple_of": 8,
            "evaluation": {"data": str(tmp_path / "asked.jsonl"), "times": 5, "max_tokens": 128},
        }  # fmt: skip
        body = {
            "name": "mine",
            "input": str(tmp_path / "rows.jsonl"),
            "arms": {"curated": {}},
            "train": train | changes,
        }
        (tmp_path / "mine.yaml").write_text(json.dumps(body))
        code = 0
        try:
            main(["train", str(tmp_path / "mine.yaml"), "--check", "--json"])
        except SystemExit as stop:
            code = int(stop.code or 0)
        made = json.loads(capsys.readouterr().out)
        assert made["ok"] == (code == 0)
        assert [x["name"] for x in made["lines"]] == PARTS
        return code, {x["name"]: x for x in made["lines"]}

    return call


def test_a_sound_training_is_ok_in_every_part_and_says_what_was_seen(check: Any, tmp_path: Path) -> None:
    code, lines = check()
    assert code == 0, [x for x in lines.values() if not x["ok"]]
    seen = {name: x["seen"] for name, x in lines.items()}
    assert seen["data"] == f"40 rows of {tmp_path / 'rows.jsonl'}: problem in 40, solution in 40, answer in 40"
    assert seen["pad"].endswith("right side, not an end token")
    assert "width a multiple of 8" in seen["collator"]
    assert "learns" in seen["labels"]
    assert "#### " in seen["labels"]
    assert seen["steps"] == "10 steps of 8 rows, 2 batches, warm-up 1, asked at 5 of them"
    assert seen["evaluation"] == "on the way 250 of asked, all there are"  # the whole of it, where no limit is chosen
    assert (
        "answer_accuracy, format_accuracy, token_accuracy; best by answer_accuracy, greater is better"
        in seen["metrics"]
    )
    assert seen["W&B"] == "off: report_to is empty, nothing leaves this machine"


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"rows": sums(40, verdict=None)}, "preflight", "40 of 40 rows are not verified"),
    ({"rows": sums(40).with_columns(solution=None, answer=None)}, "data", "problem in 40"),
    ({"max_length": 8}, "preflight", "longer than max_length 8"),
    ({"tokenizer": {"name": "no/such/folder"}}, "tokenizer", "no/such/folder"),
    ({"evaluation": {"data": "nothing"}}, "evaluation", "no benchmark named 'nothing'"),
    ({"report_to": ["trackio"]}, "W&B", "trackio is not installed"),
]


@pytest.mark.parametrize(("changes", "part", "seen"), WRONG, ids=lambda v: v if isinstance(v, str) else None)
def test_what_is_wrong_is_named_in_its_part_and_ends_with_one(
    changes: dict[str, Any], part: str, seen: str, check: Any
) -> None:
    code, lines = check(**changes)
    assert code == 1
    assert not lines[part]["ok"]
    assert seen in lines[part]["seen"]


def test_the_best_by_a_figure_that_cannot_be_had_is_not_ok(check: Any, tmp_path: Path) -> None:
    (tmp_path / "bare.jsonl").write_text('{"problem": "1 + 1?", "answer": "2"}\n')
    code, lines = check(evaluation={"data": str(tmp_path / "bare.jsonl"), "best": "token_accuracy"})
    assert (code, lines["metrics"]["ok"]) == (1, False)
    assert "no solutions, so no token accuracy" in lines["metrics"]["seen"]


@pytest.mark.parametrize("words", [["--check"], ["--look", "1"]])
def test_no_hub_is_needed_where_the_tokenizer_is_a_folder(
    words: list[str], tmp_path: Path, cli: Any, tiny: Any
) -> None:
    from trainers.tokens import load_tokenizer

    load_tokenizer(tiny(), ["1 + 1"]).save_pretrained(tmp_path / "words")
    sums(20).write_ndjson(tmp_path / "rows.jsonl")
    train = {"model": "nobody/unknown-model", "tokenizer": {"name": str(tmp_path / "words")}, "learning_rate": 1e-3}
    (tmp_path / "mine.yaml").write_text(
        json.dumps({"name": "mine", "input": "rows.jsonl", "arms": {"a": {}}, "train": train})
    )
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    done = cli("train", "mine.yaml", *words, env=offline)
    assert done.rc == 0, done.out + done.err
    assert ("ok      collator" if words == ["--check"] else "learnt") in done.out
