"""What a run will take, from the model's config alone: parameters, steps, memory of each card; no weight is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from mathdata.errors import PreflightError, RecipeError, nearest
from mathdata.trainspec import TrainSpec
from trainers.footprint import GIB, PARTS, Card, Running, Shape, cards_of, held_bytes, peak, shape_of

__all__ = ["GPUS", "check_memory", "meta_model", "plan"]

GPUS = {
    "RTX3090": 23.6, "RTX4090": 23.6, "A10": 21.9, "L4": 21.9, "V100": 31.7, "A100-40": 39.4, "A6000": 47.4, "L40": 44.3,
    "L40S": 44.3, "A100": 79.1, "H100": 79.1, "H200": 139.7, "B200": 178.3,
}  # fmt: skip
"""GiB that a program finds on a card, which is less than what it is sold as: error correction and the driver take some."""

RUNTIME = 0.9
"""GiB that the context, its libraries and fragmentation take on every card."""

MARGIN = 0.95
"""Share of a card that a plan may fill."""


def meta_model(spec: TrainSpec) -> Any:
    """The tuned model without weights (meta device): every count is exact. Added tokens are counted in."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from trainers.model import load_config
    from trainers.tune import apply

    config = load_config(spec)
    if spec.tokenizer.train is not None:
        config.vocab_size = spec.tokenizer.train.vocab_size
    added = len(spec.tokenizer.add_tokens)
    logging.set_verbosity_error()
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        # How factors start (PiSSA's decomposition, say) does not change how many there are.
        peft = {k: v for k, v in spec.peft.items() if k != "init_lora_weights"}
        unquantised = spec.model_copy(update={"quantize": None, "peft": peft})
        return apply(model, unquantised, new=range(config.vocab_size - added, config.vocab_size))


def gpu_memory(name: str) -> float:
    """GiB of a card by name, or a number. Raises RecipeError."""
    try:
        return float(name)
    except ValueError:
        known = {k.lower(): v for k, v in GPUS.items()}
        key = name.lower().replace(" ", "")
        if key not in known:
            raise RecipeError(f"train.parallel.gpu: unknown card '{name}'", nearest(name, GPUS)) from None
        return float(known[key])


def plan(
    spec: TrainSpec,
    *,
    rows: int | None = None,
    tokens: int | None = None,
    length: int | None = None,
    whole_logits: bool = False,
) -> dict[str, Any]:
    """Everything `--plan` prints. `rows`, `tokens` and the longest row's `length` where the data is at hand.

    `whole_logits` plans for a trainer that holds the logits of the whole batch; TRL's does not, unless a setting asks.
    """
    from trainers.model import load_config
    from trainers.tune import count

    model = meta_model(spec)
    counts = count(model)
    processes = spec.parallel.processes * spec.parallel.nodes
    shape = shape_of(load_config(spec), spec, length, whole_logits=whole_logits)
    steps, per_step = steps_of(spec, rows, tokens, processes)
    return {
        "model": spec.model.name or "from a config",
        "method": spec.method,
        "trainable": counts.trainable,
        "total": counts.total,
        "share": round(counts.share, 8),
        "rows": rows,
        "rows_per_step": None if spec.tokens_per_step else spec.rows_per_step(processes)[0],
        "steps": steps,
        "warmup_steps": spec.warmup_steps(steps) if steps is not None else None,
        "tokens_per_step": per_step,
        "processes": processes,
        "memory": memory(spec, cards_of(model, spec), shape),
    }


def steps_of(spec: TrainSpec, rows: int | None, tokens: int | None, processes: int) -> tuple[int | None, int | None]:
    """(steps, tokens of a step): exact by tokens, by rows an upper bound until the rows are tokenised."""
    import math

    if spec.tokens_per_step is not None:
        total = spec.tokens or (tokens and round((spec.epochs or 1) * tokens))
        steps = spec.max_steps or (max(1, round(total / spec.tokens_per_step)) if total else None)
        return steps, spec.tokens_per_step
    per_step, _ = spec.rows_per_step(processes)
    steps = spec.max_steps or (max(1, math.ceil((spec.epochs or 1) * rows / per_step - 1e-9)) if rows else None)
    mean = tokens / rows if tokens and rows else None
    return steps, round(per_step * mean) if mean else per_step * spec.max_length


# --- memory, card by card -----------------------------------------------------------------------------------------


def running(spec: TrainSpec) -> Running:
    """How the recipe runs a step."""
    parallel = spec.parallel
    zero = {"ddp": 0, "fsdp": 3, "deepspeed": parallel.zero_stage}[parallel.kind]
    accumulation = spec.accumulation or 1
    if spec.global_batch is not None:
        accumulation = spec.rows_per_step(parallel.processes * parallel.nodes)[1]
    return Running(
        checkpointing=spec.gradient_checkpointing,
        world=parallel.processes * parallel.nodes,
        zero=zero,
        offload=parallel.offload,
        accumulates=accumulation > 1,
        optimizer=spec.optimizer,
        ddp=parallel.kind == "ddp",
        mixed=parallel.kind == "deepspeed" and spec.precision != "fp32" and held_bytes(spec, trained=True) == 4,
    )


