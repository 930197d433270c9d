"""Digests of files: every byte counts, a large file is read once, and no rewrite passes for what stood there before."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from mathdata import digests
from mathdata.digests import cache_folder, file_digest, tree_digest
from mathdata.manifest import sha256_of

SIZE = (1 << 20) + 5


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that is really read; a cache of its own, and nothing remembered in this process."""
    monkeypatch.setenv("MATHDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "_remembered", {})
    monkeypatch.setattr(digests, "SETTLED", 0.05)
    found: list[Path] = []
    real = digests._read
    monkeypatch.setattr(digests, "_read", lambda path: found.append(path) or real(path))
    return found


def large(path: Path, fill: bytes = b"a") -> Path:
    path.write_bytes(fill * SIZE)
    time.sleep(0.1)  # settled: a later change has a later time
    return path


def test_a_file_is_known_by_its_whole_content(reads: list[Path], tmp_path: Path) -> None:
    path = large(tmp_path / "weights")
    assert file_digest(path) == hashlib.sha256(b"a" * SIZE).hexdigest() == sha256_of(path)


def test_a_large_file_is_read_once_in_a_process_and_in_the_next_one(
    reads: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = large(tmp_path / "weights")
    first = file_digest(path)
    monkeypatch.setattr(digests, "_remembered", {})  # another process
    assert file_digest(path) == first
    assert reads == [path]


def test_a_rewrite_of_the_same_size_with_the_old_time_is_seen(reads: list[Path], tmp_path: Path) -> None:
    path = large(tmp_path / "weights")
    first, told = file_digest(path), path.stat()
    with path.open("r+b") as f:
        f.seek(SIZE // 2)
        f.write(b"b")
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (told.st_size, told.st_mtime_ns, told.st_ino)
    assert file_digest(path) != first


def test_a_file_put_in_the_place_of_another_is_seen(reads: list[Path], tmp_path: Path) -> None:
    path, other = large(tmp_path / "weights"), large(tmp_path / "other", b"b")
    first, told = file_digest(path), path.stat()
    os.utime(other, ns=(told.st_atime_ns, told.st_mtime_ns))
    os.replace(other, path)
    assert file_digest(path) != first


def test_what_was_written_just_now_is_not_remembered(
    reads: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED", 3600.0)
    path = large(tmp_path / "weights")
    assert file_digest(path) == file_digest(path)
    assert len(reads) == 2


def test_a_large_file_written_just_now_is_waited_for_and_read_once(
    reads: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "LARGE", SIZE)
    monkeypatch.setattr(digests, "SETTLED", 0.3)
    path = tmp_path / "weights"
    path.write_bytes(b"a" * SIZE)
    assert file_digest(path) == file_digest(path)
    assert len(reads) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"key": 1}', b'{"key": KEY, "sha256": "short"}'])
def test_a_damaged_note_is_no_note(
    damage: bytes, reads: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = large(tmp_path / "weights")
    first = file_digest(path)
    (note,) = (tmp_path / "cache" / "digests").iterdir()
    key = note.read_bytes().split(b'"sha256"')[0].split(b'"key": ')[1].rstrip(b", ")
    note.write_bytes(damage.replace(b"KEY", key))
    monkeypatch.setattr(digests, "_remembered", {})
    assert file_digest(path) == first
    assert len(reads) == 2


def test_no_place_to_remember_in_costs_a_reading_and_nothing_else(
    reads: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    monkeypatch.setenv("MATHDATA_CACHE", str(tmp_path / "file" / "cache"))
    path = large(tmp_path / "weights")
    assert file_digest(path) == hashlib.sha256(b"a" * SIZE).hexdigest()


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ({"MATHDATA_CACHE": "/a"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/mathdata"),
        ({"XDG_CACHE_HOME": "not absolute", "HOME": "/c"}, "/c/.cache/mathdata"),
        ({"HOME": "/c"}, "/c/.cache/mathdata"),
    ],
)
def test_the_cache_stands_where_the_user_keeps_caches(
    named: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MATHDATA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(place)


def test_a_folder_is_known_by_names_and_contents_through_links(tmp_path: Path) -> None:
    (tmp_path / "a" / "inside").mkdir(parents=True)
    (tmp_path / "a" / "inside" / "x").write_text("1")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    first = tree_digest(tmp_path / "a")
    assert tree_digest(tmp_path / "b") == first
    (tmp_path / "a" / "inside" / "round").symlink_to(tmp_path / "a")  # a circle ends
    assert tree_digest(tmp_path / "a") == first
    (tmp_path / "a" / "inside" / "x").rename(tmp_path / "a" / "inside" / "y")
    assert tree_digest(tmp_path / "a") != first
