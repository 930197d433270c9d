"""sample: by seed and content, whatever the order of rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mathdata.errors import MathdataError, UsageError
from mathdata.schema import conform
from mathdata.stages.sample import sample
from mathdata.types import Context, Frame, Partitions

Cli = Callable[..., Any]

N = 240
ROWS = conform(
    pl.DataFrame(
        {
            "problem": [f"计算 {i} {'+-*'[i % 3]} {i % 7}" for i in range(N)],
            "solution": ["x" * (i % 11) for i in range(N)],
            "topic": [("add", "subtract", "multiply")[i % 3] for i in range(N)],
            "source": ["gsm8k" if i % 4 else "math" for i in range(N)],
            "difficulty": [float(i % 5 + 1) for i in range(N)],
            "pass_rate": [(i % 10) / 10 for i in range(N)],
        }
    )
)
ALL: list[dict[str, Any]] = [
    {"n": 50},
    {"n": 50, "strategy": "stratified", "by": ["source"]},
    {"quota": {"add": 10, "multiply": 20}},
    {"sizes": ["16", "32", "full"], "by": ["source"]},
    {"n": 50, "strategy": "difficulty"},
    {"n": 50, "strategy": {"difficulty": {"per": "proportional"}}},
    {"n": 50, "strategy": {"difficulty": {"per": "proportional", "measure": "pass_rate"}}},
    {"n": 2, "strategy": "diverse"},
    {"n": 50, "strategy": "diverse"},
    {"n": 50, "max_per_template": 9},
]


def kept(frame: Frame, **options: Any) -> set[str]:
    made = sample(frame, **options)
    assert made.height == frame.height
    return set(made.filter(pl.col("reject").is_null())["id"])


@pytest.mark.parametrize("options", ALL)
def test_the_order_of_rows_does_not_matter(options: dict[str, Any]) -> None:
    other = ROWS.sample(fraction=1, shuffle=True, seed=3)
    renamed = other.with_columns(origin=pl.format("else:{}", pl.int_range(pl.len())))
    assert kept(ROWS, **options) == kept(other, **options) == kept(renamed, **options)


def test_another_seed_draws_other_rows_and_the_same_seed_the_same() -> None:
    assert kept(ROWS, n=50) == kept(ROWS, n=50)
    assert kept(ROWS, n=50) != kept(ROWS, n=50, seed=7)


def test_stratified_keeps_the_shares() -> None:
    made = sample(ROWS, n=40, strategy="stratified", by=["source"]).filter(pl.col("reject").is_null())
    assert dict(made["source"].value_counts().iter_rows()) == {"gsm8k": 30, "math": 10}


def test_a_quota_that_a_family_cannot_fill_is_reported_not_filled() -> None:
    ctx = Context()
    made = sample(ROWS, quota={"add": 10, "subtract": 500, "divide": 5}, ctx=ctx)
    assert made["reject"].null_count() == 90
    assert ctx.figures["missing"] == {"subtract": 420, "divide": 5}


POWERS = conform(pl.DataFrame({"problem": [f"计算 {i}.50 的 {i % 3} 次方？" for i in range(30)]}))


def test_a_quota_reads_a_file_and_tells_the_parameters_of_a_family_apart(tmp_path: Path) -> None:
    path = tmp_path / "quota.json"
    path.write_text('{"power.n.0": 2, "power.n.2": 3, "power": 4, "power.n.7": 1}')
    ctx = Context()
    made = sample(POWERS, quota=path, ctx=ctx).filter(pl.col("reject").is_null())
    assert sorted(p[-5] for p in made["problem"]) == ["0", "0", "1", "1", "1", "1", "2", "2", "2"]
    assert ctx.figures["groups"] == {"power.n.0": 2, "power.n.2": 3, "power": 4, "power.n.7": 0}
    assert ctx.figures["missing"] == {"power.n.7": 1}


def test_any_parameter_of_any_family_makes_a_group_and_numbers_are_compared_by_value() -> None:
    sums = conform(pl.DataFrame({"problem": [f"What is {i % 2}.50 + {i}?" for i in range(10)], "topic": ["add"] * 10}))
    made = sample(sums, quota={"add.a.1.5": 3}).filter(pl.col("reject").is_null())
    assert made["problem"].str.starts_with("What is 1.50").to_list() == [True] * 3


def test_a_parameter_is_a_column_to_group_by() -> None:
    rows = pl.concat([POWERS, ROWS], how="diagonal_relaxed")
    ctx = Context()
    sample(rows, n=27, strategy="stratified", by=["param.n"], ctx=ctx)
    assert ctx.figures["groups"] == {"0": 1, "1": 1, "2": 1, "none": 24}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"quota": {"power.m.0": 2}}, "power.m.0: family 'power' has no parameter 'm'"),
        ({"n": 3, "strategy": "stratified", "by": ["param.exponent"]}, "no family has a parameter 'exponent'"),
    ],
)
def test_a_parameter_that_no_family_has_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        sample(POWERS, **asked)


def test_nested_samples_contain_each_other_half_and_half() -> None:
    ctx = Context()
    made = sample(ROWS, sizes=["16", "64", "full"], by=["source"], ctx=ctx)
    small, large = made.filter(pl.col("rank") <= 16), made.filter(pl.col("rank") <= 64)
    assert dict(small["source"].value_counts().iter_rows()) == {"gsm8k": 8, "math": 8}
    assert set(small["id"]) < set(large["id"])
    assert ctx.figures["sizes"]["full"] == {"gsm8k": 180, "math": 60}
    assert sorted(made["rank"]) == list(range(1, N + 1))


def test_what_is_missing_is_said_and_filled_only_from_rows_the_recipe_names() -> None:
    ctx = Context()
    assert len(kept(ROWS, sizes=["500"], ctx=ctx)) == N
    assert ctx.figures["missing"] == 260
    made = kept(ROWS, n=200, fill={"source": "math"})
    assert made >= set(ROWS.filter(pl.col("source") == "gsm8k")["id"])
    assert len(made) == 200


def test_proportional_difficulty_prefers_hard_rows() -> None:
    made = sample(ROWS, n=60, strategy={"difficulty": {"per": "proportional"}}).filter(pl.col("reject").is_null())
    assert made["difficulty"].mean() > ROWS["difficulty"].mean() + 0.3  # type: ignore[operator]


def test_caps_on_siblings_and_solutions() -> None:
    made = sample(ROWS, n=N, max_per_template=5)
    assert made["reject"].null_count() == 15
    assert "more than 5 rows of one template" in set(made["reject_why"].drop_nulls())
    twice = pl.concat([ROWS.head(3), ROWS.head(3).with_columns(solution=pl.lit("other"))])
    assert sample(twice, n=10, max_per_problem=1)["reject"].null_count() == 3


def test_diverse_covers_every_template_first() -> None:
    assert {p.split()[2] for p in ROWS.filter(pl.col("id").is_in(kept(ROWS, n=3, strategy="diverse")))["problem"]} == {
        "+",
        "-",
        "*",
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n": 5, "strategy": "stratified"},
        {"n": 5, "strategy": "unifrom"},
        {"sizes": ["many"]},
        {"n": 5, "by": ["nothing"]},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_a_hint(options: dict[str, Any]) -> None:
    with pytest.raises(MathdataError) as error:
        sample(ROWS, **options)
    assert error.value.hint
    assert isinstance(error.value, UsageError) or error.value.exit_code == 2


def family(topic: str, sign: str, originals: int, rephrased: int) -> list[dict[str, Any]]:
    methods = ["original"] * originals + ["rephrase"] * rephrased
    return [{"problem": f"What is {k * k + 7} {sign} {k}?", "topic": topic, "method": m} for k, m in enumerate(methods)]


TO_FILL = pl.DataFrame(family("add", "+", 10, 10) + family("subtract", "-", 20, 20) + family("mass", "of", 2, 1))


def test_a_quota_is_filled_from_rows_of_the_same_family(tmp_path: Path, call: Cli) -> None:
    TO_FILL.write_parquet(tmp_path / "fill.parquet")
    quota = ("--strategy", "quota", "--by", "topic", "--quota", "add=15,subtract=12,mass=4")
    done = call("sample", "fill.parquet", "-o", "o.parquet", *quota, "--fill", "method=rephrase")
    assert done.rc == 0, done.err
    made = pl.read_parquet(tmp_path / "o.parquet")
    counts = made.group_by("topic", "method").len().sort("topic", "method").rows()
    assert counts == [
        ("add", "original", 10),
        ("add", "rephrase", 5),
        ("mass", "original", 2),
        ("mass", "rephrase", 1),
        ("subtract", "original", 12),
    ]
    lines = [line.strip() for line in done.err.splitlines()]
    assert "fill: 6 rows used (add 5, mass 1)" in lines
    assert "quota: mass has 3 of 4 rows" in lines
    assert not any("add has" in line for line in lines)
    figures = json.loads((tmp_path / "o.parquet.manifest.json").read_text())["figures"]
    assert figures["groups"] == {"add": 15, "subtract": 12, "mass": 3}
    assert (figures["missing"], figures["filled"]) == ({"mass": 1}, {"add": 5, "mass": 1})


def test_a_family_that_has_fill_rows_alone_is_filled() -> None:
    rows = conform(pl.DataFrame(family("add", "+", 0, 9)))
    ctx = Context()
    assert len(kept(rows, quota={"add": 5}, fill={"method": "rephrase"}, ctx=ctx)) == 5
    assert (ctx.figures["missing"], ctx.figures["filled"]) == ({}, {"add": 5})


FILLED: list[dict[str, Any]] = [
    {"quota": {"add": 15, "subtract": 25, "mass": 4}},
    {"n": 40},
    {"n": 40, "strategy": "diverse"},
    {"n": 40, "strategy": "difficulty"},
    {"n": 40, "strategy": "stratified", "by": ["topic"]},
    {"sizes": ["8", "40"], "by": ["topic"]},
    {"n": 8, "max_per_template": 3},
]


@pytest.mark.parametrize("options", FILLED)
def test_filling_depends_on_seed_and_content_alone(options: dict[str, Any], tmp_path: Path) -> None:
    rows = conform(TO_FILL)
    other = rows.sample(fraction=1, shuffle=True, seed=3)
    files = []
    for at in range(0, other.height, 17):
        other.slice(at, 17).write_parquet(tmp_path / f"{at}.parquet")
        files.append(tmp_path / f"{at}.parquet")
    options = {**options, "fill": {"method": "rephrase"}}
    made = sample(Partitions(tuple(files)), **options)
    assert isinstance(made, Partitions)
    streamed = pl.concat([pl.read_parquet(f) for f in made.files]).filter(pl.col("reject").is_null())
    assert kept(rows, **options) == kept(other, **options) == set(streamed["id"])
    others = [kept(rows, **options, seed=seed) for seed in range(3)]
    assert others[0] != others[1] or others[1] != others[2]


@pytest.mark.parametrize("options", [o for o in FILLED if "quota" not in o and "max_per_template" not in o])
def test_figures_are_true_after_filling(options: dict[str, Any]) -> None:
    ctx = Context()
    made = sample(conform(TO_FILL), **options, fill={"method": "rephrase"}, ctx=ctx)
    drawn = made.filter(pl.col("reject").is_null())
    assert (drawn["method"] == "original").sum() == 32, "all others before the first of the fill"
    assert (drawn.height, ctx.figures["filled"], ctx.figures["missing"]) == (40, 8, 0)
    counts = dict(drawn["topic"].value_counts().iter_rows())
    assert ctx.figures.get("groups", counts) == counts
    for size, groups in ctx.figures.get("sizes", {}).items():
        assert groups == dict(drawn.filter(pl.col("rank") <= int(size))["topic"].value_counts().iter_rows())


def test_nested_sizes_say_what_stands_in_them_after_filling(tmp_path: Path, call: Cli) -> None:
    TO_FILL.filter(pl.col("topic") == "add").write_parquet(tmp_path / "fill.parquet")
    options = ("--strategy", "nested", "--sizes", "5,15,30", "--fill", "method=rephrase")
    done = call("sample", "fill.parquet", "-o", "o.parquet", *options)
    figures = json.loads((tmp_path / "o.parquet.manifest.json").read_text())["figures"]
    assert figures["sizes"] == {"5": {"all": 5}, "15": {"all": 15}, "30": {"all": 20}}
    assert (figures["filled"], figures["missing"]) == (10, 10)
    made = pl.read_parquet(tmp_path / "o.parquet").sort("rank")
    assert made["rank"].to_list() == list(range(1, 21))
    assert made["method"].to_list() == ["original"] * 10 + ["rephrase"] * 10
    assert "  fill: 10 rows used\n" in done.err


def test_a_cap_never_keeps_a_fill_row_in_the_place_of_another() -> None:
    rows = conform(TO_FILL.filter(pl.col("topic") == "add"))
    for seed in range(5):
        made = sample(rows, n=10, max_per_template=10, fill={"method": "rephrase"}, seed=seed)
        assert set(made.filter(pl.col("reject").is_null())["method"]) == {"original"}


UNUSED = [
    (["--sizes", "5", "--strategy", "uniform", "--n", "3"], "'uniform' does not use --sizes", "--strategy nested"),
    (["--by", "topic", "--n", "3"], "'uniform' does not use --by", "--strategy nested or quota or stratified"),
    (["--quota", "add=3", "--n", "3", "--strategy", "uniform"], "'uniform' does not use --quota", "--strategy quota"),
    (["--quota", "add=3", "--n", "3"], "'quota' does not use --n", "stratified or uniform"),
    (["--sizes", "3", "--quota", "add=3"], "'quota' does not use --sizes", "--strategy nested"),
    (["--sizes", "3", "--n", "3"], "'nested' does not use --n", "leave --n out"),
    (["--by", "topic", "--n", "3", "--strategy", "diverse"], "'diverse' does not use --by", "quota"),
    (["--n", "3", "--strategy", "{difficulty: {measure: length}}"], "does not use measure", "per: proportional"),
]


@pytest.mark.parametrize(("options", "said", "hint"), UNUSED, ids=[" ".join(o) for o, _, _ in UNUSED])
def test_an_option_that_the_strategy_does_not_use_is_refused(
    tmp_path: Path, call: Cli, options: list[str], said: str, hint: str
) -> None:
    TO_FILL.write_parquet(tmp_path / "raw.parquet")
    done = call("sample", "raw.parquet", "-o", "o.parquet", *options)
    assert done.rc == 2
    lines = done.err.strip().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"]
    assert said in lines[0]
    assert hint in lines[1]
    assert not (tmp_path / "o.parquet").exists()


@pytest.mark.parametrize(
    ("options", "strategy"), [({"quota": {"add": 3}}, "quota"), ({"sizes": ["3"]}, "nested"), ({"n": 3}, "uniform")]
)
def test_without_a_strategy_the_options_name_it(options: dict[str, Any], strategy: str) -> None:
    ctx = Context()
    sample(ROWS, **options, ctx=ctx)
    assert ctx.figures["strategy"] == strategy


@pytest.mark.parametrize("options", [o for o in ALL if not {"quota", "max_per_template"} & o.keys()], ids=str)
@pytest.mark.parametrize("rows", [0, N])
def test_where_no_row_is_anything_but_fill_the_fill_is_drawn(options: dict[str, Any], rows: int) -> None:
    named = ROWS.head(rows).with_columns(method=pl.lit("rephrase"))
    wanted = options.get("n", 32)
    assert len(kept(named, **options, fill={"method": "rephrase"})) == min(wanted, named.height)
