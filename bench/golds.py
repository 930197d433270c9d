"""The golds of the public benchmarks at hand: which are read, and whether each is met by its own common spellings.

    python bench/golds.py [--show 40]

Data: MATHDATA_DATA (benchmarks/*.jsonl, *.parquet). Prints every gold that is not read as mathematics, and every
spelling (in dollars, in a box, with \\dfrac, with wider brackets, in a sentence) that does not meet its gold.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def golds(path: Path) -> Iterator[str]:
    """The golds of one file, as the file states them."""
    for row in rows(path):
        found = row.get("answer", row.get("final_answer"))
        if found is None and "reward_model" in row:
            found = row["reward_model"]["ground_truth"]
        if found is None and "solution" in row:
            from mathdata.verifiers import extract

            found = extract(row["solution"], "boxed").value
        for one in found if isinstance(found, list) else [found]:
            yield "" if one is None else str(one)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        import polars as pl

        yield from pl.read_parquet(path).iter_rows(named=True)
        return
    with path.open(encoding="utf-8") as f:
        for line in f:
            yield json.loads(line)


def spellings(gold: str) -> Iterator[str]:
    """The gold in spellings that mean the same."""
    bare = gold.strip().rstrip(".")
    if "\\$" not in bare and bare.count("$") % 2 == 0:
        bare = bare.replace("$", " ").strip()
    wide = bare.replace("\\left", "").replace("\\right", "")
    yield f"\\boxed{{{bare}}}"
    yield f"The answer is ${bare}$."
    displayed = bare.replace("\\frac", "\\dfrac")
    yield f"\\boxed{{{displayed}}}"
    yield f"\\boxed{{{wide}}}"
    spaced = bare.replace(",", ", ") if not bare.replace(",", "").isdigit() else bare
    yield f"\\boxed{{{spaced}}}"
    yield f"#### {bare}"


def main() -> None:
    from mathdata.verifiers import judge
    from mathdata.verifiers.judging import gold_of
    from mathdata.verifiers.values import read_value

    parser = argparse.ArgumentParser()
    parser.add_argument("--show", type=int, default=40)
    show = parser.parse_args().show
    folder = Path(os.environ.get("MATHDATA_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
    print(f"{'file':28} {'golds':>6} {'read':>6} {'words':>6} {'unread':>7} {'spellings':>10} {'met':>6}")
    unread, unmet = [], []
    for path in sorted([*folder.glob("*.jsonl"), *folder.glob("*.parquet")]):
        count = read = said = tried = met = 0
        for gold in golds(path):
            count += 1
            value = read_value(gold_of(gold) or "")
            read += value.tree is not None and not value.is_text
            said += value.is_text
            if value.tree is None or value.is_text:
                unread.append(f"{path.name}: {'words' if value.is_text else 'unread'}: {gold}")
            for spelling in spellings(gold):
                tried += 1
                ok = judge(gold, spelling).ok
                met += ok
                if not ok:
                    unmet.append(f"{path.name}: {gold} | {spelling}")
        print(f"{path.name:28} {count:6} {read:6} {said:6} {count - read - said:7} {tried:10} {met:6}")
    for title, found in (("not read as mathematics", unread), ("spellings not met", unmet)):
        print(f"\n{title}: {len(found)}")
        for line in found[:show]:
            print("  " + " ".join(line.split())[:160])


if __name__ == "__main__":
    main()
