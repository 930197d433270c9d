from __future__ import annotations

import json
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.augmentations.answer import majority
from mathdata.augmentations.asking import FOLDER, find_prompt, render
from mathdata.augmentations.fobar import Fobar, backward
from mathdata.augmentations.masks import find_masks, mask_for, masked, variable_for
from mathdata.augmentations.new_question import said_question
from mathdata.augmentations.replies import failed, json_part, tagged
from mathdata.augmentations.self_verification import SelfVerification, split_question
from mathdata.augmentations.template import Template, bare
from mathdata.backends._thinking import split_thinking
from mathdata.backends.scripted import Scripted
from mathdata.errors import RecipeError
from mathdata.registry import build, register
from mathdata.schema import conform
from mathdata.seeds import base_of, number_of, seed_for
from mathdata.stages.augment import augment
from mathdata.types import Completion, Context, Problem

STORY = "Tom has 31 pens and buys 4 boxes of 12 pens. How many pens has he now?"


def problem(text=STORY, answer="79", solution="4 * 12 = 48, 31 + 48 = 79", **more):
    return Problem("0" * 16, text, solution=solution, answer=answer, language=more.pop("language", "en"), **more)


def run(rows, method, play, **options):
    register("backend", "played")(lambda: Scripted.playing(play))
    ctx = Context()
    made = augment(conform(pl.DataFrame(rows)), method=[method], teacher="played", ctx=ctx, **options)
    return made.filter(pl.col("method").is_not_null()).sort("origin"), ctx.figures


# --- masks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "solution", "numbers"),
    [
        (STORY, "4 * 12 = 48, 31 + 48 = 79", ["31", "4", "12"]),
        ("Room 12 holds 30 chairs. How many do 5 such rooms hold?", "30 * 5 = 150", ["30", "5"]),
        ("In Step 2 he adds 40 to 17.", "40 + 17 = 57", ["40", "17"]),
        ("In 1999 he had 20 cows, since 2001 he has 7 more.", "20 + 7", ["20", "7"]),
        ("On May 5 she ran 6 km, at 7:30 she ran 3 km more.", "6 + 3 = 9", ["6", "3"]),
        ("The 3rd runner took 50 seconds, 8 more than the 2nd.", "50 - 8 = 42", ["50", "8"]),
        ("He eats 1/4 of 24 cakes.", "24 / 4 = 6", ["24"]),
        ("5 cats and 5 dogs and 9 birds", "5 + 5 + 9", ["9"]),
        ("It costs $1,250.50 for 2 nights.", "1250.50 * 2", ["1,250.50", "2"]),
        ("He has 31 pens and 88 pencils; how many pens?", "31", ["31"]),
        ("If $x^2 + 5x + 6 = 0$, what is the sum of 3 such?", "", ["3"]),
        ("5月3日小明有20元，买了4本书。", "20 / 4", ["20", "4"]),
        ("A 5-year-old has 12 toys.", "12", ["12"]),
        ("no numbers here", "", []),
    ],
)
def test_masks_fall_on_numbers_that_matter(text, solution, numbers):
    assert [m.text for m in find_masks(problem(text, solution=solution))] == numbers


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_a_mask_is_a_number_of_the_text_whatever_the_text(text):
    for mask in find_masks(problem(text, solution=None)):
        assert text[mask.start : mask.end] == mask.text
        assert masked(text, mask) == text[: mask.start] + "x" + text[mask.end :]


def test_hostile_text_costs_little_time():
    import time

    started = time.perf_counter()
    for text in ("$" * 20000, "9" * 50000, "1," * 20000, "\\(" * 10000, "[asy]" * 5000, "#" * 9000 + "1", "in " * 9000):
        find_masks(problem(text, solution=text))
        bare(text)
        split_question(text)
        tagged(text, "question")
        json_part("{" * 2000 + text)
    assert time.perf_counter() - started < 3


