"""The scaling plot of a sweep: accuracy with intervals over what was varied, a line for each arm, value and benchmark."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mathdata.report.charts import nice_ticks
from mathdata.report.markup import e

__all__ = ["COLOURS", "DASHES", "STYLE", "scaling_plot", "short_names"]

Row = Mapping[str, Any]

WIDE, HIGH = 570, 304
"""The field inside the axes; names of lines stand to its right, as wide as the longest, and it grows with their number."""
LEFT, TOP, BOTTOM = 58, 52, 98
APART = 16
"""Between two names of lines."""
COLOURS = ("#0b62a8", "#c77700", "#8a56a3", "#00866b", "#c4501b", "#85888f")
DASHES = ("", "6 4", "2 3", "9 3 2 3")
"""Of lines that share a colour: with the colours 24 that differ."""
STYLE = """
svg{background:#fbfaf6;font:13.5px system-ui,-apple-system,"Segoe UI","Noto Sans",Arial,sans-serif}
text{fill:#1b1c1e}.soft{fill:#5c5f66}.note{fill:#5c5f66;font-size:12px}.grid{stroke:#e0ddd4}
.line{fill:none;stroke-width:2.4;stroke-linejoin:round}.band{opacity:.12}.mark{stroke:#fbfaf6;stroke-width:1.5}
.level{stroke-width:1.8;stroke-dasharray:7 5}.lead{stroke-width:1;opacity:.45}
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: points of (x, mean, low, high) in percent, by x; a level (a model before training) has no x."""

    name: str
    points: list[tuple[float, float, float, float]]
    level: bool = False
    about: str = ""
    """Its name without the arm: a level has the colour of the trained line about the same model and benchmark."""


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Each key by its last part, where no other key ends alike; of joined keys the first.

    >>> short_names(["train.lora.rank", "train.seed"]), short_names(["a.n", "b.n"])
    ({'train.lora.rank': 'rank', 'train.seed': 'seed'}, {'a.n': 'a.n', 'b.n': 'b.n'})
    """
    last = {k: k.partition(",")[0].rpartition(".")[2] for k in keys}
    return {k: v if list(last.values()).count(v) == 1 else k for k, v in last.items()}


def scaling_plot(rows: Sequence[Row], keys: Sequence[str]) -> str:
    """SVG of accuracy over the rows trained on, else over the first varied number; empty where nothing is a number.

    `rows`: a sweep's table; each benchmark (`NAME_accuracy` with `NAME_n`) has lines of its own. Arms without
    training are level lines. Seeds are averaged. No line is left out.
    """
    names = benchmarks(rows)
    trained = [r for r in rows if r.get("rows")] or list(rows)
    graded = [r for r in trained if any(r.get(f"{b}_accuracy") is not None for b in names)]
    key = next((k for k in varied(graded, keys) if numbers(graded, k) and not is_seed(k)), None)
    over = "rows" if more_rows(graded, keys, key) else key
    if over is None or not graded:
        return ""
    other = [k for k in varied(rows, keys) if k != (key or amount_key(graded, keys)) and not is_seed(k)]
    before = [r for r in rows if r not in trained]
    lines = lines_of(graded, names, over, other) + levels_of(before, names, other)
    xs = sorted({x for line in lines for x, *_ in line.points if not line.level})
    log = xs[0] > 0 and xs[-1] / xs[0] >= 8
    unit = "rows trained on" if over == "rows" else over.partition(",")[0]
    return draw(lines, xs, unit + (", log scale" if log else ""), log, note(graded, names, keys))


# --- what is drawn -----------------------------------------------------------------------------------------------


def benchmarks(rows: Sequence[Row]) -> list[str]:
    columns = dict.fromkeys(k for row in rows for k in row)
    return [
        k.removesuffix("_accuracy")
        for k in columns
        if k.endswith("_accuracy") and k[: -len("accuracy")] + "n" in columns
    ]


def is_seed(key: str) -> bool:
    return all(k.strip().rpartition(".")[2] in ("seed", "data_seed") for k in key.split(","))


def varied(rows: Sequence[Row], keys: Sequence[str]) -> list[str]:
    """The keys of the grid, those first that have several values here."""
    several = [k for k in keys if len({r[k] for r in rows}) > 1]
    return several or list(keys)


def numbers(rows: Sequence[Row], key: str) -> bool:
    return bool(rows) and all(isinstance(r[key], (int, float)) and not isinstance(r[key], bool) for r in rows)


def amount_key(rows: Sequence[Row], keys: Sequence[str]) -> str | None:
    """The varied key that decides how many rows an arm was trained on, all else alike: each value has its own number."""
    for key in varied(rows, keys):
        rest = [k for k in keys if k != key]
        groups: dict[Any, list[Any]] = {}
        for r in rows:
            groups.setdefault((r.get("arm"), *(r[k] for k in rest)), []).append(r.get("rows"))
        counts = list(groups.values())
        if all(None not in c and len(set(c)) == len(c) for c in counts) and max(map(len, counts)) > 1:
            return key
    return None


def more_rows(rows: Sequence[Row], keys: Sequence[str], key: str | None) -> bool:
    """Whether the first axis is the rows trained on: what was varied decides them, and grows with them if it is a number."""
    if not rows or any(r.get("rows") is None for r in rows):
        return False
    found = amount_key(rows, keys)
    return found is not None and found == (key or found)


def lines_of(rows: Sequence[Row], names: Sequence[str], over: str, others: Sequence[str]) -> list[Line]:
    """A line for each arm, each value of the other keys and each benchmark; several seeds by their lowest and highest."""
    found: dict[tuple[str, str], dict[float, list[Row]]] = {}
    whole = len({r.get("arm") for r in rows}) > 1 or not (others or len(names) > 1)
    for benchmark in names:
        for row in asked(rows, benchmark):
            about = label(row, benchmark, names, others)
            name = named(row, about) if whole else about
            found.setdefault((name, about), {}).setdefault(float(row[over]), []).append(figures(row, benchmark))
    return [
        Line(name, [(x, *spread(group)) for x, group in sorted(at.items())], about=about)
        for (name, about), at in found.items()
    ]


def levels_of(rows: Sequence[Row], names: Sequence[str], others: Sequence[str]) -> list[Line]:
    """A level line for each model that was asked without training; asked again at every point, it is drawn once."""
    found: dict[tuple[str, str], list[Row]] = {}
    for benchmark in names:
        for row in asked(rows, benchmark):
            about = label(row, benchmark, names, others)
            found.setdefault((named(row, about), about), []).append(figures(row, benchmark))
    return [Line(name, [(0.0, *spread(group))], True, about) for (name, about), group in found.items()]


def asked(rows: Sequence[Row], benchmark: str) -> list[Row]:
    return [row for row in rows if row.get(f"{benchmark}_accuracy") is not None]


def figures(row: Row, benchmark: str) -> Row:
    return {k: row.get(f"{benchmark}_{k}") for k in ("accuracy", "low", "high")}


def spread(group: Sequence[Row]) -> tuple[float, float, float]:
    """(mean, low, high) in percent: one run's own interval, over several runs their lowest and highest."""
    values = [100 * r["accuracy"] for r in group]
    if len(set(values)) == 1:
        return values[0], 100 * (group[0]["low"] or 0), 100 * (group[0]["high"] or 0)
    return sum(values) / len(values), min(values), max(values)


def label(row: Row, benchmark: str, names: Sequence[str], others: Sequence[str]) -> str:
    """What a line is about: what else was varied, and the benchmark where there are several."""
    short = short_names(others)
    parts = [str(row[k]) if isinstance(row[k], str) and "." not in k else f"{short[k]} {row[k]}" for k in others]
    return " · ".join(parts + ([benchmark] if len(names) > 1 else []))


def named(row: Row, about: str) -> str:
    return " · ".join(filter(None, (str(row["arm"]), about)))


def note(rows: Sequence[Row], names: Sequence[str], keys: Sequence[str]) -> str:
    """What the intervals are, and over how many problems each benchmark is."""
    seeds = next((len({r[k] for r in rows}) for k in keys if is_seed(k)), 1)
    if seeds > 1:
        return f"mean of {seeds} seeds, with the lowest and the highest"
    sizes = []
    for name in names:
        counts = sorted({r[f"{name}_n"] for r in rows if isinstance(r.get(f"{name}_n"), int)})
        told = " or ".join(f"{n:,}" for n in counts)
        sizes += [f"{told} problems" if len(names) == 1 else f"{told} of {name}"] if told else []
    over = f" over {' and '.join(sizes)}" if sizes else ""
    return f"one run a point, 95 % interval{over}; the chance of the training itself is not in it"


# --- drawing -----------------------------------------------------------------------------------------------------


def draw(lines: Sequence[Line], xs: Sequence[float], unit: str, log: bool, said: str) -> str:
    high = max(HIGH, APART * len(lines))
    width = LEFT + WIDE + 28 + max(90, round(7.4 * max(len(line.name) for line in lines)))
    ticks = nice_ticks(0, max(1.0, *(h for line in lines for *_, h in line.points)))

    def at_x(v: float) -> float:
        a, b, x = (math.log(n) for n in (xs[0], xs[-1], v)) if log else (xs[0], xs[-1], v)
        return LEFT + WIDE * (0.5 if a == b else (x - a) / (b - a))

    def at_y(v: float) -> float:
        return TOP + high * (1 - v / ticks[-1])

    body = axes(xs, ticks, at_x, at_y, unit, said, high)
    coloured = sorted(lines, key=lambda line: (line.level, not line.name.startswith("curated")))  # as in the report
    ends = names_at([at_y(line.points[-1][1]) for line in coloured], TOP, TOP + high)
    inks = inks_of(coloured)
    for i, line, y in zip(inks, coloured, ends):
        body += level(line, i, at_y) if line.level else series(line, i, at_x, at_y)
        last = LEFT + WIDE if line.level else at_x(line.points[-1][0])
        body += name_of(line, i, last, at_y(line.points[-1][1]), y)
    box = f'viewBox="0 0 {width} {TOP + high + BOTTOM}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img"><style>{STYLE}</style>{"".join(body)}</svg>\n'


def axes(
    xs: Sequence[float], ticks: Sequence[float], at_x: Callable[[float], float], at_y: Callable[[float], float],
    unit: str, said: str, high: int,
) -> list[str]:  # fmt: skip
    body = []
    for v in ticks:
        y = at_y(v)
        body.append(f'<line class="grid" x1="{LEFT}" x2="{LEFT + WIDE}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(f'<text class="soft" x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{v:g}</text>')
    shown: list[tuple[float, float]] = []
    for v in xs:  # points so close that their numbers would run into one another share one
        x, half = at_x(v), 4.0 * len(written(v)) + 4
        if not shown or x - half > shown[-1][0] + shown[-1][1]:
            shown.append((x, half))
            body.append(
                f'<text class="soft" x="{x:.1f}" y="{TOP + high + 22}" text-anchor="middle">{written(v)}</text>'
            )
    middle = LEFT + WIDE / 2
    body.append(f'<text x="{middle}" y="{TOP + high + 46}" text-anchor="middle">{e(unit)}</text>')
    for k, line in enumerate(said.split("; ")):
        y = TOP + high + 70 + 17 * k
        body.append(f'<text class="note" x="{middle}" y="{y}" text-anchor="middle">{e(line)}</text>')
    return [*body, f'<text x="18" y="{TOP - 24}">accuracy, %</text>']


def written(v: float) -> str:
    """
    >>> written(7473.0), written(1e-05), written(0.05)
    ('7,473', '1e-05', '0.05')
    """
    return f"{v:,.0f}" if v == int(v) else f"{v:g}"


def names_at(ys: Sequence[float], top: float, bottom: float) -> list[float]:
    """Where the lines' names stand: at their ends, moved so that no two run into one another and all are inside."""
    order = sorted(range(len(ys)), key=lambda i: ys[i])
    placed = [0.0] * len(ys)
    floor = top
    for rank, i in enumerate(order):
        room = bottom - APART * (len(ys) - 1 - rank)  # what those below will need
        placed[i] = min(max(ys[i], floor), max(room, floor))
        floor = placed[i] + APART
    return placed


def inks_of(lines: Sequence[Line]) -> list[int]:
    """The number of each line's colour: a level has that of the only trained line about the same."""
    about = [line.about for line in lines if not line.level]
    return [about.index(x.about) if x.level and about.count(x.about) == 1 else i for i, x in enumerate(lines)]


def dash(i: int) -> str:
    pattern = DASHES[i // len(COLOURS) % len(DASHES)]
    return f' stroke-dasharray="{pattern}"' if pattern else ""


def mark(kind: int, x: float, y: float, colour: str) -> str:
    """A point: circle, square, triangle or diamond, so that lines are told apart without their colours too."""
    shapes = (((-5, -5), (5, -5), (5, 5), (-5, 5)), ((0, -6.5), (6, 5), (-6, 5)), ((0, -7), (7, 0), (0, 7), (-7, 0)))
    if kind % 4 == 0:
        return f'<circle class="mark" fill="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="5.5"/>'
    corners = " ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in shapes[kind % 4 - 1])
    return f'<polygon class="mark" fill="{colour}" points="{corners}"/>'


def series(line: Line, i: int, at_x: Callable[[float], float], at_y: Callable[[float], float]) -> list[str]:
    """Band, line, points with whiskers."""
    colour = COLOURS[i % len(COLOURS)]
    spots = [(at_x(x), at_y(m), at_y(lo), at_y(hi)) for x, m, lo, hi in line.points]
    around = [f"{x:.1f},{h:.1f}" for x, _, _, h in spots] + [f"{x:.1f},{lo:.1f}" for x, _, lo, _ in reversed(spots)]
    path = " ".join(f"{x:.1f},{m:.1f}" for x, m, _, _ in spots)
    made = [f'<polygon class="band" fill="{colour}" points="{" ".join(around)}"/>'] if len(spots) > 1 else []
    made.append(f'<polyline class="line" stroke="{colour}"{dash(i)} points="{path}"/>')
    for x, m, lo, hi in spots:
        made.append(
            f'<line stroke="{colour}" stroke-width="1.6" x1="{x:.1f}" x2="{x:.1f}" y1="{lo:.1f}" y2="{hi:.1f}"/>'
        )
        made.append(mark(i + i // len(COLOURS), x, m, colour))
    return made


def level(line: Line, i: int, at_y: Callable[[float], float]) -> list[str]:
    """A model before training: the same at every amount."""
    y = at_y(line.points[-1][1])
    colour = COLOURS[i % len(COLOURS)]
    return [f'<line class="level" stroke="{colour}" x1="{LEFT}" x2="{LEFT + WIDE}" y1="{y:.1f}" y2="{y:.1f}"/>']


def name_of(line: Line, i: int, x: float, y: float, at: float) -> list[str]:
    """The name beside the field, with a thin lead from the end of its line."""
    colour, right = COLOURS[i % len(COLOURS)], LEFT + WIDE + 22
    near = abs(at - y) < 1 and right - x < 30
    lead = (
        ""
        if near
        else f'<line class="lead" stroke="{colour}" x1="{x + 7:.1f}" x2="{right - 4}" y1="{y:.1f}" y2="{at:.1f}"/>'
    )
    return [lead, f'<text x="{right}" y="{at + 4:.1f}" style="fill:{colour}">{e(line.name)}</text>']
