"""The judge against Math-Verify, lm-eval's minerva check and string comparison: one mix, alternating, CPU per pair.

    python bench/judge.py [--pairs 20000] [--minerva /path/to/python-with-lm-eval]

The mix: half GSM8K, half MATH golds; half right variants, half wrong ones, each inside a response. Import and worker
start are counted. Data: MATHDATA_DATA (gsm8k/test.jsonl, math/*.jsonl); MATH golds are the boxes of the solutions.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


Pair = tuple[str, str, bool, str, str]
"""(gold, response, right, kind, the answer alone)."""


# -- the mix
def golds(root: Path) -> Iterator[tuple[str, str]]:
    from mathdata.verifiers import extract

    for name in ("gsm8k/test.jsonl", "gsm8k/train.jsonl"):
        with (root / name).open() as f:
            for line in f:
                yield "gsm8k", json.loads(line)["answer"].split("####")[1].strip()
    for name in ("math/test.jsonl", "math/train.jsonl"):
        with (root / name).open() as f:
            for line in f:
                value = extract(json.loads(line)["solution"], "boxed").value
                if value:
                    yield "math", value


SHELLS = (
    "Adding everything we get $\\boxed{%s}$.",
    "So the total follows. The answer is $%s$.",
    "Step 1: we simplify.\nStep 2: we solve, which gives 3 cases.\n\nFinal Answer: The final answer is $%s$. I hope it is correct.",
    "We check that 2 + 2 = 4 holds.\n#### %s",
    "Therefore\n\\[\n\\boxed{%s}\n\\]",
)
FRACTION = re.compile(r"\\[dt]?frac\{(-?\d+)\}\{(\d+)\}")
INTEGER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)")


def ends(denominator: int) -> bool:
    for p in (2, 5):
        while denominator % p == 0:
            denominator //= p
    return denominator == 1


def right_variants(gold: str, rng: random.Random) -> list[tuple[str, str]]:
    """(kind, spelling): other spellings of the same value, made by rules that know it."""
    out = [("as it is", gold)]
    if INTEGER.fullmatch(gold):
        plain = gold.replace(",", "")
        out += [
            ("point zero", plain + ".0"),
            ("unit", plain + rng.choice(["\\text{ cm}", " apples", "\\text{ units}", " dollars"])),
        ]
        out += [
            ("dollar", "\\$" + plain),
            ("assignment", "x = " + plain),
            ("doubled", f"\\frac{{{2 * int(plain)}}}{{2}}"),
        ]
        if abs(int(plain)) >= 1000:
            out += [("thousands", f"{int(plain):,}"), ("thin", f"{int(plain):,}".replace(",", "{,}"))]
        return out
    if match := FRACTION.fullmatch(gold):
        a, b = int(match[1]), int(match[2])
        out += [("slash", f"{a}/{b}"), ("dfrac", f"\\dfrac{{{a}}}{{{b}}}"), ("scaled", f"\\frac{{{3 * a}}}{{{3 * b}}}")]
        if ends(b):
            from decimal import Decimal

            out.append(("decimal", format((Decimal(a) / Decimal(b)).normalize(), "f")))
        if a > b:
            out.append(("mixed", f"{a // b}\\frac{{{a % b}}}{{{b}}}" if a % b else str(a // b)))
        return out
    if "\\frac" in gold:
        out.append(("dfrac", gold.replace("\\frac", "\\dfrac")))
        out.append(("tfrac", gold.replace("\\frac", "\\tfrac")))
    if "\\left" in gold:
        out.append(("no left", gold.replace("\\left", "").replace("\\right", "")))
    elif gold.startswith("(") and gold.endswith(")"):
        out.append(("left", "\\left" + gold[:-1] + "\\right)"))
    if "^\\circ" in gold:
        out += [("no degree", gold.replace("^\\circ", "")), ("degree sign", gold.replace("^\\circ", "°"))]
    if "\\text{" in gold and gold[0].isdigit() and gold.endswith("}") and gold.count("\\text") == 1 and "," not in gold:
        out.append(("no unit", gold[: gold.index("\\text")].strip()))
    if "\\%" in gold:
        out.append(("no percent", gold.replace("\\%", "")))
    if "pmatrix" in gold:
        out.append(("bmatrix", gold.replace("pmatrix", "bmatrix")))
    if re.fullmatch(r"[-\d]+(,\s*[-\d]+)+", gold) and not re.fullmatch(r"\d{1,3}(,\d{3})+", gold):
        items = [x.strip() for x in gold.split(",")]
        rng.shuffle(items)
        out.append(("shuffled", ", ".join(items)))
        out.append(("set", "\\{" + ", ".join(items) + "\\}"))
    out.append(("spaced", re.sub(r"([+,=])", r" \1 ", gold)) if "\\text" not in gold else ("as it is", gold))
    out += symbolic(gold)
    return out


def symbolic(gold: str) -> list[tuple[str, str]]:
    """Spellings by sympy of what its LaTeX parser reads: factored, expanded, plain text."""
    if (
        re.search(
            r"text|pmatrix|[=,<>]|\\(?:le|ge|in|cup|circ|infty|pm|%|\$)|_|overline|:|^[A-Z]+$|!|triangle|angle", gold
        )
        or len(gold) > 60
    ):
        return []
    import sympy
    from latex2sympy2_extended import latex2sympy

    try:
        e = latex2sympy(gold)
        forms = {"sympy latex": sympy.latex(e), "sympy text": str(e), "expanded": sympy.latex(sympy.expand(e))}
        if e.free_symbols:
            forms["factored"] = sympy.latex(sympy.factor(e))
        if not e.free_symbols and abs(complex(e.evalf()) - complex(sympy.expand(e).evalf())) > 1e-9:
            return []
    except Exception:
        return []
    return [(k, v) for k, v in forms.items() if "operatorname" not in v and "Symbol" not in v]


def wrong_variants(gold: str, rng: random.Random, others: list[str]) -> list[tuple[str, str]]:
    """(kind, spelling): values that differ from the gold."""
    out = []
    if INTEGER.fullmatch(gold):
        n = int(gold.replace(",", ""))
        out = [
            ("off by one", str(n + rng.choice([-1, 1]))),
            ("times ten", str(n * 10) if n else "1"),
            ("sign", str(-n) if n else "2"),
        ]
        out += [
            ("tenth", f"{n}.5"),
            ("fraction", f"\\frac{{{n}}}{{3}}" if n else "\\frac{1}{3}"),
            ("digits", str(n)[::-1] + "7"),
        ]
        return out
    digits = list(re.finditer(r"\d", gold))
    if digits:
        m = rng.choice(digits)
        out.append(
            ("digit", gold[: m.start()] + str((int(m[0]) + rng.randint(1, 8)) % 9 + (int(m[0]) == 9)) + gold[m.end() :])
        )
    if "\\sqrt" in gold and "\\sqrt{1}" not in gold:
        out.append(("no root", gold.replace("\\sqrt", "", 1)))
    if (
        not re.search(r"[+,-]", gold.replace("\\pm", ""))
        and re.match(r"[\d\\(]", gold)
        and not gold.startswith(("\\text", "(", "\\left", "\\begin", "\\{", "\\pm", "\\$"))
        and gold.strip("0")
    ):
        out.append(("sign", "-" + gold))
    if re.search(r"\(.*\]|\[.*\)|\[.*\]", gold) and "begin" not in gold and "sqrt[" not in gold:
        out.append(("bracket", gold.replace("]", ")") if "]" in gold else gold.replace("[", "(")))
    if "^" in gold and "circ" not in gold:
        out.append(("power", re.sub(r"\^\{?(\d)\}?", lambda m: "^{" + str(int(m[1]) + 1) + "}", gold, count=1)))
    if re.fullmatch(r"[-\d]+(,\s*[-\d]+)+", gold):
        out.append(("item lost", gold.rsplit(",", 1)[0]))
    if gold.startswith("(") and gold.count(",") == 1 and "," in gold and gold.endswith(")"):
        a, b = gold[1:-1].split(",")
        if a.strip() != b.strip() and a.count("(") == a.count(")"):
            out.append(("swapped", f"({b.strip()},{a.strip()})"))
    other = rng.choice(others)
    if re.sub(r"\W", "", other) != re.sub(r"\W", "", gold):
        out.append(("another's", other))
    return [(k, v) for k, v in out if v != gold]


def mix(root: Path, pairs: int, seed: int = 1) -> list[Pair]:
    """(gold, response, right, kind), half of each set, half right; wrong ones proved to differ where that can be told."""
    rng = random.Random(seed)
    by_set: dict[str, list[str]] = defaultdict(list)
    for name, gold in golds(root):
        by_set[name].append(gold)
    out: list[Pair] = []
    for name, values in by_set.items():
        for i in range(pairs // 2):
            gold = values[i % len(values)] if i < len(values) else rng.choice(values)
            right = i % 2 == 0
            variants = right_variants(gold, rng) if right else wrong_variants(gold, rng, values)
            if not variants:
                continue
            kind, value = rng.choice(variants)
            if not right and surely_same(gold, value):
                continue
            shell = rng.choice(SHELLS)
            out.append((gold, shell % value, right, f"{name} {kind}", value))
    rng.shuffle(out)
    return out


def surely_same(a: str, b: str) -> bool:
    """Whether the planted error left the value as it was (6/3 for 2, -0); a judge is not punished for seeing it."""
    from mathdata.verifiers import same

    if not same(a, b).ok:
        return False
    import sympy
    from latex2sympy2_extended import latex2sympy

    try:
        return bool(sympy.simplify(latex2sympy(a) - latex2sympy(b)) == 0)
    except Exception:
        return False


# -- the judges
def ours() -> Callable[[str, str], bool]:
    from mathdata.verifiers import judge

    return lambda gold, response: judge(gold, response).ok


def math_verify() -> Callable[[str, str], bool]:
    from math_verify import parse, verify

    return lambda gold, response: bool(verify(parse(f"${gold}$"), parse(response)))


def string() -> Callable[[str, str], bool]:
    return lambda gold, value: value.replace(" ", "") == gold.replace(" ", "")


JUDGES = {"mathdata": ours, "math-verify": math_verify, "string": string, "minerva": None}


ALONE = {"string", "minerva"}
"""Judges that are given the answer alone: they have no general extraction, and are not blamed for it here."""


def run_one(name: str, pairs: list[Pair]) -> dict[str, Any]:
    """CPU of one judge over the pairs, in this process and its children; its start apart."""
    import logging

    logging.disable(logging.CRITICAL)
    begin = sum(os.times()[:4])
    judge = MINERVA() if name == "minerva" else JUDGES[name]()
    judge("1", "1")
    start = sum(os.times()[:4]) - begin
    verdicts = []
    for gold, response, _, _, value in pairs:
        try:
            verdicts.append(bool(judge(gold, value if name in ALONE else response)))
        except Exception:
            verdicts.append(False)
    if name == "mathdata":
        from mathdata.verifiers.worker import shutdown

        shutdown()  # so that the workers' CPU is counted
    return {"start": start, "cpu": sum(os.times()[:4]) - begin - start, "verdicts": verdicts}


def MINERVA() -> Callable[[str, str], bool]:
    """lm-eval's own functions, as its minerva_math task grades (needs antlr 4.11: its own environment)."""
    from lm_eval.tasks.minerva_math.utils import is_equiv, normalize_final_answer

    return lambda gold, value: bool(is_equiv(normalize_final_answer(value), normalize_final_answer(gold)))


