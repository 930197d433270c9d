"""What rows, recipes and licences hold steers no terminal and moves no page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from mathdata.io import read
from mathdata.screen import clean, json_line
from mathdata.showpage import page

HOSTILE = "a\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u2066 \x9b31m \u200f \u2028 b\x7f \U000e0041"
"""A screen clear, a title, a C1 sequence, direction overrides, a separator, a tag."""


def steering(text: str) -> list[str]:
    return sorted({repr(c) for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")})


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mathdata", *args], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"problem": f"What is {i} + 1? {HOSTILE}", "answer": str(i + 1), "license": HOSTILE} for i in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    recipe = {
        "name": "odd", "about": HOSTILE, "input": [{"path": "rows.jsonl", "license": HOSTILE}],
        "stages": [{"dedup": {"level": "exact"}}], "notes": [HOSTILE, {"en": HOSTILE, "zh": HOSTILE}],
    }  # fmt: skip
    (tmp_path / "odd.yaml").write_text(json.dumps(recipe))
    return tmp_path


def test_no_command_passes_on_a_code_that_steers_a_terminal(folder: Path) -> None:
    commands = [
        ("run", "odd.yaml", "--out", "r"), ("run", "odd.yaml", "--out", "r", "--json"), ("run", "odd.yaml", "--plan"),
        ("dedup", "rows.jsonl", "-o", "a.parquet"), ("card", "a.parquet"), ("show", "a.parquet"),
        ("show", "a.parquet", "--json"), ("dedup", "rows.jsonl", "--preview", "3"),
        ("dedup", f"no{HOSTILE[:8]}.jsonl", "-o", "b.parquet"), ("run", "odd.yaml", f"name={HOSTILE}", "--debug"),
        ("dedup", "rows.jsonl", "-o", "c.parquet", "--column", f"problem={HOSTILE}", "--debug"),
        ("ls", HOSTILE), (HOSTILE,), ("dedup", HOSTILE),
    ]  # fmt: skip
    for command in commands:
        done = run(folder, *(c.replace("\0", "") for c in command))
        assert steering(done.stdout + done.stderr) == [], (command, steering(done.stdout + done.stderr))
    for file in ("a.parquet.card.md", "r/card.md", "r/report.md", "r/report.html"):
        assert steering((folder / file).read_text(encoding="utf-8")) == [], file


def test_a_traceback_asked_for_is_whole_and_steers_nothing(folder: Path) -> None:
    done = run(folder, "dedup", "rows.jsonl", "-o", "c.parquet", "--column", f"problem={HOSTILE}", "--debug")
    assert done.returncode in (1, 2)
    assert "Traceback (most recent call last)" in done.stderr
    assert "␛[2J" in done.stderr
    assert steering(done.stderr) == []


@pytest.mark.parametrize("text", [HOSTILE, "plain", "中文", "\ud800", "tab\tand\nline"])
def test_json_means_the_same_and_steers_nothing(text: str) -> None:
    line = json_line({"text": text})
    assert json.loads(line) == {"text": text}
    assert steering(line) == []
    assert steering(clean(text)) == []


PUSHES = [
    "\\raisebox{-9999999em}{x}", "\\raisebox{9999999em}{x}", "x\\kern-9999999em y", "x\\hspace{-9999999em} y",
    "\\mkern-99999999mu x", "\\rule{1em}{99999em}", "\\rule[-99999em]{1em}{1em}", "\\hspace{99999em}x",
    "\\text{\\raisebox{-99999em}{x}}", "\\vphantom{\\rule{0pt}{99999em}}x", "\\\\[-99999em] x",
    "\\begin{array}{c}a\\\\[99999em]b\\end{array}", "\\begin{array}{c}a\\\\[-99999em]b\\end{array}", "\\Huge" * 50 + "x",
]  # fmt: skip


@pytest.mark.parametrize("tex", PUSHES, ids=[p[:24] for p in PUSHES])
def test_a_formula_cannot_make_a_page_larger_or_leave_its_place(tex: str, open_page: Any, tmp_path: Path) -> None:
    sizes = []
    for formula in ("x + y", tex):
        rows = read([{"problem": f"What is $x + y$? ${formula}$ and the rest of the row", "answer": "1"}])
        file = tmp_path / "rows.html"
        file.write_text(page(rows, "rows", 10), encoding="utf-8")
        shown = open_page(file)
        shown.wait_for_timeout(150)
        sizes.append(shown.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"))
        outside = shown.evaluate(
            """Array.from(document.querySelectorAll('math, math *')).filter(n => {
                const r = n.getBoundingClientRect();
                return r.width && (r.left < -2000 || r.top < -2000 || r.right > 9000 || r.bottom > 9000);
            }).length"""
        )
        assert outside == 0
    plain, pushed = sizes
    assert pushed[0] <= plain[0] + 1200
    assert pushed[1] <= plain[1] + 1200


def test_the_bound_of_lengths_leaves_honest_formulas_set(open_page: Any, tmp_path: Path) -> None:
    honest = [
        "\\frac{1}{2}",
        "a\\hspace{1em}b",
        "a\\!b",
        "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
        "\\raisebox{-0.5em}{x}",
    ]
    rows = read([{"problem": f"What is ${tex}$?", "answer": "1"} for tex in honest])
    (tmp_path / "rows.html").write_text(page(rows, "rows", 10), encoding="utf-8")
    shown = open_page(tmp_path / "rows.html")
    shown.wait_for_timeout(150)
    assert shown.locator("math").count() == len(honest)
    assert not any(re.search("error", said, re.IGNORECASE) for said in shown.said)


def test_long_names_in_the_counts_stay_in_their_column(open_page: Any, tmp_path: Path) -> None:
    made = [{"problem": f"What is {n}?", "answer": "1", "topic": "x" * 50_000, "level": "y" * 50_000} for n in range(2)]
    (tmp_path / "rows.html").write_text(page(read(made), "rows", 10), encoding="utf-8")
    shown = open_page(tmp_path / "rows.html")
    shown.locator("#counts").evaluate("e => { e.open = true }")
    widths = shown.locator("dt, dd").evaluate_all("all => all.map(e => e.getBoundingClientRect().right)")
    assert widths
    assert max(widths) < 1500
