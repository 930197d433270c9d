"""Many processes: started from the recipe, and checked to be what the recipe asked for."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from typing import Any

import yaml

from mathdata.errors import MissingExtra, PreflightError
from mathdata.manifest import atomic_write, dump_json
from mathdata.trainspec import TrainSpec

__all__ = ["accelerate_config", "check_world", "deepspeed_config", "relaunch", "sharded", "wanted_processes"]

WRAPPERS = {"ddp": "DistributedDataParallel", "fsdp": "FullyShardedDataParallel", "deepspeed": "DeepSpeedEngine"}


def wanted_processes(spec: TrainSpec) -> int:
    return spec.parallel.processes * spec.parallel.nodes


def world() -> tuple[int, int]:
    """(this process, processes) as the launcher set them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def launched() -> bool:
    """True inside a process that a launcher started."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def sharded(spec: TrainSpec) -> bool:
    """True where no process holds the whole weights."""
    return spec.parallel.kind == "fsdp" or (spec.parallel.kind == "deepspeed" and spec.parallel.zero_stage == 3)


def accelerate_config(spec: TrainSpec, gpu: bool, deepspeed: str = "deepspeed.json") -> dict[str, Any]:
    """The file that `accelerate launch` reads, from the recipe's `parallel` section; DeepSpeed's own stands beside it."""
    parallel = spec.parallel
    kinds = {"ddp": "MULTI_GPU" if gpu else "MULTI_CPU", "fsdp": "FSDP", "deepspeed": "DEEPSPEED"}
    config: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": kinds[parallel.kind],
        "num_machines": parallel.nodes,
        "num_processes": wanted_processes(spec),
        "machine_rank": int(os.environ.get("NODE_RANK", "0")),
        "main_process_ip": os.environ.get("MASTER_ADDR", "127.0.0.1"),
        "main_process_port": int(os.environ.get("MASTER_PORT", "29500")),
        "mixed_precision": "no" if spec.precision == "fp32" or not gpu else spec.precision.replace("auto", "bf16"),
        "use_cpu": not gpu,
    }
    if parallel.kind == "fsdp":
        config["fsdp_config"] = fsdp_config(spec)
    if parallel.kind == "deepspeed":
        del config["mixed_precision"]  # DeepSpeed's file says it, and accelerate refuses both
        config["deepspeed_config"] = {"deepspeed_config_file": deepspeed, "zero3_init_flag": False}
    return config


def deepspeed_config(spec: TrainSpec) -> dict[str, Any]:
    """DeepSpeed's own file; `auto` is filled by the trainer from the same recipe."""
    parallel = spec.parallel
    zero: dict[str, Any] = {"stage": parallel.zero_stage, "contiguous_gradients": True, "overlap_comm": True}
    if parallel.offload != "none":
        zero["offload_optimizer"] = {"device": "cpu"}
    if parallel.zero_stage == 3:
        auto = ("reduce_bucket_size", "stage3_prefetch_bucket_size", "stage3_param_persistence_threshold")
        zero |= {"stage3_gather_16bit_weights_on_model_save": True} | dict.fromkeys(auto, "auto")
        if parallel.offload == "all":
            zero["offload_param"] = {"device": "cpu"}
    batch = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping")
    return {
        **dict.fromkeys(batch, "auto"),
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
    }


def fsdp_config(spec: TrainSpec) -> dict[str, Any]:
    return {
        "fsdp_version": 2,
        "fsdp_reshard_after_forward": True,
        "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "fsdp_state_dict_type": "FULL_STATE_DICT",
        "fsdp_offload_params": spec.parallel.offload != "none",
        "fsdp_cpu_ram_efficient_loading": True,
        "fsdp_activation_checkpointing": spec.gradient_checkpointing,
    }


