"""Reinforcement from the judge's verdict with TRL's GRPOTrainer: groups of answers, right ones rewarded."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mathdata.errors import MathdataError, MissingExtra, RecipeError, nearest
from mathdata.manifest import dump_json, versions
from mathdata.prompts import get_prompt
from mathdata.saving import no_link
from mathdata.trainspec import GrpoSpec, TrainSpec
from mathdata.types import Frame
from trainers import sft
from trainers.callbacks import keep_until, memory_mb
from trainers.checkpoints import tidy
from trainers.launch import world
from trainers.machine import arithmetic, precision_of, tune_threads
from trainers.rewards import Rewards, of_all
from trainers.settings import device, one_card, reporters, saving, scheduler_args
from trainers.stopping import generation_of, stopping_trainer

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
    tune_threads(spec)
    asked = spec.grpo or GrpoSpec()
    ready = sft.prepare(frame, spec, corpus=corpus, evaluate=evaluate, allow=allow, seed=seed)
    ready.preflight.raise_if_refused()
    model, counts = sft.tuned_model(ready, out)
    stop = get_prompt(ready.spec.prompt).stop
    rewards = Rewards(asked.generations, stop=stop)
    extra = sft.watchers(ready, out, report, evaluate)
    trainer = stopping_trainer(GRPOTrainer, stop)(
        model=model,
        reward_funcs=[rewards.accuracy, rewards.format],
        args=grpo_config(ready, asked, out),
        train_dataset=problems(frame, ready),
        processing_class=ready.tokenizer,
        callbacks=[Lines(out / "metrics.jsonl", report, rewards), *extra],
    )
    trainer.remove_callback(PrinterCallback)
    happened = sft.run_trainer(trainer, ready, out, extra, needs=Lines.LAST)
    sft.finish(trainer, ready, out)
    tidy(out)
    record = {
        "spec": ready.spec.model_dump(mode="json"),
        "seed": ready.seed,
        "tokens": int(getattr(trainer.state, "num_input_tokens_seen", 0)),
        **happened,
        "loss": curve(out / "metrics.jsonl", "loss"),
        "reward": curve(out / "metrics.jsonl", "reward"),
        "zero_advantage": curve(out / "metrics.jsonl", "frac_reward_zero_std"),
        "curves": {name: curve(out / "metrics.jsonl", key) for name, key in CURVES.items()},
        "rewards": of_all(rewards.figures),
        "seconds": round(time.perf_counter() - started, 2),
        "trainable": counts.trainable,
        "total": counts.total,
        **arithmetic(ready.spec).record(),
        "preflight": ready.preflight.summary(),
        "versions": versions(),
    }
    return trainer.model, ready.tokenizer, record


def problems(frame: Frame, ready: sft.Prepared) -> Any:
    """The whole run's prompts in our order, as TRL wants them, with the gold answer and the row beside.

    TRL's own shuffling begins anew where a run is taken up in a later pass; an order that is written out does not.
    """
    from datasets import Dataset

    assert ready.order is not None
    prompt = get_prompt(ready.spec.prompt)
    rows = [frame.row(i, named=True) for i in ready.preflight.keep]
    missing = [r["id"] for r in rows if not r["answer"]]
    if missing:
        raise MathdataError(
            f"{len(missing)} rows have no answer to be rewarded by (row {missing[0]})", "drop them or run verify"
        )
    texts = [prompt.render(r["problem"] or "") for r in rows]
    asked = [[{"role": "user", "content": t}] if prompt.chat else t for t in texts]
    turns = [i for step in range(ready.order.steps) for i in ready.order.rows(step)]
    columns = {"prompt": asked, "answer": [r["answer"] for r in rows], "row": [r["id"] for r in rows]}
    return Dataset.from_dict({name: [values[i] for i in turns] for name, values in columns.items()})


def grpo_config(ready: sft.Prepared, asked: GrpoSpec, out: Path) -> Any:
    """TRL's settings from the recipe; `trl: {}` is passed through verbatim. Raises RecipeError."""
    import torch
    from trl import GRPOConfig

    assert ready.order is not None
    spec, steps = ready.spec, ready.order.steps
    known = [f.name for f in dataclasses.fields(GRPOConfig)]
    for key in spec.trl:
        if key not in known:
            raise RecipeError(f"train.trl.{key}: TRL's GRPOConfig has no such option", nearest(key, known))
    precision, gpu = precision_of(spec), torch.cuda.is_available()
    stop = get_prompt(spec.prompt).stop
    settings: dict[str, Any] = {
        "output_dir": str(out / "checkpoints"),
        "max_steps": steps,
        "per_device_train_batch_size": spec.batch * asked.generations,
        "gradient_accumulation_steps": ready.order.accumulation,
        "shuffle_dataset": False,  # the dataset is the order of the run
        "num_generations": asked.generations,
        "max_completion_length": asked.max_tokens,
        "temperature": asked.temperature,
        "beta": asked.beta,
        "reward_weights": [1.0, asked.format_reward],
        "use_vllm": asked.vllm != "none",
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.scheduler,
        "lr_scheduler_kwargs": scheduler_args(spec, steps),
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
        **device(spec),
        "gradient_checkpointing": spec.gradient_checkpointing,
        "dataloader_pin_memory": gpu,
        "logging_steps": 1,
        "disable_tqdm": True,
        "report_to": reporters(spec),
        **saving(spec, max(1, round(steps * len(ready.examples) / ready.order.rows_seen))),
    }
    if asked.vllm != "none":
        if find_spec("vllm") is None:
            raise MissingExtra(f"grpo.vllm: {asked.vllm} needs vllm, which is not installed", extra="vllm")
        settings["vllm_mode"] = asked.vllm
        if server := os.environ.get("MATHDATA_VLLM_SERVER"):  # it answers with pickles: no recipe names it
            settings["vllm_server_base_url"] = server
    try:
        config = one_card(GRPOConfig(**settings | spec.trl | generation_of(spec, stop, asked.vllm != "none")))
    except (TypeError, ValueError) as error:
        raise RecipeError(f"train.trl: TRL refuses it: {error}", "see trl.GRPOConfig") from None
    refuse_split_generation(config)
    return config


