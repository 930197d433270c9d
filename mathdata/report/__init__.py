"""The report: one self-contained page, with the same facts as Markdown and JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["comparison_run", "write_report"]


def write_report(run: Mapping[str, Any], out: str | Path) -> Path:
    """Write `out` (html), and beside it the same name as .md and .json; returns the page's path."""
    from mathdata.manifest import atomic_write
    from mathdata.report.markdown import markdown
    from mathdata.report.page import page

    path = Path(out)
    atomic_write(path, page(run).encode("utf-8", "replace"))
    atomic_write(path.with_suffix(".md"), markdown(run).encode("utf-8", "replace"))
    body = json.dumps({"format": "mathdata.report/1", **run}, ensure_ascii=False, indent=1, default=str)
    atomic_write(path.with_suffix(".json"), (body + "\n").encode("utf-8", "replace"))
    return path


def comparison_run(comparison: Any, before: Any, after: Any) -> dict[str, Any]:
    """Two evaluations and their comparison in the shape of a run, for a report of their own."""
    names = _names(before, after)
    body = comparison.as_dict() | {"before": names[0], "after": names[1]}
    arms = {
        name: {"benchmarks": evaluation.benchmarks, "digest": evaluation.digest}
        for name, evaluation in zip(names, (before, after))
    }
    found = [
        {"before": names[0], "after": names[1], "benchmark": name}
        | {k: f[k] for k in ("n", "points", "low", "high", "p")}
        for name, f in comparison.benchmarks.items()
    ]
    return {
        "name": ", ".join(comparison.benchmarks),
        "arms": arms,
        "comparisons": [body],
        "difference": found[0] if len(found) == 1 else None,
        "differences": found,
        "versions": after.data["versions"],
        "digest": after.data["settings_digest"],
    }


def _names(before: Any, after: Any) -> tuple[str, str]:
    """Short names that tell the two apart: the models', else their folders'."""
    short = [Path(e.model).name or e.model for e in (before, after)]
    if short[0] != short[1]:
        return short[0], short[1]
    folders = [e.folder.name for e in (before, after)]
    return (folders[0], folders[1]) if folders[0] != folders[1] else (f"{short[0]} (before)", f"{short[1]} (after)")
