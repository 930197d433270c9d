"""Rows to tokens and labels: rows a second on a vocabulary of 49,152 words, beside an earlier checkout where one is named.

    python bench/labels.py [--rows 300] [--tokenizer FOLDER] [--beside CHECKOUT]

Without a tokenizer one is made: a byte-level BPE with ChatML's control tokens, filled up to the size. Rows are GSM8K's
training problems where MATHDATA_DATA has them, else sums.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SIZE = 49_152
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer(folder: Path) -> Path:
    """A byte-level BPE over sums with words that no text holds, up to the size of a real vocabulary."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from mathdata.trainspec import TokenizerTraining
    from trainers.tokens import train_tokenizer

    made = train_tokenizer([f"What is {a} + {a}? {a} + {a} = {2 * a}" for a in range(500)], TokenizerTraining(), 4096)
    parts = json.loads(made.backend_tokenizer.to_str())
    words = parts["model"]["vocab"]
    words |= {f"unused{i}": i for i in range(len(words), SIZE - 2)}
    backend = Tokenizer.from_str(json.dumps(parts))
    backend.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    whole = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|pad|>", chat_template=CHATML
    )
    whole.save_pretrained(folder)
    return folder


def rows(count: int) -> Any:
    import polars as pl

    from mathdata.io import data_root, read

    file = data_root() / "gsm8k" / "train.jsonl"
    if file.exists():
        return read(str(file)).head(count)
    made = [
        {"problem": f"What is {a} + 7?", "solution": f"{a} + 7 = {a + 7}", "answer": str(a + 7)} for a in range(count)
    ]
    from mathdata.schema import conform

    return conform(pl.DataFrame(made))


def measure(folder: Path, count: int) -> dict[str, float]:
    """Rows a second of tokens and labels by prompt, and of the whole preflight where this checkout decodes labels."""
    from transformers import AutoTokenizer

    from mathdata.trainspec import parse_spec
    from trainers.data import encode
    from trainers.preflight import preflight

    tokenizer, table = AutoTokenizer.from_pretrained(folder), rows(count)
    figures = {}
    for prompt in ("chat", "question_answer"):
        spec = parse_spec({"model": str(folder), "prompt": prompt})
        encode(table.head(2), spec, tokenizer)
        started = time.perf_counter()
        examples = encode(table, spec, tokenizer)
        figures[f"labels, {prompt}"] = table.height / (time.perf_counter() - started)
        started = time.perf_counter()
        preflight(table, examples, spec, tokenizer)
        figures[f"preflight, {prompt}"] = table.height / (time.perf_counter() - started)
    return figures


def measured(checkout: Path, folder: Path, count: int) -> dict[str, float]:
    """The same in a process that imports the code of `checkout`."""
    code = f"import sys; sys.path[:0] = [{str(checkout)!r}]\nimport runpy, json\nfrom pathlib import Path\n"
    code += f"own = runpy.run_path({str(Path(__file__))!r}, run_name='bench')\n"
    code += f"print(json.dumps(own['measure'](Path({str(folder)!r}), {count})))"
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=settings, check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--beside", type=Path, help="an earlier checkout, measured in turn")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, str(ROOT))
        tokenizer = (asked.tokenizer or make_tokenizer(Path(folder) / "tokenizer")).resolve()
        before = measured(asked.beside.resolve(), tokenizer, asked.rows) if asked.beside else {}
        now = measured(ROOT, tokenizer, asked.rows)
    print(f"{asked.rows} rows, rows a second")
    for name, speed in now.items():
        was = f"   before {before[name]:>8,.0f}   ratio {speed / before[name]:.2f}" if name in before else ""
        print(f"  {name:<28} {speed:>8,.0f}{was}")


if __name__ == "__main__":
    main()
