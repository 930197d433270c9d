"""The symbolic teacher over all of GSM8K train and MATH train: shares, reasons that add up, rows a second on one core.

MATHDATA_DATA=../shared/data python bench/symbolic.py [--every N] [--judge] [--read N --seed S] [--rephrase] [--math]
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
from mathdata.symbolic.formulas.rows import boxed, claim, math_row
from mathdata.symbolic.paraphrase import paraphrase
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


def rephrased(rows: list[tuple[int, dict[str, str]]], seed: int, read: int) -> None:
    """How many rows are put into other words, and why the others are not."""
    counts: Counter[str] = Counter()
    made: list[tuple[int, Made]] = []
    for n, row in rows:
        try:
            made.append((n, paraphrase(tie(row["question"], row["answer"]), f"{seed}|{n}")))
            counts["rephrased"] += 1
        except Unsupported as e:
            counts[e.word] += 1
    table("rephrase", counts, len(rows))
    if read:
        read_by_eye(made, read, seed)


def math(seed: int, grade: bool, read: int) -> None:
    """What is claimed of MATH by subject, what is made of it, and every row whose own answer says otherwise."""
    lines = (DATA / "math/train.jsonl").read_text(encoding="utf-8").splitlines()
    all_rows, claimed, families = Counter(), Counter(), Counter()
    made: dict[str, list[tuple[int, Made]]] = {"step_cot": [], "vary_numbers": [], "fobar": []}
    contradictions = []
    start = time.process_time()
    for n, line in enumerate(lines, 1):
        row = json.loads(line)
        all_rows[row["type"]] += 1
        for method, kept in made.items():
            try:
                found = math_row(method, row["problem"], boxed(row["solution"]), f"{seed}|{n}")
            except Unsupported as e:
                contradictions += [(n, e.detail)] if e.word == "contradiction" and method == "step_cot" else []
                continue
            if found is None:
                break
            kept.append((n, found))
            if method == "step_cot":
                claimed[row["type"]] += 1
                families[claim(row["problem"].strip())[0].name] += 1
    spent = time.process_time() - start
    total = sum(claimed.values())
    print(f"\nMATH train: {total:,} of {len(lines):,} rows claimed ({100 * total / len(lines):.1f} %), "
          f"{len(made['vary_numbers']):,} varied, {len(made['fobar']):,} asked backwards, "
          f"{len(contradictions)} contradict their own answer; {spent:.1f} s")  # fmt: skip
    for name, n in all_rows.most_common():
        print(f"  {claimed[name]:6,}  of {n:5,}  {100 * claimed[name] / n:5.1f} %  {name}")
    print("  " + ", ".join(f"{name} {n}" for name, n in families.most_common()))
    for n, why in contradictions:
        print(f"train.jsonl:{n}  {why}")
    if grade:
        judged([row for kept in made.values() for _, row in kept])
    if read:
        read_by_eye(made["vary_numbers"], read, seed)
        read_by_eye(made["fobar"], read // 2, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every Nth row")
    parser.add_argument("--judge", action="store_true", help="also grade everything with the judge")
    parser.add_argument("--review", action="store_true", help="list the rows that contradict themselves")
    parser.add_argument("--read", type=int, default=0, help="print N variations and N backward questions to read")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rephrase", action="store_true", help="rephrase only")
    parser.add_argument("--math", action="store_true", help="MATH only")
    args = parser.parse_args()
    if args.math:
        math(args.seed, args.judge, args.read)
        return
    rows = load(args.every)
    if args.rephrase:
        rephrased(rows, args.seed, args.read)
        return
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
    math(args.seed, args.judge, 0)


if __name__ == "__main__":
    main()
