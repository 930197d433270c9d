"""Supervised fine-tuning with TRL's SFTTrainer: tokenise, preflight, train, save, say what happened."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathdata.errors import MathdataError, RecipeError, nearest
from mathdata.manifest import digest_of, dump_json, versions
from mathdata.trainspec import DEFAULT_SEED, TrainSpec
from mathdata.types import Frame
from trainers.data import Example, corpus_texts, count_spoiled, encode
from trainers.order import Order, arrange
from trainers.preflight import Preflight, preflight

__all__ = ["Prepared", "prepare", "run_sft"]

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Prepared:
    """Everything that stands before the first step: no weights are loaded yet."""

    spec: TrainSpec
    seed: int
    tokenizer: Any
    examples: list[Example]
    preflight: Preflight
    order: Order | None


def prepare(
    frame: Frame,
    spec: TrainSpec,
    *,
    corpus: Sequence[Frame] = (),
    evaluate: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    seed: int | None = None,
) -> Prepared:
    """Tokenizer, tokenised rows, findings and the order of the run."""
    from trainers.tokens import load_tokenizer

    seed = next(s for s in (spec.seed, seed, DEFAULT_SEED) if s is not None)
    spec = spec.model_copy(update={"seed": seed})
    texts = (t for f in (corpus or (frame,)) for t in corpus_texts(f, spec))
    tokenizer = load_tokenizer(spec, texts)
    examples = encode(frame, spec, tokenizer)
    size = size_of(spec)
    found = preflight(frame, examples, spec, tokenizer, evaluate=evaluate, allow=allow, size=size)
    going = list(found.examples)
    order = None
    if going:
        groups = [e.group for e in going] if spec.mixture else None
        order = arrange([len(e) for e in going], spec, processes=world()[1], groups=groups)
    return Prepared(spec, seed, tokenizer, going, found, order)


def size_of(spec: TrainSpec) -> dict[str, Any]:
    """Parameters and planned memory, from the config alone; the card is the one here, or the one the recipe names."""
    import torch

    from trainers.plan import plan

    here = torch.cuda.is_available()
    if here and spec.parallel.gpu is None and spec.parallel.device_map is None:
        gib = str(round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1))
        spec = spec.model_copy(update={"parallel": spec.parallel.model_copy(update={"gpu": gib})})
    made = plan(spec)
    return {"parameters": made["total"], "memory": made["memory"] if here else None}


def world() -> tuple[int, int]:
    """(this process, processes) as the launcher set them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def precision_of(spec: TrainSpec) -> str:
    """auto: bf16 on a GPU that has it, else fp32 (on a CPU bf16 is a choice: faster, a little coarser)."""
    import torch

    if spec.precision != "auto":
        return spec.precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"


def sft_config(spec: TrainSpec, order: Order, out: Path, seed: int) -> Any:
    """TRL's own settings; what the recipe's `trl: {}` names is passed through verbatim. Raises RecipeError."""
    import torch
    from trl import SFTConfig

    known = [f.name for f in dataclasses.fields(SFTConfig)]
    for key in spec.trl:
        if key not in known:
            raise RecipeError(f"train.trl.{key}: TRL's SFTConfig has no such option", nearest(key, known))
    if "wandb" in spec.report_to:
        os.environ.setdefault("WANDB_MODE", "offline")  # nothing leaves the machine unless the user says so
    precision, gpu = precision_of(spec), torch.cuda.is_available()
    every = spec.checkpoints.every
    if every == "epoch":
        every = max(1, round(order.steps * len(order.lengths) / max(1, order.rows_seen)))
    settings: dict[str, Any] = {
        "output_dir": str(out / "checkpoints"),
        "max_steps": order.steps,
        "per_device_train_batch_size": 1,  # one micro-batch of ours
        "gradient_accumulation_steps": order.accumulation,
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.scheduler,
        "lr_scheduler_kwargs": dict(spec.scheduler_args) or None,
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
        "use_cpu": not gpu,
        "gradient_checkpointing": spec.gradient_checkpointing,
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
        "train_sampling_strategy": "sequential",
        "dataloader_pin_memory": gpu,
        "logging_steps": max(1, order.steps // 5000),
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": list(spec.report_to) or "none",
        "save_strategy": "steps" if every else "no",
        "save_steps": every or 500,
        "save_total_limit": spec.checkpoints.keep if every else None,
        "eval_strategy": "no",
    }
    if spec.parallel.sequence > 1:
        settings["parallelism_config"] = sequence_parallel(spec)
    try:
        return SFTConfig(**settings | spec.trl)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"train.trl: TRL refuses it: {error}", "see trl.SFTConfig") from None


