"""Bad input through the real command line: two lines that say what, where and what next; nothing half written."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

ROWS = [{"question": f"What is {n} + 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"} for n in range(40)]
LINES = "".join(json.dumps(r) + "\n" for r in ROWS).encode()
Cli = Callable[..., Any]


def put(path: Path, data: bytes = LINES) -> Path:
    path.write_bytes(data)
    return path


def refused(done: Any, rc: int, *words: str) -> None:
    """Exit code, one `error:` line, one `hint:` line, all the words, no traceback."""
    lines = done.err.strip().splitlines()
    assert done.rc == rc, done.err
    assert [line.partition(":")[0] for line in lines[-2:]] == ["error", "hint"], done.err
    assert "Traceback" not in done.err
    assert [w for w in words if w not in done.err] == [], done.err


def left_behind(folder: Path, *known: str) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name not in known)


BAD = {
    "empty.jsonl": (b"", 1, ["empty.jsonl: the file is empty"]),
    "header.csv": (b"problem,answer\n", 1, ["header.csv: no rows in it"]),
    "utf16.jsonl": (LINES.decode().encode("utf-16"), 1, ["UTF-16", "byte 0", "iconv -f UTF-16"]),
    "latin.jsonl": ('{"question": "Größe?", "answer": "1"}\n'.encode("latin-1") * 30, 1, ["byte 0xf6", "ISO-8859-1"]),
    "missing.jsonl": (b'{"stem": "How many?", "n": 1}\n', 2, ["'stem', 'n'", "--column problem=stem"]),
    "two.jsonl": (b'{"problem": "a", "question": "b"}\n', 2, ["'problem' and 'question'", "--column problem="]),
    "broken.jsonl": (LINES + b"{oops\n" * 5, 1, ["5 of 45 lines", "line 41", "--max-broken 0.12"]),
    "bomb.jsonl.gz": (gzip.compress((b'{"question": "' + b"x" * 9000 + b'"}\n') * 8000), 1, ["decompression bomb"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_by_name_and_nothing_is_written(tmp_path: Path, call: Cli, name: str) -> None:
    data, rc, words = BAD[name]
    put(tmp_path / name, data)
    refused(call("dedup", name, "-o", "out.parquet"), rc, name, *words)
    assert left_behind(tmp_path, name) == []


def test_no_file_and_a_folder_are_named_with_what_is_there(tmp_path: Path, call: Cli) -> None:
    put(tmp_path / "train.jsonl")
    refused(
        call("dedup", "trian.jsonl", "-o", "out.parquet"), 1, "trian.jsonl: no such file", "did you mean 'train.jsonl'?"
    )
    refused(call("dedup", ".", "-o", "../out.parquet"), 1, "a folder, not a file", "train.jsonl")


def test_broken_lines_go_to_the_rejects_with_file_and_line(tmp_path: Path, call: Cli) -> None:
    """Half a line at the end, a zero byte and a cell of ten million bytes: the other rows go through."""
    zero = b'{"question": "a\x00b", "answer": "#### 1"}\n'
    long = b'{"question": "' + b"x" * 10_000_000 + b'", "answer": "#### 1"}\n'
    put(tmp_path / "raw.jsonl", zero + LINES + long + b'{"question": "What')
    done = call("dedup", "raw.jsonl", "-o", "out.parquet", "--max-broken", "0.1", "--json")
    assert done.rc == 0, done.err
    assert (done.json["rows_in"], done.json["kept"], done.json["rejected"]) == (43, 40, {"broken-line": 3})
    rejects = pl.read_parquet(tmp_path / "out.parquet.rejects.parquet").sort("origin")
    assert rejects["origin"].to_list() == ["raw.jsonl:1", "raw.jsonl:42", "raw.jsonl:43"]
    assert ["zero byte" in w or "10,000,0" in w or "not JSON" in w for w in rejects["reject_why"]] == [True] * 3
    assert sum(len(p) for p in rejects["problem"]) < 5000
    again = call("show", "out.parquet", "--rejects", "broken-line", "--json")
    assert again.json["total"] == 3


def test_all_rows_rejected_is_an_empty_output_and_all_rows_beside_it(tmp_path: Path, call: Cli) -> None:
    put(
        tmp_path / "raw.jsonl",
        b'{"problem": "How many sheep are there?", "answer": "2"}\n{"problem": "How many sheep are there?", "answer": "3"}\n',
    )
    done = call("dedup", "raw.jsonl", "-o", "out.parquet", "--json")
    assert done.rc == 0, done.err
    assert (done.json["rows_in"], done.json["kept"]) == (2, 0)
    assert pl.read_parquet(tmp_path / "out.parquet").height == 0
    assert pl.read_parquet(tmp_path / "out.parquet.rejects.parquet").height == 2
    assert call("dedup", "out.parquet", "-o", "next.parquet", "--json").json["rows_in"] == 0


@pytest.mark.parametrize("name", ["out.jsonl", "out.json", "out.csv", "out.jsonl.gz", "out.jsonl.zst", "out.parquet"])
def test_an_empty_output_is_read_where_its_manifest_stands_and_refused_where_it_does_not(
    tmp_path: Path, call: Cli, name: str
) -> None:
    put(
        tmp_path / "raw.jsonl",
        b'{"problem": "How many sheep are there?", "answer": "2"}\n{"problem": "How many sheep are there?", "answer": "3"}\n',
    )
    assert call("dedup", "raw.jsonl", "-o", name, "--json").json["kept"] == 0
    done = call("dedup", name, "-o", f"next-{name}", "--json")
    assert (done.rc, done.json["rows_in"], done.json["kept"]) == (0, 0, 0), done.err
    manifest = tmp_path / f"{name}.manifest.json"
    told = manifest.read_text()
    manifest.unlink()
    if name != "out.parquet":  # which holds its columns, so that it is no broken file
        refused(call("dedup", name, "-o", "other.parquet"), 1, name)
    manifest.write_text(told)
    other = b'{"problem": "2 + 2?", "answer": "4"}\n'
    if name == "out.jsonl":  # another file under the old name is read for what it is
        put(tmp_path / name, other)
        assert call("dedup", name, "-o", "other.parquet", "--json").json["rows_in"] == 1
        put(tmp_path / name, b" ")
        refused(call("dedup", name, "-o", "third.parquet"), 1, name)


def test_an_existing_output_and_an_output_that_is_the_input_are_refused(tmp_path: Path, call: Cli) -> None:
    put(tmp_path / "raw.jsonl")
    put(tmp_path / "out.parquet", b"mine")
    refused(call("dedup", "raw.jsonl", "-o", "out.parquet"), 2, "out.parquet exists", "--overwrite")
    refused(call("dedup", "raw.jsonl", "-o", "raw.jsonl", "--overwrite"), 2, "both input and output")
    refused(
        call("export", "raw.jsonl", "--format", "math", "-o", "./raw.jsonl", "--overwrite"), 2, "both input and output"
    )
    assert (tmp_path / "out.parquet").read_bytes() == b"mine"
    assert (tmp_path / "raw.jsonl").read_bytes() == LINES
    done = call("dedup", "raw.jsonl", "-o", "out.parquet", "--overwrite", "--json")
    assert (done.rc, pl.read_parquet(tmp_path / "out.parquet").height) == (0, 40)


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path, cli: Cli) -> None:
    put(tmp_path / "raw.jsonl")
    refused(cli("dedup", "raw.jsonl", "-o", "raw.jsonl/out.parquet"), 2, "raw.jsonl", "-o")
    done = cli("dedup", "raw.jsonl", "-o", "/proc/self/out.parquet")
    assert done.rc in (1, 2)
    refused(done, done.rc, "/proc/self")


def no_room() -> None:
    """From here on a file of this process holds at most 4,000 bytes: what a full disk does to a write."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))


