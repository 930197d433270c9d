"""Publish a curated set with its card: into a folder, or as a commit to a dataset repository on a hub."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

from mathdata.cards import write_card
from mathdata.errors import BackendError, DataError, UsageError
from mathdata.manifest import dump_json, sha256_of, versions
from mathdata.saving import atomic, atomic_write

__all__ = ["push"]


RECEIPT = ".mathdata-push.json"
"""What a push wrote, with its digests: what stands there otherwise is another's, or was changed by hand since."""


def push(
    file: str | Path, repository: str, *, public: bool = False, message: str | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Write the set, its card (README.md) and its Croissant metadata to a folder or to `owner/name` on the hub.

    A new hub repository is private unless `public`. Files there that no push wrote are replaced with `overwrite` only,
    and then named under `replaced`. Raises UsageError, and BackendError with the hub's own words.
    """
    path = Path(file)
    if not path.is_file():
        raise DataError(f"no such file: {path}", "give a parquet file")
    if _is_folder(repository):
        where, replaced = _to_folder(path, Path(repository), overwrite)
        return {"where": str(where), "files": _files(path), "replaced": replaced}
    if repository.count("/") != 1:
        raise UsageError(f"'{repository}' is neither a folder nor owner/name", "./folder, or owner/name on the hub")
    with tempfile.TemporaryDirectory(prefix="mathdata-push-") as folder:
        _to_folder(path, Path(folder), overwrite)
        said = message or f"Write {path.name} with its card"
        made, replaced = _to_hub(Path(folder), repository, public, said, overwrite)
    return {"where": made, "files": _files(path), "replaced": replaced}


def _files(path: Path) -> list[str]:
    return [path.name, "README.md", "croissant.json"]


def _is_folder(repository: str) -> bool:
    return repository.startswith((".", "/", "~")) or Path(repository).is_dir()


def _to_folder(path: Path, folder: Path, overwrite: bool) -> tuple[Path, list[str]]:
    """The three files in a folder; README.md last, so that a half-written folder is seen to be one."""
    folder = folder.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    if path.resolve().parent == folder.resolve():
        raise UsageError(f"{folder} is where the file lies", "push to another folder")
    wrote = _receipt((folder / RECEIPT).read_bytes() if (folder / RECEIPT).is_file() else b"")
    there = [name for name in _files(path) if os.path.lexists(folder / name)]
    foreign = [n for n in there if (folder / n).is_symlink() or wrote.get(n) != sha256_of(folder / n)]
    _refuse(foreign, str(folder), overwrite)
    with tempfile.TemporaryDirectory(prefix="mathdata-card-") as scratch:
        card, croissant = write_card(path, Path(scratch) / "README.md")
        texts = {"croissant.json": croissant.read_bytes(), "README.md": card.read_bytes()}
    digests = {name: hashlib.sha256(raw).hexdigest() for name, raw in texts.items()} | {path.name: sha256_of(path)}
    # Written first: a push that is killed may be pushed again.
    dump_json(folder / RECEIPT, {"files": wrote | digests, "versions": versions()})
    with atomic(folder / path.name) as temp:
        shutil.copyfile(path, temp)
    for name, raw in texts.items():
        atomic_write(folder / name, raw)
    return folder, foreign


def _receipt(raw: bytes) -> dict[str, str]:
    """The digests that an earlier push wrote down, by file."""
    try:
        return {str(name): str(digest) for name, digest in json.loads(raw)["files"].items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _refuse(foreign: list[str], where: str, overwrite: bool) -> None:
    if foreign and not overwrite:
        raise UsageError(
            f"{where}: {', '.join(foreign)} there was not written by a push, or changed since",
            "push elsewhere, or --overwrite to replace it",
        )


def _to_hub(folder: Path, repository: str, public: bool, message: str, overwrite: bool) -> tuple[str, list[str]]:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    api = HfApi(endpoint=endpoint)
    operations = [CommitOperationAdd(p.name, str(p)) for p in sorted(folder.iterdir())]
    try:
        api.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
        foreign = _foreign(api, repository, [o.path_in_repo for o in operations])
        _refuse(foreign, repository, overwrite)
        made = api.create_commit(repository, operations, commit_message=message, repo_type="dataset")
    except UsageError:
        raise
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
    return str(made.commit_url), foreign


def _foreign(api: Any, repository: str, names: list[str]) -> list[str]:
    """Files of the repository that would be replaced and that no push wrote."""
    there = set(api.list_repo_files(repository, repo_type="dataset"))
    taken = [name for name in names if name in there and name != RECEIPT]
    wrote: dict[str, str] = {}
    if taken and RECEIPT in there:
        with tempfile.TemporaryDirectory(prefix="mathdata-receipt-") as folder:
            wrote = _receipt(
                Path(api.hf_hub_download(repository, RECEIPT, repo_type="dataset", local_dir=folder)).read_bytes()
            )
    return [name for name in taken if name not in wrote]


def _of_transport(error: Exception) -> bool:
    """True where no answer came: the hub's library lets the errors of its HTTP library through, whichever that is."""
    library = type(error).__module__.partition(".")[0]
    return library in ("httpx", "httpx2", "requests") or isinstance(error, (ConnectionError, TimeoutError))
