from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from served import ask
from tiny_model import make_model, write_gguf

from mathdata.backends.journal import Journal
from mathdata.backends.journaled import Journaled
from mathdata.backends.openai import OpenAI
from mathdata.backends.transformers import Transformers
from mathdata.schema import conform
from mathdata.stages.augment import augment
from mathdata.types import Sampling


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def url(folder) -> Iterator[str]:
    """llama.cpp's own server on loopback, serving our model as GGUF."""
    pytest.importorskip("xllamacpp")
    pytest.importorskip("gguf")
    file = write_gguf(folder, folder.parent / "tiny.gguf")
    script = Path(__file__).with_name("tiny_model.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(file)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip() + "/v1"
    process.kill()
    process.wait()
    process.stdout.close()


def plain(text: str, **sampling):
    return replace(ask(0), messages=(), text=text, sampling=Sampling(**({"max_tokens": 12} | sampling)))


def test_chat_and_completions_answer_with_usage(url):
    for endpoint in ("chat", "completions"):
        teacher = OpenAI(model="tiny", base_url=url, endpoint=endpoint)
        request = replace(ask(1, max_tokens=8), text="What is 17 + 25?")
        (answer,) = teacher.generate([request])[0]
        assert answer.finish in ("length", "stop")
        assert answer.tokens_in > 5
        assert 0 < answer.tokens_out <= 8


def test_n_draws_different_samples_and_the_seed_repeats_them(url):
    teacher = OpenAI(model="tiny", base_url=url, endpoint="completions")
    request = plain("What is 17 + 25?", n=4, seed=11, temperature=1.0)
    first, second = teacher.generate([request])[0], teacher.generate([request])[0]
    assert [c.text for c in first] == [c.text for c in second]
    assert len({c.text for c in first}) > 1
    assert teacher.figures["notes"] == {}


def test_stop_texts_end_an_answer(url):
    teacher = OpenAI(model="tiny", base_url=url, endpoint="completions")
    (whole,) = teacher.generate([plain("What is 17 + 25?", max_tokens=24)])[0]
    mark = whole.text[6:8]
    (cut,) = teacher.generate([plain("What is 17 + 25?", max_tokens=24, stop=(mark,))])[0]
    assert cut.text == whole.text[: whole.text.index(mark)]
    assert cut.finish == "stop"


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_log_probabilities_are_kept_where_they_are_asked_for(url, endpoint, tmp_path):
    teacher = OpenAI(model="tiny", base_url=url, endpoint=endpoint, logprobs=True)
    request = replace(ask(1, max_tokens=8), text="What is 17 + 25?")
    with Journal(tmp_path / "j.sqlite") as journal:
        (answer,) = Journaled(teacher, journal).generate([request])[0]
        (again,) = Journaled(teacher, journal).generate([request])[0]
    assert again == answer, "the journal keeps them"
    assert 0 < len(answer.data["logprobs"]) <= answer.tokens_out, "pieces of a character count as one"
    assert all(x <= 0 for x in answer.data["logprobs"])
    assert any(x < -0.01 for x in answer.data["logprobs"])
    (bare,) = OpenAI(model="tiny", base_url=url, endpoint=endpoint).generate([request])[0]
    assert not bare.data


def test_a_row_carries_the_mean_log_probability_of_its_answer(url, tmp_path):
    rows = conform(pl.DataFrame([{"problem": "What is 17 + 25?", "answer": "42"}]))
    teacher = {"openai": {"model": "tiny", "base_url": url, "logprobs": True}}
    (tmp_path / "short.jinja").write_text("{{ problem.problem }}")
    prompts = {"answer": str(tmp_path / "short.jinja")}
    made = augment(rows, method=["answer"], teacher=teacher, max_tokens=8, prompts=prompts)
    assert made.filter(pl.col("method") == "answer")["logprob"].item() < 0


def test_a_json_schema_binds_even_a_model_that_knows_nothing(url):
    schema = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
    request = replace(ask(1, max_tokens=40, temperature=0.7, seed=1), params={"schema": schema})
    teacher = OpenAI(model="tiny", base_url=url)
    (answer,) = teacher.generate([request])[0]
    assert answer.text.lstrip().startswith("{")
    if answer.finish == "stop":
        assert isinstance(json.loads(answer.text)["answer"], int)


def test_greedy_answers_are_those_of_the_same_model_in_the_process(url, folder):
    server = OpenAI(model="tiny", base_url=url, endpoint="completions")
    inside = Transformers(model=folder)
    prompts = ["What is 17 + 25?", "Question: How many pens has Tom now?", "The answer is"]
    requests = [plain(p, max_tokens=10) for p in prompts]
    ours = [a[0].text for a in inside.generate(requests)]
    theirs = [a[0].text for a in server.generate(requests)]
    assert ours == theirs


def test_an_unknown_path_stops_with_the_servers_words(url):
    from mathdata.errors import BackendError

    with pytest.raises(BackendError, match="404"):
        OpenAI(model="tiny", base_url=url + "/nowhere").generate([ask(1)])


def test_a_prompt_too_long_for_the_server_fails_alone(url):
    teacher = OpenAI(model="tiny", base_url=url, endpoint="completions")
    good, bad = teacher.generate([plain("What is 1 + 2?"), plain("12 " * 5000)])
    assert good[0].finish in ("length", "stop")
    assert bad[0].finish == "error"
    assert "400" in bad[0].reason
