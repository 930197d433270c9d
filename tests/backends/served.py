"""The faulty server as a process, and requests to send to it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from mathdata.backends.openai import OpenAI
from mathdata.types import Problem, Request, Sampling


class Server:
    def __init__(self, **settings: Any) -> None:
        script = Path(__file__).with_name("faulty_server.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=20) as reply:
            return json.load(reply)

    def set(self, **settings: Any) -> None:
        data = json.dumps(settings).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/control", data=data)
        urllib.request.urlopen(request, timeout=20).close()

    def teacher(self, **options: Any) -> OpenAI:
        return OpenAI(model="tiny", base_url=self.url, **options)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def ask(i: int | str = 0, **sampling: Any) -> Request:
    problem = Problem(f"{i:>016}", f"What is {i} + 1?", answer="1", language="en")
    said = ({"role": "user", "content": f"question {i}"},)
    return Request("answer", problem, messages=said, sampling=Sampling(**({"max_tokens": 64} | sampling)))
