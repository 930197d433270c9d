"""An adapter goes on its own base only: said beside it by name and content, held wherever an adapter is loaded."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mathdata.backends.transformers import Transformers
from mathdata.errors import DataError
from mathdata.evaluation import evaluate
from mathdata.identity import folder_digest, weights_digest
from tests.trainers.conftest import sums
from trainers import train
from trainers.base import check_base, read_record
from trainers.merge import merge
from trainers.sft import untrained

LORA = {"method": "lora", "lora": {"rank": 2, "targets": ["q_proj"]}, "max_steps": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, another model of the same shape, and an adapter trained on the base by one command."""
    from mathdata.trainspec import parse_spec
    from tests.trainers.conftest import TINY

    folder = tmp_path_factory.mktemp("bases")
    tiny: dict[str, Any] = {"model": {"config": TINY}, "tokenizer": {"train": {"vocab_size": 300}}}
    for name, seed in (("base", 1), ("other", 2)):
        untrained(sums(20), parse_spec(tiny | {"seed": seed}), folder / name, (), None)
    on_base = {"model": str(folder / "base"), "learning_rate": 1e-3, "batch": 4, "max_length": 256}
    train(on_base | LORA, sums(20), folder / "adapter")
    return folder


def foreign(made: Path, folder: Path, base: str) -> Path:
    """The same adapter as another tool leaves it: nothing of ours beside it, its base by name."""
    shutil.copytree(made / "adapter", folder)
    (folder / "base.json").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": base}))
    return folder


def misled(made: Path, folder: Path) -> Path:
    """Our adapter, its file made to name another model."""
    shutil.copytree(made / "adapter", folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(made / "other")}))
    return folder


def test_what_an_adapter_was_trained_on_is_said_beside_it_and_in_train_json(made: Path) -> None:
    said = {"name": str(made / "base"), "weights": weights_digest(made / "base")}
    assert read_record(made / "adapter") == said
    assert json.loads((made / "adapter" / "train.json").read_text())["base"] == said


def by_merge(made: Path, adapter: Path, out: Path) -> Any:
    return merge(adapter, out)


def by_evaluate(made: Path, adapter: Path, out: Path) -> Any:
    (out.parent / "asked.jsonl").write_text('{"problem": "1 + 1?", "answer": "2"}\n')
    return evaluate(adapter, benchmarks=[str(out.parent / "asked.jsonl")], out=out, max_tokens=2)


def by_chat(made: Path, adapter: Path, out: Path) -> Any:
    return Transformers(model=adapter)


def going_on(mode: str) -> Callable[[Path, Path, Path], Any]:
    def work(made: Path, adapter: Path, out: Path) -> Any:
        model = {"name": str(made / "other"), "adapter": str(adapter), "continue_adapter": mode}
        return train({"model": model, "learning_rate": 1e-3, "batch": 4, "max_length": 256} | LORA, sums(8), out)

    return work


WAYS = {
    "merge": by_merge, "evaluate": by_evaluate, "chat": by_chat,
    **{mode: going_on(mode) for mode in ("merge and go on", "resume", "stack")},
}  # fmt: skip
WAYS["merge and go on"] = going_on("merge")


@pytest.mark.parametrize("way", WAYS)
def test_on_another_model_it_is_refused_with_both_names(way: str, made: Path, tmp_path: Path) -> None:
    adapter = misled(made, tmp_path / "adapter")
    with pytest.raises(DataError, match=r"was trained on '.*/base' \(weights \w+\), not on '.*/other' \(weights \w+\)"):
        WAYS[way](made, adapter, tmp_path / "out")
    assert not (tmp_path / "out" / "train.json").exists()


@pytest.mark.parametrize("way", ["merge", "evaluate", "chat"])
def test_other_weights_behind_the_same_path_are_refused(way: str, made: Path, tmp_path: Path) -> None:
    base = shutil.copytree(made / "base", tmp_path / "base")
    adapter = shutil.copytree(made / "adapter", tmp_path / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(base)}))
    before = folder_digest(adapter)
    assert check_base(adapter, str(base))  # the same content elsewhere is the same base
    shutil.copyfile(made / "other" / "model.safetensors", base / "model.safetensors")
    with pytest.raises(DataError, match=r"not on .*base"):
        WAYS[way](made, adapter, tmp_path / "out")
    assert folder_digest(adapter) != before


def test_an_adapter_of_another_tool_is_taken_by_the_name_it_gives_with_a_warning(
    made: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = foreign(made, tmp_path / "adapter", str(made / "base"))
    with caplog.at_level(logging.WARNING, "mathdata"):
        merge(adapter, tmp_path / "merged")
    assert "could not be checked (no base.json beside it)" in caplog.text
    with pytest.raises(DataError, match=r"was trained on '.*base', not on '.*other'"):
        check_base(adapter, str(made / "other"))


@pytest.mark.parametrize(
    ("said", "given", "fits"),
    [("owner/Tiny-1B", "models/tiny-1b", True), ("owner/Tiny-1B", "mirror/Tiny-1B", True), ("owner/Tiny-1B", "owner/Tiny-2B", False),
     ("", "owner/Tiny-1B", True)],
)  # fmt: skip
def test_without_content_the_names_must_agree(said: str, given: str, fits: bool, made: Path, tmp_path: Path) -> None:
    adapter = foreign(made, tmp_path / "adapter", said)
    if fits:
        assert check_base(adapter, given) is False
    else:
        with pytest.raises(DataError, match=r"owner/Tiny-1B', not on 'owner/Tiny-2B'"):
            check_base(adapter, given)


def test_a_damaged_record_is_no_permission(made: Path, tmp_path: Path) -> None:
    adapter = shutil.copytree(made / "adapter", tmp_path / "adapter")
    (adapter / "base.json").write_text("{")
    with pytest.raises(DataError, match=r"base\.json: cannot be read"):
        check_base(adapter, str(made / "base"))


def test_merge_warns_and_refuses_on_the_command_line(made: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    done = cli("merge", foreign(made, tmp_path / "a", str(made / "base")), "-o", "out")
    assert (done.rc, "could not be checked" in done.err) == (0, True), done.err
    done = cli("merge", misled(made, tmp_path / "b"), "-o", "no")
    assert done.rc == 1
    assert "was trained on" in done.err
    assert "hint: put it on its own base" in done.err
