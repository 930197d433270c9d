"""lm-eval's own filters, metric and minerva_math code on given responses; runs inside lm-eval's environment.

    python bench/peer_lm_eval.py compare PYTHON    # here: our copy of its rules beside it, item by item, and the group

PYTHON is the interpreter of an environment with `lm-eval[math]`.
"""

from __future__ import annotations

import json
import subprocess
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


def compare(python: str) -> None:
    """Real responses and built ones through both: agreement for each metric, and both group figures with their errors."""
    import polars as pl
    from evaluate import math_responses, outputs, peer

    from mathdata.benchmarks import get_benchmark
    from mathdata.leaderboard import lm_eval_figures
    from mathdata.verifiers.minerva import gsm8k_scores, minerva_scores

    for key, rows in outputs().items():
        name = key.split("|")[1]
        known = {r["id"]: r for r in get_benchmark(name).load().to_dicts()}
        rows = [r | {"gold": known[r["item"]]["answer"], "solution": known[r["item"]].get("solution")} for r in rows]
        if name == "gsm8k":
            theirs = peer(python, "gsm8k", rows)["scores"]
            mine = [gsm8k_scores(r["gold"], r["response"]) for r in rows]
            same = {
                w: sum(a[w] == bool(b[k]) for a, b in zip(mine, theirs))
                for w, k in (("strict-match", "strict"), ("flexible-extract", "flexible"))
            }
        else:
            rows = [r | {"solution": r["solution"] or f"$\\boxed{{{r['gold']}}}$"} for r in rows]
            theirs, mine = peer(python, "minerva", rows)["scores"], minerva_scores(rows)
            same = {w: sum(a[w] == bool(b[w]) for a, b in zip(mine, theirs)) for w in ("exact_match", "math_verify")}
        print(f"{key}: {len(rows)} responses, the same verdict on {same}", flush=True)
    subjects = {r["problem"]: r["subject"] for r in get_benchmark("math").load().to_dicts()}
    rows = [r | {"subject": s, "sample": 0} for r, s in zip(math_responses(), subjects.values())]
    frame = pl.DataFrame(rows).select("subject", "gold", "solution", "response", "sample")
    ours = (lm_eval_figures(get_benchmark("math"), frame) or {})["group"]["minerva_math"]["metrics"]
    for row, scores in zip(rows, peer(python, "minerva", rows)["scores"]):
        row["theirs"] = scores
    theirs = group(python, [(r["subject"], r["theirs"]) for r in rows])
    for metric in ("exact_match", "math_verify"):
        o, t = ours[f"{metric},none"], theirs[metric]
        print(
            f"group of {len(rows)}: {metric} {o['value']:.4f} +- {o['stderr']:.4f} here, {t[0]:.4f} +- {t[1]:.4f} by lm-eval"
        )


def group(python: str, scored: list[tuple[str, dict[str, float]]]) -> dict[str, list[float]]:
    """lm-eval's own aggregation of its scores: the value and the pooled standard error."""
    done = subprocess.run(
        [python, __file__, "group"], input=json.dumps(scored), capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def aggregate() -> None:
    from lm_eval.api.metrics import aggregate_subtask_metrics, mean_stderr, pooled_sample_stderr

    scored, out = json.load(sys.stdin), {}
    for metric in ("exact_match", "math_verify"):
        parts: dict[str, list[float]] = {}
        for subject, scores in scored:
            parts.setdefault(subject, []).append(scores[metric])
        sizes = [len(p) for p in parts.values()]
        value = aggregate_subtask_metrics([sum(p) / len(p) for p in parts.values()], sizes)
        out[metric] = [value, float(pooled_sample_stderr([mean_stderr(p) for p in parts.values()], sizes))]
    print(json.dumps(out))


def main() -> None:
    if sys.argv[1] == "compare":
        return compare(sys.argv[2])
    if sys.argv[1] == "group":
        return aggregate()
    task = {"gsm8k": gsm8k, "minerva": minerva}[sys.argv[1]]
    rows = [json.loads(line) for line in sys.stdin]
    task(rows[:5])  # imports and caches are not counted
    start = time.perf_counter()
    scores = task(rows)
    print(json.dumps({"seconds": time.perf_counter() - start, "scores": scores}))


if __name__ == "__main__":
    main()
