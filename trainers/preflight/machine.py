"""Whether learning rate and memory fit the model's size and the card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathdata.trainspec import TrainSpec
from trainers.preflight.finding import Finding, found

__all__ = ["learning_rate", "memory"]

USUAL_RATES = ((1e7, 1e-4, 2e-2), (5e8, 5e-6, 2e-3), (4e9, 1e-6, 2e-4), (float("inf"), 5e-7, 1e-4))
"""(parameters up to, lowest, highest) of full fine-tuning; adapters stand up to ten times more."""


def learning_rate(spec: TrainSpec, parameters: int | None) -> list[Finding]:
    if parameters is None:
        return []
    low, high = next((lo, hi) for most, lo, hi in USUAL_RATES if parameters <= most)
    high = high * 10 if spec.method != "full" else high
    if low <= spec.learning_rate <= high:
        return []
    return [
        found(
            "learning-rate",
            0,
            f"learning rate {spec.learning_rate:g} is outside {low:g} to {high:g}, usual for {spec.method} "
            f"training of {parameters / 1e6:.1f} million parameters",
            "a warning only",
        )
    ]


def memory(planned: Mapping[str, Any] | None) -> list[Finding]:
    """The plan against the card that is here."""
    if not planned or planned["fits"] is not False:
        return []
    best = min((v["checkpointing"], k) for k, v in planned["alternatives"].items())
    return [
        found(
            "memory",
            0,
            f"the plan needs {planned['total']:.1f} GiB on each card, which has {planned['gpu_gib']:.0f}",
            f"with gradient_checkpointing and {best[1]} it would be {best[0]:.1f} GiB; see: mathdata train RECIPE --plan",
        )
    ]
