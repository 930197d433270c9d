"""Data sets that are not files here: hubs (`hf://`, `modelscope://`) and the built-in corpus (`builtin:`)."""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mathdata.bounds import SMALL_FILE
from mathdata.digests import cache_folder
from mathdata.errors import DataError, UnknownName, UsageError, nearest
from mathdata.formats import FORMATS, Slice, numbers, parts, suffix_of
from mathdata.lines import Parsed, shown
from mathdata.saving import atomic
from mathdata.types import Frame

__all__ = ["Fetched", "builtin", "fetch"]

LICENSES = {
    "openai/gsm8k": "MIT",
    "hendrycks/competition_math": "MIT",
    "meta-math/MetaMathQA": "MIT",
    "AI-MO/NuminaMath-CoT": "Apache-2.0",
    "AI-MO/NuminaMath-1.5": "Apache-2.0",
    "ChilleD/SVAMP": "MIT",
}
"""Where the hub's own record names no licence."""
TIMEOUT = 60
REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]{0,199}")
FEWEST = 40
"""Rows of the built-in corpus below which not every family has one."""
MOST = 5_000_000
"""Rows of it beyond which one address would fill the memory."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows of a hub's data set and what the hub says of them."""

    parts: Iterator[Parsed]
    known: Mapping[str, str]


def check_options(options: Mapping[str, str], valid: tuple[str, ...], where: str) -> None:
    for key in options:
        if key not in valid:
            raise UsageError(f"{where}: unknown part '{key}'", nearest(key, valid))


def builtin(name: str, options: Mapping[str, str]) -> Frame:
    """`builtin:elementary?rows=..&seed=..`: the generated corpus with its planted illnesses."""
    corpus = name.removeprefix("builtin:")
    if corpus != "elementary":
        raise UnknownName(f"no built-in corpus '{corpus}'", nearest(corpus, ["elementary"]))
    check_options(options, ("rows", "seed"), name)
    try:
        numbers = {k: int(v) for k, v in options.items()}
    except ValueError as e:
        raise UsageError(f"{name}: rows and seed are whole numbers: {e}", "builtin:elementary?rows=2000&seed=7") from e
    if numbers.get("rows", FEWEST) < FEWEST:
        why = f"{name}: rows={numbers['rows']}, and every family needs its own: {FEWEST} at least"
        raise UsageError(why, "builtin:elementary?rows=2000")
    if numbers.get("rows", FEWEST) > MOST:
        raise UsageError(
            f"{name}: rows={numbers['rows']}, and {MOST:,} are made at most", "builtin:elementary?rows=2000"
        )
    from mathdata.families.corpus import generate

    return generate(**numbers)


def fetch(name: str, options: Mapping[str, str]) -> Fetched:
    """The data set that an address names. Raises DataError where the hub cannot give it."""
    check_options(options, ("subset", "split", "revision"), name)
    hub, _, repo = name.partition("://")
    repo = repo.strip("/")
    if repo.count("/") != 1 or ".." in repo:
        raise UsageError(f"{name}: not a data set's address", f"write {hub}://owner/name?subset=main&split=train")
    revision = options.get("revision", "master")
    if not REVISION.fullmatch(revision) or ".." in revision:
        raise UsageError(f"{name}: revision={shown(revision)} is no revision", "a branch, a tag or a commit")
    cut = Slice.parse(options.get("split", "train"))
    rows, license = (from_hf if hub == "hf" else from_modelscope)(repo, options, cut)
    known = {"source": repo} | ({"license": found} if (found := license or LICENSES.get(repo)) else {})
    return Fetched(rows, known)


def from_hf(repo: str, options: Mapping[str, str], cut: Slice) -> tuple[Iterator[Parsed], str]:
    """Through the `datasets` library and its cache; HF_ENDPOINT and HF_HUB_OFFLINE are honoured there."""
    import datasets

    try:
        data: Any = datasets.load_dataset(repo, options.get("subset"), split=cut.text, revision=options.get("revision"))
    except Exception as e:  # the library's errors have no common base
        endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
        where = urllib.parse.urlsplit(endpoint).hostname or endpoint
        raise DataError(f"hf://{repo} from {where}: {shown(str(e), 300)}", hub_hint(str(e), repo)) from e
    frame = pl.DataFrame(pl.from_arrow(data.flatten_indices().data.table))
    return iter([Parsed(frame, numbers(1, frame.height))]), str(data.info.license or "")