def child(name: str, python: str, pairs: list[Pair]) -> dict[str, Any]:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, __file__, "--child", name], input=json.dumps(pairs), capture_output=True, text=True, env=env
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=2_000, help="pairs for the slow peers")
    parser.add_argument("--minerva", help="a python that has lm_eval with antlr 4.11")
    parser.add_argument("--misses", type=int, default=0, help="print so many of our mistakes")
    parser.add_argument("--child")
    args = parser.parse_args()
    if args.child:
        print(json.dumps(run_one(args.child, json.load(sys.stdin))))
        return
    root = Path(os.environ.get("MATHDATA_DATA", ROOT.parent / "shared" / "data"))
    pairs = mix(root, args.pairs)
    names = ["mathdata", "math-verify", "string"] + (["minerva"] if args.minerva else [])
    total: dict[str, dict[str, Any]] = {
        n: {"cpu": 0.0, "start": [], "n": 0, "right": [0, 0], "wrong": [0, 0]} for n in names
    }
    misses: Counter[str] = Counter()
    parts = 2
    for part in range(parts):  # alternating, so that a busy machine hits all alike
        chunk = pairs[part::parts]
        for name in names:
            few = chunk if name in ("mathdata", "string") else chunk[: args.sample // parts]
            got = child(name, args.minerva if name == "minerva" else sys.executable, few)
            t = total[name]
            t["cpu"] += got["cpu"]
            t["start"].append(got["start"])
            t["n"] += len(few)
            for (gold, response, right, kind, _), ok in zip(few, got["verdicts"]):
                box = t["right" if right else "wrong"]
                box[0] += ok
                box[1] += 1
                if name == "mathdata" and ok != right:
                    misses[("accepted " if ok else "refused ") + kind] += 1
                    if args.misses:
                        args.misses -= 1
                        print("MISS", kind, repr(gold), repr(response[-160:]))
    # one start for the whole mix, however many pairs of it were run
    per = {n: total[n]["cpu"] / total[n]["n"] + min(total[n]["start"]) / len(pairs) for n in names}
    print(f"{'judge':12} {'pairs':>6} {'ms/pair':>8} {'times ours':>10} {'right accepted':>15} {'wrong accepted':>15}")
    for name in names:
        t = total[name]
        rates = [f"{100 * t[k][0] / max(1, t[k][1]):.2f} %" for k in ("right", "wrong")]
        print(
            f"{name:12} {t['n']:6} {1000 * per[name]:8.4f} {per[name] / per['mathdata']:10.1f} {rates[0]:>15} {rates[1]:>15}"
        )
    print("our mistakes by kind:", dict(misses.most_common(40)))


if __name__ == "__main__":
    main()
