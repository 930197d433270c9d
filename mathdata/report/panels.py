"""The curves of a sweep over the steps of training: accuracy, tokens, format, truncation, length; a line a run and arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mathdata.report.charts import nice_ticks
from mathdata.report.markup import e
from mathdata.report.scaling import COLOURS, DASHES, STYLE

__all__ = ["FIGURES", "step_panels"]

FIGURES = (("answer_accuracy", "accuracy, %"), ("format_accuracy", "format, %"), ("truncated", "cut off, %"),
           ("length", "mean length, tokens"), ("token_accuracy", "tokens right, %"))  # fmt: skip
WIDE, HIGH, GAP, LEFT, TOP = 300, 170, 74, 54, 44
MOST = len(COLOURS) * len(DASHES)
"""Lines that can be told apart: of more, the rest stand in panels of their own below."""


def step_panels(rows: Sequence[Mapping[str, Any]]) -> str:
    """SVG of a panel a figure from rows with `label`, `step` and the figures; empty where nothing was asked on the way."""
    labels = list(dict.fromkeys(str(r["label"]) for r in rows))
    if not labels:
        return ""
    last, parts, top = max(int(r["step"]) for r in rows), [], 0
    for start in range(0, len(labels), MOST):
        block, high = _block(rows, labels[start : start + MOST], last)
        parts.append(f'<g transform="translate(0 {top})">{block}</g>')
        top += high
    box = f'viewBox="0 0 {LEFT + 2 * WIDE + GAP + 24} {top}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img"><style>{STYLE}</style>{"".join(parts)}</svg>\n'


def _block(rows: Sequence[Mapping[str, Any]], labels: Sequence[str], last: int) -> tuple[str, int]:
    """The panels of these lines with their names below, and the height they take; tokens where they were known."""
    told = any(r.get("token_accuracy") is not None for r in rows)
    known = [(field, unit) for field, unit in FIGURES if told or field != "token_accuracy"]
    parts = [
        _panel(i, unit, [(k, _line(rows, label, field)) for k, label in enumerate(labels)], last)
        for i, (field, unit) in enumerate(known)
    ]
    bottom = TOP + -(-len(known) // 2) * (HIGH + GAP)
    for k, label in enumerate(labels):
        y = bottom + 18 * k
        parts.append(f'<line {_ink(k)} stroke-width="2.4" x1="{LEFT}" x2="{LEFT + 34}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT + 42}" y="{y + 4}">{e(label)}</text>')
    return "".join(parts), bottom + 18 * len(labels) + 18


def _ink(k: int) -> str:
    """The colour of the k-th line, and its dashes where the colours are used up."""
    pattern = DASHES[k // len(COLOURS) % len(DASHES)]
    return f'stroke="{COLOURS[k % len(COLOURS)]}"' + (f' stroke-dasharray="{pattern}"' if pattern else "")


def _line(rows: Sequence[Mapping[str, Any]], label: str, field: str) -> list[tuple[float, float]]:
    scale = 1 if field == "length" else 100
    found = [(r["step"], scale * r[field]) for r in rows if str(r["label"]) == label and r.get(field) is not None]
    return sorted(found)


def _panel(i: int, unit: str, lines: Sequence[tuple[int, Sequence[tuple[float, float]]]], last: int) -> str:
    """One figure over the steps, its axes named."""
    x0, y0 = LEFT + (i % 2) * (WIDE + GAP), TOP + (i // 2) * (HIGH + GAP)
    values = [y for _, line in lines for _, y in line]
    ys, xs = nice_ticks(0, 100 if unit.endswith("%") else max([*values, 1.0])), nice_ticks(0, max(last, 1), 4)
    body = [f'<text x="{x0 - 36}" y="{y0 - 14}">{unit}</text>']
    for v in ys:
        y = y0 + HIGH * (1 - v / ys[-1])
        body.append(f'<line class="grid" x1="{x0}" x2="{x0 + WIDE}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(f'<text class="soft" x="{x0 - 8}" y="{y + 4:.1f}" text-anchor="end">{v:g}</text>')
    for v in xs:
        x = x0 + WIDE * v / xs[-1]
        body.append(f'<text class="soft" x="{x:.1f}" y="{y0 + HIGH + 18}" text-anchor="middle">{v:,.0f}</text>')
    body.append(f'<text class="soft" x="{x0 + WIDE}" y="{y0 + HIGH + 36}" text-anchor="end">step</text>')
    for k, line in lines:
        spots = " ".join(f"{x0 + WIDE * x / xs[-1]:.1f},{y0 + HIGH * (1 - y / ys[-1]):.1f}" for x, y in line)
        body.append(f'<polyline class="line" {_ink(k)} points="{spots}"/>' if spots else "")
    return "".join(body)
