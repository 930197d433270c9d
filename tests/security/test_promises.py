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


def test_every_promise_names_a_test(checkout: Path) -> None:
    text = (checkout / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [
        line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| promise", "| reader"))
    ]
    assert [row for row in rows if "::test_" not in row] == []


def test_every_bound_names_a_constant_that_exists(checkout: Path) -> None:
    text = (checkout / "docs" / "security.md").read_text(encoding="utf-8")
    table = text.partition("| reader |")[2].partition("\n\n")[0]
    named = [re.findall(r"`([\w.]+)`", line.split("|")[3]) for line in table.splitlines() if line.startswith("| ")]
    lost = []
    for row in named:
        home = ""
        for constant in row:
            module, _, name = constant.rpartition(".")
            home = module or home
            files = (checkout / "mathdata").rglob(f"{home.rpartition('.')[2]}.py")
            lost += (
                [] if any(re.search(rf"\b{name}\b.* = ", f.read_text(encoding="utf-8")) for f in files) else [constant]
            )
    assert sum(map(len, named)) > 20
    assert lost == []
