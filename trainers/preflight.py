"""What is refused before the first step: runs that cannot work, found on the real tokenised rows, with counts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mathdata.errors import MathdataError, PreflightError
from mathdata.prompts import get_prompt
from mathdata.trainspec import TrainSpec
from mathdata.types import Frame
from trainers.data import IGNORED, Example, end_tokens

__all__ = ["Finding", "Preflight", "preflight"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: how many rows it concerns, one of them, and whether the recipe lets it pass."""

    check: str
    rows: int
    message: str
    hint: str
    example: str | None = None
    refuses: bool = True


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
    """Every check at once; nothing is raised here, so that `--look` can show the findings."""
    allowed = (*spec.preflight.allow, *allow)
    if not examples:
        none = Finding("no-rows", 0, "the training set holds no rows", "look at the rejects beside the input")
        return Preflight(0, (none,), (), (), allowed)
    kept, overlong = _fit(examples, spec)
    findings = [
        *_labels(examples, tokenizer),
        *overlong,
        *_templates(spec, tokenizer),
        *_unverified(frame),
        *_same_prompt(spec, evaluate),
        *_leaks(frame, spec, evaluate),
        *_learning_rate(spec, (size or {}).get("parameters")),
        *_memory((size or {}).get("memory")),
    ]
    going = tuple(row for _, row in kept)
    if not going:
        findings.append(Finding("no-rows", len(examples), "no row is left to train on", "raise train.max_length"))
    figures = {"dropped_overlong": len(examples) - len(going)}
    return Preflight(len(examples), tuple(findings), going, tuple(i for i, _ in kept), allowed, figures)


def _labels(examples: Sequence[Example], tokenizer: Any) -> list[Finding]:
    ends = end_tokens(tokenizer)
    pad = tokenizer.pad_token_id
    found = []
    masked = [e for e in examples if all(t == IGNORED for t in e.labels)]
    if masked:
        found.append(
            Finding(
                "masked",
                len(masked),
                f"{len(masked)} rows have no label at all",
                "is the response empty?",
                masked[0].id,
            )
        )
    mute = [e for e in examples if _is_empty(e, ends)]
    if mute:
        found.append(
            Finding(
                "empty-response",
                len(mute),
                f"{len(mute)} rows have an empty response",
                "set train.response, or drop the rows",
                mute[0].id,
            )
        )
    open_ended = [e for e in examples if not ends.intersection(e.labels)]
    if open_ended:
        found.append(
            Finding(
                "no-eos",
                len(open_ended),
                f"end-of-sequence is not among the labels of {len(open_ended)} rows",
                "the model would never learn to stop: check the tokenizer's eos_token and chat template",
                open_ended[0].id,
            )
        )
    if pad in ends:
        found.append(
            Finding(
                "pad-is-eos",
                len(examples),
                f"the padding token is the end-of-sequence token ({tokenizer.pad_token!r})",
                "write tokenizer: {pad: '<|pad|>'}: masked padding would hide the end",
            )
        )
    return found


def _is_empty(example: Example, ends: set[int]) -> bool:
    return not any(t != IGNORED and t not in ends for t in example.labels[example.prompt_tokens :])


def _fit(examples: Sequence[Example], spec: TrainSpec) -> tuple[list[tuple[int, Example]], list[Finding]]:
    """(number, row) of the rows that go on, and the finding about those longer than max_length."""
    long = [e for e in examples if len(e) > spec.max_length]
    if not long:
        return list(enumerate(examples)), []
    worst = max(map(len, long))
    finding = Finding(
        "overlong",
        len(long),
        f"{len(long)} rows are longer than max_length {spec.max_length} (longest {worst} tokens): "
        + {"error": "their ends would be cut off", "drop": "dropped", "cut": "cut, their answers and ends are lost"}[
            spec.overlong
        ],
        f"raise train.max_length to {worst}, or --overlong drop|cut",
        long[0].id,
        refuses=spec.overlong == "error",
    )
    cut = [(i, _cut(e, spec.max_length)) for i, e in enumerate(examples)]
    if spec.overlong == "drop":
        cut = [(i, e) for i, e in enumerate(examples) if len(e) <= spec.max_length]
    return [(i, e) for i, e in cut if any(t != IGNORED for t in e.labels)], [finding]


def _cut(example: Example, length: int) -> Example:
    return replace(example, input_ids=example.input_ids[:length], labels=example.labels[:length])


def _templates(spec: TrainSpec, tokenizer: Any) -> list[Finding]:
    """The end token that generation stops at is one that training taught."""
    if not get_prompt(spec.prompt).chat or not tokenizer.chat_template:
        return []
    told = tokenizer.apply_chat_template(
        [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}], tokenize=False
    )
    ends = {tokenizer.convert_ids_to_tokens(t) for t in end_tokens(tokenizer)}
    if any(e and e in told.split("2")[-1] for e in ends):
        return []
    words = "the chat template writes no end of turn after the reply that the tokenizer knows as an end token"
    return [
        Finding("chat-end", 0, words, f"its ends are {sorted(map(str, ends))}: fix the template or eos_token", None)
    ]


