"""The recipes of the published experiments hold the published numbers, field by field; each plans and trains."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mathdata.grid import points_of, read_points
from mathdata.prompts import get_prompt
from mathdata.recipe import Recipe, arm_train, load_recipe
from mathdata.training import evaluation_of
from trainers import train
from trainers.order import arrange
from trainers.plan import check_memory, plan
from trainers.settings import one_card, sft_config
from trainers.smoke import smoke_spec

RECIPES = Path(__file__).parents[2] / "recipes"
EXPERIMENTS = sorted(p.stem for p in RECIPES.glob("exp0*.yaml"))

QWEN_ON_GSM8K: dict[str, Any] = {
    "train.model.name": "Qwen/Qwen2.5-1.5B",
    "train.epochs": 3,
    "train.max_length": 1024,
    "train.evaluation.limit": None,
    "train.evaluation.backend": {"vllm": {"max_model_len": 4096}},
    "train.evaluation.devices": "1",
    "evaluate.benchmarks": ["gsm8k"],
    "evaluate.max_tokens": 1024,
}
"""What the studies of 004 have in common."""

FACTS: dict[str, dict[str, Any]] = {
    "exp000_size_amount": {
        "input.0.path": "data:gsm8k/train.jsonl",
        "input.1.path": "data:math/train.jsonl",
        "sweep.amount": [
            {"label": n, "stages.3.sample.quota": {"gsm8k": n // 2, "math": n // 2}}
            for n in (1000, 2000, 5000, 10000, 17000)
        ],
        **{f"sweep.size.{i}.label": size for i, size in enumerate(("1.5B", "7B"))},
        "evaluate.benchmarks": ["gsm8k", "math"],
        "train.epochs": 3,
        "train.accumulation": 16,
        "train.parallel.zero_stage": 2,
        "compare.before": "before",
    },
    "exp000_augment": {
        "train.model.run": "exp000_size_amount",
        "train.model.best": "gsm8k",
        "train.model.where": {"size": "7B"},
        "train.model.like": "Qwen/Qwen2.5-7B",
        "stages.3.options.method": ["rephrase", "new_question"],
        "evaluate.benchmarks": ["gsm8k", "math"],
    },
    "exp001_contest": {
        "train.model.name": "meta-llama/Meta-Llama-3-8B",
        "stages.3.options.quota": {
            "equation": 9525, "add": 9525, "subtract": 9525, "multiply": 0, "divide": 9525, "discount": 374,
            "mean": 300, "sales": 300, "rectangle_area": 374, "power.n.0": 10, "power.n.1": 10, "power.n.2": 10,
            "square_root": 424, "mass": 90, "simplify_fraction": 36, "function_value": 0,
        },
        "stages.4.options.method": [{"step_cot": {"round": {"equation": 1, "divide": 1, "discount": 1, "square_root": 1}}}],
        "train.prompt": "alpaca",
        "train.seed": 42,
        "train.epochs": 1,
        "train.batch": 4,
        "train.max_length": 512,
        "train.lora.rank": 16,
        "train.lora.alpha": 32,
        "train.lora.targets": r".*\.self_attn\.(q|k|v|o)_proj",
        "arms.first.train.max_length": 256,
        "arms.first.train.lora": {"rank": 8, "alpha": 16, "targets": r".*\.self_attn\.(q|v)_proj"},
        "evaluate.benchmarks": [{"contest200": {"tolerance": 0.05, "max_tokens": 256}}, "squad"],
    },
    "exp001_templates": {
        "train.model.name": "meta-llama/Meta-Llama-3-8B",
        "stages.4.options.method": [{"step_cot": {"round": {"equation": 1, "divide": 1, "discount": 1, "square_root": 1}}}],
        "stages.4.options.teacher": "symbolic",
        "stages.5.options.teacher.openai.model": "Qwen/Qwen2.5-7B-Instruct",
        "stages.5.where": {"topic": ["mean", "sales"]},
        "stages.6.options.method": [{"template": {"wordings": 8, "spot": 0.1}}],
        "stages.6.options.teacher.openai.model": "Qwen/Qwen2.5-72B-Instruct",
        "stages.6.where": {"topic": ["equation", "add", "subtract", "divide"]},
        "train.prompt": "alpaca",
        "train.epochs": 1,
        "train.batch": 4,
        "train.max_length": 512,
        "train.lora.rank": 16,
        "train.lora.alpha": 32,
        "evaluate.benchmarks": [{"contest200": {"tolerance": 0.05, "max_tokens": 256}}, "squad"],
    },
    "exp002_gsm8k": {
        "train.model.name": "HuggingFaceTB/SmolLM2-135M",
        "input.0.otherwise": "hf://openai/gsm8k?subset=main&split=train",
        "train.prompt": "question_answer",
        "train.epochs": 3,
        "train.batch": 4,
        "train.accumulation": 2,
        "train.warmup": 0.06,
        "train.evaluation.times": 30,
        "train.evaluation.limit": None,
        "train.evaluation.best": "answer_accuracy",
        "train.evaluation.keep_best": True,
        "train.pad_to_multiple_of": 8,
        "train.loss": "all",
        "train.peft": {"init_lora_weights": "pissa"},
        "train.spectral.every": 100,
        "train.spectral.lam": 0.9,
        "train.report_to": (),
        "evaluate.benchmarks": ["gsm8k"],
    },
    "exp002_metamathqa": {
        "train.model.name": "HuggingFaceTB/SmolLM2-135M",
        "input.0.path": "hf://meta-math/MetaMathQA?split=train[:10000]",
        "input.0.column": {"problem": "query", "solution": "response"},
        "train.evaluation.data": {
            "custom": {
                "file": "hf://meta-math/MetaMathQA?split=train[10000:12000]", "problem": "query", "answer": "response",
            }
        },
        "train.prompt": "alpaca",
        "train.epochs": 1,
        "train.batch": 2,
        "train.accumulation": 1,
        "train.warmup": 0.05,
        "train.evaluation.times": 50,
        "train.evaluation.limit": None,
        "train.pad_to_multiple_of": 8,
        "train.loss": "all",
        "train.spectral.every": 100,
        "train.spectral.lam": 0.9,
    },
    "exp003_math": {
        "train.model.name": "meta-llama/Llama-3.1-8B-Instruct",
        "train.tokenizer.pad": "<|reserved_special_token_0|>",
        "train.loss": "response",
        "train.prompt": "llama3_header",
        "train.scheduler": "linear",
        "train.warmup": 0,
        "evaluate.prompt": "steps",
        "evaluate.limit": None,
        "arms.steps.train.prompt": "steps",
        "arms.plain.train": {},
        "train.lora.rank": 8,
        "train.lora.targets": ("q_proj", "v_proj"),
        "train.batch": 2,
        "train.accumulation": 16,
        "train.gradient_checkpointing": True,
        "train.learning_rate": 1e-5,
        "train.weight_decay": 0.001,
        "train.epochs": 20,
        "train.epsilon": 1e-4,
        "train.precision": "bf16",
        "train.checkpoints.every": "epoch",
        "train.checkpoints.keep": 3,
        "train.trl": {"dataloader_num_workers": 4, "ddp_find_unused_parameters": False},
        "train.parallel.device_map": {
            "model.embed_tokens": 0, "model.rotary_emb": 0, "model.layers.0-13": 0, "model.layers.14-31": 1,
            "model.norm": 1, "lm_head": 1,
        },
        "arms.rank_4.train.lora.rank": 4,
        "arms.dropout.train.lora.dropout": 0.1,
        "arms.weight_decay.train.weight_decay": 0.01,
        "arms.only_qkv.train.partial": ["qkv"],
        "arms.only_mlp.train.lora.targets": ["gate_proj", "up_proj", "down_proj"],
        "arms.vocabulary.train.tokenizer.add_tokens": ["## Step"],
        **{
            f"arms.{arm}.stages.3.options.{key}": value
            for arm in (
                "steps", "rank_4", "dropout", "weight_decay", "mixed", "combined", "vocabulary", "only_qkv", "only_mlp",
            )
            for key, value in (("method", ["steps"]), ("originals", "keep" if arm in ("mixed", "combined") else "replace"))
        },
        "arms.last_layer.train.partial": ["last_layer", "norm"],
        "arms.last_layer.train.lora.targets": ["lm_head"],
        "evaluate.benchmarks": ["math"],
        "evaluate.max_tokens": 1024,
        "evaluate.batch_size": 128,
        "evaluate.temperature": 0.0,
        "seed": 42,
    },
    "exp003_parallel": {
        "train.parallel.processes": 2,
        "train.parallel.gpu": "RTX3090",
        "train.batch": 2,
        "train.accumulation": 8,
        "train.scheduler": "linear",
        "train.warmup": 0,
        "evaluate.prompt": "steps",
        "evaluate.max_tokens": 1024,
        "arms.steps.stages.3.options.method": ["steps"],
    },
    "exp004_sizes": {
        "train.model.name": "Qwen/Qwen2.5-1.5B",
        "train.batch": 12,
        "train.accumulation": 1,
        "train.learning_rate": 1e-5,
        "train.epochs": 3,
        "train.max_length": 1024,
        "train.parallel.processes": 1,
        "train.parallel.gpu": "L40S",
        "train.evaluation.limit": None,
        "train.evaluation.max_tokens": 1024,
        "train.evaluation.backend": {"vllm": {"max_model_len": 4096}},
        "train.evaluation.devices": "1",
        "evaluate.benchmarks": ["gsm8k"],
        "evaluate.max_tokens": 1024,
        **{f"arms.rows_{n}.stages.3.options": {"strategy": "nested", "sizes": [str(n)]} for n in (128, 256, 512, 1024)},
        "arms.full.stages": None,
    },
    "exp004_learning_rate": {"sweep": {"train.learning_rate": [1e-5, 2e-5, 3e-5]}, **QWEN_ON_GSM8K},
    "exp004_batch": {
        "sweep": {
            "rows_per_step": [
                {"label": 8, "train.batch": 8, "train.accumulation": 1},
                {"label": 12, "train.batch": 12, "train.accumulation": 1},
                {"label": 64, "train.batch": 8, "train.accumulation": 8},
            ]
        },
        **QWEN_ON_GSM8K,
    },
    "exp004_tokens": {
        "sweep": {"evaluate.max_tokens,train.evaluation.max_tokens": [512, 1024]},
        "stages.3.options": {"strategy": "nested", "sizes": ["128"]},
        **QWEN_ON_GSM8K,
    },
    "exp004_lora": {
        "arms.lora_8.train.lora.rank": 8,
        "arms.lora_64.train.lora.rank": 64,
        "arms.full.train": {},
        **QWEN_ON_GSM8K,
    },
    "exp004_dirty": {"sweep": {"train.spoil": [0.0, 0.05, 0.1, 0.2, 0.4]}, "train.model.name": "Qwen/Qwen2.5-1.5B"},
    "exp004_grpo": {
        "train.algorithm": "grpo",
        "train.model.run": "exp004_sizes",
        "train.model.arm": "rows_128",
        "evaluate.benchmarks": ["gsm8k"],
    },
    "exp004_expert_iteration": {
        "train.algorithm": "expert_iteration",
        "train.model.run": "exp004_sizes",
        "train.model.arm": "rows_128",
        "evaluate.benchmarks": ["gsm8k"],
    },
}  # fmt: skip
"""The published page's numbers, as a copy that stands with the test."""

