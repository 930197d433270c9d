"""The journal: a SQLite store of every answer a teacher gave; an answer is on disk before it is used."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from mathdata.backends._bounded import whole_text
from mathdata.errors import DataError
from mathdata.types import Completion, Request

__all__ = ["Journal", "key_of", "request_key", "request_text"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls(key TEXT PRIMARY KEY, request TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers(key TEXT, sample INTEGER, at REAL, answer TEXT NOT NULL,
                                   PRIMARY KEY(key, sample)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches(id TEXT PRIMARY KEY, at REAL, state TEXT NOT NULL, keys TEXT NOT NULL) WITHOUT ROWID;
"""
_LOOKUP = 500
_TOGETHER = 100


def request_text(identity: str, request: Request, reads_problem: bool = False) -> str:
    """Everything that decides an answer, as JSON, but for the number of samples: sample k of 4 is sample k of 8."""
    s = request.sampling
    sampling = {
        "temperature": s.temperature,
        "top_p": s.top_p,
        "max_tokens": s.max_tokens,
        "seed": s.seed,
        "stop": s.stop,
    }
    record: dict[str, Any] = {"backend": identity, "sampling": sampling}
    if request.messages or request.text:
        record["messages"] = request.messages
        record["text"] = request.text
        record["schema"] = request.params.get("schema")
    if reads_problem or not (request.messages or request.text):
        p = request.problem
        record["asked"] = [request.method, p.problem, p.solution, p.answer, dict(request.params)]
    return _RECORDS.encode(record)


def key_of(text: str) -> str:
    """The journal's key: 24 hex digits over everything that decides the answer."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def request_key(identity: str, request: Request, reads_problem: bool = False) -> str:
    """The key of a request's answers in the journal."""
    return key_of(request_text(identity, request, reads_problem))


_RECORDS = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=str)
_ANSWERS = json.JSONEncoder(default=str)


def _pack(c: Completion) -> str:
    values = {
        "text": c.text, "finish": c.finish, "reason": c.reason, "reasoning": c.reasoning, "data": c.data,
        "tokens_in": c.tokens_in, "tokens_out": c.tokens_out,
    }  # fmt: skip
    return _ANSWERS.encode({k: v for k, v in values.items() if v})


def _unpack(key: str, text: str) -> Completion:
    stored = json.loads(text)
    for name in ("text", "reason", "reasoning"):  # older journals hold answers as the server sent them
        if isinstance(stored.get(name), str):
            stored[name] = whole_text(stored[name])
    return Completion(**stored, call=key)


