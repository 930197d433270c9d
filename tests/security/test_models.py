"""Models and adapters from outside: their code does not run, nobody is asked, and no pickle is read."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from mathdata.errors import DataError, MathdataError, RecipeError
from mathdata.registry import build
from mathdata.trainspec import parse_spec
from mathdata.weights import check_adapter
from tests.trainers.conftest import TINY, sums
from trainers.model import build_model, load_config, save_model
from trainers.tokens import load_tokenizer, train_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


class Ran:
    """A pickle that leaves a mark when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return open, (str(self.mark), "w")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with its tokenizer, as any loader takes it."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    spec = parse_spec({"model": {"config": TINY}, "tokenizer": {"train": {"vocab_size": 280}}})
    assert spec.tokenizer.train is not None
    tokenizer = train_tokenizer(sums(20)["problem"].to_list(), spec.tokenizer.train, 512)
    save_model(build_model(spec, tokenizer, 0), tokenizer, folder)
    return folder


@pytest.fixture
def model(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "ran"


def edit(path: Path, **more: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


def with_code(model: Path, mark: Path) -> Path:
    """The model asks for classes of its own folder."""
    (model / "own.py").write_text(f"open({str(mark)!r}, 'w')\n")
    classes = {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M", "AutoTokenizer": ["own.T", "own.T"]}
    edit(model / "config.json", auto_map=classes, model_type="unheard_of")
    edit(model / "tokenizer_config.json", auto_map=classes, tokenizer_class="T")
    return model


def test_code_that_a_model_brings_is_refused_in_two_lines_and_nobody_is_asked(
    cli: Callable[..., Any], model: Path, mark: Path, tmp_path: Path
) -> None:
    with_code(model, mark)
    questions = tmp_path / "q.jsonl"
    sums(2).select("problem", "answer").write_ndjson(questions)
    for words in (("merge", model, "-o", "out"), ("evaluate", model, "-b", questions, "-o", "ev"), ("chat", model)):
        done = cli(*words, stdin="y\n" * 9)
        error, hint = done.err.strip().splitlines()[-2:]
        assert done.rc != 0
        assert str(model) in error
        assert "code of its own" in error
        assert "trust_remote_code" in hint
        assert "[y/N]" not in done.out + done.err
    assert not mark.exists()


def test_a_training_runs_code_of_a_model_only_where_the_recipe_says_so_by_name(model: Path, mark: Path) -> None:
    with_code(model, mark)
    spec = parse_spec({"model": str(model)})
    for load in (lambda: load_config(spec), lambda: load_tokenizer(spec, []), lambda: build_model(spec, None, 0)):
        with pytest.raises(DataError, match="brings code of its own"):
            load()
    other = parse_spec({"model": {"config": TINY, "trust_remote_code": True}, "tokenizer": {"name": str(model)}})
    with pytest.raises(DataError, match="brings code of its own"):
        load_tokenizer(other, [])
    assert not mark.exists()
    with pytest.raises(Exception, match=r"own|has no attribute"):
        load_config(parse_spec({"model": {"name": str(model), "trust_remote_code": True}}))
    assert mark.exists(), "this attack can succeed"


def test_a_config_that_asks_for_compiled_code_from_a_hub_is_refused(model: Path) -> None:
    for key in ("attn_implementation", "_attn_implementation"):
        edit(model / "config.json", **{key: "evil/kernel"})
        with pytest.raises(DataError, match="compiled code from a hub"):
            build("backend", {"transformers": {"model": str(model)}})


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.safetensors"])
def test_weights_in_a_pickle_are_not_read(name: str, cli: Callable[..., Any], model: Path, mark: Path) -> None:
    (model / "model.safetensors").unlink()
    (model / name).write_bytes(pickle.dumps(Ran(mark)))
    done = cli("merge", model, "-o", "out")
    assert done.rc != 0
    assert len(done.err.strip().splitlines()) == 2, done.err
    with pytest.raises(MathdataError):
        build("backend", {"transformers": {"model": str(model)}})
    assert not mark.exists()


@pytest.fixture
def adapter(model: Path, tmp_path: Path) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(model)
    folder = tmp_path / "adapter"
    get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    edit(folder / "adapter_config.json", base_model_name_or_path=str(model))
    return folder


def test_an_adapter_in_a_pickle_is_not_read(cli: Callable[..., Any], adapter: Path, mark: Path) -> None:
    assert cli("merge", adapter, "-o", "fine").rc == 0, "as safetensors it is merged"
    assert load_file(adapter / "adapter_model.safetensors")
    (adapter / "adapter_model.safetensors").unlink()
    (adapter / "adapter_model.bin").write_bytes(pickle.dumps(Ran(mark)))
    for words in (("merge", adapter, "-o", "out"), ("chat", adapter)):
        done = cli(*words)
        error, hint = done.err.strip().splitlines()[-2:]
        assert done.rc != 0
        assert "adapter_model.bin" in error
        assert "safetensors" in error + hint
    assert not mark.exists()


def test_an_adapter_that_names_modules_to_import_is_refused(adapter: Path) -> None:
    check_adapter(adapter)
    edit(adapter / "adapter_config.json", auto_mapping={"parent_library": "own", "base_model_class": "M"})
    with pytest.raises(DataError, match="names modules to import"):
        check_adapter(adapter)


TRL = (
    "push_to_hub", "hub_model_id", "hub_token", "trackio_space_id", "log_completions_hub_repo", "model_init_kwargs",
    "trust_remote_code", "vllm_server_base_url", "vllm_server_host", "resume_from_checkpoint", "chat_template_path", "logging_dir",
)  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "words"),
    [({"trl": {name: "x"}}, "reaches beyond the training") for name in TRL]
    + [
        ({"method": "lora", "peft": {"auto_mapping": {}}}, "names modules"),
        ({"evaluation": {"backend": "vllm", "python": "/tmp/evil"}}, "would let a recipe run any program"),
        ({"evaluation": {"backend": "vllm", "devices": "0;reboot"}}, "devices"),
        ({"model": {"config": {"auto_map": {}}}}, "auto_map"),
    ],
    ids=str,
)
def test_no_recipe_names_a_program_a_module_a_server_or_a_place_to_send_to(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        load_config(parse_spec({"model": "x", **spec}))


VLLM = ("worker_cls", "worker_extension_cls", "logits_processors", "hf_overrides", "load_format", "scheduler_cls", "distributed_executor_backend")  # fmt: skip


@pytest.mark.parametrize("name", VLLM)
def test_no_recipe_gives_vllm_a_class_or_a_pickle_to_load(name: str) -> None:
    with pytest.raises(RecipeError, match="is not passed on"):
        build("backend", {"vllm": {"model": "x", "options": {name: "evil.module"}}})


def test_no_recipe_names_a_cluster(cli: Callable[..., Any], tmp_path: Path) -> None:
    sums(2).write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "r.yaml").write_text(
        "name: r\ninput: rows.parquet\nengine: {ray: {address: evil.com:6379}}\nstages: [dedup]\n"
    )
    done = cli("run", "r.yaml")
    error, hint = done.err.strip().splitlines()
    assert done.rc == 2
    assert "names no cluster" in error
    assert "RAY_ADDRESS" in hint


SIZES = {
    "layers without end": {"num_hidden_layers": 10**9},
    "fewer layers than none": {"num_hidden_layers": -1},
    "layers of a part without end": {"text_config": {"num_hidden_layers": 1e12}},
    "no heads": {"num_attention_heads": 0},
    "a negative width": {"hidden_size": -16},
    "a width that its weights lack": {"hidden_size": 10**9},
    "a kind that is a list": {"model_type": ["llama"]},
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_that_no_model_has_are_refused_in_two_lines_and_not_made(name: str, model: Path) -> None:
    edit(model / "config.json", **SIZES[name])
    with pytest.raises(
        MathdataError, match=r"model.* (cannot be loaded|cannot load|its config\.json says)|cannot load the"
    ):
        build("backend", {"transformers": {"model": str(model), "device": "cpu"}})


@pytest.mark.parametrize(
    "rank", [{"r": 10**9}, {"r": 0}, {"r": "x"}, {"rank_pattern": {"q": 10**9}}, {"rank_pattern": 5}]
)
def test_an_adapter_of_a_rank_that_is_none_is_refused(rank: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4} | rank))
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(DataError, match="a rank that is none"):
        check_adapter(tmp_path)
