"""Replies of servers in bounded memory: bytes are counted as they come, packed ones as they unpack."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

__all__ = ["MAX_REPLY", "TooLarge", "read_all", "whole_text"]

MAX_REPLY = 16 << 20
"""Bytes of one reply, unpacked: eight samples of the longest answers take a hundredth."""


class TooLarge(Exception):
    """A reply of more than MAX_REPLY bytes, or packed in a way that cannot be counted."""


async def read_all(chunks: AsyncIterator[bytes], packing: str) -> bytes:
    """A reply's bytes, unpacked by its Content-Encoding. Raises TooLarge; nothing beyond the limit is held."""
    kind = packing.strip().lower()
    if kind not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise TooLarge(f"packed as {kind[:20]}, which was not asked for")
    unpack = None if kind in ("", "identity") else zlib.decompressobj(wbits=31 if "gzip" in kind else 15)
    parts, size = [], 0
    async for chunk in chunks:
        try:
            part = unpack.decompress(chunk, MAX_REPLY + 1 - size) if unpack else chunk
        except zlib.error as error:
            raise TooLarge(f"packed as {kind}, but damaged: {error}") from None
        size += len(part)
        if size > MAX_REPLY:
            raise TooLarge(f"more than {MAX_REPLY:,} bytes")
        parts.append(part)
    return b"".join(parts)


def whole_text(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair and zero bytes become \ufffd.

    >>> whole_text("a\ud800b") == "a\ufffdb"
    True
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
