"""SQuAD by the official normalisation, on a fixture of our own in the official layout."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from mathdata.benchmarks import get_benchmark
from mathdata.benchmarks.squad import exact_match, f1
from mathdata.errors import DataError, UnknownName
from mathdata.evaluation import evaluate
from mathdata.types import Completion

NESTED = {
    "data": [
        {
            "title": "Bridges",
            "paragraphs": [
                {
                    "context": "The old bridge was built in 1872 by Ada Stone.",
                    "qas": [
                        {
                            "id": "b1",
                            "question": "Who built it?",
                            "answers": [{"text": "Ada Stone"}, {"text": "Stone"}],
                        },
                        {"id": "b2", "question": "When?", "answers": [{"text": "in 1872"}]},
                        {"id": "b3", "question": "What?", "answers": [{"text": "The old bridge"}]},
                    ],
                }
            ],
        }
    ]
}


class Reader:
    name = "reader"
    said: ClassVar = {"b1": "Stone.", "b2": "1872", "b3": "a bridge\nand more"}

    def generate(self, requests):
        return [[Completion(self.said[r.problem.id], tokens_out=2)] for r in requests]


@pytest.mark.parametrize(
    ("prediction", "golds", "exact", "score"),
    [
        ("The Eiffel Tower", ["eiffel tower"], True, 1.0),
        ("tower", ["the eiffel tower"], False, 2 / 3),
        ("red barn", ["house", "big red barn"], False, 0.8),
        ("", [], True, 1.0),
        ("x", [], False, 0.0),
        ("an apple, a day", ["apple day"], True, 1.0),
    ],
)
def test_normalisation_and_f1_are_those_of_the_official_script(prediction, golds, exact, score):
    assert exact_match(prediction, golds) is exact
    assert f1(prediction, golds) == pytest.approx(score)


@pytest.mark.parametrize("layout", ["json", "jsonl"])
def test_a_model_is_scored_on_both_layouts(tmp_path, layout):
    file = tmp_path / f"s.{layout}"
    if layout == "json":
        file.write_text(json.dumps(NESTED))
    else:
        paragraph = NESTED["data"][0]["paragraphs"][0]
        rows = [
            {**qa, "context": paragraph["context"], "answers": {"text": [a["text"] for a in qa["answers"]]}}
            for qa in paragraph["qas"]
        ]
        file.write_text("\n".join(json.dumps(r) for r in rows))
    figures = evaluate(Reader(), benchmarks=[{"squad": {"file": str(file)}}], out=tmp_path / "e").benchmarks["squad"]
    assert figures["n"] == 3
    assert figures["accuracy"] == pytest.approx(1 / 3)
    assert figures["score"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


OWN = Path(__file__).parent / "squad_20.json"
"""Twenty questions on texts of our own, in the official layout."""

CHANGES: tuple[Callable[[str], str], ...] = (
    str, str.upper, lambda a: f"The {a}.", lambda a: f"  {a}\nand more", lambda a: a.split()[-1],
    lambda a: f"It was {a}, I think", lambda a: "an owl", lambda a: a.replace(" ", "  ") + "!", lambda a: f"{a} {a}",
    lambda a: "",
)  # fmt: skip


def reference(prediction: str, golds: list[str]) -> tuple[float, float]:
    """(exact match, F1) written anew from the published definition: best of the golds, by precision and recall."""

    def tokens(text: str) -> list[str]:
        kept = "".join(c for c in text.lower() if c not in set(string.punctuation))
        return [w for w in re.split(r"\s+", kept) if w and w not in ("a", "an", "the")]

    best = (0.0, 0.0)
    for gold in golds:
        said, true = tokens(prediction), tokens(gold)
        rest, shared = list(true), 0
        for word in said:
            if word in rest:
                rest.remove(word)
                shared += 1
        precision, recall = shared / (len(said) or 1), shared / (len(true) or 1)
        harmonic = 2 * precision * recall / (precision + recall) if shared else 0.0
        best = max(best[0], float(said == true)), max(best[1], harmonic)
    return best


class Scripted:
    """Says what it was told by the question's id; keeps what it was asked."""

    name = "scripted"

    def __init__(self, said: dict[str, str]) -> None:
        self.said, self.asked = said, []

    def generate(self, requests):
        self.asked += requests
        return [[Completion(self.said[r.problem.id], tokens_out=4)] for r in requests]