def _unverified(frame: Frame) -> list[Finding]:
    if "verdict" not in frame.columns:
        doubtful = frame
    else:
        doubtful = frame.filter((frame["verdict"] != "correct").fill_null(True))
    if not doubtful.height:
        return []
    return [
        Finding(
            "unverified",
            doubtful.height,
            f"{doubtful.height} of {frame.height} rows are not verified",
            "run: mathdata verify, or let it pass by name: preflight: {allow: [unverified]}",
            doubtful["id"][0] if "id" in doubtful.columns else None,
        )
    ]


def _same_prompt(spec: TrainSpec, evaluate: Mapping[str, Any] | None) -> list[Finding]:
    """Mathematics is asked as it was taught; a benchmark that only its own prompt fits is asked with that one."""
    from mathdata.asking import asked
    from mathdata.benchmarks import get_benchmark

    said = evaluate or {}
    named = [get_benchmark(b) for b in said.get("benchmarks") or ()]
    how = [(b.name, asked(b, prompt=said.get("prompt"), trained=spec.prompt).prompt) for b in named if not b.own_prompt]
    taught = get_prompt(spec.prompt).digest
    return [
        Finding(
            "prompt",
            0,
            f"trained with prompt '{spec.prompt}' but {name} is asked with '{prompt.name}'",
            "leave the evaluation's prompt out: the training's prompt is used",
        )
        for name, prompt in how
        if prompt.digest != taught
    ]


def _leaks(frame: Frame, spec: TrainSpec, evaluate: Mapping[str, Any] | None) -> list[Finding]:
    """Rows of the benchmarks, of the run's and of the evaluation on the way, by the same decontaminator as the stage."""
    names = list((evaluate or {}).get("benchmarks") or [])
    on_the_way = spec.evaluation.data if spec.evaluation else None
    names += [on_the_way] if on_the_way is not None and on_the_way not in names else []
    if not names:
        return []
    from mathdata.benchmarks import get_benchmark, label
    from mathdata.registry import find
    from mathdata.types import Context

    with tempfile.TemporaryDirectory(prefix="mathdata-leaks-") as folder:
        against = []
        for i, name in enumerate(names):
            against.append(name if isinstance(name, str) else f"{folder}/{i}.parquet")
            if not isinstance(name, str):  # the decontaminator reads names and files
                get_benchmark(name).load().write_parquet(against[-1])
        judged = find("stage", "decontaminate").make(frame, against=against, ctx=Context())
    if "reject" not in judged.columns:
        raise MathdataError("the decontaminator gave back a table without 'reject'", "this is a defect of mathdata")
    leaks = judged.filter((judged["reject"] == "leak").fill_null(False))
    if not leaks.height:
        return []
    return [
        Finding(
            "benchmark-leak",
            leaks.height,
            f"{leaks.height} rows are problems of the benchmark ({', '.join(map(label, names))})",
            f"run: mathdata decontaminate IN -o OUT --against {','.join(map(label, names))}",
            leaks["id"][0],
        )
    ]


USUAL_RATES = ((1e7, 1e-4, 2e-2), (5e8, 5e-6, 2e-3), (4e9, 1e-6, 2e-4), (float("inf"), 5e-7, 1e-4))
"""(parameters up to, lowest, highest) of full fine-tuning; adapters stand up to ten times more."""


def _learning_rate(spec: TrainSpec, parameters: int | None) -> list[Finding]:
    if parameters is None:
        return []
    low, high = next((lo, hi) for most, lo, hi in USUAL_RATES if parameters <= most)
    high = high * 10 if spec.method != "full" else high
    if low <= spec.learning_rate <= high:
        return []
    return [
        Finding(
            "learning-rate",
            0,
            f"learning rate {spec.learning_rate:g} is outside {low:g} to {high:g}, usual for {spec.method} "
            f"training of {parameters / 1e6:.1f} million parameters",
            "a warning only",
            refuses=False,
        )
    ]


def _memory(memory: Mapping[str, Any] | None) -> list[Finding]:
    """The plan against the card that is here."""
    if not memory or memory["fits"] is not False:
        return []
    best = min((v["checkpointing"], k) for k, v in memory["alternatives"].items())
    return [
        Finding(
            "memory",
            0,
            f"the plan needs {memory['total']:.1f} GiB on each card, which has {memory['gpu_gib']:.0f}",
            f"with gradient_checkpointing and {best[1]} it would be {best[0]:.1f} GiB; see: mathdata train RECIPE --plan",
        )
    ]
