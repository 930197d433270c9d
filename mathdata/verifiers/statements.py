"""What a stretch of prose states: the first value after the last cue, with its qualifiers, up to where the statement ends."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from itertools import pairwise

from mathdata.verifiers.candidates import Candidate, candidates, is_label
from mathdata.verifiers.cues import pattern, said_before
from mathdata.verifiers.found import denied

__all__ = ["Statement", "qualified", "stated"]

WINDOW = 60
"""Characters before a number in which the words that qualify it are looked for."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`kind`: "" one value, "alternatives" several, "comparison" a bound, "described" something made of a number."""

    kind: str
    items: tuple[tuple[int, int], ...]
    span: tuple[int, int]
    bound: str = ""

    @property
    def plain(self) -> bool:
        return self.kind in ("", "alternatives")


def stated(text: str, begin: int, end: int, *, cued: bool) -> Statement | None:
    """The statement between two places; `cued`: words that state an answer stand right before `begin`."""
    end = min(end, begin + 4000)
    if _GIVES_UP.search(text, begin, end):
        return None
    named = candidates(text, begin, end)
    roles = _roles(text, begin, end, named)
    chosen = _first(text, begin, named, roles) if cued else _last_clause(text, begin, end, named, roles)
    if chosen is None:
        return None
    return _whole(text, begin, end, named, roles, chosen)


def qualified(text: str, begin: int, end: int) -> bool:
    """Whether a stretch holds more than a bare answer: a reason, a bound, a number that only refers."""
    if end - begin > 4000:
        return False
    if _GIVES_UP.search(text, begin, end):
        return True
    named = candidates(text, begin, end)
    if any(role not in ("main", "label") for role in _roles(text, begin, end, named)):
        return True
    return any(not _inside(m.start(), named) and m.start() > begin for m in pattern("aside").finditer(text, begin, end))


_GIVES_UP = re.compile(
    r"\b(?:can(?:not|['’]t)\s+(?:solve|decide|answer|tell)|too\s+hard|give\s+up|(?:do\s+not|don['’]t)\s+know)\b|不会做|我不会|太难|(?:无法|不能)(?:解|确定|回答)",
    re.IGNORECASE,
)


# -- which values count
def _roles(text: str, begin: int, end: int, named: list[Candidate]) -> list[str]:
    asides = _asides(text, begin, end, named)
    roles = [_role(text, begin, end, c, asides) for c in named]
    for i, role in enumerate(roles[:-1]):
        if role == "range":
            roles[i + 1] = "hard"
    return roles


def _asides(text: str, begin: int, end: int, named: list[Candidate]) -> list[tuple[int, int]]:
    """Stretches of reasons, conditions and remarks; remarks in brackets too."""
    out: list[tuple[int, int]] = []
    for match in heapq.merge(
        pattern("aside").finditer(text, begin, end),
        pattern("after").finditer(text, begin, end),
        key=lambda m: m.start(),
    ):
        if any(c.start <= match.start() < c.stop for c in named) or any(a <= match.start() < b for a, b in out):
            continue
        seen = any(c.stop <= match.start() and not any(a <= c.start < b for a, b in out) for c in named)
        stop = end
        if not seen:
            comma = _COMMA.search(text, match.end(), end)
            while comma and any(c.start < comma.start() < c.stop for c in named):
                comma = _COMMA.search(text, comma.end(), end)
            reason = match.group().lower().startswith(("because", "rather", "instead", "，", "而"))
            reason = reason or match.group().lower().startswith(("suppos", "assum", "do"))
            if match.group().startswith(",") or (
                comma is None
                and not (reason and (text[begin : match.start()].strip() or match.group()[:1] in "SsAaDd"))
            ):
                continue
            stop = comma.start() if comma else end
        elif (turn := _TURN.search(text, match.end(), end)) is not None:
            stop = turn.start()
        out.append((match.start(), stop))
    out += [m.span() for m in _BRACKETS.finditer(text, begin, end) if not _is_value(text, m, named)]
    return out


