from __future__ import annotations

from pathlib import Path

import polars as pl

import mathdata
from mathdata.recipe import load_recipe
from mathdata.registry import find
from mathdata.steps import run_stage

RECIPE = Path(__file__).parents[2] / "recipes" / "metamathqa.yaml"


def test_the_metamath_mix_is_made_by_quota_and_its_ledger_balances(shared):
    recipe = load_recipe(RECIPE)
    table = pl.concat(
        [mathdata.read(shared / name / "train.jsonl").head(30) for name in ("gsm8k", "math")], how="diagonal_relaxed"
    )
    methods = []
    for call in recipe.stages:
        options = dict(call.options)
        if call.name == "augment":
            options |= {"teacher": {"scripted": {"faults": {"wrong": 0.2}}}, "samples": 3}
            methods += options["method"]
        if call.name == "sample":
            assert sum(options["quota"].values()) == 395_000
            options["quota"] = {k: n // 5000 for k, n in options["quota"].items()}
        if call.name == "decontaminate":
            continue
        table, ledger = run_stage(call.name, find("stage", call.name).make, table, options, where=call.where)
        assert ledger.rows_in + ledger.created == ledger.kept + sum(ledger.rejected.values())
        table = mathdata.keep(table)
    assert sorted(set(methods)) == ["answer", "fobar", "rephrase", "self_verification"]
    groups = dict(table.group_by(pl.concat_str("source", "method", separator=" / ")).len().iter_rows())
    assert groups["gsm8k / rephrase"] == 16
    assert groups["gsm8k / fobar"] == 8
    assert all(n <= {k: q // 5000 for k, q in recipe.stages[-1].options["quota"].items()}[g] for g, n in groups.items())
    assert set(table["generation"]) == {1}
