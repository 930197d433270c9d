"""A JSON array of rows, element by element: a file of many gigabytes needs no more memory than one of its blocks."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mathdata.errors import DataError
from mathdata.lines import MAX_LINE, Parsed, check_encoding, guess, open_bytes, parse_block, too_wide
from mathdata.ndjson import TooWide

__all__ = ["array_parts", "is_array"]

WRAPPERS = ("data", "rows", "examples", "instances", "train", "problems", "questions")
WHOLE, VALUES = 256 << 20, 5_000_000
"""An object around the array must be read whole: it may have so many bytes, and so many values (each takes a hundred)."""
BLOCK = 8 << 20


def is_array(path: Path) -> bool:
    """A JSON array, or one object over several lines, rather than JSON lines."""
    with open_bytes(path) as f:
        head = check_encoding(path, f.read(1 << 16)).lstrip()
    return head.startswith(b"[") or re.match(rb"\{\s*[\r\n]", head) is not None


def array_parts(path: Path) -> Iterator[Parsed]:
    """The elements of a JSON array, or of the one list inside an object; numbered from 1. Raises DataError."""
    first, rows, weight = 1, list[bytes](), 0
    try:
        for value in elements(path):
            rows.append(json.dumps(value).encode() + b"\n")
            weight += len(rows[-1])
            if weight > BLOCK:
                yield parse_block(b"".join(rows), first, len(rows))
                first, rows, weight = first + len(rows), [], 0
        if rows:
            yield parse_block(b"".join(rows), first, len(rows))
    except UnicodeDecodeError as e:
        where = f"0x{e.object[e.start]:02x} at byte {e.start}"
        raise DataError(f"{path}: not UTF-8: byte {where}", guess(path, e.object)) from e
    except RecursionError as e:
        raise DataError(f"{path}: brackets nested too deep", "give one flat object a row") from e
    except ValueError as e:
        raise DataError(f"{path}: not JSON: {e}", "one row a line is safer: .jsonl") from e
    except TooWide:
        raise too_wide(str(path)) from None


def elements(path: Path) -> Iterator[Any]:
    """The values in the outermost brackets, one at a time. Raises ValueError where it is not JSON."""
    with open_bytes(path) as f:
        head = check_encoding(path, f.read(BLOCK))
        if not head.lstrip().startswith(b"["):
            yield from wrapped(path, head + read_rest(path, f))
            return
        decoder = getincrementaldecoder("utf-8")()
        text, number, closed, ended = decoder.decode(head).lstrip()[1:], 0, False, False
        while not closed:
            at, comma = 0, number > 0
            while not closed and (found := element(text, at, comma, number + 1, ended)):
                value, at, closed = found
                if not closed:
                    number, comma = number + 1, True
                    yield value
            data = b"" if closed else f.read(BLOCK)
            ended = not data
            text = text[at:] + decoder.decode(data, final=ended)
        if text.strip() or f.read(1 << 16).strip():
            raise ValueError("something stands behind the closing bracket")


_DECODE = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"\s*")


def element(text: str, at: int, comma: bool, number: int, ended: bool) -> tuple[Any, int, bool] | None:
    """(value, place behind it, whether it was the closing bracket); None where the next block is needed to tell."""
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
    if text.startswith("]", at):
        return None, at + 1, True
    if comma and at < len(text):
        if text[at] != ",":
            raise ValueError(f"no comma before element {number}")
        at = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]
    try:
        value, end = _DECODE(text, at)
    except json.JSONDecodeError as e:
        if ended or len(text) - at > 4 * MAX_LINE:
            raise ValueError(f"{e.msg} in element {number}") from e
        return None
    # What reaches the end of the block may be half a number.
    return None if end == len(text) and not ended else (value, end, False)


def wrapped(path: Path, data: bytes) -> list[Any]:
    """The one list inside an object, else the object itself as the only row."""
    if data.count(b",") > VALUES:
        raise DataError(f"{path}: more than {VALUES:,} values in one object", "convert it to JSON lines or parquet")
    value = json.loads(data.decode("utf-8"))
    if isinstance(value, dict):
        return next((value[k] for k in WRAPPERS if isinstance(value.get(k), list)), [value])
    return list(value)


def read_rest(path: Path, f: Any) -> bytes:
    data = bytearray()
    while more := f.read(16 << 20):
        data += more
        if len(data) > WHOLE:
            raise DataError(f"{path}: more than {WHOLE:,} bytes in one object", "convert it to JSON lines or parquet")
    return bytes(data)
