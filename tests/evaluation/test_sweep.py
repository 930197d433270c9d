"""Sweeps: the grid as written, real runs that are skipped when done, a table, a plot, the value of a method."""

from __future__ import annotations

import itertools
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
from mathdata.grid import Point, flat, leave_one_out, parse_grid, points_of
from mathdata.report.panels import step_panels
from mathdata.report.scaling import scaling_plot
from mathdata.sweep import Sweep, sweep
from mathdata.sweep_table import collect, method_values, over_steps

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


def test_values_are_read_as_a_recipe_reads_them():
    assert parse_grid(["a.b=1,2.5,x", "m=[p,q],[p]"]) == {"a.b": [1, 2.5, "x"], "m": [["p", "q"], ["p"]]}
    assert parse_grid(["train.learning_rate=1e-5,2.5E-5,.5e-3"]) == {"train.learning_rate": [1e-5, 2.5e-5, 5e-4]}
    assert parse_grid(["train.model.revision='1e5',12e4567,main"]) == {
        "train.model.revision": ["1e5", "12e4567", "main"]
    }
    assert parse_grid(["size={label: 1.5B, train.batch: 4},{label: 7B}"]) == {
        "size": [{"label": "1.5B", "train.batch": 4}, {"label": "7B"}]
    }


@pytest.mark.parametrize("bad", [["a.b"], ["=1"], ["a="], ["a=[1"], ["a=1,,2"], ["seed=1", "seed=2"]])
def test_a_grid_that_is_none_is_refused(bad):
    with pytest.raises(UsageError):
        parse_grid(bad)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ({"gsm8k": 500, "math": 500}, "gsm8k=500+math=500"),
        (["rephrase", {"fobar": {"mask": 1}}], "rephrase+fobar=mask=1"),
        ({"kind": "ddp", "more": {"a": 1, "b": 2}}, "kind=ddp+more=(a=1+b=2)"),
        ([["a", "b"], ["c"]], "(a+b)+c"),
        (None, "null"),
        (True, "true"),
        ([], "none"),
        (1e-5, 1e-5),
        ("题目", "题目"),
    ],
)
def test_every_value_of_a_grid_is_one_cell_of_a_table(value, cell):
    assert flat(value) == cell


def test_every_combination_has_its_own_folder(tmp_path):
    points = points_of({"seed": [1, 2], "arms": [["x"], ["x", "y"], []]}, tmp_path)
    assert len({p.folder for p in points}) == 6
    assert points[1].overrides == ["seed=1", 'arms=["x", "y"]', "sweep=null"]
    together = points_of({"train.n,arms.n": [1, 2]}, tmp_path)
    assert [p.overrides[:2] for p in together] == [["train.n=1", "arms.n=1"], ["train.n=2", "arms.n=2"]]
    with pytest.raises(UsageError, match="nothing to vary"):
        points_of({}, tmp_path)


def test_points_whose_names_begin_alike_or_are_long_do_not_share_a_folder(tmp_path):
    long = "题" * 300
    points = points_of({"train.model": [f"{long}/a", f"{long}/b", "a/b", "a-b"], "name": ["x", "x-x"]}, tmp_path)
    names = [p.folder.name for p in points]
    assert len(set(names)) == 8
    assert max(len(n.encode()) for n in names) <= 255


