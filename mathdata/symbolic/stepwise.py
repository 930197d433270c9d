"""A GSM8K solution rewritten as `## Step 1: …`, with the conclusion sentence and the box."""

from __future__ import annotations

from typing import Any

from mathdata.symbolic import chinese
from mathdata.symbolic.solution import Solution, Step
from mathdata.symbolic.tie import Graph
from mathdata.symbolic.vary import Made
from mathdata.symbolic.write import decimal, render
from mathdata.worked import strip_annotations

__all__ = ["CLOSING", "stepwise"]

CLOSING = "Therefore, the final answer is: $\\boxed{{{}}}$. I hope it is correct."
_VERBS = {"+": "Add {}", "*": "Multiply {}", "-": "Subtract {1} from {0}", "/": "Divide {0} by {1}"}


def stepwise(graph: Graph) -> Made:
    """The same question; the solution in numbered steps, each headed by what is done in it."""
    s, zh = graph.solution, graph.question.chinese
    lines = s.text[: s.text.rindex("####")].split("\n")
    by_line: dict[int, list[Step]] = {}
    for step in s.steps:
        by_line.setdefault(step.line, []).append(step)
    blocks: list[tuple[str, list[str]]] = []
    waiting: list[str] = []
    for n, line in enumerate(lines):
        text = " ".join(strip_annotations(line).split())
        if not text:
            continue
        waiting.append(text)
        if n in by_line:
            blocks.append((_title(s, by_line[n], zh), waiting))
            waiting = []
    blocks[-1][1].extend(waiting)
    head, closing = ("## 步骤 {}：{}\n", chinese.CLOSING) if zh else ("## Step {}: {}\n", CLOSING)
    parts = [head.format(i, title) + "\n".join(body) for i, (title, body) in enumerate(blocks, 1)]
    answer = decimal(s.gold) or ""
    return Made(
        problem=graph.question.text, solution="\n\n".join([*parts, closing.format(answer)]), answer=answer, exact=answer
    )


def _title(s: Solution, steps: list[Step], zh: bool) -> str:
    titles = list(dict.fromkeys(_describe(s, step, zh) for step in steps))
    first, *rest = titles[:2]
    if zh:
        return "，再".join([first, *rest])
    return ", then ".join([first, *(t[0].lower() + t[1:] for t in rest)])


def _describe(s: Solution, step: Step, zh: bool) -> str:
    """`Divide 48 by 2`; a longer calculation is written out."""
    values = [decimal(s.slots[k].value) or "" for k in step.slots]
    tree = step.tree
    if type(tree) is not int and tree[0] in _VERBS:
        leaves = _flat(tree, tree[0])
        written = [values[k] for k in leaves] if leaves is not None else []
        if zh and len(written) >= 2:
            return chinese.VERBS[tree[0]].format(*([chinese.listed(written)] if tree[0] in "+*" else written))
        if tree[0] in "+*" and len(written) >= 2:
            joined = ", ".join(written[:-1])
            return _VERBS[tree[0]].format(
                f"{joined} {'and' if tree[0] == '+' or len(written) > 2 else 'by'} {written[-1]}"
            )
        if tree[0] in "-/" and len(written) == 2:
            return _VERBS[tree[0]].format(*written)
    text = render(tree, values)
    verb = "计算" if zh else "Calculate"
    return f"{verb} {text}" if len(text) <= 60 else verb


def _flat(node: Any, op: str) -> list[int] | None:
    """The leaves of a pure sum or product (of a plain difference or quotient); None where other signs occur."""
    if type(node) is int:
        return [node]
    if node[0] != op or len(node) != 3:
        return None
    if op in "-/" and not all(type(n) is int for n in node[1:]):
        return None
    left, right = _flat(node[1], op), _flat(node[2], op)
    return None if left is None or right is None else [*left, *right]
