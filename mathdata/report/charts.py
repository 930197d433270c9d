"""Inline SVG charts that keep their type size on any screen: positions in percent, text outside the scaling."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mathdata.report.markup import e, t, tag

__all__ = ["Axis", "bars", "curves", "dots", "duel", "histogram", "nice_ticks", "whiskers"]


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale with its ticks; `unit` is a key of the phrases."""

    low: float
    high: float
    ticks: tuple[float, ...]
    unit: str
    digits: int = 0

    def at(self, value: float) -> float:
        """Position in percent of the width."""
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(100 * min(max(share, 0.0), 1.0), 3)


def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Round tick values that cover [low, high].

    >>> nice_ticks(0, 100, 5)
    (0.0, 25.0, 50.0, 75.0, 100.0)
    """
    span = (high - low) or 1.0
    raw = span / max(count - 1, 1)
    base = 10 ** math.floor(math.log10(raw))
    step = next(base * m for m in (1, 2, 2.5, 5, 10) if base * m >= raw - 1e-12)
    first = math.floor(low / step + 1e-9) * step
    return tuple(round(first + i * step, 10) for i in range(math.ceil((high - first) / step - 1e-9) + 1))


def fitted(values: Sequence[float], unit: str, count: int = 5) -> Axis:
    """An axis around the values with round ends."""
    low, high = min(values), max(values)
    ticks = nice_ticks(low, high if high > low else low + 1, count)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
    digits = next(
        (d for d in range(8) if abs(round(step, d) - step) < 1e-9), 8
    )  # .25 needs two: 0.2 would be another place
    return Axis(ticks[0], ticks[-1], ticks, unit, digits)


PERCENT = Axis(0, 100, (0, 25, 50, 75, 100), "axis_accuracy")


def _grid(axis: Axis, height: str = "100%") -> str:
    return "".join(
        f'<line class="grid{" zero" if v == 0 and axis.low < 0 else ""}" x1="{axis.at(v)}%" x2="{axis.at(v)}%" '
        f'y1="0" y2="{height}"/>'
        for v in axis.ticks
    )


def _scale(axis: Axis) -> str:
    """The axis under a chart: tick labels and the unit."""
    labels = []
    for v in axis.ticks:
        at = axis.at(v)
        labels.append(f'<text x="{at}%" y="12" text-anchor="middle">{_number(v, axis.digits)}</text>')
    svg = f'<svg class="scale" width="100%" height="16" aria-hidden="true">{"".join(labels)}</svg>'
    return tag("div", "", "lab") + tag("div", svg + tag("div", t(axis.unit), "unit"), "plot") + tag("div", "", "val")


def _row(label: str, svg: str, value: str, css: str = "") -> str:
    return tag("div", label, f"lab {css}".strip()) + tag("div", svg, "plot") + tag("div", value, "val")


def _svg(content: str, height: int, label: str) -> str:
    return f'<svg width="100%" height="{height}" role="img" aria-label="{e(label)}">{content}</svg>'


def whiskers(rows: Sequence[tuple[str, str, float, float, float, str, str]], axis: Axis, label: str) -> str:
    """Point and interval: rows of (label markup, colour class, value, low, high, value markup, spoken)."""
    body = []
    for name, colour, value, low, high, shown, spoken in rows:
        x, a, b = axis.at(value), axis.at(low), axis.at(high)
        marks = (
            f'{_grid(axis)}<line class="stem {colour}" x1="{a}%" x2="{b}%" y1="22" y2="22"/>'
            f'<line class="cap {colour}" x1="{a}%" x2="{a}%" y1="16" y2="28"/>'
            f'<line class="cap {colour}" x1="{b}%" x2="{b}%" y1="16" y2="28"/>'
            f'<circle class="dot {colour}" cx="{x}%" cy="22" r="6"/>'
        )
        body.append(_row(name, _svg(marks, 44, spoken), shown))
    return tag("div", "".join(body) + _scale(axis), "chart", role="group", aria_label=label)


def dots(rows: Sequence[tuple[str, Sequence[tuple[str, float, str]], str]], axis: Axis, label: str) -> str:
    """Several points on one line: rows of (label markup, [(colour, value, spoken)], value markup)."""
    body = []
    for name, marks, shown in rows:
        values = [axis.at(v) for _, v, _ in marks]
        link = (
            f'<line class="link" x1="{min(values)}%" x2="{max(values)}%" y1="22" y2="22"/>' if len(values) > 1 else ""
        )
        circles = "".join(
            f'<circle class="dot {c}" cx="{axis.at(v)}%" cy="22" r="5"><title>{e(s)}</title></circle>'
            for c, v, s in marks
        )
        spoken = "; ".join(s for _, _, s in marks)
        body.append(_row(name, _svg(_grid(axis) + link + circles, 44, spoken), shown))
    return tag("div", "".join(body) + _scale(axis), "chart", role="group", aria_label=label)


def duel(rows: Sequence[tuple[str, str, float, str]], label: str) -> str:
    """Two shares as bars over one scale of percent: rows of (name markup, colour class, percent, value markup)."""
    body = [
        tag("div", tag("span", name) + tag("b", shown), "who")
        + _svg(
            f'{_grid(PERCENT)}<rect class="{colour}" x="0" y="3" width="{max(value, 0.4):.2f}%" height="12"/>', 18, ""
        )
        for name, colour, value, shown in rows
    ]
    return tag("div", "".join(body) + _scale_only(PERCENT), "duel", role="img", aria_label=label)


def bars(segments: Sequence[tuple[str, float, str]], top: float, height: int = 22) -> str:
    """One stacked bar: segments of (colour class, amount, spoken), `top` is the full width."""
    x, body = 0.0, []
    for colour, amount, spoken in segments:
        width = 100 * amount / (top or 1)
        if amount > 0:
            body.append(
                f'<rect class="{colour}" x="{x:.3f}%" width="{max(width, 0.15):.3f}%" height="{height}">'
                f"<title>{e(spoken)}</title></rect>"
            )
        x += width
    return _svg("".join(body), height, "; ".join(s for _, _, s in segments))


SHARES = ("axis_share", "axis_groups")
"""Units whose scale is 0 to 100 whatever is drawn."""


def curves(lines: Mapping[str, tuple[str, Sequence[Sequence[float]]]], x_unit: str, y_unit: str, label: str) -> str:
    """Lines over steps: name -> (colour class, [(x, y)]). The frame scales, strokes and type do not."""
    points = [p for _, line in lines.values() for p in line if all(map(math.isfinite, p[:2]))]
    if not points:
        return ""
    xs = fitted([0.0, max(p[0] for p in points)], x_unit)
    low, high = min(0.0, *(p[1] for p in points)), max(p[1] for p in points)
    ys = fitted([low, 100.0 if y_unit in SHARES else high], y_unit)

    def path(name: str, css: str, line: Sequence[Sequence[float]]) -> str:
        spots = " ".join(f"{10 * xs.at(x):.1f},{1000 - 10 * ys.at(y):.1f}" for x, y in line)
        return f'<polyline class="{css}" points="{spots}"><title>{e(name)}</title></polyline>'

    drawn = {name: (colour, _thin(line)) for name, (colour, line) in lines.items()}
    paths = [path(n, f"{c} faint", line) for n, (c, line) in drawn.items() if len(line) > SMOOTH]
    paths += [path(n, c, smoothed(line)) for n, (c, line) in drawn.items()]
    return _framed("".join(paths), ys, _scale_only(xs), label)


def _framed(marks: str, ys: Axis, under: str, label: str) -> str:
    """A field that scales with its marks, the scale of its height beside it and that of its width under it."""
    grid = "".join(
        f'<line class="grid" x1="0" x2="1000" y1="{1000 - 10 * ys.at(v)}" y2="{1000 - 10 * ys.at(v)}"/>'
        for v in ys.ticks
    )
    field = 'class="field" viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img"'
    frame = f'<svg {field} aria-label="{e(label)}">{grid}{marks}</svg>'
    left = "".join(
        f'<text x="100%" y="{100 - ys.at(v)}%" dy="0.32em" text-anchor="end">{_number(v, ys.digits)}</text>'
        for v in ys.ticks
    )
    side = f'<svg class="side" aria-hidden="true">{left}</svg>'
    parts = tag("div", t(ys.unit), "unit top") + side + frame + tag("div", "", "corner") + tag("div", under, "under")
    return tag("div", parts, "curves")


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace("-", "−").replace(",", "\u202f")


SMOOTH = 60
"""Points above which a line is drawn twice: thin as it is, thick as a running mean."""


def smoothed(line: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    """The running mean over a twentieth of the points on each side; short lines as they are."""
    if len(line) <= SMOOTH:
        return list(line)
    wide = len(line) // 40
    made: list[Sequence[float]] = []
    for i, (x, _) in enumerate(line):
        back = min(wide, i)
        ahead = back if i < wide else wide  # even at the beginning: no lag where the loss is steep
        part = [y for _, y in line[i - back : i + ahead + 1]]
        made.append((x, sum(part) / len(part)))
    return made


def histogram(bins: Sequence[float], series: Sequence[tuple[str, str, Sequence[int]]], x_unit: str, label: str) -> str:
    """Counts by bin, the series behind each other: rows of (colour class, name, counts), the largest first."""
    top = max((n for _, _, counts in series for n in counts), default=0)
    if not top:
        return ""
    ys, width = fitted([0.0, float(top)], "axis_rows"), 1000 / len(bins)
    marks = []
    for k, (colour, name, counts) in enumerate(series):
        inset = width * (0.12 + 0.13 * k)
        for i, n in enumerate(counts):
            high = 10 * ys.at(n)
            box = (
                f'x="{i * width + inset:.1f}" width="{width - 2 * inset:.1f}" y="{1000 - high:.1f}" height="{high:.1f}"'
            )
            marks.append(f'<rect class="{colour}" {box}><title>{e(name)}: {n}</title></rect>' if n else "")
    ends = Axis(-0.5, len(bins) - 0.5, tuple(range(len(bins))), x_unit)
    names = "".join(
        f'<text x="{ends.at(i)}%" y="12" text-anchor="middle">{100 * b:.0f}</text>' for i, b in enumerate(bins)
    )
    under = f'<svg class="scale" width="100%" height="16" aria-hidden="true">{names}</svg>'
    return _framed("".join(marks), ys, under + tag("div", t(x_unit), "unit"), label)


def _scale_only(axis: Axis) -> str:
    labels = []
    for v in axis.ticks:
        at = axis.at(v)
        labels.append(f'<text x="{at}%" y="12" text-anchor="middle">{_number(v, axis.digits)}</text>')
    return f'<svg class="scale" width="100%" height="16" aria-hidden="true">{"".join(labels)}</svg>' + tag(
        "div", t(axis.unit), "unit"
    )


def _thin(line: Sequence[Sequence[float]], most: int = 400) -> list[Sequence[float]]:
    """At most 400 points: the page need not carry every step."""
    good = [p for p in line if all(map(math.isfinite, p[:2]))]
    if len(good) <= most:
        return good
    step = (len(good) - 1) / (most - 1)
    return [good[round(i * step)] for i in range(most)]
