"""What is refused before the first step: runs that cannot work, found on the real tokenised rows, with counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mathdata.errors import PreflightError
from mathdata.trainspec import TrainSpec
from mathdata.types import Frame
from trainers.data import IGNORED, Example
from trainers.preflight.asking import evaluation_limit, same_prompt
from trainers.preflight.finding import Finding, found
from trainers.preflight.machine import learning_rate, memory
from trainers.preflight.replies import replies
from trainers.preflight.rows import leaks, unverified
from trainers.preflight.tokenizer import padding, positions, templates, vocabulary

__all__ = ["Finding", "Preflight", "preflight"]


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found; `examples` are the rows that go on (overlong ones dropped or cut as the recipe says)."""

    rows: int
    findings: tuple[Finding, ...]
    examples: tuple[Example, ...]
    keep: tuple[int, ...] = ()
    """Numbers of the table's rows that go on."""
    allowed: tuple[str, ...] = ()
    figures: dict[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> list[Finding]:
        return [f for f in self.findings if f.refuses and f.check not in self.allowed]

    def raise_if_refused(self) -> None:
        if self.refused:
            words = "; ".join(f.message + (f" (row {f.example})" if f.example else "") for f in self.refused)
            hint = f"{self.refused[0].hint}; look at the rows: mathdata train RECIPE --look 3"
            raise PreflightError(f"the training cannot work: {words}", hint)

    def summary(self) -> dict[str, Any]:
        """For train.json and the report: every check with its count, allowed ones named."""
        findings = [asdict(f) | {"allowed": f.check in self.allowed} for f in self.findings]
        return {"rows": self.rows, "trained": len(self.examples), "findings": findings, **self.figures}


def preflight(
    frame: Frame,
    examples: Sequence[Example],
    spec: TrainSpec,
    tokenizer: Any,
    *,
    evaluate: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    size: Mapping[str, Any] | None = None,
) -> Preflight:
    """Every check at once; nothing is raised here, so that `--look` can show the findings.

    `size`: what is known of model and machine without weights: parameters, memory, positions, vocabulary.
    """
    allowed = (*spec.preflight.allow, *allow)
    known = size or {}
    if not examples:
        none = found("no-rows", 0, "the training set holds no rows", "look at the rejects beside the input")
        return Preflight(0, (none,), (), (), allowed)
    kept, overlong = _fit(examples, spec)
    going = tuple(row for _, row in kept)
    findings = [
        *replies(frame, examples, spec, tokenizer),
        *overlong,
        *templates(spec, tokenizer, examples),
        *padding(tokenizer, examples),
        *vocabulary(tokenizer, examples, known.get("vocabulary")),
        *positions(going, known.get("positions")),
        *unverified(frame),
        *same_prompt(spec, evaluate),
        *evaluation_limit(going, spec, tokenizer, evaluate, known.get("positions")),
        *leaks(frame, spec, evaluate),
        *learning_rate(spec, known.get("parameters")),
        *memory(known.get("memory")),
    ]
    if not going:
        findings.append(found("no-rows", len(examples), "no row is left to train on", "raise train.max_length"))
    figures = {"dropped_overlong": sum(len(e) > spec.max_length for e in examples) if spec.overlong == "drop" else 0}
    return Preflight(len(examples), tuple(findings), going, tuple(i for i, _ in kept), allowed, figures)


def _fit(examples: Sequence[Example], spec: TrainSpec) -> tuple[list[tuple[int, Example]], list[Finding]]:
    """(number, row) of the rows that go on, and the finding about those longer than max_length."""
    rows = [(i, e) for i, e in enumerate(examples) if spec.overlong != "drop" or len(e) <= spec.max_length]
    kept = [(i, c) for i, c in ((i, _cut(e, spec.max_length)) for i, e in rows) if any(t != IGNORED for t in c.labels)]
    long = [e for e in examples if len(e) > spec.max_length]
    if not long:
        return kept, []
    worst = max(map(len, long))
    become = {
        "error": "their ends would be cut off",
        "drop": "dropped",
        "cut": "cut, their answers and ends are lost",
    }[spec.overlong]
    finding = found(
        "overlong",
        len(long),
        f"{len(long)} rows are longer than max_length {spec.max_length} (longest {worst} tokens): {become}",
        f"raise train.max_length to {worst}, or --overlong drop|cut",
        long[0].id,
    )
    return kept, [replace(finding, refuses=spec.overlong == "error")]


def _cut(example: Example, length: int) -> Example:
    if len(example) <= length:
        return example
    return replace(example, input_ids=example.input_ids[:length], labels=example.labels[:length])
