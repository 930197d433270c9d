"""The report as a file: one page, a policy by hash, Markdown and JSON beside it, both languages complete."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_helpers import HOSTILE, a_run, case, comparison, only

from mathdata.report import write_report
from mathdata.report.cases import pack, unify
from mathdata.report.charts import nice_ticks
from mathdata.report.markdown import cell, markdown
from mathdata.report.page import page
from mathdata.report.words import WORDS


def markup(text: str) -> str:
    """The page without its own style, scripts and packed data."""
    return re.sub(r"<(script|style)[^>]*>.*?</\1>", "", text, flags=re.DOTALL)


def test_three_files_are_written_and_the_same_run_gives_the_same_bytes(tmp_path):
    write_report(a_run(), tmp_path / "a" / "report.html")
    write_report(a_run(), tmp_path / "b" / "report.html")
    for name in ("report.html", "report.md", "report.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "a" / "report.json").read_text())["difference"]["points"] == pytest.approx(
        56.67, abs=0.01
    )


def test_the_policy_admits_exactly_the_scripts_that_stand_in_the_page():
    text = page(a_run())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for block in re.findall(r"<(script|style)>(.*?)</\1>", text, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(block[1].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not re.search(r'(src|href)="(?!#)', markup(text))
    assert not re.search(r'<[^>]+ (style|on[a-z]+)="', markup(text))


def test_hostile_text_is_escaped_in_the_file_itself():
    text = markup(page(a_run(HOSTILE)))
    assert "&lt;script&gt;document.title=" in text
    assert "<script" not in text
    assert "<img" not in text
    assert "<svg onload" not in text
    assert "\x1b" not in text


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_text_can_leave_its_cell_in_markdown(text):
    made = cell(text)
    assert "\n" not in made
    assert "<" not in made
    assert not re.search(r"(?<!\\)(\\\\)*\|", made)


def test_markdown_says_the_same_answer():
    text = markdown(a_run())
    assert "**It helped**: raw → curated +56.7 points" in text
    assert "| curated | 60 | 90.0 % |" in text
    assert "exact-duplicate 280" in text


@pytest.mark.parametrize(("fixed", "word"), [(5, "No clear difference"), (6, "It helped")])
def test_few_problems_claim_nothing_that_the_exact_test_does_not_show(fixed, word):
    """Five of eight fixed: the bootstrap interval lies above nought, McNemar says 0.062."""
    made = comparison("raw", "curated", [case(i, i >= fixed, True) for i in range(8)])
    assert only(made)["low"] > 0
    run = a_run() | {"comparisons": [made]}
    assert f"**{word}**" in markdown(run)
    assert f">{word}.<" in page(run)


def test_every_phrase_stands_in_both_languages_with_the_same_blanks():
    for key, (english, chinese) in WORDS.items():
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", chinese)), key
        assert english
        assert chinese
        assert not re.search("[\u4e00-\u9fff]", english), key


def test_problems_are_stored_once_whatever_the_number_of_comparisons():
    arms, cases = unify(a_run()["comparisons"])
    assert arms == ["raw", "curated", "before"]
    assert len(cases) == 60
    assert all(set(c["answers"]) == {"raw", "curated", "before"} for c in cases)
    stored = json.loads(gzip.decompress(base64.b64decode(pack(arms, cases, (0, 1)))))
    assert stored["cases"][5][6][1][1] == "correct"


def test_a_run_with_nothing_to_compare_still_has_a_page(tmp_path):
    path = write_report({"name": "empty"}, tmp_path / "r.html")
    assert "Nothing was compared" in path.read_text()
    assert (tmp_path / "r.md").exists()


def test_a_response_of_a_million_characters_does_not_make_the_page_large():
    run = a_run()
    run["comparisons"][0]["cases"][0]["after"] = "".join(chr(33 + i * 7919 % 90) for i in range(1_000_000))
    assert len(page(run)) < 1_000_000


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
@settings(max_examples=60, deadline=None)
def test_ticks_cover_the_range_and_are_few(low, span):
    ticks = nice_ticks(low, low + span)
    step = ticks[1] - ticks[0]
    assert ticks[0] <= low + 1e-6 * span
    assert ticks[-1] >= low + span - 1e-6 * span
    assert 2 <= len(ticks) <= 8
    assert step > 0
