"""Planted twins are found, planted traps stay; the list of the generator is out of the deduplicator's reach."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata.errors import DataError
from mathdata.near import block_keys, cluster
from mathdata.near.lexicon import inflect, load
from mathdata.text import normal_column

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def planted() -> ModuleType:
    """The benchmark's generator; it lives outside the package."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("planted", ROOT / "bench" / "planted.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted"] = module
    spec.loader.exec_module(module)
    return module


def stars(texts: list[str], **options: bool) -> list[int]:
    return cluster(normal_column(pl.Series(texts, dtype=pl.String)), **options).star.to_list()


def shares(planted: ModuleType, language: str, n: int, **options: bool) -> dict[str, float]:
    kinds = (*planted.TWINS, *planted.TRAPS, "held_out_synonyms", "unknown_verb_twin", "unknown_verb_trap")
    pairs = list(planted.plant(n, 11, language, kinds))
    star = stars([t for p in pairs for t in (p.original, p.variant)], **options)
    hits = Counter(p.kind for i, p in enumerate(pairs) if star[2 * i] == star[2 * i + 1])
    return {kind: hits[kind] / k for kind, k in Counter(p.kind for p in pairs).items()}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_twins_are_found_and_traps_stay(planted: ModuleType, language: str) -> None:
    found = shares(planted, language, 4_500)
    for kind in ("format", "number_words", "sentence_order", "clause_order"):
        assert found[kind] >= 0.999, kind
    assert found["synonyms"] >= 0.97
    assert found["mixed"] >= 0.97
    assert found["held_out_synonyms"] >= 0.60
    assert found["other_numbers"] == 0
    for kind in set(planted.TRAPS) - {"objects_swapped", "other_numbers"}:
        assert found[kind] <= 0.005, kind
    assert found["objects_swapped"] <= 0.05


def test_strict_never_takes_an_unknown_word_for_a_known_verb_and_lenient_does(planted: ModuleType) -> None:
    strict, lenient = shares(planted, "en", 700), shares(planted, "en", 700, strict=False)
    assert (strict["unknown_verb_twin"], strict["unknown_verb_trap"]) == (0, 0)
    assert lenient["unknown_verb_twin"] > 0.9
    assert lenient["verb_changed"] <= 0.02


def test_the_generator_is_out_of_reach_of_the_package() -> None:
    code = (
        "import sys, mathdata.near, mathdata.near.flags, mathdata.near.reference, mathdata.stages.dedup\n"
        "try:\n    import planted\nexcept ImportError:\n    pass\nelse:\n    sys.exit(3)\n"
        "sys.exit(any('bench' in (getattr(m, '__file__', None) or '') for m in list(sys.modules.values())))"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT / "mathdata").returncode == 0
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "mathdata" / "near").glob("*.py"))
    assert "bench/" not in source
    assert "planted" not in source


WORDS = [
    "Tom",
    "has",
    "3",
    "apples",
    "7",
    "pears",
    "gives",
    "Ann",
    "half",
    "not",
    "+",
    "=",
    "x",
    ".",
    ",",
    "?",
    "多",
    "少",
    "苹果",
]


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join), max_size=12))
@settings(max_examples=60, deadline=None)
def test_every_text_matches_its_centre_and_centres_are_earlier(texts: list[str]) -> None:
    star = stars(texts)
    for i, centre in enumerate(star):
        assert centre <= i
        assert star[centre] == centre
        assert stars([texts[centre], texts[i]]) == [0, 0] or i == centre
    keys = block_keys(normal_column(pl.Series(texts, dtype=pl.String)))
    assert all(keys[i] == keys[c] for i, c in enumerate(star))


def test_a_crowded_block_stays_linear_and_loses_no_problem() -> None:
    texts = [
        f"the {' '.join(chr(97 + (i * k) % 26) * 3 + chr(97 + (i + k) % 26) * 2 for k in range(20))}"
        for i in range(3_000)
    ]
    star = stars(texts)
    assert len(set(star)) == len(set(texts))


def test_the_list_can_be_extended_and_names_a_broken_line(tmp_path: Path) -> None:
    mine = tmp_path / "words.txt"
    mine.write_text("[verb]\nbuy: snap~, 置办\n", encoding="utf-8")
    extended = load(str(mine))
    assert extended.words["snaps"] == extended.words["buys"]
    assert "snaps" not in load().words
    mine.write_text("[verb]\nno colon here\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"words\.txt:2"):
        load(str(tmp_path / "words.txt").replace("words.txt", "./words.txt"))
    assert list(inflect("bake~")) == ["bake", "bakes", "baked", "baking"]


def test_hostile_texts_cost_bounded_time_and_memory() -> None:
    code = (
        "import polars as pl, time\n"
        "from mathdata.manifest import peak_mb\n"
        "from mathdata.near import cluster\n"
        "from mathdata.text import normal_column\n"
        "long = [' '.join(f'{i % 7} w{(i * k) % 50}' for i in range(40_000)) for k in range(1, 14)]\n"
        "t = time.process_time()\n"
        "cluster(normal_column(pl.Series(long + ['(' * 200_000] * 3 + ['half ' * 50_000] * 3)))\n"
        "print(time.process_time() - t, peak_mb())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    seconds, peak = (float(x) for x in done.stdout.split())
    assert seconds < 10
    assert peak < 700
