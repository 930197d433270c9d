"""The step checker on real solutions: share of equations checked, recall on planted slips, rows it calls false.

    python bench/steps.py [--slips 500]

A slip: one result of one equation is changed, in the annotation and in the prose behind it; the rest stays as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

ANNOTATED = re.compile(r"<<([^<>=]+)=([^<>=]+)>>\s?([\d,.]*\d)?")
RESULT = re.compile(r"(?<=[\d)}%\s])(=\s*-?[$]?)(\d+(?:\.\d+)?)(?![\d.,]*\s*[-+*/^\\({\dx])")


def slip(number: str, rng: random.Random) -> str:
    """Another number of the same shape: off by one, a digit changed, ten times, two digits swapped."""
    digits = [i for i, c in enumerate(number) if c.isdigit()]
    kind = rng.choice(["one", "digit", "ten", "swap"])
    if kind == "one" and "." not in number:
        return str(int(number) + rng.choice([1, -1]) if int(number) else 1)
    if kind == "ten":
        return number + "0" if "." not in number else number.replace(".", "", 1)
    if kind == "swap" and len(digits) > 1:
        i, j = digits[0], digits[-1]
        if number[i] != number[j]:
            return number[:i] + number[j] + number[i + 1 : j] + number[i] + number[j + 1 :]
    i = rng.choice(digits)
    return number[:i] + str((int(number[i]) + rng.randint(1, 8)) % 10) + number[i + 1 :]


def different(a: str, b: str) -> bool:
    return float(a) != float(b)


def plant(text: str, rng: random.Random) -> str | None:
    """The text with one slip; None where no equation with a plain result stands in it."""
    spots = [m for m in ANNOTATED.finditer(text) if re.fullmatch(r"\d+(\.\d+)?", m[2])]
    if spots:
        m = rng.choice(spots)
        new = slip(m[2], rng)
        return text[: m.start()] + f"<<{m[1]}={new}>>{new}" + text[m.end() :] if different(m[2], new) else None
    spots = list(RESULT.finditer(text))
    if not spots:
        return None
    m = rng.choice(spots)
    new = slip(m[2], rng)
    return text[: m.start(2)] + new + text[m.end(2) :] if different(m[2], new) else None


def bare(text: str) -> str:
    return re.sub(r"<<[^<>]*>>", "", text)


def corpora(root: Path) -> Iterator[tuple[str, list[str]]]:
    def rows(name: str, field: str) -> list[str]:
        with (root / name).open(encoding="utf-8") as f:
            return [json.loads(line)[field] for line in f]

    gsm8k = rows("gsm8k/train.jsonl", "answer")
    yield "GSM8K train, annotated", gsm8k
    yield "GSM8K train, prose only", [bare(t) for t in gsm8k]
    yield "contest, worked (zh)", rows("seed_corpus/cot_7500.jsonl", "solution")
    yield "MATH train (LaTeX)", rows("math/train.jsonl", "solution")


def measure(name: str, texts: list[str], slips: int) -> dict[str, float]:
    from mathdata.verifiers import check_steps

    start = time.process_time()
    reports = [check_steps(t) for t in texts]
    seconds = time.process_time() - start
    rng = random.Random(3)
    clean = [t for t, r in zip(texts, reports) if r.seen and not r.false]
    found = planted = 0
    while planted < slips:
        changed = plant(rng.choice(clean), rng)
        if changed is None:
            continue
        planted += 1
        found += check_steps(changed).false > 0
    seen, checked = sum(r.seen for r in reports), sum(r.checked for r in reports)
    return {
        "rows": len(texts), "equations": seen, "checked": checked / max(1, seen), "rows with a false step": sum(r.false > 0 for r in reports),
        "rounded": sum(r.rounded for r in reports), "recall": found / slips, "ms per row": 1000 * seconds / len(texts),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--slips", type=int, default=500)
    args = parser.parse_args()
    root = Path(os.environ.get("MATHDATA_DATA", ROOT.parent / "shared" / "data"))
    for name, texts in corpora(root):
        figures = measure(name, texts, args.slips)
        print(f"{name:26}", {k: round(v, 4) for k, v in figures.items()})


if __name__ == "__main__":
    main()
