"""Whether two answers are the same: exact arithmetic first, then structure, then seeded points as disproof.

The policy stands here, once:
- numbers are compared exactly; 0.5 = 1/2, 0.33 is not 1/3;
- where the gold is a decimal, a response is met at the gold's own stated precision, from the digits `precision` says;
- a unit may stand on either side or be left out; two units of one kind convert, of two kinds are wrong;
- 10 % is met by 10 and by 0.1, from 1 % on without the sign, as a share unless that is a whole number from 2 on;
- 74 degrees are met by 74;
- order counts in tuples, not in sets and bare lists; (a, b) and [a, b] are two things;
- x = 3 is met by 3, x^2 = 3 and 2x = 3 are not; two equations are the same when one is a multiple of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from mathdata.verifiers import numeric, plusminus
from mathdata.verifiers.algebra import Algebra, NoValue, TooBig, constant
from mathdata.verifiers.clocks import times
from mathdata.verifiers.exact import constant_of, difference, exactly, meets, proportional
from mathdata.verifiers.naming import apart, grouped, is_name, renamed
from mathdata.verifiers.quantities import letters_as_unit, split_unit
from mathdata.verifiers.trees import MINUS, Tree
from mathdata.verifiers.units import read_unit
from mathdata.verifiers.values import Value
from mathdata.verifiers.wording import says, text_form, words

__all__ = ["Answer", "compare"]

MAX_ITEMS = 60
SCALARS = words("num sym add mul pow fn deg pct base unit ratio")


@dataclass(frozen=True, slots=True)
class Answer:
    """yes True, no False, None where only a proof could tell; `how` in words."""

    same: bool | None
    how: str


def compare(gold: Value, response: Value, *, precision: int) -> Answer:
    """Compare two values; a decimal gold of `precision` significant digits or more is met at its own places, 0 never."""
    if gold.domain and response.domain and gold.domain != response.domain:
        return Answer(False, "not equal: the names run over different sets")
    if (gold.cleaned == response.cleaned and gold.cleaned) or gold.source.strip() == response.source.strip():
        return Answer(True, "the same text")
    judge = Judge(precision)
    result = judge.trees(gold.tree, response.tree) if gold.tree and response.tree else None
    if result:
        return Answer(True, "equal")
    for a, b in _readings(gold, response):
        if judge.trees(a, b):
            return Answer(True, "equal, read another way")
    if gold.tree and (other := renamed(gold, response)) and judge.trees(gold.tree, other):
        return Answer(True, "equal, a bound name called otherwise")
    worded = gold.tree is None or response.tree is None or gold.is_text or response.is_text
    if worded and text_form(gold.cleaned) == text_form(response.cleaned) != "":
        return Answer(True, "the same words")
    if gold.is_text and (says(gold.source, response.cleaned) or says(response.cleaned, gold.source)):
        return Answer(True, "the word that the sentence states")
    if _blankless(gold.cleaned) == _blankless(response.cleaned) != "":
        return Answer(True, "the same text")
    if gold.tree is None or response.tree is None:
        return Answer(False if gold.is_text or response.is_text else None, gold.why or response.why or "different")
    return Answer(result, "not equal" if result is False else "not decided by exact arithmetic")


def _readings(gold: Value, response: Value) -> Iterator[tuple[Tree, Tree]]:
    """Pairs with a second reading; two second readings as lists are none, 100,200 is not 200,100."""
    if gold.other and response.tree:
        yield gold.other, response.tree
    if gold.tree and response.other:
        yield gold.tree, response.other
    if gold.other and response.other and "seq" not in (gold.other[0], response.other[0]):
        yield gold.other, response.other


def _blankless(text: str) -> str:
    return "".join(text.split())


class Judge:
    """Compares trees; `precision`: from how many digits on a decimal on the left states a precision, 0 never."""

    def __init__(self, precision: int) -> None:
        self.precision = precision

    def trees(self, a: Tree, b: Tree, depth: int = 0) -> bool | None:
        if a == b:
            return True
        if depth > 12:
            return None
        a, b = unroll(a), unroll(b)
        if a[0] == "either" or b[0] == "either":
            left, right = (a[1] if a[0] == "either" else (a,)), (b[1] if b[0] == "either" else (b,))
            return _any([self.trees(x, y, depth + 1) for x in left for y in right])
        if a[0] in SCALARS and b[0] in SCALARS:
            return self.scalars(a, b)
        return self.structures(a, b, depth + 1)

    # -- structures
    def structures(self, a: Tree, b: Tree, depth: int) -> bool | None:
        from mathdata.verifiers import realsets

        if "text" in (a[0], b[0]):
            return _texts(a, b)
        if a[0] == "rel" and b[0] == "rel" and a[1] == b[1] == ("=",):
            return self.equations(a, b, depth)
        if (named := self.named(a, b)) is not None:
            return self.trees(*named, depth)
        if a[0] == "rel" and a[1][0] == "=" and not _is_relation(b):
            return self.side(a, b, depth, left=True)
        if b[0] == "rel" and b[1][0] == "=" and not _is_relation(a):
            return self.side(b, a, depth, left=False)
        if "time" in (a[0], b[0]):
            return times(a, b, self.scalars)
        if realsets.is_set(a) or realsets.is_set(b):
            one, two = realsets.read(a), realsets.read(b)
            if one is not None and two is not None:
                return realsets.same(one, two, lambda x, y: self.scalars(x, y))
        if "matrix" in (a[0], b[0]):
            return self.matrices(a, b, depth)
        if "seq" in (a[0], b[0]):
            return self.sequences(a, b, depth)
        if a[0] == b[0] == "rel":
            return self.relations(a, b, depth)
        if a[0] == b[0] == "set" and a[1] == b[1]:
            return _all([self.trees(x, y, depth) for x, y in zip(a[2], b[2])]) if len(a[2]) == len(b[2]) else False
        return False

    def named(self, a: Tree, b: Tree) -> tuple[Tree, Tree] | None:
        """The pair with named values as tuples, or tuples of names taken apart, as the other side has them."""
        one, two = grouped(a), grouped(b)
        if (one is None) != (two is None):
            return one or a, two or b
        if b[0] == "seq" and all(x[0] == "rel" for x in b[3]) and (parts := apart(a)):
            return parts, b
        if a[0] == "seq" and all(x[0] == "rel" for x in a[3]) and (parts := apart(b)):
            return a, parts
        return None

    def side(self, equation: Tree, other: Tree, depth: int, left: bool) -> bool | None:
        """`name = value` met by the value, `3 * 4 = 12` by 12; `x^2 = 6` states no value, `xy = 6` states a function y."""
        value = stated(equation)
        if value is not None:
            return self.trees(value, other, depth) if left else self.trees(other, value, depth)
        if other[0] in SCALARS and len(equation[2]) == 2 and {x[0] for x in equation[2]} <= SCALARS:
            y: Tree = ("sym", "y")
            known = numeric.symbols(equation)
            if "y" in known and len(known) > 1 and "y" not in numeric.symbols(other):
                return proportional(difference(*equation[2]), difference(y, other))
        return False

    def equations(self, a: Tree, b: Tree, depth: int) -> bool | None:
        (l1, r1), (l2, r2) = a[2], b[2]
        if is_name(r1) and not is_name(l1):
            l1, r1 = r1, l1
        if is_name(r2) and not is_name(l2):
            l2, r2 = r2, l2
        if l1 == l2 and is_name(l1):
            direct = self.trees(r1, r2, depth)
            if direct or l1[0] == "fn":
                return direct
        if is_name(l1) and is_name(l2) and "call" in f"{l1[1]}{l2[1]}"[:10] and ("sym", "y") in (l1, l2):
            return self.trees(r1, r2, depth)  # f(x) = ... and y = ... name one graph
        if {x[0] for x in (l1, r1, l2, r2)} - SCALARS:
            return _all([self.trees(l1, l2, depth), self.trees(r1, r2, depth)])
        return proportional(difference(l1, r1), difference(l2, r2))

    def relations(self, a: Tree, b: Tree, depth: int) -> bool | None:
        flip = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
        if a[1] == b[1] and len(a[2]) == len(b[2]):
            return _all([self.trees(x, y, depth) for x, y in zip(a[2], b[2])])
        if len(a[2]) == len(b[2]) and tuple(flip.get(o, o) for o in reversed(a[1])) == b[1]:
            return _all([self.trees(x, y, depth) for x, y in zip(reversed(a[2]), b[2])])
        return False

    def sequences(self, a: Tree, b: Tree, depth: int) -> bool | None:
        a, b = _as_seq(a), _as_seq(b)
        xs, ys = a[3], b[3]
        kinds = (a[1] + a[2], b[1] + b[2])
        if max(len(xs), len(ys)) > MAX_ITEMS:
            return None
        if len(xs) == 1 and len(ys) == 1 and "one" in (a[2], b[2]) and "()" not in kinds and "[]" not in kinds:
            return self.trees(xs[0], ys[0], depth)
        free = {"", "{}"}
        if kinds[0] in free and kinds[1] in free:
            return self.unordered(list(xs), list(ys), depth)
        if len(xs) != len(ys):
            return False
        if kinds[0] != kinds[1]:
            other = kinds[0] if kinds[1] == "" else kinds[1]
            if "" not in kinds and not (len(xs) != 2 and set(kinds) == {"()", "[]"}):
                return False
            if "" in kinds and other not in ("()", "[]"):
                return False
        return _all([self.trees(x, y, depth) for x, y in zip(xs, ys)])

    def unordered(self, xs: list[Tree], ys: list[Tree], depth: int) -> bool | None:
        """Each item of one side has its own partner; unsure only where an unsure pair decides."""
        alone, others = self.distinct(xs, depth), self.distinct(ys, depth)
        result = self.partners(alone, others, depth)
        if result or len(xs) != len(ys) or (len(alone), len(others)) == (len(xs), len(ys)):
            return result
        return self.partners(xs, ys, depth)  # a = -2, b = -2 are two values

    def partners(self, xs: list[Tree], ys: list[Tree], depth: int) -> bool | None:
        """True: each has its own. False: one surely has none. None: an unsure pair decides."""
        if len(xs) != len(ys):
            return False
        left, unsure = list(ys), []
        for x in xs:
            found, may_be = None, False
            for i, y in enumerate(left):
                result = self.trees(x, y, depth)
                if result:
                    found = i
                    break
                may_be = may_be or result is None
            if found is not None:
                left.pop(found)
            elif may_be:
                unsure.append(x)
            else:
                return False
        if not unsure:
            return True
        return False if any(all(self.trees(x, y, depth) is False for x in unsure) for y in left) else None

    def distinct(self, items: list[Tree], depth: int) -> list[Tree]:
        out: list[Tree] = []
        for x in items:
            if not any(x == y or (len(items) < 6 and self.trees(x, y, depth)) for y in out):
                out.append(x)
        return out

    def matrices(self, a: Tree, b: Tree, depth: int) -> bool | None:
        from mathdata.verifiers import matrices

        one, two = matrices.evaluate(a), matrices.evaluate(b)
        if one is None or two is None or len(one) != len(two):
            return False
        if any(len(r) != len(s) for r, s in zip(one, two)):
            return False
        return _all([self.trees(x, y, depth) for r, s in zip(one, two) for x, y in zip(r, s)])

    # -- scalars
    def scalars(self, a: Tree, b: Tree) -> bool | None:
        if a[0] == b[0] == "ratio" and len(a[1]) == len(b[1]) > 2:
            (p, *xs), (q, *ys) = a[1], b[1]
            return _all([self.plain(("mul", (x, q)), ("mul", (y, p))) for x, y in zip(xs, ys)])
        (x, u), (y, v) = split_unit(a), split_unit(b)
        if u and not v:
            y, v = letters_as_unit(y, u)
        elif v and not u:
            x, u = letters_as_unit(x, v)
        if u and v:
            return self.with_units(x, u, y, v)
        if "percent" in (u, v) and u != v:  # the sign is a unit, and also a hundredth
            return self.percent(x, y, signed=u == "percent")
        if "°" in (u, v) and u != v:
            return _any([self.plain(x, y), self.plain(("deg", x) if u else x, ("deg", y) if v else y)])
        if _cents(u) != _cents(v):
            return _any([self.plain(x, y), self.with_units(x, u or "$", y, v or "$")])
        return self.plain(x, y)

    def percent(self, x: Tree, y: Tree, signed: bool) -> bool | None:
        """One side has the sign (`signed`: the left). The other leaves it out, from 1 % on, or is the share itself."""
        share = y if signed else x
        size = constant_of(share)
        bare = True if size is None else abs(size) >= 1
        part = size is None or size.denominator != 1 or abs(size) <= 1
        scaled: Tree = ("mul", (share, ("num", Fraction(100), None)))
        one, two = (x, scaled) if signed else (scaled, y)
        if not signed and share[0] == "num" and share[2] is not None:
            one = ("num", share[1] * 100, share[2] - 2)
        results = [self.plain(x, y)] if bare else []
        return _any([*results, *([self.plain(one, two)] if part else [])])

    def with_units(self, x: Tree, u: str, y: Tree, v: str) -> bool | None:
        one, two = read_unit(u), read_unit(v)
        if one is None or two is None or one == two:
            return self.plain(x, y)
        if one[1] != two[1]:
            return False
        if one[0] == 0 or two[0] == 0:  # radians against degrees
            return self.plain(x if one[0] == 0 else ("deg", x), y if two[0] == 0 else ("deg", y))
        return self.plain(("mul", (x, ("num", one[0], None))), ("mul", (y, ("num", two[0], None))), x)

    def plain(self, x: Tree, y: Tree, gold: Tree | None = None) -> bool | None:
        if _is_residue(x) != _is_residue(y):
            return False  # a class of numbers is not one of them
        if x[0] == "num" and y[0] == "num":
            return x[1] == y[1] or meets(x, y[1], self.precision)
        bare_log = _has_log(x) or _has_log(y)
        result = exactly(x, y)
        if result is not True and bare_log:
            result = _any([result, exactly(x, y, log_base=0)])
        if result is not True and self.precision and x[0] == "num" and x[2]:
            return self.rounded(x, y) or result
        return result

    def rounded(self, gold: Tree, y: Tree) -> bool:
        try:
            c = constant(Algebra().tree(y))
            if c is None:
                z, size = numeric.value(y, {})
                if abs(z.imag) > 1e-9 * max(1.0, abs(z)) or size > 1e9 * max(abs(z), 1e-300):
                    return False
                c = Fraction(z.real)
        except (TooBig, NoValue, numeric.NoNumber, ValueError, OverflowError):
            return False
        return meets(gold, c, self.precision)


def stated(equation: Tree) -> Tree | None:
    """The value an equation states: what a name equals, or the end of a chain whose links hold; None where neither."""
    sides = list(equation[2])
    if is_name(sides[-1]) and not is_name(sides[0]):
        sides.reverse()
    if is_name(sides[0]) and len(sides) > 1:
        sides = sides[1:]
    links = pairwise(sides)
    return sides[-1] if all(_holds(x, y) for x, y in links) else None


def _holds(x: Tree, y: Tree) -> bool:
    """Whether a link of a chain is true, at the places of a decimal; a formula that gets numbers put in may be."""
    if x[0] not in SCALARS or y[0] not in SCALARS:
        return x == y
    if (other := with_signed_base(x)) is not None and _holds(other, y):
        return True
    if y[0] == "num" and y[2] and (value := constant_of(x)) is not None:
        return bool(abs(value - y[1]) * 2 * 10 ** y[2] <= 1)  # 7 / 3.5 = 2.0, at its own places
    return bool(Judge(1).scalars(y, x))


def with_signed_base(t: Tree) -> Tree | None:
    """-3^2 as (-3)^2: in a worked line the sign is often the number's own; None for what is no such power."""
    if t[0] != "mul" or len(t[1]) != 2 or t[1][0] != MINUS or t[1][1][0] != "pow" or t[1][1][1][0] != "num":
        return None
    base, exponent = t[1][1][1:]
    return ("pow", ("num", -base[1], base[2]), exponent)


