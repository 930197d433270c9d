"""Normal form, skeleton, words and n-grams of mathematical text: pure string functions, and the same over columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

import polars as pl
import xxhash

from mathdata.numerals import (
    HAN_NUMERAL,
    NUMBER_WORD,
    Number,
    canonical,
    chinese_value,
    english_value,
    numbers,
)

__all__ = [
    "Number",
    "canonical",
    "chinese_value",
    "english_value",
    "fill_templates",
    "ngrams",
    "normal",
    "normal_column",
    "numbers",
    "skeleton",
    "template",
    "template_column",
    "words",
]

# --- one table for the row and the column form ------------------------------------------------------------------
# Before NFKC, which would turn x² into x2 and 3½ into 31/2.
_FOLDS: dict[str, str] = {
    **{c: f"^{i}" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{c: f"_{i}" for i, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{c: f"({i})" for i, c in enumerate("①②③④⑤⑥⑦⑧⑨⑩", start=1)},
    **{chr(0xFF10 + i): str(i) for i in range(10)},
    "½": " 1/2", "⅓": " 1/3", "⅔": " 2/3", "¼": " 1/4", "¾": " 3/4", "⅕": " 1/5", "⅛": " 1/8", "㎡": "m^2", "㎥": "m^3",
    "，": ", ", "、": ", ", "。": ".", "．": ".", "？": "?", "！": "!", "：": ":", "∶": ":", "；": ";", "（": "(", "）": ")",
    "［": "[", "］": "]", "【": "[", "】": "]", "％": "%", "＋": "+", "－": "-", "＝": "=", "＊": "×", "／": "/", "＜": "<", "＞": ">",
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "「": '"', "」": '"', "『": '"', "』": '"', "‘": "'", "’": "'",
    "√": "\\sqrt ", "´": "'", "`": "'", "′": "'", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "÷": "/", "⁄": "/",
    "*": "×", "∗": "×", "⋅": "·", "•": "·", "￥": "¥", "￦": "₩", "…": "...", "\u00a0": " ", "\u3000": " ", "\u200b": "",
    "\u200c": "", "\u200d": "", "\ufeff": "", "\u00ad": "", "\u2061": "", "\u200e": "", "\u200f": "", "US$": " ", "$": " ",
    # In mathematics these three are variables, in English they are words: `$a$` must not become the article.
    **{f"{left}{c}{right}": f" {{{c}}} " for c in "aAI" for left, right in (("$", "$"), ("\\(", "\\)"))},
}  # fmt: skip
_LATEX: tuple[tuple[str, str], ...] = (
    (r"\\(cdot|times|div|leq?|geq?|neq?|pi|[dtc]?frac|sqrt|sin|cos|tan|log|ln|limits|sum|prod)([0-9_])", r"\${1} ${2}"),
    (r"\{,\}", ","),
    (r"([0-9])\\,([0-9]{3})\b", "${1}${2}"),
    (r"([0-9])\\,([0-9]{3})\b", "${1}${2}"),
    (r"\\\\(?:\[[^\]]*\])?", "⏎"),
    (r"\\[dtc]frac\b", r"\frac"),
    (r"\\(?:left|right|[bB]igg?[lrm]?)\s*(\\?[()\[\]{}|/]|\\[lr]?[vV]ert|\\[lr]angle|\\[lr]brace)", "${1}"),
    (r"\\(?:left|right)\s*\.", ""),
    (r"\\[()\[\]]", " "),
    (r"\\\$", " "),
    (r"\\!|\\displaystyle\b|\\textstyle\b|\\limits\b", ""),
    (r"\\[,;: ]|\\q?quad\b", " "),
    (r"([A-Za-z0-9.}])~", "${1} "),
    (r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}", " ${1} "),
    (r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}", " ${1} "),
    (r"\\leq?\b|\\leqslant\b", "≤"),
    (r"\\geq?\b|\\geqslant\b", "≥"),
    (r"\\neq?\b", "≠"),
    (r"\\times\b", "×"),
    (r"\\cdot\b", "·"),
    (r"\\div\b", "/"),
    (r"\\(?:ldots|cdots|dots)\b", "..."),
    (r"\\pi\b", "π"),
    (r"\\%", "%"),
    (r"\\frac\s*([0-9])\s*([0-9])", r"\frac{${1}}{${2}}"),
    (r"\\sqrt\s*([0-9])", r"\sqrt{${1}}"),
    (r"\\(sin|cos|tan|log|ln)\s*\{\s*([A-Za-z0-9.]+)\s*\}", r"\${1} ${2}"),
    (r"\\mathbb\s*([A-Z])", r"\mathbb{${1}}"),
    (r"\\[lr][vV]ert\b", "|"),
    (r"\^\s*\{?\s*\\circ\s*\}?|\\degree\b", "°"),
    (r"([\^_])\s*\{\s*([A-Za-z0-9])\s*\}", "${1}${2}"),
)
_SPACE = r"[\t-\r ]"
_MARKUP = r"\\|[\^_]\s*\{|~|\{,\}"
# What is left of commas separates, and is written so that a second pass cannot take `1, 234` for `1,234`.
COMMA = "\x1f"
# Behind an opening bracket a comma separates: (1,200) is a point, f(1,200) has two arguments.
_THOUSANDS: tuple[tuple[str, str], ...] = (
    (r"(^|[^0-9.,(\[{])([0-9]{1,3}),([0-9]{3}),([0-9]{3}),([0-9]{3})\b", "${1}${2}${3}${4}${5}"),
    (r"(^|[^0-9.,(\[{])([0-9]{1,3}),([0-9]{3}),([0-9]{3})\b", "${1}${2}${3}${4}"),
    (r"(^|[^0-9.,(\[{])([0-9]{1,3}),([0-9]{3})\b", "${1}${2}${3}"),
)
_THOUSAND = r"[0-9],[0-9]{3}"
_GAPS = r"[\t-\r ]*[\t-\r][\t-\r ]*| {2,}"
_POINT = r"[0-9] \.[0-9]|[0-9]\. [0-9]|(?:^|[^0-9A-Za-z.)\]}])\.[0-9]"
_SIGNS = [COMMA, *(chr(c) for c in range(0x21, 0x7F) if not chr(c).isalnum())]
_LOOSE = [f" {c} " for c in _SIGNS] + [f"{c} " for c in _SIGNS] + [f" {c}" for c in _SIGNS]
_TIGHT = _SIGNS * 3
_SPACES: tuple[tuple[str, str], ...] = (
    (r"([0-9]) \.([0-9])", "${1} 0.${2}"),
    (r"(^|[^0-9A-Za-z.)\]}])\.([0-9])", "${1}0.${2}"),
    (r"([0-9])\. ([0-9])", "${1};${2}"),
    (r" ?([^A-Za-z0-9 ]) | ([^A-Za-z0-9 ])", "${1}${2}"),
)
_END = " \t\n.?!"
# 5! and n! are factorials: behind a digit, a bracket or a single letter the mark stays.
_FACTORIAL, _END_OF_FACTORIAL = r"(?:[0-9)\]}]|(?:^|[^A-Za-z])[A-Za-z])!+[ \t\n.?]*$", " \t\n.?"
# What the table above leaves to NFKC: everything outside ASCII, Han and Greek.
_RARE = r"[\x{80}-\x{36f}\x{400}-\x{205f}\x{2070}-\x{21ff}\x{2300}-\x{303f}\x{3040}-\x{33ff}\x{a000}-\x{10ffff}]"


def _ascii(pattern: str, boundary: str) -> str:
    r"""`\s` and `\b` of a pattern as those of ASCII; not what follows an escaped backslash, as in `\\sqrt`."""
    meant = {r"\s": _SPACE, r"\b": boundary}
    return re.sub(r"\\\\|\\s|\\b", lambda m: meant.get(m[0], m[0]), pattern)


def _python(pairs: Sequence[tuple[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    made = []
    for pattern, replacement in pairs:
        ours = re.sub(r"\$\{(\d)\}", r"\\g<\1>", replacement.replace("\\", "\\\\"))
        made.append((re.compile(_ascii(pattern, r"\b"), re.ASCII), ours))
    return made


def _rust(pattern: str) -> str:
    r"""The same pattern for polars, whose `\b` and `\s` would mean all of Unicode."""
    return _ascii(pattern, r"(?-u:\b)")


_FOLD = re.compile("|".join(re.escape(k) for k in sorted(_FOLDS, key=len, reverse=True)))
_PY_LATEX, _PY_THOUSANDS, _PY_SPACES = _python(_LATEX), _python(_THOUSANDS), _python(_SPACES)
_GAP, _PY_FACTORIAL = re.compile(_GAPS), re.compile(_FACTORIAL)
_PY_MARKUP, _PY_THOUSAND = re.compile(_MARKUP), re.compile(_THOUSAND)
_PY_RARE = re.compile(re.sub(r"\\x\{(\w+)\}", lambda m: chr(int(m[1], 16)), _RARE))


def normal(text: str | None) -> str:
    """One spelling for texts that differ only in form: width, quotes, spaces, LaTeX synonyms, separators, `$`.

    Case, words, numbers, operators and their order stay as they are. Made for comparing, not for reading.

    >>> normal("计算１２ + 3等于多少？") == normal("计算 12+3 等于多少?")
    True
    >>> normal(r"$\\dfrac{1}{2}$ of 1,000.") == normal(r"\\(\\frac12\\) of 1000")
    True
    """
    text = _FOLD.sub(lambda m: _FOLDS[m[0]], text or "")
    if _PY_RARE.search(text):
        text = _FOLD.sub(lambda m: _FOLDS[m[0]], unicodedata.normalize("NFKC", text))
    if _PY_MARKUP.search(text):
        text = _apply(_PY_LATEX, text)
    if _PY_THOUSAND.search(text):
        text = _apply(_PY_THOUSANDS, text)
    text = _apply(_PY_SPACES, _GAP.sub(" ", text).replace(",", COMMA)).lstrip(" ")
    return text.rstrip(_END_OF_FACTORIAL if _PY_FACTORIAL.search(text) else _END)


def _apply(pairs: Sequence[tuple[re.Pattern[str], str]], text: str) -> str:
    for pattern, replacement in pairs:
        text = pattern.sub(replacement, text)
    return text


def normal_column(texts: pl.Series) -> pl.Series:
    """`normal` on every row, at the speed of a column."""
    folded = _fold(texts.cast(pl.String).fill_null(""))
    if not _is_ascii(folded):
        folded = _where(folded, _RARE, lambda s: _fold(s.str.normalize("NFKC")))
    folded = _where(folded, _MARKUP, lambda s: _replace(s, _LATEX))
    folded = _where(folded, _THOUSAND, lambda s: _replace(s, _THOUSANDS))
    gaps = folded.str.contains_any(["  ", *"\t\n\r\x0b\x0c"])
    folded = _changed(folded, gaps, lambda s: s.str.replace_all(_GAPS, " "))
    folded = folded.str.replace_all(",", COMMA, literal=True)
    folded = _where(folded, _POINT, lambda s: _replace(s, _SPACES[:3]))
    tight = folded.str.replace_many(_LOOSE, _TIGHT, leftmost=True)
    if not _is_ascii(tight):  # \times and its like have become signs
        tight = _where(tight, r"[^\x00-\x7f] | [^\x00-\x7f]", lambda s: _replace(s, _SPACES[3:]))
    tight = tight.str.strip_chars_start(" ")
    factorial = tight.str.ends_with("!") | tight.str.contains(r"![ \t\n.?]+$")
    ended = tight.str.strip_chars_end(_END)
    if not factorial.any():
        return ended
    product = (factorial & tight.str.contains(_FACTORIAL)).arg_true()
    return ended.scatter(product, tight.gather(product).str.strip_chars_end(_END_OF_FACTORIAL))


def _fold(texts: pl.Series) -> pl.Series:
    keys = sorted(_FOLDS, key=len, reverse=True)
    return texts.str.replace_many(keys, [_FOLDS[k] for k in keys], leftmost=True)


def _replace(texts: pl.Series, pairs: Sequence[tuple[str, str]]) -> pl.Series:
    for pattern, replacement in pairs:
        texts = texts.str.replace_all(_rust(pattern), replacement)
    return texts


def _where(texts: pl.Series, pattern: str, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`change` applied only to the rows that hold `pattern`: most rows need none of the slow steps."""
    return _changed(texts, texts.str.contains(_rust(pattern)), change)


