"""Named functions in exact form: special values where they are known, an opaque atom elsewhere."""

from __future__ import annotations

from fractions import Fraction
from math import comb, gcd
from typing import TYPE_CHECKING, Any

from mathdata.verifiers import algebra as al

if TYPE_CHECKING:
    from mathdata.verifiers.trees import Tree

__all__ = ["apply"]

_HALF = Fraction(1, 2)
# cos(k * pi / 12) as {sqrt-prime exponents: coefficient}
_COS: dict[int, dict[tuple[int, ...], Fraction]] = {
    0: {(): Fraction(1)}, 1: {(2, 3): Fraction(1, 4), (2,): Fraction(1, 4)}, 2: {(3,): _HALF}, 3: {(2,): _HALF},
    4: {(): _HALF}, 5: {(2, 3): Fraction(1, 4), (2,): Fraction(-1, 4)}, 6: {},
}  # fmt: skip


def apply(a: al.Algebra, name: str, args: tuple[Tree, ...]) -> al.Ratio:
    """The exact form of a function of trees."""
    if name == "root":
        return a.power(a.tree(args[0]), a.inverse(a.tree(args[1])))
    if name in ("sin", "cos", "tan", "cot", "sec", "csc"):
        return _circular(a, name, a.tree(args[0]))
    if name in ("log", "ln"):
        return _logarithm(a, name, args)
    if name == "det":
        return _determinant(a, args[0])
    if name in ("sum", "prod") and len(args) == 2:
        finite = _finite(a, name, args)
        if finite is not None:
            return finite
    if any(t[0] in ("seq", "rel", "matrix") for t in args):
        return a.atom(f"{name}({','.join(structure(a, t) for t in args)})")
    forms = [a.tree(t) for t in args]
    values = [al.constant(f) for f in forms]
    known = _known(name, values) if None not in values else None
    if known is not None:
        return ({(): al._small(known)} if known else {}), al.UNIT
    special = _special(a, name, forms)
    return special if special is not None else a.atom(f"{name}({','.join(al.key(f) for f in forms)})")


def structure(a: al.Algebra, t: Tree) -> str:
    """A tree of any kind as text, its expressions in normal form: for atoms that hold tuples or relations."""
    if t[0] == "seq":
        return f"{t[1]}{','.join(structure(a, x) for x in t[3])}{t[2]}"
    if t[0] == "rel":
        return " ".join(t[1]) + "|".join(structure(a, x) for x in t[2])
    if t[0] == "matrix":
        return ";".join(",".join(structure(a, x) for x in row) for row in t[1])
    if t[0] == "text":
        return str(t[1])
    return al.key(a.tree(t))


def _known(name: str, values: list[Any]) -> Fraction | None:
    """Functions of rational numbers with a rational value."""
    x: Fraction = values[0]
    whole = all(v.denominator == 1 for v in values)
    if name == "abs" or (name == "norm" and len(values) == 1):
        return abs(x)
    if name == "floor":
        return Fraction(x.__floor__())
    if name == "ceil":
        return Fraction(x.__ceil__())
    if name == "factorial" and whole and 0 <= x <= 3000:
        return Fraction(al.small_factorial(int(x)))
    if name == "binomial" and whole and 0 <= values[0] <= 5000 and 0 <= values[1] <= 5000:
        return Fraction(comb(int(x), int(values[1])))
    if name in ("gcd", "lcm") and whole and all(v for v in values):
        return _gcd(name, [int(v) for v in values])
    if name == "max":
        return max(values)  # type: ignore[no-any-return]
    if name == "min":
        return min(values)  # type: ignore[no-any-return]
    if name == "sign":
        return Fraction((x > 0) - (x < 0))
    return None


def _gcd(name: str, values: list[int]) -> Fraction:
    out = abs(values[0])
    for v in values[1:]:
        out = gcd(out, v) if name == "gcd" else abs(out * v) // gcd(out, v)
    return Fraction(out)


def _turns(form: al.Ratio) -> Fraction | None:
    """x where the form is x * pi."""
    if not form[0]:
        return Fraction(0)
    if form[1] == al.UNIT and list(form[0]) == [(("~pi", 1),)]:
        return Fraction(form[0][("~pi", 1),])
    return None


def _cosine(k: int) -> al.Poly:
    k %= 24
    k = min(k, 24 - k)
    sign = 1
    if k > 6:
        k, sign = 12 - k, -1
    return {tuple((f"#{p}", _HALF) for p in roots): al._small(c * sign) for roots, c in _COS[k].items()}


def _circular(a: al.Algebra, name: str, form: al.Ratio) -> al.Ratio:
    if name in ("tan", "sec", "cot", "csc"):
        sine, cosine = _circular(a, "sin", form), _circular(a, "cos", form)
        top = {"tan": sine, "cot": cosine}.get(name, (al.UNIT, al.UNIT))
        return a.product(top, a.inverse(cosine if name in ("tan", "sec") else sine))
    turns = _turns(form)
    if turns is not None and (turns * 12).denominator == 1:
        k = int(turns * 12)
        return _cosine(k if name == "cos" else k - 6), al.UNIT
    negative = form[0] and max(form[0].items(), key=lambda x: str(x[0]))[1] < 0
    if negative:
        form = ({m: -c for m, c in form[0].items()}, form[1])
    atom = a.atom(f"{name}({al.key(form)})")
    return ({m: -c for m, c in atom[0].items()}, al.UNIT) if negative and name == "sin" else atom


