"""What a training run is: every knob by name, checked before any work starts; torch-free."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mathdata.errors import RecipeError, UsageError, nearest
from mathdata.findings import allowable

__all__ = ["DEFAULT_SEED", "LoraSpec", "ModelSpec", "PreflightSpec", "TokenizerSpec", "TrainSpec", "parse_spec"]

DEFAULT_SEED = 42

OWNED = {
    "output_dir": "out", "max_steps": "max_steps", "num_train_epochs": "epochs", "per_device_train_batch_size": "batch",
    "gradient_accumulation_steps": "accumulation", "learning_rate": "learning_rate", "seed": "seed",
    "lr_scheduler_type": "scheduler", "warmup_steps": "warmup", "warmup_ratio": "warmup", "max_length": "max_length",
    "weight_decay": "weight_decay", "bf16": "precision", "fp16": "precision", "packing": "batches",
    "dataset_kwargs": "prompt", "gradient_checkpointing": "gradient_checkpointing", "report_to": "report_to",
    "save_strategy": "checkpoints", "save_steps": "checkpoints", "deepspeed": "parallel", "fsdp": "parallel",
    "train_sampling_strategy": "batches", "optim": "optimizer", "completion_only_loss": "loss",
    "assistant_only_loss": "loss", "truncation_mode": "overlong", "data_seed": "data_seed",
}  # fmt: skip
"""Settings of TRL that have a name of ours: written twice they could contradict each other."""

OWNED_PEFT = {"r": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout", "target_modules": "targets"}


class Part(BaseModel):
    """A strict, frozen piece of a recipe: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ModelSpec(Part):
    """Where the weights come from: a folder or hub id (`name`), a `config` (from scratch), or another `run`."""

    name: str | None = None
    config: dict[str, Any] | None = None
    """Architecture of a model made from scratch; `model_type` defaults to qwen2."""
    adapter: str | None = None
    """An adapter to go on from."""
    continue_adapter: Literal["merge", "stack", "resume"] = "merge"
    """merge: into the base, then a new adapter; stack: frozen below a new one; resume: train it further."""
    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    trust_remote_code: bool = False
    run: str | None = None
    """A run or sweep that made the model: its name below runs/, or its folder; looked up when the work starts."""
    arm: str | None = None
    """Of that run: this arm's model."""
    best: str | None = None
    """Of that run: the trained model with the highest accuracy on this benchmark, the first of equals."""
    where: dict[str, Any] | None = None
    """Of that sweep: only runs with these values, as its table names them."""
    like: str | None = None
    """The architecture that plans and smoke runs count with while that run is not there."""
    digest: str | None = None
    """Of the files that `run` led to, which stand under `name` or `adapter` then; written by mathdata."""

    @model_validator(mode="after")
    def _one_source(self) -> ModelSpec:
        found = self.run is not None and self.digest is not None
        if [self.name, self.config, None if found else self.run].count(None) != 2:
            raise ValueError(
                "a model is either a name (folder, hub id, bundled config), a config, or a run of another recipe"
            )
        for key in ("arm", "best", "where", "like", "digest"):
            if getattr(self, key) is not None and self.run is None:
                raise ValueError(f"'{key}' says which model of another run: it needs 'run'")
        return self

    @property
    def source(self) -> str:
        """The folder or hub id that weights are loaded from. Raises UsageError where another run has not made them yet."""
        if self.name is None:
            raise UsageError(
                f"train.model: the model of run '{self.run}' is not there yet",
                "make that run first; like: MODEL beside it says which architecture plans count with",
            )
        return self.name