def _is_ascii(texts: pl.Series) -> bool:
    return bool((texts.str.len_bytes() == texts.str.len_chars()).all())


def _changed(texts: pl.Series, hit: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    if not hit.any():
        return texts
    if hit.all():
        return change(texts)
    return texts.scatter(hit.arg_true(), change(texts.filter(hit)))


# --- skeletons ---------------------------------------------------------------------------------------------------
_EN_NUMBERS = rf"(?i)\b{NUMBER_WORD}\b"
_MASK: tuple[tuple[str, str], ...] = (
    (r"[0-9]+(?:\.[0-9]+)?", "#"),
    (_EN_NUMBERS, "#"),
    (HAN_NUMERAL, "#"),
    (r"(^|[^#A-Za-z0-9)\]}])-#", "${1}#"),
    (r"([^#A-Za-z0-9)\]}])-#", "${1}#"),
    (rf"#(?:{COMMA}#)+", "#,#"),
)
_PY_MASK = [(re.compile(p), r) for p, r in [(p, re.sub(r"\$\{(\d)\}", r"\\g<\1>", r)) for p, r in _MASK]]


def skeleton(text: str | None) -> str:
    """The problem with its numbers masked: siblings share it.

    >>> skeleton("计算 -3.5 + 2 等于多少？") == skeleton("计算 7+12等于多少?")
    True
    """
    return _apply(_PY_MASK, normal(text)).lower()


def template(text: str | None) -> str:
    """16 hex digits, hash of the skeleton."""
    return str(xxhash.xxh3_64_hexdigest(skeleton(text).encode("utf-8", "surrogatepass")))


def template_column(texts: pl.Series) -> pl.Series:
    """`template` on every row."""
    bare = _replace(normal_column(texts), _MASK).str.to_lowercase()
    digest = xxhash.xxh3_64_hexdigest
    unique = bare.unique()
    made = pl.Series([digest(t.encode("utf-8", "surrogatepass")) for t in unique.to_list()], dtype=pl.String)
    return bare.replace_strict(unique, made, return_dtype=pl.String)


def fill_templates(frame: pl.DataFrame) -> pl.DataFrame:
    """`template` filled where it is null."""
    if "template" in frame.columns and not frame["template"].null_count():
        return frame
    made = template_column(frame["problem"])
    known = frame["template"] if "template" in frame.columns else pl.Series([None] * frame.height, dtype=pl.String)
    return frame.with_columns(pl.Series("template", known.fill_null(made)))


# --- words and n-grams -------------------------------------------------------------------------------------------
_SAID = re.compile(rf"\b{NUMBER_WORD}\b")
_TOKEN = re.compile(r"\\[a-z]+|[a-z]+(?:'[a-z]+)*|[0-9]+(?:\.[0-9]+)?|[^\sa-z0-9.,\x1f?!;:\"']")


def words(text: str | None) -> list[str]:
    """Lower-case words, numbers by value, symbols and single Chinese characters; punctuation left out.

    >>> words("Add 7.50 + twelve.")
    ['add', '7.5', '+', '12']
    """
    said = _SAID.sub(_digits, normal(text).lower())
    return [canonical(t) if "0" <= t[0] <= "9" else t for t in _TOKEN.findall(said)]


def _digits(match: re.Match[str]) -> str:
    value = english_value(match[0])
    return match[0] if value is None else str(value)


def ngrams(tokens: Sequence[str], n: int) -> set[int]:
    """Hashes of all runs of `n` tokens; a shorter text is one run by itself, so that nothing is invisible."""
    if not tokens:
        return set()
    n = min(n, len(tokens))
    digest = xxhash.xxh3_64_intdigest
    return {digest("\x1f".join(tokens[i : i + n]).encode("utf-8", "replace")) for i in range(len(tokens) - n + 1)}