TRAINED = {
    ("exp001_contest", "final"): (13_631_488, 8_043_892_736),
    ("exp001_templates", "templates"): (13_631_488, 8_043_892_736),
    ("exp001_contest", "first"): (3_407_872, 8_033_669_120),
    ("exp003_math", "plain"): (3_407_872, 8_033_669_120),
    ("exp003_math", "last_layer"): (220_233_728, 8_032_378_880),
    ("exp003_math", "only_qkv"): (32 * 4096 * (4096 + 2 * 1024), 8_030_261_248),
    ("exp003_math", "only_mlp"): (32 * 3 * 8 * (4096 + 14336), 8_044_417_024),
    ("exp003_math", "rank_4"): (1_703_936, 8_031_965_184),
    ("exp003_parallel", "steps"): (3_407_872, 8_033_669_120),
    ("exp004_sizes", "rows_128"): (1_543_714_304, 1_543_714_304),
}


def value(recipe: Recipe, path: str) -> Any:
    at: Any = recipe
    for part in path.split("."):
        if isinstance(at, (list, tuple)):
            at = at[int(part)]
        else:
            at = at[part] if isinstance(at, dict) else getattr(at, part)
    return at


ARMS = {
    "exp000_size_amount": {"before", "trained"},
    "exp000_augment": {"before", "augmented"},
    "exp001_contest": {"before", "first", "final"},
    "exp001_templates": {"before", "templates"},
    "exp002_gsm8k": {"before", "plain", "spectral"},
    "exp002_metamathqa": {"before", "plain", "spectral"},
    "exp003_math": {
        "before", "plain", "steps", "rank_4", "dropout", "weight_decay", "mixed", "combined", "vocabulary", "only_qkv",
        "only_mlp", "last_layer",
    },
    "exp003_parallel": {"before", "plain", "steps"},
    "exp004_sizes": {"before", "rows_128", "rows_256", "rows_512", "rows_1024", "full"},
    "exp004_learning_rate": {"before", "trained"},
    "exp004_batch": {"before", "trained"},
    "exp004_tokens": {"before", "rows_128"},
    "exp004_lora": {"before", "full", "lora_8", "lora_64"},
    "exp004_dirty": {"before", "dirty"},
    "exp004_grpo": {"before", "grpo"},
    "exp004_expert_iteration": {"before", "iterated"},
}  # fmt: skip

