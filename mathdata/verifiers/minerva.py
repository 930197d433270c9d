"""lm-eval's own rules, for figures that stand beside published ones: GSM8K's two filters, minerva_math's two metrics.

The rules are lm-eval's (0.4.13), the process is ours: SymPy reads formulas in a child with a time limit for each item and
a memory ceiling, started with `python -m mathdata.verifiers.minerva`. Nothing of a text is executed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mathdata.children import environment, python

__all__ = ["gsm8k_scores", "minerva_answer", "minerva_scores", "normalised"]

LIMIT = 5
"""Seconds for one comparison, as there."""

INVALID = "[invalidanswer]"
_STRICT = re.compile(r"#### (\-?[0-9\.\,]+)")
_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
_FINAL = re.compile(r"Final Answer: The final answer is(.*?). I hope it is correct.")

_REPLACED = (
    ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), (r"\ ", ""), (" ", ""), ("mbox", "text"), (",\\text{and}", ","),
    ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
)  # fmt: skip
_UNITS = (
    "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", "\\ldots", "sue", "points",
    "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students",
    "childrentickets", "multiples", "\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}",
    "\\text{}", r"\mathrm{th}", r"^\circ", r"^{\circ}", r"\;", r",\!", "{,}", '"', "\\dots",
)  # fmt: skip
_SHAPES = (
    (r"(.*?)(\$)(.*?)(\$)(.*)", r"$\3$"), (r"(\\text\{)(.*?)(\})", r"\2"), (r"(\\textbf\{)(.*?)(\})", r"\2"),
    (r"(\\overline\{)(.*?)(\})", r"\2"), (r"(\\boxed\{)(.*)(\})", r"\2"), (r"(frac)([^{])(.)", r"frac{\2}{\3}"),
    (r"(sqrt)(\[[^\]]*\])(\w)", r"\1\2{\3}"), (r"(sqrt)(?!\[)([^{])", r"sqrt{\2}"),
)  # fmt: skip


def gsm8k_scores(gold: str, response: str) -> dict[str, bool]:
    """Strict: the number after `#### `; flexible: the last number anywhere. Equal as texts without commas and dollars.

    >>> gsm8k_scores("1,250", "It is 1250 dollars.")
    {'strict-match': False, 'flexible-extract': True}
    """
    first, every = _STRICT.search(response), _FLEXIBLE.findall(response)
    last = next((part for part in every[-1] if part), "") if every else ""
    found = {"strict-match": first[1].strip() if first else INVALID, "flexible-extract": last.strip() or INVALID}
    return {name: _bare(text) == _bare("#### " + gold) for name, text in found.items()}


def _bare(text: str) -> str:
    for pattern in (",", r"\$", "(?s).*#### ", r"\.$"):
        text = re.sub(pattern, "", text)
    return text.lower()


def minerva_answer(response: str) -> str:
    """What stands in the closing sentence of the Minerva prompt; no other sentence counts.

    >>> minerva_answer("Final Answer: The final answer is $\\\\frac12$. I hope it is correct.")
    '$\\\\frac12$'
    """
    found = _FINAL.search(response + "I hope it is correct.")
    return found[1].strip() if found else INVALID


def normalised(answer: str) -> str:
    """The normal form of appendix D of Lewkowycz et al. (2022) as lm-eval has it.

    >>> normalised("x = 3 inches"), normalised("1,000"), normalised("\\\\frac12")
    ('3', '1000', '\\\\frac{1}{2}')
    """
    answer = answer.split("=")[-1]
    words = [unit for unit in _UNITS if unit.isalpha()]
    for word in words:
        answer = re.sub(rf"(?<!\\)\b{word}\b", "", answer)
    for before, after in _REPLACED:
        answer = answer.replace(before, after)
    for unit in _UNITS:
        if unit.isalpha():
            parts = re.split(r"(\\[a-zA-Z]+)", answer)
            answer = "".join(p if i % 2 else p.replace(unit, "") for i, p in enumerate(parts))
        else:
            answer = answer.replace(unit, "")
    for pattern, to in _SHAPES:
        answer = re.sub(pattern, to, answer)
    answer = answer.replace("$", "")
    return answer.replace(",", "") if re.fullmatch(r"-?\d{1,3}(,\d{3})+", answer) else answer


def minerva_scores(rows: Sequence[Mapping[str, Any]], processes: int | None = None) -> list[dict[str, bool]]:
    """exact_match and math_verify of rows with `gold`, `solution` and `response`, in their order.

    An item that kills its process counts as not right and costs that item only.
    """
    asked = [
        {"said": normalised(minerva_answer(r["response"] or "")), "gold": normalised(r["gold"] or ""),
         "solution": r.get("solution") or f"$\\boxed{{{r['gold']}}}$", "response": r["response"] or ""}
        for r in rows
    ]  # fmt: skip
    workers = max(1, min(processes or os.cpu_count() or 1, len(asked) // 50 + 1))
    parts = [asked[i::workers] for i in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(_in_child, parts))
    return [done[i % workers][i // workers] for i in range(len(asked))]


def _in_child(asked: Sequence[Mapping[str, str]]) -> list[dict[str, bool]]:
    made: list[dict[str, bool]] = []
    while len(made) < len(asked):
        rest = asked[len(made) :]
        kept = {
            k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR", "SYSTEMROOT")
        }
        child = subprocess.run(
            python("mathdata.verifiers.minerva"), env=environment(kept, OMP_NUM_THREADS="1"),
            input="".join(json.dumps(a) + "\n" for a in rest), capture_output=True, text=True, check=False,
            timeout=60 + 4 * LIMIT * len(rest),
        )  # fmt: skip
        made += [json.loads(line) for line in child.stdout.splitlines() if line.startswith("{")][: len(rest)]
        if len(made) < len(asked) and child.returncode:
            made.append({"exact_match": False, "math_verify": False})
    return made


# --- the child ----------------------------------------------------------------------------------------------------


class _Late(Exception):
    pass


def _ring(signum: int, frame: Any) -> None:
    raise _Late


def _equal(said: str, gold: str) -> bool:
    """The same text, or a difference that SymPy simplifies to nothing within the limit."""
    if said and said == gold:
        return True
    if said == normalised(INVALID):
        return False
    import sympy
    from sympy.parsing.latex import _parse_latex_antlr as reader

    signal.signal(signal.SIGALRM, _ring)
    signal.alarm(LIMIT)
    try:
        return bool(sympy.simplify(reader.parse_latex(said) - reader.parse_latex(gold)) == 0)
    except Exception:  # whatever cannot be read, subtracted or simplified in time is not equal, as there
        return False
    finally:
        signal.alarm(0)


def _verified(solution: str, response: str) -> bool:
    from math_verify import parse, verify

    try:
        return bool(verify(gold=parse(solution), target=parse(response)))
    except Exception:
        return False


def main() -> None:
    """One JSON line in, one out, in order; the next line is read when this one is told."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not reach the answers
    from sympy.parsing.latex import _parse_latex_antlr as reader

    from mathdata.verifiers.worker import _limit_memory

    # SymPy's parser asks for one release of its runtime; the newer one reads the same tables (format 4).
    reader.version = lambda name: "4.11"
    _limit_memory()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told = {"exact_match": _equal(asked["said"], asked["gold"]),
                    "math_verify": _verified(asked["solution"], asked["response"])}  # fmt: skip
        except (MemoryError, RecursionError):
            told = {"exact_match": False, "math_verify": False}
        print(json.dumps(told), file=out)


if __name__ == "__main__":
    main()
