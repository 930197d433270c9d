"""What many tests share: the real data sets, the real command line as a process, a real browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mathdata.io import data_root


@dataclass(frozen=True)
class Done:
    """A finished command."""

    rc: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def configuration(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of the test's own: which key may go where is not taken from who runs the tests."""
    home = tmp_path_factory.mktemp("configuration")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    return home


@pytest.fixture
def grown() -> Callable[[], float]:
    """Tells by how many MB the peak memory of this process has grown since the test began."""
    from mathdata.manifest import peak_mb

    mark = Path("/proc/self/clear_refs")
    if not mark.exists():
        pytest.skip("the peak of a process can be reset on Linux only")
    mark.write_text("5")  # the peak starts again from what is held now
    before = peak_mb()
    return lambda: peak_mb() - before


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the real data sets; the test is skipped where it is absent."""
    root = data_root()
    if not root.is_dir():
        pytest.skip(f"no real data at {root}: set MATHDATA_DATA")
    return root


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Done]:
    """`cli("dedup", file, "-o", out)` runs the real command line in `tmp_path`."""

    def run(*args: Any, env: dict[str, str] | None = None, stdin: str = "", **settings: Any) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "mathdata", *map(str, args)],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            **settings,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The same command line inside this process: quicker, for tests that do not need a process of their own."""
    import io

    from mathdata.cli.app import main

    monkeypatch.chdir(tmp_path)

    def run(*args: Any, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        rc = 0
        try:
            main([str(a) for a in args])
        except SystemExit as stop:
            rc = int(stop.code or 0)
        return Done(rc, *capsys.readouterr())

    return run


# --- a real headless browser, skipped loudly where there is none ------------------------------------------------------

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the report was NOT tested in a browser")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: report NOT tested")
    with sync_api.sync_playwright() as p:
        made = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """`open_page(path, width=…)` -> the loaded page; what it logs and asks of the network is kept on it."""
    contexts = []

    def opened(path: Any, width: int = 1280, height: int = 900, **settings: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **settings)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda m: page.said.append(m.text))
        page.on("pageerror", lambda e: page.said.append(str(e)))
        page.on("request", lambda r: page.asked.append(r.url))
        page.goto(path.resolve().as_uri())
        page.wait_for_selector("html[data-ready=yes]", timeout=20_000)
        return page

    yield opened
    for context in contexts:
        context.close()
