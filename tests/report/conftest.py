"""A real headless browser for the report's tests; skipped loudly where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

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
