"""Evaluate a model, or responses that exist, on benchmarks: every figure with its interval, every response kept."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.errors import BackendError, DataError, UsageError
from mathdata.figures import GUARD, summarise
from mathdata.grading import grade, with_token_accuracy
from mathdata.leaderboard import lm_eval_figures, lm_eval_results
from mathdata.manifest import atomic_write, digest_of, dump_json, sha256_of, versions
from mathdata.plans import Plan, make_requests, model_identity, plans_of, template_for
from mathdata.prompts import Prompt
from mathdata.types import Backend, Benchmark, Completion, Context, Frame, Request

__all__ = ["Evaluation", "evaluate"]

FILE = "evaluation.json"
CHUNK = 512
"""Requests handed to the backend at once: enough to sort by length, few enough to keep memory flat."""


@dataclass(slots=True)
class Evaluation:
    """A finished evaluation folder: `evaluation.json` and one parquet file of graded responses a benchmark."""

    folder: Path
    data: dict[str, Any]
    seconds: float = 0.0
    reused: bool = False

    @classmethod
    def load(cls, folder: str | Path) -> Evaluation:
        path = Path(folder) / FILE if Path(folder).suffix != ".json" else Path(folder)
        try:
            return cls(path.parent, json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            inside = sorted(str(p.parent) for p in Path(folder).glob(f"evaluation/*/{FILE}"))
            hint = f"a run holds one for each arm: {', '.join(inside)}" if inside else "mathdata evaluate MODEL -o DIR"
            why = "" if isinstance(error, FileNotFoundError) else f": {error}"
            raise DataError(f"no finished evaluation in {folder}{why}", hint) from error

    @property
    def model(self) -> str:
        return str(self.data["model"])

    @property
    def digest(self) -> str:
        return str(self.data["digest"])

    @property
    def benchmarks(self) -> dict[str, dict[str, Any]]:
        """Figures by benchmark name."""
        return dict(self.data["benchmarks"])

    def rows(self, benchmark: str) -> Frame:
        """Every graded response of a benchmark."""
        path = self.folder / f"{benchmark}.parquet"
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{path}: {error}", "evaluate again with --overwrite") from error


def evaluate(
    model: str | Path | Backend,
    *,
    benchmarks: Sequence[str | Mapping[str, Any] | Benchmark] | str,
    out: str | Path,
    responses: str | Path | None = None,
    prompt: str | Prompt | None = None,
    trained: str | Prompt | None = None,
    limit: int | None = None,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 42,
    max_tokens: int | None = None,
    batch_size: int = 64,
    shots: int = 0,
    backend: str | Mapping[str, Any] | None = None,
    column: Mapping[str, str] | None = None,
    overwrite: bool | None = None,
    ctx: Context | None = None,
) -> Evaluation:
    """Grade a model (folder, registry spec, or an object with `generate`), or the answers in `responses`.

    An evaluation of the same identity that is already in `out` is returned as it is; another one is replaced.
    `overwrite=False` refuses to replace (UsageError), `overwrite=True` repeats an equal one too. `prompt`,
    `max_tokens` and `limit` are the word for all benchmarks, `trained` the prompt the model was trained with: which of
    them counts is the rule of `mathdata.asking.asked`.
    Raises UnknownName for a benchmark or prompt, DataError for a bad file.
    """
    started = time.perf_counter()
    out, ctx = Path(out), ctx or Context()
    if column and responses is None:
        raise UsageError("--column maps the columns of a file of responses, and none is given", "--responses FILE")
    if responses is not None:
        _refuse_asking(prompt=prompt, samples=samples > 1, temperature=temperature, max_tokens=max_tokens, shots=shots,
                       backend=backend)  # fmt: skip
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "--out names a folder")
    names = benchmarks.split(",") if isinstance(benchmarks, str) else benchmarks
    given = None if responses is None else _Given(responses, str(model), column)
    plans = plans_of(
        names, prompt=prompt, trained=trained, limit=limit, samples=samples, temperature=temperature, seed=seed,
        max_tokens=max_tokens, shots=shots, asks=given is None, template=None if given else template_for(model, backend),
    )  # fmt: skip
    who = given.identity if given else model_identity(model, backend)
    label = given.label if given else str(who["name"])
    data = _head(label, who, plans)
    if (
        known := _existing(out, data, overwrite, reusable=given is not None or isinstance(model, (str, Path)))
    ) is not None:
        return known
    ready = None if given is None else [given.answers(plan) for plan in plans]  # refused before anything is replaced
    (out / FILE).unlink(missing_ok=True)  # written last: until then the folder holds no finished evaluation
    with contextlib.ExitStack() as open_:
        teller = None if given else _Generated(_backend(model, backend, batch_size, out, open_), ctx)
        for plan, answered in zip(plans, ready or map(teller.answers, plans)):  # type: ignore[union-attr]
            graded = grade(plan.benchmark, plan.problems, answered, ctx)
            if teller is not None:
                graded = with_token_accuracy(graded, plan.problems, make_requests(plan), teller.backend)
            figures = summarise(graded, plan.benchmark.by, plan.sampling.max_tokens)
            figures |= {"metrics": {name: figures[key] for key, name in plan.benchmark.metrics.items()}}
            if (theirs := lm_eval_figures(plan.benchmark, graded)) is not None:
                figures["lm_eval"] = theirs
            data["benchmarks"][plan.benchmark.name] |= figures
            _write(out / f"{plan.benchmark.name}.parquet", graded)
    data["warnings"] = [w["en"] for w in warnings_of(data["benchmarks"])]
    dump_json(out / "results.lm_eval.json", lm_eval_results(data))
    dump_json(out / FILE, data)
    return Evaluation(out, data, time.perf_counter() - started)


def _refuse_asking(**settings: Any) -> None:
    """Settings of how a model is asked, beside answers that exist already. Raises UsageError."""
    asked = [f"--{name.replace('_', '-')}" for name, value in settings.items() if value]
    if asked:
        raise UsageError(
            f"{', '.join(asked)}: how a model is asked, but with --responses none is", "leave it out, or --responses"
        )


# --- identity ----------------------------------------------------------------------------------------------------


def _head(label: str, who: dict[str, Any], plans: Sequence[Plan]) -> dict[str, Any]:
    benchmarks: dict[str, Any] = {}
    for plan in plans:
        if plan.benchmark.name in benchmarks:
            raise UsageError(f"benchmark {plan.benchmark.name} is named twice", "name each once")
        settings = digest_of(plan.identity)[:16]
        whole = digest_of({"model": who, **plan.identity})[:16]
        benchmarks[plan.benchmark.name] = {
            "digest": whole, "settings_digest": settings, "identity": plan.identity, "asked": plan.asked,
        }  # fmt: skip
    digest = digest_of([b["digest"] for b in benchmarks.values()])[:16]
    settings = digest_of([b["settings_digest"] for b in benchmarks.values()])[:16]
    return {
        "format": "mathdata.evaluation/1",
        "model": label,
        "digest": digest,
        "settings_digest": settings,
        "model_identity": who,
        "versions": versions(),
        "warnings": [],
        "benchmarks": benchmarks,
    }


def _existing(out: Path, data: dict[str, Any], overwrite: bool | None, reusable: bool) -> Evaluation | None:
    if overwrite or not (out / FILE).exists():
        return None
    old = Evaluation.load(out)
    if reusable and old.digest == data["digest"] and old.data.get("versions") == data["versions"]:
        old.reused = True
        return old
    if overwrite is None:
        return None
    raise UsageError(f"{out} holds another evaluation ({old.model}, {old.digest})", "another folder, or --overwrite")


# --- answers -----------------------------------------------------------------------------------------------------


def make_backend(model: Any, backend: Any = None, batch_size: int = 64) -> Backend:
    """The backend that runs `model`: an object as it is, a folder or hub name by transformers, else a registry spec."""
    from mathdata.registry import build, names, parse_spec

    if not isinstance(model, (str, Path, Mapping)):
        return model  # type: ignore[no-any-return]
    if backend is not None:
        name, options = parse_spec(backend)
        made: Backend = build("backend", {name: {"model": str(model), **options}})
        return made
    if isinstance(model, (Path, str)) and (Path(model).is_dir() or str(model).split(":")[0] not in names("backend")):
        if not Path(model).is_dir() and "/" not in str(model):
            raise UsageError(
                f"no model folder '{model}' and no such backend", f"backends: {', '.join(names('backend'))}"
            )
        model = {"transformers": {"model": str(model), "batch_size": batch_size}}
    made = build("backend", model if isinstance(model, Mapping) else str(model))
    return made


def _backend(model: Any, spec: Any, batch_size: int, out: Path, open_: contextlib.ExitStack) -> Backend:
    """The backend; a server's answers are stored as they come, so that a broken evaluation goes on where it stopped."""
    made = make_backend(model, spec, batch_size)
    named = isinstance(model, (str, Path))
    if not named or made.name.split(":")[0] in ("transformers", "symbolic", "scripted"):
        return made
    from mathdata.backends.journal import Journal
    from mathdata.backends.journaled import Journaled

    return Journaled(made, open_.enter_context(Journal(out / "journal.sqlite")))  # type: ignore[return-value]


