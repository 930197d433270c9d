"""The verify stage: verdicts, reject words, recomputation, review of doubtful gold, pass rates."""

import polars as pl
import pytest

from mathdata.errors import MathdataError
from mathdata.schema import conform
from mathdata.stages.verify import verify
from mathdata.types import Context


def rows(**columns):
    return conform(pl.DataFrame(columns), "test")


def by_problem(table):
    return {r["problem"]: r for r in table.iter_rows(named=True)}


def test_a_right_answer_is_kept_and_a_wrong_one_is_rejected_with_the_sentence():
    out = verify(rows(problem=["p", "q"], solution=["so \\boxed{\\frac{1}{2}}", "so \\boxed{3}"], answer=["0.5", "4"]))
    right, wrong = out.iter_rows(named=True)
    assert (right["verdict"], right["reject"]) == ("correct", None)
    assert (wrong["verdict"], wrong["reject"]) == ("wrong", "wrong-answer")
    assert wrong["reject_why"] == "3 is not 4"


@pytest.mark.parametrize("limit", [-1.0, 0.0, float("nan"), float("inf")])
def test_a_time_limit_that_is_none_is_refused_with_a_way_out(limit):
    with pytest.raises(MathdataError) as error:
        verify(rows(problem=["p"], solution=["1"], answer=["1"]), time_limit=limit)
    assert "time_limit" in error.value.message
    assert "seconds" in error.value.hint


def test_no_row_is_lost_or_made():
    table = rows(problem=["a", "b", "c"], solution=["1", None, ""], answer=["1", "2", None])
    out = verify(table)
    assert out["id"].to_list() == table["id"].to_list()


def test_a_response_without_an_answer_is_no_answer_and_not_wrong():
    out = verify(rows(problem=["p"], solution=["I do not know."], answer=["4"]))
    assert out["reject"].to_list() == ["no-answer"]
    assert out["verdict"].to_list() == ["unparsed"]


def test_a_row_with_nothing_to_check_against_says_so_and_is_kept():
    out = verify(rows(problem=["How many birds?"], solution=["There are 7 birds. The answer is 7."]))
    row = out.row(0, named=True)
    assert row["verdict"] is None
    assert row["reject"] is None
    assert "nothing to check against" in row["verdict_reason"]


@pytest.mark.parametrize(
    ("problem", "solution", "right"),
    [
        ("计算 12.5 + 7.25 等于多少？", "12.5 + 7.25 = 19.75", True),
        ("计算 12.5 + 7.25 等于多少？", "12.5 + 7.25 = 19.85", False),
        ("解方程 -39x + 20 = 0", "方程的解为：0.5128205128205128", True),
        ("解方程 -39x + 20 = 0", "方程的解为：0.51", True),
        ("解方程 -39x + 20 = 0", "方程的解为：0.52", False),
        ("计算 6145.00 的平方根？", "√6145.00 = 78.39", True),
        ("计算 6145.00 的平方根？", "√6145.00 = 78.49", False),
        ("一个长方形的长为 87 厘米，宽为 4 厘米，请计算其面积。", "面积为 348 平方厘米", True),
        ("一个长方形的长为 87 厘米，宽为 4 厘米，请计算其面积。", "面积为 349 平方厘米", False),
    ],
)
def test_elementary_rows_are_checked_against_the_recomputed_value(problem, solution, right):
    row = verify(rows(problem=[problem], solution=[solution])).row(0, named=True)
    assert row["reject"] == (None if right else "wrong-answer")
    assert row["verdict"] == ("correct" if right else "wrong")


def test_without_recompute_a_bare_elementary_row_is_only_checked_by_its_steps():
    table = rows(problem=["计算 12 + 7 等于多少？"], solution=["12 + 7 = 20"])
    row = verify(table, recompute=False).row(0, named=True)
    assert (row["verdict"], row["step_errors"], row["reject"]) == (None, 1, "review-gold")
    assert "19" in row["reject_why"]


def test_false_steps_are_counted_and_rejected_only_when_asked():
    table = rows(problem=["p"], solution=["3 + 4 = 8, so 8 - 1 = 7.\n#### 7"], answer=["7"])
    assert verify(table).row(0, named=True)["reject"] is None
    assert verify(table).row(0, named=True)["step_errors"] == 1
    strict = verify(table, steps="reject").row(0, named=True)
    assert (strict["reject"], strict["reject_why"]) == ("false-step", "3 + 4 is 7, not 8")
    assert verify(table, steps="off").row(0, named=True)["step_errors"] is None