def test_a_group_of_values_varies_together_under_its_label(tmp_path):
    grid = {
        "size": [
            {"label": "1.5B", "train.model": "A", "train.parallel": {"gpu": "L40S"}},
            {"train.model": "B", "train.learning_rate": 1e-5},
        ],
        "seed": [1],
    }
    small, large = points_of(grid, tmp_path)
    assert small.values == {"size": "1.5B", "seed": 1}
    assert small.overrides == ['train.model="A"', 'train.parallel={"gpu": "L40S"}', "seed=1", "sweep=null"]
    assert (large.values["size"], large.overrides[1]) == ("B", "train.learning_rate=1e-05")


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"tain.model": ["a"]}, "did you mean 'train'"),
        ({"size": ["a"]}, "no key of a recipe"),
        ({"size": [{"label": "a", "trian.model": "b"}]}, "unknown key 'trian.model'"),
        ({"size": [{"label": "a"}]}, "unknown key ''"),
        ({"rows": [{"train.batch": 1}]}, "cannot be called 'rows'"),
        ({"seed": [1, 1]}, "seed has the value 1 twice"),
        ({"size": [{"label": "a", "seed": 1}, {"label": "a", "seed": 2}]}, "size has the value a twice"),
        ({"size": [{"label": "a", "seed": 1}], "seed": [1, 2]}, "change the same value"),
    ],
)
def test_a_grid_that_cannot_be_meant_is_refused(grid, words, tmp_path):
    with pytest.raises(UsageError) as caught:
        points_of(grid, tmp_path)
    assert words in f"{caught.value.message} {caught.value.hint}"


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
    rows = [
        {"stages.sample.n": n, "arm": arm, "sums_n": 40, "sums_accuracy": x, "sums_low": low, "sums_high": high,
         "rows": n, "run": f"n-{n}"}
        for n, arm, x, low, high in ((500, "raw", 0.1, 0.05, 0.2), (8000, "curated", None, None, None))
    ]  # fmt: skip
    lines = shown(Sweep(Path("s"), rows)).splitlines()
    assert lines[:4] == [
        "   n  arm      accuracy        95 %",
        " 500  raw        10.0 %  5.0 – 20.0",
        "8000  curated         –           –",
        "best on sums: 10.0 %, s/runs/n-500/models/raw",
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


def test_a_table_that_cannot_be_written_is_told_and_costs_no_figure(tmp_path, recipe, cli):
    (tmp_path / "s" / "sweep.csv").mkdir(parents=True)
    done = cli("sweep", recipe, "-o", "s", "--json")
    assert done.rc == 1
    assert "not written: sweep.csv: " in done.err
    assert "sweep.json holds every figure" in done.err
    assert list(done.json["unwritten"]) == ["sweep.csv"]
    assert [r["rows"] for r in json.loads((tmp_path / "s" / "sweep.json").read_text())["rows"]] == [5, 10]
    assert pl.read_parquet(tmp_path / "s" / "sweep.parquet").height == 2
    (tmp_path / "s" / "sweep.csv").rmdir()
    again = cli("sweep", recipe, "-o", "s", "--json")
    assert (again.rc, again.json["skipped"], again.json["unwritten"]) == (0, 2, {})


def test_a_run_whose_report_is_broken_has_failed_and_is_made_again(tmp_path, recipe):
    sweep(recipe, out=tmp_path / "s")
    broken = next((tmp_path / "s" / "runs").glob("n-5-*")) / "report.json"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:50])
    told = sweep(recipe, out=tmp_path / "s")
    assert list(told.failed) == [broken.parent.name]
    assert told.table["rows"].to_list() == [10]
    again = sweep(recipe, out=tmp_path / "s")
    assert (again.skipped, again.failed) == (1, {})
    assert again.table["rows"].to_list() == [5, 10]


def test_values_that_are_mappings_lists_or_nothing_end_in_the_table(tmp_path, recipe):
    grid = {"stages.dedup": [{"level": "exact"}, {"level": "normal"}], "about": [["a", "b"]]}
    with pytest.raises(RecipeError, match=r"^point stages\.dedup = level=exact, about = a\+b: "):
        sweep(recipe, grid=grid, out=tmp_path / "s")
    assert not (tmp_path / "s").exists()
    grid["about"] = ["a", {"en": "b", "zh": "乙"}]
    made = sweep(recipe, grid=grid, out=tmp_path / "s", overrides=["stages.sample.n=5"])
    assert (made.failed, made.unwritten) == ({}, {})
    assert pl.read_csv(tmp_path / "s" / "sweep.csv")["stages.dedup"].unique().sort().to_list() == [
        "level=exact", "level=normal",
    ]  # fmt: skip
    assert set(made.table["about"].to_list()) == {"a", "en=b+zh=乙"}


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
    said = shown(Sweep(tmp_path, methods=list(values.values())))
    assert "without b (500 rows): -20.0 points" in said
    assert "it adds +20.0, +40.0 points per 1,000 rows" in said
    assert values["a"]["low_per_1000"] == pytest.approx(values["a"]["low"] / 0.2)
    assert method_values([Point({"x": 1}, tmp_path)], {"x": [1]}) == []


