"""Word pairs of rephrased questions, each with the places where it reads well; elsewhere the word stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mathdata.symbolic.lexer import number_words

__all__ = ["synonyms"]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pair may be used: what must stand before and after, what must not, and what the text must not speak of."""

    before: str = ""
    not_before: str = ""
    after: str = ""
    not_after: str = ""
    not_in: str = ""

    def suits(self) -> Callable[[re.Match[str]], bool]:
        before, not_before = (re.compile(rf"(?:{p})\s*$", re.I) for p in (self.before or "", self.not_before or "(?!)"))
        after, not_after = (re.compile(rf"\s*(?:{p})", re.I) for p in (self.after, self.not_after or "(?!)"))
        not_in = re.compile(self.not_in or "(?!)", re.I)

        def suits(match: re.Match[str]) -> bool:
            text = match.string
            near = text[max(0, match.start() - 160) : match.start()]
            rest = text[match.end() : match.end() + 30]
            return (
                before.search(near) is not None
                and not_before.search(near) is None
                and after.match(rest) is not None
                and not_after.match(rest) is None
                and not_in.search(text) is None
            )

        return suits


_NUMBER = rf"\$?\d[\d,.]*|{'|'.join(number_words())}"
_RATE = _Place(
    before=rf"\$\s?\d[\d,.]*|\b(?:times|once|twice)|(?:\b(?:{_NUMBER}|many|much)) (?:more |fewer )?(?!(?:is|was|are|were|in|of|on|at|"
    r"for|to|by|and|or|if|half|such|than|about|after|takes?|took|lasts?|does|did|will|would)\b)[a-z]+",
    not_before=r"\b(?:takes?|took|lasts?|a|an|the|half|quarter|third)",
    not_after=r"(?:long|old|ago|later|earlier|before|after|off|early|late|in advance|and a|of|or two|trip|for|[-'’]|\()",
)
_SUBJECT = _Place(
    before=r"\b(?:he|she|they|it|we|i|you|who|(?-i:[A-Z][a-z]+))",
    not_before=r"\b(?:has|have|had|if|is|was|are|were|be|been)(?: \w+)?",
)
_NEEDS = _Place(  # not `how much wood she needs to build it`, `the money needed to buy it`
    before=r"(?:^|[.?!,;]\s+|\b(?:if|and|but|because|so|since|when|then)\s+)(?:he|she|they|we|i|you|(?-i:[A-Z][a-z]+))",
    not_before=r"\b(?:how (?:many|much|long|far)|number|amount|total|money|what)\b[^.?!]*",
)
_ENDS = _Place(after=r"[.?!,;]|$")
_DRAWN = _Place(
    not_in=r"\b(?:paint|draw|drew|colou?r|sketch|museum|galler|canvas|artist|illustrat|movie|motion|crayon|book)",
    not_before=r"\bmotion",
)
_PERFECT = _Place(
    not_before=r"(?:\b(?:has|have|had|having|get|gets|got|be|been|is|was|are|were)(?: \w+)?|['’](?:s|ve|d))"
)
_ANY = _Place()
_SCHOOL = _Place(not_in=r"\b(?:college|university|graduate|campus|dorm)")
_SIZE = _Place(
    not_in=r"\b(?:small|medium|tiny|extra|brother|sister|bigger|biggest|larger|largest|game|deal|family size)"
)
_PAIRS: dict[str, tuple[str, _Place]] = {
    "altogether": ("in total", _ENDS), "in total": ("altogether", _ENDS), "in all": ("altogether", _ENDS),
    "bought": ("purchased", _ANY), "buys": ("purchases", _ANY), "buy": ("purchase", _Place(not_before=r"\b(?:best|good|a)", not_in=r"\bbuy[- ](?:one|two|three|\d+)\b[^.?!]{0,20}\bget\b")),
    "purchased": ("bought", _ANY), "received": ("got", _SUBJECT), "receives": ("gets", _SUBJECT),
    "receive": ("get", _Place(not_after=r"[.?,]")), "every day": ("each day", _ANY), "each day": ("every day", _ANY),
    "every week": ("each week", _ANY), "each week": ("every week", _ANY), "every month": ("each month", _ANY),
    "each month": ("every month", _ANY), "a week": ("per week", _RATE), "a day": ("per day", _RATE),
    "an hour": ("per hour", _RATE), "a month": ("per month", _RATE), "per week": ("a week", _RATE),
    "per day": ("a day", _RATE), "per hour": ("an hour", _RATE), "per month": ("a month", _RATE),
    "wants to": ("would like to", _Place(not_before=r"\b(?:only|also|still|just|really|always)")), "wanted to": ("wished to", _PERFECT), "decides to": ("opts to", _ANY),
    "decided to": ("opted to", _ANY), "half of the": ("half the", _ANY), "half the": ("half of the", _Place(not_after="time|size|way")),
    "the same number of": ("an equal number of", _ANY), "the same amount of": ("an equal amount of", _ANY),
    "kids": ("children", _Place(not_after="['’]")), "students": ("pupils", _SCHOOL), "the store": ("the shop", _Place(not_after=r"[-'’]|manager|brand")),
    "the shop": ("the store", _Place(not_in=r"\b(?:coffee|repair|barber|tea|pet|bike|auto|book) shop", not_after=r"[-'’]")),
    "a store": ("a shop", _Place(not_after="[-'’]")), "movie": ("film", _ANY), "movies": ("films", _ANY),
    "started": ("began", _PERFECT), "starts": ("begins", _Place(not_after=r"out|up|off|over")),
    "begins": ("starts", _ANY), "earns": ("makes", _ANY), "because": ("since", _Place(not_after="of")),
    "usually": ("normally", _ANY), "total number of": ("overall number of", _Place(not_before="overall")),
    "total cost": ("overall cost", _Place(not_before="overall")), "total amount": ("overall amount", _Place(not_before="overall")),
    "another": ("a further", _Place(after=_NUMBER, not_before=r"\b(?:one|yet|or)", not_after=r"one\b")),
    "an additional": ("a further", _ANY), "additional": ("further", _Place(not_before=r"\ban")), "pictures": ("photos", _DRAWN),
    "picture": ("photo", _DRAWN), "trash": ("garbage", _ANY), "garbage": ("trash", _ANY), "big": ("large", _SIZE), "large": ("big", _SIZE),
    "needs to": ("has to", _NEEDS), "need to": ("have to", _NEEDS), "needed to": ("had to", _NEEDS),
    "friends": ("pals", _ANY), "friend": ("pal", _ANY), "mom": ("mother", _ANY), "dad": ("father", _ANY),
    "candies": ("sweets", _ANY), "per person": ("for each person", _ANY), "is able to": ("can", _ANY),
    "are able to": ("can", _ANY), "how much money": ("how much cash", _ANY),
}  # fmt: skip
_SUITS = {old: place.suits() for old, (_, place) in _PAIRS.items()}
_PATTERN = re.compile(rf"\b({'|'.join(sorted(map(re.escape, _PAIRS), key=len, reverse=True))})\b", re.I)
_ARTICLE = re.compile(r"\b([Aa]) (?=overall\b)")


def synonyms(text: str) -> str:
    """Every word pair once over where it reads well, keeping capitals.

    >>> synonyms("She runs 3 miles a day. After a week she bought an additional 2 books.")
    'She runs 3 miles per day. After a week she purchased a further 2 books.'
    """

    def put(match: re.Match[str]) -> str:
        old = match[0].lower()
        if not _SUITS[old](match):
            return match[0]
        new = _PAIRS[old][0]
        return new[0].upper() + new[1:] if match[0][0].isupper() else new

    return _ARTICLE.sub(r"\1n ", _PATTERN.sub(put, text))
