"""What decides a result, by content: a model by every byte a loader reads, a table by its bytes, options by the files they name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mathdata.digests import file_digest, files_below, tree_digest
from mathdata.errors import MathdataError
from mathdata.manifest import digest_of

__all__ = ["base_of", "benchmark_file", "content_of", "folder_digest", "is_model", "named_files", "weights_digest"]

ADAPTER = "adapter_config.json"

RECORDS = frozenset({
    "train.json", "job.json", "job.input.json", "base.json", "log.txt", "metrics.jsonl", "evaluations.jsonl",
    "evaluation.json", "accelerate.yaml", "deepspeed.json", "serving.json", "best.safetensors", "training_args.bin",
    "trainer_state.json", "optimizer.pt", "optimizer.bin", "scheduler.pt", "scaler.pt",
})  # fmt: skip
"""Files beside a model that no loader reads: how it was trained, where a training can go on, what it was graded."""
ASIDE = frozenset({"checkpoints", "evaluations", "evaluation", "rounds", "serving", "serving.adapter"})
"""Folders beside a model that are not of it."""
PROSE = (".md", ".png", ".jpg", ".jpeg", ".svg", ".pdf", ".part")


# --- models ------------------------------------------------------------------------------------------------------


def is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / ADAPTER).is_file()


def folder_digest(folder: Path) -> str:
    """What decides a model's answers, in 16 hex digits: every file of its folder that is no record or prose, every byte.

    Weights of any format, configuration, generation settings, tokenizer, templates, code, folders inside. An adapter's
    digest holds that of its base, wherever the base lies.
    """
    return _model_digest(folder, ())[:16]


def _model_digest(folder: Path, above: tuple[Path, ...]) -> str:
    parts: list[tuple[str, str]] = []
    for name, path in _files_of(folder):
        if name == ADAPTER:
            parts.append((name, digest_of(_without_place(path))))
            parts.append(("base", _base_digest(folder, (*above, folder.resolve()))))
        else:
            parts.append((name, file_digest(path) if path.is_file() else "leads nowhere"))
    return digest_of(parts)


def _files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    aside = ASIDE | ({"base"} if (folder / ADAPTER).is_file() else frozenset())
    for name, path in files_below(folder, skip_folders=aside):
        parts = Path(name).parts
        if any(p.startswith((".", "checkpoint-")) for p in parts) or parts[-1].startswith("rng_state"):
            continue
        if parts[-1] not in RECORDS and not parts[-1].lower().endswith(PROSE):
            yield name, path


def _without_place(path: Path) -> Any:
    """An adapter's own settings; where its base lies is not among them, what the base holds is said beside them."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return file_digest(path)
    return {k: v for k, v in body.items() if k != "base_model_name_or_path"} if isinstance(body, dict) else body


def _base_digest(adapter: Path, above: tuple[Path, ...]) -> str:
    name = base_of(adapter)
    folder = Path(name)
    if (
        not name or not is_model(folder) or folder.resolve() in above
    ):  # any other folder is none of the answer's reasons
        return name
    return _model_digest(folder, above)


def base_of(adapter: Path) -> str:
    """The base of an adapter: the folder beside it (the run may have been moved), else what its own file names."""
    if (adapter / "base").is_dir():
        return str(adapter / "base")
    try:
        body = json.loads((adapter / ADAPTER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(body.get("base_model_name_or_path") or "") if isinstance(body, dict) else ""


def weights_digest(folder: Path) -> str:
    """What an adapter stands on, in 16 hex digits: the weights and the architecture, not tokenizer or templates."""
    kinds = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
    parts = [(n, file_digest(p)) for n, p in _files_of(folder) if "/" not in n and n.endswith(kinds) and p.is_file()]
    config = folder / "config.json"
    shape = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    told = ("_name_or_path", "transformers_version", "use_cache", "dtype", "torch_dtype")
    return digest_of([parts, {k: v for k, v in shape.items() if k not in told}])[:16]


# --- files that options name -------------------------------------------------------------------------------------

NO_CONTENT = frozenset({"where", "journal", "out", "devices", "python", "run", "api_key_env", "api_key_file"})
"""Keys whose values name columns, places to write to, programs or keys: what stands there decides no row."""
FOLDERS = frozenset({"model", "name", "adapter", "tokenizer", "semantic_model", "against", "file", "corpus", "vectors"})
"""Keys under which a bare word is a folder where one of that name stands."""
BENCHMARKS = frozenset({"against", "data"})
"""Keys whose values may be benchmarks by name: their rows may stand in a file of this machine."""


def content_of(path: Path) -> str:
    """The digest of a file, a model's folder, or any other folder."""
    if path.is_file():
        return file_digest(path)
    return folder_digest(path) if is_model(path) else tree_digest(path)


def named_files(value: Any, key: str = "") -> dict[str, str]:
    """The files and folders that options name, each with the digest of its content; what is no path adds nothing."""
    if isinstance(value, Mapping):
        inside = [named_files(v, str(k)) for k, v in value.items() if k not in NO_CONTENT]
        return {k: v for found in inside for k, v in found.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return {k: v for item in value for k, v in named_files(item, key).items()}
    if not isinstance(value, (str, Path)):
        return {}
    found = _path_in(str(value), key) or (benchmark_file(str(value)) if key in BENCHMARKS else None)
    return {} if found is None else {str(value): content_of(found)}


def _path_in(text: str, key: str) -> Path | None:
    """`prompt.txt` · `rows.jsonl?split=a` · `data:gsm8k/test.jsonl` · `squad:dev.json` -> the path that is there, else None."""
    from mathdata.io import data_root

    plain = text.partition("?")[0]
    name, _, rest = plain.partition(":")
    tried = [Path(plain), data_root() / rest if name == "data" else Path(rest)] if rest else [Path(plain)]
    for path in tried:
        try:
            path = path.expanduser()
            if path.is_file() or (path.is_dir() and ("/" in str(path) or key in FOLDERS)):
                return path
        except (OSError, ValueError, RuntimeError):  # too long for a path, or no text of one
            continue
    return None


def benchmark_file(entry: str | Mapping[str, Any]) -> Path | None:
    """The file that a benchmark's rows are read from, where it is on this machine."""
    from mathdata.benchmarks import get_benchmark

    try:
        benchmark = get_benchmark(entry)
        place = benchmark.source() if benchmark.source is not None else None
    except MathdataError:
        return None  # no benchmark, or none that can be read: whoever uses it says so
    return Path(place) if place is not None and Path(place).is_file() else None