_COMMA = re.compile(r"[,，;；](?!\d{3})|\bthen\b|\bwe\s+(?:have|get|find)\b|时|得(?=[a-zA-Z\d])")
_TURN = re.compile(
    r"[,，;；]\s*(?:but\s+(?:it\s+is|actually)|而是|应该?是|是(?=\d)|其实|所以|因此|故|则|得|so\b|thus\b|hence\b|therefore\b|it\s+is\b|we\s+(?:have|get|find)\b|the\s+answer\b)|而是|[;；]"
)
_BRACKETS = re.compile(r"\(([^()\n]{2,200})\)|（([^（）\n]{2,200})）|\[([^\[\]\n]*[A-Za-z]{3}[^\[\]\n]*)\]")


def _is_value(text: str, m: re.Match[str], named: list[Candidate]) -> bool:
    """Whether a bracket belongs to a formula or is a value itself; a remark comes after a blank and holds words."""
    inside = next((c for c in named if c.start <= m.start() < c.stop), None)
    if inside is not None:
        return True
    return not any(c.stop <= m.start() for c in named)


def _role(text: str, begin: int, end: int, c: Candidate, asides: list[tuple[int, int]]) -> str:
    """hard and soft are set aside; more, less, atmost, atleast, range bound something; described; label; main."""
    if any(a <= c.start < b for a, b in asides) or denied(text, c.begin):
        return "hard"
    before = text[max(begin, c.start - WINDOW) : c.start]
    after = text[c.stop : min(end, c.stop + 24)]
    if _AFTER_HARD.match(after) or said_before("hard", before):
        return "hard"
    if _YEAR.match(text, c.begin, c.end) and (_YEAR_OF.search(before) or _OF_YEAR.match(text, c.begin, end)):
        return "hard"
    for role in ("atmost", "atleast", "more", "less", "described"):
        if said_before(role, before):
            return role
    if _TIGHT.match(text, c.stop, end) or (_RANGE_BEFORE.search(before) and _RANGE_AFTER.match(text, c.stop, end)):
        return "range"
    if before.rstrip().endswith("比") and (than := _THAN.match(after)):
        return "more" if than["up"] else "less"
    if match := _BOUND_AFTER.match(after):
        return "atleast" if match.lastgroup == "up" else "atmost" if match.lastgroup == "down" else "described"
    if c.kind == "formula" and is_label(text[c.begin : c.end]):
        return "label"
    if said_before("rate", before) or (_SHARED.search(before) and after[:1] in ("人", "名")):
        return "rate"
    if said_before("state", before):
        return "main"
    if said_before("soft", before) or _AFTER_SOFT.match(after):
        return "soft"
    return "main"


_YEAR_OF = re.compile(r"[A-Z]\w+\s+$|\bof\s+the\s+$")
_YEAR = re.compile(r"(?:19|20)\d\d(?!\d)")
_OF_YEAR = re.compile(r"\d{4}年[的高中全那]")
_SHARED = re.compile(r"[，,（(]\s*共$")
_THAN = re.compile(r"[^，。\d]{0,3}(?:(?P<up>[大多高重长])|[小少低轻短])")
_AFTER_HARD = re.compile(
    r"\s*(?:等于|是)?多少|\s*[=＝]\s*[?？]|"
    r"\s*(?:was|were|is|are)\s+(?:given|wrong|incorrect|impossible|possible|not|lost|known|too)\b|\s*是?(?:不对|不正确)|是?错|是(?:已知|题目)|-[a-z]{3,}|(?:st|nd|rd|th)\b|题"
)
_AFTER_SOFT = re.compile(
    r"\s*(?:年|天|小时|分钟|周|个?月|秒|日)(?:之?[前后内里]|以[前后内])|后|前|[个只人本名位]?人?(?:一共|总共|共)|[个只人本]中"
)
_TIGHT = re.compile(r"[ \t]*[^\W\d]{0,2}?(?:至|到|~|～)[ \t]*\d")
_RANGE_BEFORE = re.compile(r"(?:\bbetween|\bfrom|在|介于|从|大约有?|是|有|:|\bis)[\s$(]*$")
_RANGE_AFTER = re.compile(
    r"[\s$]*(?:[^\W\d]{0,6}?\s*)(?:(?:(?<=[\s$])(?:and|to)\b|到|至|~|～|—)[\s$]*[-−]?[\d.\\]|[和与][\s$]*[\d.]+[\s$]*\w{0,2}之间)"
)
_BOUND_AFTER = re.compile(
    r"[\s$]*(?:[a-z]+\s+|个|元|人|本|岁)?(?:(?P<up>or\s+(?:more|greater|above|higher|over)|(?:及|或)?以上|或更多)|(?P<down>or\s+(?:less|fewer|below|lower|under)|(?:及|或)?以[下内]|或更少)"
    r"|(?P<made>squared\b|cubed\b|(?:less|more)\s+than\s+\$?[a-z]\b|的(?:倍数|因数|约数|平方|立方|一半|两倍)|以外|左右的数))"
)


