"""What runs inside the killable worker: an ANTLR parser and sympy; nothing here executes text."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["prove", "warm_up"]


def warm_up() -> None:
    """Import and exercise the slow parts before the clock runs."""
    import logging

    logging.disable(logging.CRITICAL)
    _parsed("\\frac{1}{2}")


def prove(gold: str, response: str, limit: float) -> tuple[str, str, bool]:
    """(status, reason, whether a side could not be read)."""
    from mathdata.verifiers.values import read_value

    one, two = read_value(gold).tree, read_value(response).tree
    if one is not None and two is not None:
        evidence = _digits(one, two)
        if evidence is not None:
            return evidence
    a, b = _parsed(gold), _parsed(response)
    if not a or not b:
        return "unparsed", "no parser reads " + ("the gold" if not a else "the response"), True
    from math_verify import verify

    ok = bool(verify(a, b, timeout_seconds=None, strict=True)) and bool(verify(b, a, timeout_seconds=None, strict=True))
    return ("correct", "proved with sympy", False) if ok else ("wrong", "not equal by sympy", False)


_STRAY = re.compile(r"""["#@?`]|\d['"]\d""")
"""What no formula holds; the parser's own clean-up drops it, and reads 4"5 as 45."""


def _parsed(text: str) -> list[Any]:
    """The whole text as one formula, or nothing. Math-Verify's other reader takes the first number it finds."""
    from math_verify import LatexExtractionConfig, parse

    from mathdata.verifiers.cleaning import clean

    cleaned = clean(text)
    if _STRAY.search(cleaned) or ("&" in cleaned and "\\begin" not in cleaned):
        return []
    settings = (LatexExtractionConfig(),)
    return list(parse(f"${cleaned}$", extraction_config=settings, fallback_mode="no_fallback", parsing_timeout=None))


def _digits(one: Any, two: Any) -> tuple[str, str, bool] | None:
    """Many digits at seeded points: a difference disproves; agreement is evidence, and says so."""
    from mathdata.verifiers.precise import agree

    result = agree(one, two)
    if result is None:
        return None
    if result:
        return "correct", "equal to 80 digits at seeded points, not proved", False
    return "wrong", "different at a seeded point", False
