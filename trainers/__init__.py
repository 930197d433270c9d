"""What stands around the trainer: data, tuning, plan, preflight, callbacks. TRL does the training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["train"]


def train(
    spec: Any,
    table: Any,
    out: str | Path,
    *,
    evaluate: Mapping[str, Any] | None = None,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Train on a table and save to `out`; returns what stands in train.json.

    Raises RecipeError for a setting, PreflightError for a run that cannot work.
    """
    from mathdata.trainspec import parse_spec
    from trainers import sft
    from trainers.job import evaluate_model, runner

    checked, folder = parse_spec(spec), Path(out)
    model, tokenizer, record = runner(checked.algorithm)(table, checked, folder, evaluate=evaluate, report=progress)
    if evaluate:
        tell = progress or (lambda _: None)
        record["evaluation"] = evaluate_model(model, tokenizer, checked, evaluate, folder, tell, folder.name)
    sft.write_record(folder, record)
    return record
