"""The builtin corpus: same rows every time, illnesses as planted, no held-out operands but in the leaks."""

from __future__ import annotations

import time

import polars as pl
import pytest

from mathdata import families, registry
from mathdata.families import corpus
from mathdata.types import Frame


@pytest.fixture(scope="module")
def raw() -> Frame:
    return corpus.generate()


def planted(raw: Frame, word: str) -> Frame:
    return raw.filter(pl.col("planted") == word)


def with_twin(rows: Frame, raw: Frame) -> Frame:
    twins = raw.select("id", "problem", "answer", "origin").rename(lambda c: f"{c}_twin")
    return rows.join(twins, left_on="planted_twin", right_on="origin_twin", how="left")


def test_the_corpus_has_its_rows_and_is_made_in_five_seconds() -> None:
    started = time.process_time()
    made = corpus.generate(rows=20000)
    assert time.process_time() - started < 5
    assert made.height == 20000
    assert made["origin"].n_unique() == 20000


def test_the_same_seed_makes_the_same_rows_and_another_does_not() -> None:
    assert corpus.generate(rows=500, seed=1).equals(corpus.generate(rows=500, seed=1))
    assert not corpus.generate(rows=500, seed=1).equals(corpus.generate(rows=500, seed=2))


@pytest.mark.parametrize(("word", "share"), corpus.PLANTED.items())
def test_each_illness_has_its_share(raw: Frame, word: str, share: float) -> None:
    assert planted(raw, word).height == round(share * raw.height)


def test_one_row_stands_480_times(raw: Frame) -> None:
    assert raw.filter(pl.col("problem") == corpus.FAMOUS[1]).height == corpus.FAMOUS[2]


def test_exact_duplicates_have_the_content_of_their_twin_and_stand_after_it(raw: Frame) -> None:
    pairs = with_twin(planted(raw, "exact-duplicate"), raw)
    assert (pairs["id"] == pairs["id_twin"]).all()
    assert (pairs["origin"] > pairs["planted_twin"]).all()


def test_a_row_that_is_no_planted_duplicate_stands_once(raw: Frame) -> None:
    others = raw.filter(pl.col("planted").fill_null("") != "exact-duplicate")
    assert others["id"].n_unique() == others.height


def test_variants_are_read_as_their_twin_and_written_otherwise(raw: Frame) -> None:
    for row in with_twin(planted(raw, "variant"), raw).iter_rows(named=True):
        assert row["problem"] != row["problem_twin"]
        assert families.read(row["problem"]) == families.read(row["problem_twin"])
        assert row["answer"] == row["answer_twin"]


def test_only_planted_rows_have_wrong_answers(raw: Frame) -> None:
    for row in raw.iter_rows(named=True):
        value = families.solve_exact(row["problem"])
        assert value is not None
        right = families.agree(value, row["answer"]) in ("same", "rounded")
        assert right or row["planted"] in ("wrong-answer", "conflict")
        assert not (right and row["planted"] == "wrong-answer")


def test_conflicts_are_pairs_of_one_question_with_two_answers(raw: Frame) -> None:
    pairs = with_twin(planted(raw, "conflict"), raw)
    assert (pairs["problem"] == pairs["problem_twin"]).all()
    assert (pairs["answer"] != pairs["answer_twin"]).all()


def test_leaks_are_test_problems_and_nothing_else_has_held_out_operands(raw: Frame) -> None:
    tests = registry.find("benchmark", "elementary").make.load()
    known = {families.mask(p)[0] + str(families.mask(p)[1]) for p in tests["problem"]}
    for row in raw.iter_rows(named=True):
        found = families.read(row["problem"])
        assert found is not None
        key = families.mask(row["problem"])
        if row["planted"] == "leak":
            assert key[0] + str(key[1]) in known
            assert row["planted_twin"].removeprefix("elementary:") in set(tests["id"])
        else:
            assert families.split_of(found.family.numbers(found.params)) == "train"


def test_the_benchmark_and_the_validation_set_share_no_operands() -> None:
    sets = []
    for name in ("elementary", "elementary_validation"):
        rows = registry.find("benchmark", name).make.load()
        found = [families.read(p) for p in rows["problem"]]
        sets.append({tuple(sorted(r.family.numbers(r.params))) for r in found if r})
        assert rows["problem"].n_unique() == rows.height
        assert set(rows["language"]) == {"zh", "en"}
    assert not sets[0] & sets[1]
    assert len(sets[0]) > 150


def test_a_small_corpus_can_be_made_too() -> None:
    assert corpus.generate(rows=200).height == 200