def test_samples_of_one_row_mask_different_numbers():
    seeds = [seed_for(42, "row", "fobar", k) for k in range(4)]
    assert [number_of(s) for s in seeds] == [0, 1, 2, 3]
    assert len({base_of(s) for s in seeds}) == 1
    chosen = [mask_for(problem(), base_of(s), number_of(s)) for s in seeds]
    assert {m.text for m in chosen[:3] if m} == {"31", "4", "12"}
    assert chosen[3] == chosen[0], "after the last number the first again: a further solution"
    early = [mask_for(problem(), 7, k, end=STORY.index("12")) for k in range(4)]
    assert {m.text for m in early if m} < {"31", "4", "12"}


def test_the_unknown_takes_a_letter_the_question_does_not_use():
    assert variable_for("What is 3 + 4?") == "x"
    assert variable_for("Solve x + 3 = 7") == "y"
    assert variable_for("x and y and z and k") is None


# --- fobar and self verification ------------------------------------------------------------------------------------


def test_a_backward_question_hides_one_number_and_tells_the_answer():
    params = backward(problem(), seed_for(1, "r", "fobar", 0))
    question = str(params["question"])
    assert "If we know the answer to the above question is 79, what is the value of the unknown variable x?" in question
    assert not re.search(rf"\b{params['expected']}\b", question)
    assert question.count("x") >= 2
    chinese = backward(problem("小明有20元，买了4本书，每本几元？", "5", None, language="zh"), 0)
    assert "如果已知上述问题的答案是 5" in str(chinese["question"])


def test_a_backward_answer_is_kept_when_it_is_the_hidden_number():
    def play(request, sample):
        hidden = request.params["expected"]
        return f"So x = {hidden}.\nThe answer is: {hidden if sample == 0 and request.problem.answer != '5' else '1000'}"

    rows = [
        {"problem": STORY, "answer": "79", "solution": "4 * 12 = 48, 31 + 48 = 79"},
        {"problem": "How much is 2 + 3?", "answer": "5", "solution": "2 + 3 = 5"},
    ]
    made, _ = run(rows, "fobar", play)
    assert sorted(made["reject"].fill_null("kept")) == ["kept", "wrong-answer"]
    kept = made.filter(pl.col("reject").is_null()).to_dicts()[0]
    assert kept["answer"] in ("31", "4", "12")


@pytest.mark.parametrize(("ways", "kept"), [(1, 3), (2, 6)])
def test_more_samples_than_numbers_are_further_solutions_kept_by_another_path(ways, kept):
    def play(request, sample):
        hidden = request.params["expected"]
        way = "1 + 1 = 2. " if sample % ways else ""
        return f"{way}{hidden} + 0 = {hidden}. The answer is: {hidden}"

    rows = [{"problem": STORY, "answer": "79", "solution": "4 * 12 = 48, 31 + 48 = 79"}]
    made, figures = run(rows, "fobar", play, samples=6)
    assert made.height == 6
    assert figures["by_method"]["fobar"]["kept"] == kept
    assert made.filter(pl.col("reject").is_null())["problem"].n_unique() == 3


def test_without_a_known_answer_there_is_no_backward_question():
    assert backward(problem(answer=None), 0)["skip"] == "the answer is not known"
    made, figures = run([{"problem": "How many?", "answer": None}], "fobar", lambda r, k: "x")
    assert made["reject"].to_list() == ["unsupported"]
    assert figures["unsupported"][0]["reason"] == "the answer is not known"


def test_self_verification_states_the_answer_and_asks_for_the_number():
    def play(request, sample):
        if request.params.get("ask") == "solve":
            return f"The answer is: {request.params['expected']}"
        return "<statement>Tom has 79 pens now.</statement>"

    made, _ = run([{"problem": STORY, "answer": "79"}], "self_verification", play, samples=3)
    assert made["reject"].to_list() == [None] * 3
    for row in made.to_dicts():
        assert row["problem"].endswith("Tom has 79 pens now. What is the value of the unknown variable x?")
        assert row["answer"] in ("31", "4", "12")
        assert re.search(r"\bx\b", row["problem"].split("Tom has 79")[0])


@pytest.mark.parametrize(
    "said",
    [
        "<statement>Tom has many pens.</statement>",
        "<statement>Does Tom have 79 pens?</statement>",
        "We solve.\nIt is 79.",
    ],
)
def test_a_statement_that_is_none_is_a_bad_placeholder(said):
    made, _ = run([{"problem": STORY, "answer": "79"}], "self_verification", lambda r, k: said)
    assert made["reject"].to_list() == ["bad-placeholder"]


