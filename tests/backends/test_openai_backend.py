from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from served import ask

from mathdata.backends._batch_run import BatchRun
from mathdata.backends._wire import is_refusal, retry_after
from mathdata.backends.journal import Journal, request_key
from mathdata.backends.journaled import Journaled
from mathdata.backends.money import Budget, Price, find_price, guess_tokens, parse_budget
from mathdata.backends.openai import OpenAI
from mathdata.errors import BackendError, MathdataError, RecipeError, UsageError
from mathdata.keys import Source, bind
from mathdata.registry import build


def test_answers_come_back_in_order_with_n_seed_and_usage(serve):
    server = serve()
    answers = server.teacher(concurrency=16).generate([ask(i, n=3, seed=100 + i) for i in range(40)])
    for i, given in enumerate(answers):
        assert [c.text for c in given] == [f"reply {k} seed {100 + i} to: question {i}" for k in range(3)]
    assert sum(c.tokens_in for c in answers[0]) == 20
    assert sum(c.tokens_out for c in answers[0]) == 30
    assert server.stats()["asked"] == 40


def test_completions_endpoint_sends_the_plain_prompt(serve):
    server = serve()
    request = replace(ask(1), text="plain prompt", messages=())
    assert "plain prompt" in server.teacher(endpoint="completions").generate([request])[0][0].text


def test_the_request_and_the_answer_are_those_of_the_official_client(serve):
    import openai

    server = serve()
    ours = server.teacher().generate([ask(1, n=2, seed=7, temperature=0.7, stop=("END",))])[0]
    with openai.OpenAI(base_url=server.url, api_key="none") as client:
        theirs = client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "question 1"}], n=2, seed=7, temperature=0.7, max_tokens=64,
            stop=["END"],
        )  # fmt: skip
    assert [c.text for c in ours] == [c.message.content for c in theirs.choices]
    assert sum(c.tokens_out for c in ours) == theirs.usage.completion_tokens


def test_all_faults_mixed_over_thousands_of_requests_lose_no_row(serve, tmp_path):
    faults = {"429": 0.1, "500": 0.05, "503": 0.02, "reset": 0.02, "half": 0.02, "broken": 0.01, "html": 0.01}
    final = {"empty": 0.02, "length": 0.02, "filter": 0.02, "refusal": 0.02}
    server = serve(faults=faults | final)
    teacher = server.teacher(concurrency=64)
    with Journal(tmp_path / "j.sqlite") as journal:
        answers = Journaled(teacher, journal).generate([ask(i) for i in range(3000)])
        assert len(journal) == 3000
    states = Counter(a[0].finish for a in answers)
    assert sum(states.values()) == 3000
    assert all(len(a) == 1 for a in answers)
    assert states["error"] == 0
    assert states["stop"] > 2500
    assert min(states["length"], states["filter"], states["refused"]) > 20
    seen = server.stats()["faults"]
    retries = teacher.figures["retries"]
    assert seen["too soon"] == 0, "a Retry-After is kept to"
    assert retries["rate-limit"] == seen["429"]
    assert retries["server-error"] == seen["500"]
    assert retries["torn"] == seen["half"] + seen["broken"]
    assert retries["html"] == seen["html"]
    assert all(a[0].reason for a in answers if a[0].finish != "stop")


def test_faults_cost_at_most_half_as_much_again(serve):
    requests = [ask(i) for i in range(1000)]
    clean, faulty = (
        serve(delay=0.1),
        serve(delay=0.1, retry_after="0.2", faults={"429": 0.1, "500": 0.05, "reset": 0.02, "broken": 0.01}),
    )
    took = []
    for server in (clean, faulty):
        started = time.perf_counter()
        answers = server.teacher(concurrency=64).generate(requests)
        took.append(time.perf_counter() - started)
        assert all(a[0].finish == "stop" for a in answers)
    assert took[1] < 2 * took[0] + 1, took  # bench/teacher.py measures the real ratio


def test_after_the_last_try_the_reason_is_told_and_nothing_raises(serve):
    server = serve(faults={"500": 1.0})
    teacher = server.teacher(concurrency=4, patience=1.0)
    answers = teacher.generate([ask(i, n=2) for i in range(6)])
    assert all(len(a) == 2 and a[0].finish == "error" and "planted 500" in a[0].reason for a in answers)


