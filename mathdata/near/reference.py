"""A set of test items, made ready to be found in any text: by normal form, n-grams, near match, family, template."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from mathdata.near.compare import compare
from mathdata.near.flags import Flags
from mathdata.near.formula import core
from mathdata.near.keys import block_keys
from mathdata.near.semantic import Encode, similar
from mathdata.text import ngrams, normal_column, numbers, template_column, words
from mathdata.types import Frame

__all__ = ["Hit", "Reference"]

Rows = npt.NDArray[np.int64]

WINDOW = 8
"""Words in a run; an item shorter than that is one run by itself, so no item is invisible."""
PARTLY = 0.6
"""Share of an item's runs that makes a row doubtful; one that holds all of them, and its numbers, is a leak."""


class Hit(NamedTuple):
    """A row that meets a test item."""

    row: int
    item: int
    sure: bool
    how: str
    similarity: float


@dataclass(slots=True)
class Reference:
    """The test items of one benchmark, indexed."""

    name: str
    items: Frame
    strict: bool = False
    lexicon: str | None = None
    encode: Encode | None = None
    """Given, rows whose embedding is near an item's are doubtful too."""
    _vectors: npt.NDArray[np.float32] | None = None
    _normal: dict[str, int] = field(default_factory=dict)
    _texts: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))
    _blocks: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _grams: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _sizes: list[int] = field(default_factory=list)
    _numbers: list[Counter[str]] = field(default_factory=list)
    _templates: dict[tuple[str, str], int] = field(default_factory=dict)
    _families: dict[tuple[str, ...], int] = field(default_factory=dict)
    _cores: dict[str, int] = field(default_factory=dict)
    _flags: Flags = field(init=False)

    def __post_init__(self) -> None:
        problems = self.items["problem"].fill_null("")
        self._flags = Flags(problems.to_list())
        if self.encode is not None:
            self._vectors = self.encode(problems.to_list())
        self._texts = normal_column(problems)
        for i, text in enumerate(self._texts.to_list()):
            self._normal.setdefault(text, i)
        for i, key in enumerate(block_keys(self._texts, self.lexicon).tolist()):
            self._blocks[key].append(i)
        self._index_words(problems.to_list())
        answers = self.items["answer"].fill_null("").to_list()
        for i, (skeleton, answer) in enumerate(zip(template_column(problems).to_list(), answers)):
            self._templates.setdefault((skeleton, answer), i)

    def _index_words(self, problems: list[str]) -> None:
        for i, problem in enumerate(problems):
            grams = ngrams(words(problem), WINDOW)
            self._sizes.append(max(len(grams), 1))
            self._numbers.append(_values(problem))
            for gram in grams:
                self._grams[gram].append(i)
            family, formula = family_key(problem), core(problem)
            if family:
                self._families.setdefault(family, i)
            if formula:
                self._cores.setdefault(formula, i)

    def hits(self, frame: Frame) -> list[Hit]:
        """The best hit of every row that has one: a leak before an unsure match."""
        problems = frame["problem"].fill_null("")
        texts = normal_column(problems)
        best: dict[int, Hit] = {}
        for hit in self._all(frame, problems, texts):
            known = best.get(hit.row)
            if known is None or (hit.sure, hit.similarity) > (known.sure, known.similarity):
                best[hit.row] = hit
        return [best[row] for row in sorted(best)]

    def _all(self, frame: Frame, problems: pl.Series, texts: pl.Series) -> Iterator[Hit]:
        for row, text in enumerate(texts.to_list()):
            if text in self._normal and text:
                yield Hit(row, self._normal[text], True, "same text in normal form", 1.0)
        proven = {}
        for row, problem in enumerate(problems.to_list()):
            family = family_key(problem)
            if family is not None:
                proven[row] = family
                if family in self._families:
                    yield Hit(row, self._families[family], True, f"same {family[0]} problem in any wording", 1.0)
        rest = np.array([r for r in range(len(texts)) if r not in proven], dtype=np.int64)
        yield from self._near(texts, rest)
        yield from self._overlaps(problems, rest.tolist())
        yield from self._same_template(frame, problems, rest.tolist())
        yield from self._same_formula(frame, problems, rest.tolist())
        yield from self._retold(problems, rest)
        yield from self._embedded(problems, rest)

    def _near(self, texts: pl.Series, rows: Rows) -> Iterator[Hit]:
        keys = block_keys(texts.gather(rows), self.lexicon).tolist() if len(rows) else []
        pairs = [(int(r), i) for r, key in zip(rows, keys) for i in self._blocks.get(key, ())]
        if not pairs:
            return
        both = pl.concat([self._texts, texts])
        items, found = np.array([i for _, i in pairs]), np.array([r + len(self._texts) for r, _ in pairs])
        same = compare(both, items, found, strict=self.strict, lexicon=self.lexicon)
        for item, row, likeness in zip(same.a.tolist(), same.b.tolist(), same.similarity.tolist()):
            yield Hit(
                row - len(self._texts), item, True, "same numbers and relations in nearly the same words", likeness
            )

    def _overlaps(self, problems: pl.Series, rows: Iterable[int]) -> Iterator[Hit]:
        for row in rows:
            counts: dict[int, int] = defaultdict(int)
            for gram in ngrams(words(problems[row]), WINDOW):
                for item in self._grams.get(gram, ()):
                    counts[item] += 1
            said: Counter[str] | None = None
            for item, shared in sorted(counts.items()):
                share = shared / self._sizes[item]
                if share >= PARTLY:
                    said = _values(problems[row]) if said is None else said
                    if self._numbers[item] <= said:
                        how = f"{share:.0%} of its {WINDOW}-word runs"
                        yield Hit(row, item, share == 1 and self._sizes[item] > 1, how, share)

    def _retold(self, problems: pl.Series, rows: Rows) -> Iterator[Hit]:
        for flag in self._flags.find(problems.gather(rows).to_list()):
            how = "the same numbers" if flag.same_numbers else "all numbers but one"
            yield Hit(int(rows[flag.text]), flag.item, False, f"{how} and much the same words", flag.overlap)

    def _embedded(self, problems: pl.Series, rows: Rows) -> Iterator[Hit]:
        if self.encode is None or self._vectors is None or not len(rows):
            return
        for row, item, cosine in similar(problems.gather(rows).to_list(), self._vectors, self.encode):
            yield Hit(int(rows[row]), item, False, "embedding near the item's", cosine)

    def _same_template(self, frame: Frame, problems: pl.Series, rows: list[int]) -> Iterator[Hit]:
        if not rows:
            return
        skeletons = template_column(problems.gather(rows)).to_list()
        answers = frame["answer"].gather(rows).fill_null("").to_list()
        for row, skeleton, answer in zip(rows, skeletons, answers):
            item = self._templates.get((skeleton, answer))
            if answer and item is not None:
                yield Hit(row, item, False, "same template and same answer", 0.5)

    def _same_formula(self, frame: Frame, problems: pl.Series, rows: list[int]) -> Iterator[Hit]:
        """A leak where the answers are the same text too; else doubtful: factoring is not expanding."""
        known = self.items["answer"].fill_null("").to_list()
        for row in rows:
            item = self._cores.get(core(problems[row]) or "")
            if item is not None:
                sure = bool(known[item]) and known[item] == frame["answer"][row]
                yield Hit(row, item, sure, "the same formula, and words that only ask for it", 0.9)


def family_key(problem: str | None) -> tuple[str, ...] | None:
    """Family and numbers of an elementary problem: equal exactly for the same problem, in any wording and language."""
    from mathdata.families import parse

    found = parse(problem or "")
    if found is None:
        return None
    family, params = found
    return (family.name, *(_plain(n) for n in family.numbers(params)))


def _plain(number: str) -> str:
    return " ".join(str(n.value) + "-" * (number[: n.start].endswith("-")) for n in numbers(number)) or number


def _values(text: str) -> Counter[str]:
    return Counter(str(n.value) for n in numbers(text))
