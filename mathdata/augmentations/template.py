"""Wordings of a whole family: the teacher writes each once, with placeholders; rows fill in their own numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Annotated, Any

import xxhash

from mathdata.augmentations.replies import failed, from_data, json_part, proved, tagged
from mathdata.registry import register
from mathdata.seeds import base_of, number_of
from mathdata.types import Completion, Problem, Request, Row, Sampling

__all__ = ["Template", "bare", "said_wording"]

_SIGN = r"(?:(?<![0-9０-９A-Za-z)\]}%°])(?<![0-9０-９xX)\]] )(?<!\b[A-Za-z] )[-−])?"
"""A minus that belongs to its number: it goes with the number, so that no wording can lose it; `7 - 3` has none."""
_NUMBER = re.compile(_SIGN + r"\d[\d,]*(?:\.\d+)?(?<![,])")
_SLOT = re.compile(r"\{([a-z]\d?)\}")
_STYLES = {
    "en": (
        "as a short everyday story",
        "as a direct question, as short as can be",
        "as a question a pupil asks a friend",
        "in the style of a school book",
        "beginning with the question, then what is known",
        "as a formal exercise",
        "as a message from a shop or an office",
        "in two short sentences",
    ),
    "zh": (
        "写成一个简短的生活小故事",
        "写成一个直接的问题，越短越好",
        "写成学生向同学请教的问题",
        "写成课本里的题目",
        "先提问，再说已知条件",
        "写成正式的练习题",
        "写成商店或办公室里的一条消息",
        "用两个短句写",
    ),
}
_SCHEMA = {
    "type": "object",
    "properties": {"wording": {"type": "string"}},
    "required": ["wording"],
    "additionalProperties": False,
}


@register("augmentation", "template")
class Template:
    """Wordings for a family, written once by the teacher and filled with each row's numbers: k calls in all."""

    name = "template"
    novelty = "question"

    def __init__(
        self,
        *,
        wordings: Annotated[int, "wordings of each family"] = 4,
        spot: Annotated[float, "share of the rows whose new wording is solved again as a check"] = 0.1,
    ) -> None:
        self.wordings, self.spot = wordings, spot

    def requests(self, problem: Problem, seed: int) -> list[Request]:
        """The same request for every row of a family: the journal asks it once."""
        pattern, numbers = bare(problem.problem)
        if not numbers or "{" in problem.problem:
            return [Request(self.name, problem, params={"skip": "no numbers to put in", "pattern": pattern})]
        number = (Random(base_of(seed)).randrange(self.wordings) + number_of(seed)) % self.wordings
        family = xxhash.xxh3_64_hexdigest(pattern.encode())
        styles = _STYLES.get(problem.language or "en", _STYLES["en"])
        params: dict[str, Any] = {
            "pattern": pattern, "names": [f"{{{n}}}" for n in numbers], "family": family, "wording": number,
            "style": styles[number % len(styles)], "schema": _SCHEMA,
        }  # fmt: skip
        return [Request(self.name, problem, sampling=Sampling(seed=int(family[:7], 16) + number), params=params)]

    def follow(self, problem: Problem, request: Request, completion: Completion) -> list[Request]:
        """A spot check: some rows' new wording is solved, and must give the known answer."""
        if request.params.get("ask") == "solve" or proved(completion) or not self._is_spot(problem, request):
            return []
        question, why = self._filled(problem, request, completion)
        if why or problem.answer is None:
            return []
        params = {"ask": "solve", "question": question, "expected": problem.answer, "spot": True}
        params |= {k: request.params[k] for k in ("family", "wording")}
        return [Request(self.name, problem, sampling=Sampling(seed=request.sampling.seed), params=params)]

    def _is_spot(self, problem: Problem, request: Request) -> bool:
        draw = xxhash.xxh3_64_intdigest(f"{problem.id}/{request.params.get('wording')}".encode()) % 10_000
        return draw < self.spot * 10_000

    def rows(self, problem: Problem, request: Request, completion: Completion) -> list[Row]:
        if (bad := failed(completion)) is not None:
            return [bad]
        if (made := from_data(completion)) is not None:
            return [made]
        if request.params.get("ask") == "solve":
            p = request.params
            # The known answer may have been rounded by the recipe; the wording is right where the check rounds to it.
            return [{"problem": p["question"], "solution": completion.text, "answer": p["expected"], "_rounded": True}]
        if why := said_wording(completion.text)[1]:
            return [{"reject": "empty", "reject_why": why}]
        question, why = self._filled(problem, request, completion)
        if why:
            return [{"reject": "bad-placeholder", "reject_why": why}]
        closing = "答案是：{}" if problem.language == "zh" else "The answer is: {}"
        solution = problem.solution or (problem.answer and closing.format(problem.answer))
        return [{"problem": question, "solution": solution, "answer": problem.answer, "exact": problem.exact}]

    def settle(self, rows: Sequence[Row]) -> None:
        """A wording that fails its spot checks takes all its rows with it."""
        found: dict[tuple[str, int], list[bool]] = {}
        for row, asked in ((r, json.loads(r["asked"] or "{}")) for r in rows):
            if asked.get("spot") and row["verdict"] is not None:
                found.setdefault((asked["family"], asked["wording"]), []).append(row["verdict"] == "correct")
        for row in rows:
            asked = json.loads(row["asked"] or "{}")
            checks = found.get((asked.get("family"), asked.get("wording")), [])
            if row["reject"] is None and checks and sum(checks) * 2 <= len(checks):
                row["reject"] = "wrong-answer"
                row["reject_why"] = (
                    f"this wording gives another answer: {sum(checks)} of {len(checks)} spot checks right"
                )

    def _filled(self, problem: Problem, request: Request, completion: Completion) -> tuple[str, str]:
        """The wording with the row's numbers, and what is wrong with it."""
        text, why = said_wording(completion.text)
        if why:
            return "", why
        names = [str(n)[1:-1] for n in request.params["names"]]
        said = _SLOT.findall(text)
        if missing := [n for n in names if n not in said]:
            return "", f"the wording lacks {', '.join('{' + n + '}' for n in missing)}"
        if more := sorted(set(said) - set(names)):
            return "", f"the wording has a placeholder nobody gave: {', '.join('{' + n + '}' for n in more)}"
        if own := re.search(r"\d[\d.,]*|[{}]", _SLOT.sub(" ", text)):
            return "", f"the wording has a number or brace of its own: {own.group()}"
        _, numbers = bare(problem.problem)
        return _SLOT.sub(lambda m: numbers[m.group(1)], text), ""