def test_a_server_that_was_never_there_is_given_up_within_seconds(tmp_path):
    started = time.perf_counter()
    command = [
        sys.executable, "-m", "mathdata", "augment", "in.jsonl", "-o", "out.parquet", "--method", "answer", "--teacher",
        '{openai: {model: tiny, base_url: "http://127.0.0.1:9/v1"}}',
    ]  # fmt: skip
    rows = [json.dumps({"problem": f"What is {i} + 1?", "answer": str(i + 1)}) + "\n" for i in range(200)]
    (tmp_path / "in.jsonl").write_text("".join(rows))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert time.perf_counter() - started < 15, "two minutes of patience are for servers that were there"
    error, hint = done.stderr.strip().splitlines()[-2:]
    assert "unreachable: cannot connect to http://127.0.0.1:9/v1: Connection refused" in error
    assert "is it running? check host and port" in hint


def test_a_server_that_dies_under_way_keeps_its_retries_and_leaves_the_rest_pending(serve):
    server = serve(delay=0.01)
    teacher = server.teacher(concurrency=8, patience=1.0)
    teacher.generate([ask(0)])
    server.close()
    answers = teacher.generate([ask(i) for i in range(50)])
    assert all(a[0].finish == "error" and "no answer from the server for 1 s (gone" in a[0].reason for a in answers)
    assert teacher.figures["retries"]["gone"] >= 8


def test_a_server_that_refuses_everybody_is_not_asked_by_every_row_in_turn(serve):
    server = serve(faults={"429": 1.0}, retry_after="0.5")
    thread = threading.Timer(1.2, lambda: server.set(faults={}))
    thread.start()
    answers = server.teacher(concurrency=16).generate([ask(i) for i in range(300)])
    thread.join()
    assert all(a[0].finish == "stop" for a in answers)
    assert server.stats()["faults"]["429"] < 120, "each place is refused about once in half a second"


def test_a_tenth_of_refusals_does_not_bring_the_number_at_once_down(serve):
    server = serve(delay=0.1, faults={"429": 0.1}, retry_after="0.1")
    told = []
    teacher = server.teacher()
    teacher.stream([ask(i) for i in range(3000)], lambda *_: None, progress=lambda *a: told.append(a))
    at_once = [int(note.split(" at once")[0]) for _, _, note in told]
    assert max(at_once) >= 64
    assert at_once[-1] > 0.5 * max(at_once), at_once


def test_a_timeout_is_retried_and_then_told(serve):
    server = serve(faults={"slow": 1.0})
    answers = server.teacher(timeout=0.15, patience=0.4).generate([ask(1)])
    assert answers[0][0].finish == "error"
    assert "timeout" in answers[0][0].reason


def test_a_long_retry_after_is_not_waited_for(serve):
    server = serve(faults={"429": 1.0}, retry_after="3600")
    started = time.perf_counter()
    (answer,) = server.teacher().generate([ask(1)])[0]
    assert answer.finish == "error"
    assert "3600" in answer.reason
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("status", ["401", "403", "404"])
def test_wrong_key_or_unknown_model_stops_at_once_with_the_servers_words(serve, status):
    server = serve(faults={status: 1.0})
    with pytest.raises(BackendError, match=f"planted {status}"):
        server.teacher(concurrency=8).generate([ask(i) for i in range(500)])
    assert server.stats()["asked"] <= 16


def test_answers_before_a_stop_are_kept(serve, tmp_path):
    server = serve(faults={"401": 0.02})
    with Journal(tmp_path / "j.sqlite") as journal:
        with pytest.raises(BackendError):
            Journaled(server.teacher(concurrency=1), journal).generate([ask(i) for i in range(2000)])
        assert len(journal) == server.stats()["answered"] > 0


def test_one_bad_prompt_does_not_kill_the_rest(serve):
    server = serve(faults={"400": 0.1})
    answers = server.teacher(concurrency=4).generate([ask(i) for i in range(100)])
    assert 0 < sum(a[0].finish == "error" for a in answers) < 40
    server.set(faults={"400": 1.0})
    with pytest.raises(BackendError, match="every request is refused"):
        server.teacher(concurrency=4).generate([ask(i) for i in range(100)])


