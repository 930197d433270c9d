"""What training reaches on this machine's GPU: tokens per second, share of the chip's peak, memory against the plan.

python bench/train_gpu.py [--steps 40] [--batch 32] [--model Qwen/Qwen2.5-0.5B] [--peak TFLOPS] [--write docs/gpu.md]
Full fine-tuning from random weights of a bundled config, on GSM8K rows from MATHDATA_DATA (the built-in corpus where they
are not at hand), each setting a process of its own; the first quarter of the steps is not counted. `--write` puts the
table into the file between its two marks. `--smoke` tries the same on a tiny config, on the CPU too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PEAKS = {
    "RTX 3090": 71, "RTX 4090": 165, "A10": 125, "L4": 121, "L40S": 362, "A6000": 155, "A100": 312, "H100 PCIe": 756,
    "H100": 989, "H200": 989, "B200": 2250,
}  # fmt: skip
"""Dense bf16 TFLOP/s as the makers print them; another card's by --peak."""

SETTINGS: dict[str, dict[str, Any]] = {
    "fp32, sorted by length": {"precision": "fp32"},
    "bf16, random batches": {"batches": "random"},
    "bf16, sorted by length (default)": {},
    "bf16, checkpointing": {"gradient_checkpointing": True},
    "bf16, packed, sdpa": {"batches": "packed", "attention": "sdpa"},
    "bf16, packed, flash": {"batches": "packed", "attention": "flash_attention_2"},
}
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
TINY = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--model", default="Qwen/Qwen2.5-0.5B", help="a bundled config")
    parser.add_argument("--peak", type=float, help="the card's dense bf16 TFLOP/s")
    parser.add_argument("--write", type=Path, help="the page whose table is replaced")
    parser.add_argument("--smoke", action="store_true", help="a tiny config for a few steps, on the CPU too")
    parser.add_argument("--child", nargs=2, metavar=("SETTING", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.smoke:
        asked.steps, asked.batch, asked.rows = 4, 4, 64
    if asked.child:
        print("RESULT " + json.dumps(child(asked.child[0], Path(asked.child[1]), asked)))
        return
    import torch

    if not torch.cuda.is_available() and not asked.smoke:
        print("error: no CUDA device is here\nhint: --smoke tries the script on a tiny config", file=sys.stderr)
        raise SystemExit(2)
    card = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    peak = asked.peak or next(
        (PEAKS[k] for k in sorted(PEAKS, key=len, reverse=True) if squeeze(k) in squeeze(card)), None
    )
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), asked)
        found = {name: run(name, folder) for name in SETTINGS}
    table = report(found, asked, card, peak, torch.__version__)
    print(table)
    if asked.write:
        write(asked.write, table)


def squeeze(name: str) -> str:
    return name.lower().replace(" ", "")


def prepare(folder: Path, asked: Any) -> None:
    """Random weights of the config with its whole vocabulary, a small tokenizer, rows."""
    import torch
    from transformers import AutoModelForCausalLM

    import mathdata
    from mathdata.io import data_root
    from mathdata.trainspec import parse_spec
    from trainers.data import corpus_texts
    from trainers.model import load_config, save_model
    from trainers.tokens import load_tokenizer

    gsm8k = data_root() / "gsm8k" / "train.jsonl"
    table = mathdata.read(str(gsm8k) if gsm8k.exists() else "builtin:elementary")[: asked.rows]
    table.write_parquet(folder / "rows.parquet")
    spec = parse_spec(
        {
            "model": {"config": TINY} if asked.smoke else asked.model,
            "tokenizer": {"train": {"vocab_size": 2048}},
            "prompt": "question_answer",
        }
    )
    tokenizer = load_tokenizer(spec, corpus_texts(table, spec))
    config = load_config(spec)
    config.vocab_size = len(tokenizer) if asked.smoke else max(config.vocab_size, len(tokenizer))
    config.pad_token_id, config.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
    torch.manual_seed(0)
    save_model(AutoModelForCausalLM.from_config(config, dtype=torch.float32), tokenizer, folder / "model")


