"""The judge itself: extract, read, compare; what only a proof can tell goes to the worker."""

from __future__ import annotations

from typing import Any

from mathdata.types import Verdict
from mathdata.verifiers.chains import substituted, worked_out
from mathdata.verifiers.cleaning import clean, undouble
from mathdata.verifiers.equality import SCALARS, Answer, compare
from mathdata.verifiers.extraction import RULES, Extraction, extract, last_number, opening
from mathdata.verifiers.precision import FROM_THREE_DIGITS, NEVER, precision_for
from mathdata.verifiers.values import Value, read_value
from mathdata.verifiers.wording import text_form

__all__ = ["gold_of", "judge", "same", "verdict"]

_GOLD_RULES = (
    "####",
    "\\boxed",
    "\\fbox",
    "\\beginboxed",
    "<answer>",
    "nswer is",
    "nswer:",
    "答案",
    "解为",
    "值为",
    "</think>",
)


def judge(
    answer: str,
    response: str,
    *,
    problem: str | None = None,
    rule: str = "auto",
    strict: bool = False,
    time_limit: float = 2.0,
) -> Verdict:
    """Is the final answer of `response` the gold `answer`? Never raises for bad texts; unknown rules raise UnknownName.

    `problem`: where it is known, a decimal gold is met at its own precision only if the problem asks to round.

    `strict`: Final Exact Match as published (0042 = 42; 42.0 and forty-two are not 42).

    >>> judge("1/2", "so the answer is $0.5$").status
    'correct'
    """
    if rule not in RULES:
        extract("", rule)
    gold = gold_of(answer)
    if gold is None:
        return Verdict("error", "the gold holds no answer", expected=answer if isinstance(answer, str) else None)
    if not isinstance(response, str):
        return Verdict("unparsed", "no answer: the response is no text", expected=gold)
    if response.strip() == answer.strip() and rule == "auto":
        return Verdict("correct", "the same text", gold, gold, "whole", (0, len(response)))
    precision = precision_for(problem)
    result = verdict(gold, extract(response, rule), strict=strict, time_limit=time_limit, precision=precision)
    if rule == "auto" and not result.ok and _is_choice(gold):
        chosen = extract(response, "letter")
        return verdict(read_value(gold).cleaned.strip("()"), chosen, strict=strict) if chosen else result
    weak = result.rule in (None, "last number", "closing words")
    if rule == "auto" and weak and not result.ok and _is_yes_or_no(gold) and (said := opening(response)):
        return verdict(gold, said, strict=strict)
    return result


def gold_of(answer: str | None) -> str | None:
    """The answer a gold text states: itself, or what its own mark says (`####`, a box, "the answer is")."""
    if not isinstance(answer, str) or not answer.strip():
        return None
    if any(mark in answer for mark in _GOLD_RULES):
        found = extract(answer)
        return found.value if found.value else None
    if len(answer) <= 200 or read_value(answer).tree is not None:
        return answer
    return extract(answer).value


def _is_choice(gold: str) -> bool:
    """Whether the gold is one capital letter of a multiple choice."""
    letter = read_value(gold).cleaned.strip("()")
    return len(letter) == 1 and "A" <= letter <= "J"


def _is_yes_or_no(gold: str) -> bool:
    return read_value(gold).cleaned.strip(" .").lower() in ("yes", "no", "是", "否", "是的", "不是", "对", "不对")


def verdict(
    gold: str,
    found: Extraction,
    *,
    strict: bool = False,
    time_limit: float = 2.0,
    precision: int = FROM_THREE_DIGITS,
) -> Verdict:
    """The verdict on an extracted answer; `precision` as in `precision_for`."""
    if found.value is None:
        return Verdict("unparsed", found.why or "no answer", expected=gold)
    place: dict[str, Any] = {"expected": gold, "got": found.value, "rule": found.rule, "span": found.span}
    if strict:
        same_text = _exact(gold) == _exact(found.value)
        return (
            Verdict("correct", "exact match", **place)
            if same_text
            else Verdict("wrong", f"{_apart(found.value, gold)}: no exact match", **place)
        )
    try:
        if found.kind not in ("", "alternatives"):
            return _qualified(gold, found, place)
        one, two = worked_out(read_value(gold)), substituted(read_value(found.value))
        result = compare(one, two, precision=precision)
        if result.same is None:
            return _proved(one, two, result, time_limit, place)
    except Exception as e:
        return Verdict("error", f"the judge failed: {type(e).__name__}: {e}"[:300], **place)
    how = result.how if result.same else _apart(found.value, gold)
    reason = how + ("; doubled backslashes undone" if undouble(found.value)[1] else "")
    return Verdict("correct" if result.same else "wrong", reason, **place)


