"""What is trained: everything, LoRA factors, modules by pattern, or both together; and how much that is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import parametrize

from mathdata.errors import RecipeError, nearest
from mathdata.trainspec import LoraSpec, TrainSpec
from mathdata.weights import check_adapter
from trainers.base import check_base
from trainers.footprint import LAYER, LAYERS
from trainers.launch import sharded

__all__ = ["Counts", "HeadLora", "apply", "count", "merge_written", "starting_model"]


@dataclass(frozen=True)
class Counts:
    """Parameters trained and held, adapters counted in."""

    trainable: int
    total: int

    @property
    def share(self) -> float:
        return self.trainable / self.total if self.total else 0.0


class HeadLora(torch.nn.Module):
    """LoRA on the output head, as a reparametrisation of its weight.

    TRL computes the loss from `lm_head.weight` itself and refuses an adapter there; this one is inside the weight.
    """

    def __init__(self, weight: torch.Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        rows, columns = weight.shape
        where = {"device": weight.device, "dtype": torch.float32}
        self.lora_A = torch.nn.Parameter(torch.empty(rank, columns, **where))
        self.lora_B = torch.nn.Parameter(torch.zeros(rows, rank, **where))
        torch.nn.init.kaiming_uniform_(self.lora_A, a=5**0.5)
        self.scale = alpha / rank

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + (self.lora_B @ self.lora_A * self.scale).to(weight.dtype)


class TokenRows(torch.nn.Module):
    """The rows of a few tokens, trained in fp32 in the place of the matrix's own, which stays as it is."""

    ids: torch.Tensor

    def __init__(self, weight: torch.Tensor, ids: Sequence[int]) -> None:
        super().__init__()
        where = torch.tensor(list(ids), device=weight.device)
        self.register_buffer("ids", where, persistent=False)
        self.rows = torch.nn.Parameter(weight.detach()[where].float())

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.index_copy(0, self.ids, self.rows.to(weight.dtype))


def apply(model: Any, spec: TrainSpec, new: Sequence[int] = ()) -> Any:
    """The model with what is to be trained marked as such; a PeftModel where LoRA alone is asked for.

    `new`: ids of tokens that the recipe added; their rows are trained, in the output head too. Raises RecipeError when
    a pattern matches nothing, or where the method cannot train those rows.
    """
    if spec.model.adapter and spec.model.continue_adapter == "resume":
        return _readable_head(_resumed(model, spec, new))
    if spec.method == "full":
        return model.requires_grad_(True)
    if spec.model.adapter and spec.model.continue_adapter == "stack":
        return _readable_head(_stacked(model, spec, new))
    lora = spec.lora_or_default
    if spec.method == "lora" and spec.quantize:
        from peft import prepare_model_for_kbit_training

        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=spec.gradient_checkpointing)
    model.requires_grad_(False)
    head = lora is not None and _on_head(model, lora)
    if lora is not None:
        rest = _without_head(model, lora) if head else lora
        if rest is not None:
            model = _adapt(model, rest, spec, new)
        if head:
            _adapt_head(model, lora, spec)
    if spec.partial:
        unfreeze(model, spec.partial)
    if new and (spec.partial or head):
        train_rows(model, spec, new)
    return _readable_head(model)


def _readable_head(model: Any) -> Any:
    """TRL computes the loss from the head's weight and bias; PEFT's wrapper of its rows has no bias, not even None."""
    from peft.utils import TrainableTokensWrapper

    head = model.get_output_embeddings()
    if not isinstance(head, TrainableTokensWrapper):
        return model
    if getattr(head.original_module, "bias", None) is not None:
        raise RecipeError(
            "train.tokenizer.add_tokens: this model's output head has a bias, which PEFT leaves out beside trained rows",
            "method: partial trains them inside the model (partial: [norm] beside the lora section)",
        )
    head.bias = None
    return model


