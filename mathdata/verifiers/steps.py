"""Check every equation inside a worked solution, prose or LaTeX; say how many could be checked and which is false first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mathdata.verifiers.prose import prose_equations
from mathdata.verifiers.segments import segments
from mathdata.verifiers.sides import Equation

__all__ = ["Equation", "StepReport", "check_steps", "equations"]


@dataclass(frozen=True, slots=True)
class StepReport:
    """`seen` equations, `checked` of them, `false` of these; the first false one, and the last of all where it is false,
    as (text, span, why)."""

    seen: int
    checked: int
    false: int
    rounded: int
    first_false: tuple[str, tuple[int, int], str] | None
    last_false: tuple[str, tuple[int, int], str] | None = None


def check_steps(solution: str | None) -> StepReport:
    """Every equation of a solution, checked with exact arithmetic.

    >>> check_steps("48/2 = 25 clips, then 48+24 = 72").first_false
    ('48/2 = 25', (0, 9), '48/2 is 24, not 25')
    """
    seen = checked = false = rounded = 0
    first = last = None
    for e in equations(solution or ""):
        seen += 1
        last = e if last is None or e.span[1] >= last.span[1] else last
        if e.holds is None:
            continue
        checked += 1
        rounded += e.kind == "rounded"
        if not e.holds:
            false += 1
            if first is None or e.span < first[1]:
                first = (e.text, e.span, e.why)
    end = (last.text, last.span, last.why) if last is not None and last.holds is False else None
    return StepReport(seen, checked, false, rounded, first, end)


MAX_TEXT = 100_000
_SIGNS = ("=", "≈", "＝", "等", "equals")
_LATEX = re.compile(r"\\[A-Za-z(\[]")


def equations(text: str) -> Iterator[Equation]:
    """The equations of a text in order of their kind: annotations, formulas, prose."""
    if len(text) > MAX_TEXT or not any(c in text for c in _SIGNS):
        return
    prose = text
    if "<<" in text:
        yield from _annotations(text)
        prose = _ANNOTATION.sub(lambda m: "\u0001" * len(m.group()), prose)
    if _LATEX.search(text):
        from mathdata.verifiers.formulas import formula_equations

        spans = list(segments(prose))
        for begin, end in spans:
            yield from formula_equations(prose[begin:end], begin, text[end : end + 14])
        prose = _without(prose, spans)
    if any(c in prose for c in _SIGNS):  # most LaTeX solutions keep all of theirs inside the formulas
        yield from prose_equations(prose, text)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with its formulas blanked, every place kept."""
    out, at = [], 0
    for begin, end in spans:
        out += [text[at:begin], "\u0002" * (end - begin)]
        at = end
    return "".join([*out, text[at:]])


_ANNOTATION = re.compile(r"<<([^<>\n]{1,400})>>")


def _annotations(text: str) -> Iterator[Equation]:
    for match in _ANNOTATION.finditer(text):
        for e in prose_equations(match.group(1), match.group(1)):
            start = match.start(1)
            yield Equation(e.text, (e.span[0] + start, e.span[1] + start), e.holds, e.kind, e.why)
