"""JSON lines at polars speed: blocks of whole lines; a block that polars refuses is searched line by line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from mathdata.bounds import BOMB_BYTES, BOMB_RATIO, MAX_DEPTH, bomb, depth_of, may_be_deep
from mathdata.errors import DataError
from mathdata.ndjson import MAX_COLUMNS, TooWide, Wide, flat, frame_of, pieces_of, table
from mathdata.types import Frame

__all__ = ["MAX_LINE", "Broken", "Parsed", "guess", "json_lines", "open_bytes", "shown", "too_wide"]

MAX_LINE = 4 << 20
"""A longer line is broken: no exercise has four million bytes, and one line must not fill the memory."""
BLOCK = 16 << 20
RAW = 2000
"""Characters of a broken line that are kept."""
OTHER_KINDS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PAR1": "parquet", b"PK\x03\x04": "zip"}
"""First bytes of what is no text."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that is not a row: where, why, and its text (bounded)."""

    line: int
    why: str
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A block's rows with the file line of each, and its broken lines."""

    frame: Frame
    lines: pl.Series
    broken: tuple[Broken, ...] = ()
    clean: bool = False
    """Known to have no zero byte in any text."""


class Limited(io.RawIOBase):
    """A decompressing stream that stops at a bomb and tells a damaged file from an end."""

    def __init__(self, path: Path, inner: IO[bytes]) -> None:
        self.path, self.inner, self.size, self.given = path, inner, max(path.stat().st_size, 1), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.inner.read(len(buffer))
        except Exception as e:  # zlib's and zstandard's errors derive from Exception alone
            if isinstance(e, MemoryError) or getattr(e, "errno", None) is not None:
                raise
            raise DataError(f"{self.path}: the compressed file is damaged or cut off: {e}", "fetch it again") from e
        self.given += len(data)
        if self.given > BOMB_BYTES and self.given > BOMB_RATIO * self.size:
            raise bomb(self.path)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.inner.close()
        super().close()


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, decompressed by suffix (.gz, .zst) under the limits."""
    if path.suffix == ".gz":
        import gzip

        return io.BufferedReader(Limited(path, gzip.open(path, "rb")), 1 << 20)  # type: ignore[arg-type]
    if path.suffix in (".zst", ".zstd"):
        import zstandard

        return io.BufferedReader(Limited(path, zstandard.open(path, "rb")), 1 << 20)  # type: ignore[arg-type]
    return path.open("rb")


def check_encoding(path: Path, head: bytes) -> bytes:
    """The head without a UTF-8 mark. Raises DataError for UTF-16 and UTF-32, naming the offset."""
    marks = ((b"\xff\xfe\x00\x00", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
    for mark, name in marks:
        if head.startswith(mark):
            raise DataError(f"{path}: {name}, not UTF-8 (mark at byte 0)", convert(path, name))
    for mark, kind in OTHER_KINDS.items():
        if head.startswith(mark):
            raise DataError(
                f"{path}: {kind}, where its name promises text", f"unpack it, or give it the name of {kind}"
            )
    sample = head[:1000]
    if len(sample) > 8 and sample.count(0) >= len(sample) // 3:
        # In UTF-16 every other byte of plain text is zero; zeros everywhere are no text at all.
        sides = sample[::2].count(0), sample[1::2].count(0)
        if min(sides) * 4 > max(sides):
            raise DataError(
                f"{path}: zero bytes, no text (from byte {sample.index(0)})", "is it the file you meant? write it again"
            )
        raise DataError(
            f"{path}: UTF-16, not UTF-8 (first zero byte at byte {sample.index(0)})", convert(path, "UTF-16")
        )
    return head.removeprefix(b"\xef\xbb\xbf")


def convert(path: Path, encoding: str) -> str:
    return f"convert it: iconv -f {encoding} -t UTF-8 '{path.name}' > utf8-{path.name}"


def guess(path: Path, data: bytes) -> str:
    """The likely encoding of bytes that are not UTF-8: Chinese if they read as Chinese, else Latin-1."""
    text = data[: 1 << 20].decode("gb2312", "replace")
    han = [c for c in text if "\u4e00" <= c <= "\u9fff"]
    chinese = len(set(han)) >= 4 and text.count("�") <= 0.05 * len(han)
    return convert(path, "GB18030" if chinese else "ISO-8859-1")


def blocks(path: Path, size: int = BLOCK) -> Iterator[tuple[bytes, int]]:
    """(bytes, how many bytes were left out): whole lines, or the head of one line longer than MAX_LINE."""
    with open_bytes(path) as f:
        data = check_encoding(path, f.read(size))
        while data:
            if not data.endswith(b"\n"):
                data += f.readline(MAX_LINE + 1)
            cut = len(data) if data.endswith(b"\n") else data.rfind(b"\n") + 1
            if cut:
                yield data[:cut], 0
            if rest := data[cut:]:  # the last line, or one that is too long
                yield from long_line(f, rest)
            data = f.read(size)


def long_line(f: IO[bytes], rest: bytes) -> Iterator[tuple[bytes, int]]:
    """A line without its end: the last of the file, or the head of one too long, whose end is skipped."""
    if len(rest) <= MAX_LINE:
        if rest.strip():
            yield rest + b"\n", 0
        return
    left = len(rest) - 4 * RAW
    while (more := f.readline(BLOCK)) and not more.endswith(b"\n"):
        left += len(more)
    yield rest[: 4 * RAW] + b"\n", left + len(more.rstrip(b"\n"))


def json_lines(path: Path, size: int = BLOCK) -> Iterator[Parsed]:
    """Every block of the file, parsed; line numbers count from 1 and blank lines. Raises DataError."""
    line = 1
    for data, left_out in blocks(path, size):
        height = data.count(b"\n")
        if left_out:
            why = f"the line has {len(data) - 1 + left_out:,} bytes, more than {MAX_LINE:,}"
            broken = Broken(line, why, bounded(data))
            yield Parsed(pl.DataFrame(), pl.Series("line", [], dtype=pl.UInt32), (broken,))
        else:
            try:
                yield parse_block(data, line, height)
            except TooWide:
                raise too_wide(str(path)) from None
        line += height


def too_wide(where: str) -> DataError:
    return DataError(
        f"{where}: more than {MAX_COLUMNS:,} columns", "is a key different in every row? put it into a value"
    )


def parse_block(data: bytes, first: int, height: int) -> Parsed:
    """Polars for the whole block of so many lines, else line by line: only one block pays for a broken line.

    Raises TooWide.
    """
    if lines_are_short(data) and not is_deep(data, height):
        clean = False
        try:
            frame = flat(data, height)
            clean = frame is not None
            if frame is None and not (b"\\u" in data and _SURROGATE.search(data)):
                frame = table(pieces_of(data.split(b"\n")[:-1]))
        except (Wide, pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError):
            frame = None
        if frame is not None and frame.height == height:
            lines = pl.int_range(first, first + height, dtype=pl.UInt32, eager=True)
            return Parsed(frame, lines, clean=clean)
    return parse_lines(data, first)


def lines_are_short(data: bytes) -> bool:
    """Whether no line is longer than MAX_LINE: a longer one would fill one of these windows."""
    window = MAX_LINE // 2
    return all(data.find(b"\n", at, at + window) >= 0 for at in range(0, len(data) - window, window))


def is_deep(data: bytes, height: int) -> bool:
    """Whether a line may stand deeper than MAX_DEPTH; a string that runs over its line's end hides what follows."""
    if not may_be_deep(data, height):
        return False
    depth = depth_of(data)
    return depth is None or depth > MAX_DEPTH


