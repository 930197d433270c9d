"""The rules of the house that a machine can hold: what is imported when, which names are public, who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mathdata

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "trl", "peft", "vllm", "ray", "sympy", "datasets", "polars", "pandas", "pydantic")


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(m for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import mathdata",
        "import mathdata.cli.app",
        "from mathdata.cli.app import main\ntry:\n    main(['dedupe'])\nexcept SystemExit: pass",
    ],
)
def test_importing_the_command_line_loads_nothing_heavy(code: str) -> None:
    assert loaded_after(code) & set(HEAVY) == set()


def test_importing_the_public_stages_loads_no_torch() -> None:
    loaded = loaded_after("import mathdata\nfor name in mathdata.__all__: getattr(mathdata, name)")
    assert loaded & {"torch", "transformers", "trl", "ray", "vllm", "sympy", "datasets"} == set()


def test_every_public_name_is_real_and_none_is_a_module() -> None:
    for name in mathdata.__all__:
        assert getattr(mathdata, name) is not None
        assert not (ROOT / "mathdata" / f"{name}.py").exists(), f"module {name} would hide the function"


LAYERS = [
    {"errors", "children"},
    {"types", "schema", "numerals", "seeds", "text", "thoughts", "memory", "weights"},
    {"bounds", "screen", "rendering"},
    {"registry", "prompts"},
    {
        "bind",
        "chat_templates",
        "digests",
        "identity",
        "manifest",
        "recipe_text",
        "ndjson",
        "lines",
        "parquets",
        "arrays",
        "csvs",
        "formats",
        "layouts",
        "parents",
        "saving",
        "keys",
        "remote",
        "licences",
        "io",
        "exports",
        "worked",
        "near",
    },
    {"families", "symbolic"},
    {"verifiers"},
    {"augmentations", "samplers", "backends", "benchmarks", "engines", "loading"},
    {"asking", "plans", "responses", "figures", "grading", "leaderboard", "stages", "evaluation", "decisions"},
    {
        "findings",
        "trainspec",
        "recipe",
        "casework",
        "paired",
        "pairs",
        "comparison",
        "cards",
        "show",
        "report",
        "showpage",
        "outputs",
        "pushing",
        "receipts",
        "recipe_checks",
        "rounding",
    },
    {"steps", "training"},
    {"grid", "runmodel"},
    {"sweep_table", "outcomes", "wrapup", "pipeline", "sweep"},
    {"cli"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def top_level_imports(path: Path) -> set[str]:
    """mathdata modules imported when the file is imported (not inside functions, not for type checkers)."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        found |= {n.split(".")[1] for n in names if n.startswith("mathdata.")}
    return found


def test_imports_point_downwards() -> None:
    wrong = []
    for path in sorted((ROOT / "mathdata").rglob("*.py")):
        parts = path.relative_to(ROOT / "mathdata").with_suffix("").parts
        own = parts[0]
        if own in ("__init__", "__main__"):
            continue
        assert own in RANK, f"{path}: give '{own}' its place in LAYERS"
        wrong += [f"{path.name} -> {n}" for n in top_level_imports(path) if n in RANK and RANK[n] > RANK[own]]
    assert wrong == []


def test_component_families_do_not_import_each_other() -> None:
    kinds = {"augmentations", "samplers", "backends", "benchmarks", "engines"}
    wrong = []
    for path in sorted((ROOT / "mathdata").rglob("*.py")):
        own = path.relative_to(ROOT / "mathdata").parts[0]
        if own in kinds:
            wrong += [f"{path.name} -> {n}" for n in top_level_imports(path) & kinds - {own}]
    assert wrong == []


def test_every_file_says_in_its_first_line_what_it_is_for() -> None:
    files = [*ROOT.glob("mathdata/**/*.py"), *ROOT.glob("trainers/**/*.py"), *ROOT.glob("bench/*.py")]
    assert [str(p) for p in files if not p.read_text(encoding="utf-8").startswith(('"""', 'r"""'))] == []
