"""Read terms: sums, products, powers, atoms, numbers with units; lists and relations are read in `parser`."""

from __future__ import annotations

from fractions import Fraction

from mathdata.verifiers import commands, trees
from mathdata.verifiers.lexer import Token, TooLong, Unreadable
from mathdata.verifiers.trees import MINUS, Tree, negated, number, times

__all__ = ["Terms"]


class Terms:
    """One pass over the tokens; every method leaves `at` behind what it read."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0

    def listing(self, top: bool = False) -> Tree:
        """Items between commas; `parser` knows how lists are read."""
        raise Unreadable("no list stands here")

    # -- looking
    def kind(self, ahead: int = 0) -> str:
        i = self.at + ahead
        return self.tokens[i].kind if i < len(self.tokens) else ""

    def text(self, ahead: int = 0) -> str:
        i = self.at + ahead
        return self.tokens[i].text if i < len(self.tokens) else ""

    def is_cmd(self, *names: str) -> bool:
        return self.kind() == "cmd" and self.text() in names

    def take(self) -> Token:
        if self.at >= len(self.tokens):
            raise Unreadable("ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, kind: str) -> None:
        if self.take().kind != kind:
            raise Unreadable(f"expected {kind!r}")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > trees.MAX_DEPTH:
            raise TooLong(f"nested deeper than {trees.MAX_DEPTH}")

    # -- arithmetic
    def sum(self) -> Tree:
        self.deeper()
        terms: list[Tree] = []
        sign = self.signs()
        if sign in ("pm", "mp"):
            tree: Tree = ("pm", sign, None, self.product())
        else:
            first = self.product()
            tree = negated(first) if sign == "-" else first
        terms.append(tree)
        while self.kind() in ("+", "-") or self.is_cmd("pm", "mp"):
            sign = self.signs()
            if sign in ("pm", "mp"):
                left = terms[0] if len(terms) == 1 else ("add", tuple(terms))
                terms = [("pm", sign, left, self.product())]
                continue
            right = self.product()
            terms.append(negated(right) if sign == "-" else right)
        self.depth -= 1
        return terms[0] if len(terms) == 1 else ("add", tuple(terms))

    def signs(self) -> str:
        """The sign in front of a term: +, -, pm or mp; a run of them is one."""
        sign = "+"
        while True:
            if self.kind() == "-":
                sign = "-" if sign == "+" else "+" if sign == "-" else sign
            elif self.is_cmd("pm", "mp"):
                sign = self.text()
            elif self.kind() != "+":
                return sign
            self.at += 1

    def product(self) -> Tree:
        factors = [self.unary()]
        while True:
            if self.kind() in ("*", "×") or self.is_cmd("times", "cdot", "ast", "cdotp", "bullet", "otimes"):
                self.at += 1
                factors.append(self.unary())
            elif self.kind() == "/" or self.is_cmd("div", "/"):
                self.at += 1
                factors.append(("pow", self.unary(), MINUS))
            elif self.starts_factor():
                self.juxtaposed(factors)
            else:
                break
        return times(*factors)

    def unary(self) -> Tree:
        if self.kind() in ("-", "+") or self.is_cmd("pm", "mp"):
            sign = self.signs()
            inner = self.power()
            if sign in ("pm", "mp"):
                return ("pm", sign, None, inner)
            return negated(inner) if sign == "-" else inner
        return self.power()

    def starts_factor(self) -> bool:
        kind = self.kind()
        if kind in ("num", "name", "func"):
            return True
        if kind == "|":
            return not self.bars
        if kind in ("(", "[", "{"):
            return True
        if kind in ("text", "word"):
            return not trees.is_and(self.text()) and not trees.is_phrase(self.text())
        if kind == "cmd":
            return self.text() in trees.STARTERS or self.text() in trees.UNWRAP
        return kind in ("$", "€", "£", "¥")

    def juxtaposed(self, factors: list[Tree]) -> None:
        """A factor without a sign between: a product, a mixed number, or a unit."""
        last = factors[-1]
        if self.kind() in ("word", "text", "$", "€", "£", "¥") or (self.is_cmd("mathrm", "textrm") and self._is_unit()):
            unit = self.unit()
            if not trees.counts(factors):
                raise Unreadable("words behind letters")
            unit = self.scaled(factors, unit)
            if not unit:
                return
            factors[:] = [("unit", times(*factors), unit)]
            return
        if last[0] == "num" and last[2] is None and last[1].denominator == 1:
            mixed = self.mixed()
            if mixed is not None:
                factors[-1] = self.postfix(("num", last[1] + (mixed if last[1] >= 0 else -mixed), None))
                return
            if self.kind() == "num" and self.kind(-1) not in (")", "]", "}"):
                raise Unreadable("two numbers side by side")
        if last[0] == "num" and (
            (self.kind() == "num" and self.kind(-1) not in (")", "]", "}")) or self.is_cmd("boxed", "fbox")
        ):
            raise Unreadable("two numbers side by side")
        factors.append(self.power())

    def mixed(self) -> Fraction | None:
        """The proper fraction of a mixed number, `\\frac{1}{2}` or `1/2` behind a whole number."""
        start = self.at
        if self.is_cmd("frac"):
            parts = trees.plain_fraction(self.atom())
            if parts and 0 < parts[0] < parts[1]:
                return Fraction(*parts)
        elif self.kind() == "num" and self.kind(1) == "/" and self.kind(2) == "num" and self.tokens[self.at].space:
            top, below = self.text(), self.text(2)
            if top.isdigit() and below.isdigit() and len(below) < 20 and 0 < int(top) < int(below):
                self.at += 3
                return Fraction(int(top), int(below))
        self.at = start
        return None

    def _is_unit(self) -> bool:
        from mathdata.verifiers.units import is_unit

        end = self.at + 2
        letters = ""
        while end < len(self.tokens) and self.tokens[end].kind in ("name", "word"):
            letters += self.tokens[end].text
            end += 1
        return self.kind(1) == "{" and letters not in ("e", "i") and is_unit(letters)

    def unit(self) -> str:
        """The rest of a quantity: words, and the powers and slashes that bind them."""
        parts: list[str] = []
        open_braces = 0
        while self.at < len(self.tokens):
            kind, text = self.kind(), self.text()
            if kind in ("word", "text") and (trees.is_and(text) or trees.is_phrase(text)):
                break
            if kind in ("word", "text", "name", "$", "€", "£", "¥", "/", "."):
                parts.append(text)
            elif kind == "cmd" and (text in trees.UNWRAP or text in ("cdot", "circ")):
                pass
            elif kind == "^":
                parts.append("^" + self.unit_power())
                continue
            elif kind == "{":
                open_braces += 1
            elif kind == "}" and open_braces:
                open_braces -= 1
            else:
                break
            self.at += 1
        return " ".join(parts)

    def scaled(self, factors: list[Tree], unit: str) -> str:
        """`3.4 million people`: the scale is part of the amount."""
        first, _, rest = unit.strip().partition(" ")
        scale = trees.SCALES.get(first.lower().strip("."))
        if scale is None:
            return unit
        factors[:] = [times(*factors, ("num", Fraction(scale), None))]
        return rest

    def unit_power(self) -> str:
        self.at += 1
        if self.kind() != "{":
            return self.take().text
        power = ""
        self.at += 1
        while (token := self.take()).kind != "}":
            power += token.text
        return power

    # -- powers and what stands behind an atom
    def power(self) -> Tree:
        self.deeper()
        base = self.postfix(self.atom())
        self.depth -= 1
        return base

    def postfix(self, tree: Tree) -> Tree:
        while True:
            kind = self.kind()
            if kind == "^":
                self.at += 1
                if chosen := commands.chosen(self, tree):
                    tree = chosen
                    continue
                if self.is_degree():
                    tree = ("deg", tree)
                    continue
                if self.is_cmd("prime"):
                    self.at += 1
                    tree = ("fn", "'", (tree,))
                    continue
                exponent = self.exponent()
                tree = ("fn", "T", (tree,)) if exponent == ("sym", "T") else ("pow", tree, exponent)
            elif kind == "!":
                self.at += 1
                tree = ("fn", "factorial", (tree,))
            elif kind == "'":
                self.at += 1
                tree = ("fn", "'", (tree,))
            elif kind == "%":
                self.at += 1
                tree = ("pct", tree)
            elif self.is_cmd("circ", "degree"):
                self.at += 1
                tree = ("deg", tree)
            elif kind == "_":
                self.at += 1
                tree = self.subscript(tree)
            else:
                return tree

    def is_degree(self) -> bool:
        if self.is_cmd("circ", "degree"):
            self.at += 1
            return True
        if self.kind() == "{" and self.kind(1) == "cmd" and self.text(1) in ("circ", "degree") and self.kind(2) == "}":
            self.at += 3
            return True
        return False

    def exponent(self) -> Tree:
        if self.kind() in ("-", "+"):
            return self.unary()
        if self.kind() == "{":
            return self.braced()
        if self.kind() in ("(", "["):
            return self.atom()
        if self.kind() == "num" and self.kind(1) == "^" and len(self.text()) > 1 and self.text().isdigit():
            return self.short()  # 2^34^2 can only be 2^3 4^2
        inner = self.atom()
        if self.kind() == "^":  # plain a^b^c binds to the right
            self.at += 1
            return ("pow", inner, self.exponent())
        if self.kind() == "!" and inner[0] in ("num", "sym"):
            self.at += 1
            return ("fn", "factorial", (inner,))
        return inner

    def subscript(self, tree: Tree) -> Tree:
        words = ""
        if self.kind() == "{":
            self.at += 1
            depth = 1
            while depth:
                token = self.take()
                depth += (token.kind == "{") - (token.kind == "}")
                if depth:
                    words += token.text
        else:
            words = self.take().text
        words = words.strip("()")
        if tree[0] == "num" and words.isdigit() and 2 <= int(words[:4]) <= 36:
            if tree[2]:
                return trees.in_base(tree, int(words))
            return ("base", trees.digits(tree), int(words))
        if tree[0] in ("sym", "text") and words.isdigit() and 11 <= int(words[:4]) <= 36 and len(tree[1]) > 1:
            return ("base", tree[1].upper(), int(words))
        if tree[0] == "sym":
            return ("sym", f"{tree[1]}_{words}")
        if tree[0] == "fn" and tree[1] == "log":
            return tree
        raise Unreadable("a subscript that is no base")

    def braced(self) -> Tree:
        self.expect("{")
        if self.kind() == "}":
            self.at += 1
            return ("text", "")
        saved, self.bars = self.bars, 0
        builds = self.kind(1) in ("|", ":") and commands.bar(self)  # {x | x > 2}, written without backslash
        inner = self.listing()
        self.bars = saved
        self.expect("}")
        if builds:
            return ("seq", "{", "}", tuple(inner[3]) if inner[0] == "seq" and inner[1] == "" else (inner,))
        return inner

    def short(self) -> Tree:
        """The argument of `\\frac12` or `\\sqrt3`: braces, or one digit, letter or command."""
        if self.kind() == "{":
            return self.braced()
        if self.kind() == "num":
            token = self.tokens[self.at]
            if len(token.text) > 1:
                self.tokens[self.at] = Token("num" if token.text[1:] != "." else ".", token.text[1:], False)
                return number(token.text[0])
            self.at += 1
            return number(token.text)
        if self.kind() == "-":
            self.at += 1
            return negated(self.short())
        return self.atom()

    # -- atoms
    def atom(self) -> Tree:
        token = self.take()
        kind = token.kind
        if kind == "num":
            return number(token.text)
        if kind == "name":
            return self.symbol(token.text)
        if kind == "func":
            return self.function(token.text)
        if kind in ("(", "["):
            return self.group(kind)
        if kind == "{":
            self.at -= 1
            inner = self.braced()
            return inner
        if kind == "|":
            return self.absolute()
        if kind in ("text", "word"):
            return self.worded(token)
        if kind == "cmd":
            return self.command(token.text)
        if kind in ("$", "€", "£", "¥"):
            return ("unit", self.unary() if self.kind() == "-" else self.postfix(self.amount()), kind)
        if kind == "<":
            return self.angle(">")
        if kind == "...":
            return ("sym", "...")
        raise Unreadable(f"unexpected {token.text!r}")

    def amount(self) -> Tree:
        tree = self.atom()
        if tree[0] == "num" and tree[2] is None and tree[1].denominator == 1:
            mixed = self.mixed()
            if mixed is not None:
                return ("num", tree[1] + mixed, None)
        return tree

    def symbol(self, name: str) -> Tree:
        if name in ("f", "g", "h", "F", "G") and self.kind() == "(" and not self.tokens[self.at].space:
            self.at += 1
            inner = self.group("(")
            return ("fn", "call:" + name, commands.given(inner, name))
        return ("sym", name)

    def worded(self, token: Token) -> Tree:
        text = token.text.strip()
        low = text.lower()
        if token.kind == "text" and (
            self.kind() == "_" or (text and len(text) <= 2 and text.isalnum() and text.isascii())
        ):
            return ("sym", text) if not text.isdigit() else number(text)
        if low in ("e", "i"):
            return ("sym", text)
        start = self.at
        rest = [text]
        while self.kind() in ("text", "word", "name", "num", "-", "'", "(", ")", ".", "!", "?") and start < len(
            self.tokens
        ):
            if self.kind() in ("text", "word") and trees.is_and(self.text()):
                break
            rest.append(self.take().text)
        return ("text", " ".join(rest))

    def group(self, opening: str) -> Tree:
        """What stands in round or square brackets: a group, a tuple, an interval, a list."""
        self.deeper()
        saved, self.bars = self.bars, 0
        if self.kind() in (")", "]"):
            closing = self.take().kind
            self.bars = saved
            self.depth -= 1
            return ("seq", opening, closing, ())
        inner = self.listing()
        self.bars = saved
        closing = self.take().kind
        if closing not in (")", "]"):
            raise Unreadable("a bracket is not closed")
        self.depth -= 1
        if inner[0] == "seq" and inner[1] == "":
            return ("seq", opening, closing, inner[3])
        if (opening == "(") != (closing == ")"):
            raise Unreadable("brackets do not match")
        return inner

    def absolute(self) -> Tree:
        saved, self.bars = self.bars, 1
        inner = self.sum()
        self.bars = saved
        self.expect("|")
        return ("fn", "abs", (inner,))

    def angle(self, closing: str) -> Tree:
        inner = self.listing()
        if not (self.kind() == closing or self.is_cmd(closing)):
            raise Unreadable("an angle bracket is not closed")
        self.at += 1
        return ("seq", "(", ")", inner[3] if inner[0] == "seq" else (inner,))

    def command(self, name: str) -> Tree:
        return commands.read(self, name)

    def function(self, name: str) -> Tree:
        return commands.function(self, name)
