"""Layouts: their columns become ours, ours theirs, and answers survive the way there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.errors import SchemaError, UnknownName
from mathdata.exports import EXPORTS, dataset_info, export
from mathdata.io import read, write
from mathdata.layouts import boxed
from mathdata.schema import row_id

TURNS = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "It is 2.\nThe answer is: 2"}]
QUESTION = "1 + 1?"


@pytest.mark.parametrize(
    ("row", "want"),
    [
        (
            {"question": "1 + 1?", "answer": "It is <<1+1=2>>2.\n#### 2"},
            {"solution": "It is <<1+1=2>>2.\n#### 2", "answer": "2", "difficulty": 1.0},
        ),
        (
            {"problem": "1 + 1?", "solution": "so $\\boxed{\\frac{4}{2}}$.", "level": "Level 3", "type": "Algebra"},
            {"answer": "\\frac{4}{2}", "topic": "Algebra", "level": "Level 3", "difficulty": 3.0},
        ),
        (
            {
                "query": "1 + 1?",
                "response": "It is 2.\nThe answer is: 2",
                "type": "GSM_Rephrased",
                "original_question": "One and one?",
            },
            {"answer": "2", "parents": [row_id("One and one?")], "method": "GSM_Rephrased", "generation": 1},
        ),
        ({"instruction": "1 + 1?", "input": "", "output": "It is 2. The answer is 2."}, {"answer": "2"}),
        ({"instruction": "Add.", "input": "1 + 1?", "output": "2"}, {"problem": "Add.\n\n1 + 1?", "answer": "2"}),
        (
            {"conversations": [{"from": "human", "value": "1 + 1?"}, {"from": "gpt", "value": "1 + 1 = 2"}]},
            {"answer": "2"},
        ),
        ({"messages": TURNS}, {"answer": "2", "messages": TURNS}),
        ({"messages": [{"role": "system", "content": "Be brief."}, *TURNS]}, {"answer": "2"}),
        ({"prompt": "1 + 1?", "completion": "1 + 1 = 2"}, {"answer": "2", "solution": "1 + 1 = 2"}),
        (
            {"source": "olympiads", "problem": "1 + 1?", "solution": "$\\boxed 2$", "messages": TURNS},
            {"source": "olympiads", "answer": "2"},
        ),
        (
            {"problem": "解方程 x + 1 = 3", "solution": "方程的解为：2.0"},
            {"problem": "解方程 x + 1 = 3", "answer": "2.0", "language": "zh"},
        ),
        (
            {"problem": "面积？", "solution": "4 * 2 = 8\n面积为 8 平方厘米"},
            {"problem": "面积？", "answer": "8", "difficulty": 2.0},
        ),
        ({"input": "1 + 1?", "golden": "2", "grade": 4}, {"answer": "2", "level": "4", "difficulty": 4.0}),
        (
            {"Body": "One and one", "Question": "what?", "Answer": 2.0, "Type": "Addition"},
            {"problem": "One and one. what?", "answer": "2", "topic": "Addition"},
        ),
        (
            {"question": "1 + 1?", "gold": "2", "response": "I say 2"},
            {"answer": "2", "solution": None, "response": "I say 2"},
        ),
        (
            {"question": "1 + 1?", "answer": 2, "id": 17, "verdict": 0.5},
            {"answer": "2", "source_id": 17, "verdict": None, "source_verdict": 0.5},
        ),
        ({"题目": "1 + 1?", "答案": "2"}, {"answer": "2"}),
    ],
)
def test_a_known_layout_is_recognised(row: dict[str, Any], want: dict[str, Any]) -> None:
    got = read([row]).row(0, named=True)
    assert got["reject"] is None
    assert {k: got[k] for k in {"problem": QUESTION} | want} == {"problem": QUESTION} | want


def test_one_instruction_for_all_rows_is_not_part_of_the_problem() -> None:
    rows = [{"instruction": "Solve it.", "input": f"{n} + 1?", "output": str(n + 1)} for n in range(3)]
    assert read(rows)["problem"].to_list() == ["0 + 1?", "1 + 1?", "2 + 1?"]


def test_two_columns_that_could_be_the_problem_are_named() -> None:
    rows = [{"problem": "a", "question": "b", "answer": "1"}]
    with pytest.raises(SchemaError, match="two columns could be the problem: 'problem' and 'question'") as caught:
        read(rows)
    assert "--column problem=question" in caught.value.hint
    mapped = read(rows, column={"problem": "question"})
    assert mapped["problem"].to_list() == ["b"]
    assert mapped["source_problem"].to_list() == ["a"], "the other column travels along"


def test_a_missing_problem_lists_what_is_there_and_suggests_the_longest_text() -> None:
    with pytest.raises(SchemaError, match=r"no column for the problem \(columns: 'n', 'stem'\)") as caught:
        read([{"n": 1, "stem": "How many?"}])
    assert caught.value.hint == "say which one it is: --column problem=stem"
    assert read([{"n": 1, "stem": "How many?"}], column={"problem": "stem"})["problem"][0] == "How many?"


def test_a_wrong_mapping_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no column 'stam'") as caught:
        read([{"stem": "x"}], column={"problem": "stam"})
    assert "stem" in caught.value.hint
    with pytest.raises(UnknownName, match="'probelm' is no column of a row"):
        read([{"stem": "x"}], column={"probelm": "stem"})


def test_real_files_are_read_with_all_their_answers(shared: Path) -> None:
    files = {"gsm8k/train": 7473, "gsm8k/test": 1319, "cmath/cmath_dev": 600, "svamp/svamp": 1000, "math/test": 5000}
    for name, rows in files.items():
        frame = read(shared / f"{name}.jsonl")
        assert (frame.height, frame["reject"].null_count(), frame["answer"].null_count()) == (rows, rows, 0), name
        assert frame["license"][0] in ("MIT", "CC-BY-4.0", "MIT (dataset)"), "as SOURCE.md states it"
    contest = read(shared / "seed_corpus" / "cot_7500.jsonl")
    assert contest["answer"].null_count() == 0
    assert read(shared / "augment" / "gsm8k_backward.jsonl")["parents"].null_count() == 0


def test_a_row_that_is_its_own_original_has_no_parent(shared: Path) -> None:
    frame = read(shared / "cmath" / "distractor.jsonl")
    plain = frame.filter(pl.col("distractor") == 0)
    changed = frame.filter(pl.col("distractor") > 0)
    assert (plain["parents"].null_count(), plain["method"].null_count()) == (plain.height, plain.height)
    assert changed["parents"].null_count() == 0
    assert set(changed["parents"].list.first()) <= {row_id(p) for p in plain["problem"]}


def test_boxed_answers_agree_with_another_extractor_on_all_of_math(shared: Path) -> None:
    ours = read(shared / "math" / "train.jsonl").unique("problem")
    theirs = read(shared / "math" / "answers_train_deepscaler.jsonl").filter(pl.col("answer").is_not_null())
    both = ours.join(theirs.unique("problem"), on="problem", suffix="_theirs")
    assert both.height > 7400
    assert both.filter(pl.col("answer") != pl.col("answer_theirs")).height == 0


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (r"\boxed{1} then \boxed{\frac{a}{b}}", r"\frac{a}{b}"),
        (r"\boxed 5$", "5"),
        (r"\fbox{7}", "7"),
        (r"\boxed{\left\{1,2\right\}}", r"\left\{1,2\right\}"),
        (r"\boxed{unclosed", None),
        (r"\boxed{}", None),
        ("no box", None),
    ],
)
def test_the_last_box_is_the_answer(text: str, want: str | None) -> None:
    assert boxed(text) == want


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip)
ANSWER = st.one_of(st.integers().map(str), st.sampled_from(["\\frac{1}{2}", "x^2 + 1", "3.50", "1,000", "3/4", "-7%"]))
ROW = st.fixed_dictionaries({"problem": TEXT, "solution": st.none() | TEXT, "answer": ANSWER})


@pytest.mark.parametrize("layout", sorted(EXPORTS))
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=4))
def test_problem_and_answer_survive_every_layout(layout: str, rows: list[dict[str, Any]]) -> None:
    frame = read(rows)
    theirs, left_out = export(frame, layout)
    back = read(theirs)
    assert left_out == 0
    assert back["problem"].to_list() == frame["problem"].to_list()
    assert back["answer"].to_list() == frame["answer"].to_list()
    ours = frame["solution"].fill_null("").to_list()
    assert all((b or "").strip().startswith(a.strip()) for a, b in zip(ours, back["solution"].to_list()))


def test_the_real_corpora_survive_every_layout(shared: Path, tmp_path: Path) -> None:
    frame = read(
        f"{shared}/gsm8k/train.jsonl?split=[:300]",
        f"{shared}/math/train.jsonl?split=[:300]",
        f"{shared}/cmath/cmath_dev.jsonl",
    )
    for layout in EXPORTS:
        theirs, left_out = export(frame, layout)
        write(theirs, tmp_path / "out.jsonl")
        back = read(tmp_path / "out.jsonl")
        assert (left_out, back.height, back["reject"].null_count()) == (0, frame.height, frame.height), layout
        assert back["problem"].equals(frame["problem"]), layout
        assert back["answer"].equals(frame["answer"]), layout


def test_rows_without_an_answer_are_counted_not_invented() -> None:
    rows, left_out = export(read([{"problem": "a"}, {"problem": "b", "answer": "2"}]), "gsm8k")
    assert (rows.to_dicts(), left_out) == ([{"question": "b", "answer": "#### 2"}], 1)


def test_the_info_file_keeps_what_others_wrote(tmp_path: Path) -> None:
    (tmp_path / "dataset_info.json").write_text('{"theirs": {"file_name": "x.json"}}')
    path, text, replaced = dataset_info(tmp_path / "mine.jsonl", "alpaca")
    assert (path, replaced) == (tmp_path / "dataset_info.json", None)
    assert json.loads(text) == {
        "theirs": {"file_name": "x.json"},
        "mine": {
            "file_name": "mine.jsonl",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        },
    }


def test_topics_are_those_that_reading_every_problem_gives(shared: Path) -> None:
    from mathdata.families import read as read_problem

    files = [shared / "seed_corpus" / "sample_1992.jsonl", f"{shared}/gsm8k/train.jsonl?split=[:500]"]
    generated = pl.DataFrame({"problem": read("builtin:elementary?rows=1500")["problem"]})
    for source in (*files, generated):
        frame = read(source)
        want = [(r.family.name if (r := read_problem(p)) else None) for p in frame["problem"].to_list()]
        assert frame["topic"].to_list() == want


def test_a_level_without_a_number_is_no_difficulty_and_no_count_of_steps() -> None:
    steps = "one\ntwo\nthree"
    levels = ["Level ?", "Level 4", None, " "]
    frame = read([{"problem": f"{n}?", "solution": steps, "level": level} for n, level in enumerate(levels)])
    assert frame["difficulty"].to_list() == [None, 4.0, 3.0, 3.0]


def test_no_row_of_math_is_harder_than_its_hardest_level(shared: Path) -> None:
    frame = read(shared / "math" / "train.jsonl")
    unknown = frame.filter(pl.col("level") == "Level ?")
    assert (unknown.height, unknown["difficulty"].null_count()) == (2, 2)
    assert frame["difficulty"].max() == 5.0


def test_an_answer_behind_four_hashes_ends_with_its_line(tmp_path: Path) -> None:
    """MetaMathQA says it once more behind it."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"query": "2 + 3?", "response": "2 + 3 = 5\\n#### 5\\nThe answer is: 5"}\n')
    assert read(path)["answer"].to_list() == ["5"]