def sequence_parallel(spec: TrainSpec) -> Any:
    """Sequences split over processes (Ulysses), which accelerate has with DeepSpeed only. Raises RecipeError."""
    if spec.parallel.kind != "deepspeed":
        raise RecipeError(
            f"train.parallel.sequence = {spec.parallel.sequence}: only DeepSpeed splits sequences over processes",
            "write kind: deepspeed beside it, or sequence: 1",
        )
    if spec.parallel.processes * spec.parallel.nodes % spec.parallel.sequence:
        raise RecipeError(
            f"train.parallel.sequence = {spec.parallel.sequence} does not divide the processes", "choose a divisor"
        )
    from accelerate.utils import ParallelismConfig

    return ParallelismConfig(sp_backend="deepspeed", sp_size=spec.parallel.sequence)


def run_sft(
    frame: Frame,
    spec: TrainSpec,
    out: Path,
    *,
    corpus: Sequence[Frame] = (),
    evaluate: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    seed: int | None = None,
    before: bool = False,
    report: Report | None = None,
) -> tuple[Any, Any, dict[str, Any]]:
    """Train; returns (model, tokenizer, record). The record is for train.json, which the caller writes last."""
    started = time.perf_counter()
    tune_threads(spec)
    if before:
        return untrained(frame, spec, out, corpus, seed)
    ready = prepare(frame, spec, corpus=corpus, evaluate=evaluate, allow=allow, seed=seed)
    ready.preflight.raise_if_refused()
    if ready.order is None:
        raise MathdataError("no rows to train on", "look at the rejects beside the input")
    model, counts = tuned_model(ready, out)
    model, happened = fit(model, ready, out, report, evaluate)
    if world()[0] == 0:
        finish(model, ready.tokenizer, ready.spec, out)
        tidy(out)
    record = {
        "spec": ready.spec.model_dump(mode="json"),
        "seed": ready.seed,
        "tokens": ready.order.tokens,
        "rows_seen": ready.order.rows_seen,
        "spoiled": count_spoiled(frame, ready.spec),
        "padding": round(ready.order.padding, 4),
        **happened,
        "seconds": round(time.perf_counter() - started, 2),
        "trainable": counts.trainable,
        "total": counts.total,
        "precision": precision_of(ready.spec),
        "preflight": ready.preflight.summary(),
        "versions": versions(),
    }
    return model, ready.tokenizer, record


