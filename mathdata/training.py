"""The arms of a run: one training job each in its own process, several beside each other, each resumable."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathdata.benchmarks import get_benchmark
from mathdata.children import environment, python
from mathdata.errors import MathdataError, MissingExtra, PreflightError, UnknownName, UsageError
from mathdata.identity import folder_digest, named_files
from mathdata.manifest import digest_of, dump_json, sha256_of, versions
from mathdata.prompts import get_prompt
from mathdata.recipe import Recipe, arm_train, trained_prompt
from mathdata.saving import no_link
from mathdata.steps import Step, chain_of
from mathdata.trainspec import TrainSpec, parse_spec
from mathdata.types import Progress

__all__ = ["Job", "run_jobs"]


@dataclass(slots=True)
class Job:
    """One arm: what is trained on what, where the model and its evaluation go."""

    arm: str
    digest: str
    """Of what decides the weights."""
    figures: str | None
    """Of what decides the evaluation too; None where there is none."""
    body: dict[str, Any]
    model: Path
    evaluation: Path
    record: dict[str, Any]
    """train.json, once finished."""
    failure: MathdataError | None = None
    """Why it did not finish; the other arms go on."""


def run_jobs(recipe: Recipe, folder: Path, chains: dict[str, list[Step]], display: Any) -> list[Job]:
    """Train and evaluate every arm; what is finished by the same digests is not repeated.

    Where only the benchmark or the way of asking changed, the weights stand and are graded anew. An arm that fails says
    so and keeps its `failure`; the others go on, so that no finished training is without a report.
    """
    if recipe.train is None or not recipe.arms:
        return []
    need_torch()
    jobs = [make_job(recipe, folder, chains, arm) for arm in recipe.arms]
    open_jobs = [j for j in jobs if not finished(j)]
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=max(1, recipe.jobs)) as pool:
        futures = [pool.submit(try_job, job, recipe.jobs, display, stop) for job in open_jobs]
        try:
            for future in futures:
                future.result()
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    return jobs


def model_inside(model: str) -> str:
    """The model of a run's folder, by its path; whatever is no such folder (a model, a name) as it is.

    Raises UsageError, naming the models, where there are several.
    """
    path = Path(model)
    if not path.is_dir() or (path / "config.json").is_file() or (path / "adapter_config.json").is_file():
        return model
    need_torch()
    from trainers.merge import model_folder

    return str(model_folder(path))


def need_torch() -> None:
    from importlib.util import find_spec

    for package in ("torch", "transformers", "trl", "peft", "accelerate"):
        if find_spec(package) is None:
            raise MissingExtra(f"training needs {package}, which is not installed", extra="train")


def need_memory(recipe: Recipe) -> None:
    """The cards that the recipe names can hold each arm's plan, or `memory` is allowed. Raises PreflightError.

    A model that is not there yet (another run's) is left to the preflight, which sees it.
    """
    from importlib.util import find_spec

    specs = {arm: arm_train(recipe, arm) for arm, a in recipe.arms.items() if a.train is not False and recipe.train}
    named = {arm: spec for arm, spec in specs.items() if spec.parallel.gpu is not None}
    if not named or find_spec("trl") is None:
        return
    from trainers.plan import check_memory

    for arm, spec in named.items():
        with contextlib.suppress(UnknownName, UsageError):
            check_memory(spec, arm, tuple(recipe.arms[arm].preflight.allow))


def make_job(recipe: Recipe, folder: Path, chains: dict[str, list[Step]], arm: str) -> Job:
    """The job of an arm, as trainers.job reads it. Its digest covers everything that decides its weights."""
    settings = recipe.arms[arm]
    assert recipe.train is not None
    untrained = settings.train is False
    spec = recipe.train if untrained else arm_train(recipe, arm)
    data = chains[chain_of(recipe, arm)][-1]
    every = sorted({str(chains[chain_of(recipe, a)][-1].kept) for a in recipe.arms})
    evaluation = folder / "evaluation" / arm
    body: dict[str, Any] = {
        "arm": arm,
        "spec": spec.model_dump(mode="json"),
        "seed": recipe.seed,
        "before": untrained,
        "data": str(data.kept),
        # One tokenizer for all arms: it is trained on the rows of all of them.
        "tokenizer_data": every,
        "allow": list(settings.preflight.allow),
        "out": str(folder / "models" / arm),
        "evaluate": evaluation_of(recipe, arm, evaluation),
    }
    weights = weights_key(
        recipe, body, None if untrained else data, [chains[chain_of(recipe, a)][-1] for a in recipe.arms]
    )
    return Job(arm, weights, figures_key(weights, body["evaluate"]), body, folder / "models" / arm, evaluation, {})


ONLY_TRAINING = (
    "learning_rate", "scheduler", "scheduler_args", "warmup", "weight_decay", "betas", "epsilon", "max_grad_norm",
    "optimizer", "epochs", "tokens", "tokens_per_step", "max_steps", "batch", "accumulation", "global_batch", "batches",
    "pad_to_multiple_of", "loss", "overlong", "mixture", "evaluation", "checkpoints", "spectral", "lora", "peft", "partial",
    "trl", "grpo", "expert_iteration", "gradient_checkpointing", "report_to", "preflight", "algorithm",
)  # fmt: skip
"""Settings of a training that a model which is not trained does not depend on."""
ONLY_TEXTS = ("prompt", "response", "final", "spoil", "data_seed")
"""Settings of the texts of rows: such a model depends on them where its tokenizer is made from those texts."""


def weights_key(recipe: Recipe, body: Mapping[str, Any], data: Step | None, every: Sequence[Step]) -> str:
    """What decides an arm's weights: rows and named files byte by byte, settings, versions of what computes."""
    spec = parse_spec(body["spec"])
    trains_tokenizer = spec.tokenizer.train is not None and not spec.tokenizer.train.corpus
    left_out = () if data is not None else ONLY_TRAINING + (() if spec.tokenizer.train else ONLY_TEXTS)
    own = {k: v for k, v in body["spec"].items() if k not in left_out}
    decides = [
        own,
        named_files(own),
        get_prompt(spec.prompt).digest if "prompt" in own else None,
        {k: body[k] for k in ("seed", "before", "allow")},
        None if data is None else [data.rows_digest, asked_on_the_way(spec, recipe)],
        sorted({step.rows_digest for step in every}) if trains_tokenizer else None,
        computed_by(),
    ]
    return digest_of(decides)


def asked_on_the_way(spec: TrainSpec, recipe: Recipe) -> Any:
    """The benchmark that is asked while the training runs: it decides which state is the best, and when to stop."""
    from mathdata.plans import rows_identity

    named = recipe.evaluate.benchmarks if recipe.evaluate else []
    entry = (spec.evaluation.data or (named or [None])[0]) if spec.evaluation else None  # type: ignore[list-item]
    if entry is None:
        return None
    benchmark = get_benchmark(entry)
    return rows_identity(benchmark, benchmark.load())


def figures_key(weights: str, evaluate: Mapping[str, Any] | None) -> str | None:
    """What decides an arm's figures: its weights, the problems, how they are asked, and by what."""
    if evaluate is None:
        return None
    from mathdata.plans import settings_of

    asked = {k: v for k, v in evaluate.items() if k not in ("out", "benchmarks")}
    return digest_of(
        [weights, asked, settings_of(evaluate), named_files(evaluate.get("backend"), "model"), computed_by()]
    )


def computed_by() -> dict[str, str]:
    return {k: v for k, v in versions().items() if k in ("mathdata", "torch", "transformers", "trl", "peft")}


def evaluation_of(recipe: Recipe, arm: str, out: Path) -> dict[str, Any] | None:
    if recipe.evaluate is None:
        return None
    asked = {"trained": trained_prompt(recipe, arm), "seed": recipe.seed}
    return recipe.evaluate.model_dump(mode="json") | asked | {"out": str(out)}


def finished(job: Job) -> bool:
    """True where job.json (written last) names these weights and figures, and the files that hold them are whole."""
    record = trained(job)
    if record is None or record.get("figures") != job.figures:
        return False
    try:
        whole = all(sha256_of(Path(p)) == digest for p, digest in record["outputs"].items())
    except (OSError, AttributeError):
        return False
    if whole:
        job.record = record["train"]
    return whole


def trained(job: Job) -> dict[str, Any] | None:
    """job.json, where it names these weights and the model's folder holds them, byte by byte; else None."""
    try:
        record: dict[str, Any] = json.loads((job.model / "job.json").read_text(encoding="utf-8"))
        same = record["digest"] == job.digest and record["model"] == folder_digest(job.model)
        return record if same and isinstance(record["train"], dict) and "outputs" in record else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def try_job(job: Job, beside: int, display: Any, stop: threading.Event) -> None:
    """`run_job`; what it raises is kept with the job, and said at once."""
    try:
        run_job(job, beside, display, stop)
    except MathdataError as error:
        job.failure = error
        display.say(f"{error.message}; the other arms go on")


def run_job(job: Job, beside: int, display: Any, stop: threading.Event) -> None:
    """Run `python -m trainers.job` to its end, passing its progress on. Raises with its last words on failure."""
    if stop.is_set():
        return
    job.model.mkdir(parents=True, exist_ok=True)
    if (there := trained(job)) is None:
        (job.model / "job.json").unlink(missing_ok=True)
    else:  # the weights stand: only the figures are made anew, and until they are there are none
        dump_json(job.model / "job.json", there | {"figures": None})
    path = job.model / "job.input.json"
    dump_json(path, job.body | ({"record": there["train"]} if there else {}))
    share = max(1, (os.cpu_count() or 1) // max(1, beside))  # the job decides how many of them it takes
    env = environment(MATHDATA_CORES=str(share), TOKENIZERS_PARALLELISM="false")
    started, work = time.perf_counter(), "evaluate" if job.body["before"] or there else "train"
    with display.stage(f"{work} {job.arm}") as progress, open(job.model / "log.txt", "wb", opener=no_link) as log:
        # The child watches its standard input: when this process dies, however it dies, the child ends too.
        child = subprocess.Popen(
            python("trainers.job", str(path)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=env,
        )
        try:
            failure = follow(child, progress, stop, display.say)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
    if stop.is_set() and child.returncode:
        return
    if child.returncode:
        explain_failure(job, child.returncode, failure)
    job.record = json.loads((job.model / "train.json").read_text(encoding="utf-8"))
    outputs = {str(p): sha256_of(p) for p in outputs_of(job)}
    made = {"digest": job.digest, "figures": job.figures, "model": folder_digest(job.model)}
    dump_json(job.model / "job.json", made | {"train": job.record, "outputs": outputs})
    display.say(f"{work} {job.arm}: done in {time.perf_counter() - started:.0f} s")


def outputs_of(job: Job) -> list[Path]:
    """What stands beside the weights: the record, the figures and every graded response."""
    return [job.model / "train.json", *sorted(p for p in job.evaluation.glob("*") if p.suffix in (".json", ".parquet"))]


def follow(
    child: subprocess.Popen[bytes], progress: Progress, stop: threading.Event, say: Callable[[str], None]
) -> dict[str, Any]:
    """Read the child's JSON lines until it closes them; returns its `error` event, if it sent one."""
    failure: dict[str, Any] = {}
    assert child.stdout is not None
    watcher = threading.Thread(target=_kill_on, args=(child, stop), daemon=True)
    watcher.start()
    for line in child.stdout:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == "progress":
            progress(int(event.get("done", 0)), event.get("total"), note_of(event))
        elif event.get("event") == "evaluation":
            say(evaluation_line(event))
        elif event.get("event") == "error":
            failure = event
    return failure


def note_of(event: Mapping[str, Any]) -> str:
    """How the training stands, in a few words; the display says itself how much time is left.

    >>> note_of({"loss": 0.5, "tokens_per_second": 4321.0, "padding": 0.08, "memory_mb": 2048})
    'loss 0.500, 4,321 tokens/s, padding 8 %, 2.0 GB'
    """
    words = []
    for key, form in (
        ("loss", "loss {:.3f}"), ("reward", "reward {:.3f}"), ("tokens_per_second", "{:,.0f} tokens/s"),
        ("padding", "padding {:.0%}"), ("memory_mb", "{:.1f} GB"),
    ):  # fmt: skip
        value = event.get(key)
        if isinstance(value, (int, float)):
            words.append(form.format(value / 1024 if key == "memory_mb" else value).replace("%", " %"))
    return ", ".join(words) or str(event.get("note", ""))


def evaluation_line(event: Mapping[str, Any]) -> str:
    """
    >>> evaluation_line({"step": 30, "answer_accuracy": 0.42, "format_accuracy": 1.0, "truncated": 0.0, "length": 25.0,
    ...     "token_accuracy": None, "n": 200, "best": True})
    '  step 30: answers 42.0 %, format 100.0 %, truncated 0.0 %, 25 tokens on 200 problems (best so far)'
    """
    shares = (("answers", "answer_accuracy"), ("tokens", "token_accuracy"), ("format", "format_accuracy"), ("truncated", "truncated"))  # fmt: skip
    words = [f"{name} {100 * event[key]:.1f} %" for name, key in shares if isinstance(event.get(key), (int, float))]
    best = " (best so far)" if event.get("best") else ""
    return f"  step {event['step']}: {', '.join(words)}, {event['length']:.0f} tokens on {event['n']} problems{best}"


def _kill_on(child: subprocess.Popen[bytes], stop: threading.Event) -> None:
    while child.poll() is None:
        if stop.wait(0.2):
            child.kill()
            return


def explain_failure(job: Job, code: int, failure: dict[str, Any]) -> None:
    """Raise what the child said; its whole log stays beside the model."""
    log = job.model / "log.txt"
    if failure.get("kind") == "PreflightError":
        raise PreflightError(f"arm '{job.arm}': {failure['message']}", str(failure.get("hint", "")))
    if failure:
        raise MathdataError(f"arm '{job.arm}': {failure.get('message', '')}", str(failure.get("hint") or f"see {log}"))
    words = tail(log)
    raise MathdataError(
        f"arm '{job.arm}': the training process ended with code {code}: {words[-1] if words else ''}", f"see {log}"
    )


def tail(path: Path, lines: int = 5) -> Sequence[str]:
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return [line for line in text.splitlines() if line.strip()][-lines:]