def texts_of(svg: str) -> list[str]:
    return [t.firstChild.data for t in xml.dom.minidom.parseString(svg).getElementsByTagName("text")]


def of_class(svg: str, name: str) -> list[xml.dom.minidom.Element]:
    return [m for m in xml.dom.minidom.parseString(svg).getElementsByTagName("*") if m.getAttribute("class") == name]


def test_the_plot_has_both_axes_named_every_arm_and_its_interval():
    rows = [
        {"stages.sample.n": n, "seed": s, "arm": arm, "sums_n": 360, "sums_accuracy": acc, "sums_low": acc - 0.05,
         "sums_high": acc + 0.05}
        for s in (1, 2)
        for n, acc in ((500, 0.3), (2000, 0.6), (8000, 0.9))
        for arm in ("raw", "<curated>")
    ]  # fmt: skip
    plot = scaling_plot(rows, ["stages.sample.n", "seed"])
    texts = texts_of(plot)
    assert "accuracy, %" in texts
    assert "stages.sample.n, log scale" in texts
    assert "mean of 2 seeds, with the lowest and the highest" in texts
    assert {"raw", "<curated>", "500", "2,000", "8,000"} <= set(texts)
    marks = of_class(plot, "mark")
    assert len(marks) == 6
    assert len({(m.tagName, m.getAttribute("fill")) for m in marks}) == 2, "shape and colour tell the lines apart"
    once = scaling_plot([r | {"rows": r["stages.sample.n"]} for r in rows if r["seed"] == 1], ["stages.sample.n"])
    assert "rows trained on, log scale" in texts_of(once)
    assert "over 360 problems" in once
    assert scaling_plot([{"m": "a", "arm": "x", "sums_n": 9, "sums_accuracy": 0.1}], ["m"]) == ""


def size_by_amount() -> list[dict[str, object]]:
    """A table of two sizes on two amounts, before and after, on two benchmarks of different size."""
    rows: list[dict[str, object]] = []
    for size, gain in (("1.5B", 0.0), ("7B", 0.2)):
        for amount, more in (("gsm8k=500+math=500", 0.1), ("gsm8k=5000+math=5000", 0.3)):
            for arm in ("before", "trained"):
                x = 0.3 + gain + (more if arm == "trained" else 0)
                row: dict[str, object] = {"size": size, "amount": amount, "arm": arm}
                for name, n in (("gsm8k", 1319), ("math", 5000)):
                    row |= {f"{name}_n": n, f"{name}_accuracy": x, f"{name}_low": x - 0.02, f"{name}_high": x + 0.02}
                rows.append(row | {"rows": (1000 if more == 0.1 else 9876) if arm == "trained" else None})
    return rows


def test_each_model_and_benchmark_is_a_line_over_the_rows_and_the_model_before_is_level():
    plot = scaling_plot(size_by_amount(), ["size", "amount"])
    texts = texts_of(plot)
    after = {"1.5B · gsm8k", "7B · gsm8k", "1.5B · math", "7B · math"}
    assert after | {f"before · {x}" for x in after} <= set(texts)
    assert {"rows trained on, log scale", "1,000", "9,876"} <= set(texts)
    assert any("over 1,319 of gsm8k and 5,000 of math" in t for t in texts)
    assert len(of_class(plot, "line")) == len(of_class(plot, "level")) == 4
    assert {x.getAttribute("stroke") for x in of_class(plot, "line")} == {
        x.getAttribute("stroke") for x in of_class(plot, "level")
    }