def test_samples_that_agree_against_the_gold_send_it_to_review():
    parent = rows(problem=["p"], answer=["5"]).row(0, named=True)["id"]
    table = rows(
        problem=["p"] * 4,
        solution=["\\boxed{6}", "it is \\boxed{6}", "\\boxed{6.0}", "\\boxed{5}"],
        answer=["5"] * 4,
        parents=[[parent]] * 4,
    )
    out = verify(table)
    assert out["reject"].to_list() == ["review-gold"] * 3 + [None]
    assert "3 of 4 samples agree on 6" in out["reject_why"][0]


def test_two_rows_that_give_one_question_different_answers_go_to_review():
    table = rows(problem=["p", "p", "q"], solution=["\\boxed{1}", "\\boxed{2}", "\\boxed{3}"], answer=["1", "2", "3"])
    assert verify(table)["reject"].to_list() == ["review-gold", "review-gold", None]


def test_pass_rate_is_the_share_of_right_rows_of_one_parent_and_stands_on_the_parent_too():
    parent = rows(problem=["p"], solution=["\\boxed{5}"], answer=["5"])
    key = parent["id"][0]
    children = rows(problem=["p"] * 4, solution=["5", "5", "7", "x y z !"], answer=["5"] * 4, parents=[[key]] * 4)
    out = verify(pl.concat([parent, children]))
    assert out["pass_rate"].to_list() == [0.5] * 5


def test_strict_takes_the_very_number_only():
    table = rows(
        problem=list("abc"), solution=["The answer is 0042", "The answer is 42.0", "forty-two"], answer=["42"] * 3
    )
    assert verify(table, strict=True)["verdict"].to_list() == ["correct", "wrong", "wrong"]
    assert verify(table)["verdict"].to_list() == ["correct"] * 3


def test_other_columns_can_be_judged():
    table = rows(problem=["p", "q"], reply=["\\boxed{2}", None], gold=["2", "3"])
    out = verify(table, response_column="reply", answer_column="gold")
    assert out["verdict"].to_list() == ["correct", None]
    assert out["reject"].to_list() == [None, "no-answer"]


def test_a_column_that_does_not_exist_is_named_with_the_nearest_one():
    with pytest.raises(MathdataError) as error:
        verify(rows(problem=["p"], solution=["1"]), response_column="solutoin")
    assert "solution" in error.value.hint


def test_an_unknown_rule_is_refused_before_any_row():
    with pytest.raises(MathdataError):
        verify(rows(problem=["p"], solution=["1"]), rule="boxes")


def test_figures_count_verdicts_and_steps():
    ctx = Context()
    verify(rows(problem=["p", "q"], solution=["1+1=2", "1+1=3"], answer=["2", "2"]), ctx=ctx)
    assert ctx.figures["verdicts"] == {"correct": 1, "wrong": 1}
    assert (ctx.figures["steps_checked"], ctx.figures["steps_false"]) == (2, 1)


def test_a_row_rejected_before_keeps_its_word():
    table = rows(problem=["p"], solution=["\\boxed{1}"], answer=["2"]).with_columns(pl.lit("leak").alias("reject"))
    assert verify(table)["reject"].to_list() == ["leak"]


def test_partitions_get_the_same_verdicts_as_one_frame(tmp_path):
    from mathdata import registry
    from mathdata.types import Partitions

    table = rows(
        problem=[f"p{i}" for i in range(40)],
        solution=[f"\\boxed{{{i + i % 2}}}" for i in range(40)],
        answer=[str(i) for i in range(40)],
        parents=[[f"{i % 5:016x}"] for i in range(40)],
    )
    files = []
    for k in range(4):
        files.append(tmp_path / f"{k}.parquet")
        table.slice(k * 10, 10).write_parquet(files[-1])
    engine = registry.build("engine", "local")
    ctx = Context()
    apart = engine.collect(verify(Partitions(tuple(files)), engine=engine, ctx=ctx)).sort("id", "origin")
    whole = verify(table).sort("id", "origin")
    assert whole.equals(apart.select(whole.columns))
    assert ctx.figures["verdicts"] == {"correct": 20, "wrong": 20}


def test_the_last_of_several_boxes_is_a_gold_of_its_own_text_only():
    text = "Hence $x$ must be $\\boxed{3}$ or $\\boxed{7}$."
    out = verify(rows(problem=["p", "q"], solution=[text, text], answer=["7", "3"]))
    assert out["verdict"].to_list() == ["correct", "wrong"]


