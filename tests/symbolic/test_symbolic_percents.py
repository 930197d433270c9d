"""A percentage used as a bare number is right by chance only: it is never changed or hidden."""

import re

import pytest

from mathdata.symbolic.backward import masked_rows
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.tie import tie
from mathdata.symbolic.vary import _why, vary


def made(question, solution):
    """Numbers of the question over many variations, by place, and the numbers that backward questions hide."""
    graph = tie(question, solution)
    found = []
    for seed in range(30):
        try:
            found.append(re.findall(r"\d+(?:\.\d+)?", vary(graph, str(seed))["problem"]))
        except Unsupported:
            continue
    hidden = {question[slice(*row["mask"])] for row in masked_rows(graph, "1", [])}
    return [set(values) for values in zip(*found)], hidden


@pytest.mark.parametrize(
    ("question", "solution", "held"),
    [
        pytest.param(
            "A school has 60 pupils. 10% are away. How many pupils are there today?",
            "60/10 = <<60/10=6>>6 are away.\n60-6 = <<60-6=54>>54 are there.\n#### 54",
            "10",
            id="a divisor",
        ),
        pytest.param(
            "Eva earns $40 a day and pays 10% of it as tax. What does she have after 30 days?",
            "The tax is $40 / 10 = $<<40/10=4>>4.\nShe keeps 40-4 = $<<40-4=36>>36.\n"
            "In 30 days that is 36*30 = $<<36*30=1080>>1080.\n#### 1080",
            "10",
            id="a tax",
        ),
        pytest.param(
            "A laptop costs $3000 and its bag 10% of that. What do both cost?",
            "The bag costs 3000 * 1/10 = $<<3000*1/10=300>>300.\nBoth cost 3000+300 = $<<3000+300=3300>>3300.\n#### 3300",
            "10",
            id="a fraction",
        ),
        pytest.param(
            "学校有40名学生，其中10%请假。今天到校的学生有多少名？",
            "请假 40÷10=4 名。\n到校 40-4=36 名。\n#### 36",
            "10",
            id="Chinese",
        ),
        pytest.param(
            "A school has 60 pupils. 25% are away and 4 of those are ill. How many pupils are away?",
            "60/4 = <<60/4=15>>15 are away.\n#### 15",
            "4",
            id="a share that another number happens to spell",
        ),
        pytest.param(
            "0.1 of the 60 pupils are away and 10 parents come. How many people are there?",
            "60*10/100 = <<60*10/100=6>>6 are away.\n60-6+10 = <<60-6+10=64>>64 are there.\n#### 64",
            "10",
            id="a decimal told as a percentage",
        ),
        pytest.param(
            "A school has 100 pupils. 10% are away. How many pupils are there today?",
            "100/10 = <<100/10=10>>10 are away.\n100-10 = <<100-10=90>>90 are there.\n#### 90",
            "10",
            id="a divisor of a hundred",
        ),
        pytest.param(
            "A school has 100 pupils. 20% are away. How many pupils are there today?",
            "100-20 = <<100-20=80>>80 are there.\n#### 80",
            "100",
            id="the hundred that a percentage is subtracted from",
        ),
    ],
)
def test_a_bare_percentage_stays(question, solution, held):
    values, hidden = made(question, solution)
    assert held not in hidden
    at = re.findall(r"\d+(?:\.\d+)?", question).index(held)
    assert not values or values[at] == {held}


@pytest.mark.parametrize(
    "share",
    ["60*10/100 = <<60*10/100=6>>6", "60*10% = <<60*10*.01=6>>6", "60*.1 = <<60*.1=6>>6", "60*0.10 = <<60*0.10=6>>6"],
)
def test_a_percentage_used_as_hundredths_changes_and_is_hidden(share):
    values, hidden = made(
        "A school has 60 pupils. 10% are away. How many pupils are there today?",
        f"{share} are away.\n60-6 = <<60-6=54>>54 are there.\n#### 54",
    )
    assert "10" in hidden
    assert len(values[1]) > 1


def test_steps_may_divide_by_a_hundred_later():
    values, hidden = made(
        "A school has 60 pupils. 20% are away. How many pupils are there today?",
        "60*20 = <<60*20=1200>>1200.\n1200/100 = <<1200/100=12>>12 are away.\n60-12 = <<60-12=48>>48 are there.\n#### 48",
    )
    assert "20" in hidden
    assert len(values[1]) > 1


def test_minutes_are_no_percentage():
    """60 minutes, where the question has 60 %: two things, so neither is hidden."""
    _, hidden = made(
        "A trail is 5 miles long and 60% of it is uphill at 2 miles an hour. How many minutes does that take?",
        "5*.6 = <<5*.6=3>>3 miles are uphill.\n3/2 = <<3/2=1.5>>1.5 hours.\n1.5*60 = <<1.5*60=90>>90 minutes.\n#### 90",
    )
    assert "60" not in hidden


def test_a_reason_does_not_say_its_word_twice():
    assert _why({"one value stands for two things": 3, "cap": 1}) == ("one value stands for two things", "")
    assert _why({"sides differ": 3}) == ("one value stands for two things", "sides differ")
