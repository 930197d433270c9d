"""`mathdata show FILE --web` in a real browser: rows found by search and filter, formulas set, nothing injected."""

from __future__ import annotations

import polars as pl
import pytest

from mathdata.io import read
from mathdata.showpage import page

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> \x1b[2J \"'></article> $\\href{javascript:alert(1)}{x}$"
ROWS = [
    {
        "problem": "What is $\\frac{1}{2} + 1$?",
        "solution": "It is \\(\\frac{3}{2}\\).",
        "answer": "3/2",
        "topic": "fractions",
    },
    {"problem": "It costs $5 and then $6. How much?", "answer": "11", "topic": "prices"},
    {"problem": HOSTILE, "solution": HOSTILE, "answer": HOSTILE, "topic": HOSTILE},
]


@pytest.fixture
def shown(tmp_path, open_page):
    frame = read(ROWS).with_columns(
        reject=pl.Series([None, None, "wrong-answer"]), reject_why=pl.Series([None, None, HOSTILE])
    )
    (tmp_path / "rows.html").write_text(page(frame, HOSTILE, 100), encoding="utf-8")
    return open_page(tmp_path / "rows.html")


def test_rows_are_found_by_search_and_by_filter(shown):
    assert shown.locator("article:visible").count() == 3
    shown.fill("#row-search", "costs")
    assert shown.locator("article:visible").count() == 1
    shown.fill("#row-search", "")
    shown.select_option("select[data-by=reject]", "=wrong-answer")
    assert shown.locator("article:visible").count() == 1
    shown.select_option("select[data-by=reject]", "=")
    assert shown.locator("article:visible").count() == 2
    assert shown.locator("#row-count").inner_text() == "2 / 3"


def test_a_row_tells_what_it_was_made_from_also_where_that_was_set_aside(tmp_path, open_page):
    rows = read(
        [
            {"problem": "1 + 1?", "answer": "2"},
            {"problem": "2 + 2?", "answer": "4"},
            {"problem": "3 + 3?", "answer": "6"},
        ]
    )
    ids = rows["id"].to_list()
    rows = rows.with_columns(
        pl.Series("parents", [[], [ids[0]], [ids[1], "gone"]]), pl.Series("method", [None, "rephrase", "vary_numbers"]),
        pl.Series("reject", ["replaced", "not-sampled", None]),
    )  # fmt: skip
    (tmp_path / "rows.html").write_text(page(rows.tail(1), "t", 10, rows), encoding="utf-8")
    shown = open_page(tmp_path / "rows.html")
    shown.click(".tree summary")
    said = shown.locator(".tree").inner_text()
    assert f"{ids[1]} rephrase [not-sampled]: 2 + 2? = 4" in said
    assert f"{ids[0]} original [replaced]: 1 + 1? = 2" in said
    assert "gone (not in these files)" in said


def test_formulas_are_set_and_prices_are_not(shown):
    shown.wait_for_selector("article:first-of-type math")
    assert shown.locator("article").nth(0).locator("math").count() == 2
    assert shown.locator("article").nth(1).locator("math").count() == 0
    assert "It costs $5 and then $6." in shown.locator("article").nth(1).inner_text()


def test_text_of_rows_stays_text_and_the_page_asks_for_nothing(shown):
    shown.locator("article").nth(2).scroll_into_view_if_needed()
    shown.wait_for_timeout(200)
    assert shown.title() != "owned"
    assert shown.locator("article img, article script, [onerror]").count() == 0
    assert shown.evaluate("document.querySelectorAll('[href^=\"javascript\"]').length") == 0
    assert "<script>document.title='owned'</script>" in shown.locator("article").nth(2).inner_text()
    assert "\x1b" not in shown.content()
    assert shown.said == []
    assert [u for u in shown.asked if not u.startswith("file:")] == []


def test_the_policy_stops_a_script_that_would_get_in(shown):
    shown.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s); }"
    )
    assert shown.evaluate("window.owned") is None
