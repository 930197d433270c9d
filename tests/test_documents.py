"""The documents: every shell block is run in order, every Python block too, and every link leads somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


OURS = [p for p in PAGES if p.name.startswith(("README", "tutorial"))]
"""Pages whose examples are run here; every other page has a test of its own that names it."""


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", [p for p in OURS if blocks(p, "sh")], ids=lambda p: p.name)
def test_the_shell_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    for line in "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] == "mathdata", f"{page.name}: only mathdata commands are run: {line}"
        command = [sys.executable, "-m", "mathdata", *words[1:]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, f"{page.name}: {line}\n{done.stderr}"


@pytest.mark.parametrize("page", [p for p in OURS if blocks(p, "python")], ids=lambda p: p.name)
def test_the_python_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    code = "\n".join(blocks(page, "python"))
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=240, env=env
    )
    assert done.returncode == 0, f"{page.name}\n{code}\n{done.stderr}"


def test_the_examples_of_every_other_page_are_run_by_a_test_that_names_it() -> None:
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("*.py"))
    shown = [p for p in PAGES if p not in OURS and (blocks(p, "sh") or blocks(p, "python"))]
    assert [p.name for p in shown if p.name not in tests] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_inside_the_documents_leads_somewhere(page: Path) -> None:
    links = [t for t in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in t]
    assert [t for t in links if not (page.parent / t).exists()] == []


def spoken(page: Path) -> list[str]:
    """Commands that a page shows without running them: they need a GPU, a key, a hub, a cluster or files of the reader."""
    text = page.read_text(encoding="utf-8")
    lines = "".join(body for kind, body in BLOCK.findall(text) if kind not in ("sh", "python")).replace("\\\n", " ")
    lines = re.sub(r"(?m)^[\w-]+@[\w-]+:.*$", "", lines)
    shown = [line for line in lines.splitlines() if re.match(r"mathdata [a-z]", line)]
    prose = BLOCK.sub("", text)
    return shown + [" ".join(c.split()) for c in re.findall(r"`(mathdata [a-z][^`]*)`", prose)]


@pytest.mark.parametrize("page", [p for p in PAGES if spoken(p)], ids=lambda p: p.name)
def test_every_command_that_is_only_shown_has_the_options_it_is_shown_with(page: Path) -> None:
    from mathdata.cli.app import Lazy

    group, wrong = Lazy(), []
    for line in spoken(page):
        words = line.split(" #")[0].split()[1:]
        if words[0] == "too_long":  # the stage that the guide writes; its own test runs it
            continue
        command = group.get_command(None, words[0])  # type: ignore[arg-type]
        known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"} if command else set()
        asked = {w.partition("=")[0].strip(",;.)") for w in words[1:] if re.match(r"--?[a-z]", w)}
        wrong += [line] if command is None or asked - known else []
    assert wrong == []


def test_every_make_target_of_the_documents_stands_in_the_makefile() -> None:
    text = "\n".join(p.read_text(encoding="utf-8") for p in PAGES)
    targets = set(re.findall(r"(?:^|`|; )make ([a-z-]+)", text, re.MULTILINE))
    rules = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert len(targets) >= 3
    assert targets <= rules
