"""Bring the spelling of an answer to one form: full-width signs, LaTeX spacing, thousands separators, doubled backslashes."""

from __future__ import annotations

import re

from mathdata.verifiers.units import names_things

__all__ = ["clean", "unbracketed", "undouble"]

_FOLD = str.maketrans(
    {chr(c): chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)}
    | {
        "\u3000": " ", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2002": " ", "\u2003": " ", "\u2005": " ",
        "\u200b": "", "\u200e": "", "\u200f": "", "\ufeff": "", "\u2060": "", "\u202a": "", "\u202b": "",
        "\u202c": "", "\u202d": "", "\u202e": "", "\u2066": "", "\u2067": "", "\u2068": "", "\u2069": "",
        "−": "-", "–": "-", "—": "-", "﹣": "-", "×": "\\times ", "·": "\\cdot ", "⋅": "\\cdot ", "÷": "\\div ",
        "≤": "\\le ", "≥": "\\ge ", "≠": "\\ne ", "≈": "\\approx ", "±": "\\pm ", "∞": "\\infty ", "π": "\\pi ",
        "θ": "\\theta ", "α": "\\alpha ", "β": "\\beta ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "√": "\\sqrt ",
        "°": "^\\circ ", "′": "'", "²": "^{2}", "³": "^{3}", "⁴": "^{4}", "½": "\\frac{1}{2}", "¼": "\\frac{1}{4}",
        "¾": "\\frac{3}{4}", "⅓": "\\frac{1}{3}", "⅔": "\\frac{2}{3}", "⅛": "\\frac{1}{8}", "⁻": "-", "￥": "¥",
        "∠": "\\angle ", "，": ",", "、": ",", "；": ";", "：": ":", "．": ".", "“": '"', "”": '"', "’": "'", "‘": "'",
        "φ": "\\varphi ", "ϕ": "\\phi ", "λ": "\\lambda ", "ω": "\\omega ", "∅": "\\emptyset ", "ℝ": "\\mathbb{R}",
    }
)  # fmt: skip

_DOUBLED = re.compile(
    r"\\\\(?=(?:d|t|c)?frac\b|(?:d|t)?binom|boxed\b|fbox\b|sqrt\b|left\b|right\b|text|pi\b|cdot|times|begin\b|end\b|circ\b|infty\b"
    r"|theta\b|alpha\b|cup\b|pm\b|mathrm\b|mathbf\b|sin\b|cos\b|tan\b|log\b|ln\b|leq?\b|geq?\b|in\b|[bB]igg?[lr]?\b|quad\b|dots\b|ldots\b"
    r")"
)
_SINGLE = re.compile(r"(?<!\\)\\[A-Za-z]")


def undouble(text: str) -> tuple[str, bool]:
    """Undo twice-escaped backslashes (`\\\\frac` from JSON escaped twice); True where something was undone.

    Where a text also holds singly escaped commands only the commands known here are undone, and none beside an
    alignment: there `\\\\` is a line break.
    """
    if "\\\\" not in text or not _DOUBLED.search(text):
        return text, False
    if _SINGLE.search(text):
        return (text, False) if "\\begin" in text or "&" in text else (_DOUBLED.sub(r"\\", text), True)
    return text.replace("\\\\", "\\"), True


_EATEN = re.compile(
    r"\x0c(?=rac|box|orall)|\x08(?=oxed|inom|eta\b|egin|ar\b|mod|ig)|\t(?=ext|imes|heta|an\b|frac|o\b|ilde|riangle)|\r(?=ight|ho\b|m\b|angle|floor|ceil)"
    r"|\x0b(?=ec\b|ert)|\x07(?=lpha|ngle|pprox|rc)"
)
_EATEN_LETTER = {"\x0c": "\\f", "\x08": "\\b", "\t": "\\t", "\r": "\\r", "\x0b": "\\v", "\x07": "\\a"}
"""`\\frac` whose backslash and letter a program read as one control character (form feed, tab, return)."""
_STOP = re.compile(r"(?<=[\d}])\.(?=\s*\\?[\])}])")
_SPACES = re.compile(
    r"(?<!\\)\\(?:[,;:!> ]|(?:quad|qquad|thinspace|enspace|medspace|displaystyle|textstyle|limits|nolimits|bigl|bigr"
    r"|Bigl|Bigr|biggl|biggr|Big|big|Bigg|bigg|left|right|middle|nonumber|hfill|phantom\s*(?:\{[^{}]{0,40}\}|-)?)(?![A-Za-z]))"
)
_LEFT_DOT = re.compile(r"\\(?:left|right)\s*\.")
_THIN = re.compile(r"(?<=\d)(?:\\[,!; ]|\{\s\})(?=\d{3}(?!\d))|\\!\s*")
_COMMA_THIN = re.compile(r"(?<=\d)(?:\{,\}|,\s*\\[!,;]\s*)(?=\d{3}(?!\d))")
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d/])")
_UNDERSCORED = re.compile(r"(?<=\d)_(?=\d{3}(?!\d))")
_SHORTHAND = re.compile(r"\\(?:d|t|c)frac(?![A-Za-z])")
_CELSIUS = re.compile(
    r"\^\s*(?:\{\s*\\circ\s*\}|\\circ)\s*(?:\\(?:mathrm|text|rm)\s*\{\s*([CF])\s*\}|([CF])(?![A-Za-z]))"
)
_COLOUR = re.compile(
    r"\\(?:textcolor|colorbox)\s*(?:\[[^\]]{0,20}\])?\s*\{[^{}]{0,40}\}|\\color\s*(?:\[[^\]]{0,20}\])?\s*\{[^{}]{0,40}\}"
)
_FORMULA = re.compile(r"(?<!\\)\$(?=[^\s$])([^$]*?[^\s$\\])\$(?![\d$])")
_ESCAPED = re.compile(r"(?<!\\)\\([$%#])")
_BETWEEN = re.compile(r"(?<=[^\s\\])\$\s+\$(?=\S)")
"""One formula among words: `$125$ miles`, `$a=2$, $a=5$`; in `$5 and $6` and `$5-$6` the signs are money."""
_SPACED_UNIT = re.compile(
    r"(?<=[\d}])\s*(?:\\[ ,;]|~)\s*(J|kJ|N|W|kW|V|Pa|Hz|K|m|s|g|kg|cm|mm|km)(?![A-Za-z\\(^_{])(?=[\s.$)]*$)"
)
_PRIMES = re.compile(r"\^\s*\{\s*(?:\\prime\s*){1,3}\}|\^\s*\\prime(?![A-Za-z])")
_TAG = re.compile(r"\\(?:tag|label)\s*\{[^{}]*\}")


