"""The exception tree: every error a user can meet says what was wrong and what to do next.

MathdataError            message + hint; exit code 1
├── RecipeError          a key or value of a recipe; exit code 2
├── UnknownName          no such component, column or option; exit code 2
├── SchemaError          columns missing or ambiguous; exit code 2
├── UsageError           output exists, output = input, conflicting options; exit code 2
├── DataError            a file that cannot be read, too many broken lines; exit code 1
├── MissingExtra         an optional dependency is not installed; exit code 1
├── BackendError         a teacher or model server that cannot be used; exit code 1
├── ArmFailed            arms of a run did not finish; the others are reported; exit code 1
├── BudgetReached        a hard stop on money or tokens; exit code 3, resumable
├── PreflightError       a training run that cannot work; exit code 1
├── LedgerError          rows were lost or made twice: a defect of ours; exit code 1
└── ResumeError          a run folder that cannot be continued; exit code 1

None derives from ValueError: pydantic would swallow it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = [
    "ArmFailed",
    "BackendError",
    "BudgetReached",
    "DataError",
    "LedgerError",
    "MathdataError",
    "MissingExtra",
    "PreflightError",
    "RecipeError",
    "ResumeError",
    "SchemaError",
    "UnknownName",
    "UsageError",
    "nearest",
    "nearest_id",
]

LISTED = 10
"""Names that a hint lists before it says how many more there are."""


class MathdataError(Exception):
    """What was wrong and where (`message`), and the next thing to do (`hint`)."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[MathdataError], tuple[str, str]]:
        # Errors cross process borders (workers, Ray); both fields must survive.
        return type(self), (self.message, self.hint)


class RecipeError(MathdataError):
    """A recipe names an unknown key or a value that does not fit."""

    exit_code = 2


class UnknownName(MathdataError):
    """A component, option or column that does not exist."""

    exit_code = 2


class SchemaError(MathdataError):
    """Columns are missing, ambiguous or of the wrong kind."""

    exit_code = 2


class UsageError(MathdataError):
    """The request contradicts itself or would overwrite something."""

    exit_code = 2


class DataError(MathdataError):
    """A file that cannot be read as what it claims to be."""


class MissingExtra(MathdataError):
    """An optional dependency is not installed; the hint is the pip line."""

    def __init__(self, message: str, hint: str = "", *, extra: str = "") -> None:
        super().__init__(message, hint or f"pip install 'mathdata[{extra}]'")


class BackendError(MathdataError):
    """A teacher or a model under test cannot be used at all (wrong key, unknown model)."""


class ArmFailed(MathdataError):
    """Arms of a run did not finish. The report of the others is written; `run` holds it."""

    run: Any = None


class BudgetReached(MathdataError):
    """The budget is spent; finished answers are kept and the run can be resumed."""

    exit_code = 3


class PreflightError(MathdataError):
    """A training run that cannot work was refused before its first step."""


class LedgerError(MathdataError):
    """in + created != kept + rejected."""


class ResumeError(MathdataError):
    """A run folder that is locked or belongs to another recipe."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint that names the nearest valid name, or lists them, ten at most.

    >>> nearest("dedupe", ["dedup", "sample"])
    "did you mean 'dedup'?"
    """
    names = sorted(valid)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    more = f" ... and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return "valid names: " + ", ".join(names[:LISTED]) + more if names else "nothing is valid here"


def nearest_id(start: str, ids: Iterable[str], look: str) -> str:
    """A hint for the id of a row: the nearest one, else the command that shows them; a list of ids tells nothing.

    >>> nearest_id("3f2b", ["9c0d"], "mathdata show FILE")
    'look with: mathdata show FILE'
    """
    close = get_close_matches(start, ids, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"look with: {look}"
