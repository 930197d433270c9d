"""Training jobs as real processes: two of them, killed ones, refused ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from mathdata.errors import PreflightError, RecipeError
from mathdata.trainspec import parse_spec
from tests.trainers.conftest import losses, start
from trainers import train
from trainers.launch import accelerate_config, deepspeed_config, refuse_impossible
from trainers.plan import plan


def wait_for(path: Path, child: subprocess.Popen[str], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def survivors(marker: str) -> list[str]:
    """Command lines of living processes that name this job."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, UnicodeDecodeError):
            continue
        if marker in words and "pytest" not in words:
            found.append(words)
    return found


def test_a_refused_run_says_so_in_one_event_and_ends_with_one(rows: Any, tiny: Any, job: Any) -> None:
    child = start(job(tiny(), rows(8, verdict=None)))
    out, err = child.communicate(timeout=120)
    event = json.loads(out.splitlines()[-1])
    assert child.returncode == 1
    assert (event["event"], event["kind"]) == ("error", "PreflightError")
    assert "8 of 8 rows are not verified" in event["message"]
    assert "hint:" in err


def test_a_job_takes_one_argument(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trainers.job"], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 2
    assert "one argument" in done.stderr


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(rows: Any, tiny: Any, job: Any, ran: Any, tmp_path: Path) -> None:
    asked = {"tokens_per_step": 400, "max_steps": 6}
    ran(job(tiny(**asked), rows(80), "one"))
    ran(job(tiny(**asked, parallel={"processes": 2}), rows(80), "two"))
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=2e-5)
    one, two = (json.loads((tmp_path / n / "train.json").read_text()) for n in ("one", "two"))
    assert one["parallel"] == {"processes": 1, "wrapper": "none", "backend": "none"}
    assert two["parallel"] == {"processes": 2, "wrapper": "DistributedDataParallel", "backend": "gloo"}
    assert one["tokens"] == two["tokens"]
    assert len((tmp_path / "two" / "metrics.jsonl").read_text().splitlines()) == 6


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on_to_the_same_weights(
    processes: int, rows: Any, tiny: Any, job: Any, ran: Any, tmp_path: Path
) -> None:
    lora = {"method": "lora", "lora": {"rank": 2, "targets": ["q_proj"], "dropout": 0.1}}
    spec = tiny(
        **lora, max_steps=40, checkpoints={"every": 5}, parallel={"processes": processes}, spectral={"every": 7}
    )
    ran(job(spec, rows(80), "calm"))
    killed = job(spec, rows(80), "killed")
    for checkpoint in ("checkpoint-10", "checkpoint-25")[: 3 - processes]:
        child = start(killed, start_new_session=True)
        wait_for(tmp_path / "killed" / "checkpoints" / checkpoint / "trainer_state.json", child)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        end = time.monotonic() + 30
        while survivors(str(killed)) and time.monotonic() < end:
            time.sleep(0.1)
        assert survivors(str(killed)) == []
    ran(killed)
    assert losses(tmp_path / "killed") == losses(tmp_path / "calm")
    weights = [(tmp_path / n / "adapter_model.safetensors").read_bytes() for n in ("calm", "killed")]
    assert weights[0] == weights[1]


def test_checkpoints_of_another_recipe_are_not_taken_up(rows: Any, tiny: Any, tmp_path: Path) -> None:
    train(tiny(max_steps=4, checkpoints={"every": 2}), rows(40), tmp_path / "run")
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-4").is_dir()
    train(tiny(max_steps=4, checkpoints={"every": 2}, learning_rate=1e-3), rows(40), tmp_path / "run")
    train(tiny(max_steps=4, learning_rate=1e-3), rows(40), tmp_path / "fresh")
    assert losses(tmp_path / "run") == losses(tmp_path / "fresh")


@pytest.mark.slow
def test_a_wrapper_that_would_be_dropped_in_silence_is_refused(rows: Any, tiny: Any, job: Any) -> None:
    for parallel, words in (({"processes": 2, "kind": "fsdp"}, "on a machine without a GPU"),):
        child = start(job(tiny(parallel=parallel), rows(20)))
        out, _ = child.communicate(timeout=120)
        event = json.loads(out.splitlines()[-1])
        assert child.returncode != 0
        assert words in event["message"]


def test_layers_spread_over_cards_do_not_go_with_several_processes() -> None:
    for many in ({"processes": 2}, {"nodes": 2}):
        with pytest.raises(RecipeError, match="do not go together") as caught:
            parse_spec({"model": "x", "parallel": {"device_map": "auto", **many}})
        assert "fsdp" in caught.value.message


