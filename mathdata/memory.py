"""How much memory this process may use, and how many rows that lets it hold at a time."""

from __future__ import annotations

import os
import resource
from pathlib import Path

__all__ = ["fitting", "memory", "tame_allocator"]

ENOUGH = 4 << 30
"""Bytes with which the stages' usual numbers of rows were measured to fit."""


def process_limits() -> list[float]:
    softs = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return [float(soft) for soft in softs if soft != resource.RLIM_INFINITY]


def memory() -> float:
    """Bytes this process may use: the machine's, the control group's or the process limit, whichever is least."""
    found = [float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")), *process_limits()]
    group = Path("/sys/fs/cgroup/memory.max")
    words = group.read_text().strip() if group.is_file() else "max"
    return min([*found, float(words)] if words.isdigit() else found)


def fitting(rows: int) -> int:
    """So many rows at a time, fewer where the memory is small: down to a twentieth."""
    return max(rows // 20, min(rows, int(rows * memory() / ENOUGH)))


def tame_allocator() -> None:
    """To be called before polars is imported: its allocator (jemalloc) reads the environment once.

    It takes four arenas a core; with one each a tenth less memory is ever touched. Addresses that it keeps for later
    count against a limit of the process, so under one it keeps none.
    """
    conf = os.environ.get("_RJEM_MALLOC_CONF", "")
    if "narenas" not in conf:
        mine = f"narenas:{os.cpu_count() or 1}" + (",retain:false" if process_limits() else "")
        os.environ["_RJEM_MALLOC_CONF"] = f"{conf},{mine}".lstrip(",")
