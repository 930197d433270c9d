"""How much memory this process may use, and how many rows that lets it hold at a time."""

from __future__ import annotations

import os
import resource
from pathlib import Path

__all__ = ["fitting", "memory"]

ENOUGH = 4 << 30
"""Bytes with which the stages' usual numbers of rows were measured to fit."""


def memory() -> float:
    """Bytes this process may use: the machine's, the control group's or the process limit, whichever is least."""
    found = [float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))]
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(kind)
        found += [float(soft)] if soft != resource.RLIM_INFINITY else []
    group = Path("/sys/fs/cgroup/memory.max")
    words = group.read_text().strip() if group.is_file() else "max"
    return min([*found, float(words)] if words.isdigit() else found)


def fitting(rows: int) -> int:
    """So many rows at a time, fewer where the memory is small: down to a twentieth."""
    return max(rows // 20, min(rows, int(rows * memory() / ENOUGH)))
