"""What works on this machine: Python, cores, memory, torch and GPU, extras, browser, data."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mathdata.cli import common

Check = dict[str, Any]
EXTRAS = {
    "train": ("torch", "transformers", "trl", "peft", "accelerate"),
    "ray": ("ray",),
    "vllm": ("vllm",),
    "deepspeed": ("deepspeed",),
    "quant": ("bitsandbytes",),
}


@common.command(name="doctor", help=__doc__)
def command(as_json: bool) -> None:
    checks = [c for make in CHECKS for c in make()]
    broken = [c["name"] for c in checks if c["state"] == "broken"]
    common.emit({"ok": not broken, "checks": checks}, as_json, show)
    if broken:
        sys.exit(1)


def check(name: str, state: str, found: str, hint: str = "") -> Check:
    """`state`: ok, absent (something optional is not here) or broken."""
    return {"name": name, "state": state, "found": found, "hint": hint}


def version_of(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def python() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield check("python", "ok" if good else "broken", version, "" if good else "Python 3.11 or newer is needed")


def machine() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield check("cores", "ok", str(cores))
    total, free = memory()
    if total:
        yield check("memory", "ok", f"{total / 2**30:.1f} GiB, {free / 2**30:.1f} GiB free")
    disk = shutil.disk_usage(Path.cwd())
    low = disk.free < 2 << 30
    yield check(
        "disk",
        "broken" if low else "ok",
        f"{disk.free / 2**30:.1f} GiB free here",
        "runs need about 2 GiB" if low else "",
    )


def memory() -> tuple[int, int]:
    """(all, free) bytes; a container's limit counts where it is lower."""
    try:
        facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        total, free = (int(facts[k].split()[0]) * 1024 for k in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return 0, 0
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return (min(total, int(text)), min(free, int(text))) if text.isdigit() else (total, free)


def packages() -> Iterator[Check]:
    from importlib import metadata

    from packaging.requirements import Requirement

    for line in metadata.requires("mathdata") or []:
        need = Requirement(line)
        if need.marker and not need.marker.evaluate({"extra": ""}):
            continue
        found = version_of(need.name)
        if found is None:
            yield check(need.name, "broken", "not installed", f"pip install '{need}'")
        elif found not in need.specifier:
            yield check(need.name, "broken", f"{found}, tested with {need.specifier}", f"pip install '{need}'")
    yield check("mathdata", "ok", version_of("mathdata") or "from source")


def extras() -> Iterator[Check]:
    for extra, needed in EXTRAS.items():
        absent = [p for p in needed if version_of(p) is None]
        if absent:
            yield check(extra, "absent", f"not installed: {', '.join(absent)}", f"pip install 'mathdata[{extra}]'")
        else:
            yield check(extra, "ok", ", ".join(f"{p} {version_of(p)}" for p in needed))


def gpu() -> Iterator[Check]:
    if version_of("torch") is None:
        yield check("gpu", "absent", "torch is not installed", "pip install 'mathdata[train]'")
        return
    try:
        import torch

        if torch.cuda.is_available():
            for i in range(torch.cuda.device_count()):
                facts = torch.cuda.get_device_properties(i)
                yield check(f"gpu {i}", "ok", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB")
        else:
            yield check("gpu", "absent", "none that torch can use; small models train on the CPU")
    except Exception as e:  # a broken torch fails in many ways
        yield check("gpu", "broken", f"torch cannot be imported: {type(e).__name__}: {e}", "install torch again")


def browser() -> Iterator[Check]:
    found = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    hint = "" if found else "only the browser tests need it: apt install chromium"
    yield check("browser", "ok" if found else "absent", found or "no Chromium", hint)


def data() -> Iterator[Check]:
    from mathdata.io import data_root

    root = data_root()
    sets = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    if sets:
        yield check("data", "ok", f"{root}: {', '.join(sets)}")
    else:
        yield check(
            "data", "absent", f"no real data sets at {root}", "set MATHDATA_DATA, or read hf://openai/gsm8k?subset=main"
        )


def network() -> Iterator[Check]:
    for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "MODELSCOPE_ENDPOINT"):
        if value := os.environ.get(name):
            yield check(name, "ok", value.split("@")[-1])


CHECKS: tuple[Callable[[], Iterator[Check]], ...] = (python, machine, packages, extras, gpu, browser, data, network)


def show(result: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from mathdata.show import draw

    signs = {"ok": ("✓", "green"), "absent": ("–", "yellow"), "broken": ("✗", "bold red")}
    made = Table(show_header=False, box=None)
    for c in result["checks"]:
        sign, style = signs[c["state"]]
        made.add_row(Text(sign, style), c["name"], Text(c["found"]), Text(c["hint"], "dim"))
    draw(made)
    common.message("everything needed is here" if result["ok"] else "something needed is broken: see the lines with ✗")