KNOBS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(({"epochs": n}, {"max_steps": n * 100}) for n in (1, 2, 3)),
    *(({"accumulation": n}, {"gradient_accumulation_steps": n}) for n in (16, 32, 64, 128)),
    ({"accumulation": "null", "global_batch": 64}, {"gradient_accumulation_steps": 16}),
    ({"learning_rate": 2e-5}, {"learning_rate": 2e-5}),
    ({"learning_rate": 1e-6}, {"learning_rate": 1e-6}),
    ({"scheduler": "cosine_with_min_lr"}, {"lr_scheduler_kwargs": {"min_lr_rate": 0.1}}),
    ({"warmup": 20}, {"warmup_steps": 20}),
    ({"warmup": 0.1}, {"warmup_steps": 30}),
    ({"weight_decay": 0.1}, {"weight_decay": 0.1}),
    ({"gradient_checkpointing": "false"}, {"gradient_checkpointing": False}),
    ({"seed": 7}, {"seed": 7}),
]
"""Overrides of exp000's `train` section, 19,200 rows of 100 tokens: what TRL is told."""


def test_every_experiment_has_its_facts_and_its_arms() -> None:
    assert set(FACTS) == set(ARMS) == set(EXPERIMENTS)
    assert {name: set(load_recipe(RECIPES / f"{name}.yaml").arms) for name in ARMS} == ARMS


