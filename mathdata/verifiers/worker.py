"""A process that proves one equality at a time, is killed at its limit, and has a memory ceiling.

The parent side works from any thread, needs no signal and no multiprocessing; the child reads JSON lines. The child
starts with `python -m mathdata.verifiers.worker` and ends when its standard input closes.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from mathdata.children import environment, python
from mathdata.types import Status

__all__ = ["Proof", "prove", "shutdown"]

MEMORY = 1 << 30
"""Address space of a worker above what it has after its imports."""
START_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Proof:
    status: Status
    reason: str = ""
    unread: bool = False


class _Worker:
    def __init__(self) -> None:
        env = {
            k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR", "SYSTEMROOT")
        }
        self.process = subprocess.Popen(
            python("mathdata.verifiers.worker"), env=environment(env, OMP_NUM_THREADS="1"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, close_fds=True,
        )  # fmt: skip
        self.buffer = b""
        if self.line(START_LIMIT) is None:
            self.kill()
            raise RuntimeError("the proof worker did not start")

    def ask(self, question: dict[str, Any], limit: float) -> dict[str, Any] | None:
        """The answer, or None when the limit passed or the worker died."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
        except OSError:
            return None
        line = self.line(limit)
        try:
            return None if line is None else json.loads(line)
        except ValueError:
            return None

    def line(self, limit: float) -> bytes | None:
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        deadline = time.monotonic() + limit
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                return None
            piece = os.read(fd, 65536)
            if not piece:
                return None
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    @property
    def dead(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class _Pool:
    """As many workers as processors, started when first needed, replaced when killed."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self.slots = threading.Semaphore(
            max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
        )
        self.all: list[_Worker] = []

    def ask(self, question: dict[str, Any], limit: float) -> tuple[dict[str, Any] | None, bool]:
        """(answer, whether the time ran out)."""
        with self.slots:
            worker = self.take()
            answer = worker.ask(question, limit)
            if answer is None:
                died = worker.dead
                self.drop(worker)
                return None, not died
            self.free.put(worker)
            return answer, False

    def take(self) -> _Worker:
        while True:
            try:
                worker = self.free.get_nowait()
            except queue.Empty:
                worker = _Worker()
                self.all.append(worker)
                return worker
            if not worker.dead:
                return worker
            self.drop(worker)

    def drop(self, worker: _Worker) -> None:
        worker.kill()
        if worker in self.all:
            self.all.remove(worker)


_pool: _Pool | None = None
_lock = threading.Lock()


def _current() -> _Pool:
    global _pool
    with _lock:
        if _pool is None or _pool.pid != os.getpid():  # a forked child must not share its parent's pipes
            _pool = _Pool()
        return _pool


@atexit.register
def shutdown() -> None:
    """Kill this process's workers."""
    global _pool
    pool, _pool = _pool, None
    if pool is not None and pool.pid == os.getpid():
        for worker in list(pool.all):
            worker.kill()


def prove(gold: str, response: str, *, time_limit: float = 2.0) -> Proof:
    """A bounded symbolic proof. `timeout` when the worker was killed; that costs this item only."""
    if len(gold) > 5000 or len(response) > 5000:
        return Proof("unparsed", "too long for a proof", unread=True)
    answer, late = _current().ask({"gold": gold, "response": response, "limit": time_limit}, time_limit)
    if answer is None:
        if late:
            return Proof("timeout", f"no proof within {time_limit:g} s")
        return Proof("error", "the proof worker died (memory ceiling)")
    return Proof(answer["status"], answer["reason"], bool(answer.get("unread")))


def main() -> None:
    """The child: one JSON line in, one out."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not reach the answers
    from mathdata.verifiers import proofs

    proofs.warm_up()
    _limit_memory()
    print("ready", file=out)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            status, reason, unread = proofs.prove(question["gold"], question["response"], question["limit"])
        except MemoryError:
            os._exit(3)
        except BaseException as e:
            status, reason, unread = "error", f"{type(e).__name__}: {e}"[:200], False
        print(json.dumps({"status": status, "reason": reason, "unread": unread}), file=out)


def _limit_memory() -> None:
    try:
        import resource

        with open("/proc/self/statm") as f:
            used = int(f.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    except (ImportError, OSError, ValueError):  # no /proc or no limits here: the time limit still holds
        pass


if __name__ == "__main__":
    main()
