from __future__ import annotations

import json
import time
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mathdata
from mathdata.backends.journal import Journal
from mathdata.backends.scripted import Scripted
from mathdata.errors import RecipeError, UnknownName
from mathdata.registry import register
from mathdata.schema import conform
from mathdata.stages.augment import augment
from mathdata.types import Completion, Context, Partitions

WORDS = {
    "wrong-answer", "unsupported", "not-new", "false-step", "bad-placeholder", "unsolvable", "too-near", "truncated",
    "refused", "empty", "pending-server", "pending-budget", "replaced",
}  # fmt: skip


def stories(count: int = 6) -> pl.DataFrame:
    rows = [
        {
            "problem": f"Tom has {a} pens and buys {b} boxes of {c} pens. How many pens has he now?",
            "solution": f"The boxes hold {b} * {c} = {b * c} pens.\nHe has {a} + {b * c} = {a + b * c} pens.\n#### {a + b * c}",
            "answer": str(a + b * c),
            "source": "story",
            "level": str(i % 2),
            "topic": "buying" if i % 3 else "selling",
        }
        for i, (a, b, c) in enumerate((31 + 7 * i, 4 + i, 12 + 3 * i) for i in range(count))
    ]
    return conform(pl.DataFrame(rows), "story")


def run(table, **options):
    ctx = options.pop("ctx", None) or Context()
    return augment(table, ctx=ctx, **options), ctx.figures


def balanced(before: pl.DataFrame, after: pl.DataFrame) -> Counter[str]:
    """in + created = kept + rejected, and every input row is there as it was."""
    originals = after.filter(pl.col("method").is_null())
    assert (
        originals.sort("id", "origin")
        .select(before.columns)
        .drop("reject", "reject_why")
        .equals(before.sort("id", "origin").drop("reject", "reject_why"))
    )
    words = Counter(w or "kept" for w in after["reject"])
    assert set(words) - {"kept"} <= WORDS
    assert not after.filter(pl.col("reject").is_not_null() & pl.col("reject_why").is_null()).height
    assert sum(words.values()) == after.height
    return words


@given(
    count=st.integers(0, 5),
    samples=st.integers(1, 3),
    method=st.lists(
        st.sampled_from(["answer", "fobar", "self_verification", "rephrase"]), min_size=1, max_size=3, unique=True
    ),
    faults=st.dictionaries(
        st.sampled_from(["wrong", "false_step", "refused", "truncated", "empty", "filter", "error"]), st.floats(0, 0.3)
    ),
    originals=st.sampled_from(["keep", "replace"]),
)
@settings(max_examples=25, deadline=None)
def test_every_row_given_comes_back_and_every_request_ends_in_a_row(count, samples, method, faults, originals):
    table = stories(count)
    teacher = {"scripted": {"faults": faults}}
    after, figures = run(table, method=method, teacher=teacher, samples=samples, originals=originals)
    balanced(table, after)
    made = after.filter(pl.col("method").is_not_null())
    assert made.height == sum(line["made"] for line in figures["by_method"].values())
    assert made.filter(pl.col("parents").list.len() != 1).height == 0
    assert made.select("id", "origin").is_unique().all()


def test_each_fault_has_its_own_word():
    words = {
        "wrong": "wrong-answer", "false_step": "false-step", "refused": "refused", "truncated": "truncated",
        "empty": "empty", "filter": "refused", "error": "pending-server",
    }  # fmt: skip
    for fault, word in words.items():
        after, figures = run(stories(), method=["answer"], teacher={"scripted": {"faults": {fault: 1.0}}})
        assert balanced(stories(), after) == {"kept": 6, word: 6}, fault
        assert figures["by_method"]["answer"]["rejected"] == {word: 6}


def test_a_solution_by_the_same_path_is_not_new_and_another_path_is():
    def play(request, sample):
        solution = request.problem.solution
        return solution if sample == 0 else solution.replace(" * ", " × ") if sample == 1 else turned(solution)

    def turned(solution):
        first, rest = solution.split("\n", 1)
        left = first.split("hold ")[1].split(" =")[0]
        b, c = left.split(" * ")
        return f"Each box adds, so {c} * {b} = {int(b) * int(c)}.\n{rest}"

    register("backend", "turning")(lambda: Scripted.playing(play))
    after, _ = run(stories(2), method=["answer"], teacher="turning", samples=4)
    made = after.filter(pl.col("method") == "answer").sort("origin")
    assert made["reject"].to_list() == ["not-new", "not-new", None, "not-new"] * 2


def test_rows_without_gold_are_held_to_the_majority():
    register("backend", "voting")(
        lambda: Scripted.playing(lambda r, k: f"It adds to {[7, 7, 8, 7][k]}.\nThe answer is: {[7, 7, 8, 7][k]}")
    )
    table = stories(1).with_columns(pl.lit(None, pl.String).alias("answer"), pl.lit(None, pl.String).alias("solution"))
    after, _ = run(table, method=["answer"], teacher="voting", samples=4)
    made = after.filter(pl.col("method") == "answer").sort("origin")
    assert made["answer"].unique().to_list() == ["7"]
    assert made["reject"].to_list() == [None, "not-new", "wrong-answer", "not-new"]