@pytest.mark.parametrize("change", range(len(CHANGES)))
def test_f1_and_exact_match_agree_with_a_reference_computation(tmp_path, change):
    rows = get_benchmark(f"squad:{OWN}").load()
    assert rows.height == 20
    pairs = list(zip(rows["id"].to_list(), rows["answers"].to_list(), strict=True))
    said = {i: CHANGES[(change + k) % len(CHANGES)](golds[0]) for k, (i, golds) in enumerate(pairs)}
    model = Scripted(said)
    figures = evaluate(model, benchmarks=[f"squad:{OWN}"], trained="alpaca", out=tmp_path / "e").benchmarks["squad"]
    lines = {i: (said[i].strip().splitlines() or [""])[0].strip() for i, _ in pairs}
    wanted = [reference(lines[i], golds) for i, golds in pairs]
    assert figures["metrics"] == {"EM": figures["accuracy"], "F1": figures["score"]}
    assert figures["metrics"]["EM"] == pytest.approx(sum(e for e, _ in wanted) / 20)
    assert figures["metrics"]["F1"] == pytest.approx(sum(f for _, f in wanted) / 20)
    assert {r.sampling.max_tokens for r in model.asked} == {64}
    assert all(r.text.endswith("\nAnswer (a few words of the text):") for r in model.asked)
    assert not any("### Instruction" in r.text for r in model.asked)


def test_the_official_file_in_the_data_root_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("MATHDATA_DATA", str(tmp_path))
    assert get_benchmark("squad").source() == "hf://rajpurkar/squad?split=validation"
    (tmp_path / "squad").mkdir()
    (tmp_path / "squad" / "dev-v1.1.json").write_text(OWN.read_text())
    assert get_benchmark("squad").source() == str(tmp_path / "squad" / "dev-v1.1.json")
    assert get_benchmark("squad").load().height == 20


@pytest.mark.slow  # imports the hub's library in a process of its own
def test_neither_a_file_nor_a_hub_is_two_lines_before_any_work(tmp_path, cli):
    away = {"MATHDATA_DATA": str(tmp_path), "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    recipe = {"name": "r", "input": "builtin:elementary", "arms": {"before": {"train": False}},
              "train": {"model": {"config": {"hidden_size": 16}}}, "evaluate": {"benchmarks": ["squad"]}}  # fmt: skip
    (tmp_path / "r.yaml").write_text(json.dumps(recipe))
    for args, rc in ((["evaluate", "symbolic", "-b", "squad", "-o", "e"], 1), (["run", "r.yaml", "-o", "r"], 2)):
        done = cli(*args, env=away)
        assert done.rc == rc
        said = done.err.strip().splitlines()
        assert len(said) == 2, done.err
        assert "squad: hf://rajpurkar/squad from" in said[0]
        assert "squad:FILE, or squad/dev-v1.1.json in MATHDATA_DATA" in said[1]
    assert not (tmp_path / "r").exists()


def test_the_command_line_prints_f1_and_exact_match(tmp_path, call):
    answers = get_benchmark(f"squad:{OWN}").load()
    lines = [
        {"id": i, "response": a if k % 2 else "nothing"} for k, (i, a) in enumerate(answers["id", "answer"].rows())
    ]
    (tmp_path / "said.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    done = call("evaluate", "after", "--responses", "said.jsonl", "-b", f"squad:{OWN}", "-o", "e")
    assert done.rc == 0, done.err
    assert "EM 50.0 %, F1 50.0 %" in done.out


def test_a_file_that_is_not_squad_says_so(tmp_path):
    (tmp_path / "x.json").write_text('{"rows": []}')
    with pytest.raises(DataError, match="not SQuAD"):
        evaluate(Reader(), benchmarks=[{"squad": {"file": str(tmp_path / "x.json")}}], out=tmp_path / "e")


def test_what_stands_after_a_colon_is_the_benchmarks_first_option(tmp_path):
    assert get_benchmark("contest200:1e-8").version.endswith("/1e-08")
    (tmp_path / "s.json").write_text(json.dumps(NESTED))
    assert get_benchmark(f"squad:{tmp_path / 's.json'}").load().height == 3
    with pytest.raises(UnknownName, match="takes no options"):
        get_benchmark("gsm8k:x")