def starting_model(spec: TrainSpec, tokenizer: Any, seed: int) -> Any:
    """The model as training finds it, whole and on its device: an adapter that the recipe goes on from is written in."""
    from trainers.model import build_model, to_device

    model = build_model(spec, tokenizer, seed)
    if spec.model.adapter:
        model = _load_adapter(model, spec)
        model = model if spec.quantize else model.merge_and_unload()  # quantised weights would round it away
    return to_device(model, spec)


def write_in(model: Any, spec: TrainSpec) -> Any:
    """The model with the adapter that the recipe goes on from merged into it (continue_adapter: merge)."""
    if not spec.model.adapter or spec.model.continue_adapter != "merge":
        return model
    if spec.quantize:
        raise RecipeError(
            "train.model.continue_adapter: merge would round the adapter away in quantised weights",
            "merge first (mathdata merge RUN -o DIR) and train from DIR, or continue_adapter: resume | stack",
        )
    return _load_adapter(model, spec).merge_and_unload()


def _load_adapter(model: Any, spec: TrainSpec, trainable: bool = False, name: str = "default") -> Any:
    from peft import PeftModel

    folder = Path(str(spec.model.adapter))
    if folder.exists() and not is_adapter(folder):
        raise RecipeError(
            f"train.model.adapter: {folder} holds no adapter_config.json", "name the folder of a LoRA run"
        )
    check_base(check_adapter(folder), spec.model.name or "a model made from a config", spec.model.revision)
    return PeftModel.from_pretrained(model, str(folder), adapter_name=name, is_trainable=trainable)


def _resumed(model: Any, spec: TrainSpec, new: Sequence[int]) -> Any:
    if new:
        raise RecipeError(
            f"train.tokenizer.add_tokens: {len(new)} tokens are new to the adapter, and resume trains what it has",
            "continue_adapter: merge, or leave add_tokens out",
        )
    return _load_adapter(model, spec, trainable=True)


def _stacked(model: Any, spec: TrainSpec, new: Sequence[int] = ()) -> Any:
    """The old adapter frozen and active below a new one."""
    lora = spec.lora_or_default
    if lora is None:
        raise RecipeError("train.model.continue_adapter: stack needs method lora", "write method: lora, or merge")
    config = peft_config(model, lora, spec, new)
    model = _load_adapter(model, spec, name="below")
    if config.trainable_token_indices and model.peft_config["below"].trainable_token_indices:
        raise RecipeError(
            "train.model.continue_adapter: stack: both adapters have rows of added tokens, PEFT takes one at a time",
            "continue_adapter: merge",
        )
    model.add_adapter("default", config)
    model.base_model.set_adapter(["below", "default"])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(".default." in name)
    return model


def _adapt(model: Any, lora: LoraSpec, spec: TrainSpec, new: Sequence[int]) -> Any:
    """PEFT's own wrapper; injected in place where modules beside it are trained in full, so that all is saved."""
    from peft import get_peft_model, inject_adapter_in_model

    inside = bool(spec.partial) or _on_head(model, spec.lora_or_default or lora)
    config = peft_config(model, lora, spec, () if inside else new)
    try:
        if inside:
            return inject_adapter_in_model(config, model)
        return get_peft_model(model, config)
    except ValueError as error:
        names = sorted({n.split(".")[-1] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)})
        raise RecipeError(
            f"train.lora.targets = {lora.targets!r}: {str(error).splitlines()[0]}",
            f"linear modules here: {', '.join(names)}",
        ) from None


