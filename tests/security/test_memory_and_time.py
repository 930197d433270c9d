"""Input made to fill memory or time ends as a broken line, a verdict or a two-line error, through the real command."""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

import mathdata
from mathdata.recipe_text import load_yaml

MEMORY = 900 << 20
"""Data segment of an attacked command: its libraries take a third of it."""


def limited(folder: Path, *args: str, seconds: int = 60) -> subprocess.CompletedProcess[str]:
    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    return subprocess.run(
        [sys.executable, "-m", "mathdata", *args], cwd=folder, capture_output=True, text=True, timeout=4 * seconds,
        preexec_fn=lower, check=False,
    )  # fmt: skip


def is_two_lines(done: subprocess.CompletedProcess[str]) -> bool:
    lines = done.stderr.strip().splitlines()[-2:]
    return (
        done.returncode in (1, 2)
        and [line.split(":")[0] for line in lines] == ["error", "hint"]
        and "defect" not in done.stderr
        and "Traceback" not in done.stderr
    )


def rows(n: int = 30) -> list[dict[str, Any]]:
    return [{"problem": f"What is {i} + 1?", "answer": str(i + 1)} for i in range(n)]


NESTED = {"arrays": ("[", "]"), "objects": ('{"a":', "}"), "both": ('[{"b":1,"a":', "}]")}


@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("depth", [70, 400, 900, 20_000])
def test_a_line_nested_deep_is_a_broken_line_and_the_file_is_read(kind: str, depth: int, tmp_path: Path) -> None:
    opened, closed = NESTED[kind]
    bad = '{"problem": "What?", "answer": "1", "meta": ' + opened * depth + "1" + closed * depth + "}"
    lines = [json.dumps(r) for r in rows()]
    file = tmp_path / "deep.jsonl"
    file.write_text("\n".join([*lines[:3], bad, *lines[3:]]) + "\n")
    table = mathdata.read(file)
    assert table.height == 31
    assert table.filter(pl.col("reject") == "broken-line")["reject_why"].to_list() == [
        "line 4: brackets nested deeper than 64"
    ]


def test_brackets_inside_texts_are_not_nesting(tmp_path: Path) -> None:
    file = tmp_path / "latex.jsonl"
    texts = ["{" * 200, "[" * 100 + '\\"' + "{" * 100, "\\\\" + "[" * 300 + '"', "\\frac{" * 90]
    file.write_text("".join(json.dumps({"problem": t, "answer": "1"}) + "\n" for t in texts))
    assert mathdata.read(file)["problem"].to_list() == texts


def dictionary_bomb(file: Path, size: int, count: int) -> Path:
    values = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["x" * size]))
    parquet.write_table(pa.table({"problem": values, "answer": ["1"] * count}), file)
    return file


def nested_bomb(file: Path, size: int, count: int) -> Path:
    messages = [[{"role": "user", "content": "x" * size}]] * count
    parquet.write_table(pa.table({"messages": messages}), file)
    return file


def prefix_bomb(file: Path, size: int, count: int) -> Path:
    table = pa.table({"problem": ["x" * size + str(i) for i in range(count)], "answer": ["1"] * count})
    parquet.write_table(table, file, use_dictionary=False, column_encoding={"problem": "DELTA_BYTE_ARRAY"})
    return file


