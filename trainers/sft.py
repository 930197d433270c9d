"""Supervised fine-tuning with TRL's SFTTrainer: tokenise, preflight, train, save, say what happened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathdata.errors import MathdataError, UnknownName
from mathdata.manifest import dump_json, versions
from mathdata.trainspec import DEFAULT_SEED, TrainSpec
from mathdata.types import Frame
from trainers.base import base_record, read_record
from trainers.checkpoints import claim_checkpoints, last_checkpoint, tidy
from trainers.data import Example, corpus_texts, count_spoiled, encode
from trainers.launch import world
from trainers.machine import arithmetic, tune_threads
from trainers.order import Order, arrange
from trainers.preflight import Preflight, preflight
from trainers.settings import sft_config

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
    size = size_of(spec, max(map(len, examples), default=None))
    found = preflight(frame, examples, spec, tokenizer, evaluate=evaluate, allow=allow, size=size)
    going = list(found.examples)
    order = None
    if going:
        groups = [e.group for e in going] if spec.mixture else None
        order = arrange([len(e) for e in going], spec, processes=readers(spec), groups=groups)
    return Prepared(spec, seed, tokenizer, going, found, order)


def size_of(spec: TrainSpec, longest: int | None = None) -> dict[str, Any]:
    """Parameters, planned memory, positions and embeddings, from the config alone.

    The card is the one here, or the one the recipe names; a model made from a config has the embeddings it needs. Empty
    where the config is at a hub that gives none.
    """
    import torch

    from trainers.model import load_config, positions_of
    from trainers.plan import plan

    here = torch.cuda.is_available()
    if here and spec.parallel.gpu is None and spec.parallel.device_map is None:
        gib = str(round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1))
        spec = spec.model_copy(update={"parallel": spec.parallel.model_copy(update={"gpu": gib})})
    try:
        made = plan(spec, length=longest)
        config = load_config(spec).get_text_config()
    except UnknownName:  # no hub here: whoever loads the weights says so, rows can be looked at without
        return {}
    return {
        "parameters": made["total"],
        "memory": made["memory"] if here else None,
        "positions": positions_of(config),
        "vocabulary": None if spec.model.config is not None else config.vocab_size,
    }


def readers(spec: TrainSpec) -> int:
    """Processes that read rows of their own: those that split one sequence among them count once."""
    return max(1, world()[1] // spec.parallel.sequence)


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
    trainer, happened = fit(model, ready, out, report, evaluate)
    finish(trainer, ready, out)
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
        **arithmetic(ready.spec).record(),
        "preflight": ready.preflight.summary(),
        "versions": versions(),
    }
    return trainer.model, ready.tokenizer, record


def untrained(
    frame: Frame, spec: TrainSpec, out: Path, corpus: Sequence[Frame], seed: int | None
) -> tuple[Any, Any, dict[str, Any]]:
    """The model as it stands before training, for the comparison's first column."""
    from trainers.model import save_model
    from trainers.tokens import load_tokenizer
    from trainers.tune import count, starting_model

    seed = next(s for s in (spec.seed, seed, DEFAULT_SEED) if s is not None)
    tokenizer = load_tokenizer(spec, (t for f in (corpus or (frame,)) for t in corpus_texts(f, spec)))
    model = starting_model(spec, tokenizer, seed)
    save_model(model, tokenizer, out)
    total = count(model).total
    record = {"spec": spec.model_dump(mode="json"), "seed": seed, "steps": 0, "tokens": 0, "loss": [], "trainable": 0}
    return model, tokenizer, record | {"total": total, "seconds": 0.0, "versions": versions()}


def tuned_model(ready: Prepared, out: Path) -> tuple[Any, Any]:
    """The model with its adapters on, and its counts. A base that exists nowhere else is saved for its adapter."""
    from trainers.model import build_model, save_model
    from trainers.tokens import new_rows
    from trainers.tune import apply, count, write_in

    spec = ready.spec
    model = write_in(build_model(spec, ready.tokenizer, ready.seed), spec)
    merged = spec.model.adapter is not None and spec.model.continue_adapter == "merge"
    if spec.method == "lora" and (merged or spec.model.config is not None):
        if world()[0] == 0:
            save_model(model, ready.tokenizer, out / "base")
        model.name_or_path = str((out / "base").resolve())
        model.rows_at_first = model.get_input_embeddings().weight.shape[0]
    model = apply(model, spec, new=new_rows(ready.tokenizer))
    return model, count(model)


