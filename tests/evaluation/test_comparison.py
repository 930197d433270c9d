"""Paired comparison of real evaluations: refusals, flips, intervals, cases."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from evaluation_helpers import PROBLEMS, SUMS, Adder

from mathdata.comparison import compare
from mathdata.errors import DataError, UsageError
from mathdata.evaluation import evaluate
from mathdata.paired import mcnemar, sign_flip
from mathdata.report import comparison_run, write_report


@pytest.fixture
def two(tmp_path: Path):
    one = evaluate(Adder(bound=8, name="small"), benchmarks=[SUMS], out=tmp_path / "one")
    two = evaluate(Adder(bound=16, name="large"), benchmarks=[SUMS], out=tmp_path / "two")
    return one, two


def test_the_difference_is_paired_and_its_flips_are_counted(two):
    made = compare(*two)
    assert (made.fixed, made.broken, made.both_right, made.both_wrong, made.n) == (8, 0, 8, 4, 20)
    assert made.points == pytest.approx(40.0)
    assert 0 < made.low < 40 < made.high
    assert made.p == pytest.approx(2 * 0.5**8)
    assert made.before == "small"
    assert made.accuracy_after == pytest.approx(0.8)


def test_turning_the_comparison_round_turns_the_signs(two):
    there, back = compare(*two), compare(two[1], two[0])
    assert back.points == -there.points
    assert back.p == there.p
    assert (back.fixed, back.broken) == (there.broken, there.fixed)


def test_a_model_against_itself_shows_nothing(two):
    made = compare(two[0], two[0])
    assert (made.points, made.p) == (0, 1.0)
    assert -made.low == made.high == pytest.approx(100 * (1 - 0.05 ** (1 / 20))), "20 problems do not prove sameness"


def test_folders_work_as_well_as_objects_and_flips_are_split_by_subject(two):
    made = compare(two[0].folder, str(two[1].folder))
    by = made.benchmarks["sums"]["by"]["subject"]
    assert by["even"]["fixed"] + by["odd"]["fixed"] == 8
    assert by["even"]["n"] == by["odd"]["n"] == 10


def test_evaluations_that_differ_in_more_than_the_model_are_refused_by_name(tmp_path, two):
    other = evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "x", max_tokens=64, prompt="zero")
    with pytest.raises(UsageError) as caught:
        compare(two[0], other)
    assert "sums max_tokens: 32 and 64" in caught.value.message
    assert "sums prompt: plain and zero" in caught.value.message
    made = compare(two[0], other, anyway=True)
    assert "sums max_tokens: 32 and 64" in made.differs


def test_a_folder_without_an_evaluation_says_so(tmp_path, two):
    with pytest.raises(DataError, match="no finished evaluation"):
        compare(two[0], tmp_path / "nothing")


def test_cases_hold_both_answers_and_say_why_the_wrong_one_is_wrong(two):
    cases = {c["id"]: c for c in compare(*two).cases}
    assert cases["q9"]["flip"] == "fixed"
    assert cases["q9"]["before"] == "9 + 9 = 19\n#### 19"
    assert cases["q9"]["why_before"] == "slip at step 1"
    assert cases["q9"]["before"][slice(*cases["q9"]["slip_before"])] == "9 + 9 = 19"
    assert cases["q9"]["why_after"] is None
    assert cases["q2"]["why"] is None


def test_sampled_evaluations_compare_by_the_share_right(tmp_path):
    made = [
        evaluate(Adder(bound=b, name=str(b)), benchmarks=[SUMS], out=tmp_path / str(b), samples=4, temperature=0.5)
        for b in (8, 12)
    ]
    assert compare(*made).points == pytest.approx(20.0)


def test_the_command_refuses_writes_and_prints(cli, tmp_path, two):
    done = cli("compare", "one", "two", "-o", "report.html", "--json")
    assert done.rc == 0, done.err
    assert (done.json["fixed"], done.json["broken"], done.json["n"]) == (8, 0, 20)
    assert all((tmp_path / f"report.{x}").exists() for x in ("html", "md", "json"))
    again = cli("compare", "one", "two", "-o", "report.html")
    assert again.rc == 2
    assert "exists" in again.err
    evaluate(Adder(name="short"), benchmarks=[SUMS], out=tmp_path / "short", limit=5)
    refused = cli("compare", "one", "short")
    assert refused.rc == 2
    assert "sums items: 20 and 5" in refused.err
    anyway = cli("compare", "one", "short", "--anyway")
    assert anyway.rc == 0
    assert "not the same: sums items: 20 and 5" in anyway.err


def test_what_differs_is_printed_in_red_and_stands_red_in_the_report(tmp_path, two):
    from mathdata.cli.compare import command

    evaluate(Adder(name="other"), benchmarks=[SUMS], out=tmp_path / "long", max_tokens=64)
    sides = [str(tmp_path / "one"), str(tmp_path / "long")]
    refused = CliRunner().invoke(command, sides)
    assert (refused.exit_code, "sums max_tokens: 32 and 64" in refused.stderr) == (2, True)
    done = CliRunner().invoke(command, [*sides, "--anyway", "-o", str(tmp_path / "r.html")], color=True)
    assert "\x1b[31mnot the same: sums max_tokens: 32 and 64" in done.stderr
    assert re.search(r'<li class="red">.{0,60}sums max_tokens: 32 and 64', (tmp_path / "r.html").read_text())


def test_a_report_is_a_page_and_a_run_tells_where_its_evaluations_are(cli, tmp_path, two):
    named = cli("compare", "one", "two", "-o", "report.md")
    assert (named.rc, "name it .html" in named.err) == (2, True)
    assert not (tmp_path / "report.md").exists()
    evaluate(Adder(), benchmarks=[SUMS], out=tmp_path / "run" / "evaluation" / "curated")
    done = cli("compare", "one", "run")
    assert done.rc == 1
    assert "run/evaluation/curated" in done.err
    assert "Errno" not in cli("compare", "one", "nowhere").err


def test_half_written_parquet_does_not_pass_for_an_evaluation(tmp_path, two):
    (two[0].folder / "sums.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(DataError, match=r"sums\.parquet"):
        compare(*two)


def test_several_seeds_are_averaged_problem_by_problem(tmp_path):
    sides = []
    for side, bounds in (("before", (6, 7, 8)), ("after", (14, 15, 16))):
        sides.append(
            [
                evaluate(Adder(bound=b, name=f"{side}{b}"), benchmarks=[SUMS], out=tmp_path / f"{side}{b}")
                for b in bounds
            ]
        )
    made = compare(*sides)
    assert made.points == pytest.approx(40.0)
    assert [round(s["points"]) for s in made.seeds] == [40, 40, 40]
    assert made.low < 40 < made.high
    assert 0.001 < made.p < 0.02
    assert (made.n, made.test) == (20, "sign-flip")
    page = write_report(comparison_run(made, sides[0][0], sides[1][0]), tmp_path / "r.html").read_text()
    assert "sign-flip test over the problems" in page
    assert "McNemar exact p" not in page
    assert "before7 → after15" in page
    assert "sign-flip p" in (tmp_path / "r.md").read_text()
    with pytest.raises(UsageError, match="3 runs before and 2 after"):
        compare(sides[0], sides[1][:2])


def test_the_sign_flip_test_agrees_with_the_exact_one_on_single_runs():
    for fixed, broken in ((8, 0), (9, 3), (5, 5), (30, 15)):
        difference = [1.0] * fixed + [-1.0] * broken + [0.0] * 20
        assert sign_flip(difference) == pytest.approx(mcnemar(fixed, broken), abs=0.02)
    assert sign_flip([0.0, 0.0]) == 1.0


def test_one_word_means_one_digest_wherever_it_is_printed(cli, tmp_path):
    lines = "".join(f'{{"id": "q{i}", "problem": "{i} + 1?", "answer": "{i + 1}"}}\n' for i in range(4))
    (tmp_path / "p.jsonl").write_text(lines)
    said = {}
    for name in ("a", "b"):
        answers = "".join(f'{{"id": "q{i}", "response": "#### {i if name == "a" else 2}"}}\n' for i in range(4))
        (tmp_path / f"{name}.jsonl").write_text(answers)
        out = cli("evaluate", name, "-b", "p.jsonl", "--responses", f"{name}.jsonl", "-o", f"e{name}").out
        said[name] = re.search(r"evaluation (\w+) \(settings and model\), settings (\w+)", out).groups()
    assert said["a"][0] != said["b"][0]
    assert said["a"][1] == said["b"][1]
    told = f"evaluation {said['a'][0]} → {said['b'][0]} (settings and model), settings {said['a'][1]}\n"
    assert told in cli("compare", "ea", "eb").out


FEW = replace(SUMS, name="few", load=lambda: PROBLEMS.tail(5), max_tokens=32)


@pytest.fixture
def opposed(tmp_path: Path):
    """Two benchmarks of different sizes: on twenty problems eight more are right, on the last five fewer."""

    class Backwards(Adder):
        """Right on the last five of `few` alone."""

        def __init__(self, bound: int, tail: bool, name: str) -> None:
            super().__init__(bound, name=name)
            self.tail, self.calls = tail, 0

        def generate(self, requests):
            self.bound, kept = (20 if self.tail else 0) if len(requests) == 5 else self.bound, self.bound
            made = super().generate(requests)
            self.bound = kept
            return made

    sides = (Backwards(8, True, "small"), Backwards(16, False, "large"))
    return [evaluate(m, benchmarks=[SUMS, FEW], out=tmp_path / m.name) for m in sides]


def test_benchmarks_of_different_sizes_are_never_pooled(opposed, cli, tmp_path):
    made = compare(*opposed)
    sums, few = made.benchmarks["sums"], made.benchmarks["few"]
    assert (sums["n"], sums["points"], sums["fixed"], sums["broken"]) == (20, pytest.approx(40.0), 8, 0)
    assert (few["n"], few["points"], few["fixed"], few["broken"]) == (5, pytest.approx(-100.0), 0, 5)
    assert sums["p"] == pytest.approx(2 * 0.5**8)
    assert few["p"] == pytest.approx(2 * 0.5**5)
    assert few["mdd"] > sums["mdd"]
    with pytest.raises(UsageError, match="there is no figure over all of them"):
        print(made.points)
    with pytest.raises(AttributeError):
        print(made.nothing)
    assert {"points", "p", "n", "fixed"} & set(made.as_dict()) == set()
    done = cli("compare", "small", "large", "-o", "r.html", "--json")
    assert set(done.json["benchmarks"]) == {"sums", "few"}
    assert "points" not in done.json
    shown = cli("compare", "small", "large").out
    assert "sums: small → large: +40.0 points" in shown
    assert "few: small → large: -100.0 points" in shown
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["difference"] is None
    assert [(d["benchmark"], round(d["points"])) for d in report["differences"]] == [("sums", 40), ("few", -100)]
    page, text = (tmp_path / "r.html").read_text(), (tmp_path / "r.md").read_text()
    pooled = [f"{100 * (8 - 5) / 25:.1f}", "n = 25"]
    assert not any(p in page.partition("<script")[0] or p in text for p in pooled)
    assert "1 helped</span>" in page
    assert "1 not clear</span>" in page, "Holm over the two: p of few is 0.06"
    assert "sums: small → large +40.0 points" in text
    assert "few: small → large −100.0 points" in text


def test_one_benchmark_can_be_asked_for_and_only_its_settings_must_agree(tmp_path):
    one = evaluate(Adder(name="a"), benchmarks=[SUMS, FEW], out=tmp_path / "a")
    two = evaluate(Adder(name="b"), benchmarks=[SUMS, replace(FEW, max_tokens=64)], out=tmp_path / "b")
    with pytest.raises(UsageError, match="few max_tokens: 32 and 64"):
        compare(one, two)
    assert compare(one, two, benchmarks=["sums"]).n == 20
    with pytest.raises(UsageError, match="few max_tokens: 32 and 64"):
        compare(one, two, benchmarks=["few"])


def test_figures_that_both_sides_have_stand_before_and_after(two, cli):
    moved = compare(*two).measures
    assert moved["accuracy"] == {"before": pytest.approx(0.4), "after": pytest.approx(0.8)}
    assert {"accuracy_strict", "final_exact_match", "format_accuracy", "truncated"} <= set(moved)
    assert "exact text 40.0 → 80.0 %" in cli("compare", "one", "two").out