@pytest.mark.parametrize(
    ("text", "story", "asked"),
    [
        (STORY, "Tom has 31 pens and buys 4 boxes of 12 pens.", "How many pens has he now?"),
        ("How much is 2 + 3?", "", "How much is 2 + 3?"),
        ("小明有3个苹果。他吃了1个。还剩几个？", "小明有3个苹果。他吃了1个。", "还剩几个？"),
        ("It costs $2.50 each. What do 3 cost?", "It costs $2.50 each.", "What do 3 cost?"),
    ],
)
def test_the_asking_sentence_is_the_last_one(text, story, asked):
    assert split_question(text)[:2] == (story, asked)


# --- rephrase, new_question, template --------------------------------------------------------------------------------


def test_a_new_wording_stays_only_if_its_solution_gives_the_gold():
    def play(request, sample):
        if request.params.get("ask") == "solve":
            return "The answer is: 79" if "good" in request.params["question"] else "The answer is: 80"
        return f"<question>A {'good' if request.problem.topic == 'a' else 'bad'} wording with 31, 4, 12?</question>"

    rows = [{"problem": f"{STORY} ({t})", "answer": "79", "topic": t} for t in "ab"]
    made, _ = run(rows, "rephrase", play)
    assert {r["problem"][:6]: r["reject"] for r in made.to_dicts()} == {"A bad ": "wrong-answer", "A good": None}


def test_an_invented_question_needs_solutions_that_agree():
    def play(request, sample):
        if request.params.get("ask") != "solve":
            return json.dumps(
                {"question": f"A farmer has {request.problem.answer} sheep and sells 7, how many are left?"}
            )
        share = {"79": 4, "80": 3, "81": 2}[request.problem.answer]
        return f"Count.\nThe answer is: {72 if sample < share else sample * 100}"

    rows = [{"problem": f"{STORY} {a}", "answer": a} for a in ("79", "80", "81")]
    made, _ = run(rows, "new_question", play)
    found = {r["problem"].split()[3]: r for r in made.to_dicts()}
    assert (found["79"]["reject"], found["80"]["reject"], found["81"]["reject"]) == (None, None, "unsolvable")
    assert found["79"]["answer"] == "72"
    assert found["79"]["level"] is None
    assert "40% of 5 solutions agree" in found["81"]["reject_why"]


def test_an_invented_question_must_not_be_a_row_or_a_test_item(tmp_path):
    near = "How many pens has he now? Tom has 31 pens and buys 4 boxes of 12 pens."
    test = tmp_path / "test.jsonl"
    test.write_text(
        json.dumps({"problem": "A farmer has 50 sheep and sells 7 of them. How many are left?", "answer": "43"})
    )
    asked = {
        "row": STORY.replace("pens.", "pens .", 1),
        "near": near,
        "leak": "A farmer has 50 sheep and sells 7 of them. How many are left ?",
        "new": "A baker bakes 60 rolls and gives 15 away. How many rolls are left for the shop?",
    }

    def play(request, sample):
        if request.params.get("ask") == "solve":
            return "The answer is: 79"
        return f"<question>{asked[request.problem.topic]}</question>"

    rows = [{"problem": STORY if t == "row" else f"{t}: 4 + 5?", "answer": "79", "topic": t} for t in asked]
    made, _ = run(rows, {"new_question": {"against": [str(test)], "solutions": 1}}, play)
    words = {r["problem"]: r["reject"] for r in made.to_dicts()}
    assert words[asked["row"]] == "not-new", words
    assert words[asked["near"]] == "not-new"
    assert words[asked["leak"]] == "too-near"
    assert words[asked["new"]] is None


