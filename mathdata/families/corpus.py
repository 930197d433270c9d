"""The raw corpus that comes with the product: elementary problems with bare answers and illnesses planted by plan.

`planted` tells which row is ill and how, `planted_twin` the origin of the row (or the id of the test item) it
repeats; so every stage's hits and misses can be counted.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

from mathdata.families import LANGUAGES, SMALL, Family, agree, draw, get, wording
from mathdata.families._heldout import heldout
from mathdata.schema import conform
from mathdata.types import Frame, Row

__all__ = ["PLANTED", "SKEW", "generate"]

NAME = "builtin:elementary"

PLANTED = {"exact-duplicate": 0.33, "variant": 0.05, "wrong-answer": 0.05, "conflict": 0.01, "leak": 0.01}
"""Share of all rows with each illness."""

FAMOUS = ("simplify_fraction", "将分数 5/6 进行简化。", 480)
"""The row that stands 480 times in the contest's corpus."""

SKEW = {
    # Small numbers: 56 % of the corpus, as lopsided as such collections are.
    "small_add": 3700,
    "gain_story": 1230,
    "small_subtract": 280,
    "loss_story": 220,
    "unknown_addend": 170,
    # The contest's own families: 44 %, in the proportions of its de-duplicated corpus.
    "add": 750,
    "subtract": 745,
    "multiply": 750,
    "divide": 750,
    "equation": 335,
    "square_root": 325,
    "power": 325,
    "function_value": 165,
    "mean": 165,
    "rectangle_area": 72,
    "discount": 52,
    "sales": 52,
    "mass": 40,
    "simplify_fraction": 25,
}
"""Relative number of distinct rows by family."""

WORDINGS = (70, 20, 10)
"""How often the first, second and third wording is used, in per cent."""
CHINESE = {"small": 0.5, "contest": 0.9}


def generate(rows: int = 20000, seed: int = 42) -> Frame:
    """A raw corpus of `rows` rows; the same rows for the same arguments on every machine."""
    import polars as pl

    rng = random.Random(f"{NAME} {seed}")
    counts = {word: round(share * rows) for word, share in PLANTED.items()}
    added = counts["exact-duplicate"] + counts["variant"] + counts["conflict"] + counts["leak"]
    base = _base_rows(rng, rows - added)
    hosts = rng.sample([r for r in base if r["problem"] != FAMOUS[1]], len(base) - _famous(base))
    made = base + _leaks(rng, counts["leak"])
    _spoil(rng, hosts, counts["wrong-answer"])
    made += _conflicts(rng, hosts, counts["conflict"])
    made += _variants(rng, hosts, counts["variant"])
    made += _duplicates(rng, hosts, base, counts["exact-duplicate"])
    frame = pl.DataFrame(_place(rng, made), infer_schema_length=None)
    return conform(frame.with_columns(source=pl.lit(NAME), license=pl.lit("Apache-2.0")), NAME)


def _famous(base: Sequence[Row]) -> int:
    return sum(r["problem"] == FAMOUS[1] for r in base)


def _base_rows(rng: random.Random, count: int) -> list[Row]:
    """Distinct clean rows, in the corpus's skew; none of them has held-out operands."""
    total = sum(SKEW.values())
    wanted = {name: max(1, round(share * count / total)) for name, share in SKEW.items()}
    wanted["small_add"] += count - sum(wanted.values())
    rows: list[Row] = []
    for name, many in wanted.items():
        rows += _distinct(rng, get(name), many)
    return rows


def _distinct(rng: random.Random, family: Family, many: int) -> list[Row]:
    found: dict[str, Row] = {}
    if family.name == FAMOUS[0]:
        found[FAMOUS[1]] = _row(family, {"a": "5", "b": "6"}, "zh", FAMOUS[1])
    chinese = CHINESE["small" if family.name in SMALL else "contest"]
    while len(found) < many:
        language = LANGUAGES[0] if rng.random() < chinese else LANGUAGES[1]
        params = draw(family, rng) | family.choose_words(rng, language)
        problem = wording(family, params, language, rng.choices(range(3), WORDINGS)[0])
        if problem not in found:
            found[problem] = _row(family, params, language, problem)
    return list(found.values())


def _row(family: Family, params: dict[str, str], language: str, problem: str) -> Row:
    solution, answer = family.bare(params, language)
    row = {"problem": problem, "solution": solution, "answer": answer, "topic": family.name, "language": language}
    return row | {"planted": None, "twin": None, "params": params}