@pytest.mark.parametrize("out", ["out.parquet", "out.jsonl"])
def test_a_full_disk_leaves_no_half_file(tmp_path: Path, cli: Cli, out: str) -> None:
    rows = [{"problem": os.urandom(60).hex(), "answer": str(n)} for n in range(400)]
    put(tmp_path / "raw.jsonl", "".join(json.dumps(r) + "\n" for r in rows).encode())
    refused(cli("dedup", "raw.jsonl", "-o", out, preexec_fn=no_room), 1, "File too large")
    assert not (tmp_path / out).exists()
    assert not (tmp_path / f"{out}.manifest.json").exists(), "no manifest: not finished"
    assert [n for n in left_behind(tmp_path) if n.endswith(".part")] == []


def test_a_small_disk_that_is_full_says_so(tmp_path: Path, cli: Cli) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr.strip()}")
    try:
        rows = [{"problem": os.urandom(300).hex(), "answer": str(n)} for n in range(400)]
        put(tmp_path / "raw.jsonl", "".join(json.dumps(r) + "\n" for r in rows).encode())
        refused(cli("dedup", "raw.jsonl", "-o", "disk/out.parquet"), 1, "No space left on device")
        assert left_behind(disk, "out.parquet.rejects.parquet") == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_unknown_benchmark_names_the_nearest(tmp_path: Path, call: Cli) -> None:
    put(tmp_path / "raw.jsonl")
    refused(
        call("decontaminate", "raw.jsonl", "-o", "out.parquet", "--against", "gsm9k"),
        2,
        "gsm9k",
        "did you mean 'gsm8k'?",
    )
    assert left_behind(tmp_path, "raw.jsonl") == []


