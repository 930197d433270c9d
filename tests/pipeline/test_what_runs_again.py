"""One input is changed at a time: exactly what depends on it is made again, by its content and not by its name."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mathdata.pipeline import Display, run
from mathdata.recipe import load_recipe
from mathdata.steps import Step, recipe_key, run_chains
from mathdata.training import make_job

RECIPE = """
name: inputs
seed: 7
input: rows.jsonl
stages:
  - dedup: {level: near, lexicon: words.txt}
  - decontaminate: {against: [items.jsonl]}
  - augment: {method: [answer], teacher: {scripted: {file: replies.jsonl}}, prompts: {answer: answer.jinja}}
  - sample: {quota: quota.yaml, by: source}
arms:
  before: {train: false}
  after: {preflight: {allow: [unverified, evaluation-limit]}}
train:
  model: base
  tokenizer: {chat_template: template.jinja}
  prompt: ask.txt
  method: lora
  lora: {rank: 2, targets: [q_proj]}
  max_length: 256
  max_steps: 2
  batch: 2
  learning_rate: 1.0e-3
  evaluation: {data: watched.jsonl, times: 1, max_tokens: 4}
evaluate: {benchmarks: [asked.jsonl], max_tokens: 4}
"""

STEPS = ("read", "dedup", "decontaminate", "augment", "sample")
BEFORE, AFTER = {"weights before", "figures before"}, {"weights after", "figures after"}


def problem(i: int, add: int = 0) -> dict[str, Any]:
    a, b = 11 + 3 * i, 20 + 5 * i
    total = a + b + add
    return {"id": f"row-{i}", "problem": f"Tom has {a} pens and buys {b} more pens. How many pens has Tom?",
            "solution": f"{a} + {b} = {total}\n#### {total}", "answer": str(total), "source": "even" if i % 2 else "odd"}  # fmt: skip


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(r) + "\n" for r in rows)


def question(i: int) -> dict[str, str]:
    return {"id": f"q{i}", "problem": f"Ann reads {i + 40} pages and then {i + 7} pages. How many pages?", "answer": str(2 * i + 47)}  # fmt: skip


FILES = {
    "rows.jsonl": lines([problem(i) for i in range(12)]),
    "words.txt": "[verb]\ngain: pockets\n",
    "items.jsonl": lines([question(100)]),
    "replies.jsonl": lines([{"method": "answer", "reply": "No idea."}]),
    "answer.jinja": "Solve: {{ problem.problem }}\n",
    "quota.yaml": "{odd: 5, even: 5}\n",
    "template.jinja": "{% for m in messages %}{{ m['content'] }}{% endfor %}{{ eos_token }}",
    "ask.txt": "Question: {problem}\nAnswer: ",
    "watched.jsonl": lines([question(i) for i in range(2)]),
    "asked.jsonl": lines([question(i) for i in range(10, 13)]),
    "other.txt": "named by nothing",
}


def write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


def byte(name: str) -> Callable[[Path], None]:
    """One byte in the middle of a file, at the same size."""

    def change(folder: Path) -> None:
        path = folder / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))

    return change


CHANGES: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "nothing": (lambda folder: None, set()),
    "a file that nothing names": (write("other.txt", "else"), set()),
    "a solution behind a kept id": (
        write("rows.jsonl", lines([problem(i, add=i == 3) for i in range(12)])),
        {*STEPS, *AFTER},
    ),
    "the spelling of the rows' file": (
        write("rows.jsonl", lines([problem(i) for i in range(12)]).replace(": ", ":  ")),
        {"read"},
    ),
    "the word list": (write("words.txt", "[verb]\ngain: pockets, stores\n"), {"dedup"}),
    "the test items": (write("items.jsonl", lines([question(101)])), {"decontaminate"}),
    "the teacher's replies": (write("replies.jsonl", lines([{"method": "answer", "reply": "None."}])), {"augment"}),
    "the teacher's prompt": (write("answer.jinja", "Please solve: {{ problem.problem }}\n"), {"augment"}),
    "the quota": (write("quota.yaml", "{odd: 4, even: 5}\n"), {"sample", *AFTER}),
    "the spelling of the quota": (write("quota.yaml", "odd: 5\neven: 5\n"), {"sample"}),
    "the base's weights": (byte("base/model.safetensors"), {*BEFORE, *AFTER}),
    "the base's tokenizer": (byte("base/merges.txt"), {*BEFORE, *AFTER}),
    "the chat template": (write("template.jinja", "{{ messages[0]['content'] }}{{ eos_token }}"), {*BEFORE, *AFTER}),
    "the prompt": (write("ask.txt", "Problem: {problem}\nAnswer: "), {"figures before", *AFTER}),
    "the benchmark asked at the end": (
        write("asked.jsonl", lines([question(i) for i in range(10, 14)])),
        {"figures before", "figures after"},
    ),
    "the benchmark asked on the way": (write("watched.jsonl", lines([question(i) for i in range(3)])), AFTER),
}


def lay_out(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "base").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "merges.txt"):
        (folder / "base" / name).write_text(f"[1, 2, 3, 4, 5] {name}")
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


def keys_of(folder: Path) -> dict[str, str]:
    """What a run goes by: the key of each step, of each arm's weights and of its figures."""
    recipe = load_recipe(folder / "recipe.yaml")
    chains = run_chains(recipe, folder / "run", Display())
    steps: list[Step] = chains["curated"]
    jobs = [make_job(recipe, folder / "run", chains, arm) for arm in recipe.arms]
    found = {step.record["stage"]: step.digest for step in steps}
    found |= {f"weights {job.arm}": job.digest for job in jobs}
    found |= {f"figures {job.arm}": str(job.figures) for job in jobs}
    return found | {"sweep": recipe_key(recipe)}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    folder = lay_out(tmp_path_factory.mktemp("inputs"))
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        yield folder, keys_of(folder)


@pytest.mark.parametrize("change", CHANGES)
def test_each_input_alone_changes_the_keys_of_what_depends_on_it(
    change: str, before: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(before[0], tmp_path / "copy")
    monkeypatch.chdir(folder)
    make, expected = CHANGES[change]
    make(folder)
    after = keys_of(folder)
    changed = {k for k in after if after[k] != before[1][k]}
    assert changed == expected | ({"sweep"} if expected else set())


class Told(Display):
    """Keeps what a run says it did."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    @property
    def done(self) -> list[str]:
        named = [line.partition(":")[0] for line in self.lines if not line.startswith(" ")]
        return [n for n in named if n in STEPS or n.startswith(("train ", "evaluate "))]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sys.path.insert(0, str(Path(__file__).parents[1] / "backends"))
    from tiny_model import make_model

    folder = lay_out(tmp_path_factory.mktemp("real"))
    shutil.rmtree(folder / "base")
    make_model(folder / "base")
    (folder / "base" / "merges.txt").write_text("kept beside it")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        told = Told()
        run("recipe.yaml", out="run", display=told)
        assert told.done == [*STEPS, "evaluate before", "train after"]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_each_input_alone_is_followed_by_a_real_run(
    change: str, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(folder)
    make, expected = CHANGES[change]
    make(folder)
    told = Told()
    run("recipe.yaml", out="run", display=told)
    wanted = {s for s in STEPS if s in expected}
    wanted |= {"evaluate before"} if "figures before" in expected else set()
    if "weights after" in expected:
        wanted |= {"train after"}
    elif "figures after" in expected:
        wanted |= {"evaluate after"}
    assert set(told.done) == wanted
