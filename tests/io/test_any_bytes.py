"""Laws of reading and writing: any bytes give rows or a named error, and partitions are written as one table."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mathdata.errors import DataError, MathdataError
from mathdata.io import keep, read, spill, write
from mathdata.manifest import count_rows
from mathdata.stages.dedup import dedup
from mathdata.types import Partitions

NOISE = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            ['{"problem": "a", "answer": 1}', '{"problem": "b"', "[1]", "", '"', ",", "{", "\x00", "é", "a,b", "1,2"]
        )
    ).map(lambda parts: "\n".join(parts).encode()),
)


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x.tsv", "x.parquet", "x.jsonl.gz", "x.jsonl.zst"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=NOISE)
@example(data=b'{"problem": "a"}\n{"problem": {"b": [1, {"c": null}]}}\n{"problem": 1e999}')
@example(data=b'problem,answer\n"unclosed,1\n')
@example(data=b"problem,problem\n1,2\n")
@example(data=b'{"problem": "a", "": 1, "id": [], "parents": {"x": 1}, "messages": 5, "reject": true}')
@example(data=b'{"conversations": [1, null, {"from": 3}]}\n{"conversations": "text"}')
def test_any_bytes_are_rows_or_a_named_error(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    try:
        frame = read(path, max_broken=1.0)
    except MathdataError as error:
        named = bool(error.hint) and "x." in error.message
        frame = None
    if frame is None:
        assert named, "the error names the file and says what to do"
        return
    assert frame["id"].null_count() == frame["origin"].null_count() == 0
    kept: Any = keep(frame)
    assert kept["problem"].null_count() == 0
    assert kept["problem"].str.contains("\0", literal=True).sum() == 0


VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUE, min_size=1, max_size=5))
def test_a_users_column_of_any_kind_travels_along(tmp_path: Path, values: list[Any]) -> None:
    lines = [json.dumps({"problem": f"{n}?", "answer": str(n), "mine": v}) for n, v in enumerate(values)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    frame = read(tmp_path / "a.jsonl", max_broken=1.0)
    assert frame.height == len(values)
    good: Any = keep(frame)
    given_values = [v for v in values if v not in (None, {}, []) and not isinstance(v, dict)]
    assert good["mine"].len() - good["mine"].null_count() >= len(given_values) - (len(values) - good.height)
    write(frame, tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet").equals(frame)


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv", "jsonl.gz", "json"])
def test_partitions_are_written_as_one_table(tmp_path: Path, kind: str) -> None:
    rows = read([{"problem": f"{n}?", "answer": str(n)} for n in range(30)])
    files = []
    for n in range(3):
        files.append(tmp_path / f"{n}.parquet")
        write(rows[n * 10 : n * 10 + 10], files[-1])
    write(Partitions(tuple(files)), tmp_path / f"out.{kind}")
    assert read(tmp_path / f"out.{kind}").equals(rows)
    assert read(Partitions(tuple(files))).equals(rows)


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv", "jsonl.gz", "jsonl.zst", "json"])
def test_equal_rows_are_equal_bytes_however_they_lie_in_memory(tmp_path: Path, kind: str) -> None:
    """More rows than a row group of parquet or a batch of lines; lists and objects among them."""
    rows = [{"problem": f"题 {n}", "tags": [str(n)] if n % 2 else None, "meta": {"n": n}} for n in range(70_000)]
    whole = read(rows)
    pieces = pl.concat([whole[n : n + 9_001] for n in range(0, len(rows), 9_001)], rechunk=False)
    one, other = (write(frame, tmp_path / f"{n}.{kind}") for n, frame in enumerate((whole, pieces)))
    assert one.read_bytes() == other.read_bytes()


def test_partitions_keep_only_what_no_stage_rejected(tmp_path: Path) -> None:
    rows = read([{"problem": f"{n}?", "answer": str(n)} for n in range(4)])
    write(rows.with_columns(reject=pl.Series([None, "leak", None, "leak"])), tmp_path / "a.parquet")
    kept = read(keep(Partitions((tmp_path / "a.parquet",))))
    assert kept["answer"].to_list() == ["0", "2"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    rows = read([{"problem": "a"}])
    write(rows, tmp_path / "a.csv")
    old = (tmp_path / "a.csv").read_bytes()
    with pytest.raises(Exception, match=r".+"):
        write(Partitions((tmp_path / "missing.parquet",)), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("name", ["keys.jsonl", "keys.json"])
def test_a_key_of_its_own_in_every_row_is_refused_in_bounded_time_and_memory(tmp_path: Path, name: str) -> None:
    rows = [{"problem": "a", f"key{n}": 1} for n in range(60_000)]
    text = json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows))
    (tmp_path / name).write_text(text)
    started = time.process_time()
    with pytest.raises(DataError, match="more than 1,000 columns"):
        read(tmp_path / name)
    assert time.process_time() - started < 10


def test_objects_keyed_by_an_id_become_text_and_keep_their_content(tmp_path: Path) -> None:
    rows = [
        {"problem": f"{n}?", "meta": {f"id{n}": n}, "messages": [{"role": "user", "content": "x"}]} for n in range(6000)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    frame = read(tmp_path / "a.jsonl")
    assert [json.loads(m) for m in frame["meta"].to_list()] == [r["meta"] for r in rows]
    assert frame["messages"].dtype == pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def test_partitions_of_several_inputs_have_one_schema(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"problem": "a", "mine": 1},
        {"problem": "b", "mine": {"x": [1]}},
        {"problem": "c", "other": "z"},
    ]
    for n, row in enumerate(rows):
        (tmp_path / f"{n}.jsonl").write_text(json.dumps(row) + "\n")
    table = spill(*(tmp_path / f"{n}.jsonl" for n in range(3)), folder=tmp_path / "parts")
    frame = pl.concat([pl.read_parquet(f) for f in table.files])
    assert frame["mine"].to_list() == ["1", '{"x": [1]}', None]
    assert frame["other"].to_list() == [None, None, "z"]


def test_a_table_without_rows_streams_through_a_stage(tmp_path: Path) -> None:
    pl.DataFrame(schema={"problem": pl.String, "mine": pl.Int64}).write_parquet(tmp_path / "none.parquet")
    made = dedup(spill(tmp_path / "none.parquet", folder=tmp_path / "parts"))
    assert count_rows(made) == 0
    assert "mine" in pl.read_parquet(made.files[0]).columns
