"""Two linear equations in two letters, and what is asked of the solution."""

from __future__ import annotations

from fractions import Fraction

from mathdata.symbolic.formulas.equations import roots_of
from mathdata.symbolic.formulas.exact import Exact, fraction_latex
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.latex import equation, letters, parse
from mathdata.symbolic.formulas.polynomials import Poly, poly_of
from mathdata.symbolic.formulas.working import Work
from mathdata.symbolic.solution import Unsupported
from mathdata.worked import Number

__all__ = ["FAMILIES"]

_VALUE = asks(
    r"(?:If|Given|Given that|Suppose that|Suppose) @ and @, (?:then )?(?:what is|find|compute|determine|calculate|evaluate)(?: the (?:numerical )?value of)? @",
    r"(?:Let|Suppose|Suppose that) @ and @\. (?:What is|Find|Compute|Determine)(?: the (?:numerical )?value of)? @",
    r"(?:If|Given) @ and @, then what is(?: the value of)? @",
    r"(?:If|Suppose) @ and @(?: are (?:real )?numbers)? such that @ and @, (?:what is|find)(?: the value of)? @",
)
_PAIR = asks(
    r"(?:Solve|Find the solution of|Find the solution to|Solve for @ in) the system of equations:? ?@(?:\. Express your answer as an ordered pair @)?",
    r"(?:Find|Determine|What is) the ordered pair,? @,? (?:that (?:satisfies|is the solution (?:to|of))|such that|if)(?: both)?(?: the equations?)?:? ?@ and @",
    r"If @ and @, (?:what is|find) the ordered pair @",
)


def _difference(formula: str) -> Poly:
    """left - right of an equation."""
    left, right = equation(formula)
    return poly_of(left) - poly_of(right)


def _linear(formula: str) -> Poly:
    """The same of an equation that is linear in its letters."""
    poly = _difference(formula)
    if any(sum(e for _, e in m) > 1 for m in poly.terms):
        raise Unsupported("no value", "not linear")
    return poly


def solution(first: Poly, second: Poly, lines: Lines) -> dict[str, Exact]:
    """The values of both letters, by elimination."""
    names = sorted(first.letters | second.letters)
    if len(names) != 2 or {"i", "e", "\\pi"} & set(names):
        raise Unsupported("no value", "not two letters")
    x, y = names
    rows = [[p.terms.get(((x, 1),), 0), p.terms.get(((y, 1),), 0), -p.terms.get((), 0)] for p in (first, second)]
    (a, b, c), (d, e, f) = rows
    if a * e == b * d:
        raise Unsupported("no value", "no single solution")
    for row in rows:
        if sorted(map(bool, row[:2])) == [False, True] and 1 in row[:2]:
            continue  # x = 3 is given
        lines.append(
            ("Write the equation with the letters on one side", f"${_side(row, x, y)} = {fraction_latex(row[2])}$.")
        )
    values: dict[str, Number] = {}
    if not b or not e:
        row = rows[0] if not b else rows[1]
        values[x] = _divided(row[0], row[2], x, lines)
    else:
        whole = [a * e - d * b, 0, c * e - f * b]
        lines.append(
            (
                f"Multiply by ${fraction_latex(e)}$ and ${fraction_latex(b)}$ and subtract",
                f"${_side(whole, x, y)} = {fraction_latex(whole[2])}$.",
            )
        )
        values[x] = _divided(whole[0], whole[2], x, lines)
    row = rows[0] if b else rows[1]
    left = row[2] - row[0] * values[x]
    if row[0]:
        lines.append(
            (f"Put ${x} = {fraction_latex(values[x])}$ in", f"${_side([0, row[1]], x, y)} = {fraction_latex(left)}$.")
        )
    values[y] = _divided(row[1], left, y, lines)
    return {name: Exact.of(v) for name, v in values.items()}


def _side(row: list[Number], x: str, y: str) -> str:
    return Poly({((x, 1),): row[0], ((y, 1),): row[1]}).latex()


