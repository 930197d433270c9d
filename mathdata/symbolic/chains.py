"""Chains of equal calculations in a line of tokens (`3 * 4 = 12 = 10 + 2`), read across units and times signs."""

from __future__ import annotations

from mathdata.symbolic.lexer import Token, listed
from mathdata.worked import Expression, parse_tokens

__all__ = ["chains_in", "has_false_equation", "is_false", "parsed", "runs_on", "sides_of"]

_ARITH = frozenset("+-*/^()%")
_UNIT_STOP = frozenset(
    listed("is are was were so and or then that has have had equals make makes but because for if to by with per")
)


def parsed(side: list[Token], percents: bool = True) -> Expression | None:
    return parse_tokens([(t.kind, t.value, t.start, t.end) for t in side if percents or t.kind != "%"])


def _stacked(side: list[Token]) -> list[Token]:
    """`60 / 3/4` as `60 / (3/4)`: a fraction written tight among spaced operators is one number."""
    made: list[Token] = []
    for i, token in enumerate(side):
        before, after = side[i - 1] if i else None, side[i + 1] if i + 1 < len(side) else None
        tight = (
            token.kind == "/" and before is not None and after is not None and before.end == token.start
            and token.end == after.start and before.kind == after.kind == "n"
        )  # fmt: skip
        if tight and made and (len(made) == 1 or made[-2].end < made[-1].start):
            made.insert(len(made) - 1, Token("(", None, token.start, token.start, "("))
            made.append(token)
            assert after is not None
            made.append(Token(")", None, after.end, after.end, ")"))
        elif made and made[-1].kind == ")" and made[-1].text == ")" and made[-1].start == token.end:
            made.insert(len(made) - 1, token)
        else:
            made.append(token)
    return made


def sides_of(chain: list[list[Token]]) -> tuple[list[list[Token]], list[Expression | None]]:
    """The chain and its sides; where it states a percentage (`100% - 40% = 60%`), the sign is a unit."""
    sides = [parsed(side) for side in chain]
    if len({s.value() for s in sides if s is not None}) > 1:
        sides = [parsed(_stacked(side)) or s for side, s in zip(chain, sides)]
    if len(chain[-1]) > 1 and chain[-1][-1].kind == "%":
        last = parsed(chain[-1][:-1])
        chain = [*chain[:-1], chain[-1][:-1]]
        if last is not None and all(s is not None and s.value() == last.value() for s in sides[:-1]):
            return chain, [*sides[:-1], last]
        return chain, [parsed(side, percents=False) for side in chain]
    return chain, sides


class _Chains:
    """Finds the chains of runs joined by `=`; a run goes on across up to three unit words before an operator."""

    def __init__(self, letters: set[str]) -> None:
        self.letters = letters
        self.found: list[tuple[list[list[Token]], bool]] = []
        self.reset()

    def reset(self, loose: bool = False) -> None:
        self.sides: list[list[Token]] = []
        self.run: list[Token] = []
        self.letter, self.loose = False, loose

    def close(self, loose: bool = False) -> None:
        if not self.sides and (not self.run or len(self.run) > 2):
            self.run, self.letter, self.loose = [], False, loose
            return
        sides = [*self.sides, self.run]
        if sides[0] and sides[0][0].kind in "+-*/^)%":
            sides[0] = []  # its first operand is hidden in words
        for part in self._without_letters(sides) if self.letter else [sides]:
            cut = [_trim(s) for s in part]
            while cut and not cut[0]:
                cut.pop(0)
            if cut and all(cut) and (len(cut) > 1 or len(cut[0]) <= 2):
                self.found.append((cut, self.loose))
        self.reset(loose)

    def _without_letters(self, sides: list[list[Token]]) -> list[list[list[Token]]]:
        """`x + 143 = 200 - 16 = 184` -> the part `200 - 16 = 184`."""
        parts: list[list[list[Token]]] = [[]]
        for side in sides:
            if any(t.kind == "w" for t in side):
                parts.append([])
            else:
                parts[-1].append(side)
        return [p for p in parts if p]

    def read(self, line: list[Token]) -> list[tuple[list[list[Token]], bool]]:
        i, n = 0, len(line)
        while i < n:
            i = self.take(line, i)
        self.close()
        return self.found

    def take(self, line: list[Token], i: int) -> int:
        """Take one token, or a unit; the index that follows."""
        token = line[i]
        if token.kind == "n" or token.kind in _ARITH:
            if token.kind == "n" and self.run and self.run[-1].kind in "n)%":
                self.close(loose=True)
            self.run.append(token)
        elif token.kind == "w" and _is_times(line, i):
            self.run.append(token._replace(kind="*"))
        elif token.kind == "w" and _is_letter(self.run, token):
            self.letter = True
            self.letters.add(token.text)
            self.run.append(token)
        elif token.kind == "=":
            self.sides.append(self.run)
            self.run = []
        elif (jump := _unit(line, i, self.run)) > i:
            self.loose = self.loose or line[jump].kind != "="
            return jump
        else:
            self.close()
        return i + 1


