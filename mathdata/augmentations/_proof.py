"""What a proving teacher says against the row it was given."""

from __future__ import annotations

from mathdata.types import Completion, Row

__all__ = ["contradicted"]


def contradicted(completion: Completion) -> Row:
    """The rejection of a row whose own answer is not what its steps give; empty where they agree."""
    why = completion.data.get("contradicts")
    return {"reject": "wrong-answer", "reject_why": str(why)} if why else {}
