"""Whether two answers are the same: exact arithmetic first, then structure, then seeded points as disproof.

The policy stands here, once:
- numbers are compared exactly; 0.5 = 1/2, 0.33 is not 1/3;
- where the gold is a decimal, a response is met at the gold's own stated precision (not under `same`, not under strict);
- a unit may stand on either side or be left out; two units of one kind convert, of two kinds are wrong;
- 10 % is met by 10 and by 0.1 (the sign is a unit), 74 degrees by 74;
- order counts in tuples, not in sets and bare lists; (a, b) and [a, b] are two things;
- x = 3 is met by 3; two equations are the same when one is a multiple of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from mathdata.verifiers import numeric
from mathdata.verifiers.algebra import Algebra, NoValue, TooBig, constant, equal, opaque
from mathdata.verifiers.trees import Tree, negated
from mathdata.verifiers.units import read_unit
from mathdata.verifiers.values import Value
from mathdata.verifiers.wording import text_form, words

__all__ = ["Answer", "compare"]

MAX_ITEMS = 60
SCALARS = words("num sym add mul pow fn deg pct base unit ratio")


@dataclass(frozen=True, slots=True)
class Answer:
    """yes True, no False, None where only a proof could tell; `how` in words."""

    same: bool | None
    how: str


def compare(gold: Value, response: Value, *, rounding: bool) -> Answer:
    """Compare two values; `rounding`: meet a decimal gold at its own precision."""
    if (gold.cleaned == response.cleaned and gold.cleaned) or gold.source.strip() == response.source.strip():
        return Answer(True, "the same text")
    result = Judge(rounding).trees(gold.tree, response.tree) if gold.tree and response.tree else None
    if result:
        return Answer(True, "equal")
    for a, b in ((gold.other, response.tree), (gold.tree, response.other), (gold.other, response.other)):
        if a and b and Judge(rounding).trees(a, b):
            return Answer(True, "equal, read another way")
    worded = gold.tree is None or response.tree is None or gold.is_text or response.is_text
    if worded and text_form(gold.cleaned) == text_form(response.cleaned) != "":
        return Answer(True, "the same words")
    if _blankless(gold.cleaned) == _blankless(response.cleaned) != "":
        return Answer(True, "the same text")
    if gold.tree is None or response.tree is None:
        return Answer(False if gold.is_text or response.is_text else None, gold.why or response.why or "different")
    return Answer(result, "not equal" if result is False else "not decided by exact arithmetic")


def _blankless(text: str) -> str:
    return "".join(text.split())


class Judge:
    """Compares trees; `rounding` tells whether the left side is a gold whose decimals state a precision."""

    def __init__(self, rounding: bool) -> None:
        self.rounding = rounding

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
        if "time" in (a[0], b[0]):
            return _times(a, b, self)
        if a[0] == "rel" and b[0] == "rel" and a[1] == b[1] == ("=",):
            return self.equations(a, b, depth)
        if a[0] == "rel" and a[1][0] == "=" and not _is_relation(b):
            return self.side(a, b, depth, left=True)
        if b[0] == "rel" and b[1][0] == "=" and not _is_relation(a):
            return self.side(b, a, depth, left=False)
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

    def side(self, equation: Tree, other: Tree, depth: int, left: bool) -> bool | None:
        """`name = value` met by the value; `expression = value` by its last side."""
        sides = list(equation[2])
        if is_name(sides[-1]) and not is_name(sides[0]):
            sides.reverse()
        value = sides[-1]
        return self.trees(value, other, depth) if left else self.trees(other, value, depth)

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
        return proportional(("add", (l1, negated(r1))), ("add", (l2, negated(r2))))

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
        xs, ys = self.distinct(xs, depth), self.distinct(ys, depth)
        if len(xs) != len(ys):
            return False
        unsure = False
        for x in xs:
            found = None
            for i, y in enumerate(ys):
                result = self.trees(x, y, depth)
                unsure = unsure or result is None
                if result:
                    found = i
                    break
            if found is None:
                return None if unsure else False
            ys.pop(found)
        return True

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
        (x, u), (y, v) = split_unit(a), split_unit(b)
        if u and not v:
            y, v = letters_as_unit(y, u)
        elif v and not u:
            x, u = letters_as_unit(x, v)
        if u and v:
            return self.with_units(x, u, y, v)
        if "percent" in (u, v) and u != v:  # the sign is a unit, and also a hundredth
            hundredth = ("num", Fraction(1, 100), None)
            one = ("mul", (x, hundredth)) if u else x
            two = ("mul", (y, hundredth)) if v else y
            return _any([self.plain(x, y), self.plain(one, two)])
        if "°" in (u, v) and u != v:
            return _any([self.plain(x, y), self.plain(("deg", x) if u else x, ("deg", y) if v else y)])
        if _cents(u) != _cents(v):
            return _any([self.plain(x, y), self.with_units(x, u or "$", y, v or "$")])
        return self.plain(x, y)

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
        if x[0] == "num" and y[0] == "num":
            return x[1] == y[1] or (self.rounding and meets(x, y[1]))
        bare_log = _has_log(x) or _has_log(y)
        result = exactly(x, y)
        if result is not True and bare_log:
            result = _any([result, exactly(x, y, log_base=0)])
        if result is not True and self.rounding and x[0] == "num" and x[2]:
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
        return meets(gold, c)


def meets(gold: Tree, value: Fraction) -> bool:
    """Whether the value, rounded to the places the gold states, is the gold. A whole gold states none."""
    places = gold[2]
    if places is None or places <= 0 or gold[1].denominator == 1 or places > 300:
        return False
    return bool(abs(value - gold[1]) * 2 * 10**places <= 1)


def exactly(x: Tree, y: Tree, log_base: int = 10) -> bool | None:
    """Equality of two expressions: by exact form; where that cannot tell, differing points disprove it."""
    try:
        algebra = Algebra(log_base)
        one, two = algebra.tree(x), algebra.tree(y)
        if equal(algebra, one, two):
            return True
        if not opaque(one) and not opaque(two):
            return False
    except NoValue:
        return False
    except (TooBig, OverflowError, ValueError, RecursionError):
        pass
    if numeric.differ(x, y, log_base or 2.718281828459045) or numeric.far_apart(x, y):
        return False
    return None


def proportional(p: Tree, q: Tree) -> bool | None:
    """Whether p = 0 and q = 0 are one equation: one is a constant, not zero, times the other."""
    try:
        algebra = Algebra()
        one, two = algebra.tree(p), algebra.tree(q)
        if not one[0] or not two[0]:
            return not one[0] and not two[0]
        left, right = algebra.mul(one[0], two[1]), algebra.mul(two[0], one[1])
        if left.keys() != right.keys():
            return None if opaque(one) or opaque(two) else False
        mono = next(iter(left))
        factor = Fraction(left[mono]) / right[mono]
        return all(left[m] == right[m] * factor for m in left)
    except (TooBig, NoValue, OverflowError, ValueError, RecursionError):
        return None


def split_unit(t: Tree) -> tuple[Tree, str]:
    """An expression and its unit; a sign before them is part of the expression."""
    if t[0] == "unit":
        inner, deeper = split_unit(t[1])
        if t[2].strip(" .").lower() in ("degree", "degrees", "deg", "°", "度"):
            return inner, "°"
        return inner, deeper if deeper in ("$", "€", "£", "¥") or read_unit(t[2]) is None else t[2]
    if t[0] == "pct":
        return t[1], "percent"
    if t[0] == "deg":
        return t[1], "°"
    if t[0] == "mul" and len(t[1]) == 2 and t[1][0] == ("num", Fraction(-1), None):
        inner, unit = split_unit(t[1][1])
        return negated(inner), unit
    if t[0] == "mul" and t[1][-1][0] in ("deg", "pct", "unit"):
        inner, unit = split_unit(t[1][-1])
        return ("mul", (*t[1][:-1], inner)), unit
    return t, ""


def letters_as_unit(t: Tree, unit: str) -> tuple[Tree, str]:
    """`144 m^3` beside a gold in `\\text{m}^3`: letters that spell the other side's unit are a unit."""
    if t[0] != "mul" or len(t[1]) < 2:
        return t, ""
    words: list[str] = []
    factors = list(t[1])
    while factors and (
        factors[-1][0] == "sym"
        or (factors[-1][0] == "pow" and factors[-1][1][0] == "sym" and factors[-1][2][0] == "num")
    ):
        f = factors.pop()
        words.insert(0, f[1] if f[0] == "sym" else f"{f[1][1]}^{f[2][1]}")
    known = (
        read_unit("".join(words) if all(f.isalpha() for f in words) else " ".join(words)) if words and factors else None
    )
    wanted = read_unit(unit)
    if known is None or wanted is None or known[1] != wanted[1]:
        return t, ""
    return (factors[0] if len(factors) == 1 else ("mul", tuple(factors))), "".join(words) if all(
        f.isalpha() for f in words
    ) else " ".join(words)