def peft_config(model: Any, lora: LoraSpec, spec: TrainSpec, new: Sequence[int] = ()) -> Any:
    """LoraConfig of PEFT, its own options passed through verbatim and checked by it."""
    import dataclasses

    from peft import LoraConfig

    fields = [f.name for f in dataclasses.fields(LoraConfig)]
    for key in spec.peft:
        if key not in fields:
            raise RecipeError(f"train.peft.{key}: PEFT's LoraConfig has no such option", nearest(key, fields))
    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    own: dict[str, Any] = dict(spec.peft)
    if new:
        own["trainable_token_indices"] = rows_of(model, targets, own, new)
    try:
        return LoraConfig(
            task_type="CAUSAL_LM",
            r=lora.rank,
            lora_alpha=lora.alpha if lora.alpha is not None else 2 * lora.rank,
            lora_dropout=lora.dropout,
            target_modules=targets,
            **own,
        )
    except (TypeError, ValueError) as error:
        raise RecipeError(f"train.peft: PEFT refuses it: {error}", "see peft.LoraConfig") from None


def rows_of(model: Any, targets: str | list[str], own: Mapping[str, Any], new: Sequence[int]) -> Any:
    """PEFT's `trainable_token_indices`: the rows of `new` in the input embeddings and, untied, in the output head too.

    A matrix that the recipe adapts or trains whole has them already. Raises RecipeError for indices that leave them out.
    """
    asked = own.get("trainable_token_indices")
    adapted = (tuple(own.get("modules_to_save") or ()), () if targets == "all-linear" else targets)
    rows: dict[str, list[int]] = {}
    for number, name in enumerate(token_matrices(model)):
        if any(_matches(name, t if isinstance(t, str) else tuple(t)) for t in adapted):
            continue
        rows[name] = list(new)
        if asked is not None and (missing := sorted(set(new) - _listed(asked, name, first=not number))):
            raise RecipeError(
                f"train.peft.trainable_token_indices leaves out rows {missing} of {name}, which add_tokens made",
                "leave it out (new tokens are trained by themselves), or name the rows of each matrix",
            )
    return asked if asked is not None else rows or None


def _listed(asked: Any, name: str, first: bool) -> set[int]:
    """The rows of a matrix that PEFT would train; a plain list is for the input embeddings alone."""
    if isinstance(asked, Mapping):
        return {row for key, rows in asked.items() if name.endswith(key) for row in rows}
    return set(asked) if first else set()


def token_matrices(model: Any) -> dict[str, Any]:
    """Modules with a row for each token, by name: the input embeddings, and the output head that is not the same weight."""
    inside, head = model.get_input_embeddings(), model.get_output_embeddings()
    apart = head is not None and head.weight is not inside.weight
    modules = [inside, *([head] if apart else [])]
    return {name: module for name, module in model.named_modules() if any(module is m for m in modules)}


def head_name(model: Any) -> str | None:
    head = model.get_output_embeddings()
    return next((n for n, m in model.named_modules() if m is head), None) if head is not None else None


def _on_head(model: Any, lora: LoraSpec) -> bool:
    name = head_name(model)
    if name is None or lora.targets == "all-linear":
        return False
    if isinstance(lora.targets, str):
        return re.fullmatch(lora.targets, name) is not None
    return any(name == t or name.endswith("." + t) for t in lora.targets)


def _without_head(model: Any, lora: LoraSpec) -> LoraSpec | None:
    """The other targets, None where the head was the only one."""
    name = head_name(model) or ""
    others = [
        n
        for n, m in model.named_modules()
        if isinstance(m, torch.nn.Linear) and n != name and _matches(n, lora.targets)
    ]
    return lora.model_copy(update={"targets": tuple(others)}) if others else None


def _matches(name: str, targets: str | tuple[str, ...]) -> bool:
    if isinstance(targets, str):
        return re.fullmatch(targets, name) is not None
    return any(name == t or name.endswith("." + t) for t in targets)


