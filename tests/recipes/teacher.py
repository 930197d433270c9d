"""An OpenAI-compatible server that answers as a good teacher would, from the rows it is given: teacher.py DATA..."""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BOX = re.compile(r"\\boxed\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")


def known_rows(folder: Path) -> dict[str, tuple[str, str]]:
    """Question -> (worked solution, answer)."""
    rows: dict[str, tuple[str, str]] = {}
    for line in (folder / "gsm8k/train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        solution, _, answer = row["answer"].rpartition("####")
        rows[row["question"].strip()] = (re.sub(r"<<.*?>>", "", solution).strip(), answer.strip().replace(",", ""))
    for line in (folder / "math/train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        boxes = BOX.findall(row["solution"])
        if boxes:
            rows[row["problem"].strip()] = (row["solution"], boxes[-1])
    for line in (folder / "seed_corpus/sample_1992.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        question, solution = row.get("problem") or row.get("question"), row.get("solution") or row.get("answer")
        if question and solution:
            rows[question.strip()] = (solution, solution)
    return rows


class Teacher:
    """Knows every row by its question; what it made itself it knows too."""

    def __init__(self, rows: dict[str, tuple[str, str]]) -> None:
        self.rows = dict(rows)

    def reply(self, messages: list[dict[str, Any]], sample: int) -> str:
        asked = str(messages[-1]["content"])
        system = str(messages[0]["content"])
        if "<question>" in asked:
            return f"<question>{self.reworded(self.find(asked) or asked)}</question>"
        if '"question"' in asked:
            return json.dumps({"question": self.invented(self.find(asked) or asked)})
        if "<statement>" in asked:
            found = asked.rpartition("\nAnswer: ")[2].splitlines()[0]
            return f"<statement>The result asked for is {found}.</statement>"
        if "backwards" in system or "unknown variable" in asked:
            return self.backwards(asked)
        return self.solution(asked, sample)

    def find(self, text: str) -> str | None:
        """The longest known question that stands in a text."""
        return max((q for q in self.rows if q in text), key=len, default=None)

    def reworded(self, question: str) -> str:
        made = f"Here is a task for a pupil, told once more. {question} Work it out with care."
        self.rows[made] = self.rows.get(question, ("", "0"))
        return made

    def invented(self, question: str) -> str:
        seed = sum(map(ord, question))
        a, b = 12 + seed % 61, 3 + seed % 17
        thing = ("lanterns", "violins", "kites", "melons", "anchors", "saddles", "quilts", "trumpets")[seed % 8]
        made = f"A depot number {seed % 9973} stores {a} crates, and each of its crates holds {b} {thing}. How many {thing} lie in that depot?"
        self.rows[made] = (f"All crates together hold {a} * {b} = {a * b} {thing}.", str(a * b))
        return made

    def backwards(self, asked: str) -> str:
        for question in self.rows:
            found = masked_number(question, asked)
            if found is not None:
                return f"Put the known answer into the story and solve for x.\nSo x = {found}.\nThe answer is: {found}"
        return "I cannot tell."

    def solution(self, asked: str, sample: int) -> str:
        question = self.find(asked)
        if question is None:
            return "I do not know this problem."
        worked, answer = self.rows[question]
        if "## Step" in asked:
            lines = [line for line in worked.splitlines() if line.strip()] or [worked]
            steps = "\n\n".join(f"## Step {i}: Work on\n{line}" for i, line in enumerate(lines, 1))
            return f"{steps}\n\nTherefore, the final answer is: $\\boxed{{{answer}}}$. I hope it is correct."
        return f"{worked}\nThe answer is: {answer}"


def masked_number(question: str, asked: str) -> str | None:
    """The number of a known question that stands as x in the asked one; None where it is another question."""
    for number in re.finditer(r"\d[\d,.]*\d|\d", question):
        masked = question[: number.start()] + "x" + question[number.end() :]
        first = re.split(r"(?<=[.?!]) ", masked)[0]
        if masked in asked or (len(first) > 30 and first in asked and first not in question):
            return number[0]
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    teacher: Teacher

    def do_GET(self) -> None:
        self.send({"object": "list", "data": [{"id": "teacher", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = [self.teacher.reply(body["messages"], i) for i in range(int(body.get("n") or 1))]
        choices = [
            {"index": i, "message": {"role": "assistant", "content": t}, "finish_reason": "stop"}
            for i, t in enumerate(texts)
        ]
        usage = {"prompt_tokens": 50, "completion_tokens": 50 * len(texts), "total_tokens": 50 + 50 * len(texts)}
        self.send({"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "choices": choices,
                   "usage": usage})  # fmt: skip

    def send(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


def main() -> None:
    rows: dict[str, tuple[str, str]] = {}
    for folder in sys.argv[1:]:
        rows |= known_rows(Path(folder))
    Handler.teacher = Teacher(rows)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
