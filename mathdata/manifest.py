"""Receipts: the ledger that must balance, digests, versions, and the manifest that is written last."""

from __future__ import annotations

import hashlib
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.digests import file_digest, tree_digest
from mathdata.errors import LedgerError
from mathdata.saving import atomic_write, lazy
from mathdata.types import Frame, Table

__all__ = [
    "Ledger",
    "account",
    "atomic_write",
    "digest_of",
    "peak_mb",
    "sha256_of",
    "split",
    "versions",
]


@dataclass(slots=True)
class Ledger:
    """One stage's receipt: `rows_in + created = kept + sum(rejected.values())`, or it is not issued."""

    rows_in: int
    created: int
    kept: int
    rejected: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    rows_per_second: float = 0.0
    peak_mb: float = 0.0

    @property
    def pending(self) -> int:
        return sum(n for word, n in self.rejected.items() if word.startswith("pending-"))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def account(stage: str, before: Table, after: Table, started: float) -> Ledger:
    """Compute the ledger from the rows alone, streaming where the table is in partitions.

    Raises LedgerError where a row that went in did not come out, or stands twice.
    """
    rows_in, rows_out = count_rows(before), count_rows(after)
    if same_rows(before, after):
        return receipt(rows_in, rows_out, count_rejects(after), started)
    old, new = keyed(before), keyed(after).select("key")
    lost = _collect(old.join(new.unique(), on="key", how="anti"))
    if lost.height:
        raise LedgerError(
            f"{stage} lost {lost.height} of {rows_in} rows, the first with id {lost['id'][0]}",
            "nothing was written; please report it with the input",
        )
    twice = rows_out - int(_collect(new.unique().select(pl.len())).item())
    if twice and twice > rows_in - int(_collect(old.select("key").unique().select(pl.len())).item()):
        raise LedgerError(f"{stage} returned {twice} rows twice", "nothing was written; report it with the input")
    if rows_out < rows_in:
        raise LedgerError(f"{stage}: {rows_in} rows in, {rows_out} out", "nothing was written; report it")
    return receipt(rows_in, rows_out, count_rejects(after), started)


def same_rows(before: Table, after: Table) -> bool:
    """Whether two tables hold the same rows, so that none can be lost or stand twice; in any order on disk."""
    if isinstance(before, pl.DataFrame) and isinstance(after, pl.DataFrame):
        return before.height == after.height and all(before[c].equals(after[c]) for c in ("id", "origin"))
    return fingerprint(before) == fingerprint(after)


def keyed(table: Table) -> pl.LazyFrame:
    """`id`, and `key`: a hash of the row's name, eight bytes where its texts would fill the memory."""
    return lazy(table).select("id", key=pl.concat_str(["id", "origin"], separator="\x1f", ignore_nulls=True).hash())


def fingerprint(table: Table) -> tuple[int, ...]:
    """How many rows, and sums over the halves of their keys: the same for the same rows in any order and any parts."""
    low, high = pl.col("key") & 0xFFFFFFFF, pl.col("key") // (1 << 32)
    return tuple(
        int(n or 0) for n in _collect(keyed(table).select(pl.len(), low.sum(), high.sum().alias("high"))).row(0)
    )


def receipt(rows_in: int, rows_out: int, rejected: dict[str, int], started: float) -> Ledger:
    seconds = time.perf_counter() - started
    return Ledger(
        rows_in=rows_in,
        created=rows_out - rows_in,
        kept=rows_out - sum(rejected.values()),
        rejected=rejected,
        seconds=round(seconds, 3),
        rows_per_second=round(rows_in / seconds, 1) if seconds > 0 else 0.0,
        peak_mb=peak_mb(),
    )


def count_rows(table: Table) -> int:
    return table.height if isinstance(table, pl.DataFrame) else int(_collect(lazy(table).select(pl.len())).item())


def count_rejects(table: Table) -> dict[str, int]:
    """Rows set aside, by word."""
    words = lazy(table).filter(pl.col("reject").is_not_null()).group_by("reject").len().sort("reject")
    return {str(word): int(n) for word, n in _collect(words).iter_rows()}


def _collect(rows: pl.LazyFrame) -> Frame:
    return rows.collect(engine="streaming")


def split(table: Table) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Kept rows and rejected rows, not read yet."""
    kept = pl.col("reject").is_null()
    return lazy(table).filter(kept), lazy(table).filter(~kept)


def select_rows(table: Table, kernel: Callable[[Frame], Frame]) -> Table:
    """A kernel over a table in this process, partition by partition."""
    if isinstance(table, pl.DataFrame):
        return kernel(table)
    from mathdata.engines.local import LocalEngine

    return LocalEngine().map(table, kernel)


def peak_mb() -> float:
    """Peak resident memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count the process that started this one
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM:"))
        return round(int(line.split()[1]) / 1024, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def digest_of(value: Any) -> str:
    """sha256 of the canonical JSON of a value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()  # names of files need not be UTF-8


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes; of a folder, of the names and bytes of its files. Large files are read once."""
    return tree_digest(path) if path.is_dir() else file_digest(path)


def dump_json(path: Path, value: Any) -> None:
    atomic_write(path, json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")


_PACKAGES = (
    "mathdata",
    "polars",
    "pyarrow",
    "sympy",
    "math-verify",
    "torch",
    "transformers",
    "trl",
    "peft",
    "ray",
    "vllm",
)


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for name in _PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def versions() -> dict[str, str]:
    """Versions of Python, of mathdata and of what decides its results; absent packages are left out."""
    return dict(_versions())


@lru_cache(maxsize=1)
def commit() -> str | None:
    """The commit of the checkout mathdata runs from; None when installed from a wheel."""
    home = Path(__file__).resolve().parent.parent
    if not (home / ".git").exists():
        return None
    done = subprocess.run(["git", "-C", str(home), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def describe_inputs(inputs: Iterable[str | Path], rows: int) -> list[dict[str, Any]]:
    """Inputs as a manifest names them; files with their sha256."""
    described: list[dict[str, Any]] = []
    for item in inputs:
        path = Path(str(item).partition("?")[0])
        entry: dict[str, Any] = {"name": str(item)}
        if path.exists():
            entry["sha256"] = sha256_of(path)
        described.append(entry)
    if described:
        described[0]["rows_all"] = rows
    return described


def outputs_of(paths: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    return {name: {"file": path.name, "sha256": sha256_of(path)} for name, path in paths.items() if path.exists()}
