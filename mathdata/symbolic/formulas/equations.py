"""One equation in one letter, linear or quadratic: solved line by line, the answer the question asks for."""

from __future__ import annotations

import re
from fractions import Fraction
from math import lcm, sqrt

from mathdata.symbolic.formulas.exact import Exact, fraction_latex, root
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.latex import Node, equation, letters, parse
from mathdata.symbolic.formulas.polynomials import Poly, content, quotient_of
from mathdata.symbolic.formulas.working import Work, value_of
from mathdata.symbolic.solution import Unsupported
from mathdata.worked import Number

__all__ = ["FAMILIES", "linear", "roots_of", "solve"]

_X = r"@"
_ONE = asks(
    rf"Solve for {_X}(?:,? (?:if|given that|in(?: the equation)?))?[:,]? ?@",
    rf"Solve(?: the equation)?:? @ for {_X}",
    rf"(?:Find|Determine|Compute|What is)(?: the)?(?: real)?(?: value of| number)? ?{_X} (?:if|such that|so that|that satisfies|that makes|given that|in(?: the equation)?|for which)(?: the equation)?:? ?@(?: true)?",
    rf"If @, (?:then )?(?:what is|find|compute|determine)(?: the value of)? {_X}",
    rf"Given(?: that)? @, (?:what is|find|compute|determine|solve for)(?: the value of)? {_X}",
    rf"(?:For|At) what(?: real)? (?:value|number)(?: of)? {_X} (?:is|does)(?: it true that| the equation)? ?@(?: true)?",
    rf"What(?: real)? (?:value|number)(?: of)? {_X} (?:satisfies|will satisfy|makes|is a solution (?:of|to))(?: the equation)? @(?: true)?",
    r"What is the solution (?:to|of)(?: the equation)? @",
    r"Solve(?: the equation)?:? @",
    rf"Let @\. (?:Find|What is|Compute)(?: the value of)? {_X}",
)
_CHOSEN = {
    "positive": "positive", "negative": "negative", "largest": "largest", "greatest": "largest", "larger": "largest",
    "maximum": "largest", "smallest": "smallest", "least": "smallest", "smaller": "smallest", "minimum": "smallest",
    "integer": "integer", "nonzero": "nonzero", "non-zero": "nonzero", "lesser": "smallest",
}  # fmt: skip
_PICK = "|".join(_CHOSEN)
_SOME = asks(
    rf"(?:Find|Determine|Compute|What is) the ({_PICK})(?: possible)?(?: real)? (?:value|solution|root|number|integer)(?: of)? ?{_X}? ?(?:if|such that|so that|that satisfies|satisfying|for which|to|of|in)(?: the equation)?:? ?@",
    rf"What(?: is the)? ({_PICK}) value of {_X} (?:satisfies|will satisfy|for which|makes)(?: the equation)? ?@(?: true)?",
    rf"If {_X} is (?:a )?({_PICK}) and @, what is the value of {_X}",
    rf"What is the ({_PICK})(?: value of)? {_X} (?:such that|for which|that satisfies)(?: the equation)? ?@",
    rf"For what ({_PICK}) (?:value|number)(?: of)? {_X} (?:is|does)(?: it true that)? ?@(?: true)?",
    rf"(?:Find|Compute|Solve for) the ({_PICK}) (?:value of )?{_X} (?:such that|for which|that satisfies|if|in|satisfying)(?: the equation)?:? ?@",
)
_SUM = asks(
    rf"(?:Find|Compute|Determine|What is) the (sum|product) of (?:all |the |both )*(?:real |possible |complex )*(?:values|solutions|roots|numbers)(?: of)? ?{_X}? ?(?:to|of|for which|such that|that satisfy|for|in|satisfying)(?: the)?(?: quadratic)?(?: equation)?:? ?@",
    r"What is the (sum|product) of the (?:roots|solutions) of @",
)
_ALL = asks(
    rf"(?:Find|Determine) all(?: of)?(?: the)?(?: real| possible| complex)* (?:solutions|roots|values|numbers)(?: of)? ?{_X}? ?(?:to|of|such that|that satisfy|for which|satisfying)(?: the)?(?: following)?(?: equation)?:? ?@[.]? ?(?:\(?(?:Enter|List|Write|Give) (?:all )?(?:your |the )?(?:solutions|answers|answer|roots|values)(?: (?:separated by commas|as a list separated by commas|in increasing order, separated by commas|as a comma-separated list))?,?\.?\)?)?",
    r"Solve @\. ?Enter all the solutions,? separated by commas",
)
_AND = asks(r"If @, (?:then )?(?:what is|find|compute|determine|evaluate)(?: the value of)? @", r"Given(?: that)? @, (?:what is|find|compute)(?: the value of)? @")  # fmt: skip


