"""Read an answer, LaTeX or plain, into a tree; a small recursive descent that executes nothing."""

from __future__ import annotations

from mathdata.verifiers import trees
from mathdata.verifiers.lexer import Unreadable, tokenize
from mathdata.verifiers.terms import Terms
from mathdata.verifiers.trees import Tree

__all__ = ["parse"]


def parse(text: str) -> Tree:
    """The tree of a cleaned answer. Raises Unreadable."""
    reader = _Reader(tokenize(text))
    if not reader.tokens:
        raise Unreadable("empty")
    tree = reader.listing(top=True)
    if reader.at != len(reader.tokens):
        raise Unreadable(f"cannot read on at {reader.tokens[reader.at].text[:20]!r}")
    return tree


class _Reader(Terms):
    """What stands around terms: lists, relations, unions, ratios."""

    # -- lists and relations
    def listing(self, top: bool = False) -> Tree:
        """Items between commas; one item alone is itself."""
        items = [self.relation()]
        comma = False
        while self.separator():
            comma = True
            if self.kind() in ("", ")", "]") or self.is_cmd("}"):
                break
            items.append(self.relation())
        if len(items) == 1 and not (comma and not top):
            return items[0]
        return ("seq", "", "", tuple(items))

    def separator(self) -> bool:
        found = False
        while True:
            if (
                self.kind() in (",", ";")
                or (self.kind() in ("word", "text") and trees.is_and(self.text()))
                or self.is_cmd("quad", "qquad")
                or (self.is_cmd("\\") and not self.bars and self.kind(1) != "")
                or (
                    self.is_cmd("text", "land", "lor", "wedge", "vee")
                    and self.text() in ("land", "lor", "wedge", "vee")
                )
            ):
                self.at += 1
                found = True
            else:
                return found

    def relation(self) -> Tree:
        terms, ops = [], []
        if self.is_cmd("approx"):  # "≈ 8.24" alone
            self.at += 1
        if self.kind() == "=":  # "= 12" alone
            self.at += 1
        start = self.at
        terms.append(self.sets())
        if self.kind() == "=" and (called := self.called(start)):
            terms[0] = called
        while (op := self.relation_sign()) is not None:
            ops.append(op)
            terms.append(self.sets())
        return terms[0] if not ops else ("rel", tuple(ops), tuple(terms))

    def called(self, start: int) -> Tree | None:
        """`P(A)` before an equals sign is a value of its own name, not P times A."""
        end = self.at
        name = self.tokens[start]
        if end - start < 4 or name.kind != "name" or self.tokens[start + 1].kind != "(" or self.tokens[start + 1].space:
            return None
        inside = [t.kind for t in self.tokens[start + 2 : end - 1]]
        if self.tokens[end - 1].kind != ")" or not set(inside) <= {"name", "num", ",", "|", "<", ">", "=", "cmd"}:
            return None
        return (
            "fn",
            "call:" + name.text,
            tuple(("sym", t.text) for t in self.tokens[start + 2 : end - 1] if t.kind != ","),
        )

    def relation_sign(self) -> str | None:
        name = self.text()
        if self.kind() == "cmd" and name == "not" and self.text(1) == "=":
            self.at += 2
            return "!="
        if name == "|" and self.bars:
            return None
        if name in trees.RELATIONS and self.kind() in (name, "cmd"):
            self.at += 1
            return trees.RELATIONS[name]
        if self.kind() == ":" and self.kind(1) == "=":
            self.at += 2
            return "="
        return None

    def sets(self) -> Tree:
        left = self.ratio()
        while self.is_cmd("cup", "cap", "setminus", "backslash", "bigcup") or (
            self.kind() == "name" and self.text() == "U" and self.kind(1) in ("(", "[")
        ):
            word = self.take().text
            op = {"cup": "cup", "bigcup": "cup", "U": "cup", "cap": "cap"}.get(word, "minus")
            right = self.ratio()
            left = (
                ("set", op, (*left[2], right))
                if left[:2] == ("set", op) and op == "cup"
                else ("set", op, (left, right))
            )
        return left

    def ratio(self) -> Tree:
        items = [self.sum()]
        while self.kind() == ":" and self.kind(1) != "=":
            self.at += 1
            items.append(self.sum())
        if self.is_cmd("choose"):
            self.at += 1
            return ("fn", "binomial", (items[0], self.sum()))
        return items[0] if len(items) == 1 else ("ratio", tuple(items))
