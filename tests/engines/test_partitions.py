"""The same rows whatever the engine and the partitioning: local streaming and a real Ray cluster."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.engines.local import LocalEngine
from mathdata.schema import conform, sort_rows
from mathdata.stages.decontaminate import decontaminate
from mathdata.stages.dedup import dedup
from mathdata.stages.sample import sample
from mathdata.types import Frame, Partitions, Table

rng = random.Random(4)


def problem(i: int) -> str:
    a, b = i % 83, i % 41
    return [
        f"计算 {a} + {b} 等于多少？",
        f"计算{a}+{b}等于多少?",
        f"Tom has {a} red apples. He buys {b} more apples at the store near his house. How many apples are there in all?",
        f"He buys {b} more apples at the store near his house. Tom has {a} crimson apples. How many apples are there in all?",
    ][rng.randrange(4)]


def corpus(n: int) -> Frame:
    rows = conform(
        pl.DataFrame(
            {
                "problem": [problem(i) for i in range(n)],
                "solution": [f"{i % 83} + {i % 41} = {i % 83 + i % 41}" for i in range(n)],
                "answer": [str(i % 83 + i % 41 + (i % 97 == 0)) for i in range(n)],
            }
        )
    )
    parents = [[rows["id"][i - 5]] if i % 10 == 7 else None for i in range(n)]
    return rows.with_columns(parents=pl.Series(parents, dtype=pl.List(pl.String)))


ROWS = corpus(3_000)


def partitions(folder: Path, sizes: tuple[int, ...]) -> Partitions:
    files, at = [], 0
    for i, size in enumerate(sizes):
        path = folder / f"{i}.parquet"
        ROWS.slice(at, size).write_parquet(path)
        files.append(path)
        at += size
    assert at == ROWS.height
    return Partitions(tuple(files))


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("items") / "items.parquet"
    ROWS.sample(40, seed=2).select("problem", "answer").write_parquet(path)
    return str(path)


def stages(items: str) -> dict[str, Any]:
    return {
        "dedup exact": partial(dedup, level="exact"),
        "dedup near": dedup,
        "dedup problem": partial(dedup, on="problem", keep="longest"),
        "dedup against": partial(dedup, against=[items]),
        "decontaminate": partial(decontaminate, against=[items]),
        "sample": partial(sample, n=700, max_per_template=300),
        "nested": partial(sample, sizes=["64", "256", "full"], by=["language"]),
    }


NAMES = list(stages(""))


def same_bytes(a: Table, b: Table, engine: LocalEngine) -> bool:
    left, right = sort_rows(engine.collect(a)), sort_rows(engine.collect(b))
    return bool(left.equals(right)) and left.schema == right.schema


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", [(1_000, 0, 1, 1_999), (300,) * 10])
def test_partitions_give_the_rows_of_the_frame(
    name: str, sizes: tuple[int, ...], items: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mathdata.engines._parts.PIECE_ROWS", 700)
    monkeypatch.setattr("mathdata.stages.dedup.PART_ROWS", 400)
    stage, engine = stages(items)[name], LocalEngine(scratch=tmp_path / "scratch")
    made = stage(partitions(tmp_path, sizes), engine=engine)
    assert isinstance(made, Partitions)
    assert same_bytes(made, stage(ROWS), engine)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    ray = pytest.importorskip("ray")
    from mathdata.engines.ray import RayEngine

    yield RayEngine(workers=2, scratch=tmp_path_factory.mktemp("shared"))
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_ray_gives_the_rows_of_local(name: str, items: str, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mathdata.engines.ray.PIECE_ROWS", 1_600)
    monkeypatch.setattr("mathdata.stages.dedup.PART_ROWS", 1_000)
    stage = stages(items)[name]
    made = stage(ROWS, engine=cluster)
    assert isinstance(made, pl.DataFrame)
    assert same_bytes(made, stage(ROWS), cluster)


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(cluster: Any, tmp_path: Path) -> None:
    marks = tmp_path / "pids"
    marks.mkdir()

    def kernel(frame: Frame) -> Frame:
        (marks / f"{os.getpid()}.pid").touch()
        time.sleep(1.5)  # long enough to be killed in the middle
        return frame.with_columns(seen=pl.lit(True))

    killer = subprocess.Popen([sys.executable, "-c", KILLER, str(marks)])
    table = partitions(tmp_path, (300,) * 10)
    made = cluster.map(table, kernel)
    assert killer.wait(timeout=60) == 0
    rows = cluster.collect(made)
    assert rows.drop("seen").equals(ROWS)
    assert rows["seen"].all()


KILLER = f"""
import os, sys, time, pathlib
folder = pathlib.Path(sys.argv[1])
for _ in range(600):
    found = sorted(folder.glob("*.pid"))
    if found:
        time.sleep(0.3)
        os.kill(int(found[0].stem), {int(signal.SIGKILL)})
        sys.exit(0)
    time.sleep(0.05)
sys.exit(1)
"""


@pytest.mark.slow
def test_a_corpus_larger_than_the_memory_limit_goes_through_the_command(tmp_path: Path) -> None:
    """1.9 GB of lines under a limit of 900 MB of data, of which polars' threads and code take a part."""
    text = (
        "Tom has {} red apples and buys {} more at the store number {}. " + "He counts them slowly. " * 80 + "How many?"
    )
    with (tmp_path / "raw.jsonl").open("wb") as f:
        for part in range(40):
            n = range(part * 20_000, part * 20_000 + 20_000)
            rows = pl.DataFrame({"problem": [text.format(i, i % 7, i % 1000) for i in n]})
            pl.concat([rows, rows.sample(5000, seed=part)]).write_ndjson(f)
    assert (tmp_path / "raw.jsonl").stat().st_size > 1_900_000_000
    limit = (900 << 20, 900 << 20)
    done = subprocess.run(
        [sys.executable, "-m", "mathdata", "dedup", "raw.jsonl", "-o", "out.parquet", "--level", "normal", "--json"],
        capture_output=True, text=True, timeout=280, cwd=tmp_path, env=os.environ | {"MATHDATA_SCRATCH": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, limit),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    made = json.loads(done.stdout)
    assert (made["rows_in"], made["rejected"]) == (1_000_000, {"exact-duplicate": 200_000})
    assert made["peak_mb"] < 900