def run(name: str, folder: str) -> dict[str, Any]:
    """One setting in a process of its own; what it could not do is told, not raised."""
    if "flash" in name and find_spec("flash_attn") is None:
        return {"failed": "flash_attn is not installed"}
    print(name, file=sys.stderr)
    words = [sys.executable, __file__, *sys.argv[1:], "--child", name, folder]
    out = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "TOKENIZERS_PARALLELISM": "false"})
    lines = [x for x in out.stdout.splitlines() if x.startswith("RESULT ")]
    if not lines:
        print(out.stderr[-2000:], file=sys.stderr)
        return {"failed": (out.stderr.strip().splitlines() or ["no answer"])[-1][:100].replace("|", "/")}
    return dict(json.loads(lines[0].removeprefix("RESULT ")))


def child(name: str, folder: Path, asked: Any) -> dict[str, Any]:
    import polars as pl

    from mathdata.trainspec import parse_spec
    from trainers.callbacks import memory_mb
    from trainers.model import load_config
    from trainers.plan import plan
    from trainers.sft import run_sft

    spec = parse_spec(
        {
            "model": str(folder / "model"), "prompt": "question_answer", "batch": asked.batch, "max_steps": asked.steps,
            "learning_rate": 1e-4, "warmup": 2, "max_length": 1024, "overlong": "drop", "precision": "bf16", "seed": 0,
            "preflight": {"allow": ["unverified", "memory"]}, **SETTINGS[name],
        }
    )  # fmt: skip
    out = folder / name.replace(" ", "-").replace(",", "")
    record = run_sft(pl.read_parquet(folder / "rows.parquet"), spec, out)[2]
    lines = [json.loads(x) for x in (out / "metrics.jsonl").read_text().splitlines()]
    first = lines[len(lines) // 4]
    seconds = lines[-1]["seconds"] - first["seconds"]
    config = load_config(spec)
    mean = record["tokens"] / record["rows_seen"]
    rate = (lines[-1]["tokens"] - first["tokens"]) / seconds
    return {
        "rate": rate, "seconds": seconds / (lines[-1]["step"] - first["step"]), "padding": record["padding"],
        "flops": rate * flops_per_token(config, record["total"], mean), "memory": memory_mb() / 1024,
        "planned": plan(spec, length=longest(record, config))["memory"]["total"], "loss": lines[-1]["loss"],
    }  # fmt: skip


def longest(record: dict[str, Any], config: Any) -> int:
    """The plan's rows are all as long as the longest: here the mean, with the padding, is what a step holds."""
    return max(8, round(record["tokens"] / record["rows_seen"] / (1 - record["padding"])))


def flops_per_token(config: Any, parameters: int, length: float) -> float:
    """Forward and backward of the model itself: 6 for each weight that multiplies, and causal attention."""
    embedding = config.vocab_size * config.hidden_size
    multiplied = parameters - (0 if config.tie_word_embeddings else embedding)
    return 6.0 * multiplied + 6.0 * config.num_hidden_layers * config.hidden_size * length


def report(found: dict[str, dict[str, Any]], asked: Any, card: str, peak: float | None, version: str) -> str:
    model = "a tiny config (smoke)" if asked.smoke else asked.model
    lines = [
        f"{model} from random weights, full fine-tuning, batch {asked.batch}, {asked.steps} steps, {card}, torch {version}"
        + (f", peak {peak:,.0f} TFLOP/s:" if peak else ":"),
        "",
        "| setting | tokens/s | s a step | of peak | padding | peak GiB | planned GiB | last loss |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, r in found.items():
        if "failed" in r:
            lines.append(f"| {name} | {r['failed']} | | | | | | |")
            continue
        share = f"{100 * r['flops'] / (peak * 1e12):.1f} %" if peak else "–"
        lines.append(
            f"| {name} | {r['rate']:,.0f} | {r['seconds']:.3f} | {share} | {100 * r['padding']:.1f} % | {r['memory']:.1f} | "
            f"{r['planned']:.1f} | {r['loss']:.3f} |"
        )
    best = max((r for r in found.values() if "flops" in r), key=lambda r: r["flops"], default=None)
    if best and peak and not asked.smoke:
        share = 100 * best["flops"] / (peak * 1e12)
        lines += ["", f"Best: {share:.1f} % of the peak (bar 40 %: {'met' if share >= 40 else 'MISSED'})."]
    return "\n".join(lines)


def write(page: Path, table: str) -> None:
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"error: {page} has no marks {BEGIN} {END}")
    head, rest = text.split(BEGIN, 1)
    page.write_text(f"{head}{BEGIN}\n{table}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
