"""What a run will take, from the model's config alone: parameters, steps, memory per GPU; no weight is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mathdata.errors import RecipeError, nearest
from mathdata.trainspec import TrainSpec

__all__ = ["GPUS", "Shape", "memory", "meta_model", "plan"]

GIB = 2**30
GPUS = {
    "RTX3090": 24, "RTX4090": 24, "A10": 24, "L4": 24, "V100": 32, "A100-40": 40, "A6000": 48, "L40": 48, "L40S": 48,
    "A100": 80, "H100": 80, "H200": 141, "B200": 180,
}  # fmt: skip
"""Memory of cards in GiB, as sold."""

RUNTIME = 0.9
"""GiB that the driver's context, its libraries and fragmentation take on every card."""

HEAD_ROWS = 256
"""Positions that TRL's output head scores at once: the logits of a whole batch never stand in memory."""


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


@dataclass(frozen=True)
class Shape:
    """What memory depends on, read from a config and a spec."""

    hidden: int
    inner: int
    layers: int
    heads: int
    kv: int
    vocabulary: int
    rows: int
    length: int
    trainable: int
    total: int
    frozen_bytes: float
    trained_bytes: int
    compute_bytes: int
    world: int
    flash: bool
    lora: bool

    @property
    def tokens(self) -> int:
        return self.rows * self.length


