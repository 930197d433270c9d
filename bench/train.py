"""Tokens per second of training here against the plain TRL script with the same settings; prints the ratios.

python bench/train.py [--rows 640] [--steps 40] [--repeat 3] [--hidden 128]
GSM8K rows from MATHDATA_DATA, batch 16, one thread, fp32, a small model from scratch; the runs alternate.
Seconds are the process's own processor time, so that other work on the machine disturbs little.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
RATE, BATCH = 1e-3, 16
KINDS = ("trl", "same settings", "by length", "packed")


def config(hidden: int) -> dict[str, Any]:
    return {
        "hidden_size": hidden, "num_attention_heads": hidden // 32, "num_key_value_heads": hidden // 32,
        "num_hidden_layers": 4, "intermediate_size": hidden * 4, "initializer_range": 0.05,
        "max_position_embeddings": 1024,
    }  # fmt: skip


def spec_of(folder: Path, steps: int, batches: str) -> Any:
    from mathdata.trainspec import parse_spec

    return parse_spec(
        {
            "model": str(folder / "model"), "prompt": "question_answer", "batch": BATCH, "max_steps": steps,
            "learning_rate": RATE, "warmup": 5, "scheduler": "linear", "max_length": 1024, "batches": batches,
            "overlong": "drop", "preflight": {"allow": ["unverified"]}, "seed": 0, "threads": 1,
        }
    )  # fmt: skip


def prepare(folder: Path, rows: int, hidden: int) -> None:
    """One model and one tokenizer for all; training rows and 60 others to measure the loss on."""
    import mathdata
    from mathdata.io import data_root
    from mathdata.trainspec import parse_spec
    from trainers.data import corpus_texts
    from trainers.model import build_model, save_model
    from trainers.tokens import load_tokenizer

    table = mathdata.read(str(data_root() / "gsm8k" / "train.jsonl"))
    table[:rows].write_parquet(folder / "rows.parquet")
    table[-60:].write_parquet(folder / "held.parquet")
    spec = parse_spec(
        {"model": {"config": config(hidden)}, "tokenizer": {"train": {"vocab_size": 2048}}, "prompt": "question_answer"}
    )
    tokenizer = load_tokenizer(spec, corpus_texts(table, spec))
    save_model(build_model(spec, tokenizer, 0), tokenizer, folder / "model")


def run_trl(folder: Path, steps: int) -> dict[str, Any]:
    """What a user would write."""
    import polars as pl
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from mathdata.prompts import get_prompt

    torch.set_num_threads(1)
    first: list[float] = []

    class First(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            first.append(time.process_time()) if not first else None

    prompt = get_prompt("question_answer")
    rows = pl.read_parquet(folder / "rows.parquet").iter_rows(named=True)
    data = Dataset.from_list([{"prompt": prompt.render(r["problem"]), "completion": r["solution"]} for r in rows])
    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    settings = SFTConfig(
        str(folder / "trl"), max_steps=steps, per_device_train_batch_size=BATCH, learning_rate=RATE, warmup_steps=5,
        lr_scheduler_type="linear", max_length=1024, gradient_checkpointing=False, use_cpu=True, bf16=False,
        report_to="none", save_strategy="no", logging_steps=1, disable_tqdm=True, seed=0,
    )  # fmt: skip
    trainer = SFTTrainer(model, args=settings, train_dataset=data, processing_class=tokenizer, callbacks=[First()])
    began = time.process_time()
    trainer.train()
    seconds = time.process_time() - began
    tokens = int(trainer.state.log_history[-2]["num_tokens"])
    return {"seconds": seconds, "tokens": tokens, "start": first[0], "loss": held_loss(model, folder)}


def run_ours(folder: Path, steps: int, batches: str) -> dict[str, Any]:
    import polars as pl

    from trainers.sft import run_sft

    first: list[float] = []
    told = lambda event: first.append(time.process_time()) if event.get("done") == 1 and not first else None  # noqa: E731
    spec = spec_of(folder, steps, batches)
    model, _, record = run_sft(pl.read_parquet(folder / "rows.parquet"), spec, folder / f"ours-{batches}", report=told)
    return {
        "seconds": record["train_cpu_seconds"], "tokens": record["tokens"], "start": first[0],
        "loss": held_loss(model, folder), "padding": record["padding"],
    }  # fmt: skip


def held_loss(model: Any, folder: Path) -> float:
    """Mean loss of the responses' tokens on rows that were not trained on."""
    import polars as pl
    import torch
    from transformers import AutoTokenizer

    from trainers.data import encode

    spec = spec_of(folder, 1, "length")
    rows = encode(pl.read_parquet(folder / "held.parquet"), spec, AutoTokenizer.from_pretrained(folder / "model"))
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            labels = torch.tensor([row.labels])
            logits = model(input_ids=torch.tensor([row.input_ids])).logits[:, :-1].float()
            total += float(
                torch.nn.functional.cross_entropy(logits[0], labels[0, 1:], ignore_index=-100, reduction="sum")
            )
            count += int((labels[0, 1:] != -100).sum())
    return total / count


def child(kind: str, folder: Path, steps: int) -> dict[str, Any]:
    made = (
        run_trl(folder, steps)
        if kind == "trl"
        else run_ours(folder, steps, {"same settings": "random", "by length": "length", "packed": "packed"}[kind])
    )
    made["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return made | {"rate": made["tokens"] / made["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("rows", 640), ("steps", 40), ("repeat", 3), ("hidden", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--child", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print("RESULT " + json.dumps(child(asked.child[0], Path(asked.child[1]), asked.steps)))
        return
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    seen: dict[str, list[dict[str, Any]]] = {k: [] for k in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), asked.rows, asked.hidden)
        for _ in range(asked.repeat):
            for kind in KINDS:
                words = [sys.executable, __file__, "--child", kind, folder, "--steps", str(asked.steps)]
                out = subprocess.run(words, capture_output=True, text=True, env=env)
                if out.returncode:
                    raise SystemExit(out.stderr[-2000:])
                line = next(x for x in out.stdout.splitlines() if x.startswith("RESULT "))
                seen[kind].append(json.loads(line.removeprefix("RESULT ")))
    report(seen)


def report(seen: dict[str, list[dict[str, Any]]]) -> None:
    middle = {
        k: {f: statistics.median(r[f] for r in v) for f in ("rate", "start", "loss", "peak_mb")}
        for k, v in seen.items()
    }
    base = middle["trl"]
    print(f"{'':14} tokens/s  ratio  first step, s  held-out loss  peak MB")
    for kind, m in middle.items():
        print(
            f"{kind:14} {m['rate']:8,.0f}  {m['rate'] / base['rate']:5.2f}  {m['start']:13.1f}  {m['loss']:13.3f}  {m['peak_mb']:7,.0f}"
        )
    over = middle["same settings"]["start"] - base["start"]
    print(f"same settings: {middle['same settings']['rate'] / base['rate']:.2f} of TRL's speed (bar 0.98)")
    print(f"our default:   {middle['by length']['rate'] / base['rate']:.2f} times TRL's speed (bar 1.5)")
    print(f"start-up:      {over:+.1f} s over TRL (bar 3)")


if __name__ == "__main__":
    main()
