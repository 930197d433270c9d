"""The nouns: Problem, Request, Completion, Verdict, and the protocols a plugin implements. Read this first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import polars as pl

Frame: TypeAlias = "pl.DataFrame"
"""One partition of rows, in memory."""

Row: TypeAlias = "dict[str, Any]"

Status = Literal["correct", "wrong", "unparsed", "timeout", "error"]
STATUSES: tuple[Status, ...] = ("correct", "wrong", "unparsed", "timeout", "error")

Finish = Literal["stop", "length", "filter", "refused", "empty", "unsupported", "error"]


@dataclass(frozen=True, slots=True)
class Partitions:
    """A table larger than memory: parquet files that an engine streams, in order."""

    files: tuple[Path, ...]


Table: TypeAlias = "Frame | Partitions"
"""What stages take and return: one Frame, or parquet partitions."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge found; never a bare bool, and "could not tell" is never "wrong".

    `rule` names the extraction rule that fired, `span` where in the response (character offsets).
    """

    status: Status
    reason: str = ""
    expected: str | None = None
    got: str | None = None
    rule: str | None = None
    span: tuple[int, int] | None = None

    @property
    def ok(self) -> bool:
        return self.status == "correct"


@dataclass(frozen=True, slots=True)
class Problem:
    """One row as an augmentation or a backend sees it."""

    id: str
    problem: str
    solution: str | None = None
    answer: str | None = None
    exact: str | None = None
    language: str | None = None
    topic: str | None = None
    level: str | None = None
    source: str | None = None
    license: str | None = None
    template: str | None = None
    generation: int = 0
    row: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Problem:
        names = [f for f in cls.__slots__ if f not in ("row", "generation")]
        known = {name: row.get(name) for name in names}
        return cls(**known, generation=row.get("generation") or 0, row=row)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn. Everything here decides the answer, so all of it is in the journal's key."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked of a backend. Text backends read `messages`, the symbolic one `method` and `problem`."""

    method: str
    problem: Problem
    messages: tuple[Mapping[str, str], ...] = ()
    text: str | None = None
    """The prompt as plain text, for completion endpoints and models without a chat template."""
    sampling: Sampling = Sampling()
    prompt: str | None = None
    """Hash of the prompt file that rendered `messages`."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """What the method itself decided: the masked number, the template's name, the sample number."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer. A failure is data too: `finish` tells its kind, `reason` the words."""

    text: str = ""
    finish: Finish = "stop"
    reason: str = ""
    reasoning: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fields a proving backend fills itself: problem, solution, answer, exact."""
    tokens_in: int = 0
    tokens_out: int = 0
    call: str | None = None
    """Key of the stored request in the journal."""


@runtime_checkable
class Backend(Protocol):
    """Anything that answers requests: a teacher when it writes data, a model under test when it is graded."""

    name: str

    def generate(self, requests: Sequence[Request]) -> list[list[Completion]]:
        """One list of `sampling.n` completions for each request, in order."""
        ...


class Augmentation(Protocol):
    """Two pure halves; no input or output of its own. Options are its constructor's keyword arguments."""

    name: str

    def requests(self, problem: Problem, seed: int) -> list[Request]: ...

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        """Derived rows (partial: problem, solution, answer ...), with `reject` set where one must not stay."""
        ...


class Engine(Protocol):
    """Runs kernels (Frame -> Frame) over a Table; the same rows whatever the engine."""

    name: str

    def frames(self, table: Table) -> Iterator[Frame]: ...

    def map(self, table: Table, kernel: Callable[[Frame], Frame]) -> Table: ...

    def shuffle(
        self,
        table: Table,
        key: str,
        parts: int,
        *,
        before: Callable[[Frame], Frame] | None = None,
        after: Callable[[Frame], Frame] | None = None,
    ) -> Table:
        """Repartition so that rows with equal `key` (uint64) stand in one partition.

        `before` sees every numbered piece and may make the key; `after` sees every new partition whole.
        """
        ...

    def collect(self, table: Table) -> Frame: ...


class Progress(Protocol):
    """Told how far a stage is; draws a bar, writes a line, or does nothing."""

    def __call__(self, done: int, total: int | None = None, note: str = "") -> None: ...


def _silent(done: int, total: int | None = None, note: str = "") -> None:
    return None


@dataclass(slots=True)
class Context:
    """What a stage is given beside its options: where to put by-products, whom to tell, what to report."""

    workdir: Path | None = None
    """Folder for the journal and scratch files; None = a temporary one, nothing kept."""
    journal: Path | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    """The stage's own figures, printed by `--json` and shown in the report."""
    progress: Progress = _silent
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A frozen set of questions with everything that decides a score on it.

    `load` returns a Frame with at least `id problem answer`; `prompt` names a prompt of the registry;
    `rule` is the extraction rule of the judge, `strict_rule` the second extractor shown beside it.
    """

    name: str
    load: Callable[[], Frame]
    version: str
    licence: str
    language: str = "en"
    prompt: str = "zero"
    rule: str = "auto"
    strict_rule: str = "auto"
    judge: Callable[[Row, str], Verdict] | None = None
    """Grades (row, response) where the general judge does not fit (tolerances, F1)."""
    fewshot: tuple[Mapping[str, str], ...] = ()
    max_tokens: int = 1024
    by: tuple[str, ...] = ()
    """Columns to break accuracy down by (subject, level)."""
    note: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """Names under which its figures are published, where they have others: {"accuracy": "EM", "score": "F1"}."""
    families: tuple[str, ...] | None = None
    """The families of elementary problems that it holds; None: not said, its rows tell."""
    tolerance: float | None = None
    """How far off an answer may be, in the answer's own unit; None: by the judge, to whom a rounded value is another."""
    source: Callable[[], str] | None = None
    """The file or address that its rows are read from; raises DataError where there is none."""
    own_prompt: bool = False
    """Only its own prompt fits it (a text and a question), whatever prompt the model was trained with."""
    limit: int | None = None
    """How many of its problems are asked, where the entry that names it says so; `load` returns them all."""
    said: tuple[str, ...] = ()
    """Which of `prompt`, `max_tokens` and `limit` the entry that names it said itself."""
