from __future__ import annotations

import re

import polars as pl

from mathdata.report.acceptance import acceptance
from mathdata.schema import conform
from mathdata.stages.augment import augment
from mathdata.types import Context


def test_the_report_shows_acceptance_by_cell_solve_rates_and_novelty():
    rows = [
        {"problem": f"What is {i} + {i + 4}?", "solution": f"{i} + {i + 4} = {2 * i + 4}", "answer": str(2 * i + 4),
         "level": f"<b>{i % 2}</b>", "source": "sums"} for i in range(20)
    ]  # fmt: skip
    ctx = Context()
    teacher = {"scripted": {"faults": {"wrong": 0.4}}}
    augment(conform(pl.DataFrame(rows)), method=["answer"], teacher=teacher, samples=4, ctx=ctx)
    page = acceptance([{"stage": "augment", "figures": ctx.figures}])
    for cell in ctx.figures["acceptance"]:
        assert f"<td>{cell['made']}</td><td>{cell['kept']}</td>" in page
    judged, kept = (ctx.figures["solve_rate"][k] for k in ("judged", "kept"))
    bars = [int(n) for n in re.findall(r"<title>judged: (\d+)</title>", page)]
    assert bars == [n for n in judged if n]
    assert [int(n) for n in re.findall(r"<title>kept: (\d+)</title>", page)] == [n for n in kept if n]
    assert "samples of a question that were right, %" in page
    assert "<b>0" not in page, "what rows say is neutralised"
    gain = ctx.figures["novelty"]["by_method"]["answer"]["gain"]
    assert f"answer {gain:.2f} (n = " in page
    assert sum(ctx.figures["solve_rate"]["judged"]) == 80


def test_a_stage_without_figures_adds_nothing():
    assert acceptance([{"stage": "dedup", "figures": {}}, {"stage": "x"}]) == ""
