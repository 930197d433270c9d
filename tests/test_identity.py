"""Identity is content: what is a model's own, what an adapter stands on, which files options name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mathdata.identity import folder_digest, named_files, weights_digest

FILES = {
    "config.json": b'{"model_type": "qwen2"}',
    "generation_config.json": b'{"eos_token_id": 0}',
    "model-00001-of-00002.safetensors": b"first",
    "model-00002-of-00002.safetensors": b"second",
    "model.safetensors.index.json": b"{}",
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "tokenizer.model": b"pieces",
    "vocab.bpe": b"a b",
    "qwen.tiktoken": b"a",
    "merges.txt": b"a b",
    "chat_template.jinja": b"{{ messages }}",
    "additional_chat_templates/tools.jinja": b"{{ tools }}",
    "modeling_own.py": b"pass",
    "weights.gguf": b"gguf",
    "pytorch_model.bin": b"pickled",
    "original/consolidated.00.pth": b"pickled",
}


def model(folder: Path) -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def adapter(folder: Path, base: Path | str) -> Path:
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"low rank")
    (folder / "adapter_config.json").write_text(json.dumps({"r": 8, "base_model_name_or_path": str(base)}))
    return folder


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["changed", "taken away", "renamed"])
def test_every_file_that_a_loader_may_read_is_in_the_digest(tmp_path: Path, name: str, how: str) -> None:
    folder = model(tmp_path / "m")
    before, path = folder_digest(folder), folder / name
    if how == "changed":
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    elif how == "taken away":
        path.unlink()
    else:
        path.rename(path.with_name("x" + path.name))
    assert folder_digest(folder) != before


@pytest.mark.parametrize(
    "name",
    [
        "train.json", "job.json", "base.json", "log.txt", "metrics.jsonl", "evaluations.jsonl", "README.md", ".gitattributes",
        ".cache/huggingface/x", "optimizer.pt", "trainer_state.json", "rng_state.pth", "checkpoints/checkpoint-1/model.safetensors",
        "evaluation/evaluation.json", "evaluations/step-1/gsm8k.parquet", "rounds/1/model.safetensors", "training_args.bin",
    ],
)  # fmt: skip
def test_records_beside_a_model_are_not_the_model(tmp_path: Path, name: str) -> None:
    folder = model(tmp_path / "m")
    before = folder_digest(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("a record")
    assert folder_digest(folder) == before


def test_the_middle_of_a_large_file_counts(tmp_path: Path) -> None:
    """Of more than 64 MB only head and tail were once read: weights zeroed in the middle passed for the base."""
    folder = model(tmp_path / "m")
    path, size = folder / "model-00001-of-00002.safetensors", (64 << 20) + (4 << 20)
    with path.open("wb") as f:
        f.truncate(size)
    before = folder_digest(folder)
    with path.open("r+b") as f:
        f.seek(size // 2)
        f.write(b"\1")
    assert folder_digest(folder) != before


def test_a_model_is_the_same_wherever_it_lies_and_through_a_link(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    shutil.copytree(folder, tmp_path / "elsewhere")
    (tmp_path / "link").symlink_to(folder)
    assert folder_digest(folder) == folder_digest(tmp_path / "elsewhere") == folder_digest(tmp_path / "link")


def test_an_adapter_is_known_with_its_base_wherever_that_lies(tmp_path: Path) -> None:
    base = model(tmp_path / "m")
    made = adapter(tmp_path / "a", base)
    before = folder_digest(made)
    moved = shutil.copytree(base, tmp_path / "moved")
    (made / "adapter_config.json").write_text(json.dumps({"r": 8, "base_model_name_or_path": str(moved)}))
    assert folder_digest(made) == before
    (moved / "model-00002-of-00002.safetensors").write_bytes(b"other")
    assert folder_digest(made) != before
    shutil.copytree(base, made / "base")  # the one beside it is the one that is loaded
    assert folder_digest(made) == before


def test_an_adapter_of_a_base_at_the_hub_is_known_by_its_name(tmp_path: Path) -> None:
    one, two = adapter(tmp_path / "a", "own/er"), adapter(tmp_path / "b", "own/other")
    assert folder_digest(one) != folder_digest(two)


def test_an_adapter_that_names_itself_ends(tmp_path: Path) -> None:
    assert folder_digest(adapter(tmp_path / "a", tmp_path / "a"))


@pytest.mark.parametrize(
    ("name", "counts"),
    [("model-00001-of-00002.safetensors", True), ("config.json", True), ("tokenizer.json", False),
     ("chat_template.jinja", False), ("generation_config.json", False)],
)  # fmt: skip
def test_an_adapter_stands_on_weights_and_architecture_alone(tmp_path: Path, name: str, counts: bool) -> None:
    folder = model(tmp_path / "m")
    before = weights_digest(folder)
    (folder / name).write_bytes(b'{"model_type": "other"}')
    assert (weights_digest(folder) != before) == counts


def test_a_config_written_by_another_version_is_the_same_architecture(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    before = weights_digest(folder)
    (folder / "config.json").write_text('{"transformers_version": "9", "model_type": "qwen2", "use_cache": true}')
    assert weights_digest(folder) == before


NAMED = [
    ({"lexicon": "words.txt"}, ["words.txt"]),
    ({"prompts": {"rephrase": "words.txt"}}, ["words.txt"]),
    ({"against": ["words.txt?split=a", "folder"]}, ["folder", "words.txt?split=a"]),
    ({"teacher": {"transformers": {"model": "folder"}}}, ["folder"]),
    ({"teacher": "scripted:words.txt"}, ["scripted:words.txt"]),
    ({"strategy": {"quota": {"file": "words.txt"}}}, ["words.txt"]),
    ({"teacher": "folder", "method": ["folder"]}, []),
    ({"where": {"source": ["words.txt"]}, "api_key_file": "words.txt", "journal": "words.txt"}, []),
    ({"n": 5, "x": None, "y": "no such file", "z": "a\0b", "long": "x" * 5000, "e": ""}, []),
]


@pytest.mark.parametrize(("options", "files"), NAMED, ids=str)
def test_the_files_that_options_name_are_found(
    options: dict[str, object], files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("1")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "rows.jsonl").write_text("1")
    before = named_files(options)
    assert sorted(before) == files
    (tmp_path / "words.txt").write_text("2")
    (tmp_path / "folder" / "rows.jsonl").write_text("2")
    assert (named_files(options) != before) == bool(files)


def test_a_benchmark_named_to_compare_with_counts_by_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATHDATA_DATA", str(tmp_path))
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k" / "test.jsonl").write_text('{"question": "1?", "answer": "#### 1"}\n')
    before = named_files({"against": ["gsm8k"]})
    assert list(before) == ["gsm8k"]
    (tmp_path / "gsm8k" / "test.jsonl").write_text('{"question": "2?", "answer": "#### 1"}\n')
    assert named_files({"against": ["gsm8k"]}) != before