def test_a_file_of_test_items_that_is_not_there_is_called_a_file(tmp_path: Path, call: Cli) -> None:
    put(tmp_path / "raw.jsonl")
    for name in ("nosuch.jsonl", "data/nosuch"):
        refused(call("decontaminate", "raw.jsonl", "--preview", "1", "--against", name), 1, f"no such file: {name}")


def test_a_share_of_broken_lines_is_a_share(tmp_path: Path, call: Cli) -> None:
    put(tmp_path / "raw.jsonl")
    refused(call("dedup", "raw.jsonl", "-o", "out.parquet", "--max-broken", "7"), 2, "--max-broken", "0<=x<=1")


RECIPES = {
    "dedupe": ("name: a\ninput: raw.jsonl\nstages:\n  - dedupe: {}\n", ["dedupe", "did you mean 'dedup'?"]),
    "levl": ("name: a\ninput: raw.jsonl\nstages:\n  - dedup: {levl: exact}\n", ["levl", "did you mean 'level'?"]),
    "inputs": ("name: a\ninptu: raw.jsonl\n", ["inptu", "did you mean 'input'?"]),
    "key": (
        "name: a\ninput: raw.jsonl\nstages:\n  - augment: {method: [answer], teacher: {openai: {model: m, api_key: sk-abc123def456ghi789}}}\n",
        ["api_key"],
    ),
}


@pytest.mark.parametrize("case", RECIPES)
def test_a_mistake_in_a_recipe_is_named_before_any_work(tmp_path: Path, call: Cli, case: str) -> None:
    text, words = RECIPES[case]
    put(tmp_path / "raw.jsonl")
    put(tmp_path / "bad.yaml", text.encode())
    done = call("run", "bad.yaml")
    refused(done, 2, "bad.yaml", *words)
    assert "sk-abc123def456ghi789" not in done.out + done.err
    assert left_behind(tmp_path, "raw.jsonl", "bad.yaml") == []


def test_a_command_with_pending_rows_may_run_again_and_asks_only_for_those(tmp_path: Path, call: Cli) -> None:
    replies = [{"problem": r["question"], "reply": f"Add the two.\nThe answer is: {n + 1}"} for n, r in enumerate(ROWS)]
    (tmp_path / "replies.jsonl").write_text("".join(json.dumps(r) + "\n" for r in replies))
    put(tmp_path / "raw.jsonl")
    teacher = "{scripted: {file: replies.jsonl, faults: {error: 0.3}}}"
    command = ["augment", "raw.jsonl", "-o", "out.parquet", "--method", "answer", "--teacher", teacher]
    first = call(*command, "--json")
    assert first.rc == 3, first.err
    pending = first.json["rejected"]["pending-server"]
    refused(call(*command, "--samples", "2"), 2, "out.parquet exists")
    second = call(*command, "--concurrency", "2", "--json")
    assert (second.rc, second.json["teacher"]["from_journal"]) == (3, 40 - pending)
    put(tmp_path / "done.jsonl", b"".join(LINES.splitlines(keepends=True)[:1]))
    assert call("dedup", "done.jsonl", "-o", "done.parquet").rc == 0
    refused(call("dedup", "done.jsonl", "-o", "done.parquet"), 2, "done.parquet exists")


