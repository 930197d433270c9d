"""The step checker: what is checked, what is false, and what only looks like an equation."""

import pytest

from mathdata.verifiers import check_steps


@pytest.mark.parametrize(
    "text",
    [
        "48/2 = 25 clips", "She has <<48/2=25>>25 left", "12 x 3 = 35", "12 × 3 = 35", "(3+4)*2=15", "3 + 4 = 8.",
        "$5 + $6 = $12", "450 mg + 200 mg = 660 mg", "20% of 50 is 10, and 50 - 10 = 41", "0.2 x 50 = $11",
        "1/2 * 8 = 5", "a total of 5 x 8 = 39 bags", "13 mice/year * 10 years = 120", "2 * $20/child = $50",
        "2 + 3 = 5 = 6", "10/3 = 3.34", "1/8 = 0.124", "小明有3+4=8个", "3加4等于8", "48 ÷ 2 = 23",
        "$\\frac{1}{2}+\\frac{1}{3} = \\frac{2}{5}$", "\\(2\\cdot 3 = 7\\)", "\\[ 2^5 = 31 \\]", "$\\sqrt{16} + 1 = 6$",
        "\\begin{align*} 2+3 &= 5 \\\\ &= 6 \\end{align*}", "There are 300-60 = 241 non-white homes", "2 * 3 ≈ 8",
        "8 x 1 1/2 = 13", "600 x 30 = 18 001", "= (60 - 50) / 50 * 100\n= 10 / 50 * 100\n= 30",
    ],
)  # fmt: skip
def test_a_false_equation_is_found(text):
    report = check_steps(text)
    assert report.false == 1, report
    shown, (begin, end), why = report.first_false
    assert 0 <= begin < end <= len(text)
    assert shown
    assert why


@pytest.mark.parametrize(
    "text",
    [
        "48/2 = 24", "<<48/2=24>>24", "7/25 a − a = 24/25 b", "2 + M + 4 = 8", "x = 5", "Total = 12", "2L + 11 = 35", "4 W^2 = 100",
        "60 / 3/4 = 80", "8 x 1 1/2 = 12", "600 x 30 = 18 000", "10/3 = 3.33", "20/3 = 6.66", "1/3 ≈ 0.33", "2000/60 ≈ 33",
        "3:40 + 0:20 = 4:00", "sqrt(144) = 12", "√5636.97 = 75.08", "14 hours = 14 * 60 = 840", "100*0.75=$0.75", "20/100 = 20%",
        "75% of 100 = 75", "half of 8 + 2 = 6", "1/4 of 20 equals 5", "f(2) = 5", "ages: 3 = 3", "7 minutes x 60 = 420 seconds + 23 seconds = 443",
        "$x^2 + 1 = 5$", "$\\angle A = 90^\\circ$", "$f(3) = 12$", "$2^{10} \\equiv 1 \\pmod{11} = 1$", "$\\frac{1}{2} = 0.5 = 50\\%$",
        "\\begin{align*} a &= 1 + 2 \\\\ &\\quad + 3 \\\\ &= 6 \\end{align*}", "== 5 ==", "a=b=c", "=", "1 = ", "$\\sin 30^\\circ = \\frac12$",
        "$17\\pi/32\\pi = \\frac{17}{32}$", "$360^\\circ - 288^\\circ = 72$", "add 20 + 10 to Shonda (1) + 2 = 33", "on day 1 * 2 = 20",
        "5 ft 3 in = 63 in", "4 pounds - 6 ounces = 58 ounces",
    ],
)  # fmt: skip
def test_what_is_true_or_cannot_be_checked_is_not_called_false(text):
    assert check_steps(text).false == 0, check_steps(text)


def test_the_report_counts_what_it_saw_what_it_checked_and_what_was_rounded():
    report = check_steps("2+2=4, x = 7, 10/3 = 3.33 and 1+1=3")
    assert (report.seen, report.checked, report.false, report.rounded) == (4, 3, 1, 1)
    assert report.first_false[0] == "1+1=3"


def test_the_first_false_step_is_the_first_in_the_text():
    report = check_steps("$2+2=5$ and then 1+1=3")
    assert (report.false, report.first_false[1][0]) == (2, 0)


def test_an_empty_solution_has_no_steps():
    assert check_steps(None).seen == check_steps("").seen == 0
