"""Fuzz rows, recipes, replies and files by seed under a memory limit, and print what fell: bench/fuzz.py --cases 10000."""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import resource
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import mathdata
from mathdata.errors import MathdataError

MEMORY = 3 << 30
AT_ONCE = {"rows": 100}
"""Cases of a kind that are tried together."""
SLOW = 5.0
"""Seconds after which one case counts as slow."""

PIECES = [
    "\\frac", "\\sqrt", "{", "}", "(", ")", "[", "]", "^", "_", "x", "1", "0", "10", ".", ",", "+", "-", "*", "/", "=", "<",
    "\\pi", "\\text{", "cm", "%", "$", "\\boxed{", "sqrt(", "log(", "\\sum", "\\binom", "!", "|", "\\{", "\\infty", " ", "and",
    "千", "三分之二", "½", "²", "\\begin{pmatrix}", "&", "\\\\", "答案是", "#### ", "The answer is ", "mod", "max(", "'", '"', "°",
    "9" * 400, "one hundred ", "九" * 60, "1e99999", "\ud800", "\0", "\x1b[2J", "\u202e", "2020-02-31", "<<1+1=3>>", "\n",
]  # fmt: skip


def text(rng: random.Random, most: int = 12) -> str:
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(0, most)))


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(9 if depth < 4 else 5)
    if kind < 3:
        return text(rng)
    if kind == 3:
        return rng.choice([0, -1, 10**30, 1.5, float("inf"), float("nan"), True, None])
    if kind == 4:
        return None
    if kind < 7:
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(["a", "role", "content", text(rng, 2)]): value(rng, depth + 1) for _ in range(rng.randint(0, 3))}


# --- rows: through reading, every stage and the judge ------------------------------------------------------------------

COLUMNS = (
    "problem",
    "solution",
    "answer",
    "question",
    "messages",
    "query",
    "response",
    "level",
    "parents",
    "id",
    "reject",
)


def whole(t: str) -> str:
    return t.encode("utf-8", "replace").decode()


def rows(rng: random.Random, folder: Path) -> None:
    frame = [
        {"problem": whole(text(rng)) or "x", "solution": whole(text(rng)), "answer": whole(text(rng, 5))}
        for _ in range(AT_ONCE["rows"])
    ]
    table = mathdata.read(pl.DataFrame(frame), max_broken=1.0)
    for step in (
        lambda t: mathdata.dedup(t, level=rng.choice(["exact", "normal", "near"]), on=rng.choice(["row", "problem"])),
        lambda t: mathdata.decontaminate(t, against=["elementary"]),
        lambda t: mathdata.verify(t),
        lambda t: mathdata.augment(
            t, method=[rng.choice(["step_cot", "vary_numbers", "fobar", "rephrase"])], teacher="symbolic"
        ),
    ):
        made = step(table)
        assert made.height >= table.height, "a row was lost"
        table = mathdata.keep(made) if mathdata.keep(made).height else table
    for _ in range(AT_ONCE["rows"]):
        mathdata.judge(text(rng, 6), text(rng, 14), time_limit=1)


# --- recipes ----------------------------------------------------------------------------------------------------------

WORDS = [
    "name",
    "input",
    "stages",
    "arms",
    "train",
    "evaluate",
    "compare",
    "sweep",
    "notes",
    "dedup",
    "level",
    "near",
    "sample",
]


