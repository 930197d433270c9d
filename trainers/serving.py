"""Grades a checkpoint in a process of its own, on the recipe's card, by the environment's Python (vLLM)."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mathdata.children import environment, python
from mathdata.errors import MathdataError
from mathdata.manifest import dump_json
from mathdata.trainspec import TrainSpec

__all__ = ["grade_apart", "whole_weights"]

INTERPRETER = "MATHDATA_EVALUATION_PYTHON"
"""The environment may name one, a recipe may not: it would run any program."""
LAUNCHERS = (
    "ACCELERATE_",
    "TORCHELASTIC_",
    "MASTER_",
    "MATHDATA_MEETING",
    "GROUP_",
    "GLOO_",
    "NCCL_SOCKET",
    "TP_SOCKET",
    "ROLE_",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_",
)
"""What a launcher told the trainer's processes; an engine that reads it would wait for the others."""


def grade_apart(
    model: Any, tokenizer: Any, spec: TrainSpec, seed: int, evaluate: Mapping[str, Any] | None, out: Path, step: int
) -> dict[str, Any]:
    """The figures of the model as it stands, from another process; the weights lie on disk only that long."""
    assert spec.evaluation is not None
    folder, job = out / "serving", out / "serving.json"
    shutil.rmtree(folder, ignore_errors=True)
    with same_draws():
        whole_weights(model, tokenizer, spec, seed, folder)
    told = {"spec": spec.model_dump(mode="json"), "seed": seed, "evaluate": evaluate, "model": str(folder)}
    dump_json(job, told | {"out": str(out / "evaluations" / f"step-{step}")})
    env = environment({k: v for k, v in os.environ.items() if not k.startswith(LAUNCHERS)})
    if spec.evaluation.devices is not None:
        env["CUDA_VISIBLE_DEVICES"] = spec.evaluation.devices
    words = python("trainers.serving", str(job), interpreter=os.environ.get(INTERPRETER))
    try:
        done = subprocess.run(
            words,
            env=env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise MathdataError(
            f"{INTERPRETER}: {words[0]} cannot be run: {error}", "name an interpreter, or leave it unset"
        ) from None
    shutil.rmtree(folder, ignore_errors=True)
    job.unlink(missing_ok=True)
    lines = [x for x in done.stdout.splitlines() if x.startswith('{"figures"')]
    if done.returncode or not lines:
        words = [x for x in done.stderr.splitlines() if x.strip()][-3:]
        raise MathdataError(
            f"the evaluation at step {step} ended with code {done.returncode}: {' / '.join(words)[-600:]}",
            "the same by hand: mathdata evaluate MODEL --backend ...; or leave train.evaluation.backend out",
        )
    return dict(json.loads(lines[-1])["figures"])


@contextmanager
def same_draws() -> Iterator[None]:
    """What is drawn inside (weights of a model that is built) does not move the draws of the training."""
    cards = list(range(torch.cuda.device_count()))
    python, arrays = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=cards):
        yield
    random.setstate(python)
    np.random.set_state(arrays)


def whole_weights(model: Any, tokenizer: Any, spec: TrainSpec, seed: int, folder: Path) -> None:
    """The model as an engine can load it: adapters written in, the model that is being trained left as it is."""
    from trainers.merge import merge
    from trainers.model import build_model, save_model
    from trainers.tokens import new_rows
    from trainers.tune import apply, drawn_start, is_adapter, settle

    if spec.method == "partial" or drawn_start(
        spec
    ):  # built once more: its parametrised head shares a class with every copy of it
        fresh = apply(build_model(spec, tokenizer, seed), spec, new=new_rows(tokenizer))
        fresh.load_state_dict(model.state_dict())
        save_model(settle(fresh, spec), tokenizer, folder)
        return
    save_model(model, tokenizer, folder)
    if is_adapter(folder):
        adapter = folder.with_name("serving.adapter")
        shutil.rmtree(adapter, ignore_errors=True)
        folder.rename(adapter)
        merge(adapter, folder)
        shutil.rmtree(adapter)


def main(path: str) -> None:
    from mathdata.trainspec import parse_spec
    from trainers.evaluating import graded, subset

    job = json.loads(Path(path).read_text(encoding="utf-8"))
    spec = parse_spec(job["spec"], "spec")
    assert spec.evaluation is not None
    benchmark = subset(spec, job["evaluate"], job["seed"])
    print(json.dumps({"figures": graded(job["model"], benchmark, spec, Path(job["out"]), spec.evaluation.backend)}))


if __name__ == "__main__":
    main(sys.argv[1])
