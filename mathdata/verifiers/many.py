"""Judge many pairs or rows over all cores: own processes over pipes, in order, with bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mathdata.children import environment, python
from mathdata.errors import MathdataError
from mathdata.types import Verdict
from mathdata.verifiers.extraction import RULES, extract
from mathdata.verifiers.judging import judge
from mathdata.verifiers.rows import Checked, check_row

__all__ = ["check_rows", "judge_many"]

CHUNK = 4000
SMALL = 20_000
"""Below this many items starting processes costs more than it saves."""


def judge_many(
    pairs: Iterable[tuple[str, str]],
    *,
    problems: Sequence[str | None] | None = None,
    rule: str = "auto",
    strict: bool = False,
    time_limit: float = 2.0,
    processes: int | None = None,
) -> list[Verdict]:
    """Verdicts of (answer, response) pairs, in order; `problems`: their texts, where known. `processes`: None = all cores where it pays."""
    if rule not in RULES:
        extract("", rule)
    items: list[Any] = pairs if isinstance(pairs, list) else list(pairs)
    if problems is not None:
        items = [(*pair, problem) for pair, problem in zip(items, problems, strict=True)]
    options = {"rule": rule, "strict": strict, "time_limit": time_limit}
    return _spread("judge", items, options, processes)


def check_rows(
    rows: Sequence[tuple[str | None, str | None, str | None]],
    options: Mapping[str, Any],
    processes: int | None = None,
    told: Callable[[int], None] | None = None,
) -> list[Checked]:
    """`check_row` over (problem, gold, response) rows, in order; `told` hears how many are done."""
    return _spread("row", rows, dict(options), processes, told)


def _judged(item: Any, options: dict[str, Any]) -> Verdict:
    return judge(item[0], item[1], problem=item[2] if len(item) > 2 else None, **options)


_WORK: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "judge": (
        _judged,
        lambda v: [v.status, v.reason, v.expected, v.got, v.rule, v.span],
        lambda x: Verdict(x[0], x[1], x[2], x[3], x[4], (x[5][0], x[5][1]) if x[5] else None),
    ),
    "row": (check_row, Checked.packed, Checked.unpacked),
}
"""Name -> (the work, how its result crosses the pipe, and back)."""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _spread(
    name: str,
    items: Sequence[Any],
    options: dict[str, Any],
    processes: int | None,
    told: Callable[[int], None] | None = None,
) -> list[Any]:
    work = _WORK[name][0]
    chunks = -(-len(items) // CHUNK)
    count = min(processes or _cores(), chunks)
    if count <= 1 or (processes is None and len(items) < SMALL):
        out: list[Any] = []
        for start in range(0, len(items), CHUNK):
            out += [work(item, options) for item in items[start : start + CHUNK]]
            if told:
                told(len(out))
        return out
    team = _Team(name, items, options, chunks, told)
    return [x for part in team.run(count) for x in part]


class _Team:
    """Processes that take chunks of one list until none is left."""

    def __init__(self, name: str, items: Sequence[Any], options: dict[str, Any], chunks: int, told: Any) -> None:
        self.name, self.items, self.options, self.told = name, items, options, told
        self.out: list[list[Any]] = [[] for _ in range(chunks)]
        self.todo: Iterator[int] = iter(range(chunks))
        self.lock = threading.Lock()
        self.done = 0
        self.failures: list[BaseException] = []

    def run(self, count: int) -> list[list[Any]]:
        threads = [threading.Thread(target=self.serve, daemon=True) for _ in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if self.failures:
            raise self.failures[0]
        return self.out

    def serve(self) -> None:
        try:
            with _child() as child:
                while (number := self.next()) is not None:
                    self.out[number] = self.ask(child, self.items[number * CHUNK : (number + 1) * CHUNK])
        except BaseException as e:
            self.failures.append(e)

    def next(self) -> int | None:
        with self.lock:
            return None if self.failures else next(self.todo, None)

    def ask(self, child: subprocess.Popen[bytes], chunk: Sequence[Any]) -> list[Any]:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps([self.name, self.options, chunk]).encode() + b"\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            raise MathdataError("a judging process ended early", "is memory short? run it on fewer rows at a time")
        with self.lock:
            self.done += len(chunk)
            if self.told:
                self.told(self.done)
        unpack = _WORK[self.name][2]
        return [unpack(x) for x in json.loads(line)]


def _child() -> subprocess.Popen[bytes]:
    command = python("mathdata.verifiers.many")
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())


def main() -> None:
    """The child: a line [work, options, items] in, a line of results out; ends with its input."""
    for line in sys.stdin.buffer:
        name, options, chunk = json.loads(line)
        work, pack, _ = _WORK[name]
        done = [pack(work(tuple(item), options)) for item in chunk]
        sys.stdout.buffer.write(json.dumps(done).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
