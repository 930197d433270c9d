"""The symbolic teacher over all of GSM8K train: shares, reasons that add up, rows a second on one core.

MATHDATA_DATA=../shared/data python bench/symbolic.py [--every N] [--judge] [--read N --seed S]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter
from pathlib import Path

from mathdata.symbolic.backward import masked_rows
from mathdata.symbolic.review import review
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.tie import Graph, tie
from mathdata.symbolic.vary import Made, vary
from mathdata.worked import strip_annotations

DATA = Path(os.environ.get("MATHDATA_DATA", "../shared/data"))
BARS = {"replayed": 95.0, "variation": 75.0, "backward": 84.0, "both": 72.0}
SPEED = 500


def load(every: int) -> list[tuple[int, dict[str, str]]]:
    lines = (DATA / "gsm8k/train.jsonl").read_text(encoding="utf-8").splitlines()
    return [(n, json.loads(line)) for n, line in enumerate(lines, 1)][::every]


def variation(graph: Graph, seed: str) -> Made | str:
    try:
        return vary(graph, seed)
    except Unsupported as e:
        return e.word


def question(graph: Graph, seed: str) -> Made | str:
    reasons: list[str] = []
    made = next(masked_rows(graph, seed, reasons), None)
    return made or (max(sorted(set(reasons)), key=reasons.count) if reasons else "no number to mask")


def table(title: str, counts: Counter[str], rows: int) -> None:
    print(f"\n{title}")
    for word, n in counts.most_common():
        print(f"  {n:6,}  {100 * n / rows:5.1f} %  {word}")
    print(
        f"  {sum(counts.values()):6,}  100.0 %  of {rows:,}: {'adds up' if sum(counts.values()) == rows else 'DOES NOT ADD UP'}"
    )


def judged(made: list[Made]) -> None:
    """Everything made, under the judge's own eyes: the answer and every step."""
    from mathdata.verifiers import check_steps, judge

    wrong = [m for m in made if not judge(m["answer"], m["solution"]).ok]
    false = [(m, check_steps(m["solution"])) for m in made]
    false = [(m, r) for m, r in false if r.false]
    print(f"\njudge: {len(made):,} made rows, {len(wrong)} wrong answers, {len(false)} with a step it calls false")
    for m, report in false[:12]:
        print("   ", report.first_false, "|", m["solution"][:160].replace("\n", " / "))
    for m in wrong[:8]:
        print("    wrong:", m["answer"], "|", m["solution"][-160:].replace("\n", " / "))


def read_by_eye(rows: list[tuple[int, Made]], n: int, seed: int) -> None:
    for line, made in random.Random(seed).sample(rows, n):
        print(f"\n[{line}] {made['problem']}")
        print("   | " + strip_annotations(made["solution"]).replace("\n", "\n   | "))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every Nth row")
    parser.add_argument("--judge", action="store_true", help="also grade everything with the judge")
    parser.add_argument("--review", action="store_true", help="list the rows that contradict themselves")
    parser.add_argument("--read", type=int, default=0, help="print N variations and N backward questions to read")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rows = load(args.every)
    figures = {name: Counter() for name in ("replay", "variation", "backward")}
    varied: list[tuple[int, Made]] = []
    asked: list[tuple[int, Made]] = []
    both = 0
    start = time.process_time()
    for n, row in rows:
        try:
            graph = tie(row["question"], row["answer"])
        except Unsupported as e:
            for counts in figures.values():
                counts[e.word] += 1
            continue
        figures["replay"]["replayed"] += 1
        first, second = variation(graph, f"{args.seed}|{n}"), question(graph, f"{args.seed}|{n}")
        for name, made, kept in (("variation", first, varied), ("backward", second, asked)):
            figures[name][name if isinstance(made, Made) else made] += 1
            if isinstance(made, Made):
                kept.append((n, made))
        both += isinstance(first, Made) and isinstance(second, Made)
    spent = time.process_time() - start
    total = len(rows)
    for name, counts in figures.items():
        table(name, counts, total)
    reached = {
        "replayed": figures["replay"]["replayed"],
        "variation": len(varied),
        "backward": len(asked),
        "both": both,
    }
    print()
    for name, count in reached.items():
        print(f"{name:10} {count:6,}  {100 * count / total:5.1f} %   bar {BARS[name]} %")
    print(f"speed      {total / spent:6.0f}  rows/s on one core (variation + backward question)   bar {SPEED}")
    if args.judge:
        judged([m for _, m in varied + asked])
    if args.review:
        for n, row in rows:
            if (find := review(row["question"], row["answer"])) is not None:
                print(f"train.jsonl:{n}  {find.kind}  {find.why}")
    if args.read:
        read_by_eye(varied, args.read, args.seed)
        read_by_eye(asked, args.read, args.seed)


if __name__ == "__main__":
    main()