def _adapt_head(model: Any, lora: LoraSpec, spec: TrainSpec) -> None:
    if sharded(spec):
        raise RecipeError(
            f"train.lora.targets: the output head's adapter is part of its weight, which parallel.kind: "
            f"{spec.parallel.kind} splits over the processes here",
            "write kind: deepspeed with zero_stage: 2, or kind: ddp, or take the head out of the targets",
        )
    if lora.dropout:
        raise RecipeError(
            f"train.lora.dropout = {lora.dropout}: not possible on the output head",
            "the head's adapter is part of its weight; set dropout to 0 or take the head out of the targets",
        )
    head = model.get_output_embeddings()
    alpha = lora.alpha if lora.alpha is not None else 2 * lora.rank
    head.weight.requires_grad_(False)
    parametrize.register_parametrization(head, "weight", HeadLora(head.weight, lora.rank, alpha), unsafe=True)
    _name_shared(model)


def train_rows(model: Any, spec: TrainSpec, new: Sequence[int]) -> None:
    """Train the rows of new tokens inside matrices that are frozen otherwise; a tied head gets the same rows."""
    inside, head = model.get_input_embeddings(), model.get_output_embeddings()
    frozen = [m for m in (inside, head) if m is not None and not _stored(m).requires_grad]
    if frozen and sharded(spec):
        raise RecipeError(
            f"train.tokenizer.add_tokens: the rows of new tokens are part of a matrix which parallel.kind: "
            f"{spec.parallel.kind} splits over the processes here",
            "write kind: deepspeed with zero_stage: 2, or kind: ddp, or train the embeddings and the head whole",
        )
    tied = head is not None and _stored(head) is _stored(inside)
    rows = None
    for module in frozen:
        if rows is None or not tied:
            rows = TokenRows(_stored(module), new)
        parametrize.register_parametrization(module, "weight", rows, unsafe=True)
    _name_shared(model)


def _name_shared(model: Any) -> None:
    """Tell transformers which parameters are one, so that a checkpoint holds each once."""
    first: dict[int, str] = {}
    named = list(model.named_parameters(remove_duplicate=False))
    same = {name: first[id(p)] for name, p in named if first.setdefault(id(p), name) != name}
    model._tied_weights_keys = {**(type(model)._tied_weights_keys or {}), **same}


def _written(module: Any) -> bool:
    return parametrize.is_parametrized(module, "weight")


def _stored(module: Any) -> torch.nn.Parameter:
    """The parameter itself, below what is written into it."""
    return module.parametrizations.weight.original if _written(module) else module.weight  # type: ignore[no-any-return]


def merge_written(model: Any) -> None:
    """Write what stands inside the embeddings and the head into their weights.

    A tied head that has an adapter of its own becomes a weight of its own; one that has only the same new rows stays tied.
    """
    inside, head = model.get_input_embeddings(), model.get_output_embeddings()
    adapted = head is not None and _written(head) and any(isinstance(p, HeadLora) for p in head.parametrizations.weight)
    tied = head is not None and _stored(head) is _stored(inside)
    merged = {m: m.weight.detach().clone() for m in (inside, head) if m is not None and _written(m)}
    for module, weight in merged.items():
        parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
        module.weight = torch.nn.Parameter(weight, requires_grad=False)
    model.__dict__.pop("_tied_weights_keys", None)
    if tied and adapted:
        model.config.tie_word_embeddings = False
    elif tied and merged:
        head.weight = inside.weight


WORDS = ("last_layer", "norm", "qkv", "mlp", "bias", "embeddings", "head")


def unfreeze(model: Any, patterns: tuple[str, ...]) -> None:
    """Train in full every parameter that a pattern names. Raises RecipeError for one that names none."""
    for pattern in patterns:
        found = list(selected(model, pattern))
        if not found:
            raise RecipeError(
                f"train.partial: '{pattern}' matches no parameter of {type(model).__name__}",
                f"write a regular expression over parameter names, or one of: {', '.join(WORDS)}",
            )
        for parameter in found:
            # Small steps vanish in half precision: what is trained is held in fp32, autocast does the arithmetic.
            if parameter.dtype in (torch.float16, torch.bfloat16):
                parameter.data = parameter.data.float()
            parameter.requires_grad_(True)


