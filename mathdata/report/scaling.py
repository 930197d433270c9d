"""The scaling plot of a sweep: accuracy with intervals over what was varied, one line an arm; a standalone SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from mathdata.report.charts import nice_ticks
from mathdata.report.markup import e
from mathdata.types import Frame

__all__ = ["scaling_plot"]

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 58, 132, 52, 84
COLOURS = ("#0b62a8", "#c77700", "#8a56a3", "#00866b", "#c4501b", "#85888f")
STYLE = """
svg{background:#fbfaf6;font:13.5px system-ui,-apple-system,"Segoe UI","Noto Sans",Arial,sans-serif}
text{fill:#1b1c1e}.soft{fill:#5c5f66}.note{fill:#5c5f66;font-size:12px}.grid{stroke:#e0ddd4}
.line{fill:none;stroke-width:2.4;stroke-linejoin:round}.band{opacity:.12}.mark{stroke:#fbfaf6;stroke-width:1.5}
"""


def scaling_plot(table: Frame, keys: Sequence[str]) -> str:
    """SVG of accuracy over the first numeric key; empty where no key is numeric. Seeds are averaged."""
    key = next((k for k in keys if k in table.columns and table[k].dtype.is_numeric() and not k.endswith("seed")), None)
    graded = table.filter(pl.col("accuracy").is_not_null()) if "accuracy" in table.columns else table.head(0)
    if key is None or not graded.height:
        return ""
    others = [k for k in keys if k != key and not k.endswith("seed") and graded[k].n_unique() > 1]
    lines = _lines(graded, key, others)
    xs = sorted(graded[key].unique().to_list())
    log = xs[0] > 0 and xs[-1] / xs[0] >= 8
    return _draw(lines, xs, _named(graded, key) + (", log scale" if log else ""), log, _note(graded, keys))


def _named(table: Frame, key: str) -> str:
    """The first axis in words where it is the number of rows that each arm was trained on, else its key."""
    rows = "rows" in table.columns and (table["rows"] == table[key]).fill_null(False).all()
    return "rows trained on" if rows else key.partition(",")[0]


def _note(table: Frame, keys: Sequence[str]) -> str:
    """What the intervals are."""
    seeds = next((table[k].n_unique() for k in keys if k.endswith("seed") and k in table.columns), 1)
    if seeds > 1:
        return f"mean of {seeds} seeds, with the lowest and the highest"
    n = table["n"].max() if "n" in table.columns else None
    asked = f" over {n:,} problems" if isinstance(n, int) else ""
    return f"one run a point, 95 % interval{asked}; the chance of the training itself is not in it"


def _lines(table: Frame, key: str, others: Sequence[str]) -> dict[str, list[tuple[float, float, float, float]]]:
    """Series name -> [(x, mean, low, high)]: one run's own interval, over several seeds their lowest and highest."""
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    groups = table.sort(key).group_by(["arm", *others, key], maintain_order=True)
    for name, rows in groups:
        label = " · ".join([str(name[0]), *(f"{k.rpartition('.')[2]} {v}" for k, v in zip(others, name[1:-1]))])
        values = [100 * v for v in rows["accuracy"].to_list()]
        low, high = min(values), max(values)
        if len(values) == 1:
            low, high = 100 * rows["low"][0], 100 * rows["high"][0]
        found.setdefault(label, []).append((float(name[-1]), sum(values) / len(values), low, high))  # type: ignore[arg-type]
    return found


def _draw(
    lines: dict[str, list[tuple[float, float, float, float]]], xs: list[Any], unit: str, log: bool, note: str
) -> str:
    def at_x(v: float) -> float:
        a, b, x = (math.log(n) for n in (xs[0], xs[-1], v)) if log else (xs[0], xs[-1], v)
        return LEFT + (WIDTH - LEFT - RIGHT) * (0.5 if a == b else (x - a) / (b - a))

    top = max(h for line in lines.values() for *_, h in line)
    ticks = nice_ticks(0, max(top, 1))

    def at_y(v: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * v / ticks[-1]

    body = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><style>{STYLE}</style>']
    for v in ticks:
        y = at_y(v)
        body.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(f'<text class="soft" x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{v:g}</text>')
    for v in xs:
        body.append(
            f'<text class="soft" x="{at_x(v):.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle">{v:,}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    body.append(f'<text x="{middle}" y="{HEIGHT - BOTTOM + 46}" text-anchor="middle">{e(unit)}</text>')
    body.append(f'<text class="note" x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">{e(note)}</text>')
    body.append(f'<text x="18" y="{TOP - 24}">accuracy, %</text>')
    placed: list[float] = []
    ordered = sorted(lines.items(), key=lambda item: not item[0].startswith("curated"))  # its colour is the report's
    for i, (name, line) in enumerate(ordered):
        body += _series(name, line, i, at_x, at_y, placed)
    return "".join(body) + "</svg>\n"


def _mark(kind: int, x: float, y: float, colour: str) -> str:
    """A point: circle, square, triangle or diamond, so that lines are told apart without their colours too."""
    shapes = (((-5, -5), (5, -5), (5, 5), (-5, 5)), ((0, -6.5), (6, 5), (-6, 5)), ((0, -7), (7, 0), (0, 7), (-7, 0)))
    if kind % 4 == 0:
        return f'<circle class="mark" fill="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="5.5"/>'
    corners = " ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in shapes[kind % 4 - 1])
    return f'<polygon class="mark" fill="{colour}" points="{corners}"/>'


def _series(
    name: str, line: Sequence[tuple[float, ...]], i: int, at_x: Any, at_y: Any, placed: list[float]
) -> list[str]:
    """Band, line, points with whiskers, and the name at the line's end, moved where another stands."""
    colour = COLOURS[i % len(COLOURS)]
    spots = [(at_x(x), at_y(m), at_y(lo), at_y(hi)) for x, m, lo, hi in line]
    around = [f"{x:.1f},{h:.1f}" for x, _, _, h in spots] + [f"{x:.1f},{lo:.1f}" for x, _, lo, _ in reversed(spots)]
    path = " ".join(f"{x:.1f},{m:.1f}" for x, m, _, _ in spots)
    made = [f'<polygon class="band" fill="{colour}" points="{" ".join(around)}"/>'] if len(spots) > 1 else []
    made.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>')
    for x, m, lo, hi in spots:
        made.append(
            f'<line stroke="{colour}" stroke-width="1.6" x1="{x:.1f}" x2="{x:.1f}" y1="{lo:.1f}" y2="{hi:.1f}"/>'
        )
        made.append(_mark(i, x, m, colour))
    y = spots[-1][1]
    while any(abs(y - other) < 15 for other in placed):
        y -= 16
    placed.append(y)
    made.append(
        f'<text x="{spots[-1][0] + 12:.1f}" y="{y + 4:.1f}" fill="{colour}" style="fill:{colour}">{e(name)}</text>'
    )
    return made
