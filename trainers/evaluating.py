"""Evaluation while the training runs: a fixed subset, the same judge and prompt as afterwards, best model, early stop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from mathdata.errors import RecipeError
from mathdata.saving import atomic, no_link
from mathdata.schema import conform
from mathdata.trainspec import TrainSpec
from mathdata.types import Benchmark, Frame
from trainers.callbacks import Report, keep_until
from trainers.data import IGNORED, encode

__all__ = ["Evaluating", "subset", "token_accuracy"]


def subset(spec: TrainSpec, evaluate: Mapping[str, Any] | None, seed: int) -> Benchmark:
    """The benchmark that is asked during training, cut to a seeded sample of fixed size. Raises RecipeError."""
    from mathdata.benchmarks import get_benchmark

    assert spec.evaluation is not None
    names = [spec.evaluation.data] if spec.evaluation.data else list((evaluate or {}).get("benchmarks") or [])
    if not names:
        raise RecipeError("train.evaluation.data: which benchmark is to be asked?", "name a benchmark or a file")
    benchmark = get_benchmark(names[0])
    rows, limit = benchmark.load(), spec.evaluation.limit
    if limit is not None and limit < rows.height:
        chosen = np.sort(np.random.default_rng([seed, 7]).permutation(rows.height)[:limit])
        rows = rows[chosen.tolist()]
    return replace(benchmark, load=lambda: rows)


@torch.no_grad()
def token_accuracy(model: Any, tokenizer: Any, spec: TrainSpec, rows: Frame, batch: int = 32) -> float | None:
    """Share of the reference's tokens that the model would have written; None where there are no references."""
    if "solution" not in rows.columns or rows["solution"].null_count() == rows.height:
        return None
    examples = [e for e in encode(conform(rows), spec, tokenizer) if 0 < len(e) <= spec.max_length]
    examples.sort(key=len)
    training, right, total = model.training, 0, 0
    model.eval()
    for start in range(0, len(examples), batch):
        part = examples[start : start + batch]
        width = max(map(len, part))
        ids = torch.tensor([[*e.input_ids, *([tokenizer.pad_token_id] * (width - len(e)))] for e in part])
        labels = torch.tensor([[*e.labels, *([IGNORED] * (width - len(e)))] for e in part])
        mask = torch.tensor([[1] * len(e) + [0] * (width - len(e)) for e in part])
        device = next(model.parameters()).device
        said = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits[:, :-1].argmax(-1).cpu()
        wanted = labels[:, 1:]
        right += int(((said == wanted) & (wanted != IGNORED)).sum())
        total += int((wanted != IGNORED).sum())
    model.train(training)
    return right / total if total else None


@dataclass
class Evaluating(TrainerCallback):  # type: ignore[misc]
    """Asks the model before the first step and `times` times over the run; keeps the best; stops when patience is over."""

    spec: TrainSpec
    tokenizer: Any
    out: Path
    benchmark: Benchmark
    seed: int = 0
    evaluate: Mapping[str, Any] | None = None
    report: Report | None = None
    main: bool = True
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    waiting: int = 0

    @property
    def path(self) -> Path:
        return self.out / "evaluations.jsonl"

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """What a run that is taken up was asked before; step 0, the model before training, of one that begins."""
        if self.main:
            keep_until(self.path, state.global_step)
            for line in self.path.read_text(encoding="utf-8").splitlines():
                self._note(json.loads(line))
        if state.global_step == 0:
            self._measure(0, more["model"])
            together(False)

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        assert self.spec.evaluation is not None
        if not due(state.global_step, state.max_steps, self.spec.evaluation.times):
            return
        self._measure(state.global_step, more["model"])
        patience = self.spec.evaluation.patience
        if together(self.main and patience is not None and self.waiting >= patience):
            control.should_training_stop = True

    def _measure(self, step: int, model: Any) -> None:
        """Ask the model as it stands, and put on disk what it answered; the first process alone."""
        assert self.spec.evaluation is not None
        if not self.main:
            return
        model = getattr(model, "module", model)
        figures = {"step": step, "benchmark": self.benchmark.name} | self._ask(model, step)
        with open(self.path, "a", encoding="utf-8", opener=no_link) as f:
            f.write(json.dumps(figures) + "\n")
        better = self._note(figures)
        if self.report is not None:
            self.report({"event": "evaluation", "best": better, **figures})
        if better and self.spec.evaluation.keep_best:
            save_trained(model, self.out / "best.safetensors")

    def _ask(self, model: Any, step: int) -> dict[str, Any]:
        from mathdata.backends.transformers import Transformers
        from trainers.serving import grade_apart

        assert self.spec.evaluation is not None
        if self.spec.evaluation.backend is None:
            subject = Transformers(model=model, tokenizer=self.tokenizer)
            figures = graded(subject, self.benchmark, self.spec, self.out / "evaluations" / f"step-{step}")
        else:
            figures = grade_apart(model, self.tokenizer, self.spec, self.seed, self.evaluate, self.out, step)
        return figures | {"token_accuracy": token_accuracy(model, self.tokenizer, self.spec, self.benchmark.load())}

    def _note(self, figures: dict[str, Any]) -> bool:
        """Keep the figures; True where they are the best so far. The model before training is no candidate."""
        assert self.spec.evaluation is not None
        self.history.append(figures)
        if figures["step"] == 0:
            return False
        key = self.spec.evaluation.best
        value = figures.get(key)
        if value is not None and (self.best is None or value > self.best[key]):
            self.best, self.waiting = figures, 0
            return True
        self.waiting += 1
        return False

    def outcome(self, model: Any) -> dict[str, Any]:
        """What goes into train.json; with keep_best the model goes back to its best state."""
        best = self.out / "best.safetensors"
        if self.spec.evaluation and self.spec.evaluation.keep_best and best.is_file():
            restore_trained(model, best)
        return {"evaluations": self.history, "best": self.best}


def graded(subject: Any, benchmark: Benchmark, spec: TrainSpec, out: Path, backend: Any = None) -> dict[str, Any]:
    """The judge's figures of a model, or of a folder that a backend serves."""
    from mathdata.evaluation import evaluate

    assert spec.evaluation is not None
    done = evaluate(
        subject,
        benchmarks=[benchmark],
        out=out,
        trained=spec.prompt,
        max_tokens=spec.evaluation.max_tokens,
        backend=backend,
        overwrite=True,
    )
    figures = done.benchmarks[benchmark.name]
    return {
        "answer_accuracy": figures["accuracy"],
        "format_accuracy": figures["format_accuracy"],
        "truncated": figures["truncated"],
        "length": round(figures["length"]["mean"], 2),
        "n": figures["n"],
    }


def due(step: int, steps: int, times: int) -> bool:
    """Evenly spread over the run, the last step always among them."""
    return step == steps or (step * times) // steps > ((step - 1) * times) // steps


def together(stop: bool) -> bool:
    """The first process decides for all: one that stops alone would leave the others waiting."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return stop
    decided = [stop]
    dist.broadcast_object_list(decided, src=0)
    return bool(decided[0])


def save_trained(model: Any, path: Path) -> None:
    """The trained parameters alone, in one file, whole or not at all."""
    from safetensors.torch import save_file

    held = {n: p.detach().cpu().contiguous() for n, p in model.named_parameters() if p.requires_grad}
    with atomic(path) as temp:
        save_file(held, temp)


def restore_trained(model: Any, path: Path) -> None:
    from safetensors.torch import load_file

    values = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in values:
                parameter.copy_(values[name])
