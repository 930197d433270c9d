"""Equations of plain prose: where they begin and end between the words, and whether they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from mathdata.verifiers.arithmetic import readings
from mathdata.verifiers.sides import TWO_WAYS, Equation, judge_sides, show, sign_inside
from mathdata.verifiers.signs import GLUED, OPS, SPOKEN, Tok, tokens_of
from mathdata.verifiers.units import read_unit
from mathdata.verifiers.wording import words

__all__ = ["prose_equations"]

_BINDS = words(
    "times minus plus than half twice sqrt day days week weeks month step room question chapter negative"
) | {
    "divided by",
    "multiplied by",
}
"""Words that bind a number behind them to what stands before, or make it a label."""
_NO_UNIT = words(
    "of the a an is are was and or if that this which to from for with on at then so than because when where"
)


def prose_equations(text: str, original: str) -> Iterator[Equation]:
    """Every equals sign of the prose with the arithmetic on its two sides; unchecked where a side is none."""
    tokens = tokens_of(text)
    marks = [i for i, t in enumerate(tokens) if t.kind == "eq" and t.text != "=>"]
    for n, i in enumerate(marks):
        low = marks[n - 1] if n else -1
        high = marks[n + 1] if n + 1 < len(marks) else len(tokens)
        left, right = _left(tokens, i, low), _right(tokens, i, high)
        if left is None or right is None:
            t = tokens[i]
            yield Equation(t.text, (t.start, t.end), None, "unchecked", "not plain arithmetic")
        else:
            after = tokens[i + 1 + len(right)] if i + 1 + len(right) < len(tokens) else None
            yield _check(left, right, tokens[i], after, original)


def _left(tokens: list[Tok], eq: int, low: int) -> list[Tok] | None:
    """The arithmetic that ends at the equals sign; None where it is cut off from what it belongs to."""
    i, depth = eq - 1, 0
    while i > low:
        t = tokens[i]
        if t.kind == "close":
            depth += 1
        elif t.kind == "open":
            if depth == 0:
                break
            depth -= 1
        elif t.kind == "word":
            if not _unit_at(tokens, i, low):
                break
        elif t.kind in ("eq", "other") or (t.kind == "num" and tokens[i + 1].kind == "num" and not _joined(tokens, i)):
            break
        i -= 1
    begin = i + 1
    while begin < eq and tokens[begin].kind in ("word", "close", "pct"):
        begin += 1
    if begin == eq and eq - 1 > low + 1 and tokens[eq - 1].text == "\n":  # a line that goes on with "= 8"
        part = tokens[low + 1 : eq - 1]
        return part if low >= 0 and all(t.kind not in ("other", "eq") for t in part) else None
    part = tokens[begin:eq]
    if not part or OPS.get(part[0].text, part[0].text) in ("*", "/", "^", "+"):
        return None  # it goes on to the left with something that is no number
    if i > low + 1 and tokens[i].kind == "open" and tokens[i - 1].kind == "op":
        return None  # an open bracket that is not closed here
    if any(t.kind == "word" and t.text.lower() in _NO_UNIT for t in part):
        return None
    chained = begin == low + 1
    if not chained and (_cut_off(tokens, begin) or not (_has_op(part) or _opens(tokens, begin))):
        return None
    return part


def _has_op(part: list[Tok]) -> bool:
    return any(t.kind == "op" for t in part[1:])


def _opens(tokens: list[Tok], begin: int) -> bool:
    """Whether a lone number stands at the beginning of a line or clause, where nothing before it can belong to it."""
    return begin == 0 or (tokens[begin - 1].kind == "other" and tokens[begin - 1].text in "\n.,;:，。；：")


def _cut_off(tokens: list[Tok], begin: int) -> bool:
    """Whether the arithmetic is the rest of something longer: glued to a word, or a difference of a word."""
    if begin == 0:
        return False
    before, first = tokens[begin - 1], tokens[begin]
    if before.kind not in ("word", "other", "num", "pct", "close"):
        return False
    if before.kind == "word" and not before.text.isascii() and first.kind != "op":
        return before.text[-1] in "的加减乘除" and before.end == first.start
    if before.end == first.start and (before.kind != "other" or before.text in GLUED):
        return True
    if _ratio(tokens, begin - 1):
        return True
    if before.kind == "word" and [t.kind for t in tokens[begin : begin + 3]] == ["open", "num", "close"]:
        return True  # Shonda (1): a note to the word
    if before.kind == "word" and before.text.lower() in ("of", "by"):
        return _share(tokens, begin - 1)
    if before.kind == "word" and len(before.text) == 1 and before.text.isascii() and before.text not in "aAI":
        return True
    if before.kind == "word" and (before.text.lower() in _BINDS or _operand(tokens, begin)):
        return True
    if first.kind == "op":  # "- 5 = 3" behind a word is a difference, "-5" after a colon is a number
        return first.end < tokens[begin + 1].start or before.end == first.start
    if before.text == "," and len(first.text) == 3 and begin > 1 and tokens[begin - 2].kind == "num":
        return True  # 14, 400: one number or two
    if before.text == "," and before.end == first.start and begin > 1 and tokens[begin - 2].kind == "num":
        return True  # 0,2: a decimal comma
    return before.kind == "num"


def _ratio(tokens: list[Tok], i: int) -> bool:
    """Whether a colon binds two numbers: 3:40, 3：2, 10 : 5; `Day 3: 2 + 5` is none."""
    if not 0 < i < len(tokens) - 1 or tokens[i].text not in (":", "：", "∶"):
        return False
    before, colon, after = tokens[i - 1 : i + 2]
    return before.kind == after.kind == "num" and (colon.end == after.start or before.end < colon.start)


def _share(tokens: list[Tok], of: int) -> bool:
    """Whether `of` takes a part of what follows (30% of 50, half of 8), or `by` divides by it."""
    before = tokens[of - 1] if of else None
    if before is None:
        return False
    counted = before.kind == "word" and of > 1 and tokens[of - 2].kind == "num"  # 8 packs of 5
    return counted or before.kind in ("num", "pct", "close") or before.text.lower() in _PARTS


_PARTS = words(
    "half third thirds quarter quarters fourth fourths fifth fifths sixth tenth tenths percent twice double triple "
    "divided multiplied increased decreased percentage ratio fraction out"
)


def _operand(tokens: list[Tok], begin: int) -> bool:
    """Whether the words before belong to a sum: `7 + Shonda (1) + 2`."""
    j = begin - 1
    while j > 0 and tokens[j].kind == "word" and begin - j < 4:
        j -= 1
    return tokens[j].kind == "op" or (
        tokens[j].kind == "num" and tokens[begin - 1].text == "and" and tokens[begin + 1].text == "/"
    )


def _joined(tokens: list[Tok], i: int) -> bool:
    """Two numbers side by side that are one: 1 1/2, 18 000."""
    after = tokens[i + 2] if i + 2 < len(tokens) else None
    return _group(tokens, i + 1) or bool(
        after and after.text == "/" and tokens[i].text.isdigit() and tokens[i].end < tokens[i + 1].start
    )


def _unit_at(tokens: list[Tok], i: int, low: int) -> bool:
    """Whether the word is the unit of a number before it: `450 mg + 200 mg`."""
    j = i
    while j > low and tokens[j].kind == "word" and i - j < 3:
        if len(tokens[j].text) == 1 and tokens[j].text.isascii() and not _letter_unit(tokens, j):
            return False  # 2L: a letter of algebra
        if not tokens[j].text.isascii() and (len(tokens[j].text) > 4 or set(tokens[j].text) & set("的得为是")):
            return False  # a clause, no unit
        j -= 1
    return j > low and tokens[j].kind in ("num", "pct") and tokens[i + 1].kind in ("op", "eq", "word", "close")


def _letter_unit(tokens: list[Tok], j: int) -> bool:
    """`2400 m / 12 min`: a unit of one letter stands apart from its number and is not raised."""
    apart = tokens[j].start > tokens[j - 1].end
    return (
        apart
        and tokens[j].text in "mgsh"
        and tokens[j + 1].kind in ("op", "eq")
        and tokens[j + 1].text not in ("^", "**")
    )


def _right(tokens: list[Tok], eq: int, high: int) -> list[Tok] | None:
    i, depth, last = eq + 1, 0, eq
    while i < high:
        t = tokens[i]
        if t.kind == "open":
            if tokens[i - 1].kind in ("num", "word", "close") and depth == 0 and tokens[i].start > tokens[i - 1].end:
                break
            depth += 1
        elif t.kind == "close":
            if depth == 0:
                break
            depth -= 1
        elif t.kind == "word":
            follows = i + 1 < high and tokens[i + 1].kind == "op" and _unit_at(tokens, i, eq)
            more = (
                i + 2 < high and tokens[i + 1].kind == "word" and tokens[i + 2].kind == "op" and _unit_at(tokens, i, eq)
            )
            if not follows and not more:
                break
        elif t.kind == "other" or (
            t.kind == "num" and tokens[i - 1].kind == "num" and i - 1 > eq and depth == 0 and not _group(tokens, i)
        ):
            break
        last = i
        i += 1
    part = tokens[eq + 1 : last + 1]
    if i < high and _ratio(tokens, i) and tokens[i + 1].text != "00":  # 3 + 2 = 5:00 is a time of day
        return None
    if (
        i < high
        and depth == 0
        and tokens[i].kind == "word"
        and len(tokens[i].text) == 1
        and tokens[i].text.isascii()
        and part
    ):
        if tokens[i].text.isalpha() and tokens[i].start == tokens[i - 1].end and tokens[i].text not in "mgshLlkK":
            return None  # 24b: a letter of algebra
        if tokens[i].text == "x" and i + 1 < high:
            return None
    if (
        part
        and i < high
        and tokens[i].kind == "other"
        and tokens[i].start == tokens[i - 1].end
        and tokens[i].text in _GOES
    ):
        return None
    while part and part[-1].kind == "money":
        part = part[:-1]
    while part and part[-1].kind in ("op", "open"):
        part = part[:-1]
        if i < high and tokens[i].kind not in ("other",):
            return None
    return part or None


_GOES = "!" + GLUED.replace(".", "").replace("<", "").replace("\u0002", "")
"""Signs behind a number that make it more than itself: 5!, 110₂, 3^{2}."""


def _group(tokens: list[Tok], i: int) -> bool:
    """18 000: a blank as thousands separator."""
    if i + 1 < len(tokens) and tokens[i + 1].kind == "word" and tokens[i + 1].start == tokens[i].end:
        return False  # 12 200-kilogram bags
    return len(tokens[i].text) == 3 and tokens[i].start == tokens[i - 1].end + 1 and len(tokens[i - 1].text) <= 3


def _source(part: list[Tok]) -> str:
    out = []
    for i, t in enumerate(part):
        if t.kind in ("word", "money"):
            out.append(" ")
            continue
        text = t.text.replace(",", "") if t.kind == "num" else OPS.get(t.text, t.text)
        if i and part[i - 1].end < t.start:
            out.append(" ")
        out.append({"（": "(", "）": ")", "[": "(", "]": ")", "％": "%"}.get(text, text))
    return "".join(out).strip()


def _check(left: list[Tok], right: list[Tok], eq: Tok, after: Tok | None, original: str) -> Equation:
    span = (left[0].start, right[-1].end)
    text = _shown(original[span[0] : span[1]])
    lefts, rights = readings(_source(left)), readings(_source(right))
    if not lefts or not rights:
        return Equation(text, span, None, "unchecked", "not plain arithmetic")
    percent = any(t.kind == "pct" or t.text.lower() == "percent" for t in [*left, *right]) or (
        after is not None and after.text.lower() == "percent"
    )
    kind = judge_sides(
        lefts,
        rights,
        _places(right),
        marked=eq.text in ("≈", "约等于"),
        percent=percent,
        cents=_cents(right, after),
        slack=_slack([*left, *right]),
    )
    if kind == "false":
        kind = _excused(left, right, lefts, after) or kind
    if kind == "unchecked":
        return Equation(text, span, None, kind, "a conversion of units")
    if kind == "false" and _true_in_turn(left, right):
        return Equation(text, span, None, "unchecked", TWO_WAYS)
    why = "" if kind != "false" else f"{_source(left)} is {show(lefts[0])}, not {_source(right)}"
    return Equation(text, span, kind != "false", kind, why[:300])


def _true_in_turn(left: list[Tok], right: list[Tok]) -> bool:
    """Whether the equation holds where a sign before a power belongs to the base, as calculators and pupils read it."""
    sources = [_source(left), _source(right)]
    if not any("^" in s for s in sources):
        return False
    a, b = (readings(s) + readings(sign_inside(s)) for s in sources)
    return judge_sides(a, b, _places(right), marked=False) != "false"


def _excused(left: list[Tok], right: list[Tok], lefts: list[Fraction], after: Tok | None) -> str | None:
    """What only looks false: units converted, or a sum that runs on behind its first result."""
    words = {t.text.lower() for t in left if t.kind == "word"}
    if _taken_in_turn(left):
        return "unchecked"
    letters = {w for w in words if len(w) == 1 and w.isascii()}
    if letters and not (after is not None and after.text[:1].lower() in letters):
        return "unchecked"
    ends = {after.text.lower()} if after is not None and after.kind == "word" else set()
    if len({read_unit(w) for w in words if "/" not in w} - {None}) > 1:
        return "unchecked"
    if (words or (_money(left) and ends)) and not _has_op(left):
        return "unchecked"
    if after is not None and _glued_letter(after, right[-1]):
        return "unchecked"  # 24k: thousands, or a letter of algebra
    pairs = [
        (lefts, readings(_source(_run_on(right)))),
        (readings(_source(_new_start(left))), readings(_source(right))),
    ]
    return "run-on" if any(judge_sides(a, b, None, marked=False) == "exact" for a, b in pairs if a and b) else None


def _glued_letter(t: Tok, before: Tok) -> bool:
    return t.kind == "word" and len(t.text) == 1 and t.text.isascii() and t.start == before.end


def _taken_in_turn(left: list[Tok]) -> bool:
    """Spoken sums may be meant word after word, `100 + 20%` as a rise by a fifth: no false step by either reading."""
    ops = [i for i, t in enumerate(left) if t.kind == "op" and i]
    spoken = len(ops) > 1 and any(left[i].text in SPOKEN for i in ops)
    shares = [t.kind == "pct" or t.text.lower() == "percent" for t in left]
    values = sum(t.kind == "num" for t in left)
    summed = any(OPS.get(left[i].text, left[i].text) in "+-" and any(shares[i : i + 3]) for i in ops)
    return spoken or (summed and sum(shares) < values)


def _slack(part: list[Tok]) -> Fraction:
    """How far, relatively, rounded decimals inside two expressions may carry them apart."""
    out = Fraction(0)
    for t in part:
        places = len(t.text.partition(".")[2]) if t.kind == "num" else 0
        if places > 1 and (x := abs(Fraction(t.text.replace(",", "")))):
            out += Fraction(1, 2 * 10**places) / x
    return min(out, Fraction(1, 100))


def _money(part: list[Tok]) -> bool:
    return any(t.kind == "money" for t in part)


def _run_on(right: list[Tok]) -> list[Tok]:
    """The first term of `7 * 60 = 420 seconds + 23 seconds`, or of `8 - 3 = 5 -3 + 9`, where a new sum begins."""
    for i, t in enumerate(right):
        if t.kind == "op" and i and (_signed(right, i) or t.text in SPOKEN or right[i - 1].kind == "word"):
            return right[:i]
    return []


def _new_start(left: list[Tok]) -> list[Tok]:
    """What stands behind such a first result where the next equation begins: `-3 + 9 = 6`."""
    return next((left[i:] for i in range(1, len(left)) if _signed(left, i)), [])


def _signed(part: list[Tok], i: int) -> bool:
    """A minus set off from what stands before and glued to its number: the sign of a new one."""
    t = part[i]
    return (
        t.text in ("-", "−", "－")
        and part[i - 1].end < t.start
        and part[i + 1 : i + 2] != []
        and t.end == part[i + 1].start
    )


def _shown(text: str) -> str:
    return re.sub(r"<<[^<>]*>>", "", text)


def _places(right: list[Tok]) -> int | None:
    """Decimal places of a right side that is one number; None where it is an expression."""
    numbers = [t for t in right if t.kind == "num"]
    hundredths = 2 * any(t.kind == "pct" for t in right)
    if len(numbers) != 1 or any(t.kind == "op" and t is not right[0] for t in right):
        return None
    return len(numbers[0].text.partition(".")[2]) + hundredths


def _cents(right: list[Tok], after: Tok | None) -> bool:
    return _money(right) or (after is not None and after.text.lower() in ("cents", "cent", "dollars"))
