"""sha256 of files by every byte; large ones are read once and remembered by what the file system says of them."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

from mathdata.errors import DataError

__all__ = ["cache_folder", "file_digest", "file_stamp", "files_below", "tree_digest"]

SMALL = 1 << 20
"""Bytes up to which reading a file is quicker than remembering it."""
LARGE = 256 << 20
"""Bytes from which a file that was written just now is worth waiting for."""
MAX_FILES = 100_000
"""Files below a folder that is read as one: a link in a model's folder could lead to the whole disk."""
SETTLED = 2.0
"""Seconds after its last change from which a file's times tell every later change: the coarsest clock of a file system."""

Key = tuple[str, int, int, int, int, int]

_remembered: dict[Key, str] = {}


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, in hex.

    A file over 1 MB is remembered by path, size, inode, device and its times of modification *and* of change: the last
    cannot be set back, so a rewrite of the same size with the old modification time is read again. What was changed
    less than two seconds ago is not remembered: a second change could stand under the same time.
    """
    path = path.absolute()
    before = _key(path)
    if before[1] < SMALL:
        return _read(path)
    known = _remembered.get(before) or _stored(before)
    if known is None:
        settled = _settled(before)
        known = _read(path)
        if not settled or _key(path) != before:
            return known
        _store(before, known)
    _remembered[before] = known
    return known


def file_stamp(path: str | Path | None) -> tuple[int, ...]:
    """What the file system says of a file: another one where it has changed; nothing where it is not there."""
    try:
        return _key(Path(path))[1:] if path is not None else ()
    except OSError:
        return ()


def tree_digest(folder: Path) -> str:
    """sha256 over the names and contents of all files below a folder, links followed."""
    total = hashlib.sha256()
    for name, path in files_below(folder):
        total.update(
            f"{name}\0{file_digest(path) if path.is_file() else 'leads nowhere'}\0".encode("utf-8", "surrogatepass")
        )
    return total.hexdigest()


def files_below(folder: Path, skip_folders: frozenset[str] = frozenset()) -> list[tuple[str, Path]]:
    """(name relative to the folder, path) of every file, in name order; linked folders are entered, each once."""
    found, seen = [], set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(d for d in folders if d not in skip_folders)
        found += [(str((Path(here) / f).relative_to(folder)), Path(here) / f) for f in files]
        if len(found) > MAX_FILES:
            raise DataError(f"{folder}: more than {MAX_FILES:,} files below it", "does a link in it lead out of it?")
    return sorted(found)


def cache_folder() -> Path | None:
    """MATHDATA_CACHE, else mathdata in the user's cache folder; None where the user has no home. It may not exist."""
    if named := os.environ.get("MATHDATA_CACHE"):
        return Path(named)
    if (shared := os.environ.get("XDG_CACHE_HOME", "")).startswith("/"):
        return Path(shared) / "mathdata"
    try:
        return Path.home() / ".cache" / "mathdata"
    except RuntimeError:
        return None


def _key(path: Path) -> Key:
    told = path.stat()
    return str(path), told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino, told.st_dev


def _settled(key: Key) -> bool:
    """Whether a later change would show in the file's times; a large file is waited for rather than read twice."""
    age = time.time() - key[3] / 1e9
    if 0 <= age <= SETTLED and key[1] >= LARGE:
        time.sleep(SETTLED - age + 0.01)
        return True
    return age > SETTLED


def _read(path: Path) -> str:
    made, buffer = hashlib.sha256(), memoryview(bytearray(1 << 18))
    with path.open("rb", buffering=0) as f:
        while size := f.readinto(buffer):
            made.update(buffer[:size])
    return made.hexdigest()


def _place(key: Key) -> Path | None:
    """One small file for each path: two processes never lose each other's, and a path that is written anew needs no other."""
    home = cache_folder()
    return None if home is None else home / "digests" / f"{hashlib.sha256(key[0].encode()).hexdigest()[:32]}.json"


def _stored(key: Key) -> str | None:
    place = _place(key)
    try:
        said = json.loads(place.read_text(encoding="utf-8")) if place else None
        if not isinstance(said, dict) or said["key"] != list(key):
            return None
        digest = str(said["sha256"])
    except (OSError, ValueError, KeyError):
        return None
    return digest if len(digest) == 64 and set(digest) <= set("0123456789abcdef") else None


def _store(key: Key, digest: str) -> None:
    """Remember across processes; where nothing can be written the file is read again next time."""
    from mathdata.manifest import atomic_write

    place = _place(key)
    try:
        if place is not None:
            atomic_write(place, json.dumps({"key": key, "sha256": digest}))
    except OSError:
        return
