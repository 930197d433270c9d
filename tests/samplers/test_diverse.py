"""diverse: templates first, then what is farthest by words or by a sentence embedding."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from mathdata.samplers import diverse
from mathdata.samplers._draw import Asked
from mathdata.samplers.diverse import Diverse, farthest, nearest
from mathdata.schema import conform
from mathdata.stages.sample import sample
from mathdata.types import Context, Frame, Partitions

NAMES = ["red", "blue", "green"]
TOPICS = {"red": "apples bananas cherries", "blue": "planes trains ships", "green": "circles squares cubes"}
WORDS = [a + b for a in "bdfgk" for b in ("ale", "ine", "ost", "umb", "ear", "ock", "int", "ust")]


def corpus(per_group: int = 20) -> Frame:
    """Rows of three groups, 20 times as many of the first; every row is a template of its own."""
    draw = random.Random(5)
    texts = [
        f"{TOPICS[name]} {' '.join(draw.sample(WORDS, 2))} how many"
        for k, name in enumerate(NAMES)
        for _ in range(per_group * (20 if k == 0 else 1))
    ]
    return conform(pl.DataFrame({"problem": list(dict.fromkeys(texts))}))


def topics_only(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """A real, if simple, embedding: the group of a text and a trace of the other words."""
    made = np.zeros((len(texts), 8), dtype=np.float32)
    for row, text in enumerate(texts):
        made[row, :3] = [10 * (TOPICS[name].split()[0] in text) for name in NAMES]
        for word in text.split():
            made[row, 3 + sum(map(ord, word)) % 5] += 0.1
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def slim(problems: Sequence[str], templates: Sequence[str]) -> Frame:
    n = len(problems)
    data = {"i": range(n), "draw": [(k * 7919) % 104729 for k in range(n)], "problem": problems, "template": templates}
    return pl.DataFrame(data).cast({"draw": pl.UInt64})


def test_the_farthest_by_embedding_are_chosen() -> None:
    problems = corpus()["problem"].to_list()
    rows = slim(problems, problems)
    chosen = Diverse(topics_only, vectors="embedding").choose(rows, Asked(3))
    assert {next(n for n in NAMES if TOPICS[n] in problems[i]) for i in chosen.i} == set(NAMES)
    assert chosen.figures == {"missing": 0, "templates": len(problems), "covered": 3}


def test_the_vectors_decide_not_the_words() -> None:
    problems = corpus()["problem"].to_list()
    rows = slim(problems, problems)
    by_words = Diverse().choose(rows, Asked(40)).i.to_list()
    by_embedding = Diverse(topics_only, vectors="embedding").choose(rows, Asked(40)).i.to_list()
    assert by_words != by_embedding


def test_a_round_that_does_not_fit_gives_the_rows_farthest_from_those_chosen() -> None:
    """Two templates of three rows each; the fourth row is the one unlike both rows of the first round."""
    problems = ["apples a", "apples b", "planes c", "apples d", "planes e", "planes f"]
    templates = ["A", "B", "A", "B", "A", "B"]
    rows = slim(problems, templates).with_columns(draw=pl.Series([0, 1, 9, 3, 10, 11], dtype=pl.UInt64))
    chosen = Diverse(lambda t: topics_only([*t]), vectors="embedding").choose(rows, Asked(3))
    assert chosen.i.to_list()[:2] == [0, 1]
    assert chosen.i.to_list()[2] == 2, "row 3 has the lower draw, but is like the two chosen"


def test_blocks_do_not_change_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = corpus()["problem"].to_list()
    rows = slim(problems, [str(k % 90) for k in range(len(problems))])
    one = Diverse(topics_only, vectors="embedding").choose(rows, Asked(150)).i
    monkeypatch.setattr(diverse, "BLOCK", 7)
    assert Diverse(topics_only, vectors="embedding").choose(rows, Asked(150)).i.to_list() == one.to_list()


def test_every_next_point_is_the_farthest() -> None:
    points = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    found = farthest(points, 20).tolist()
    assert len(set(found)) == 20
    for k in range(1, 20):
        near = nearest(points, points[found[:k]])
        near[found[:k]] = np.inf
        assert near[found[k]] == pytest.approx(near.min())


REAL = importlib.util.find_spec("sentence_transformers") is not None


@pytest.mark.skipif(REAL, reason="the extra is installed")
def test_without_the_extra_the_command_names_the_pip_line(tmp_path: Path, call: Callable[..., Any]) -> None:
    corpus().select("problem").write_ndjson(tmp_path / "raw.jsonl")
    for spec in ("{diverse: {vectors: embedding}}", "{diverse: {vectors: embedding, model: folder}}"):
        done = call("sample", "raw.jsonl", "-o", "o.parquet", "--n", "5", "--strategy", spec)
        assert done.rc == 1
        assert done.err.strip().splitlines()[-2:] == [
            "error: sample: diverse with vectors: embedding needs sentence-transformers",
            "hint: pip install 'mathdata[semantic]'",
        ]
    assert not (tmp_path / "o.parquet").exists()
    (tmp_path / "r.yaml").write_text(
        "name: r\ninput: raw.jsonl\nstages:\n  - dedup: {}\n  - sample: {n: 5, strategy: {diverse: {vectors: embedding}}}\n"
    )
    done = call("run", "r.yaml")
    assert done.rc == 2
    assert "r.yaml, line 5: stages.sample" in done.err
    assert done.err.endswith("hint: pip install 'mathdata[semantic]'\n")
    assert not (tmp_path / "runs").exists(), "said before any work"


def test_the_options_are_listed_and_a_model_without_embedding_is_refused(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    [listed] = [row for row in call("ls", "samplers", "--json").json["sampler"] if row["name"] == "diverse"]
    assert [(o["name"], o.get("choices")) for o in listed["options"]] == [
        ("vectors", ["ngram", "embedding"]),
        ("model", None),
    ]
    corpus().select("problem").write_ndjson(tmp_path / "raw.jsonl")
    done = call("sample", "raw.jsonl", "-o", "o.parquet", "--n", "5", "--strategy", "diverse:some-model")
    assert done.rc == 2
    assert "does not use model: some-model" in done.err
    assert "{vectors: embedding, model: some-model}" in done.err


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A tiny model folder of the real library that knows the words of the corpus."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "how", "many", *WORDS, *" ".join(TOPICS.values()).split()]
    tokenizer = Tokenizer(WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=64)]).save(str(tmp_path / "model"))
    return str(tmp_path / "model")


@pytest.mark.skipif(not REAL, reason="sentence-transformers is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_real_library_draws_the_same_rows_in_any_order_and_partitioning(model: str, tmp_path: Path) -> None:
    rows = corpus()
    strategy = {"diverse": {"vectors": "embedding", "model": model}}
    other = rows.sample(fraction=1, shuffle=True, seed=3)
    files = []
    for k in range(0, other.height, 100):
        other.slice(k, 100).write_parquet(tmp_path / f"{k}.parquet")
        files.append(tmp_path / f"{k}.parquet")
    ctx = Context()
    made = [sample(table, n=30, strategy=strategy, ctx=ctx) for table in (rows, other, Partitions(tuple(files)))]
    frames = [t if isinstance(t, pl.DataFrame) else pl.concat([pl.read_parquet(f) for f in t.files]) for t in made]
    kept = [set(f.filter(pl.col("reject").is_null())["id"]) for f in frames]
    assert kept[0] == kept[1] == kept[2]
    assert len(kept[0]) == 30
    assert ctx.figures["covered"] == 30
    again = sample(rows, n=30, strategy=strategy, seed=7).filter(pl.col("reject").is_null())
    assert set(again["id"]) != kept[0]
    ngram = sample(rows, n=30, strategy="diverse").filter(pl.col("reject").is_null())
    assert set(ngram["id"]) != kept[0]


@pytest.mark.skipif(not REAL, reason="sentence-transformers is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_real_library_through_the_command_line(model: str, tmp_path: Path, call: Callable[..., Any]) -> None:
    corpus().select("problem").write_ndjson(tmp_path / "raw.jsonl")
    spec = "{diverse: {vectors: embedding, model: %s}}"
    done = call("sample", "raw.jsonl", "-o", "o.parquet", "--n", "12", "--strategy", spec % "model", "--json")
    assert done.rc == 0, done.err
    assert (done.json["kept"], done.json["covered"]) == (12, 12)
    done = call("sample", "raw.jsonl", "-o", "p.parquet", "--n", "12", "--strategy", spec % "./no/such")
    assert done.rc == 1
    assert "error: no embedding model './no/such'" in done.err
