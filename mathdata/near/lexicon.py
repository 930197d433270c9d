"""Reads the word list that near-duplicate detection stands on: stop words, verbs, relations, question words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mathdata.bounds import read_small
from mathdata.errors import DataError, nearest

__all__ = ["Entry", "Lexicon", "load"]

SECTIONS = ("stop", "sequence", "verb", "operation", "relation", "order", "question", "word")
SHIPPED = Path(__file__).with_name("lexicon.txt")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one word or phrase stands for."""

    section: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.section}:{self.name}"


@dataclass(slots=True)
class Lexicon:
    """Single words, phrases of several words, and Chinese words, each with its class."""

    words: dict[str, Entry] = field(default_factory=dict)
    phrases: dict[tuple[str, ...], Entry] = field(default_factory=dict)
    chinese: dict[str, Entry] = field(default_factory=dict)

    def add(self, form: str, entry: Entry) -> None:
        if not form.isascii():
            self.chinese[form] = entry
        elif " " in form:
            self.phrases[tuple(form.split())] = entry
        else:
            for word in inflect(form):
                self.words[word] = entry


def inflect(form: str) -> Iterator[str]:
    """`bake~` -> bake, bakes, baked, baking; a form without the mark stands for itself."""
    if not form.endswith("~"):
        yield form
        return
    stem = form[:-1]
    soft = stem.endswith("e")
    sharp = stem.endswith(("s", "x", "z", "ch", "sh"))
    yield from (stem, stem + ("es" if sharp else "s"), stem + ("d" if soft else "ed"))
    yield stem[:-1] + "ing" if soft else stem + "ing"


@cache
def load(extra: str | None = None, stamp: tuple[int, ...] = ()) -> Lexicon:
    """The shipped list, with a user's file laid over it; `stamp` tells its versions apart. Raises DataError naming file and line."""
    lexicon = Lexicon()
    for path in (SHIPPED, Path(extra) if extra else None):
        if path is not None:
            _read(path, lexicon)
    return lexicon


def _read(path: Path, lexicon: Lexicon) -> None:
    section = ""
    for number, line in enumerate(read_small(path, "a word list").splitlines(), start=1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        if line.startswith("["):
            section = line.strip("[] ")
            if section not in SECTIONS:
                raise DataError(f"{path}:{number}: no section [{section}]", nearest(section, SECTIONS))
            continue
        name, colon, forms = line.partition(":")
        if not colon or not section:
            raise DataError(f"{path}:{number}: {line!r} is not 'class: word, word'", "see mathdata/near/lexicon.txt")
        for form in forms.split(","):
            if form.strip():
                word = form.strip().lower()
                lexicon.add(word, Entry(section, word if section == "word" else name.strip()))
