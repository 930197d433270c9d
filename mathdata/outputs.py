"""What a stage command leaves on disk: kept rows, rejects beside them, the manifest last."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mathdata.errors import UsageError
from mathdata.manifest import (
    Ledger,
    commit,
    describe_inputs,
    digest_of,
    dump_json,
    outputs_of,
    split,
    versions,
)
from mathdata.types import Table

__all__ = ["check_output", "neighbours", "write_outputs"]


def neighbours(out: Path) -> dict[str, Path]:
    """The output and its two neighbours, named after the full name."""
    return {
        "out": out,
        "rejects": out.with_name(out.name + ".rejects.parquet"),
        "manifest": out.with_name(out.name + ".manifest.json"),
    }


PATIENCE = ("budget", "concurrency")
"""Options that decide when answers come, not which: they may change between the runs that settle pending rows."""


def check_output(
    out: Path, inputs: Iterable[str | Path], overwrite: bool, call: tuple[str, Mapping[str, Any]] | None = None
) -> None:
    """Refuse, before any work, an output that is an input, exists, or cannot be written. Raises UsageError.

    An output of the same `call` (stage, options) that has pending rows is there to be settled: it is not refused.
    """
    from mathdata.saving import kind_of, refuse_link

    for path in neighbours(out).values():
        refuse_link(path)
    for item in inputs:
        path = Path(str(item).partition("?")[0])
        if path.exists() and path.resolve() == out.resolve():
            raise UsageError(f"{out} is both input and output", "give another -o; an input is never overwritten")
    if out.is_dir():
        raise UsageError(f"{out} is a folder", f"name a file in it: -o {out / 'out.parquet'}")
    kind_of(out)
    existing = [p for p in neighbours(out).values() if p.exists()]
    if existing and not overwrite and not (call and waits(neighbours(out)["manifest"], *call)):
        raise UsageError(f"{existing[0]} exists", "give another -o, or --overwrite to replace it")
    folder = nearest_folder(out.parent)
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir():
        raise UsageError(f"{folder} cannot be written", "check its permissions or give another -o")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out.parent}: {error.strerror}", "give another -o") from error


def waits(manifest: Path, stage: str, options: Mapping[str, Any]) -> bool:
    """Whether a manifest is of this stage with these options and counts rows that wait for an answer."""
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        words = [word for word, n in found["ledger"][-1]["rejected"].items() if n]
        same = [
            digest_of({k: v for k, v in given.items() if k not in PATIENCE}) for given in (found["options"], options)
        ]
        return found["stage"] == stage and same[0] == same[1] and any(w.startswith("pending-") for w in words)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def nearest_folder(path: Path) -> Path:
    """The path itself, or the first of its parents that exists."""
    return next((p for p in (path, *path.parents) if p.exists()), Path("."))


def write_outputs(
    table: Table,
    out: Path,
    *,
    stage: str,
    options: Mapping[str, Any],
    inputs: Iterable[str | Path],
    ledger: Ledger,
    figures: Mapping[str, Any],
    csv_safe: bool = False,
) -> dict[str, Path]:
    """Kept rows to `out`, the others to its rejects file, then the manifest. Returns the three paths."""
    from mathdata.io import write

    files = neighbours(out)
    stale = _listed(files["manifest"])
    kept, gone = split(table)
    fresh = {k: files[k].with_name(f".new-{files[k].name}") for k in ("rejects", "out")}
    try:
        write(gone, fresh["rejects"])
        write(kept.drop("reject", "reject_why"), fresh["out"], csv_safe=csv_safe)
        files["manifest"].unlink(missing_ok=True)
        for name, path in fresh.items():  # both complete: only now do they take the place of old ones
            path.replace(files[name])
    finally:
        for path in fresh.values():
            path.unlink(missing_ok=True)
    dump_json(
        files["manifest"],
        {
            "stage": stage,
            "options": dict(options),
            "digest": digest_of([stage, dict(options)]),
            "versions": versions(),
            "commit": commit(),
            "inputs": describe_inputs(inputs, ledger.rows_in),
            # The stages before it too, so that the receipt of a file tells its whole way.
            "ledger": [*history(inputs), {"stage": stage, "options": dict(options), **ledger.as_dict()}],
            "figures": dict(figures),
            "outputs": outputs_of({k: files[k] for k in ("out", "rejects")}),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    )
    for path in stale - set(files.values()):
        path.unlink(missing_ok=True)
    return files


def history(inputs: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Ledger entries of the stages that made the inputs, where their manifests stand beside them."""
    found: list[dict[str, Any]] = []
    for item in inputs:
        entries = _read(neighbours(Path(str(item).partition("?")[0]))["manifest"]).get("ledger")
        found += [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    return found


def _listed(manifest: Path) -> set[Path]:
    """Files of an earlier output: only what its manifest lists may be deleted."""
    outputs = _read(manifest).get("outputs")
    entries = outputs.values() if isinstance(outputs, dict) else ()
    return {manifest.parent / Path(str(e["file"])).name for e in entries if isinstance(e, dict) and "file" in e}


def _read(manifest: Path) -> dict[str, Any]:
    """A manifest, or nothing where there is none that can be read."""
    try:
        body = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
