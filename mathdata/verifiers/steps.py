"""Check every equation inside a worked solution, prose or LaTeX; say how many could be checked and which is false first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

__all__ = ["Equation", "StepReport", "check_steps", "equations"]


@dataclass(frozen=True, slots=True)
class Equation:
    """One `left = right`; `holds` None where it could not be checked; `kind`: exact, rounded, false, unchecked."""

    text: str
    span: tuple[int, int]
    holds: bool | None
    kind: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class StepReport:
    """`seen` equations, `checked` of them, `false` of these; the first false one as (text, span, why)."""

    seen: int
    checked: int
    false: int
    rounded: int
    first_false: tuple[str, tuple[int, int], str] | None


def check_steps(solution: str | None) -> StepReport:
    """Every equation of a solution, checked with exact arithmetic.

    >>> check_steps("48/2 = 25 clips, then 48+24 = 72").first_false
    ('48/2 = 25', (0, 9), '48/2 is 24, not 25')
    """
    seen = checked = false = rounded = 0
    first = None
    for e in equations(solution or ""):
        seen += 1
        if e.holds is None:
            continue
        checked += 1
        rounded += e.kind == "rounded"
        if not e.holds:
            false += 1
            if first is None or e.span < first[1]:
                first = (e.text, e.span, e.why)
    return StepReport(seen, checked, false, rounded, first)


MAX_TEXT = 100_000
_LATEX = re.compile(r"\\[A-Za-z(\[]")
_SEGMENT = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$([^$]+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]|\\begin\{align\*?\}(.+?)\\end\{align\*?\}",
    re.DOTALL,
)


def equations(text: str) -> Iterator[Equation]:
    """The equations of a text in order of their kind: annotations, formulas, prose."""
    if len(text) > MAX_TEXT or not any(c in text for c in "=≈＝等"):
        return
    prose = text
    if "<<" in text:
        yield from _annotations(text)
        prose = _ANNOTATION.sub(lambda m: "\u0001" * len(m.group()), prose)
    if _LATEX.search(text):
        from mathdata.verifiers.formulas import formula_equations

        for match in _SEGMENT.finditer(prose):
            group = next(i for i in range(1, 6) if match.group(i) is not None)
            yield from formula_equations(match.group(group), match.start(group))
        prose = _SEGMENT.sub(lambda m: "\u0002" * len(m.group()), prose)
    yield from _prose(prose, text)


_ANNOTATION = re.compile(r"<<([^<>\n]{1,400})>>")


def _annotations(text: str) -> Iterator[Equation]:
    for match in _ANNOTATION.finditer(text):
        for e in _prose(match.group(1), match.group(1)):
            start = match.start(1)
            yield Equation(e.text, (e.span[0] + start, e.span[1] + start), e.holds, e.kind, e.why)


# -- prose
class _Tok(NamedTuple):
    kind: str
    """num, op, open, close, eq, pct, money, word, other"""
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"(?P<num>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)|(?P<eq>=>|==+|=|≈|＝|等于|约等于|\bequals\b)"
    r"|(?P<op>\*\*|[-+*/×÷−–·^＋－]|加上?|减去?|乘以?|除以)|(?P<open>[(\[（])|(?P<close>[)\]）])|(?P<pct>%|％)|(?P<money>[$€£¥￥])"
    r"|(?P<mark>\x01+|[ \t]+)|(?P<word>[^\W\d_]+(?:['’][a-z]+)?|[′″°²³])|(?P<other>.|\n)",
    re.DOTALL,
)
_OPS = {"×": "*", "÷": "/", "−": "-", "–": "-", "·": "*", "**": "^", "＋": "+", "－": "-", "加": "+", "加上": "+", "减": "-", "减去": "-",
        "乘": "*", "乘以": "*", "除以": "/"}  # fmt: skip


def _tokens(text: str) -> list[_Tok]:
    out: list[_Tok] = []
    for m in _TOKEN.finditer(text):
        kind = m.lastgroup or "other"
        if kind != "mark":
            out.append(_Tok(kind, m.group(), m.start(), m.end()))
    for i, t in enumerate(out):  # x between two numbers is the sign for times
        if t.kind == "word" and t.text in ("x", "X") and _numberish(out, i - 1, -1) and _numberish(out, i + 1, 1):
            glued = out[i - 1].end == t.start and out[i + 1].start != t.end
            if not glued:
                out[i] = t._replace(kind="op", text="*")
    return out


def _numberish(tokens: list[_Tok], i: int, step: int) -> bool:
    if not 0 <= i < len(tokens):
        return False
    kind = tokens[i].kind
    if kind == "word" and step < 0:  # "30 minutes x 2"
        return i > 0 and tokens[i - 1].kind == "num"
    return kind in (("num", "close", "pct") if step < 0 else ("num", "open", "money"))


def _prose(text: str, original: str) -> Iterator[Equation]:
    tokens = _tokens(text)
    marks = [i for i, t in enumerate(tokens) if t.kind == "eq" and t.text != "=>"]
    for n, i in enumerate(marks):
        low = marks[n - 1] if n else -1
        high = marks[n + 1] if n + 1 < len(marks) else len(tokens)
        left = _left(tokens, i, low)
        right = _right(tokens, i, high)
        if left is None or right is None:
            continue
        yield _check(tokens, left, right, tokens[i], original)


def _left(tokens: list[_Tok], eq: int, low: int) -> list[_Tok] | None:
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
        elif t.kind in ("eq", "other") or (
            t.kind == "num" and i + 1 < eq and tokens[i + 1].kind == "num" and depth == 0
        ):
            break
        i -= 1
    begin = i + 1
    while (begin < eq and tokens[begin].kind in ("word", "close", "pct")) or (
        begin < eq and tokens[begin].text in ("*", "/", "^", "×", "÷")
    ):
        if tokens[begin].kind == "op":
            return None  # it goes on to the left with something that is no number
        begin += 1
    part = tokens[begin:eq]
    if (
        begin > low + 1
        and part
        and part[0].kind == "op"
        and tokens[begin - 1].kind in ("word", "other")
        and _glued(tokens, begin)
    ):
        return None
    if begin > low + 1 and tokens[begin - 1].kind in ("word", "other") and part and _letter_before(tokens, begin):
        return None
    return part or None


def _glued(tokens: list[_Tok], begin: int) -> bool:
    """`- 5 = 3` behind a word: a minus of something, or a dash of the text."""
    before, first = tokens[begin - 1], tokens[begin]
    if first.text in ("+",):
        return True
    return (
        before.kind == "word"
        and before.end <= first.start
        and not (first.end == tokens[begin + 1].start and before.end < first.start)
    )


def _letter_before(tokens: list[_Tok], begin: int) -> bool:
    """A single letter, or a sign no text uses, right before the arithmetic: `x 5 = 10`, `a5 = 3`."""
    before, first = tokens[begin - 1], tokens[begin]
    return before.end == first.start and (before.kind == "word" or before.text in "_\\{}|:.#&√∛\u0002")


def _unit_at(tokens: list[_Tok], i: int, low: int) -> bool:
    """Whether the word is the unit of a number before it: `450 mg + 200 mg`."""
    j = i
    while j > low and tokens[j].kind == "word" and i - j < 3:
        if (
            len(tokens[j].text) == 1
            and tokens[j].text.lower() not in "mgshl′″°²³元个只页人年天米克本张块岁支枝棵箱斤"
            and tokens[j].text != "L"
        ):
            return False
        j -= 1
    return (
        j > low
        and tokens[j].kind in ("num", "pct")
        and i + 1 < len(tokens)
        and tokens[i + 1].kind in ("op", "eq", "word", "close")
    )


def _right(tokens: list[_Tok], eq: int, high: int) -> list[_Tok] | None:
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
    while part and part[-1].kind in ("op", "open", "money"):
        part = part[:-1]
        if i < high and tokens[i].kind not in ("other",):
            return None
    return part or None


def _group(tokens: list[_Tok], i: int) -> bool:
    """18 000: a blank as thousands separator."""
    return len(tokens[i].text) == 3 and tokens[i].start == tokens[i - 1].end + 1 and len(tokens[i - 1].text) <= 3


def _source(part: list[_Tok]) -> str:
    out = []
    for i, t in enumerate(part):
        if t.kind in ("word", "money"):
            out.append(" ")
            continue
        text = t.text.replace(",", "") if t.kind == "num" else _OPS.get(t.text, t.text)
        if i and part[i - 1].end < t.start:
            out.append(" ")
        out.append({"（": "(", "）": ")", "[": "(", "]": ")", "％": "%"}.get(text, text))
    return "".join(out).strip()


def _check(tokens: list[_Tok], left: list[_Tok], right: list[_Tok], eq: _Tok, original: str) -> Equation:
    span = (left[0].start, right[-1].end)
    text = _shown(original[span[0] : span[1]])
    from mathdata.verifiers.arithmetic import readings

    lefts, rights = readings(_source(left)), readings(_source(right))
    if (
        not lefts
        or not rights
        or (len(left) == 1 and len(right) == 1 and eq.text != "≈" and left[0].kind == right[0].kind == "num" and False)
    ):
        return Equation(text, span, None, "unchecked", "not plain arithmetic")
    after = tokens[tokens.index(right[-1]) + 1] if right[-1] is not tokens[-1] else None
    units = {t.text.lower() for t in left if t.kind == "word"}
    kind = judge_sides(
        lefts,
        rights,
        _places(right),
        marked=eq.text == "≈",
        percent=_percentish(left, right),
        cents=_cents(right, after),
    )
    if (
        kind == "false"
        and not any(t.kind == "op" for t in left)
        and units | ({after.text.lower()} if after and after.kind == "word" else set())
    ):
        return Equation(text, span, None, "unchecked", "a conversion of units")
    if kind == "false" and not any(t.kind == "op" for t in [*left, *right]) and len(left) <= 2 and eq.text == "=":
        return Equation(text, span, False, "false", f"{_source(left)} is not {_source(right)}")
    why = "" if kind != "false" else f"{_source(left)} is {show(lefts[0])}, not {_source(right)}"
    return Equation(text, span, kind != "false", kind, why)


def _shown(text: str) -> str:
    return re.sub(r"<<[^<>]*>>", "", text)


def _places(right: list[_Tok]) -> int | None:
    """Decimal places of a right side that is one number; None where it is an expression."""
    numbers = [t for t in right if t.kind == "num"]
    if len(numbers) != 1 or any(t.kind == "op" and t is not right[0] for t in right):
        return None
    return len(numbers[0].text.partition(".")[2])


def _percentish(left: list[_Tok], right: list[_Tok]) -> bool:
    return any(t.kind == "pct" for t in [*left, *right])


def _cents(right: list[_Tok], after: _Tok | None) -> bool:
    money = any(t.kind == "money" for t in right)
    return bool(money or (after and after.text.lower() in ("cents", "cent", "dollars")))


def judge_sides(
    lefts: list[Fraction],
    rights: list[Fraction],
    places: int | None,
    *,
    marked: bool,
    percent: bool = False,
    cents: bool = False,
) -> str:
    """exact, rounded or false: any reading of the left against any of the right."""
    pairs = [(a, b) for a in lefts for b in rights]
    if percent:
        pairs += [(a * k, b) for a, b in pairs for k in (100, Fraction(1, 100))]
    if cents:
        pairs += [(a * 100, b) for a, b in pairs] + [(a, b * 100) for a, b in pairs]
    if any(a == b for a, b in pairs):
        return "exact"
    for a, b in pairs:
        step = Fraction(1, 10 ** (places or 0))
        if places is not None and abs(a - b) < step and (a.denominator != 1 or marked):
            return "rounded"
        if (
            (marked or places is None)
            and abs(a - b) <= abs(a) / (20 if marked else 10_000)
            and (marked or a.denominator != 1)
        ):
            return "rounded"
    return "false"


def show(x: Fraction) -> str:
    """A number for people: whole, a short decimal, or a fraction."""
    if x.denominator == 1:
        return str(x.numerator) if x.numerator.bit_length() < 2000 else "a long number"
    below = x.denominator
    for p in (2, 5):
        while below % p == 0:
            below //= p
    if below == 1 and x.denominator.bit_length() < 60:
        from decimal import Decimal

        return format((Decimal(x.numerator) / Decimal(x.denominator)).normalize(), "f")
    return f"{x.numerator}/{x.denominator}" if x.denominator.bit_length() < 40 else f"about {float(x):.6g}"
