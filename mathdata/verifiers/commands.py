"""The LaTeX commands and functions an answer may hold, as methods over the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mathdata.verifiers import trees
from mathdata.verifiers.lexer import Token, Unreadable

if TYPE_CHECKING:
    from mathdata.verifiers.trees import Tree

__all__ = ["chosen", "function", "read"]

_SAME = {
    "Abs": "abs", "arccosh": "acosh", "arcsinh": "asinh", "arctanh": "atanh", "arcosh": "acosh", "arsinh": "asinh",
    "artanh": "atanh", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec",
    "arccsc": "acsc", "ceiling": "ceil", "lg": "log10", "Sum": "sum", "Product": "prod", "Integral": "int",
    "Derivative": "diff", "Limit": "lim", "sgn": "sign",
}  # fmt: skip
_INVERSE = {n: "a" + n for n in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")}
_PLAIN = frozenset(["sum", "prod", "int", "diff", "lim"])


def _power(base: Tree, exponent: Tree) -> Tree:
    return ("pow", base, exponent)


def function(r: Any, name: str) -> Tree:
    """A named function with its power, its base and its argument, with or without brackets."""
    name = _SAME.get(name, name)
    power = base = None
    while r.kind() in ("^", "_"):
        if r.take().kind == "^":
            power = r.exponent()
        else:
            base = r.short()
    if power is not None and power[0] == "num" and power[1] == -1 and name in _INVERSE:
        name, power = _INVERSE[name], None
    tree = apply(name, arguments(r, name), base)
    return tree if power is None else _power(tree, power)


def given(group: Tree, name: str) -> tuple[Tree, ...]:
    """The arguments inside a function's brackets. Raises Unreadable where there are none: `sqrt()` has no value."""
    items = tuple(group[3]) if group[0] == "seq" else (group,)
    if not items:
        raise Unreadable(f"{name} of nothing")
    return items


def arguments(r: Any, name: str) -> tuple[Tree, ...]:
    if r.kind() in ("(", "[") or (r.kind() == "{" and name != "max"):
        opening = r.kind()
        if opening == "{":
            inner = r.braced()
        else:
            r.at += 1
            inner = r.group(opening)
        return given(inner, name) if opening != "{" else (inner,)
    if r.kind() == "-":
        r.at += 1
        from mathdata.verifiers.trees import negated

        return (negated(r.power()),)
    factors = []
    while r.starts_factor() and r.kind() not in ("func", "text", "word"):
        factors.append(r.power())
        if factors[-1][0] == "deg":
            break
    if not factors:
        if r.kind() == "func":
            return (function(r, r.take().text),)
        raise Unreadable(f"{name} of nothing")
    return (factors[0] if len(factors) == 1 else ("mul", tuple(factors)),)


def apply(name: str, args: tuple[Tree, ...], base: Tree | None = None) -> Tree:
    if name == "sqrt":
        return _root(args[0], ("num", 2, None)) if len(args) == 1 else ("fn", "sqrt", args)
    if name == "cbrt":
        return _root(args[0], ("num", 3, None))
    if name == "exp" and len(args) == 1:
        return _power(("sym", "e"), args[0])
    if name == "log10":
        return ("fn", "log", (args[0], ("num", 10, None)))
    if name == "log" and base is not None:
        return ("fn", "log", (args[0], base))
    if name == "lim" and len(args) == 4 and args[3][0] == "rel":  # Limit(f, x, a, dir='+')
        return ("fn", "lim", args[:3])
    if name == "Eq" and len(args) == 2:
        return ("rel", ("=",), args)
    return ("fn", name, args)


def _root(inner: Tree, degree: Tree) -> Tree:
    return ("fn", "root", (inner, degree))


def read(r: Any, name: str) -> Tree:
    """The tree of a command that has just been read."""
    if name == "frac":
        top = r.short()
        below = r.short()
        if top == ("sym", "d") and below[0] == "mul" and below[1][0] == ("sym", "d") and len(below[1]) == 2:
            return ("fn", "diff", (r.product(), below[1][1]))
        return ("mul", (top, ("pow", below, trees.MINUS)))
    if name == "sqrt":
        return _sqrt(r)
    if name in ("binom", "dbinom", "tbinom"):
        return ("fn", "binomial", (r.short(), r.short()))
    if name == "beginboxed":
        return r.braced()  # type: ignore[no-any-return]
    if name in ("mathrm", "operatorname", "operatorname*", "mathop", "rm", "text"):
        return _named(r)
    if name in trees.UNWRAP:
        return r.short()  # type: ignore[no-any-return]
    if name in _PAIRS:
        return _paired(r, name)
    if name == "{":
        return _set(r)
    if name == "begin":
        return _environment(r)
    if name in ("sum", "prod", "int", "lim", "max", "min", "gcd", "lcm", "inf", "sup", "oint", "iint"):
        return _operator(r, name)
    return _other(r, name)