@dataclass(slots=True)
class _Given:
    """Answers from a file; the model is what the file says."""

    path: str | Path
    label: str
    column: Mapping[str, str] | None
    frame: Frame = field(init=False)

    def __post_init__(self) -> None:
        from mathdata.responses import read_responses

        self.frame = read_responses(self.path, self.column)

    @property
    def identity(self) -> dict[str, Any]:
        return {"name": self.label, "responses": sha256_of(Path(self.path))[:16]}

    def answers(self, plan: Plan) -> list[list[Completion]]:
        from mathdata.responses import match, pick

        mine = pick(self.frame, self.label, plan.benchmark.name, self.path)
        return match(mine, plan.problems, self.path)


@dataclass(slots=True)
class _Generated:
    """Answers from a backend, longest prompts first so that a batch holds like lengths."""

    backend: Backend
    ctx: Context

    def answers(self, plan: Plan) -> list[list[Completion]]:
        requests = make_requests(plan)
        order = sorted(range(len(requests)), key=lambda i: (-len(requests[i].text or _chat_text(requests[i])), i))
        found: list[list[Completion]] = [[] for _ in requests]
        done = 0
        for chunk in _chunks(order, max(CHUNK, int(getattr(self.backend, "chunk", 0)))):
            for i, made in zip(chunk, self.backend.generate([requests[i] for i in chunk]), strict=True):
                found[i] = made
            done += len(chunk)
            self.ctx.progress(done, len(requests), f"{plan.benchmark.name} answered")
        failed = [c for made in found for c in made if c.finish in ("error", "unsupported")]
        if failed or not all(found):
            why = f": {failed[0].reason}" if failed else ""
            raise BackendError(
                f"{plan.benchmark.name}: {len(failed) or found.count([])} of {len(requests)} requests failed{why}",
                "run the same command again: answers of a server are kept, only the rest is asked",
            )
        return found


