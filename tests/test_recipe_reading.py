"""Recipes: every mistake is named with file, key, value and the nearest valid name, before any work starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mathdata.errors import MathdataError, RecipeError, UnknownName
from mathdata.keys import Source, bind
from mathdata.pipeline import plan, run
from mathdata.recipe import bundled, load_recipe, only_arms
from mathdata.recipe_text import load_yaml, override

GOOD = """
name: small
input: builtin:elementary?rows=200
stages:
  - dedup: {level: normal}
  - verify: {}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_is_read_and_its_digest_is_stable(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert load_recipe(path).digest == load_recipe(path).digest
    assert load_recipe(path, ["stages.0.dedup.level=exact"]).digest != load_recipe(path).digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("stages:", "stagse:"), ["line 4", "stagse", "did you mean 'stages'"]),
        (GOOD.replace("dedup:", "dedupe:"), ["line 5", "no stage named 'dedupe'", "did you mean 'dedup'"]),
        (GOOD.replace("level: normal", "levle: normal"), ["line 5", "levle", "did you mean 'level'"]),
        (GOOD.replace("level: normal", "level: fuzzy"), ["line 5", "level", "'fuzzy'"]),
        (GOOD + "  - verify: {steps: no way}\n", ["line 7", "steps = 'no way'"]),  # the second of two of a name
        (GOOD + "  - dedup: [near]\n", ["line 7", "must be a mapping"]),
        (
            GOOD + "arms:\n  raw:\n    stages:\n      - {dedup: {}, verify: {}}\n",
            ["line 10", "one name with its options"],
        ),
        (GOOD.replace("name: small", "name: [a"), ["line"]),
        (GOOD + "seed: 1\nseed: 2\n", ["r.yaml: line 8: key 'seed' stands twice"]),
        (GOOD.replace("name: small", "name: ../evil"), ["r.yaml, line 2", "'../evil'", "letters, digits"]),
        (GOOD.replace("name: small", "name: /tmp/evil"), ["r.yaml, line 2", "'/tmp/evil'"]),
        (GOOD.replace("name: small", "name: .hidden"), ["r.yaml, line 2", "'.hidden'"]),
        (GOOD + "arms: {../b: {}}\n", ["line 7", "'../b'"]),
        (GOOD + "arms: {rejects: {stages: []}}\n", ["line 7", "rejects.parquet is the recipe's"]),
        ("name: a\ninput: x.jsonl\nstages: dedup\n", ["line 3", "'dedup' is no list", "- dedup:"]),
        ("name: a\ninput: x.jsonl\nstages: {dedup: {}}\n", ["line 3", "is no list"]),
        (GOOD.replace("level: normal", "where: topic"), ["'dedup'", "where must be a mapping"]),
        ("name: a\ninput: {path: x.jsonl, max_broken: 7}\n", ["line 2", "max_broken = 7"]),
        (GOOD.replace("name: small\n", ""), ["'name' is required"]),
        ("- a\n- b\n", ["a recipe is a mapping"]),
        (GOOD + "api_key: abc\n", ["line 7", "api_key", "key or password"]),
        (GOOD + "about: sk-abcdefghijklmnopqrstuv\n", ["key or password"]),
        (GOOD + "journal: http://me:secret@host/x\n", ["key or password"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_nearest_valid_name(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, text))
    said = f"{caught.value.message} {caught.value.hint}"
    assert [w for w in words if w not in said] == [], said
    assert "sk-abcdef" not in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1e-5", 1e-5),
        ("-1E-5", -1e-5),
        ("1.5e3", 1500.0),
        (".5e-3", 5e-4),
        ("2e+4", 2e4),
        ("1.0e-5", 1e-5),
        ("7", 7),
        ("'1e-5'", "1e-5"),
        ("1e5f", "1e5f"),
        ("12e4567", "12e4567"),
        ("e5", "e5"),
        ("1e", "1e"),
        ("v1e-5", "v1e-5"),
        ("[1e-5, main]", [1e-5, "main"]),
        ("{rate: 3e-5}", {"rate": 3e-5}),
    ],
)
def test_a_number_is_a_number_and_a_text_stays_a_text(text: str, read: object) -> None:
    data: dict[str, object] = {}
    override(data, f"key={text}")
    assert data == {"key": read}
    assert type(data["key"]) is type(read)
    assert load_yaml(f"key: {text}", "r") == {"key": read}


