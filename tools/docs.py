"""Build the documentation as a site: README and docs/ as pages, the API reference from docstrings, links checked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "docs"
MODULES = (
    "types", "io", "schema", "verifiers", "evaluation", "comparison", "figures", "paired", "casework", "sweep", "report",
    "recipe", "pipeline", "cards", "show", "errors",
)  # fmt: skip
STAGES = ("dedup", "decontaminate", "sample", "augment", "verify")


def pages() -> None:
    """Copy the documents to where the site is built; README's links to docs/ become links beside it."""
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(ROOT / "docs", BUILD)
    for name, target in (("README.md", "index.md"), ("README.zh.md", "README.zh.md")):
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](").replace("](README.md", "](index.md")
        (BUILD / target).write_text(text, encoding="utf-8")
    for name in ("CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"):
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](").replace("](README.md", "](index.md")
        (BUILD / name).write_text(text, encoding="utf-8")
    for page in BUILD.glob("*.md"):
        text = page.read_text(encoding="utf-8").replace("](../README.md", "](index.md").replace("](../", "](")
        page.write_text(text, encoding="utf-8")


def reference() -> None:
    """One page with the public functions, from their docstrings."""
    lines = ["# API reference", "", "::: mathdata", ""]
    lines += [f"::: mathdata.stages.{name}.{name}\n" for name in STAGES]
    lines += [f"::: mathdata.{name}\n" for name in MODULES]
    (BUILD / "reference.md").write_text("\n".join(lines), encoding="utf-8")


def main() -> int:
    pages()
    reference()
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"], cwd=ROOT, check=False)
    if done.returncode == 0:
        print(f"site: {ROOT / 'site' / 'index.html'}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