def recipes(rng: random.Random, folder: Path) -> None:
    body: Any = {"name": "r", "input": "builtin:elementary?rows=10", "stages": [{"dedup": {"level": "near"}}]}
    for _ in range(rng.randint(1, 4)):
        at = body
        while isinstance(at, dict) and at and rng.random() < 0.6:
            key = rng.choice(list(at))
            if not isinstance(at[key], dict):
                break
            at = at[key]
        at[rng.choice(WORDS)] = rng.choice(
            [value(rng), rng.choice(WORDS), [rng.choice(WORDS)], {rng.choice(WORDS): value(rng)}]
        )
    written = json.dumps(body, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.5:  # cut, doubled or spoilt as text
        at = rng.randrange(len(written))
        written = (
            written[:at]
            + rng.choice(["", "&a ", "*a ", "<<: ", "\t", "!!int ", "- ", text(rng, 3)])
            + written[at + rng.randint(0, 3) :]
        )
    path = folder / "r.yaml"
    path.write_bytes(written.encode("utf-8", "surrogatepass"))
    mathdata.load_recipe(path)


# --- replies ----------------------------------------------------------------------------------------------------------


def replies(rng: random.Random, folder: Path) -> None:
    from mathdata.backends._wire import read_reply

    body: Any = {
        "choices": [{"message": {"content": value(rng), "reasoning": value(rng), "refusal": rng.choice([None, value(rng)])},
                     "text": value(rng), "finish_reason": rng.choice(["stop", "length", None, value(rng)]),
                     "logprobs": rng.choice([None, value(rng)])} for _ in range(rng.randint(0, 3))],
        "usage": rng.choice([None, value(rng), {"prompt_tokens": 3, "completion_tokens": rng.choice([5, -1, "x", 10**30])}]),
        "error": rng.choice([None, None, value(rng)]),
    }  # fmt: skip
    raw = json.dumps(rng.choice([body, body, body, value(rng)])).encode()
    if rng.random() < 0.3:
        raw = raw[: rng.randrange(len(raw) + 1)] + rng.choice([b"", b"\xff", b"[" * 3000])
    status = rng.choice([200, 200, 200, 400, 429, 500, 302, 999])
    found = read_reply(status, {"retry-after": text(rng, 2)}, raw, rng.random() < 0.7)
    for completion in found if isinstance(found, list) else []:
        completion.text.encode("utf-8")
        (completion.reasoning or "").encode("utf-8")


# --- files ------------------------------------------------------------------------------------------------------------


def some_bytes(rng: random.Random) -> bytes:
    lines = []
    for _ in range(rng.randint(1, 8)):
        row = {rng.choice(COLUMNS): rng.choice([value(rng), whole(text(rng)), "1"]) for _ in range(rng.randint(1, 4))}
        lines.append(json.dumps({"problem": "What is 1 + 1?", "answer": "2"} | row))
    data = "\n".join(lines).encode()
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(data) + 1)
        data = (
            data[:at]
            + rng.choice([b"", b"\0", b"\xff\xfe", b"\n", b'"', b"[" * rng.choice([3, 500]), b"{", b"\r"])
            + data[at + rng.randint(0, 5) :]
        )
    return data


def parquet_bytes(rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"problem": [whole(text(rng)) for _ in range(5)], "answer": ["1"] * 5}).write_parquet(buffer)
    data = bytearray(buffer.getvalue())
    for _ in range(rng.randint(0, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def files(rng: random.Random, folder: Path) -> None:
    kind = rng.choice([".jsonl", ".jsonl", ".json", ".csv", ".tsv", ".parquet", ".jsonl.gz"])
    data = parquet_bytes(rng) if kind == ".parquet" else some_bytes(rng)
    if kind == ".json" and rng.random() < 0.7:
        data = b"[" + data.replace(b"\n", b",") + b"]"
    if kind == ".jsonl.gz":
        data = gzip.compress(data)[: rng.choice([None, None, 20])]
    path = folder / f"in{kind}"
    path.write_bytes(data)
    mathdata.read(path, max_broken=1.0)


KINDS: dict[str, Callable[[random.Random, Path], None]] = {
    "rows": rows, "recipes": recipes, "replies": replies, "files": files,
}  # fmt: skip


def fuzz(kind: str, cases: int, seed: int) -> Counter[str]:
    """How the cases ended: `fine`, `refused` (a MathdataError with a hint), or what fell, by the line that raised."""
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        at_once = AT_ONCE.get(kind, 1)
        for case in range(cases // at_once):
            started = time.perf_counter()
            try:
                KINDS[kind](random.Random(f"{kind}/{seed}/{case}"), Path(name))
                ends["fine"] += at_once
            except MathdataError as error:
                ends["refused" if error.message and error.hint else f"FELL: no hint: {error.message[:80]}"] += at_once
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                last = traceback.extract_tb(error.__traceback__)[-1]
                ends[
                    f"FELL: case {case}: {type(error).__name__}: {str(error)[:80]} ({Path(last.filename).name}:{last.lineno})"
                ] += 1
            if time.perf_counter() - started > SLOW:
                ends[f"SLOW: case {case}: {time.perf_counter() - started:.1f} s"] += 1
    return ends


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    fell = 0
    for kind in asked.kinds:
        started = time.perf_counter()
        ends = fuzz(kind, asked.cases, asked.seed)
        bad = {k: n for k, n in ends.items() if k.startswith(("FELL", "SLOW"))}
        fell += sum(bad.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(
            f"{kind:8} seed {asked.seed}: {asked.cases:,} cases, {ends['fine']:,} fine, {ends['refused']:,} refused, "
            f"{sum(bad.values())} fell or were slow ({time.perf_counter() - started:.0f} s, peak {peak:,} MB)"
        )
        for words, n in sorted(bad.items())[:20]:
            print(f"  {n} x {words}")
    return 1 if fell else 0


if __name__ == "__main__":
    raise SystemExit(main())