def fit(
    model: Any, ready: Prepared, out: Path, report: Report | None, evaluate: Mapping[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """The training itself: (trainer, what happened)."""
    from transformers import PrinterCallback
    from trl import SFTTrainer

    from trainers.callbacks import Metrics, Sentinel
    from trainers.collate import Collator, micros

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
            ready.spec.parallel.sequence,
        ),
        processing_class=ready.tokenizer,
        callbacks=[metrics, Sentinel(ready.order, ready.examples), *extra],
    )
    trainer.remove_callback(PrinterCallback)
    happened = run_trainer(trainer, ready, out, extra)
    return trainer, happened | {
        "loss": loss_curve(out / "metrics.jsonl"),
        "tokens_per_second": round(ready.order.tokens / happened["train_seconds"], 1)
        if happened["train_seconds"]
        else None,
    }


def run_trainer(
    trainer: Any, ready: Prepared, out: Path, watching: Sequence[Any], needs: str = "trainer_state.json"
) -> dict[str, Any]:
    """Run a TRL trainer to its end, from its last checkpoint where there is one; what happened, for train.json."""
    from transformers.utils import logging as noise

    from trainers.callbacks import Guard

    guard = Guard(ready.spec, trainer)
    trainer.add_callback(guard)
    noise.disable_progress_bar()
    resumes = bool(ready.spec.checkpoints.every)
    if resumes and world()[0] == 0:
        claim_checkpoints(out, ready)
    trainer.accelerator.wait_for_everyone()
    started, used = time.perf_counter(), time.process_time()
    trainer.train(resume_from_checkpoint=last_checkpoint(out, needs) if resumes else None)
    happened = {
        "steps": trainer.state.global_step,
        "train_seconds": round(time.perf_counter() - started, 2),
        "train_cpu_seconds": round(time.process_time() - used, 2),
        "parallel": guard.world,
    }
    for watcher in watching:
        happened |= watcher.outcome(trainer.model)
    return happened


def watchers(ready: Prepared, out: Path, report: Report | None, evaluate: Mapping[str, Any] | None) -> list[Any]:
    """The callbacks that the recipe asks for: evaluation inside training, rebalancing of LoRA factors."""
    from trainers.evaluating import Evaluating, subset
    from trainers.spectral import Spectral

    asked: list[Any] = []
    if ready.spec.spectral is not None:
        asked.append(Spectral(ready.spec.spectral))
    if ready.spec.evaluation is not None:
        benchmark = subset(ready.spec, evaluate, ready.seed)
        asked.append(
            Evaluating(ready.spec, ready.tokenizer, out, benchmark, ready.seed, evaluate, report, main=world()[0] == 0)
        )
    return asked


def loss_curve(path: Path, points: int = 400) -> list[list[float]]:
    """[step, loss] pairs, thinned evenly for the report; the last one is always there."""
    lines = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    curve = [[x["step"], round(float(x["loss"]), 5)] for x in lines if "loss" in x]
    if len(curve) <= points:
        return curve
    keep = sorted({round(i * (len(curve) - 1) / (points - 1)) for i in range(points)})
    return [curve[i] for i in keep]


def finish(trainer: Any, ready: Prepared, out: Path) -> None:
    """Save what a loader needs: an adapter where LoRA alone was trained, whole weights otherwise."""
    from trainers.launch import sharded
    from trainers.model import save_model
    from trainers.tune import settle

    main, model = world()[0] == 0, trainer.model
    if sharded(ready.spec) and world()[1] > 1:
        state = trainer.accelerator.get_state_dict(trainer.model_wrapped)  # every process gives its part
        model = filled(ready, out, state) if main else None
    if main:
        save_model(settle(model, ready.spec), ready.tokenizer, out)
    trainer.accelerator.wait_for_everyone()
    # From here on it answers as whoever loads the folder hears it: by the weights as saved, outside autocast.
    trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)


def filled(ready: Prepared, out: Path, state: Mapping[str, Any]) -> Any:
    """The tuned model once more, in one process, with the weights that were gathered from all."""
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # else it would be split over the processes again
    model, _ = tuned_model(ready, out)
    model.load_state_dict(state)
    return model


def write_record(out: Path, record: Mapping[str, Any]) -> None:
    """train.json: written last, its presence says that the run is finished.

    `base` says what was trained from, by content; `template` through which chat template, and to which day that is pinned.
    """
    from mathdata.chat_templates import template_in
    from mathdata.trainspec import ModelSpec

    model = ModelSpec.model_validate(record["spec"]["model"])
    base = read_record(out) or (base_record(model.name, model.revision) if model.name else None)
    dump_json(out / "train.json", {**record, "base": base, "template": template_in(out)})
