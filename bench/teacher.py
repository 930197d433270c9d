"""Requests a second through a server with 200 ms of latency: ours with its journal, against the bare official client.

    python bench/teacher.py                      # ours and the official client, alternating
    python bench/teacher.py --curator PYTHON     # and curator, by the interpreter of its own environment

Every answer of ours is on disk before it is used. With --faults the server adds 10 % 429 (Retry-After), 5 % 500,
2 % resets and 1 % broken JSON; rows lost are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
SERVER = HERE.parent / "tests" / "backends" / "faulty_server.py"
FAULTS = {"429": 0.10, "500": 0.05, "reset": 0.02, "broken": 0.01}


def ours(url: str, count: int, at_once: int) -> int:
    """The journaled teacher: the number of answers."""
    from mathdata.backends.journal import Journal
    from mathdata.backends.journaled import Journaled
    from mathdata.backends.openai import OpenAI
    from mathdata.types import Problem, Request, Sampling

    requests = [
        Request(
            "answer",
            Problem(str(i), "q"),
            messages=({"role": "user", "content": f"question {i}"},),
            sampling=Sampling(),
        )
        for i in range(count)
    ]
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "j.sqlite") as journal:
        teacher = OpenAI(model="tiny", base_url=url, concurrency=at_once)
        answers = Journaled(teacher, journal).generate(requests)
        assert len(journal) == sum(a[0].finish == "stop" for a in answers)
    return sum(a[0].finish == "stop" for a in answers)


def official(url: str, count: int, at_once: int, aiohttp: bool = True) -> int:
    """The bare asynchronous official client with its default retries; nothing stored."""
    import openai

    async def run() -> int:
        http = openai.DefaultAioHttpClient() if aiohttp else None
        gate = asyncio.Semaphore(at_once)
        async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http) as client:

            async def one(i: int) -> int:
                async with gate:
                    try:
                        reply = await client.chat.completions.create(
                            model="tiny", messages=[{"role": "user", "content": f"question {i}"}], max_tokens=1024
                        )
                        return int(bool(reply.choices[0].message.content))
                    except Exception:
                        return 0

            return sum(await asyncio.gather(*(one(i) for i in range(count))))

    return asyncio.run(run())


CURATOR = """
import json, os, sys, tempfile
url, count, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ.update(OPENAI_API_KEY="none", CURATOR_DISABLE_CACHE="1", TELEMETRY_ENABLED="0", CURATOR_VIEWER="0")
os.environ["CURATOR_CACHE_DIR"] = tempfile.mkdtemp()
import tiktoken  # its tables come from the network: counting words instead favours curator
class Words:
    def encode(self, text, **_): return text.split()
tiktoken.get_encoding = tiktoken.encoding_for_model = lambda *_: Words()
from bespokelabs import curator
class Ask(curator.LLM):
    def prompt(self, row): return row["q"]
    def parse(self, row, reply): return {"q": row["q"], "a": reply}
from datasets import Dataset
ask = Ask(model_name="tiny", backend="openai", backend_params={
    "base_url": url, "max_concurrent_requests": at_once, "max_requests_per_minute": 10**7,
    "max_tokens_per_minute": 10**9, "require_all_responses": False, "api_key": "none"})
