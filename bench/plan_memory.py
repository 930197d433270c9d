"""How near the plan's memory is: every tensor of a real training step is counted, for models of any size, without a GPU.

    python bench/plan_memory.py            # the published experiments' models; half a minute
    python bench/plan_memory.py --small    # small shapes of the same kind

The step runs as TRL runs it (its fused head, autocast, checkpointing, AdamW) on tensors that have a shape and no content
(torch's FakeTensorMode), so that a step of 8 billion parameters takes seconds and no memory. What is counted is what
PyTorch allocates; the plan's 0.9 GiB for the context and fragmentation stand beside it. Kernels fold a tile of the head
in place, as TRL's do on a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from mathdata.trainspec import TrainSpec, parse_spec
from trainers.footprint import GIB, held_bytes
from trainers.model import load_config
from trainers.plan import RUNTIME, plan
from trainers.tune import apply

QWEN, LLAMA, SMOL = "Qwen/Qwen2.5-1.5B", "meta-llama/Llama-3.1-8B-Instruct", "HuggingFaceTB/SmolLM2-135M"
SMALL = {
    "hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "num_attention_heads": 8,
    "num_key_value_heads": 4, "vocab_size": 60_000, "max_position_embeddings": 2048,
}  # fmt: skip
QV: dict[str, Any] = {"method": "lora", "lora": {"rank": 8, "targets": ["q_proj", "v_proj"]}}
LAST: dict[str, Any] = {
    "method": "partial", "partial": ["last_layer", "norm"], "lora": {"rank": 16, "targets": ["lm_head"]},
}  # fmt: skip


class Live(TorchDispatchMode):
    """Bytes of the storages that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, Any] = {}
        self.now = self.most = 0

    def note(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key not in self.known:
            self.known[key] = weakref.ref(storage, lambda _: self.drop(key, size))
            self.now += size
            self.most = max(self.most, self.now)

    def drop(self, key: int, size: int) -> None:
        if self.known.pop(key, None) is not None:
            self.now -= size

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for value in tree_iter(out):
            if isinstance(value, torch.Tensor):
                self.note(value)
        return out


def filled(model: torch.nn.Module) -> torch.nn.Module:
    """The model on the meta device with tensors of the mode that is on: shared ones stay shared."""
    made: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, old in list(module._parameters.items()):
            if old is not None:
                new = made.setdefault(
                    id(old), torch.nn.Parameter(torch.empty(old.shape, dtype=old.dtype), old.requires_grad)
                )
                module._parameters[name] = new
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                module._buffers[name] = torch.ones(buffer.shape, dtype=buffer.dtype)
    return model


@contextlib.contextmanager
def kernels_in_place() -> Iterator[None]:
    """TRL's kernels work on a tile in place on a GPU; its stand-ins for a CPU make copies that no GPU makes."""
    from trl.kernels import chunked_logprob as module

    names = ("_forward_tile", "_backward_tile", "_addmm_fp32")
    kept = {name: getattr(module, name) for name in names}
    try:
        for name in names:
            setattr(module, name, lambda *a, **k: None)
        yield
    finally:
        for name, function in kept.items():
            setattr(module, name, function)


def hollow(spec: TrainSpec) -> Any:
    """The tuned model on the meta device, in the dtypes that it is held in on a GPU."""
    from transformers import AutoModelForCausalLM

    dtype = {4: torch.float32, 2: torch.bfloat16}[held_bytes(spec, trained=spec.method == "full")]
    with torch.device("meta"):
        return apply(AutoModelForCausalLM.from_config(load_config(spec), dtype=dtype), spec)


def measured(spec: TrainSpec, *, whole_logits: bool = False) -> float:
    """GiB that stand at most in the second step of a run: forward, backward, AdamW. Raises nothing that PyTorch does not."""
    from trl.trainer.utils import add_fused_lm_head

    model = hollow(spec)
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if not whole_logits:
        add_fused_lm_head(base, outputs=("log_probs", "entropy", "is_top1"))
    with kernels_in_place(), FakeTensorMode(allow_non_fake_inputs=True), Live() as live:
        filled(model).train()
        for parameter in model.parameters():
            live.note(parameter)
        if spec.gradient_checkpointing:
            base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            base.enable_input_require_grads()
        trained = [p for p in model.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(trained, foreach=True)  # as on a GPU; a CPU would go parameter by parameter
        for _ in range(2):
            live.most = live.now
            for _ in range(min(2, spec.accumulation or 1)):
                backward(model, spec, whole_logits)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return live.most / GIB


def backward(model: Any, spec: TrainSpec, whole_logits: bool) -> None:
    ids = torch.ones((spec.batch, spec.max_length), dtype=torch.long)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids, "use_cache": False}
    half = spec.precision != "fp32"
    with torch.autocast("cpu", torch.bfloat16) if half else contextlib.nullcontext():
        loss = model(**inputs).loss if whole_logits else -model(**inputs, fused_lm_head=True).log_probs.sum()
    loss.backward()


def cases(small: bool) -> list[tuple[dict[str, Any], bool]]:
    """(spec, whole logits) of what is measured."""
    full: dict[str, Any] = {
        "model": {"config": SMALL} if small else QWEN,
        "batch": 12,
        "max_length": 256 if small else 1024,
    }
    big = {**full, "model": full["model"] if small else LLAMA, "batch": 2 if not small else 12}
    found: list[tuple[dict[str, Any], bool]] = []
    for checkpointing in (True, False):
        more = {"gradient_checkpointing": checkpointing}
        found += [(full | more, False), (full | more, True), (full | more | {"precision": "fp32"}, False)]
        found += [
            (big | more | change, False)
            for change in (QV, {"method": "lora"}, {"method": "partial", "partial": ["qkv"]})
        ]
    last = {} if not small else {"model": {"config": SMALL | {"tie_word_embeddings": False}}}
    found += [
        (big | last | LAST | {"gradient_checkpointing": True}, False),
        (full | {"batch": 16, "gradient_checkpointing": True}, True),
    ]
    found += [(full | {"gradient_checkpointing": True, "accumulation": 4}, False)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="small shapes instead of the published models")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| model | method | batch x length | checkpointing | logits | counted, GiB | planned | ratio |\n|---|---|---|---|---|---:|---:|---:|"
    )
    worst = 1.0
    for settings, whole in cases(asked.small):
        spec = parse_spec({"precision": "bf16"} | settings)
        real, planned = measured(spec, whole_logits=whole), plan(spec, whole_logits=whole)["memory"]["total"] - RUNTIME
        worst = max(worst, planned / real, real / planned)
        words = (
            f"{spec.method} {','.join(spec.partial)}{' ' + spec.precision if spec.precision == 'fp32' else ''}".strip()
        )
        words += f" accumulation {spec.accumulation}" if spec.accumulation else ""
        print(
            f"| {str(spec.model.name or 'small').split('/')[-1]} | {words} | {spec.batch} x {spec.max_length} | "
            f"{'yes' if spec.gradient_checkpointing else 'no'} | {'whole' if whole else 'in tiles'} | {real:.2f} | {planned:.2f} | {planned / real:.3f} |",
            flush=True,
        )  # fmt: skip
    print(f"\nfurthest apart: {100 * (worst - 1):.1f} %")


if __name__ == "__main__":
    main()
