"""A question sentence and its answer as one statement: `How many pens has she left?`, 12 -> `She has 12 pens left.`"""

from __future__ import annotations

import re

from mathdata.symbolic.lexer import listed
from mathdata.symbolic.verbs import PAST, third

__all__ = ["split_question", "state"]

_ASKING = re.compile(
    r"\b(?:how (?:many|much|old|tall|far|long)|what(?: is|'s| was| are| were| will be| would be)"
    r"|(?:calculate|find|determine|compute)(?: out)?)\b",
    re.IGNORECASE,
)
_PERSON = "(?:she|he|it|they|we|you|i|each|everyone|[A-Z]\\w*(?: and [A-Z]\\w*)*)"
_AUX = frozenset(listed("do does did is are was were will would can could has have had should must"))
_MODAL = frozenset(listed("will would can could should must"))
_BE = frozenset(listed("is are was were"))
_PLURAL = frozenset(listed("they we you i both all"))
_STOP = frozenset(listed("who which whose what when where"))
_DROP = re.compile(r",?\s*\(?\bin (?:dollars|total dollars|cents)\)?,?", re.IGNORECASE)


def split_question(text: str) -> tuple[str, str]:
    """The story, and the sentence that asks (its last one)."""
    body = text.strip()
    ends = [m.end() for m in re.finditer(r"(?<![A-Z])(?<!Mr)(?<!Mrs)(?<!Dr)(?<!Ms)[.!?][\"']?\s+(?=\S)", body)]
    at = ends[-1] if ends else 0
    return body[:at].strip(), body[at:].strip()


def state(sentence: str, answer: str, money: bool, unit: str) -> str | None:
    """The sentence with its answer put in, or None where it has no form known here.

    `money`: the answer is an amount of dollars; `unit`: the noun that the solution shows after it.
    """
    text = " ".join(sentence.split()).rstrip("?. ")
    asked = _ASKING.search(text)
    if asked is None or "?" in text or _ASKING.search(text, asked.end()):
        return None
    lead, body, word = text[: asked.start()].strip(), text[asked.end() :].strip(), asked.group().lower()
    before = _lead(lead)
    if before is None:
        return None
    told = _told(word, body, _Answer(answer, money, unit))
    if told is None:
        return None
    told = re.sub(r"\s+", " ", told).strip().rstrip(",")
    return f"{before}{told[0].lower() if before and not _name(told) else told[0].upper()}{told[1:]}."


def _name(text: str) -> bool:
    """Whether the first word keeps its capital inside a sentence."""
    word = text.split()[0]
    return word[0].isupper() and word.lower() not in _LOWER


_LOWER = frozenset(
    listed("the a an she he it they we you there each his her their its this that these those my our all both every")
)


def _lead(text: str) -> str | None:
    """What stands before the asking words: nothing, or a clause that ends in a comma."""
    text = re.sub(r"(?:^|,\s*|\s+)(?:then|so|and|now|but)?,?$", "", text).strip().rstrip(",")
    if not text:
        return ""
    words = text.lower().split()
    first = words[0]
    if (len(words) == 1 and first != "altogether") or words[-1] in _PREPOSITIONS:
        return None  # `In how many days`, `by how much`
    if first in ("by", "after", "before", "with") and any(w.endswith("ing") for w in words[1:3]):
        return None  # `By not selling out how much do they lose`
    if first in ("if", "when", "after", "assuming", "given", "once", "since", "before", "at", "by", "because", "with"):
        return f"{text}, "
    short = len(text.split()) <= 4 and first in ("in", "on", "for", "during", "over", "this", "that", "altogether")
    return f"{text}, " if short else None


class _Answer:
    """The answer in the shapes a statement needs."""

    def __init__(self, value: str, money: bool, unit: str) -> None:
        self.value, self.money, self.unit = value, money, unit

    def amount(self) -> str | None:
        return f"${self.value}" if self.money else f"{self.value} {self.unit}" if self.unit else None


def _told(word: str, body: str, answer: _Answer) -> str | None:
    if word == "how many":
        return _how_many(body, answer)
    if word == "how much":
        return _how_much(body, answer)
    if word.startswith(("what", "calculate", "find", "determine", "compute")):
        return _what(word, body, answer)
    return _how_old(word, body, answer)


def _how_many(body: str, answer: _Answer) -> str | None:
    words = body.split()
    at = next((i for i, w in enumerate(words) if w.lower() in _AUX), None)
    if at is None:
        return _subject(words, answer)
    noun = words[:at]
    if not noun or any(w.lower().strip(",") in _STOP or w.lower() == "that" for w in noun):
        return None
    thing = " ".join(noun)
    if noun[0] in ("of", "more,") or thing.endswith(","):
        return None
    return _clause(words[at].lower(), words[at + 1 :], f"{answer.value} {thing}")


