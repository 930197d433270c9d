"""Precision and threads of a run: by the machine's flags and the model's size, never by a timing; with the reasons."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mathdata.errors import RecipeError
from mathdata.trainspec import TrainSpec
from trainers.launch import world

__all__ = ["LARGE", "Arithmetic", "Machine", "arithmetic", "decide", "precision_of", "tune_threads"]

LARGE = 50_000_000
"""Parameters from which bf16 and several threads pay on a CPU. Below, one thread in fp32 gives the same bytes everywhere."""

CORES = "MATHDATA_CORES"
"""Set for a job that runs beside others: the cores it may take."""


@dataclass(frozen=True)
class Machine:
    """What decides: a GPU and whether it has bf16; the CPU's bf16 instructions, its cores, how many processes share them."""

    gpu: bool
    gpu_bf16: bool
    cpu_bf16: bool
    cores: int
    processes: int
    omp: int | None
    """OMP_NUM_THREADS, as whoever started the process set it."""


@dataclass(frozen=True)
class Arithmetic:
    precision: str
    threads: int
    why: str

    def record(self) -> dict[str, Any]:
        """For train.json."""
        return {"precision": self.precision, "threads": self.threads, "arithmetic": self.why}


def decide(spec: TrainSpec, machine: Machine, parameters: int) -> Arithmetic:
    """Precision and threads for this recipe on this machine. Raises RecipeError for fp16 without a GPU."""
    precision, because = _precision(spec, machine, parameters)
    threads, reason = _threads(spec, machine, parameters)
    return Arithmetic(precision, threads, f"{precision}: {because}; {threads} thread{'s' * (threads > 1)}: {reason}")


def _precision(spec: TrainSpec, machine: Machine, parameters: int) -> tuple[str, str]:
    if spec.precision == "fp16" and not machine.gpu:
        raise RecipeError(
            "train.precision: fp16 needs a GPU: here it would train in fp32 and not say so", "bf16 or fp32"
        )
    if spec.precision != "auto":
        return spec.precision, "the recipe says so"
    if machine.gpu:
        return ("bf16", "the GPU has it") if machine.gpu_bf16 else ("fp32", "the GPU has no bf16")
    if parameters < LARGE:
        return "fp32", f"{_millions(parameters)} million parameters, below {_millions(LARGE)}, on a CPU"
    if not machine.cpu_bf16:
        return "fp32", "the CPU names neither AVX512_BF16 nor AMX_BF16"
    if spec.parallel.nodes > 1:
        return "fp32", "the CPUs of several machines may differ"
    return "bf16", f"the CPU has bf16 instructions, {_millions(parameters)} million parameters"


def _threads(spec: TrainSpec, machine: Machine, parameters: int) -> tuple[int, str]:
    if spec.threads:
        return spec.threads, "the recipe says so"
    if machine.omp:
        return machine.omp, "OMP_NUM_THREADS says so"
    if machine.processes > 1:
        return 1, f"{machine.processes} processes"
    if parameters < LARGE:
        return 1, f"{_millions(parameters)} million parameters, below {_millions(LARGE)}"
    return machine.cores, f"the cores there are, {_millions(parameters)} million parameters"


def _millions(parameters: int) -> str:
    return f"{parameters / 1e6:.2f}".rstrip("0").rstrip(".")


def arithmetic(spec: TrainSpec) -> Arithmetic:
    """What this recipe gets on this machine."""
    return decide(spec, this_machine(), parameters_of(spec))


def precision_of(spec: TrainSpec) -> str:
    """fp32, bf16 or fp16. Raises RecipeError for fp16 without a GPU."""
    return arithmetic(spec).precision


def tune_threads(spec: TrainSpec) -> None:
    """torch's threads for this process."""
    import torch

    torch.set_num_threads(arithmetic(spec).threads)


def this_machine() -> Machine:
    import torch

    gpu = torch.cuda.is_available()
    omp = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return Machine(
        gpu=gpu,
        gpu_bf16=gpu and torch.cuda.is_bf16_supported(),
        cpu_bf16=bool(cpu_flags() & {"avx512_bf16", "amx_bf16"}),
        cores=cores(),
        processes=world()[1],
        omp=int(omp) if omp.isdigit() and int(omp) else None,
    )


def cpu_flags() -> set[str]:
    """What the processor can do, by torch's own check; older versions of torch have none, then by the kernel's list."""
    import torch

    check = getattr(torch.cpu, "get_capabilities", None)
    if check is not None:
        return {name for name, has in check().items() if has}
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return set(next((x for x in lines if x.startswith("flags")), "").split())


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores this process may use: those it is bound to, within its container's share and its job's."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = int(os.environ.get(CORES) or bound)
    try:
        most, period = quota.read_text().split()
        share = min(share, math.ceil(int(most) / int(period)))
    except (OSError, ValueError):
        pass  # no container, or one without a limit
    return max(1, min(bound, share))


def parameters_of(spec: TrainSpec) -> int:
    """Parameters of the model without adapters, from its configuration alone."""
    vocabulary = spec.tokenizer.train.vocab_size if spec.tokenizer.train is not None else None
    return _parameters(spec.model.model_copy(update={"adapter": None}).model_dump_json(), vocabulary)


@lru_cache(maxsize=64)
def _parameters(model: str, vocabulary: int | None) -> int:
    import torch
    from transformers import AutoModelForCausalLM

    from mathdata.trainspec import ModelSpec
    from trainers.model import load_config

    source = ModelSpec.model_validate_json(model)
    config = load_config(TrainSpec(model=source))
    if vocabulary is not None:
        config.vocab_size = vocabulary
    with torch.device("meta"):
        made = AutoModelForCausalLM.from_config(config, trust_remote_code=source.trust_remote_code)
    return sum(p.numel() for p in made.parameters())