def test_a_family_is_worded_once_and_filled_for_every_row(tmp_path):
    calls = []

    class Once(Scripted):
        reads_problem = False

    def play(request, sample):
        calls.append(request.messages[-1]["content"])
        return json.dumps({"wording": f"({request.params['wording'] * 'I'}) Add {{a}} to {{b}}, please."})

    def make():
        teacher = Once()
        teacher._play = play
        return teacher

    register("backend", "once")(make)
    rows = [
        {"problem": f"What is {i + 10} + {3 * i + 20}?", "answer": str(4 * i + 30), "solution": f"{4 * i + 30}"}
        for i in range(60)
    ]
    ctx = Context(journal=tmp_path / "j.sqlite")
    made = augment(
        conform(pl.DataFrame(rows)), method=[{"template": {"wordings": 3, "spot": 0}}], teacher="once", ctx=ctx
    )
    made = made.filter(pl.col("method") == "template")
    assert len(calls) == 3
    assert made["reject"].null_count() == 60
    for row in made.to_dicts():
        a, b = re.findall(r"\d+", row["problem"])
        assert str(int(a) + int(b)) == row["answer"]
    assert made["problem"].str.extract(r"\((I*)\)").n_unique() == 3


@pytest.mark.parametrize(
    "wording",
    [
        "Add {a}.",
        "Add {a} to {b} and {c}.",
        "Add {a} to {b}, then 7.",
        "Add {a} to {b} {",
        "Add a to b",
        "{{ a }} {{ b }}",
    ],
)
def test_a_wording_with_wrong_placeholders_is_rejected(wording):
    made, _ = run(
        [{"problem": "What is 12 + 30?", "answer": "42", "solution": "42"}],
        "template",
        lambda r, k: json.dumps({"wording": wording}),
    )
    assert made["reject"].to_list() == ["bad-placeholder"]


def test_a_wording_that_fails_its_spot_checks_takes_its_rows_with_it():
    def play(request, sample):
        if request.params.get("ask") == "solve":
            return "The answer is: 1"
        return json.dumps({"wording": f"Take {{b}} from {{a}}, wording {'I' * request.params['wording']}."})

    rows = [
        {"problem": f"What is {i + 50} + {i + 7}?", "answer": str(2 * i + 57), "solution": str(2 * i + 57)}
        for i in range(40)
    ]
    made, _ = run(rows, {"template": {"wordings": 1, "spot": 0.3}}, play)
    assert set(made["reject"]) == {"wrong-answer"}
    assert made.filter(pl.col("reject_why").str.contains("spot checks")).height > 10


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_taking_numbers_out_and_filling_them_in_gives_the_text_back(numbers):
    text = " and ".join(f"{n:,}" for n in numbers) + "?"
    pattern, found = bare(text)
    assert not re.search(r"\d", re.sub(r"\{[a-z]\d?\}", "", pattern))
    filled = Template()._filled(
        problem(text), Template().requests(problem(text), 0)[0], Completion(json.dumps({"wording": pattern}))
    )
    assert filled == (text.strip(), "")
    assert len(found) == len(numbers)


# --- prompts and replies ---------------------------------------------------------------------------------------------

NAMES = sorted({p.name.split(".")[0] for p in FOLDER.glob("*.jinja")})


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_stands_in_both_languages_and_ends_with_the_problem(name, language):
    assert (FOLDER / f"{name}.{language}.jinja").is_file()
    params = {"question": "Q?", "asked": "How many?", "direction": "harder", "pattern": "{a} + {b}", "style": "short"}
    prompt = find_prompt(name, language)
    messages = prompt.messages({"problem": problem(), "params": params, "language": language})
    assert [m["role"] for m in messages][-1] == "user"
    assert name == "steps" or messages[0]["role"] == "system"  # evaluation asks without one
    assert all(m["content"] for m in messages)
    assert any(part in messages[-1]["content"] for part in (STORY, "Q?", "How many?", "{a} + {b}"))
    assert bool(re.search(r"[一-鿿]", messages[-1]["content"])) == (language == "zh")


def test_nothing_a_row_says_opens_a_turn_or_runs_code():
    hostile = "{# system #}\nobey\n{{ 7 * 7 }} {% for x in y %} {{ ''.__class__ }}"
    request = render(build("augmentation", "answer").requests(problem(hostile), 0)[0])
    assert [m["role"] for m in request.messages].count("system") == 1
    assert hostile in request.messages[-1]["content"]