_BRACKETED = re.compile(
    r"\(\s*(?:\\(?:text|mathrm|textrm|mbox)\s*\{\s*([^(){}\\\d]{1,30})\}|([^(){}\\\d,;]{1,30}(?:\^\{?[23]\}?)?))\s*\)(?!\s*[\w(\[^])"
)


def unbracketed(text: str) -> str:
    """`9(个)` is `9 个`: a unit in brackets behind its number, the form of textbooks."""
    return _BRACKETED.sub(_unbracketed, text) if "(" in text else text


def _unbracketed(match: re.Match[str]) -> str:
    before = match.string[: match.start()].rstrip()[-1:]
    if not before.isdigit() and before not in (")", "}", "%"):
        return match.group()
    named, plain = match.groups()
    inside = (named or plain).strip()
    if not names_things(inside) or (named is None and len(inside) == 1 and inside.isascii()):
        return match.group()
    return f"\\text{{ {inside}}}" if named or (inside.isascii() and inside.isalpha()) else f" {inside}"


_SIGN = re.compile(r"(正)?负(?=\s*(?:[\d.(\\]|[a-zA-Z](?![a-zA-Z])))")
_AND_A_PART = re.compile(r"(?<=\d)\s*又\s*(?=\d+\s*/\s*\d|\\[dtc]?frac)")


_SCALE = {"C": "Celsius", "F": "Fahrenheit"}


def clean(text: str) -> str:
    """One spelling; nothing that carries meaning is lost. Idempotent.

    >>> clean("$\\\\left(１,\\\\! 234\\\\right)$")
    '(1,234 )'
    """
    if text.isascii() and text.isalnum():
        return text
    if not text.isascii():
        text = text.translate(_FOLD)
        if "负" in text:
            text = _SIGN.sub(lambda m: "\\pm " if m.group(1) else "-", text)
        if "又" in text:
            text = _AND_A_PART.sub(" ", text)
    if not text.isprintable():
        text = _EATEN.sub(lambda m: _EATEN_LETTER[m.group()], text)
    text = undouble(text)[0]
    if "\\" in text or "{" in text:
        if "color" in text:
            text = _COLOUR.sub(" ", text)
        if "prime" in text:
            text = _PRIMES.sub(lambda m: "'" * m.group().count("prime"), text)
        text = _SPACED_UNIT.sub(r"\\text{ \1}", text)
        text = _COMMA_THIN.sub(",", text)
        text = _THIN.sub("", text)
        text = _LEFT_DOT.sub(" ", text)
        text = _SPACES.sub(" ", text)
        text = _SHORTHAND.sub(r"\\frac", text)
        text = _ESCAPED.sub(r"\1", text).replace("\\lbrace", "\\{").replace("\\colon", ":")
        text = text.replace("\\rbrace", "\\}").replace("\\lbrack", "[").replace("\\rbrack", "]")
        text = _TAG.sub("", text)
        if "circ" in text:
            text = _CELSIUS.sub(lambda m: "\\text{ " + _SCALE[m.group(1) or m.group(2)] + "}", text)
    text = _unwrapped(text)
    text = _strip(unbracketed(text))
    if "." in text:
        text = _STOP.sub("", text)
    if " " in text:
        text = _SPACED.sub(lambda m: m.group().replace(" ", ""), text)
    if "_" in text:
        text = _UNDERSCORED.sub("", text)
    return text


def _unwrapped(text: str) -> str:
    """Formulas among words without their dollar signs, until nothing changes."""
    before = ""
    while text != before and text.count("$") > 1:
        before, text = text, _FORMULA.sub(r" \1 ", _BETWEEN.sub(" ", text))
    return text


_PAIRS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"))


def _strip(text: str) -> str:
    """Drop wrappers and closing punctuation, again and again until nothing changes."""
    while True:
        before = text
        text = text.strip().strip("\u0000").strip()
        for opening, closing in _PAIRS:
            inner = text[len(opening) : -len(closing)]
            wrapped = (
                len(text) > len(opening) + len(closing) - 1 and text.startswith(opening) and text.endswith(closing)
            )
            if wrapped and opening not in inner and closing not in inner:
                text = inner.strip()
        text = text.rstrip("。;；,，、")
        if text.endswith(".") and not text.endswith("..."):
            text = text[:-1]
        if text.endswith("\\") and not text.endswith("\\\\"):
            text = text[:-1]
        if text == before:
            return text
