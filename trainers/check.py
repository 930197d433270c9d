"""The check-list before a training: what each part of it looks like on the real rows, and whether that is as it must be."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from mathdata.errors import MathdataError
from mathdata.trainspec import TrainSpec
from mathdata.types import Frame
from trainers.chat import end_tokens
from trainers.data import IGNORED
from trainers.look import clean
from trainers.sft import Prepared, prepare

__all__ = ["Line", "check", "print_lines"]


@dataclass(frozen=True, slots=True)
class Line:
    """One part: its name, whether it is as it must be, and what was seen."""

    name: str
    ok: bool
    seen: str


def check(
    frame: Frame,
    spec: TrainSpec,
    *,
    inputs: Sequence[str] = (),
    evaluate: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    seed: int | None = None,
) -> list[Line]:
    """Every line of the list; a part that cannot even be made is not ok with its own words, the others are still looked at."""
    lines = [tried("data", lambda: data_line(frame, spec, inputs))]
    ready, parts = None, (tokenizer_line, pad_line, collator_line, labels_line, preflight_line, steps_line)
    try:
        ready = prepare(frame, spec, evaluate=evaluate, allow=allow, seed=seed)
        lines += [tried(NAMES[part], partial(part, ready)) for part in parts]
    except MathdataError as error:
        lines.append(Line("tokenizer", False, f"{error.message}; {error.hint}"))
        lines += [Line(NAMES[part], False, "not looked at: the rows have no tokens") for part in parts[1:]]
    seed = ready.seed if ready is not None else seed or 0
    lines.append(tried("evaluation", lambda: evaluation_line(spec, evaluate, seed)))
    lines.append(tried("metrics", lambda: metrics_line(spec, evaluate, seed)))
    return [*lines, reporting_line(spec)]


def tried(name: str, work: Callable[[], Line]) -> Line:
    try:
        return work()
    except MathdataError as error:
        return Line(name, False, f"{error.message}; {error.hint}")


def data_line(frame: Frame, spec: TrainSpec, inputs: Sequence[str]) -> Line:
    """Rows, where they are from, and which fields are filled in how many of them."""
    fields = [c for c in ("problem", "solution", "answer", "messages") if c in frame.columns]
    filled = {c: frame.height - frame[c].null_count() for c in fields}
    response = "answer" if spec.response == "answer" else "solution"
    replies = max(
        filled.get(response, 0), filled.get("messages", 0), filled.get("answer", 0) * (spec.response == "auto")
    )
    shown = ", ".join(f"{c} in {n:,}" for c, n in filled.items() if n)
    seen = f"{frame.height:,} rows of {', '.join(inputs) or 'a table'}: {shown or 'no known field'}"
    return Line("data", bool(frame.height) and replies > 0 and filled.get("problem", 0) > 0, seen)


def tokenizer_line(ready: Prepared) -> Line:
    tokenizer, spec = ready.tokenizer, ready.spec
    source = (
        "made from the rows" if spec.tokenizer.train else spec.tokenizer.name or spec.model.adapter or spec.model.name
    )
    ends = sorted(str(tokenizer.convert_ids_to_tokens(t)) for t in end_tokens(tokenizer))
    seen = f"{source}: {type(tokenizer).__name__}, {len(tokenizer):,} tokens, an answer ends with {' or '.join(ends)}"
    return Line("tokenizer", tokenizer.eos_token_id is not None, seen)


def pad_line(ready: Prepared) -> Line:
    tokenizer = ready.tokenizer
    ok = tokenizer.pad_token_id is not None and tokenizer.pad_token_id not in end_tokens(tokenizer)
    said = "not an end token" if ok else "an end token: masking padding would hide the end"
    return Line("pad", ok, f"{tokenizer.pad_token!r} ({tokenizer.pad_token_id}), {tokenizer.padding_side} side, {said}")


def collator_line(ready: Prepared) -> Line:
    """The first micro-batch as the trainer will get it: its shape, its padding, and that padding is neither seen nor learnt."""
    from trainers.collate import Collator

    if ready.order is None:
        return Line("collator", False, "no row is left to make a batch of")
    spec, multiple = ready.spec, ready.spec.pad_to_multiple_of or 1
    packed = spec.batches == "packed"
    collator = Collator(
        ready.examples, ready.order, ready.tokenizer.pad_token_id, multiple, packed, spec.parallel.sequence
    )
    batch = collator([{"micro": 0}])
    ids, labels = batch["input_ids"], batch["labels"]
    real = sum(len(ready.examples[i]) for i in ready.order.micro[0])
    ok = ids.shape == labels.shape and (packed or ids.shape[1] % multiple == 0)
    if "attention_mask" in batch:
        mask = batch["attention_mask"]
        ok = ok and int(mask.sum()) == real and bool((labels[mask == 0] == IGNORED).all())
    learnt = int((labels != IGNORED).sum())
    width = f", width a multiple of {multiple}" if multiple > 1 else ""
    seen = f"first batch {ids.shape[0]} × {ids.shape[1]}{width}: {real:,} tokens, {ids.numel() - real:,} padding, {learnt:,} learnt"
    return Line("collator", bool(ok and learnt), seen)


def labels_line(ready: Prepared) -> Line:
    """What is learnt of the first row, as text."""
    if not ready.examples:
        return Line("labels", False, "no row is left")
    row = ready.examples[0]
    learnt = [t for t in row.labels if t != IGNORED]
    text = clean(ready.tokenizer.decode(learnt)).replace("\n", "⏎")
    short = text if len(text) <= 120 else f"{text[:70]} … {text[-45:]}"
    ok = bool(learnt) and bool(end_tokens(ready.tokenizer).intersection(learnt))
    over = "all tokens" if ready.spec.loss == "all" else "the reply"
    return Line("labels", ok, f"loss over {over}: row {row.id} learns {len(learnt)} of {len(row)} tokens: {short}")


def preflight_line(ready: Prepared) -> Line:
    found = ready.preflight
    words = [f.message for f in found.refused] or [
        f"{f.check}: {f.rows:,} rows, let pass" for f in found.findings if f.rows
    ]
    return Line("preflight", not found.refused, "; ".join(words) or f"nothing found in {found.rows:,} rows")


def steps_line(ready: Prepared) -> Line:
    from trainers.evaluating import due

    if ready.order is None:
        return Line("steps", False, "no row is left to train on")
    steps, spec = ready.order.steps, ready.spec
    rows, accumulation = spec.rows_per_step(ready.order.processes)
    size = f"{spec.tokens_per_step:,} tokens" if spec.tokens_per_step else f"{rows} rows, {accumulation} batches"
    seen = f"{steps:,} steps of {size}, warm-up {spec.warmup_steps(steps):,}"
    if spec.evaluation is None:
        return Line("steps", steps > 0, f"{seen}, none asked on the way")
    times = sum(due(step, steps, spec.evaluation.times) for step in range(1, steps + 1))
    return Line("steps", steps > 0 and times >= min(spec.evaluation.times, steps), f"{seen}, asked at {times} of them")


def evaluation_line(spec: TrainSpec, evaluate: Mapping[str, Any] | None, seed: int) -> Line:
    """How many problems are asked on the way and at the end, of how many there are."""
    from mathdata.plans import settings_of
    from trainers.evaluating import subset

    said = []
    if spec.evaluation is not None:
        benchmark = subset(spec, evaluate, seed)
        rows = benchmark.load().height
        said.append(f"on the way {rows:,} of {benchmark.name}" + ("" if spec.evaluation.limit else ", all there are"))
    if evaluate:
        said.append("at the end " + ", ".join(f"{s['items']:,} of {s['benchmark']}" for s in settings_of(evaluate)))
    return Line("evaluation", True, "; ".join(said) or "none: the recipe asks no benchmark")


def metrics_line(spec: TrainSpec, evaluate: Mapping[str, Any] | None, seed: int) -> Line:
    """The figures by the benchmark's own name and rule, and which of them chooses the best state."""
    from trainers.evaluating import subset

    if spec.evaluation is None:
        return Line("metrics", True, "none on the way")
    benchmark = subset(spec, evaluate, seed)
    rows = benchmark.load()
    solved = "solution" in rows.columns and rows["solution"].null_count() < rows.height
    names = ["answer_accuracy", "format_accuracy", *(["token_accuracy"] if solved else [])]
    best = f"best by {spec.evaluation.best}, greater is better" + (", kept" if spec.evaluation.keep_best else "")
    seen = f"{benchmark.name} ({benchmark.rule}): {', '.join(names)}; {best}"
    return Line(
        "metrics", spec.evaluation.best in names, seen + ("" if solved else "; no solutions, so no token accuracy")
    )


def reporting_line(spec: TrainSpec) -> Line:
    if not spec.report_to:
        return Line("W&B", True, "off: report_to is empty, nothing leaves this machine")
    missing = [name for name in spec.report_to if find_spec(name) is None]
    if missing:
        return Line("W&B", False, f"asked for {', '.join(spec.report_to)}, but {', '.join(missing)} is not installed")
    mode = f" (WANDB_MODE={os.environ.get('WANDB_MODE', 'offline')})" if "wandb" in spec.report_to else ""
    return Line("W&B", True, f"asked for: {', '.join(spec.report_to)}{mode}")


NAMES: dict[Callable[[Prepared], Line], str] = {
    tokenizer_line: "tokenizer", pad_line: "pad", collator_line: "collator", labels_line: "labels",
    preflight_line: "preflight", steps_line: "steps",
}  # fmt: skip


def print_lines(lines: Sequence[Line]) -> list[str]:
    """The list for people: ok or not ok, the part, what was seen."""
    return [f"{'ok' if x.ok else 'not ok':<7} {x.name:<11} {clean(x.seen)}" for x in lines]


def as_dict(lines: Sequence[Line]) -> dict[str, Any]:
    return {"ok": all(x.ok for x in lines), "lines": [asdict(x) for x in lines]}