def relaunch(spec: TrainSpec, job: Path, out: Path) -> int:
    """Run the job in as many processes as the recipe asks for; returns their exit code."""
    import torch

    gpu = torch.cuda.is_available()
    refuse_impossible(spec, gpu)
    out.mkdir(parents=True, exist_ok=True)
    path, deepspeed = out / "accelerate.yaml", out / "deepspeed.json"
    atomic_write(path, yaml.safe_dump(accelerate_config(spec, gpu, str(deepspeed)), sort_keys=False))
    env = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1") if gpu else "1"}
    if spec.parallel.kind == "deepspeed":
        dump_json(deepspeed, deepspeed_config(spec))
        env |= {} if gpu else deepspeed_on_cpu(deepspeed)
    child = subprocess.Popen(command(spec, job, path, gpu), stdin=subprocess.PIPE, env=env, preexec_fn=die_with_parent)
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            child.terminate()


def deepspeed_on_cpu(config: Path) -> dict[str, str]:
    """What `accelerate launch` would set for GPUs, for processes on gloo; accelerate itself has no such mode."""
    return {
        "ACCELERATE_USE_DEEPSPEED": "true",
        "ACCELERATE_DEEPSPEED_CONFIG_FILE": str(config),
        "ACCELERATE_TORCH_DEVICE": "cpu",
        "DS_ACCELERATOR": "cpu",
    }


def command(spec: TrainSpec, job: Path, config: Path, gpu: bool) -> Sequence[str]:
    """accelerate on GPUs; torchrun on CPUs, where `accelerate launch` would start one process and say nothing."""
    module = ["-m", "trainers.job", str(job)]
    if gpu:
        return [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config), *module]
    nodes = ["--standalone"] if spec.parallel.nodes == 1 else [f"--nnodes={spec.parallel.nodes}"]
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        *nodes,
        f"--nproc_per_node={spec.parallel.processes}",
        "--",
        *module,
    ]


def refuse_impossible(spec: TrainSpec, gpu: bool) -> None:
    """Settings that the libraries would drop in silence. Raises MissingExtra, PreflightError."""
    from importlib.util import find_spec

    import torch

    parallel = spec.parallel
    if parallel.kind == "deepspeed" and find_spec("deepspeed") is None:
        raise MissingExtra("parallel.kind: deepspeed needs deepspeed, which is not installed", extra="deepspeed")
    if parallel.kind == "deepspeed" and not gpu and not (which("g++") or which("c++")):
        raise PreflightError(
            "parallel.kind: deepspeed on a machine without a GPU compiles its communication: no C++ compiler is here",
            "install g++, or write parallel: {kind: ddp} here",
        )
    if parallel.kind == "fsdp" and not gpu:
        raise PreflightError(
            "parallel.kind: fsdp on a machine without a GPU: the library would run plain DDP and not say so",
            "write parallel: {kind: ddp} here",
        )
    if gpu and parallel.processes > torch.cuda.device_count():
        raise PreflightError(
            f"{parallel.processes} processes but {torch.cuda.device_count()} GPUs",
            "lower --nproc to the GPUs there are",
        )


def check_world(spec: TrainSpec, trainer: Any) -> dict[str, Any]:
    """What really runs: processes and wrapper. Raises PreflightError where it is not what was asked for."""
    asked, real = wanted_processes(spec), trainer.accelerator.num_processes
    if real != asked:
        raise PreflightError(
            f"{asked} processes were asked for, {real} run", "start it with: mathdata train RECIPE --nproc N"
        )
    wrapped = type(trainer.model_wrapped).__name__
    expected = WRAPPERS[spec.parallel.kind] if asked > 1 else None
    if expected and not _is(trainer, expected, wrapped):
        raise PreflightError(
            f"parallel.kind: {spec.parallel.kind} was asked for, but the model is a {wrapped}",
            "see docs/training.md, many processes",
        )
    return {"processes": real, "wrapper": wrapped if asked > 1 else "none", "backend": _backend()}


def _is(trainer: Any, expected: str, wrapped: str) -> bool:
    sharded = expected == "FullyShardedDataParallel" and wrapped.startswith("FSDP")  # FSDP 2 renames the class
    return wrapped == expected or sharded


def _backend() -> str:
    import torch.distributed as dist

    return str(dist.get_backend()) if dist.is_available() and dist.is_initialized() else "none"


def die_with_parent() -> None:
    """On Linux a child ends with the process that started it, however that one dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