_PAIRS = {"lfloor": ("rfloor", "floor"), "lceil": ("rceil", "ceil"), "lvert": ("rvert", "abs"), "vert": ("vert", "abs"),
          "lVert": ("rVert", "norm"), "Vert": ("Vert", "norm"), "|": ("|", "norm")}  # fmt: skip


def _paired(r: Any, name: str) -> Tree:
    closing, meaning = _PAIRS[name]
    inner = r.sum()
    if not r.is_cmd(closing):
        raise Unreadable(f"\\{name} is not closed")
    r.at += 1
    return ("fn", meaning, (inner,))


def _sqrt(r: Any) -> Tree:
    degree: Tree = ("num", 2, None)
    if r.kind() == "[":
        r.at += 1
        degree = r.sum()
        r.expect("]")
    if r.kind() == "(":  # \sqrt(2), written by hand
        r.at += 1
        return _root(r.group("("), degree)
    return _root(r.short(), degree)


def _named(r: Any) -> Tree:
    """`\\mathrm{e}`, `\\operatorname{floor}(a)`, `\\mathrm{cm}`."""
    if r.kind() != "{":
        return r.short()  # type: ignore[no-any-return]
    start = r.at
    word = ""
    r.at += 1
    while r.kind() in ("name", "func", "word", "num", "cmd"):
        word += r.take().text
    if r.kind() == "}":
        r.at += 1
        from mathdata.verifiers.lexer import NAMES

        if word in NAMES or word in _SAME.values():
            return function(r, word)
        if word.isalpha():
            return ("sym", word) if len(word) <= 7 else ("text", word)
    r.at = start
    return r.braced()  # type: ignore[no-any-return]


def _set(r: Any) -> Tree:
    r.deeper()
    if r.is_cmd("}"):
        r.at += 1
        r.depth -= 1
        return ("seq", "{", "}", ())
    saved, r.bars = r.bars, 0
    bar(r)
    inner = r.listing()
    r.bars = saved
    if not r.is_cmd("}") and r.at == len(r.tokens) and inner[0] == "matrix":  # a system behind one brace
        r.depth -= 1
        return ("seq", "", "", tuple(c for row in inner[1] for c in row))
    if not r.is_cmd("}"):
        raise Unreadable("a set is not closed")
    r.at += 1
    r.depth -= 1
    return ("seq", "{", "}", tuple(inner[3]) if inner[0] == "seq" and inner[1] == "" else (inner,))


def bar(r: Any) -> bool:
    """Whether `x :`, `x |` or `x \\in R |` opens a set by its condition; its sign is then read as `\\mid`."""
    at = r.at + 1
    if r.kind() != "name":
        return False
    if r.kind(1) == "cmd" and r.text(1) == "in":
        while at < len(r.tokens) and at < r.at + 8 and r.tokens[at].kind not in ("|", ":"):
            at += 1
    if at >= len(r.tokens) or r.tokens[at].kind not in ("|", ":"):
        return False
    r.tokens[at] = Token("cmd", "mid", False)
    return True


def _environment(r: Any) -> Tree:
    name = _environment_name(r)
    if name not in trees.MATRICES:
        raise Unreadable(f"environment {name}")
    if name == "array" and r.kind() == "{":
        r.at += 1
        while r.take().kind != "}":
            pass
    rows = _rows(r)
    if _environment_name(r) != name:
        raise Unreadable(f"\\end of another environment than {name}")
    if name in ("vmatrix",):
        return ("fn", "det", (("matrix", rows),))
    if name in ("cases", "aligned", "align", "align*", "gathered"):
        return ("seq", "", "", tuple(c for row in rows for c in row))
    return ("matrix", rows)


def _environment_name(r: Any) -> str:
    r.expect("{")
    name = ""
    while r.kind() not in ("}", ""):
        name += r.take().text
    r.expect("}")
    return name


def _rows(r: Any) -> tuple[tuple[Tree, ...], ...]:
    rows: list[list[Tree]] = [[]]
    r.deeper()
    saved, r.bars = r.bars, 0
    while not r.is_cmd("end"):
        if r.kind() == "&":
            r.at += 1
        elif r.is_cmd("\\", "cr", "hline"):
            if r.take().text != "hline":
                rows.append([])
        elif r.kind() == "":
            raise Unreadable("an environment is not closed")
        else:
            rows[-1].append(r.relation())
    r.at += 1
    r.depth -= 1
    r.bars = saved
    return tuple(tuple(row) for row in rows if row)


