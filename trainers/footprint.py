"""What one training step holds on each card, by part and by moment: the bytes behind the plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mathdata.errors import RecipeError, nearest
from mathdata.trainspec import TrainSpec

__all__ = ["GIB", "LAYER", "LAYERS", "PARTS", "Card", "Shape", "activations", "cards_of", "peak", "shape_of"]

GIB = 2**30

PARTS = ("weights", "gradients", "optimiser", "activations", "head", "buffers")
"""What the bytes of a card are counted as; `buffers` are DDP's buckets, copies for autocast and the optimiser's own."""

TILE = (4096, 32768)
"""(positions, words) whose scores TRL's fused head holds at once: the logits of a batch never stand in memory."""

BUCKET = 5e8
"""Numbers in one of the two buckets that DeepSpeed exchanges gradients by."""

LAYERS = r"\b(?:layers|h|blocks)"
"""Where the layers stand in a parameter's name: `model.layers.3.` of Llama, `transformer.h.3.` of GPT-2, and their like."""

LAYER = re.compile(rf"{LAYERS}\.(\d+)\.")

WORKERS = {"q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "o_proj", "down_proj"}


@dataclass(frozen=True)
class Shape:
    """What a step's memory depends on beside its parameters, read from a config and a spec."""

    hidden: int
    inner: int
    layers: int
    heads: int
    kv: int
    """Numbers of a key (and of a value) that attention keeps for a token."""
    vocabulary: int
    rows: int
    length: int
    compute: int
    """Bytes of a number in the arithmetic: 2 in half precision, 4 in fp32."""
    stream: int
    """Bytes of a number between the layers: 4 where autocast works over weights held in fp32."""
    eager: bool
    whole_logits: bool

    @property
    def tokens(self) -> int:
        return self.rows * self.length

    @property
    def autocast(self) -> bool:
        return self.stream > self.compute


@dataclass
class Card:
    """Bytes of the parameters that lie on one card, and which layers and ends do."""

    weights: float = 0.0
    trained: float = 0.0
    """Bytes of the weights that are trained, as they are held."""
    numbers: int = 0
    """How many they are."""
    copies: float = 0.0
    """Bytes of the half-precision copies that autocast makes of weights held in fp32."""
    largest: float = 0.0
    layers: dict[int, set[str]] = field(default_factory=dict)
    """Each layer's modules that something is trained in."""
    embeds: bool = False
    ends: bool = False
    embedding_trained: float = 0.0
    head_trained: bool = False
    head_adapter: bool = False


def shape_of(config: Any, spec: TrainSpec, length: int | None = None, *, whole_logits: bool = False) -> Shape:
    """`length`: of the longest row, where the rows are known; `whole_logits`: as trainers without a fused head."""
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    # sdpa with a mask repeats keys and values for every query head; flash attention reads them as they are.
    groups = (getattr(config, "num_key_value_heads", heads) or heads) if "flash" in spec.attention else heads
    compute = 4 if spec.precision == "fp32" else 2
    rows, longest = spec.batch, min(length or spec.max_length, spec.max_length)
    if spec.tokens_per_step is not None:
        rows = max(1, spec.tokens_per_step // (spec.accumulation or 1) // longest)
    return Shape(
        hidden=config.hidden_size,
        inner=inner_size(config),
        layers=config.num_hidden_layers,
        heads=heads,
        kv=groups * width,
        vocabulary=config.vocab_size,
        rows=rows,
        length=longest,
        compute=compute,
        stream=max(compute, held_bytes(spec, trained=spec.method == "full")),
        eager=spec.attention == "eager",
        whole_logits=whole_logits or bool(spec.trl.get("label_smoothing_factor")),
    )


def inner_size(config: Any) -> int:
    """Width of the feed-forward part, by the names that configs give it; four times the hidden size where none stands."""
    names = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
    return next((int(size) for name in names if (size := getattr(config, name, None))), 4 * config.hidden_size)


def held_bytes(spec: TrainSpec, trained: bool) -> int:
    """Bytes of a weight as it is held on a GPU: what is trained in fp32, what is frozen in half, unless the recipe says."""
    if trained and spec.method != "full":
        return 4  # adapters and modules trained in full stand in fp32 whatever the rest is loaded as
    if spec.model.dtype != "auto":
        return {"float32": 4}.get(spec.model.dtype, 2)
    return 4 if spec.method == "full" or spec.precision == "fp32" else 2


# --- parameters, card by card -------------------------------------------------------------------------------------


def cards_of(model: Any, spec: TrainSpec) -> dict[int, Card]:
    """Each card's parameters; one card without a device_map by name. Raises RecipeError where one is left unplaced."""
    heads, embeddings = _ids(model.get_output_embeddings()), _ids(model.get_input_embeddings())
    found: dict[int, Card] = {}
    for name, parameter in model.named_parameters():
        plain = plain_name(name)
        card = found.setdefault(placed(plain, spec), Card())
        size = held_bytes(spec, trained=bool(parameter.requires_grad))
        bytes_ = float(parameter.numel() * size)
        layer = LAYER.search(plain)
        if spec.quantize and layer and parameter.ndim == 2 and not parameter.requires_grad:
            bytes_ = parameter.numel() * {4: 0.56, 8: 1.06}[spec.quantize]
        card.weights += bytes_
        if layer:
            tuned = card.layers.setdefault(int(layer[1]), set())
        if parameter.requires_grad:
            card.trained += bytes_
            card.numbers += parameter.numel()
            card.largest = max(card.largest, bytes_)
            if layer:
                tuned.add(plain.split(".lora_")[0].removesuffix(".weight").removesuffix(".bias").rpartition(".")[2])
        if layer and parameter.ndim == 2 and size == 4 and spec.precision != "fp32":
            card.copies += 2.0 * parameter.numel()
        _note_ends(card, plain, parameter, id(parameter) in heads, id(parameter) in embeddings)
    for name, card in _ends(model, spec).items():
        held = found.setdefault(card, Card())
        held.ends |= name == "head"
        held.embeds |= name == "embedding"
    return dict(sorted(found.items()))


def _ids(module: Any) -> set[int]:
    return {id(p) for p in module.parameters()} if module is not None else set()


def _note_ends(card: Card, plain: str, parameter: Any, head: bool, embedding: bool) -> None:
    card.head_adapter |= head and ".lora_" in plain
    if embedding and parameter.requires_grad:
        card.embedding_trained = 4.0 * parameter.numel()
    card.head_trained |= head and bool(parameter.requires_grad) and ".lora_" not in plain


def plain_name(name: str) -> str:
    """A parameter's name as the bare model has it.

    >>> plain_name("base_model.model.model.layers.3.self_attn.q_proj.lora_A.default.weight")
    'model.layers.3.self_attn.q_proj.lora_A.default.weight'
    """
    name = name.removeprefix("base_model.model.").replace(".base_layer.", ".")
    return re.sub(r"parametrizations\.weight\.(original|0)", "weight", name)


def placed(name: str, spec: TrainSpec) -> int:
    """The card that a device_map by names puts a parameter on: the longest name that it begins with."""
    asked = spec.parallel.device_map
    if not isinstance(asked, Mapping):
        return 0
    from trainers.model import expand_layers

    spread = expand_layers(asked)
    fitting = [key for key in spread if key == "" or name == key or name.startswith(key + ".")]
    if not fitting:
        raise RecipeError(
            f"train.parallel.device_map puts no card to {name}", f"{nearest(name, spread)}; every module has its card"
        )
    return spread[max(fitting, key=len)]


def _ends(model: Any, spec: TrainSpec) -> dict[str, int]:
    """The cards of the embedding and of the head, which hold what depends on the vocabulary."""
    names = {id(module): plain_name(f"{name}.weight") for name, module in model.named_modules()}
    ends = {"embedding": model.get_input_embeddings(), "head": model.get_output_embeddings()}
    return {end: placed(names[id(module)], spec) for end, module in ends.items()}


# --- bytes of a step ----------------------------------------------------------------------------------------------


def layer_bytes(shape: Shape, tuned: Iterable[str]) -> float:
    """Bytes that one decoder layer keeps for its backward.

    For each token: both norms' inputs in fp32; query, key, value and the attention's output; gate, its activation and
    up; and the inputs of every module that something is trained in. Autocast over fp32 weights copies such an input for
    each module, and so does PEFT for each adapter; in one precision the modules share it.
    """
    h, i, unit = shape.hidden, shape.inner, shape.compute
    names = set(tuned)
    known = names & WORKERS or (WORKERS if names - {"input_layernorm", "post_attention_layernorm"} else set())
    norms = 2 * 4 * h + sum(shape.stream * h for n in names if n.endswith("norm"))
    attention = (2 * h + 2 * shape.kv) * unit
    scores = 2 * shape.heads * shape.length * (unit + 2) if shape.eager else 0
    inputs = known & {"q_proj", "k_proj", "v_proj"}, known & {"gate_proj", "up_proj"}
    apart = shape.autocast or not any(n.endswith("norm") for n in names)
    copied = sum((len(group) if apart else bool(group)) * h * unit for group in inputs)
    mlp = (3 + ("down_proj" in known)) * i * unit
    return float(shape.tokens * (norms + attention + scores + copied + mlp))


def activations(shape: Shape, layers: Mapping[int, Iterable[str]], checkpointing: bool) -> float:
    """Bytes kept between forward and backward by these layers: whole, or with checkpointing their inputs alone.

    A layer below the lowest one that something is trained in is not passed by the backward and keeps nothing.
    """
    reached = [names for i, names in sorted(layers.items()) if any(layers[k] for k in layers if k <= i)]
    if checkpointing:
        return float(len(reached) * shape.tokens * shape.hidden * shape.stream)
    return sum(layer_bytes(shape, names) for names in reached)


@dataclass(frozen=True)
class Running:
    """How the step is run: what sharding, accumulation and the optimiser add or take away."""

    checkpointing: bool
    world: int = 1
    zero: int = 0
    """0: every process holds all; 1 shards the optimiser, 2 the gradients too, 3 the weights too."""
    offload: str = "none"
    accumulates: bool = False
    optimizer: str = "adamw_torch"
    ddp: bool = False
    mixed: bool = False
    """DeepSpeed in half precision: weights and gradients in half, the optimiser holds the single-precision weights."""


def peak(card: Card, shape: Shape, run: Running) -> tuple[str, dict[str, float]]:
    """(the moment at which a card holds most, its bytes by part then): forward, backward or step."""
    held = _held(card, run)
    moments = {name: {**held, **parts} for name, parts in _moments(card, shape, run, held).items()}
    when = max(moments, key=lambda m: sum(moments[m].values()))
    return when, {part: moments[when].get(part, 0.0) for part in PARTS}


def _held(card: Card, run: Running) -> dict[str, float]:
    """What stands at every moment: weights, the optimiser's two moments, buckets of what is exchanged."""
    states = {"sgd": 0.0, "adafactor": 0.1}.get(run.optimizer, 2.0) + (1.0 if run.mixed else 0.0)
    optimiser = card.numbers * 2.0 if "8bit" in run.optimizer else card.trained * states
    whole = card.weights - (card.trained / 2 if run.mixed else 0.0)
    weights = whole / (run.world if run.zero >= 3 else 1)
    if run.zero >= 3:  # one layer's weights are gathered while it computes, the next one's on the way
        weights = (0.0 if run.offload == "all" else weights) + whole / max(1, len(card.layers)) * 2
    buckets = card.trained if run.ddp else 2 * 2.0 * min(card.numbers, BUCKET) if run.mixed and run.zero else 0.0
    return {
        "weights": weights,
        "optimiser": 0.0 if run.offload != "none" else optimiser / (run.world if run.zero >= 1 else 1),
        "buffers": buckets if run.world > 1 else 0.0,
    }


def _moments(card: Card, shape: Shape, run: Running, held: Mapping[str, float]) -> dict[str, dict[str, float]]:
    gradients = card.trained * (0.5 if run.mixed else 1.0) / (run.world if run.zero >= 2 else 1)
    early = gradients if run.accumulates else 0.0
    kept = activations(shape, card.layers, run.checkpointing)
    reached = [names for names in card.layers.values() if names]
    working = max((layer_bytes(shape, names) for names in reached), default=0.0) if run.checkpointing else 0.0
    flow = 2.0 * shape.tokens * shape.inner * shape.compute if card.layers else 0.0  # an mlp's gradients under way
    ends = float(shape.tokens * shape.hidden * (8 + shape.stream)) if card.ends else 0.0
    copies = 0.0 if run.mixed else card.copies
    kept_copies = 0.0 if run.checkpointing else copies  # without it the graph holds on to them
    forward, backward = head_bytes(card, shape)
    embedding = card.embedding_trained
    buffers = held["buffers"]
    # torch's AdamW on a GPU works on all weights at once and makes one more number of each; fused or in one part it does not.
    temporary = card.trained if run.optimizer == "adamw_torch" and run.zero == 0 else card.largest
    return {
        "forward": {
            "gradients": early, "activations": kept + ends + 1.5 * flow * bool(run.checkpointing), "head": forward,
            "buffers": buffers + copies,
        },
        "backward": max(
            {"gradients": early, "activations": kept + ends, "head": backward, "buffers": buffers + kept_copies},
            {"gradients": early, "activations": kept + ends + working + flow, "buffers": buffers + kept_copies},
            {"gradients": gradients, "activations": working + flow, "head": embedding, "buffers": buffers},
            key=lambda parts: sum(parts.values()),
        ),
        "step": {"gradients": gradients, "buffers": buffers + temporary},
    }  # fmt: skip


def head_bytes(card: Card, shape: Shape) -> tuple[float, float]:
    """(forward, backward) of the output head and the loss, on the card where they stand.

    Fused: one tile of scores, the gradient of what goes in and, where the head is trained, of its weight. Whole: for each
    score a half and two single-precision numbers, then three single ones (log-softmax, its gradient, the loss's).
    """
    if not card.ends:
        return 0.0, 0.0
    weight = float(shape.vocabulary * shape.hidden)
    adapted = (3 * weight * shape.compute, weight * (4 + 2 * shape.compute)) if card.head_adapter else (0.0, 0.0)
    trained = 4 * weight if card.head_trained else 0.0
    if shape.whole_logits:
        scores = float(shape.tokens * shape.vocabulary)
        once = shape.compute if shape.compute < 4 else 0
        return scores * (once + 8) + weight * once + adapted[0], scores * 12 + trained + adapted[1]
    tile = float(min(shape.tokens, TILE[0]) * min(shape.vocabulary, TILE[1]) * shape.compute)
    tile += min(shape.vocabulary, TILE[1]) * shape.hidden * shape.compute
    return tile + adapted[0], tile + shape.tokens * shape.hidden * 4.0 + trained + adapted[1]
