"""Sweeps: the grid as written, real runs that are skipped when done, a table, a plot, the value of a method."""

from __future__ import annotations

import json
import sys
import xml.dom.minidom
from pathlib import Path

import polars as pl
import pytest
from evaluation_helpers import SUMS, Adder

from mathdata.cli.sweep import shown
from mathdata.errors import RecipeError, UsageError
from mathdata.evaluation import evaluate
from mathdata.report.panels import step_panels
from mathdata.report.scaling import scaling_plot
from mathdata.sweep import Point, Sweep, leave_one_out, method_values, over_steps, parse_grid, points_of, sweep

sys.path.insert(0, str(Path(__file__).parents[1] / "backends"))

from served import Server


@pytest.fixture
def recipe(tmp_path):
    rows = [
        {"problem": f"What is {i} + {i}?", "solution": f"{i} + {i} = {2 * i}", "answer": str(2 * i)} for i in range(40)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows + rows[:10]))
    path = tmp_path / "r.yaml"
    path.write_text(
        f"name: r\ninput: {tmp_path / 'rows.jsonl'}\nstages:\n  - dedup: {{level: exact}}\n  - sample: {{n: 10}}\n"
        "sweep: {stages.sample.n: [5, 10]}\n"
    )
    return path


def test_values_are_read_as_yaml_reads_them():
    assert parse_grid(["a.b=1,2.5,x", "m=[p,q],[p]"]) == {"a.b": [1, 2.5, "x"], "m": [["p", "q"], ["p"]]}


@pytest.mark.parametrize("bad", ["a.b", "=1", "a=", "a=[1"])
def test_a_grid_that_is_none_is_refused(bad):
    with pytest.raises(UsageError):
        parse_grid([bad])


def test_every_combination_has_its_own_folder(tmp_path):
    points = points_of({"a": [1, 2], "b": [["x"], ["x", "y"], []]}, tmp_path)
    assert len({p.folder for p in points}) == 6
    assert points[1].overrides == ["a=1", 'b=["x", "y"]', "sweep=null"]
    together = points_of({"a.n,b.n": [1, 2]}, tmp_path)
    assert [p.overrides[:2] for p in together] == [["a.n=1", "b.n=1"], ["a.n=2", "b.n=2"]]
    with pytest.raises(UsageError, match="nothing to vary"):
        points_of({}, tmp_path)


def test_a_sweep_runs_every_point_once_and_skips_it_the_next_time(tmp_path, recipe):
    made = sweep(recipe, out=tmp_path / "s", jobs=2)
    assert made.table.select("stages.sample.n", "rows").rows() == [(5, 5), (10, 10)]
    assert (made.skipped, made.failed) == (0, {})
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "s" / "runs").glob("*/curated.parquet")}
    again = sweep(recipe, grid={"stages.sample.n": [5, 10]}, out=tmp_path / "s")
    assert again.skipped == 2
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert pl.read_csv(tmp_path / "s" / "sweep.csv")["rows"].to_list() == [5, 10]
    assert pl.read_parquet(tmp_path / "s" / "sweep.parquet").height == 2


def test_points_that_begin_alike_do_that_work_once(tmp_path, recipe):
    sweep(recipe, out=tmp_path / "s")
    steps = sorted(p.name.partition("-")[0] for p in (tmp_path / "s" / "steps").iterdir())
    assert steps == ["dedup", "read", "sample", "sample"]
    point = next((tmp_path / "s" / "runs").iterdir())
    assert (point / "steps").is_symlink()
    assert (point / "journal.sqlite").resolve() == (tmp_path / "s" / "journal.sqlite").resolve()
    assert (tmp_path / "s").rename(tmp_path / "moved")
    assert sweep(recipe, out=tmp_path / "moved").skipped == 2  # the links are relative


def test_a_teacher_is_paid_once_for_what_two_points_ask(tmp_path, recipe):
    server = Server()
    teacher = json.dumps({"openai": {"model": "tiny", "base_url": server.url}})
    text = recipe.read_text().replace("sample: {n: 10}", f"augment: {{method: [answer], teacher: {teacher}}}")
    (tmp_path / "paid.yaml").write_text(text.replace("stages.sample.n: [5, 10]", "stages.augment.samples: [1, 2]"))
    try:
        made = sweep(tmp_path / "paid.yaml", out=tmp_path / "s")
        assert made.failed == {}
        assert server.stats()["asked"] == 2 * 40  # the second point asks for the second sample of each row alone
    finally:
        server.close()


def test_a_sweep_without_training_shows_its_rows_and_no_empty_figures(recipe, cli):
    done = cli("sweep", recipe, "--grid", "stages.sample.n=5", "-o", "s")
    assert done.rc == 0, done.err
    assert [line.split() for line in done.out.splitlines()[:2]] == [["n", "arm"], ["5", "curated"]]
    table = pl.DataFrame({"stages.sample.n": [500, 8000], "arm": ["raw", "curated"], "rows": [500, 8000],
                          "accuracy": [0.1, None], "low": [0.05, None], "high": [0.2, None]})  # fmt: skip
    lines = shown(Sweep(Path("s"), table)).splitlines()
    assert lines[:3] == [
        "   n  arm      accuracy        95 %",
        " 500  raw        10.0 %  5.0 – 20.0",
        "8000  curated         –           –",
    ]


def test_a_file_is_no_folder_for_a_sweep(tmp_path, recipe):
    with pytest.raises(UsageError, match="is a file"):
        sweep(recipe, out=recipe)