def _spoil(rng: random.Random, hosts: list[Row], count: int) -> None:
    """Rows whose answer becomes wrong, in place."""
    for host in _take(hosts, count):
        _make_wrong(rng, host)
        host["planted"] = "wrong-answer"


def _make_wrong(rng: random.Random, row: Row) -> None:
    """Changes one digit of the answer so that it is neither the value nor a rounding of it."""
    family, answer = get(row["topic"]), row["answer"]
    value = family.exact(row["params"])
    places = [i for i, c in enumerate(answer[:8]) if c.isdigit()]
    while True:
        at = rng.choice(places)
        wrong = answer[:at] + rng.choice("123456789") + answer[at + 1 :]
        if agree(value, wrong) == "wrong":
            break
    row["solution"], row["answer"] = family.restate(row["solution"], answer, wrong), wrong


def _conflicts(rng: random.Random, hosts: list[Row], count: int) -> list[Row]:
    """A second row with the same question and a wrong answer; its twin has the right one."""
    made = []
    for host in _take(hosts, count):
        other = host | {"planted": "conflict", "twin": host}
        _make_wrong(rng, other)
        made.append(other)
    return made


def _variants(rng: random.Random, hosts: list[Row], count: int) -> list[Row]:
    return [
        host | {"problem": _vary(rng, host["problem"]), "planted": "variant", "twin": host}
        for host in _take(hosts, count)
    ]


def _duplicates(rng: random.Random, hosts: list[Row], base: Sequence[Row], count: int) -> list[Row]:
    """Copies: the famous row 479 times (fewer in a small corpus), others a few times each."""
    famous = next(r for r in base if r["problem"] == FAMOUS[1])
    many = min(FAMOUS[2] - 1, count // 2)
    copied = [famous] * many + rng.choices(_take(hosts, max(1, count // 2)), k=count - many)
    return [host | {"planted": "exact-duplicate", "twin": host} for host in copied]


def _leaks(rng: random.Random, count: int) -> list[Row]:
    """Test problems with bare answers, three in five word for word, the others as variants."""
    items = heldout("test", SMALL, each=36).to_dicts()
    rows = []
    for number in range(count):
        item = items[number * 7 % len(items)]
        family, language = get(item["topic"]), item["language"]
        row = _row(family, _params(item["problem"]), language, item["problem"])
        if number % 5 > 2:
            row["problem"] = _vary(rng, row["problem"])
        rows.append(row | {"planted": "leak", "twin": f"elementary:{item['id']}"})
    return rows


def _params(problem: str) -> dict[str, str]:
    from mathdata.families import read

    found = read(problem)
    assert found is not None, problem
    return found.params


def _take(hosts: list[Row], count: int) -> list[Row]:
    """The next hosts; none is used for two illnesses."""
    taken = hosts[:count]
    del hosts[:count]
    return taken


WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
PUNCTUATION = str.maketrans("，。？：?,:", ",.?:？，：")


def _vary(rng: random.Random, problem: str) -> str:
    """The same question in other characters: spaces, full-width digits, punctuation of the other script."""
    ways = [
        f"  {problem} ",
        problem.replace(" ", "  "),
        problem.translate(WIDE),
        problem.translate(PUNCTUATION),
        re.sub(r"(?<=[\u4e00-\u9fff]) (?=[0-9])", "", problem),
        problem + "\n",
    ]
    return rng.choice([way for way in ways if way != problem])


def _place(rng: random.Random, made: list[Row]) -> Iterable[Row]:
    """Shuffles, puts an original before its copies, and names rows by their place."""
    rng.shuffle(made)
    place = {id(row): number for number, row in enumerate(made)}
    for row in made:
        twin = row["twin"]
        if isinstance(twin, dict) and row["planted"] != "conflict" and place[id(twin)] > place[id(row)]:
            place[id(twin)], place[id(row)] = place[id(row)], place[id(twin)]
    ordered = sorted(made, key=lambda row: place[id(row)])
    width = len(str(len(made)))
    origins = {id(row): f"{NAME}:{number:0{width}d}" for number, row in enumerate(ordered, 1)}
    for row in ordered:
        twin = origins[id(row["twin"])] if isinstance(row["twin"], dict) else row["twin"]
        rest = {k: v for k, v in row.items() if k not in ("params", "twin", "planted")}
        yield {"origin": origins[id(row)], **rest, "planted": row["planted"], "planted_twin": twin}
