"""Cut an answer, LaTeX or plain, into tokens: numbers, names, commands, text, signs."""

from __future__ import annotations

import re
from typing import NamedTuple

from mathdata.verifiers.wording import words

__all__ = ["NAMES", "Token", "TooLong", "Unreadable", "tokenize"]

MAX_LENGTH = 4000
MAX_TOKENS = 1500


class Unreadable(Exception):
    """The text is no answer this parser reads; the reason is the message."""


class TooLong(Unreadable):
    """It passes a limit of length or depth; no other parser is asked."""


class Token(NamedTuple):
    kind: str
    """num, name (one symbol), func, word, text, cmd, or the sign itself."""
    text: str
    space: bool
    """Whether blank space stood before it."""


FUNCTIONS = ["arcsinh", "arccosh", "arctanh", "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc", "arsinh", "arcosh", "artanh", "asinh", "acosh", "atanh", "asin", "acos", "atan", "sinh", "cosh", "tanh", "coth", "sin", "cos", "tan", "cot", "sec", "csc", "exp", "log", "ln", "lg", "sqrt", "cbrt", "abs", "Abs", "floor", "ceil", "ceiling", "gcd", "lcm", "max", "min", "factorial", "binomial", "Sum", "Integral", "Derivative", "Limit", "Product", "Eq", "det", "arg", "deg", "dim", "ker", "Re", "Im", "sgn", "sign"]  # fmt: skip
NAMES = frozenset(FUNCTIONS)
GREEK = words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi omicron "
    "rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi "
    "Omega ell hbar aleph"
)
_CONSTANTS = {"pi": "pi", "infty": "oo", "infinity": "oo", "oo": "oo", "exponentialE": "E", "imaginaryI": "i"}

_TOKEN = re.compile(
    r"""(?P<space>\s+|~)
    |(?P<text>\\(?:text|textbf|textit|textrm|texttt|textnormal|textsf|mbox|hbox|emph)\s*\{)
    |(?P<num>\d+\.\d+[eE][+-]?\d{1,4}(?![\w.])|\d+(?:[eE]\d{1,4}|E[+-]\d{1,4}|e[+-]\d{2,4})(?![\w.])|\d+(?:\.\d+|\.(?=\s*[/*^)]))?|\.\d+)
    |(?P<cmd>\\(?:[A-Za-z]+\*?|\S))
    |(?P<han>[\u4e00-\u9fff]+)
    |(?P<name>[^\W\d_]+)
    |(?P<op>\*\*|<=|>=|!=|==|:=|->|\.\.\.|…|.)""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = words(
    "cm mm km kg mg ml pct hr hrs min mins ft yd lb lbs oz sq mph kph usd and or the not per for no yes odd "
    "even is of so it we to on he us"
)  # fmt: skip


def tokenize(text: str) -> list[Token]:
    """Tokens of a cleaned answer. Raises Unreadable where it is too long."""
    if len(text) > MAX_LENGTH:
        raise TooLong(f"longer than {MAX_LENGTH} characters")
    tokens: list[Token] = []
    at, space = 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:  # a lone surrogate or the like
            raise Unreadable(f"cannot read {text[at : at + 10]!r}")
        kind, piece = match.lastgroup or "op", match.group()
        at = match.end()
        if kind == "space":
            space = True
            continue
        if kind == "text":
            end = _closing(text, at)
            tokens.extend(_text(text[at : end - 1], space))
            at = end
        elif kind == "name":
            _names(piece, space, tokens)
        elif kind == "cmd":
            tokens.append(_command(piece, space))
        elif kind == "han":
            tokens.append(Token("word", piece, space))
        elif kind == "num":
            tokens.append(Token("num", piece, space))
        else:
            piece = {"**": "^", "==": "=", "…": "...", ":=": "="}.get(piece, piece)
            tokens.append(Token(piece, piece, space))
        space = False
        if len(tokens) > MAX_TOKENS:
            raise TooLong(f"more than {MAX_TOKENS} signs")
    return tokens


_JOINED = re.compile(r"(.*?[^\s,])[\s,]+((?:and|or)\s*|和\s*|或\s*)$", re.DOTALL)


def _text(piece: str, space: bool) -> list[Token]:
    """`\\text{ goats and }` names a thing and goes on with the next."""
    match = _JOINED.match(piece) if piece.rstrip().endswith(("and", "or", "和", "或")) else None
    if piece.strip() in ("sin", "cos", "tan", "cot", "sec", "csc", "log", "ln"):
        return [Token("func", piece.strip(), space)]
    if match is None:
        return [Token("text", piece, space)]
    return [Token("text", match.group(1), space), Token("text", match.group(2), True)]


def _closing(text: str, at: int) -> int:
    depth = 1
    for i in range(at, len(text)):
        if text[i] == "{":
            depth += 1
        elif text[i] == "}":
            depth -= 1
            if depth == 0:
                return i + 1
    raise Unreadable("a brace is not closed")


def _command(piece: str, space: bool) -> Token:
    name = piece[1:]
    if name in _CONSTANTS:
        return Token("name", _CONSTANTS[name], space)
    if name in GREEK:
        return Token("name", name, space)
    if name in NAMES and name not in ("sqrt", "max", "min", "Sum"):
        return Token("func", name, space)
    return Token("cmd", name, space)


def _names(piece: str, space: bool, tokens: list[Token]) -> None:
    """A run of letters: a function, a word, a label in capitals, or a product of single letters."""
    if piece in NAMES:
        tokens.append(Token("func", piece, space))
    elif piece in _CONSTANTS:
        tokens.append(Token("name", _CONSTANTS[piece], space))
    elif piece in GREEK or (len(piece) > 1 and piece.isupper() and piece.isascii() and len(piece) < 8):
        tokens.append(Token("name", piece, space))
    elif len(piece) >= 4 or piece.lower() in _WORDS:
        _words(piece, space, tokens)
    else:
        for i, letter in enumerate(piece):
            tokens.append(Token("name", letter, space and i == 0))


def _words(piece: str, space: bool, tokens: list[Token]) -> None:
    for name in ("sqrt", "log", "sin", "cos", "tan", "ln", "pi"):  # `xsqrt`, `pix`: a letter glued to a function
        if piece.endswith(name) and len(piece) == len(name) + 1:
            tokens.append(Token("name", piece[0], space))
            tokens.append(Token("func", name, False) if name != "pi" else Token("name", "pi", False))
            return
    tokens.append(Token("word", piece, space))