def parse_lines(data: bytes, first: int) -> Parsed:
    """One line at a time: good rows, and for each bad line the reason."""
    good: list[tuple[int, bytes]] = []
    broken: list[Broken] = []
    for number, raw in enumerate(data.split(b"\n"), first):
        if raw.strip():
            why, clean = check_line(raw)
            if why:
                broken.append(Broken(number, why, bounded(raw)))
            else:
                good.append((number, clean))
    try:
        frame = frame_of([line for _, line in good])
    except pl.exceptions.PolarsError:
        refused = {number: why for number, line in good if (why := refusal(line))}
        broken += [Broken(number, refused[number], bounded(line)) for number, line in good if number in refused]
        good = [g for g in good if g[0] not in refused]
        frame = frame_of([line for _, line in good])
    numbers = pl.Series("line", [number for number, _ in good], dtype=pl.UInt32)
    return Parsed(frame, numbers, tuple(sorted(broken, key=lambda b: b.line)))


def bounded(raw: bytes) -> str:
    return raw[: 4 * RAW].decode("utf-8", "replace")[:RAW]


def check_line(raw: bytes) -> tuple[str, bytes]:
    """(why it is broken or "", the line in JSON that polars reads the same way)."""
    if len(raw) > MAX_LINE:
        return f"the line has {len(raw):,} bytes, more than {MAX_LINE:,}", b""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        return f"not UTF-8: byte 0x{raw[e.start]:02x} at byte {e.start} of the line", b""
    if "\0" in text:
        return f"a zero byte at character {text.index(chr(0)) + 1}", b""
    if is_deep(raw, 1):
        return f"brackets nested deeper than {MAX_DEPTH}", b""
    odd: list[str] = []
    try:
        value = json.loads(text, parse_constant=odd.append)
    except RecursionError:
        return f"brackets nested deeper than {MAX_DEPTH}", b""
    except ValueError as e:
        return f"not JSON: {e}", b""
    if not isinstance(value, dict):
        return f"a JSON {type(value).__name__}, not an object", b""
    if odd or _SURROGATE.search(raw):
        return clean_line(value)
    return "", raw


def clean_line(value: dict[str, Any]) -> tuple[str, bytes]:
    """NaN and Infinity (not JSON, but common) as null; half a surrogate pair is no text."""
    try:
        return "", json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return "half a surrogate pair (\\ud800 to \\udfff) in the text", b""


def refusal(line: bytes) -> str:
    """Why polars does not take the line as a row; "" where it does."""
    try:
        pl.read_ndjson(line)
    except pl.exceptions.PolarsError as e:
        return f"not a row: {shown(str(e), 120)}"
    return ""


def shown(text: str, limit: int = 80) -> str:
    """One bounded line of text that is safe in a message."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