def test_no_key_follows_a_redirect(serve, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "sk-secret-1234567890")
    other = serve()
    server = serve(faults={"redirect": 1.0}, redirect_to=other.url + "/chat/completions")
    bind(server.url, Source(env="OUR_KEY"))
    with pytest.raises(BackendError, match="another address"):
        server.teacher(api_key_env="OUR_KEY").generate([ask(1)])
    assert other.stats()["asked"] == 0
    assert server.stats()["headers"][0]["Authorization"] == "Bearer sk-secret-1234567890"


def test_keys_do_not_stand_in_recipes_errors_or_figures(serve, monkeypatch):
    key = "sk-secret-1234567890"
    with pytest.raises(RecipeError) as literal:
        build("backend", {"openai": {"model": "m", "api_key": key}})
    with pytest.raises(RecipeError) as as_name:
        build("backend", {"openai": {"model": "m", "api_key_env": key}})
    with pytest.raises(RecipeError) as in_url:
        build("backend", {"openai": {"model": "m", "base_url": f"https://me:{key}@example.com/v1"}})
    with pytest.raises(RecipeError) as in_extra:
        build("backend", {"openai": {"model": "m", "extra": {"api_key": key}}})
    for error in (literal, as_name, in_url, in_extra):
        assert key not in error.value.message + error.value.hint
    monkeypatch.setenv("OUR_KEY", key)
    server = serve(faults={"401": 1.0})
    bind(server.url, Source(env="OUR_KEY"))
    teacher = build("backend", {"openai": {"model": "m", "base_url": server.url, "api_key_env": "OUR_KEY"}})
    with pytest.raises(BackendError):
        teacher.generate([ask(1)])
    assert key not in teacher.identity + str(teacher.figures) + teacher._scrubbed(f"Incorrect API key provided: {key}")