@pytest.mark.parametrize(("overrides", "told"), KNOBS)
def test_the_knobs_of_the_size_experiment_reach_the_trainer(
    overrides: dict[str, Any], told: dict[str, Any], tmp_path: Path
) -> None:
    recipe = load_recipe(
        RECIPES / "exp000_size_amount.yaml",
        ["train.precision=fp32", *(f"train.{k}={v}" for k, v in overrides.items())],
    )
    spec = arm_train(recipe, "trained")
    order = arrange([100] * 6400, spec)
    config = sft_config(spec, order, tmp_path, spec.seed or 0)
    assert {k: getattr(config, k) for k in told} == told


def test_the_memory_knobs_of_the_size_experiment_change_the_plan() -> None:
    def gib(*overrides: str) -> float:
        recipe = load_recipe(RECIPES / "exp000_size_amount.yaml", [f"train.{x}" for x in overrides])
        return float(plan(arm_train(recipe, "trained"), rows=1000)["memory"]["total"])

    usual = gib()
    stages = [gib(f"parallel.zero_stage={n}") for n in range(4)]
    assert stages == sorted(stages, reverse=True)
    assert len(set(stages)) == 4
    assert gib("parallel.offload=optimizer") < usual
    assert gib("batch=8") > usual > gib("max_length=256")
    assert gib("gradient_checkpointing=false") > usual
    spec = arm_train(load_recipe(RECIPES / "exp000_size_amount.yaml", ["train.dropout=0.1"]), "trained")
    assert spec.dropout == 0.1


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("exp004_sizes", [12]),
        ("exp004_dirty", [12]),
        ("exp004_learning_rate", [12]),
        ("exp004_batch", [8, 12, 64]),
        ("exp004_tokens", [12]),
        ("exp004_lora", [12]),
        ("exp000_size_amount", [128]),
    ],
)
def test_a_step_has_the_published_number_of_rows(name: str, rows: list[int], tmp_path: Path) -> None:
    path = RECIPES / f"{name}.yaml"
    points = points_of(load_recipe(path).sweep or {"seed": [42]}, tmp_path)
    found = set()
    for point in points:
        recipe = load_recipe(path, point.overrides)
        for arm in (n for n, a in recipe.arms.items() if a.train is not False):
            spec = arm_train(recipe, arm)
            found.add(spec.rows_per_step(spec.parallel.processes)[0])
    assert sorted(found) == rows


