"""Contradictions inside a row are found and named; what only looks like one is not."""

import pytest

from mathdata.symbolic.review import review


@pytest.mark.parametrize(
    ("question", "solution", "kind"),
    [
        ("Ann has 8 cats and 3 dogs.", "She has 8+3 = <<8+3=11>>11 pets.\n#### 13", "review-gold"),
        ("Ann has 8 cats and 3 dogs.", "She has 8+3 = 12 pets.\n#### 12", "false-step"),
        ("Ann has 8 cats.", "She has 8+47 = <<8+47=55>>55 pets.\n#### 55", "review-question"),
        ("Ann has 8 cats and 3 dogs.", "She has 8+3 = <<8+3=11>>11 pets.\n#### 11", None),
        ("Ann pays 70 cents and 20 cents.", "That is .7+.2 = $<<.7+.2=.9>>.9.\n#### 90", None),
        ("Ann splits 10 pies among 4.", "Each gets 10/4 = <<10/4=2.5>>2.5, so about 2.\n#### 2", None),
        ("Ann has 60% of 50.", "60% * 50% = 30%\n#### 30", None),
    ],
)
def test_a_contradiction_is_found_and_named(question, solution, kind):
    find = review(question, solution)
    assert (find.kind if find else None) == kind
    assert find is None or find.why