BOMBS: dict[str, tuple[Callable[[Path, int, int], Path], int, int]] = {
    "one dictionary value of a megabyte": (dictionary_bomb, 1_000_000, 3_000),
    "a dictionary inside messages": (nested_bomb, 200_000, 1_000),
    "values that share a prefix": (prefix_bomb, 100_000, 2_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_parquet_file_that_holds_gigabytes_is_refused(name: str, tmp_path: Path) -> None:
    make, size, count = BOMBS[name]
    make(tmp_path / "bomb.parquet", size, count)
    assert (tmp_path / "bomb.parquet").stat().st_size < 1_000_000
    done = limited(tmp_path, "dedup", "bomb.parquet", "-o", "out.parquet")
    assert is_two_lines(done), done.stderr
    assert "decompression bomb" in done.stderr
    assert not (tmp_path / "out.parquet").exists()


def test_honest_parquet_with_dictionaries_and_long_cells_reads_as_it_was_written(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "problem": [f"problem {i} " + "word " * (i % 900) for i in range(3_000)],
            "answer": [str(i % 7) for i in range(3_000)],
            "talk": [[{"role": "user", "content": f"text {i % 5}" * 300}] for i in range(3_000)],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    table = mathdata.read(tmp_path / "a.parquet")
    assert table["problem"].to_list() == frame["problem"].to_list()
    assert table["answer"].to_list() == frame["answer"].to_list()


NUMERALS = [
    "one hundred " * 3_000,
    "九" * 5_000,
    "九千" * 3_000,
    "9" * 6_000,
    "twenty-" * 4_000,
    "1e999999",
    "½" * 3_000,
]


@pytest.mark.parametrize("numeral", NUMERALS, ids=[n[:12] for n in NUMERALS])
def test_numerals_of_thousands_of_words_or_digits_go_through_every_stage(numeral: str) -> None:
    table = mathdata.read(
        pl.DataFrame({"problem": [f"What is {numeral} + {i}?" for i in (1, 2)], "answer": ["1", "2"]})
    )
    for on in ("row", "problem"):
        assert mathdata.dedup(table, level="near", on=on).height == 2
    assert mathdata.decontaminate(table, against=["elementary"]).height == 2
    assert mathdata.verify(table.with_columns(pl.lit(f"It is {numeral}").alias("solution"))).height == 2
    assert mathdata.judge(numeral, f"The answer is {numeral} + 1").status in ("wrong", "unparsed", "error")


ODD_FORMULAS = [
    ("sqt(x)", "sqrt()"), ("2", "log()"), ("1", "gcd()"), ("1", "max()"), ("1", "abs()"), ("1", "f()"),
    ("1", "\\binom{}{}"), ("1", "\\sqrt[]{}"), ("2020-02-31", "13/45/2020"), ("1" * 5_000, "1" * 4_999),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "response"), ODD_FORMULAS)
def test_a_formula_that_means_nothing_is_a_verdict_and_no_failure_of_the_judge(gold: str, response: str) -> None:
    for one, two in ((gold, response), (response, gold)):
        verdict = mathdata.judge(one, two)
        assert verdict.status in ("wrong", "unparsed", "error")
        assert "failed" not in verdict.reason


@pytest.mark.parametrize(
    ("gold", "response"), [("4.&25.2542", "4"), ('4"5', "45"), ("3@4", "3"), ("5 # 6", "6"), ("7..8", "7")]
)
def test_a_broken_gold_is_not_met_by_its_first_number(gold: str, response: str) -> None:
    assert mathdata.judge(gold, response).status != "correct"


YAML = {
    "aliases of aliases": "a: &a [x, x, x, x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 8)}]\n" for i in range(10)),
    "merges of merges": "a: &a {k: 1}\n"
    + "".join(f"b{i}: &b{i} {{x{i}: [*{p}, *{p}], <<: *{p}}}\n" for i, p in enumerate(["a", *(f"b{j}" for j in range(19))])),
    "an anchor inside itself": "a: &a [1, *a]\n",
    "a date that is none": "a: 2020-02-31\n",
    "five thousand digits": "a: " + "9" * 5_000,
    "digits in base 16": "a: 0x" + "f" * 100_000,
    "base 60": "a: " + ":".join(["59"] * 2_000),
    "half a character": 'a: "\\ud800"',
    "brackets": "a: " + "[" * 3_000,
    "indents": "".join(" " * i + f"a{i}:\n" for i in range(1_200)),
}  # fmt: skip


@pytest.mark.parametrize("name", YAML)
def test_yaml_that_grows_or_means_nothing_is_refused_before_it_is_built(name: str) -> None:
    with pytest.raises(mathdata.errors.RecipeError) as refused:
        load_yaml(YAML[name], "recipe.yaml")
    assert refused.value.message.startswith("recipe.yaml: ")
    assert refused.value.hint


PACKED = {"gzip": lambda b: gzip.compress(b), "zstd": lambda b: b"\x28\xb5\x2f\xfd" + b}


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize(
    ("option", "name"), [("--quota", "quota.json"), ("--quota", "quota.yaml"), ("--lexicon", "words.txt")]
)
def test_a_packed_file_under_a_plain_name_is_named(packing: str, option: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows()))
    (tmp_path / name).write_bytes(PACKED[packing](b"a" * 1_000_000))
    stage = ("sample", "--strategy", "quota") if option == "--quota" else ("dedup",)
    done = limited(tmp_path, *stage, "in.jsonl", "-o", "out.parquet", option, name)
    assert is_two_lines(done), done.stderr
    assert "compressed" in done.stderr
    assert "UTF-16" not in done.stderr


def test_zero_bytes_are_not_called_utf_16(tmp_path: Path) -> None:
    (tmp_path / "zeros.jsonl").write_bytes(b"\0" * 100_000)
    (tmp_path / "wide.jsonl").write_bytes(json.dumps(rows()[0]).encode("utf-16-le"))
    with pytest.raises(mathdata.errors.DataError, match="zero bytes, no text"):
        mathdata.read(tmp_path / "zeros.jsonl")
    with pytest.raises(mathdata.errors.DataError, match="UTF-16"):
        mathdata.read(tmp_path / "wide.jsonl")


