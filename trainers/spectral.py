"""Rebalances LoRA factors: thin QR of both, SVD of the small core, singular values shared evenly; B·A stays.

B' = B·T⁻¹ and A' = T·A for an invertible T, so the product does not move. Adam's first moments move along by the same
T, so that the direction of the next update, mB·A + B·mA, stays too. Second moments are sums of squares and have no
exact image: they are mapped by the squares of T's entries, which is exact where the entries of a row are uncorrelated,
and keeps them positive. With lam below 1 the singular values are drawn towards their mean, and B·A changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainerCallback

from mathdata.trainspec import SpectralSpec

__all__ = ["Spectral", "pairs", "rebalance"]

RANK_EPSILON = 1e-6
"""A factor pair whose smallest singular value is below this share of the largest is left alone: T would not exist."""


@dataclass(frozen=True)
class Balanced:
    """New factors and the maps that made them: B' = B·right, A' = left·A."""

    b: torch.Tensor
    a: torch.Tensor
    left: torch.Tensor
    right: torch.Tensor


def rebalance(b: torch.Tensor, a: torch.Tensor, lam: float = 1.0) -> Balanced | None:
    """Balanced factors of the same product (lam = 1), in double precision; None where the product lacks rank."""
    wide_b, wide_a = b.detach().double(), a.detach().double()
    q_b, r_b = torch.linalg.qr(wide_b)
    q_a, r_a = torch.linalg.qr(wide_a.T)
    u, values, vt = torch.linalg.svd(r_b @ r_a.T)
    if not bool(torch.isfinite(values).all()) or values[-1] <= RANK_EPSILON * values[0] or values[0] == 0:
        return None
    drawn = lam * values + (1 - lam) * values.mean()
    root = drawn.sqrt()
    left = torch.linalg.solve_triangular(r_a, (root[:, None] * vt).T, upper=True).T
    right = r_a.T @ vt.T * (root / values)
    return Balanced(q_b @ (u * root), root[:, None] * (vt @ q_a.T), left, right)


def pairs(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter, torch.nn.Parameter]]:
    """(name, B, A) of every trained LoRA layer, PEFT's and the output head's."""
    for name, module in model.named_modules():
        a, b = getattr(module, "lora_A", None), getattr(module, "lora_B", None)
        if isinstance(a, torch.nn.Parameter) and isinstance(b, torch.nn.Parameter):
            yield name, b, a
        elif isinstance(a, torch.nn.ModuleDict) and isinstance(b, torch.nn.ModuleDict):
            for key in a:
                if a[key].weight.requires_grad:
                    yield f"{name}.{key}", b[key].weight, a[key].weight


def rebalance_layer(b: torch.nn.Parameter, a: torch.nn.Parameter, state: Any, lam: float) -> bool:
    """Rebalance one layer in place, its optimiser state along with it; False where it was left alone."""
    made = rebalance(b, a, lam)
    if made is None:
        return False
    with torch.no_grad():
        b.copy_(made.b)
        a.copy_(made.a)
        for parameter, on_right, map_ in ((b, True, made.right), (a, False, made.left)):
            moments = state.get(parameter, {}) if state is not None else {}
            for key, factor in (("exp_avg", map_), ("exp_avg_sq", map_.square())):
                if key in moments:
                    value = moments[key].double()
                    moments[key].copy_(value @ factor if on_right else factor @ value)
    return True


class Spectral(TrainerCallback):
    """Calls `rebalance` on every pair, every n steps, between two shares of the training."""

    def __init__(self, spec: SpectralSpec) -> None:
        self.spec = spec
        self.figures: dict[str, Any] = {"times": 0, "layers": 0, "left_alone": 0}

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        step, share = state.global_step, state.global_step / max(1, state.max_steps)
        if step % self.spec.every or not self.spec.start <= share <= self.spec.stop:
            return
        optimizer = more.get("optimizer")
        moments = getattr(optimizer, "state", None)
        self.figures["times"] += 1
        for _, b, a in pairs(more["model"]):
            done = rebalance_layer(b, a, moments, self.spec.lam)
            self.figures["layers" if done else "left_alone"] += 1
            if done:
                agree(b, a, moments)

    def outcome(self, model: Any) -> dict[str, Any]:
        """What goes into train.json."""
        return {"spectral": self.figures}


def agree(b: torch.nn.Parameter, a: torch.nn.Parameter, state: Any) -> None:
    """Every process goes on with the factors of the first: an SVD may differ in its last digits."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return
    for parameter in (b, a):
        dist.broadcast(parameter.data, src=0)
        moments = state.get(parameter, {}) if state is not None else {}
        for key in ("exp_avg", "exp_avg_sq"):
            if key in moments:
                dist.broadcast(moments[key], src=0)
