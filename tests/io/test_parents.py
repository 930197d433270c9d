"""Parents named by a file's own ids are found among all rows read together, in memory and on disk alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.io import read, spill
from mathdata.schema import row_id
from mathdata.stages.decontaminate import decontaminate
from mathdata.stages.dedup import dedup
from mathdata.types import Frame, Partitions

STORY = "Tom has 3 red apples. He buys 5 more apples at the store near his house. How many apples does Tom have in all?"


def put(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def whole(table: Partitions) -> Frame:
    return pl.concat([pl.read_parquet(f) for f in table.files])


def both_ways(folder: Path, *files: Path) -> Frame:
    """The rows as `read` gives them, after seeing that the streaming path gives the same."""
    frame = read(*files)
    spilled = whole(spill(*files, folder=folder / "parts"))
    links = ["id", "origin", "parents", "source_id"]
    assert spilled.select(links).equals(
        frame.select(links).with_columns(pl.col("source_id").cast(spilled["source_id"].dtype))
    )
    return frame


def test_a_parent_is_renamed_and_the_row_keeps_its_own_id(tmp_path: Path) -> None:
    rows = [{"id": "k2", "problem": "c + d", "parents": ["k1", "gone"]}, {"id": "k1", "problem": "a + b"}]
    frame = both_ways(tmp_path, put(tmp_path / "raw.jsonl", *rows))
    child, parent = frame["id"]
    assert frame["parents"].to_list() == [[parent, "gone"], None]
    assert frame["source_id"].to_list() == ["k2", "k1"]
    assert (child, parent) == (row_id("c + d", parents=["k1", "gone"]), row_id("a + b"))


@pytest.mark.parametrize("parents", [[[1], None, []], [[2, 1], [1], None]])
def test_whole_numbers_are_ids_too(tmp_path: Path, parents: list[list[int] | None]) -> None:
    rows = [{"id": 3 - i, "problem": f"p{i}?", "parents": p} for i, p in enumerate(parents)]
    frame = both_ways(tmp_path, put(tmp_path / "raw.jsonl", *rows))
    own = {3 - i: key for i, key in enumerate(frame["id"])}
    assert frame["parents"].to_list() == [None if p is None else [own[n] for n in p] for p in parents]


def test_numbers_in_one_file_and_text_in_another_meet(tmp_path: Path) -> None:
    a = put(tmp_path / "a.jsonl", {"id": 1, "problem": "a?"})
    b = put(tmp_path / "b.jsonl", {"id": "x", "problem": "b?", "parents": ["1"]})
    frame = both_ways(tmp_path, b, a)
    assert frame["parents"].to_list() == [[frame["id"][1]], None]


def test_a_parent_in_its_own_file_goes_before_one_in_another(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "problem": "a?"},
        {"id": "1", "problem": "again?"},
        {"id": "2", "problem": "b?", "parents": ["1"]},
    ]
    a = put(tmp_path / "a.jsonl", *rows)
    b = put(tmp_path / "b.jsonl", *({**r, "problem": "other " + r["problem"]} for r in rows))
    c = put(tmp_path / "c.jsonl", {"id": "9", "problem": "c?", "parents": ["1"]})
    frame = both_ways(tmp_path, a, b, c)
    assert frame["parents"].to_list() == [None, None, [frame["id"][0]], None, None, [frame["id"][3]], [frame["id"][0]]]


def test_ids_of_the_product_stay_what_they_are(tmp_path: Path) -> None:
    """Also where another row's own name is the same text, and where rows come back from a file of ours."""
    key = row_id("a?")
    ours = put(
        tmp_path / "ours.jsonl", {"id": key, "problem": "a?"}, {"id": "0" * 16, "problem": "b?", "parents": [key]}
    )
    rows = [{"id": key, "problem": "c?"}, {"id": "t", "problem": "d?", "parents": [key, "t"]}]
    theirs = put(tmp_path / "theirs.jsonl", *rows)
    frame = both_ways(tmp_path, ours, theirs)
    assert frame["parents"].to_list() == [None, [key], None, frame["id"][2:].to_list()]
    frame.write_parquet(tmp_path / "again.parquet")
    assert both_ways(tmp_path, tmp_path / "again.parquet")["parents"].to_list() == frame["parents"].to_list()


def test_a_parent_many_blocks_later_is_found(tmp_path: Path) -> None:
    n = 140_000
    rows = pl.DataFrame({"id": [f"k{i}" for i in range(n)], "problem": [f"{i}?" for i in range(n)]})
    parents = pl.Series([[f"k{n - 1}"], *[None] * (n - 2), ["k0"]], dtype=pl.List(pl.String))
    rows.with_columns(parents=parents).write_parquet(tmp_path / "raw.parquet")
    frame = both_ways(tmp_path, tmp_path / "raw.parquet")
    assert frame["parents"].drop_nulls().to_list() == [[frame["id"][-1]], [frame["id"][0]]]


def test_stages_know_kin_by_the_names_of_the_file(tmp_path: Path) -> None:
    child = {"id": "k2", "problem": STORY.replace("red", "crimson"), "parents": ["k1"]}
    raw = put(tmp_path / "raw.jsonl", child, {"id": "k1", "problem": STORY})
    assert dedup(read(raw))["reject"].null_count() == 2
    assert whole(dedup(spill(raw, folder=tmp_path / "kin")))["reject"].null_count() == 2
    item = put(tmp_path / "items.jsonl", {"problem": STORY})
    far = put(
        tmp_path / "far.jsonl", {**child, "problem": "Another story with 99 birds?"}, {"id": "k1", "problem": STORY}
    )
    assert decontaminate(read(far), against=[str(item)])["reject"].to_list() == ["leak", "leak"]
