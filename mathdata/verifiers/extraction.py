"""Find the final answer in a response: the rules, in order, each with its name and its place in the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from mathdata.errors import UnknownName, nearest
from mathdata.verifiers.amounts import last_amount
from mathdata.verifiers.boxes import boxed, cut_off, tagged
from mathdata.verifiers.candidates import candidates
from mathdata.verifiers.choices import letter
from mathdata.verifiers.cues import pattern
from mathdata.verifiers.found import Extraction, denied, last_match, may_deny, stretch
from mathdata.verifiers.segments import segments
from mathdata.verifiers.statements import Statement, qualified, stated

__all__ = ["RULES", "Extraction", "extract", "opening"]


Finder = Callable[[str, int], "Extraction | None"]

MAX_LENGTH = 2_000_000
NOTHING = Extraction(None, None, None, "no answer")

_NUM = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_HASHES = re.compile(r"####[ \t]*:?[ \t]*([^\n]*)")
_PHRASE = re.compile(
    r"(?:(?:final|correct|right)\s{1,3}(?:answer|result)|\b(?:the\s)?answers?)\s{0,4}(?:\*\*\s{0,4})?(?:to\s(?:the|this)\s(?:problem|question)\s{0,4})?"
    r"(?:is|are|would\sbe|will\sbe|equals|=|[:：])\s{0,4}(?:\*\*)?(?:thus|therefore|then|simply|just|also)?\s{0,4}[:：]?",
    re.IGNORECASE,
)
_COLON_A = re.compile(r"(?:^|\n)[ \t]*A(?:nswer|NSWER)?[ \t]*[:：]")
_CHINESE = re.compile(
    r"(?:最终)?(?:答案|结果)(?:应该|应当)?(?:是|为|等于|[:：])\s*[:：]?|(?:^|[\s。，；,;])答[:：]"
    r"|(?:方程的?解|函数的?值|平均值|平均数|面积|周长|体积|质量|重量|销售额|折扣(?:比例|率)?|售价|原价|平方根|值|解)(?:分别)?(?:是|为|等于)\s*[:：]?"
)
_NEGATION = re.compile(r"(?:not|n't|isn’t|wrong|incorrect|不)\s*(?:the\s+)?$", re.IGNORECASE)
_STOP = re.compile(
    r"\n|。|(?<![.\d])\.(?=\s|$)|(?<=\d)\.(?=\s|$)|\.\s*I hope|<\|[a-z_]+\|>|</s>|(?<=[)\]}$\d])[;；]|\.\*\*|!!|\.(?=\\\))",
)
_BOLD = re.compile(r"\*\*([^*\n]{1,200}?)\*\*")
_ANY_NUMBER = re.compile(
    r"(?<![A-Za-z_\\\d.^])(?:(?<![\d)%])[-−]|(?<!正)负)?[$€£¥￥]?[-−]?(?:"
    + _NUM
    + r"(?![,，]\d)|\d+,\d{1,2}(?![\d,])|"
    + _NUM
    + r")(?:/\d+(?!\.?\d))?%?"
)
_SIDES = re.compile(r"(?<![<>!:=])=(?!=)|≈|\\approx(?![A-Za-z])|＝")


def extract(text: str, rule: str = "auto") -> Extraction:
    """The final answer of a response. Raises UnknownName for a rule that does not exist.

    >>> extract("so it is \\\\boxed{\\\\frac{1}{2}}.")
    Extraction(value='\\\\frac{1}{2}', rule='boxed', span=(16, 27), why='')
    """
    if rule not in RULES:
        raise UnknownName(f"no extraction rule named '{rule}'", nearest(rule, RULES))
    if not text or text.isspace():
        return Extraction(None, None, None, "no answer: the response is empty")
    if len(text) > MAX_LENGTH:
        return Extraction(None, None, None, f"no answer: longer than {MAX_LENGTH:,} characters")
    start = _after_thinking(text)
    if start < 0:
        return Extraction(None, None, None, "no answer: cut off inside <think>")
    for finder in RULES[rule]:
        found = finder(text, start)
        if found is not None and not (found.span and denied(text, found.span[0])):
            return found
    return Extraction(None, None, None, f"no answer by rule {rule}")


def _after_thinking(text: str) -> int:
    """Where the answer part begins; -1 where the thinking never ended."""
    if "<think" not in text and "</think" not in text:
        return 0
    end = text.rfind("</think>")
    if text.rfind("<think>") > end:
        return -1
    return end + len("</think>") if end >= 0 else 0


def boxed_or_final(text: str, start: int) -> Extraction | None:
    """The last box, unless a later sentence says "final answer" and holds another one."""
    if cut_off(text, start) and "\n" not in text[text.rfind("box") :].strip():
        return Extraction(None, None, None, "no answer: cut off inside a box")
    box = None if cut_off(text, start) else boxed(text, start)
    if box is not None and box.span is not None and box.value == text[slice(*box.span)]:
        box = _unlabelled(text, box)
    if box is None or box.span is None or "inal" not in text[box.span[1] :]:
        return box
    last = last_match(_FINAL, text, box.span[1])
    later = _last_said(text, [last], "answer is") if last else None
    return later if later is not None and _is_mathematics(later.value) else box


def _unlabelled(text: str, found: Extraction) -> Extraction:
    """Without a label in words before the value (`\\text{Total cost: } 20`); what a sentence in a box states."""
    assert found.span is not None
    begin, end = found.span
    if match := _LABELLED.match(text, begin, end):
        return stretch(text, found.rule or "", match.end(), end)
    if match := _BOXED_SENTENCE.fullmatch(text, begin, end):
        said = stated(text, match.start(1), match.end(1), cued=True)
        return _told(text, found.rule or "", said) if said else found
    return found


_LABELLED = re.compile(
    r"\s*\$?\s*\\(?:text|textbf|mathrm|mbox|textrm)\s*\{\s*[^\W\d][^{}\d:：=]*(?:[:：=]\s*\}\s*(?=\S)|\}\s*(?:[:：=]|\\colon)\s*(?=\\?\$?[\d\\-]))"
)
_BOXED_SENTENCE = re.compile(r"\\(?:text|textbf|mathrm|mbox|textrm)\s*\{((?:[A-Za-z']+\s+){2,}[^{}]*\d[^{}]*\.)\}")


def _is_mathematics(value: str | None) -> bool:
    from mathdata.verifiers.values import read_value

    tree = read_value(value).tree if value else None
    return tree is not None and not _holds_text(tree)


_FINAL = re.compile(r"final\s+answer\s*(?:is|are|:)\s*:?", re.IGNORECASE)


# -- marks and phrases
def hashes(text: str, start: int) -> Extraction | None:
    at = text.rfind("####")
    if at < start:
        return None
    match = _HASHES.match(text, at)
    if match is None or not match.group(1).strip():
        return None
    return _refined(text, "####", match.start(1), match.end(1))


def phrase(text: str, start: int) -> Extraction | None:
    """`The answer is x`, `Final answer: x`, `A: x`: the last one that says something."""
    low = "nswer" in text or "NSWER" in text or "esult" in text
    marks = [*(_PHRASE.finditer(text, start) if low else ()), *_COLON_A.finditer(text, start)]
    return _last_said(text, sorted(marks, key=lambda m: m.end()), "answer is")


def chinese(text: str, start: int) -> Extraction | None:
    """`答案是`, `方程的解为：`, `面积为`: the last one that says something."""
    if text.isascii():
        return None
    return _last_said(text, list(_CHINESE.finditer(text, start)), "答案")


def _last_said(text: str, marks: list[re.Match[str]], rule: str) -> Extraction | None:
    for match in reversed(marks[-8:]):
        if _NEGATION.search(text, max(0, match.start() - 12), match.start()):
            continue
        if _SUPPOSED.search(text, max(0, match.start() - 30), match.start()):
            continue
        begin, end = _sentence(text, match.end())
        found = _refined(text, rule, begin, end)
        if found is not None and not _only_denied(text, found):
            return found
    return None


_SUPPOSED = re.compile(
    r"(?:\b(?:if|unless|suppose|assume|assuming|whether|doubt|(?:don['’]t|not)\s+(?:think|believe|say))|如果|假如|假设|若|不认为|不觉得)(?:\s+that)?[\s,，]*(?:the\s+)?$",
    re.IGNORECASE,
)


def _only_denied(text: str, found: Extraction) -> bool:
    """Whether a sentence only says what the answer is not; `not prime` is an answer in words."""
    if found.span is None or found.value is None:
        return False
    opening = _DENIAL.match(found.value) if may_deny(found.value[:40]) else None
    return denied(text, found.span[0]) or (
        opening is not None and _NAMED.search(found.value, opening.end()) is not None
    )


_DENIAL = re.compile(r"(?:\w+\s+){0,2}?(?:not|n['’]t|never|cannot)\b|不是|并非|不为", re.IGNORECASE)
_NAMED = re.compile(r"\d|(?<![A-Za-z])[A-J](?![A-Za-z])")


def _sentence(text: str, at: int) -> tuple[int, int]:
    """From a phrase to the end of what it says; a displayed formula on the next line belongs to it."""
    begin = at
    limit = min(len(text), at + 2000)
    while begin < limit and text[begin] in " \t\n:：*":
        begin += 1
    for opening, closing in (("\\[", "\\]"), ("$$", "$$"), ("\\(", "\\)"), ("$", "$"), ("**", "**")):
        if text.startswith(opening, begin):
            shut = _shut(text, closing, begin + len(opening), limit)
            if shut < 0 or (opening == "$" and text[begin + 1 : begin + 2].isspace()):
                continue
            rest = text[shut + len(closing) : shut + len(closing) + 60].split("\n")[0]
            if opening == "**" or not rest.strip() or ("$" not in rest and "\\(" not in rest):
                return begin, shut + len(closing)
    for match in _STOP.finditer(text, begin, limit):
        if _dollars(text, begin, match.start()) % 2 == 0 and text.count("\\(", begin, match.start()) <= text.count(
            "\\)", begin, match.start()
        ):
            return begin, match.start()
    return begin, limit


def _shut(text: str, closing: str, at: int, limit: int) -> int:
    """Where a formula closes; an escaped dollar does not close it."""
    shut = text.find(closing, at, limit)
    while shut > 0 and closing == "$" and text[shut - 1] == "\\":
        shut = text.find(closing, shut + 1, limit)
    return shut


def _dollars(text: str, begin: int, end: int) -> int:
    return text.count("$", begin, end) - text.count("\\$", begin, end)


def _refined(text: str, rule: str, begin: int, end: int) -> Extraction | None:
    """The answer inside a sentence: the whole of it where it can be read, else its last formula or number."""
    from mathdata.verifiers.values import read_value

    whole = stretch(text, rule, begin, end)
    if not whole.value:
        return None
    bold = _BOLD.match(text, whole.span[0]) if whole.span else None
    if bold and bold.group(1).strip(" :：*"):
        return _refined(text, rule, bold.start(1), bold.end(1))
    value = read_value(whole.value)
    bare = value.tree is not None and not _holds_text(value.tree)
    if bare and (not _WORD.search(whole.value) or not qualified(text, begin, end)):
        return whole
    if value.is_text and _is_name(value.cleaned):
        return whole
    said = stated(text, begin, end, cued=True)
    if said is not None:
        return _told(text, rule, said)
    again = last_match(_IS, text, begin, end)
    if again is not None and _dollars(text, begin, again.start()) % 2 == 0 and text[again.end() : end].strip():
        after = _refined(text, rule, again.end(), end)
        if after is not None and any(c.isalnum() for c in after.value or ""):
            return after
    if not candidates(text, begin, end) and (spelled := _spelled(text, rule, begin, end)):
        return spelled
    if value.is_text and not _HAS_DIGIT.search(value.cleaned):
        return _before_reason(text, rule, begin, end)
    return whole if any(c.isalnum() for c in whole.value) else None


_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}|[\u4e00-\u9fff]|\d\s+\(|\d（")


def _before_reason(text: str, rule: str, begin: int, end: int) -> Extraction | None:
    """An answer in words, without the reason behind it: `odd, because it is a sum`."""
    reason = pattern("aside").search(text, begin + 1, end)
    return stretch(text, rule, begin, reason.start() if reason and text[begin : reason.start()].strip() else end)


def _told(text: str, rule: str, said: Statement) -> Extraction:
    """A statement as what was found: one value, several as a list, or a bound with its words."""
    if said.kind == "alternatives":
        return Extraction(", ".join(text[a:b].strip() for a, b in said.items), rule, said.span, kind=said.kind)
    if said.kind:
        return Extraction(text[slice(*said.span)], rule, said.span, kind=said.kind, bound=said.bound)
    found = stretch(text, rule, *said.span)
    return _unlabelled(text, found) if "\\" in (found.value or "") else found


_IS = re.compile(
    r"\s(?:(?:is|are|equals|be|was)\b|falls\s+on\b(?:\s+an?\b)?)\s*(?:therefore|thus|then|exactly|equal\s+to|about|approximately|:)?\s*",
    re.IGNORECASE,
)


def _holds_text(tree: tuple[object, ...]) -> bool:
    if tree and tree[0] == "text":
        return True
    return any(isinstance(x, tuple) and _holds_text(x) for x in tree)


_HAS_DIGIT = re.compile(r"\d")


_SPELLED = re.compile(
    r"(?:[是为有得共要用剩花了]|等于)\s*(负?(?!一[样起定共般些])[零〇一二两三四五六七八九十百千万亿][零〇一二两三四五六七八九十百千万亿点又分之半]*)"
)


def _spelled(text: str, rule: str, begin: int, end: int) -> Extraction | None:
    """`一共有十五个`, `概率是三分之二`: a number spelled in Chinese, behind the word that states it."""
    found = [m for m in _SPELLED.finditer(text, max(begin, end - 4000), end) if not denied(text, m.start(1))]
    return stretch(text, rule, *found[-1].span(1)) if found else None


def _is_name(text: str) -> bool:
    """`October 30`, `Team 4`: a name with a number in it."""
    return text[:1].isupper() and len(text.split()) <= 3


def _is_label(value: str | None) -> bool:
    return value is None or len(value.strip("$ ")) <= 2 or "\\angle" in value


def _last_formula(text: str, begin: int, end: int) -> Extraction | None:
    found = list(segments(text, max(begin, end - 4000), end))
    last = next((s for s in reversed(found) if not denied(text, s[0])), None)
    return None if last is None else stretch(text, "formula", *last)


def _last_number(text: str, begin: int, end: int) -> Extraction | None:
    """The last number that is not denied, with all parts of the amount it belongs to."""
    window = max(begin, end - 4000)
    found = list(_ANY_NUMBER.finditer(text, window, end))
    last = next((m for m in reversed(found) if not denied(text, m.start())), None)
    if last is None:
        return None
    parts = last_amount(text, window, last.start(), end)
    return stretch(text, "last number", *(parts or last.span()))


# -- texts without a mark
def whole(text: str, start: int) -> Extraction | None:
    """A short response that is nothing but the answer."""
    begin, end = start, len(text)
    if end - begin > 400:
        return None
    found = stretch(text, "whole", begin, end)
    if not found.value or "\n" in found.value:
        return None
    from mathdata.verifiers.values import read_value

    value = read_value(found.value)
    if value.tree is None or (_WORD.search(found.value) and qualified(text, *(found.span or (begin, end)))):
        return None
    if _SPEAKS.search(found.value):
        return None
    if _holds_text(value.tree) and not _HAS_DIGIT.search(found.value) and (said := _spelled(text, "whole", begin, end)):
        return said
    if _holds_text(value.tree) and _is_sentence(found.value):
        return None
    if value.tree[0] == "rel" and "=" in value.tree[1]:
        if (read_value(found.value.rpartition("=")[2]).tree or "?")[0] == "rem":
            return None  # 17 / 5 = 3 R2 is no equation with an unknown R
        from mathdata.verifiers.naming import is_name

        sides = value.tree[2]
        return found if len(sides) == 2 and (is_name(sides[0]) or is_name(sides[1]) or _has_letters(sides)) else None
    return found


_SPEAKS = re.compile(
    r"^I['’ ]|^[Ll]et\s|\b(?:[Hh]e|[Ss]he|[Tt]hey|[Ww]e|[Ii]t|[Tt]here)\s+(?:\w+\s+)?\w+\s+(?:\$?[-−]?\d|\\[A-Za-z])"
)


def _is_sentence(text: str) -> bool:
    """Whether words are prose about the answer and not the answer: long, punctuated, spoken, or with numbers."""
    count = len(text.split())
    closed = text.endswith(".") and count > 2
    spoken = _SPEAKER.match(text) or any(c in text for c in "!?,;，！？")
    return bool(len(text) > 40 or count > 4 or closed or spoken or (_HAS_DIGIT.search(text) and not _DATE.match(text)))


def _has_letters(sides: tuple[tuple[object, ...], ...]) -> bool:
    """Whether an equation holds an unknown: then it is an answer itself (a line, a circle), not a computation."""
    from mathdata.verifiers.numeric import symbols

    return any(symbols(t) for t in sides)


def equation(text: str, start: int) -> Extraction | None:
    """`a + b = c` as the last line: its last side."""
    end = len(text)
    while end > start and text[end - 1] in " \t\n。.*$":
        end -= 1
    begin = max(text.rfind("\n", start, end), text.rfind("。", start, end), text.rfind("，", start, end), start - 1) + 1
    if end - begin > 600:
        return None
    last = last_match(_SIDES, text, begin, end)
    if last is None:
        return None
    from mathdata.verifiers.values import read_value

    side = stretch(text, "equation", last.end(), end)
    if not side.value:
        return None
    tree = read_value(side.value.replace("\\)", "").replace("\\]", "")).tree
    return side if tree is not None and not _holds_text(tree) else None


def ending(text: str, start: int) -> Extraction | None:
    """Bold or a formula in the last sentence."""
    stripped = text.rstrip()
    begin = max(text.rfind("\n", start, len(stripped)), start - 1) + 1
    bold = last_match(_BOLD, text, begin)
    if bold is not None and any(c.isdigit() for c in bold.group(1)):
        return _refined(text, "bold", bold.start(1), bold.end(1))
    formula = _last_formula(text, begin, len(text))
    if formula is None or formula.span is None or formula.value is None:
        return None
    tail = text[formula.span[1] :]
    if any(c.isdigit() for c in tail) or len(tail) > 120 or (_is_label(formula.value) and not formula.value.isdigit()):
        return None
    return Extraction(formula.value, "formula", formula.span)


_SPEAKER = re.compile(r"(?:i|we|you|it|so|let|this|that|there|sorry|我|我们)\b", re.IGNORECASE)
_DATE = re.compile(
    r"(?:\\text\s*\{)?(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+\d{1,2}\b",
    re.IGNORECASE,
)


def closing_words(text: str, start: int) -> Extraction | None:
    """`The function is odd.`: up to three words behind the last `is`, in a short text without numbers."""
    if len(text) - start > 200 or _HAS_DIGIT.search(text, start):
        return None
    said = last_match(_IS, text, start)
    if said is None:
        return None
    found = stretch(text, "closing words", said.end(), len(text.rstrip(" .!\n")))
    return found if found.value and len(found.value.split()) <= 3 else None


def closing(text: str, start: int) -> Extraction | None:
    """What the last sentence that names a value states; not in a text that was cut off inside a formula."""
    tail = max(start, len(text) - 4000)
    if _open_formula(text, tail):
        return None
    formulas = list(segments(text, tail))
    cuts = [m.end() for m in _SENTENCE_END.finditer(text, tail) if not any(a <= m.start() < b for a, b in formulas)]
    marks = [tail, *cuts, len(text)]
    looked = 0
    for begin, end in reversed(list(pairwise(marks))):
        if not text[begin:end].strip() or not _NAMES.search(text, begin, end):
            continue
        looked += 1
        if looked > SENTENCES:
            return None
        bold = last_match(_BOLD, text, begin, end)
        if bold is not None and any(c.isdigit() for c in bold.group(1)) and not denied(text, bold.start(1)):
            return _refined(text, "bold", bold.start(1), bold.end(1))
        said = stated(text, begin, end, cued=False)
        if said is not None:
            found = _told(text, _rule_of(text, said), said)
            return _last_side(text, found) if found.rule == "equation" else found
    return None if looked or text.isascii() else _spelled(text, "last number", tail, len(text))


def _last_side(text: str, found: Extraction) -> Extraction:
    """`17 / 5 = 3 R2` states a quotient and its remainder; other equations are kept whole."""
    from mathdata.verifiers.values import read_value

    assert found.span is not None
    side = stretch(text, "equation", max(text.rfind(s, *found.span) for s in "=＝") + 1, found.span[1])
    tree = read_value(side.value or "").tree
    last = (tree is not None and tree[0] == "rem") or "√" in (found.value or "")
    return side if last and not found.kind else found


SENTENCES = 3
"""Sentences with a value that are looked at from the end."""
_SENTENCE_END = re.compile(r"\n|[。！？]|(?<!i\.e)(?<!e\.g)(?<!\bvs)(?<!\b[Nn]o)(?<!\b[MD]r)(?<!\bMrs)[.!?](?=\s|$)")
_NAMES = re.compile(r"\d|\$|\\[(\[]|\\begin")


def _rule_of(text: str, said: Statement) -> str:
    begin, end = said.items[-1]
    if re.search(r"[=≈]|\\approx", text[begin:end]):
        return "equation"
    return "formula" if text[max(0, begin - 2) : begin].endswith(("$", "\\(", "\\[")) else "last number"


def _open_formula(text: str, tail: int) -> bool:
    if text.count("\\[", tail) > text.count("\\]", tail) or text.count("\\begin{", tail) > text.count("\\end{", tail):
        return True
    return "\\" in text[tail:] and _dollars(text, tail, len(text)) % 2 == 1


def last_number(text: str, start: int) -> Extraction | None:
    """The stated fallback; not in a text that was cut off inside a formula."""
    tail = max(start, len(text) - 4000)
    if text.count("\\[", tail) > text.count("\\]", tail) or text.count("\\begin{", tail) > text.count("\\end{", tail):
        return None
    if "\\" in text[tail:] and _dollars(text, start, len(text)) % 2:
        return None
    return _last_number(text, start, len(text))


_OPENING = re.compile(r"(?:^|\n)[ \t*]*(yes|no|不是|不对|对|是|否)的?[ \t*]*(?=[,.!:;，。！：；]|$|\n)", re.IGNORECASE)


def opening(text: str) -> Extraction | None:
    """`Yes, it is.`: the word that a paragraph opens with, unless another one opens with the contrary."""
    start = _after_thinking(text)
    said = list(_OPENING.finditer(text, start)) if start >= 0 else []
    if not said or len({m.group(1).lower() for m in said}) > 1:
        return None
    return stretch(text, "opening word", *said[0].span(1))


RULES: dict[str, tuple[Finder, ...]] = {
    "auto": (boxed_or_final, hashes, tagged, phrase, chinese, whole, closing, closing_words),
    "boxed": (boxed,),
    "gsm8k": (hashes, boxed, phrase, last_number),
    "####": (hashes,),
    "gsm8k_strict": (hashes,),
    "math": (boxed, phrase, ending, last_number),
    "minerva": (phrase,),
    "answer_is": (phrase, chinese),
    "letter": (letter,),
    "elementary": (boxed, hashes, phrase, chinese, whole, equation, last_number),
    "last_number": (last_number,),
    "whole": (whole,),
}
"""Named orders of rules; `auto` is the general one. A benchmark names its own."""