def selected(model: Any, pattern: str) -> Iterator[torch.nn.Parameter]:
    layers = 1 + max((int(m[1]) for n, _ in model.named_parameters() if (m := LAYER.search(n))), default=-1)
    expression = re.compile(_words(layers).get(pattern, pattern))
    for name, parameter in model.named_parameters():
        plain = name.replace(".base_layer.", ".").replace("parametrizations.weight.original", "weight")
        if "lora_" not in name and not name.endswith(".rows") and expression.search(plain):
            yield parameter


def _words(layers: int) -> dict[str, str]:
    return {
        "last_layer": rf"{LAYERS}\.{layers - 1}\.",
        "norm": r"(^|\.)norm\.weight$",
        "qkv": r"\.(q|k|v)_proj\.",
        "mlp": r"\.mlp\.",
        "bias": r"\.bias$",
        "embeddings": r"embed_tokens\.",
        "head": r"lm_head\.",
    }


def count(model: Any) -> Counts:
    """Each parameter once, tied ones too; quantised weights by the numbers they stand for."""
    seen: dict[int, torch.nn.Parameter] = {id(p): p for p in model.parameters()}
    sizes = {key: _numbers(p) for key, p in seen.items()}
    return Counts(sum(sizes[k] for k, p in seen.items() if p.requires_grad), sum(sizes.values()))


def _numbers(parameter: Any) -> int:
    shape = getattr(getattr(parameter, "quant_state", None), "shape", None)
    return int(torch.Size(shape).numel()) if shape is not None else int(parameter.numel())


def is_adapter(folder: Path) -> bool:
    return (folder / "adapter_config.json").is_file()


def drawn_start(spec: TrainSpec) -> bool:
    """True where the base was changed by a decomposition with random numbers: a loader would draw another one."""
    return str(spec.peft.get("init_lora_weights", "")).startswith("pissa_niter")


def settle(model: Any, spec: TrainSpec) -> Any:
    """The model as it is saved: adapters that stand inside whole weights are written into them."""
    from peft import PeftModel

    if isinstance(model, PeftModel):
        names = [
            n for n in ("below", "default") if n in model.peft_config
        ]  # GRPO keeps a frozen copy beside them: "ref"
        return merge_in_fp32(model, names) if len(names) > 1 or drawn_start(spec) else model
    if spec.method == "full":
        return model
    merge_written(model)
    merged = merge_injected(model)
    for parameter in merged.parameters():  # no buffer: positions are computed in fp32
        parameter.data = parameter.data.to(merged.dtype)
    return merged


def merge_injected(model: Any) -> Any:
    """Write injected LoRA layers into their base layers and take them out."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(model.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], module.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
    return model


def merge_in_fp32(model: Any, names: list[str] | None = None) -> Any:
    """A PeftModel as a plain one. A layer at a time is widened: a small change is lost in a sum of halves."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    names = names or list(model.active_adapters)
    _write_rows(model, names)
    for module in model.modules():
        weight = getattr(module.get_base_layer(), "weight", None) if isinstance(module, BaseTunerLayer) else None
        if weight is None or weight.dtype not in (torch.float16, torch.bfloat16):
            continue
        layer, dtype = module.get_base_layer(), weight.dtype
        layer.float()
        module.merge(adapter_names=names)
        layer.to(dtype)
    return model.merge_and_unload(adapter_names=names)


def _write_rows(model: Any, names: Sequence[str]) -> None:
    """Write rows of added tokens into their matrices. PEFT's own merge fails where one of two adapters has none."""
    from peft.utils import TrainableTokensWrapper

    wrapped = [(n, m) for n, m in model.named_modules() if isinstance(m, TrainableTokensWrapper)]
    for name, module in wrapped:
        rows = module.token_adapter
        if rows.tied_adapter is None:  # else it is the same weight
            rows.merge(adapter_names=[n for n in names if n in rows.token_indices])
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, module.original_module)
