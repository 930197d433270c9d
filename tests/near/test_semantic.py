"""Embedding candidates: nearest item, a block at a time; the extra is named where it is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from mathdata.errors import DataError, MissingExtra
from mathdata.near.reference import Reference
from mathdata.near.semantic import encoder, similar
from mathdata.schema import conform
from mathdata.stages.decontaminate import decontaminate


def letters(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """A real, if simple, embedding: how often each letter stands in a text."""
    made = np.array([[t.lower().count(chr(97 + k)) for k in range(26)] for t in texts], dtype=np.float32)
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-6)


def test_the_nearest_item_is_found_a_block_at_a_time() -> None:
    items = ["how many apples", "what is the area of the field"]
    rows = ["many apples how", "zzz qqq", "field of the area is what the"] * 3
    found = [(r, i) for r, i, _ in similar(rows, letters(items), letters, block=4)]
    assert found == [(0, 0), (2, 1), (3, 0), (5, 1), (6, 0), (8, 1)]


def test_a_row_near_in_embedding_only_is_unsure() -> None:
    items = conform(pl.DataFrame({"problem": ["Wo ist der rote Ball im Garten geblieben"], "answer": ["a"]}))
    rows = conform(pl.DataFrame({"problem": ["Garten im Ball rote der ist wo geblieben", "zzz"]}))
    hits = Reference("mine", items, encode=letters).hits(rows)
    assert [(h.row, h.sure) for h in hits] == [(0, False)]
    assert Reference("mine", items).hits(rows) == []


REAL = importlib.util.find_spec("sentence_transformers") is not None


@pytest.mark.skipif(not REAL, reason="sentence-transformers is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_real_library_reads_a_model_folder(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    item = "Wo ist der rote Ball im Garten geblieben"
    words = ["[UNK]", *item.split(), *["Das", "Haus", "am", "See", "hat", "ein", "Dach"]]
    tokenizer = Tokenizer(WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=128)]).save(str(tmp_path / "model"))
    pl.DataFrame({"problem": [item], "answer": ["a"]}).write_ndjson(tmp_path / "items.jsonl")
    rows = conform(
        pl.DataFrame({"problem": ["Garten im Ball rote der ist Wo geblieben", "Das Haus am See hat ein Dach"]})
    )
    options = {"against": [str(tmp_path / "items.jsonl")], "semantic_model": str(tmp_path / "model")}
    assert decontaminate(rows, **options)["reject"].to_list() == [None, None]
    found = decontaminate(rows, **options, semantic=True)
    assert found["reject"].to_list() == ["review-leak", None]
    assert "embedding" in found["reject_why"][0]


@pytest.mark.skipif(REAL, reason="the extra is installed")
def test_without_the_extra_the_pip_line_is_named() -> None:
    with pytest.raises(MissingExtra) as error:
        encoder()
    assert "mathdata[semantic]" in error.value.hint
    with pytest.raises(MissingExtra):
        decontaminate(conform(pl.DataFrame({"problem": ["x"]})), against=["elementary"], semantic=True)


def test_a_folder_that_holds_no_model_is_said(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(DataError, match="no embedding model"):
        encoder(str(tmp_path / "nothing"))
