from __future__ import annotations

import polars as pl
import pytest

import mathdata
from mathdata.registry import build
from mathdata.stages.augment import augment
from mathdata.types import Context

pytestmark = pytest.mark.slow


def test_a_ray_cluster_makes_the_rows_of_one_process():
    ray = pytest.importorskip("ray")
    table = mathdata.keep(mathdata.read("builtin:elementary")).head(400)
    engine = build("engine", {"ray": {"workers": 2}})
    try:
        for teacher in ("symbolic", {"scripted": {"faults": {"wrong": 0.3}}}):
            options = {
                "method": ["step_cot"] if teacher == "symbolic" else ["answer"],
                "teacher": teacher,
                "samples": 2,
            }
            here, there = Context(), Context()
            alone = augment(table, **options, ctx=here)
            spread = augment(table, **options, ctx=there, engine=engine)
            assert isinstance(alone, pl.DataFrame)
            assert alone.equals(spread)
            assert here.figures["by_method"] == there.figures["by_method"]
    finally:
        ray.shutdown()