def test_a_stage_is_changed_by_number_or_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("- verify: {}", "- verify"))
    for item in ("stages.0.dedup.level=exact", "stages.dedup.level=exact", "stages.dedup={level: exact}"):
        assert load_recipe(path, [item]).stages[0].options == {"level": "exact"}
    assert load_recipe(path, ["stages.verify.steps=mark"]).stages[1].options == {"steps": "mark"}
    assert load_recipe(path, ["stages.1=dedup"]).stages[1].name == "dedup"
    with pytest.raises(RecipeError, match="no item 'sample' in a list of 2"):
        load_recipe(path, ["stages.sample.n=5"])


ARMS = GOOD + "arms: {raw: {train: false}, few: {stages: []}, curated: {}}\ncompare: {before: raw, after: curated}\n"


def test_an_arm_is_taken_out_by_null(tmp_path: Path) -> None:
    path = write(tmp_path, ARMS)
    assert list(load_recipe(path, ["arms.few=null"]).arms) == ["raw", "curated"]
    with pytest.raises(RecipeError, match="no arm named 'fwe'") as caught:
        load_recipe(path, ["arms.fwe=null"])
    assert "did you mean 'few'" in caught.value.hint
    with pytest.raises(RecipeError, match="no arm named 'raw'"):
        load_recipe(path, ["arms.raw=null"])  # the comparison names it
    assert list(load_recipe(path, ["arms.raw=null", "compare=null"]).arms) == ["few", "curated"]


def test_arms_are_chosen_by_name_for_a_run(tmp_path: Path, call: Callable[..., Any]) -> None:
    path = write(tmp_path, ARMS)
    assert list(only_arms(load_recipe(path), ["curated", "raw"]).arms) == ["raw", "curated"]
    assert only_arms(load_recipe(path), ["few"]).compare is None
    assert only_arms(load_recipe(path), []).compare is not None
    done = call("run", path, "--plan", "--arm", "few", "--arm", "raw", "--json")
    assert list(json.loads(done.out)["train"]) == ["raw", "few"]
    wrong = call("run", path, "--arm", "fw")
    assert (wrong.rc, wrong.err.splitlines()[1]) == (2, "hint: did you mean 'few'?")


@pytest.mark.parametrize("name", ["我的配方", "v1.2_b-3", "a"])
def test_a_name_may_hold_letters_of_any_script_digits_and_three_signs(tmp_path: Path, name: str) -> None:
    assert load_recipe(write(tmp_path, GOOD.replace("name: small", f"name: {name}"))).name == name


def test_an_unknown_recipe_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="quickstar"):
        load_recipe("quickstar")
    with pytest.raises(UnknownName) as caught:
        load_recipe("quickstar")
    assert "quickstart" in caught.value.hint


@pytest.mark.parametrize("override", ["stages.9.dedup.level=exact", "nonsense", "name.x=1"])
def test_an_override_that_fits_nowhere_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(RecipeError):
        load_recipe(write(tmp_path, GOOD), [override])


def test_numbers_with_an_exponent_are_numbers() -> None:
    assert load_yaml("x: 1e-5", "t") == {"x": 1e-5}


def test_alias_bombs_and_deep_nesting_are_refused() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20))
    with pytest.raises(RecipeError, match="aliases"):
        load_yaml(bomb, "t")
    with pytest.raises(RecipeError):
        load_yaml("[" * 100_000, "t")


def test_python_objects_in_yaml_are_refused() -> None:
    with pytest.raises(RecipeError):
        load_yaml("x: !!python/object/apply:os.system ['true']", "t")


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_bundled_recipe_loads(name: str) -> None:
    try:
        assert load_recipe(name).name
    except MathdataError as e:
        pytest.fail(f"{e.message}: {e.hint}")