@pytest.mark.parametrize("many", [1, 7, 30, 70])
def test_no_line_of_a_plot_is_dropped(many):
    rows = [
        {"train.batch": x, "arm": f"arm {k}", "sums_n": 9, "sums_accuracy": k / 100, "sums_low": 0.0, "sums_high": 1.0}
        for k in range(many)
        for x in (1, 2)
    ]
    plot = scaling_plot(rows, ["train.batch"])
    named = [t for t in texts_of(plot) if t.startswith("arm ")]
    assert len(of_class(plot, "line")) == len(named) == many
    heights = sorted(float(t.getAttribute("y")) for t in xml.dom.minidom.parseString(plot).getElementsByTagName("text")
                     if t.firstChild.data.startswith("arm "))  # fmt: skip
    assert min((b - a for a, b in itertools.pairwise(heights)), default=16) >= 15.9, "no two names over one another"
    shapes = {
        (m.getAttribute("fill"), m.tagName, len(m.getAttribute("points").split())) for m in of_class(plot, "mark")
    }
    assert len(shapes) >= min(many, 18)
    asked = [
        {"label": f"arm {k}", "step": s, "answer_accuracy": 0.1, "format_accuracy": 1.0, "truncated": 0.0, "length": 9}
        for k in range(many)
        for s in (0, 5)
    ]
    panels = step_panels(asked)
    assert sum(t.startswith("arm ") for t in texts_of(panels)) == many
    assert len(of_class(panels, "line")) == 4 * many


def write_report(point: Point, arms: dict[str, object]) -> None:
    point.folder.mkdir(parents=True)
    (point.folder / "report.json").write_text(json.dumps({"arms": arms, "digest": "d"}))


def test_each_benchmark_stands_in_columns_of_its_own(tmp_path):
    points = points_of({"stages.0.dedup": [{"level": "near"}, None, 3]}, tmp_path)
    figures = {"gsm8k": {"n": 200, "accuracy": 0.5, "low": 0.4, "high": 0.6, "length": {"mean": 80.5}},
               "squad": {"n": 10570, "accuracy": 0.9, "score": 0.95}}  # fmt: skip
    write_report(points[0], {"trained": {"rows": 10, "n": 10770, "accuracy": 0.8, "benchmarks": figures}})
    write_report(points[1], {"trained": {"rows": 10, "benchmarks": {"gsm8k": {"n": 200, "accuracy": 0.25}}}})
    write_report(points[2], {"before": {"rows": None}})
    rows = collect(points, ["stages.0.dedup"])
    assert list(rows[0]) == [
        "stages.0.dedup", "arm", "gsm8k_n", "gsm8k_accuracy", "gsm8k_low", "gsm8k_high", "gsm8k_length", "squad_n",
        "squad_accuracy", "squad_score", "rows", "tokens", "steps", "seconds", "digest", "run",
    ]  # fmt: skip
    assert [r["stages.0.dedup"] for r in rows] == ["level=near", "null", "3"]
    assert [(r["gsm8k_accuracy"], r["squad_accuracy"]) for r in rows] == [(0.5, 0.9), (0.25, None), (None, None)]
    assert "gsm8k accuracy" in shown(Sweep(tmp_path, rows)).splitlines()[0]
    assert Sweep(tmp_path, rows).table.write_csv().startswith("stages.0.dedup,arm,gsm8k_n,gsm8k_accuracy,")


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
    assert rows[0]["train.learning_rate"] == 0.001
    parsed = xml.dom.minidom.parseString(step_panels(rows))
    texts = [t.firstChild.data for t in parsed.getElementsByTagName("text")]
    assert {"accuracy, %", "format, %", "cut off, %", "mean length, tokens"} <= set(texts)
    assert texts.count("step") == 4
    assert len(parsed.getElementsByTagName("polyline")) == 6, "truncation was not known: no line there"
    assert step_panels([]) == ""
