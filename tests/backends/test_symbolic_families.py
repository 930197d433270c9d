"""The symbolic teacher on the elementary families: what it makes is proved, what it cannot prove it says."""

from __future__ import annotations

from typing import Any

import pytest

from mathdata import families, registry
from mathdata.families import CONTEST, LANGUAGES, SMALL, corpus
from mathdata.seeds import seed_for
from mathdata.types import Problem, Request, Row


def made(method: str | dict[str, Any], problem: Problem, samples: int = 1) -> list[Row]:
    """What one method makes of one problem with the symbolic teacher."""
    augmentation, teacher = registry.build("augmentation", method), registry.build("backend", "symbolic")
    rows: list[Row] = []
    for sample in range(samples):
        for request in augmentation.requests(problem, seed_for(42, problem.id, augmentation.name, sample)):
            [[completion]] = teacher.generate([request])
            rows += augmentation.rows(problem, request, completion)
    return rows


def asked(text: str, answer: str | None = None, solution: str | None = None) -> Problem:
    return Problem("0123456789abcdef", text, solution, answer)


TOLD = [
    ("answer", "1 + 1 = <<1+1=2>>2\n#### 2", "does not write answer: it writes fobar"),
    ("new_question", None, "does not write new_question"),
    ("rephrase", None, "the row has no worked solution that could be replayed"),
    ("rephrase", "It is two.", "its solution has no final line '#### ANSWER' to replay"),
]


@pytest.mark.parametrize(("method", "solution", "words"), TOLD)
def test_what_is_not_written_is_told_apart_from_what_cannot_be_replayed(
    method: str, solution: str | None, words: str
) -> None:
    problem = asked("A crow and another crow sit on a wire. Who sings?", "2", solution)
    request = Request(method, problem)
    [[completion]] = registry.build("backend", "symbolic").generate([request])
    assert completion.finish == "unsupported"
    assert words in completion.reason


@pytest.mark.parametrize("name", [*SMALL, *CONTEST])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_family_can_be_worked_reworded_and_varied(name: str, language: str) -> None:
    import random

    family, rng = families.get(name), random.Random(5)
    params = families.draw(family, rng) | family.choose_words(rng, language)
    problem = asked(families.wording(family, params, language), family.bare(params, language)[1])
    [worked] = made("step_cot", problem)
    reworded = made("rephrase", problem, samples=2)
    varied = made("vary_numbers", problem, samples=3)
    assert worked["problem"] == problem.problem
    assert len({problem.problem, *(r["problem"] for r in reworded)}) == 3
    for row in [worked, *reworded, *varied]:
        assert "reject" not in row
        value = families.solve_exact(row["problem"])
        assert value is not None
        assert families.agree(value, row["answer"]) in ("same", "rounded")
        assert families.claim(row["solution"]) == row["answer"]
    for row in varied:
        found = families.read(row["problem"])
        assert found is not None
        assert families.split_of(found.family.numbers(found.params)) == "train"
        assert (found.family.name, found.language, found.wording) == (name, language, 0)


def test_a_row_whose_answer_is_not_the_value_is_rejected_with_both_numbers() -> None:
    for method in ("step_cot", "rephrase"):
        [row] = made(method, asked("What is 34 + 57?", "92"))
        assert row["reject"] == "wrong-answer"
        assert "92" in row["reject_why"]
        assert "91" in row["reject_why"]


def test_the_answer_is_taken_from_the_solution_where_there_is_no_other() -> None:
    [row] = made("step_cot", asked("解方程 4x + 2 = 0", solution="方程的解为：-0.6"))
    assert row["reject"] == "wrong-answer"
    [row] = made("step_cot", asked("解方程 4x + 2 = 0", solution="方程的解为：-0.5"))
    assert (row.get("reject"), row["answer"]) == (None, "-0.5")


def test_rounding_comes_after_the_proof_and_keeps_the_exact_value() -> None:
    rounding = {"step_cot": {"round": {"equation": 1}}}
    [row] = made(rounding, asked("解方程 -39x + 20 = 0", "0.5128205128205128"))
    assert (row["answer"], row["exact"]) == ("0.5", "20/39")
    assert "≈ 0.5" in row["solution"]
    [row] = made(rounding, asked("解方程 -39x + 20 = 0", "0.5200000000000000"))
    assert row["reject"] == "wrong-answer"
    [row] = made(rounding, asked("计算 3 + 0.25 等于多少？", "3.25"))
    assert (row["answer"], row["exact"]) == ("3.25", None)


def test_a_trusted_answer_ends_the_steps_unproved() -> None:
    [row] = made({"step_cot": {"trust": True}}, asked("What is 34 + 57?", "92"))
    assert "reject" not in row
    assert row["solution"] == "34+57\n4+7=11\n3+5+1=9\n#### 92"


def test_more_wordings_than_there_are_is_unsupported_with_the_number() -> None:
    rows = made("rephrase", asked("What is 34 + 57?", "91"), samples=3)
    assert rows[2]["reject"] == "unsupported"
    assert "2 other wordings" in rows[2]["reject_why"]


def test_what_no_family_reads_is_unsupported_with_a_reason() -> None:
    [row] = made("step_cot", asked("How many angels dance on a pin?", "7"))
    assert row["reject"] == "unsupported"
    assert row["reject_why"]


def test_the_same_seed_gives_the_same_numbers_and_another_row_others() -> None:
    first = made("vary_numbers", asked("What is 34 + 57?"), samples=4)
    assert first == made("vary_numbers", asked("What is 34 + 57?"), samples=4)
    assert len({r["problem"] for r in first}) == 4


def test_every_planted_wrong_answer_is_contradicted_and_no_sound_row() -> None:
    raw = corpus.generate(rows=2000)
    for row in raw.iter_rows(named=True):
        [child] = made("step_cot", Problem.from_row(row))
        if row["planted"] == "wrong-answer":
            assert child["reject"] == "wrong-answer"
        elif row["planted"] != "conflict":
            assert "reject" not in child