def shape_of(config: Any, spec: TrainSpec, trainable: int, total: int, length: int | None = None) -> Shape:
    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", heads) or heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    half = spec.precision != "fp32"
    adapters = spec.method != "full"
    # Trained weights are held in fp32 and computed in half by autocast; frozen ones are loaded in half, or quantised.
    frozen = {4: 0.56, 8: 1.06}.get(spec.quantize or 0, 2.0 if half else 4.0)
    rows = spec.batch
    if spec.tokens_per_step is not None:
        rows = max(1, spec.tokens_per_step // (spec.accumulation or 1) // (length or spec.max_length))
    return Shape(
        hidden=config.hidden_size,
        inner=config.intermediate_size,
        layers=config.num_hidden_layers,
        heads=heads,
        kv=kv_heads * width,
        vocabulary=config.vocab_size,
        rows=rows,
        length=length or spec.max_length,
        trainable=trainable,
        total=total,
        frozen_bytes=frozen,
        trained_bytes=4,
        compute_bytes=2 if half else 4,
        world=spec.parallel.processes * spec.parallel.nodes,
        flash=spec.attention != "eager",
        lora=adapters,
    )


def activations(shape: Shape, checkpointing: bool) -> float:
    """Bytes kept between forward and backward.

    A layer keeps, per token: its two norms' inputs (fp32 copies inside the norm) and outputs, q, k, v, the attention's
    output, and gate, up, their activation and product. With checkpointing only each layer's input, and one layer whole.
    """
    h, unit = shape.hidden, shape.compute_bytes
    norms = 2 * h * (unit + 4) + 2 * h * unit
    attention = (2 * h + 2 * shape.kv + h) * unit
    scores = 0 if shape.flash else 2 * shape.heads * shape.length * (unit + 2)
    mlp = 4 * shape.inner * unit
    layer = shape.tokens * (norms + attention + scores + mlp)
    ends = shape.tokens * h * (unit + 8)
    if checkpointing:
        return shape.layers * shape.tokens * h * unit + layer + ends
    return shape.layers * layer + ends


def memory(
    shape: Shape, *, zero: int, checkpointing: bool, offload: str = "none", fsdp: bool = False
) -> dict[str, float]:
    """GiB per GPU by part. ZeRO 1 shards the optimiser, 2 the gradients too, 3 the weights too."""
    world = shape.world
    zero = 3 if fsdp else zero
    frozen = (shape.total - shape.trainable) * shape.frozen_bytes
    weights = frozen + shape.trainable * shape.trained_bytes
    gradients = shape.trainable * 4.0
    optimiser = shape.trainable * 8.0
    parts = {
        "weights": weights / (world if zero >= 3 else 1) * (0 if offload == "all" and zero >= 3 else 1),
        "gradients": gradients / (world if zero >= 2 else 1),
        "optimiser": optimiser / (world if zero >= 1 else 1) * (0 if offload != "none" else 1),
        "activations": activations(shape, checkpointing),
        "head": HEAD_ROWS * shape.vocabulary * 4.0 * 2,
    }
    if zero >= 3:  # one layer's weights are gathered while it computes
        parts["weights"] += weights / max(1, shape.layers) * 2
    out = {name: round(size / GIB, 3) for name, size in parts.items()}
    out["runtime"] = RUNTIME
    return out | {"total": round(sum(out.values()), 2)}


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
    spec: TrainSpec, *, rows: int | None = None, tokens: int | None = None, length: int | None = None
) -> dict[str, Any]:
    """Everything `--plan` prints. `rows`, `tokens` and the longest row's `length` where the data is at hand."""
    from trainers.model import load_config
    from trainers.tune import count

    counts = count(meta_model(spec))
    processes = spec.parallel.processes * spec.parallel.nodes
    shape = shape_of(load_config(spec), spec, counts.trainable, counts.total, length)
    steps, per_step = steps_of(spec, rows, tokens, processes)
    used = memory(
        shape,
        zero=spec.parallel.zero_stage if spec.parallel.kind == "deepspeed" else 0,
        checkpointing=spec.gradient_checkpointing,
        offload=spec.parallel.offload,
        fsdp=spec.parallel.kind == "fsdp",
    )
    rows_per_step = None if spec.tokens_per_step else spec.rows_per_step(processes)[0]
    return {
        "model": spec.model.name or "from a config",
        "method": spec.method,
        "trainable": counts.trainable,
        "total": counts.total,
        "share": round(counts.share, 8),
        "rows": rows,
        "rows_per_step": rows_per_step,
        "steps": steps,
        "warmup_steps": spec.warmup_steps(steps) if steps is not None else None,
        "tokens_per_step": per_step,
        "processes": processes,
        "memory": used | {"alternatives": alternatives(shape), **fits(spec, used["total"])},
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


def alternatives(shape: Shape) -> dict[str, dict[str, float]]:
    """Total GiB per GPU by ZeRO stage, with and without gradient checkpointing."""
    return {
        f"zero{stage}": {
            "plain": memory(shape, zero=stage, checkpointing=False)["total"],
            "checkpointing": memory(shape, zero=stage, checkpointing=True)["total"],
        }
        for stage in range(4)
    }


def fits(spec: TrainSpec, total: float) -> dict[str, Any]:
    if spec.parallel.gpu is None:
        return {"gpu": None, "gpu_gib": None, "fits": None}
    size = gpu_memory(spec.parallel.gpu)
    spread = _spread(spec.parallel.device_map)
    return {"gpu": spec.parallel.gpu, "gpu_gib": size, "fits": total / spread <= size * 0.95}


def _spread(device_map: str | Mapping[str, int] | None) -> int:
    """Over how many cards the layers of one copy are spread, as far as the recipe tells."""
    return len(set(device_map.values())) if isinstance(device_map, Mapping) else 1


def advice(spec: TrainSpec) -> str:
    """Which knob helps when memory runs out, by the plan."""
    from trainers.model import load_config
    from trainers.tune import count

    counts = count(meta_model(spec))
    shape = shape_of(load_config(spec), spec, counts.trainable, counts.total)
    now = memory(shape, zero=0, checkpointing=spec.gradient_checkpointing)
    choices = []
    if not spec.gradient_checkpointing:
        saved = now["total"] - memory(shape, zero=0, checkpointing=True)["total"]
        choices.append((saved, f"gradient_checkpointing: true saves {saved:.1f} GiB"))
    if shape.rows > 1:
        saved = now["activations"] / 2
        choices.append((saved, f"batch: {spec.batch // 2} with twice the accumulation saves {saved:.1f} GiB"))
    if spec.method == "full":
        saved = now["gradients"] + now["optimiser"]
        choices.append((saved, f"method: lora saves about {saved:.1f} GiB"))
    return "; ".join(words for _, words in sorted(choices, reverse=True)) or "take a smaller model"