def _logarithm(a: al.Algebra, name: str, args: tuple[Tree, ...]) -> al.Ratio:
    base: al.Ratio
    if len(args) == 2:
        base = _ln(a, a.tree(args[1]))
    else:
        base = (al.UNIT, al.UNIT) if name == "ln" or a.log_base == 0 else _ln(a, ({(): a.log_base}, al.UNIT))
    return a.product(_ln(a, a.tree(args[0])), a.inverse(base))


def _ln(a: al.Algebra, form: al.Ratio) -> al.Ratio:
    """Natural logarithm, of positive numbers as a sum over their primes."""
    if len(form[0]) == 1 and form[1] == al.UNIT:
        ((mono, c),) = form[0].items()
        if c > 0 and all(atom[0] == "#" or atom == "~e" for atom, _ in mono):
            out: al.Poly = {}
            value = Fraction(c)
            for n, sign in ((value.numerator, 1), (value.denominator, -1)):
                for prime, times in al._factor(n):
                    out = a.add(out, {((f"@{prime}", 1),): sign * times})
            for atom, e in mono:
                name: al.Mono = () if atom == "~e" else ((f"@{atom[1:]}", 1),)
                out = a.add(out, {name: e})
            return out, al.UNIT
    return a.atom(f"ln({al.key(form)})")


def _special(a: al.Algebra, name: str, forms: list[al.Ratio]) -> al.Ratio | None:
    """Inverse functions at special values; the absolute value of a sign or a known root."""
    f = forms[0]
    if name in ("asin", "acos", "atan"):
        return _inverse(name, f)
    if name == "abs":
        if len(f[0]) == 1 and f[1] == al.UNIT:
            ((mono, c),) = f[0].items()
            if all(atom[0] == "#" or atom in ("~pi", "~e") for atom, _ in mono):
                positive: al.Poly = {mono: c if c > 0 else -c}
                return positive, al.UNIT
        if f[0] and max(f[0].items(), key=lambda x: str(x[0]))[1] < 0:
            turned: al.Poly = {m: -x for m, x in f[0].items()}
            return a.atom(f"abs({al.key((turned, f[1]))})")
    return None


def _inverse(name: str, f: al.Ratio) -> al.Ratio | None:
    if f[1] != al.UNIT:
        return None
    for k in range(-6, 7):
        turn = _turn(k)
        if name == "asin" and f[0] == _cosine(k - 6):
            return turn, al.UNIT
        if name == "acos" and f[0] == _cosine(k + 6):
            return _turn(k + 6), al.UNIT
        if name == "atan" and abs(k) < 6:
            helper = al.Algebra()
            tangent = helper.product((_cosine(k - 6), al.UNIT), helper.inverse((_cosine(k), al.UNIT)))
            if tangent[1] == al.UNIT and tangent[0] == f[0]:
                return turn, al.UNIT
    return None


def _turn(k: int) -> al.Poly:
    """k twelfths of pi."""
    return {(("~pi", 1),): al._small(Fraction(k, 12))} if k else {}


def _determinant(a: al.Algebra, matrix: Tree) -> al.Ratio:
    rows = [[a.tree(x) for x in row] for row in matrix[1]]
    if any(len(row) != len(rows) for row in rows) or len(rows) > 5:
        raise al.NoValue("a determinant that is not square")
    return _expand(a, rows)


def _expand(a: al.Algebra, rows: list[list[al.Ratio]]) -> al.Ratio:
    if len(rows) == 1:
        return rows[0][0]
    total: al.Ratio = ({}, al.UNIT)
    for j, x in enumerate(rows[0]):
        minor = _expand(a, [row[:j] + row[j + 1 :] for row in rows[1:]])
        term = a.product(x, minor)
        total = a.plus(total, term if j % 2 == 0 else ({m: -c for m, c in term[0].items()}, term[1]))
    return total


def _finite(a: al.Algebra, name: str, args: tuple[Tree, ...]) -> al.Ratio | None:
    """A sum or product between two small whole numbers is carried out."""
    bounds: tuple[Tree, ...] = args[1][3] if args[1][0] == "seq" else ()
    if len(bounds) != 3 or bounds[0][0] != "sym":
        return None
    low, high = (al.constant(a.tree(b)) for b in bounds[1:])
    if low is None or high is None or low.denominator != 1 or high.denominator != 1 or not 0 <= high - low <= 50:
        return None
    out: al.Ratio = ({}, al.UNIT) if name == "sum" else (al.UNIT, al.UNIT)
    for k in range(int(low), int(high) + 1):
        term = a.tree(substitute(args[0], bounds[0][1], ("num", Fraction(k), None)))
        out = a.plus(out, term) if name == "sum" else a.product(out, term)
    return out


def substitute(t: Any, name: str, value: Tree) -> Any:
    if isinstance(t, tuple):
        if t == ("sym", name):
            return value
        return tuple(substitute(x, name, value) for x in t)
    return t