def test_a_gold_column_that_the_reader_renamed_is_found_under_its_own_name():
    out = verify(rows(problem=["p"], solution=["\\boxed{3}"], answer=["3"]), answer_column="gold")
    assert out["verdict"].to_list() == ["correct"]


def questions():
    """Originals asked twice with two golds, samples that agree against a gold, samples of samples, chained questions."""
    pens = [f"Ann has {i} pens and buys {i % 7}. How many?" for i in range(60)]
    gold = [i + i % 7 for i in range(60)]
    firsts = rows(problem=pens, solution=[f"{i} + {i % 7} = {g + (i % 11 == 0)}\n#### {g}" for i, g in enumerate(gold)],
                  answer=[str(g) for g in gold])  # fmt: skip
    twice = rows(
        problem=pens[::5], solution=[f"#### {g + 1}" for g in gold[::5]], answer=[str(g + 1) for g in gold[::5]]
    )
    ids = firsts["id"].to_list()
    samples = rows(
        problem=[p for p in pens[:30] for _ in range(4)],
        solution=[f"\\boxed{{{g + (k < 3 and g % 3 == 0)}}}" for g in gold[:30] for k in range(4)],
        answer=[str(g) for g in gold[:30] for _ in range(4)],
        parents=[[i] for i in ids[:30] for _ in range(4)],
    )
    own = samples["id"].to_list()
    deeper = rows(
        problem=["deep"] * 9, solution=["\\boxed{8}"] * 9, answer=["7"] * 9, parents=[[own[k]] for k in range(9)]
    )
    lost = rows(problem=[None] * 4, solution=["\\boxed{8}"] * 4, answer=["7"] * 4, parents=[["a"], ["b"], ["c"], ["d"]])
    return pl.concat([firsts, twice, samples, deeper, lost], how="diagonal_relaxed").sample(
        fraction=1.0, shuffle=True, seed=5
    )


def cut(table, folder, parts):
    from mathdata.types import Partitions

    step = -(-table.height // parts)
    files = [folder / f"{k}.parquet" for k in range(parts)]
    for k, file in enumerate(files):
        table.slice(k * step, step).write_parquet(file)
    return Partitions(tuple(files))


def test_partitions_give_the_review_rates_order_and_figures_of_one_frame(tmp_path, monkeypatch):
    from mathdata import registry

    monkeypatch.setattr("mathdata.stages._together.PIECE_ROWS", 40)
    table, here, there = questions(), Context(), Context()
    engine = registry.build("engine", "local")
    whole = verify(table, ctx=here)
    apart = engine.collect(verify(cut(table, tmp_path, 7), engine=engine, ctx=there))
    assert apart.equals(whole)
    assert here.figures == there.figures
    assert set(whole["reject"].drop_nulls()) == {"review-gold", "wrong-answer"}


def test_samples_without_a_question_of_different_parents_are_not_pooled():
    table = rows(
        problem=[None] * 4, solution=["\\boxed{8}"] * 4, answer=["7"] * 4, parents=[["a"], ["b"], ["c"], ["d"]]
    )
    assert verify(table)["reject"].to_list() == ["wrong-answer"] * 4


@pytest.mark.slow
def test_a_cluster_writes_the_bytes_and_figures_of_one_process(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    from mathdata import registry

    monkeypatch.setattr("mathdata.stages._together.PIECE_ROWS", 100)
    table, here, there, framed = questions(), Context(), Context(), Context()
    engine = registry.build("engine", {"ray": {"workers": 2, "scratch": str(tmp_path / "shared")}})
    try:
        whole = verify(table, ctx=here).sort("id", "origin", maintain_order=True)
        apart = engine.collect(verify(cut(table, tmp_path, 5), engine=engine, ctx=there))
        frame = verify(table, engine=engine, ctx=framed)
    finally:
        ray.shutdown()
    assert isinstance(frame, pl.DataFrame)
    for other in (apart, frame):
        assert other.sort("id", "origin", maintain_order=True).write_ndjson() == whole.write_ndjson()
    assert here.figures == there.figures == framed.figures


def test_an_original_whose_last_equation_is_false_and_states_its_answer_goes_to_review():
    table = rows(
        problem=list("abcd"),
        solution=[
            "4*5 = 21\n#### 21",
            "4*5 = 21, and 30-10 = 20\n#### 20",
            "It is <<4*5=21>>21.\n#### 21",
            "4*5 = 20\n#### 21",
        ],
        answer=["21", "20", "21", "21"],
    )
    out = verify(table)
    assert out["reject"].to_list() == ["review-gold", None, "review-gold", None]
    assert "4*5 is 20, not 21" in out["reject_why"][0]
