"""Whether the evaluation asks what was taught, and leaves room for the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mathdata.prompts import get_prompt
from mathdata.trainspec import TrainSpec
from mathdata.types import Benchmark
from trainers.chat import ids_of
from trainers.data import IGNORED, Example, response_of
from trainers.preflight.finding import Finding, found

__all__ = ["evaluation_limit", "same_prompt"]

TOLERATED = 0.1
"""Share of replies that may be too long for the limit; from there on a run is refused."""
BESIDE = 0.5
"""The same share of trained replies, where worked gold replies say what the benchmark needs: rows may hold other kinds."""


def same_prompt(spec: TrainSpec, evaluate: Mapping[str, Any] | None) -> list[Finding]:
    """Mathematics is asked as it was taught; a benchmark that only its own prompt fits is asked with that one."""
    from mathdata.asking import asked
    from mathdata.benchmarks import get_benchmark

    said = evaluate or {}
    named = [get_benchmark(b) for b in said.get("benchmarks") or ()]
    how = [(b.name, asked(b, prompt=said.get("prompt"), trained=spec.prompt).prompt) for b in named if not b.own_prompt]
    taught = get_prompt(spec.prompt).digest
    return [
        found(
            "prompt",
            0,
            f"trained with prompt '{spec.prompt}' but {name} is asked with '{prompt.name}'",
            "leave the evaluation's prompt out: the training's prompt is used",
        )
        for name, prompt in how
        if prompt.digest != taught
    ]


@dataclass(frozen=True, slots=True)
class Ask:
    """One benchmark with the longest answer it allows, and the key that says so."""

    benchmark: Benchmark
    max_tokens: int
    key: str


def asks(spec: TrainSpec, evaluate: Mapping[str, Any] | None) -> Iterator[Ask]:
    """The run's benchmarks, and the one that is asked on the way."""
    from mathdata.asking import asked
    from mathdata.benchmarks import get_benchmark

    said = evaluate or {}
    names = list(said.get("benchmarks") or ())
    for benchmark in map(get_benchmark, names):
        how = asked(benchmark, max_tokens=said.get("max_tokens"), trained=spec.prompt)
        yield Ask(benchmark, how.max_tokens, "evaluate.max_tokens")
    if spec.evaluation is not None and (spec.evaluation.data or names):
        on_the_way = get_benchmark(spec.evaluation.data or names[0])
        yield Ask(on_the_way, spec.evaluation.max_tokens, "train.evaluation.max_tokens")


def evaluation_limit(
    examples: Sequence[Example],
    spec: TrainSpec,
    tokenizer: Any,
    evaluate: Mapping[str, Any] | None,
    most: int | None,
) -> list[Finding]:
    """Gold and trained replies, in tokens with their end, against the limit and the model's positions."""
    trained = [0] if spec.algorithm == "grpo" else [_learnt(e) for e in examples]
    findings = []
    for ask in asks(spec, evaluate):
        gold = _gold(ask.benchmark, spec, tokenizer, most)
        over = sum(n > ask.max_tokens for n in gold)
        findings += _over(
            over, len(gold), max(gold, default=0), f"gold replies of {ask.benchmark.name}", ask, TOLERATED
        )
        if not ask.benchmark.own_prompt:  # one that is asked in its own way is not answered like the rows
            long = sum(n > ask.max_tokens for n in trained)
            share = BESIDE if _is_worked(ask.benchmark) else TOLERATED
            findings += _over(long, len(trained), max(trained, default=0), "replies that are trained", ask, share)
    return findings


def _is_worked(benchmark: Benchmark) -> bool:
    """Whether most of its gold replies are worked solutions, which tell how long an answer is; bare answers do not."""
    rows = benchmark.load()
    return "solution" in rows.columns and rows["solution"].null_count() * 2 < rows.height


def _over(over: int, of: int, longest: int, what: str, ask: Ask, share: float) -> list[Finding]:
    if not over:
        return []
    words = f"{over} of {of} {what} are longer than {ask.key} {ask.max_tokens} ({over / of:.0%}"
    reach = f", longest {longest} tokens)" if longest < BEYOND else ", some beyond the model's positions)"
    made = found("evaluation-limit", over, words + reach, f"raise {ask.key}: what is cut off counts as wrong")
    return [replace(made, refuses=over >= share * of)]


BEYOND = 10**9


def _learnt(example: Example) -> int:
    """Tokens of the longest reply of a row, its end among them."""
    return max((sum(t != IGNORED for t in example.labels[a:b]) for a, b in example.spans), default=0)


def _gold(benchmark: Benchmark, spec: TrainSpec, tokenizer: Any, most: int | None) -> list[int]:
    """Tokens of each gold reply with its end; BEYOND where prompt and reply exceed the model's positions."""
    rows = [r for r in benchmark.load().iter_rows(named=True) if response_of(r, spec).strip()]
    sizes = [len(ids) + 1 for ids in ids_of(tokenizer, [response_of(r, spec) for r in rows])]
    if most is None:
        return sizes
    prompt = get_prompt(benchmark.prompt if benchmark.own_prompt else spec.prompt)
    asked = ids_of(tokenizer, [prompt.render(r["problem"] or "") for r in rows])
    return [size if len(head) + size <= most else BEYOND for head, size in zip(asked, sizes)]
