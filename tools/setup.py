"""Make the environment: says what it will download and how large before it does. Standard library only."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MB_PACKAGES = 1350
"""What everything beside torch weighs on disk, measured."""


def torch_note() -> tuple[str, list[str]]:
    """What torch will be downloaded, and the pip options that choose it."""
    index = os.environ.get("MATHDATA_TORCH_INDEX")
    if index:
        return "torch from MATHDATA_TORCH_INDEX", ["--extra-index-url", index]
    if sys.platform == "darwin":
        return "torch for macOS, a CPU build", []
    if platform.system() == "Windows":
        return "torch for Windows, a CPU build", []
    if sys.version_info[:2] == (3, 11):
        return "torch 2.13.0, 0.2 GB (a CPU build) or several GB (with CUDA), whichever your package index offers", []
    return (
        "torch with CUDA, several GB (set MATHDATA_TORCH_INDEX to the address of an index of CPU builds: 0.2 GB)",
        [],
    )


def run(*command: str) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        print(f"error: {' '.join(command[:6])} ... ended with code {done.returncode}", file=sys.stderr)
        print("hint: read the lines above; a second call goes on where this one stopped", file=sys.stderr)
        raise SystemExit(done.returncode)


def main(folder: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (this file is run by whatever Python the user has)
        print(f"error: Python 3.11 or newer is needed, this is {platform.python_version()}", file=sys.stderr)
        print("hint: make setup PYTHON=python3.11", file=sys.stderr)
        raise SystemExit(2)
    note, options = torch_note()
    print(f"Setting up {folder}: {note}; the rest about {MB_PACKAGES} MB on disk.", flush=True)
    home = Path(folder)
    if not (home / "bin" / "python").exists() and not (home / "Scripts" / "python.exe").exists():
        venv.create(home, with_pip=True)
    python = str(home / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        str(ROOT / "constraints.txt"),
    ]
    # torch first and by its exact version: a later package must not pull in another build.
    run(*pip, *options, f"torch=={pinned('torch')}")
    run(*pip, *options, "hatchling", "editables")
    run(*pip, *options, "--no-build-isolation", "-e", f"{ROOT}[train,dev]")


def pinned(name: str) -> str:
    """The tested version of a package."""
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line.split("==")[1].strip()
    raise SystemExit(f"error: constraints.txt names no {name}\nhint: restore the file")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".venv")