def hub_hint(text: str, repo: str) -> str:
    if "Config name is missing" in text or "BuilderConfig" in text:
        return f"name the subset: hf://{repo}?subset=NAME&split=train"
    if "split" in text.lower():
        return f"name one of its splits: hf://{repo}?split=NAME"
    return "check the name and the connection; HF_ENDPOINT names a mirror, HF_TOKEN opens gated data"


def from_modelscope(repo: str, options: Mapping[str, str], cut: Slice) -> tuple[Iterator[Parsed], str]:
    """Through the hub's file service: the data files of the split, into a cache folder, then as any file."""
    files = [f for f in list_files(repo, options.get("revision", "master")) if suffix_of(Path(f)) in FORMATS]
    chosen = of_split(files, options.get("subset"), cut.name or "train")
    if not chosen:
        listed = ", ".join(files[:8]) or "no data files"
        raise DataError(
            f"modelscope://{repo}: no file of split '{cut.name or 'train'}' (it has {listed})", "?subset=..&split=.."
        )
    local = [download(repo, f, options.get("revision", "master")) for f in chosen]
    rows = (part for path in local for part in parts(path))
    return (cut_parts(rows, cut) if cut.whole_is_cut else rows), ""


def cut_parts(rows: Iterator[Parsed], cut: Slice) -> Iterator[Parsed]:
    frame = cut.cut(pl.concat([p.frame for p in rows], how="diagonal_relaxed"))
    yield Parsed(frame, numbers(1, frame.height))


def of_split(files: list[str], subset: str | None, split: str) -> list[str]:
    """Files whose name tells the split (`train.jsonl`, `main/train-00000-of-00001.parquet`) and folder the subset."""
    named = [f for f in files if split in Path(f).name.replace("_", "-").replace(".", "-").split("-")]
    named = named or [f for f in files if split in Path(f).parts]
    return sorted(f for f in named if subset is None or subset in Path(f).parts or subset in Path(f).name)


def endpoint() -> str:
    given = os.environ.get("MODELSCOPE_ENDPOINT") or os.environ.get("MODELSCOPE_DOMAIN") or "www.modelscope.cn"
    return given.rstrip("/") if "://" in given else f"https://{given}"


def list_files(repo: str, revision: str) -> list[str]:
    found: list[str] = []
    for page in range(1, 1000):
        query = {"Revision": revision, "Root": "", "Recursive": "True", "PageNumber": page, "PageSize": 100}
        with opened(f"{endpoint()}/api/v1/datasets/{repo}/repo/tree?{urllib.parse.urlencode(query)}", repo) as f:
            try:
                files = json.loads(f.read(SMALL_FILE))["Data"]["Files"]
                new = [p for item in files if item.get("Type") != "tree" and (p := str(item["Path"])) not in found]
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
                raise DataError(
                    f"modelscope://{repo}: the hub's list of files cannot be read: {e!r}", "try again later"
                ) from e
        found += new
        if len(files) < 100 or not new:
            break
    return found


def download(repo: str, file: str, revision: str) -> Path:
    """A data file in the cache folder; complete or absent."""
    if (home := cache_folder()) is None:
        raise DataError(
            f"modelscope://{repo}: this user has no home to keep files in", "name one: MATHDATA_CACHE=FOLDER"
        )
    folder = (home / "modelscope" / repo / revision).resolve()
    target = (folder / file).resolve()
    if target == folder or not target.is_relative_to(folder):
        raise DataError(
            f"modelscope://{repo}: a file name that leaves its folder: {shown(file)}", "do not trust this data set"
        )
    if target.is_file():
        return target
    query = urllib.parse.urlencode({"Source": "SDK", "Revision": revision, "FilePath": file})
    address = f"{endpoint()}/api/v1/datasets/{repo}/repo?{query}"
    with opened(address, repo) as f, atomic(target) as temp, temp.open("wb") as out:
        shutil.copyfileobj(f, out, 1 << 20)
    return target


def opened(url: str, repo: str) -> Any:
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": "mathdata"}), timeout=TIMEOUT)
    except urllib.error.HTTPError as e:
        raise DataError(
            f"modelscope://{repo}: the hub answers {e.code} {e.reason}", "check owner/name and ?revision="
        ) from e
    except OSError as e:
        where = urllib.parse.urlsplit(url).hostname
        raise DataError(f"modelscope://{repo}: cannot reach {where}: {e}", "MODELSCOPE_ENDPOINT names a mirror") from e
