"""Cells that a spreadsheet would run: as they are by default, which the screen says; as text where that is asked for."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mathdata.cli.app import app
from mathdata.errors import UsageError

FORMULAS = ["=HYPERLINK(0)", "+1", "-2+3", "@SUM(1)", " =1", "\t=1", "\rx", "＝1", "\n=1"]
PLAIN = ["5", "x = 1", "", "'=1", "a-b"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    made = [
        {"problem": f"What is row {n}?", "answer": "1", "=note": text} for n, text in enumerate([*FORMULAS, *PLAIN])
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(r) for r in made))
    return tmp_path / "rows.jsonl"


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as f:
        return list(csv.reader(f))


def starts_a_formula(cell: str) -> bool:
    return cell[:1] in ("\t", "\r") or cell.strip()[:1] in tuple("=+-@＝＋－＠")


@pytest.mark.parametrize("command", ["sample", "export"])
def test_no_cell_of_a_safe_csv_begins_like_a_formula(command: str, rows: Path) -> None:
    out = rows.parent / "out.csv"
    more = ["--format", "alpaca"] if command == "export" else ["--n", "14"]
    if command == "export":
        rows.write_text(json.dumps({"problem": "=1+1 is?", "answer": "2", "solution": "@x"}))
    done = CliRunner().invoke(app, [command, str(rows), "-o", str(out), "--csv-safe", *more])
    assert done.exit_code == 0, done.output
    found = [cell for line in cells(out) for cell in line]
    assert [c for c in found if starts_a_formula(c)] == []
    assert [c for c in found if c.startswith("'")] != []


def test_a_safe_csv_changes_those_cells_alone_and_another_none(rows: Path) -> None:
    for name, more in (("safe", ["--csv-safe"]), ("plain", [])):
        done = CliRunner().invoke(
            app, ["sample", str(rows), "-o", str(rows.parent / f"{name}.csv"), "--n", "14", *more]
        )
        assert done.exit_code == 0, done.output
    safe, plain = (cells(rows.parent / f"{name}.csv") for name in ("safe", "plain"))
    assert [[c[1:] if starts_a_formula(p) else c for c, p in zip(*pair)] for pair in zip(safe, plain)] == plain


@pytest.mark.parametrize("command", ["sample", "export", "verify"])
def test_the_screen_says_what_becomes_of_formulas(command: str) -> None:
    said = " ".join(CliRunner().invoke(app, [command, "--help"]).output.split())
    assert "begin with = + - @" in said
    assert "[default: cells as they are]" in said


def test_safe_cells_are_for_csv_alone(rows: Path) -> None:
    args = ["sample", str(rows), "-o", str(rows.parent / "out.parquet"), "--csv-safe", "--n", "1"]
    done = CliRunner().invoke(app, args)
    assert isinstance(done.exception, UsageError | SystemExit)
    assert not (rows.parent / "out.parquet").exists()
    assert "ends in .csv" in done.output + str(done.exception)
