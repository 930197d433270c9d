"""Coverage of the symbolic teacher over the real training rows: shares that are held, reasons that add up."""

import json
from collections import Counter

import pytest

from mathdata.symbolic.backward import masked_rows
from mathdata.symbolic.paraphrase import SHARE, paraphrase, shared
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.stepwise import stepwise
from mathdata.symbolic.tie import tie
from mathdata.symbolic.vary import vary
from mathdata.verifiers import check_steps, judge


def rows(shared_data, every):
    lines = (shared_data / "gsm8k/train.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[::every]]


def count(shared_data, every):
    """Reasons by product, and what was made."""
    counts = {name: Counter() for name in ("replay", "variation", "backward")}
    made = []
    read = rows(shared_data, every)
    for n, row in enumerate(read):
        try:
            graph = tie(row["question"], row["answer"])
        except Unsupported as e:
            for c in counts.values():
                c[e.word] += 1
            continue
        counts["replay"]["ok"] += 1
        try:
            made.append(vary(graph, f"test|{n}"))
            counts["variation"]["ok"] += 1
        except Unsupported as e:
            counts["variation"][e.word] += 1
        reasons = []
        asked = next(masked_rows(graph, f"test|{n}", reasons), None)
        counts["backward"]["ok" if asked else (reasons or ["no number"])[0]] += 1
        made += [asked] if asked else []
    return counts, made, len(read)


@pytest.mark.slow
def test_all_of_gsm8k_train_is_covered_as_stated_and_the_reasons_add_up(shared):
    counts, _, total = count(shared, 1)
    assert total == 7473
    assert all(sum(c.values()) == total for c in counts.values())
    share = {name: c["ok"] / total for name, c in counts.items()}
    assert share["replay"] >= 0.95
    assert share["variation"] >= 0.75
    assert share["backward"] >= 0.84


def test_what_is_made_from_real_rows_passes_the_judge(shared):
    counts, made, total = count(shared, 60)
    assert all(sum(c.values()) == total for c in counts.values())
    assert len(made) > total
    assert all(judge(m["answer"], m["solution"]).ok for m in made)
    false = [m for m in made if check_steps(m["solution"]).false]
    assert len(false) <= len(made) * 0.02


def test_steps_and_paraphrases_of_real_rows_keep_the_answer(shared):
    steps = told = 0
    for n, row in enumerate(rows(shared, 60)):
        try:
            graph = tie(row["question"], row["answer"])
        except Unsupported:
            continue
        made = stepwise(graph)
        assert judge(made["answer"], made["solution"]).ok
        steps += 1
        try:
            made = paraphrase(graph, str(n))
        except Unsupported:
            continue
        told += 1
        assert shared_part(made, row) <= SHARE
        assert judge(row["answer"].rsplit("#### ", 1)[1], made["solution"]).ok
    assert steps > 100
    assert told > 30


def shared_part(made, row):
    return shared(made["problem"], row["question"])