def memory(spec: TrainSpec, cards: Mapping[int, Card], shape: Shape) -> dict[str, Any]:
    """GiB by part of the fullest card, every card of `device_map` by itself, and whether each one can hold its own."""
    size = None if spec.parallel.gpu is None else gpu_memory(spec.parallel.gpu)
    run = running(spec)
    each = {str(i): card_memory(card, shape, run) | served(spec, i, size) for i, card in cards.items()}
    each |= beside(spec, each, size)
    for card in each.values():
        card["total"] = round(sum(card[p] for p in (*PARTS, "runtime", "evaluation")), 2)
        card["fits"] = None if size is None or _unplaced(spec) else card["total"] <= size * MARGIN
    fullest = max(each.values(), key=lambda card: card["total"])
    verdicts = [card["fits"] for card in each.values()]
    fits = None if None in verdicts else all(verdicts)
    answer = {"cards": each, "gpu": spec.parallel.gpu, "gpu_gib": size, "fits": fits}
    return {**fullest, **answer, "alternatives": alternatives(cards, shape, run)}


def card_memory(card: Card, shape: Shape, run: Running) -> dict[str, Any]:
    """GiB by part at the moment when most stands on a card."""
    when, parts = peak(card, shape, run)
    return {**{p: round(parts[p] / GIB, 3) for p in PARTS}, "runtime": RUNTIME, "evaluation": 0.0, "moment": when}


def served(spec: TrainSpec, card: int, size: float | None) -> dict[str, float]:
    """What vLLM takes of a card that also trains: the share of its memory that the recipe gives it."""
    on_the_way = spec.evaluation
    backend = on_the_way.backend if on_the_way is not None else None
    name, options = next(iter(backend.items())) if isinstance(backend, Mapping) else (backend, {})
    named = [x.strip() for x in str(on_the_way.devices).split(",")] if on_the_way and on_the_way.devices else ["0"]
    if name != "vllm" or size is None or str(card) not in named:
        return {}
    return {"evaluation": round(size * float((options or {}).get("gpu_memory", 0.9)), 3)}


def beside(spec: TrainSpec, each: Mapping[str, dict[str, Any]], size: float | None) -> dict[str, dict[str, Any]]:
    """Cards of further processes, where one of them also serves the evaluation."""
    if spec.parallel.device_map is not None:
        return {}
    others = {str(i): served(spec, i, size) for i in range(1, spec.parallel.processes)}
    return {i: {**each["0"], "evaluation": 0.0, **more} for i, more in others.items() if more}


def _unplaced(spec: TrainSpec) -> bool:
    """`device_map: auto` lets the library choose the cards when it loads: nothing is known of any one of them."""
    return isinstance(spec.parallel.device_map, str)


def alternatives(cards: Mapping[int, Card], shape: Shape, run: Running) -> dict[str, dict[str, float]]:
    """Total GiB of the fullest card by ZeRO stage, with and without gradient checkpointing."""

    half = shape.compute == 2

    def total(**changed: Any) -> float:
        made = [card_memory(card, shape, replace(run, **changed)) for card in cards.values()]
        return round(max(sum(m[p] for p in (*PARTS, "runtime")) for m in made), 2)

    return {
        f"zero{stage}": {
            "plain": total(zero=stage, ddp=stage == 0, mixed=stage > 0 and half, checkpointing=False),
            "checkpointing": total(zero=stage, ddp=stage == 0, mixed=stage > 0 and half, checkpointing=True),
        }
        for stage in range(4)
    }


def over(memory: Mapping[str, Any]) -> str:
    """In words: which cards the plan overfills; empty where each can hold its own or no card is named."""
    full = [f"{c['total']:.1f} GiB on card {i}" for i, c in memory["cards"].items() if c["fits"] is False]
    if not full:
        return ""
    name = "each" if memory["gpu"] == str(memory["gpu_gib"]) else f"each {memory['gpu']}"
    return f"the plan needs {' and '.join(full)}, {name} has {memory['gpu_gib']:g} (a twentieth stays free)"


def check_memory(spec: TrainSpec, arm: str, allow: tuple[str, ...] = ()) -> None:
    """Raises PreflightError where the card that the recipe names cannot hold the plan and `memory` is not allowed."""
    if spec.parallel.gpu is None or "memory" in (*spec.preflight.allow, *allow):
        return
    if words := overfull(spec):
        raise PreflightError(f"arm '{arm}': {words}", f"{advice(spec)}; or preflight: {{allow: [memory]}}")


@lru_cache(maxsize=64)
def _overfull(body: str) -> str:
    return over(plan(TrainSpec.model_validate_json(body))["memory"])


def overfull(spec: TrainSpec) -> str:
    """`over` of a spec's plan; arms that need the same are planned once."""
    return _overfull(spec.model_dump_json())


def advice(spec: TrainSpec) -> str:
    """Which knob helps when memory runs out, by the plan."""
    now = plan(spec)["memory"]["total"]
    smaller = {"batch": max(1, spec.batch // 2)} | (
        {} if spec.global_batch else {"accumulation": 2 * (spec.accumulation or 1)}
    )
    choices: list[tuple[dict[str, Any], str]] = [
        ({"gradient_checkpointing": True}, "gradient_checkpointing: true saves"),
        (smaller, f"batch: {smaller['batch']} with twice the accumulation saves"),
        ({"method": "lora"}, "method: lora saves about"),
    ]
    saved = []
    for change, words in choices:
        if (change.get("method") and spec.method != "full") or all(getattr(spec, k) == v for k, v in change.items()):
            continue
        gain = now - plan(spec.model_copy(update=change))["memory"]["total"]
        saved += [(gain, f"{words} {gain:.1f} GiB")] if gain > 0.05 else []
    return "; ".join(words for _, words in sorted(saved, reverse=True)) or "take a smaller model"
