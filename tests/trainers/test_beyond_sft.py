"""Beyond supervised training, on the small embedded model: expert iteration raises accuracy, GRPO does not lower it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mathdata
from mathdata.comparison import compare
from mathdata.errors import MathdataError, MissingExtra, RecipeError
from mathdata.evaluation import evaluate
from mathdata.trainspec import ExpertIterationSpec, parse_spec
from trainers import train
from trainers.expert_iteration import distinct, pick, training_rows
from trainers.rewards import Rewards, of_all

SMALL = {
    "hidden_size": 96, "num_attention_heads": 3, "num_key_value_heads": 3, "num_hidden_layers": 2,
    "intermediate_size": 384, "initializer_range": 0.08, "max_position_embeddings": 256,
}  # fmt: skip
STEP = {"tokens_per_step": 1300, "betas": [0.9, 0.98], "weight_decay": 0.01, "max_length": 128, "seed": 0}


def test_a_right_answer_is_worth_one_and_what_cannot_be_judged_is_neutral(monkeypatch: pytest.MonkeyPatch) -> None:
    rewards = Rewards(generations=3)
    texts = ["1 + 1 = 2\n#### 2", "#### 3", "", "#### 5", [{"role": "assistant", "content": "so \\boxed{5}"}], "#### 5"]
    answers = ["2", "2", "2", "5", "5", "5"]
    logged: dict[str, float] = {}
    scores = rewards.accuracy(texts, answers, log_metric=logged.__setitem__)
    assert scores == [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert logged["accuracy"] == pytest.approx(4 / 6)
    assert rewards.figures == {
        "verdicts": {"correct": 4, "wrong": 1, "unparsed": 1}, "untold": 0, "groups": 2, "zero_advantage_groups": 1,
    }  # fmt: skip
    assert (logged["untold"], logged["unparsed"]) == (0, pytest.approx(1 / 6))
    assert rewards.format(["#### 2", "it is 2", "The answer is 2", "", "\\boxed{2}"]) == [1.0, 0.0, 1.0, 0.0, 1.0]
    assert rewards._neutral(0, [1.0, None, 0.0]) == [1.0, 0.5, 0.0]


def test_what_the_judge_cannot_tell_is_counted_and_no_wrong_answer() -> None:
    rewards = Rewards(generations=2)
    logged: dict[str, float] = {}
    unreadable = "9" * 5000
    assert rewards.accuracy(["#### 2"] * 4, ["2", "2", unreadable, unreadable], log_metric=logged.__setitem__) == [
        1,
        1,
        0,
        0,
    ]
    assert rewards.figures["untold"] == 2
    assert logged["untold"] == 0.5
    again = Rewards(generations=2)
    again.restore(rewards.figures)
    assert again.figures == rewards.figures == of_all(rewards.figures)


def test_answers_are_rewarded_up_to_the_stop_text() -> None:
    rewards = Rewards(generations=2, stop=("Question:",))
    said = ["1 + 1 = 2\n#### 2\nQuestion: 4 + 5?\n#### 9", "it is 2\nQuestion: 3 + 3?\n#### 2"]
    assert rewards.accuracy(said, ["2", "2"]) == [1.0, 1.0]
    assert rewards.format(said) == [1.0, 0.0]


@pytest.fixture
def talker(rows: Any, tiny: Any, tmp_path: Path) -> Path:
    """A model that has learnt to go on with a next question and a wrong answer."""
    frame = rows(4).with_columns(pl.col("solution") + "\nQuestion: What is 1 + 1?\n#### 9999")
    spec = tiny(prompt="zero", max_steps=150, learning_rate=1e-2, warmup=5, preflight={"allow": ["prompt"]})
    train(spec, frame, tmp_path / "talker")
    return tmp_path / "talker"


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", [{}, {"method": "lora", "lora": {"rank": 2, "targets": ["q_proj"]}}], ids=["full", "lora"]
)
def test_grpo_and_expert_iteration_stop_where_evaluation_stops(
    method: dict[str, Any], talker: Path, rows: Any, tiny: Any, tmp_path: Path
) -> None:
    common = {"model": str(talker), "tokenizer": {}, "prompt": "zero", "max_steps": 2, "learning_rate": 1e-6, **method}
    frame = rows(4)
    questions = tmp_path / "questions.jsonl"
    frame.select("problem", "solution", "answer").write_ndjson(questions)
    graded = evaluate(str(talker), benchmarks=[str(questions)], prompt="zero", max_tokens=90, out=tmp_path / "graded")
    said = pl.read_parquet(next((tmp_path / "graded").rglob("*.parquet")))["response"].to_list()
    assert next(iter(graded.benchmarks.values()))["accuracy"] == 1.0
    asked = {"generations": 2, "max_tokens": 90, "temperature": 0.05}
    record = train(tiny(**common, algorithm="grpo", grpo=asked), frame, tmp_path / "grpo")
    lines = [json.loads(x) for x in (tmp_path / "grpo" / "metrics.jsonl").read_text().splitlines()]
    assert record["rewards"]["verdicts"] == {"correct": 2 * 2 * 4}
    assert all(x["completions/stopped"] == 1.0 for x in lines)
    longest = max(len(text) for text in said)
    assert all(x["completions/max_length"] <= longest + len("Question:") for x in lines)
    assert record["zero_advantage"] == [[1, 1.0], [2, 1.0]]  # every group is right and says so
    rounds = {"rounds": 1, "samples": 2, "max_tokens": 90, "temperature": 0.05}
    train(tiny(**common, algorithm="expert_iteration", expert_iteration=rounds), frame, tmp_path / "rounds")
    lines = (tmp_path / "rounds" / "rounds" / "1" / "answers.jsonl").read_text().splitlines()
    made = [answer for line in lines for group in json.loads(line).values() for answer in group]
    assert {(text, finish, ok) for text, finish, ok in made} == {(text, "stop", True) for text in said}


def test_stop_texts_and_masked_cut_answers_are_not_taken_together(rows: Any, tiny: Any, tmp_path: Path) -> None:
    spec = tiny(algorithm="grpo", prompt="zero", trl={"mask_truncated_completions": True})
    with pytest.raises(RecipeError, match="would take for cut off"):
        train(spec, rows(8), tmp_path / "run")


def test_answers_with_the_same_steps_count_once() -> None:
    assert len(distinct(["2 + 3 = 5\n#### 5", "First 2 + 3 = 5.\n#### 5", "3 + 2 = 5\n5 * 1 = 5\n#### 5"])) == 2


def made(parent: str, text: str, rate: float) -> dict[str, Any]:
    return {"parents": [parent], "solution": text, "pass_rate": rate}


def test_hard_problems_keep_more_answers_than_easy_ones() -> None:
    rows = [made("easy", f"e{i}", 1.0) for i in range(4)] + [made("hard", f"h{i}", 0.25) for i in range(4)]
    kept = [r["parents"][0] for r in pick(rows, per_problem=4)]
    assert (kept.count("easy"), kept.count("hard")) == (1, 3)
    assert len(pick([made("a", "same", 0.1)] * 5, 4)) == 1


def test_nothing_solved_is_an_error_where_the_seed_is_not_kept(rows: Any) -> None:
    with pytest.raises(MathdataError, match="solved none"):
        training_rows(rows(4), [], ExpertIterationSpec(keep_seed=False))
    assert training_rows(rows(4), [], ExpertIterationSpec()).height == 4


def test_generation_by_vllm_where_it_is_not_installed_is_named(rows: Any, tiny: Any, tmp_path: Path) -> None:
    if find_spec("vllm") is not None:
        pytest.skip("vllm is installed here")
    for mode in ("colocate", "server"):
        with pytest.raises(MissingExtra, match=f"grpo.vllm: {mode} needs vllm"):
            train(tiny(algorithm="grpo", grpo={"vllm": mode}), rows(8), tmp_path / mode)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"tokens_per_step": 100}, "tokens_per_step: 100"),
        ({"batches": "packed"}, "batches: packed"),
        ({"loss": "all"}, "loss: all"),
        ({"spoil": 0.1}, "spoil: 0.1"),
    ],
)
def test_settings_for_given_solutions_are_refused_in_grpo(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(RecipeError, match=named):
        parse_spec({"model": "x", "algorithm": "grpo", **settings})


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame, str]:
    """A model that adds two numbers right about every other time, its training rows, its test file."""
    folder = tmp_path_factory.mktemp("checkpoint")
    corpus = mathdata.read("builtin:elementary")
    plain = corpus.filter(
        (pl.col("topic") == "small_add") & (pl.col("language") == "en") & pl.col("planted").is_null()
    ).unique("problem", maintain_order=True)
    worked = mathdata.keep(mathdata.augment(plain, method=["step_cot"], teacher="symbolic"))
    worked = worked.filter(pl.col("method") == "step_cot").with_columns(pl.lit("correct").alias("verdict"))
    test = folder / "additions.jsonl"
    worked[1200:1600].select("problem", "solution", "answer").write_ndjson(test)
    rows = mathdata.keep(mathdata.decontaminate(worked[:1200], against=[str(test)]))
    spec = {"model": {"config": SMALL}, "tokenizer": {"train": {"vocab_size": 512}}, **STEP, "max_steps": 215}
    asked = {"benchmarks": [str(test)], "max_tokens": 48}
    schedule = {"learning_rate": 2e-3, "scheduler": "constant_with_warmup", "warmup": 20}
    train(parse_spec(spec | schedule), rows, folder / "model", evaluate=asked)
    return folder / "model", rows, str(test)


def gain(checkpoint: tuple[Path, pl.DataFrame, str], out: Path, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """(paired difference to the checkpoint, record) of a further training."""
    model, rows, test = checkpoint
    spec = parse_spec({"model": str(model), **STEP, **settings})
    record = train(spec, rows, out, evaluate={"benchmarks": [test], "max_tokens": 48})
    return compare(model / "evaluation", out / "evaluation"), record


@pytest.mark.slow
def test_expert_iteration_raises_accuracy_by_the_models_own_judged_answers(checkpoint: Any, tmp_path: Path) -> None:
    rounds = {"rounds": 1, "samples": 4, "temperature": 0.8, "max_tokens": 48, "per_problem": 3, "keep_seed": False}
    found, record = gain(
        checkpoint, tmp_path / "run", algorithm="expert_iteration", learning_rate=1e-3, max_steps=80, warmup=10,
        expert_iteration=rounds,
    )  # fmt: skip
    assert 0.25 < found.accuracy_before < 0.75
    assert found.low > 0, found
    assert record["rounds"][0]["right"] >= record["rounds"][0]["distinct"] > 100
    manifest = json.loads((tmp_path / "run" / "rounds" / "1" / "manifest.json").read_text())
    assert manifest["figures"] == record["rounds"][0]
    kept = pl.read_parquet(tmp_path / "run" / "rounds" / "1" / "rows.parquet")
    assert set(kept["method"]) == {"expert_iteration"}  # its own judged answers and no given solution
    assert set(kept["verdict"]) == {"correct"}
    assert (tmp_path / "run" / "model.safetensors").is_file()


@pytest.mark.slow
def test_grpo_does_not_lower_accuracy_at_a_gentle_rate(checkpoint: Any, tmp_path: Path) -> None:
    found, record = gain(
        checkpoint, tmp_path / "run", algorithm="grpo", learning_rate=3e-5, max_steps=15, batch=8,
        tokens_per_step=None, grpo={"generations": 8, "max_tokens": 40},
    )  # fmt: skip
    assert found.high > 0, found
    assert found.points > -5, found
    assert sum(record["rewards"]["verdicts"].values()) == 15 * 8 * 8
    assert record["rewards"]["groups"] == 15 * 8
    assert len(record["reward"]) == 15
