"""One row under the judge: its answer against the gold or against the problem recomputed, and its steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from mathdata.types import Verdict
from mathdata.verifiers.cleaning import clean
from mathdata.verifiers.equality import compare
from mathdata.verifiers.extraction import Extraction, extract
from mathdata.verifiers.judging import gold_of, judge
from mathdata.verifiers.precision import NEVER
from mathdata.verifiers.quantities import split_unit
from mathdata.verifiers.steps import StepReport, check_steps
from mathdata.verifiers.values import read_value

__all__ = ["Checked", "check_row"]

NO_RESPONSE = "no response to judge"
NO_GOLD = "nothing to check against: no gold answer, and no family recomputes it"


@dataclass(frozen=True, slots=True)
class Checked:
    """What the judge found in a row; `proved`: the truth was recomputed from the problem itself."""

    verdict: Verdict | None
    reason: str
    step_errors: int | None = None
    false_step: str | None = None
    proved: bool = False
    disproved: bool = False
    """The row's own last step is false: its arithmetic contradicts its answer."""
    steps: tuple[int, int] = (0, 0)
    """Equations seen, equations checked."""

    def packed(self) -> list[Any]:
        v = self.verdict
        plain = None if v is None else [v.status, v.reason, v.expected, v.got, v.rule, v.span]
        return [plain, self.reason, self.step_errors, self.false_step, self.proved, self.disproved, self.steps]

    @classmethod
    def unpacked(cls, x: list[Any]) -> Checked:
        status, reason, expected, got, rule, span = x[0] or [None] * 6
        if status in (None, "correct") and not x[2]:  # most rows: one object for all that say the same
            return _plain_row(status, x[1], x[2], x[4], tuple(x[6]))
        v = None if status is None else Verdict(status, reason, expected, got, rule, tuple(span) if span else None)
        return cls(v, x[1], x[2], x[3], x[4], x[5], (x[6][0], x[6][1]))


@lru_cache(maxsize=4096)
def _plain_row(status: Any, reason: str, errors: int | None, proved: bool, steps: tuple[int, int]) -> Checked:
    return Checked(Verdict(status, reason) if status else None, reason, errors, None, proved, False, steps)


def check_row(row: tuple[str | None, str | None, str | None], options: Mapping[str, Any]) -> Checked:
    """(problem, gold answer, response) -> what holds."""
    problem, answer, response = row
    found = extract(response, options["rule"]) if response else Extraction(None, None, None, NO_RESPONSE)
    steps = check_steps(response) if response and options["steps"] else None
    verdict, reason, proved = _verdict(problem, answer, response, found, options)
    if steps is None:
        return Checked(verdict, reason, proved=proved)
    disproved = not proved and _contradicts(steps, found)
    told = steps.last_false if disproved and steps.last_false else steps.first_false
    why = None if told is None else told[2]
    return Checked(verdict, reason, steps.false, why, proved, disproved, (steps.seen, steps.checked))


def _contradicts(steps: StepReport, found: Extraction) -> bool:
    """Whether the answer is the result of a false equation: it stands in the first one, or the last of all states it."""
    first, last = steps.first_false, steps.last_false
    if first is None or found.span is None or found.value is None:
        return False
    if first[1][0] <= found.span[0] <= first[1][1]:
        return True
    result = _EQUALS.split(last[0])[-1] if last else ""
    return bool(result.strip() and compare(read_value(result), read_value(found.value), precision=NEVER).same)


_EQUALS = re.compile(r"=|≈|＝|约等于|等于|\bequals\b")


def _verdict(
    problem: str | None, answer: str | None, response: str | None, found: Extraction, options: Mapping[str, Any]
) -> tuple[Verdict | None, str, bool]:
    truth = recomputed(problem) if options["recompute"] and problem else None
    if truth is not None:
        stated = found.value or (gold_of(answer) if answer else None)
        if stated is not None:
            verdict = _against_truth(truth, stated, found)
            return verdict, verdict.reason, True
    if not response:
        return None, NO_RESPONSE, False
    if answer is None or not answer.strip():
        return (None, NO_GOLD, False) if found else (Verdict("unparsed", found.why), found.why, False)
    verdict = judge(
        answer,
        response,
        problem=problem,
        rule=options["rule"],
        strict=options["strict"],
        time_limit=options["time_limit"],
    )
    if verdict.status == "wrong" and verdict.rule == "boxed" and _is_last_box(answer, response):
        verdict = replace(verdict, status="correct", reason="the last of several boxes")
    return verdict, verdict.reason, False


def _is_last_box(answer: str, response: str) -> bool:
    """Whether the gold is this text's own last box, taken alone where the text boxes several parts."""
    at = response.rfind("\\boxed")
    return at >= 0 and response.startswith(f"\\boxed{{{answer.strip()}}}", at)


def _against_truth(truth: Any, stated: str, found: Extraction) -> Verdict:
    """The stated answer at its own stated precision against the exact value."""
    from mathdata.families import agree

    place: dict[str, Any] = {"expected": truth.exact, "got": stated, "rule": found.rule, "span": found.span}
    if (
        found.rule == "equation"
        and compare(read_value(stated.rpartition("=")[2]), read_value(stated), precision=NEVER).same
    ):
        stated = stated.rpartition("=")[2].strip()  # the end of a chain whose links hold is what it states
    alone = _ASSIGNED.sub("", stated)
    number, _ = split_unit(read_value(alone).tree or ("text", ""))
    written = clean(alone) if number[0] == "num" else ""
    united = _WITH_UNIT.match(written)
    bare = (
        united.group(1)
        if united
        else written.rstrip("%")
        if _plain(written)
        else str(number[1])
        if number[0] == "num"
        else stated
    )
    if (
        agree(truth, bare) in ("same", "rounded")
        or compare(read_value(truth.exact), read_value(stated), precision=NEVER).same
    ):
        return Verdict("correct", "equal to the value recomputed from the problem", **place)
    return Verdict("wrong", f"the problem's value is {truth.shown()}, the row says {stated[:80]}", **place)


_ASSIGNED = re.compile(r"^\s*[a-zA-Z]\s*=\s*")
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,4})?%?$")
_WITH_UNIT = re.compile(r"(-?\d+(?:\.\d+)?)\s*[^\d\s.,/*^+-][^\d]*$")


def _plain(text: str) -> bool:
    return _PLAIN.match(text) is not None


@cache
def _solver() -> Any:
    """The families' exact solver, None where this installation has none."""
    try:
        from mathdata import families

        return getattr(families, "solve_exact", None)
    except ImportError:
        return None


def recomputed(problem: str) -> Any:
    """The exact value of an elementary problem; None where no family reads it."""
    solver = _solver()
    return solver(problem) if solver is not None else None
