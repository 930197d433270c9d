"""The numbers of a question: which stand for an amount that may change, which are labels, dates, fractions, counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from mathdata.symbolic import chinese
from mathdata.symbolic.lexer import Token, lex, listed
from mathdata.worked import Number, whole

__all__ = ["MARKS", "Mention", "Question", "read_question"]


@dataclass(slots=True)
class Mention:
    """One number of the question. `held`: why it must not change ('' = free)."""

    index: int
    token: int
    start: int
    end: int
    value: Number
    noun: str
    kind: str = ""
    """The noun where it surely is one: a plural."""
    held: str = ""
    percent: bool = False
    money: bool = False
    cap: int = 0
    ordered: bool = True


@dataclass(slots=True)
class Question:
    text: str
    tokens: list[Token]
    mentions: list[Mention]
    words: frozenset[str]
    fractions: list[tuple[int, int]]
    """Written fractions and those in words: 3/4, three quarters, a third, half."""
    chinese: bool = False


MONTHS = frozenset(
    listed(
        "january february march april may june july august september october november december jan feb aug sept oct nov dec"
    )
)
_ORDINALS = listed("first second third fourth fifth sixth seventh eighth ninth tenth")
PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4}
PARTS |= {w + s: n + 1 for n, w in enumerate(_ORDINALS) if n > 2 for s in ("", "s")}
_SUFFIX = frozenset(["st", "nd", "rd", "th", "x", "am", "pm", "k", "d", "s", "a", "b", "c"])
_LABELS = frozenset(
    listed("""room page chapter size number no grade level step highway route section gate apartment channel version act part
    phase day week month year season class stage round team group lot bus flight game test question problem type
    world episode verse pier unit building floor""")
)
_SHAPE = frozenset(
    listed("""side sides wall walls leg legs wheel wheels arm arms eye eyes ear ears finger fingers toe toes paw paws corner
    corners angle angles dimensional sided face faces sixths story stories legged wheeled dimension dimensions
    season seasons wings wing feathers hand hands tentacles hooves""")
)
_TOLD = re.compile(
    r"\b(first|second|third|fourth|fifth|sixth|other|others|another|remaining|latter|former|last|one of|rest|final|"
    r"oldest|youngest|middle|smallest|largest|biggest|next|none of|either|neither|both|each of them)\b"
)
_NAMES = re.compile(r":|\b[A-Z]\w*(?:, [A-Z]\w*)*,? and [A-Z]\w*|\b(?:named|called|namely)\b")
_MEASURES = frozenset(
    listed("""dollar cent pound mile minute mph ounce inch feet foot yard meter kilometer gallon liter gram kilogram km kg lb
    lbs oz ml cm mm calorie degree point percent acre ton square cubic watt""")
)
_BEFORE_YEAR = MONTHS | set(listed("in since year by until from of before after to"))
_DETERMINERS = frozenset(
    listed("each every per a next last this that one the second first third fourth fifth following same previous")
)
_COINS = frozenset(listed("dime dimes nickel nickels penny pennies coin coins"))
_DEFINITE = frozenset(["the", "these", "those", "all", "other", "remaining", "both", "only", "of", "last", "first"])


def singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


_PEOPLE = frozenset(listed("people children men women feet teeth fish sheep mice geese deer"))


def plural(word: str) -> str:
    """The singular of a plural noun; '' for any other word, which may be an adjective."""
    if word in _PEOPLE:
        return word
    return singular(word) if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else ""


def read_question(text: str) -> Question:
    """Every number of the question with what may be done to it."""
    stream = lex(text)
    words = frozenset(t.text for t in stream if t.kind == "w") | chinese.words(text)
    question = Question(text, stream, [], words, [], chinese.is_chinese(text))
    for i, token in enumerate(stream):
        if token.kind == "n" and token.value is not None:
            question.mentions.append(_mention(question, i, token, token.value))
        elif token.text in PARTS and token.kind == "w":
            _part(question, i)
    if question.chinese:
        chinese.hold_chinese(question)
    _hold_told(question)
    _hold_numbered(question)
    _hold_listed(question)
    _hold_lettered(question)
    if not words.isdisjoint(MARKS):
        for m in question.mentions:
            if 40 <= m.value <= 100 and not m.cap and not m.noun:
                m.cap = 100
    return question


MARKS = frozenset(listed("score scores scored grade grades exam quiz"))


def _hold_lettered(q: Question) -> None:
    """`the average of five baskets … basket A … B … E`: a count of things that letters name."""
    letters = set(re.findall(r"\b([A-H])\b(?!\.)", q.text))
    count = next((n for n, letter in enumerate("ABCDEFGH") if letter not in letters), 8)
    for m in q.mentions:
        if not m.held and m.value == count >= 3:
            m.held = "told"


def _hold_listed(q: Question) -> None:
    """`the past four nights he earned $20, $60, $15 and $40`: a count of numbers that are then listed."""
    runs: list[tuple[int, int]] = []
    for i, m in enumerate(q.mentions):
        between = q.text[q.mentions[i - 1].end : m.start] if i else ""
        if runs and len(between) <= 30 and re.search(r",|\band\b|\bor\b", between) and not re.search(r"[.?!]", between):
            runs[-1] = (runs[-1][0], i)
        else:
            runs.append((i, i))
    lengths = {last - first + 1 - k for first, last in runs for k in (0, 1) if last - first > 1}
    for m in q.mentions:
        if not m.held and m.value in lengths and 3 <= m.value <= 12 and not m.percent and not m.money:
            m.held = "listed"


def _hold_numbered(q: Question) -> None:
    """`athlete 1 … athlete 2`: one word before several small numbers numbers its things."""
    before: dict[str, list[Mention]] = {}
    for m in q.mentions:
        token = q.tokens[m.token - 1] if m.token else None
        if token is not None and token.kind == "w" and m.value <= 10:
            before.setdefault(token.text, []).append(m)
    for word, found in before.items():
        named = word + "s" in q.words or all(q.text[q.tokens[m.token - 1].start].isupper() for m in found)
        if named and {1, 2} <= {m.value for m in found}:
            for m in found:
                m.held = "label"


def _mention(q: Question, i: int, token: Token, value: Number) -> Mention:
    stream = q.tokens
    before = stream[i - 1] if i else None
    after = stream[i + 1] if i + 1 < len(stream) else None
    word, far = _noun(stream, i)
    noun = singular(word)
    made = Mention(len(q.mentions), i, token.start, token.end, value, noun, plural(word))
    made.percent = after is not None and (after.kind == "%" or after.text in ("percent", "per"))
    made.percent = made.percent and (after is None or after.text != "per" or far == "cent")
    made.money = (before is not None and before.kind == "$") or noun in ("dollar", "cent")
    made.held = _held(q, i, token, value, noun)
    made.cap = _cap(stream, i, value, noun)
    return made


def _noun(stream: list[Token], i: int) -> tuple[str, str]:
    """The word after the number, and the word after that."""
    words: list[str] = []
    for token in stream[i + 1 : i + 6]:
        if token.kind == "w":
            words.append(token.text)
            if len(words) == 2:
                break
        elif token.kind not in "-%$" and not words:
            break
    first = words[0] if words else ""
    if first in ("more", "additional", "extra", "new", "different", "times", "other", "of") and len(words) > 1:
        first = words[1] if first != "times" else "times"
    return first, words[1] if len(words) > 1 else ""


def _held(q: Question, i: int, token: Token, value: Number, noun: str) -> str:
    stream = q.tokens
    before = stream[i - 1] if i else None
    after = stream[i + 1] if i + 1 < len(stream) else None
    if after is not None and after.start == token.end and after.kind == "/" and value.denominator == 1:
        below = stream[i + 2] if i + 2 < len(stream) else None
        if below is not None and below.kind == "n" and below.value is not None and below.value.denominator == 1:
            q.fractions.append((int(value), int(below.value)))
            return "one" if value == 1 else "fraction"
    if value in (0, 1):
        return "one"
    if after is not None and after.start == token.end:
        if after.kind == "w" and after.text in _SUFFIX:
            return "label"
        if after.text == ":" and i + 2 < len(stream) and stream[i + 2].kind == "n" and stream[i + 2].start == after.end:
            return "clock"
    if before is not None and before.end == token.start and before.text in ("/", ":", "#", "."):
        return "fraction" if before.text == "/" else "label"
    if after is not None and _fraction_after(stream, i):
        return "fraction"
    return _held_by_words(stream, i, value, noun, before, after)


def _fraction_after(stream: list[Token], i: int) -> bool:
    """`2 1/2`, `two thirds`, `two-thirds`."""
    after = stream[i + 1]
    if after.kind == "n" and i + 2 < len(stream) and stream[i + 2].kind == "/":
        return True
    k = i + 2 if after.kind == "-" and i + 2 < len(stream) else i + 1
    if stream[k].text == "quarters" and (stream[i].value or 0) >= 4:
        return False  # coins
    return stream[k].text in PARTS and stream[k].kind == "w" and (stream[k].text != "half" or k > i + 1)


def _held_by_words(
    stream: list[Token], i: int, value: Number, noun: str, before: Token | None, after: Token | None
) -> str:
    word = before.text if before is not None and before.kind == "w" else ""
    if word in MONTHS and value <= 31 and not stream[i].word:
        return "date"
    if noun in ("am", "pm", "a.m", "p.m", "o'clock", "o") or (after is not None and after.text in MONTHS):
        return "clock"
    if after is not None and after.text in ("a", "p") and i + 3 < len(stream) and stream[i + 3].text == "m":
        return "clock"
    if word in ("at", "until", "till", "by", "from") and after is not None and after.kind in "p|" and value <= 12:
        return "clock"
    if 1500 <= value <= 2100 and word in _BEFORE_YEAR and "," not in stream[i].text:
        return "year"
    if (word in _LABELS and not _counts(stream, i)) or (before is not None and before.text == "#"):
        return "label"
    if noun == "bill" and before is not None and before.kind == "$":
        return "label"
    if noun == "dollar" and i + 2 < len(stream) and stream[i + 2].text == "bill":
        return "label"
    if noun in _MEASURES and [t.text for t in stream[max(0, i - 2) : i]][-1:] in (["equals"], ["="]):
        return "told"
    if noun in _MEASURES and [t.text for t in stream[max(0, i - 2) : i]] == ["equal", "to"]:
        return "told"
    if value <= 12 and (noun in _SHAPE or (after is not None and after.text in _SHAPE)):
        return "shape"
    if word in ("two", "couple") or (noun == "other" and value <= 10):
        return "told"
    return ""


def _counts(stream: list[Token], i: int) -> bool:
    """Whether the number after a label word counts something all the same: `each year 20% of`, `the next day 25 more`."""
    before = stream[i - 2].text if i > 1 else ""
    after = stream[i + 1].text if i + 1 < len(stream) else ""
    return (
        before in _DETERMINERS
        or after in ("%", "more", "fewer", "less", "times", "of", "percent")
        or (after.endswith("s") and after not in ("is", "was", "has"))
    )


def _cap(stream: list[Token], i: int, value: Number, noun: str) -> int:
    """The largest value that still makes sense; 0 = none."""
    following = [t.text for t in stream[i + 1 : i + 6]]
    if noun == "day" and "week" in following:
        return 6 if value <= 6 else 7
    if noun == "day" and "month" in following and value <= 31:
        return 31
    if noun == "hour" and "day" in following:
        return 12 if value <= 12 else 24
    if noun == "minute" and value < 60:
        return 59
    if noun == "month" and value < 12:
        return 11
    if noun == "day" and value < 7:
        return 6
    if noun == "hour" and value < 24:
        return 23
    if noun == "week" and value <= 52:
        return 6 if value <= 4 else 52
    if noun == "year" and ("old" in following or "age" in following):
        return 95
    if noun == "inche" and "tall" in following and value <= 84:
        return 84
    return 0


def _part(q: Question, i: int) -> None:
    """A fraction in words; `third` is an ordinal unless a number or article stands before or `of`, `as` after."""
    stream = q.tokens
    token = stream[i]
    before = stream[i - 1] if i else None
    if before is not None and before.kind == "-" and i > 1:
        before = stream[i - 2]
    elif token.text == "half":
        before = None
    count = int(before.value) if before is not None and before.kind == "n" and before.value is not None else 1
    if token.text not in ("half", "halves", "quarter", "quarters", "thirds") and count == 1:
        article = before is not None and before.text in ("a", "an", "one", "other", "remaining", "by")
        after = stream[i + 1].text if i + 1 < len(stream) else ""
        if not article and after not in ("of", "as", "the") and not token.text.endswith("s"):
            return
    coins = token.text == "quarters" and (count > 3 or not q.words.isdisjoint(_COINS))
    if count < 1000 and not coins:
        q.fractions.append((count, PARTS[token.text]))


def _hold_told(q: Question) -> None:
    """Hold small counts of things that the question then tells one by one, or refers to as known."""
    for m in q.mentions:
        if m.held or m.percent or m.money or m.value > 10 or m.value.denominator != 1:
            continue
        if m.noun in _MEASURES or m.noun in ("time", "hour"):
            continue
        before = q.tokens[m.token - 1].text if m.token else ""
        alone = sum(o.value == m.value and o.noun == m.noun for o in q.mentions) == 1
        if before in ("these", "those") or (before in _DEFINITE and alone):
            m.held = "told"
            continue
        rest = q.text[m.end :]
        stop = re.search(r"[.?!]", rest)
        sentence = rest[: stop.start()] if stop else rest
        if (
            _TOLD.search(rest)
            or _NAMES.search(sentence)
            or m.value in _list_lengths(rest[: min(len(sentence) + 200, 600)])
        ):
            m.held = "told"


_WORD = r"[\w'’-]++(?: [\w'’-]++){0,2}"
_LIST = re.compile(rf"\b{_WORD}(?:, (?!and |or ){_WORD}){{0,6}},? (?:and|or) [a-z]")


def _list_lengths(text: str) -> set[int]:
    """How many things the lists of a text hold: 3 for `purple, yellow, and green`."""
    found = set()
    for match in _LIST.finditer(text):
        commas = match[0].count(",")
        if commas:
            found.add(commas + (1 if re.search(r", (?:and|or) ", match[0]) else 2))
    return found


def fraction_values(fractions: list[tuple[int, int]]) -> tuple[set[Number], set[Number]]:
    """What a written fraction surely shows up as in a solution (parts, value, rest), and what it may."""
    near: set[Number] = set()
    far: set[Number] = set()
    for a, b in fractions:
        if b:
            share = Fraction(a, b)
            near |= {a, b, b - a, share, 1 - share}
            far |= {b + a, 1 + share, share * 100, (1 - share) * 100}
    return {whole(v) for v in near}, {whole(v) for v in far}
