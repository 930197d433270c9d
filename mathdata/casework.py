"""What went wrong in a wrong answer: no answer, cut off, formatting, a slip at step k, or a wrong set-up."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

__all__ = ["KINDS", "Why", "explain", "kind_of"]

KINDS = ("no answer", "cut off", "formatting", "slip", "wrong set-up")
"""Told apart in this order; a slip carries its step: `slip at step 3`."""

_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_HOLDER = re.compile(r"\\boxed\s*\{|####|answer\s*(?:is|:)|^\s*A:|答案|答[：:]", re.IGNORECASE | re.MULTILINE)
TAIL = 400
"""How many last characters may hold a final answer that no rule could read."""


class Why(NamedTuple):
    """What went wrong, and for a slip the characters that hold it."""

    text: str
    span: tuple[int, int] | None = None


def kind_of(why: str) -> str:
    """The group a sentence of `explain` belongs to."""
    return next((k for k in KINDS if why.startswith(k)), why)


def explain(
    response: str, *, gold: str, got: str | None, verdict: str, cut_off: bool = False, problem: str = ""
) -> Why:
    """Why a response that is not correct is not: one of `KINDS`, with the step of a slip."""
    if not response.strip():
        return Why("no answer")
    if cut_off and not _reached(response, gold):
        return Why("cut off")
    if verdict != "wrong":
        return Why("formatting" if _reached(response, gold) or _HOLDER.search(response) else "no answer")
    if _same_but_form(got, gold):
        return Why("formatting")
    slip = first_slip(response)
    if slip is not None:
        return Why(f"slip at step {slip[0]}", slip[1])
    return Why("formatting" if _reached(response, gold) else "wrong set-up")


def first_slip(response: str) -> tuple[int, tuple[int, int]] | None:
    """The step (line, or sentence where there is one line) and the characters of the first false equation."""
    from mathdata.verifiers import check_steps

    report = check_steps(response)
    if report.first_false is None:
        return None
    start, end = report.first_false[1]
    before = response[:start]
    if len([line for line in response.splitlines() if line.strip()]) > 1:
        step = len([line for line in (before + "x").splitlines() if line.strip()])
    else:
        step = 1 + len(re.findall(r"[.;!?]\s|[。；！？]", before))
    return step, (start, end)


def _value(text: str | None) -> Decimal | None:
    found = _NUMBER.findall((text or "").replace("\\!", "").replace("\\,", ""))
    try:
        return Decimal(found[-1].replace(",", "")) if found else None
    except InvalidOperation:
        return None


def _same_but_form(got: str | None, gold: str) -> bool:
    """The right value in another dress: a unit, a currency sign, a spelled-out equation."""
    if got is None:
        return False
    mine, right = _value(got), _value(gold)
    plain = _NUMBER.sub("", got).strip(" $%.\\{}")
    return mine is not None and mine == right and len(_NUMBER.findall(got)) == 1 and (plain == "" or plain.isalpha())


def _reached(response: str, gold: str) -> bool:
    """Whether the gold value stands as the result of the last equation, though it was not what got read."""
    right = _value(gold)
    tail = response[-TAIL:]
    results = list(re.finditer(r"=\s*[$￥¥]?\s*(-?[\d,]*\.?\d+)(?![\d/]*\s*[-+*/×÷=^])", tail))
    if right is None or not results:
        return gold.strip() != "" and not gold.strip().isdigit() and len(gold) > 2 and gold.strip() in tail
    return _value(results[-1][1]) == right
