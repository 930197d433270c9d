"""Hubs as real HTTP servers on this machine: `hf://` through HF_ENDPOINT, `modelscope://` through its file service."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from mathdata.errors import DataError, UnknownName, UsageError
from mathdata.io import read

ROWS = [{"question": f"{n} + 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"} for n in range(30)]
DATA = "".join(json.dumps(r) + "\n" for r in ROWS).encode()
CARD = b"---\nlicense: mit\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n    path: main/train.jsonl\n---\n"
FILES = {"README.md": CARD, "main/train.jsonl": DATA, "main/test.jsonl": DATA[: DATA.index(b"\n") + 1]}
COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """Both hubs' file services for one data set, `owner/name`."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        if path == "/api/v1/datasets/owner/name/repo/tree":
            self.give(
                {"Data": {"Files": [{"Path": "main", "Type": "tree"}, *({"Path": p, "Type": "blob"} for p in FILES)]}}
            )
        elif path == "/api/v1/datasets/owner/name/repo":
            self.give(FILES[query["FilePath"][0]])
        elif "/owner/name/resolve/" in path:
            name = path.partition("/resolve/")[2].partition("/")[2]
            self.give(FILES.get(name, b""), 200 if name in FILES else 404)
        elif "/owner/name/tree/" in path:
            inside = path.partition("/tree/")[2].partition("/")[2]
            self.give(
                [
                    {"type": "file", "path": p, "size": len(b), "oid": "0" * 40}
                    for p, b in FILES.items()
                    if p.startswith(inside)
                ]
            )
        elif path.startswith("/api/datasets/owner/name"):
            self.give({"id": "owner/name", "sha": COMMIT, "siblings": [{"rfilename": p} for p in FILES], "tags": []})
        else:
            self.give({}, 404)

    do_HEAD = do_GET

    def give(self, value: Any, code: int = 200) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        if code == 404:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_modelscope_gives_the_split_as_a_file_would(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", hub)
    monkeypatch.setenv("MATHDATA_CACHE", str(tmp_path))
    frame = read("modelscope://owner/name?subset=main&split=train[:10]")
    assert frame["answer"].to_list() == [str(n + 1) for n in range(10)]
    assert frame["source"].unique().to_list() == ["owner/name"]
    assert read("modelscope://owner/name?split=test").height == 1
    with pytest.raises(DataError, match=r"no file of split 'dev' \(it has main/train\.jsonl, main/test\.jsonl\)"):
        read("modelscope://owner/name?split=dev")


def test_modelscope_names_what_the_hub_answered(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", hub)
    monkeypatch.setenv("MATHDATA_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="the hub answers 404"):
        read("modelscope://owner/other")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"cannot reach 127\.0\.0\.1"):
        read("modelscope://owner/name?split=test")


def test_a_file_name_that_leaves_its_folder_is_refused(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", hub)
    monkeypatch.setenv("MATHDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(FILES, "../../../../../train.jsonl", DATA)
    with pytest.raises(DataError, match="leaves its folder"):
        read("modelscope://owner/name?split=train")
    assert not (tmp_path / "train.jsonl").exists()


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("hf://gsm8k", UsageError, "not a data set's address"),
        ("hf://openai/gsm8k?spilt=train", UsageError, "unknown part 'spilt'"),
        ("hf://openai/gsm8k?split=train[abc]", UsageError, "not a split"),
        ("builtin:elementry", UnknownName, "no built-in corpus 'elementry'"),
        ("builtin:elementary?rows=many", UsageError, "whole numbers"),
    ],
)
def test_a_mistyped_address_is_named(address: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("[", "\\[")):
        read(address)


def test_the_built_in_corpus_is_read_like_a_file() -> None:
    frame = read("builtin:elementary?rows=300&seed=5")
    assert frame.height == 300
    assert frame.equals(read("builtin:elementary?rows=300&seed=5"))
    assert not frame.equals(read("builtin:elementary?rows=300&seed=6"))


def test_hugging_face_is_read_from_the_endpoint_of_the_environment(hub: str, tmp_path: Path) -> None:
    """In a process of its own: the library reads HF_ENDPOINT when it is imported."""
    code = (
        "import json, mathdata\n"
        "f = mathdata.read('hf://owner/name?subset=main&split=train[:10]')\n"
        "print(json.dumps([f['answer'].to_list(), f['source'][0], f['origin'][0]]))\n"
        "try: mathdata.read('hf://owner/nothing')\n"
        "except mathdata.MathdataError as e: print(e.message)"
    )
    env = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows, failure = done.stdout.strip().splitlines()
    assert json.loads(rows) == [
        [str(n + 1) for n in range(10)],
        "owner/name",
        "hf://owner/name?subset=main&split=train:1",
    ]
    assert failure.startswith("hf://owner/nothing from 127.0.0.1: ")
