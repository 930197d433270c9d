"""A real HTTP server that answers like an OpenAI-compatible one, with faults mixed in as asked; counts what it served.

Started as its own process: python faulty_server.py '{"faults": {"429": 0.1}, "delay": 0.0}'; prints its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections import Counter
from time import monotonic
from typing import Any

from aiohttp import web

SETTINGS: dict[str, Any] = {"faults": {}, "delay": 0.0, "retry_after": "0.05", "seed": 0, "n": True, "rpm": None}
ASKED: Counter[str] = Counter()
ANSWERED: Counter[str] = Counter()
SEEN: Counter[str] = Counter()
HEADERS: list[dict[str, str]] = []
RNG = random.Random(0)
FLYING = {"now": 0, "most": 0}
WINDOW = {"start": 0.0, "used": 0}
FILES: dict[str, bytes] = {}
UNTIL: dict[str, float] = {}
BATCHES: dict[str, dict[str, Any]] = {}


def answer(body: dict[str, Any], chat: bool, text: str | None = None, finish: str = "stop") -> dict[str, Any]:
    asked = body["messages"][-1]["content"] if chat else body["prompt"]
    n = body.get("n", 1) if SETTINGS["n"] else 1
    choices = []
    for i in range(n):
        said = text if text is not None else f"reply {i} seed {body.get('seed')} to: {asked[:60]}"
        part = {"message": {"role": "assistant", "content": said}} if chat else {"text": said}
        choices.append({"index": i, "finish_reason": finish, **part})
    usage = {"prompt_tokens": 20, "completion_tokens": 10 * n, "total_tokens": 20 + 10 * n}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": choices,
        **({"usage": usage} if SETTINGS.get("usage", True) else {}),
    }


def fault() -> str | None:
    draw = RNG.random()
    for name, share in SETTINGS["faults"].items():
        if draw < share:
            return str(name)
        draw -= share
    return None


def limited() -> web.Response | None:
    """A fixed window of `rpm` requests a second (a short minute), told in the headers."""
    now = asyncio.get_running_loop().time()
    if now - WINDOW["start"] >= 1.0:
        WINDOW["start"], WINDOW["used"] = now, 0
    WINDOW["used"] += 1
    if WINDOW["used"] > SETTINGS["rpm"]:
        SEEN["over the limit"] += 1
        return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "1"})
    return None


def window_headers() -> dict[str, str]:
    if SETTINGS["rpm"] is None:
        return {}
    left = 1.0 - (asyncio.get_running_loop().time() - WINDOW["start"])
    return {
        "x-ratelimit-limit-requests": str(SETTINGS["rpm"]),
        "x-ratelimit-remaining-requests": str(max(0, int(SETTINGS["rpm"] - WINDOW["used"]))),
        "x-ratelimit-reset-requests": f"{max(1, int(left * 1000))}ms",
    }


async def serve(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    chat = request.path.endswith("chat/completions")
    asked = json.dumps(body.get("messages") or body.get("prompt"))
    ASKED[asked] += 1
    SEEN["too soon"] += monotonic() < UNTIL.pop(asked, 0.0) - 0.005
    HEADERS.append(dict(request.headers))
    del HEADERS[:-5]
    FLYING["now"] += 1
    FLYING["most"] = max(FLYING["most"], FLYING["now"])
    try:
        if SETTINGS["rpm"] is not None and (over := limited()) is not None:
            return over
        await asyncio.sleep(SETTINGS["delay"])
        response = await faulty(fault(), request, body, chat)
        if response is None:
            ANSWERED[asked] += 1
            response = web.json_response(answer(body, chat), headers=window_headers())
        return response
    finally:
        FLYING["now"] -= 1


async def faulty(name: str | None, request: web.Request, body: dict[str, Any], chat: bool) -> web.StreamResponse | None:
    if name is None:
        return None
    SEEN[name] += 1
    error = {"error": {"message": f"planted {name}", "code": name}}
    if name == "429":
        UNTIL[json.dumps(body.get("messages") or body.get("prompt"))] = monotonic() + float(SETTINGS["retry_after"])
        return web.json_response(error, status=429, headers={"Retry-After": SETTINGS["retry_after"]})
    if name.isdigit():
        return web.json_response(error, status=int(name))
    if name == "reset":
        request.transport.abort()
        return web.Response()
    if name == "half":
        whole = json.dumps(answer(body, chat)).encode()
        response = web.StreamResponse(headers={"Content-Length": str(len(whole)), "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(whole[: len(whole) // 2])
        request.transport.abort()
        return response
    if name == "broken":
        return web.Response(body=json.dumps(answer(body, chat)).encode()[:-7], content_type="application/json")
    if name == "html":
        return web.Response(text="<!doctype html><h1>502 Bad Gateway</h1>", content_type="text/html")
    if name == "slow":
        await asyncio.sleep(5)
        return web.Response()
    if name == "redirect":
        raise web.HTTPTemporaryRedirect(SETTINGS["redirect_to"])
    planted = {
        "empty": ("", "stop"), "length": ("So 2 + 2", "length"), "filter": ("", "content_filter"),
        "refusal": ("I'm sorry, but I can't help with that.", "stop"),
        "think": ("<think>two and two</think>The answer is 4.", "stop"),
    }  # fmt: skip
    text, finish = planted[name]
    ANSWERED[json.dumps(body.get("messages") or body.get("prompt"))] += 1
    return web.json_response(answer(body, chat, text, finish))


async def stats(request: web.Request) -> web.Response:
    twice = {k: n for k, n in ANSWERED.items() if n > 1}
    return web.json_response(
        {
            "asked": sum(ASKED.values()), "answered": sum(ANSWERED.values()), "distinct": len(ANSWERED), "twice": twice,
            "batches": len(BATCHES), "faults": SEEN, "most_at_once": FLYING["most"], "headers": HEADERS, "answered_keys": sorted(ANSWERED),
        }
    )  # fmt: skip


async def control(request: web.Request) -> web.Response:
    SETTINGS.update(await request.json())
    RNG.seed(SETTINGS["seed"])
    return web.json_response({})


async def upload(request: web.Request) -> web.Response:
    form = await request.post()
    name = f"file-{len(FILES)}"
    FILES[name] = form["file"].file.read()
    return web.json_response({"id": name, "object": "file", "bytes": len(FILES[name]), "created_at": 0,
                              "filename": "in.jsonl", "purpose": "batch", "status": "processed"})  # fmt: skip


def batch_view(name: str) -> dict[str, Any]:
    b = BATCHES[name]
    return {"id": name, "object": "batch", "endpoint": b["endpoint"], "input_file_id": b["input"], "errors": None,
            "metadata": b["metadata"], "completion_window": "24h", "created_at": 0, "status": b["status"], "output_file_id": b.get("output"),
            "error_file_id": b.get("error")}  # fmt: skip


async def submit(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    name = f"batch-{len(BATCHES)}"
    BATCHES[name] = {"endpoint": body["endpoint"], "input": body["input_file_id"], "status": "in_progress", "looks": 0,
                     "metadata": body.get("metadata")}  # fmt: skip
    if SETTINGS.get("lose_submits", 0) > 0:  # the batch is there, its id gets lost on the way
        SETTINGS["lose_submits"] -= 1
        request.transport.abort()
        return web.Response()
    await asyncio.sleep(SETTINGS.get("submit_delay", 0))
    return web.json_response(batch_view(name))


async def listed(request: web.Request) -> web.Response:
    """The newest first, by pages of two: a client must turn them."""
    names = list(reversed(BATCHES))
    after = request.query.get("after")
    start = names.index(after) + 1 if after else 0
    return web.json_response(
        {
            "object": "list",
            "data": [batch_view(n) for n in names[start : start + 2]],
            "has_more": len(names) > start + 2,
        }
    )


async def look(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    b = BATCHES[name]
    b["looks"] += 1
    if b["looks"] > SETTINGS.get("looks", 1) and b["status"] == "in_progress":
        lines, errors = [], []
        for line in FILES[b["input"]].decode().splitlines():
            ask = json.loads(line)
            if fault() is not None:
                errors.append(
                    {
                        "custom_id": ask["custom_id"],
                        "response": {"status_code": 500, "body": {"error": {"message": "planted"}}},
                    }
                )
                continue
            chat = b["endpoint"].endswith("chat/completions")
            ANSWERED[json.dumps(ask["body"].get("messages"))] += 1
            lines.append(
                {
                    "custom_id": ask["custom_id"],
                    "response": {"status_code": 200, "body": answer(ask["body"], chat)},
                    "error": None,
                }
            )
        RNG.shuffle(lines)
        FILES[f"out-{name}"] = "\n".join(map(json.dumps, lines)).encode()
        FILES[f"err-{name}"] = "\n".join(map(json.dumps, errors)).encode()
        b |= {"status": "completed", "output": f"out-{name}", "error": f"err-{name}" if errors else None}
    return web.json_response(batch_view(name))


async def content(request: web.Request) -> web.Response:
    return web.Response(body=FILES[request.match_info["name"]])


async def main() -> None:
    SETTINGS.update(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
    RNG.seed(SETTINGS["seed"])
    app = web.Application(client_max_size=2**28)
    app.add_routes([
        web.post("/v1/chat/completions", serve), web.post("/v1/completions", serve), web.get("/stats", stats),
        web.post("/control", control), web.post("/v1/files", upload), web.post("/v1/batches", submit),
        web.get("/v1/batches", listed), web.get("/v1/batches/{name}", look), web.get("/v1/files/{name}/content", content),
    ])  # fmt: skip
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", int(SETTINGS.get("port", 0)), backlog=2048)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