def _unknown(made: Pieces, at: int | None) -> tuple[str, Node, Node]:
    """The letter and the two sides of the only equation."""
    found = [f for f in made.formulas if f.count("=") == 1]
    if len(found) != 1:
        raise Unsupported("does not parse", "not one equation")
    left, right = equation(found[0])
    names = letters(left) | letters(right)
    if len(names) != 1 or names & {"\\pi", "i", "e"}:
        raise Unsupported("does not parse", "not one letter")
    (name,) = names
    if any(f.strip() != name for f in made.formulas if f is not found[0]):
        raise Unsupported("does not parse", "another formula")
    return name, left, right


def _collected(left: Node, right: Node, name: str, lines: Lines) -> list[Number]:
    """[c0, c1, c2] of left - right, after clearing denominators; the lines that lead there."""
    a, b = quotient_of(left), quotient_of(right)
    above = a.above * b.below - b.above * a.below
    if a.below.constant is None or b.below.constant is None:
        lines.append(
            (
                "Multiply both sides by the denominators",
                f"${(a.above * b.below).latex()} = {(b.above * a.below).latex()}$.",
            )
        )
    elif above.degree(name) == 1:
        lines.append(("Simplify both sides", f"${a.above.latex()} = {b.above.latex()}$."))
        factor = lcm(*(c.denominator for c in (*a.above.terms.values(), *b.above.terms.values())))
        if factor > 1:
            above = above.scaled(factor)
            sides = [q.above.scaled(factor).latex() for q in (a, b)]
            lines.append((f"Multiply both sides by ${factor}$", f"${sides[0]} = {sides[1]}$."))
    return above.coefficients(name)


def linear(c0: Number, c1: Number, name: str, lines: Lines) -> Number:
    """The solution of c1 * x + c0 = 0."""
    if not c1:
        raise Unsupported("no value", "no equation of the first degree")
    if c1 < 0:
        c0, c1 = -c0, -c1
    value = Fraction(-c0) / c1
    side = f"${Poly({((name, 1),): c1}).latex()} = {fraction_latex(-c0)}$."
    if not lines or lines[-1][1] != side:
        lines.append((f"Collect the terms with ${name}$ on one side", side))
    if c1.denominator > 1:
        back = fraction_latex(1 / Fraction(c1))
        shown = f"({fraction_latex(-c0)})" if c0 > 0 else fraction_latex(-c0)
        lines.append((f"Multiply by ${back}$", f"${name} = {back} \\cdot {shown} = {fraction_latex(value)}$."))
    elif c1 != 1:
        over = f"\\frac{{{fraction_latex(-c0)}}}{{{fraction_latex(c1)}}}"
        done = fraction_latex(value)
        lines.append((f"Divide by ${fraction_latex(c1)}$", f"${name} = {over}{'' if over == done else f' = {done}'}$."))
    return value


def roots_of(c: list[Number], name: str, lines: Lines) -> list[Exact]:
    """Both roots of c[2] x^2 + c[1] x + c[0], larger first where they are real."""
    c = [n / content(c) * (1 if c[2] > 0 else -1) for n in c]
    c0, c1, c2 = (int(n) for n in c)
    poly = Poly({((name, 2),): c2, ((name, 1),): c1, (): c0})
    lines.append(("Bring everything to one side and cancel", f"${poly.latex()} = 0$."))
    under = c1 * c1 - 4 * c2 * c0
    b = f"({c1})" if c1 < 0 else str(c1)
    minus = f"- 4 \\cdot {c2} \\cdot {f'({c0})' if c0 < 0 else c0}"
    lines.append(("Work out the discriminant", f"${b}^2 {minus} = {under}$."))
    wide = root(Exact.of(under), 2)
    found = []
    for sign, part in (("+", wide), ("-", -wide)) if under else (("+", wide),):
        value = (Exact.of(-c1) + part) / Exact.of(2 * c2)
        lines.append(
            (
                "Use the quadratic formula",
                f"${name} = \\frac{{{-c1} {sign} {wide.latex()}}}{{2 \\cdot {c2}}} = {value.latex()}$.",
            )
        )
        found.append(value)
    return found