class Journal:
    """Answers by key and sample number; one writer thread commits in groups, every commit is synced.

    `put` returns at once; `flush` returns when everything put before it is on disk. What `get_many`
    returns is on disk, so a killed run loses only what the server had not yet delivered.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.salvaged = 0
        if self.path.exists() and not _sound(self.path):
            self.salvaged = _salvage(self.path)
        self._read = _connect(self.path)
        self._queue: queue.SimpleQueue[tuple[str, Any] | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._tickets = self._committed = 0
        self._told: Callable[[], None] | None = None
        self._writer = threading.Thread(target=self._write_loop, name="journal", daemon=True)
        self._writer.start()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get_many(self, keys: Iterable[str]) -> dict[str, dict[int, Completion]]:
        """The stored completions of these keys, by sample number; unreadable ones count as not stored."""
        wanted = sorted(set(keys))
        found: dict[str, dict[int, Completion]] = {}
        for start in range(0, len(wanted), _LOOKUP):
            part = wanted[start : start + _LOOKUP]
            marks = ",".join("?" * len(part))
            for key, sample, text in self._read.execute(
                f"SELECT key, sample, answer FROM answers WHERE key IN ({marks})", part
            ):
                try:
                    found.setdefault(key, {})[sample] = _unpack(key, text)
                except (ValueError, TypeError):
                    continue
        return found

    def put(self, key: str, first: int, completions: Sequence[Completion], asked: str | None) -> int:
        """Store samples `first`, `first + 1`, … of a key, and what was asked: a ticket for `is_durable`."""
        self._check()
        self._tickets += 1
        now = time.time()
        rows = [(key, first + i, now, _pack(c)) for i, c in enumerate(completions)]
        self._queue.put(("answers", (rows, (key, asked) if asked is not None else None, self._tickets)))
        return self._tickets

    def is_durable(self, ticket: int) -> bool:
        """Whether what `put` gave this ticket for is on disk. Raises DataError where the disk refuses."""
        if self._committed < ticket:
            self._check()
        return self._committed >= ticket

    def listen(self, told: Callable[[], None] | None) -> None:
        """Call this (from the writer's thread) whenever something more is on disk, or cannot be put there."""
        self._told = told

    def flush(self) -> None:
        """Wait until all that was put is on disk."""
        done = threading.Event()
        self._queue.put(("flush", done))
        while not done.wait(0.2):
            self._check()
            if not self._writer.is_alive():
                break
        self._check()

    def put_batch(self, batch_id: str, state: str, keys: Sequence[Any]) -> None:
        """Remember a batch that a server works on; durable on return."""
        self._queue.put(("batch", (batch_id, time.time(), state, json.dumps(list(keys)))))
        self.flush()

    def batches(self, state: str) -> dict[str, list[Any]]:
        """Batches in that state: id -> what they will answer, as (key, sample numbers)."""
        rows = self._read.execute("SELECT id, keys FROM batches WHERE state = ? ORDER BY at", (state,))
        return {batch_id: json.loads(keys) for batch_id, keys in rows}

    def __len__(self) -> int:
        return int(self._read.execute("SELECT count(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        if self._writer.is_alive():
            self._queue.put(None)
            self._writer.join()
        self._read.close()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise DataError(f"{self.path}: cannot write the journal: {error}", "check free space and permissions")

    def _write_loop(self) -> None:
        try:
            db = _connect(self.path)
            while (first := self._queue.get()) is not None:
                if not self._commit(db, [first, *self._drain()]):
                    break
            db.close()
        except BaseException as error:
            self._error = error
            self._tell()

    def _tell(self) -> None:
        if (told := self._told) is not None:
            told()

    def _drain(self) -> list[tuple[str, Any] | None]:
        more = []
        while True:
            try:
                more.append(self._queue.get_nowait())
            except queue.Empty:
                return more

    def _commit(self, db: sqlite3.Connection, items: Sequence[tuple[str, Any] | None]) -> bool:
        waiting, ticket = [], self._committed
        calls: list[tuple[Any, ...]] = []
        answers: list[tuple[Any, ...]] = []
        batches: list[tuple[Any, ...]] = []
        for kind, value in (i for i in items if i is not None):
            if kind == "flush":
                waiting.append(value)
            elif kind == "batch":
                batches.append(value)
            else:
                rows, call, ticket = value
                answers += rows
                calls += [call] if call is not None else []
        with db:
            _insert(db, "INSERT OR IGNORE INTO calls", calls)
            _insert(db, "INSERT OR REPLACE INTO answers", answers)
            _insert(db, "INSERT OR REPLACE INTO batches", batches)
        self._committed = max(self._committed, ticket)
        for event in waiting:
            event.set()
        self._tell()
        return None not in items


def _insert(db: sqlite3.Connection, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Many rows by one statement: each statement hands the interpreter's lock over and waits to get it back."""
    for start in range(0, len(rows), _TOGETHER):
        part = rows[start : start + _TOGETHER]
        row = f"({', '.join('?' * len(part[0]))})"
        db.execute(f"{into} VALUES {', '.join([row] * len(part))}", [value for values in part for value in values])


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60.0, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(_SCHEMA)
    return db


def _sound(path: Path) -> bool:
    try:
        db = sqlite3.connect(path, timeout=60.0)
        try:
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                return False
            db.executescript(_SCHEMA)
            return True
        finally:
            db.close()
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "open" in str(error):
            raise DataError(f"{path}: cannot open the journal: {error}", "check permissions, and other runs") from error
        return False
    except sqlite3.DatabaseError:
        return False


def _salvage(path: Path) -> int:
    """Move a torn journal aside and copy what can still be read into a fresh one; the number of answers saved."""
    torn = next(p for i in range(1, 10_000) if not (p := Path(f"{path}.torn-{i}")).exists())
    os.replace(path, torn)
    for suffix in ("-wal", "-shm"):
        if (side := Path(f"{path}{suffix}")).exists():
            os.replace(side, f"{torn}{suffix}")
    _mend_header(torn)
    fresh = _connect(path)
    saved = 0
    try:
        old = sqlite3.connect(torn)
        for table, marks in (("calls", "?, ?"), ("answers", "?, ?, ?, ?"), ("batches", "?, ?, ?, ?")):
            copied = _copy_readable(old, fresh, table, marks)
            saved += copied if table == "answers" else 0
        old.close()
    except sqlite3.DatabaseError:
        pass
    fresh.close()
    return saved


def _mend_header(torn: Path) -> None:
    """A file cut short is not opened at all while its header promises more pages: tell it the truth."""
    with torn.open("r+b") as file:
        head = file.read(100)
        if not head.startswith(b"SQLite format 3\x00"):
            return
        page = int.from_bytes(head[16:18], "big")
        page = 65536 if page == 1 else page
        pages = -(-torn.stat().st_size // max(page, 512))
        file.truncate(pages * page)
        file.seek(28)
        file.write(pages.to_bytes(4, "big"))


def _copy_readable(old: sqlite3.Connection, fresh: sqlite3.Connection, table: str, marks: str) -> int:
    """Rows of a table but for those on lost pages: read range by range, a range that fails is left out."""
    column, saved = ("id", 0) if table == "batches" else ("key", 0)
    ranges = [(f"{i:03x}", f"{i:03x}~") for i in range(4096)] if column == "key" else [("", "~")]
    for low, high in ranges:
        for order in ("ASC", "DESC"):
            query = f"SELECT * FROM {table} WHERE {column} >= ? AND {column} < ? ORDER BY {column} {order}"
            try:
                for row in old.execute(query, (low, high)):
                    saved += fresh.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row).rowcount
                break
            except sqlite3.DatabaseError:
                continue
    fresh.commit()
    return saved
