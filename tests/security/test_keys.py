"""A key goes only where its owner bound it, and stands nowhere afterwards: a thief's recipes, and servers that say it again."""

from __future__ import annotations

import base64
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.errors import MathdataError, RecipeError
from mathdata.keys import Source, bind, bindings, find_key, keys_file, looks_secret, origin_of
from mathdata.registry import build
from mathdata.schema import conform

KEY = "lab-Zx81+q/7=wert.55_TOPsecret"
CODED = {
    "plain": KEY,
    "url": urllib.parse.quote(KEY, safe=""),
    "every character": "".join(f"%{ord(c):02x}" for c in KEY),
    "base64": base64.b64encode(f"Authorization: Bearer {KEY}".encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(f"x{KEY}".encode()).decode().rstrip("="),
    "hex": KEY.encode().hex(),
    "html": KEY.replace("+", "&#43;").replace("/", "&#x2f;"),
    "escaped": "".join(f"\\u{ord(c):04x}" for c in KEY),
}


class Thief(BaseHTTPRequestHandler):
    """Says whatever key it is given, in its answers, its errors and its headers."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        told = self.headers.get("Authorization")
        self.server.seen.append(told)  # type: ignore[attr-defined]
        echo = " ".join(CODED.values()) if told else "no key"
        status = self.server.status  # type: ignore[attr-defined]
        message = {
            "role": "assistant",
            "content": f"The answer is 2. {echo}",
            "reasoning_content": echo,
            "refusal": None,
        }
        body: dict[str, Any] = {"error": {"message": f"wrong key {echo}", "code": echo}}
        if status == 200:
            body = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "model": echo, "id": echo}
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("x-echo", str(told))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        return None


@pytest.fixture
def thief() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Thief)
    server.seen, server.status, server.url = [], 200, f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.parquet"
    conform(pl.DataFrame([{"problem": "What is 1 + 1?", "solution": "1 + 1 = 2", "answer": "2"}])).write_parquet(path)
    return path


def teacher(url: str, **more: str) -> str:
    return json.dumps({"openai": {"model": "m", "base_url": url, "concurrency": 1, **more}})


def augment(cli: Callable[..., Any], rows: Path, spec: str, out: str = "o.parquet", **env: str) -> Any:
    return cli("augment", rows, "-o", out, "--method", "answer", "--teacher", spec, "--overwrite", env=env)


def test_a_recipe_sends_no_key_that_its_user_did_not_bind_to_that_server(
    cli: Callable[..., Any], rows: Path, thief: Any, tmp_path: Path
) -> None:
    secret = tmp_path / "id_rsa"
    secret.write_text(KEY)
    stolen = {"AWS_SECRET_ACCESS_KEY": KEY, "OPENAI_API_KEY": KEY, "HF_TOKEN": KEY}
    for more in (
        {"api_key_env": "AWS_SECRET_ACCESS_KEY"},
        {"api_key_env": "OPENAI_API_KEY"},
        {"api_key_file": str(secret)},
    ):
        done = augment(cli, rows, teacher(thief.url, **more), **stolen)
        assert done.rc == 2, done.err
        error, hint = done.err.strip().splitlines()
        assert f"is not bound to {origin_of(thief.url)}" in error
        assert f"mathdata keys {origin_of(thief.url)} --" in hint
        assert KEY not in done.err
        recipe = tmp_path / "theirs.yaml"
        stage = f"{{method: [answer], teacher: {teacher(thief.url, **more)}}}"
        recipe.write_text(f"name: theirs\ninput: {rows}\nstages:\n  - augment: {stage}\n")
        assert cli("run", recipe, env=stolen).rc == 2
        assert cli("evaluate", "m", "-b", rows, "-o", "ev", "--backend", teacher(thief.url, **more), env=stolen).rc != 0
    assert thief.seen == []
    assert augment(cli, rows, teacher(thief.url), **stolen).rc == 0, "a server here works without a key"
    assert set(thief.seen) == {None}


def test_a_binding_is_made_by_one_command_and_remembered_for_that_server_alone(
    cli: Callable[..., Any], rows: Path, thief: Any, configuration: Path
) -> None:
    spec = teacher(thief.url, api_key_env="LAB_KEY")
    assert augment(cli, rows, spec, LAB_KEY=KEY).rc == 2
    assert cli("keys", thief.url, "--env", "LAB_KEY").rc == 0
    assert augment(cli, rows, spec, LAB_KEY=KEY).rc == 0
    assert augment(cli, rows, teacher(thief.url), "p.parquet", LAB_KEY=KEY).rc == 0, "the bound key needs no name"
    assert thief.seen == [f"Bearer {KEY}"] * 2
    other = teacher(thief.url.replace("127.0.0.1", "localhost"), api_key_env="LAB_KEY")
    assert augment(cli, rows, other, "q.parquet", LAB_KEY=KEY).rc == 2
    assert augment(cli, rows, teacher(thief.url, api_key_env="OTHER_KEY"), "r.parquet", OTHER_KEY=KEY).rc == 2
    assert KEY.encode() not in (configuration / "mathdata" / "keys.yaml").read_bytes()
    listed = cli("keys", "--json").json["keys"]
    assert listed == {origin_of(thief.url): "$LAB_KEY"}
    assert cli("keys", thief.url, "--forget").rc == 0
    assert augment(cli, rows, spec, "s.parquet", LAB_KEY=KEY).rc == 2


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_a_key_that_a_server_says_again_stands_nowhere(
    status: int, cli: Callable[..., Any], rows: Path, thief: Any, tmp_path: Path
) -> None:
    thief.status = status
    assert cli("keys", thief.url, "--env", "LAB_KEY").rc == 0
    spec = teacher(thief.url, patience="1")
    done = augment(cli, rows, spec.replace('"1"', "1"), LAB_KEY=KEY)
    assert thief.seen
    assert set(thief.seen) == {f"Bearer {KEY}"}
    if status == 200:
        assert "The answer is 2. *** " in str(pl.read_parquet(tmp_path / "o.parquet")["solution"].to_list())
        assert cli("card", "o.parquet").rc == 0
    written = {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} | {
        "said": (done.out + done.err).encode()
    }
    for how, text in CODED.items():
        assert [name for name, raw in written.items() if text.encode() in raw] == [], how


ADDRESSES = [
    "https://me:pw@example.com/v1", "https://example.com/v1?key=abc", "https://example.com/v1#x", "https://api.openai.com\\@evil.com/v1",
    "https://evil.com/ v1", "ftp://example.com", "https://", "https://example.com:99999/v1", "https://еxample.com/v1",
    "https://example.com/v1/a8F3kd92LqpZx71mNw5rT0bY/chat",
]  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_that_hides_something_is_refused(url: str) -> None:
    with pytest.raises(RecipeError):
        build("backend", {"openai": {"model": "m", "base_url": url}})


@pytest.mark.parametrize(
    "extra",
    [
        {"api_key": "x"}, {"user": {"Cookie": "x"}}, {"extra_headers": {"X-Lab": "x"}}, {"metadata": ["Bearer abcdefghij"]},
        {"user": "a8F3kd92LqpZx71mNw5rT0bY"}, {"deep": [{"passwd": "x"}]}, {"user": "AKIA" + "A1B2" * 4},
    ],
    ids=str,
)  # fmt: skip
def test_a_secret_in_the_further_fields_is_refused_by_name_or_look(extra: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="looks like a key"):
        build("backend", {"openai": {"model": "m", "extra": extra}})
    fine = {
        "chat_template_kwargs": {"enable_thinking": False},
        "top_k": 20,
        "skip_special_tokens": True,
        "user": "team-7",
    }
    build("backend", {"openai": {"model": "m", "extra": fine}})


@pytest.mark.parametrize(
    ("url", "env", "sent"),
    [
        ("https://api.openai.com/v1", None, True), ("https://eu.api.openai.com/v1", "OPENAI_API_KEY", True),
        ("http://api.openai.com/v1", None, False), ("https://api.openai.com.evil.com/v1", None, False),
        ("https://evilopenai.com/v1", None, False), ("https://gateway.lab/v1", None, True), ("http://gateway.lab/v1", None, False),
        ("https://gateway.lab:8443/v1", None, False), ("https://api.openai.com/v1", "AWS_SECRET_ACCESS_KEY", None),
        ("https://gateway.lab/v1", "AWS_SECRET_ACCESS_KEY", None), ("http://api.openai.com/v1", "OPENAI_API_KEY", None),
    ],
)  # fmt: skip
def test_the_documented_key_goes_to_its_own_servers(
    url: str, env: str | None, sent: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.lab/v1")
    if sent is None:
        with pytest.raises(MathdataError, match="is not bound to"):
            find_key(url, False, env, None)
    else:
        assert find_key(url, False, env, None) == (KEY if sent else None)


def test_a_configuration_in_the_working_folder_binds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    bind("https://a.example", Source(env="LAB_KEY"))
    assert keys_file().is_relative_to(tmp_path / "home")
    assert bindings() == {"https://a.example": Source(env="LAB_KEY")}


def test_what_a_bound_file_holds_must_be_a_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    bind("https://a.example", Source(file=file))
    for text in ("two words", "a\nb", "\x00" * 9, "x" * 5000):
        file.write_text(text)
        with pytest.raises(MathdataError, match="holds no key"):
            find_key("https://a.example/v1", False, None, None)
    file.write_text(f"{KEY}\n")
    assert find_key("https://a.example/v1", False, None, file) == KEY


@pytest.mark.parametrize(
    "text", ["openai/gsm8k", "Qwen/Qwen2.5-Math-7B-Instruct", "0123456789abcdef" * 4, "sk-learn", "runs/exp003"]
)
def test_honest_names_are_no_secrets(text: str) -> None:
    assert not looks_secret(text, guess=True)