def _qualified(gold: str, found: Extraction, place: dict[str, Any]) -> Verdict:
    """A bound, a range or a description is never a number: it meets a gold that says the same bound, or the same words."""
    value = str(found.value)
    one = read_value(gold)
    met = not _is_scalar(one) and text_form(one.cleaned) == text_form(value)
    number = last_number(value, 0)
    if not met and found.bound and number and not _is_scalar(one):
        letters = (c for c in one.cleaned if c.isascii() and c.isalpha())
        name = next(letters, "x") if one.tree is not None and one.tree[0] == "rel" else "x"
        met = compare(one, read_value(f"{name} {found.bound} {number.value}"), precision=NEVER).same is True
    if met:
        return Verdict("correct", f"the same {found.kind}", **place)
    return Verdict("wrong", f"{_apart(value, gold)}: a {found.kind}, not a value", **place)


def _is_scalar(value: Value) -> bool:
    return value.tree is not None and value.tree[0] in SCALARS


def _proved(gold: Value, response: Value, result: Answer, time_limit: float, place: dict[str, Any]) -> Verdict:
    from mathdata.verifiers.worker import prove

    if gold.beyond or response.beyond:
        side = "the gold" if gold.beyond else "the response"
        return Verdict("unparsed", f"{side}: {gold.why if gold.beyond else response.why}", **place)
    proof = prove(gold.source, response.source, time_limit=time_limit)
    status = proof.status
    if status == "wrong" and response.tree is None and gold.tree is not None:
        status = "unparsed" if proof.unread else "wrong"
    reason = proof.reason or result.how
    if status == "wrong":
        reason = f"{_apart(place['got'], place['expected'])}: {reason}"
    return Verdict(status, reason, **place)


SHOWN = 60
"""Characters of each value that a reason shows."""


def _apart(response: str, gold: str) -> str:
    """`18 is not 20`: the two values of a reason, each cut in its middle where it is long."""
    return f"{_shown(response)} is not {_shown(gold)}"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN // 2]} … {line[-SHOWN // 2 + 3 :]}"


def _exact(text: str) -> str:
    """Final Exact Match: the text without blanks and dollar signs; whole numbers by value."""
    bare = "".join(clean(text).split()).replace("$", "")
    plain = bare.replace(",", "") if bare.replace(",", "").lstrip("+-").isdigit() else bare
    if plain.lstrip("+-").isdigit() and plain.isascii() and len(plain) < 4000:
        sign = "-" if plain.startswith("-") else ""
        digits = plain.lstrip("+-").lstrip("0") or "0"
        return digits if digits == "0" else sign + digits
    return bare


def same(a: str, b: str, *, time_limit: float = 2.0) -> Verdict:
    """Whether two answers are one value: symmetric, exact (no rounding to either side's precision)."""
    if not a.strip() or not b.strip():
        return Verdict("error" if a.strip() != b.strip() else "correct", "an empty answer", expected=a, got=b)
    one, two = sorted((a, b))  # one order, so that nothing can depend on it
    place: dict[str, Any] = {"expected": a, "got": b}
    try:
        left, right = read_value(one), read_value(two)
        result = compare(left, right, precision=NEVER)
        if result.same is None:
            return _proved(left, right, result, time_limit, place)
    except Exception as e:
        return Verdict("error", f"the judge failed: {type(e).__name__}: {e}"[:300], expected=a, got=b)
    return Verdict(
        "correct" if result.same else "wrong", result.how if result.same else _apart(b, a), expected=a, got=b
    )
