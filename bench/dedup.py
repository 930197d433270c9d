"""Deduplication against its peers: CPU, memory and quality, alternating in one run.

    python bench/dedup.py exact      # 809,993 contest rows: mathdata against polars read + unique + write
    python bench/dedup.py normal     # the same with 21,957 rows spelled otherwise, against a normal form by hand
    python bench/dedup.py near       # word problems: mathdata against rensa (pip install rensa)
    python bench/dedup.py stream     # the same files through partitions on disk: CPU and bytes for a million rows
    python bench/dedup.py quality    # planted twins and traps, English and Chinese, strict and lenient
    python bench/dedup.py real       # GSM8K + MATH, GSM-Hard, SVAMP, rephrased GSM8K (needs MATHDATA_DATA)

Every measured part runs in its own process, `--times` times in turn; the table shows the median CPU seconds (user and
system) and the peak. `--python` names another interpreter for the peers.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import contest
import planted
import polars as pl

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process used."""

    cpu: float
    peak_mb: float
    said: str


def run(command: list[str]) -> Cost:
    """A command to its end, with the CPU seconds and peak memory of the process."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=HERE.parent)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise SystemExit(f"{command[2][:100]} ...\n{err.read()[-2000:]}")
        return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read().strip())


def alternate(commands: dict[str, list[str]], times: int) -> dict[str, Cost]:
    """Every command in turn, `times` rounds; the round with the median CPU counts."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            costs[name].append(run(command))
    return {n: sorted(c, key=lambda x: x.cpu)[len(c) // 2] for n, c in costs.items()}


def table(costs: dict[str, Cost], ours: str) -> None:
    print(f"{'':44s}{'CPU s':>8s}{'peak MB':>9s}{'ours / it':>11s}  said")
    for name, cost in costs.items():
        ratio = f"{costs[ours].cpu / cost.cpu:.2f}"
        print(f"{name:44s}{cost.cpu:8.2f}{cost.peak_mb:9.0f}{ratio:>11s}  {cost.said[-60:]}")


POLARS_EXACT = """
import polars as pl, sys
d = pl.read_ndjson(sys.argv[1]); u = d.unique(maintain_order=True); u.write_parquet(sys.argv[2]); print(u.height)
"""
POLARS_NORMAL = """
import polars as pl, sys
d = pl.read_ndjson(sys.argv[1])
form = lambda c: (pl.col(c).str.normalize("NFKC").str.replace_all(r"\\s+", "").str.replace_all("。", ".", literal=True)
                  .str.strip_chars_end(".?!"))
u = d.with_columns(form("problem").alias("p"), form("solution").alias("s")).unique(["p", "s"], maintain_order=True)
u.drop("p", "s").write_parquet(sys.argv[2]); print(u.height)
"""
OURS = """
import sys
from mathdata.cli.app import main
sys.argv = ["mathdata", *sys.argv[1:]]
main()
"""
STREAM = """
import json, sys
from pathlib import Path
import mathdata.engines.local as local, mathdata.loading as loading
from mathdata.cli.app import main
loading.AT_MOST, split, sizes = 1 << 20, local.split_piece, []
def split_piece(*call):
    cuts = split(*call)
    sizes.append(sum(c.size for c in cuts))
    return cuts
local.split_piece = split_piece
sys.argv = ["mathdata", *sys.argv[1:]]
main()
written = next(int(x.split()[1]) for x in Path("/proc/self/io").read_text().splitlines() if x.startswith("wchar"))
print(json.dumps({"shuffled": sum(sizes), "written": written}))
"""
NEAR = """
import sys, time, polars as pl
from mathdata.near import cluster
from mathdata.text import normal_column
s = pl.read_parquet(sys.argv[1])["problem"]
t = time.process_time()
star = cluster(normal_column(s)).star
print(f"{time.process_time() - t:.2f} s inside, removed {(star != pl.int_range(len(s), eager=True)).sum()}")
"""
RENSA = """
import sys, time, polars as pl
from rensa import RMinHashDeduplicator
docs = pl.read_parquet(sys.argv[1])["problem"].to_list()
cut = {"words": lambda x: x.split(), "chars": lambda x: [x[i:i + 5] for i in range(max(1, len(x) - 4))],
       "grams": lambda x: [" ".join(w) for w in zip(*(x.split()[i:] for i in range(3)))]}[sys.argv[2]]
t = time.process_time()
keep = RMinHashDeduplicator(threshold=0.8, num_perm=128, use_lsh=True).add_pairs((str(i), cut(x)) for i, x in enumerate(docs))
print(f"{time.process_time() - t:.2f} s inside, removed {len(keep) - sum(keep)}")
"""


def exact(folder: Path, options: argparse.Namespace) -> None:
    rows = contest.corpus()
    contest.write(rows, folder / "raw.jsonl")
    print(f"\nexact: {len(rows):,} rows, {len(set(rows)):,} distinct")
    _files(folder, "exact", POLARS_EXACT, "polars read + unique + write", options)


def normal(folder: Path, options: argparse.Namespace) -> None:
    rows, rng = contest.corpus(), random.Random(2)
    twins = [contest.spelled_otherwise(r, rng) for r in rng.sample(list(dict.fromkeys(rows)), 21_957)]
    contest.write(rows + twins, folder / "raw.jsonl")
    print(f"\nnormal: {len(rows) + len(twins):,} rows, {len(set(rows)):,} distinct, 21,957 spelled otherwise")
    _files(folder, "normal", POLARS_NORMAL, "polars, normal form by hand", options)


def _files(folder: Path, level: str, peer: str, name: str, options: argparse.Namespace) -> None:
    raw, out = str(folder / "raw.jsonl"), str(folder / "out.parquet")
    ours = [sys.executable, "-c", OURS, "dedup", raw, "-o", out, "--level", level, "--overwrite", "--json"]
    costs = alternate({"mathdata dedup": ours, name: [options.python, "-c", peer, raw, out + ".peer"]}, options.times)
    made = json.loads(costs["mathdata dedup"].said)
    print(f"  kept {made['kept']:,}, {made['rejected']}")
    table(
        {n: Cost(c.cpu, c.peak_mb, "" if n == "mathdata dedup" else c.said) for n, c in costs.items()}, "mathdata dedup"
    )


def stream(folder: Path, options: argparse.Namespace) -> None:
    contest.write(contest.corpus(), folder / "contest.jsonl")
    words = pl.DataFrame({"problem": word_problems(2 * options.rows, "en")})
    words.write_ndjson(folder / "words.jsonl")
    print(f"\nstream, for a million rows:\n{'':28s}{'CPU s':>8s}{'shuffled GB':>13s}{'written GB':>12s}{'peak MB':>9s}")
    for name, level in (("contest", "exact"), ("contest", "normal"), ("contest", "near"), ("words", "near")):
        call = ["dedup", str(folder / f"{name}.jsonl"), "-o", str(folder / "out.parquet"), "--level", level]
        cost = run([sys.executable, "-c", STREAM, *call, "--overwrite", "--json"])
        made, used = (json.loads(line) for line in cost.said.splitlines())
        millions = made["rows_in"] / 1e6
        shuffled, written = (used[k] / millions / 1e9 for k in ("shuffled", "written"))
        print(f"{name + ', ' + level:28s}{cost.cpu / millions:8.1f}{shuffled:13.2f}{written:12.2f}{cost.peak_mb:9.0f}")


def word_problems(n: int, language: str, seed: int = 1) -> list[str]:
    """n texts, a fifth of them planted pairs of all kinds."""
    rng, lang = random.Random(seed), planted.LANGUAGES[language]
    rows = [t for p in planted.plant(n // 5, seed, language) for t in (p.original, p.variant)]
    rows += [planted.story(rng, lang).text() for _ in range(n - len(rows))]
    rng.shuffle(rows)
    return rows


def near(folder: Path, options: argparse.Namespace) -> None:
    path = str(folder / "near.parquet")
    texts = pl.DataFrame({"problem": word_problems(options.rows, "en")})
    texts.write_parquet(path)
    print(f"\nnear: {texts.height:,} word problems of {texts['problem'].str.len_bytes().mean():.0f} bytes")
    commands = {"mathdata near": [sys.executable, "-c", NEAR, path]}
    if not subprocess.run([options.python, "-c", "import rensa"], capture_output=True).returncode:
        for cut, name in (
            ("chars", "rensa, 5-character shingles"),
            ("grams", "rensa, 3-word shingles"),
            ("words", "rensa, single words"),
        ):
            commands[name] = [options.python, "-c", RENSA, path, cut]
    table(alternate(commands, options.times), "mathdata near")


def quality(folder: Path, options: argparse.Namespace) -> None:
    kinds = (*planted.TWINS, *planted.TRAPS, "held_out_synonyms", "unknown_verb_twin", "unknown_verb_trap")
    for language in ("en", "zh"):
        pairs = list(planted.plant(options.pairs, 5, language, kinds))
        shares = {how: _merged(pairs, how == "strict") for how in ("strict", "lenient")}
        print(f"\nquality, {language}: {len(pairs):,} planted pairs; share merged (strict, lenient)")
        for kind in kinds:
            same = "twin" if any(p.same for p in pairs if p.kind == kind) else "trap"
            print(f"  {same}  {kind:22s}{shares['strict'][kind]:9.4f}{shares['lenient'][kind]:9.4f}")


def _merged(pairs: list[planted.Planted], strict: bool) -> dict[str, float]:
    from mathdata.near import cluster
    from mathdata.text import normal_column

    texts = pl.Series([t for p in pairs for t in (p.original, p.variant)])
    star = cluster(normal_column(texts), strict=strict).star.to_list()
    hits = Counter(p.kind for i, p in enumerate(pairs) if star[2 * i] == star[2 * i + 1])
    return {kind: hits[kind] / n for kind, n in Counter(p.kind for p in pairs).items()}


def real(folder: Path, options: argparse.Namespace) -> None:
    from mathdata.io import data_root, read
    from mathdata.near.flags import Flags
    from mathdata.stages.dedup import dedup

    root = data_root()
    files = [str(root / f) for f in ("gsm8k/train.jsonl", "gsm8k/test.jsonl", "math/train.jsonl", "math/test.jsonl")]
    rows = read(*files)
    for on in ("row", "problem"):
        gone = dedup(rows, on=on).filter(pl.col("reject").is_not_null())
        print(f"\nreal: GSM8K + MATH, {rows.height:,} rows, --on {on}: {gone.height} set aside")
        for row in gone.iter_rows(named=True):
            print(f"  {row['reject']}: {row['reject_why']}\n    {' '.join(row['problem'].split())[:150]}")
    texts = {n: read(str(root / f))["problem"].to_list() for n, f in FLAGGED.items()}
    flags = Flags(texts["test"])
    found = {f.text for f in flags.find(texts["rephrased"]) if f.item == f.text}
    everything = [*texts["test"], *texts["train"]]
    false = {tuple(sorted((f.text, f.item))) for f in Flags(everything).find(everything) if f.text != f.item}
    print(
        f"\nflag tier: {len(found) / len(texts['rephrased']):.3f} of the rephrased GSM8K test set; {len(false)} pairs in GSM8K"
    )
    for name in ("contamination/gsm_hard.jsonl", "svamp/svamp.jsonl"):
        other = read(str(root / name))
        made = dedup(other, on="problem", against=[files[0], files[1]]).filter(pl.col("reject").is_not_null())
        print(f"{name} against GSM8K: {dict(made['reject'].value_counts().iter_rows())}")


FLAGGED = {
    "test": "gsm8k/test.jsonl", "train": "gsm8k/train.jsonl", "rephrased": "contamination/gsm8k_test_rephrased.jsonl",
}  # fmt: skip
PARTS = {"exact": exact, "normal": normal, "near": near, "stream": stream, "quality": quality, "real": real}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--rows", type=int, default=200_000, help="word problems of `near`")
    parser.add_argument("--pairs", type=int, default=12_000, help="planted pairs of `quality`")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the peers")
    options = parser.parse_args()
    compileall.compile_dir(HERE.parent / "mathdata", quiet=1)  # as an installation does, and did for the peers
    with tempfile.TemporaryDirectory() as folder:
        for part in options.parts:
            PARTS[part](Path(folder), options)


if __name__ == "__main__":
    main()
