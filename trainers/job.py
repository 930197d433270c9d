"""One training job in its own process: python -m trainers.job JOB.json; progress as JSON lines on standard output."""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from mathdata.errors import MathdataError, UsageError

__all__ = ["main", "run_job"]


def tell(event: Mapping[str, Any]) -> None:
    print(json.dumps(event, ensure_ascii=False, default=str), flush=True)


def run_job(job: Mapping[str, Any], report: Any = tell) -> dict[str, Any]:
    """Train and evaluate what a job describes; returns the record that stands in train.json."""
    import polars as pl

    from mathdata.saving import refuse_links
    from mathdata.trainspec import parse_spec
    from trainers import sft
    from trainers.launch import join, sharded, world

    spec = parse_spec(job["spec"], "spec")
    out = Path(job["out"])
    refuse_links(out)
    join()
    if world()[0] == 0:
        (out / "train.json").unlink(missing_ok=True)
    report({"event": "progress", "done": 0, "total": None, "note": "loading libraries and rows"})
    frame = pl.read_parquet(job["data"])
    frame = frame.filter(pl.col("reject").is_null()) if "reject" in frame.columns else frame
    corpus = [pl.read_parquet(p) for p in corpus_of(job, spec)]
    evaluate = job.get("evaluate")
    common: dict[str, Any] = {"corpus": corpus, "seed": job.get("seed")}
    if job.get("record"):
        model, tokenizer, record = as_saved(frame, spec, out, job, corpus)
    elif job.get("before"):
        model, tokenizer, record = sft.run_sft(frame, spec, out, before=True, **common)
    else:
        common |= {"evaluate": evaluate, "allow": list(job.get("allow") or ()), "report": report}
        model, tokenizer, record = runner(spec.algorithm)(frame, spec, out, **common)
    if evaluate and world()[0] == 0:
        if sharded(spec) and world()[1] > 1 and not job.get("record"):
            from trainers.merge import saved_model

            model = saved_model(out, tokenizer)
        record["evaluation"] = evaluate_model(
            model, tokenizer, spec, evaluate, out, report, str(job.get("arm") or out.name)
        )
    if world()[0] == 0:
        sft.write_record(out, record)
    return record


def as_saved(frame: Any, spec: Any, out: Path, job: Mapping[str, Any], corpus: Any) -> tuple[Any, Any, dict[str, Any]]:
    """A model that was trained before, read from its folder, for other figures; other benchmarks are looked for in its rows."""
    from mathdata.trainspec import DEFAULT_SEED
    from trainers import sft
    from trainers.merge import trained_model

    record = {k: v for k, v in job["record"].items() if k != "evaluation"}
    if not job.get("before"):
        allow = list(job.get("allow") or ())
        ready = sft.prepare(frame, spec, corpus=corpus, evaluate=job.get("evaluate"), allow=allow, seed=job.get("seed"))
        ready.preflight.raise_if_refused()
        record["preflight"] = ready.preflight.summary()
    seed = next(s for s in (spec.seed, job.get("seed"), DEFAULT_SEED) if s is not None)
    return *trained_model(spec, out, seed), record


def runner(algorithm: str) -> Any:
    """The function that trains by this algorithm; out of memory, it says which setting helps."""
    from importlib import import_module

    run = getattr(import_module(f"trainers.{algorithm}"), f"run_{algorithm}")

    def guarded(frame: Any, spec: Any, out: Path, **more: Any) -> Any:
        import torch

        from trainers.plan import advice

        try:
            return run(frame, spec, out, **more)
        except torch.OutOfMemoryError as error:
            raise MathdataError(f"out of memory: {str(error).splitlines()[0]}", advice(spec)) from error

    return guarded


def corpus_of(job: Mapping[str, Any], spec: Any) -> list[str]:
    """Tables the tokenizer is trained on: the recipe's, else those of all arms, each once."""
    if spec.tokenizer.train is None:
        return []
    named = list(spec.tokenizer.train.corpus) or list(job.get("tokenizer_data") or ())
    return list(dict.fromkeys(named))


