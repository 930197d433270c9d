"""The same recipe on a tiny model of the same kind: shows in seconds that a recipe trains."""

from __future__ import annotations

from typing import Any

from mathdata.trainspec import CheckpointSpec, ModelSpec, ParallelSpec, TokenizerSpec, TokenizerTraining, TrainSpec

__all__ = ["smoke_spec"]

STEPS = 3


def smoke_spec(spec: TrainSpec) -> TrainSpec:
    """Width 64, two layers, a tokenizer of 512 made from the rows; method, prompt, schedule stay as they are."""
    from trainers.model import load_config

    kind = load_config(spec)
    tiny: dict[str, Any] = {
        "model_type": kind.model_type,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": max(2048, spec.max_length),
        "tie_word_embeddings": bool(kind.tie_word_embeddings),
    }
    asked = TokenizerSpec(train=TokenizerTraining(vocab_size=512), add_tokens=spec.tokenizer.add_tokens)
    return spec.model_copy(
        update={
            "model": ModelSpec(config=tiny),
            "tokenizer": asked,
            "quantize": None,
            "max_steps": STEPS,
            "tokens": None,
            "epochs": None,
            "batch": min(spec.batch, 4),
            "accumulation": min(spec.accumulation or 1, 2),
            "global_batch": None,
            "overlong": "drop",
            "attention": "auto",
            "precision": "fp32",
            "report_to": (),
            "parallel": ParallelSpec(),
            "checkpoints": CheckpointSpec(),
            "evaluation": None,
            "grpo": spec.grpo and spec.grpo.model_copy(update={"vllm": "none", "generations": 2, "max_tokens": 16}),
            "expert_iteration": spec.expert_iteration
            and spec.expert_iteration.model_copy(update={"rounds": 1, "samples": 2, "max_tokens": 16}),
        }
    )
