"""SQuAD by the official normalisation, on a fixture of our own in the official layout."""

from __future__ import annotations

import json
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
