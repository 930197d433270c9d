"""What may come in: how deep, how long, how much; every reader of foreign bytes asks here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mathdata.errors import DataError

__all__ = [
    "BOMB_BYTES",
    "BOMB_RATIO",
    "MAX_DEPTH",
    "SMALL_FILE",
    "bomb",
    "depth_of",
    "may_be_deep",
    "read_json",
    "read_small",
]

MAX_DEPTH = 64
"""Brackets of JSON inside each other: a kind is made for each level, and 400 levels took gigabytes."""
BOMB_BYTES, BOMB_RATIO = 64 << 20, 200
"""What is compressed or encoded may not grow to more than BOMB_RATIO times its size once it is beyond BOMB_BYTES."""
SMALL_FILE = 8 << 20
"""Bytes of a file that is read whole: prompts, quotas, lexicons, templates, keys."""


def bomb(path: Path) -> DataError:
    """The error for a file that grows out of all proportion."""
    size = path.stat().st_size
    return DataError(
        f"{path}: grows to more than {BOMB_RATIO} times its {size:,} bytes (a decompression bomb?)",
        "if the file is honest, write its rows as plain JSON lines and give that file",
    )


def may_be_deep(data: bytes, lines: int) -> bool:
    """Whether a block could hold a line deeper than MAX_DEPTH, told by its brackets alone (a line has one of its own)."""
    return data.count(b"{") + data.count(b"[") - lines >= MAX_DEPTH


def depth_of(data: bytes) -> int | None:
    """How deep the brackets of JSON lines stand inside each other; None where a line ends inside a string.

    Brackets inside strings do not count. Array operations only: a block of 16 MB takes a fraction of a second.
    """
    plain = np.frombuffer(data.replace(b"\\\\", b"__").replace(b'\\"', b"__"), dtype=np.uint8)
    inside = np.cumsum(plain == ord('"'), dtype=np.uint8) & 1
    if inside[plain == ord("\n")].any():
        return None
    opened = ((plain == ord("{")) | (plain == ord("["))) & (inside == 0)
    closed = ((plain == ord("}")) | (plain == ord("]"))) & (inside == 0)
    places = np.flatnonzero(opened | closed)
    steps = np.where(opened[places], 1, -1).astype(np.int32)
    return int(np.cumsum(steps).max(initial=0))


def read_small(path: Path, what: str, most: int = SMALL_FILE) -> str:
    """The text of a small file. Raises DataError where it is larger, compressed or not UTF-8, OSError where it is not there."""
    with path.open("rb") as f:
        data = f.read(most + 1)
    if len(data) > most:
        raise DataError(f"{path}: more than {most:,} bytes, too many for {what}", "is it the file you meant?")
    if data[:2] == b"\x1f\x8b" or data[:4] == b"\x28\xb5\x2f\xfd":
        raise DataError(f"{path}: a compressed file, where {what} is plain text", "decompress it first")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}", "save it as UTF-8") from None


def read_json(text: str, where: str) -> Any:
    """JSON that a person wrote. Raises DataError for what is none, or is nested deeper than MAX_DEPTH."""
    data = text.encode("utf-8", "replace").replace(b"\n", b" ")
    if may_be_deep(data, 1) and (depth_of(data) or 0) > MAX_DEPTH:
        raise DataError(f"{where}: brackets nested deeper than {MAX_DEPTH}", "flatten it")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {error}", "check it at that place") from None