def refuse_split_generation(config: Any) -> None:
    """A checkpoint between the steps of one generation would lose its answers. Raises RecipeError."""
    cycle = math.lcm(config.steps_per_generation * config.num_iterations, config.gradient_accumulation_steps)
    cycle //= config.gradient_accumulation_steps
    if config.save_strategy == "steps" and config.save_steps % cycle:
        raise RecipeError(
            f"train.checkpoints.every = {config.save_steps:g}: answers are made once for {cycle} steps here",
            f"write a multiple of {cycle}, so that a run that is taken up again sees the same answers",
        )


class Lines(TrainerCallback):
    """Each step to metrics.jsonl and to the progress line; stops on a loss that is no number."""

    LAST = "rewards.json"
    """What a checkpoint gets last: the statistics of its groups so far."""

    def __init__(self, path: Path, report: sft.Report | None, rewards: Rewards) -> None:
        self.path, self.report, self.rewards = path, report, rewards
        self.started, self.from_step = 0.0, 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.started, self.from_step = time.perf_counter(), state.global_step
        if state.global_step:
            self.rewards.restore(json.loads(self._saved(args, state).read_text(encoding="utf-8")))
        if world()[0] == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            keep_until(self.path, state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        dump_json(self._saved(args, state), self.rewards.figures)

    def _saved(self, args: Any, state: Any) -> Path:
        """Each process counts the groups of its own."""
        rank = world()[0]
        name = self.LAST if rank == 0 else f"rewards.{rank}.json"
        return Path(args.output_dir) / f"checkpoint-{state.global_step}" / name

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "reward" not in logs:
            return
        self._stop_on_nan(state.global_step, logs)
        if world()[0]:
            return
        numbers = {k: v for k, v in logs.items() if isinstance(v, (int, float))}
        line = {"step": state.global_step, "seconds": round(time.perf_counter() - self.started, 3)} | numbers
        with open(self.path, "a", encoding="utf-8", opener=no_link) as f:
            f.write(json.dumps(line) + "\n")
        if self.report is not None:
            told = {k: logs.get(k) for k in ("loss", "reward")} | {"memory_mb": round(memory_mb())}
            done = max(1, state.global_step - self.from_step)
            left = (time.perf_counter() - self.started) / done * (state.max_steps - state.global_step)
            told |= {"seconds_left": round(left, 1)}
            self.report({"event": "progress", "done": state.global_step, "total": state.max_steps} | told)

    def _stop_on_nan(self, step: int, logs: Mapping[str, Any]) -> None:
        """A gradient of zero is no fault here: it is what groups without an advantage give."""
        for name in ("loss", "grad_norm"):
            if name in logs and not math.isfinite(float(logs[name])):
                rows = ", ".join(self.rewards.rows[:24])
                raise MathdataError(
                    f"step {step}: {name} is {logs[name]}; rows of the step: {rows}",
                    "look at those rows (mathdata show), lower train.learning_rate or raise train.warmup",
                )


CURVES = {
    "reward": "reward",
    "accuracy": "rewards/accuracy/mean",
    "format": "rewards/format/mean",
    "zero_advantage": "frac_reward_zero_std",
    "length": "completions/mean_length",
    "truncated": "completions/clipped_ratio",
}
"""What the report draws over the steps, and TRL's name of it."""


def curve(path: Path, key: str) -> list[list[float]]:
    lines = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return [[x["step"], round(float(x[key]), 5)] for x in lines if key in x]