def test_no_majority_is_unsolvable():
    register("backend", "quarrelling")(lambda: Scripted.playing(lambda r, k: f"The answer is: {k}"))
    table = stories(1).with_columns(pl.lit(None, pl.String).alias("answer"), pl.lit(None, pl.String).alias("solution"))
    after, _ = run(table, method=[{"answer": {"agree": 0.6}}], teacher="quarrelling", samples=4)
    assert after.filter(pl.col("method") == "answer")["reject"].to_list() == ["unsolvable"] * 4


def test_made_rows_carry_their_lineage():
    after, _ = run(stories(2), method=["answer"], teacher="scripted", temperature=0.3, seed=5)
    row = after.filter(pl.col("method") == "answer").to_dicts()[0]
    assert row["parents"] == [stories(2)["id"][0]]
    assert (row["teacher"], row["generation"], row["sample"], row["source"]) == ("scripted", 1, 0, "story")
    assert len(row["call"]) == 24
    assert len(row["prompt"]) == 12
    asked = json.loads(row["asked"])
    assert (asked["temperature"], asked["max_tokens"]) == (0.3, 1024)
    assert row["verdict"] == "correct"
    assert row["step_errors"] == 0


def test_replace_sets_an_original_aside_only_where_a_child_stands():
    after, _ = run(
        stories(20), method=["answer"], teacher={"scripted": {"faults": {"wrong": 0.5}}}, originals="replace"
    )
    good = set(after.filter(pl.col("method").is_not_null() & pl.col("reject").is_null())["parents"].list.first())
    for row in after.filter(pl.col("method").is_null()).to_dicts():
        assert (row["reject"] == "replaced") == (row["id"] in good)
    assert 0 < len(good) < 20


def test_where_chooses_rows_and_the_rest_passes_by():
    table = stories(6)
    after, _ = run(table, method=["answer"], teacher="scripted", where={"topic": ["selling"]})
    balanced(table, after)
    assert after.filter(pl.col("method") == "answer").height == 2
    with pytest.raises(RecipeError, match="no column 'topik'"):
        run(table, method=["answer"], teacher="scripted", where={"topik": "x"})


def test_rows_already_set_aside_are_left_alone():
    table = stories(4).with_columns(pl.Series("reject", [None, "leak", None, None], dtype=pl.String))
    after, _ = run(table, method=["answer"], teacher="scripted")
    assert after.filter(pl.col("method") == "answer").height == 3


def test_what_a_teacher_cannot_do_is_counted_with_its_reason():
    after, figures = run(stories(3), method=["new_question"], teacher="symbolic")
    made = after.filter(pl.col("method") == "new_question")
    assert made["reject"].to_list() == ["unsupported"] * 3
    assert made["problem"].to_list() == stories(3)["problem"].to_list()
    assert sum(line["rows"] for line in figures["unsupported"]) == 3
    assert figures["unsupported"][0]["reason"]


def test_running_again_asks_only_what_is_missing(tmp_path):
    journal = tmp_path / "j.sqlite"
    for expected in ((5, 0), (0, 5)):
        _, figures = run(stories(5), method=["answer"], teacher="scripted", ctx=Context(journal=journal))
        assert (figures["teacher"]["asked"], figures["teacher"]["from_journal"]) == expected
    _, figures = run(stories(6), method=["answer"], teacher="scripted", ctx=Context(journal=journal))
    assert (figures["teacher"]["asked"], figures["teacher"]["from_journal"]) == (1, 5)


def test_the_same_call_gives_the_same_rows_with_and_without_a_journal(tmp_path):
    options = {"method": ["answer", "fobar"], "teacher": {"scripted": {"faults": {"wrong": 0.3}}}, "samples": 2}
    first, _ = run(stories(), **options)
    second, _ = run(stories(), **options, ctx=Context(journal=tmp_path / "j.sqlite"))
    third, _ = run(stories(), **options, ctx=Context(journal=tmp_path / "j.sqlite"))
    assert first.equals(second)
    assert first.equals(third)


def test_an_estimate_sends_nothing_and_knows_what_is_stored(tmp_path):
    journal = tmp_path / "j.sqlite"
    table = stories(5)
    run(table.head(2), method=["answer"], teacher="scripted", samples=3, ctx=Context(journal=journal))
    same, figures = run(
        table, method=["answer"], teacher="scripted", samples=3, estimate=True, ctx=Context(journal=journal)
    )
    assert same.equals(table)
    found = figures["estimate"]
    assert (found["requests"], found["samples"], found["usd_at_most"]) == (3, 9, None)
    assert found["tokens_out_at_most"] == 9 * 1024
    with Journal(journal) as stored:
        assert len(stored) == 6