def said_wording(reply: str) -> tuple[str, str]:
    """The wording of a reply, and what is wrong where it has none: JSON, a tagged part, or one line of plain text.

    >>> said_wording('{"wording": "把 {a} 和 {b} 相加。"}'), said_wording("Sure!\\nHere it is: ...")[1]
    (('把 {a} 和 {b} 相加。', ''), 'the reply has several lines, none of them named as the wording')
    """
    parsed = json_part(reply)
    if parsed is not None and "wording" in parsed:
        found = parsed["wording"]
        if not isinstance(found, str) or not found.strip():
            return "", f"the reply's wording is no text: {found!r:.60}"
        return found.strip(), ""
    if parsed is not None:
        return "", f"the reply's JSON has no 'wording', but {', '.join(map(str, parsed)) or 'nothing'}"
    if (found := tagged(reply, "wording")) is not None:
        return found, ""
    text = reply.strip()
    if '"wording"' in text:
        return "", "the reply's JSON cannot be read: it is cut off or broken"
    if not text or "\n" in text:
        return "", "the reply has several lines, none of them named as the wording" if text else "the reply is empty"
    return text, ""


def bare(text: str) -> tuple[str, dict[str, str]]:
    """The text with placeholders for its numbers, and the numbers.

    >>> bare("What is 12 + 30?"), bare("计算 -7.5 - -3 等于多少？")
    (('What is {a} + {b}?', {'a': '12', 'b': '30'}), ('计算 {a} - {b} 等于多少？', {'a': '-7.5', 'b': '-3'}))
    """
    numbers: dict[str, str] = {}

    def slot(match: re.Match[str]) -> str:
        n = len(numbers)
        name = chr(ord("a") + n % 26) + (str(n // 26) if n >= 26 else "")
        numbers[name] = match.group()
        return f"{{{name}}}"

    return _NUMBER.sub(slot, text), numbers
