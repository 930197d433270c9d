"""A run as the pipeline hands it over, small and with hostile text in every place that comes from outside."""

from __future__ import annotations

from typing import Any

from mathdata.figures import wilson
from mathdata.paired import mcnemar, minimum_detectable, paired_bootstrap

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><script>document.title='owned'</script>",
    "\"><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "$\\href{javascript:document.title='owned'}{x}$ and $\\url{javascript:alert(1)}$",
    "$\\includegraphics{http://127.0.0.1:9/x.png}$ $\\html{<b>}$ $\\style{color:red}{x}$",
    "<!--", "]]>", "\x1b[31mred\x07", "\u202eright to left", "{{constructor}}", "'; DROP TABLE",
)  # fmt: skip


def case(i: int, before: bool, after: bool, text: str = "", **more: Any) -> dict[str, Any]:
    flip = {(1, 1): "both_right", (0, 1): "fixed", (1, 0): "broken", (0, 0): "both_wrong"}[before, after]
    right = {True: "correct", False: "wrong"}
    return {
        "id": f"q{i}",
        "benchmark": "sums",
        "problem": f"Tom has {i} apples and buys {i}. How many? {text}",
        "gold": str(2 * i),
        "before": f"{i} + {i} = {2 * i + (not before)}\n#### {2 * i + (not before)} {text}",
        "after": f"Let $x = \\frac{{{2 * i}}}{{1}}$. {i} + {i} = {2 * i + (not after)}\n#### {2 * i + (not after)} {text}",
        "verdict_before": right[before],
        "verdict_after": right[after],
        "got_before": str(2 * i + (not before)),
        "got_after": str(2 * i + (not after)),
        "subject": "even" if i % 2 == 0 else "odd",
        "level": f"Level {i % 3}",
        "flip": flip,
        "why_before": None if before else "slip at step 1",
        "why_after": None if after else "wrong set-up",
        "why": None,
        "cut_before": i == 3,
        "cut_after": False,
        "slip_before": None if before else (0, 5),
        "slip_after": None,
    } | more


def comparison(before: str, after: str, cases: list[dict[str, Any]]) -> dict[str, Any]:
    count = {f: sum(c["flip"] == f for c in cases) for f in ("fixed", "broken", "both_right", "both_wrong")}
    difference = [(c["flip"] == "fixed") - (c["flip"] == "broken") for c in cases]
    low, high = paired_bootstrap(difference)
    n = len(cases)
    figures = {
        "n": n, "points": 100 * sum(difference) / n, "low": 100 * low, "high": 100 * high,
        "p": mcnemar(count["fixed"], count["broken"]), "test": "McNemar", **count,
        "mdd": 100 * minimum_detectable(n, 2 * min(count["fixed"], count["broken"]) / n), "why": {}, "seeds": [], "by": {},
        "accuracy_before": (count["both_right"] + count["broken"]) / n,
        "accuracy_after": (count["both_right"] + count["fixed"]) / n, "measures": {},
    }  # fmt: skip
    return {
        "before": before,
        "after": after,
        "benchmarks": {cases[0]["benchmark"]: figures},
        "differs": [],
        "cases": cases,
    }


def only(compared: dict[str, Any]) -> dict[str, Any]:
    """The figures of a comparison's one benchmark."""
    (figures,) = compared["benchmarks"].values()
    return figures


def said(compared: dict[str, Any]) -> list[dict[str, Any]]:
    """`differences` of report.json."""
    return [
        {"before": compared["before"], "after": compared["after"], "benchmark": name}
        | {k: f[k] for k in ("n", "points", "low", "high", "p")}
        for name, f in compared["benchmarks"].items()
    ]


