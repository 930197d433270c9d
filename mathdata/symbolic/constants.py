"""Known constants that the words of a row bring along: days a week, inches a foot, half, twice, a dozen.

Strong ones stand beside other explanations of a number. Weak ones count only where nothing else explains it, and what
could be made of other numbers is held then. Spans (Monday to Friday) and mixed numbers stand in the text itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from mathdata.symbolic import chinese
from mathdata.symbolic.lexer import listed, number_words
from mathdata.symbolic.question import Question, fraction_values, singular
from mathdata.symbolic.solution import Solution
from mathdata.worked import Number

__all__ = ["Constants", "constants"]

_UNITS = {
    "second": "second sec", "minute": "minute min", "hour": "hour hourly hr am pm mph clock noon midnight",
    "day": "day daily everyday today yesterday tomorrow night morning evening monday tuesday wednesday thursday "
    "friday saturday sunday nightly weekday workday afternoon",
    "week": "week weekly weekend weekday monday tuesday wednesday thursday friday saturday sunday workweek biweekly",
    "month": "month monthly january february march april june july august september october november december may",
    "year": "year yearly annual annually anniversary", "inch": "inch inches in", "foot": "foot feet ft", "yard": "yard",
    "mile": "mile", "ounce": "ounce oz", "pound": "pound lb lbs", "ton": "ton tonne", "cup": "cup", "pint": "pint",
    "quart": "quart", "gallon": "gallon", "gram": "gram g", "kilogram": "kilogram kg kilo", "mg": "milligram mg",
    "meter": "meter m metre", "centimeter": "centimeter cm", "kilometer": "kilometer km", "mm": "millimeter mm",
    "liter": "liter litre l", "ml": "milliliter ml", "cent": "cent penny pennies nickel dime", "dollar": "dollar buck",
    "quarter": "quarter", "decade": "decade", "century": "century centuries", "teaspoon": "teaspoon tsp",
    "tablespoon": "tablespoon tbsp", "decimeter": "decimeter dm", "jin": "jin", "yuan": "yuan", "jiao": "jiao", "fen": "fen",
    "jidu": "jidu",
}  # fmt: skip
_UNIT_OF: dict[str, tuple[str, ...]] = {}
for _unit, _names in _UNITS.items():
    for _name in _names.split():
        _UNIT_OF[_name] = (*_UNIT_OF.get(_name, ()), _unit)

_PAIRS: dict[tuple[str, str], tuple[Number, ...]] = {
    ("second", "minute"): (60,), ("minute", "hour"): (60, 30, 15, 45), ("hour", "day"): (24, 12), ("day", "week"): (7,),
    ("day", "month"): (30, 31, 28), ("day", "year"): (365,), ("week", "month"): (4,), ("week", "year"): (52,),
    ("month", "year"): (12,), ("year", "decade"): (10,), ("year", "century"): (100,), ("second", "hour"): (3600, 60),
    ("inch", "foot"): (12,), ("foot", "yard"): (3,), ("inch", "yard"): (36,), ("foot", "mile"): (5280,),
    ("ounce", "pound"): (16,), ("pound", "ton"): (2000,), ("kilogram", "ton"): (1000,), ("ounce", "cup"): (8,),
    ("cup", "pint"): (2,), ("cup", "quart"): (4,), ("cup", "gallon"): (16,), ("pint", "quart"): (2,),
    ("pint", "gallon"): (8,), ("quart", "gallon"): (4,), ("ounce", "gallon"): (128,), ("gram", "kilogram"): (1000,),
    ("mg", "gram"): (1000,), ("meter", "kilometer"): (1000,), ("centimeter", "meter"): (100,), ("mm", "meter"): (1000,),
    ("mm", "centimeter"): (10,), ("ml", "liter"): (1000,), ("cent", "dollar"): (100, Fraction(1, 100)),
    ("quarter", "dollar"): (4, 25, Fraction(1, 4)), ("teaspoon", "tablespoon"): (3,), ("hour", "week"): (168, 7, 24),
    ("centimeter", "decimeter"): (10,), ("decimeter", "meter"): (10,), ("jin", "kilogram"): (2,), ("gram", "jin"): (500,),
    ("jiao", "yuan"): (10,), ("fen", "yuan"): (100,), ("fen", "jiao"): (10,), ("month", "jidu"): (3,),
    ("minute", "day"): (1440, 60, 24), ("day", "decade"): (365, 10), ("month", "decade"): (12, 10),
}  # fmt: skip
_WORDS: dict[str, tuple[Number, ...]] = {
    "dozen": (12,), "pair": (2,), "couple": (2,), "twin": (2,), "both": (2,), "twice": (2,), "double": (2,),
    "doubled": (2,), "doubling": (2,), "triple": (3,), "tripled": (3,), "thrice": (3,), "quadruple": (4,),
    "half": (2,), "halved": (2,), "weekend": (2,), "weekday": (5,), "workday": (5,), "workweek": (5,), "noon": (12,),
    "midnight": (12,), "quarter": (4,), "dime": (10, Fraction(1, 10)), "nickel": (5, Fraction(1, 20)),
    "penny": (Fraction(1, 100),), "pennies": (Fraction(1, 100),), "decade": (10,), "century": (100,),
    "rectangle": (2,), "rectangular": (2,), "perimeter": (2,), "triangle": (2, 3), "deck": (52,), "square": (4, 2),
    "percent": (100,), "percentage": (100,), "thousand": (1000,), "million": (1000000,), "hundred": (100,),
    "pentagon": (5,), "hexagon": (6,), "octagon": (8,), "quartet": (4,), "trio": (3,), "quintet": (5,), "biweekly": (2,), "semi": (2,), "equilateral": (3,), "tricycle": (3,), "parent": (2,), "grandparent": (2,), "triplet": (3,), "either": (2,), "duplex": (2,),
}  # fmt: skip
_WEAK: dict[str, tuple[Number, ...]] = {
    "dog": (4,), "cat": (4,), "horse": (4,), "cow": (4,), "chicken": (2,), "spider": (8,), "bicycle": (2,), "car": (4,),
    "leap": (366,), "piano": (88,), "cube": (6, 3), "average": (2,), "triangle": (180,), "angle": (180, 90),
    "circle": (360,), "week": (5, 7, 52, 4), "month": (30, 4, 31, 12), "year": (12, 52, 365, 4), "day": (24, 7, 30),
    "hour": (60,), "feet": (12,), "foot": (12,), "half": (50,), "people": (2,), "goat": (4,),
    "january": (31,), "february": (28, 29), "march": (31,), "april": (30,), "may": (31,), "june": (30,), "july": (31,),
    "august": (31,), "september": (30,), "october": (31,), "november": (30,), "december": (31,), "insect": (6,),
    "quarter": (Fraction(1, 4), 25),
}  # fmt: skip


_ANIMALS = frozenset(listed("spider insect octopus ant bee"))
_LEGS = frozenset(listed("leg paw wheel shoe sock feet tire hoof hooves"))


_KNOWN = frozenset(_UNIT_OF) | frozenset(_WORDS) | frozenset(_WEAK) | _LEGS | _ANIMALS


@dataclass(slots=True)
class Constants:
    """`strong`: value -> the units or the word it belongs to; `weak`: values for want of another explanation."""

    strong: dict[Number, frozenset[str]]
    weak: set[Number]
    spans: set[Number] = field(default_factory=set)
    """Days or months from one named to another."""
    mixed: set[Number] = field(default_factory=set)
    """Written mixed numbers."""
    named: set[Number] = field(default_factory=set)
    """How many people one list of the question names, where it shares or pays for each."""


def constants(q: Question, s: Solution) -> Constants:
    words = q.words | s.words
    forms = {form for w in words for form in (w, singular(w)) if form in _KNOWN}
    units = {u for w in forms for u in _UNIT_OF.get(w, ())}
    if any(t.kind == "$" for t in q.tokens):
        units.add("dollar")
    made = Constants({}, set())
    strong = made.strong
    if len(units) > 1:
        for pair, values in _PAIRS.items():
            if pair[0] not in units or pair[1] not in units:
                continue
            for value in values[:1] if len(values) > 1 and pair != ("day", "month") else values:
                strong[value] = strong.get(value, frozenset()) | frozenset(pair)
            made.weak.update(values[1:])
    for word in sorted(forms):
        for value in _WORDS.get(word, ()):
            strong[value] = strong.get(value, frozenset()) | {word}
        made.weak.update(_WEAK.get(word, ()))
    if any(t.kind == "%" for t in q.tokens) or any(t.kind == "%" for t in s.tokens):
        strong[100] = frozenset(["percent"])
        strong[Fraction(1, 100)] = frozenset(["percent"])
    if not forms.isdisjoint(_LEGS):
        more = (6, 8) if not forms.isdisjoint(_ANIMALS) else ()
        strong.update((v, strong.get(v, frozenset()) | {"leg"}) for v in (2, 4, *more))
    made.spans = _spans(q.text, s.text, words)
    made.mixed = _mixed(q.text, words)
    made.named = _named(q.text) if not words.isdisjoint(_SHARING) else set()
    near, far = fraction_values(q.fractions)
    strong.update((v, strong.get(v, frozenset()) | {"fraction"}) for v in near)
    made.weak |= far
    strong.update((v, strong.get(v, frozenset()) | {"told"}) for v in chinese.told(q.text))
    strong[0] = strong[1] = frozenset(["one"])
    return made


_DAYS = listed("monday tuesday wednesday thursday friday saturday sunday")
_MONTHS = listed("january february march april may june july august september october november december")
_SPAN = re.compile(
    rf"\b({'|'.join(_DAYS + _MONTHS)})s?\s*(?:to|through|until|till|-|–)\s*({'|'.join(_DAYS + _MONTHS)})", re.I
)


def _spans(question: str, solution: str, words: frozenset[str]) -> set[Number]:
    """How many days or months `Monday to Thursday` or `March through July` are, both ends counted."""
    found: set[Number] = set()
    if len(words & _CALENDAR) < 2:
        return found
    for text in (question, solution):
        for match in _SPAN.finditer(text):
            first, last = match[1].lower(), match[2].lower()
            for names in (_DAYS, _MONTHS):
                if first in names and last in names:
                    found.add((names.index(last) - names.index(first)) % len(names) + 1)
        for match in _DAY_LIST.finditer(text):
            found.add(match[0].count("day"))
    return found


_DAY_LIST = re.compile(rf"\b(?:(?:{'|'.join(_DAYS)})s?,? ){{1,5}}and (?:{'|'.join(_DAYS)})", re.I)


_SHARING = frozenset(
    listed("each equally evenly per person people share shared split average averaged both themselves everyone")
)
_NAME = r"[A-Z][a-z]+(?:'s)?"
_NAMED = re.compile(
    rf"(?<![.,] )\b({_NAME}(?:, {_NAME}){{0,4}},?) and (?:(?:his|her) (?:[a-z]+ )?"
    rf"(?:friend|brother|sister|wife|husband|mother|father|mom|dad|son|daughter|cousin|roommate|partner)\b(?!,? [A-Z])|{_NAME})"
)


def _named(question: str) -> set[Number]:
    """2 for `Jamie and Oliver` or `Seth and his brother`, 3 for `Mike, Rita and Anita`."""
    found: set[Number] = {
        m[1].rstrip(",").count(",") + 2 for m in _NAMED.finditer(question) if not _NOT_NAMES.search(m[0])
    }
    return found


_NOT_NAMES = re.compile(
    r"\b(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|[A-Z][a-z]+(?:uary|ember|ober)|March|April|May|June|July|August|The|If|When)\b"
)
_CALENDAR = frozenset(_DAYS + _MONTHS)
_HALVES: dict[str, Number] = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "third": Fraction(1, 3)}
_MIXED = re.compile(r"\b(\d{1,3}|[a-z]+)(?: [a-z]+)?(?: and)? (?:(?:a|one)[ -](half|quarter|third)|(\d)/(\d))\b", re.I)


def _mixed(text: str, words: frozenset[str]) -> set[Number]:
    """`2 and a half`, `an hour and a half`, `3 1/2`: the whole number with its fraction."""
    found: set[Number] = set()
    if "/" not in text and words.isdisjoint(_HALVES):
        return found
    for match in _MIXED.finditer(text):
        whole = int(match[1]) if match[1].isdigit() else _ONES.get(match[1].lower())
        if whole is None or (match[4] and not int(match[4])):
            continue
        part = _HALVES[match[2].lower()] if match[2] else Fraction(int(match[3]), int(match[4]))
        found.add(whole + part)
    return found


_ONES = number_words() | {"a": 1, "an": 1}

UNIT_WORDS = frozenset(_UNITS) | {"leg", "nickel", "dime", "penny", "pennies", "quarter"}
SINGLE = frozenset(listed("half twice double doubled pair couple both percent percentage either parent grandparent"))