def solve(left: Node, right: Node, name: str, lines: Lines) -> list[Exact]:
    """All solutions of an equation of the first or second degree. Raises Unsupported."""
    for way in (_rooted, _absolute, _logged):
        if (made := way(left, right, name, lines)) is not None:
            return made
    coefficients = _collected(left, right, name, lines)
    if len(coefficients) == 2:
        found = [Exact.of(linear(coefficients[0], coefficients[1], name, lines))]
    elif len(coefficients) == 3:
        found = roots_of(coefficients, name, lines)
    else:
        raise Unsupported("no value", "no equation of the first or second degree")
    below = [q.below for q in (quotient_of(left), quotient_of(right)) if q.below.constant is None]
    kept = [x for x in found if all(_at(p, name, x).terms for p in below)]
    for x in found:
        if x not in kept:
            lines.append(("Leave out what makes a denominator zero", f"${name} = {x.latex()}$ is no solution."))
    return kept


def _at(poly: Poly, name: str, x: Exact) -> Exact:
    total = Exact.of(0)
    for e, c in enumerate(poly.coefficients(name)):
        total = total + x.power(e) * Exact.of(c)
    return total


def _rooted(left: Node, right: Node, name: str, lines: Lines) -> list[Exact] | None:
    """`\\sqrt{3x + 7} = 10`: both sides raised to the power, the solution put back."""
    if right[0] == "root":
        left, right = right, left
    if left[0] != "root" or letters(right) or letters(left[1]):
        return None
    index, number = value_of(left[1]).rational, value_of(right)
    if index is None or index.denominator != 1 or number.rational is None or (index % 2 == 0 and number.rational < 0):
        raise Unsupported("no value", "a root that is no number")
    power = number.power(int(index))
    lines.append(
        (f"Raise both sides to the power {index}", f"${quotient_of(left[2]).above.latex()} = {power.latex()}$.")
    )
    if quotient_of(left[2]).below.constant is None or power.rational is None:
        raise Unsupported("no value", "a quotient under a root")
    found = solve(left[2], ("n", power.rational), name, lines)
    return found


def _absolute(left: Node, right: Node, name: str, lines: Lines) -> list[Exact] | None:
    """`|3x + 7| = 26`: two equations."""
    if right[0] == "abs":
        left, right = right, left
    if left[0] != "abs" or letters(right):
        return None
    number = value_of(right).rational
    if number is None or number <= 0:
        raise Unsupported("no value", "an absolute value that is not positive")
    found = []
    for side in (number, -number):
        shown = quotient_of(left[1]).above.latex()
        lines.append(("One of two cases", f"${shown} = {fraction_latex(side)}$."))
        found += solve(left[1], ("n", side), name, lines)
    if quotient_of(left[1]).below.constant is None or len(found) != 2:
        raise Unsupported("no value", "not two solutions")
    return sorted(found, key=_float, reverse=True)


def _logged(left: Node, right: Node, name: str, lines: Lines) -> list[Exact] | None:
    """`\\log_{81} (2r - 1) = -1/2`: the base to the power of the other side."""
    if right[0] == "log":
        left, right = right, left
    if left[0] != "log" or letters(right) or letters(left[1]):
        return None
    work = Work()
    power = work.value(("^", left[1], right))
    if power.rational is None or quotient_of(left[2]).below.constant is None:
        raise Unsupported("no value", "a power that is not rational")
    lines += work.lines
    lines.append(
        ("Compare what the logarithm is taken of", f"${quotient_of(left[2]).above.latex()} = {power.latex()}$.")
    )
    return solve(left[2], ("n", power.rational), name, lines)


def _reals(found: list[Exact]) -> list[Exact]:
    return [x for x in found if all(k > 0 for k in x.terms)]


def _float(x: Exact) -> float:
    return sum(float(c) * sqrt(k) for k, c in x.terms.items())


def _asked(made: Pieces, wording: re.Pattern[str]) -> tuple[str, list[Exact], Lines] | None:
    """The unknown, its values and the working, where the prose is of this wording and the equation can be solved."""
    if wording.fullmatch(made.prose) is None:
        return None
    lines: Lines = []
    try:
        name, left, right = _unknown(made, None)
        return name, solve(left, right, name, lines), lines
    except Unsupported:
        return None


