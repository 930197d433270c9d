"""Many processes: started from the recipe, and checked to be what the recipe asked for."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import yaml

from mathdata.children import environment, python
from mathdata.errors import MissingExtra, PreflightError
from mathdata.manifest import atomic_write, dump_json
from mathdata.trainspec import TrainSpec

__all__ = ["accelerate_config", "check_world", "deepspeed_config", "join", "relaunch", "sharded", "wanted_processes"]

MEETING = "MATHDATA_MEETING"
"""Where the processes of a run meet; set for them by `relaunch`."""
PATIENCE = 20.0
"""Seconds for a process to end by itself once another failed."""
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
    """Run the job in as many processes as the recipe asks for; returns the exit code of the first that failed, else 0.

    They are ours, not a launcher's: torchrun and `accelerate launch` listen on every interface, and read what anyone
    sends there as a pickle. `accelerate launch` without a GPU would also start one process and say nothing.
    """
    import torch

    gpu = torch.cuda.is_available()
    refuse_impossible(spec, gpu)
    out.mkdir(parents=True, exist_ok=True)
    with meeting(spec) as place:
        children: list[subprocess.Popen[bytes]] = []
        try:
            for local in range(spec.parallel.processes):
                env = environment(**settings_of(spec, out, gpu), **place, **rank_of(spec, local))
                words = python("trainers.job", str(job))
                # Each watches its standard input, which closes when this process ends, however it ends.
                children.append(subprocess.Popen(words, stdin=subprocess.PIPE, env=env, preexec_fn=die_with_parent))
            return first_failure(children)
        finally:
            stop(children)


def first_failure(children: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait until all have ended well, or one has not: the others would wait for it for ever."""
    while True:
        codes = [child.poll() for child in children]
        if failed := [code for code in codes if code]:
            return failed[0] if failed[0] > 0 else 1
        if None not in codes:
            return 0
        time.sleep(0.1)


def stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def rank_of(spec: TrainSpec, local: int) -> dict[str, str]:
    """Who a process is, in the words that torch, accelerate and DeepSpeed read."""
    here, node = spec.parallel.processes, int(os.environ.get("NODE_RANK", "0"))
    told = {"RANK": node * here + local, "LOCAL_RANK": local, "WORLD_SIZE": wanted_processes(spec), "GROUP_RANK": node}
    return {k: str(v) for k, v in (told | {"LOCAL_WORLD_SIZE": here}).items()}


def settings_of(spec: TrainSpec, out: Path, gpu: bool) -> dict[str, str]:
    """The recipe's `parallel` section as accelerate reads it from the environment; the files it is made from stay in `out`."""
    config, deepspeed = out / "accelerate.yaml", out / "deepspeed.json"
    atomic_write(config, yaml.safe_dump(accelerate_config(spec, gpu, str(deepspeed)), sort_keys=False))
    threads = os.environ.get("OMP_NUM_THREADS", "1") if gpu else "1"
    if spec.parallel.kind == "deepspeed":
        dump_json(deepspeed, deepspeed_config(spec))
    if not gpu:
        more = deepspeed_on_cpu(deepspeed) if spec.parallel.kind == "deepspeed" else {}
        return {"OMP_NUM_THREADS": threads} | more
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

    words = ["--config_file", str(config), "--main_process_port", "0", "-m", "trainers.job"]
    asked = _validate_launch_command(launch_command_parser().parse_args(words))[0]
    asked.deepspeed_fields_from_accelerate_config = "deepspeed_config_file,zero3_init_flag"
    made = prepare_deepspeed_cmd_env(asked)[1] if spec.parallel.kind == "deepspeed" else prepare_multi_gpu_env(asked)
    ours = ("ACCELERATE_", "FSDP_", "PARALLELISM_CONFIG_")
    return {"OMP_NUM_THREADS": threads} | {k: str(v) for k, v in made.items() if k.startswith(ours)}


@contextmanager
def meeting(spec: TrainSpec) -> Iterator[dict[str, str]]:
    """How the processes find each other, for their environment: on one machine by a file that only this user can open,
    over addresses that only this machine has; on several by the address that the recipe names. Raises PreflightError.
    """
    if spec.parallel.nodes > 1:
        host, port = address_of(spec)
        yield {"MASTER_ADDR": host, "MASTER_PORT": str(port), MEETING: f"tcp://{host}:{port}"}
        return
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    with tempfile.TemporaryDirectory(prefix="mathdata-meeting-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        # The port is for libraries that ask for one; nothing of ours listens there.
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
        told |= dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "TP_SOCKET_IFNAME"), loopback)
        yield told | {MEETING: f"file://{folder}/store"}


def address_of(spec: TrainSpec) -> tuple[str, int]:
    """Where the processes of several machines meet: `parallel.address`, else MASTER_ADDR and MASTER_PORT."""
    given = spec.parallel.address or f"{os.environ.get('MASTER_ADDR', '')}:{os.environ.get('MASTER_PORT', '29500')}"
    host, _, port = given.rpartition(":")
    if not host or not port.isdigit():
        raise PreflightError(
            f"parallel.nodes: {spec.parallel.nodes} machines have no address to meet at",
            "parallel: {address: HOST:PORT} of the first machine, and NODE_RANK=0, 1 ... on each, in a network of your own",
        )
    return host.strip("[]"), int(port)


def join() -> None:
    """Join the group that `relaunch` prepared, where it did: before any library makes one by an address of its own."""
    import torch
    import torch.distributed as dist

    place = os.environ.get(MEETING)
    if place is None or dist.is_initialized():
        return
    rank, size = world()
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    more: dict[str, Any] = {"init_method": place}
    if place.startswith("tcp://"):
        more = {"store": store_at(*address_from(place), rank, size)}
    kind = "gloo" if not gpu else "cpu:gloo,cuda:nccl" if os.environ.get("ACCELERATE_USE_FSDP") else "nccl"
    dist.init_process_group(kind, rank=rank, world_size=size, **more)


def address_from(place: str) -> tuple[str, int]:
    host, _, port = place.removeprefix("tcp://").rpartition(":")
    return host, int(port)


def store_at(host: str, port: int, rank: int, size: int) -> Any:
    """torch's store at one address; its own server would listen on every interface of the machine."""
    from torch.distributed import TCPStore

    if rank:
        return TCPStore(host, port, size, is_master=False)
    kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(kind, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    listening.listen()
    return TCPStore(host, port, size, is_master=True, master_listen_fd=listening.detach(), wait_for_workers=False)


def deepspeed_on_cpu(config: Path) -> dict[str, str]:
    """What `accelerate launch` would set for GPUs, for processes on gloo; accelerate itself has no such mode."""
    return {
        "ACCELERATE_USE_DEEPSPEED": "true",
        "ACCELERATE_DEEPSPEED_CONFIG_FILE": str(config),
        "ACCELERATE_TORCH_DEVICE": "cpu",
        "DS_ACCELERATOR": "cpu",
    }


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
