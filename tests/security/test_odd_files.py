"""Files that are none, folders that name other files, names that are no text: refused in two lines, nothing replaced."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from mathdata.backends._wire import _usage
from mathdata.backends.money import find_price
from mathdata.digests import files_below
from mathdata.errors import DataError, MathdataError, UsageError
from mathdata.identity import folder_digest
from mathdata.io import read
from mathdata.saving import atomic_write

ROW = {"problem": "What is 1 + 1?", "answer": "2", "solution": "1 + 1 = 2"}


def mathdata(folder: Path, *args: str | bytes) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "mathdata", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)  # type: ignore[arg-type]


def refused(done: subprocess.CompletedProcess[str], *words: str) -> bool:
    kinds = [line.partition(":")[0] for line in done.stderr.strip().splitlines()]
    return kinds == ["error", "hint"] and "defect" not in done.stderr and all(w in done.stderr for w in words)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/stdin", "pipe.jsonl"])
def test_a_device_or_a_pipe_is_no_input_and_is_called_what_it_is(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert refused(mathdata(tmp_path, "dedup", name, "-o", "out.jsonl"), "a device or a pipe")


def test_a_link_in_a_circle_is_called_a_link(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").symlink_to("rows.jsonl")
    with pytest.raises(DataError, match="a link that leads nowhere"):
        read(tmp_path / "rows.jsonl")


def test_no_pipe_is_replaced_by_an_output(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW))
    os.mkfifo(tmp_path / "out.jsonl")
    done = mathdata(tmp_path, "dedup", "rows.jsonl", "-o", "out.jsonl", "--overwrite")
    assert refused(done, "a device or a pipe")
    with pytest.raises(UsageError):
        atomic_write(tmp_path / "out.jsonl", "text")
    assert stat.S_ISFIFO((tmp_path / "out.jsonl").stat().st_mode)


@pytest.mark.parametrize("place", ["input", "output", "column"])
def test_a_name_that_is_not_text_is_refused_in_two_lines(place: str, tmp_path: Path) -> None:
    bad = b"b\xff.jsonl"
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW))
    given: dict[str, list[str | bytes]] = {
        "input": [bad, "-o", "out.jsonl"], "output": ["rows.jsonl", "-o", bad],
        "column": ["rows.jsonl", "-o", "out.jsonl", "--column", b"problem=" + bad],
    }  # fmt: skip
    assert refused(mathdata(tmp_path, "dedup", *given[place]), "not UTF-8")


STATES = {
    "a list": [],
    "no files": {"_data_files": []},
    "files as text": {"_data_files": "x"},
    "numbers as names": {"_data_files": [{"filename": 5}, None]},
    "a folder's name": {"_data_files": [{"filename": ".."}]},
    "another folder's file": {"_data_files": [{"filename": "../victim.arrow"}]},
    "the root's file": {"_data_files": [{"filename": "/etc/passwd"}]},
    "a device": {"_data_files": [{"filename": "/dev/zero"}]},
}


@pytest.mark.parametrize("name", STATES)
def test_the_state_of_a_saved_data_set_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    with pa.ipc.new_stream(tmp_path / "victim.arrow", pa.schema({"problem": pa.string()})) as f:
        f.write(pa.record_batch({"problem": ["theirs"]}))
    (saved / "state.json").write_text(json.dumps(STATES[name]))
    with pytest.raises(DataError, match=r"state\.json"):
        read(saved)


@pytest.mark.parametrize("told", ["[]", "{}", '{"splits": 5}', '{"splits": ["../../x"]}', "{", "[" * 5000])
def test_the_splits_of_a_saved_data_set_are_its_own(told: str, tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text(told)
    with pytest.raises(DataError, match=r"dataset_dict\.json"):
        read(tmp_path)


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"{}\n" * 5000, mtime=0), b"\x28\xb5\x2f\xfd" + bytes(9), b"PAR1" + bytes(9)]
)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.jsonl.gz"])
def test_packed_rows_under_a_plain_name_are_named(packed: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(packed, mtime=0) if name.endswith(".gz") else packed)
    with pytest.raises(DataError, match="where its name promises text"):
        read(tmp_path / name)


def test_a_table_of_many_columns_is_refused_before_it_is_built(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("problem,answer," + ",".join(f"c{i}" for i in range(200_000)) + "\n1,2\n")
    with pytest.raises(DataError, match="more than 1,000 columns"):
        read(tmp_path / "wide.csv")
    (tmp_path / "long.csv").write_text("x" * (5 << 20))
    with pytest.raises(DataError, match="the header is longer"):
        read(tmp_path / "long.csv")
    (tmp_path / "commas.csv").write_text('problem,answer,"' + "," * 2000 + '"\nWhat is 1 + 1?,2,\n')
    assert read(tmp_path / "commas.csv").height == 1


@pytest.mark.parametrize("kind", ["rows of nothing", "one list without end"])
def test_parquet_rows_and_lists_that_weigh_nothing_are_counted(kind: str, tmp_path: Path) -> None:
    empty = {"problem": pa.nulls(2_000_000), "answer": pa.nulls(2_000_000)}
    endless = {"problem": ["q"], "answer": ["1"], "more": [[0] * 9_000_000]}
    parquet.write_table(pa.table(empty if kind == "rows of nothing" else endless), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="bomb"):
        read(tmp_path / "x.parquet")


@pytest.mark.parametrize("base", ["", ".", "/"])
def test_an_adapter_without_a_base_has_nobody_elses_files_read(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    adapter, work = tmp_path / "adapter", tmp_path / "work"
    adapter.mkdir()
    work.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    monkeypatch.chdir(work)
    before = folder_digest(adapter)
    (work / "secret.txt").write_text("theirs")
    assert folder_digest(adapter) == before


def test_a_link_out_of_a_models_folder_does_not_read_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mathdata.digests.MAX_FILES", 20)
    model, disk = tmp_path / "model", tmp_path / "disk"
    model.mkdir()
    disk.mkdir()
    for n in range(30):
        (disk / f"{n}.txt").write_text("theirs")
    (model / "away").symlink_to(disk)
    with pytest.raises(MathdataError, match="more than 20 files"):
        files_below(model)


def test_an_object_of_millions_of_values_is_refused_before_they_are_made(tmp_path: Path) -> None:
    packed = gzip.compress(b'{\n"data":[' + b"{}," * 5_100_000 + b"{}]}", mtime=0)
    (tmp_path / "rows.json.gz").write_bytes(packed)
    with pytest.raises(DataError, match="values in one object"):
        read(tmp_path / "rows.json.gz")


@pytest.mark.parametrize(("told_in", "told_out"), [(-5, -(10**30)), (5, -1), (-1, 5), (5, 10**30), (float("nan"), 5)])
def test_a_server_gives_no_budget_back_with_negative_counts(told_in: float, told_out: int) -> None:
    assert _usage({"prompt_tokens": told_in, "completion_tokens": told_out}, 2) == [(0, None)] * 2


def test_a_table_of_prices_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATHDATA_PRICES", "/dev/zero")
    with pytest.raises(MathdataError, match="cannot read the prices"):
        find_price("gpt-4o")