@pytest.mark.slow
def test_a_plain_launcher_that_starts_one_process_is_refused(rows: Any, tiny: Any, job: Any) -> None:
    path = job(tiny(parallel={"processes": 2}), rows(20))
    alone = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29577"}
    env = {**os.environ, **alone, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "trainers.job", str(path)],
        capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=120, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 1
    assert "2 processes were asked for, 1 run" in done.stdout


@pytest.mark.parametrize(
    ("parallel", "expected"),
    [
        ({"processes": 4}, {"distributed_type": "MULTI_GPU", "num_processes": 4}),
        (
            {"processes": 2, "nodes": 2, "kind": "fsdp"},
            {"distributed_type": "FSDP", "num_machines": 2, "num_processes": 4},
        ),
        ({"processes": 2, "kind": "deepspeed", "zero_stage": 3, "offload": "all"}, {"distributed_type": "DEEPSPEED"}),
    ],
)
def test_the_launchers_file_is_written_from_the_recipe_and_read_by_accelerate(
    parallel: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    spec = parse_spec({"model": "x", "parallel": parallel, "batch": 2, "global_batch": 16})
    made = accelerate_config(spec, gpu=True)
    assert expected.items() <= made.items()
    (tmp_path / "accelerate.yaml").write_text(yaml.safe_dump(made))
    read = load_config_from_file(str(tmp_path / "accelerate.yaml"))
    assert read.distributed_type == made["distributed_type"]
    assert read.num_processes == made["num_processes"]
    if parallel.get("kind") == "deepspeed":
        assert made["deepspeed_config"]["deepspeed_config_file"] == "deepspeed.json"
        assert "mixed_precision" not in made  # accelerate refuses what stands in DeepSpeed's file too


def test_deepspeeds_own_file_follows_the_recipe() -> None:
    def zero(**parallel: Any) -> dict[str, Any]:
        made = deepspeed_config(
            parse_spec({"model": "x", "parallel": {"kind": "deepspeed", "processes": 2} | parallel})
        )
        assert made["gradient_clipping"] == made["train_batch_size"] == "auto"
        return made["zero_optimization"]  # type: ignore[no-any-return]

    assert zero()["stage"] == 2
    assert "offload_optimizer" not in zero()
    assert zero(offload="all")["offload_optimizer"] == {"device": "cpu"}
    assert "offload_param" not in zero(offload="all")  # weights are whole below stage 3
    assert zero(zero_stage=3, offload="all")["offload_param"] == {"device": "cpu"}
    assert zero(zero_stage=3)["stage3_gather_16bit_weights_on_model_save"] is True


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"evaluation": {}}, "needs the whole weights"),
        ({"algorithm": "grpo"}, "answers while it trains"),
        ({"algorithm": "expert_iteration"}, "answers while it trains"),
        ({"method": "lora", "spectral": {}}, "spectral changes whole factors"),
        ({"method": "lora", "quantize": 4}, "quantised weights are not split"),
    ],
)
def test_what_split_weights_cannot_do_is_refused_when_the_recipe_is_read(settings: dict[str, Any], words: str) -> None:
    for parallel in ({"kind": "fsdp"}, {"kind": "deepspeed", "zero_stage": 3}):
        with pytest.raises(RecipeError, match=words):
            parse_spec({"model": "x", "parallel": {"processes": 2, **parallel}, **settings})
    if "spectral" not in settings:
        parse_spec({"model": "x", "parallel": {"processes": 2, "kind": "deepspeed", "zero_stage": 2}, **settings})


def test_an_adapter_on_the_head_is_refused_where_the_head_is_split(tiny: Any) -> None:
    lora = {"method": "lora", "lora": {"rank": 2, "targets": ["lm_head"]}}
    split = {"processes": 2, "kind": "deepspeed", "zero_stage": 3}
    with pytest.raises(RecipeError, match="splits over the processes"):
        plan(tiny(**lora, parallel=split))
    assert plan(tiny(**lora, parallel=split | {"zero_stage": 2}))["trainable"] > 0


def test_without_a_compiler_deepspeed_on_cpus_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setenv("PATH", str(tmp_path))
    spec = parse_spec({"model": "x", "parallel": {"processes": 2, "kind": "deepspeed"}})
    with pytest.raises(PreflightError, match="no C\\+\\+ compiler"):
        refuse_impossible(spec, gpu=False)
    with pytest.raises(PreflightError, match="would run plain DDP"):
        refuse_impossible(parse_spec({"model": "x", "parallel": {"processes": 2, "kind": "fsdp"}}), gpu=False)