def _subject(words: list[str], answer: _Answer) -> str | None:
    """`How many people came to the party` -> `20 people came to the party`."""
    if len(words) < 2 or any(w.lower().strip(",") in _STOP for w in words) or words[0] in ("of", "more"):
        return None
    if not any(w.lower() in PAST or w.lower() in PAST.values() for w in words[1:4]):
        return None
    return f"{answer.value} {' '.join(words)}"


def _how_much(body: str, answer: _Answer) -> str | None:
    if not answer.money and not re.search(r"\bin dollars\b", body, re.IGNORECASE):
        return None
    body = _DROP.sub(" ", body).strip()
    amount = f"${answer.value}"
    more = re.match(r"(money|more money|more|of his money|of her money)\s+", body)
    if more:
        if more.group(1) == "money":
            body = body[more.end() :]
        elif more.group(1) in ("more", "more money"):
            body, amount = body[more.end() :], f"${answer.value} more"
        else:
            return None
    words = body.split()
    if not words or words[0].lower() not in _AUX:
        return None
    return _clause(words[0].lower(), words[1:], amount)


def _clause(aux: str, rest: list[str], thing: str) -> str | None:
    """`did` + `she buy in May` + `3 hats` -> `she bought 3 hats in May`."""
    if not rest:
        return None
    if rest[0].lower() == "there" and aux in (*_BE, "will", "would"):
        be = f"{aux} be" if aux in _MODAL else aux
        tail = rest[2:] if aux in _MODAL and len(rest) > 1 and rest[1] == "be" else rest[1:]
        return f"there {be} {thing} {' '.join(tail)}"
    if rest[0].lower() == "be" and len(rest) > 1 and (rest[1].lower() in _OWNED | _OBJECT or rest[1][0].isupper()):
        return None  # `how much will be her profit`
    if aux in _MODAL and rest[0].lower() in ("have", "be", *PAST):
        return f"{thing} {aux} {' '.join(rest)}"
    at = _verb(aux, rest)
    if rest[0].lower() == "not" and aux in _BE:
        return f"{thing} {aux} {' '.join(rest)}"
    if at is None:
        return f"{thing} {aux} {' '.join(rest)}" if aux in _BE and _no_subject(rest) else None
    if "not" in rest[:at] or rest[at - 1].endswith(("'s", "’s", "s'", "s’")) or rest[at - 1].lower() in _OWNED:
        return None
    subject, verb, tail = " ".join(rest[:at]), rest[at], rest[at + 1 :]
    phrase = _inflected(aux, subject, verb)
    if verb == "take" and subject.lower() == "it" and tail and tail[0] != "to":
        if len(tail) < 2 or tail[1] != "to" or not (tail[0] in ("her", *_PRONOUNS) or tail[0][0].isupper()):
            return None
        return f"{subject} {phrase} {tail[0]} {thing} {' '.join(tail[1:])}"
    if verb in _WISH and len(tail) > 1 and tail[0] == "to" and tail[1] in PAST and tail[2:3] and tail[2] in _OBJECT:
        return f"{subject} {phrase} {thing} {' '.join(tail)}"
    if verb in _WISH and len(tail) > 1 and tail[0] == "to" and tail[1] in PAST:
        phrase, tail = f"{phrase} to {tail[1]}", tail[2:]
    elif tail[:1] in (["still"], ["also"]) or (tail and tail[0] in _PRONOUNS and len(tail) > 1):
        phrase, tail = f"{phrase} {tail[0]}", tail[1:]
    return f"{subject} {phrase} {thing} {' '.join(tail)}"


_OWNED = frozenset(listed("his her its their my our your the a an combined total remaining overall"))
_PRONOUNS = frozenset(listed("him them me us you"))
_WISH = frozenset(listed("need want have plan get manage try like expect decide hope going"))
_OBJECT = frozenset(
    listed("his her the a an their its all my each every everyone it them him himself herself both this")
)


def _no_subject(rest: list[str]) -> bool:
    """`are left in the box`, `were sold`: no new subject before the verb."""
    first = rest[0].lower()
    return first in ("left", "in", "on", "remaining", "still", "not", "needed", "at", "there") or (
        first.endswith("ed") or first in PAST.values()
    )


def _verb(aux: str, rest: list[str]) -> int | None:
    """Where the verb stands: base form after do and modals, participle after have, -ing after be."""
    for i, word in enumerate(rest[:8]):
        w = word.lower().strip(",")
        subject = i == 1 and rest[0].lower() in ("it", "everyone")
        if not i or (rest[i - 1].lower() in _OBJECT - {"both", "all", "each", "everyone"} and not subject):
            if i and w in _PREPOSITIONS:
                return None
            continue
        if aux in _BE and w.endswith("ing") and len(w) > 4:
            return None if rest[0].lower() in _OBJECT - {"it", "everyone"} else i  # `their combined dancing time`
        if aux in ("has", "have", "had") and (w in PARTICIPLES or w.endswith("ed")):
            return i
        if aux not in (*_BE, "has", "have", "had") and w in PAST and word == w:
            return None if _another_verb(rest, i) else i
        if w in _STOP or w in _PREPOSITIONS or word.endswith((",", ";")):
            return None
    return None