def _first(text: str, begin: int, named: list[Candidate], roles: list[str]) -> int | None:
    """Behind a cue: the first value that counts, bounds and descriptions among them; else one that only stands soft."""
    order = [i for i, r in enumerate(roles) if r not in ("hard", "soft", "label")]
    if order and (turned := [i for i in order if roles[i] == "main"]) and turned[0] != order[0]:
        before = text[begin : named[order[0]].start]
        if _NOUN.search(before):
            return turned[0]
    if order and all(roles[i] == "rate" for i in order):
        return next(i for i, r in enumerate(roles) if r in ("rate", "soft"))
    if order and not _LEADING.fullmatch(text, begin, named[order[0]].start):
        direct = (i for i in order if _DIRECT.search(text, max(begin, named[i].start - 8), named[i].start))
        return next(direct, order[0])
    if order:
        return order[0]
    return _only(roles)


_LEADING = re.compile(r"[\s$*:：(（是为了]*(?:about|exactly|就)?\s*")
_DIRECT = re.compile(r"(?:[是为有得共剩要]|等于|还剩|剩下|一共|需要|走了|花了|[长重高宽])[\s$约]*$")


_NOUN = re.compile(r"\b(?:numbers?|integers?|those|ways|people)\b")


def _only(roles: list[str]) -> int | None:
    if "hard" in roles:
        return None
    for wanted in ("soft", "label"):
        left = [i for i, r in enumerate(roles) if r == wanted]
        if len(left) == 1:
            return left[0]
    return None


def _last_clause(text: str, begin: int, end: int, named: list[Candidate], roles: list[str]) -> int | None:
    """Without a cue before it: the first value behind the last word that states one, clause by clause from the end."""
    if not named:
        return None
    said = next((i for i, c in enumerate(named) if roles[i] == "main" and _IS_ANSWER.match(text, c.stop, end)), None)
    if said is not None:
        return said
    plain = [i for i, r in enumerate(roles) if r == "main"]
    if len(plain) == 1:
        return plain[0]
    if not plain:
        bounded = [i for i, r in enumerate(roles) if r not in ("hard", "soft", "label")]  # bounds, and numbers for each
        return bounded[0] if bounded else _only(roles)
    for low, high, opened in reversed(_clauses(text, begin, end, named)):
        inside = [i for i in plain if low <= named[i].start < high]
        if not inside:
            continue
        cues = ([low] if opened else []) + [
            m.end() for m in pattern("state").finditer(text, low, high) if not _inside(m.start(), named)
        ]
        for cue in reversed(cues):
            behind = [i for i in inside if named[i].start >= cue]
            if behind:
                return _joined_back(text, named, roles, behind[0], ("or", "and"))
    return _joined_back(text, named, roles, plain[-1], ("or",))


_IS_ANSWER = re.compile(
    r"[\s$*)]*(?:[a-z]+\s+)?(?:is|are|must\s+be|就?是)\s*(?:therefore\s+|thus\s+|our\s+|the\s+|my\s+)?(?:final\s+|correct\s+|right\s+|正确的?|所求的?)?(?:answers?|result|答案)",
    re.IGNORECASE,
)


def _inside(at: int, named: list[Candidate]) -> bool:
    return any(c.start <= at < c.stop for c in named)


def _clauses(text: str, begin: int, end: int, named: list[Candidate]) -> list[tuple[int, int, bool]]:
    """(begin, end, whether `so`, `then` … open it): such a word states what follows."""
    cuts = [
        (m.end(), m.group(1) is not None) for m in _CLAUSE.finditer(text, begin, end) if not _inside(m.start(), named)
    ]
    marks = [(begin, False), *cuts, (end, False)]
    return [(a, b, opened) for (a, opened), (b, _) in pairwise(marks) if b > a]


