"""Laws of the judge: symmetry, one normal form, invariance under spelling, never an exception; and the fuzz."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.types import STATUSES
from mathdata.verifiers import check_steps, extract, judge, same
from mathdata.verifiers.cleaning import clean

whole = st.integers(-9999, 9999)
fraction = st.builds(lambda a, b: f"\\frac{{{a}}}{{{b}}}", whole, st.integers(1, 999))
surd = st.builds(lambda a, n: f"{a}\\sqrt{{{n}}}", st.integers(2, 99), st.integers(2, 99))
name = st.sampled_from(["x", "y", "a", "n", "\\pi", "\\theta"])
atom = st.one_of(whole.map(str), fraction, surd, name)


def combined(inner):
    return st.one_of(
        st.builds("{}+{}".format, inner, inner),
        st.builds("({})({})".format, inner, inner),
        st.builds("\\frac{{{}}}{{{}}}".format, inner, st.sampled_from(["7", "x+1", "\\sqrt{3}"])),
        st.builds("({})^{{2}}".format, inner),
        st.builds("\\sqrt{{{}}}".format, inner),
    )


expression = st.recursive(atom, combined, max_leaves=5)
answer = st.one_of(
    expression,
    st.lists(expression, min_size=2, max_size=3).map(lambda xs: "(" + ", ".join(xs) + ")"),
    st.lists(whole.map(str), min_size=2, max_size=4).map(", ".join),
    st.builds("[{}, {})".format, whole, whole),
    st.builds("x = {}".format, expression),
)
SIGNS = "\\frac{}$()[]|^_!%,.;:=<>+-*/ 0123456789abxyeiπ√°一百{}\\text\\boxed\\sqrt\\left\\right\\pm\\cup\\infty####\n&"
noise = st.text(st.sampled_from(SIGNS), max_size=40) | st.text(max_size=30)


def settled(verdict):
    return verdict.status in ("correct", "wrong")


@settings(max_examples=120, deadline=None)
@given(answer, answer)
def test_same_does_not_depend_on_the_order(a, b):
    assert same(a, b).status == same(b, a).status


@settings(max_examples=120, deadline=None)
@given(answer)
def test_an_answer_is_the_same_as_itself_in_another_spelling(a):
    spaced = a.replace("+", " + ").replace(",", " ,\\, ").replace("(", "\\left(").replace(")", "\\right)")
    for other in (f"${a}$", a.replace("\\frac", "\\dfrac"), spaced, f"\\boxed{{{a}}}"):
        assert judge(a, other).ok, other


@settings(max_examples=100, deadline=None)
@given(expression, st.integers(1, 50))
def test_adding_a_number_changes_the_value(a, n):
    assert same(a, f"{a}+{n}").status != "correct"


@settings(max_examples=100, deadline=None)
@given(expression, expression)
def test_sums_and_products_do_not_depend_on_the_order(a, b):
    assert same(f"({a})+({b})", f"({b})+({a})").ok
    assert same(f"({a})\\cdot({b})", f"({b})({a})").ok


@settings(max_examples=100, deadline=None)
@given(whole, st.integers(1, 999), st.integers(1, 50))
def test_a_fraction_is_its_scaled_self_and_no_neighbour(a, b, k):
    assert same(f"{a}/{b}", f"\\frac{{{a * k}}}{{{b * k}}}").ok
    assert not same(f"{a}/{b}", f"{a * k + 1}/{b * k}").ok


@settings(max_examples=100, deadline=None)
@given(st.decimals(-1000, 1000, places=3), st.integers(-400, 400))
def test_a_decimal_gold_is_met_within_half_of_its_last_place(gold, offset):
    from decimal import Decimal

    value = gold + Decimal(offset) / 100000
    near = gold != gold.to_integral_value() and abs(offset) <= 50
    three = abs(gold) >= Decimal("0.1")
    asked, plain = "Give x to three decimal places.", "What is x?"
    assert judge(f"{gold:f}", f"{value:f}").ok == (offset == 0 or (near and three))
    assert judge(f"{gold:f}", f"{value:f}", problem=asked).ok == (offset == 0 or near)
    assert judge(f"{gold:f}", f"{value:f}", problem=plain).ok == (offset == 0)


@settings(max_examples=300, deadline=None)
@given(noise)
def test_cleaning_twice_is_cleaning_once(text):
    assert clean(clean(text)) == clean(text)


@settings(max_examples=250, deadline=None)
@given(noise, noise)
def test_no_text_raises(a, b):
    assert judge(a, b, time_limit=0.5).status in STATUSES
    assert same(a, b, time_limit=0.5).status == same(b, a, time_limit=0.5).status
    found = extract(b)
    assert (
        not found
        or found.span is None
        or found.rule == "boxed"
        or found.kind == "alternatives"
        or b[slice(*found.span)] == found.value
    )
    assert check_steps(a + "=" + b).false >= 0


@settings(max_examples=150, deadline=None)
@given(noise.filter(lambda t: t.strip()))
def test_a_text_meets_itself(text):
    assert judge(text, text).status in ("correct", "error", "unparsed")
    assert same(text, text).ok


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_thousand_texts_raise_nothing_and_stay_fast(monkeypatch):
    from mathdata.verifiers import worker

    asked = []
    monkeypatch.setattr(worker, "prove", lambda *a, **k: asked.append(a) or worker.Proof("unparsed", "not asked here"))
    rng = random.Random(11)
    pieces = [*SIGNS, "\\frac{", "\\sqrt{", "\\boxed{", "}", "}{", "12", "3.5", "\\pi", "\\text{", "\\begin{pmatrix}", "\\end{pmatrix}",
              "the answer is ", "答案", "=", "x", "\\cdot ", "(", ")", ",", " and ", "%", "^{", "<<", ">>", "</think>"]  # fmt: skip
    for _ in range(200_000):
        text = "".join(rng.choices(pieces, k=rng.randint(1, 18)))
        assert judge("\\frac{1}{2}", text).status in STATUSES
        if rng.random() < 0.1:
            check_steps(text)
    assert len(asked) < 40_000
