"""Reads every equation of a made text again and checks it with the unknown put back."""

from __future__ import annotations

from mathdata.symbolic.chains import has_false_equation
from mathdata.symbolic.lexer import Token, lex
from mathdata.symbolic.solution import mixed
from mathdata.worked import Number, strip_annotations

__all__ = ["false_equation"]


def false_equation(text: str, x: str, value: Number) -> str | None:
    """The first equation that does not hold where `x` is `value`; also looks into annotations. None = all hold."""
    for part in (strip_annotations(text), "\n".join(_notes(text))):
        line: list[Token] = []
        for token in [*_put_back(lex(part), x, value), None]:
            if token is not None and token.kind != "|":
                line.append(token)
            elif any(t.kind == "=" for t in line) and has_false_equation(mixed(line)):
                return part[line[0].start : line[-1].end][:120]
            if token is not None and token.kind == "|":
                line = []
    return None


def _notes(text: str) -> list[str]:
    return [piece.split(">>")[0] for piece in text.split("<<")[1:]]


def _put_back(stream: list[Token], x: str, value: Number) -> list[Token]:
    """The tokens with x replaced by its value, `2x` by `(2*x)`."""
    made: list[Token] = []
    for token in stream:
        if token.kind == "$":
            continue
        if token.kind == "w" and token.text == x:
            number = Token("n", value, token.start, token.end, x)
            if made and made[-1].kind == "n" and made[-1].end == token.start:
                factor = made.pop()
                assert factor.value is not None
                number = number._replace(value=factor.value * value, start=factor.start)
            made.append(number)
        else:
            made.append(token)
    return made