def _as_model(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class TokenizerTraining(Part):
    """A byte-level BPE made from the corpus, digits kept apart."""

    vocab_size: Annotated[int, Field(ge=260)] = 512
    digits_apart: bool = True
    corpus: tuple[str, ...] = ()
    """Tables it is trained on; empty = the training rows. Name one for arms that must share a tokenizer."""


class TokenizerSpec(Part):
    """Which tokenizer, and what is added to it."""

    name: str | None = None
    train: TokenizerTraining | None = None
    pad: str | None = None
    """Padding token; default: the tokenizer's own, else a reserved one, else a new one; never eos by accident."""
    add_tokens: tuple[str, ...] = ()
    chat_template: str | None = None
    """A jinja file that replaces the tokenizer's chat template."""


class LoraSpec(Part):
    """Low-rank adapters; everything else of PEFT goes into `peft: {}`."""

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: float | None = None
    """Default: twice the rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: str | tuple[str, ...] = "all-linear"
    """Module names, one regular expression over full names, or all-linear."""


class SpectralSpec(Part):
    """Rebalance the LoRA factors every n steps, B·A unchanged where lam is 1."""

    every: Annotated[int, Field(ge=1)] = 100
    lam: Annotated[float, Field(ge=0, le=1)] = 1.0
    """1: exact; below, the singular values become lam x their own + (1 - lam) x their mean."""
    start: Annotated[float, Field(ge=0, le=1)] = 0.0
    stop: Annotated[float, Field(ge=0, le=1)] = 1.0


class EvalSpec(Part):
    """Evaluation while the training runs."""

    data: str | dict[str, Any] | None = None
    """A benchmark by name, file or {custom: {file: ...}}; default: the run's benchmark."""
    times: Annotated[int, Field(ge=1)] = 10
    limit: int | None = None
    """Size of a fixed, seeded subset; null = all rows."""
    max_tokens: int = 512
    best: Literal["answer_accuracy", "token_accuracy", "format_accuracy"] = "answer_accuracy"
    keep_best: bool = False
    """Save the best model, not the last."""
    patience: int | None = None
    """Stop after so many evaluations without a better one."""
    backend: str | dict[str, Any] | None = None
    """What serves each checkpoint, in a process of its own (vllm, say); default: the trainer's own process."""
    devices: Annotated[str, Field(pattern=r"^[A-Za-z0-9,:/-]*$")] | None = None
    """Cards of that process, as CUDA_VISIBLE_DEVICES takes them: \"1\"."""

    @model_validator(mode="before")
    @classmethod
    def _no_program(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("python") is not None:
            raise ValueError(
                "'python' would let a recipe run any program: export MATHDATA_EVALUATION_PYTHON=FILE names the interpreter"
            )
        return given

    @model_validator(mode="after")
    def _apart(self) -> EvalSpec:
        if self.devices is not None and self.backend is None:
            raise ValueError("'devices' is for the process of a backend: name a backend, or leave it out")
        return self


class CheckpointSpec(Part):
    """Where the run can be taken up again."""

    every: int | Literal["epoch"] | None = None
    """Steps between checkpoints; null = none."""
    keep: Annotated[int, Field(ge=1)] = 1


class ParallelSpec(Part):
    """How many processes, and what wraps the model."""

    kind: Literal["ddp", "fsdp", "deepspeed"] = "ddp"
    processes: Annotated[int, Field(ge=1)] = 1
    nodes: Annotated[int, Field(ge=1)] = 1
    address: Annotated[str | None, Field(exclude_if=lambda v: v is None)] = None
    """Where the processes of several machines meet: HOST:PORT of the first, in a network of your own."""
    zero_stage: Annotated[int, Field(ge=0, le=3)] = 2
    offload: Literal["none", "optimizer", "all"] = "none"
    sequence: Annotated[int, Field(ge=1)] = 1
    """Sequence parallel size."""
    device_map: str | dict[str, int] | None = None
    """Layers spread over GPUs."""
    gpu: str | None = None
    """The card the plan is measured against: RTX3090, L40S, A100, H100 ..., or its memory in GiB."""


class MixtureSpec(Part):
    """Shares of several sets in one run, told apart by a column."""

    by: str = "source"
    weights: dict[str, Annotated[float, Field(gt=0)]]


class PreflightSpec(Part):
    """Findings let pass by name (`mathdata.findings` lists them); the report prints them with their counts."""

    allow: tuple[Annotated[str, AfterValidator(allowable)], ...] = ()


class GrpoSpec(Part):
    """Reinforcement from the judge's verdict (TRL's GRPOTrainer)."""

    generations: Annotated[int, Field(ge=2)] = 8
    max_tokens: Annotated[int, Field(ge=1)] = 256
    temperature: float = 1.0
    beta: float = 0.0
    format_reward: float = 0.1
    """Weight of the format beside the weight 1 of a right answer."""
    vllm: Literal["none", "colocate", "server"] = "none"


class ExpertIterationSpec(Part):
    """Generate, judge, keep what is right and new, train; n rounds."""

    rounds: Annotated[int, Field(ge=1)] = 2
    samples: Annotated[int, Field(ge=1)] = 8
    temperature: float = 0.8
    max_tokens: Annotated[int, Field(ge=1)] = 256
    per_problem: Annotated[int, Field(ge=1)] = 4
    """Right answers kept of one problem, hard problems first."""
    keep_seed: bool = True
    """Train on the given solutions too, beside what was generated."""


Scheduler = Literal[
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt",
    "reduce_lr_on_plateau", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay", "greedy",
]  # fmt: skip


class TrainSpec(Part):
    """One training run. The defaults fine-tune a small instruct model; recipes show the rest."""

    algorithm: Literal["sft", "grpo", "expert_iteration"] = "sft"
    model: Annotated[ModelSpec, BeforeValidator(_as_model)]
    tokenizer: TokenizerSpec = TokenizerSpec()
    method: Literal["full", "lora", "partial"] = "full"
    lora: LoraSpec | None = None
    partial: tuple[str, ...] = ()
    """Parameters trained in full: regular expressions over names, or last_layer, norm, qkv, mlp, bias, embeddings."""
    quantize: Literal[4, 8] | None = None
    prompt: str = "plain"
    response: Literal["auto", "solution", "answer"] = "auto"
    final: Literal["keep", "hash", "boxed"] = "keep"
    """How a response ends: as the row has it, or with `#### answer` or a box where it does not yet."""
    loss: Literal["response", "all"] = "response"
    thoughts: Literal["keep", "drop"] = "keep"
    """Reasoning before the answer (column `reasoning`, or <think> in the solution): learnt, or left out."""
    max_length: Annotated[int, Field(ge=8)] = 1024
    overlong: Literal["error", "drop", "cut"] = "error"
    mixture: MixtureSpec | None = None
    spoil: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the rows given a wrong solution on purpose, to measure what dirt costs."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    tokens_per_step: Annotated[int, Field(ge=1)] | None = None
    epochs: Annotated[float, Field(gt=0)] | None = None
    max_steps: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=1)] = 8
    accumulation: Annotated[int, Field(ge=1)] | None = None
    global_batch: Annotated[int, Field(ge=1)] | None = None
    batches: Literal["random", "length", "packed"] = "length"
    pad_to_multiple_of: int | None = None
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    scheduler: Scheduler = "cosine"
    scheduler_args: dict[str, Any] = {}
    warmup: Annotated[float, Field(ge=0)] = 0.03
    """Below 1: share of the steps; from 1 on: steps."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: Annotated[float, Field(gt=0)] = 1e-8
    max_grad_norm: float = 1.0
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Attention dropout of the model itself; LoRA's own stands under lora."""
    optimizer: str = "adamw_torch"
    seed: int | None = None
    """Of weights and order; default: the recipe's."""
    data_seed: int | None = None
    """Of the order of rows; default: seed."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    gradient_checkpointing: bool = False
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2", "flash_attention_3"] = "auto"
    threads: Annotated[int, Field(ge=1)] | None = None
    parallel: ParallelSpec = ParallelSpec()
    evaluation: EvalSpec | None = None
    checkpoints: CheckpointSpec = CheckpointSpec()
    spectral: SpectralSpec | None = None
    grpo: GrpoSpec | None = None
    expert_iteration: ExpertIterationSpec | None = None
    report_to: tuple[Literal["wandb", "trackio", "tensorboard"], ...] = ()
    preflight: PreflightSpec = PreflightSpec()
    trl: dict[str, Any] = {}
    peft: dict[str, Any] = {}

    @model_validator(mode="after")
    def _consistent(self) -> TrainSpec:
        for check in (_method_fits, _budget_fits, _schedule_fits, _algorithm_fits, _parallel_fits, _passed_through):
            check(self)
        return self

    @property
    def lora_or_default(self) -> LoraSpec | None:
        """The adapters to be made; method lora without a section takes the defaults."""
        return self.lora or (LoraSpec() if self.method == "lora" else None)

    def rows_per_step(self, processes: int = 1) -> tuple[int, int]:
        """(rows of one optimiser step, accumulation), derived from batch, accumulation or global batch."""
        if self.global_batch is None:
            accumulation = self.accumulation or 1
            return self.batch * accumulation * processes, accumulation
        step = self.batch * processes
        if self.global_batch % step or self.accumulation not in (None, self.global_batch // step):
            raise RecipeError(
                f"train.global_batch = {self.global_batch}: batch {self.batch} x accumulation "
                f"{self.accumulation or '?'} x {processes} processes does not give it",
                f"global_batch must be a multiple of {step}; leave accumulation out and it is derived",
            )
        return self.global_batch, self.global_batch // step

    def warmup_steps(self, steps: int) -> int:
        return int(self.warmup) if self.warmup >= 1 else round(self.warmup * steps)


def _method_fits(spec: TrainSpec) -> None:
    if spec.method == "partial" and not spec.partial:
        raise ValueError("method partial needs 'partial', the modules to train in full")
    if spec.method == "full" and (spec.lora or spec.partial or spec.peft):
        raise ValueError("method full trains everything: leave 'lora', 'partial' and 'peft' out")
    if spec.method == "full" and spec.quantize:
        raise ValueError("quantised weights cannot be trained in full: use method lora")
    if spec.method == "lora" and spec.partial:
        raise ValueError("LoRA beside modules trained in full is method partial with a 'lora' section")
    if spec.quantize and spec.partial:
        raise ValueError("modules trained in full cannot be quantised: leave quantize or partial out")
    if spec.quantize and spec.model.config is not None:
        raise ValueError("quantize needs weights that stand on disk or on the hub: name a model")
    if spec.spectral and spec.lora_or_default is None:
        raise ValueError("spectral rebalances LoRA factors: it needs 'lora'")


def _budget_fits(spec: TrainSpec) -> None:
    if spec.tokens is not None and spec.epochs is not None:
        raise ValueError("'tokens' and 'epochs' both say how long to train: leave one out")
    if spec.tokens is not None and spec.tokens_per_step is None:
        raise ValueError("'tokens' needs 'tokens_per_step'")
    if spec.tokens_per_step is not None and spec.batches == "packed":
        raise ValueError("'tokens_per_step' arranges rows by length itself: leave batches: packed out")
    if spec.tokens_per_step is not None and spec.global_batch is not None:
        raise ValueError("'tokens_per_step' and 'global_batch' both say how large a step is: leave one out")


def _schedule_fits(spec: TrainSpec) -> None:
    if spec.scheduler in ("reduce_lr_on_plateau", "greedy"):
        raise ValueError(
            f"scheduler: {spec.scheduler} follows a loss on TRL's own evaluation set, which is not made here (evaluation "
            "asks a benchmark): choose another, as cosine or warmup_stable_decay"
        )


def _algorithm_fits(spec: TrainSpec) -> None:
    if spec.grpo and spec.algorithm != "grpo":
        raise ValueError("a 'grpo' section needs algorithm: grpo")
    if spec.expert_iteration and spec.algorithm != "expert_iteration":
        raise ValueError("an 'expert_iteration' section needs algorithm: expert_iteration")
    if spec.algorithm == "grpo":
        for key, off in (("tokens_per_step", None), ("batches", "packed"), ("spoil", 0.0), ("loss", "all")):
            value = getattr(spec, key)
            if (value == off) if key in ("batches", "loss") else (value != off):
                raise ValueError(f"'{key}: {value}' is for training on given solutions: GRPO trains on its own answers")


def _parallel_fits(spec: TrainSpec) -> None:
    if spec.parallel.device_map is not None and spec.parallel.processes * spec.parallel.nodes > 1:
        raise ValueError(
            "layers spread over cards (device_map) and several processes do not go together: each process would load "
            "all layers onto the same cards; kind: fsdp, or deepspeed with zero_stage: 3, spread them over the processes"
        )
    kind, split = spec.parallel.kind, spec.parallel.kind == "fsdp" or spec.parallel.zero_stage == 3
    if kind == "ddp":
        return
    if spec.spectral:
        raise ValueError(f"spectral changes whole factors and their moments, which kind: {kind} splits: use kind: ddp")
    if split and spec.evaluation:
        raise ValueError(
            "'evaluation' while training needs the whole weights in each process, which fsdp and zero_stage: 3 split: "
            "use kind: ddp or zero_stage: 2, or the recipe's 'evaluate' after the run"
        )
    if split and spec.algorithm != "sft":
        raise ValueError(f"algorithm: {spec.algorithm} answers while it trains: use kind: ddp or zero_stage: 2")
    if split and spec.quantize:
        raise ValueError("quantised weights are not split over processes: use kind: ddp or zero_stage: 2")


OUTSIDE = re.compile(
    r"hub_|push_to_hub|trackio_|trust_remote_code|model_init_kwargs|_path$|_dir$|fsdp|deepspeed|resume_from|vllm_server_"
)
"""Settings of TRL that send a model away, read other files, ask another machine or run other code."""
MODULES = ("auto_mapping", "base_model_name_or_path", "megatron_config", "megatron_core", "runtime_config")
"""Settings of PEFT that name modules of Python, or another model."""


def _passed_through(spec: TrainSpec) -> None:
    for key in [k for k in spec.trl if k not in OWNED and OUTSIDE.search(k)]:
        raise ValueError(f"trl.{key} reaches beyond the training (files, hubs, servers, code): a recipe cannot set it")
    for key in [k for k in spec.peft if k in MODULES]:
        raise ValueError(f"peft.{key} names modules or another model: a recipe cannot set it")
    for key in spec.trl:
        if key in OWNED:
            raise ValueError(f"trl.{key} is set by train.{OWNED[key]}: write it there")
    for key, ours in {
        "r": "rank",
        "lora_alpha": "alpha",
        "lora_dropout": "dropout",
        "target_modules": "targets",
    }.items():
        if key in spec.peft:
            raise ValueError(f"peft.{key} is set by train.lora.{ours}: write it there")


SpecLike: TypeAlias = "TrainSpec | Mapping[str, Any]"


def parse_spec(spec: SpecLike, where: str = "train") -> TrainSpec:
    """A checked TrainSpec from a mapping. Raises RecipeError naming key, value and the nearest valid key."""
    if isinstance(spec, TrainSpec):
        return spec
    try:
        return TrainSpec.model_validate(dict(spec))
    except ValidationError as error:
        raise _recipe_error(error, where) from None


def _recipe_error(error: ValidationError, where: str) -> RecipeError:
    first = error.errors()[0]
    path = [str(p) for p in first["loc"] if not str(p).startswith(("function-", "literal["))]
    place = ".".join([where, *path])
    if first["type"] == "extra_forbidden":
        return RecipeError(f"{place}: unknown key", nearest(path[-1], _keys_at(path[:-1])))
    if first["type"] == "missing":
        return RecipeError(f"{place} is required", "a model is a folder, a hub id or {config: {...}}")
    words = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "value_error":
        return RecipeError(f"{place}: {words}", "the keys are listed in docs/training.md")
    shown = repr(first["input"])[:80]
    hint = "write 1.0e-5: YAML reads 1e-5 as text" if isinstance(first["input"], str) and "e-" in shown else words
    return RecipeError(f"{place} = {shown}: {words[0].lower()}{words[1:]}", hint)


def _keys_at(path: list[str]) -> list[str]:
    model: Any = TrainSpec
    for name in path:
        field = model.model_fields.get(name) if hasattr(model, "model_fields") else None
        model = next((a for a in _arguments(field.annotation) if hasattr(a, "model_fields")), None) if field else None
    return list(model.model_fields) if model is not None else list(TrainSpec.model_fields)


def _arguments(annotation: Any) -> list[Any]:
    parts = getattr(annotation, "__args__", None)
    return [annotation] if parts is None else [a for p in parts for a in _arguments(p)]


def local_folder(name: str) -> Path | None:
    """The folder a model name means, or None where it is a hub id. Raises UsageError for a path that is not there."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UsageError(f"model '{name}': no such folder", "a model is a folder, a hub id or {config: {...}}")
    return None
