"""Normal form, numbers, skeletons and n-grams."""

from __future__ import annotations

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.text import (
    canonical,
    ngrams,
    normal,
    normal_column,
    numbers,
    skeleton,
    template,
    template_column,
    words,
)

SAME = [
    ("计算１２ + 3 等于多少？", "计算 12+3 等于多少?"),
    ("It costs $1,000.", "It costs 1000"),
    (r"$\dfrac{1}{2}$", r"\(\frac12\)"),
    (r"$\left( x+1 \right)$", "(x + 1)"),
    ("“Yes” – he said", '"Yes" - he said'),
    (r"$3 \times 4$", "3 × 4"),
    (r"$x \leq 5$", "x ≤ 5"),
    ("x²", "x^2"),
    (r"$90^\circ$", "90°"),
    ("a\u200bb\u00a0c", "ab c"),
]
OTHER = [
    ("x²", "x2"),
    ("3½", "31/2"),
    ("1, 234", "1,234"),
    ("1 .5", "1.5"),
    ("He has 5. 6 dogs", "He has 5.6 dogs"),
    ("12 3", "123"),
    ("Find $a$", "Find a"),
    ("3 - 5", "5 - 3"),
    ("$5", "€5"),
    ("x > 3", "x < 3"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_spelling_variants_have_one_normal_form(a: str, b: str) -> None:
    assert normal(a) == normal(b)


@pytest.mark.parametrize(("a", "b"), OTHER)
def test_different_mathematics_has_different_normal_forms(a: str, b: str) -> None:
    assert normal(a) != normal(b)


TEXT = st.text(alphabet="aAxI1205，,.。 ?？$^_{}½²−-+×＋５十二三半百万的\\fractimes() \n\u3000“”", max_size=60)


@given(TEXT)
@settings(max_examples=150, deadline=None)
def test_the_column_form_equals_the_row_form(text: str) -> None:
    assert normal_column(pl.Series([text])).to_list() == [normal(text)]
    assert template_column(pl.Series([text])).to_list() == [template(text)]


@given(st.lists(st.sampled_from([a for pair in SAME + OTHER for a in pair]), max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_normal_form_of_a_normal_form_is_itself(parts: list[str]) -> None:
    once = normal(" ".join(parts))
    assert normal(once) == once


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Twelve eggs and twenty-five hens", ["12", "25"]),
        ("two hundred and sixty-nine", ["269"]),
        ("half of 1,250.50", ["1/2", "2501/2"]),
        ("一百零五个，三分之二，二点五", ["105", "2/3", "5/2"]),
        ("十二万三千", ["123000"]),
        ("the weight of someone", []),
    ],
)
def test_numbers_are_read_in_digits_words_and_chinese(text: str, values: list[str]) -> None:
    assert [str(n.value) for n in numbers(text)] == values


@given(st.integers(min_value=0, max_value=99_999_999))
@settings(max_examples=60, deadline=None)
def test_separators_and_zeros_do_not_change_a_number(n: int) -> None:
    assert canonical(f"{n:,}.500") == canonical(f"0{n}.5")
    assert numbers(f"{n:,}")[0].value == Fraction(n)


def test_a_long_run_of_digits_costs_bounded_time() -> None:
    assert numbers("9" * 200_000) == []
    assert len(normal("(" * 100_000)) == 100_000


def test_siblings_share_a_template_and_other_operations_do_not() -> None:
    assert template("计算 -3.5 + 2 等于多少？") == template("计算 7+12等于多少?")
    assert template("计算 3 + 2") != template("计算 3 - 2")
    assert skeleton("Tom has twelve eggs") == skeleton("Tom has 5 eggs")


def test_a_text_shorter_than_the_window_is_one_run() -> None:
    assert len(ngrams(words("3 + 5"), 8)) == 1
    assert len(ngrams([str(i) for i in range(10)], 8)) == 3
    assert ngrams([], 8) == set()


def test_the_column_form_of_a_row_does_not_depend_on_its_neighbours() -> None:
    texts = [
        r"$3 \times 4 \leq 5 \cdot x$",
        r"Find $\pi \div 2$ , or 3 \neq 4",
        "计算 3 × 4 ， 得？",
        "plain words",
        "1 ,  2 ; 3\t4",
    ]
    alone = [normal_column(pl.Series([t]))[0] for t in texts]
    assert normal_column(pl.Series(texts)).to_list() == alone == [normal(t) for t in texts]
    assert normal_column(pl.Series(texts[:2])).to_list() == alone[:2]
