"""What went wrong, on planted mistakes: worked solutions broken in known ways, judged by the real judge."""

from __future__ import annotations

import json
import random
import re

import pytest

from mathdata.casework import explain, kind_of
from mathdata.verifiers import judge

KINDS = ("no answer", "cut off", "slip", "wrong set-up", "formatting")


def made_up(rng: random.Random) -> tuple[str, str]:
    """A worked solution of three steps, in one of three styles, and its answer."""
    a, b, c, d = (rng.randint(6, 90) for _ in range(4))
    one, two, three = a + b, (a + b) * c, (a + b) * c - d
    style = rng.choice(["plain", "annotated", "chinese"])
    if style == "chinese":
        lines = [
            f"第一步：两天一共 {a} + {b} = {one} 个。",
            f"第二步：{c} 组共 {one} × {c} = {two} 个。",
            f"第三步：剩下 {two} - {d} = {three} 个。",
        ]
    elif style == "annotated":
        lines = [f"Tom has {a}+{b}=<<{a}+{b}={one}>>{one} shells.", f"With {c} friends: {one}*{c}=<<{one}*{c}={two}>>{two}.",
                 f"He loses {d}: {two}-{d}=<<{two}-{d}={three}>>{three} shells."]  # fmt: skip
    else:
        lines = [
            f"First add them: {a} + {b} = {one}.",
            f"There are {c} such days, so {one} * {c} = {two}.",
            f"Then {two} - {d} = {three} remain.",
        ]
    return "\n".join([*lines, f"#### {three}"]), str(three)


def real(shared) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in (shared / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    found = [(r["answer"], r["answer"].rpartition("####")[2].strip().replace(",", "")) for r in rows]
    return [(s, g) for s, g in found if 2 <= s.count("<<") <= 6 and re.fullmatch(r"\d+", g)]


def results(text: str) -> list[re.Match[str]]:
    """Where equations of two whole numbers state their result."""
    return list(
        re.finditer(r"(?<![\d.])(\d+) ?([-+*×]) ?(\d+) ?=(?:<<(\d+)([-+*])(\d+)=)? ?(\d+)(?:>>(\d+))?(?![\d.])", text)
    )


def with_result(text: str, match: re.Match[str], value: int) -> str:
    for group in (8, 7):
        if match[group] is not None:
            text = text[: match.start(group)] + str(value) + text[match.end(group) :]
    return text


def broken(kind: str, solution: str, gold: str, rng: random.Random) -> tuple[str, bool, int | None] | None:
    """The solution with one mistake of a kind: (text, cut off, step); None where it cannot be planted."""
    body = solution.rpartition("####")[0].rstrip()
    found = results(body)
    if not found:
        return None
    if kind == "no answer":
        return (
            rng.choice(
                [
                    "",
                    "I am not sure how to do this one.",
                    "Let us think about it. We need to know more.",
                    "我不会做这道题。",
                ]
            ),
            False,
            None,
        )
    if kind == "cut off":
        lines = body.splitlines()
        whole = "\n".join(lines[: rng.randint(1, max(1, len(lines) - 1))])
        return whole[: max(8, int(len(whole) * rng.uniform(0.6, 0.95)))], True, None
    if kind == "formatting":
        last = rng.choice(["\\boxed{}", "#### <answer>", "#### answer", "The answer is: see above", "####"])
        return f"{body}\n{last}", False, None
    at = rng.randrange(len(found)) if kind == "slip" else len(found) - 1
    match = found[at]
    a, op, b = int(match[1]), match[2], int(match[3])
    if kind == "slip":
        wrong = int(match[7]) + rng.choice([1, -1, 10, 2])
        text = with_result(body, match, wrong)
        step = len([x for x in body[: match.end()].splitlines() if x.strip()])
        return f"{text}\n#### {int(gold) + rng.choice([3, 7, 11])}", False, step
    other = rng.choice([o for o in "+-*" if o != op.replace("×", "*")])
    value = {"+": a + b, "-": a - b, "*": a * b}[other]
    text = f"{a} {other} {b} = {value}"
    return body[: match.start()] + text + body[match.end() :] + f"\n#### {value}", False, None


def planted(source: list[tuple[str, str]], n: int, seed: int) -> list[tuple[str, str, str, bool, int | None]]:
    """n cases, the kinds in turn, that the judge does not call correct."""
    rng = random.Random(seed)
    cases = []
    while len(cases) < n:
        kind = KINDS[len(cases) % len(KINDS)]
        solution, gold = rng.choice(source)
        made = broken(kind, solution, gold, rng)
        if made and not judge(gold, made[0], rule="gsm8k").ok:
            cases.append((kind, gold, *made))
    return cases


def score(cases) -> tuple[float, list]:
    missed = []
    for kind, gold, text, cut, step in cases:
        verdict = judge(gold, text, rule="gsm8k")
        why = explain(text, gold=gold, got=verdict.got, verdict=verdict.status, cut_off=cut).text
        if kind_of(why) != kind:
            missed.append((kind, why, verdict.status, verdict.got, gold, text))
        elif step is not None and why != f"slip at step {step}":
            missed.append((f"slip at step {step}", why, text))
    return 1 - len(missed) / len(cases), missed


def test_nine_tenths_of_two_hundred_planted_mistakes_land_in_their_group():
    rng = random.Random(5)
    right, missed = score(planted([made_up(rng) for _ in range(300)], 200, seed=1))
    assert right >= 0.9, missed[:5]


def test_nine_tenths_of_two_hundred_mistakes_planted_in_real_solutions_land_in_their_group(shared):
    right, missed = score(planted(real(shared), 200, seed=2))
    assert right >= 0.9, missed[:5]


@pytest.mark.parametrize(
    ("response", "gold", "got", "verdict", "cut", "why"),
    [
        ("", "4", None, "unparsed", False, "no answer"),
        ("   \n", "4", None, "unparsed", True, "no answer"),
        ("2 + 2 = 5\n#### 5", "4", "5", "wrong", False, "slip at step 1"),
        ("2 * 3 = 6\n#### 6", "4", "6", "wrong", False, "wrong set-up"),
        ("so we first add the two and", "4", None, "unparsed", True, "cut off"),
        ("2 + 2 = 4\n\\boxed{}", "4", None, "unparsed", False, "formatting"),
        ("The answer is four-ish", "4", None, "unparsed", False, "formatting"),
        ("1 + 1 = 2. 2 + 2 = 5. So 5.", "4", "5", "wrong", False, "slip at step 2"),
    ],
)
def test_each_group_has_its_plain_case(response, gold, got, verdict, cut, why):
    assert explain(response, gold=gold, got=got, verdict=verdict, cut_off=cut).text == why
