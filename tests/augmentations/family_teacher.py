"""An OpenAI-compatible server that knows the elementary families: writes wordings, solves them, works steps.

python family_teacher.py; prints its port. A wording of subtraction is wrong on purpose: it swaps the operands.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mathdata import families

NUMBER = r"(-?\d+(?:\.\d+)?)"
WORDINGS = {
    "计算 {a} + {b} 等于多少？": ("{a} 加上 {b} 得几", "小李有 {a} 元，又得到 {b} 元，共有几元"),
    "计算 {a} - {b} 等于多少？": ("{a} 减去 {b} 得几", "用 {b} 减去 {a} 得几"),
    "计算 {a} / {b} 等于多少？": ("{a} 除以 {b} 得几", "把 {a} 平均分成 {b} 份，每份是几"),
    "解方程 {a}x + {b} = {c}": ("已知 {a}x + {b} = {c}，求未知数", "哪个 x 使 {a}x + {b} = {c} 成立"),
}
"""Pattern -> its two wordings; the second of subtraction asks for another thing."""

SOLVED = (
    (rf"{NUMBER} 加上 {NUMBER} 得几|小李有 {NUMBER} 元，又得到 {NUMBER} 元", lambda a, b: a + b),
    (rf"用 {NUMBER} 减去 {NUMBER} 得几", lambda a, b: a - b),
    (rf"{NUMBER} 减去 {NUMBER} 得几", lambda a, b: a - b),
    (rf"{NUMBER} 除以 {NUMBER} 得几|把 {NUMBER} 平均分成 {NUMBER} 份", lambda a, b: a / b),
    (rf"{NUMBER}x \+ {NUMBER} = {NUMBER}", lambda a, b, c: (c - b) / a),
)
KINDS: Counter[str] = Counter()


def reply(asked: str) -> str:
    """What a careful teacher says to the last message of one of our prompts."""
    problem = re.search(r"题目：(.*)", asked)
    said = problem[1].strip() if problem else asked
    if said in WORDINGS:
        KINDS["wording"] += 1
        style = int.from_bytes(asked.encode(), "big") % 8191
        return json.dumps({"wording": f"{WORDINGS[said][style % 2]}？"}, ensure_ascii=False)
    for question, value in SOLVED:
        if found := re.search(question, said):
            KINDS["check"] += 1
            answer = value(*(Fraction(g) for g in found.groups() if g))
            return f"算得 {float(answer):.6f}。答案是：{float(answer):.6f}"
    KINDS["steps"] += 1
    read = families.read(said)
    return families.work(read.family, read.params, read.language).solution if read else "我不知道。"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = [reply(str(body["messages"][-1]["content"])) for _ in range(body.get("n") or 1)]
        choices = [
            {"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": t}}
            for i, t in enumerate(texts)
        ]
        usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
        self.send({"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "choices": choices,
                   "usage": usage})  # fmt: skip

    def do_GET(self) -> None:
        self.send(dict(KINDS) if self.path == "/kinds" else {"object": "list", "data": []})

    def send(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        return None


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
