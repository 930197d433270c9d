"""The local engine: pieces, shuffles, progress, and an engine that cannot run a stage."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mathdata.engines.local import LocalEngine
from mathdata.errors import DataError, UsageError
from mathdata.schema import conform
from mathdata.stages.dedup import dedup
from mathdata.types import Context, Frame, Partitions


def files(folder: Path, *sizes: int) -> Partitions:
    made = []
    for i, size in enumerate(sizes):
        path = folder / f"{i}.parquet"
        start = sum(sizes[:i])
        pl.DataFrame({"n": range(start, start + size), "key": [k % 5 for k in range(size)]}).with_columns(
            pl.col("key").cast(pl.UInt64)
        ).write_parquet(path)
        made.append(path)
    return Partitions(tuple(made))


def test_a_shuffle_brings_equal_keys_together_and_keeps_their_order(tmp_path: Path) -> None:
    engine = LocalEngine(scratch=tmp_path / "s")
    table = files(tmp_path, 40, 0, 60)
    made = engine.shuffle(table, "key", 3)
    parts = list(engine.frames(made))
    assert sum(p.height for p in parts) == 100
    for part in parts:
        assert part["n"].is_sorted()
    homes = [set(p["key"]) for p in parts]
    assert not homes[0] & homes[1]
    assert not homes[1] & homes[2]
    assert not list((tmp_path / "s").rglob("*.split"))


def test_numbered_rows_know_their_place_in_the_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mathdata.engines._parts.PIECE_ROWS", 7)
    engine = LocalEngine(scratch=tmp_path / "s")
    made = engine.collect(engine.map(files(tmp_path, 20, 10), _same, numbered=True))
    assert made["_n"].to_list() == made["n"].to_list() == list(range(30))


def _same(frame: Frame) -> Frame:
    return frame


def test_progress_counts_the_pieces(tmp_path: Path) -> None:
    rows = conform(pl.DataFrame({"problem": ["a", "b", "a"]}))
    rows.write_parquet(tmp_path / "in.parquet")
    told: list[tuple[int, int | None]] = []
    ctx = Context(progress=lambda done, total=None, note="": told.append((done, total)))
    dedup(Partitions((tmp_path / "in.parquet",)), engine=LocalEngine(scratch=tmp_path / "s"), ctx=ctx)
    assert told
    assert all(total and done <= total for done, total in told)


def test_an_engine_of_another_kind_is_refused() -> None:
    class Other:
        name = "other"

    with pytest.raises(UsageError, match="other"):
        dedup(conform(pl.DataFrame({"problem": ["a"]})), engine=Other())  # type: ignore[arg-type]


def test_a_cluster_that_is_not_there_is_said_at_once() -> None:
    pytest.importorskip("ray")
    from mathdata.engines.ray import RayEngine

    with pytest.raises(DataError, match=r"no Ray cluster answers at 127.0.0.1:1: .*refused"):
        RayEngine(address="127.0.0.1:1").start()