def is_false(sides: list[Expression | None]) -> bool:
    """A calculation that states another value. `1 hour = 60 minutes` is none: both sides are single numbers."""
    values = [None if s is None else s.value() for s in sides]
    parts = zip(sides, values, values[1:])
    return any(s is not None and type(s.tree) is not int and v != w for s, v, w in parts)


def runs_on(side: Expression, following: Expression | None) -> bool:
    """`3 - 1.4 = 1.6 * 2 = 3.2`: the calculation is true only of the number that the next side begins with."""
    return type(side.tree) is not int and following is not None and side.value() in following.values


def has_false_equation(line: list[Token]) -> bool:
    """Whether a line of tokens states a false calculation; those read across words are left out."""
    return any(is_false(sides_of(chain)[1]) for chain, loose in chains_in(line, set()) if len(chain) > 1 and not loose)


def chains_in(line: list[Token], letters: set[str]) -> list[tuple[list[list[Token]], bool]]:
    return _Chains(letters).read(line)


def _trim(run: list[Token]) -> list[Token]:
    if len(run) == 1 and run[0].kind == "n":
        return run
    while run and run[-1].kind in "+-*/^(":
        run = run[:-1]
    while run and run[0].kind in "*/^)%+":
        run = run[1:]
    opened = sum(t.kind == "(" for t in run) - sum(t.kind == ")" for t in run)
    while opened > 0 and run and run[0].kind == "(":
        run, opened = run[1:], opened - 1
    while opened < 0 and run and run[-1].kind == ")":
        run, opened = run[:-1], opened + 1
    return run


def _is_times(line: list[Token], i: int) -> bool:
    """`x` between two numbers."""
    if line[i].text != "x" or not 0 < i < len(line) - 1:
        return False
    return line[i - 1].kind in "n)%w" and line[i + 1].kind in "n("


def _is_letter(run: list[Token], token: Token) -> bool:
    """A letter that stands for a number; `a` only where it is glued to one (`5A`)."""
    return len(token.text) == 1 and (token.text not in "ai" or (bool(run) and run[-1].end == token.start))


def _unit(line: list[Token], i: int, run: list[Token]) -> int:
    """The index of the operator or `=` after a unit, where the words from i on are one; else i."""
    if not run or run[-1].kind not in "n)%" or i >= len(line) or line[i].kind not in "w":
        return i
    for k in range(i, min(i + 5, len(line))):
        token = line[k]
        if token.kind == "/" and k + 1 < len(line) and line[k + 1].kind == "w":
            continue  # pieces/house
        if token.kind in "+*/=" or (token.kind == "-" and k + 1 < len(line) and line[k + 1].kind in "n("):
            return k
        if token.kind == ")" and any(t.kind == "(" for t in run):
            return k
        if _is_times(line, k):
            return k
        if token.kind != "w" or token.text in _UNIT_STOP:
            return i
    return i
