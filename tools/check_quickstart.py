"""Check what `mathdata run quickstart --json` printed: the loop must have helped, and the ledger must balance."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(path: str) -> None:
    run = json.loads(Path(path).read_text(encoding="utf-8"))
    for name, arm in run["arms"].items():
        print(f"{name:10} accuracy {arm['accuracy']:.3f}  format {arm['format_accuracy']:.3f}  n {arm['n']}")
    print(f"difference {run['difference']}  seconds {run['seconds']}")
    for entry in run["ledger"]:
        assert entry["rows_in"] + entry["created"] == entry["kept"] + sum(entry["rejected"].values()), entry
    for fault in run["planted"]:
        assert fault["missed"] == fault["wrongly"] == 0, fault
    assert run["arms"]["before"]["accuracy"] <= 0.05
    assert run["arms"]["curated"]["accuracy"] >= 0.9
    for pair in run["comparisons"]:
        print(f"{pair['before']} -> {pair['after']}: {pair['points']:+.1f} [{pair['low']:+.1f}, {pair['high']:+.1f}]")
    gain = next(c for c in run["comparisons"] if (c["before"], c["after"]) == ("raw_cot", "curated"))
    assert gain["points"] >= 20
    assert gain["p"] < 0.01


if __name__ == "__main__":
    main(sys.argv[1])