@pytest.mark.parametrize("name", [n for n in EXPERIMENTS if "\nsweep:" in (RECIPES / f"{n}.yaml").read_text()])
def test_every_point_of_a_recipes_own_sweep_is_read_and_fits_its_card(name: str, tmp_path: Path) -> None:
    path = RECIPES / f"{name}.yaml"
    points = points_of(load_recipe(path).sweep or {}, tmp_path)
    read = read_points(path, points)
    assert len({r.digest for r in read.values()}) == len(points)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], ["point size = 7B, amount = 20: arm 'trained': the plan needs", "each L40S has "]),
        (["train.preflight.allow=[memory]", "input=missing.jsonl"], []),
    ],
)
def test_a_point_that_does_not_fit_its_card_is_refused_before_any_run(
    more: list[str], words: list[str], call: Callable[..., Any], tmp_path: Path
) -> None:
    grid = ["size={label: 7B, train.model: Qwen/Qwen2.5-7B}", "amount={label: 20, stages.3.sample.quota: {gsm8k: 20}}"]
    done = call("sweep", RECIPES / "exp000_size_amount.yaml", *more, "-g", grid[0], "-g", grid[1], "-o", "s")
    assert done.rc == 1  # allowed by name, it starts, and fails at its missing file
    assert ("failed: " in done.err) == (not words)
    assert [w for w in words if w not in done.err] == []
    assert (tmp_path / "s").exists() == (not words)


