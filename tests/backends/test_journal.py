from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import ask

from mathdata.backends.journal import Journal, request_key
from mathdata.backends.journaled import Journaled
from mathdata.backends.money import Budget
from mathdata.backends.scripted import Scripted
from mathdata.types import Completion, Request, Sampling


def stored(path: Path, count: int = 2000) -> None:
    with Journal(path) as journal:
        for i in range(count):
            key = hashlib.sha256(str(i).encode()).hexdigest()[:24]
            journal.put(key, 0, [Completion(f"answer {i} " + "x" * 200)], f"asked {i}")


def test_what_was_put_and_flushed_is_read_back_by_another_process(tmp_path):
    path = tmp_path / "j.sqlite"
    journal = Journal(path)
    journal.put("k", 0, [Completion("four", tokens_out=3), Completion("", "length")], "q")
    journal.flush()
    code = (
        "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from answers').fetchone()[0])"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "2"
    found = journal.get_many(["k", "other"])
    assert found["k"][0] == Completion("four", tokens_out=3, call="k")
    assert found["k"][1].finish == "length"
    assert "other" not in found
    journal.close()


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_a_torn_file_does_not_stop_a_restart_and_keeps_what_can_be_read(tmp_path, cut):
    path = tmp_path / "j.sqlite"
    stored(path)
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * cut)])
    with Journal(path) as journal:
        before = len(journal)
        journal.put("new", 0, [Completion("fresh")], None)
        journal.flush()
        assert len(journal) == before + 1
        assert journal.salvaged == before
    assert list(tmp_path.glob("j.sqlite.torn-1"))
    if cut == 0.9:
        assert before > 1000


def test_a_page_of_noise_in_the_middle_costs_only_what_stood_there(tmp_path):
    path = tmp_path / "j.sqlite"
    stored(path)
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2 // 4096 * 4096
    raw[middle : middle + 4096] = os.urandom(4096)
    path.write_bytes(bytes(raw))
    with Journal(path) as journal:
        assert 1500 < len(journal) < 2000


def test_a_file_that_is_no_database_is_moved_aside(tmp_path):
    path = tmp_path / "j.sqlite"
    path.write_text("not a database at all, but long enough to have a header " * 20)
    with Journal(path) as journal:
        assert len(journal) == 0
    assert (tmp_path / "j.sqlite.torn-1").read_text().startswith("not a database")