def is_name(t: Tree) -> bool:
    """What may stand on the left of `=` as a mere label: x, f(x), angle APC, the area."""
    if t[0] == "sym":
        return t[1] not in ("pi", "e", "i")
    if t[0] == "fn" and (t[1].startswith("call:") or t[1] in ("'", "det", "deg")):
        return True
    if t[0] == "text":
        return True
    return t[0] == "seq" and all(is_name(x) for x in t[3]) and bool(t[3])


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
        if set(ops) == {"="} and len(ops) > 1:
            ends = (("rel", ("=",), (t[2][0], t[2][-1])), *(("rel", ("=",), (t[2][0], m)) for m in t[2][1:-1]))
            return ends[0] if is_name(t[2][0]) else ("rel", ("=",), (t[2][-2], t[2][-1]))
        if set(ops) == {"="} and _has_pm(t):
            return unroll(t[2][-1]) if is_name(t[2][0]) else t
        return t
    if _has_pm(t):
        return ("seq", "", "", tuple(_expand_pm(t)))
    return t


def _has_pm(t: Tree) -> bool:
    return t[0] == "pm" or any(isinstance(x, tuple) and _deep_pm(x) for x in t[1:])


def _deep_pm(x: tuple[object, ...]) -> bool:
    if x and x[0] == "pm":
        return True
    return any(isinstance(y, tuple) and _deep_pm(y) for y in x)


