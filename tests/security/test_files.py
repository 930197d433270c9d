"""Files of others: never written through a link, never replaced unasked, never outside the folder that was named."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.errors import MathdataError, UsageError
from mathdata.io import read, write
from mathdata.saving import atomic, atomic_write, beside, refuse_links, whole_folder
from mathdata.schema import conform

ROWS = [{"problem": f"What is {i} + 1?", "solution": f"{i} + 1 = {i + 1}", "answer": str(i + 1)} for i in range(4)]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "cur.parquet"
    path.parent.mkdir()
    conform(pl.DataFrame(ROWS)).write_parquet(path)
    return path


def modes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): oct(stat.S_IMODE(p.stat().st_mode)) for p in sorted(folder.rglob("*"))}


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o027, "0o640", "0o750"), (0o002, "0o664", "0o775")])
def test_outputs_have_the_mode_that_the_umask_leaves(
    mask: int, file: str, folder: str, rows: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    out.mkdir()
    (out / "r.yaml").write_text(f"name: r\ninput: {rows}\nstages: [dedup]\n")
    for line in (
        f"dedup {rows} -o d.parquet", f"export {rows} --format alpaca -o e.jsonl", f"push {rows} ./pushed",
        f"card {rows} -o c.md", "run r.yaml --out run",
    ):  # fmt: skip
        command = [sys.executable, "-m", "mathdata", *line.split()]
        done = subprocess.run(command, cwd=out, umask=mask, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (out / "r.yaml").unlink()
    found = modes(out)
    assert {"d.parquet", "e.jsonl", "pushed/README.md", "c.md", "run/curated.parquet", "run/report.html"} <= set(found)
    odd = {n: m for n, m in found.items() if m != (folder if (out / n).is_dir() else file)}
    assert odd == {}


def test_no_name_of_a_temporary_file_can_be_guessed_or_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({beside(tmp_path / "a.parquet") for _ in range(100)}) == 100
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr("mathdata.saving.secrets.token_hex", lambda _: "guessed")
    (tmp_path / ".out.json.guessed.part").symlink_to(victim)
    with pytest.raises(FileExistsError):
        atomic_write(tmp_path / "out.json", "theirs")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "out.json").exists()


def test_the_longest_name_that_a_file_system_takes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 247 + ".parquet")
    write(read(ROWS), path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "name", ["cur.parquet", "README.md", "croissant.json", ".cur.parquet.part", ".mathdata-push.json"]
)
def test_a_push_writes_through_no_link(name: str, cli: Callable[..., Any], rows: Path, tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "pushed"
    victim.write_text("mine")
    folder.mkdir()
    (folder / name).symlink_to(victim)
    for more in ([], ["--overwrite"]):
        done = cli("push", rows, folder, *more)
        assert victim.read_text() == "mine"
        assert done.rc == 0 or len(done.err.strip().splitlines()) == 2


@pytest.mark.parametrize("target", ["victim", "nowhere"])
def test_no_command_writes_through_a_link_or_replaces_it(
    target: str, cli: Callable[..., Any], rows: Path, tmp_path: Path
) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "nowhere").unlink(missing_ok=True)
    lines = {
        "d.parquet": ("dedup", rows, "-o"), "e.jsonl": ("export", rows, "--format", "alpaca", "-o"), "c.md": ("card", rows, "-o"),
    }  # fmt: skip
    for out, words in lines.items():
        link = tmp_path / out
        link.symlink_to(tmp_path / target)
        for more in ([], ["--overwrite"]):
            done = cli(*words, out, *more)
            assert (done.rc, len(done.err.strip().splitlines())) == (2, 2), done.err
            assert link.is_symlink()
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "name", ["lock", "recipe.json", "report.html", "models/one/log.txt", "steps/x", "curated.parquet"]
)
def test_a_run_folder_with_a_way_out_is_refused(name: str, cli: Callable[..., Any], rows: Path, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(f"name: r\ninput: {rows}\nstages: [dedup]\n")
    assert cli("run", "r.yaml", "--out", "run").rc == 0
    victim, link = tmp_path / "victim", tmp_path / "run" / name
    victim.write_text("mine")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(victim)
    done = cli("run", "r.yaml", "seed=2", "--out", "run")
    assert (done.rc, len(done.err.strip().splitlines())) == (2, 2), done.err
    assert victim.read_text() == "mine"


def test_what_the_points_of_a_sweep_share_is_no_way_out(tmp_path: Path) -> None:
    point = tmp_path / "sweep" / "points" / "one"
    point.mkdir(parents=True)
    (tmp_path / "sweep" / "steps").mkdir()
    (point / "steps").symlink_to(Path("..", "..", "steps"))
    refuse_links(point)
    (point / "steps" / "y").symlink_to("/etc")
    (point / "x").symlink_to("/etc")
    with pytest.raises(UsageError, match="leads out of its folder"):
        refuse_links(point)


def test_a_write_that_breaks_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", "old")

    def half(writer: Any, path: Path) -> None:
        with writer(path) as temp:
            (temp / "x" if temp.is_dir() else temp).write_text("half")
            raise ZeroDivisionError

    for writer, name in ((atomic, "a"), (whole_folder, "folder")):
        with pytest.raises(ZeroDivisionError):
            half(writer, tmp_path / name)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_a_push_replaces_only_what_a_push_wrote(cli: Callable[..., Any], rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "README.md").write_text("by hand")
    done = cli("push", rows, folder)
    assert done.rc == 2
    assert "README.md there was not written by a push" in done.err
    assert [p.name for p in folder.iterdir()] == ["README.md"]
    done = cli("push", rows, folder, "--overwrite", "--json")
    assert (done.rc, done.json["replaced"]) == (0, ["README.md"])
    assert "README.md" in done.err
    again = cli("push", rows, folder, "--json")
    assert (again.rc, again.json["replaced"]) == (0, [])
    (folder / "croissant.json").write_text("changed since")
    assert cli("push", rows, folder).rc == 2


def test_exports_of_one_folder_keep_their_own_entries_and_those_of_others(
    cli: Callable[..., Any], rows: Path, tmp_path: Path
) -> None:
    info = tmp_path / "dataset_info.json"
    theirs = {"mine": {"file_name": "mine.jsonl", "ranking": True}, "m.v3": {"hf_hub_url": "x/y"}}
    info.write_text(json.dumps(theirs))
    for out in ("m.v1.jsonl", "m.v2.jsonl", "m.v1.parquet"):
        assert cli("export", rows, "--format", "alpaca", "-o", out).rc == 0
    found = json.loads(info.read_text())
    assert {k: v["file_name"] for k, v in found.items() if k not in theirs} == {
        "m.v1": "m.v1.jsonl", "m.v2": "m.v2.jsonl", "m.v1.parquet": "m.v1.parquet",
    }  # fmt: skip
    assert theirs.items() <= found.items()
    for out, key in (("mine.jsonl", "mine"), ("m.v3.jsonl", "m.v3")):
        done = cli("export", rows, "--format", "alpaca", "-o", out)
        assert done.rc == 2
        assert f"its entry '{key}' was written by another hand" in done.err
        assert not (tmp_path / out).exists()
        done = cli("export", rows, "--format", "alpaca", "-o", out, "--overwrite")
        assert (done.rc, f"replaced: the entry '{key}'" in done.err) == (0, True)
    assert cli("export", rows, "--format", "gsm8k", "-o", "mine.jsonl", "--overwrite").rc == 0, "ours by now"


@pytest.mark.parametrize(
    "revision", ["../../../out", "/etc", "a/../../../../out", "..", "%2e%2e/x", "-x", "a b", "x" * 300]
)
@pytest.mark.parametrize("hub", ["hf", "modelscope"])
def test_no_revision_leads_out_of_the_cache(
    hub: str, revision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MATHDATA_CACHE", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    for name in ("HF_ENDPOINT", "MODELSCOPE_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(MathdataError, match="is no revision"):
        read(f"{hub}://owner/name?revision={revision}&split=train")
    assert os.listdir(tmp_path) == []