def test_a_process_trains_on_one_card_where_it_sees_two(tmp_path: Path) -> None:
    spec = arm_train(load_recipe(RECIPES / "exp004_sizes.yaml", ["train.precision=fp32"]), "full")
    config = sft_config(spec, arrange([100] * 120, spec), tmp_path, 0)
    config._n_gpu = 2  # what transformers finds on the report's machine
    assert config.train_batch_size == 2
    assert one_card(config).train_batch_size == 1


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_recipe_holds_the_published_numbers(name: str) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    found = {path: value(recipe, path) for path in FACTS[name]}
    assert found == FACTS[name]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_recipe_opens_with_its_launch_line_and_its_hardware(name: str) -> None:
    text = (RECIPES / f"{name}.yaml").read_text()
    assert text.startswith(("# mathdata run recipes/", "# mathdata sweep recipes/"))
    head = text.split("\nname:")[0]
    assert "GPU" in head or "L40S" in head or "RTX" in head or "cards" in head


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_arm_of_a_recipe_can_be_planned(name: str) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    for arm, settings in recipe.arms.items():
        if settings.train is False:
            continue
        made = plan(arm_train(recipe, arm), rows=1000)
        assert made["steps"] > 0
        assert made["memory"]["total"] > 0
        if (name, arm) in TRAINED:
            assert (made["trainable"], made["total"]) == TRAINED[name, arm]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_cards_that_a_recipe_names_can_hold_every_arm(name: str) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    for arm, settings in recipe.arms.items():
        if settings.train is not False:
            check_memory(arm_train(recipe, arm), arm)


def test_every_model_of_the_step_study_is_asked_the_same() -> None:
    """What is asked stands in `evaluate`, whatever an arm was trained with: else no arm can be laid beside `before`."""
    recipe = load_recipe(RECIPES / "exp003_math.yaml")
    assert recipe.evaluate is not None
    asked = [evaluation_of(recipe, arm, Path(arm)) or {} for arm in recipe.arms]
    assert [a["prompt"] for a in asked] == ["steps"] * len(recipe.arms)
    assert get_prompt("steps").chat


def test_the_published_prompts_are_word_for_word() -> None:
    assert get_prompt("alpaca").render("{p}") == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\n{p}\n\n### Response:"
    )
    assert get_prompt("question_answer").render("{p}") == (
        "Below is a math problem. Solve it step by step and provide the final answer.\n\n"
        "### Question:\n{p}\n\n### Answer:\n"
    )
    assert get_prompt("llama3_header").render("{p}") == (
        "<|start_header_id|>user<|end_header_id|>\n\n{p}\n<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    steps = get_prompt("steps").render("{p}")
    for line in (
        "Solve the following math problem efficiently and clearly:",
        "- For simple problems (2 steps or fewer):",
        "Provide a concise solution with minimal explanation.",
        "- For complex problems (3 steps or more):",
        "Use this step-by-step format:",
        "## Step 1: [Concise description]",
        "[Brief explanation and calculations]",
        "Regardless of the approach, always conclude with:",
        "Therefore, the final answer is: $\\boxed{answer}$. I hope it is correct.",
        "Where [answer] is just the final number or expression that solves the problem.",
        "Problem: {p}",
    ):
        assert line in steps.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_recipe_trains_for_a_few_steps_on_a_tiny_model(name: str, rows: Any, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    for arm in (n for n, a in recipe.arms.items() if a.train is not False):
        spec = smoke_spec(arm_train(recipe, arm))
        record = train(spec, rows(60), tmp_path / arm)
        assert record["steps"] == 3
        assert 0 < record["trainable"] <= record["total"]
        assert (record["trainable"] < record["total"]) == (spec.method != "full")


@pytest.mark.slow
def test_the_command_smokes_a_recipe_on_its_own_input(cli: Callable[..., Any], shared: Path) -> None:
    done = cli(
        "train", RECIPES / "exp002_gsm8k.yaml", "--smoke", "--json", "-o", "out",
        env={"MATHDATA_DATA": str(shared), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.rc == 0, done.err
    record = json.loads(done.out)
    assert record["steps"] == 3
    assert record["spectral"]["times"] == 0
    assert record["spec"]["peft"] == {"init_lora_weights": "pissa"}
