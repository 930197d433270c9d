"""Evaluation with real graders: figures, identity, resume, samples, given responses, the truncation guard."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest
from evaluation_helpers import PROBLEMS, SUMS, Adder

from mathdata.benchmarks import get_benchmark
from mathdata.comparison import compare
from mathdata.errors import BackendError, DataError, SchemaError, UnknownName, UsageError
from mathdata.evaluation import Evaluation, evaluate
from mathdata.types import Completion, Context


def test_figures_and_every_response_are_kept(tmp_path):
    made = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "e")
    figures = made.benchmarks["sums"]
    assert (figures["n"], figures["accuracy"], figures["format_accuracy"]) == (20, 0.75, 1.0)
    assert figures["low"] < 0.75 < figures["high"]
    assert figures["by"]["subject"]["even"]["n"] == 10
    assert figures["length"] == {"unit": "tokens", "mean": 17.5, "p50": 17.5, "p95": 26.05, "max": 27.0}
    rows = made.rows("sums")
    assert rows.height == 20
    assert set(rows.filter(pl.col("verdict") == "correct")["id"]) == {f"q{i}" for i in range(15)}
    wanted = {
        "id",
        "problem",
        "gold",
        "response",
        "verdict",
        "reason",
        "rule",
        "finish",
        "format_ok",
        "tokens",
        "subject",
    }
    assert wanted <= set(rows.columns)
    assert rows["id"].to_list() == PROBLEMS["id"].to_list()


def test_the_folder_reads_back_and_its_bytes_are_the_same_twice(tmp_path):
    first = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "a")
    evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "b")
    for name in ("evaluation.json", "sums.parquet", "results.lm_eval.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert Evaluation.load(tmp_path / "a").benchmarks == first.benchmarks


@pytest.mark.parametrize(
    "change",
    [{"prompt": "zero"}, {"limit": 10}, {"max_tokens": 64}, {"samples": 2, "temperature": 0.7}, {"shots": 1}],
)
def test_whatever_decides_the_score_is_in_the_digest(tmp_path, change):
    plain = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "a")
    other = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "b", **change)
    assert plain.digest != other.digest
    assert plain.data["settings_digest"] != other.data["settings_digest"]


def test_the_model_is_in_the_digest_but_not_in_the_settings(tmp_path):
    one = evaluate(Adder(name="a"), benchmarks=[SUMS], out=tmp_path / "a")
    two = evaluate(Adder(name="b"), benchmarks=[SUMS], out=tmp_path / "b")
    assert one.digest != two.digest
    assert one.data["settings_digest"] == two.data["settings_digest"]


def test_a_changed_gold_answer_changes_the_digest(tmp_path):
    changed = PROBLEMS.with_columns(pl.when(pl.col("id") == "q3").then(pl.lit("7")).otherwise("answer").alias("answer"))
    one = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "a")
    two = evaluate(Adder(), benchmarks=[replace(SUMS, load=lambda: changed)], out=tmp_path / "b")
    assert one.data["settings_digest"] != two.data["settings_digest"]


def test_greedy_answers_do_not_depend_on_the_seed(tmp_path):
    one = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "a", seed=1)
    two = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "b", seed=2)
    assert one.digest == two.digest


def test_sampled_answers_give_pass_majority_and_average(tmp_path):
    made = evaluate(Adder(bound=10), benchmarks=[SUMS], out=tmp_path / "e", samples=4, temperature=0.8)
    figures = made.benchmarks["sums"]
    assert figures["samples"] == 4
    assert figures["pass_at"]["4"] == 0.65
    assert figures["avg_at_4"] == figures["accuracy"] == pytest.approx((10 + 0.75 + 0.5 + 0.25) / 20)
    assert figures["majority_at_4"] == pytest.approx(0.55)  # a tie goes to the first answer
    assert made.rows("sums").height == 80


def test_the_prompt_is_the_one_of_training_and_examples_stand_before_it(tmp_path):
    model = Adder()
    evaluate(model, benchmarks=[SUMS], out=tmp_path / "a", shots=1, prompt="zero")
    text = next(r.text for r in model.asked if r.problem.id == "q4")
    assert text == "Question: What is 1 + 1?\nAnswer: 1 + 1 = 2\n#### 2\n\nQuestion: What is 4 + 4?\nAnswer:"
    assert model.asked[0].sampling.stop == ("Question:",)
    chat = Adder()
    evaluate(chat, benchmarks=[SUMS], out=tmp_path / "b", shots=1, prompt="chat")
    assert [m["role"] for m in chat.asked[0].messages] == ["user", "assistant", "user"]
    assert chat.asked[0].text is None


def test_longest_prompts_go_first_and_answers_return_in_order(tmp_path):
    model = Adder()
    made = evaluate(model, benchmarks=[SUMS], out=tmp_path / "a")
    lengths = [len(r.text) for r in model.asked]
    assert lengths == sorted(lengths, reverse=True)
    assert made.rows("sums")["tokens"].to_list() == [8 + i for i in range(20)]


class Cut(Adder):
    """Answers from `first` on are cut off at 32 tokens."""

    first = 16

    def answer(self, request, sample):
        made = super().answer(request, sample)
        late = int(request.problem.id[1:]) >= self.first
        return replace(made, finish="length", tokens_out=32) if late else made


def test_cut_off_answers_are_said_in_the_first_line_with_a_limit_that_would_do(tmp_path):
    made = evaluate(Cut(), benchmarks=[SUMS], out=tmp_path / "e")
    figures = made.benchmarks["sums"]
    assert figures["truncated"] == 0.2
    assert figures["proposed_max_tokens"] >= 64
    said = f"20.0% of responses end at the limit of 32 tokens, so the accuracy is a lower bound; try max_tokens={figures['proposed_max_tokens']}"
    assert said in made.data["warnings"][0]
    fine = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "f")
    assert fine.data["warnings"] == []


def test_where_most_answers_never_end_no_limit_is_proposed(tmp_path):
    model = Cut()
    model.first = 0
    made = evaluate(model, benchmarks=[SUMS], out=tmp_path / "e")
    assert "proposed_max_tokens" not in made.benchmarks["sums"]
    assert "more than half never end" in made.data["warnings"][0]


def test_where_the_references_are_longer_than_the_limit_they_give_a_better_one(tmp_path):
    solved = replace(SUMS, load=lambda: PROBLEMS.with_columns(pl.lit("x" * 90).alias("solution")), max_tokens=8)

    class Long(Adder):
        def token_accuracy(self, requests, references):
            return [(len(t), len(t)) for t in references]

    made = evaluate(Long(finish="length"), benchmarks=[solved], out=tmp_path / "e")
    assert "try max_tokens=192" in made.data["warnings"][0]
    roomy = evaluate(Long(finish="length"), benchmarks=[replace(solved, max_tokens=128)], out=tmp_path / "f")
    assert "has not learnt to" in roomy.data["warnings"][0]


def test_an_equal_evaluation_by_file_is_not_repeated_and_another_is_refused(tmp_path):
    file = tmp_path / "r.jsonl"
    file.write_text("".join(json.dumps({"id": f"q{i}", "response": f"#### {2 * i}"}) + "\n" for i in range(20)))
    first = evaluate("m", benchmarks=[SUMS], out=tmp_path / "e", responses=file)
    again = evaluate("m", benchmarks=[SUMS], out=tmp_path / "e", responses=file)
    assert not first.reused
    assert again.reused
    with pytest.raises(UsageError, match="holds another evaluation"):
        evaluate("other", benchmarks=[SUMS], out=tmp_path / "e", responses=file, overwrite=False)
    assert evaluate("other", benchmarks=[SUMS], out=tmp_path / "e", responses=file, overwrite=True).model == "other"


def test_responses_are_matched_by_text_too_and_an_empty_one_is_not_dropped(tmp_path):
    file = tmp_path / "r.jsonl"
    lines = [{"question": f"What is  {i} + {i}?", "output": f"so {2 * i}" if i < 19 else ""} for i in range(20)]
    file.write_text("\n".join(json.dumps(x) for x in lines) + "\n")
    made = evaluate("m", benchmarks=[SUMS], out=tmp_path / "e", responses=file)
    figures = made.benchmarks["sums"]
    assert (figures["n"], figures["accuracy"], figures["unparsed"], figures["no_answer"]) == (20, 0.95, 0.05, 0.05)
    assert figures["truncated"] is None
    assert figures["length"]["unit"] == "characters"


def test_a_file_that_answers_some_problems_only_is_refused_and_a_limit_grades_those(cli, tmp_path):
    problems, answers = tmp_path / "mine.jsonl", tmp_path / "r.jsonl"
    rows = [{"problem": f"{i} + 1 = ?", "answer": str(i + 1)} for i in range(9)]
    problems.write_text("".join(json.dumps(r) + "\n" for r in rows))
    said = [json.dumps({"problem": r["problem"], "response": r["answer"]}) + "\n" for r in rows]
    command = ["evaluate", "m", "-b", problems, "--responses", answers, "-o", "e"]
    answers.write_text("".join(said))
    assert cli(*command).rc == 0
    answers.write_text("".join(said[:4]))
    refused = cli(*command, "--overwrite")
    assert refused.rc == 1
    assert refused.err.splitlines() == [
        f"error: {answers}: 4 of the 9 problems have a response, 5 have none",
        "hint: --limit 4 grades the first 4 alone; else give a problem the model left unanswered an empty response",
    ]
    assert (tmp_path / "e" / "evaluation.json").exists(), "what stood there stays"
    made = cli(*command, "--limit", "4", "--overwrite", "--json")
    assert (made.json["benchmarks"]["mine"]["n"], made.json["benchmarks"]["mine"]["accuracy"]) == (4, 1.0)
    answers.write_text("".join(said[4:]))
    assert "--limit" not in cli(*command, "--overwrite").err, "the first ones have no response"


def test_how_a_model_is_asked_is_refused_where_none_is_and_a_file_is_no_folder(cli, tmp_path):
    PROBLEMS.write_parquet(tmp_path / "p.parquet")
    PROBLEMS.select("id", pl.lit("#### 4").alias("response")).write_parquet(tmp_path / "r.parquet")
    given = ("evaluate", "m", "-b", "p.parquet", "--responses", "r.parquet")
    done = cli(*given, "-o", "e", "--samples", 4, "--prompt", "cot")
    assert (done.rc, "--prompt, --samples" in done.err) == (2, True)
    assert not (tmp_path / "e").exists()
    assert "p.parquet is a file" in cli(*given, "-o", "p.parquet").err
    assert cli(*given, "-o", "e").rc == 0
    assert "already there" in cli(*given, "-o", "e").err


def test_responses_that_answer_one_problem_twice_are_no_pass_at_two(cli, tmp_path):
    ids = [f"q{i}" for i in range(20)]
    write_lines(tmp_path / "p.jsonl", [{"id": i, "problem": f"{i}?", "answer": "4"} for i in ids])
    write_lines(tmp_path / "twice.jsonl", [{"id": i, "response": "#### 4"} for i in [*ids, "q7"]])
    done = cli("evaluate", "m", "-b", "p.jsonl", "--responses", "twice.jsonl", "-o", "e")
    assert done.rc == 1
    said, hint = done.err.strip().splitlines()[-2:]
    assert "problem 'q7' has 2 responses, 19 of the 20 problems have 1" in said
    assert hint == "hint: give every problem as many responses"
    assert not (tmp_path / "e").exists()
    write_lines(tmp_path / "both.jsonl", [{"id": i, "response": "#### 4"} for i in [*ids, *ids]])
    assert cli("evaluate", "m", "-b", "p.jsonl", "--responses", "both.jsonl", "-o", "e").rc == 0


def write_lines(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")


def test_an_unknown_name_of_a_column_of_responses_is_refused(cli, tmp_path):
    (tmp_path / "r.jsonl").write_text('{"id": "a", "response": "2", "output": "3"}\n')
    command = ["evaluate", "m", "-b", "elementary", "-o", "e", "--column"]
    refused = cli(*command, "respnse=output", "--responses", "r.jsonl")
    assert refused.rc == 2
    assert "'respnse'" in refused.err
    assert refused.err.splitlines()[-1] == "hint: did you mean 'response'?"
    assert cli(*command, "response=output").rc == 2, "no file of responses whose columns could be named"


def test_responses_of_several_models_need_a_name(tmp_path):
    file = tmp_path / "r.jsonl"
    rows = [{"id": f"q{i}", "model": m, "response": f"#### {2 * i}"} for i in range(20) for m in ("a", "b")]
    file.write_text("\n".join(json.dumps(x) for x in rows) + "\n")
    with pytest.raises(SchemaError, match="several models: a, b"):
        evaluate("c", benchmarks=[SUMS], out=tmp_path / "e", responses=file)
    assert evaluate("b", benchmarks=[SUMS], out=tmp_path / "e", responses=file).rows("sums").height == 20


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ('{"id": "q1", "text": "4"}\n', SchemaError, "no column of responses"),
        ('{"response": "4"}\n', SchemaError, "neither ids nor problems"),
        ('{"id": "zz", "response": "4"}\n', DataError, "ids are not the benchmark's"),
        ('{"id": "q1", "response": "4"\n', DataError, "r.jsonl:1"),
    ],
)
def test_a_bad_file_of_responses_names_what_is_wrong(tmp_path, content, error, words):
    file = tmp_path / "r.jsonl"
    file.write_text(content)
    with pytest.raises(error, match=words):
        evaluate("m", benchmarks=[SUMS], out=tmp_path / "e", responses=file)
    assert not (tmp_path / "e" / "evaluation.json").exists()


def test_an_unknown_benchmark_or_prompt_is_refused_before_any_answer(tmp_path):
    model = Adder()
    with pytest.raises(UnknownName) as caught:
        evaluate(model, benchmarks=["gsm8q"], out=tmp_path / "e")
    assert "gsm8k" in caught.value.hint
    with pytest.raises(UnknownName):
        evaluate(model, benchmarks=[SUMS], out=tmp_path / "e", prompt="minervva")
    assert model.asked == []


def test_any_file_is_a_benchmark_by_column_mapping(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("q,a,grade\nWhat is 1 + 1?,2,low\nWhat is 2 + 2?,4,high\n")
    spec = {"custom": {"file": str(file), "problem": "q", "answer": "a", "by": ["grade"]}}
    benchmark = get_benchmark(spec)
    rows = benchmark.load()
    assert benchmark.name == "mine"
    assert rows["answer"].to_list() == ["2", "4"]

    class Four:
        name = "four"

        def generate(self, requests):
            return [[Completion("the answer is 4", tokens_out=3)] for _ in requests]

    made = evaluate(Four(), benchmarks=[spec], out=tmp_path / "e")
    assert made.benchmarks["mine"]["by"]["grade"]["high"]["accuracy"] == 1.0
    assert made.benchmarks["mine"]["by"]["grade"]["low"]["accuracy"] == 0.0


def test_a_file_s_own_ids_are_those_that_answers_name(tmp_path):
    rows = [{"id": f"mine-{i}", "problem": "What is 1 + 1?", "answer": "2"} for i in range(3)]  # one text, three ids
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    said = [{"id": f"mine-{i}", "response": f"#### {i + 1}"} for i in range(3)]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(r) + "\n" for r in said))
    made = evaluate("m", benchmarks=[str(tmp_path / "b.jsonl")], responses=tmp_path / "r.jsonl", out=tmp_path / "e")
    got = made.rows("b").select("id", "verdict").rows()
    assert got == [("mine-0", "wrong"), ("mine-1", "correct"), ("mine-2", "wrong")]


def test_progress_reaches_the_number_of_problems(tmp_path):
    seen = []
    evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "e", ctx=Context(progress=lambda *a: seen.append(a)))
    assert seen[0][:2] == (20, 20)


def test_results_stand_in_lm_evals_layout_too(tmp_path):
    evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "e")
    results = json.loads((tmp_path / "e" / "results.lm_eval.json").read_text())
    task = results["results"]["sums"]
    assert task["exact_match,flexible-extract"] == task["exact_match,strict-match"] == 0.75
    assert task["exact_match_stderr,flexible-extract"] == pytest.approx((0.75 * 0.25 / 19) ** 0.5)
    assert results["n-samples"]["sums"] == {"original": 20, "effective": 20}


@pytest.mark.slow
def test_lm_evals_own_code_reads_the_results_back(tmp_path):
    python = os.environ.get("LM_EVAL_PYTHON")
    if not python:
        pytest.skip("LM_EVAL_PYTHON names no environment with lm-eval: its reading of our results was NOT tested")
    evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "e")
    program = "import json, sys; from lm_eval.utils import make_table; print(make_table(json.load(open(sys.argv[1]))))"
    command = [python, "-c", program, str(tmp_path / "e" / "results.lm_eval.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = [[c.strip() for c in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "exact_match" in line]
    assert [(row[0], row[2], row[6], row[8]) for row in lines] == [
        ("sums", "flexible-extract", "0.75", "0.0993"), ("", "strict-match", "0.75", "0.0993"),
    ]  # fmt: skip


def test_the_command_prints_samples_subjects_and_what_could_not_be_read(tmp_path):
    from mathdata.cli.evaluate import table

    made = evaluate(Adder(bound=10), benchmarks=[SUMS], out=tmp_path / "e", samples=4, temperature=1.0)
    lines = table(made.data).splitlines()
    assert lines[2] == "  pass@1 57.5 %, pass@2 61.7 %, pass@4 65.0 %, majority@4 55.0 %"
    assert lines[3] == "  subject, mean 57.5 %: even 60.0 (10) · odd 55.0 (10)"
    one = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "f")
    assert len(table(one.data).splitlines()) == 4


def test_the_command_prints_one_json_object_and_two_line_errors(cli, tmp_path):
    problems = tmp_path / "mine.jsonl"
    problems.write_text("".join(json.dumps({"problem": f"{i} + 1 = ?", "answer": str(i + 1)}) + "\n" for i in range(5)))
    answers = tmp_path / "r.jsonl"
    answers.write_text(
        "".join(json.dumps({"problem": f"{i} + 1 = ?", "response": f"#### {i + 1}"}) + "\n" for i in range(5))
    )
    done = cli("evaluate", "m", "-b", problems, "--responses", answers, "-o", "e", "--json")
    assert done.rc == 0, done.err
    assert done.json["benchmarks"]["mine"]["accuracy"] == 1.0
    table = cli("evaluate", "m", "-b", problems, "--responses", answers, "-o", "e")
    assert "100.0 %" in table.out
    refused = cli("evaluate", "m", "-b", "nothere", "--responses", answers, "-o", "f")
    assert refused.rc == 2
    assert refused.err.startswith("error: no benchmark named 'nothere'")
    assert len(refused.err.strip().splitlines()) == 2


def test_a_failed_request_fails_the_evaluation_and_is_never_a_wrong_answer(tmp_path):
    class Failing(Adder):
        def answer(self, request, sample):
            made = super().answer(request, sample)
            return Completion("", "error", "503 no room") if request.problem.id == "q7" else made

    with pytest.raises(BackendError, match="1 of 20 requests failed: 503 no room"):
        evaluate(Failing(), benchmarks=[SUMS], out=tmp_path / "e")
    assert not (tmp_path / "e" / "evaluation.json").exists()


class Chat(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that adds, and refuses the question it is told to refuse."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = body["messages"][-1]["content"]
        self.server.asked.append(question)
        number = int(question.split()[2])
        status, said = 200, {
            "id": "x", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"#### {2 * number}"}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
        }  # fmt: skip
        if number in self.server.refuses:
            status, said = 400, {"error": {"message": "bad question", "type": "invalid_request_error"}}
        raw = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        return None


def test_answers_of_a_server_are_kept_and_only_the_rest_is_asked_again(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    server.asked, server.refuses = [], {7}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    spec = {"openai": {"base_url": f"http://127.0.0.1:{server.server_port}/v1"}}
    try:
        with pytest.raises(BackendError, match="1 of 20 requests failed"):
            evaluate("m", backend=spec, benchmarks=[SUMS], out=tmp_path / "e")
        assert len(set(server.asked)) == 20
        server.asked, server.refuses = [], set()
        made = evaluate("m", backend=spec, benchmarks=[SUMS], out=tmp_path / "e")
    finally:
        server.shutdown()
        server.server_close()
    assert server.asked == ["What is 7 + 7?\n"]
    assert made.benchmarks["sums"]["accuracy"] == 1.0
    assert made.benchmarks["sums"]["length"]["mean"] == 5.0


class Forced(Adder):
    """An adder that also tells how many tokens of a reference it would have written: one a character, the digits wrong."""

    def token_accuracy(self, requests, references):
        assert [r.problem.id for r in requests] == [f"q{i}" for i in range(1, 20)]
        return [(sum(not c.isdigit() for c in text), len(text)) for text in references]


def test_token_accuracy_counts_the_reference_solutions_where_the_model_can_tell(tmp_path):
    solutions = [None, *(f"{i} + {i} = {2 * i}" for i in range(1, 20))]
    solved = replace(SUMS, load=lambda: PROBLEMS.with_columns(pl.Series("solution", solutions)))
    made = evaluate(Forced(), benchmarks=[solved], out=tmp_path / "e", samples=2, temperature=1.0)
    text = "".join(s for s in solutions if s)
    assert made.benchmarks["sums"]["token_accuracy"] == pytest.approx(sum(not c.isdigit() for c in text) / len(text))
    rows = made.rows("sums")
    assert rows.height == 40
    assert rows["gold_tokens"].null_count() == 2
    assert evaluate(Adder(), benchmarks=[solved], out=tmp_path / "a").benchmarks["sums"]["token_accuracy"] is None
    assert evaluate(Forced(), benchmarks=[SUMS], out=tmp_path / "b").benchmarks["sums"]["token_accuracy"] is None


class Chatty(Adder):
    """The same adder behind a chat template."""

    def __init__(self, template: str, date: str | None = None) -> None:
        super().__init__()
        self.template = {"digest": template, "date": date}


def test_a_chat_template_is_in_the_settings_where_the_prompt_is_sent_as_messages(tmp_path):
    one = evaluate(Chatty("a"), benchmarks=[SUMS], out=tmp_path / "a", prompt="chat")
    two = evaluate(Chatty("b", "2024-07-26"), benchmarks=[SUMS], out=tmp_path / "b", prompt="chat")
    assert one.data["settings_digest"] != two.data["settings_digest"]
    assert two.benchmarks["sums"]["identity"]["template_date"] == "2024-07-26"
    assert compare(tmp_path / "a", tmp_path / "b").differs == []  # each model's own: no other way of asking
    text = [evaluate(Chatty(t), benchmarks=[SUMS], out=tmp_path / f"t{t}", prompt="plain") for t in "ab"]
    assert text[0].data["settings_digest"] == text[1].data["settings_digest"]


def test_solutions_and_subjects_of_a_benchmark_are_in_the_settings(tmp_path):
    other = PROBLEMS.with_columns(subject=pl.lit("all"))
    one = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "a")
    two = evaluate(Adder(), benchmarks=[replace(SUMS, load=lambda: other)], out=tmp_path / "b")
    assert one.data["settings_digest"] != two.data["settings_digest"]


def test_an_edited_file_of_responses_is_graded_anew(tmp_path):
    path, asked = tmp_path / "answers.jsonl", tmp_path / "asked.jsonl"
    asked.write_text('{"id": "x", "problem": "1 + 1?", "answer": "2"}\n')
    path.write_text('{"id": "x", "response": "2"}\n')
    first = evaluate("m", responses=path, benchmarks=[str(asked)], out=tmp_path / "e")
    assert evaluate("m", responses=path, benchmarks=[str(asked)], out=tmp_path / "e").reused
    path.write_text('{"id": "x", "response": "3"}\n')
    second = evaluate("m", responses=path, benchmarks=[str(asked)], out=tmp_path / "e")
    assert (second.reused, first.benchmarks["asked"]["accuracy"], second.benchmarks["asked"]["accuracy"]) == (
        False,
        1.0,
        0.0,
    )
    asked.write_text('{"id": "x", "problem": "1 + 2?", "answer": "3"}\n')
    third = evaluate("m", responses=path, benchmarks=[str(asked)], out=tmp_path / "e")
    assert (third.reused, third.benchmarks["asked"]["accuracy"]) == (False, 1.0)


def test_weights_zeroed_in_the_middle_are_another_model(tmp_path):
    """All MLPs zeroed once had the base's digest, and the old figures were printed."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    from tests.backends.tiny_model import make_model

    folder, asked = make_model(tmp_path / "m"), tmp_path / "asked.jsonl"
    asked.write_text('{"id": "x", "problem": "1 + 1?", "answer": "2"}\n')
    call = {"benchmarks": [str(asked)], "out": tmp_path / "e", "max_tokens": 4}
    first = evaluate(folder, **call)
    assert evaluate(folder, **call).reused
    path = folder / "model.safetensors"
    told, weights = path.stat(), load_file(path)
    zeroed = {k: torch.zeros_like(v) if ".mlp." in k else v for k, v in weights.items()}
    save_file(zeroed, path, metadata={"format": "pt"})
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert path.stat().st_size == told.st_size
    second = evaluate(folder, **call)
    assert (second.reused, second.digest != first.digest) == (False, True)
