"""How a benchmark is put to a model: the nearest word counts, arms are asked alike, and the record says who decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mathdata.asking import asked
from mathdata.benchmarks import get_benchmark, label
from mathdata.cli.evaluate import otherwise_taught
from mathdata.errors import MathdataError, RecipeError, UsageError
from mathdata.evaluation import evaluate
from mathdata.pipeline import plan
from mathdata.recipe import asked_of, asked_prompt, load_recipe
from mathdata.types import Completion

ROWS = [{"id": f"q{i}", "problem": f"What is {i} + 1?", "answer": str(i + 1)} for i in range(4)]


class Counter:
    """Answers every problem; keeps what it was asked."""

    name = "counter"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def generate(self, requests: Any) -> Any:
        self.asked += requests
        return [[Completion("####  1", tokens_out=3)] for _ in requests]


def recipe(evaluate: dict[str, Any], arms: dict[str, Any] | None = None, prompt: str = "alpaca") -> Any:
    config = {"hidden_size": 16, "num_attention_heads": 1, "num_key_value_heads": 1, "num_hidden_layers": 1}
    body = {
        "name": "mine", "input": "builtin:elementary",
        "arms": arms or {"before": {"train": False}, "after": {}},
        "train": {"model": {"config": config}, "tokenizer": {"train": {"vocab_size": 300}}, "prompt": prompt},
        "evaluate": evaluate,
    }  # fmt: skip
    return load_recipe(body)


@pytest.mark.parametrize(
    ("spec", "said", "prompt", "by"),
    [
        ("gsm8k", {}, "question_answer", "benchmark"),
        ("gsm8k", {"trained": "alpaca"}, "alpaca", "training"),
        ("gsm8k", {"trained": "alpaca", "prompt": "zero"}, "zero", "evaluation"),
        ("gsm8k?prompt=cot", {"trained": "alpaca", "prompt": "zero"}, "cot", "entry"),
        ({"gsm8k": {"prompt": "cot"}}, {"trained": "alpaca"}, "cot", "entry"),
        ("squad", {}, "squad", "benchmark"),
        ("squad", {"trained": "alpaca"}, "squad", "benchmark"),
        ("squad", {"prompt": "zero"}, "zero", "evaluation"),
        ({"squad": {"prompt": "plain"}}, {"trained": "alpaca"}, "plain", "entry"),
    ],
)
def test_the_nearest_word_decides_the_prompt(spec: Any, said: dict[str, Any], prompt: str, by: str) -> None:
    found = asked(get_benchmark(spec), **said)
    assert (found.prompt.name, found.prompt_by) == (prompt, by)


@pytest.mark.parametrize(
    ("spec", "said", "tokens", "by", "limit"),
    [
        ("squad", {}, 64, "benchmark", None),
        ("squad", {"max_tokens": 256, "limit": 7}, 256, "evaluation", 7),
        ("squad?max_tokens=32&limit=5", {"max_tokens": 256, "limit": 7}, 32, "entry", 5),
        ({"contest200": {"tolerance": 0.05, "limit": 9}}, {}, 512, "benchmark", 9),
    ],
)
def test_the_nearest_word_decides_the_limits(spec: Any, said: dict[str, Any], tokens: int, by: str, limit: Any) -> None:
    found = asked(get_benchmark(spec), **said)
    assert (found.max_tokens, found.max_tokens_by, found.limit) == (tokens, by, limit)


def test_an_entry_keeps_the_benchmarks_own_options() -> None:
    assert get_benchmark("contest200:0.05?limit=3").version.endswith("/0.05")
    assert get_benchmark({"contest200": {"tolerance": 0.05, "prompt": "plain"}}).version.endswith("/0.05")
    assert label("contest200:0.05?limit=3") == "contest200:0.05"
    assert label({"custom": {"file": "a.jsonl", "max_tokens": 3}}) == "a.jsonl"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("squad?max_tokens=none", "max_tokens = 'none'"),
        ({"squad": {"limit": 0}}, "limit = 0"),
        ({"squad": {"limit": True}}, "limit = True"),
        ({"squad": {"prompt": "alpca"}}, "no prompt named 'alpca'"),
        ({"squad": {"promt": "alpaca"}}, "unknown option 'promt'"),
    ],
)
def test_a_wrong_word_is_found_when_the_recipe_is_read(spec: Any, words: str) -> None:
    with pytest.raises(MathdataError, match=words):
        recipe({"benchmarks": [spec]})


def test_a_prompt_for_all_is_not_put_to_a_benchmark_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"prompt 'zero' is meant for all benchmarks, but squad has a prompt of its"
    ) as e:
        recipe({"benchmarks": ["gsm8k", "squad"], "prompt": "zero"})
    assert "{NAME: {prompt: zero}}" in e.value.hint
    with pytest.raises(UsageError, match="squad has a prompt of its own kind"):
        evaluate(Counter(), benchmarks=["gsm8k", "squad"], prompt="zero", out=tmp_path / "e")
    said = {"benchmarks": [{"gsm8k": {"prompt": "zero"}}, "squad"]}
    assert asked_prompt(recipe(said), "after", "squad").name == "squad"


def test_a_benchmark_is_named_once() -> None:
    with pytest.raises(RecipeError, match="contest200 is named twice"):
        recipe({"benchmarks": ["contest200", "contest200:0.05"]})


def test_arms_are_asked_alike_also_the_one_before_training() -> None:
    arms = {"before": {"train": False}, "one": {"train": {"prompt": "steps"}}, "two": {"train": {"prompt": "steps"}}}
    made = recipe({"benchmarks": ["math", "squad"]}, arms)
    assert {asked_prompt(made, arm, "math").name for arm in arms} == {"steps"}
    assert {asked_prompt(made, arm, "squad").name for arm in arms} == {"squad"}


def test_arms_taught_with_several_prompts_are_told_apart_unless_the_recipe_says_one() -> None:
    arms = {"before": {"train": False}, "plain": {}, "steps": {"train": {"prompt": "steps"}}}
    made = recipe({"benchmarks": ["math"]}, arms)
    assert [asked_prompt(made, arm, "math").name for arm in arms] == ["alpaca", "alpaca", "steps"]
    said = recipe({"benchmarks": ["math"], "prompt": "steps"}, arms)
    assert {asked_of(said, arm, "math").prompt_by for arm in arms} == {"evaluation"}


def test_a_plan_says_how_each_benchmark_is_asked(call: Any, tmp_path: Path) -> None:
    made = plan(recipe({"benchmarks": ["math", {"squad": {"limit": 20}}]}), tmp_path)
    assert made["evaluate"] == ["math", "squad"]
    assert made["asked"]["squad"]["after"] == {
        "prompt": "squad", "prompt_by": "benchmark", "max_tokens": 64, "max_tokens_by": "benchmark", "limit": 20,
        "own_prompt": True,
    }  # fmt: skip
    assert made["asked"]["math"]["before"]["prompt"] == "alpaca"
    said = call("run", "quickstart", "--plan")
    assert said.rc == 0, said.err
    assert "elementary: prompt plain (as in training), 64 tokens (as evaluate says), all problems" in said.out


def test_each_benchmark_of_one_evaluation_is_asked_in_its_own_way_and_the_record_says_why(tmp_path: Path) -> None:
    file = tmp_path / "sums.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    context = {"context": "The bridge is old.", "question": "How is it?", "answers": {"text": ["old"]}, "id": "b"}
    (tmp_path / "s.jsonl").write_text(json.dumps(context) + "\n")
    model = Counter()
    done = evaluate(
        model, benchmarks=[f"{file}?limit=2", f"squad:{tmp_path / 's.jsonl'}"], trained="alpaca", out=tmp_path / "e"
    )
    sums, squad = done.benchmarks["sums"], done.benchmarks["squad"]
    assert (sums["n"], sums["identity"]["prompt"], sums["identity"]["max_tokens"]) == (2, "alpaca", 1024)
    assert (squad["n"], squad["identity"]["prompt"], squad["identity"]["max_tokens"]) == (1, "squad", 64)
    assert sums["asked"]["prompt_by"] == "training"
    assert squad["asked"]["prompt_by"] == "benchmark"
    assert [r.text.endswith("### Response:") for r in model.asked] == [True, True, False]
    assert model.asked[-1].text.endswith("Answer (a few words of the text):")
    assert model.asked[-1].sampling.stop == ("\n",)


def test_a_model_trained_here_is_not_asked_otherwise_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps({"spec": {"prompt": "alpaca"}}))
    file = tmp_path / "sums.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in ROWS))

    def said(spec: str, **more: Any) -> list[str]:
        done = evaluate(Counter(), benchmarks=[spec], out=tmp_path / "e", **more)
        return otherwise_taught(str(tmp_path), done.benchmarks)

    assert "trained with 'alpaca': --prompt alpaca" in said(str(file))[0]
    assert said(str(file), prompt="alpaca") == said(str(file), prompt="zero") == []
    assert otherwise_taught("openai:x", {}) == []
