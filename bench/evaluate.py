"""Grading speed and agreement against lm-eval's own code; generation in batches by length; the report's speed.

    python bench/evaluate.py grade  --peer PYTHON   # 5,000 MATH responses, one process each
    python bench/evaluate.py agree  --peer PYTHON   # the real model outputs, row by row
    python bench/evaluate.py generate               # length-sorted against fixed order, on a small random model
    python bench/evaluate.py memory                 # peak memory after 1,000 and after 10,000 answers of that model
    python bench/evaluate.py report                 # 5,000 cases of three arms: written, and opened in a browser
    python bench/evaluate.py compare                # two evaluations of 5,000 MATH problems

PYTHON is an environment with lm-eval and math-verify[antlr4_11_0]. Real data: MATHDATA_DATA.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
N = 5000


def peer(python: str, task: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    text = "\n".join(json.dumps(r) for r in rows)
    done = subprocess.run(
        [python, str(HERE / "peer_lm_eval.py"), task], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _math() -> Any:
    from mathdata.benchmarks import get_benchmark

    return get_benchmark("math").load()


def math_responses(n: int = N, seed: int = 0) -> list[dict[str, Any]]:
    """MATH test solutions as responses in lm-eval's form; three in ten end in another problem's answer."""
    rng = random.Random(seed)
    rows = _math().head(n).to_dicts()
    answers = [r["answer"] for r in rows]
    made = []
    for r in rows:
        said = r["answer"] if rng.random() > 0.3 else rng.choice(answers)
        text = (
            r["solution"].replace("\\boxed", "")
            + f"\nFinal Answer: The final answer is ${said}$. I hope it is correct."
        )
        made.append({"gold": r["answer"], "solution": r["solution"], "response": text, "right": said == r["answer"]})
    return made


def grade(python: str) -> None:
    from mathdata.verifiers import judge_many

    rows = math_responses()
    theirs = peer(python, "minerva", rows)
    pairs = [(r["gold"], r["response"]) for r in rows]
    judge_many(pairs[:5], rule="math", processes=1)
    for processes, label in ((1, "one process"), (None, "all cores")):
        start = time.perf_counter()
        mine = judge_many(pairs, rule="math", processes=processes)
        seconds = time.perf_counter() - start
        print(f"mathdata, {label}: {seconds:.1f} s; lm-eval minerva_math: {theirs['seconds']:.1f} s; "
              f"{theirs['seconds'] / seconds:.1f} times faster")  # fmt: skip
    for name in ("exact_match", "math_verify"):
        both = [(v.ok, bool(s[name]), r["right"]) for v, s, r in zip(mine, theirs["scores"], rows)]
        accepted = [sum(b[i] for b in both if b[2]) / sum(b[2] for b in both) for i in (0, 1)]
        agree = sum(b[0] == b[1] for b in both) / len(both)
        print(f"against {name}: agree on {agree:.2%}; of the rows built right, "
              f"accepted {accepted[0]:.2%} here, {accepted[1]:.2%} there")  # fmt: skip


def outputs() -> dict[str, list[dict[str, Any]]]:
    from mathdata.io import data_root

    found: dict[str, list[dict[str, Any]]] = {}
    for name in ("openai_gsm8k_examples", "rho-math-1b-v0.1"):
        with gzip.open(data_root() / "model_outputs" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as f:
            for line in f:
                row = json.loads(line)
                found.setdefault(f"{row['model']}|{row['dataset']}", []).append(row)
    return found


def agree(python: str, show: int) -> None:
    from mathdata.benchmarks import get_benchmark
    from mathdata.verifiers import judge_many

    for key, rows in outputs().items():
        dataset = key.split("|")[1]
        benchmark = get_benchmark(dataset)
        known = {r["id"]: r for r in benchmark.load().to_dicts()}
        rows = [r | {"gold": known[r["item"]]["answer"], "solution": known[r["item"]].get("solution")} for r in rows]
        task, names = (
            ("gsm8k", ("flexible", "strict")) if dataset == "gsm8k" else ("minerva", ("math_verify", "exact_match"))
        )
        theirs = peer(python, task, rows)["scores"]
        mine = judge_many([(r["gold"], r["response"]) for r in rows], rule=benchmark.rule)
        right = sum(v.ok for v in mine) / len(rows)
        said = [r["correct"] for r in rows]
        line = f"{key}: n {len(rows)}; here {right:.2%}"
        line += "".join(f"; lm-eval {n} {sum(s[n] for s in theirs) / len(rows):.2%}" for n in names)
        print(line + (f"; source {sum(map(bool, said)) / len(rows):.2%}" if None not in said else ""))
        for r, v, s in [x for x in zip(rows, mine, theirs) if x[1].ok != bool(x[2][names[0]])][:show]:
            print(f"   {r['item']}: here {v.status} ({v.got!r} by {v.rule}), {names[0]} {s[names[0]]:.0f}, "
                  f"gold {r['gold']!r}, ends {r['response'][-80:]!r}")  # fmt: skip


def small_model(folder: str) -> None:
    """A random model of 0.3 million parameters that reads characters, with several end tokens: lengths spread."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    vocabulary = {w: i for i, w in enumerate(["<pad>", "<eos>", *map(chr, range(32, 127))])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token=" "))
    raw.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token=" ")
    config = Qwen2Config(
        vocab_size=len(vocabulary), hidden_size=96, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3,
        intermediate_size=384, eos_token_id=1, pad_token_id=0, initializer_range=0.08,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config).eval()
    model.generation_config.eos_token_id = list(range(1, 7))
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def questions(n: int) -> list[str]:
    """Texts whose lengths spread as those of real questions do."""
    rng = random.Random(0)
    return [
        "".join(rng.choice("abcdefgh 0123456789") for _ in range(min(600, int(rng.expovariate(1 / 60)) + 4)))
        for _ in range(n)
    ]