def unroll(t: Tree) -> Tree:
    """Outer forms that only say the same in another way: membership, chains, approximations, plus-minus."""
    if t[0] == "rel":
        ops = t[1]
        if ops[0] == "in" and len(ops) == 1:
            return unroll(t[2][1])
        if "~" in ops:
            cut = ops.index("~")
            first = t[2][0] if cut == 0 else ("rel", ops[:cut], t[2][: cut + 1])
            return ("either", (unroll(first), t[2][-1]))
        if set(ops) == {"="} and plusminus.has_sign(t):
            return unroll(t[2][-1]) if is_name(t[2][0]) else t
        return t
    return plusminus.expand(t) if plusminus.has_sign(t) else t


def _texts(a: Tree, b: Tree) -> bool | None:
    """Text against text; against anything else only by spelling, which the caller compares."""
    if a[0] == b[0] == "text":
        return text_form(a[1]) == text_form(b[1])
    text, other = (a, b) if a[0] == "text" else (b, a)
    if other[0] == "sym":
        return text_form(text[1]) == text_form(other[1])
    return False


def _is_residue(t: Tree) -> bool:
    """`5 (mod 2)`: every number that leaves the remainder."""
    return bool(t[0] == "mul" and t[1][-1][:2] == ("fn", "pmod"))


def _is_relation(t: Tree) -> bool:
    return bool(t[0] == "rel")


def _as_seq(t: Tree) -> Tree:
    if t[0] == "seq":
        return t if t[1] or len(t[3]) != 1 else ("seq", "", "one", t[3])
    return ("seq", "", "one", (t,))


def _has_log(t: Tree) -> bool:
    if t[0] == "fn" and t[1] == "log" and len(t[2]) == 1:
        return True
    return any(isinstance(x, tuple) and _deep_log(x) for x in t[1:])


def _deep_log(x: tuple[object, ...]) -> bool:
    if len(x) == 3 and x[0] == "fn" and x[1] == "log" and len(x[2]) == 1:  # type: ignore[arg-type]
        return True
    return any(isinstance(y, tuple) and _deep_log(y) for y in x)


def _cents(unit: str) -> bool:
    return unit.lower() in ("cents", "cent", "¢")


def _any(results: list[bool | None]) -> bool | None:
    return True if True in results else None if None in results else False


def _all(results: list[bool | None]) -> bool | None:
    return False if False in results else None if None in results else True
