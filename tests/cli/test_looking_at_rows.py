"""show, review, export, ls and doctor as a user meets them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.decisions import Decision, apply
from mathdata.errors import DataError, SchemaError, UnknownName
from mathdata.io import read, write
from mathdata.show import clean, figures, pick, where

Cli = Callable[..., Any]
HOSTILE = "\x1b[31mred\x1b]0;title\x07 [bold]x[/bold] \u202etxt\u202c \x9b2J <script>"
ROWS = [
    {"problem": "How many sheep?", "answer": "2", "topic": "add"},
    {"problem": "How many sheep?", "answer": "3", "topic": "add"},
    {"problem": "2 + 2?", "answer": "4", "topic": "add"},
    {"problem": HOSTILE, "answer": "5", "topic": "hostile", HOSTILE: "x"},
    {"problem": "2 + 2?", "answer": "4", "topic": "add"},
]


@pytest.fixture
def cleaned(tmp_path: Path, call: Cli) -> Path:
    """A file as dedup leaves it: two kept rows, one duplicate, one conflict of two rows."""
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    assert call("dedup", "raw.jsonl", "-o", "out.parquet").rc == 0
    return tmp_path / "out.parquet"


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_steers_a_terminal(text: str) -> None:
    shown = clean(text)
    assert [
        c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and c not in "\n\t"
    ] == []
    plain = "".join(c for c in text if c.isprintable())
    assert plain in shown or plain != text, "ordinary text is shown as it is"


def test_an_unknown_id_is_two_short_lines_that_say_where_to_look(tmp_path: Path, call: Cli) -> None:
    rows = [{"problem": f"{i} + 1 = ?", "answer": str(i + 1 + j)} for i in range(600) for j in (0, 1)]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert call("dedup", "raw.jsonl", "-o", "out.parquet").rc == 0
    known = read("out.parquet.rejects.parquet")["id"][0]
    for command in (
        ["show", "raw.jsonl", "--id"],
        ["show", "raw.jsonl", "--diff", known],
        ["review", "out.parquet", "--drop"],
    ):
        done = call(*command, "zzzz")
        assert done.rc == 2
        assert "'zzzz'" in done.err
        assert done.err.splitlines()[-1] == f"hint: look with: mathdata {command[0]} FILE"
        assert len(done.err) < 300, "no list of ids"
    assert known in call("show", "raw.jsonl", "--id", known[:-2] + "zz").err, "a slip of the pen is put right"


def test_a_sample_says_on_screen_what_its_quota_lacks(cleaned: Path, call: Cli) -> None:
    done = call("sample", "out.parquet", "-o", "s.parquet", "--strategy", "quota", "--quota", "add=5,hostile=1,nope=3")
    assert done.rc == 0, done.err
    assert "quota: nope has no rows\n" in done.err
    assert "quota: add has 1 of 5 rows\n" in done.err
    assert "quota: hostile" not in done.err
    assert "8 rows fewer than asked for" in call("sample", "out.parquet", "-o", "u.parquet", "--n", "10").err


def test_a_long_list_of_valid_names_is_cut(tmp_path: Path, call: Cli) -> None:
    (tmp_path / "raw.jsonl").write_text(
        json.dumps({"problem": "1 + 1?"} | {f"c{i:03}": "x" for i in range(300)}) + "\n"
    )
    done = call("show", "raw.jsonl", "--where", "qqqqqqqqqqqq=1")
    assert done.rc == 2
    assert done.err.splitlines()[-1].endswith(" more")
    assert " ... and " in done.err
    assert len(done.err) < 400


def test_a_runs_folder_is_answered_with_the_file_or_model_inside_that_was_meant(tmp_path: Path, call: Cli) -> None:
    run = tmp_path / "run"
    for arm in ("curated", "raw"):
        (run / "models" / arm).mkdir(parents=True)
        (run / "models" / arm / "train.json").write_text('{"trainable": 1}')
    for name in ("card.croissant.json", "manifest.json", "recipe.json"):
        (run / name).write_text("{}")
    for name in ("curated", "raw", "rejects"):
        write(pl.DataFrame(ROWS[:1]), run / f"{name}.parquet")
    shown = call("dedup", "run", "-o", "out.parquet")
    assert shown.err.splitlines()[-1] == "hint: name a file: run/curated.parquet"
    assert "croissant" not in shown.err
    assert call("show", "run").rc == 0  # its curated set is what is meant
    assert call("review", "run").err.splitlines()[-1] == "hint: mathdata review run/rejects.parquet"
    for command in (["evaluate", "run", "-b", "elementary", "-o", "e"], ["chat", "run"]):
        done = call(*command)
        assert done.rc == 2
        assert done.err.splitlines()[-1] == "hint: name one: run/models/curated, run/models/raw"


def test_hostile_rows_are_shown_as_text(cleaned: Path, call: Cli) -> None:
    for arguments in (
        ["--where", "topic=hostile"],
        ["--id", read(cleaned).filter(pl.col("topic") == "hostile")["id"][0]],
    ):
        done = call("show", "out.parquet", *arguments)
        assert done.rc == 0, done.err
        assert [c for c in done.out if (ord(c) < 32 and c != "\n") or c in "\x9b\u202e\u202c"] == []
        assert "[bold]x[/bold]" in done.out.replace("\n", " ")


def test_show_filters_counts_and_says_why_a_row_was_rejected(cleaned: Path, call: Cli) -> None:
    assert call("show", "out.parquet", "--where", "answer=4", "--json").json["total"] == 1
    words = call("show", "out.parquet", "--rejects", "exact-duplicate", "--json").json
    assert words["total"] == 1
    assert "same row as" in words["rows"][0]["reject_why"]
    stats = call("show", "out.parquet", "--stats", "--json").json
    assert (stats["rows"], stats["topic"]) == (2, {"add": 1, "hostile": 1})
    done = call("show", "out.parquet", "--rejects", "leak")
    assert (done.rc, "no row was rejected as 'leak'" in done.err) == (2, True)


def test_conditions_are_checked_and_every_kind_of_column_can_be_asked() -> None:
    frame = read([*ROWS, {"problem": "x", "answer": None, "topic": None}])
    assert where(frame, ["topic="]).height == 1
    assert where(frame, ["topic!=add"]).height == 2
    assert where(frame, ["problem~sheep", "answer=3"]).height == 1
    assert where(frame, ["generation=0"]).height == 6
    with pytest.raises(UnknownName, match="no column 'tpoic'") as caught:
        where(frame, ["tpoic=add"])
    assert caught.value.hint == "did you mean 'topic'?"
    with pytest.raises(SchemaError, match="not a condition"):
        where(frame, ["topic"])


def test_lineage_reaches_across_the_output_and_its_rejects(cleaned: Path, call: Cli) -> None:
    parent = read(cleaned).filter(pl.col("answer") == "4")["id"][0]
    made = read([{"problem": "3 + 3?", "answer": "6", "parents": [parent], "method": "vary_numbers", "generation": 1}])
    write(made, cleaned.parent / "more.parquet")
    done = call("show", "out.parquet", "more.parquet", "--id", parent)
    assert "vary_numbers: 3 + 3?" in done.out
    done = call("show", "more.parquet", "out.parquet", "--id", made["id"][0][:8])
    assert f"{parent} original: 2 + 2?" in done.out


def test_a_difference_shows_only_what_differs(cleaned: Path, call: Cli) -> None:
    gone = read(f"{cleaned}.rejects.parquet").filter(pl.col("reject") == "review-conflict")["id"].to_list()
    done = call("show", "out.parquet", "--diff", *gone)
    assert "answer" in done.out
    assert "topic" not in done.out


def test_an_id_that_several_rows_share_a_start_of_is_refused() -> None:
    frame = read(ROWS)
    with pytest.raises(UnknownName, match="rows have an id that starts with ''"):
        pick(frame, "")
    assert pick(frame, "memory:2")["answer"] == "3"


def test_figures_agree_with_the_rows() -> None:
    frame = read(ROWS)
    made = figures(frame)
    assert (made["rows"], made["distinct_ids"], made["filled"]["answer"]) == (5, 4, 5)
    assert made["characters"]["answer"] == {"min": 1, "median": 1, "p95": 1, "max": 1}


def test_review_accepts_fixes_and_drops_and_loses_nothing(cleaned: Path, call: Cli) -> None:
    wrong, right = (
        r["id"] for r in call("show", "out.parquet", "--rejects", "review-conflict", "--json").json["rows"][::-1]
    )
    done = call("review", "out.parquet", "--accept", right[:10], "--fix", wrong, "answer=2.0", "--json")
    assert (done.rc, done.json["decided"], done.json["open"]) == (0, {"accept": 1, "fix": 1, "drop": 0}, 0)
    done = call("review", "out.parquet", "--apply", "-o", "reviewed.parquet", "--json")
    assert (done.json["rows_in"], done.json["created"], done.json["kept"]) == (3, 1, 2)
    assert done.json["rows_in"] + done.json["created"] == done.json["kept"] + sum(done.json["rejected"].values())
    back = read(cleaned.parent / "reviewed.parquet")
    assert sorted(back["answer"]) == ["2", "2.0"]
    fixed = back.filter(pl.col("method") == "person").row(0, named=True)
    assert (fixed["parents"], fixed["generation"]) == ([wrong], 1)
    rest = read(cleaned.parent / "reviewed.parquet.rejects.parquet")
    assert f"fixed by a person as {fixed['id']}" in rest.filter(pl.col("id") == wrong)["reject_why"][0]


def test_review_asks_row_by_row_and_keeps_each_answer_at_once(cleaned: Path, call: Cli) -> None:
    done = call("review", "out.parquet", "--ask", stdin="what\nf anwser=2\nf answer=2\nd\n")
    assert done.rc == 0, done.err
    assert "did you mean 'answer'?" in done.err
    assert call("review", "out.parquet", "--json").json["decided"] == {"accept": 0, "fix": 1, "drop": 1}
    lines = Path(f"{cleaned}.rejects.parquet.decisions.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["decision"] for line in lines) == ["drop", "fix"]


def test_a_damaged_decision_is_named_by_its_line(cleaned: Path, call: Cli) -> None:
    Path(f"{cleaned}.rejects.parquet.decisions.jsonl").write_text('{"id": "a", "decision": "maybe"}\n')
    done = call("review", "out.parquet")
    assert done.rc in (1, 2)
    assert "no decision 'maybe'" in done.err


@given(st.lists(st.sampled_from(["accept", "drop", "fix", None]), min_size=3, max_size=3))
@settings(max_examples=20, deadline=None)
def test_whatever_is_decided_every_row_is_still_there(words: list[Any]) -> None:
    rows = [{"problem": f"{n}?", "answer": str(n), "mine": n} for n in range(4)]
    frame = read(rows).with_columns(
        reject=pl.Series([None, "review-gold", "review-gold", "review-leak"]), reject_why=pl.lit("look")
    )
    chosen = {
        i: Decision(i, w, {"answer": "7"} if w == "fix" else {}) for i, w in zip(frame["id"].to_list()[1:], words) if w
    }
    after = apply(frame, chosen)
    assert after.height == 4 + words.count("fix")
    assert set(frame["id"]) <= set(after["id"])
    assert after["reject"].null_count() == 1 + words.count("accept") + words.count("fix")
    assert after["mine"].null_count() == 0


def test_export_writes_the_layout_and_the_info_file(cleaned: Path, call: Cli) -> None:
    done = call("export", "out.parquet", "--format", "sharegpt", "-o", "train.json", "--json")
    assert (done.rc, done.json["written"]) == (0, 2)
    info = json.loads((cleaned.parent / "dataset_info.json").read_text())
    assert info["train"]["formatting"] == "sharegpt"
    turns = json.loads((cleaned.parent / "train.json").read_text())[0]["conversations"]
    assert [t["from"] for t in turns] == ["human", "gpt"]
    done = call("export", "out.parquet", "--format", "shargpt", "-o", "x.jsonl")
    assert (done.rc, "did you mean 'sharegpt'?" in done.err) == (2, True)


def test_ls_lists_every_kind_with_options_and_names_the_nearest(call: Cli) -> None:
    kinds = call("ls", "--json").json
    assert {"stage", "augmentation", "backend", "benchmark", "family", "prompts", "recipes"} <= set(kinds)
    stages = {s["name"]: s for s in call("ls", "stages", "--json").json["stage"]}
    assert "level" in [o["name"] for o in stages["dedup"]["options"]]
    assert [k for k, names in kinds.items() if not names] == [], "no kind of which there is nothing"
    rules = {r["name"]: r["summary"] for r in call("ls", "rules", "--json").json["rules"]}
    assert {"auto", "boxed", "gsm8k", "letter"} <= set(rules)
    assert "hashes, boxed, phrase, last number" in rules["gsm8k"]
    done = call("ls", "backedn")
    assert (done.rc, "did you mean 'backend'?" in done.err) == (2, True)


def test_a_plugin_is_named_without_being_imported(tmp_path: Path, cli: Cli) -> None:
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mathdata.sampler]\nhard = theirs_module_that_must_not_load:Sampler\n")
    (tmp_path / "theirs_module_that_must_not_load.py").write_text("raise SystemExit('imported')\n")
    done = cli("ls", "sampler", "--json", env={"PYTHONPATH": str(tmp_path)})
    assert done.rc == 0, done.err
    assert [s["plugin"] for s in done.json["sampler"] if s["name"] == "hard"] == ["theirs"]


def test_doctor_says_what_is_here_and_what_is_not(cli: Cli) -> None:
    done = cli("doctor", "--json", env={"MATHDATA_DATA": "/nowhere"})
    checks = {c["name"]: c for c in done.json["checks"]}
    assert done.json["ok"] is True
    assert checks["python"]["state"] == "ok"
    assert checks["data"]["state"] == "absent"
    assert "MATHDATA_DATA" in checks["data"]["hint"]


def test_a_decision_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    from mathdata.decisions import load

    (tmp_path / "d.jsonl").write_text("nonsense\n")
    with pytest.raises(DataError, match=r"d\.jsonl:1: not a decision"):
        load(tmp_path / "d.jsonl")


def test_a_run_s_folder_shows_its_curated_set_with_what_fell_out_of_it(
    tmp_path: Path, cleaned: Path, call: Cli
) -> None:
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    cleaned.rename(run / "curated.parquet")
    (tmp_path / "out.parquet.rejects.parquet").rename(run / "rejects.parquet")
    whole = call("show", "runs/mine", "--json")
    assert whole.json["total"] == pl.read_parquet(run / "curated.parquet").height
    gone = call("show", "runs/mine", "--rejects", "--json")
    assert gone.json["total"] == pl.read_parquet(run / "rejects.parquet").height
    assert {r["reject"] for r in gone.json["rows"]} == {"exact-duplicate", "review-conflict"}
