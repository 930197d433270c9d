"""Texts that ask for one formula and nothing else: the formula is the problem, however it is asked for."""

from __future__ import annotations

import re

from mathdata.text import normal

__all__ = ["bare_formula", "core"]

_ANSWER = re.compile(
    r"(?:express|give|write|enter|leave|put) (?:your|the|its) (?:final )?answers?\b[^.]*|请?用?最简(?:分数|形式)表示"
)
_UNKNOWN = re.compile(
    r"\b(?:for|find|is|of|determine|when|if)(?: the values? of)?(?:\s*\{[a-z]\}|\s+[a-z](?=\s|[:,.;?]|$))"
    r"|(?:求|那么|则|问)\s*\{?[a-z]\}?\s*(?=的|等于|是|为|[:,;]|$)"
)
_ASK = re.compile(
    r"\b(?:please|solve|find|compute|evaluate|calculate|determine|simplify|work out|what|which|is|are|the|value|values|of|"
    r"following|equation|expression|solution|result|exact|numerical|for|if|when|given|that|in|to|so|and|then|it|true|"
    r"satisfies|satisfying|such|we|have|you|can|answer|as|equals?)\b"
    r"|解方程|方程|算式|表达式|计算|化简|解出|求解|求出|求|下列|下面|的值|的解|的结果|结果|等于多少|等于几|是多少|为多少|多少|"
    r"等于|如果|已知|那么|则|若|当|时|请|中|得|几|的|是|解"
)
_FRACTION = re.compile(r"\\frac\{([^{}]{1,40})\}\{([^{}]{1,40})\}")
_ATOM = re.compile(r"[a-z]|\d+(?:\.\d+)?")
_LETTERS = re.compile(r"(?<!\\)\b[a-z]{2,}\b|[\u3400-\u9fff]")
LONGEST = 300


def core(text: str | None) -> str | None:
    r"""The formula of a text that holds one and otherwise only asks for it; None where words say more.

    >>> core("Solve the equation $3x + 7 = 22$.") == core("What is the value of $x$ in $3x+7=22$?") == "3x+7=22"
    True
    >>> core("Tom has 3 apples and buys 7.") is None
    True
    """
    made = bare_formula(text)
    return made if made and len(made) >= 5 and sum(c.isdigit() for c in made) > 1 else None


def bare_formula(text: str | None) -> str | None:
    """The same for a formula of any length."""
    if not text or len(text) > LONGEST:
        return None
    bare = _ANSWER.sub(" ", normal(text).lower())
    bare = _ASK.sub(" ", _UNKNOWN.sub(" ", bare))
    bare = re.sub(r"\{\s*([a-z])\s*\}", r"\1", bare)
    bare = _FRACTION.sub(_flat, bare)
    if _LETTERS.search(bare):
        return None
    made = re.sub(r"[\s,;:?!\x1f'\"]+|\.(?!\d)", "", bare)
    return made if re.search(r"[-+*/×·^=<>≤≥|]|\\[a-z]+", made) else None


def _flat(match: re.Match[str]) -> str:
    top, bottom = match[1].strip(), match[2].strip()
    sides = [side if _ATOM.fullmatch(side) else f"({side})" for side in (top, bottom)]
    return "/".join(sides)
