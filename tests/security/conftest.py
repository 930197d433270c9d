"""What the attacks share: a process watched for what it listens on, and a folder full of poison."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest


@dataclass
class Heard:
    """Addresses that a process and all it started listened on, while it ran."""

    here: set[str] = field(default_factory=set)
    beyond: set[str] = field(default_factory=set)

    def look(self, pid: int) -> None:
        try:
            root = psutil.Process(pid)
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            return
        for process in family:
            try:
                sockets = process.net_connections(kind="inet")
                name = " ".join(process.cmdline()[:6])
            except psutil.Error:
                continue
            for found in sockets:
                if found.status == psutil.CONN_LISTEN or (not found.raddr and found.type == 2 and found.laddr):
                    ip = found.laddr.ip.removeprefix("::ffff:")
                    (self.here if ip.startswith("127.") or ip == "::1" else self.beyond).add(f"{ip} by {name}")


def listened(command: Sequence[str], limit: float = 280, **settings: Any) -> tuple[Heard, int, str]:
    """Run a command to its end: what it listened on, its exit code and its words."""
    heard, end = Heard(), time.monotonic() + limit
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, **settings
    ) as child:
        while child.poll() is None:
            heard.look(child.pid)
            assert time.monotonic() < end, "did not end"
            time.sleep(0.02)
        assert child.stdout is not None
        return heard, child.returncode, child.stdout.read()


@pytest.fixture(scope="session")
def checkout() -> Path:
    return Path(__file__).resolve().parents[2]
