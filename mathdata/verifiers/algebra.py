"""Exact normal form of an expression: a quotient of two polynomials over symbols, roots, pi, e, i and functions.

A polynomial is {monomial: coefficient}; a monomial is a sorted tuple of (atom, exponent); exponents are rational.
Prime numbers under a root are atoms with an exponent below one, so sqrt(12) and 2 sqrt(3) are one thing, exactly.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import factorial, gcd, isqrt
from typing import TypeAlias

from mathdata.verifiers.trees import Tree

__all__ = ["Algebra", "NoValue", "Ratio", "TooBig", "constant", "equal", "opaque"]

Number: TypeAlias = "int | Fraction"
Mono: TypeAlias = tuple[tuple[str, Number], ...]
Poly: TypeAlias = dict[Mono, Number]
Ratio: TypeAlias = tuple[Poly, Poly]

MAX_TERMS = 400
MAX_BITS = 60_000
MAX_WORK = 40_000
UNIT: Poly = {(): 1}


class TooBig(Exception):
    """The exact form would cost too much time or memory."""


class NoValue(Exception):
    """Division by zero, or a node that has no value (a text inside a sum)."""


class Algebra:
    """One expression at a time: counts its work, remembers what its opaque atoms stand for."""

    def __init__(self, log_base: int = 10) -> None:
        self.work = 0
        self.known: dict[str, Ratio] = {}
        self.log_base = log_base

    def tick(self, n: int) -> None:
        self.work += n
        if self.work > MAX_WORK:
            raise TooBig("too many terms")

    # -- polynomials
    def add(self, a: Poly, b: Poly, factor: Number = 1) -> Poly:
        self.tick(len(b))
        out = dict(a)
        for mono, c in b.items():
            total = out.get(mono, 0) + c * factor
            if total:
                out[mono] = total
            else:
                out.pop(mono, None)
        return out

    def mul(self, a: Poly, b: Poly) -> Poly:
        if a is UNIT or a == UNIT:
            return b
        if b is UNIT or b == UNIT:
            return a
        self.tick(len(a) * len(b))
        out: Poly = {}
        for m1, c1 in a.items():
            for m2, c2 in b.items():
                for mono, c in self.times(m1, m2, c1 * c2).items():
                    total = out.get(mono, 0) + c
                    if total:
                        out[mono] = total
                    else:
                        out.pop(mono, None)
        if len(out) > MAX_TERMS:
            raise TooBig("too many terms")
        return out

    def times(self, a: Mono, b: Mono, coefficient: Number) -> Poly:
        """Product of two monomials, with roots and i folded."""
        if not a or not b:
            return {a or b: coefficient}
        exponents: dict[str, Number] = dict(a)
        for atom, e in b:
            exponents[atom] = exponents.get(atom, 0) + e
        return self.fold(exponents, coefficient)

    def fold(self, exponents: dict[str, Number], c: Number) -> Poly:
        keep: list[tuple[str, Number]] = []
        extra: list[Poly] = []
        for atom, e in exponents.items():
            if e == 0:
                continue
            if atom[0] == "#":  # a prime
                whole = e.numerator // e.denominator
                if whole and abs(whole) * int(atom[1:]).bit_length() < MAX_BITS:
                    c = c * int(atom[1:]) ** whole if whole > 0 else Fraction(c) / int(atom[1:]) ** -whole
                    e = e - whole
                if e:
                    keep.append((atom, e))
            elif atom == "~i" and isinstance(e, int):
                c, e = (c if e % 4 < 2 else -c), e % 2
                if e:
                    keep.append((atom, 1))
            elif atom.startswith("sin(") and e == int(e) and e >= 2:
                cosine: Poly = {(("cos(" + atom[4:], 2),): -1, (): 1}
                extra += [cosine] * int(e // 2)
                if e % 2:
                    keep.append((atom, 1))
            elif atom[0] == "(" and e >= 1 and atom in self.known:
                whole = int(e.numerator // e.denominator)
                extra.append(self.power_poly(self.known[atom][0], whole))
                if e - whole:
                    keep.append((atom, e - whole))
            else:
                keep.append((atom, e))
        keep.sort()
        out: Poly = {tuple(keep): _small(c)}
        for poly in extra:
            out = self.mul(out, poly)
        return out

    def power_poly(self, base: Poly, n: int) -> Poly:
        if n * max((_bits(c) for c in base.values()), default=1) > MAX_BITS:
            raise TooBig("a power with too many digits")
        if len(base) > 1 and n > 40:
            raise TooBig("a high power of a sum")
        out = UNIT
        while n:
            if n & 1:
                out = self.mul(out, base)
            n >>= 1
            if n:
                base = self.mul(base, base)
        return out

    # -- quotients
    def quotient(self, top: Poly, below: Poly) -> Ratio:
        if not below:
            raise NoValue("division by zero")
        if len(below) == 1:
            ((mono, c),) = below.items()
            inverse = self.fold({a: -e for a, e in mono}, _small(Fraction(1) / c))
            return self.mul(top, inverse), UNIT
        return top, below

    def plus(self, a: Ratio, b: Ratio) -> Ratio:
        if a[1] == b[1]:
            return self.add(a[0], b[0]), a[1]
        top = self.add(self.mul(a[0], b[1]), self.mul(b[0], a[1]))
        return top, self.mul(a[1], b[1])

    def product(self, a: Ratio, b: Ratio) -> Ratio:
        return self.quotient(self.mul(a[0], b[0]), self.mul(a[1], b[1]))

    def inverse(self, a: Ratio) -> Ratio:
        return self.quotient(a[1], a[0])

    def power(self, base: Ratio, exponent: Ratio) -> Ratio:
        e = constant(exponent)
        if e is not None and e.denominator == 1:
            n = int(e)
            if n < 0:
                base, n = self.inverse(base), -n
            if n * max(_bits(c) for c in [*base[0].values(), *base[1].values(), 1]) <= MAX_BITS and (
                (len(base[0]) == 1 and len(base[1]) == 1) or n <= 40
            ):
                if len(base[0]) == 1 and base[1] == UNIT:
                    ((mono, c),) = base[0].items()
                    return self.fold({a: x * n for a, x in mono}, _small(c**n)), UNIT
                return self.power_poly(base[0], n), self.power_poly(base[1], n)
            exponent = ({(): n}, UNIT)
        if exponent[1] != UNIT:
            return self.atom(f"({key(base)})^({key(exponent)})")
        return self.raise_to(base, exponent[0])

    def raise_to(self, base: Ratio, exponent: Poly) -> Ratio:
        """base ** exponent where the exponent is rational or symbolic."""
        if base == ({(("~e", 1),): 1}, UNIT) and len(exponent) == 1:
            ((mono, c),) = exponent.items()
            if mono == (("~i", 1), ("~pi", 1)) and (c * 12).denominator == 1:  # Euler: cos + i sin
                from mathdata.verifiers.functions import _cosine

                k = int(c * 12)
                return self.add(_cosine(k), self.mul(_cosine(k - 6), {(("~i", 1),): 1})), UNIT
        value = constant(base)
        if value is not None:
            if value == 0:
                return ({}, UNIT) if exponent != {} else (UNIT, UNIT)
            if value < 0:
                return self.negative_root(value, exponent)
            return self.number_power(value, exponent), UNIT
        rational = exponent.get((), 0) if len(exponent) == 1 else None
        if len(base[0]) == 1 and base[1] == UNIT:
            ((mono, coefficient),) = base[0].items()
            if coefficient > 0 and all(self.splits(a, x, rational) for a, x in mono):
                out = self.number_power(Fraction(coefficient), exponent)
                for a, x in mono:
                    out = self.mul(out, self.spread(a, x, exponent))
                return out, UNIT
        content, primitive = self.content(base)
        if rational is not None and primitive[1] == UNIT:
            denested = self.denest(primitive[0], rational)
            root = denested if denested is not None else self.group(primitive, exponent)
        else:
            root = self.group(primitive, exponent)
        return self.mul(self.number_power(content, exponent), root), UNIT

    def splits(self, atom: str, x: Number, rational: Number | None) -> bool:
        """Whether (atom^x)^rational may be written atom^(x*rational): positive atoms, or x = 1."""
        return (
            x == 1 or atom[0] == "#" or atom in ("~pi", "~e") or (rational is not None and x == int(x) and x % 2 == 1)
        )

    def spread(self, atom: str, x: Number, exponent: Poly) -> Poly:
        """atom^(x*exponent), the symbolic part of the exponent as atoms of its own: 2^(n+1) = 2 * 2^n."""
        exponents: dict[str, Number] = {}
        for mono, c in exponent.items():
            name = atom if not mono else f"^{atom}^{_mono_key(mono)}"
            exponents[name] = exponents.get(name, 0) + _small(Fraction(c) * x)
        return self.fold(exponents, 1)

    def number_power(self, c: Fraction, exponent: Poly) -> Poly:
        if c == 1:
            return UNIT
        out: Poly = UNIT
        for value, sign in ((c.numerator, 1), (c.denominator, -1)):
            for prime, n in _factor(value):
                out = self.mul(out, self.spread(f"#{prime}", sign * n, exponent))
        return out

    def negative_root(self, c: Fraction, exponent: Poly) -> Ratio:
        e = exponent.get(()) if len(exponent) == 1 else None
        if e is not None and Fraction(e).denominator % 2 == 1:  # a real odd root
            sign = -1 if Fraction(e).numerator % 2 else 1
            return self.mul({(): sign}, self.number_power(-c, exponent)), UNIT
        if e is not None and Fraction(e).denominator == 2:
            out = self.mul(self.number_power(-c, exponent), self.fold({"~i": Fraction(e).numerator % 4}, 1))
            return out, UNIT
        return self.group(({(): c}, UNIT), exponent), UNIT

    def content(self, base: Ratio) -> tuple[Fraction, Ratio]:
        """The positive rational content of a sum, and the sum without it."""
        top, below = base
        c = _content(top) / _content(below)
        if c == 1:
            return Fraction(1), base
        a, b = _content(top), _content(below)
        return c, ({m: _small(x / a) for m, x in top.items()}, {m: _small(x / b) for m, x in below.items()})

    def group(self, base: Ratio, exponent: Poly) -> Poly:
        name = f"({key(base)})"
        self.known[name] = base
        if base[1] != UNIT:
            name = "q" + name
            self.known[name] = base
        return self.spread(name, 1, exponent)

    def denest(self, inner: Poly, e: Number) -> Poly | None:
        """sqrt(a + b sqrt(n)) as a sum of two roots, where a*a - b*b*n is a square."""
        if e not in (Fraction(1, 2), Fraction(-1, 2)) or len(inner) != 2 or () not in inner:
            return None
        a = Fraction(inner[()])
        ((mono, b),) = [(m, c) for m, c in inner.items() if m]
        if not all(atom[0] == "#" and x == Fraction(1, 2) for atom, x in mono) or a <= 0:
            return None
        n = 1
        for atom, _ in mono:
            n *= int(atom[1:])
        d = _square_root(a * a - Fraction(b) ** 2 * n)
        if d is None:
            return None
        half: Poly = {(): Fraction(1, 2)}
        one, two = self.number_power((a + d) / 2, half), self.number_power((a - d) / 2, half) if a != d else {}
        root = self.add(one, two, 1 if b > 0 else -1)
        if e > 0:
            return root
        top, below = self.quotient(UNIT, root)
        return top if below == UNIT else None

    def atom(self, name: str) -> Ratio:
        return {((name, 1),): 1}, UNIT

    # -- trees
    def tree(self, t: Tree) -> Ratio:
        self.tick(1)
        kind = t[0]
        if kind == "num":
            return ({(): _small(t[1])} if t[1] else {}), UNIT
        if kind == "sym":
            return self.symbol(t[1])
        if kind == "add":
            out = self.tree(t[1][0])
            for term in t[1][1:]:
                out = self.plus(out, self.tree(term))
            return out
        if kind == "mul":
            out = self.tree(t[1][0])
            for factor in t[1][1:]:
                out = self.product(out, self.tree(factor))
            return out
        if kind == "pow":
            return self.power(self.tree(t[1]), self.tree(t[2]))
        if kind == "fn":
            from mathdata.verifiers.functions import apply

            return apply(self, t[1], t[2])
        if kind == "deg":
            return self.product(self.tree(t[1]), ({(("~pi", 1),): Fraction(1, 180)}, UNIT))
        if kind == "pct":
            return self.product(self.tree(t[1]), ({(): Fraction(1, 100)}, UNIT))
        if kind == "base":
            return {(): base_value(t[1], t[2])}, UNIT
        if kind == "ratio" and len(t[1]) == 2:
            return self.product(self.tree(t[1][0]), self.inverse(self.tree(t[1][1])))
        raise NoValue(kind)

    def symbol(self, name: str) -> Ratio:
        if name in ("pi", "e"):
            return self.atom("~pi" if name == "pi" else "~e")
        if name in ("i", "I"):
            return self.atom("~i")
        return self.atom("$" + name)


def base_value(digits: str, base: int) -> int:
    try:
        return int(digits, base)
    except ValueError:
        raise NoValue(f"{digits} has a digit that base {base} lacks") from None


def constant(r: Ratio) -> Fraction | None:
    """The value where the form is a rational number."""
    top, below = r
    if not top:
        return Fraction(0)
    if len(top) == 1 and () in top and (below is UNIT or below == UNIT):
        return Fraction(top[()])
    return None


def equal(algebra: Algebra, a: Ratio, b: Ratio) -> bool:
    """Whether two exact forms of one Algebra are the same; "no" is sure where neither holds an opaque atom."""
    if a == b:
        return True
    if a[1] == b[1]:
        return a[0] == b[0]
    return algebra.mul(a[0], b[1]) == algebra.mul(b[0], a[1])


def opaque(r: Ratio) -> bool:
    """Whether the form holds an atom of which two spellings may mean one value (functions, roots of sums)."""
    return any(atom[0] not in "#$~" for poly in r for mono in poly for atom, _ in mono)


def key(r: Ratio) -> str:
    """A form as text: the name of an atom that contains it."""
    top = _poly_key(r[0])
    return top if r[1] == UNIT else f"{top}//{_poly_key(r[1])}"


def _poly_key(p: Poly) -> str:
    return (
        "+".join(f"{c}*{_mono_key(m)}" if m else str(c) for m, c in sorted(p.items(), key=lambda x: str(x[0]))) or "0"
    )


def _mono_key(m: Mono) -> str:
    return "*".join(f"{a}^{e}" if e != 1 else a for a, e in m)


def _small(c: Number) -> Number:
    return c.numerator if c.denominator == 1 else c


def _bits(c: Number) -> int:
    return max(abs(c.numerator).bit_length(), c.denominator.bit_length())


def _content(p: Poly) -> Fraction:
    top, below = 0, 1
    for c in p.values():
        top = gcd(top, c.numerator)
        below = below * c.denominator // gcd(below, c.denominator)
    return Fraction(top or 1, below)


def _square_root(x: Fraction) -> Fraction | None:
    if x < 0:
        return None
    a, b = isqrt(x.numerator), isqrt(x.denominator)
    return Fraction(a, b) if a * a == x.numerator and b * b == x.denominator else None


@lru_cache(maxsize=4096)
def _factor(n: int) -> tuple[tuple[int, int], ...]:
    """Prime powers of n; what trial division up to 5,000 leaves stands as one factor."""
    if n.bit_length() > 2000:
        raise TooBig("a root of a long number")
    out: list[tuple[int, int]] = []
    p = 2
    while p * p <= n and p < 5000:
        count = 0
        while n % p == 0:
            n //= p
            count += 1
        if count:
            out.append((p, count))
        p += 1 if p == 2 else 2
    if n > 1:
        root = isqrt(n)
        out.append((root, 2) if root * root == n else (n, 1))
    return tuple(out)


def small_factorial(n: int) -> int:
    if n > 3000:
        raise TooBig("a factorial with too many digits")
    return factorial(n)
