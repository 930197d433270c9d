"""Rows of MATH: the family that reads the problem, its steps, variations and backward questions, each proved anew."""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random
from typing import Any

from mathdata.symbolic.backward import ASK
from mathdata.symbolic.formulas import (
    algebra,
    arithmetic,
    bases,
    chance,
    equations,
    exponents,
    functions,
    integers,
    points,
    residues,
    series,
    systems,
)  # fmt: skip
from mathdata.symbolic.formulas.equations import linear
from mathdata.symbolic.formulas.exact import Exact, fraction_latex
from mathdata.symbolic.formulas.family import MAX_TEXT, Family, Lines, Solved, agrees, literals, pieces, varied
from mathdata.symbolic.formulas.latex import equation, letters, parse
from mathdata.symbolic.formulas.polynomials import Poly, poly_of
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.stepwise import CLOSING
from mathdata.symbolic.vary import Made
from mathdata.symbolic.write import decimal

__all__ = ["FAMILIES", "boxed", "claim", "math_row"]

FAMILIES: tuple[Family, ...] = (
    arithmetic.FAMILY, *equations.FAMILIES, exponents.FAMILY, *systems.FAMILIES, functions.FAMILY, *integers.FAMILIES,
    *residues.FAMILIES, *bases.FAMILIES, *series.FAMILIES, *algebra.FAMILIES, *chance.FAMILIES, *points.FAMILIES,
)  # fmt: skip


def boxed(solution: str) -> str | None:
    """What stands in the last box of a solution."""
    at = solution.rfind("\\boxed{")
    if at < 0:
        return None
    depth, start = 1, at + 7
    for i in range(start, min(len(solution), start + 400)):
        depth += {"{": 1, "}": -1}.get(solution[i], 0)
        if not depth:
            return solution[start:i]
    return None


def claim(problem: str) -> tuple[Family, Solved] | None:
    """The family that reads the whole problem, and the problem worked out; None where none does.

    Raises Unsupported where the wording is a family's and the numbers have no answer in it.
    """
    if len(problem) > MAX_TEXT:
        return None
    made = pieces(problem)
    for family in FAMILIES:
        solved = family.read(made)
        if solved is not None:
            return family, solved
    return None


def math_row(method: str, problem: str, gold: str | None, seed: str, number: int = 0) -> Made | None:
    """The row a method makes of a problem of these families; None where it is none of them.

    Raises Unsupported where the computed value is not the row's answer, or nothing can be made.
    """
    text = problem.strip()
    found = claim(text)
    if found is None:
        return None
    family, solved = found
    if gold is None or not agrees(solved, gold):
        raise Unsupported("contradiction", f"the row says {gold}, {family.name} gives {solved.answer}")
    if method == "step_cot":
        return told(text, solved, gold.strip())
    if method == "vary_numbers":
        made, new = varied(family, text, solved, Random(seed))
        return told(made, new, _written_like(gold, new))
    if method == "fobar":
        return _backward(family, text, solved, seed, number)
    raise Unsupported(f"{family.name} has no {method}")


def told(problem: str, solved: Solved, answer: str) -> Made:
    """The problem with its solution in numbered steps; the answer as the row writes it."""
    return Made(problem=problem, solution=_steps(solved.lines, answer), answer=answer, exact=answer)


def _steps(lines: Lines, answer: str) -> str:
    parts = [f"## Step {i}: {head}\n{line}" for i, (head, line) in enumerate(lines, 1)]
    return "\n\n".join([*parts, CLOSING.format(answer)])


def _written_like(gold: str, solved: Solved) -> str:
    """The answer in the form of another: a decimal, a numeral without its base, a fraction of the same make."""
    answer = solved.answer
    if solved.kind.startswith("base") and "_" not in gold:
        return answer.partition("_")[0]
    number = solved.value.rational if isinstance(solved.value, Exact) else None
    if number is not None and number.denominator > 1 and re.fullmatch(r"-?\d*\.\d+", gold.strip()):
        return decimal(number) or answer
    return answer.replace("\\frac", "\\dfrac") if "\\dfrac" in gold else answer


# --- backward ----------------------------------------------------------------------------------------------------


def _backward(family: Family, text: str, solved: Solved, seed: str, number: int) -> Made:
    """The `number`-th number of a formula as x, where the answer makes a linear equation of it."""
    if family.name not in ("arithmetic", "equation") or not isinstance(solved.value, Exact):
        raise Unsupported(f"{family.name} has no fobar")
    spans = literals(text)
    Random(seed).shuffle(spans)
    made = 0
    for start, end in spans:
        row = _masked(family, text, solved, start, end)
        if row is not None and made == number:
            return row
        made += row is not None
    raise Unsupported("no number to mask", "no number makes a linear equation")


def _masked(family: Family, text: str, solved: Solved, start: int, end: int) -> Made | None:
    before = text[:start].rstrip()
    if before.endswith(("^", "^{", "^{-", "_", "_{", "\\frac", "sqrt[")) or text[start - 1 : start].isalpha():
        return None
    value = Fraction(text[start:end])
    names = {c for f in pieces(text).formulas for c in letters(_any(f))}
    x = next((c for c in "xyzk" if c not in names and f" {c} " not in text), None)
    if x is None or text.count(text[start:end]) > 6:
        return None
    space = " " if text[end : end + 1].isalpha() else ""
    question = text[:start] + x + space + text[end:]
    if pieces(question).prose != pieces(text).prose:
        return None
    try:
        lines = _found(family, question, solved, x, value)
    except Unsupported:
        return None
    if lines is None:
        return None
    written = decimal(value) or ""
    if "." in written:
        lines.append(("Write it as a decimal", f"${x} = {written}$."))
    question = question.rstrip()
    question += "" if question[-1:] in ".?!" or question.endswith((".$", ".\\]", "?$")) else "."
    return Made(
        problem=f"{question} {ASK.format(answer=f'${solved.answer}$', x=f'${x}$')}",
        solution=_steps(lines, written),
        answer=written, exact=written, mask=[start, end], variable=x,
    )  # fmt: skip


def _any(formula: str) -> Any:
    """The tree of a formula or of an equation."""
    if "=" not in formula:
        return parse(formula)
    left, right = equation(formula)
    return ("-", left, right)


def _found(family: Family, question: str, solved: Solved, x: str, value: Fraction) -> Lines | None:
    """The lines that find the masked number; None where it is not the only one."""
    formulas = pieces(question).formulas
    answer = solved.value.rational
    if answer is None:
        return None
    if family.name == "arithmetic":
        left, right = poly_of(parse(formulas[0].rstrip("= "))), Poly.of(answer)
        lines: Lines = [("Use the answer", f"${left.latex()} = {fraction_latex(answer)}$.")]
    else:
        relation = next(f for f in formulas if f.count("=") == 1)
        sides = equation(relation)
        unknown = (letters(sides[0]) | letters(sides[1])) - {x}
        if len(unknown) != 1:
            return None
        (name,) = unknown
        left, right = (poly_of(side, {name: Poly.of(answer)}) for side in sides)
        lines = [(f"Put ${name} = {fraction_latex(answer)}$ in", f"${left.latex()} = {right.latex()}$.")]
    rest = left - right
    if rest.letters != {x} or rest.degree(x) != 1:
        return None
    c0, c1 = rest.coefficients(x)
    return lines if linear(c0, c1, x, lines) == value else None