def _chat_text(request: Request) -> str:
    return "".join(m["content"] for m in request.messages)


def _chunks(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def warnings_of(benchmarks: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """What stands in a result's first line, in English and Chinese: answers cut off, answers that no judge could read."""
    found = []
    for name, figures in benchmarks.items():
        cut = figures["truncated"] or 0.0
        if cut > GUARD:
            limit, proposed = figures["identity"].get("max_tokens"), figures.get("proposed_max_tokens")
            advice = ("raise the limit", "请放宽长度上限")
            if limit and proposed:
                advice = (f"try max_tokens={proposed}", f"可试 max_tokens={proposed}")
            elif limit:
                advice = (
                    "more than half never end: the model has not learnt to stop",
                    "半数以上的回答不会结束：模型还没有学会停下",
                )
            at = (f" of {limit} tokens", f"（{limit} 个词元）") if limit else ("", "")
            found.append(
                {
                    "en": f"{name}: {cut:.1%} of responses end at the limit{at[0]}, so the accuracy is a lower bound; {advice[0]}",
                    "zh": f"{name}：{cut:.1%} 的回答在长度上限{at[1]}处被截断，准确率只是下限；{advice[1]}",
                }
            )
        if figures["error"]:
            found.append(
                {
                    "en": f"{name}: {figures['error']:.1%} of responses could not be judged (errors, counted as not right)",
                    "zh": f"{name}：{figures['error']:.1%} 的回答无法评判（出错，按不正确计）",
                }
            )
    return found


def _write(path: Path, frame: Frame) -> None:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    atomic_write(path, buffer.getvalue())
