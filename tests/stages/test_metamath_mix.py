from __future__ import annotations

from pathlib import Path

import polars as pl

import mathdata
from mathdata.recipe import load_recipe
from mathdata.registry import build, find
from mathdata.steps import run_stage
from mathdata.types import Problem

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


def test_no_quota_of_the_mix_needs_more_than_may_be_kept(shared):
    """Rows that can be asked about, times samples, against the quota: a group nobody could fill was there once."""
    recipe = load_recipe(RECIPE)
    quota = recipe.stages[-1].options["quota"]
    seeds: dict[str, list[Problem]] = {}
    for name in ("gsm8k", "math"):
        rows = mathdata.read(shared / name / "train.jsonl").iter_rows(named=True)
        seeds[name] = [Problem.from_row(row) for row in rows]
    needed = {}
    for call in recipe.stages:
        if call.name != "augment":
            continue
        (source,) = call.where["source"]
        for name in call.options["method"]:
            method = build("augmentation", name)
            able = sum("skip" not in method.requests(p, 0)[0].params for p in seeds[source])
            needed[f"{source} / {name}"] = quota[f"{source} / {name}"] / (able * call.options["samples"])
    assert needed.keys() == quota.keys()
    assert all(share < 0.6 for share in needed.values()), needed
