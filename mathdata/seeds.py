"""Seeds of samples: from content, never from a row's place in a file."""

from __future__ import annotations

import xxhash

__all__ = ["base_of", "number_of", "seed_for"]

SAMPLES = 4096
"""Seeds of one row's samples are consecutive from a multiple of this, so a method can tell its sample number."""


def seed_for(base: int, row: str, method: str, sample: int) -> int:
    """The seed of one sample: from content, never from a row's place in a file."""
    return xxhash.xxh3_64_intdigest(f"{base}\x1f{row}\x1f{method}".encode()) % 2**19 * SAMPLES + sample % SAMPLES


def number_of(seed: int) -> int:
    """The sample number inside a seed made by `seed_for`."""
    return seed % SAMPLES


def base_of(seed: int) -> int:
    """What the seeds of all samples of one row have in common."""
    return seed // SAMPLES
