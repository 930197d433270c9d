"""A stage command takes every kind of input, several at once, a part of one, and writes by the output's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.io import read, write

Call = Callable[..., Any]
ROWS = [
    {"question": f"Tom has {n} apples. How many are there?", "answer": f"There are {n}.\n#### {n}"} for n in range(12)
]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    frame = pl.DataFrame(ROWS)
    for kind in ("jsonl", "jsonl.gz", "jsonl.zst", "json", "csv", "parquet"):
        write(frame, tmp_path / f"rows.{kind}")
    import datasets

    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))
    return tmp_path


def test_every_format_gives_the_same_output(inputs: Path, call: Call) -> None:
    names = [*(f"rows.{k}" for k in ("jsonl", "jsonl.gz", "jsonl.zst", "json", "csv", "parquet")), "saved"]
    ids = set()
    for name in names:
        done = call("dedup", name, "-o", f"{name}.out.parquet", "--level", "exact", "--json")
        assert (done.rc, done.json["rows_in"], done.json["kept"]) == (0, 12, 12), (name, done.err)
        ids.add(tuple(pl.read_parquet(inputs / f"{name}.out.parquet")["id"].sort()))
    assert len(ids) == 1, "the same content has the same id whatever the format"


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "jsonl.gz", "jsonl.zst", "csv", "json"])
def test_every_output_format_is_read_by_the_next_stage(inputs: Path, call: Call, kind: str) -> None:
    done = call("dedup", "rows.jsonl", "rows.csv", "-o", f"out.{kind}", "--level", "exact", "--json")
    assert (done.json["rows_in"], done.json["kept"], done.json["rejected"]) == (24, 12, {"exact-duplicate": 12})
    assert (inputs / f"out.{kind}.rejects.parquet").exists()
    assert json.loads((inputs / f"out.{kind}.manifest.json").read_text())["ledger"][0]["kept"] == 12
    again = call("dedup", f"out.{kind}", "-o", "again.parquet", "--json")
    assert (again.json["rows_in"], again.json["kept"]) == (12, 12)
    first, second = (read(inputs / n).sort("id") for n in (f"out.{kind}", "again.parquet"))
    assert first.select("id", "origin", "problem", "answer").equals(second.select("id", "origin", "problem", "answer"))


def test_a_part_a_mapping_and_a_preview(inputs: Path, call: Call) -> None:
    done = call("dedup", "rows.jsonl?split=train[:5]", "-o", "part.parquet", "--json")
    assert done.json["rows_in"] == 5
    (inputs / "odd.jsonl").write_text(json.dumps({"stem": "2 + 2?", "key": "4"}) + "\n")
    done = call("dedup", "odd.jsonl", "--column", "problem=stem", "--column", "answer=key", "--preview", "3", "--json")
    assert (done.rc, [(r["problem"], r["answer"]) for r in done.json["rows"]]) == (0, [("2 + 2?", "4")])
    assert not list(inputs.glob("odd.*.parquet"))
    shown = call("dedup", "odd.jsonl", "--column", "problem=stem", "--preview", "1")
    assert "2 + 2?" in shown.out + shown.err


def test_an_unknown_format_of_the_output_is_refused_before_the_work(inputs: Path, call: Call) -> None:
    done = call("dedup", "rows.jsonl", "-o", "out.xlsx")
    assert done.rc == 2, done.err
    assert ".parquet" in done.err
    assert not list(inputs.glob("out.xlsx*"))
