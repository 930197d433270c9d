"""Tokens per second of training here against the plain TRL script with the same settings; prints the ratios.

python bench/train.py [--rows 512] [--steps 24] [--repeat 3] [--hidden 64] [--packed]
python bench/train.py --pretrained [--steps 6] [--repeat 2]   # SmolLM2-135M's shape: fp32 and one thread against auto
GSM8K rows from MATHDATA_DATA, batch 16, one thread, fp32, a small model from scratch, each run a process of its own.
Runs of one round stand beside each other, each round begins with another kind, and a ratio is the median of the rounds'
ratios: by the clock, and by the processor time of the process, which other work on the machine disturbs less.
About 4 minutes on a quiet machine; --pretrained about as long, and 3 GB of memory.
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

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
RATE, BATCH = 1e-3, 16
KINDS = ("trl", "same settings", "by length")
LAID_OUT = {"same settings": "random", "by length": "length", "packed": "packed"}
SMOL = {
    "model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192, "tie_word_embeddings": True,
}  # fmt: skip
"""SmolLM2-135M; its speed does not depend on what the weights are, so they are drawn."""
SIZED = {"as before": {"precision": "fp32", "threads": 1}, "auto": {"precision": "auto", "threads": None}}


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


def prepare_pretrained(folder: Path) -> None:
    """The shape of a pretrained model on disk, a small tokenizer beside it: the head is as wide as the model's own."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

    prepare(folder, 512, 32)
    shape = LlamaConfig(**{k: v for k, v in SMOL.items() if k != "model_type"})
    AutoModelForCausalLM.from_config(shape).save_pretrained(folder / "pretrained")
    AutoTokenizer.from_pretrained(folder / "model").save_pretrained(folder / "pretrained")


def run_pretrained(folder: Path, steps: int, kind: str) -> dict[str, Any]:
    import polars as pl

    from trainers.sft import run_sft

    spec = spec_of(folder, steps, "random")
    model = spec.model.model_copy(update={"name": str(folder / "pretrained")})
    spec = spec.model_copy(update={"model": model, "batch": 8, "learning_rate": 1e-4, **SIZED[kind]})
    _, _, record = run_sft(pl.read_parquet(folder / "rows.parquet"), spec, folder / f"pretrained-{kind}")
    seconds = {"cpu": record["train_cpu_seconds"], "wall": record["train_seconds"]}
    return {"seconds": seconds, "tokens": record["tokens"], "why": record["arithmetic"], "last": record["loss"][-1][1]}


