"""Functions given by a formula, and their value: `If $f(x) = 3x^2-5$, what is the value of $f(f(1))$?`"""

from __future__ import annotations

import re

from mathdata.symbolic.formulas.exact import Exact
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.latex import Node, letters, parse
from mathdata.symbolic.formulas.working import Work
from mathdata.symbolic.solution import Unsupported

__all__ = ["FAMILY"]

_FIND = r"(?:[Ww]hat is|[Ff]ind|[Cc]ompute|[Dd]etermine|[Ee]valuate|[Cc]alculate)(?: the (?:numerical )?value of)?"
_ASKED = asks(
    rf"(?:If|Given|Given that|Let|Suppose|Suppose that|For)(?: the functions?)? @(?:,? and @)?,? (?:then )?{_FIND} @",
    rf"(?:If|Given|Given that|Suppose) @, @,? and @, (?:then )?{_FIND} @",
    rf"(?:Let|Suppose|Suppose that|Consider|Define)(?: the functions?)? @(?:,? and (?:let )?@)?\. ?{_FIND} @",
    rf"(?:Let|Suppose|Suppose that) @\. Let @\. ?{_FIND} @",
    rf"Let @(?:,)? and let @\. ?{_FIND} @",
    rf"{_FIND} @,? (?:if|when|given that|given|for|where) @(?: and @)?",
    r"Evaluate @ (?:for|when|if) @(?: and @)?",
)
_DEFINED = re.compile(r"\s*([A-Za-z])\s*\(\s*([a-z])\s*\)\s*=(.+)", re.DOTALL)
_GIVEN = re.compile(r"\s*([A-Za-z])\s*=\s*([^=]+)")


class _Calls(Work):
    """Works function calls out by putting the argument in."""

    def __init__(self, bodies: dict[str, tuple[str, Node, str]], known: dict[str, Exact]) -> None:
        super().__init__(known)
        self.bodies = bodies
        self.depth = 0

    def call(self, node: Node) -> Exact:
        argument = self.value(node[2])
        if node[1] not in self.bodies:
            raise Unsupported("no value", "a function that is not given")
        name, body, _ = self.bodies[node[1]]
        self.depth += 1
        if self.depth > 12:
            raise Unsupported("too long", "calls within calls")
        outer, self.known = self.known, {name: argument}
        value = self.value(body)
        self.known = outer
        self.depth -= 1
        self.say(f"So with ${name} = {argument.latex()}$", f"{node[1]}({argument.latex()})", value)
        return value

    def value(self, node: Node) -> Exact:
        return self.call(node) if node[0] == "call" else super().value(node)


def read(made: Pieces) -> Solved | None:
    if not 2 <= len(made.formulas) <= 4 or _ASKED.fullmatch(made.prose) is None:
        return None
    given = [f for f in made.formulas if "=" in f]
    asked = [f for f in made.formulas if "=" not in f]
    if len(asked) != 1 or not given:
        return None
    lines: Lines = []
    try:
        names = frozenset(m[1] for m in map(_DEFINED.fullmatch, given) if m)
        bodies: dict[str, tuple[str, Node, str]] = {}
        known: dict[str, Exact] = {}
        for formula in given:
            if (match := _DEFINED.fullmatch(formula)) is not None:
                body = parse(match[3], names)
                if letters(body) - {match[2]} or match[1] in bodies:
                    return None
                bodies[match[1]] = (match[2], body, match[3])
            elif (match := _GIVEN.fullmatch(formula)) is not None:
                known[match[1]] = Work().value(parse(match[2]))
            else:
                return None
        tree = parse(asked[0], names)
        if not (bodies or known) or letters(tree) - set(known) or (not bodies and tree[0] == "v"):
            return None
        work = _Calls(bodies, known)
        value = work.value(tree)
    except Unsupported:
        return None
    lines += work.lines
    return solved_value(lines, value) if lines else None


FAMILY = Family("function", read)