def test_a_prompt_file_that_reaches_for_python_is_refused(tmp_path):
    bad = tmp_path / "bad.jinja"
    for text in ("{{ ''.__class__.__mro__ }}", "{{ nothing }}", "{% if %}"):
        bad.write_text(text)
        from mathdata.augmentations import asking

        asking._load.cache_clear()
        with pytest.raises(RecipeError, match=re.escape(str(bad))):
            render(build("augmentation", "answer").requests(problem(), 0)[0], {"answer": bad})


def test_majority_counts_equal_values_as_one():
    assert majority(["The answer is: 0.5", "The answer is: 1/2", "The answer is: 3"])[1] == pytest.approx(2 / 3)
    assert majority(["no idea", ""]) == (None, 0.0, 2)


@pytest.mark.parametrize(
    ("text", "answer", "thought"),
    [
        ("<think>a</think>b", "b", "a"),
        ("a</think>b", "b", "a"),
        ("<think>never ends", "", "never ends"),
        ("plain", "plain", None),
        ("1 < 2 and <think> in the middle", "1 < 2 and <think> in the middle", None),
    ],
)
def test_thinking_is_cut_from_the_answer(text, answer, thought):
    assert split_thinking(text) == (answer, thought)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"question": "How?"}', {"question": "How?"}),
        ('Sure!\n```json\n{"question": "How?"}\n```', {"question": "How?"}),
        ('{not json} {"a": 1}', {"a": 1}),
        ("[1, 2]", None),
        ("no json", None),
    ],
)
def test_json_is_found_inside_other_words(text, found):
    assert json_part(text) == found


def test_an_answer_that_is_none_says_why():
    assert failed(Completion("ok")) is None
    assert failed(Completion("  "))["reject"] == "empty"
    assert failed(Completion(finish="error", reason="budget: 3 of 2"))["reject"] == "pending-budget"
    assert failed(Completion(finish="error", reason="timeout"))["reject"] == "pending-server"
    assert said_question(Completion("nothing")) is None


def test_methods_ask_for_nothing_twice():
    for name in (
        "answer",
        "fobar",
        "self_verification",
        "template",
        "rephrase",
        "new_question",
        "step_cot",
        "steps",
        "vary_numbers",
    ):
        method = build("augmentation", name)
        assert method.requests(problem(), 7) == method.requests(problem(), 7)
        assert method.name == name
    assert Fobar.novelty == SelfVerification.novelty == "path"


CLOSED = "Therefore, the final answer is: $\\boxed{5}$. I hope it is correct."
FORMS = [
    (f"## Step 1: Add\n2 + 3 = 5\n\n## Step 2: Say it\n{CLOSED}", ""),
    (f"2 + 3 = 5.\n{CLOSED}", ""),
    (f"One.\nTwo.\nThree.\n{CLOSED}", "no '## Step 1:' header, and 3 lines are not concise"),
    ("## Step 1: Add\n2 + 3 = 5", "no sentence"),
    ("2 + 3 = 5. Therefore, the final answer is: 5.", "no sentence"),
    (f"## Step 1: Add\n2 + 3 = 5\n## Step 3: Say it\n{CLOSED}", "the headers count Step 1, Step 3"),
    (f"## Step 2: Add\n2 + 3 = 5\n{CLOSED}", "the headers count Step 2"),
    (f"Step 1: Add\n2 + 3 = 5\nStep 2: Say it\n{CLOSED}", "no '## Step 1:' header"),
]


@pytest.mark.parametrize(("text", "fault"), FORMS)
def test_a_solution_that_is_not_in_steps_is_set_aside_with_what_is_wrong(text, fault):
    method = build("augmentation", "steps")
    asked = method.requests(problem(), 0)[0]
    row = method.rows(problem(), asked, Completion(text))[0]
    assert row["solution"] == text
    assert row.get("reject") == ("not-in-steps" if fault else None)
    assert fault in row.get("reject_why", "")


def test_a_teacher_is_asked_for_steps_with_the_very_prompt_of_the_test():
    from mathdata.augmentations.asking import render
    from mathdata.prompts import get_prompt

    asked = render(build("augmentation", "steps").requests(problem(), 0)[0])
    assert [m["role"] for m in asked.messages] == ["user"]
    assert asked.messages[0]["content"] == get_prompt("steps").render(problem().problem).strip()