def _another_verb(rest: list[str], i: int) -> bool:
    """`did the fruit drink cost`: a later base form that nothing governs may be the verb, and this one a noun."""
    free = _OBJECT | _PREPOSITIONS | {"and", "or", "her", "him", "them", "you"}
    return any(rest[k] in PAST and rest[k - 1].lower() not in free for k in range(i + 1, min(i + 4, len(rest))))


_PREPOSITIONS = frozenset(listed("from for to in on at with by after before during than per if over under"))


def _inflected(aux: str, subject: str, verb: str) -> str:
    if aux == "did":
        return PAST[verb]
    if aux == "does":
        return third(verb)
    if aux == "do":
        return verb
    return f"{aux} {verb}"


_IRREGULAR = listed(
    "been done eaten given taken written seen gone drunk driven read won made bought sold spent left had"
)
PARTICIPLES = frozenset(PAST.values()) | frozenset(_IRREGULAR)


def _what(word: str, body: str, answer: _Answer) -> str | None:
    verb = word.split()[-1] if word.startswith("what ") else "is"
    verb = "will be" if word == "what will be" else "would be" if word == "what would be" else verb
    money = answer.money or re.search(r"\bin dollars\b", body) is not None
    body = _DROP.sub(" ", body).strip().rstrip(",")
    if not re.match(r"(?:the|his|her|their|its|[A-Z]\w*'s?)\s", body) or body.split()[1].lower() in (
        "percentage",
        "ratio",
    ):
        return None
    if re.search(r"\b(?:if|that|who|which|when|,)\s", body) or re.search(
        r"\b(?:probability|fraction|difference)\b", body
    ):
        return None
    if re.search(r"\b(?:number|total|sum|age|score|perimeter|average)\b", body) and not money:
        return f"{body} {verb} {answer.value}"
    if money and re.search(
        r"\b(?:cost|price|amount|bill|total|money|profit|balance|pay|earnings|salary|value)\b", body
    ):
        return f"{body} {verb} ${answer.value}"
    return None


def _how_old(word: str, body: str, answer: _Answer) -> str | None:
    words = body.split()
    if not words:
        return None
    if word == "how old" and words[0].lower() in _BE and len(words) > 1:
        if re.search(r"\b(?:when|if|going|in years)\b", body):
            return None
        tail = words[1:]
        now = f" {tail.pop()}" if tail[-1].lower() in ("now", "today") else ""
        return f"{' '.join(tail)} {words[0].lower()} {answer.value} years old{now}"
    if word in ("how far", "how long") and answer.unit in _LENGTHS and not answer.money:
        return (
            _clause(words[0].lower(), words[1:], f"{answer.value} {answer.unit}") if words[0].lower() in _AUX else None
        )
    return None


_LENGTHS = frozenset(
    listed("miles mile kilometers meters feet hours minutes days weeks months years seconds inches yards km")
)


def indirect(sentence: str, verb: str) -> str | None:
    """`How many pens has she left?` -> `Work out how many pens she has left.`; None for a form not known here."""
    text = " ".join(sentence.split()).rstrip("?. ")
    asked = _ASKING.search(text)
    if asked is None or "?" in text or _ASKING.search(text, asked.end()):
        return None
    before = _lead(text[: asked.start()].strip())
    body, word = text[asked.end() :].strip(), asked.group().lower()
    if before is None or re.match(r"(?:on average|in (?:total|all)|altogether|in dollars)\b", before, re.IGNORECASE):
        return None
    told = _embedded(word, body)
    if told is None:
        return None
    first = verb[0].lower() + verb[1:] if before else verb
    return re.sub(r"\s+(?=[.,])", "", re.sub(r"\s+", " ", f"{before}{first} {told}."))


def _embedded(word: str, body: str) -> str | None:
    words = body.split()
    if word.startswith(("calculate", "find", "determine", "compute")):
        return body
    if word.startswith("what"):
        plain = words and words[0] in ("the", "his", "her", "their", "its") and "," not in body
        known = word in ("what is", "what's", "what was", "what are", "what were")
        return body if known and plain and len(words) <= 12 and not re.search(r"\b(if|that|when|who)\b", body) else None
    at = next((i for i, w in enumerate(words) if w.lower() in _AUX), None)
    if at is None:
        return f"{word} {body}" if words and word == "how many" else None
    noun = " ".join(words[:at])
    if any(w.lower().strip(",") in _STOP or w.lower() == "that" for w in words[:at]):
        return None
    if word == "how old" and words[at].lower() in _BE and not noun:
        tail = words[at + 1 :]
        now = f" {tail.pop()}" if tail and tail[-1].lower() in ("now", "today") else ""
        return f"how old {' '.join(tail)} {words[at]}{now}" if len(tail) <= 3 else None
    clause = _clause(words[at].lower(), words[at + 1 :], "\0")
    if clause is None:
        return None
    if clause.startswith("\0"):
        return f"{word} {body}"
    return f"{word} {noun} {clause.replace(chr(0), '')}"