_CLAUSE = re.compile(r"(?:[,;，；]\s*)?\b(then|so|but|hence|thus|therefore)\b|[,;，；]\s|[，；]|[.]\s")


# -- the whole of what is stated
_JOIN = re.compile(
    r"(?P<unit>(?:[\s$]|\\\s|[.](?=\s*,))*(?:[a-z]{1,14}|[\u4e00-\u9fff]{1,3}?)?(?:\s+[a-z]{1,14})??[\s$]*)"
    r"(?:(?P<or>,?\s*\b(?:or(?:\s+(?:perhaps|maybe|possibly|even))?|maybe|perhaps|possibly)\b|[,，、]?\s*(?:也?可能是?|要么是?|或者?是?|或许是?))"
    r"|(?P<and>,?\s*\b(?:and|as\s+well\s+as|&)\b|[,，]?\s*(?:和|与|以及|及)|[,，、;]))"
    r"[\s$*]*(?:also\s+|the\s+|either\s+|是|为)?[\s$*]*(?:and\s+|or\s+)?[\s$*]*$",
    re.IGNORECASE,
)


def _join(text: str, one: Candidate, two: Candidate) -> str:
    """ "or", "and" or "": how two neighbours hang together."""
    between = text[one.stop : two.start]
    if len(between) > 40:
        return ""
    match = _JOIN.match(between)
    if match is None:
        return ""
    return "or" if match.group("or") else "and"


def _joined_back(text: str, named: list[Candidate], roles: list[str], at: int, ways: tuple[str, ...]) -> int:
    while at and roles[at - 1] in ("main", "soft") and _join(text, named[at - 1], named[at]) in ways:
        at -= 1
    return at


def _whole(text: str, begin: int, end: int, named: list[Candidate], roles: list[str], at: int) -> Statement:
    role, c = roles[at], named[at]
    if role in _BOUNDS:
        match = said_before(role, text[max(begin, c.start - WINDOW) : c.start])
        start = max(begin, c.start - WINDOW) + match.start() if match else c.start
        return Statement("comparison", ((c.begin, c.end),), (start, _behind(text, c.stop, end)), _BOUNDS[role])
    if role in ("range", "described"):
        stop = named[at + 1].stop if role == "range" and at + 1 < len(named) else c.stop
        match = said_before("described", text[max(begin, c.start - WINDOW) : c.start])
        start = max(begin, c.start - WINDOW) + match.start() if match else c.start
        return Statement(role, ((c.begin, c.end),), (start, _behind(text, stop, end)))
    items, ways, last = [c], [], at
    while (
        last + 1 < len(named)
        and roles[last + 1] in ("main", "label")
        and not _PART_OF.match(text, named[last + 1].stop)
        and (way := _join(text, named[last], named[last + 1]))
    ):
        ways.append(way)
        last += 1
        items.append(named[last])
    items = _solved(text, items)
    kind = "" if len(items) == 1 else "alternatives"
    stop = items[-1].end if len(items) == 1 else items[-1].stop
    return Statement(kind, tuple((i.begin, i.end) for i in items), (items[0].begin if kind == "" else c.start, stop))


def _solved(text: str, items: list[Candidate]) -> list[Candidate]:
    """`5x = 30 and x = 6`: where one equation gives a name its value, equations that do not are on the way to it."""
    named = [i for i in items if _NAME_EQUALS.match(text, i.begin, i.end)]
    if not named:
        return items
    return [i for i in items if i in named or "=" not in text[i.begin : i.end]]


_PART_OF = re.compile(r"\s+of\s+(?:them|these|those|the)\b")
_NAME_EQUALS = re.compile(r"\s*[A-Za-z](?:_\{?\w+\}?)?(?:\([^()]*\))?\s*=")


def _behind(text: str, stop: int, end: int) -> int:
    """The place behind the words that qualify a number from behind: `6 or more`, `6以上`."""
    match = _BOUND_AFTER.match(text, stop, end)
    return match.end() if match else stop


_BOUNDS = {"more": ">", "less": "<", "atmost": "<=", "atleast": ">="}