def generate() -> None:
    """Rows per second of the transformers backend against batches in fixed order that run to the longest answer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from mathdata.backends.transformers import Transformers
    from mathdata.types import Problem, Request, Sampling

    texts, limit = questions(400), 128

    def fixed() -> list[str]:
        out = []
        tokenizer.padding_side = "left"
        for i in range(0, len(texts), 32):
            batch = tokenizer(texts[i : i + 32], return_tensors="pt", padding=True)
            made = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=limit,
                do_sample=False,
            )
            out += tokenizer.batch_decode(made[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
        return out

    with tempfile.TemporaryDirectory() as folder:
        small_model(folder)
        model = AutoModelForCausalLM.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        backend = Transformers(model=folder, batch_size=32)
        requests = [
            Request("evaluate", Problem(str(i), t), text=t, sampling=Sampling(max_tokens=limit))
            for i, t in enumerate(texts)
        ]
        backend.generate(requests[:8])
        start = time.perf_counter()
        mine = [c[0].text for c in backend.generate(requests)]
        sorted_ = time.perf_counter() - start
    start = time.perf_counter()
    plain = fixed()
    slow = time.perf_counter() - start
    # The library keeps the end token, the backend does not.
    same = sum(a.replace(" ", "") == b.replace(" ", "").rstrip('!"#$') for a, b in zip(mine, plain)) / len(texts)
    print(f"by length {len(texts) / sorted_:.0f} rows/s, fixed order {len(texts) / slow:.0f} rows/s: "
          f"{slow / sorted_:.2f} times; equal outputs {same:.1%}")  # fmt: skip


def memory() -> None:
    """Peak memory of one process that answers and grades 10,000 rows: what the last 9,000 add to the first 1,000."""
    import polars as pl

    from mathdata.evaluation import evaluate
    from mathdata.manifest import peak_mb
    from mathdata.types import Benchmark, Context

    texts, peaks = questions(10_000), {}
    rows = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "problem": texts, "answer": ["1"] * len(texts)})
    asked = Benchmark(name="texts", load=lambda: rows, version="1", licence="CC0-1.0", prompt="plain", max_tokens=128)

    def note(done: int, total: int | None = None, _: str = "") -> None:
        peaks.setdefault(1_000 if done >= 1_000 else 0, peak_mb())

    with tempfile.TemporaryDirectory() as folder:
        small_model(folder)
        start = time.perf_counter()
        evaluate(folder, benchmarks=[asked], out=Path(folder) / "out", batch_size=32, ctx=Context(progress=note))
        seconds = time.perf_counter() - start
    print(f"peak after 1,000 rows {peaks[1_000]:.0f} MB, after 10,000 answered and graded {peak_mb():.0f} MB: "
          f"{peak_mb() / peaks[1_000]:.2f} times ({len(texts) / seconds:.0f} rows/s)")  # fmt: skip


def compared() -> None:
    """A comparison of two evaluations of 5,000 MATH problems, every wrong answer looked into."""
    import polars as pl

    from mathdata.comparison import compare
    from mathdata.evaluation import evaluate

    ids = _math()["id"].to_list()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, side in enumerate(("before", "after")):
            texts = [r["response"] for r in math_responses(seed=seed)]
            pl.DataFrame({"id": ids, "response": texts}).write_parquet(folder / f"{side}.parquet")
            evaluate(side, benchmarks="math", responses=folder / f"{side}.parquet", out=folder / side)
        wall, cpu = time.perf_counter(), os.times()
        found = compare(folder / "before", folder / "after")
        used = os.times()
        spent = sum(getattr(used, k) - getattr(cpu, k) for k in ("user", "system", "children_user", "children_system"))
        print(f"comparison of {found.n} pairs: {time.perf_counter() - wall:.1f} s, {spent:.1f} CPU s; "
              f"{sum(found.why['before'].values()) + sum(found.why['after'].values())} wrong answers explained")  # fmt: skip


def report() -> None:
    sys.path.insert(0, str(HERE.parent / "tests" / "report"))
    from report_helpers import a_run

    from mathdata.report import write_report

    words = " ".join(f"w{i * 7919 % 1000}" for i in range(60))
    run = a_run((words, words[::-1], words[50:] + words[:50]), n=N)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        path = write_report(run, Path(folder) / "report.html")
        print(f"report of {N} × 3 cases: {time.perf_counter() - start:.1f} s, {path.stat().st_size / 1e6:.2f} MB")
        opened(path)


def opened(path: Path) -> None:
    """How long a browser needs until the page's cases stand."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("not opened: no playwright here")
        return
    with sync_playwright() as p:
        there = Path("/usr/bin/chromium").exists()
        browser = p.chromium.launch(executable_path="/usr/bin/chromium" if there else None, args=["--no-sandbox"])
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector('html[data-ready="yes"]')
        print(f"opened in {time.perf_counter() - start:.2f} s, {page.locator('article.case').count()} cases shown")
        browser.close()


ALONE = {"generate": generate, "memory": memory, "report": report, "compare": compared}
"""What needs no other environment."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("grade", "agree", *ALONE))
    parser.add_argument("--peer", default=os.environ.get("LM_EVAL_PYTHON", ""))
    parser.add_argument("--show", type=int, default=10, help="differing rows to print")
    options = parser.parse_args()
    if options.what in ("grade", "agree") and not options.peer:
        parser.error("--peer PYTHON: an environment with lm-eval")
    if options.what == "agree":
        agree(options.peer, options.show)
    elif options.what == "grade":
        grade(options.peer)
    else:
        ALONE[options.what]()


if __name__ == "__main__":
    main()
