"""A merged model goes to a hub only when told, private by default: a real HTTP server that speaks the hub's protocol."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mathdata.cli.app import main
from trainers import train


class Hub(BaseHTTPRequestHandler):
    """The hub's calls for a small commit to a model repository."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, body))  # type: ignore[attr-defined]
        base = self.server.base  # type: ignore[attr-defined]
        if self.path == "/api/repos/create":
            return self.answer(200, {"url": f"{base}/me/sums"})
        if self.path.endswith("/preupload/main"):
            files = json.loads(body)["files"]
            named = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]
            return self.answer(200, {"files": named})
        made = {"commitUrl": f"{base}/me/sums/commit/{'a' * 40}", "commitOid": "a" * 40, "success": True}
        return self.answer(200, made)

    def do_GET(self) -> None:
        self.answer(200, {"id": "me/sums", "private": self.server.private, "siblings": []})  # type: ignore[attr-defined]

    def answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        return None


@pytest.fixture
def hub() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.seen, server.private, server.base = [], True, f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def merge(hub: Any, run: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HF_ENDPOINT": hub.base, "HF_TOKEN": "secret-of-the-test", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return subprocess.run(
        [sys.executable, "-m", "mathdata", "merge", str(run), "-o", str(out), *words],
        capture_output=True, text=True, env=env | {"NO_PROXY": "127.0.0.1"}, cwd=Path(__file__).parents[2],
    )  # fmt: skip


@pytest.mark.slow
def test_a_merged_model_is_pushed_only_when_told_and_private(rows: Any, tiny: Any, hub: Any, tmp_path: Path) -> None:
    lora = {"method": "lora", "lora": {"rank": 2, "targets": ["q_proj"]}}
    train(tiny(**lora, max_steps=1), rows(20), tmp_path / "run")
    assert merge(hub, tmp_path / "run", tmp_path / "quiet").returncode == 0
    assert hub.seen == []
    done = merge(hub, tmp_path / "run", tmp_path / "merged", "--push", "me/sums", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pushed"] == f"{hub.base}/me/sums/commit/{'a' * 40}"
    create = json.loads(next(body for path, body in hub.seen if path == "/api/repos/create"))
    assert create.get("visibility") == "private" or create.get("private") is True
    assert create.get("type", "model") == "model"
    commit = next(body for path, body in hub.seen if path.endswith("/commit/main"))
    files = {v["value"]["path"]: v["value"] for v in map(json.loads, commit.splitlines()) if v["key"] == "file"}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(files)
    weights = (tmp_path / "merged" / "model.safetensors").read_bytes()
    assert base64.b64decode(files["model.safetensors"]["content"]) == weights
    assert "secret-of-the-test" not in done.stdout + done.stderr
    hub.private, hub.seen = False, []
    done = merge(hub, tmp_path / "run", tmp_path / "again", "--push", "me/sums")
    assert done.returncode == 2
    assert "me/sums is there already, and public" in done.stderr
    assert not any(path.endswith("/commit/main") for path, _ in hub.seen)
    hub.base = "http://127.0.0.1:9"
    done = merge(hub, tmp_path / "run", tmp_path / "third", "--push", "me/sums")
    assert done.returncode == 1
    assert "me/sums on 127.0.0.1:9" in done.stderr
    assert "HF_ENDPOINT" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"), [(["--public"], "--public says how to push"), (["--push", "sums"], "is owner/name")]
)
def test_a_push_that_cannot_be_meant_is_refused_before_merging(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["merge", str(tmp_path), "-o", str(tmp_path / "out"), *words])
    assert stop.value.code == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