def evaluate_model(
    model: Any, tokenizer: Any, spec: Any, evaluate: Mapping[str, Any], out: Path, report: Any, name: str
) -> dict[str, Any]:
    """Grade the model where it stands in memory, each benchmark asked as `mathdata.asking.asked` says."""
    from mathdata.backends.transformers import Transformers
    from mathdata.evaluation import evaluate as grade
    from mathdata.identity import folder_digest
    from mathdata.types import Context

    options = {k: v for k, v in evaluate.items() if v is not None and k not in ("backend", "out")}
    options.setdefault("overwrite", True)  # the folder is this job's own
    options.setdefault("trained", spec.prompt)
    size = int(options.get("batch_size", 64))
    ctx = Context(
        progress=lambda done, total=None, note="": report(
            {"event": "progress", "done": done, "total": total, "note": f"evaluating {note}".strip()}
        )
    )
    server = evaluate.get("backend")
    subject: Any = str(out) if server else Transformers(model=model, tokenizer=tokenizer, batch_size=size)
    if not server:  # known by its name and its saved weights, as if it were read from its folder
        subject.name, subject.identity = name, folder_digest(out)
    found = grade(
        subject,
        out=evaluate.get("out") or out / "evaluation",
        backend=server,
        ctx=ctx,
        **options,
    )
    return {"folder": str(found.folder), "seconds": round(found.seconds, 2), "benchmarks": headline(found.benchmarks)}


def headline(benchmarks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Each benchmark's plain figures; the breakdowns stay in evaluation.json."""
    return {
        name: {k: v for k, v in figures.items() if isinstance(v, (int, float, str))}
        for name, figures in benchmarks.items()
    }


def end_with_parent() -> None:
    """End when the process that started this one is gone: its end of our standard input closes then."""
    try:
        if not stat.S_ISFIFO(os.fstat(0).st_mode):
            return
        poll = select.poll()
        poll.register(0, select.POLLHUP)
        if poll.poll(0):
            return  # closed from the start: nobody holds it for us
    except OSError:
        return

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def in_many(job: Mapping[str, Any], path: Path) -> int | None:
    """Exit code of the processes that the job asks for, None where this process does the work itself."""
    from mathdata.trainspec import parse_spec
    from trainers.launch import launched, relaunch, wanted_processes

    spec = parse_spec(job["spec"], "spec")
    if job.get("before") or job.get("record") or launched() or wanted_processes(spec) == 1:
        return None
    return relaunch(spec, path, Path(job["out"]))


def leave() -> None:
    """Close the process group, where there is one: its threads abort a process whose interpreter ends before them."""
    group = sys.modules.get("torch.distributed")
    if group is not None and group.is_available() and group.is_initialized():
        group.destroy_process_group()


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 when train.json stands; else an `error` event says what was wrong."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        if len(arguments) != 1:
            raise UsageError("trainers.job takes one argument, the job file", "python -m trainers.job JOB.json")
        end_with_parent()
        warnings.simplefilter("ignore")
        job = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        if (code := in_many(job, Path(arguments[0]))) is not None:
            return code
        rank = int(os.environ.get("RANK", "0"))
        record = run_job(job, tell if rank == 0 else lambda _: None)
        leave()
        if rank:
            return 0
        tell({"event": "done", "steps": record["steps"], "seconds": record["seconds"]})
        return 0
    except MathdataError as error:
        tell({"event": "error", "kind": type(error).__name__, "message": error.message, "hint": error.hint})
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        traceback.print_exc()
        tell(
            {"event": "error", "kind": type(error).__name__, "message": f"{type(error).__name__}: {error}", "hint": ""}
        )
        return 1


if __name__ == "__main__":
    sys.exit(main())
