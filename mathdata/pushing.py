"""Publish a curated set with its card: into a folder, or as a commit to a dataset repository on a hub."""

from __future__ import annotations

import os
import shutil
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

from mathdata.cards import write_card
from mathdata.errors import BackendError, DataError, UsageError
from mathdata.manifest import atomic_write

__all__ = ["push"]


def push(file: str | Path, repository: str, *, public: bool = False, message: str | None = None) -> dict[str, Any]:
    """Write the set, its card (README.md) and its Croissant metadata to a folder or to `owner/name` on the hub.

    A new hub repository is private unless `public`. Raises BackendError with the hub's own words.
    """
    path = Path(file)
    if not path.is_file():
        raise DataError(f"no such file: {path}", "give a parquet file")
    if _is_folder(repository):
        return {"where": str(_to_folder(path, Path(repository))), "files": _files(path)}
    if repository.count("/") != 1:
        raise UsageError(f"'{repository}' is neither a folder nor owner/name", "./folder, or owner/name on the hub")
    with tempfile.TemporaryDirectory(prefix="mathdata-push-") as folder:
        _to_folder(path, Path(folder))
        where = _to_hub(Path(folder), repository, public, message or f"Write {path.name} with its card")
    return {"where": where, "files": _files(path)}


def _files(path: Path) -> list[str]:
    return [path.name, "README.md", "croissant.json"]


def _is_folder(repository: str) -> bool:
    return repository.startswith((".", "/", "~")) or Path(repository).is_dir()


def _to_folder(path: Path, folder: Path) -> Path:
    """The three files in a folder; README.md last, so that a half-written folder is seen to be one."""
    folder = folder.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    if path.resolve().parent == folder.resolve():
        raise UsageError(f"{folder} is where the file lies", "push to another folder")
    part = folder / f".{path.name}.part"
    shutil.copyfile(path, part)
    os.replace(part, folder / path.name)
    with tempfile.TemporaryDirectory(prefix="mathdata-card-") as scratch:
        card, croissant = write_card(path, Path(scratch) / "README.md")
        atomic_write(folder / "croissant.json", croissant.read_bytes())
        atomic_write(folder / "README.md", card.read_bytes())
    return folder


def _to_hub(folder: Path, repository: str, public: bool, message: str) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    api = HfApi(endpoint=endpoint)
    operations = [CommitOperationAdd(p.name, str(p)) for p in sorted(folder.iterdir())]
    try:
        api.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
        made = api.create_commit(repository, operations, commit_message=message, repo_type="dataset")
    except Exception as error:
        said = f"{type(error).__name__}: {error}".strip().splitlines()
        if _of_transport(error):
            host = urllib.parse.urlsplit(endpoint).netloc or endpoint
            raise BackendError(
                f"{repository}: cannot reach {host}: {said[0]}", "check the network, or name another hub by HF_ENDPOINT"
            ) from None
        if isinstance(error, (HfHubHTTPError, OSError, KeyError, ValueError)):
            raise BackendError(f"{repository}: {said[0]}", "hf auth login, or HF_TOKEN") from None
        raise
    return str(made.commit_url)


def _of_transport(error: Exception) -> bool:
    """True where no answer came: the hub's library lets the errors of its HTTP library through, whichever that is."""
    library = type(error).__module__.partition(".")[0]
    return library in ("httpx", "httpx2", "requests") or isinstance(error, (ConnectionError, TimeoutError))
