from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import polars as pl
import pytest

from mathdata.schema import conform

AT_ONCE = 16


def prompts_in(journal):
    """What the journal has an answer for, as the server counts it."""
    with sqlite3.connect(journal) as db:
        keys = {k for (k,) in db.execute("SELECT key FROM answers")}
        calls = db.execute("SELECT key, request FROM calls").fetchall()
    db.close()
    return {json.dumps(json.loads(r)["messages"]) for k, r in calls if k in keys}


@pytest.mark.parametrize("kills", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_kill_9_under_load_loses_no_answer_and_pays_none_twice(serve, tmp_path, kills):
    server = serve(delay=0.03)
    rows = [{"problem": f"What is {i} + {i + 1}?", "answer": str(2 * i + 1)} for i in range(600)]
    table = tmp_path / "in.parquet"
    conform(pl.DataFrame(rows)).write_parquet(table)
    out, journal = tmp_path / "out.parquet", tmp_path / "out.parquet.journal.sqlite"
    teacher = json.dumps({"openai": {"model": "tiny", "base_url": server.url}})
    command = [
        sys.executable, "-m", "mathdata", "augment", str(table), "-o", str(out), "--method", "answer", "--teacher",
        teacher, "--concurrency", str(AT_ONCE), "--json",
    ]  # fmt: skip
    stored = set()
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        already = server.stats()["answered"]
        while server.stats()["answered"] < already + 120:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        now = prompts_in(journal)
        assert stored <= now, "an answer was lost"
        stored = now
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows_in"] + told["created"] == told["kept"] + sum(told["rejected"].values()) == 1200
    assert told["teacher"]["from_journal"] == len(stored) >= 100 * kills
    stats = server.stats()
    assert stats["distinct"] == 600
    assert not stored & set(stats["twice"]), "an answer that was stored was asked for again"
    assert len(stats["twice"]) <= kills * AT_ONCE, "only what was on its way at a kill may be asked again"
    frame = pl.read_parquet(f"{out}.rejects.parquet")
    assert frame.filter(pl.col("method") == "answer").height + told["kept"] - 600 == 600
    again = subprocess.run([*command, "--overwrite"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert server.stats()["answered"] == stats["answered"], "--overwrite keeps the journal"


def test_an_interrupt_stores_what_came_and_ends_with_130(serve, tmp_path):
    server = serve(delay=0.03)
    rows = [{"problem": f"What is {i} + {i + 1}?", "answer": str(2 * i + 1)} for i in range(2000)]
    conform(pl.DataFrame(rows)).write_parquet(tmp_path / "in.parquet")
    teacher = json.dumps({"openai": {"model": "tiny", "base_url": server.url, "concurrency": 5}})
    command = [
        sys.executable, "-m", "mathdata", "augment", "in.parquet", "-o", "out.parquet", "--method", "answer", "--teacher", teacher,
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while server.stats()["answered"] < 60:
        assert process.poll() is None, "it ended before it was interrupted"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert len(prompts_in(tmp_path / "out.parquet.journal.sqlite")) >= server.stats()["answered"] - 5
    assert server.stats()["most_at_once"] == 5, "the teacher's own concurrency holds"
    assert not (tmp_path / "out.parquet").exists()