def test_the_default_key_goes_only_where_the_environment_points(serve, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    server = serve()
    server.teacher().generate([ask(1)])
    assert "Authorization" not in server.stats()["headers"][-1]
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    OpenAI(model="tiny").generate([ask(2)])
    assert server.stats()["headers"][-1]["Authorization"] == "Bearer sk-mine"


def test_a_missing_key_is_said_before_anything_is_sent(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(BackendError, match="OPENAI_API_KEY"):
        OpenAI(model="gpt-4o-mini").generate([ask(1)])
    bind("http://127.0.0.1:9", Source(env="NO_SUCH_KEY"))
    with pytest.raises(BackendError, match="NO_SUCH_KEY"):
        OpenAI(model="m", base_url="http://127.0.0.1:9/v1", api_key_env="NO_SUCH_KEY").generate([ask(1)])


def test_a_server_that_ignores_n_is_noticed_and_asked_one_by_one(serve):
    server = serve(n=False)
    teacher = server.teacher(concurrency=2)
    answers = teacher.generate([ask(i, n=4, seed=10) for i in range(5)])
    assert all(len({c.text for c in a}) == 4 for a in answers), "each sample has a seed of its own"
    assert any("ignores n" in note for note in teacher.figures["notes"])


def test_reasoning_stands_apart_from_the_answer(serve):
    server = serve(faults={"think": 1.0})
    (answer,) = server.teacher().generate([ask(1)])[0]
    assert (answer.text, answer.reasoning) == ("The answer is 4.", "two and two")


def test_concurrency_rises_by_itself_and_a_fixed_one_stays(serve):
    server = serve(delay=0.2)
    server.teacher().generate([ask(i) for i in range(1200)])
    assert server.stats()["most_at_once"] > 30
    fixed = serve(delay=0.02)
    fixed.teacher(concurrency=7).generate([ask(i) for i in range(100)])
    assert fixed.stats()["most_at_once"] == 7


def test_rate_limit_headers_are_kept_to(serve):
    server = serve(rpm=50)
    started = time.perf_counter()
    answers = server.teacher(concurrency=8).generate([ask(i) for i in range(150)])
    assert all(a[0].finish == "stop" for a in answers)
    assert time.perf_counter() - started > 1.5
    assert server.stats()["faults"].get("over the limit", 0) <= 24


def test_the_budget_is_a_hard_stop_and_leaves_a_clean_resume(serve, tmp_path):
    server = serve()
    requests = [ask(i, max_tokens=64) for i in range(400)]
    with Journal(tmp_path / "j.sqlite") as journal:
        budget = Budget(tokens=3000)
        first = Journaled(server.teacher(concurrency=16), journal, budget).generate(requests)
        assert 0 < len(journal) < 100
        assert budget.spent <= 3000
        assert 20 * len(journal) + 10 * len(journal) == budget.spent
        stopped = [a[0] for a in first if a[0].finish == "error"]
        assert len(stopped) == 400 - len(journal)
        assert stopped[0].reason.startswith("budget: ")
        again = Journaled(server.teacher(concurrency=16), journal).generate(requests)
    assert all(a[0].finish == "stop" for a in again)
    assert server.stats()["answered"] == 400, "nothing paid twice"


def test_empty_answers_are_paid_and_counted(serve, tmp_path):
    server, budget = serve(faults={"empty": 1.0}), Budget(tokens=5000)
    teacher = server.teacher()
    with Journal(tmp_path / "j.sqlite") as journal:
        (answer,) = Journaled(teacher, journal, budget).generate([ask(1)])[0]
    assert answer.finish == "empty"
    assert (teacher.figures["tokens_in"], teacher.figures["tokens_out"]) == (60, 30), "three tries"
    assert budget.spent == 90


def test_where_a_server_reports_no_usage_prompt_and_answer_are_guessed_and_said(serve, tmp_path):
    server, budget = serve(usage=False), Budget(tokens=5000)
    teacher = server.teacher()
    with Journal(tmp_path / "j.sqlite") as journal:
        Journaled(teacher, journal, budget).generate([ask(1, n=2)])
    assert teacher.figures["tokens_in"] == guess_tokens(ask(1))
    assert budget.spent == teacher.figures["tokens_in"] + teacher.figures["tokens_out"] > 20
    assert any("reports no usage" in note for note in teacher.figures["notes"])


@pytest.mark.parametrize(
    ("text", "usd", "tokens"),
    [
        ("5usd", 5.0, None),
        ("0.50 USD", 0.5, None),
        ("2Mtok", None, 2e6),
        ("300k tokens", None, 3e5),
        ("7tok", None, 7.0),
    ],
)
def test_budgets_are_read(text, usd, tokens):
    budget = parse_budget(text, "m", Price(1.0, 2.0))
    assert budget is not None
    assert (budget.usd, budget.tokens) == (usd, tokens)


def test_an_unknown_price_is_said_not_guessed(tmp_path, monkeypatch):
    assert find_price("some-new-model") is None
    with pytest.raises(UsageError, match="price of 'some-new-model' is unknown"):
        parse_budget("5usd", "some-new-model", None)
    with pytest.raises(RecipeError, match="not an amount"):
        parse_budget("five", "m", None)
    table = tmp_path / "prices.toml"
    table.write_text('["some-new-model"]\nin = 1.0\nout = 4.0\n["gpt-4o-mini"]\nin = 9.0\nout = 9.0\n')
    monkeypatch.setenv("MATHDATA_PRICES", str(table))
    assert find_price("some-new-model") == Price(1.0, 4.0)
    assert find_price("some-new-model", batch=True) == Price(0.5, 2.0)
    assert find_price("gpt-4o-mini-2024-07-18") == Price(9.0, 9.0), "the user's own table wins"
    table.write_text("not toml [")
    with pytest.raises(MathdataError, match="cannot read the prices"):
        find_price("x")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "3"}, 3.0), ({"retry-after-ms": "250"}, 0.25), ({"retry-after": "soon"}, None), ({}, None),
     ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0), ({"retry-after": "-4"}, None)],
)  # fmt: skip
def test_retry_after_is_read_in_every_form(headers, seconds):
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("text", "refused"),
    [("I'm sorry, but I can't help with that.", True), ("抱歉，我无法回答这个问题。", True), ("As an AI language model, I do not", True),
     ("I can't see how many there are, but 3 + 4 = 7. The answer is 7.", False), ("Sorry is 5 letters. The answer is 5", False)],
)  # fmt: skip
def test_refusals_are_told_from_answers(text, refused):
    assert is_refusal(text) is refused


