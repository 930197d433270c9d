"""What watches the trainer: progress, metrics.jsonl, and a stop when the loss spikes, is NaN or no gradient flows."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from transformers import TrainerCallback

from mathdata.errors import MathdataError
from mathdata.manifest import peak_mb
from mathdata.saving import atomic_write, no_link
from mathdata.trainspec import TrainSpec
from trainers.data import Example
from trainers.launch import check_world
from trainers.order import Order

__all__ = ["Guard", "Metrics", "Sentinel"]

Report = Callable[[dict[str, Any]], None]


class Metrics(TrainerCallback):
    """Each logged step to metrics.jsonl and to the progress line: loss, tokens per second, padding, time left."""

    def __init__(self, path: Path, order: Order, report: Report | None, main: bool = True) -> None:
        self.path, self.order, self.report, self.main = path, order, report, main
        per = order.accumulation * order.processes
        sums = np.array([int(order.lengths[list(m)].sum()) for m in order.micro]).reshape(-1, per).sum(axis=1)
        self.tokens = np.concatenate([[0], np.cumsum(sums)])
        self.started = 0.0
        self.from_step = 0
        self.last_report = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.started, self.from_step = time.perf_counter(), state.global_step
        if self.main:
            keep_until(self.path, state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not self.main or not logs or ("loss" not in logs and not any(k.startswith("eval") for k in logs)):
            return
        step = state.global_step
        seconds = time.perf_counter() - self.started
        done = int(self.tokens[step])
        rate = (done - int(self.tokens[self.from_step])) / seconds if seconds else 0.0
        line = {"step": step, "tokens": done, "seconds": round(seconds, 3)} | {
            k: v for k, v in logs.items() if isinstance(v, (int, float)) and k not in ("epoch", "num_tokens")
        }
        with open(self.path, "a", encoding="utf-8", opener=no_link) as f:
            f.write(json.dumps(line) + "\n")
        self._tell(step, state.max_steps, logs, rate)

    def _tell(self, step: int, total: int, logs: dict[str, Any], rate: float) -> None:
        now = time.perf_counter()
        if self.report is None or (now - self.last_report < 0.5 and step < total):
            return
        self.last_report = now
        left = (int(self.tokens[-1]) - int(self.tokens[step])) / rate if rate else None
        event = {
            "event": "progress",
            "done": step,
            "total": total,
            "loss": logs.get("loss"),
            "tokens_per_second": round(rate, 1),
            "padding": round(self.order.padding, 4),
            "memory_mb": round(memory_mb()),
            "seconds_left": None if left is None else round(left, 1),
        }
        self.report(event)


def keep_until(path: Path, step: int) -> None:
    """Drop lines after the checkpoint a run goes on from, and a half line at the end."""
    lines = []
    if path.exists() and step:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    lines.append(line)
            except (ValueError, KeyError):
                continue
    atomic_write(path, "".join(f"{x}\n" for x in lines))


def memory_mb() -> float:
    """Peak memory: of the accelerator where there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_mb()


class Sentinel(TrainerCallback):
    """Stops a run whose loss is NaN, spikes, or whose gradient is all zero, and names the rows of that step."""

    def __init__(self, order: Order, examples: Sequence[Example], spike: float = 5.0) -> None:
        self.order, self.examples, self.spike = order, examples, spike
        self.recent: deque[float] = deque(maxlen=50)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        loss, norm = logs["loss"], logs.get("grad_norm")
        trouble = self._trouble(loss, norm, state)
        if trouble:
            first = max(0, state.global_step - max(1, int(args.logging_steps)))
            ids = [self.examples[i].id for s in range(first, state.global_step) for i in self.order.rows(s)]
            raise MathdataError(
                f"step {state.global_step}: {trouble}; rows of the step: {', '.join(ids[:24])}"
                + (f" and {len(ids) - 24} more" if len(ids) > 24 else ""),
                "look at those rows (mathdata show), lower train.learning_rate or raise train.warmup",
            )
        self.recent.append(loss)

    def _trouble(self, loss: float, norm: Any, state: Any) -> str | None:
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if norm is not None and not math.isfinite(float(norm)):
            return f"the gradient's norm is {norm}"
        if norm is not None and float(norm) == 0.0 and loss > 0:
            return "the gradient is zero everywhere: nothing is trained"
        usual = median(self.recent) if len(self.recent) >= 20 else None
        if usual is not None and loss > max(self.spike * usual, usual + 3.0):
            return f"the loss jumped from {usual:.3f} to {loss:.3f}"
        return None


class Guard(TrainerCallback):
    """Before the first step: the processes and the wrapper that really run are those that were asked for."""

    def __init__(self, spec: TrainSpec, trainer: Any) -> None:
        self.spec, self.trainer = spec, trainer
        self.world: dict[str, Any] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.world = check_world(self.spec, self.trainer)