def test_kill_while_writing_loses_nothing_that_was_flushed(tmp_path):
    path = tmp_path / "j.sqlite"
    code = """
import sys
from mathdata.backends.journal import Journal
from mathdata.types import Completion
journal = Journal(sys.argv[1])
i = 0
while True:
    journal.put(f"k{i}", 0, [Completion("a" * 500)], str(i))
    if i % 10 == 9:
        journal.flush()
        print(i, flush=True)
    i += 1
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = 0
    for line in process.stdout:
        told = int(line)
        if told > 300:
            break
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    told = max([told, *map(int, rest)])
    with Journal(path) as journal:
        assert len(journal.get_many(f"k{i}" for i in range(told + 1))) == told + 1


def test_two_threads_and_two_journals_share_one_file(tmp_path):
    path = tmp_path / "j.sqlite"
    with Journal(path) as one, Journal(path) as two:
        writers = [
            threading.Thread(
                target=lambda j=j, name=name: [j.put(f"{name}{i}", 0, [Completion("x")], None) for i in range(300)]
            )
            for j, name in ((one, "a"), (one, "b"), (two, "c"))
        ]
        for w in writers:
            w.start()
        for w in writers:
            w.join()
        one.flush()
        two.flush()
        assert len(one) == 900


text = st.text(max_size=20)
requests = st.builds(
    lambda said, t, p, m, seed, stop: Request(
        "answer", ask(0).problem, messages=({"role": "user", "content": said},),
        sampling=Sampling(temperature=t, top_p=p, max_tokens=m, seed=seed, stop=stop),
    ),
    text, st.sampled_from([0.0, 0.7, 1.0]), st.sampled_from([0.9, 1.0]), st.integers(1, 9), st.integers(0, 9),
    st.lists(text, max_size=2).map(tuple),
)  # fmt: skip


@given(requests, requests)
@settings(max_examples=150, deadline=None)
def test_two_requests_have_one_key_only_if_nothing_that_decides_the_answer_differs(a, b):
    assert (request_key("t", a) == request_key("t", b)) == (a.messages == b.messages and a.sampling == b.sampling)
    assert request_key("t", a) != request_key("another teacher", a)
    assert request_key("t", a) == request_key("t", replace(a, sampling=replace(a.sampling, n=5)))


def test_one_row_added_is_one_request_more(tmp_path):
    teacher = Scripted(replies=["4"])
    with Journal(tmp_path / "j.sqlite") as journal:
        Journaled(teacher, journal).generate([ask(i) for i in range(20)])
        assert teacher.calls == 20
        again = Journaled(teacher, journal)
        again.generate([ask(99), *(ask(i) for i in range(20))])
    assert teacher.calls == 21
    assert again.figures == {"asked": 1, "from_journal": 20, "failed": 0}


def test_more_samples_pay_only_for_the_new_ones(tmp_path):
    teacher = Scripted(replies=["a", "b", "c", "d"])
    with Journal(tmp_path / "j.sqlite") as journal:
        asked = Journaled(teacher, journal)
        first = asked.generate([ask(1, n=2, seed=0)])[0]
        more = asked.generate([ask(1, n=4, seed=0)])[0]
    assert teacher.calls == 4
    assert more[:2] == first
    assert [c.text for c in more] == ["a", "b", "c", "d"]


def test_a_hole_among_the_samples_is_asked_for_alone(tmp_path):
    def play(request: Request, sample: int) -> Completion | str:
        return Completion(finish="error", reason="down") if request.sampling.n == 3 and sample == 1 else f"s{sample}"

    teacher = Scripted.playing(play)
    with Journal(tmp_path / "j.sqlite") as journal:
        asked = Journaled(teacher, journal)
        first = asked.generate([ask(1, n=3)])[0]
        assert [c.finish for c in first] == ["stop", "error", "stop"]
        second = asked.generate([ask(1, n=3)])[0]
    assert [c.finish for c in second] == ["stop"] * 3
    assert teacher.calls == 4


def test_equal_requests_in_one_call_are_asked_once(tmp_path):
    teacher = Scripted(replies=["4"])
    with Journal(tmp_path / "j.sqlite") as journal:
        answers = Journaled(teacher, journal).generate([ask(1)] * 50)
    assert teacher.calls == 1
    assert len(answers) == 50


def test_failures_are_not_stored(tmp_path):
    teacher = Scripted(faults={"error": 1.0})
    with Journal(tmp_path / "j.sqlite") as journal:
        answers = Journaled(teacher, journal).generate([ask(i) for i in range(5)])
        assert len(journal) == 0
    assert all(a[0].finish == "error" for a in answers)


@pytest.mark.parametrize("counts", [True, False])
def test_a_token_budget_is_never_passed_by_a_teacher_in_the_process_and_the_next_run_goes_on(tmp_path, counts):
    class Wordy:
        name, chunk, identity = "wordy", 10, "wordy"
        asked = 0

        def generate(self, requests):
            self.asked += len(requests)
            return [[Completion("x", tokens_in=10, tokens_out=90)] for _ in requests]

    class Counting(Wordy):
        def prompt_tokens(self, request):
            return 10

    teacher, budget = (Counting() if counts else Wordy()), Budget(tokens=2550)
    requests = [ask(i, max_tokens=90) for i in range(100)]
    with Journal(tmp_path / "j.sqlite") as journal:
        answers = Journaled(teacher, journal, budget).generate(requests)
        finished = [a[0] for a in answers if a[0].finish == "stop"]
        assert budget.spent == 100 * len(finished) <= 2550
        assert len(finished) == 25 if counts else 20 < len(finished) < 25
        assert all(a[0].reason.startswith("budget") for a in answers if a[0].finish != "stop")
        again = Journaled(teacher, journal).generate(requests)
    assert all(a[0].finish == "stop" for a in again)
    assert teacher.asked == 100, "nothing is made twice"