KNOWABLE = [
    ("sample: {strategy: stratified, n: 5}", "strategy 'stratified' needs by"),
    ("sample: {strategy: stratified, by: topic}", "strategy 'stratified' needs n"),
    ("sample: {strategy: quota}", "strategy 'quota' needs quota"),
    ("sample: {strategy: nested}", "strategy 'nested' needs sizes"),
    ("sample: {}", "strategy 'uniform' needs n"),
    ("sample: {n: 5, by: topic}", "strategy 'uniform' does not use by"),
    ("sample: {n: 5, sizes: [3]}", "strategy 'nested' does not use n"),
    ("sample: {n: 5, strategy: {diverse: {model: small}}}", "does not use model: small"),
    ("sample: {quota: nosuch.yaml}", "no file nosuch.yaml of a quota"),
    ("sample: {n: 5, max_per_problem: 0}", "max_per_problem 0 asks for no row"),
    ("decontaminate: {against: [gsm9k]}", "no benchmark named 'gsm9k'"),
    ("decontaminate: {against: [nosuch.jsonl]}", "no such file: nosuch.jsonl"),
    ("augment: {method: [answer], teacher: {openai: {model: m, base_url: nonsense}}}", "nonsense"),
]


@pytest.mark.parametrize(("stage", "words"), KNOWABLE)
def test_what_a_stage_cannot_do_without_is_asked_for_before_any_work(tmp_path: Path, stage: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, f"{GOOD}  - {stage}\n"))
    said = caught.value.message
    assert words in said
    assert "r.yaml, line 7" in said
    assert "--" not in said + caught.value.hint, "a recipe has no command-line options"


def test_a_key_that_the_environment_lacks_is_asked_for_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = '{openai: {model: m, base_url: "http://127.0.0.1:9/v1", api_key_env: A_KEY_OF_MINE}}'
    stage = f"  - augment: {{method: [answer], teacher: {server}}}\n"
    recipe = load_recipe(write(tmp_path, GOOD + stage))
    bind("http://127.0.0.1:9", Source(env="A_KEY_OF_MINE"))
    for work in (lambda: plan(recipe, tmp_path / "run"), lambda: run(recipe, out=tmp_path / "run")):
        with pytest.raises(RecipeError, match=r"r.yaml, line 7: stages.augment.teacher: .* no A_KEY_OF_MINE"):
            work()
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "journal.sqlite").touch()
    assert plan(recipe, tmp_path / "run"), "stored answers may do without it"
    monkeypatch.setenv("A_KEY_OF_MINE", "x")
    assert plan(recipe, tmp_path / "elsewhere")


COLUMNS = [
    ("sample: {n: 5, where: {topik: [add]}}", "stages.sample.where: no column 'topik'", "'topic'"),
    ("sample: {n: 5, where: {difficulty: [add]}}", "column 'difficulty' holds numbers, not ['add']", "numbers"),
    ("sample: {n: 5, strategy: stratified, by: levle}", "stages.sample.by: no column 'levle'", "'level'"),
]


@pytest.mark.parametrize(("stage", "words", "hint"), COLUMNS)
def test_a_column_that_no_row_has_is_named_after_reading_and_before_the_first_stage(
    tmp_path: Path, stage: str, words: str, hint: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        run(write(tmp_path, f"{GOOD}  - {stage}\n"), out=tmp_path / "run")
    assert "r.yaml, line 7" in caught.value.message
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert [p.name.partition("-")[0] for p in (tmp_path / "run" / "steps").iterdir()] == ["read"]


def test_a_column_that_a_stage_before_adds_may_be_asked_for(tmp_path: Path) -> None:
    text = f"{GOOD}  - sample: {{sizes: [16, 32]}}\n  - dedup: {{where: {{rank: [1, 2]}}}}\n"
    assert run(write(tmp_path, text), out=tmp_path / "run").summary["ledger"][-1]["stage"] == "dedup"
