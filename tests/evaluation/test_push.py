"""Publishing: into a folder, and as a commit to a real HTTP server that speaks the hub's protocol."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest

from mathdata.schema import conform


@pytest.fixture
def curated(tmp_path):
    path = tmp_path / "data" / "curated.parquet"
    path.parent.mkdir()
    conform(pl.DataFrame([{"problem": "1 + 1", "answer": "2", "license": "MIT"}])).write_parquet(path)
    return path


class Hub(BaseHTTPRequestHandler):
    """The hub's calls for a small commit: create, preupload, commit."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, body, self.headers.get("Authorization")))
        if self.server.refuse:
            return self.answer(401, {"error": "Invalid username or password."})
        if self.path == "/api/repos/create":
            return self.answer(200, {"url": f"{self.server.base}/datasets/me/sums"})
        if self.path.endswith("/preupload/main"):
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            return self.answer(200, {"files": files})
        oid = "a" * 40
        return self.answer(
            200, {"commitUrl": f"{self.server.base}/datasets/me/sums/commit/{oid}", "commitOid": oid, "success": True}
        )

    def do_GET(self):
        if "/tree/" in self.path:
            there = [{"type": "file", "path": p, "size": len(t), "oid": "b" * 40} for p, t in self.server.there.items()]
            return self.answer(200, there)
        if "/resolve/" in self.path:
            return self.send_file(self.server.there[self.path.rpartition("/")[2]])
        self.answer(401, {"error": "Invalid username or password."})

    do_HEAD = do_GET

    def send_file(self, text):
        self.send_response(200)
        for name, value in {"ETag": '"b"', "X-Repo-Commit": "a" * 40, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(text)

    def answer(self, status, body):
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        return None


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.there = {}
    server.seen, server.refuse, server.base = [], False, f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_folder_gets_the_set_its_card_and_its_croissant(cli, curated, tmp_path):
    done = cli("push", curated, "./out", "--json")
    assert done.rc == 0, done.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".mathdata-push.json", "README.md", "croissant.json", "curated.parquet",
    ]  # fmt: skip
    assert (tmp_path / "out" / "curated.parquet").read_bytes() == curated.read_bytes()
    assert (tmp_path / "out" / "README.md").read_text().startswith("---\nlicense: mit\n")
    assert cli("push", curated, "./out").rc == 0, "pushing again replaces"
    assert cli("push", curated, curated.parent).rc == 2, "never onto itself"


def test_a_hub_gets_one_private_commit_with_the_same_files(cli, curated, hub):
    env = {"HF_ENDPOINT": hub.base, "HF_TOKEN": "secret-of-the-test", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = cli("push", curated, "me/sums", "--json", env=env)
    assert done.rc == 0, done.err
    assert done.json["where"] == f"{hub.base}/datasets/me/sums/commit/{'a' * 40}"
    create = json.loads(next(body for path, body, _ in hub.seen if path == "/api/repos/create"))
    assert create["visibility"] == "private" if "visibility" in create else create["private"] is True
    assert create["type"] == "dataset"
    commit = next(body for path, body, _ in hub.seen if path.endswith("/commit/main"))
    files = {v["value"]["path"]: v["value"] for v in map(json.loads, commit.splitlines()) if v["key"] == "file"}
    assert set(files) == {".mathdata-push.json", "README.md", "croissant.json", "curated.parquet"}
    assert base64.b64decode(files["curated.parquet"]["content"]) == curated.read_bytes()
    assert "secret-of-the-test" not in done.out + done.err


def test_files_of_others_on_a_hub_are_replaced_only_when_asked_and_then_named(cli, curated, hub):
    env = {"HF_ENDPOINT": hub.base, "HF_TOKEN": "secret-of-the-test", "HF_HUB_DISABLE_TELEMETRY": "1"}
    hub.there = {"README.md": b"by hand", "notes.txt": b"theirs"}
    done = cli("push", curated, "me/sums", env=env)
    assert done.rc == 2
    assert "README.md there was not written by a push" in done.err
    assert not any(path.endswith("/commit/main") for path, *_ in hub.seen)
    done = cli("push", curated, "me/sums", "--overwrite", "--json", env=env)
    assert (done.rc, done.json["replaced"]) == (0, ["README.md"])
    hub.there[".mathdata-push.json"] = json.dumps({"files": {"README.md": "0" * 64}}).encode()
    done = cli("push", curated, "me/sums", "--json", env=env)
    assert (done.rc, done.json["replaced"]) == (0, []), done.err


def test_a_refusal_of_the_hub_is_two_lines_without_the_key(cli, curated, hub):
    hub.refuse = True
    env = {"HF_ENDPOINT": hub.base, "HF_TOKEN": "secret-of-the-test"}
    done = cli("push", curated, "me/sums", env=env)
    assert done.rc == 1
    assert len(done.err.strip().splitlines()) == 2
    assert "401" in done.err
    assert "secret-of-the-test" not in done.err


def test_a_hub_that_cannot_be_reached_is_named_with_the_way_to_another(cli, curated, hub):
    hub.shutdown()
    hub.server_close()
    env = {"HF_ENDPOINT": hub.base, "HF_TOKEN": "secret-of-the-test", "NO_PROXY": "127.0.0.1"}
    done = cli("push", curated, "me/sums", env=env)
    error, hint = done.err.splitlines()
    assert done.rc == 1
    assert f"me/sums: cannot reach 127.0.0.1:{hub.server_port}" in error
    assert "HF_ENDPOINT" in hint
    assert "defect" not in hint


def test_a_name_that_is_no_repository_is_refused(cli, curated):
    done = cli("push", curated, "sums")
    assert done.rc == 2
    assert "neither a folder nor owner/name" in done.err