def run_trl(folder: Path, steps: int) -> dict[str, Any]:
    """What a user would write."""
    import polars as pl
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from mathdata.prompts import get_prompt

    torch.set_num_threads(1)
    first: list[dict[str, float]] = []

    class First(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            first.append(since_start()) if not first else None

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
    cpu, wall = time.process_time(), time.perf_counter()
    trainer.train()
    used = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    tokens = int(trainer.state.log_history[-2]["num_tokens"])
    return {"seconds": used, "tokens": tokens, "start": first[0], "loss": held_loss(model, folder)}


def since_start() -> dict[str, float]:
    """Seconds of this process so far, imports and all."""
    return {"cpu": time.process_time(), "wall": time.time() - psutil.Process().create_time()}


def run_ours(folder: Path, steps: int, batches: str) -> dict[str, Any]:
    import polars as pl

    from trainers.sft import run_sft

    first: list[dict[str, float]] = []
    told = lambda event: first.append(since_start()) if event.get("done") == 1 and not first else None  # noqa: E731
    spec = spec_of(folder, steps, batches)
    model, _, record = run_sft(pl.read_parquet(folder / "rows.parquet"), spec, folder / f"ours-{batches}", report=told)
    return {
        "seconds": {"cpu": record["train_cpu_seconds"], "wall": record["train_seconds"]},
        "tokens": record["tokens"], "start": first[0],
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
    if kind in SIZED:
        made = run_pretrained(folder, steps, kind)
    else:
        made = run_trl(folder, steps) if kind == "trl" else run_ours(folder, steps, LAID_OUT[kind])
    made["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return made | {"rate": {clock: made["tokens"] / seconds for clock, seconds in made["seconds"].items()}}


def run(kind: str, folder: str, steps: int) -> dict[str, Any]:
    """One run in a process of its own."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    if kind in SIZED:
        del env["OMP_NUM_THREADS"]  # it would decide
    words = [sys.executable, __file__, "--child", kind, folder, "--steps", str(steps)]
    out = subprocess.run(words, capture_output=True, text=True, env=env)
    if out.returncode:
        raise SystemExit(out.stderr[-2000:])
    line = next(x for x in out.stdout.splitlines() if x.startswith("RESULT "))
    return dict(json.loads(line.removeprefix("RESULT ")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 512), ("steps", None), ("repeat", None), ("hidden", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pretrained", action="store_true", help="a pretrained model's size: as before against auto")
    parser.add_argument("--packed", action="store_true", help="also packed batches")
    parser.add_argument("--child", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print("RESULT " + json.dumps(child(asked.child[0], Path(asked.child[1]), asked.steps)))
        return
    kinds = list(SIZED) if asked.pretrained else [*KINDS, *(["packed"] if asked.packed else [])]
    steps, repeat = asked.steps or (6 if asked.pretrained else 24), asked.repeat or (2 if asked.pretrained else 3)
    rounds: list[dict[str, dict[str, Any]]] = []
    with tempfile.TemporaryDirectory() as folder:
        if asked.pretrained:
            prepare_pretrained(Path(folder))
        else:
            prepare(Path(folder), asked.rows, asked.hidden)
        for number in range(repeat):
            turn = kinds[number % len(kinds) :] + kinds[: number % len(kinds)]
            rounds.append({kind: run(kind, folder, steps) for kind in turn})
            print(f"round {number + 1} of {repeat}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    if asked.pretrained:
        report_pretrained(rounds)
    else:
        report(rounds, kinds)


def report_pretrained(rounds: list[dict[str, dict[str, Any]]]) -> None:
    """Two rows and their ratio; no bar: what a machine gains is its own."""
    for kind in SIZED:
        rates = [r[kind]["rate"]["wall"] for r in rounds]
        words = f"{statistics.median(rates):7,.0f} tokens/s (each round: {', '.join(f'{x:,.0f}' for x in rates)})"
        print(f"{kind:10} {words}, peak {statistics.median(r[kind]['peak_mb'] for r in rounds):,.0f} MB, ", end="")
        print(f"last loss {rounds[-1][kind]['last']:.3f}; {rounds[-1][kind]['why']}")
    ratios = [r["auto"]["rate"]["wall"] / r["as before"]["rate"]["wall"] for r in rounds]
    print(f"auto, times the speed as before: {statistics.median(ratios):.2f} ({', '.join(f'{x:.2f}' for x in ratios)})")


def report(rounds: list[dict[str, dict[str, Any]]], kinds: list[str]) -> None:
    def middle(kind: str, *path: str) -> float:
        return statistics.median(value(r[kind], *path) for r in rounds)

    def ratio(kind: str, clock: str) -> float:
        return statistics.median(r[kind]["rate"][clock] / r["trl"]["rate"][clock] for r in rounds)

    def later(clock: str) -> float:
        return statistics.median(r["same settings"]["start"][clock] - r["trl"]["start"][clock] for r in rounds)

    print(f"{'':14} tokens/s        ratio       first step, s  held-out loss  peak MB")
    print(f"{'':14} cpu     wall    cpu   wall  cpu    wall")
    for kind in kinds:
        rates = f"{middle(kind, 'rate', 'cpu'):7,.0f} {middle(kind, 'rate', 'wall'):7,.0f}"
        ratios = f"{ratio(kind, 'cpu'):5.2f}  {ratio(kind, 'wall'):5.2f}"
        starts = f"{middle(kind, 'start', 'cpu'):5.1f}  {middle(kind, 'start', 'wall'):5.1f}"
        print(f"{kind:14} {rates}  {ratios}  {starts}  {middle(kind, 'loss'):13.3f}  {middle(kind, 'peak_mb'):7,.0f}")
    losses = [middle(k, "loss") for k in KINDS]
    for words, found, met in (
        ("same settings, times TRL's speed (bar 0.98)", "{:.2f} cpu, {:.2f} wall".format(*(ratio("same settings", c) for c in ("cpu", "wall"))), ratio("same settings", "cpu") >= 0.98),
        ("our default, times TRL's speed (bar 1.5)", "{:.2f} cpu, {:.2f} wall".format(*(ratio("by length", c) for c in ("cpu", "wall"))), ratio("by length", "cpu") >= 1.5),
        ("first step later than TRL's (bar 3 s)", "{:+.1f} s cpu, {:+.1f} s wall".format(*(later(c) for c in ("cpu", "wall"))), later("cpu") < 3),
        ("held-out losses apart (bar 1 %)", f"{max(losses) - min(losses):.3f} of {losses[0]:.3f}", max(losses) - min(losses) < 0.01 * losses[0]),
    ):  # fmt: skip
        print(f"{words:46} {found:24} {'met' if met else 'MISSED'}")


def value(run: dict[str, Any], *path: str) -> float:
    for name in path:
        run = run[name]
    return float(run)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