def test_a_batch_is_submitted_left_and_collected_by_running_again(serve, tmp_path):
    server = serve(looks=1)
    requests = [ask(i, n=2, seed=i) for i in range(50)]
    told = []
    for _ in range(3):
        with Journal(tmp_path / "j.sqlite") as journal:
            told.append(Journaled(server.teacher(batch=True), journal).generate(requests))
    assert all(c.finish == "error" and "is under way" in c.reason for a in told[0] + told[1] for c in a)
    assert all(
        [c.text for c in a] == [f"reply {k} seed {i} to: question {i}" for k in (0, 1)] for i, a in enumerate(told[2])
    )
    assert server.stats()["answered"] == 50
    with Journal(tmp_path / "j.sqlite") as journal:
        Journaled(server.teacher(batch=True), journal).generate([*requests, ask(50)])
    live = Journaled(server.teacher(), Journal(tmp_path / "j.sqlite"))
    assert live.generate(requests) == told[2], "what a batch answered, a live run need not ask"
    live.journal.close()


def test_a_kill_between_submit_and_record_does_not_pay_a_batch_twice(serve, tmp_path):
    server = serve(looks=0, submit_delay=30)
    requests = [ask(i) for i in range(20)]
    code = """
import sys
sys.path.insert(0, sys.argv[3])
from served import ask
from mathdata.backends.journal import Journal, request_key
from mathdata.backends.journaled import Journaled
from mathdata.backends.openai import OpenAI
with Journal(sys.argv[1]) as journal:
    Journaled(OpenAI(model="tiny", base_url=sys.argv[2], batch=True), journal).generate([ask(i) for i in range(20)])
"""
    here = str(Path(__file__).parent)
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "j.sqlite"), server.url, here])
    while server.stats()["batches"] == 0:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.set(submit_delay=0)
    for i in range(5):  # newer batches push ours down the list
        with Journal(tmp_path / "other.sqlite") as journal:
            Journaled(server.teacher(batch=True, extra={"x": i}), journal).generate([ask("other")])
    with Journal(tmp_path / "j.sqlite") as journal:
        again = Journaled(server.teacher(batch=True), journal).generate(requests)
    assert all(a[0].finish == "stop" for a in again), "the batch of the killed run is collected"
    stats = server.stats()
    assert stats["batches"] == 6
    assert not stats["twice"]


def test_a_batch_that_was_never_sent_is_sent_by_the_next_run(serve, tmp_path):
    server = serve(looks=0)
    teacher = server.teacher(batch=True)
    with Journal(tmp_path / "j.sqlite") as journal:
        run = BatchRun(Journaled(teacher, journal), teacher.identity)
        journal.put_batch("a mark no batch has", run._state("intent"), [[request_key(teacher.identity, ask(1)), [0]]])
        assert "is under way" in Journaled(teacher, journal).generate([ask(1)])[0][0].reason
        assert Journaled(teacher, journal).generate([ask(1)])[0][0].finish == "stop"
    assert server.stats()["batches"] == 1


def test_a_submit_whose_answer_was_lost_is_found_again_by_its_mark(serve, tmp_path):
    server = serve(looks=0, lose_submits=1)
    with Journal(tmp_path / "j.sqlite") as journal:
        for _ in range(2):
            last = Journaled(server.teacher(batch=True), journal).generate([ask(i) for i in range(5)])
    assert all(a[0].finish == "stop" for a in last)
    assert server.stats()["batches"] == 1


def test_what_a_batch_could_not_answer_is_asked_again(serve, tmp_path):
    server = serve(looks=0, faults={"500": 0.3})
    requests = [ask(i) for i in range(60)]
    states = []
    with Journal(tmp_path / "j.sqlite") as journal:
        asked = Journaled(server.teacher(batch=True), journal)
        for _ in range(12):
            states.append(sum(a[0].finish == "stop" for a in asked.generate(requests)))
    assert states[0] == 0 < states[1] < 60
    assert states[-1] == 60
    assert server.stats()["answered"] == 60


def test_a_batch_keeps_to_the_budget(serve, tmp_path):
    server = serve(looks=0)
    requests = [ask(i, max_tokens=100) for i in range(100)]
    with Journal(tmp_path / "j.sqlite") as journal:
        first = Journaled(server.teacher(batch=True), journal, Budget(tokens=2000)).generate(requests)
        waiting = [a for a in first if a[0].reason.startswith("budget")]
        assert 80 < len(waiting) < 100