class Hostile(BaseHTTPRequestHandler):
    """Replies as no teacher should: endless, packed, half characters."""

    protocol_version = "HTTP/1.1"
    how = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        getattr(self, self.how)()

    def log_message(self, *_: Any) -> None: ...

    def sized(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def packed(self) -> None:
        self.sized(gzip.compress(b" " * (2 << 30 >> 3) + b"{}"), Content_Encoding="gzip")

    def unknown_packing(self) -> None:
        self.sized(b"????", Content_Encoding="br")

    def endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for _ in range(4_000):
                self.wfile.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        except OSError:
            self.close_connection = True

    def half_characters(self) -> None:
        text = "It is 1 + 1 = 2 \\ud800 apples\\u0000.\\nThe answer is: 2"
        self.sized(
            b'{"choices": [{"message": {"content": "' + text.encode() + b'", "reasoning": "\\udfff"}, "finish_reason": "stop"}]}'
        )  # fmt: skip


@pytest.fixture
def hostile() -> Any:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["packed", "unknown_packing", "endless"])
def test_a_reply_without_end_is_one_rows_failure(how: str, hostile: str, tmp_path: Path) -> None:
    Hostile.how = how
    (tmp_path / "in.jsonl").write_text(json.dumps({"problem": "What is 1 + 1?", "answer": "2"}) + "\n")
    teacher = json.dumps({"openai": {"model": "m", "base_url": hostile}})
    done = limited(tmp_path, "augment", "in.jsonl", "-o", "out.parquet", "--method", "answer", "--teacher", teacher)
    assert done.returncode in (0, 3), done.stderr
    rejects = pl.read_parquet(tmp_path / "out.parquet.rejects.parquet")
    assert rejects["reject"].to_list() == ["pending-server"] or rejects["reject"].to_list() == ["refused"]
    assert "the reply is not read" in rejects["reject_why"][0]


def test_half_a_character_in_an_answer_is_stored_and_replayed(hostile: str, tmp_path: Path) -> None:
    Hostile.how = "half_characters"
    (tmp_path / "in.jsonl").write_text(json.dumps({"problem": "What is 1 + 1?", "answer": "2"}) + "\n")
    teacher = json.dumps({"openai": {"model": "m", "base_url": hostile}})
    for _ in range(2):
        done = limited(
            tmp_path, "augment", "in.jsonl", "-o", "out.parquet", "--method", "answer", "--teacher", teacher, "--overwrite"
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    made = pl.concat(
        [pl.read_parquet(tmp_path / n) for n in ("out.parquet", "out.parquet.rejects.parquet")], how="diagonal_relaxed"
    ).filter(pl.col("method") == "answer")
    assert made.height == 1
    assert "�" in made["solution"][0]


LOOP = "{% for i in range(99999) %}{% for j in range(99999) %}BODY{% endfor %}{% endfor %}"
TEMPLATES = {
    "loops without end": LOOP.replace("BODY", ""),
    "text without end": LOOP.replace("BODY", "xxxxxxxxxxxxxxxx"),
    "text times a number": "{{ 'x' * 999999999 }}",
    "a power of powers": "{{ 9**9**9 }}",
    "doubling": "{% set ns = namespace(s='xxxxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "squaring": "{% set ns = namespace(n=99) %}{% for i in range(60) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
    "a wide format": "{{ '%9999999999d'|format(1) }}",
    "a wide format, the other way": "{{ '{:>9999999999}'.format(1) }}",
    "a centred word": "{{ 'x'|center(9999999999) }}",
    "a macro that calls itself": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "replacing": "{% set ns = namespace(s='a' * 1000) %}{% for i in range(9) %}{% set ns.s = ns.s.replace('a', ns.s) %}{% endfor %}",
}  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_that_loops_or_multiplies_is_stopped(name: str) -> None:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from mathdata.rendering import bounded, check_template

    def rendered() -> str:
        check_template(TEMPLATES[name], "prompt.jinja")
        with bounded("prompt.jinja", seconds=0.5):
            return ImmutableSandboxedEnvironment().from_string(TEMPLATES[name]).render()

    with pytest.raises(mathdata.errors.RecipeError) as refused:
        rendered()
    assert refused.value.message.startswith("prompt.jinja: ")
    assert sum(range(1000)) == 499_500  # nothing of the watch is left to strike later


def test_a_hostile_prompt_file_ends_the_command_in_two_lines(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(rows()[1]) + "\n")
    (tmp_path / "p.jinja").write_text(TEMPLATES["doubling"])
    done = limited(
        tmp_path, "augment", "in.jsonl", "-o", "out.parquet", "--method", "answer",
        "--teacher", json.dumps({"openai": {"model": "m", "base_url": "http://127.0.0.1:9/v1"}}),
        "--prompts", "{answer: p.jinja}",
    )  # fmt: skip
    assert is_two_lines(done), done.stderr
    assert "MB" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["doubling", "loops without end", "a power of powers"])
def test_a_hostile_chat_template_ends_training_in_two_lines(name: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows()))
    (tmp_path / "chat.jinja").write_text(TEMPLATES[name] + "{{ messages[0]['content'] }}")
    recipe = {
        "name": "odd", "input": "in.jsonl", "arms": {"a": {}},
        "train": {
            "model": {"config": {"hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 2,
                                 "num_hidden_layers": 1, "intermediate_size": 32, "max_position_embeddings": 256}},
            "tokenizer": {"train": {"vocab_size": 300}, "chat_template": "chat.jinja"},
            "prompt": "chat", "max_length": 128, "max_steps": 1,
        },
    }  # fmt: skip
    (tmp_path / "odd.yaml").write_text(json.dumps(recipe))
    done = subprocess.run(
        [sys.executable, "-m", "mathdata", "train", "odd.yaml", "--look", "1"], cwd=tmp_path, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert is_two_lines(done), done.stderr
    assert "chat template" in done.stderr
