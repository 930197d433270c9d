"""Real golds, real outputs, other projects' cases: the judge against what is published."""

import gzip
import json
from collections import defaultdict

import pytest

from mathdata.verifiers import check_steps, extract, judge, same


def rows(path):
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.splitlines()]


def test_gsm8k_gold_meets_itself(shared):
    for name in ("train", "test"):
        texts = [r["answer"] for r in rows(shared / "gsm8k" / f"{name}.jsonl")]
        assert [t for t in texts if not judge(t.split("####")[1], t).ok] == []


def test_math_gold_meets_itself_but_for_the_two_empty_boxes(shared):
    missed = []
    for name in ("train", "test"):
        for r in rows(shared / "math" / f"{name}.jsonl"):
            value = extract(r["solution"], "boxed").value
            if not value or not judge(value, r["solution"]).ok:
                missed.append(r["solution"][-60:])
    assert len(missed) == 2
    assert all("\\boxed{}" in m for m in missed)


def test_other_projects_cases_agree_but_for_their_conventions(shared):
    cases = rows(shared / "equivalence" / "cases.jsonl")
    plain = [c for c in cases if not c.get("options") and not c.get("note")]
    differ = [c["id"] for c in plain if (judge(c["gold"], c["pred"]).status == "correct") != c["equal"]]
    assert len(plain) == 305
    assert len(differ) <= 0.02 * len(plain), differ


def test_other_projects_extractions_agree(shared):
    rule = {"boxed": "boxed", "gsm8k": "gsm8k", "last_number": "last_number", "any": "auto"}
    for case in rows(shared / "equivalence" / "extraction.jsonl"):
        found = extract(case["text"], rule[case["mode"]]).value
        assert found == case["answer"] or same(found, case["answer"]).ok, case


@pytest.mark.parametrize("name", ["openai_gsm8k_examples", "rho-math-1b-v0.1"])
def test_published_scores_of_real_models_are_met(shared, name):
    by_set = defaultdict(list)
    for r in rows(shared / "model_outputs" / f"{name}.jsonl.gz"):
        by_set[r["model"], r["dataset"]].append((judge(str(r["gold"]), r["response"]).ok, bool(r["correct"])))
    for (_, dataset), pairs in by_set.items():
        ours, theirs = (100 * sum(x) / len(pairs) for x in zip(*pairs))
        if dataset == "gsm8k":
            assert abs(ours - theirs) <= 0.3
        else:  # the source cuts `I hope it is correct` badly and takes single digits: docs/judge.md lists the rows
            assert 0 <= ours - theirs <= 3


def test_the_steps_of_gsm8k_are_clean_but_for_real_finds(shared):
    """The rows are listed in docs/judge.md; each is false or misprinted as written."""
    false = [i for i, r in enumerate(rows(shared / "gsm8k" / "train.jsonl"), 1) if check_steps(r["answer"]).false]
    known = {168, 199, 503, 3335, 3410, 4692, 4974, 6158, 6257, 6701, 6761, 7445}
    assert known <= set(false)
    assert len(false) <= 40


@pytest.mark.slow
def test_planted_slips_are_found(shared):
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
    import steps

    measured = {name: steps.measure(name, texts[:2000], 500) for name, texts in steps.corpora(shared)}
    assert measured["GSM8K train, annotated"]["recall"] >= 0.98
    assert measured["GSM8K train, prose only"]["recall"] >= 0.9
