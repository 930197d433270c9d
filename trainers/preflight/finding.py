"""One thing that the preflight found, named by a word of the one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mathdata.findings import FINDINGS
from trainers.data import Example

__all__ = ["Finding", "counted", "found"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: how many rows it concerns, one of them, and whether it stops the run unless allowed."""

    check: str
    rows: int
    message: str
    hint: str
    example: str | None = None
    refuses: bool = True


def found(check: str, rows: int, message: str, hint: str, example: str | None = None) -> Finding:
    """A finding of a kind that is listed; KeyError for a word that is not."""
    return Finding(check, rows, message, hint, example, FINDINGS[check].refuses)


def counted(check: str, bad: Sequence[Example], message: str, hint: str) -> list[Finding]:
    """A finding about these rows, none where there are none; `{n}` in the message is their number."""
    return [found(check, len(bad), message.replace("{n}", str(len(bad))), hint, bad[0].id)] if bad else []