def tidy(out: Path) -> None:
    """Take the empty checkpoint folder away."""
    folder = out / "checkpoints"
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def tune_threads(spec: TrainSpec) -> None:
    """As the recipe or OMP_NUM_THREADS says; two threads beside other work were slower than one."""
    import torch

    if spec.threads:
        torch.set_num_threads(spec.threads)
    elif not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(1 if world()[1] > 1 else max(1, (os.cpu_count() or 2) // 2))


def untrained(
    frame: Frame, spec: TrainSpec, out: Path, corpus: Sequence[Frame], seed: int | None
) -> tuple[Any, Any, dict[str, Any]]:
    """The model as it stands before training, for the comparison's first column."""
    from trainers.model import build_model, save_model
    from trainers.tokens import load_tokenizer
    from trainers.tune import count

    seed = next(s for s in (spec.seed, seed, DEFAULT_SEED) if s is not None)
    tokenizer = load_tokenizer(spec, (t for f in (corpus or (frame,)) for t in corpus_texts(f, spec)))
    model = build_model(spec, tokenizer, seed)
    save_model(model, tokenizer, out)
    total = count(model).total
    record = {"spec": spec.model_dump(mode="json"), "seed": seed, "steps": 0, "tokens": 0, "loss": [], "trainable": 0}
    return model, tokenizer, record | {"total": total, "seconds": 0.0, "versions": versions()}


def tuned_model(ready: Prepared, out: Path) -> tuple[Any, Any]:
    """The model with its adapters on, and its counts. A base that exists nowhere else is saved for its adapter."""
    from trainers.model import build_model, save_model
    from trainers.tune import apply, count

    spec = ready.spec
    model = build_model(spec, ready.tokenizer, ready.seed)
    if spec.method == "lora" and spec.model.config is not None:
        if world()[0] == 0:
            save_model(model, ready.tokenizer, out / "base")
        model.name_or_path = str(out / "base")
    model = apply(model, spec, added=len(spec.tokenizer.add_tokens))
    return model, count(model)


def fit(
    model: Any, ready: Prepared, out: Path, report: Report | None, evaluate: Mapping[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """The training itself: (model, what happened)."""
    import torch
    from transformers import PrinterCallback
    from transformers.utils import logging as noise
    from trl import SFTTrainer

    from trainers.callbacks import Guard, Metrics, Sentinel
    from trainers.collate import Collator, micros
    from trainers.plan import advice

    assert ready.order is not None
    out.mkdir(parents=True, exist_ok=True)
    config = sft_config(ready.spec, ready.order, out, ready.seed)
    metrics = Metrics(out / "metrics.jsonl", ready.order, report, main=world()[0] == 0)
    extra = watchers(ready, out, report, evaluate)
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=micros(ready.order),
        data_collator=Collator(
            ready.examples,
            ready.order,
            ready.tokenizer.pad_token_id,
            ready.spec.pad_to_multiple_of or 1,
            ready.spec.batches == "packed",
        ),
        processing_class=ready.tokenizer,
        callbacks=[metrics, Sentinel(ready.order, ready.examples), *extra],
    )
    trainer.remove_callback(PrinterCallback)
    guard = Guard(ready.spec, trainer)
    trainer.add_callback(guard)
    noise.disable_progress_bar()
    if ready.spec.checkpoints.every and world()[0] == 0:
        claim_checkpoints(out, ready)
    trainer.accelerator.wait_for_everyone()
    started = time.perf_counter()
    try:
        trainer.train(resume_from_checkpoint=last_checkpoint(out) if ready.spec.checkpoints.every else None)
    except torch.OutOfMemoryError as error:
        raise MathdataError(f"out of memory: {str(error).splitlines()[0]}", advice(ready.spec)) from error
    seconds = time.perf_counter() - started
    happened = {
        "steps": trainer.state.global_step,
        "loss": loss_curve(out / "metrics.jsonl"),
        "train_seconds": round(seconds, 2),
        "tokens_per_second": round(ready.order.tokens / seconds, 1) if seconds else None,
        "parallel": guard.world,
    }
    for watcher in extra:
        happened |= watcher.outcome(trainer.model)
    return trainer.model, happened


def watchers(ready: Prepared, out: Path, report: Report | None, evaluate: Mapping[str, Any] | None) -> list[Any]:
    """The callbacks that the recipe asks for: evaluation inside training, rebalancing of LoRA factors."""
    from trainers.evaluating import Evaluating, subset
    from trainers.spectral import Spectral

    asked: list[Any] = []
    if ready.spec.spectral is not None:
        asked.append(Spectral(ready.spec.spectral))
    if ready.spec.evaluation is not None:
        benchmark = subset(ready.spec, evaluate, ready.seed)
        asked.append(Evaluating(ready.spec, ready.tokenizer, out, benchmark, report, main=world()[0] == 0))
    return asked


def claim_checkpoints(out: Path, ready: Prepared) -> None:
    """Checkpoints belong to one spec, one seed and one order of rows; those of another run are taken away."""
    folder, marker = out / "checkpoints", out / "checkpoints" / "run.json"
    assert ready.order is not None
    rows = [e.id for e in ready.examples]
    digest = digest_of([ready.spec.model_dump(mode="json"), ready.seed, rows, ready.order.micro])
    try:
        if json.loads(marker.read_text(encoding="utf-8"))["digest"] == digest:
            return
    except (OSError, ValueError, KeyError):
        pass
    for old in folder.glob("checkpoint-*"):
        shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    dump_json(marker, {"digest": digest})


def last_checkpoint(out: Path) -> str | None:
    """The newest whole checkpoint of this run (trainer_state.json is written last), else None."""
    found = [p for p in (out / "checkpoints").glob("checkpoint-*") if (p / "trainer_state.json").is_file()]
    return str(max(found, key=lambda p: int(p.name.split("-")[1]))) if found else None


def loss_curve(path: Path, points: int = 400) -> list[list[float]]:
    """[step, loss] pairs, thinned evenly for the report; the last one is always there."""
    lines = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    curve = [[x["step"], round(float(x["loss"]), 5)] for x in lines if "loss" in x]
    if len(curve) <= points:
        return curve
    keep = sorted({round(i * (len(curve) - 1) / (points - 1)) for i in range(points)})
    return [curve[i] for i in keep]


def finish(model: Any, tokenizer: Any, spec: TrainSpec, out: Path) -> None:
    """Save what a loader needs: an adapter where LoRA alone was trained, whole weights otherwise."""
    from trainers.model import save_model
    from trainers.tune import settle

    save_model(settle(model, spec), tokenizer, out)


def write_record(out: Path, record: Mapping[str, Any]) -> None:
    """train.json: written last, its presence says that the run is finished."""
    dump_json(out / "train.json", dict(record))
