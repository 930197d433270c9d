"""Runs inside lm-eval's own environment: its filters, its metric and its minerva_math code on given responses."""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

warnings.filterwarnings("ignore")


def gsm8k(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """gsm8k.yaml, version 3: strict-match and flexible-extract, then exact_match with its regexes to ignore."""
    from lm_eval.api.metrics import exact_match_hf_evaluate
    from lm_eval.filters.extraction import RegexFilter

    ignore = [",", "\\$", "(?s).*#### ", "\\.$"]
    strict = RegexFilter(regex_pattern="#### (\\-?[0-9\\.\\,]+)")
    flexible = RegexFilter(regex_pattern="(-?[$0-9.,]{2,})|(-?[0-9]+)", group_select=-1)
    found = {name: [x[0] for x in f.apply([[r["response"]] for r in rows], rows)] for name, f in
             (("strict", strict), ("flexible", flexible))}  # fmt: skip
    out = []
    for i, row in enumerate(rows):
        scores = {}
        for name, got in found.items():
            made = exact_match_hf_evaluate(
                predictions=[got[i]], references=["#### " + row["gold"]], regexes_to_ignore=ignore, ignore_case=True
            )
            scores[name] = float(made["exact_match"])
        out.append(scores)
    return out


def minerva(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """minerva_math's process_results: exact_match (normalise + sympy) and math_verify."""
    from lm_eval.tasks.minerva_math import utils

    out = []
    for row in rows:
        doc = {"solution": row["solution"], "answer": utils.normalize_final_answer(row["gold"])}
        out.append({k: float(v) for k, v in utils.process_results(doc, [row["response"]]).items()})
    return out


def main() -> None:
    task = {"gsm8k": gsm8k, "minerva": minerva}[sys.argv[1]]
    rows = [json.loads(line) for line in sys.stdin]
    task(rows[:5])  # imports and caches are not counted
    start = time.perf_counter()
    scores = task(rows)
    print(json.dumps({"seconds": time.perf_counter() - start, "scores": scores}))


if __name__ == "__main__":
    main()
