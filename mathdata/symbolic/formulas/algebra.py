"""Polynomials: expand, simplify, factor, one coefficient, remainder and quotient of a division."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mathdata.symbolic.formulas.exact import Exact, fraction_latex
from mathdata.symbolic.formulas.family import Family, Lines, Pieces, Solved, asks, solved_value
from mathdata.symbolic.formulas.latex import Node, letters, parse
from mathdata.symbolic.formulas.polynomials import Poly, content, poly_of
from mathdata.symbolic.solution import Unsupported
from mathdata.worked import Number

__all__ = ["FAMILIES", "polynomial_answer"]

_IT = r"(?:(?: the)?(?: following)?(?: polynomial| product| expression| quantity)?(?: expression)?:? )"
_EXPAND = asks(
    rf"(?:Expand|Multiply out|Multiply|Expand and simplify|Simplify|Compute|Calculate|Find|What is){_IT}@(?: completely)?",
    r"Simplify the (?:following )?expression(?: in @)?:? @",
    r"(?:Expand|Multiply|Simplify) @\. ?(?:Express|Write) your answer as a polynomial with the (?:degrees of the )?terms in decreasing order(?: of degree)?",
)
_FACTOR = asks(
    rf"(?:Factor|Fully factor|Completely factor|Factor completely){_IT}@(?: completely)?",
    r"Factor completely:? @",
)
_COEFFICIENT = asks(
    r"(?:Find|What is|What's|Determine|Compute) the coefficient of(?: the)? @(?: term)? (?:when|in|if)(?: the (?:expansion|product|expression|polynomial))?(?: of)?(?: the (?:product|expression))? ?@(?: is (?:simplified|expanded|multiplied out)(?: and like terms are combined)?)?",
    r"What is the coefficient of @ in the expansion of @",
)
_REMAINDER = asks(
    r"(?:Find|What is|Compute|Determine) the (remainder|quotient) (?:when|upon dividing)(?: the polynomial)? @ (?:is divided )?by @"
)
_DISCRIMINANT = asks(r"(?:Find|What is|Compute) the discriminant of(?: the quadratic)? @")
_VERTEX = asks(
    r"(?:What is|Find|Compute|Determine) the (minimum|maximum|smallest|largest|least|greatest)(?: possible)?(?: real)? value of(?: the (?:expression|quadratic|function))? @(?:,? (?:for|where|if)(?: all)?(?: real (?:numbers|values(?: of)?))? @(?: is (?:a )?real(?: number)?| ranges over all real numbers)?| over all real numbers @)?",
)
_COEFFICIENTS = asks(
    r"(?:Find|What is|Compute) the sum of the coefficients (?:in|of) the polynomial @(?: when it is (?:fully )?simplified)?"
)


class _Expansion:
    """Multiplies a tree out, one product a line."""

    def __init__(self) -> None:
        self.lines: Lines = []

    def say(self, head: str, left: str, made: Poly) -> Poly:
        line = (head, f"${left} = {made.latex()}$.")
        if left != made.latex() and line not in self.lines:
            self.lines.append(line)
        if len(self.lines) > 14:
            raise Unsupported("too long", "too many products")
        return made

    def value(self, node: Node) -> Poly:
        op = node[0]
        if op in ("+", "-"):
            parts = _sum(node)
            values = [(sign, self.value(child)) for sign, child in parts]
            total, text = Poly.of(0), ""
            for sign, value in values:
                total = total + value if sign == "+" else total - value
                loose = len(value.terms) > 1 or value.latex().startswith("-")
                shown = f"({value.latex()})" if loose and (text or sign == "-") else value.latex()
                text += f" {sign} {shown}" if text or sign == "-" else shown
            return self.say("Combine like terms", text.strip(), total)
        if op == "*":
            factors = [self.value(child) for child in _product(node)]
            made = factors[0]
            for value in factors[1:]:
                if len(made.terms) == len(value.terms) == 1:
                    made = made * value
                    continue
                left = (
                    f"{_loose(made)}{_loose(value)}"
                    if value.constant is None
                    else f"{_loose(made)} \\cdot {_loose(value)}"
                )
                made = self.say("Multiply out", left, made * value)
            return made
        if op == "^":
            base, exponent = self.value(node[1]), poly_of(node[2]).constant
            if exponent is None or exponent.denominator != 1 or not 0 <= exponent <= 12:
                raise Unsupported("no value", "no whole exponent")
            if len(base.latex()) == 1:
                return base.power(int(exponent))
            return self.say(
                "Raise to the power", f"{_loose(base, power=True)}^{{{exponent}}}", base.power(int(exponent))
            )
        if op == "~":
            return -self.value(node[1])
        return poly_of(node)


def _sum(node: Node) -> list[tuple[str, Node]]:
    if node[0] not in ("+", "-"):
        return [("+", node)]
    return [*_sum(node[1]), (node[0], node[2])]


def _product(node: Node) -> list[Node]:
    return [*_product(node[1]), *_product(node[2])] if node[0] == "*" else [node]


def _loose(poly: Poly, power: bool = False) -> str:
    single = len(poly.terms) == 1 and not poly.latex().startswith("-") and (not power or len(poly.latex()) == 1)
    return poly.latex() if single else f"({poly.latex()})"


def _one(made: Pieces) -> Node | None:
    if not made.formulas:
        return None
    formula = made.formulas[-1]
    if "=" in formula:
        return None
    node = parse(formula)
    names = letters(node)
    return node if names and not names & {"i", "\\pi", "e"} else None


def polynomial_answer(lines: Lines, poly: Poly) -> Solved:
    """The answer is a polynomial, multiplied out."""
    if poly.constant is not None:
        return solved_value(lines, Exact.of(poly.constant))
    size = max(max(abs(c.numerator), c.denominator) for c in poly.terms.values())
    return Solved(lines, poly.latex(), poly, f"polynomial{len(poly.terms)}", size)


def read_expand(made: Pieces) -> Solved | None:
    if _EXPAND.fullmatch(made.prose) is None or len(made.formulas) > 2:
        return None
    try:
        node = _one(made)
        if node is None or (len(made.formulas) == 2 and made.formulas[0] not in letters(node)):
            return None
        work = _Expansion()
        poly = work.value(node)
    except Unsupported:
        return None
    if not work.lines and made.formulas[-1].replace(" ", "") != poly.latex().replace(" ", ""):
        work.lines.append(("Multiply", f"${made.formulas[-1]} = {poly.latex()}$."))
    return polynomial_answer(work.lines, poly) if work.lines else None


def read_coefficient(made: Pieces) -> Solved | None:
    if _COEFFICIENT.fullmatch(made.prose) is None or len(made.formulas) != 2:
        return None
    try:
        term, node = poly_of(parse(made.formulas[0])), _one(made)
        if node is None or len(term.terms) != 1:
            return None
        ((monomial, one),) = term.terms.items()
        work = _Expansion()
        poly = work.value(node)
    except Unsupported:
        return None
    if one != 1 or not monomial or not {n for n, _ in monomial} <= poly.letters:
        return None
    value = Exact.of(poly.terms.get(monomial, 0))
    work.lines.append((f"Read the coefficient of ${term.latex()}$ off", f"It is ${value.latex()}$."))
    solved = solved_value(work.lines, value)
    solved.kind += "" if value.terms else " none"
    return solved


def read_coefficients(made: Pieces) -> Solved | None:
    if _COEFFICIENTS.fullmatch(made.prose) is None:
        return None
    try:
        node = _one(made)
        if node is None or len(letters(node)) != 1:
            return None
        work = _Expansion()
        poly = work.value(node)
    except Unsupported:
        return None
    numbers = list(poly.terms.values())
    total = sum(numbers)
    text = " + ".join(f"({fraction_latex(c)})" if c < 0 else fraction_latex(c) for c in numbers)
    work.lines.append(("Add the coefficients", f"${text} = {fraction_latex(total)}$."))
    return solved_value(work.lines, Exact.of(total))


def read_division(made: Pieces) -> Solved | None:
    match = _REMAINDER.fullmatch(made.prose)
    if match is None or len(made.formulas) != 2:
        return None
    try:
        above, below = (poly_of(parse(f)) for f in made.formulas)
        names = above.letters | below.letters
        if len(names) != 1 or not below.letters or names & {"i", "\\pi"}:
            return None
        lines: Lines = []
        quotient, rest = divide(above, below, names.pop(), lines)
    except Unsupported:
        return None
    return polynomial_answer(lines, rest if match[1] == "remainder" else quotient)


def divide(above: Poly, below: Poly, name: str, lines: Lines) -> tuple[Poly, Poly]:
    """Long division, one term of the quotient a line."""
    quotient, rest = Poly.of(0), above
    degree = below.degree(name)
    lead = below.coefficients(name)[-1]
    while rest.terms and rest.degree(name) >= degree:
        e = rest.degree(name)
        term = Poly({((name, e - degree),) if e > degree else (): Fraction(rest.coefficients(name)[-1]) / lead})
        product = term * below
        after = rest - product
        lines.append(
            (
                f"Take ${term.latex()}$ times the divisor away",
                f"${_first(rest)} - ({product.latex()}) = {after.latex()}$.",
            )
        )
        quotient, rest = quotient + term, after
        if len(lines) > 14:
            raise Unsupported("too long", "a division of too many steps")
    if not lines:
        raise Unsupported("no value", "nothing to divide")
    return quotient, rest


def _first(poly: Poly) -> str:
    return f"({poly.latex()})" if len(poly.terms) > 1 else poly.latex()


def read_discriminant(made: Pieces) -> Solved | None:
    if _DISCRIMINANT.fullmatch(made.prose) is None:
        return None
    try:
        node = _one(made)
        if node is None or len(letters(node)) != 1:
            return None
        c = poly_of(node).coefficients(next(iter(letters(node))))
    except Unsupported:
        return None
    if len(c) != 3:
        return None
    value = Exact.of(c[1] * c[1] - 4 * c[2] * c[0])
    a, b, d = (
        f"\\left({fraction_latex(n)}\\right)" if n < 0 or n.denominator > 1 else fraction_latex(n)
        for n in (c[2], c[1], c[0])
    )
    return solved_value(
        [("Use that the discriminant is $b^2 - 4ac$", f"${b}^2 - 4 \\cdot {a} \\cdot {d} = {value.latex()}$.")], value
    )


def read_vertex(made: Pieces) -> Solved | None:
    """The least or greatest value of a quadratic, by completing the square."""
    match = _VERTEX.fullmatch(made.prose)
    if match is None or len(made.formulas) > 2:
        return None
    try:
        formula = made.formulas[0]
        node = parse(formula)
        names = letters(node)
        if "=" in formula or len(names) != 1 or (len(made.formulas) == 2 and made.formulas[1].strip() not in names):
            return None
        (name,) = names
        c = poly_of(node).coefficients(name)
    except Unsupported:
        return None
    least = match[1] in ("minimum", "smallest", "least")
    if len(c) != 3 or (c[2] > 0) != least or name in ("i", "e"):
        return None
    at = -Fraction(c[1]) / (2 * c[2])
    value = Exact.of(c[0] - Fraction(c[1] * c[1]) / (4 * c[2]))
    poly = poly_of(node)
    inner = f"({Poly({((name, 1),): 1, (): -at}).latex()})^2" if at else f"{name}^2"
    front = fraction_latex(c[2])
    front = "" if front == "1" else "-" if front == "-1" else front
    rest = value.rational or 0
    tail = "" if not rest else f" {'+' if rest > 0 else '-'} {fraction_latex(rest if rest > 0 else -rest)}"
    lines = [
        ("Complete the square", f"${poly.latex()} = {front}{inner}{tail}$."),
        (
            f"The square is 0 at ${name} = {fraction_latex(at)}$ and never negative",
            f"The {match[1]} value is ${value.latex()}$.",
        ),
    ]
    return solved_value(lines, value)


def _sympy(poly: Poly) -> Any:
    """The polynomial as terms of sympy, built from our own numbers and letters."""
    from sympy import Integer, Rational, Symbol

    total: Any = Integer(0)
    for monomial, c in poly.terms.items():
        term: Any = Rational(c.numerator, c.denominator)
        for name, e in monomial:
            term = term * Symbol(name) ** e
        total = total + term
    return total


def _factors(poly: Poly) -> tuple[Number, list[tuple[Poly, int]]]:
    """The number in front and the irreducible factors over the integers, checked by multiplying out."""
    from sympy import Poly as SymPoly
    from sympy import factor_list

    number, found = factor_list(_sympy(poly))
    made: list[tuple[Poly, int]] = []
    for factor, e in found:
        terms = SymPoly(factor)
        names = [str(g) for g in terms.gens]
        mine = {
            tuple(sorted((n, int(k)) for n, k in zip(names, exponents) if k)): Fraction(int(c.p), int(c.q))
            for exponents, c in terms.terms()
        }
        made.append((Poly(dict(mine.items())), int(e)))
    front: Number = Fraction(int(number.p), int(number.q))
    check = Poly.of(front)
    for factor, e in made:
        check = check * factor.power(e)
    if check != poly:
        raise Unsupported("not proved", "the factors do not give the polynomial")
    return front, made


def read_factor(made: Pieces) -> Solved | None:
    if _FACTOR.fullmatch(made.prose) is None or len(made.formulas) != 1:
        return None
    try:
        node = _one(made)
        if node is None:
            return None
        work = _Expansion()
        poly = work.value(node)
        if len(poly.letters) > 2 or any(sum(e for _, e in m) > 40 for m in poly.terms):
            return None
        number, found = _factors(poly)
    except Unsupported:
        return None
    if sum(e for _, e in found) + (abs(number) != 1) < 2:
        return None
    found.sort(key=lambda f: (len(f[0].terms), f[0].latex()))
    answer = _written(number, found)
    lines = [*work.lines, *_ways(poly, number, found)]
    whole = f"${poly.latex()} = {answer}$."
    if not lines or lines[-1][1] != whole:
        lines.append(("Write the factors together", whole))
    value = ("factors", number, frozenset(found))
    kind = "factors" + ",".join(f"{len(f.terms)}^{e}" for f, e in found)
    return Solved(lines, answer, value, kind, int(max(abs(c.numerator) for c in poly.terms.values())))


def _ways(poly: Poly, number: Number, found: list[tuple[Poly, int]]) -> Lines:
    """What is in front of the bracket, then the bracket's own factors."""
    lines: Lines = []
    front = Poly.of(number)
    inner = Poly.of(1)
    for factor, e in found:
        if len(factor.terms) == 1:
            front = front * factor.power(e)
        else:
            inner = inner * factor.power(e)
    if front != Poly.of(1) and inner.constant is None:
        lines.append(("Take the common factor out", f"${poly.latex()} = {front.latex()}({inner.latex()})$."))
    more = [(f, e) for f, e in found if len(f.terms) > 1]
    if len(more) > 1 or any(e > 1 for _, e in more):
        lines.append(("Factor what is in the bracket", f"${inner.latex()} = {_written(1, more)}$."))
    return lines