def a_run(texts: tuple[str, ...] = (), n: int = 60) -> dict[str, Any]:
    """before 0 %, raw a third, curated nine tenths; `texts` stand wherever rows and names do."""
    words = texts or ("",)
    raw = [case(i, False, i % 3 == 0, words[i % len(words)]) for i in range(n)]
    curated = [case(i, i % 3 == 0, i % 10 != 9, words[i % len(words)]) for i in range(n)]
    pairs = [comparison("raw", "curated", curated), comparison("before", "raw", raw)]
    arms: dict[str, Any] = {}
    for name, right in (("before", 0), ("raw", n // 3), ("curated", n - n // 10)):
        low, high = wilson(right, n)
        by = {"subject": {s: {"n": n // 2, "accuracy": right / n} for s in ("even", "odd")}}
        figures = {
            "accuracy": right / n, "low": low, "high": high, "n": n, "format_accuracy": 1.0, "truncated": 0.0, "by": by,
        }  # fmt: skip
        arms[name] = {
            "benchmarks": {"sums": figures}, "rows": 5000, "tokens": 1_690_000, "steps": 1300, "seconds": 97.0, "about": words[0], "trained": name != "before",
            "loss": [] if name == "before" else [[s, 3.0 / (1 + s / 100)] for s in range(0, 1300, 10)],
            "allowed": ["unverified"] if name == "raw" else [],
        }  # fmt: skip
        if name != "before":
            arms[name]["evaluations"] = [
                {
                    "step": s,
                    "answer_accuracy": s / 2000,
                    "format_accuracy": 1.0,
                    "truncated": None,
                    "length": 40 + s / 100,
                }
                for s in (100, 500, 1300)
            ]
    rows = [{"id": "a1", "problem": t, "solution": t, "answer": t, "reject_why": f"twin {t}"} for t in words]
    ledger = [
        {"arm": "curated", "stage": "dedup", "options": {}, "rows_in": 900, "created": 0, "kept": 600, "seconds": 1.2,
         "rejected": {"exact-duplicate": 280, "near-duplicate": 20}, "figures": {}, "examples": {"exact-duplicate": rows}},
        {"arm": "curated", "stage": "decontaminate", "options": {}, "rows_in": 600, "created": 0, "kept": 590,
         "seconds": 1.0, "rejected": {"leak": 10}, "figures": {"benchmarks": {"sums": {"checked": 60, "matched": 4, "unsure": 0, "rows_matched": 10, "rows_unsure": 0}}}, "examples": {}},
        {"arm": "curated", "stage": "augment", "options": {}, "rows_in": 590, "created": 400, "kept": 900, "seconds": 2.0,
         "rejected": {"not-new": 90}, "figures": {
            "by_method": {words[0] or "step_cot": {"made": 400, "kept": 310, "rejected": {"not-new": 90}}},
            "unsupported": [{"method": "step_cot", "reason": words[-1] or "no step", "rows": 7}]}, "examples": {}},
    ]  # fmt: skip
    return {
        "name": words[0] or "sums", "seed": 42, "recipe": {"name": "sums", "about": words[0]}, "digest": "ab" * 32,
        "created": "2026-01-01T00:00:00Z", "seconds": 200.0, "versions": {"python": "3.11"}, "ledger": ledger, "arms": arms,
        "planted": [{"fault": "leak", "planted": 12, "found": 10, "missed": 1, "elsewhere": 1, "wrongly": 2, "stage": "d"}],
        "comparisons": pairs, "difference": said(pairs[0])[0], "differences": said(pairs[0]),
        "inputs": [words[0]],
    }  # fmt: skip


BENCHMARKS = (("gsm8k", 60), ("math", 30), ("squad", 12))


def many(arms: int = 10, benchmarks: tuple[tuple[str, int], ...] = BENCHMARKS) -> dict[str, Any]:
    """Ten arms on three benchmarks of different sizes: each better on the first, and worse on the second."""
    names = ["before", *(f"arm_{i}" for i in range(1, arms))]
    run: dict[str, Any] = a_run() | {"arms": {}, "comparisons": []}
    for i, name in enumerate(names):
        figures = {}
        for at, (bench, n) in enumerate(benchmarks):
            right = n // 3 if i == 0 else n // 3 + (n // 3, -n // 5, 1)[at]
            low, high = wilson(right, n)
            figures[bench] = {"accuracy": right / n, "low": low, "high": high, "n": n, "format_accuracy": 1.0}
        figures[benchmarks[-1][0]] |= {"metrics": {"EM": 0.25, "F1": 0.4375}}
        asked = [
            {"step": s, "benchmark": benchmarks[0][0], "n": 60, "answer_accuracy": s / 1000, "token_accuracy": 0.5,
             "format_accuracy": 1.0, "truncated": 0.0, "length": 40.0}
            for s in (0, 100, 200)
        ]  # fmt: skip
        run["arms"][name] = {"benchmarks": figures, "trained": i > 0, "evaluations": asked if i else None}
        if i:
            run["comparisons"].append(against("before", name, benchmarks))
    found = [d for c in run["comparisons"] for d in said(c)]
    return run | {"difference": found[0] if len(found) == 1 else None, "differences": found}


def against(before: str, after: str, benchmarks: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    """A comparison on several benchmarks; the last has F1 and EM."""
    made: dict[str, Any] = {"before": before, "after": after, "benchmarks": {}, "differs": [], "cases": []}
    for at, (bench, n) in enumerate(benchmarks):
        right = n // 3 + (n // 3, -n // 5, 1)[at]
        part = comparison(
            before,
            after,
            [case(i, i < n // 3, i < right) | {"benchmark": bench, "id": f"{bench}{i}"} for i in range(n)],
        )
        made["benchmarks"] |= part["benchmarks"]
        made["cases"] += part["cases"]
    last = made["benchmarks"][benchmarks[-1][0]]
    last["measures"] = {"accuracy": {"before": 0.25, "after": 0.25}, "F1": {"before": 0.4375, "after": 0.5625}}
    return made
