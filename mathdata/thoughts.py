"""Reasoning that stands before an answer: <think> once, closed, the answer after it."""

from __future__ import annotations

__all__ = ["CLOSE", "OPEN", "apart", "framed", "opens", "same"]

OPEN, CLOSE = "<think>", "</think>"


def apart(text: str) -> tuple[str | None, str]:
    """(thought, answer); the thought is None where the text begins without one. An unclosed one has no answer.

    >>> apart("<think>2 and 2</think>4")
    ('2 and 2', '4')
    >>> apart("4")
    (None, '4')
    """
    head = text.lstrip()
    if not head.startswith(OPEN):
        return None, text
    thought, _, answer = head.removeprefix(OPEN).partition(CLOSE)
    return thought, answer


def framed(thought: str | None, answer: str, opened: bool = False) -> str:
    """Thought and answer as R1 and its like write them; `opened`: the prompt has written <think> already.

    A plain answer behind an open thought closes it first, so that it stands outside.

    >>> framed("2 and 2", "4")
    '<think>\\n2 and 2\\n</think>\\n\\n4'
    >>> framed(None, "4", opened=True)
    '\\n</think>\\n\\n4'
    """
    if thought is None and not opened:
        return answer
    inside = (thought or "").strip("\n")
    return f"{'' if opened else OPEN + chr(10)}{inside}\n{CLOSE}\n\n{answer.lstrip()}"


def opens(prompt: str) -> bool:
    """Whether what stands before a reply has opened a thought."""
    return prompt.rstrip().endswith(OPEN)


def same(said: str, meant: str) -> bool:
    """Whether two replies have the same thought and the same answer, blanks around them aside; none is an empty one."""
    (a, b), (c, d) = apart(said), apart(meant)
    return ((a or "").strip(), b.strip()) == ((c or "").strip(), d.strip())
