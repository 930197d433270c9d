"""The truth table: every stated case, both directions; and its size, so that it cannot shrink unseen."""

from pathlib import Path

import pytest

from mathdata.verifiers import judge, same

CASES = Path(__file__).parent / "cases"


def lines(name):
    for number, line in enumerate((CASES / name).read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            yield number, line.split("\t")


def values():
    for path in sorted(CASES.glob("*.tsv")):
        if path.name == "responses.tsv":
            continue
        for number, (gold, right, wrong) in lines(path.name):
            yield path.stem, number, gold, right.split(" ¦ "), wrong.split(" ¦ ")


TABLE = list(values())
RESPONSES = [(n, *row) for n, row in lines("responses.tsv")]


@pytest.mark.parametrize(("name", "number", "gold", "right", "wrong"), TABLE, ids=lambda x: str(x)[:30])
def test_a_gold_is_met_by_its_spellings_and_by_nothing_else(name, number, gold, right, wrong):
    refused = [r for r in right if judge(gold, r).status != "correct"]
    accepted = [w for w in wrong if judge(gold, w).status == "correct"]
    assert (refused, accepted) == ([], []), f"{name}.tsv line {number}: {gold}"


@pytest.mark.parametrize(("number", "gold", "response", "status"), RESPONSES)
def test_a_response_gets_its_verdict(number, gold, response, status):
    verdict = judge(gold, response.replace("⏎", "\n"))
    assert verdict.status == status, f"line {number}: {verdict}"


def test_what_two_answers_share_does_not_depend_on_their_order():
    for _, _, gold, right, wrong in TABLE:
        for other in [*right, *wrong]:
            assert same(gold, other).status == same(other, gold).status, (gold, other)


def test_the_table_holds_a_thousand_cases():
    assert sum(len(r) + len(w) for *_, r, w in TABLE) + len(RESPONSES) >= 1000
