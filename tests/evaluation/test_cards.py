"""Data cards: what the hub reads, what people read, licences that conflict, Croissant that its validator takes."""

from __future__ import annotations

import json
import shutil
import subprocess

import polars as pl
import pytest

from mathdata.cards import card, croissant, describe, write_card
from mathdata.errors import DataError
from mathdata.licences import combine
from mathdata.schema import conform


@pytest.fixture
def curated(tmp_path):
    rows = [
        {
            "problem": f"计算 {i} + {i}" if i % 2 else f"What is {i} + {i}? | <b>",
            "solution": f"{i} + {i} = {2 * i}",
            "answer": str(2 * i),
            "source": "builtin:elementary",
            "license": "Apache-2.0",
            "topic": "small_add",
            "verdict": "correct",
            "method": "step_cot" if i % 3 == 0 else None,
            "parents": ["00"] if i % 3 == 0 else None,
        }
        for i in range(30)
    ]
    path = tmp_path / "curated.parquet"
    conform(pl.DataFrame(rows)).write_parquet(path)
    manifest = {
        "recipe": {"name": "sums", "seed": 42, "input": "builtin:elementary"},
        "digest": "abcd",
        "seed": 42,
        "versions": {"mathdata": "0.1.0"},
        "ledger": [
            {"arm": "curated", "stage": "decontaminate", "options": {"against": ["elementary"]}, "rows_in": 40, "created": 0,
             "kept": 20, "rejected": {"leak": 20}},
            {"arm": "raw", "stage": "dedup", "options": {}, "rows_in": 99, "created": 0, "kept": 98, "rejected": {"leak": 1}},
        ],
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return path


def test_the_hub_reads_the_head_of_the_card(curated):
    from huggingface_hub import DatasetCard

    text = card(curated)
    read = DatasetCard(text)
    assert read.data.license == "apache-2.0"
    assert read.data.language == ["en", "zh"]
    assert read.data.size_categories == ["n<1K"]
    assert read.data.task_categories == ["text-generation"]
    assert "synthetic" in read.data.tags
    assert read.data.to_dict()["configs"][0]["data_files"][0]["path"] == "curated.parquet"


def test_the_card_tells_sources_stages_contamination_limits_and_how_to_rebuild(curated):
    text = card(curated)
    for words in (
        "30 mathematics problems", "builtin:elementary", "| decontaminate | 40 | 0 | 20 | leak 20 |",
        "Checked against: elementary. Rows set aside: 20.", "30 of 30 rows carry a verdict", "recipe digest: `abcd`",
        "mathdata run recipe.yaml", "| step_cot | 10 | 33.3% |",
    ):  # fmt: skip
        assert words in text, words
    assert "| dedup |" not in text, "another arm's stages do not belong to this set"
    assert "<b>" not in text.replace("```", "").split("## What is in it")[1]


def test_a_card_is_the_same_twice_and_stands_beside_its_croissant(curated, tmp_path):
    first = [p.read_bytes() for p in write_card(curated, tmp_path / "card.md")]
    assert [p.read_bytes() for p in write_card(curated, tmp_path / "card.md")] == first
    made = json.loads((tmp_path / "card.croissant.json").read_text())
    assert made["distribution"][0]["sha256"] == describe(curated)["sha256"]
    assert {f["name"] for f in made["recordSet"][0]["field"]} == set(pl.read_parquet(curated).columns)


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(DataError, match=r"x\.parquet"):
        card(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("names", "chosen", "warned"),
    [
        (["MIT"], "mit", ""),
        (["MIT", "Apache-2.0"], "apache-2.0", ""),
        (["MIT", "CC-BY-4.0"], "cc-by-4.0", ""),
        (["MIT", "CC-BY-SA-4.0"], "cc-by-sa-4.0", ""),
        (["MIT", "CC-BY-NC-4.0"], "other", "not for commercial use"),
        (["CC-BY-SA-4.0", "GPL-3.0"], "other", "they conflict"),
        (["CC BY-ND 4.0"], "other", "no derived works"),
        (["MIT", "(none)"], "other", "state no licence"),
        (["house rules"], "other", "'house rules' is not known"),
    ],
)
def test_licences_of_parents_are_combined_and_conflicts_said(names, chosen, warned):
    licence, warnings = combine(names)
    assert licence["id"] == chosen
    assert (warned in " ".join(warnings)) if warned else not warnings


def test_the_command_writes_both_and_refuses_to_replace(cli, curated):
    done = cli("card", curated, "--json")
    assert done.rc == 0, done.err
    assert done.json["license"] == "apache-2.0"
    assert done.json["rows"] == 30
    again = cli("card", curated)
    assert again.rc == 2
    assert "exists" in again.err
    assert cli("card", curated.parent, "-o", "other.md").rc == 0


@pytest.mark.slow
def test_mlcroissant_validates_and_reads_the_rows(curated, tmp_path):
    tool = shutil.which("mlcroissant")
    if tool is None:
        pytest.skip("mlcroissant is not installed: the Croissant metadata was NOT validated (pip install mlcroissant)")
    write_card(curated, tmp_path / "card.md")
    file = tmp_path / "card.croissant.json"
    done = subprocess.run([tool, "validate", "--jsonld", str(file)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower()


def test_croissant_types_follow_the_columns(curated):
    kinds = {f["name"]: f["dataType"] for f in croissant(describe(curated))["recordSet"][0]["field"]}
    assert (kinds["problem"], kinds["difficulty"], kinds["generation"]) == ("sc:Text", "sc:Float", "sc:Integer")
