"""TRL's own settings, from the recipe; `trl: {}` is passed through verbatim and checked."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from mathdata.errors import MathdataError, RecipeError, nearest
from mathdata.trainspec import TrainSpec
from trainers.launch import launched
from trainers.machine import precision_of
from trainers.order import Order

__all__ = ["one_card", "sft_config"]


def sft_config(spec: TrainSpec, order: Order, out: Path, seed: int) -> Any:
    """TRL's own settings; what the recipe's `trl: {}` names is passed through verbatim. Raises RecipeError."""
    import torch
    from trl import SFTConfig

    known = [f.name for f in dataclasses.fields(SFTConfig)]
    for key in spec.trl:
        if key not in known:
            raise RecipeError(f"train.trl.{key}: TRL's SFTConfig has no such option", nearest(key, known))
    precision, gpu = precision_of(spec), torch.cuda.is_available()
    settings: dict[str, Any] = {
        "output_dir": str(out / "checkpoints"),
        "max_steps": order.steps,
        "per_device_train_batch_size": 1,  # one micro-batch of ours
        "gradient_accumulation_steps": order.accumulation,
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.scheduler,
        "lr_scheduler_kwargs": scheduler_args(spec, order.steps),
        "warmup_steps": spec.warmup_steps(order.steps),
        "weight_decay": spec.weight_decay,
        "adam_beta1": spec.betas[0],
        "adam_beta2": spec.betas[1],
        "adam_epsilon": spec.epsilon,
        "max_grad_norm": spec.max_grad_norm,
        "optim": spec.optimizer,
        "seed": seed,
        "bf16": precision == "bf16",
        "fp16": precision == "fp16",
        **device(spec),
        "gradient_checkpointing": spec.gradient_checkpointing,
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
        "train_sampling_strategy": "sequential",
        "dataloader_pin_memory": gpu,
        "logging_steps": max(1, order.steps // 5000),
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": reporters(spec),
        **saving(spec, max(1, round(order.steps * len(order.lengths) / max(1, order.rows_seen)))),
        "eval_strategy": "no",
    }
    if spec.parallel.sequence > 1:
        settings["parallelism_config"] = sequence_parallel(spec)
    try:
        return one_card(SFTConfig(**settings | spec.trl))
    except (TypeError, ValueError) as error:
        raise RecipeError(f"train.trl: TRL refuses it: {error}", "see trl.SFTConfig") from None


def one_card(config: Any) -> Any:
    """A process trains on one card. Where it sees several (one is for evaluation, say), transformers would put a batch
    on each, so that a step had the recipe's rows times the cards, and TRL refuses to start.
    """
    if config.n_gpu > 1:
        config._n_gpu = 1
    return config


def scheduler_args(spec: TrainSpec, steps: int) -> dict[str, Any] | None:
    """What the recipe says, over what a scheduler cannot do without: a floor of a tenth, a decay in the last tenth."""
    usual: dict[str, dict[str, Any]] = {
        "cosine_with_min_lr": {"min_lr_rate": 0.1},
        "cosine_warmup_with_min_lr": {"min_lr_rate": 0.1},
        "warmup_stable_decay": {"num_decay_steps": max(1, round(0.1 * steps))},
    }
    own = dict(spec.scheduler_args)
    base = {} if "min_lr" in own else usual.get(spec.scheduler, {})
    return (base | own) or None


def reporters(spec: TrainSpec) -> Any:
    """What TRL is told to report to; nothing leaves the machine unless WANDB_MODE says so. Raises MathdataError."""
    from importlib.util import find_spec

    for name in spec.report_to:
        if find_spec(name) is None:
            raise MathdataError(
                f"train.report_to: {name} is not installed", f"pip install {name}; metrics.jsonl is written without it"
            )
    if "wandb" in spec.report_to:
        os.environ.setdefault("WANDB_MODE", "offline")
    return list(spec.report_to) or "none"


def device(spec: TrainSpec) -> dict[str, Any]:
    """Without a GPU everything runs on the CPU; DeepSpeed is told so by its launcher and wants to hear of gloo only."""
    import torch

    if torch.cuda.is_available():
        return {"use_cpu": False}
    return {"ddp_backend": "gloo"} if spec.parallel.kind == "deepspeed" and launched() else {"use_cpu": True}


def saving(spec: TrainSpec, epoch: int) -> dict[str, Any]:
    """When TRL writes checkpoints; `epoch` is the number of steps in one pass over the rows."""
    every = epoch if spec.checkpoints.every == "epoch" else spec.checkpoints.every
    if not every:
        return {"save_strategy": "no"}
    return {"save_strategy": "steps", "save_steps": every, "save_total_limit": spec.checkpoints.keep}


def sequence_parallel(spec: TrainSpec) -> Any:
    """Sequences split over processes (Ulysses), which accelerate has with DeepSpeed only. Raises RecipeError."""
    size = spec.parallel.sequence
    if spec.parallel.kind != "deepspeed":
        raise RecipeError(
            f"train.parallel.sequence = {size}: only DeepSpeed splits sequences over processes",
            "write kind: deepspeed beside it, or sequence: 1",
        )
    if spec.parallel.processes * spec.parallel.nodes % size:
        raise RecipeError(f"train.parallel.sequence = {size} does not divide the processes", "choose a divisor")
    wrong = {"batches: packed": spec.batches == "packed", "attention: eager": spec.attention == "eager"}
    wrong |= {f"batch: {spec.batch}": spec.batch > 1}  # DeepSpeed is told one micro-batch a process
    if named := [k for k, bad in (wrong | {"tokens_per_step": spec.tokens_per_step is not None}).items() if bad]:
        raise RecipeError(
            f"train.parallel.sequence = {size}: sequences that are split over processes do not go with {named[0]}",
            "write batch: 1 (and accumulation), batches: length, attention: sdpa or flash_attention_2, no tokens_per_step",
        )
    from accelerate.utils import DeepSpeedSequenceParallelConfig, ParallelismConfig

    attention = "sdpa" if spec.attention == "auto" else spec.attention
    handler = DeepSpeedSequenceParallelConfig(sp_seq_length_is_variable=True, sp_attn_implementation=attention)
    return ParallelismConfig(sp_backend="deepspeed", sp_size=size, sp_handler=handler)