def _divided(factor: Number, number: Number, name: str, lines: Lines) -> Number:
    value = Fraction(number) / factor
    if factor != 1:
        over = f"\\frac{{{fraction_latex(number)}}}{{{fraction_latex(factor)}}}"
        done = fraction_latex(value)
        lines.append(
            (f"Divide by ${fraction_latex(factor)}$", f"${name} = {over}{'' if over == done else f' = {done}'}$.")
        )
    return value


def read_value(made: Pieces) -> Solved | None:
    if _VALUE.fullmatch(made.prose) is None:
        return None
    equations = [f for f in made.formulas if "=" in f]
    target = made.formulas[-1]
    if (
        len(equations) != 2
        or "=" in target
        or any(len(f) > 1 for f in made.formulas if f not in equations and f != target)
    ):
        return None
    lines: Lines = []
    try:
        tree = parse(target)
        polys = [_difference(f) for f in equations]
        known = _pairs(polys, lines)
        if not letters(tree) or any(letters(tree) - set(k) for k in known):
            return None
        values = []
        for pair in known:
            work = Work(pair)
            values.append(work.value(tree))
            lines += [line for line in work.lines if line not in lines]
    except Unsupported:
        return None
    return solved_value(lines, values[0]) if values and len(set(values)) == 1 else None


def _pairs(polys: list[Poly], lines: Lines) -> list[dict[str, Exact]]:
    """All solutions of two equations of which one at least is linear."""
    if all(sum(e for _, e in m) <= 1 for p in polys for m in p.terms):
        return [solution(polys[0], polys[1], lines)]
    polys.sort(key=lambda p: max(sum(e for _, e in m) for m in p.terms))
    first, second = polys
    names = sorted(first.letters | second.letters)
    if len(names) != 2 or {"i", "e", "\\pi"} & set(names) or any(sum(e for _, e in m) > 1 for m in first.terms):
        raise Unsupported("no value", "no linear equation in two letters")
    x, y = names
    b = first.terms.get(((y, 1),), 0)
    if not b or not first.terms.get(((x, 1),), 0):
        raise Unsupported("no value", "a letter that is missing")
    other = Poly({m: -Fraction(c) / b for m, c in first.terms.items() if m != ((y, 1),)})
    lines.append((f"Solve for ${y}$", f"${y} = {other.latex()}$."))
    rest = Poly.of(0)
    for m, c in second.terms.items():
        powers = dict(m)
        term = Poly({((x, powers[x]),) if powers.get(x) else (): c})
        rest = rest + term * other.power(powers.get(y, 0))
    coefficients = rest.coefficients(x)
    if len(coefficients) != 3:
        raise Unsupported("no value", "no quadratic equation is left")
    lines.append(("Put it into the other equation", f"${rest.latex()} = 0$."))
    found = roots_of(coefficients, x, lines)
    pairs = []
    for root in found:
        value = Work({x: root}).value(parse(other.latex()))
        lines.append((f"With ${x} = {root.latex()}$", f"${y} = {value.latex()}$."))
        pairs.append({x: root, y: value})
    return pairs


def read_pair(made: Pieces) -> Solved | None:
    if _PAIR.fullmatch(made.prose) is None:
        return None
    equations = [f for f in made.formulas if "=" in f]
    names = [f for f in made.formulas if "=" not in f]
    if len(equations) == 1 and "\\\\" in equations[0]:
        body = equations[0].replace("\\begin{align*}", "").replace("\\end{align*}", "").replace("&", "")
        equations = [line.strip().rstrip(".,") for line in body.split("\\\\") if line.strip()]
    if len(equations) != 2 or not names or len(names) > 2:
        return None
    order = [n.strip() for n in names[0].strip("() ").split(",")]
    lines: Lines = []
    try:
        known = solution(_linear(equations[0]), _linear(equations[1]), lines)
    except Unsupported:
        return None
    if sorted(order) != sorted(known):
        return None
    values = [known[n] for n in order]
    answer = f"({values[0].latex()},{values[1].latex()})"
    kinds = [solved_value([], v).kind for v in values]
    size = max(solved_value([], v).size for v in values)
    return Solved(lines, answer, tuple(values), "pair" + ",".join(k.rstrip("-") for k in kinds), size)


FAMILIES = (Family("system, then a value", read_value), Family("system", read_pair))
