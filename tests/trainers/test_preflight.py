"""What cannot work is refused before the first step, with the number of rows and one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from mathdata.errors import PreflightError
from mathdata.schema import conform
from mathdata.trainspec import parse_spec
from trainers.data import corpus_texts, encode
from trainers.look import look
from trainers.preflight import preflight
from trainers.tokens import load_tokenizer


def check(frame: pl.DataFrame, spec: Any, spoil: Any = None, **more: Any) -> Any:
    """Preflight over real tokenised rows; `spoil` plants a fault in rows or tokenizer."""
    tokenizer = load_tokenizer(spec, corpus_texts(frame, spec))
    examples = encode(frame, spec, tokenizer)
    if spoil:
        examples = spoil(examples, tokenizer)
    return preflight(frame, examples, spec, tokenizer, **more)


def words(found: Any) -> list[tuple[str, int]]:
    return [(f.check, f.rows) for f in found.refused]


def test_clean_rows_pass(rows: Any, tiny: Any) -> None:
    found = check(rows(12), tiny())
    assert found.findings == ()
    assert len(found.examples) == 12
    found.raise_if_refused()


def test_no_rows_is_refused(rows: Any, tiny: Any) -> None:
    with pytest.raises(PreflightError, match="holds no rows"):
        check(rows(3).clear(), tiny()).raise_if_refused()


def test_rows_without_end_of_sequence_among_the_labels_are_counted(rows: Any, tiny: Any) -> None:
    def cut(examples: Any, tokenizer: Any) -> Any:
        short = [replace(e, input_ids=e.input_ids[:-1], labels=e.labels[:-1]) for e in examples[:5]]
        return short + examples[5:]

    found = check(rows(12), tiny(), cut)
    assert words(found) == [("no-eos", 5)]
    with pytest.raises(PreflightError, match="end-of-sequence is not among the labels of 5 rows"):
        found.raise_if_refused()


def test_padding_that_is_the_end_of_sequence_is_refused(rows: Any, tiny: Any) -> None:
    def same(examples: Any, tokenizer: Any) -> Any:
        tokenizer.pad_token = tokenizer.eos_token
        return examples

    assert words(check(rows(4), tiny(), same)) == [("pad-is-eos", 4)]


def test_rows_whose_labels_are_all_masked_are_counted(rows: Any, tiny: Any) -> None:
    def mask(examples: Any, tokenizer: Any) -> Any:
        return [replace(e, labels=(-100,) * len(e)) for e in examples[:3]] + examples[3:]

    assert ("masked", 3) in words(check(rows(6), tiny(), mask))


def test_rows_without_a_response_are_counted(tiny: Any) -> None:
    frame = conform(
        pl.DataFrame(
            {"problem": ["a", "b"], "solution": [None, "x"], "answer": [None, "1"], "verdict": ["correct"] * 2},
            strict=False,
        )
    )
    assert words(check(frame, tiny())) == [("empty-response", 1)]


def test_answers_that_the_length_would_cut_off_are_refused_dropped_or_cut(rows: Any, tiny: Any) -> None:
    frame = rows(10).with_columns(
        pl.when(pl.int_range(10) < 2).then(pl.lit("x " * 300)).otherwise(pl.col("solution")).alias("solution")
    )
    refused = check(frame, tiny(max_length=128))
    assert words(refused) == [("overlong", 2)]
    assert "longest" in refused.refused[0].message
    dropped = check(frame, tiny(max_length=128, overlong="drop"))
    assert (words(dropped), len(dropped.examples), dropped.figures["dropped_overlong"]) == ([], 8, 2)
    cut = check(frame, tiny(max_length=128, overlong="cut"))
    assert (words(cut), len(cut.examples), max(map(len, cut.examples))) == ([], 10, 128)


def test_a_prompt_that_differs_between_training_and_evaluation_is_refused(rows: Any, tiny: Any) -> None:
    def found(spec: Any, **said: Any) -> list[Any]:
        return words(check(rows(4), spec, evaluate={"benchmarks": ["elementary"], **said}))

    assert found(tiny(prompt="plain"), prompt="alpaca") == [("prompt", 0)]
    assert found(tiny(prompt="plain"), benchmarks=["elementary?prompt=alpaca"]) == [("prompt", 0)]
    assert found(tiny(prompt="alpaca"), prompt="alpaca") == []
    assert found(tiny(prompt="alpaca"), prompt=None) == []


def test_unverified_rows_pass_only_by_name(rows: Any, tiny: Any) -> None:
    frame = pl.concat([rows(6), rows(3, verdict=None)])
    found = check(frame, tiny())
    assert words(found) == [("unverified", 3)]
    allowed = check(frame, tiny(preflight={"allow": ["unverified"]}))
    assert words(allowed) == []
    assert allowed.summary()["findings"][0]["allowed"] is True
    assert words(check(frame, tiny(), allow=["unverified"])) == []


def test_problems_of_the_benchmark_are_found_among_the_training_rows(rows: Any, tiny: Any) -> None:
    from mathdata.registry import find

    test_set = find("benchmark", "elementary").make.load()
    leaked = test_set.select("problem", "answer").head(7).with_columns(pl.lit("correct").alias("verdict"))
    frame = pl.concat([rows(20), conform(leaked)], how="diagonal_relaxed")
    found = check(frame, tiny(), evaluate={"benchmarks": ["elementary"]})
    assert [w for w, _ in words(found)] == ["benchmark-leak"]
    assert found.refused[0].rows >= 7


def test_a_learning_rate_outside_the_usual_range_is_a_warning(rows: Any, tiny: Any) -> None:
    found = check(rows(4), tiny(learning_rate=1.0), size={"parameters": 8_000_000_000})
    assert [f.check for f in found.findings] == ["learning-rate"]
    assert found.refused == []


def test_a_plan_that_does_not_fit_the_card_is_refused_and_can_be_allowed(rows: Any, tiny: Any) -> None:
    from trainers.plan import plan

    big = parse_spec({"model": "Qwen/Qwen2.5-7B", "parallel": {"gpu": "RTX3090"}})
    size = {"parameters": 7_615_616_512, "memory": plan(big)["memory"]}
    found = check(rows(4), tiny(learning_rate=1e-5), size=size)
    assert words(found) == [("memory", 0)]
    assert "which has 24" in found.refused[0].message
    assert words(check(rows(4), tiny(preflight={"allow": ["memory"]}, learning_rate=1e-5), size=size)) == []


def test_all_faults_are_told_at_once(rows: Any, tiny: Any) -> None:
    said = {"benchmarks": ["elementary"], "prompt": "alpaca"}
    with pytest.raises(PreflightError) as caught:
        check(rows(4, verdict="wrong"), tiny(), evaluate=said).raise_if_refused()
    assert "not verified" in caught.value.message
    assert "elementary is asked with 'alpaca'" in caught.value.message


def test_look_shows_learnt_tokens_and_findings_without_control_codes(tiny: Any) -> None:
    frame = conform(pl.DataFrame({"problem": ["a\x1b[31m?"], "solution": ["b\n#### 1"], "answer": ["1"]}))
    shown = look(frame, tiny(), 1, colour=False)
    assert "\x1b" not in shown["text"]
    assert "refused: 1 of 1 rows are not verified" in shown["text"]
    assert "[b]" in shown["text"]
    assert "\x1b[32m" in look(frame, tiny(), 1)["text"]


@pytest.mark.parametrize(("long", "refused"), [(4, False), (9, True)])
def test_long_rows_of_other_kinds_are_a_note_where_the_benchmarks_own_solutions_fit(
    long: int, refused: bool, rows: Any, tiny: Any
) -> None:
    frame = rows(12)
    texts = [s if i >= long else "word " * 130 + s for i, s in enumerate(frame["solution"])]
    frame = frame.with_columns(pl.Series("solution", texts))
    found = check(frame, tiny(max_length=512), evaluate={"benchmarks": ["elementary"], "max_tokens": 120})
    (limit,) = [f for f in found.findings if f.check == "evaluation-limit"]
    assert limit.rows == long
    assert limit.refuses is refused