def _expand_pm(t: Tree) -> list[Tree]:
    plus, minus = _choose(t, 1), _choose(t, -1)
    return [plus] if plus == minus else [plus, minus]


def _choose(t: Tree, sign: int) -> Tree:
    if not isinstance(t, tuple):
        return t
    if t and t[0] == "pm":
        side = sign if t[1] == "pm" else -sign
        right = _choose(t[3], sign)
        right = right if side > 0 else negated(right)
        return right if t[2] is None else ("add", (_choose(t[2], sign), right))
    return tuple(_choose(x, sign) for x in t)


def _texts(a: Tree, b: Tree) -> bool | None:
    """Text against text; against anything else only by spelling, which the caller compares."""
    if a[0] == b[0] == "text":
        return text_form(a[1]) == text_form(b[1])
    text, other = (a, b) if a[0] == "text" else (b, a)
    if other[0] == "sym":
        return text_form(text[1]) == text_form(other[1])
    return False


def _times(a: Tree, b: Tree, judge: Judge) -> bool:
    if a[0] == b[0] == "time":
        return bool(a[1:4] == b[1:4] and (not a[4] or not b[4] or a[4] == b[4]))
    time, other = (a, b) if a[0] == "time" else (b, a)
    if other[0] == "unit" and other[1][0] == "num":
        factor, kind = read_unit(other[2]) or (0, ())
        seconds = time[1] * 3600 + time[2] * 60 + time[3]  # 7时30分
        whole = time[2] == time[3] == 0 and other[1][1] == time[1]
        return bool(whole or (kind == (("time", 1),) and other[1][1] * factor == seconds))
    ratio = ("ratio", (("num", Fraction(time[1]), None), ("num", Fraction(time[2]), None)))
    return bool(other[0] == "ratio") and judge.scalars(ratio, other) is True


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
