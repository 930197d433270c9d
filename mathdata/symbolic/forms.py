"""Exact forms in one unknown, (a*x + b) / (c*x + d): what a step's result is while a number is masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from mathdata.symbolic.replay import places
from mathdata.symbolic.solution import Unsupported
from mathdata.symbolic.write import decimal
from mathdata.worked import Number, divide, whole

__all__ = ["Form", "Value", "form_of", "number_text", "text_of"]


@dataclass(frozen=True, slots=True)
class Form:
    """(a*x + b) / (c*x + d), kept so that equal forms are equal values: c = 0 means d = 1."""

    a: Number
    b: Number
    c: Number = 0
    d: Number = 1

    @property
    def linear(self) -> bool:
        return not self.c

    def at(self, x: Number) -> Number | None:
        return divide(self.a * x + self.b, self.c * x + self.d)


Value: TypeAlias = "Number | Form"


def _made(a: Any, b: Any, c: Any = 0, d: Any = 1) -> Value:
    """The form, cancelled; a number where x falls out."""
    scale = Fraction(c or d)
    if not scale:
        raise Unsupported("division by zero")
    if a * d == b * c:
        return whole(Fraction(a if c else b) / scale)
    return Form(*(whole(Fraction(n) / scale) for n in (a, b, c, d)))


def _parts(v: Value) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return ((v.a, v.b), (v.c, v.d)) if isinstance(v, Form) else ((0, v), (0, 1))


def _times(p: tuple[Any, Any], q: tuple[Any, Any]) -> tuple[Any, Any]:
    if p[0] and q[0]:
        raise Unsupported("x times x")
    return p[0] * q[1] + p[1] * q[0], p[1] * q[1]


def _same(p: tuple[Any, Any], q: tuple[Any, Any]) -> Fraction | None:
    """The factor k with p = k * q, where there is one."""
    if p[0] * q[1] != p[1] * q[0] or not any(q):
        return None
    top, bottom = (p[0], q[0]) if q[0] else (p[1], q[1])
    return Fraction(top) / Fraction(bottom)


def _multiply(x: Value, y: Value) -> Value:
    (n, d), (m, e) = _parts(x), _parts(y)
    if n[0] and e[0] and (k := _same(n, e)) is not None:
        n, e = (0, k), (0, 1)
    if m[0] and d[0] and (k := _same(m, d)) is not None:
        m, d = (0, k), (0, 1)
    return _made(*_times(n, m), *_times(d, e))


def _add(x: Value, y: Value, sign: int) -> Value:
    (n, d), (m, e) = _parts(x), _parts(y)
    m = (sign * m[0], sign * m[1])
    if d[0] and e[0]:
        k = _same(d, e)
        if k is None:
            raise Unsupported("x times x")
        return _made(n[0] + k * m[0], n[1] + k * m[1], *d)
    left, right = _times(n, e), _times(m, d)
    return _made(left[0] + right[0], left[1] + right[1], *_times(d, e))


def form_of(node: Any, values: Sequence[Value]) -> Value:
    """The value of an expression tree over numbers and forms. Raises Unsupported where x meets x."""
    if type(node) is int:
        return values[node]
    left = form_of(node[1], values)
    if node[0] == "%":
        return _multiply(left, Fraction(1, 100))
    if node[0] == "~":
        return _multiply(left, -1)
    right = form_of(node[2], values)
    if node[0] == "*":
        return _multiply(left, right)
    if node[0] == "/":
        n, d = _parts(right)
        if not any(n):
            raise Unsupported("division by zero")
        return _multiply(left, _made(*d, *n))
    if node[0] == "^":
        return _power(left, right)
    return _add(left, right, 1 if node[0] == "+" else -1)


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(exponent, Form) or isinstance(base, Form) or exponent not in (0, 1, 2, 3, 4):
        raise Unsupported("x times x", "a power of the unknown")
    return whole(Fraction(base) ** int(exponent))


# --- as text -----------------------------------------------------------------------------------------------------


def number_text(value: Number) -> str:
    """A decimal where there is an end to it, else a fraction."""
    text = decimal(value) if places(value) <= 4 else None
    return text if text is not None else f"{value.numerator}/{value.denominator}"


def _term(a: Number, x: str) -> str:
    """`2x/3`, `x/4`, `1.2x` for a > 0."""
    if a == 1:
        return x
    if a.denominator == 1 or (places(a) <= 3 and a.numerator != 1 and a.denominator not in (2, 3, 4)):
        return f"{decimal(a)}{x}"
    top = x if a.numerator == 1 else f"{a.numerator}{x}"
    return f"{top}/{a.denominator}"


def _sum(a: Number, b: Number, x: str) -> str:
    if not a:
        return number_text(b)
    if not b:
        return _term(a, x) if a > 0 else f"-{_term(-a, x)}"
    if a < 0:
        return f"{number_text(b)} - {_term(-a, x)}" if b > 0 else f"-{_term(-a, x)} - {number_text(-b)}"
    return f"{_term(a, x)} {'+' if b > 0 else '-'} {number_text(max(b, -b))}"


def text_of(value: Value, x: str) -> str:
    """A number or form as people write it: `92 - 2x/3`, `120/x`, `(x + 3)/(x + 5)`."""
    if not isinstance(value, Form):
        return number_text(value)
    if value.linear:
        return _sum(value.a, value.b, x)
    a, b, c, d = _cleared(value)
    top, bottom = _sum(a, b, x), _sum(c, d, x)
    top = f"({top})" if a and (b or "/" in top) else top
    return f"{top}/{bottom}" if bottom == x else f"{top}/({bottom})"


def _cleared(form: Form) -> tuple[Number, Number, Number, Number]:
    """The same form with whole numbers above and below."""
    parts = [Fraction(n) for n in (form.a, form.b, form.c, form.d)]
    scale = 1
    for p in parts:
        scale = scale * p.denominator // _gcd(scale, p.denominator)
    ints = [int(p * scale) for p in parts]
    common = 0
    for n in ints:
        common = _gcd(common, n)
    a, b, c, d = (n // (common or 1) for n in ints)
    if not a:
        negative = b < 0
    else:  # one plus sign at least below the line, then above it
        negative = not (c > 0 or d > 0) or (a < 0 and b <= 0 and (c < 0 or d < 0))
    return (-a, -b, -c, -d) if negative else (a, b, c, d)


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return abs(a)