def test_the_budget_leaves_rows_pending_and_the_next_run_settles_them(tmp_path):
    ctx = Context(journal=tmp_path / "j.sqlite")
    register("backend", "thrifty")(_thrifty)
    after, figures = run(stories(30), method=["answer"], teacher="thrifty", max_tokens=100, budget="3ktok", ctx=ctx)
    words = balanced(stories(30), after)
    assert 5 <= words["pending-budget"] < 30
    assert figures["budget"] == f"{100 * (30 - words['pending-budget']):,} of 3,000 tokens spent"
    again, _ = run(stories(30), method=["answer"], teacher="thrifty", max_tokens=100, ctx=Context(journal=ctx.journal))
    assert balanced(stories(30), again) == {"kept": 60}


def _thrifty():
    teacher = Scripted.playing(lambda r, k: Completion(f"Count: the answer is: {r.problem.answer}", tokens_out=100))
    teacher.chunk = 10
    return teacher


def test_the_acceptance_table_adds_up_over_method_level_and_source():
    after, figures = run(
        stories(12), method=["answer", "fobar"], teacher={"scripted": {"faults": {"wrong": 0.4}}}, samples=3
    )
    made = after.filter(pl.col("method").is_not_null())
    cells = {(c["method"], c["level"], c["source"]): c for c in figures["acceptance"]}
    for (method, level), rows in made.group_by("method", "level"):
        cell = cells[method, level, "story"]
        assert cell["made"] == rows.height
        assert cell["kept"] == rows["reject"].is_null().sum()
        assert cell["made"] == cell["kept"] + sum(cell["rejected"].values())
    rate = figures["solve_rate"]
    rated = made.filter(pl.col("pass_rate").is_not_null())
    assert sum(rate["judged"]) == rated.height > 20
    assert sum(rate["kept"]) == rated["reject"].is_null().sum()
    assert sum(rate["judged"]) > sum(rate["right_answer"]) >= sum(rate["true_steps"]) >= sum(rate["kept"])
    for row in rated.to_dicts():
        twins = rated.filter((pl.col("problem") == row["problem"]) & (pl.col("method") == row["method"]))
        assert row["pass_rate"] == (twins["verdict"] == "correct").mean()


def test_partitions_give_the_rows_of_one_frame(tmp_path):
    table = stories(9)
    files = []
    for i in range(3):
        files.append(tmp_path / f"{i}.parquet")
        table[i * 3 : i * 3 + 3].write_parquet(files[-1])
    options = {"method": ["answer"], "teacher": {"scripted": {"faults": {"wrong": 0.3}}}, "samples": 2}
    whole, one = run(table, **options)
    parts, three = run(Partitions(tuple(files)), **options)
    assert isinstance(parts, Partitions)
    joined = pl.concat([pl.read_parquet(f) for f in parts.files])
    assert joined.sort("id", "origin").equals(whole.sort("id", "origin"))
    assert one["by_method"] == three["by_method"]


def test_own_prompts_replace_ours_and_change_the_key(tmp_path):
    mine = tmp_path / "mine.jinja"
    mine.write_text("{# user #}\nSolve {{ problem.problem }} please\n")
    told = []
    register("backend", "listening")(lambda: Scripted.playing(lambda r, k: told.append(r) or "The answer is: 1"))
    journal = Context(journal=tmp_path / "j.sqlite")
    run(stories(1), method=["answer"], teacher="listening", ctx=journal)
    run(
        stories(1),
        method=["answer"],
        teacher="listening",
        prompts={"answer": str(mine)},
        ctx=Context(journal=journal.journal),
    )
    assert len(told) == 2
    assert told[1].messages == ({"role": "user", "content": f"Solve {stories(1)['problem'][0]} please"},)
    assert told[0].prompt != told[1].prompt


def test_reasoning_is_kept_in_its_own_column_only_where_asked():
    register("backend", "thinking")(
        lambda: Scripted.playing(lambda r, k: Completion(f"The answer is: {r.problem.answer}", reasoning="hm, 2 and 2"))
    )
    for think, column in (("keep", ["hm, 2 and 2"]), ("strip", [None])):
        after, _ = run(stories(1), method=["answer"], teacher="thinking", think=think)
        assert after.filter(pl.col("method") == "answer")["reasoning"].to_list() == column


def test_mistakes_in_the_request_are_named():
    with pytest.raises(UnknownName, match="no augmentation named 'answr'"):
        run(stories(1), method=["answr"], teacher="scripted")
    with pytest.raises(UnknownName, match="no backend named 'opnai'"):
        run(stories(1), method=["answer"], teacher="opnai:x")
    with pytest.raises(RecipeError, match="samples = 0"):
        run(stories(1), method=["answer"], teacher="scripted", samples=0)
    with pytest.raises(RecipeError, match="no batch interface"):
        run(stories(1), method=["answer"], teacher="scripted", batch=True)


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_twenty_thousand_symbolic_requests_take_seconds(count):
    table = mathdata.keep(mathdata.read("builtin:elementary"))
    started = time.process_time()
    after, figures = run(table.head(count), method=["step_cot", "vary_numbers"], teacher="symbolic")
    assert time.process_time() - started < 20 * count / 10_000 + 1
    assert figures["requests"] == 2 * count
    assert after.height == 3 * count
