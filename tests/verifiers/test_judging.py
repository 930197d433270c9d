"""The judge's own policies: rounding, strict, reasons, places, doubled backslashes, odd arguments."""

import pytest

from mathdata.errors import UnknownName
from mathdata.verifiers import RULES, extract, judge, judge_many, same


def test_same_is_exact_and_judge_meets_the_gold_at_its_stated_precision():
    assert judge("0.333", "1/3").ok
    assert not judge("0.33", "1/3").ok
    assert not same("0.333", "1/3").ok
    assert same("0.5", "1/2").ok
    assert not judge("1/3", "0.33").ok


def test_strict_is_final_exact_match_as_published():
    assert judge("42", "The answer is 0042.", strict=True).ok
    assert judge("42", "#### 42", strict=True).ok
    for other in ("42.0", "forty-two", "84/2", "42 apples"):
        assert judge("42", f"#### {other}", strict=True).status == "wrong"
        assert judge("42", f"#### {other}").ok
    assert not judge("0.33", "\\boxed{1/3}", strict=True).ok


def test_the_verdict_says_which_rule_fired_and_where():
    text = "First 12, then\n#### 48 apples"
    verdict = judge("48", text)
    assert (verdict.rule, verdict.got, verdict.expected) == ("####", "48 apples", "48")
    assert text[slice(*verdict.span)] == "48 apples"


@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_span_of_every_rule_holds_its_value(rule):
    for text in (
        "so \\boxed{7}",
        "#### 7",
        "A: 7",
        "The answer is 7.",
        "答案是 7",
        "7",
        "3+4=7",
        "**7**",
        "(B) is right",
    ):
        found = extract(text, rule)
        if found:
            assert found.value == text[slice(*found.span)]


def test_an_unknown_rule_is_named_with_the_nearest_one():
    with pytest.raises(UnknownName) as error:
        judge("1", "1", rule="boxd")
    assert "boxed" in error.value.hint


def test_doubled_backslashes_are_undone_and_said():
    verdict = judge("\\frac{1}{2}", "so it is \\\\boxed{\\\\frac{2}{4}}")
    assert verdict.ok
    assert "backslashes" in verdict.reason


def test_line_breaks_of_a_matrix_are_not_taken_for_doubled_backslashes():
    assert judge("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\boxed{\\begin{pmatrix}1\\\\2\\end{pmatrix}}").ok
    assert not judge("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\boxed{\\begin{pmatrix}1 & 2\\end{pmatrix}}").ok


def test_no_answer_is_a_reason_of_unparsed():
    for text in ("", "   ", "Sorry, nothing here!", "<think>\\boxed{4}", "it is \\boxed{4", None, 4):
        verdict = judge("4", text)
        assert verdict.status == "unparsed"
        assert verdict.reason.startswith("no answer")


def test_a_gold_without_an_answer_is_an_error_and_not_a_wrong_row():
    for gold in ("", None, "\\boxed{}"):
        assert judge(gold, "4").status == "error"


def test_a_gold_may_be_a_whole_solution():
    assert judge("Natalia sold 48/2 = <<48/2=24>>24 clips.\n#### 24", "The answer is 24").ok
    assert judge("Thus $x = \\boxed{\\frac{1}{2}}$.", "0.5").ok


def test_many_pairs_over_processes_give_what_one_gives():
    pairs = [(str(i), f"so it is \\boxed{{{i + (i % 3 == 0)}}}") for i in range(9000)]
    alone = [judge(*p) for p in pairs]
    assert judge_many(pairs, processes=2) == alone
    assert sum(v.ok for v in alone) == 6000


@pytest.mark.parametrize(
    ("gold", "response", "status"),
    [
        ("2/3", "答：概率是三分之二。", "correct"), ("15", "所以一共有十五个。", "correct"), ("14", "所以一共有十五个。", "wrong"),
        ("-20", "结果为负二十", "correct"), ("5%", "答：概率为百分之五。", "correct"), ("1", "答：两个人是一样的", "wrong"),
        ("星期五", "答案是星期五", "correct"),
    ],
)  # fmt: skip
def test_a_number_spelled_in_chinese_is_found_behind_the_word_that_states_it(gold, response, status):
    assert judge(gold, response).status == status


@pytest.mark.parametrize(
    ("gold", "response", "status"),
    [
        ("yes", "Yes, it is.", "correct"), ("no", "Yes, it is.", "wrong"), ("no", "No, because 3 is odd.", "correct"),
        ("是", "是的，它是素数。", "correct"), ("5", "No, she has 5 left.", "correct"), ("yes", "Yes, I thought.\nNo, not really.", "unparsed"),
        ("yes", "Yes, at first. The answer is no.", "wrong"), ("yes", "<think>Yes, so", "unparsed"),
    ],
)  # fmt: skip
def test_a_yes_or_no_that_opens_the_response_is_the_answer_where_the_gold_is_one(gold, response, status):
    assert judge(gold, response).status == status


def test_a_reason_names_both_values_and_stays_short():
    assert judge("20", "The answer is 18.").reason == "18 is not 20"
    assert judge("20", "18", strict=True).reason == "18 is not 20: no exact match"
    assert same("20", "18").reason == "18 is not 20"
    assert "y is not x" in judge("x", "\\boxed{y}").reason
    long = judge("1" * 3000, "\\boxed{" + "2" * 3000 + "}").reason
    assert len(long) < 200
    assert "2 is not 1" in long
    assert "\n" not in judge("a\nb", "\\boxed{c\nd}").reason