def _written(number: Number, found: list[tuple[Poly, int]]) -> str:
    text = "" if number == 1 else "-" if number == -1 else fraction_latex(number)
    for factor, e in found:
        inner = factor.latex() if len(factor.terms) == 1 else f"({factor.latex()})"
        text += inner if e == 1 else f"{inner}^{e}" if e < 10 else f"{inner}^{{{e}}}"
    return text


def same_factors(value: Any, gold: Node) -> bool:
    """Whether a gold product has the same factors (up to sign, numbers may be spread over them)."""
    number, found = value[1], value[2]
    mine: dict[Poly, int] = {}
    front: Number = 1
    stack = [(gold, 1)]
    while stack:
        node, e = stack.pop()
        if node[0] == "*":
            stack += [(node[1], e), (node[2], e)]
        elif node[0] == "~":
            front, stack = -front, [*stack, (node[1], e)]
        elif node[0] == "^" and node[2][0] == "n" and node[2][1].denominator == 1:
            stack.append((node[1], e * int(node[2][1])))
        else:
            factor, size = _monic(poly_of(node))
            front = front * size**e
            if factor.constant is None:
                mine[factor] = mine.get(factor, 0) + e
    theirs: dict[Poly, int] = {}
    for f, e in found:
        factor, size = _monic(f)
        number = number * size**e
        theirs[factor] = theirs.get(factor, 0) + e
    return mine == theirs and front == number


def _monic(poly: Poly) -> tuple[Poly, Number]:
    size = content(poly.terms.values())
    lead = max(poly.terms, key=lambda m: (sum(e for _, e in m), m))
    size = -size if poly.terms[lead] < 0 else size
    return poly.scaled(1 / Fraction(size)), size


FAMILIES = (
    Family("expand", read_expand), Family("coefficient", read_coefficient), Family("coefficients", read_coefficients),
    Family("polynomial division", read_division), Family("discriminant", read_discriminant), Family("vertex", read_vertex), Family("factor", read_factor),
)  # fmt: skip
