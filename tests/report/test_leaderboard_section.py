"""lm-eval's table in the report: a column an arm, the group above its subjects, both languages, hostile names neutral."""

from __future__ import annotations

from typing import Any

from report_helpers import a_run

from mathdata.report.leaderboard import leaderboard
from mathdata.report.markdown import markdown


def figures(value: float) -> dict[str, Any]:
    def part(v: float) -> dict[str, Any]:
        return {"n": 40, "metrics": {"exact_match,none": {"value": v, "stderr": 0.0123}}}

    tasks = {"minerva_math_algebra": part(value), "minerva_math_geometry": part(value / 2)}
    return {"lm_eval": {"version": 3.1, "group": {"minerva_math": part(0.75 * value)}, "tasks": tasks}}


def run_with_math() -> dict[str, Any]:
    run = a_run()
    for share, arm in enumerate(run["arms"].values(), start=1):
        arm["benchmarks"] = {"math": figures(0.2 * share)}
    return run


def test_every_arm_has_a_column_and_the_group_stands_above_its_subjects() -> None:
    page = leaderboard(run_with_math())
    assert page.index("minerva_math<") < page.index("minerva_math_algebra") < page.index("minerva_math_geometry")
    assert all(f">{arm}</th>" in page for arm in ("before", "raw", "curated"))
    assert "0.4500 ± 0.0123" in page
    assert "标准误差" in page
    lines = markdown(run_with_math()).splitlines()
    assert "| minerva_math | exact_match | 0.1500 ± 0.0123 | 0.3000 ± 0.0123 | 0.4500 ± 0.0123 |" in lines


def test_a_run_without_such_a_benchmark_has_no_such_section() -> None:
    assert leaderboard(a_run()) == ""
    assert "lm-eval" not in markdown(a_run())


def test_a_name_of_an_arm_is_text() -> None:
    run = run_with_math()
    run["arms"] = {"<script>x</script>": run["arms"]["raw"]}
    assert "<script>" not in leaderboard(run)
