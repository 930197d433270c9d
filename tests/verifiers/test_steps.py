"""The step checker: what is checked, what is false, and what only looks like an equation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
        "25% of 80 = 30", "25% of $80 = $30", "8 plus 9 equals 18", "20 divided by 4 equals 6", "3 multiplied by 4 equals 13", "9 minus 2 = 6", "3² + 4² = 26", "(3+4)² = 48",
        "2⁴ + 1 = 18", "20% + 30% = 60%", "24 * 50 percent = 13", "30/100*9 = 2.6999999999", "30/100*9 = 2.699999999998700",
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
        "25% of 80 = 20", "100 - 25% of 80 = 75", "25% of the 80 = 30", "8 plus 9 equals 17", "five times 6 equals 30", "five plus 6 equals 11", "5 x 4 times = 20", "10 minus 3 times 2 equals 14",
        "negative 3 plus 5 equals 2", "x plus 8 plus 9 equals 17", "2x plus 3 equals 11", "3 times as many = 12", "2H + 2 = 6", "2H+2=6",
        "4H + 2 = 6H", "(1400x)(3)=4200x", "$(1400x)(3)=4200x$", "(5+3)x = 24", "2(x)(3) = 12", "7 = 3 + H + 1", "2^n + 1 = 9", "$5 + 10% tax = $5.50",
        "30/100*9 = 2.6999999999999997", "<<0.1+0.2=0.30000000000000004>>0.3", "1/3*3=0.9999999999999999", "2/3=0.66666666666666663",
        "$4.35 \\cdot 100 = 434.99999999999994$", "3² + 4² = 25", "(3+4)² = 49", "4 * 4 = 2⁴", "3½ * 2 = 7", "½*8 = 4", "2 * 60 = 5!", "3 * 3 = 3^{2}",
        "101₂ + 1 = 110₂", "10 : 5 = 2", "8 packs of 5 bags * $4/pack = 160", "24 x 50 percent = 12", "8 * 45 = 360 divided by 5 is 72",
        "12 - 4 = 8 -3 + 9 = 6", "方程0的部分除以-4得到x的值为-8 / -4 = 2",
        "5 ft 3 in = 63 in", "4 pounds - 6 ounces = 58 ounces",
    ],
)  # fmt: skip
def test_what_is_true_or_cannot_be_checked_is_not_called_false(text):
    assert check_steps(text).false == 0, check_steps(text)


@pytest.mark.parametrize(
    "unit", ["个", "元", "kg", "cm", "千克", "apples", "km/h", "cm²", "cm^2", "平方厘米", "元/千克", "m", "min", "pens"]
)
@pytest.mark.parametrize("brackets", ["（{}）", "({})", " ({})", "（ {} ）"])
def test_a_unit_in_brackets_behind_the_result_does_not_hide_the_step(unit, brackets):
    mark = brackets.format(unit)
    for text in (
        f"3+5=9{mark}",
        f"3+5=9{mark}，9×2=18{mark}",
        f"共有2×(3+4)=15{mark}",
        f"3{mark}+5{mark}=9{mark}",
        f"$3+5=9${mark}",
        f"\\(3+5=9{mark}\\)",
    ):
        if unit == "m" and text.startswith("\\"):
            continue  # a letter of algebra inside a formula
        assert check_steps(text).false == 1, text
        right = text.replace("=9", "=8").replace("=15", "=14")
        report = check_steps(right)
        assert (report.checked, report.false) == (report.seen, 0), right


@pytest.mark.parametrize("inside", ["x", "ab", "xyz", "x+1", "pi", "sin", "n", "甲+乙", "x)(3", "DM", "ABD"])
def test_letters_and_sums_in_brackets_are_factors(inside):
    for text in (f"6={2}({inside})", f"3+4=2({inside})", f"2({inside})=12", f"3+2({inside})=12", f"f(x)=2({inside})"):
        assert check_steps(text).false == 0, text


def test_a_name_that_stands_for_a_number_elsewhere_is_no_unit():
    for text in (
        "m=3, 2+4=2(m)",
        "1(60-Losses) -2(Losses) = -30, so 60 - Losses - 2 Losses = -30",
        "甲=3，2+4=2（甲）",
    ):
        assert check_steps(text).false == 0, text


@pytest.mark.parametrize(
    "text",
    ["3：2=6：4", "3:2=6:4", "3∶2=6∶4", "3 ： 2 = 6 ： 4", "1.5=3：2", "15：10=3：2=1.5", "12/6=4:2", "9-0.5=8:30"],
)
def test_a_ratio_is_not_taken_for_its_second_number(text):
    assert check_steps(text).false == 0


@pytest.mark.parametrize("text", ["第1题：2+3=6", "解：2+3=6", "Day 3: 2+3=6", "共有：2+3=6；", "2+3=6：错"])
def test_a_colon_behind_words_hides_no_step(text):
    assert check_steps(text).false == 1


@pytest.mark.parametrize(
    "text",
    [
        "-3^2 = 9",
        "$-3^2 = 9$",
        "-3² = 9",
        "-697.18^2 = 486059.9524",
        "2*-3^2=18",
        "-2^4 = -2^3 * -2 = 16",
        "-1.5**2 = 2.25",
        "\\(2 \\cdot -3^2 = 18\\)",
    ],
)
def test_a_sign_before_a_power_is_doubtful_where_the_other_reading_holds(text):
    report = check_steps(text)
    assert report.false == 0
    assert report.checked < report.seen


@pytest.mark.parametrize(
    "text", ["-3^2 = 8", "$-3^2 = 8$", "4 - 3^2 = 13", "$5-3^2=14$", "(2)-3^2 = 11", "-3^3 = 27", "-2*3 = 6"]
)
def test_no_other_reading_excuses_a_difference_or_another_number(text):
    assert check_steps(text).false == 1


def test_the_report_counts_what_it_saw_what_it_checked_and_what_was_rounded():
    report = check_steps("2+2=4, x = 7, 10/3 = 3.33 and 1+1=3")
    assert (report.seen, report.checked, report.false, report.rounded) == (4, 3, 1, 1)
    assert report.first_false[0] == "1+1=3"


def test_the_first_false_step_is_the_first_in_the_text():
    report = check_steps("$2+2=5$ and then 1+1=3")
    assert (report.false, report.first_false[1][0]) == (2, 0)


def test_an_empty_solution_has_no_steps():
    assert check_steps(None).seen == check_steps("").seen == 0


def test_an_equation_in_words_is_seen_without_any_sign():
    report = check_steps("Together 8 plus 9 equals 17.")
    assert (report.seen, report.checked, report.false) == (1, 1, 0)


def test_a_printed_binary_float_counts_as_rounded():
    report = check_steps("30/100*9 = 2.6999999999999997")
    assert (report.checked, report.false, report.rounded) == (1, 0, 1)


@given(st.integers(1, 10**4), st.integers(1, 10**4), st.sampled_from("+-*/"), st.sampled_from([1, 10, 100]))
@settings(max_examples=300, deadline=None)
def test_what_a_computer_prints_for_one_operation_is_no_false_step(a, b, op, scale):
    x, y = a / scale, b / 100
    value = {"+": x + y, "-": x - y, "*": x * y, "/": x / y}[op]
    if "e" in f"{x!r}{y!r}{value!r}" or abs(value) < abs(x) / 1000:
        return
    assert check_steps(f"{x!r} {op} {y!r} = {value!r}").false == 0


@given(st.integers(2, 99), st.integers(2, 99), st.sampled_from("abcdHknpxyz"), st.integers(1, 99))
@settings(max_examples=200, deadline=None)
def test_an_equation_with_a_letter_is_never_called_false(a, b, letter, c):
    for shape in ("{a}{v} + {b} = {c}", "{b} + {a}{v} = {c}", "({a}{v})({b}) = {c}", "{c} = {b} + {a}{v}", "{a}({v})({b}) = {c}{v}",
                  "{v} + {a} + {b} = {c}", "{a}/{v} + {b} = {c}", "{a} * {b}{v} = {c}", "({a} + {b}){v} = {c}", "{a} plus {b}{v} equals {c}"):  # fmt: skip
        text = shape.format(a=a, b=b, c=c, v=letter)
        assert check_steps(text).false == 0, text
        assert check_steps(f"${text}$").false == 0, text