NO_ROW = [
    ["--n", "-5"],
    ["--n", "0"],
    ["--strategy", "quota", "--quota", "add=-3,divide=4"],
    ["--quota", "add=0"],
    ["--quota", "quota.yaml"],
    ["--sizes", "0,full"],
    ["--sizes", "-1k"],
    ["--n", "5", "--max-per-template", "-1"],
    ["--n", "5", "--max-per-problem", "0"],
]


@pytest.mark.parametrize("options", NO_ROW, ids=" ".join)
def test_a_sample_of_no_rows_or_fewer_is_refused(tmp_path: Path, call: Cli, options: list[str]) -> None:
    put(tmp_path / "raw.jsonl")
    put(tmp_path / "quota.yaml", b"add: -3\n")
    refused(call("sample", "raw.jsonl", "-o", "out.parquet", *options), 2, "sample: ", "no row")
    assert left_behind(tmp_path, "raw.jsonl", "quota.yaml") == []


def test_a_corpus_of_no_rows_or_fewer_is_refused(call: Cli) -> None:
    for rows in ("-4", "0"):
        refused(call("show", f"builtin:elementary?rows={rows}"), 2, f"rows={rows}", "40 at least")


class Hanging(BaseHTTPRequestHandler):
    """A teacher that takes the request and never answers."""

    asked = threading.Event()
    stop = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.asked.set()
        self.stop.wait(60)

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        return


def test_interrupted_while_the_teacher_thinks_it_stops_at_once_and_leaves_no_output(tmp_path: Path) -> None:
    put(tmp_path / "raw.jsonl")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hanging)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    teacher = f"{{openai: {{model: m, base_url: 'http://127.0.0.1:{server.server_port}/v1'}}}}"
    command = [
        sys.executable,
        "-m",
        "mathdata",
        "augment",
        "raw.jsonl",
        "-o",
        "out.parquet",
        "--method",
        "answer",
        "--teacher",
        teacher,
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env={**os.environ, "OPENAI_API_KEY": "x"}
    )
    try:
        assert Hanging.asked.wait(30), "the teacher was never asked"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        Hanging.stop.set()
        server.shutdown()
        server.server_close()
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert [n for n in left_behind(tmp_path) if n.startswith("out.parquet") and "journal" not in n] == []


@pytest.mark.parametrize(("flag", "values"), [("--level", ("near", "exact")), ("-o", ("a.parquet", "b.parquet"))])
def test_one_value_given_twice_is_refused(tmp_path: Path, call: Cli, flag: str, values: tuple[str, str]) -> None:
    put(tmp_path / "raw.jsonl")
    twice = [word for value in values for word in (flag, value)]
    refused(call("dedup", "raw.jsonl", *twice), 2, "is given 2 times", "give it once")
    assert left_behind(tmp_path, "raw.jsonl") == []


def test_lists_and_mappings_given_in_pieces_add_up(tmp_path: Path, call: Cli) -> None:
    put(tmp_path / "raw.jsonl")
    put(tmp_path / "one.jsonl", LINES.splitlines(keepends=True)[0])
    put(tmp_path / "two.jsonl", LINES.splitlines(keepends=True)[1])
    done = call("dedup", "raw.jsonl", "-o", "a.parquet", "--against", "one.jsonl", "--against", "two.jsonl", "--json")
    assert json.loads(done.out)["kept"] == 38
    quotas = ("--by", "language", "--quota", "en=3", "--quota", "zh=0")
    done = call("sample", "raw.jsonl", "-o", "b.parquet", "--strategy", "quota", *quotas, "--json")
    assert json.loads(done.out)["kept"] == 3