import time, resource
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
before, started = cpu(), time.perf_counter()
made = ask(Dataset.from_list([{"q": f"question {i}"} for i in range(count)]))
rows = getattr(made, "dataset", made)
seconds = time.perf_counter() - started
print(json.dumps({"good": sum(bool(r["a"]) for r in rows), "seconds": seconds, "cpu": cpu() - before}))
"""


def timed(work: Callable[[], int]) -> dict[str, float]:
    """Wall time, CPU time and good answers of one run, in a process of its own; imports are not in it."""
    import aiohttp  # noqa: F401
    import openai  # noqa: F401

    import mathdata.backends.journaled
    import mathdata.backends.openai  # noqa: F401

    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        started = time.perf_counter()
        good = work()
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_SELF)  # of the child alone: a fork starts at nought
        os.write(write, json.dumps({"good": good, "seconds": seconds, "cpu": used.ru_utime + used.ru_stime}).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(told)


def curator(python: str, url: str, count: int, at_once: int) -> dict[str, float]:
    done = subprocess.run(
        [python, "-c", CURATOR, url, str(count), str(at_once)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"curator failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--at-once", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--curator", metavar="PYTHON", help="interpreter of an environment with bespokelabs-curator")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--retry-after", default="1", help="seconds that a 429 asks to wait")
    args = parser.parse_args()
    settings = {"delay": 0.2, "retry_after": args.retry_after, "seed": 1}
    server = subprocess.Popen(
        [sys.executable, str(SERVER), json.dumps(settings)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    port = int(server.stdout.readline())
    url = f"http://127.0.0.1:{port}/v1"
    peers: dict[str, Callable[[], dict[str, float]]] = {
        "mathdata": lambda: timed(lambda: ours(url, args.requests, args.at_once)),
        "official client on aiohttp": lambda: timed(lambda: official(url, args.requests, args.at_once)),
    }
    if args.curator:
        peers["curator"] = lambda: curator(args.curator, url, args.requests, args.at_once)
    try:
        clean = rounds(peers, args.rounds)
        show("no faults", clean, args.requests)
        if args.faults:
            set_faults(port)
            faulty = rounds(peers, args.rounds)
            show("10 % 429, 5 % 500, 2 % resets, 1 % broken JSON", faulty, args.requests)
            for name in peers:
                ratio = faulty[name][0] / clean[name][0]
                print(
                    f"  {name}: {ratio:.2f} times its fault-free time, {args.requests - faulty[name][2]:.0f} rows lost"
                )
            free = args.requests / args.at_once * 0.2
            floor = least(args.requests, args.at_once, float(args.retry_after))
            print(f"  no client that waits as long as it is asked to needs less than about {floor:.1f} s, {floor / free:.2f}"
                  f" times the {free:.1f} s of 200 ms each")  # fmt: skip
    finally:
        server.kill()


def least(count: int, at_once: int, retry_after: float, delay: float = 0.2) -> float:
    """The median seconds of a client without any cost that keeps to every Retry-After, by simulation.

    With faults: no client that waits as it is asked to can be faster, but by luck.
    """
    return statistics.median(simulated(count, at_once, retry_after, delay, Random(seed)) for seed in range(15))


def simulated(count: int, at_once: int, retry_after: float, delay: float, random: Random) -> float:
    now, end, number = 0.0, 0.0, itertools.count()
    flying: list[tuple[float, int]] = []
    later: list[tuple[float, int]] = []
    while count or flying or later:
        while len(flying) < at_once and (count or (later and later[0][0] <= now)):
            if later and later[0][0] <= now:
                heapq.heappop(later)
            else:
                count -= 1
            heapq.heappush(flying, (now + delay, next(number)))
        now = min([x[0][0] for x in (flying, later if len(flying) < at_once else []) if x])
        while flying and flying[0][0] <= now:
            heapq.heappop(flying)
            draw = random.random()
            if draw >= sum(FAULTS.values()):
                end = now
            else:
                heapq.heappush(later, (now + (retry_after if draw < FAULTS["429"] else 0.05), next(number)))
    return end


def set_faults(port: int) -> None:
    import urllib.request

    body = json.dumps({"faults": FAULTS}).encode()
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/control", data=body)).close()


def rounds(peers: dict[str, Callable[[], dict[str, float]]], count: int) -> dict[str, tuple[float, float, float]]:
    """Median seconds, median CPU seconds, fewest good answers; the peers alternate."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in peers}
    for _ in range(count):
        for name, run in peers.items():
            runs[name].append(run())
    return {
        name: (
            statistics.median(r["seconds"] for r in made),
            statistics.median(r["cpu"] for r in made),
            min(r["good"] for r in made),
        )
        for name, made in runs.items()
    }


def show(title: str, found: dict[str, tuple[float, float, float]], count: int) -> None:
    print(f"{title}: {count} requests")
    ours_rate = count / found["mathdata"][0]
    for name, (seconds, cpu, good) in found.items():
        rate = count / seconds
        ratio = "" if name == "mathdata" else f"   mathdata is {ours_rate / rate:.2f} times as fast"
        print(f"  {name:28s} {rate:7.0f}/s  {1000 * cpu / count:5.2f} ms CPU each  {good:.0f} good{ratio}")


if __name__ == "__main__":
    main()