def _operator(r: Any, name: str) -> Tree:
    """Sums, products, integrals, limits, max and min, with their bounds."""
    low = high = None
    while r.kind() in ("_", "^"):
        if r.take().kind == "_":
            _drop_side(r)
            low = _bound(r)
        else:
            high = _bound(r)
    if name in ("max", "min", "gcd", "lcm", "inf", "sup"):
        return ("fn", name, arguments(r, name) if low is None else (arguments(r, name)[0], low))
    if name in ("int", "oint", "iint"):
        return _integral(r, low, high)
    body = r.product()
    if name == "lim" and low is not None:
        if low[0] != "rel" or low[1] != ("->",):
            raise Unreadable("a limit without its point")
        return ("fn", "lim", (body, low[2][0], low[2][1]))
    if low is not None and low[0] == "rel" and low[1] == ("=",) and high is not None:
        return ("fn", name, (body, ("seq", "(", ")", (low[2][0], low[2][1], high))))
    return ("fn", name, tuple(x for x in (body, low, high) if x is not None))


def chosen(r: Any, tree: Tree) -> Tree | None:
    """`C_5^2`: five choose two, and `A_5^2`: its arrangements; what stood before the caret is given."""
    letter, _, n = tree[1].partition("_") if tree[0] == "sym" else ("", "", "")
    if letter not in ("C", "A") or not n.isdigit():
        return None
    start = r.at
    k = r.exponent()
    if k[0] != "num":
        r.at = start
        return None
    ways: Tree = ("fn", "binomial", (trees.number(n), k))
    return ways if letter == "C" else trees.times(ways, ("fn", "factorial", (k,)))


def _drop_side(r: Any) -> None:
    """`x \\to 3^{+}`: from the right, which is what a limit without a side is taken for."""
    i = r.at
    while i < len(r.tokens) and r.tokens[i].kind != "^":
        if r.tokens[i].kind == "}":
            return
        i += 1
    kinds = [t.kind for t in r.tokens[i : i + 4]]
    if kinds == ["^", "{", "+", "}"]:
        del r.tokens[i : i + 4]
    elif kinds[:2] == ["^", "+"]:
        del r.tokens[i : i + 2]


def _bound(r: Any) -> Tree | None:
    if r.kind() == "{":
        if r.kind(1) == "}":
            r.at += 2
            return None
        return r.braced()  # type: ignore[no-any-return]
    return r.short()  # type: ignore[no-any-return]


def _integral(r: Any, low: Tree | None, high: Tree | None) -> Tree:
    """The body and its `dx`, which may stand behind it or in a numerator; `\\int da` is the integral of one."""
    i = r.at
    while i + 1 < len(r.tokens) and not (r.tokens[i].text == "d" and r.tokens[i + 1].kind == "name"):
        i += 1
    variable: Tree = ("sym", "x")
    if i + 1 < len(r.tokens):
        variable = ("sym", r.tokens[i + 1].text)
        alone = i == r.at or r.tokens[i - 1].kind in ("cmd", "*", "{")
        r.tokens[i : i + 2] = [Token("num", "1", False)] if alone else []
    body = r.sum()
    if low is not None and high is not None:
        return ("fn", "int", (body, ("seq", "(", ")", (variable, low, high))))
    return ("fn", "int", (body, variable))


def _other(r: Any, name: str) -> Tree:
    if name in ("overline", "dot", "widehat", "overarc"):
        return _overline(r)
    if name == "ddot":
        return ("sym", "ddot" + _overline(r)[1])
    if name in ("langle",):
        return r.angle("rangle")  # type: ignore[no-any-return]
    if name in ("emptyset", "varnothing"):
        return ("seq", "{", "}", ())
    if name in ("infin",):
        return ("sym", "oo")
    if name == "mathbb":
        return ("sym", "bb" + r.take().text) if r.kind() != "{" else ("sym", "bb" + _letters(r))
    if name in ("angle", "triangle", "measuredangle", "odot"):
        word = ""
        while r.kind() == "name":
            word += r.take().text
        return ("sym", name + word)
    if name in ("bmod", "mod", "pmod"):
        inner = r.short()
        return ("fn", "mod" if name == "bmod" else "pmod", (inner,))
    if name in ("cdots", "ldots", "dots"):
        return ("sym", "...")
    if name in ("partial", "nabla"):
        return ("sym", name)
    if name in trees.STARTERS or name == "stackrel":
        raise Unreadable(f"\\{name}")
    raise Unreadable(f"unknown command \\{name[:20]}")


def _letters(r: Any) -> str:
    word = ""
    r.expect("{")
    while r.kind() not in ("}", ""):
        word += r.take().text
    r.expect("}")
    return word


def _overline(r: Any) -> Tree:
    """`0.\\overline{3}` is read with its digits in `parser`; over letters it is a name."""
    if r.kind() == "{":
        return ("sym", "over" + _letters(r))
    return ("sym", "over" + r.take().text)
