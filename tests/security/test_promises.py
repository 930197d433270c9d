"""Every promise of docs/security.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_promise_names_tests_that_exist(checkout: Path) -> None:
    files = {p.name: p.read_text(encoding="utf-8") for p in (checkout / "tests").rglob("test_*.py")}
    text = (checkout / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "::" in line]
    assert len(rows) > 15
    lost = []
    for row in rows:
        file = ""
        for named, test in re.findall(r"`(test_\w+\.py)?::(\w+)`", row):
            file = named or file
            lost += [] if f"def {test}(" in files.get(file, "") else [f"{file}::{test}"]
    assert lost == []


def test_every_promise_of_the_first_half_names_a_test(checkout: Path) -> None:
    text = (checkout / "docs" / "security.md").read_text(encoding="utf-8").partition("## Bounds")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert [row for row in rows if "::test_" not in row] == []
