"""Everything that decides the score on a benchmark: its problems, how they are asked, who answers; and the digests of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mathdata.asking import Asked, asked, one_prompt_fits
from mathdata.benchmarks import get_benchmark
from mathdata.chat_templates import Template, template_in
from mathdata.errors import DataError, UsageError
from mathdata.identity import folder_digest, named_files
from mathdata.manifest import digest_of, versions
from mathdata.prompts import Prompt
from mathdata.types import Benchmark, Frame, Problem, Request, Sampling

__all__ = ["Plan", "make_requests", "model_identity", "plans_of", "rows_identity", "settings_of", "template_for"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides the score on one benchmark."""

    benchmark: Benchmark
    problems: Frame
    prompt: Prompt | None
    sampling: Sampling
    shots: int
    identity: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] | None = None
    """The prompt, the token limit and the number of problems asked for, and who decided each; None with `responses`."""


def plans_of(
    benchmarks: Sequence[str | Mapping[str, Any] | Benchmark],
    *,
    prompt: str | Prompt | None = None,
    trained: str | Prompt | None = None,
    limit: int | None = None,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 42,
    max_tokens: int | None = None,
    shots: int = 0,
    asks: bool = True,
    template: Template | None = None,
) -> list[Plan]:
    """One plan a benchmark; `asks` False: answers exist already, and how they came about is not ours to say.

    `template`: what turns messages into text for the model that is asked. Raises UnknownName, DataError, UsageError.
    """
    named = [get_benchmark(n) for n in benchmarks]
    one_prompt_fits(named, prompt)
    sampling = Sampling(temperature=temperature, n=samples, seed=seed if temperature else None)
    how = [asked(b, prompt=prompt, max_tokens=max_tokens, limit=limit, trained=trained) for b in named]
    return [_plan(b, h, sampling, shots, asks, template) for b, h in zip(named, how)]


def settings_of(evaluate: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What decides the figures of a recipe's `evaluate` section beside the model: the identity of each benchmark's plan."""
    keys = ("prompt", "trained", "limit", "samples", "temperature", "seed", "max_tokens")
    plans = plans_of(evaluate["benchmarks"], **{k: evaluate[k] for k in keys if evaluate.get(k) is not None})
    return [plan.identity for plan in plans]


def _plan(
    benchmark: Benchmark, how: Asked, sampling: Sampling, shots: int, asks: bool, template: Template | None
) -> Plan:
    problems = benchmark.load()
    if not problems.height:
        raise DataError(f"benchmark {benchmark.name} has no rows", "check its file")
    if how.limit is not None:
        problems = problems.head(how.limit)
    if shots > len(benchmark.fewshot):
        raise UsageError(f"{benchmark.name} has {len(benchmark.fewshot)} worked examples, not {shots}", "lower --shots")
    made, stop = (how.prompt, how.prompt.stop) if asks else (None, ())
    drawn = Sampling(sampling.temperature, 1.0, how.max_tokens, sampling.n, sampling.seed, stop)
    plan = Plan(
        benchmark, problems, made, drawn, shots, rows_identity(benchmark, problems), how.record if asks else None
    )
    if asks:
        plan.identity.update(_asking(plan, template))
    return plan


def rows_identity(benchmark: Benchmark, problems: Frame) -> dict[str, Any]:
    """The problems and golds, and how answers to them are judged."""
    rest = sorted(c for c in problems.columns if c not in ("problem", "answer"))
    return {
        "benchmark": benchmark.name,
        "version": benchmark.version,
        "items": problems.height,
        "items_digest": digest_of(problems.select("problem", "answer").rows())[:16],
        "columns_digest": digest_of([rest, problems.select(rest).rows()])[:16],  # solutions, subjects, levels, ids
        "rule": benchmark.rule,
        "strict_rule": benchmark.strict_rule,
        "tolerance": benchmark.tolerance,
        "judge": getattr(benchmark.judge, "__module__", "mathdata.verifiers"),
        "judge_version": versions().get("mathdata", ""),
    }


def _asking(plan: Plan, template: Template | None) -> dict[str, Any]:
    """The prompt and the texts it becomes, the chat template that they go through, sampling, limit and stop texts."""
    assert plan.prompt is not None
    drawn, asked_for = plan.sampling, make_requests(plan)
    examples = digest_of(plan.benchmark.fewshot[: plan.shots])[:12] if plan.shots else None
    through = template if plan.prompt.chat and template else {}
    return {
        "prompt": plan.prompt.name, "prompt_digest": plan.prompt.digest, "shots": plan.shots, "shots_digest": examples,
        "rendered_digest": digest_of([[list(r.messages), r.text] for r in asked_for])[:16],
        "template": through.get("digest"), "template_date": through.get("date"),
        "temperature": drawn.temperature, "top_p": drawn.top_p, "max_tokens": drawn.max_tokens, "samples": drawn.n,
        "seed": drawn.seed, "stop": list(drawn.stop),
    }  # fmt: skip


def model_identity(model: Any, backend: Any = None) -> dict[str, Any]:
    """Who answers: a local folder by the content of its files, a server by its spec, an object by its name.

    Files and folders that a spec names (`vllm:DIR`, a GGUF file, a scripted teacher's replies) count by their content.
    """
    if not isinstance(model, (str, Path)):
        return {"name": str(model.name), "object": getattr(model, "identity", type(model).__name__)}
    who: dict[str, Any] = {"name": str(model), "backend": backend}
    if Path(model).is_dir():
        who["files_digest"] = folder_digest(Path(model))
        who["name"] = Path(model).name
    elif files := named_files(str(model), "model"):
        who["files"] = files
    if asked_by := named_files(backend, "model"):
        who["backend_files"] = asked_by
    return who


def template_for(model: Any, backend: Any = None) -> Template | None:
    """What turns messages into text for a model: read from its folder, or told by the object; None where a server decides."""
    from mathdata.registry import parse_spec

    if not isinstance(model, (str, Path)):
        found: Template | None = getattr(model, "template", None)
        return found
    options = parse_spec(backend)[1] if backend is not None else {}
    if not Path(model).is_dir() and backend is None:
        options = parse_spec(str(model))[1]
    place = options.get("tokenizer") or options.get("model") or model
    return template_in(Path(str(place))) if Path(str(place)).is_dir() else None


def make_requests(plan: Plan) -> list[Request]:
    """One request a problem, rendered by the same prompt that training uses."""
    assert plan.prompt is not None
    prompt, shots = plan.prompt, plan.benchmark.fewshot[: plan.shots]
    before = "".join(f"{prompt.render(s['problem'])} {s['solution']}\n\n" for s in shots)
    turns = [
        m
        for s in shots
        for m in (
            {"role": "user", "content": prompt.render(s["problem"])},
            {"role": "assistant", "content": s["solution"]},
        )
    ]
    made = []
    for row in plan.problems.iter_rows(named=True):
        text = prompt.render(row["problem"])
        messages = (*turns, {"role": "user", "content": text})
        made.append(
            Request(
                "evaluate",
                Problem.from_row({k: row.get(k) for k in ("id", "problem", "answer", "level")}),
                messages=messages if prompt.chat else (),
                text=None if prompt.chat else before + text,
                sampling=plan.sampling,
                prompt=prompt.digest,
            )
        )
    return made