def test_a_key_that_no_recipe_takes_is_refused_before_any_run(tmp_path, recipe):
    with pytest.raises(RecipeError):
        sweep(recipe, grid={"stages.sample.nn": [5]}, out=tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_failed_point_is_named_and_the_others_stand(tmp_path, recipe, cli):
    text = recipe.read_text().replace("sweep: {stages.sample.n: [5, 10]}\n", "")
    (tmp_path / "other.yaml").write_text(text)
    missing = tmp_path / "missing.jsonl"
    done = cli("sweep", "other.yaml", "--grid", f"input={tmp_path / 'rows.jsonl'},{missing}", "-o", "s", "--json")
    assert done.rc == 1
    assert len(done.json["rows"]) == 1
    assert "missing.jsonl" in next(iter(done.json["failed"].values()))


def test_one_method_is_left_out_at_a_time(tmp_path, recipe):
    path = tmp_path / "aug.yaml"
    path.write_text(
        recipe.read_text().replace("sample: {n: 10}", "augment: {method: [step_cot, vary_numbers], teacher: symbolic}")
        .replace("stages.sample.n: [5, 10]", "seed: [1]")
    )  # fmt: skip
    grid = leave_one_out(path, "stages.augment.method")
    assert grid == {"stages.augment.method": [["step_cot", "vary_numbers"], ["vary_numbers"], ["step_cot"]]}
    with pytest.raises(RecipeError, match="has no 'augmentt'"):
        leave_one_out(path, "stages.augmentt.method")
    with pytest.raises(RecipeError, match="not a list"):
        leave_one_out(path, "seed")


def test_the_value_of_a_method_is_paired_and_per_thousand_rows(tmp_path):
    grid = {"stages.augment.method": [["a", "b"], ["a"], ["b"]]}
    points = points_of(grid, tmp_path)
    for point, bound in zip(points, (16, 12, 6)):
        evaluate(Adder(bound=bound, name=str(bound)), benchmarks=[SUMS], out=point.folder / "evaluation" / "curated")
        pl.DataFrame({"method": ["a"] * 200 + ["b"] * 500 + [None] * 50}).write_parquet(
            point.folder / "curated.parquet"
        )
    values = {m["method"]: m for m in method_values(points, grid)}
    assert values["b"]["points"] == pytest.approx(20.0)
    assert values["b"]["points_per_1000"] == pytest.approx(40.0)
    assert values["a"]["points"] == pytest.approx(50.0)
    assert values["a"]["rows"] == 200
    said = shown(Sweep(tmp_path, pl.DataFrame(), methods=list(values.values())))
    assert "without b (500 rows): -20.0 points" in said
    assert "it adds +20.0, +40.0 points per 1,000 rows" in said
    assert values["a"]["low_per_1000"] == pytest.approx(values["a"]["low"] / 0.2)
    assert method_values([Point({"x": 1}, tmp_path)], {"x": [1]}) == []


def test_the_plot_has_both_axes_named_every_arm_and_its_interval():
    rows = [
        {"stages.sample.n": n, "seed": s, "arm": arm, "accuracy": acc, "low": acc - 0.05, "high": acc + 0.05}
        for s in (1, 2)
        for n, acc in ((500, 0.3), (2000, 0.6), (8000, 0.9))
        for arm in ("raw", "<curated>")
    ]
    plot = scaling_plot(pl.DataFrame(rows), ["stages.sample.n", "seed"])
    parsed = xml.dom.minidom.parseString(plot)
    texts = [t.firstChild.data for t in parsed.getElementsByTagName("text")]
    assert "accuracy, %" in texts
    assert "stages.sample.n, log scale" in texts
    assert "mean of 2 seeds, with the lowest and the highest" in texts
    assert {"raw", "<curated>", "500", "2,000", "8,000"} <= set(texts)
    marks = [m for m in parsed.getElementsByTagName("*") if m.getAttribute("class") == "mark"]
    assert len(marks) == 6
    assert len({(m.tagName, m.getAttribute("fill")) for m in marks}) == 2, "shape and colour tell the lines apart"
    trained = pl.DataFrame([r | {"rows": r["stages.sample.n"], "n": 360} for r in rows if r["seed"] == 1])
    once = scaling_plot(trained, ["stages.sample.n"])
    assert ">rows trained on, log scale<" in once
    assert "over 360 problems" in once
    assert scaling_plot(pl.DataFrame([{"m": "a", "arm": "x", "accuracy": 0.1}]), ["m"]) == ""


def test_curves_over_the_steps_have_a_panel_a_figure_and_a_line_a_run(tmp_path):
    grid = {"train.learning_rate": [0.001, 0.002]}
    points = points_of(grid, tmp_path)
    for k, point in enumerate(points):
        asked = [
            {
                "step": s,
                "answer_accuracy": s / 400 / (k + 1),
                "format_accuracy": 1.0,
                "truncated": None,
                "length": 20 + s,
            }
            for s in (100, 200, 300)
        ]
        point.folder.mkdir(parents=True)
        report = {"arms": {"<raw>": {"evaluations": asked}, "curated": {"evaluations": None}}}
        (point.folder / "report.json").write_text(json.dumps(report))
    rows = over_steps(points, list(grid))
    assert [(r["label"], r["step"]) for r in rows[:2]] == [
        ("<raw> · learning_rate 0.001", 100),
        ("<raw> · learning_rate 0.001", 200),
    ]
    parsed = xml.dom.minidom.parseString(step_panels(rows))
    texts = [t.firstChild.data for t in parsed.getElementsByTagName("text")]
    assert {"accuracy, %", "format, %", "cut off, %", "mean length, tokens"} <= set(texts)
    assert texts.count("step") == 4
    assert len(parsed.getElementsByTagName("polyline")) == 6, "truncation was not known: no line there"
    assert step_panels([]) == ""
