"""The words and signs of a solution's prose: numbers, operators written or spoken, equals signs, units, the rest."""

from __future__ import annotations

import re
from typing import NamedTuple

from mathdata.verifiers.units import names_things

__all__ = ["GLUED", "OPS", "SPOKEN", "Tok", "tokens_of"]


class Tok(NamedTuple):
    kind: str
    """num, op, open, close, eq, pct, money, word, other"""
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"(?P<num>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)|(?P<eq>=>|==+|=|≈|＝|等于|约等于|\bequals\b)"
    r"|(?P<op>\*\*|[-+*/×÷−–·^＋－]|加上?|减去?|乘以?|除以)|(?P<open>[(\[（])|(?P<close>[)\]）])|(?P<pct>%|％)|(?P<money>[$€£¥￥])"
    r"|(?P<mark>\x01+|[ \t]+)|(?P<raised>[⁰¹²³⁴-⁹]+)"
    r"|(?P<word>(?:divided|multiplied) by\b|(?:[^\W\d_½¼¾⅐-⅞₀-₉⁻⁺])+(?:['’][a-z]+)?|[′″°])|(?P<other>.|\n)",
    re.DOTALL,
)
OPS = {"×": "*", "÷": "/", "−": "-", "–": "-", "·": "*", "**": "^", "＋": "+", "－": "-", "加": "+", "加上": "+", "减": "-", "减去": "-",
        "乘": "*", "乘以": "*", "除以": "/", "plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "divided by": "/", "of": "*"}  # fmt: skip
SPOKEN = frozenset(("plus", "minus", "times", "multiplied by", "divided by", "of"))
GLUED = "_\\{}|.#&√∛^~<>\u0002½¼¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞₀₁₂₃₄₅₆₇₈₉"
"""Signs that make a number they touch a part of something that is not read here."""
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def tokens_of(text: str) -> list[Tok]:
    out: list[Tok] = []
    for m in _TOKEN.finditer(text):
        kind = m.lastgroup or "other"
        if kind == "raised":
            out += _power(m.group(), m.start(), m.end(), out)
        elif kind != "mark":
            out.append(Tok(kind, m.group(), m.start(), m.end()))
    if "(" in text or "（" in text:
        out = _bracketed(out, text)
    out = _ratios(out)
    for i, t in enumerate(out):  # x between two numbers is the sign for times
        if t.kind != "word":
            continue
        if t.text in ("x", "X") and _numberish(out, i - 1, -1) and _numberish(out, i + 1, 1):
            glued = out[i - 1].end == t.start and out[i + 1].start != t.end and out[i + 1].kind != "num"
            if not glued:
                out[i] = t._replace(kind="op", text="*")
        elif t.text in SPOKEN and _numberish(out, i - 1, -1) and _numberish(out, i + 1, 1):
            out[i] = t._replace(kind="op")
        elif t.text == "of" and i and out[i - 1].kind == "pct" and _numberish(out, i + 1, 1):
            out[i] = t._replace(kind="op")  # 25% of 80
    return out


def _power(text: str, start: int, end: int, before: list[Tok]) -> list[Tok]:
    """`3²` is a power; behind a word (cm²) the raised figure belongs to the unit."""
    if before and before[-1].kind in ("num", "close") and before[-1].end == start:
        return [Tok("op", "^", start, start), Tok("num", text.translate(_RAISED), start, end)]
    return [Tok("word", text, start, end)]


def _bracketed(tokens: list[Tok], text: str) -> list[Tok]:
    """A unit or a name in brackets behind a number is one word: `9（个）`, `16(kg)`; `5(x)` and `2(3+4)` stay products."""
    out: list[Tok] = []
    at = 0
    while at < len(tokens):
        t = tokens[at]
        end = _shut(tokens, at) if t.kind == "open" and t.text in "(（" and _amount_before(out) else None
        if end is not None:
            inside = text[t.end : tokens[end].start].strip()
            if names_things(inside) and not _letters_in_use(tokens, at, end, inside):
                out.append(Tok("word", inside if len(inside) > 1 else f"({inside})", t.start, tokens[end].end))
                at = end + 1
                continue
        out.append(t)
        at += 1
    return out


def _amount_before(tokens: list[Tok]) -> bool:
    kinds = [t.kind for t in tokens[-2:]]
    return bool(kinds) and (kinds[-1] in ("num", "pct", "close") or kinds == ["num", "money"])


def _shut(tokens: list[Tok], at: int) -> int | None:
    """Where a bracket of words closes; None where it holds more, or is a factor of what follows."""
    for i in range(at + 1, min(at + 9, len(tokens))):
        t = tokens[i]
        if t.kind == "close":
            after = tokens[i + 1] if i + 1 < len(tokens) else None
            factor = after is not None and (after.text in ("^", "**") or (after.start == t.end and _is_factor(after)))
            return None if factor or i == at + 1 else i
        if t.kind not in ("word", "op", "num") or (t.kind == "num" and tokens[i - 1].text != "^"):
            return None
    return None


def _is_factor(t: Tok) -> bool:
    return t.kind in ("num", "open") or (t.kind == "word" and t.text.isascii())


def _letters_in_use(tokens: list[Tok], begin: int, end: int, inside: str) -> bool:
    """Whether these words stand for a number elsewhere in the text: m = 3, then 2(m); 60 - Losses, then 2(Losses)."""
    letters = set(inside) if inside.isascii() and len(inside) < 4 else set()
    for i, t in enumerate(tokens):
        if t.kind != "word" or begin < i < end or not (t.text in letters or t.text == inside):
            continue
        before = tokens[i - 1].kind if i else ""
        after = tokens[i + 1].kind if i + 1 < len(tokens) else ""
        if (t.text in letters and (before, after) != ("open", "close")) or before == "op":
            return True
        if after in ("op", "eq") and before not in ("num", "pct", "word", "close"):
            return True
    return False


def _ratios(tokens: list[Tok]) -> list[Tok]:
    """`miles/hour` and `non-white` are one word; `$20/child` is 20 with a unit."""
    out: list[Tok] = []
    for t in tokens:
        sign = out[-1].text if out else ""
        if t.kind == "word" and len(out) > 1 and sign in ("/", "-") and out[-1].end == t.start and len(t.text) > 1:
            before = out[-2]
            if before.kind == "word" and before.end == out[-1].start:
                out[-2:] = [Tok("word", f"{before.text}{sign}{t.text}", before.start, t.end)]
                continue
            if before.kind in ("num", "pct") and (sign == "/" or before.end == out[-1].start):
                out[-1] = Tok("word", t.text, out[-1].start, t.end)
                continue
        out.append(t)
    return out


def _numberish(tokens: list[Tok], i: int, step: int) -> bool:
    if not 0 <= i < len(tokens):
        return False
    kind = tokens[i].kind
    if kind == "word" and step < 0:  # "30 minutes x 2"
        return i > 0 and tokens[i - 1].kind == "num"
    if kind == "money" and step > 0:
        return i + 1 < len(tokens) and tokens[i + 1].kind == "num"
    return kind in (("num", "close", "pct") if step < 0 else ("num", "open", "money"))
