"""Reinforcement from the judge's verdict with TRL's GRPOTrainer: groups of answers, right ones rewarded."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mathdata.errors import MathdataError, RecipeError, nearest
from mathdata.manifest import versions
from mathdata.prompts import get_prompt
from mathdata.trainspec import GrpoSpec, TrainSpec
from mathdata.types import Frame
from trainers import sft
from trainers.callbacks import keep_until, memory_mb
from trainers.checkpoints import tidy
from trainers.rewards import Rewards
from trainers.settings import precision_of

__all__ = ["run_grpo"]


def run_grpo(
    frame: Frame,
    spec: TrainSpec,
    out: Path,
    *,
    corpus: Sequence[Frame] = (),
    evaluate: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    seed: int | None = None,
    report: sft.Report | None = None,
) -> tuple[Any, Any, dict[str, Any]]:
    """Train by GRPO; returns (model, tokenizer, record). Raises PreflightError, RecipeError."""
    from transformers import PrinterCallback
    from trl import GRPOTrainer

    started = time.perf_counter()
    sft.tune_threads(spec)
    asked = spec.grpo or GrpoSpec()
    ready = sft.prepare(frame, spec, corpus=corpus, evaluate=evaluate, allow=allow, seed=seed)
    ready.preflight.raise_if_refused()
    model, counts = sft.tuned_model(ready, out)
    steps = steps_of(ready)
    rewards = Rewards(asked.generations)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[rewards.accuracy, rewards.format],
        args=grpo_config(ready, asked, out, steps),
        train_dataset=problems(frame, ready),
        processing_class=ready.tokenizer,
        callbacks=[Lines(out / "metrics.jsonl", report)],
    )
    trainer.remove_callback(PrinterCallback)
    begun = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - begun
    sft.finish(trainer.model, ready.tokenizer, spec, out)
    tidy(out)
    record = {
        "spec": ready.spec.model_dump(mode="json"),
        "seed": ready.seed,
        "steps": trainer.state.global_step,
        "tokens": int(getattr(trainer.state, "num_input_tokens_seen", 0)),
        "loss": curve(out / "metrics.jsonl", "loss"),
        "reward": curve(out / "metrics.jsonl", "reward"),
        "rewards": rewards.figures,
        "seconds": round(time.perf_counter() - started, 2),
        "train_seconds": round(seconds, 2),
        "trainable": counts.trainable,
        "total": counts.total,
        "preflight": ready.preflight.summary(),
        "versions": versions(),
    }
    return trainer.model, ready.tokenizer, record


def steps_of(ready: sft.Prepared) -> int:
    spec = ready.spec
    per_step, _ = spec.rows_per_step(sft.world()[1])
    return spec.max_steps or max(1, math.ceil((spec.epochs or 1) * len(ready.examples) / per_step))


def problems(frame: Frame, ready: sft.Prepared) -> Any:
    """Prompts as TRL wants them, with the gold answer beside; rows that preflight left out stay out."""
    from datasets import Dataset

    prompt = get_prompt(ready.spec.prompt)
    rows = [frame.row(i, named=True) for i in ready.preflight.keep]
    texts = [prompt.render(r["problem"] or "") for r in rows]
    missing = [r["id"] for r in rows if not r["answer"]]
    if missing:
        raise MathdataError(
            f"{len(missing)} rows have no answer to be rewarded by (row {missing[0]})", "drop them or run verify"
        )
    asked = [[{"role": "user", "content": t}] if prompt.chat else t for t in texts]
    return Dataset.from_dict({"prompt": asked, "answer": [r["answer"] for r in rows]})


def grpo_config(ready: sft.Prepared, asked: GrpoSpec, out: Path, steps: int) -> Any:
    """TRL's settings from the recipe; `trl: {}` is passed through verbatim. Raises RecipeError."""
    import torch
    from trl import GRPOConfig

    spec = ready.spec
    known = [f.name for f in dataclasses.fields(GRPOConfig)]
    for key in spec.trl:
        if key not in known:
            raise RecipeError(f"train.trl.{key}: TRL's GRPOConfig has no such option", nearest(key, known))
    precision, gpu = precision_of(spec), torch.cuda.is_available()
    settings: dict[str, Any] = {
        "output_dir": str(out / "checkpoints"),
        "max_steps": steps,
        "per_device_train_batch_size": spec.batch * asked.generations,
        "gradient_accumulation_steps": spec.rows_per_step(sft.world()[1])[1],
        "num_generations": asked.generations,
        "max_completion_length": asked.max_tokens,
        "temperature": asked.temperature,
        "beta": asked.beta,
        "reward_weights": [1.0, asked.format_reward],
        "use_vllm": asked.vllm != "none",
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.scheduler,
        "warmup_steps": spec.warmup_steps(steps),
        "weight_decay": spec.weight_decay,
        "adam_beta1": spec.betas[0],
        "adam_beta2": spec.betas[1],
        "adam_epsilon": spec.epsilon,
        "max_grad_norm": spec.max_grad_norm,
        "optim": spec.optimizer,
        "seed": ready.seed,
        "bf16": precision == "bf16",
        "fp16": precision == "fp16",
        "use_cpu": not gpu,
        "gradient_checkpointing": spec.gradient_checkpointing,
        "dataloader_pin_memory": gpu,
        "logging_steps": 1,
        "disable_tqdm": True,
        "report_to": list(spec.report_to) or "none",
        "save_strategy": "no",
    }
    if asked.vllm != "none":
        settings["vllm_mode"] = asked.vllm
    try:
        return GRPOConfig(**settings | spec.trl)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"train.trl: TRL refuses it: {error}", "see trl.GRPOConfig") from None


class Lines(TrainerCallback):
    """Each step to metrics.jsonl and to the progress line."""

    def __init__(self, path: Path, report: sft.Report | None) -> None:
        self.path, self.report = path, report
        self.started = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.started = time.perf_counter()
        if sft.world()[0] == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            keep_until(self.path, 0)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "reward" not in logs or sft.world()[0]:
            return
        numbers = {k: v for k, v in logs.items() if isinstance(v, (int, float))}
        line = {"step": state.global_step, "seconds": round(time.perf_counter() - self.started, 3)} | numbers
        with self.path.open("a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")
        if self.report is not None:
            told = {k: logs.get(k) for k in ("loss", "reward")} | {"memory_mb": round(memory_mb())}
            self.report({"event": "progress", "done": state.global_step, "total": state.max_steps} | told)


def curve(path: Path, key: str) -> list[list[float]]:
    lines = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return [[x["step"], round(float(x[key]), 5)] for x in lines if key in x]