def read_one(made: Pieces) -> Solved | None:
    asked = _asked(made, _ONE)
    if asked is None:
        return None
    _, found, lines = asked
    return solved_value(lines, found[0]) if len(found) == 1 else None


def read_some(made: Pieces) -> Solved | None:
    match = _SOME.fullmatch(made.prose)
    if match is None:
        return None
    pick = _CHOSEN[next(g for g in match.groups() if g)]
    lines: Lines = []
    try:
        name, left, right = _unknown(made, None)
        found = _reals(solve(left, right, name, lines))
    except Unsupported:
        return None
    value = _picked(found, pick)
    if value is None:
        return None
    lines.append((f"Take the {pick} one", f"${name} = {value.latex()}$."))
    return solved_value(lines, value)


def _picked(found: list[Exact], pick: str) -> Exact | None:
    if pick in ("largest", "smallest"):
        return (max if pick == "largest" else min)(found, key=_float) if len(found) == 2 else None
    kept = [x for x in found if _fits(x, pick)]
    return kept[0] if len(kept) == 1 else None


def _fits(x: Exact, pick: str) -> bool:
    if pick == "integer":
        return x.rational is not None and x.rational.denominator == 1
    if pick == "nonzero":
        return bool(x.terms)
    return _float(x) > 0 if pick == "positive" else _float(x) < 0


def read_sum(made: Pieces) -> Solved | None:
    match = _SUM.fullmatch(made.prose)
    if match is None:
        return None
    product = "product" in match.groups()
    real = re.search(r"\breal\b", made.prose) is not None
    lines: Lines = []
    try:
        name, left, right = _unknown(made, None)
        if quotient_of(left).below.constant is None or quotient_of(right).below.constant is None:
            return None
        c = _collected(left, right, name, lines)
    except Unsupported:
        return None
    if len(c) != 3 or (c[1] * c[1] - 4 * c[2] * c[0] < 0 and real) or c[1] * c[1] == 4 * c[2] * c[0]:
        return None
    poly = Poly({((name, 2),): c[2], ((name, 1),): c[1], (): c[0]})
    lines = [("Bring everything to one side", f"${poly.latex()} = 0$.")]
    a, b = (c[0], c[2]) if product else (-c[1], c[2])
    value = Exact.of(Fraction(a) / b)
    rule = "The product of the roots is $c/a$" if product else "The sum of the roots is $-b/a$"
    over = f"\\frac{{{fraction_latex(a)}}}{{{fraction_latex(b)}}}"
    lines.append((rule, f"${over} = {value.latex()}$." if over != value.latex() else f"${over}$."))
    return solved_value(lines, value)


def read_all(made: Pieces) -> Solved | None:
    asked = _asked(made, _ALL)
    if asked is None:
        return None
    name, found, lines = asked
    if "real" in made.prose:
        found = _reals(found)
    if not found:
        return None
    one = solved_value(lines, found[0])
    if len(found) == 1:
        return one
    answer = ", ".join(x.latex() for x in found)
    lines.append(("List the solutions", f"${name} = {found[0].latex()}$ or ${name} = {found[1].latex()}$."))
    return Solved(lines, answer, frozenset(found), f"all{one.kind.rstrip('-')}", one.size)


def read_and(made: Pieces) -> Solved | None:
    """`If 3x - 5 = 10x + 9, what is 4(x + 7)?`"""
    if len(made.formulas) != 2 or _AND.fullmatch(made.prose) is None or "=" in made.formulas[1]:
        return None
    lines: Lines = []
    try:
        name, left, right = _unknown(Pieces(made.text, "", [made.formulas[0]]), None)
        target = parse(made.formulas[1])
        if letters(target) != {name} or target[0] == "v":
            return None
        found = solve(left, right, name, lines)
        values = []
        for x in found:
            work = Work({name: x})
            values.append(work.value(target))
            lines += [line for line in work.lines if line not in lines]
    except Unsupported:
        return None
    return solved_value(lines, values[0]) if values and len(set(values)) == 1 else None


FAMILIES = (
    Family("equation", read_one), Family("one of the solutions", read_some), Family("sum of the roots", read_sum),
    Family("all solutions", read_all), Family("equation, then a value", read_and),
)  # fmt: skip
