"""Expert iteration and GRPO on the small embedded model: accuracy over rounds and steps, paired with the checkpoint.

python bench/beyond_sft.py [--seed 0] [--grpo-steps 40]
Two-digit additions of builtin:elementary with worked steps; a checkpoint stopped in the middle of its rise; then expert
iteration on the model's own judged answers alone (two rounds), and GRPO at the gentle rate. One thread, about 5 minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SMALL = {
    "hidden_size": 96, "num_attention_heads": 3, "num_key_value_heads": 3, "num_hidden_layers": 2,
    "intermediate_size": 384, "initializer_range": 0.08, "max_position_embeddings": 256,
}  # fmt: skip


def additions(folder: Path) -> tuple[Any, str]:
    """1,200 worked additions without those of the test, and 500 test problems in a file."""
    import polars as pl

    import mathdata

    corpus = mathdata.read("builtin:elementary")
    plain = corpus.filter(
        (pl.col("topic") == "small_add") & (pl.col("language") == "en") & pl.col("planted").is_null()
    ).unique("problem", maintain_order=True)
    worked = mathdata.keep(mathdata.augment(plain, method=["step_cot"], teacher="symbolic"))
    worked = worked.filter(pl.col("method") == "step_cot").with_columns(pl.lit("correct").alias("verdict"))
    test = folder / "additions.jsonl"
    worked[1200:1700].select("problem", "solution", "answer").write_ndjson(test)
    return mathdata.keep(mathdata.decontaminate(worked[:1200], against=[str(test)])), str(test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--grpo-steps", type=int, default=40)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)
    from mathdata.comparison import compare
    from mathdata.trainspec import parse_spec
    from trainers import train

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, test = additions(folder)
        common: dict[str, Any] = {"betas": [0.9, 0.98], "weight_decay": 0.01, "max_length": 128, "seed": asked.seed}
        graded = {"benchmarks": [test], "max_tokens": 48}
        tokens = {"tokens_per_step": 1300}
        first = {"model": {"config": SMALL}, "tokenizer": {"train": {"vocab_size": 512}}, "max_steps": 215, **tokens}
        schedule = {"learning_rate": 2e-3, "scheduler": "constant_with_warmup", "warmup": 20}
        train(parse_spec(common | first | schedule), rows, folder / "checkpoint", evaluate=graded)
        seen = {"data": test, "limit": None, "max_tokens": 48}
        rounds = {"rounds": 2, "samples": 4, "temperature": 0.8, "max_tokens": 48, "per_problem": 3, "keep_seed": False}
        methods: dict[str, dict[str, Any]] = {
            "expert iteration, own answers alone": {
                "algorithm": "expert_iteration", "expert_iteration": rounds, "learning_rate": 1e-3, "max_steps": 80,
                "warmup": 10, "evaluation": seen | {"times": 4}, **tokens,
            },
            f"GRPO, {asked.grpo_steps} steps at 3e-5": {
                "algorithm": "grpo", "grpo": {"generations": 8, "max_tokens": 40}, "learning_rate": 3e-5,
                "max_steps": asked.grpo_steps, "batch": 8, "evaluation": seen | {"times": 4},
            },
        }  # fmt: skip
        for number, (words, settings) in enumerate(methods.items()):
            started, out = time.process_time(), folder / f"run{number}"
            spec = parse_spec(common | {"model": str(folder / "checkpoint")} | settings)
            record = train(spec, rows, out, evaluate=graded)
            found = compare(folder / "checkpoint" / "evaluation", out / "evaluation")
            print(
                f"{words}: {found.accuracy_before:.3f} -> {found.accuracy_after:.3f}, {found.points:+.1f} points "
                f"(95 % {found.low:+.1f} to {found.high:+.1f}, paired, n = {found.n}), {time.process_time() - started:.0f} s"
            )
            for file in sorted(out.glob("rounds/*/evaluations.jsonl")) or [out / "evaluations.jsonl"]:
                curve = [json.loads(line) for line in file.read_text().splitlines()]
                label = f"round {file.parent.name}" if "rounds" in file.parts else "all"
                print(f"  {label}: " + ", ".join(f"step {x['step']} {x['answer_accuracy']:.3f}" for x in curve))
            for one in record.get("rounds", []):
                print(
                    f"  round {one['round']}: {one['accuracy_sampled']:.3f} of {one['samples']} samples right, {one['kept']} kept"
                )
            if "reward" in record:
                rewards = [r for _, r in record["reward"]]
                part = max(1, len(rewards) // 4)
                means = [sum(rewards[i : i + part]) / part for i in range(0, part * 4, part)]
                print("  mean reward by quarter: " + ", ".join(f"{m:.3f}" for m in means) + f"; {record['rewards']}")


if __name__ == "__main__":
    main()
