"""Expert iteration: generate, judge, keep right answers that reason anew, hard problems first, train; n rounds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.errors import MathdataError
from mathdata.manifest import dump_json, versions
from mathdata.prompts import get_prompt
from mathdata.schema import child, conform
from mathdata.trainspec import DEFAULT_SEED, ExpertIterationSpec, TrainSpec
from mathdata.types import Frame, Problem, Request, Row, Sampling
from trainers import sft
from trainers.data import corpus_texts

__all__ = ["harvest", "pick", "run_expert_iteration"]

METHOD = "expert_iteration"


def run_expert_iteration(
    frame: Frame,
    spec: TrainSpec,
    out: Path,
    *,
    corpus: Sequence[Frame] = (),
    evaluate: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
    seed: int | None = None,
    report: sft.Report | None = None,
) -> tuple[Any, Any, dict[str, Any]]:
    """Rounds of generate and train from the given checkpoint; each round leaves its rows and its manifest.

    Every round trains the first checkpoint anew on all that was gathered, so that errors do not pile up.
    """
    from trainers.tokens import load_tokenizer
    from trainers.tune import starting_model

    started = time.perf_counter()
    sft.tune_threads(spec)
    asked = spec.expert_iteration or ExpertIterationSpec()
    seed = next(s for s in (spec.seed, seed, DEFAULT_SEED) if s is not None)
    corpus = corpus or (frame,)  # a tokenizer made from rows is made from the same ones in every round
    tokenizer = load_tokenizer(spec, (t for f in corpus for t in corpus_texts(f, spec)))
    model: Any = starting_model(spec, tokenizer, seed)
    gathered: list[Row] = []
    rounds: list[dict[str, Any]] = []
    record: dict[str, Any] = {}
    for number in range(1, asked.rounds + 1):
        folder = out / "rounds" / str(number)
        found, figures = harvest(frame, model, tokenizer, spec, asked, seed + number)
        gathered = pick([*gathered, *found], asked.per_problem)
        rows = training_rows(frame, gathered, asked)
        folder.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(folder / "rows.parquet")
        model, tokenizer, record = sft.run_sft(
            rows, tuned(spec), folder, corpus=corpus, evaluate=evaluate, allow=allow, seed=seed, report=report
        )
        figures |= {"round": number, "rows": rows.height, "kept": len(gathered), "steps": record["steps"]}
        dump_json(folder / "manifest.json", {"stage": METHOD, "spec": record["spec"], "figures": figures})
        sft.write_record(folder, record)
        rounds.append(figures)
    for file in (out / "rounds" / str(asked.rounds)).iterdir():
        if file.is_file() and file.name not in ("rows.parquet", "manifest.json", "train.json"):
            shutil.copyfile(file, out / file.name)
    seconds = round(time.perf_counter() - started, 2)
    record |= {"spec": spec.model_dump(mode="json"), "rounds": rounds, "seconds": seconds, "versions": versions()}
    return model, tokenizer, record


def tuned(spec: TrainSpec) -> TrainSpec:
    """The round's own training: supervised, from the first checkpoint."""
    return spec.model_copy(update={"algorithm": "sft", "expert_iteration": None})


def harvest(
    frame: Frame, model: Any, tokenizer: Any, spec: TrainSpec, asked: ExpertIterationSpec, seed: int
) -> tuple[list[Row], dict[str, Any]]:
    """Right answers of the model to its own training problems, one of each reasoning path, with each problem's rate."""
    from mathdata.backends.transformers import Transformers
    from mathdata.verifiers import judge_many

    parents = [r for r in frame.unique("problem", maintain_order=True).iter_rows(named=True) if r["answer"]]
    prompt = get_prompt(spec.prompt)
    sampling = Sampling(temperature=asked.temperature, max_tokens=asked.max_tokens, n=asked.samples, seed=seed)
    requests = [request(row, prompt, sampling) for row in parents]
    answers = Transformers(model=model, tokenizer=tokenizer).generate(requests)
    pairs = [(row["answer"], c.text) for row, group in zip(parents, answers) for c in group]
    verdicts = iter(judge_many(pairs, processes=1))
    made: list[Row] = []
    right = 0
    for row, group in zip(parents, answers):
        judged = [(c, next(verdicts)) for c in group]
        good = [c.text.strip() for c, v in judged if v.ok and c.finish == "stop"]
        right += len(good)
        rate = len(good) / len(group)
        for k, text in enumerate(distinct(good)):
            fields = {"problem": row["problem"], "solution": text, "answer": row["answer"], "teacher": "self"}
            made.append(child(row, fields, method=METHOD, number=k) | {"verdict": "correct", "pass_rate": rate})
    figures = {"problems": len(parents), "samples": len(pairs), "right": right, "distinct": len(made)}
    return made, figures | {"accuracy_sampled": round(right / len(pairs), 4) if pairs else None}


def request(row: Mapping[str, Any], prompt: Any, sampling: Sampling) -> Request:
    text = prompt.render(row["problem"])
    messages = ({"role": "user", "content": text},) if prompt.chat else ()
    return Request(METHOD, Problem.from_row(row), messages, None if prompt.chat else text, sampling)


def distinct(texts: Sequence[str]) -> list[str]:
    """One text for each reasoning path (the chain of its equations), the first of each."""
    from mathdata.worked import path_key

    seen: dict[str, str] = {}
    for text in texts:
        seen.setdefault(str(path_key(text)), text)
    return list(seen.values())


def pick(rows: Sequence[Row], per_problem: int) -> list[Row]:
    """At most `per_problem` answers of each problem, all reasoning differently; fewer of the easy ones.

    A problem that the model always solves gets one answer, one that it seldom solves the full number.
    """
    by_parent: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_parent.setdefault(row["parents"][0], {}).setdefault(row["solution"], row)
    kept: list[Row] = []
    for group in by_parent.values():
        rate = min(float(r["pass_rate"] or 0) for r in group.values())
        allowed = max(1, round(per_problem * (1 - rate)))
        kept += list(group.values())[:allowed]
    return kept


def training_rows(frame: Frame, gathered: Sequence[Row], asked: ExpertIterationSpec) -> Frame:
    """What the round trains on: what was gathered, beside the given solutions where the recipe keeps them."""
    own = conform(pl.DataFrame(list(gathered), infer_schema_length=None)) if gathered else frame.clear()
    rows = pl.concat([frame, own], how="diagonal_relaxed") if asked.keep_seed else own
    if not rows.height:
        raise MathdataError(
            "the model solved none of its training problems: there is nothing to learn from",
            "start from a checkpoint that solves some, raise samples, or keep_seed: true",
        )
    return rows
